//! Which characters a subject may have, so that two ids that differ look different, and each looks like what it is.
//!
//! Two rules. What others call somebody is up to them, and only what nobody sees, what turns the text around it and what
//! Unicode does not define is refused: the characters that both classes of RFC 8264 refuse, and what looks like a blank and is
//! none. A name that is made here has to be an identifier (RFC 8265 section 3.4, each word by itself). The first rule goes
//! by the Unicode of `icu_properties`: the crate that has the second goes by Unicode 6.3, whose strangers are others'
//! letters. Must not know where a subject comes from.

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, JoiningType,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use precis_core::profile::Profile;
use precis_profiles::UsernameCasePreserved;

/// Characters without ink that Unicode counts among letters, marks and symbols, and the place of something that is not there.
const BLANK: [char; 6] =
    ['\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{16fe4}', '\u{1d159}'];

/// The first character that nobody sees, that changes the direction, or that is none.
pub(super) fn unseen(text: &str) -> Option<char> {
    if text.is_ascii() {
        return None;
    }
    let places = text.char_indices().filter(|(_, character)| !character.is_ascii());
    places.filter(|(at, character)| !is_seen(text, *at, *character)).map(|(_, found)| found).next()
}

fn is_seen(text: &str, at: usize, character: char) -> bool {
    if matches!(character, '\u{200c}' | '\u{200d}') {
        return joins(&text[..at], character, &text[at + character.len_utf8()..]);
    }
    let is_ink = !matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    );
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    is_ink && !is_ignorable && !BLANK.contains(&character)
}

/// Whether a joiner or non-joiner changes what is seen (RFC 5892 appendices A.1 and A.2): behind a virama, or a
/// non-joiner between two letters that would be joined.
fn joins(before: &str, joiner: char, behind: &str) -> bool {
    let class = CodePointMapData::<CanonicalCombiningClass>::new();
    let is_virama = |last| class.get(last) == CanonicalCombiningClass::Virama;
    if before.chars().next_back().is_some_and(is_virama) {
        return true;
    }
    let joining = CodePointMapData::<JoiningType>::new();
    let mut left = before.chars().rev().map(|one| joining.get(one));
    let mut right = behind.chars().map(|one| joining.get(one));
    let opaque = |found: &JoiningType| *found != JoiningType::Transparent;
    joiner == '\u{200c}'
        && matches!(left.find(opaque), Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right.find(opaque), Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Whether each word is one that RFC 8265 has in a user name, written as it would be compared.
pub(super) fn is_identifier(text: &str) -> bool {
    let words = UsernameCasePreserved::new();
    text.split(' ').all(|word| words.enforce(word).is_ok_and(|enforced| enforced == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees() {
        for unseen_one in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202a}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206a}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffc}',
            '\u{a0}',
            '\u{2003}',
            '\u{3000}',
            '\u{e000}',
            '\u{ffff}',
            '\u{378}',
            '\u{110bd}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{f0000}',
            '\u{10ffff}',
        ] {
            for text in [
                format!("ro{unseen_one}ot"),
                format!("root{unseen_one}"),
                format!("{unseen_one}root"),
            ] {
                assert_eq!(unseen(&text), Some(unseen_one), "{text:?}");
                assert!(!is_identifier(&text), "{text:?}");
            }
        }
    }

    /// One that makes no difference to what is seen makes two names that look the same.
    #[test]
    fn joiners_only_where_they_are_seen() {
        let (beh, alef, fatha) = ('\u{628}', '\u{627}', '\u{64e}');
        for seen in [
            format!("{beh}\u{200c}{beh}"),
            format!("{beh}\u{200c}{alef}"),
            format!("{beh}{fatha}\u{200c}{fatha}{beh}"),
        ] {
            assert_eq!(unseen(&seen), None, "{seen:?}");
        }
        // Letters are joined by themselves, or alef joins nothing behind it, or there is nothing to be joined.
        for (text, joiner) in [
            (format!("{beh}\u{200d}{beh}"), '\u{200d}'),
            (format!("{alef}\u{200c}{beh}"), '\u{200c}'),
            (format!("x\u{200c}{beh}"), '\u{200c}'),
            (format!("{beh}\u{200c}x"), '\u{200c}'),
            (format!("{beh}\u{200c}"), '\u{200c}'),
        ] {
            assert_eq!(unseen(&text), Some(joiner), "{text:?}");
        }
    }

    /// What people and providers are really called.
    #[test]
    fn what_everybody_sees() {
        for seen in [
            "john",
            "John Doe",
            "o'brien@example.com",
            "CN=John (ops),OU=IT/B+C",
            "josé",
            "日本",
            "李𠮷",
            "Ελένη",
            "Владимир",
            "محمد",
            "דוד",
            "ไทย",
            "हिन्दी",
            "क्\u{200d}ष",
            "نامه\u{200c}ای",
            "🦾",
            "№5",
            "½",
            "x–y",
            "𞤀𞤣",
            "ａｄａ",
        ] {
            assert_eq!(unseen(seen), None, "{seen:?}");
        }
    }

    #[test]
    fn identifiers() {
        for right in [
            "john",
            "John",
            "John Doe",
            "o'brien+x@example.com",
            "josé",
            "日本",
            "Владимир",
            "דוד",
            "x_1-y.z",
        ] {
            assert!(is_identifier(right), "{right:?}");
        }
        // Symbols, forms of other characters, blanks at a place where nobody counts them, and two directions.
        for wrong in
            ["🦾", "№5", "½", "x–y", "ａｄａ", "ﬁn", "a  b", " a", "a ", "a\u{a0}b", "דוד1a", "ａ"]
        {
            assert!(!is_identifier(wrong), "{wrong:?}");
        }
    }
}
