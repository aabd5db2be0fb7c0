//! As much of an API server as decides whether an object may be stored.
//!
//! Must not know what is right: it reads that in the definitions. A keyword that it does not know fails the test.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use k8s_openapi::jiff::civil::Date;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use pasee::resources::{
    self, Group, Membership, OAuthClient, SessionRevocations, User, definition,
};
use regex::Regex;
use serde_json::Value;

/// What an API server does with objects of one kind.
pub struct Server {
    pub kind: Kind,
    pub schema: Value,
    rules: CompiledSchema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Group,
    Membership,
    User,
    OAuthClient,
    SessionRevocations,
}

static SERVERS: LazyLock<[Server; 5]> = LazyLock::new(|| {
    [Kind::Group, Kind::Membership, Kind::User, Kind::OAuthClient, Kind::SessionRevocations]
        .map(Server::new)
});

impl Server {
    /// The one for a kind.
    pub fn of(kind: Kind) -> &'static Self {
        &SERVERS[kind as usize]
    }

    fn new(kind: Kind) -> Self {
        let definition = &definition::all()[kind as usize];
        assert_eq!(definition.spec.names.kind, format!("{kind:?}"));
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
        let mut others = schema.clone();
        drop_forms(&mut others);
        let rules = compile_schema(&others);
        Self { kind, schema, rules }
    }

    /// Whether the object may be created.
    pub fn takes(&self, object: &Value) -> Result<(), String> {
        self.judge(object, None)
    }

    /// Whether the object may stand in the place of an older one.
    pub fn takes_instead(&self, object: &Value, old: &Value) -> Result<(), String> {
        self.judge(object, Some(old))
    }

    fn judge(&self, object: &Value, old: Option<&Value>) -> Result<(), String> {
        let mut found = Vec::new();
        // Every object's name has this form, whatever its schema says.
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let subdomain = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
        if name.len() > 253 || !matches(subdomain, name) {
            found.push("metadata.name: is no RFC 1123 subdomain".to_owned());
        }
        check(&self.schema, object, "", &mut found);
        // Rules are not looked at while the structure is wrong.
        let is_structured = found.is_empty();
        if is_structured {
            check_forms(&self.schema, object, "", &mut found);
        }
        if is_structured
            && let Err(broken) = Validator::new().validate_compiled(&self.rules, object, old)
        {
            found.extend(broken.into_vec().iter().map(ToString::to_string));
        }
        if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
    }

    /// Whether `resources` reads the object; else why not.
    pub fn is_read(&self, object: &Value) -> Result<(), String> {
        fn typed<T: serde::de::DeserializeOwned>(object: &Value) -> Result<T, String> {
            serde_json::from_value(object.clone()).map_err(|error| error.to_string())
        }
        let invalid = |invalid: resources::Invalid| format!("{invalid:?}: {invalid}");
        match self.kind {
            Kind::Group => resources::group::parse(&typed::<Group>(object)?).map(drop),
            Kind::Membership => {
                resources::membership::parse(&typed::<Membership>(object)?).map(drop)
            }
            Kind::User => resources::user::parse(&typed::<User>(object)?).map(drop),
            Kind::OAuthClient => {
                let object = typed::<OAuthClient>(object)?;
                return resources::oauth_client::parse(&object)
                    .map(drop)
                    .map_err(|error| format!("{:?}: {error}", error.reason()));
            }
            Kind::SessionRevocations => {
                let object = typed::<SessionRevocations>(object)?;
                resources::session_revocations::parse(&object).map(drop)
            }
        }
        .map_err(invalid)
    }
}

/// Checks a value against a structural schema.
fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let object = schema.as_object().unwrap();
    for (keyword, wanted) in object {
        if let Some(mistake) = broken(keyword, wanted, value) {
            found.push(format!("{path}: {mistake}"));
        }
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), object.get("properties")) {
        for (name, value) in fields {
            if let Some(schema) = properties.get(name) {
                check(schema, value, &format!("{path}.{name}"), found);
            }
        }
    }
    if let (Some(fields), Some(schema)) = (value.as_object(), object.get("additionalProperties")) {
        for (name, value) in fields {
            check(schema, value, &format!("{path}.{name}"), found);
        }
    }
    if let (Some(entries), Some(items)) = (value.as_array(), object.get("items")) {
        for (place, value) in entries.iter().enumerate() {
            check(items, value, &format!("{path}[{place}]"), found);
        }
    }
}

/// The expression and message of a rule that says nothing but that the text has a form, as an API server compiles it once;
/// the interpreter here would do so for every text.
fn form(rule: &Value) -> Option<(String, &str)> {
    let pattern = rule["rule"].as_str()?.strip_prefix("self.matches('")?.strip_suffix("')")?;
    Some((pattern.replace(r"\\", r"\"), rule["message"].as_str()?))
}

/// Checks a value against the rules about forms in a schema.
fn check_forms(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    for (pattern, message) in rules.filter_map(form) {
        if value.as_str().is_some_and(|text| !matches(&pattern, text)) {
            found.push(format!("{path}: {message}"));
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        check_forms(&schema["properties"][name], value, &format!("{path}.{name}"), found);
    }
    for (place, value) in value.as_array().into_iter().flatten().enumerate() {
        check_forms(&schema["items"], value, &format!("{path}[{place}]"), found);
    }
}

/// Takes those rules out of a schema.
fn drop_forms(schema: &mut Value) {
    if let Some(rules) = schema.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut) {
        rules.retain(|rule| form(rule).is_none());
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(|all| all.values_mut()).for_each(drop_forms);
    schema.get_mut("items").into_iter().for_each(drop_forms);
}

/// What one keyword says against a value.
fn broken(keyword: &str, wanted: &Value, value: &Value) -> Option<String> {
    let text = value.as_str();
    let count = || usize::try_from(wanted.as_u64().unwrap()).unwrap();
    let is_broken = match keyword {
        "type" => !is_of(wanted.as_str().unwrap(), value),
        "required" => {
            let names = wanted.as_array().unwrap();
            let missing = |name: &Value| value.get(name.as_str().unwrap()).is_none();
            value.is_object() && names.iter().any(missing)
        }
        "enum" => !wanted.as_array().unwrap().contains(value),
        "maxLength" => text.is_some_and(|text| text.chars().count() > count()),
        "minLength" => text.is_some_and(|text| text.chars().count() < count()),
        "pattern" => text.is_some_and(|text| !matches(wanted.as_str().unwrap(), text)),
        // The API server's own check is lax but for the day; patterns do the rest.
        "format" if wanted == "date-time" => {
            text.is_some_and(|text| text.get(..10).is_none_or(|day| day.parse::<Date>().is_err()))
        }
        "maxItems" => value.as_array().is_some_and(|entries| entries.len() > count()),
        "minItems" => value.as_array().is_some_and(|entries| entries.len() < count()),
        "maxProperties" => value.as_object().is_some_and(|fields| fields.len() > count()),
        "minimum" => value.as_f64().is_some_and(|value| value < wanted.as_f64().unwrap()),
        "maximum" => value.as_f64().is_some_and(|value| value > wanted.as_f64().unwrap()),
        "format" => {
            assert_eq!(wanted, "int64");
            false
        }
        "properties" | "additionalProperties" | "items" | "default" | "description" | "title" => {
            false
        }
        "x-kubernetes-validations" | "x-kubernetes-list-type" | "x-kubernetes-list-map-keys" => {
            false
        }
        _ => panic!("this test does not know the keyword {keyword}"),
    };
    is_broken.then(|| format!("{keyword} {wanted}"))
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => panic!("this test does not know the type {name}"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let compile = || Regex::new(pattern).unwrap();
    compiled.entry(pattern.to_owned()).or_insert_with(compile).is_match(text)
}
