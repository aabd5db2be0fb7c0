//! BER as LDAP uses it (RFC 4511 section 5.1): definite lengths, tags of one byte. Strict, and without recursion: whoever reads
//! asks for what is to come next, so no answer can lead deeper than its reader goes.
//!
//! Must not know what a message means.

use zeroize::Zeroizing;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Most bytes that a length may be written with; servers write four even for short ones.
const MAX_LENGTH_BYTES: usize = 8;

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Tag and content, at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
}

/// The tag of what begins here, where its content begins and how long that is; `None` while too few bytes are there to tell.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Malformed> {
    let (Some(tag), Some(first)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
    // A tag of more than one byte.
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    if *first < 0x80 {
        return Ok(Some((*tag, 2, usize::from(*first))));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=MAX_LENGTH_BYTES).contains(&count) {
        return Err(Malformed);
    }
    let Some(length) = bytes.get(2..2 + count) else { return Ok(None) };
    let length = length.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    Ok(Some((*tag, 2 + count, length)))
}

/// Reads one element after another.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (tag, start, length) = head(self.0)?.ok_or(Malformed)?;
        let end = start.checked_add(length).ok_or(Malformed)?;
        let content = self.0.get(start..end).ok_or(Malformed)?;
        self.0 = &self.0[end..];
        Ok(Some(Element { tag, content }))
    }

    /// The content of the next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element.content),
            _ => Err(Malformed),
        }
    }

    /// A number that is not negative, in an element of this tag.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, Malformed> {
        let bytes = self.expect(tag)?;
        let is_negative = bytes.first().is_none_or(|first| first & 0x80 != 0);
        if is_negative || bytes.len() > 5 {
            return Err(Malformed);
        }
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number.try_into().map_err(|_| Malformed)
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// Writes one element after another. What it holds may be a password: it is overwritten when dropped.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// With room for so many bytes: what does not fit is copied, and the copy before it stays in memory.
    pub(super) fn with_capacity(room: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    pub(super) fn octets(&mut self, tag: u8, content: &[u8]) {
        self.within(tag, |writer| writer.0.extend_from_slice(content));
    }

    pub(super) fn number(&mut self, tag: u8, number: u32) {
        let bytes = number.to_be_bytes();
        // Positive: with a byte of zeros in front where the first bit would say otherwise.
        let zeros = bytes.iter().take(3).take_while(|byte| **byte == 0).count();
        let bytes = &bytes[zeros..];
        self.within(tag, |writer| {
            if bytes[0] & 0x80 != 0 {
                writer.0.push(0);
            }
            writer.0.extend_from_slice(bytes);
        });
    }

    pub(super) fn boolean(&mut self, tag: u8, value: Truth) {
        self.octets(tag, if value == Truth::True { &[0xff] } else { &[0] });
    }

    /// An element with what is written meanwhile.
    pub(super) fn within(&mut self, tag: u8, content: impl FnOnce(&mut Self)) {
        self.0.extend_from_slice(&[tag, 0x84, 0, 0, 0, 0]);
        let start = self.0.len();
        content(self);
        let length = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        self.0[start - 4..start].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// A truth value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        assert_eq!(head(&[]), Ok(None));
        assert_eq!(head(&[0x30]), Ok(None));
        assert_eq!(head(&[0x30, 5]), Ok(Some((0x30, 2, 5))));
        assert_eq!(head(&[0x30, 0x84, 0, 0, 1]), Ok(None));
        assert_eq!(head(&[0x30, 0x84, 0, 0, 1, 2]), Ok(Some((0x30, 6, 258))));
        assert_eq!(
            head(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).map(|_| ()),
            Ok(())
        );
        for wrong in [[0x30, 0x80], [0x1f, 1], [0xbf, 1], [0x30, 0xff], [0x30, 0x89]] {
            assert_eq!(head(&wrong), Err(Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for number in [0, 1, 127, 128, 255, 256, 32767, 32768, 1 << 24, i32::MAX as u32, u32::MAX] {
            let mut writer = Writer::with_capacity(64);
            writer.within(SEQUENCE, |writer| {
                writer.number(INTEGER, number);
                writer.octets(OCTETS, &[7; 300]);
                writer.boolean(BOOLEAN, Truth::True);
            });
            let bytes = writer.finish();
            let mut outer = Reader::new(&bytes);
            let mut inner = Reader::new(outer.expect(SEQUENCE).unwrap());
            outer.end().unwrap();
            assert_eq!(inner.number(INTEGER), Ok(number));
            assert_eq!(inner.expect(OCTETS).unwrap(), [7; 300]);
            assert!(inner.clone().end().is_err());
            assert_eq!(inner.next(), Ok(Some(Element { tag: BOOLEAN, content: &[0xff] })));
            assert_eq!(inner.next(), Ok(None));
        }
    }

    #[test]
    fn what_does_not_fit() {
        for wrong in [
            &[4, 2, 1][..],
            &[4],
            &[4, 0x81],
            &[4, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert_eq!(Reader::new(wrong).next(), Err(Malformed), "{wrong:?}");
        }
        for wrong in [
            &[2, 0][..],
            &[2, 1, 0x80],
            &[2, 6, 0, 0, 0, 0, 0, 1],
            &[2, 5, 1, 0, 0, 0, 0],
            &[4, 1, 1],
        ] {
            assert_eq!(Reader::new(wrong).number(INTEGER), Err(Malformed), "{wrong:?}");
        }
    }
}
