//! Search filters of LDAP (RFC 4515) as the settings write them, with holes for what is known at a login only.
//!
//! A filter is read once, into a tree; what fills a hole becomes the value of one comparison of that tree and never text of
//! the filter, so nothing that somebody types can change what is asked. Must not know how a filter is sent.

use std::fmt;

/// Longest filter, in bytes.
const MAX_FILTER: usize = 4096;
/// Most filters within one another.
const MAX_DEPTH: usize = 16;
/// Longest name of an attribute or matching rule, in bytes.
const MAX_NAME: usize = 128;

/// A filter, as it was written and as it is meant.
#[derive(Clone, PartialEq, Eq)]
pub struct LdapFilter {
    text: String,
    root: FilterNode,
}

impl LdapFilter {
    /// Reads a filter that may have these holes.
    ///
    /// # Errors
    /// [`FilterError`] with what is wrong.
    pub fn parse(text: &str, holes: &[Hole]) -> Result<Self, FilterError> {
        if text.len() > MAX_FILTER {
            return Err(FilterError::TooLong);
        }
        let mut reader = Reader { text: text.as_bytes(), at: 0, holes };
        let root = reader.filter(MAX_DEPTH)?;
        if reader.at == text.len() {
            Ok(Self { text: text.to_owned(), root })
        } else {
            Err(FilterError::Shape(reader.at))
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means.
    #[must_use]
    pub fn root(&self) -> &FilterNode {
        &self.root
    }

    /// Whether it asks for what fills this hole, other than to exclude it.
    #[must_use]
    pub fn asks_for(&self, hole: Hole) -> bool {
        self.root.asks_for(hole)
    }
}

impl fmt::Debug for LdapFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// A filter's tree (RFC 4511 section 4.5.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterNode {
    /// `(&…)`.
    And(Vec<FilterNode>),
    /// `(|…)`.
    Or(Vec<FilterNode>),
    /// `(!…)`.
    Not(Box<FilterNode>),
    /// `(attribute=value)`.
    Equal(String, FilterValue),
    /// `(attribute=*)`.
    Present(String),
    /// `(attribute=initial*any*last)`.
    Substrings(String, Substrings),
    /// `(attribute>=value)`.
    AtLeast(String, FilterValue),
    /// `(attribute<=value)`.
    AtMost(String, FilterValue),
    /// `(attribute~=value)`.
    Like(String, FilterValue),
    /// `(attribute:rule:=value)`.
    Matching(Matching),
}

impl FilterNode {
    fn asks_for(&self, hole: Hole) -> bool {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().any(|node| node.asks_for(hole)),
            Self::Equal(_, value) | Self::Matching(Matching { value, .. }) => value.has(hole),
            _ => false,
        }
    }
}

/// The parts of a value between `*`, none of them empty but for the first and the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substrings {
    /// What it begins with.
    pub initial: Vec<u8>,
    /// What comes in this order between.
    pub any: Vec<Vec<u8>>,
    /// What it ends with.
    pub last: Vec<u8>,
}

/// A comparison by a matching rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The attribute; any when absent.
    pub attribute: Option<String>,
    /// The rule; the attribute's own when absent.
    pub rule: Option<String>,
    /// Whether the parts of an entry's name are looked at too (`:dn`).
    pub names: Names,
    /// The value.
    pub value: FilterValue,
}

/// Whether a comparison looks at the parts of an entry's name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It does.
    Too,
    /// It does not.
    No,
}

/// A value of a comparison: bytes, and holes to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterValue(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Hole(Hole),
}

impl FilterValue {
    /// These bytes, and no hole.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(vec![Piece::Text(bytes)])
    }

    /// The bytes to compare with.
    pub fn filled<'a>(&self, fill: impl Fn(Hole) -> &'a str) -> Vec<u8> {
        let pieces = self.0.iter().flat_map(|piece| match piece {
            Piece::Text(text) => text.as_slice(),
            Piece::Hole(hole) => fill(*hole).as_bytes(),
        });
        pieces.copied().collect()
    }

    fn has(&self, hole: Hole) -> bool {
        self.0.contains(&Piece::Hole(hole))
    }

    fn without_holes(self) -> Result<Vec<u8>, FilterError> {
        match self.0.iter().find_map(|piece| match piece {
            Piece::Hole(hole) => Some(*hole),
            Piece::Text(_) => None,
        }) {
            Some(hole) => Err(FilterError::Misplaced(hole)),
            None => Ok(self.filled(|_| "")),
        }
    }
}

/// What is known at a login only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// `{login}`: what somebody typed.
    Login,
    /// `{dn}`: the name of the user's entry, or of a group's.
    Dn,
    /// `{username}`: the user's readable name, as the directory has it.
    Username,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "{login}",
            Self::Dn => "{dn}",
            Self::Username => "{username}",
        })
    }
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It does not follow RFC 4515.
    #[error("is no search filter: what stands at its byte {0} does not fit (RFC 4515)")]
    Shape(usize),
    /// It has more than 4,096 bytes.
    #[error("is no search filter: it has more than 4096 bytes")]
    TooLong,
    /// More than 16 filters within one another.
    #[error("is no search filter: more than 16 stand within one another")]
    TooDeep,
    /// No such hole, or not here.
    #[error("has {{{0}}}, which means nothing here; a brace of its own is written \\7b")]
    Unknown(String),
    /// A hole where something near would do as well.
    #[error(
        "has {0} beside *, >=, <= or ~=, by which others than the one meant would match; right is = alone"
    )]
    Misplaced(Hole),
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    holes: &'a [Hole],
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), FilterError> {
        if self.peek() != Some(byte) {
            return Err(FilterError::Shape(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn filter(&mut self, depth: usize) -> Result<FilterNode, FilterError> {
        let depth = depth.checked_sub(1).ok_or(FilterError::TooDeep)?;
        self.expect(b'(')?;
        let node = match self.peek() {
            Some(b'&') => FilterNode::And(self.list(depth)?),
            Some(b'|') => FilterNode::Or(self.list(depth)?),
            Some(b'!') => {
                self.at += 1;
                FilterNode::Not(Box::new(self.filter(depth)?))
            }
            _ => self.comparison()?,
        };
        self.expect(b')')?;
        Ok(node)
    }

    /// At least one: an empty list is true or false for everybody (RFC 4526), which nobody means here.
    fn list(&mut self, depth: usize) -> Result<Vec<FilterNode>, FilterError> {
        self.at += 1;
        let mut nodes = vec![self.filter(depth)?];
        while self.peek() == Some(b'(') {
            nodes.push(self.filter(depth)?);
        }
        Ok(nodes)
    }

    fn comparison(&mut self) -> Result<FilterNode, FilterError> {
        let attribute = self.attribute()?;
        match self.peek() {
            Some(b':') => return self.matching(attribute),
            Some(_) if attribute.is_empty() => return Err(FilterError::Shape(self.at)),
            _ => {}
        }
        match self.peek() {
            Some(b'=') => {
                self.at += 1;
                self.equal(attribute)
            }
            Some(sign @ (b'>' | b'<' | b'~')) => {
                self.at += 1;
                self.expect(b'=')?;
                let value = FilterValue(vec![Piece::Text(self.value()?.without_holes()?)]);
                Ok(match sign {
                    b'>' => FilterNode::AtLeast(attribute, value),
                    b'<' => FilterNode::AtMost(attribute, value),
                    _ => FilterNode::Like(attribute, value),
                })
            }
            _ => Err(FilterError::Shape(self.at)),
        }
    }

    /// What stands behind `=`: a value, or parts of one between `*`.
    fn equal(&mut self, attribute: String) -> Result<FilterNode, FilterError> {
        let mut parts = vec![self.value()?];
        while self.peek() == Some(b'*') {
            self.at += 1;
            parts.push(self.value()?);
        }
        let last = parts.pop().unwrap_or(FilterValue(Vec::new()));
        if parts.is_empty() {
            return Ok(FilterNode::Equal(attribute, last));
        }
        let last = last.without_holes()?;
        let mut parts = parts.into_iter().map(FilterValue::without_holes);
        let initial = parts.next().unwrap_or(Ok(Vec::new()))?;
        let any = parts.collect::<Result<Vec<_>, _>>()?;
        if any.iter().any(Vec::is_empty) {
            return Err(FilterError::Shape(self.at));
        }
        if initial.is_empty() && any.is_empty() && last.is_empty() {
            return Ok(FilterNode::Present(attribute));
        }
        Ok(FilterNode::Substrings(attribute, Substrings { initial, any, last }))
    }

    /// `:dn:rule:=value`, where `:dn` and the rule may be missing.
    fn matching(&mut self, attribute: String) -> Result<FilterNode, FilterError> {
        let (mut names, mut rule) = (Names::No, None);
        loop {
            self.expect(b':')?;
            if self.peek() == Some(b'=') {
                self.at += 1;
                break;
            }
            let start = self.at;
            match self.attribute()? {
                word if word == "dn" && names == Names::No && rule.is_none() => names = Names::Too,
                word if !word.is_empty() && rule.is_none() => rule = Some(word),
                _ => return Err(FilterError::Shape(start)),
            }
        }
        let attribute = Some(attribute).filter(|name| !name.is_empty());
        if attribute.is_none() && rule.is_none() {
            return Err(FilterError::Shape(self.at));
        }
        Ok(FilterNode::Matching(Matching { attribute, rule, names, value: self.value()? }))
    }

    /// A name of an attribute or a rule; none when something else stands there.
    fn attribute(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte))
        {
            self.at += 1;
        }
        let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        if name.is_empty() || is_attribute(&name) {
            Ok(name)
        } else {
            Err(FilterError::Shape(start))
        }
    }

    fn value(&mut self) -> Result<FilterValue, FilterError> {
        let (mut pieces, mut text) = (Vec::new(), Vec::new());
        while let Some(byte) = self.peek() {
            match byte {
                b'*' | b'(' | b')' => break,
                0 => return Err(FilterError::Shape(self.at)),
                b'\\' => text.push(self.escaped()?),
                b'{' => {
                    let hole = self.hole()?;
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Hole(hole));
                    continue;
                }
                byte => text.push(byte),
            }
            self.at += 1;
        }
        pieces.push(Piece::Text(text));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(FilterValue(pieces))
    }

    /// The byte that `\` and two digits stand for; the reader stays on the last of them.
    fn escaped(&mut self) -> Result<u8, FilterError> {
        let digits = self.text.get(self.at + 1..self.at + 3);
        let is_hex = |digits: &&[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        let byte = digits
            .filter(is_hex)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or(FilterError::Shape(self.at))?;
        self.at += 2;
        Ok(byte)
    }

    fn hole(&mut self) -> Result<Hole, FilterError> {
        let rest = &self.text[self.at + 1..];
        let end = rest.iter().position(|byte| *byte == b'}').ok_or(FilterError::Shape(self.at))?;
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        let known = self.holes.iter().find(|hole| hole.to_string() == format!("{{{name}}}"));
        self.at += end + 2;
        known.copied().ok_or(FilterError::Unknown(name))
    }
}

/// Whether it can be the name of an attribute: letters, digits and `-`, or numbers with dots, perhaps with options
/// (RFC 4512 section 2.5).
#[must_use]
pub fn is_attribute(text: &str) -> bool {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default();
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_oid = name
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = is_word(name) && name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    text.len() <= MAX_NAME && (is_name || is_oid) && parts.all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLES: [Hole; 2] = [Hole::Login, Hole::Dn];

    fn parsed(text: &str) -> Result<FilterNode, FilterError> {
        LdapFilter::parse(text, &HOLES).map(|filter| filter.root)
    }

    fn text(text: &str) -> FilterValue {
        FilterValue(vec![Piece::Text(text.into())])
    }

    fn equal(attribute: &str, value: FilterValue) -> FilterNode {
        FilterNode::Equal(attribute.into(), value)
    }

    #[test]
    fn filters_as_the_rfc_has_them() {
        let login = FilterValue(vec![Piece::Hole(Hole::Login)]);
        assert_eq!(parsed("(uid={login})"), Ok(equal("uid", login.clone())));
        assert_eq!(
            parsed("(&(objectClass=person)(|(uid={login})(!(sn=a b))))"),
            Ok(FilterNode::And(vec![
                equal("objectClass", text("person")),
                FilterNode::Or(vec![
                    equal("uid", login),
                    FilterNode::Not(Box::new(equal("sn", text("a b")))),
                ]),
            ]))
        );
        assert_eq!(parsed("(cn=*)"), Ok(FilterNode::Present("cn".into())));
        assert_eq!(parsed("(cn=)"), Ok(equal("cn", FilterValue(Vec::new()))));
        assert_eq!(
            parsed(r"(cn=a\2a\28\29\5c\00\e9)"),
            Ok(equal("cn", FilterValue(vec![Piece::Text(b"a*()\\\0\xe9".to_vec())])))
        );
        let parts =
            Substrings { initial: b"a".to_vec(), any: vec![b"b".to_vec()], last: Vec::new() };
        assert_eq!(
            parsed("(cn;lang-fr=a*b*)"),
            Ok(FilterNode::Substrings("cn;lang-fr".into(), parts))
        );
        assert_eq!(parsed("(a>=1)"), Ok(FilterNode::AtLeast("a".into(), text("1"))));
        assert_eq!(parsed("(a<=1)"), Ok(FilterNode::AtMost("a".into(), text("1"))));
        assert_eq!(parsed("(a~=1)"), Ok(FilterNode::Like("a".into(), text("1"))));
        let chain = Matching {
            attribute: Some("member".into()),
            rule: Some("1.2.840.113556.1.4.1941".into()),
            names: Names::No,
            value: FilterValue(vec![Piece::Hole(Hole::Dn)]),
        };
        assert_eq!(
            parsed("(member:1.2.840.113556.1.4.1941:={dn})"),
            Ok(FilterNode::Matching(chain))
        );
        let any = Matching {
            attribute: None,
            rule: Some("x".into()),
            names: Names::Too,
            value: text("y"),
        };
        assert_eq!(parsed("(:dn:x:=y)"), Ok(FilterNode::Matching(any)));
    }

    #[test]
    fn what_is_no_filter() {
        for wrong in [
            "",
            "uid={login}",
            "(uid={login}",
            "(uid={login}))",
            "()",
            "(&)",
            "(|)",
            "(!)",
            "(&(a=b)",
            "(=b)",
            "(a)",
            "(a=(b))",
            "(a=b)(c=d)",
            " (a=b)",
            "(a =b)",
            "(a=b\\2)",
            "(a=b\\zz)",
            "(1a=b)",
            "(a..b=c)",
            "(a=b**c)",
            "(:=x)",
            "(a:b:c:=d)",
            "(a;=b)",
            "(a=\0)",
            "(a!=b)",
            "(!(a=b)(c=d))",
            "(é=b)",
            "(a=b)x",
            "(a={login)",
            "((a=b))",
        ] {
            assert!(
                matches!(parsed(wrong), Err(FilterError::Shape(_))),
                "{wrong:?}: {:?}",
                parsed(wrong)
            );
        }
        for wrong in [
            "(a=*{login}*)",
            "(a={login}*)",
            "(a=x*{dn})",
            "(a>={login})",
            "(a<={dn})",
            "(a~={login})",
        ] {
            assert!(matches!(parsed(wrong), Err(FilterError::Misplaced(_))), "{wrong}");
        }
        for wrong in ["(a={username})", "(a={Login})", "(a={})", "(a={ login })", "(a={0})"] {
            assert!(matches!(parsed(wrong), Err(FilterError::Unknown(_))), "{wrong}");
        }
        let deep = |depth: usize| format!("{}(a=b){}", "(!".repeat(depth), ")".repeat(depth));
        assert!(parsed(&deep(15)).is_ok());
        assert_eq!(parsed(&deep(16)), Err(FilterError::TooDeep));
        assert_eq!(parsed(&deep(1000)), Err(FilterError::TooDeep));
        assert_eq!(parsed(&format!("(a={})", "b".repeat(5000))), Err(FilterError::TooLong));
    }

    /// Whatever fills a hole is a value, to the byte.
    #[test]
    fn what_fills_a_hole_changes_nothing_else() {
        let Ok(FilterNode::Equal(_, value)) = parsed(r"(mail={login}@ex\2aample)") else {
            panic!("equal")
        };
        for typed in ["ada", "*", "*)(uid=*", ")(|(a=b", "\\2a", "\0", "{dn}", "a\u{e9}", ""] {
            assert_eq!(value.filled(|_| typed), format!("{typed}@ex*ample").into_bytes());
        }
    }

    #[test]
    fn which_filters_ask_for_the_login() {
        let asks = |text| LdapFilter::parse(text, &HOLES).unwrap().asks_for(Hole::Login);
        assert!(asks("(|(uid={login})(mail={login}@example.com))"));
        assert!(asks("(&(a=b)(uid:caseExactMatch:={login}))"));
        for not in ["(uid=ada)", "(!(uid={login}))", "(member={dn})", "(&(a=b)(!(uid={login})))"] {
            assert!(!asks(not), "{not}");
        }
    }
}
