//! What a provider says of a user, read as it is meant where that is beyond doubt; and what rules look for in it in vain.
//!
//! Must not know which rules there are, nor decide anything.

use serde_json::{Map, Value};

use super::error::ProviderError;
use crate::domain::user::Subject;
use crate::outbound::loggable;
use crate::settings::ClaimSource;

/// Claims that are yes or no (OpenID Connect Core 1.0 section 5.1), and that Apple, Cognito and others write as texts.
const YES_OR_NO: [&str; 2] = ["email_verified", "phone_number_verified"];

/// Why a claim that a rule looks at is of no use to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Left out because it would be too long, with a word on where it is to be had (section 5.6.2; Entra's overage).
    Elsewhere,
    /// An object, in which only a JSON pointer finds something.
    Object,
    /// So many members of a list are neither texts nor whole numbers.
    Members(usize),
    /// One text with commas in it.
    Commas,
}

/// What stands at a place: the claim of exactly that name, else what a JSON pointer leads to.
pub(super) fn find<'a>(source: &ClaimSource, claims: &'a Map<String, Value>) -> Option<&'a Value> {
    if let Some(value) = claims.get(source.as_str()) {
        return Some(value);
    }
    let path = source.as_str().strip_prefix('/')?;
    let (first, rest) = path.find('/').map_or((path, ""), |end| path.split_at(end));
    claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
}

/// Reads `"true"` and `"false"` as what they mean, in the claims that are never anything else.
pub(super) fn read_yes_or_no(claims: &mut Map<String, Value>) {
    for name in YES_OR_NO {
        if let Some(value) = claims.get_mut(name) {
            match value.as_str() {
                Some("true") => *value = Value::Bool(true),
                Some("false") => *value = Value::Bool(false),
                _ => {}
            }
        }
    }
}

/// A stable id: a text, or a whole number in decimal digits. Nothing that a number can lose its last digits in.
pub(super) fn subject(found: Option<&Value>) -> Result<Subject, ProviderError> {
    let text = match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.as_u64().map(|id| id.to_string()).unwrap_or_default(),
        _ => String::new(),
    };
    let subject = text.parse::<Subject>();
    if let (Err(error), false) = (&subject, text.is_empty()) {
        let subject = loggable(&text);
        tracing::warn!(%subject, %error, "this name of a user cannot be one here");
    }
    Ok(subject?)
}

/// Why a rule about a place finds nothing, where something stands or should stand there.
pub(super) fn unread(source: &ClaimSource, claims: &Map<String, Value>) -> Option<Unread> {
    let Some(found) = find(source, claims) else {
        return is_elsewhere(source.as_str(), claims).then_some(Unread::Elsewhere);
    };
    match found {
        Value::Object(_) => Some(Unread::Object),
        Value::Array(items) => {
            let is_read = |item: &&Value| item.is_string() || item.as_i64().is_some();
            let unread = items.len() - items.iter().filter(is_read).count();
            (unread > 0).then_some(Unread::Members(unread))
        }
        Value::String(text) if text.contains(',') => Some(Unread::Commas),
        _ => None,
    }
}

/// Whether the provider says that a claim is to be had somewhere else, or, as Entra does in another flow, that there are
/// groups which it does not name.
fn is_elsewhere(place: &str, claims: &Map<String, Value>) -> bool {
    let first = place.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or(place);
    let named = claims.get("_claim_names").and_then(Value::as_object);
    named.is_some_and(|names| names.contains_key(first))
        || (first == "groups" && claims.get("hasgroups").is_some_and(|has| has != false))
}

/// Says so in the log.
pub(super) fn say(subject: &Subject, source: &ClaimSource, unread: &Unread) {
    let (subject, claim) = (loggable(subject.as_str()), source.as_str());
    match unread {
        Unread::Elsewhere => tracing::warn!(
            %subject,
            claim,
            "the identity provider leaves this claim out, as this user has too much of it, and says where to ask, which Pasee does \
             not: rules about it do not hold; name the server in claim_sources, or have the provider send fewer, such as only groups \
             that are assigned to this application"
        ),
        Unread::Object => tracing::info!(
            %subject,
            claim,
            "this claim is an object, and rules about it do not hold; a right claim is a JSON pointer into it, such as \
             \"/realm_access/roles\""
        ),
        Unread::Members(members) => tracing::info!(
            %subject,
            claim,
            members,
            "these many members of this claim are neither texts nor whole numbers, and not understood; right ones are names in a list"
        ),
        Unread::Commas => tracing::info!(
            %subject,
            claim,
            "this claim is one text with commas, and taken as one name; several are a list"
        ),
    }
}

/// The members of an object that a test has written.
#[cfg(test)]
pub(super) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yes_and_no() {
        for (told, expected) in [
            (json!("true"), json!(true)),
            (json!("false"), json!(false)),
            (json!("True"), json!("True")),
            (json!("1"), json!("1")),
            (json!(1), json!(1)),
            (json!(["true"]), json!(["true"])),
        ] {
            for name in YES_OR_NO {
                let mut claims = object(json!({ name: told, "other": "true" }));
                read_yes_or_no(&mut claims);
                assert_eq!(claims[name], expected, "{name}");
                assert_eq!(claims["other"], "true", "what may be a text is one");
            }
        }
    }

    #[test]
    fn what_is_not_read() {
        let source = |text: &str| ClaimSource(text.to_owned());
        for (claims, expected) in [
            (json!({"groups": ["a", "b", 1]}), None),
            (json!({"groups": "a b"}), None),
            (json!({"groups": []}), None),
            (json!({"groups": null}), None),
            (json!({}), None),
            (json!({"groups": "a,b"}), Some(Unread::Commas)),
            (json!({"groups": {"a": true}}), Some(Unread::Object)),
            (json!({"groups": [{"id": 1}, "a", 1.5, null]}), Some(Unread::Members(3))),
            (json!({"_claim_names": {"groups": "src1"}}), Some(Unread::Elsewhere)),
            (json!({"_claim_names": {"roles": "src1"}}), None),
            (json!({"_claim_names": "groups"}), None),
            (json!({"hasgroups": true}), Some(Unread::Elsewhere)),
            (json!({"hasgroups": false}), None),
            (json!({"groups": ["a"], "_claim_names": {"groups": "src1"}}), None),
        ] {
            assert_eq!(unread(&source("groups"), &object(claims.clone())), expected, "{claims}");
        }
        let claims = object(json!({"_claim_names": {"realm": "src1"}}));
        assert_eq!(unread(&source("/realm/roles"), &claims), Some(Unread::Elsewhere));
    }
}
