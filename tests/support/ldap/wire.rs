//! LDAP in bytes, from a directory's side.
//!
//! Must not know what is in a directory.

/// Tag, length and content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let mut bytes = vec![tag];
    match length {
        0..128 => bytes.push(u8::try_from(length).unwrap()),
        128..65536 => {
            bytes.push(0x82);
            bytes.extend_from_slice(&length.to_be_bytes()[2..]);
        }
        _ => {
            bytes.push(0x84);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

pub fn number(tag: u8, number: u32) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    while bytes.len() > 1 && bytes[0] == 0 && bytes[1] < 0x80 {
        bytes.remove(0);
    }
    tlv(tag, &bytes)
}

/// A message around an operation.
pub fn message(id: u32, operation: &[u8]) -> Vec<u8> {
    tlv(0x30, &[number(2, id), operation.to_vec()].concat())
}

/// LDAPResult.
pub fn result(tag: u8, code: u32, said: &str) -> Vec<u8> {
    tlv(tag, &[number(10, code), tlv(4, b""), tlv(4, said.as_bytes())].concat())
}

/// The answer to a login.
pub fn bound(id: u32, code: u32, said: &str) -> Vec<u8> {
    message(id, &result(0x61, code, said))
}

/// The same with what the password's policy says: 0 expired, 1 locked, 2 to be changed.
pub fn bound_by_policy(id: u32, code: u32, policy: u8) -> Vec<u8> {
    let said = tlv(0x30, &tlv(0x81, &[policy]));
    let control = tlv(0x30, &[tlv(4, b"1.3.6.1.4.1.42.2.27.8.5.1"), tlv(4, &said)].concat());
    let parts = [number(2, id), result(0x61, code, ""), tlv(0xa0, &control)];
    tlv(0x30, &parts.concat())
}

/// The end of a search.
pub fn done(id: u32, code: u32) -> Vec<u8> {
    message(id, &result(0x65, code, ""))
}

/// The answer to StartTLS.
pub fn extended(id: u32, code: u32) -> Vec<u8> {
    message(id, &result(0x78, code, ""))
}

/// A reference to elsewhere.
pub fn reference(id: u32, place: &str) -> Vec<u8> {
    message(id, &tlv(0x73, &tlv(4, place.as_bytes())))
}

/// An entry that was found.
pub fn entry(id: u32, dn: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, values) in attributes {
        let values: Vec<u8> = values.iter().flat_map(|value| tlv(4, value)).collect();
        list.extend(tlv(0x30, &[tlv(4, name.as_bytes()), tlv(0x31, &values)].concat()));
    }
    message(id, &tlv(0x64, &[tlv(4, dn.as_bytes()), tlv(0x30, &list)].concat()))
}

/// What a client asks.
#[derive(Clone, Debug)]
pub enum Question {
    Bind {
        id: u32,
        connection: usize,
        dn: String,
        password: String,
    },
    Unbind {
        id: u32,
    },
    StartTls {
        id: u32,
    },
    Search {
        id: u32,
        connection: usize,
        base: String,
        subtree: bool,
        follows_aliases: bool,
        most: usize,
        filter: Filter,
        attributes: Vec<String>,
    },
}

impl Question {
    /// Its number.
    pub fn id(&self) -> u32 {
        match self {
            Self::Bind { id, .. }
            | Self::Unbind { id }
            | Self::StartTls { id }
            | Self::Search { id, .. } => *id,
        }
    }

    /// Whether it is a login by this name.
    pub fn binds(&self, name: &str) -> bool {
        matches!(self, Self::Bind { dn, .. } if dn == name)
    }

    /// Whether it is a search below this entry.
    pub fn searches(&self, below: &str) -> bool {
        matches!(self, Self::Search { base, .. } if base == below)
    }
}

/// What an entry is looked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Equal(String, Vec<u8>),
    Present(String),
    /// Anything else, with its tag.
    Other(u8),
}

/// How long the first message is, once it is there.
pub fn whole(bytes: &[u8]) -> Option<usize> {
    let (start, length) = head(bytes)?;
    (bytes.len() >= start + length).then_some(start + length)
}

fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 128 {
        return Some((2, first));
    }
    let end = 2 + (first & 127);
    let length = bytes.get(2..end)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some((end, length))
}

/// The elements that follow each other.
fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (start, length) = head(bytes).unwrap();
        found.push((bytes[0], &bytes[start..start + length]));
        bytes = &bytes[start + length..];
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn value(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

/// Reads what a client asks on a connection.
pub fn question(bytes: &[u8], connection: usize) -> Question {
    let outer = elements(bytes);
    let parts = elements(outer[0].1);
    let id = u32::try_from(value(parts[0].1)).unwrap();
    let (tag, content) = parts[1];
    match tag {
        0x42 => Question::Unbind { id },
        0x60 => {
            let parts = elements(content);
            assert_eq!((parts[0].1, parts[2].0), (&[3][..], 0x80), "version 3, a password");
            Question::Bind { id, connection, dn: text(parts[1].1), password: text(parts[2].1) }
        }
        0x63 => {
            let parts = elements(content);
            Question::Search {
                id,
                connection,
                base: text(parts[0].1),
                subtree: parts[1].1 == [2],
                follows_aliases: parts[2].1 != [0],
                most: value(parts[3].1),
                filter: filter(parts[6]),
                attributes: elements(parts[7].1).iter().map(|(_, name)| text(name)).collect(),
            }
        }
        0x77 => {
            assert_eq!(elements(content), [(0x80, &b"1.3.6.1.4.1.1466.20037"[..])]);
            Question::StartTls { id }
        }
        other => panic!("what a login never asks: {other:#x}"),
    }
}

fn filter((tag, content): (u8, &[u8])) -> Filter {
    let all = || elements(content).into_iter().map(filter).collect();
    match tag {
        0xa0 => Filter::And(all()),
        0xa1 => Filter::Or(all()),
        0xa2 => Filter::Not(Box::new(filter(elements(content)[0]))),
        0xa3 => {
            let parts = elements(content);
            Filter::Equal(text(parts[0].1), parts[1].1.to_vec())
        }
        0x87 => Filter::Present(text(content)),
        other => Filter::Other(other),
    }
}
