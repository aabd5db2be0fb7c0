//! Whom a request names, as far as limits go: one counter for a person, however they are spelled.
//!
//! Must not know who they are: two people may share a counter, one person must not have two.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::server::error::ApiError;

/// The fields by which a person can be named, as [`folded`].
const NAMES: [&str; 12] = [
    "login",
    "username",
    "user",
    "userid",
    "name",
    "id",
    "sub",
    "subject",
    "email",
    "emailaddress",
    "mail",
    "account",
];

/// The key of somebody at a provider.
pub(in crate::server) fn person(provider: &str, name: &str) -> String {
    format!("{provider}-{}", folded(name))
}

/// A name without what a provider may take for a matter of spelling: case, width, accents, blanks, and what is not seen.
fn folded(name: &str) -> String {
    let seen = |char: &char| {
        !is_combining_mark(*char)
            && !char.is_whitespace()
            && !char.is_control()
            && !is_ignorable(*char)
    };
    let plain = name.nfkd().filter(seen);
    // Up first: what is one letter in small may be two, as in the German for street.
    plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// What nobody sees (Unicode, Default_Ignorable_Code_Point).
fn is_ignorable(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Everybody whom a body names, each once, whatever the fields are called.
///
/// # Errors
/// For what a provider might take for a name that is not read as one here.
pub(super) fn people(provider: &str, body: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let mut people = Vec::new();
    for (field, value) in body {
        if !NAMES.contains(&folded(field).replace(['_', '-'], "").as_str()) {
            continue;
        }
        match value {
            Value::String(name) => people.push(person(provider, name)),
            Value::Null => {}
            _ => {
                let field = field.escape_debug();
                return Err(ApiError::Malformed(format!(
                    "the field {field} must be a text; a right body is {{\"login\": \"john\"}}"
                )));
            }
        }
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_counter_however_spelled() {
        let spellings = [
            "ada",
            "ADA",
            " ada ",
            "\u{ff41}da",
            "A\u{ff24}a",
            "\u{a0}ada",
            "\u{24d0}da",
            "ada\u{3000}",
            "\u{e0}da",
            "a\u{301}da",
            "a\u{200b}da",
            "a\u{ad}da",
            "ada\u{feff}",
            "ada\u{e0041}",
            "a da",
            "ada\0",
            "\u{1d552}da",
        ];
        for spelling in spellings {
            assert_eq!(person("kisee", spelling), "kisee-ada", "{spelling:?}");
        }
        assert_eq!(folded("STRASSE"), folded("stra\u{df}e"));
        assert_eq!(folded("\u{130}x"), folded("ix"));
        for other in ["adah", "ad", "\u{430}da", "ada@example.com"] {
            assert_ne!(person("kisee", other), "kisee-ada", "{other}");
        }
        assert_ne!(person("other", "ada"), person("kisee", "ada"));
    }

    #[test]
    fn whatever_the_fields_are_called() {
        let of = |body: Value| people("kisee", body.as_object().unwrap());
        for field in [
            "login",
            "username",
            "email",
            "Email",
            "user_name",
            "e-mail",
            "USER-ID",
            "subject",
            "\u{ff4c}ogin",
        ] {
            assert_eq!(of(json!({ field: "Ada" })).unwrap(), ["kisee-ada"], "{field}");
            for odd in [json!(["ada"]), json!({"a": "ada"}), json!(1), json!(true)] {
                assert!(of(json!({ field: odd })).is_err(), "{field}");
            }
            assert!(of(json!({ field: null })).unwrap().is_empty());
        }
        let both = of(
            json!({"login": "ada", "username": "ADA", "email": "ada@example.com", "language": "en"}),
        );
        assert_eq!(both.unwrap(), ["kisee-ada", "kisee-ada@example.com"]);
        assert!(of(json!({"language": "en"})).unwrap().is_empty());
    }
}
