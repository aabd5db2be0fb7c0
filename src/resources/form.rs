//! The form of a text as a rule of a schema, in words.
//!
//! Must not know which texts have which.

use kube::core::Rule;

/// That the text at a place has a form, with the words for whoever wrote another: a `pattern` would answer with itself alone.
pub(super) fn form(place: &str, pattern: &str, right: &str) -> Rule {
    let pattern = pattern.replace('\\', r"\\");
    Rule::new(format!("{place}.matches('{pattern}')")).message(right)
}
