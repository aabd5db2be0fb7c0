//! Texts as literals of CEL, the language of admission policies (cel-spec, "String and Bytes Values").
//!
//! Must not know what is said with them.

/// A text between quotes, which CEL reads as that text, whatever it holds.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            '\n' => literal.push_str("\\n"),
            control if control.is_control() => {
                literal.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        for (text, literal) in [
            ("pasee:", "'pasee:'"),
            ("it's", r"'it\'s'"),
            (r"\p{Cc}\'", r"'\\p{Cc}\\\''"),
            ("a\nb\u{0}\u{85}é\"", "'a\\nb\\u0000\\u0085é\"'"),
        ] {
            assert_eq!(quoted(text), literal);
        }
    }
}
