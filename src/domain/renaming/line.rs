//! The lines of a map of names: words between white space, in double quotes where they hold some, and comments after `#`.
//!
//! Must not know what is called so.

/// Longest word, in bytes: longer than any name of users or groups is.
pub const MAX_WORD: usize = 4096;

/// The words of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// At least one.
    pub words: Vec<String>,
}

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A quoted word has no end.
    #[error("a \" is missing: a right quoted name is \"Dev Ops\"")]
    Open,
    /// Something stands right behind a quoted word.
    #[error("white space is missing behind a quoted name")]
    Behind,
    /// A `\` before something else.
    #[error("after a \\ inside quotes stands \" or \\ and nothing else")]
    Escape,
    /// A word is empty.
    #[error("a name is empty")]
    Empty,
    /// A word is too long.
    #[error("a name is longer than {MAX_WORD} bytes")]
    Long,
}

/// The lines that say something, with their numbers from 1. A `#` at the beginning of a word begins a comment.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, Result<Line, LineError>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines()).filter_map(|(number, line)| match words(line) {
        Ok(words) if words.is_empty() => None,
        read => Some((number, read.map(|words| Line { words }))),
    })
}

fn words(line: &str) -> Result<Vec<String>, LineError> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start());
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted)?,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        if word.is_empty() {
            return Err(LineError::Empty);
        }
        if word.len() > MAX_WORD {
            return Err(LineError::Long);
        }
        words.push(word);
        rest = behind.trim_start();
    }
    Ok(words)
}

/// A word up to its closing quote, and what stands behind that.
fn quoted_word(text: &str) -> Result<(String, &str), LineError> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => {
                let behind = &text[place + 1..];
                let is_apart = behind.is_empty() || behind.starts_with(char::is_whitespace);
                return if is_apart { Ok((word, behind)) } else { Err(LineError::Behind) };
            }
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => word.push(escaped),
                _ => return Err(LineError::Escape),
            },
            c => word.push(c),
        }
    }
    Err(LineError::Open)
}

/// A name as it is written in a map: in quotes where it would be read otherwise without.
#[must_use]
pub fn quoted(name: &str) -> String {
    let is_plain = !name.is_empty()
        && !name.starts_with(['"', '#'])
        && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_plain {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_comments() {
        for (line, wanted) in [
            ("", Ok(vec![])),
            ("  # nothing", Ok(vec![])),
            ("a b", Ok(vec!["a", "b"])),
            ("\ta\u{a0}b\r", Ok(vec!["a", "b"])),
            ("a#b c # d", Ok(vec!["a#b", "c"])),
            (r#""Dev Ops" dev-ops"#, Ok(vec!["Dev Ops", "dev-ops"])),
            (r#""a \"b\" \\c" "d""#, Ok(vec![r#"a "b" \c"#, "d"])),
            (r##""# a" b"##, Ok(vec!["# a", "b"])),
            (r#"a"b c"#, Ok(vec!["a\"b", "c"])),
            (r#""a b"#, Err(LineError::Open)),
            (r#""a"b"#, Err(LineError::Behind)),
            (r#""a\n" b"#, Err(LineError::Escape)),
            (r#""" b"#, Err(LineError::Empty)),
        ] {
            let wanted = wanted.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words(line), wanted, "{line}");
        }
        let longest = "x".repeat(MAX_WORD);
        assert_eq!(words(&longest), Ok(vec![longest.clone()]));
        assert_eq!(words(&"x".repeat(MAX_WORD + 1)), Err(LineError::Long));
        let read: Vec<_> = lines("\u{feff}a b\r\n\n# c\n\"\nd e").collect();
        let numbers: Vec<usize> = read.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 4, 5]);
        assert_eq!(read[1].1, Err(LineError::Open));
        assert_eq!(read[0].1.as_ref().unwrap().words, ["a", "b"]);
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        for name in ["a", "x#y", "a\"b", "a\\b"] {
            assert_eq!(quoted(name), name);
        }
        for (name, written) in [
            ("", r#""""#),
            ("#x", r##""#x""##),
            ("Dev Ops", r#""Dev Ops""#),
            (r#""a"#, r#""\"a""#),
            ("a\u{7}b", "\"a\u{7}b\""),
        ] {
            assert_eq!(quoted(name), written);
        }
    }

    #[test]
    fn what_is_quoted_is_read_as_the_same() {
        for name in ["a", "Dev Ops", "#x", "\"", "a\\b", "\\", "a \\\" b", "a\u{a0}b", "x#y"] {
            assert_eq!(words(&quoted(name)), Ok(vec![name.to_owned()]), "{name}");
        }
    }
}
