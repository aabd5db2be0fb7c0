//! The description, and how an answer is held against it.
//!
//! Must not know which answers there are.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::support::pasee::Answer;

/// By which name the description knows itself.
const HERE: &str = "https://pasee.example.com/openapi.json";

/// The description.
pub static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../docs/openapi.json")).expect("docs/openapi.json")
});

/// An operation: where, how, and what is said of it.
pub struct Operation {
    pub path: &'static str,
    pub method: &'static str,
    pub said: &'static Value,
}

/// Every operation, of the port for operators or of the other one.
pub fn operations() -> Vec<(Operation, Port)> {
    let mut found = Vec::new();
    for (path, item) in DESCRIPTION["paths"].as_object().unwrap() {
        let port = if item["servers"].is_array() { Port::Operators } else { Port::Everybodys };
        let methods = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
        for method in methods.into_iter().filter(|method| item[*method].is_object()) {
            found.push((Operation { path, method, said: &item[method] }, port));
        }
    }
    found
}

/// On which of the two ports something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    Everybodys,
    Operators,
}

/// What stands behind a reference, or the value itself; and where that is.
fn followed(place: String) -> (String, &'static Value) {
    let value = DESCRIPTION.pointer(&place).unwrap_or_else(|| panic!("no {place}"));
    match value["$ref"].as_str() {
        Some(reference) => followed(reference.trim_start_matches('#').to_owned()),
        None => (place, value),
    }
}

fn escaped(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// That an answer is one that the description has for this operation: its status, its kind, what its body says, and the headers that
/// belong to it. Gives back the answer.
#[track_caller]
pub fn holds(method: &str, path: &str, answer: Answer) -> Answer {
    match judged(method, path, &answer) {
        Ok(()) => answer,
        Err(why) => panic!("{method} {path}: {why}: {answer:?}"),
    }
}

/// The same, with why it is not.
pub fn judged(method: &str, path: &str, answer: &Answer) -> Result<(), String> {
    let status = answer.status.as_str();
    let operation = format!("/paths/{}/{method}", escaped(path));
    let of = |status: &str| format!("{operation}/responses/{status}");
    let said = DESCRIPTION.pointer(&of(status)).map(|_| of(status));
    let said = said.or_else(|| DESCRIPTION.pointer(&of("default")).map(|_| of("default")));
    let (place, said) = followed(said.ok_or_else(|| format!("{status} is not described"))?);
    for name in said["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        let is_always = name == "Location" || name == "WWW-Authenticate" || name == "Retry-After";
        if is_always && answer.header(name).is_empty() {
            return Err(format!("{status} has no {name}"));
        }
    }
    let kind = answer.header("content-type").split(';').next().unwrap().trim();
    let Some(content) = said["content"].as_object() else {
        let is_empty = answer.body.is_empty();
        return if is_empty { Ok(()) } else { Err(format!("{status} has no body")) };
    };
    if !content.contains_key(kind) {
        return Err(format!("{status} does not come as {kind:?}"));
    }
    let place = format!("{place}/content/{}/schema", escaped(kind));
    if kind.starts_with("text/") || kind == "application/openmetrics-text" {
        return Ok(());
    }
    valid(&place, &answer.json())
}

/// That a value is what the schema at a place says.
pub fn valid(place: &str, value: &Value) -> Result<(), String> {
    let mut compiler = Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource(HERE, DESCRIPTION.clone()).unwrap();
    let place = place.replace('{', "%7B").replace('}', "%7D");
    let mut schemas = Schemas::new();
    let schema = compiler.compile(&format!("{HERE}#{place}"), &mut schemas).unwrap();
    schemas.validate(value, schema).map_err(|error| format!("{error:#}"))
}

/// Everything that a reference leads to, and everything that one could lead to.
#[test]
fn nothing_leads_nowhere_and_nothing_lies_about() {
    let mut led_to = BTreeSet::new();
    let mut values = vec![&*DESCRIPTION];
    while let Some(value) = values.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = value["$ref"].as_str() {
                    followed(reference.trim_start_matches('#').to_owned());
                    led_to.insert(reference.to_owned());
                }
                values.extend(members.values());
            }
            Value::Array(items) => values.extend(items),
            _ => {}
        }
    }
    let components = &DESCRIPTION["components"];
    for kind in ["schemas", "responses", "parameters"] {
        for name in components[kind].as_object().unwrap().keys() {
            assert!(led_to.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name}");
        }
    }
    for (operation, _) in operations() {
        for way in operation.said["security"].as_array().unwrap() {
            for name in way.as_object().unwrap().keys() {
                assert!(components["securitySchemes"][name].is_object(), "{name}");
            }
        }
        // An access token that is bound to a key opens what one opens that is not.
        let ways = operation.said["security"].as_array().unwrap();
        let takes = |name: &str| ways.iter().any(|way| way[name].is_array());
        assert_eq!(
            takes("accessToken"),
            takes("boundToken"),
            "{} {}",
            operation.method,
            operation.path
        );
    }
    assert_eq!(components["securitySchemes"]["boundToken"]["scheme"], "DPoP");
    assert_eq!(DESCRIPTION["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// Every example of a body is one that may be sent.
#[test]
fn examples_are_right() {
    let mut looked_at = 0;
    for (Operation { path, method, said }, _) in operations() {
        for (kind, content) in said["requestBody"]["content"].as_object().into_iter().flatten() {
            let place = format!(
                "/paths/{}/{method}/requestBody/content/{}/schema",
                escaped(path),
                escaped(kind)
            );
            let named =
                content["examples"].as_object().into_iter().flat_map(|named| named.values());
            let named = named.map(|example| &example["value"]);
            for example in named.chain(content.get("example")) {
                valid(&place, example).unwrap_or_else(|why| panic!("{method} {path}: {why}"));
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 10, "{looked_at}");
}

/// That what is not described is told from what is.
#[test]
fn what_is_not_described_is_found() {
    let place = "/components/schemas/Group";
    let right = serde_json::json!({
        "_type": "document", "_meta": { "url": "https://pasee.example.com/groups/a/", "title": "Group" }, "group": "a",
    });
    valid(place, &right).unwrap();
    for (member, value) in [
        ("group", Value::Null),
        ("_type", "error".into()),
        ("another", 1.into()),
        ("expires_at", "soon".into()),
    ] {
        let mut wrong = right.clone();
        wrong[member] = value;
        assert!(valid(place, &wrong).is_err(), "{wrong}");
    }
}
