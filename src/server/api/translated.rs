//! What a provider answers, as a document or an error of ours: Core JSON, whose links lead to us.
//!
//! A provider's own links would lead past the limits, to places that clients often cannot reach. Must not know what was asked.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::urls::encoded;
use crate::domain::base_url::BaseUrl;
use crate::idp::{ForwardedPlaces, LinkTarget};
use crate::server::document::{Document, ErrorDocument};

/// Deeper than any document of a provider is; what lies below is left out.
const MAX_DEPTH: usize = 16;

/// How links of one provider become ours.
pub(super) struct Translator<'a> {
    /// What our URLs begin with, without a slash at the end.
    pub base: &'a BaseUrl,
    /// The provider's name.
    pub provider: &'a str,
    /// Where the provider has what is passed on.
    pub places: &'a ForwardedPlaces,
}

impl Translator<'_> {
    /// A document of the provider as ours: at our URL, with those of its links that lead to what we pass on.
    pub(super) fn document(&self, url: &str, theirs: Map<String, Value>) -> Document {
        let title = title_of(&theirs).unwrap_or_else(|| "From the identity provider".to_owned());
        let members = theirs.into_iter().filter(|(name, _)| !is_reserved(name));
        members
            .filter_map(|(name, value)| Some((self.value(&name, value, MAX_DEPTH)?, name)))
            .fold(Document::new(url, &title), |document, (value, name)| document.with(&name, value))
    }

    fn value(&self, name: &str, value: Value, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match value {
            Value::Object(object) => match object.get("_type").and_then(Value::as_str) {
                Some("link") => self.link(name, &object),
                _ => Some(Value::Object(self.members(object, depth))),
            },
            Value::Array(items) => {
                let items = items.into_iter().filter_map(|item| self.value(name, item, depth));
                Some(items.collect())
            }
            plain => Some(plain),
        }
    }

    /// An object within a document: it is no document of its own any more, as its URL is none here.
    fn members(&self, object: Map<String, Value>, depth: usize) -> Map<String, Value> {
        let members = object.into_iter().filter(|(name, _)| !is_reserved(name));
        let translated = |(name, value): (String, Value)| {
            self.value(&name, value, depth).map(|value| (name, value))
        };
        members.filter_map(translated).collect()
    }

    fn link(&self, name: &str, link: &Map<String, Value>) -> Option<Value> {
        let text = |key: &str| {
            link.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let path = match self.places.target(&text("url")?)? {
            LinkTarget::Users => "/users/".to_owned(),
            LinkTarget::PasswordRecoveries => "/password_recoveries/".to_owned(),
            LinkTarget::User(segment) => {
                let subject = percent_decode_str(&segment).decode_utf8().ok()?;
                format!("/users/{}", encoded(&format!("{}-{subject}", self.provider)))
            }
        };
        let action = text("action").unwrap_or_else(|| "get".to_owned()).to_ascii_lowercase();
        let fields = link.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
        let fields: Vec<Value> = fields
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|it| field(it, &action))
            .collect();
        let title = text("title").unwrap_or_else(|| readable(name));
        Some(json!({
            "_type": "link",
            "url": self.base.url(&path),
            "action": action,
            "description": text("description").unwrap_or_else(|| title.clone()),
            "title": title,
            "fields": fields,
        }))
    }
}

/// A refusal of the provider: what it says, as an error of ours. What is no JSON object says nothing that can be passed on.
pub(super) fn error(status: StatusCode, theirs: Option<Map<String, Value>>) -> ErrorDocument {
    let mut theirs = theirs.unwrap_or_default();
    let said = |name: &str| {
        theirs.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let title = title_of(&theirs).or_else(|| said("title")).or_else(|| said("detail"));
    let title = title.unwrap_or_else(|| format!("the identity provider refuses this: {status}"));
    theirs.retain(|name, _| !is_reserved(name));
    ErrorDocument::new(status, &title).with(theirs)
}

fn field(field: &Map<String, Value>, action: &str) -> Option<Value> {
    let name = field.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
    // Where one goes that says nothing of it (Core API 1.0).
    let usual = if matches!(action, "get" | "delete") { "query" } else { "form" };
    let location = field.get("location").and_then(Value::as_str);
    let location = location.filter(|it| matches!(*it, "form" | "query")).unwrap_or(usual);
    let required = field.get("required").and_then(Value::as_bool).unwrap_or(false);
    Some(json!({ "name": name, "location": location, "required": required }))
}

fn title_of(document: &Map<String, Value>) -> Option<String> {
    let title = document.get("_meta")?.get("title")?.as_str()?;
    (!title.is_empty()).then(|| title.to_owned())
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "_type" | "_meta")
}

/// The name of a link that has no title.
fn readable(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn places() -> ForwardedPlaces {
        let url = |path: &str| format!("http://10.0.0.1:8140{path}").parse::<Url>().unwrap();
        ForwardedPlaces::new(Some(url("/idp/users/")), Some(url("/idp/password_recoveries/")))
    }

    fn translated(document: &Value) -> Value {
        let places = places();
        let base = "https://pasee.example.com".parse().unwrap();
        let translator = Translator { base: &base, provider: "kisee", places: &places };
        let Value::Object(document) = document.clone() else { panic!("no object") };
        translator.document("https://pasee.example.com/here/", document).into()
    }

    #[test]
    fn links_lead_to_us_or_nowhere() {
        let link = |url: &str| json!({"_type": "link", "url": url, "action": "PATCH"});
        for (theirs, ours) in [
            ("/idp/users/", Some("/users/")),
            ("http://kisee.internal/idp/users/", Some("/users/")),
            ("/idp/users", Some("/users/")),
            ("/idp/users/john/", Some("/users/kisee-john")),
            ("/idp/users/a%2Fb/", Some("/users/kisee-a%2Fb")),
            ("/idp/users/a%2Fb", Some("/users/kisee-a%2Fb")),
            ("/idp/users/j\u{f6}hn/", Some("/users/kisee-j%C3%B6hn")),
            ("/idp/password_recoveries/", Some("/password_recoveries/")),
            ("/idp/users/{user_id}", Some("/users/kisee-%7Buser_id%7D")),
            ("/users/", None),
            ("/idp/users/a/b/", None),
            ("/idp/users/%ff/", None),
            ("/idp/users/../../jwt/", None),
            ("/idp/jwt/", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            let found = translated(&json!({"go": link(theirs)}));
            let url = ours.map(|path| json!(format!("https://pasee.example.com{path}")));
            assert_eq!(found.get("go").map(|link| link["url"].clone()), url, "{theirs}");
        }
    }

    #[test]
    fn a_document_keeps_what_it_says() {
        let found = translated(&json!({
            "_type": "document",
            "_meta": {"url": "http://10.0.0.1:8140/idp/x/", "title": "Forgotten passwords"},
            "n": 1,
            "nested": [{"_type": "document", "_meta": {"url": "http://10.0.0.1/"}, "x": true}],
            "reset_password": {
                "_type": "link", "url": "/idp/password_recoveries/", "action": "post", "title": "",
                "fields": [
                    {"name": "email", "schema": {"type": "string"}},
                    {"name": "q", "required": true, "location": "query"},
                    {"name": ""}, "x",
                ],
            },
        }));
        let right = json!({
            "_type": "document",
            "_meta": {"url": "https://pasee.example.com/here/", "title": "Forgotten passwords"},
            "n": 1,
            "nested": [{"x": true}],
            "reset_password": {
                "_type": "link",
                "url": "https://pasee.example.com/password_recoveries/",
                "action": "post",
                "title": "Reset password",
                "description": "Reset password",
                "fields": [
                    {"name": "email", "location": "form", "required": false},
                    {"name": "q", "location": "query", "required": true},
                ],
            },
        });
        assert_eq!(found, right);
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(translated(&json!({ "deep": deep })).to_string().len() < 200);
    }

    #[test]
    fn refusals_have_a_title() {
        for (theirs, title) in [
            (json!({"_type": "error", "_meta": {"title": "Taken"}, "status": 409}), "Taken"),
            (json!({"title": "Taken", "detail": "x"}), "Taken"),
            (json!({"_meta": {"title": 1}, "detail": "Taken"}), "Taken"),
            (json!({}), "the identity provider refuses this: 409 Conflict"),
        ] {
            let error = error(StatusCode::CONFLICT, theirs.as_object().cloned());
            let document: Value = serde_json::from_slice(&error.core_json()).unwrap();
            assert_eq!(document["_type"], "error");
            assert_eq!(document["_meta"]["title"], title);
            assert_eq!(document.get("status"), theirs.get("status"));
            let problem: Value = serde_json::from_slice(&error.problem()).unwrap();
            assert_eq!((&problem["title"], &problem["status"]), (&json!(title), &json!(409)));
        }
    }
}
