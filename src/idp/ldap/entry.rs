//! What an entry of a directory says: its name, the attributes that were asked for, the user's subject, the claims.
//!
//! Must not know how it was found.

use serde_json::Value;

use super::ber::Malformed;
use super::message::{NO_ATTRIBUTES, RawEntry};
use crate::domain::user::Subject;
use crate::idp::error::ProviderError;

/// An attribute whose values are 16 bytes, as Active Directory has them.
const OBJECT_GUID: &str = "objectGUID";
/// Attributes that are UUIDs in text, which directories compare without regard to case.
const UUIDS: [&str; 2] = ["entryUUID", "ipaUniqueID"];

/// An entry with what was asked for.
#[derive(Debug)]
pub(super) struct Entry {
    pub dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Keeps of an entry the attributes that were asked for, by the names that they were asked for by.
    pub(super) fn new(raw: &RawEntry<'_>, asked: &[&str]) -> Result<Self, Malformed> {
        let dn = std::str::from_utf8(raw.dn).map_err(|_| Malformed)?.to_owned();
        let mut attributes: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
        for (name, values) in &raw.attributes {
            let Some(asked) = asked.iter().find(|asked| is_called(name, asked)) else { continue };
            // Active Directory names an attribute without values beside the one with the first part of them.
            if **asked == *NO_ATTRIBUTES || values.is_empty() {
                continue;
            }
            if attributes.iter().any(|(known, _)| known == asked) {
                return Err(Malformed);
            }
            let values = values.iter().map(|value| (*value).to_vec()).collect();
            attributes.push(((*asked).to_owned(), values));
        }
        Ok(Self { dn, attributes })
    }

    fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// The values that are texts.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The one value that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let [value] = self.values(name) else { return None };
        std::str::from_utf8(value).ok()
    }

    /// An attribute as a claim: its value, or the list of them. What is no text is left out.
    pub(super) fn claim(&self, name: &str) -> Option<Value> {
        let mut texts: Vec<Value> = self.texts(name).map(Value::from).collect();
        match texts.len() {
            0 => None,
            1 => texts.pop(),
            _ => Some(Value::Array(texts)),
        }
    }

    /// Who this is, by the one value of an attribute.
    pub(super) fn subject(&self, attribute: &str) -> Result<Subject, ProviderError> {
        let [value] = self.values(attribute) else {
            return Err(ProviderError::InvalidResponse(
                "an entry of a user that has the attribute of the subject not once",
            ));
        };
        if attribute.eq_ignore_ascii_case(OBJECT_GUID) {
            let guid = <[u8; 16]>::try_from(value.as_slice());
            let guid = guid
                .map_err(|_| ProviderError::InvalidResponse("an objectGUID of another length"))?;
            return Ok(guid_text(guid).parse()?);
        }
        let text = std::str::from_utf8(value)
            .map_err(|_| ProviderError::InvalidResponse("a subject that is no text"))?;
        if UUIDS.iter().any(|name| name.eq_ignore_ascii_case(attribute)) {
            return Ok(text.to_ascii_lowercase().parse()?);
        }
        Ok(text.parse()?)
    }
}

/// Whether an attribute of an answer is the one that was asked for, perhaps only the first part of its values
/// (Active Directory's `;range=0-1499`).
fn is_called(name: &[u8], asked: &str) -> bool {
    let Some((start, rest)) = name.split_at_checked(asked.len()) else { return false };
    start.eq_ignore_ascii_case(asked.as_bytes()) && (rest.is_empty() || is_first_range(rest))
}

fn is_first_range(option: &[u8]) -> bool {
    const RANGE: &[u8] = b";range=0-";
    option.split_at_checked(RANGE.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(RANGE))
}

/// Where the bytes of a GUID stand of which Windows writes one behind the other: the first three numbers are little-endian
/// (MS-DTYP section 2.3.4).
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// A GUID as Windows writes it.
fn guid_text(guid: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", guid[byte]));
    }
    text
}

/// A subject as a directory compares it: the bytes of an `objectGUID`, else the text. `None` for a text that is no GUID.
pub(super) fn subject_bytes(attribute: &str, subject: &str) -> Option<Vec<u8>> {
    if !attribute.eq_ignore_ascii_case(OBJECT_GUID) {
        return Some(subject.as_bytes().to_vec());
    }
    let digits: Vec<u8> = subject.bytes().filter(|byte| *byte != b'-').collect();
    let mut guid = [0; 16];
    for (place, pair) in ORDER.into_iter().zip(digits.chunks(2)) {
        guid[place] = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (guid_text(guid) == subject).then(|| guid.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&[u8]])], asked: &[&str]) -> Result<Entry, Malformed> {
        let attributes = attributes.iter().map(|(name, values)| (name.as_bytes(), values.to_vec()));
        Entry::new(&RawEntry { dn: b"uid=ada", attributes: attributes.collect() }, asked)
    }

    #[test]
    fn subjects() {
        let guid: &[u8] = b"\x79\x66\x9e\x7c\x25\x74\xde\x40\x94\x4b\xe0\x7f\xc1\xf9\x0a\xe7";
        let found = entry(
            &[
                ("OBJECTguid", &[guid]),
                ("entryUUID", &[b"7C9E6679-7425-40DE-944B-E07FC1F90AE7"]),
                ("uid", &[b"Ada"]),
            ],
            &["objectGUID", "entryuuid", "uid"],
        )
        .unwrap();
        for name in ["objectGUID", "objectguid", "entryUUID"] {
            assert_eq!(
                found.subject(name).unwrap().as_str(),
                "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                "{name}"
            );
        }
        assert_eq!(found.subject("uid").unwrap().as_str(), "Ada");
        for values in [&[][..], &[b"a".as_slice(), b"b"], &[b"\xff"], &[b""]] {
            let found = entry(&[("x", values)], &["x"]).unwrap();
            assert!(
                matches!(found.subject("x"), Err(ProviderError::InvalidResponse(_))),
                "{values:?}"
            );
        }
        let found =
            entry(&[("x", &[b" a"]), ("objectGUID", &[b"a"])], &["x", "objectGUID"]).unwrap();
        assert!(matches!(found.subject("x"), Err(ProviderError::Subject(_))));
        assert!(matches!(found.subject("objectGUID"), Err(ProviderError::InvalidResponse(_))));
    }

    #[test]
    fn subjects_there_and_back() {
        let guid: &[u8] = b"\x79\x66\x9e\x7c\x25\x74\xde\x40\x94\x4b\xe0\x7f\xc1\xf9\x0a\xe7";
        let text = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        assert_eq!(subject_bytes("objectguid", text).as_deref(), Some(guid));
        assert_eq!(subject_bytes("entryUUID", text).as_deref(), Some(text.as_bytes()));
        for wrong in ["", "ada", &text[1..], &text.to_uppercase(), &format!("{text}00"), "é"] {
            assert_eq!(subject_bytes("objectGUID", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_what_was_asked_for() {
        let found = entry(
            &[
                ("MAIL", &[b"a@example.com"]),
                ("userPassword", &[b"{SSHA}x"]),
                ("memberOf;range=0-1", &[b"a", b"b"]),
                ("memberOf;range=2-3", &[b"c"]),
                ("mail;lang-fr", &[b"x"]),
                ("photo", &[b"\xff", b"y"]),
            ],
            &["mail", "memberOf", "photo", "1.1"],
        )
        .unwrap();
        assert_eq!(found.claim("mail"), Some("a@example.com".into()));
        assert_eq!(found.claim("memberOf"), Some(vec!["a", "b"].into()));
        assert_eq!(found.claim("photo"), Some("y".into()));
        assert_eq!(found.claim("userPassword"), None);
        assert!(entry(&[("mail", &[b"a"]), ("Mail", &[b"b"])], &["mail"]).is_err());
    }
}
