//! What people call somebody, as it stands beside their id in a list.
//!
//! Must not know whose name it is, nor who says so. Nobody is known by it: two people may have the same, and whoever says it may be
//! wrong.

use unicode_normalization::UnicodeNormalization;

/// Longest name, in bytes.
pub const MAX_NAME: usize = 128;

/// A text on one line that shows what it holds: 1 to [`MAX_NAME`] bytes of Unicode, normalised (NFC), without control characters,
/// without what changes the direction, and without most of what nobody sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonName(Box<str>);

impl PersonName {
    /// The name that a text is, without blanks around it; nothing when it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // What is much too long is not even looked at.
        if text.len() > 4 * MAX_NAME {
            return None;
        }
        let name: String = text.trim().nfc().collect();
        let is_right =
            (1..=MAX_NAME).contains(&name.len()) && name.chars().any(char::is_alphanumeric);
        (is_right && !name.chars().any(is_hidden)).then(|| Self(name.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a reader does not see, or what makes them see something else. The two joiners stay, without which names in some scripts are
/// misspelled.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}' | '\u{200b}'
            | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("  Zoë ", "Zoë"),
            ("Ame\u{301}lie", "Am\u{e9}lie"),
            ("你好", "你好"),
            ("O'Brien & <b>", "O'Brien & <b>"),
            ("\u{646}\u{200c}\u{645}", "\u{646}\u{200c}\u{645}"),
        ] {
            assert_eq!(PersonName::read(text).as_ref().map(PersonName::as_str), Some(name));
        }
        assert!(PersonName::read(&"é".repeat(MAX_NAME / 2)).is_some());
        let long = "x".repeat(MAX_NAME + 1);
        for wrong in [
            "",
            "  ",
            "\u{200d}",
            "…",
            "Ada\nroot",
            "Ada\u{1b}[2J",
            "Ada\u{202e}toor",
            "\u{2066}Ada\u{2069}",
            "A\u{200b}da",
            "Ada\u{feff}",
            "Ada\u{e0041}",
            "Ada\u{2028}x",
            "Ada\0",
            &long,
        ] {
            assert_eq!(PersonName::read(wrong), None, "{wrong:?}");
        }
    }
}
