//! What tokens say: the claims of access and refresh tokens, how long they live, how far they reach.
//!
//! Must not know how a token is written or signed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::claim::ExtraClaims;
use super::evidence::Evidence;
use super::group::GroupNameError;
use super::membership::Roster;
use super::time::Timestamp;
use super::user::UserId;

/// Most names in a scope.
pub const MAX_SCOPE: usize = 16;

/// The issuer of tokens (`iss`, RFC 7519 section 4.1.1): 1 to 255 printable ASCII characters, no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// The audience of tokens (`aud`, RFC 7519 section 4.1.3): 1 to 255 printable ASCII characters, no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience(String);

/// Why a text is no issuer or audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this has 1 to 255 printable ASCII characters and no space, such as pasee.example.com")]
pub struct PartyError;

macro_rules! party {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = PartyError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
                if printable && (1..=255).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(PartyError) }
            }
        }
    )*};
}
party!(Issuer, Audience);

/// What an OAuth scope starts with that limits groups.
const GROUPS: &str = "groups:";

/// How far a token reaches. Spelled as in RFC 6749 section 3.3: scopes with spaces between them, each `groups:` and a name.
/// `groups:articles` covers the group, everything below it, and their staff; `groups:articles.staff` covers just that;
/// `groups:staff` just the root staff. Several add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything the user is in.
    #[default]
    Unlimited,
    /// Only these: at most [`MAX_SCOPE`], at least one, sorted, each once.
    Limited(Vec<Roster>),
}

impl Scope {
    /// Whether a roster lies within.
    #[must_use]
    pub fn covers(&self, roster: &Roster) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Limited(limits) => limits.iter().any(|limit| reaches(limit, roster)),
        }
    }

    /// `asked`, if all of it lies within this scope; asking for nothing special keeps this scope.
    #[must_use]
    pub fn narrow(&self, asked: Self) -> Option<Self> {
        match asked {
            Self::Unlimited => Some(self.clone()),
            Self::Limited(ref limits) => {
                limits.iter().all(|limit| self.covers(limit)).then_some(asked)
            }
        }
    }

    /// Reads what is asked for where nothing but groups can be: there `articles` means `groups:articles`.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn asked(text: &str) -> Result<Self, ScopeError> {
        Self::read(text, |word| Ok(word.strip_prefix(GROUPS).unwrap_or(word)))
    }

    fn read(
        text: &str,
        name_of: impl Fn(&str) -> Result<&str, ScopeError>,
    ) -> Result<Self, ScopeError> {
        let mut limits = Vec::new();
        for word in text.split_ascii_whitespace() {
            if limits.len() == MAX_SCOPE {
                return Err(ScopeError::TooMany);
            }
            limits.push(name_of(word)?.parse()?);
        }
        if limits.is_empty() {
            return Err(ScopeError::Empty);
        }
        limits.sort();
        limits.dedup();
        Ok(Self::Limited(limits))
    }
}

fn reaches(limit: &Roster, roster: &Roster) -> bool {
    match (limit, roster.group()) {
        (Roster::Members(above), Some(group)) => above.covers(group),
        _ => limit == roster,
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, |word| word.strip_prefix(GROUPS).ok_or(ScopeError::NoGroups))
    }
}

/// Writes the scopes with a space between; nothing for the unlimited one.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Limited(limits) = self else { return Ok(()) };
        for (place, limit) in limits.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{GROUPS}{limit}")?;
        }
        Ok(())
    }
}

/// Why a text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// No name in it.
    #[error("a scope names at least one group, such as articles")]
    Empty,
    /// More than [`MAX_SCOPE`] names.
    #[error("a scope names at most 16 groups")]
    TooMany,
    /// A scope in it limits no groups.
    #[error("a scope that limits groups is groups: and a name, such as groups:articles")]
    NoGroups,
    /// A name in it is no group's.
    #[error("a scope is made of group names with spaces between: {0}")]
    Name(#[from] GroupNameError),
}

/// The unique id of a token (`jti`): 128 random bits in base64url, or what an equally careful writer put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = PartyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PartyError)
        }
    }
}

/// Which session a token is of (`sid`): 128 random bits, made at the login and kept for as long as the session goes on. As text,
/// 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A session's id from its random bits.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(SessionIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| SessionIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// Why a text is no session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is 32 hexadecimal digits in small letters, as the claim sid of a token")]
pub struct SessionIdError;

/// What access and refresh tokens have in common. `idp` is the provider part of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `sub`.
    pub subject: UserId,
    /// `iat`, and `nbf` too.
    pub issued_at: Timestamp,
    /// `exp`: the first second the token is worth nothing.
    pub expires_at: Timestamp,
    /// `auth_time`: when the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// `jti`.
    pub id: TokenId,
    /// `scope`, left out of the token when unlimited.
    pub scope: Scope,
    /// `rev`: the user's revocation that was in force when the session began; left out when there was none.
    pub revocation: Option<Timestamp>,
    /// `sid`.
    pub session: SessionId,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The common part.
    pub token: Token,
    /// `groups`, in order.
    pub groups: Vec<Roster>,
    /// `groups_truncated`: that there is no room in the token for all of them; left out while there is.
    pub groups_truncated: bool,
    /// What the settings let pass of what the identity provider said at login.
    pub extra: ExtraClaims,
}

/// What a refresh token says: `refresh_token: true`, no groups, and what a refresh must know again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The common part.
    pub token: Token,
    /// `evidence`: which rules of the settings held at login, so that they decide again at each refresh; left out when there
    /// is none.
    pub evidence: Evidence,
    /// `claims`: what the settings let pass of what the identity provider said at login, for the access tokens to come; left
    /// out when there is none.
    pub extra: ExtraClaims,
}

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A refresh token.
    pub refresh: Duration,
    /// From a login to the end of the last token of its session.
    pub session: Duration,
    /// From a login in a browser to where that browser has to log in again, if the session is not over before.
    pub browser: Duration,
}

impl Default for Lifetimes {
    /// 15 minutes, 30 days, 90 days, and 12 hours in a browser.
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            access: Duration::from_secs(15 * 60),
            refresh: Duration::from_secs(30 * DAY),
            session: Duration::from_secs(90 * DAY),
            browser: Duration::from_secs(DAY / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parties_and_tokens() {
        let longest = "x".repeat(255);
        for text in ["x", "https://pasee.example.com/#refresh", &longest] {
            assert_eq!(text.parse::<Issuer>().unwrap().as_str(), text);
            assert_eq!(text.parse::<Audience>().unwrap().as_str(), text);
            assert_eq!(text.parse::<TokenId>().unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a\n", "é", &format!("{longest}x")] {
            assert_eq!(text.parse::<Issuer>(), Err(PartyError), "{text:?}");
            assert_eq!(text.parse::<Audience>(), Err(PartyError), "{text:?}");
            assert_eq!(text.parse::<TokenId>(), Err(PartyError), "{text:?}");
        }
    }

    #[test]
    fn session_ids_as_text() {
        let id = SessionId::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "0", &"g".repeat(32), &"0".repeat(33), &"A".repeat(32), &"+".repeat(32)] {
            assert_eq!(wrong.parse::<SessionId>(), Err(SessionIdError), "{wrong}");
        }
    }

    #[test]
    fn scopes_parse() {
        let both = Ok("groups:a groups:b".to_owned());
        let text = |scope: Scope| scope.to_string();
        assert_eq!("groups:b groups:a  groups:a".parse::<Scope>().map(text), both);
        assert_eq!(Scope::asked("b groups:a a").map(text), both);
        for foreign in ["a", "groups:a b", "groups", "openid", "Groups:a", "group:a"] {
            assert_eq!(foreign.parse::<Scope>(), Err(ScopeError::NoGroups), "{foreign}");
        }
        for nameless in ["groups:", "groups:A", "groups:groups:a", "groups:a,b"] {
            assert!(matches!(nameless.parse::<Scope>(), Err(ScopeError::Name(_))), "{nameless}");
            assert!(matches!(Scope::asked(nameless), Err(ScopeError::Name(_))), "{nameless}");
        }
        assert_eq!("".parse::<Scope>(), Err(ScopeError::Empty));
        assert_eq!(" ".parse::<Scope>(), Err(ScopeError::Empty));
        assert_eq!(Scope::asked(""), Err(ScopeError::Empty));
        assert!(matches!(Scope::asked("A"), Err(ScopeError::Name(_))));
        let many: Vec<String> = (0..17).map(|n| format!("groups:g{n}")).collect();
        assert_eq!(many.join(" ").parse::<Scope>(), Err(ScopeError::TooMany));
        assert_eq!(Scope::Unlimited.to_string(), "");
    }
}
