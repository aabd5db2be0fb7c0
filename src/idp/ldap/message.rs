//! The messages of LDAP (RFC 4511) that a login takes: bind, search, StartTLS and their answers.
//!
//! Must not know how messages travel, nor what an answer means for a login.

use zeroize::Zeroizing;

use super::ber::{
    BOOLEAN, ENUMERATED, INTEGER, Malformed, OCTETS, Reader, SEQUENCE, SET, Truth, Writer,
};
use crate::outbound::{SentSecrets, loggable};
use crate::settings::{FilterNode, FilterValue, Hole, Matching, Names};

const BIND_REQUEST: u8 = 0x60;
const BIND_ANSWER: u8 = 0x61;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_ANSWER: u8 = 0x78;
const CONTROLS: u8 = 0xa0;

/// RFC 4511 section 4.14.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// What a password's policy says of a bind (draft-behera-ldap-password-policy); servers that do not know it say nothing.
const PASSWORD_POLICY: &[u8] = b"1.3.6.1.4.1.42.2.27.8.5.1";
/// Most attributes of an entry, and values of them together.
const MAX_ATTRIBUTES: usize = 256;
const MAX_VALUES: usize = 20_000;
/// No attribute at all (RFC 4511 section 4.5.1.8).
pub(super) const NO_ATTRIBUTES: &str = "1.1";

/// What is looked for.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub base: &'a str,
    pub scope: SearchScope,
    pub filter: SearchFilter<'a>,
    pub attributes: &'a [&'a str],
    /// Most entries that are wanted.
    pub most: u32,
    /// Most seconds that the server may take.
    pub seconds: u32,
}

/// Which entries are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchScope {
    /// The base alone.
    Base,
    /// It and all below it.
    Subtree,
}

/// Which of them match.
#[derive(Debug)]
pub(super) enum SearchFilter<'a> {
    /// Each.
    Any,
    /// Those that match the filter with one of these in its holes.
    OneOf(&'a FilterNode, &'a [Filling<'a>]),
}

/// What fills the holes of a filter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filling<'a> {
    pub login: &'a str,
    pub dn: &'a str,
    pub username: &'a str,
}

impl<'a> Filling<'a> {
    fn of(self, hole: Hole) -> &'a str {
        match hole {
            Hole::Login => self.login,
            Hole::Dn => self.dn,
            Hole::Username => self.username,
        }
    }
}

pub(super) type Request = Zeroizing<Vec<u8>>;

fn request(id: u32, room: usize, write: impl FnOnce(&mut Writer)) -> Request {
    let mut writer = Writer::with_capacity(room + 64);
    writer.within(SEQUENCE, |writer| {
        writer.number(INTEGER, id);
        write(writer);
    });
    writer.finish()
}

/// A login with name and password, or, with neither, as nobody in particular.
pub(super) fn bind(id: u32, dn: &str, password: &str) -> Request {
    request(id, dn.len() + password.len() + 128, |writer| {
        writer.within(BIND_REQUEST, |writer| {
            writer.number(INTEGER, 3);
            writer.octets(OCTETS, dn.as_bytes());
            writer.octets(0x80, password.as_bytes());
        });
        writer.within(CONTROLS, |writer| {
            writer.within(SEQUENCE, |writer| writer.octets(OCTETS, PASSWORD_POLICY));
        });
    })
}

pub(super) fn start_tls(id: u32) -> Request {
    request(id, 64, |writer| {
        writer.within(EXTENDED_REQUEST, |writer| writer.octets(0x80, START_TLS));
    })
}

/// Says that nothing more comes.
pub(super) fn unbind(id: u32) -> Request {
    request(id, 16, |writer| writer.octets(UNBIND_REQUEST, &[]))
}

pub(super) fn search(id: u32, search: &Search<'_>) -> Request {
    request(id, 1024, |writer| {
        writer.within(SEARCH_REQUEST, |writer| {
            writer.octets(OCTETS, search.base.as_bytes());
            writer.number(ENUMERATED, if search.scope == SearchScope::Base { 0 } else { 2 });
            // Aliases are not followed: they lead wherever whoever may write one wants.
            writer.number(ENUMERATED, 0);
            writer.number(INTEGER, search.most);
            writer.number(INTEGER, search.seconds);
            writer.boolean(BOOLEAN, Truth::False);
            match search.filter {
                SearchFilter::Any => writer.octets(0x87, b"objectClass"),
                SearchFilter::OneOf(node, [filling]) => write_filter(writer, node, *filling),
                SearchFilter::OneOf(node, fillings) => writer.within(0xa1, |writer| {
                    fillings.iter().for_each(|filling| write_filter(writer, node, *filling));
                }),
            }
            writer.within(SEQUENCE, |writer| {
                search.attributes.iter().for_each(|name| writer.octets(OCTETS, name.as_bytes()));
            });
        });
    })
}

/// As deep as settings may write one.
fn write_filter(writer: &mut Writer, node: &FilterNode, filling: Filling<'_>) {
    let all = |writer: &mut Writer, nodes: &[FilterNode]| {
        nodes.iter().for_each(|node| write_filter(writer, node, filling));
    };
    let pair = |writer: &mut Writer, tag: u8, attribute: &str, value: &FilterValue| {
        writer.within(tag, |writer| {
            writer.octets(OCTETS, attribute.as_bytes());
            writer.octets(OCTETS, &value.filled(|hole| filling.of(hole)));
        });
    };
    match node {
        FilterNode::And(nodes) => writer.within(0xa0, |writer| all(writer, nodes)),
        FilterNode::Or(nodes) => writer.within(0xa1, |writer| all(writer, nodes)),
        FilterNode::Not(node) => writer.within(0xa2, |writer| write_filter(writer, node, filling)),
        FilterNode::Equal(attribute, value) => pair(writer, 0xa3, attribute, value),
        FilterNode::Substrings(attribute, parts) => writer.within(0xa4, |writer| {
            writer.octets(OCTETS, attribute.as_bytes());
            writer.within(SEQUENCE, |writer| {
                if !parts.initial.is_empty() {
                    writer.octets(0x80, &parts.initial);
                }
                parts.any.iter().for_each(|part| writer.octets(0x81, part));
                if !parts.last.is_empty() {
                    writer.octets(0x82, &parts.last);
                }
            });
        }),
        FilterNode::AtLeast(attribute, value) => pair(writer, 0xa5, attribute, value),
        FilterNode::AtMost(attribute, value) => pair(writer, 0xa6, attribute, value),
        FilterNode::Present(attribute) => writer.octets(0x87, attribute.as_bytes()),
        FilterNode::Like(attribute, value) => pair(writer, 0xa8, attribute, value),
        FilterNode::Matching(Matching { attribute, rule, names, value }) => {
            writer.within(0xa9, |writer| {
                if let Some(rule) = rule {
                    writer.octets(0x81, rule.as_bytes());
                }
                if let Some(attribute) = attribute {
                    writer.octets(0x82, attribute.as_bytes());
                }
                writer.octets(0x83, &value.filled(|hole| filling.of(hole)));
                if *names == Names::Too {
                    writer.boolean(0x84, Truth::True);
                }
            });
        }
    }
}

/// An answer, with the number of what it answers; 0 is no answer to anything.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub id: u32,
    pub kind: AnswerKind<'a>,
}

#[derive(Debug)]
pub(super) enum AnswerKind<'a> {
    Bind(Outcome, PasswordPolicy),
    Entry(RawEntry<'a>),
    /// A place elsewhere, where the search could go on. Nobody goes there.
    Reference,
    Done(Outcome),
    Extended(Outcome),
}

/// How a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub code: u32,
    /// What the server says of it.
    pub diagnostic: String,
    /// The same for the log.
    pub said: String,
}

impl Outcome {
    pub(super) fn new(code: u32, diagnostic: &str) -> Self {
        const MAX_DIAGNOSTIC: usize = 4096;
        let diagnostic: String = diagnostic.chars().take(MAX_DIAGNOSTIC).collect();
        let said = loggable(&diagnostic);
        Self { code, diagnostic, said }
    }

    /// How something went that was asked with a secret, which is not said again.
    pub(super) fn without(self, secret: &str) -> Self {
        let said = SentSecrets::from_iter([secret]).loggable(&self.diagnostic);
        Self { said, ..self }
    }
}

/// What a password's policy says of a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordPolicy {
    Silent,
    Expired,
    Locked,
    ToChange,
}

/// An entry as it was sent.
#[derive(Clone, Debug)]
pub(super) struct RawEntry<'a> {
    pub dn: &'a [u8],
    /// Each name with its values.
    pub attributes: Vec<(&'a [u8], Vec<&'a [u8]>)>,
}

/// Reads one whole message.
pub(super) fn answer(bytes: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut outer = Reader::new(bytes);
    let mut message = Reader::new(outer.expect(SEQUENCE)?);
    outer.end()?;
    let id = message.number(INTEGER)?;
    let operation = message.next()?.ok_or(Malformed)?;
    // Active Directory writes the name of a notice where controls belong; nothing there is needed.
    let rest = message.next()?;
    message.end()?;
    let kind = match operation.tag {
        BIND_ANSWER => {
            let policy = match rest {
                Some(rest) if rest.tag == CONTROLS => password_policy(rest.content)?,
                _ => PasswordPolicy::Silent,
            };
            AnswerKind::Bind(outcome(operation.content)?, policy)
        }
        SEARCH_ENTRY => AnswerKind::Entry(entry(operation.content)?),
        SEARCH_REFERENCE => AnswerKind::Reference,
        SEARCH_DONE => AnswerKind::Done(outcome(operation.content)?),
        EXTENDED_ANSWER => AnswerKind::Extended(outcome(operation.content)?),
        _ => return Err(Malformed),
    };
    Ok(Answer { id, kind })
}

/// LDAPResult (section 4.1.9); what follows it in some answers is not needed.
fn outcome(content: &[u8]) -> Result<Outcome, Malformed> {
    let mut reader = Reader::new(content);
    let code = reader.number(ENUMERATED)?;
    reader.expect(OCTETS)?;
    let diagnostic = reader.expect(OCTETS)?;
    while reader.next()?.is_some() {}
    Ok(Outcome::new(code, &String::from_utf8_lossy(diagnostic)))
}

fn entry(content: &[u8]) -> Result<RawEntry<'_>, Malformed> {
    let mut reader = Reader::new(content);
    let dn = reader.expect(OCTETS)?;
    let mut listed = Reader::new(reader.expect(SEQUENCE)?);
    reader.end()?;
    let (mut attributes, mut count) = (Vec::new(), 0);
    while let Some(attribute) = listed.next()? {
        if attribute.tag != SEQUENCE {
            return Err(Malformed);
        }
        let mut reader = Reader::new(attribute.content);
        let name = reader.expect(OCTETS)?;
        let mut set = Reader::new(reader.expect(SET)?);
        reader.end()?;
        let mut values = Vec::new();
        while let Some(value) = set.next()? {
            if value.tag != OCTETS || count >= MAX_VALUES {
                return Err(Malformed);
            }
            values.push(value.content);
            count += 1;
        }
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(Malformed);
        }
        attributes.push((name, values));
    }
    Ok(RawEntry { dn, attributes })
}

/// What the control about the password's policy says, among others.
fn password_policy(content: &[u8]) -> Result<PasswordPolicy, Malformed> {
    let mut controls = Reader::new(content);
    while let Some(control) = controls.next()? {
        let mut control = Reader::new(control.content);
        if control.expect(OCTETS)? != PASSWORD_POLICY {
            continue;
        }
        let mut value = None;
        while let Some(part) = control.next()? {
            if part.tag == OCTETS {
                value = Some(part.content);
            }
        }
        let Some(value) = value else { continue };
        let mut parts = Reader::new(Reader::new(value).expect(SEQUENCE)?);
        while let Some(part) = parts.next()? {
            if part.tag == 0x81 {
                return Ok(match part.content {
                    [0] => PasswordPolicy::Expired,
                    [1] => PasswordPolicy::Locked,
                    [2] => PasswordPolicy::ToChange,
                    _ => PasswordPolicy::Silent,
                });
            }
        }
    }
    Ok(PasswordPolicy::Silent)
}
