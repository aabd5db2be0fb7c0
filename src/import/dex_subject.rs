//! The subjects of dex: base64url (RFC 4648 section 5, without padding) of a protobuf message with the user's id at their identity provider and
//! the id of dex's connector to it (`server/internal/types.proto` of dex: `IDTokenSubject`).
//!
//! Must not know what becomes of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Who a subject of dex is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DexSubject {
    /// At the identity provider.
    pub(super) user_id: String,
    /// The connector of dex's settings.
    pub(super) connector: String,
}

/// Field numbers with the type for bytes (2).
const USER_ID: u8 = 1 << 3 | 2;
const CONNECTOR: u8 = 2 << 3 | 2;

impl DexSubject {
    /// Reads a subject; `None` for what dex does not write.
    pub(super) fn read(subject: &str) -> Option<Self> {
        let message = URL_SAFE_NO_PAD.decode(subject).ok()?;
        let (mut user_id, mut connector) = (None, None);
        let mut rest = message.as_slice();
        while let Some((tag, behind)) = rest.split_first() {
            let (length, behind) = varint(behind)?;
            let (value, behind) = behind.split_at_checked(length)?;
            let place = match *tag {
                USER_ID => &mut user_id,
                CONNECTOR => &mut connector,
                _ => return None,
            };
            let value = str::from_utf8(value).ok().filter(|value| !value.is_empty())?;
            if place.replace(value.to_owned()).is_some() {
                return None;
            }
            rest = behind;
        }
        Some(Self { user_id: user_id?, connector: connector? })
    }

    /// The subject as dex writes it.
    pub(super) fn write(&self) -> String {
        let mut message = Vec::new();
        for (tag, value) in [(USER_ID, &self.user_id), (CONNECTOR, &self.connector)] {
            message.push(tag);
            let mut length = value.len();
            while length >= 0x80 {
                message.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
                length >>= 7;
            }
            message.push(u8::try_from(length).unwrap_or_default());
            message.extend_from_slice(value.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(message)
    }
}

/// A length of at most four bytes, and what stands behind it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().enumerate().take(4) {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is of dex's own documentation (docs: "a well-known `sub`"), of its mock connector's user and the password database.
    #[test]
    fn subjects_of_dex() {
        for (subject, user_id, connector) in [
            ("Cg0wLTM4NS0yODA4OS0wEgRtb2Nr", "0-385-28089-0", "mock"),
            (
                "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs",
                "08a8684b-db88-4b73-90a9-3cd1661f5466",
                "local",
            ),
        ] {
            let read = DexSubject::read(subject).unwrap();
            assert_eq!((read.user_id.as_str(), read.connector.as_str()), (user_id, connector));
            assert_eq!(read.write(), subject);
        }
        let long = DexSubject { user_id: "x".repeat(300), connector: "my-ldap".to_owned() };
        assert_eq!(DexSubject::read(&long.write()), Some(long));
    }

    #[test]
    fn what_dex_does_not_write() {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for wrong in [
            "",
            "ada",
            "Cg0wLTM4NS0yODA4OS0wEgRtb2Nr=",
            "kisee-john",
            &encoded(b"\x0a\x01a"),
            &encoded(b"\x12\x01a"),
            &encoded(b"\x0a\x01a\x12\x02a"),
            &encoded(b"\x0a\x01a\x12\x01b\x12\x01c"),
            &encoded(b"\x0a\x01a\x12\x01b\x1a\x01c"),
            &encoded(b"\x0a\x01a\x12\x00"),
            &encoded(b"\x0a\x01\xff\x12\x01b"),
            &encoded(b"\x0a\xff\xff\xff\xff\x01a"),
            &encoded(b"\x08\x01"),
        ] {
            assert_eq!(DexSubject::read(wrong), None, "{wrong}");
        }
    }
}
