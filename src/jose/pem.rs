//! PEM (RFC 7468), read generously: with line breaks or without, indented, with CRLF, and with explanations around (section 2),
//! such as the `Bag Attributes` that openssl writes.
//!
//! Must not know what the bytes mean.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Longest text that is read as PEM, in bytes.
pub(super) const MAX_PEM: usize = 64 * 1024;

/// What a block is called that nobody reads without a pass phrase: also one of the kind that came before PKCS#8, which is
/// called what it would be without.
pub(super) const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const BEGIN: &str = "-----BEGIN ";

/// Padding may be left out: hand-edited keys often lose it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One block: what stands after BEGIN, and the bytes.
pub(super) struct Block<'a> {
    pub label: &'a str,
    pub der: Zeroizing<Vec<u8>>,
}

/// The one block of the text; `EC PARAMETERS`, which openssl writes before a key, are passed over.
///
/// What stands around blocks is passed over (RFC 7468 section 2), but not a piece of one.
///
/// `None` when there is no block, more than one, or a broken one.
pub(super) fn only_block(text: &str) -> Option<Block<'_>> {
    if text.len() > MAX_PEM {
        return None;
    }
    let mut found = None;
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let (around, block) = rest.split_at(start);
        if is_cut(around) {
            return None;
        }
        let (block, after) = next_block(block)?;
        rest = after;
        if block.label == "EC PARAMETERS" {
            continue;
        }
        if found.replace(block).is_some() {
            return None;
        }
    }
    if is_cut(rest) { None } else { found }
}

/// Whether a piece of a block stands between blocks, where explanations are passed over.
fn is_cut(around: &str) -> bool {
    around.contains("-----BEGIN") || around.contains("-----END")
}

fn next_block(text: &str) -> Option<(Block<'_>, &str)> {
    let (label, rest) = text.strip_prefix(BEGIN)?.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
    // RFC 1421 section 4.6.1.1, as openssl writes it: "Proc-Type: 4,ENCRYPTED".
    if body.contains("Proc-Type:") && body.contains("ENCRYPTED") {
        return Some((Block { label: ENCRYPTED, der: Zeroizing::new(Vec::new()) }, rest));
    }
    let packed: Zeroizing<String> =
        Zeroizing::new(body.replace("\\n", "").split_ascii_whitespace().collect());
    let der = Zeroizing::new(BASE64.decode(packed.as_bytes()).ok()?);
    Some((Block { label, der }, rest))
}

/// The bytes as a block with lines of 64 characters.
pub(super) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut parts = vec!["-----BEGIN ", label, "-----\n"];
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        parts.extend([line, "\n"]);
        rest = after;
    }
    parts.extend(["-----END ", label, "-----\n"]);
    // Into memory that is large enough from the start: of a text that grows, copies are left behind.
    Zeroizing::new(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 47, 48, 49, 96, 1000] {
            let bytes = vec![7; length];
            let text = write("PASEE SECRET", &bytes);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], "-----BEGIN PASEE SECRET-----");
            assert_eq!(lines[lines.len() - 1], "-----END PASEE SECRET-----");
            let body = &lines[1..lines.len() - 1];
            assert_eq!(body.len(), length.div_ceil(48), "64 characters are 48 bytes");
            assert!(body.iter().rev().skip(1).all(|line| line.len() == 64), "{}", *text);
            let block = only_block(&text).unwrap();
            assert_eq!((block.label, &**block.der), ("PASEE SECRET", &*bytes));
        }
    }

    #[test]
    fn a_text_of_any_length_is_not_read() {
        let text = write("PASEE SECRET", &[7; 32]);
        let padded = |length: usize| format!("{}{}", *text, " ".repeat(length - text.len()));
        assert!(only_block(&padded(MAX_PEM)).is_some());
        assert!(only_block(&padded(MAX_PEM + 1)).is_none());
        assert!(only_block(&padded(2 * MAX_PEM)).is_none());
    }
}
