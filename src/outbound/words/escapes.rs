//! How a text comes back from a server that says it again: percent-encoded, as JSON, JavaScript or HTML write it, in base 64 or
//! hexadecimal digits, and one within the other.
//!
//! Must not know what is looked for.

use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Most layers of escapes that are undone.
const MAX_LAYERS: usize = 16;
/// The shortest run of letters that is looked at as an encoding: of fewer, no whole run of a secret comes.
const MIN_ENCODED: usize = 11;

/// A text without escapes, those of escapes included; nothing when there is no end to them.
pub(super) fn undone(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..MAX_LAYERS {
        let next = without_one_layer(&text);
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

fn without_one_layer(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        if let Some((meant, after)) = escape(rest) {
            match meant {
                Meant::Byte(byte) => plain.push(byte),
                Meant::Letter(letter) => {
                    plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            rest = after;
        } else {
            plain.push(*first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// What an escape means.
enum Meant {
    /// Of UTF-8.
    Byte(u8),
    Letter(char),
}

/// The escape that a text begins with, and what stands behind it.
fn escape(text: &[u8]) -> Option<(Meant, &[u8])> {
    let letter = |number: u32| Meant::Letter(char::from_u32(number).unwrap_or('\u{fffd}'));
    match text {
        [b'%', rest @ ..] => {
            let (number, rest) = hexadecimal(rest, 2)?;
            Some((Meant::Byte(u8::try_from(number).ok()?), rest))
        }
        [b'\\', b'u', rest @ ..] => {
            let (number, rest) = hexadecimal(rest, 4)?;
            Some((letter(number), rest))
        }
        [b'\\', b'x', rest @ ..] => {
            let (number, rest) = hexadecimal(rest, 2)?;
            Some((letter(number), rest))
        }
        [b'\\', sign @ (b'/' | b'\\' | b'"' | b'\''), rest @ ..] => {
            Some((Meant::Byte(*sign), rest))
        }
        [b'\\', b'n' | b'r' | b't', rest @ ..] => Some((Meant::Byte(b'\n'), rest)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(10).position(|byte| *byte == b';')?;
            let named = std::str::from_utf8(&rest[..end]).ok()?.to_ascii_lowercase();
            let meant = match named.as_str() {
                "amp" => Meant::Byte(b'&'),
                "lt" => Meant::Byte(b'<'),
                "gt" => Meant::Byte(b'>'),
                "quot" => Meant::Byte(b'"'),
                "apos" => Meant::Byte(b'\''),
                number => {
                    let number = number.strip_prefix('#')?;
                    let number = number.strip_prefix('x').map_or_else(
                        || number.parse().ok(),
                        |digits| u32::from_str_radix(digits, 16).ok(),
                    );
                    letter(number?)
                }
            };
            Some((meant, &rest[end + 1..]))
        }
        _ => None,
    }
}

/// A number of so many digits, and what stands behind it.
fn hexadecimal(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let number = u32::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok()?;
    Some((number, rest))
}

/// A part of a text that may be another text encoded.
pub(super) struct Encoded {
    /// Where it stands.
    pub place: Range<usize>,
    /// What it may be.
    pub decoded: Vec<String>,
}

/// What of a text may be base 64, of both alphabets, or hexadecimal digits; it may have lost its beginning and its end.
pub(super) fn encoded(text: &[char]) -> Vec<Encoded> {
    let mut found = Vec::new();
    let mut from = 0;
    for part in text.split(|letter| !is_of_encoding(*letter)) {
        let end = from + part.len();
        let padding = text[end..].iter().take_while(|letter| **letter == '=').count();
        let place = from..end + padding;
        from = end + 1;
        if part.len() >= MIN_ENCODED {
            let part: String = part.iter().collect();
            found.push(Encoded { place, decoded: decoded(&part) });
        }
    }
    found
}

fn is_of_encoding(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_')
}

fn decoded(part: &str) -> Vec<String> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let base64 = part.replace('-', "+").replace('_', "/");
    let engine = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let read = |from: usize| {
        let rest = &base64[from..];
        // One letter alone is no byte.
        let rest = if rest.len() % 4 == 1 { &rest[..rest.len() - 1] } else { rest };
        engine.decode(rest).ok()
    };
    let pairs = |from: usize| -> Option<Vec<u8>> {
        let digits = part.as_bytes()[from..].chunks_exact(2);
        digits.map(|pair| u8::try_from(hexadecimal(pair, 2)?.0).ok()).collect()
    };
    let bytes = (0..4).filter_map(read).chain((0..2).filter_map(pairs));
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}
