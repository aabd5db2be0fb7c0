//! What is kept of logins at one issuer, as JSON.
//!
//! Must not know where.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::domain::time::Timestamp;
use crate::relying::{AccessToken, IssuerUrl, ProofKey, Token, TokenScheme};

/// How it is written today.
const VERSION: u32 = 1;
/// Most audiences that tokens are kept for; whoever has more begins anew.
const MAX_AUDIENCES: usize = 20;

/// What is kept of an issuer.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Kept {
    /// Who is logged in; nobody after a session that is over.
    pub(in crate::cli) session: Option<Session>,
    /// That a login came to nothing a moment ago, and why.
    pub(in crate::cli) refused: Option<RefusedLogin>,
}

/// Which client the tokens of a session are of: that decides where new ones come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) enum TokenClient {
    /// Those of `POST /tokens/`.
    #[serde(rename = "pasee-http")]
    PaseeHttp,
    /// Those of the built-in client of the OpenID provider.
    #[serde(rename = "pasee")]
    Pasee,
}

/// A login, and what it has given.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Session {
    /// Random: by it two logins are told apart.
    pub(in crate::cli) id: String,
    /// Whose it is, as Pasee says.
    pub(in crate::cli) user: String,
    pub(in crate::cli) client: TokenClient,
    pub(in crate::cli) access: AccessToken,
    pub(in crate::cli) refresh: Option<Token>,
    /// What the tokens are bound to.
    pub(in crate::cli) key: Option<ProofKey>,
    /// Tokens for others, by audience.
    pub(in crate::cli) audiences: BTreeMap<String, AccessToken>,
}

/// A login that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct RefusedLogin {
    /// Seconds since 1970.
    pub(in crate::cli) at: i64,
    pub(in crate::cli) why: String,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    issuer: String,
    session: Option<WrittenSession>,
    refused: Option<RefusedLogin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSession {
    id: String,
    user: String,
    client: TokenClient,
    access: WrittenToken,
    refresh: Option<Hidden>,
    key: Option<Hidden>,
    audiences: BTreeMap<String, WrittenToken>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    token: Hidden,
    scheme: String,
    expires_at: i64,
    lifetime: i64,
}

/// A text that is gone from memory when it is let go.
struct Hidden(Zeroizing<String>);

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// As much of it as says whose it is, whatever else is there.
#[derive(Deserialize)]
struct Whose {
    issuer: String,
}

impl Session {
    /// A session that begins.
    pub(in crate::cli) fn new(
        user: String,
        client: TokenClient,
        access: AccessToken,
        refresh: Option<Token>,
        key: Option<ProofKey>,
    ) -> anyhow::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system gives no random numbers")?;
        let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, user, client, access, refresh, key, audiences: BTreeMap::new() })
    }

    /// Keeps a token for an audience, with those that are still good.
    pub(in crate::cli) fn keep(&mut self, audience: &str, token: AccessToken, now: Timestamp) {
        self.audiences.retain(|_, token| token.is_fresh(now));
        if self.audiences.len() >= MAX_AUDIENCES {
            self.audiences.clear();
        }
        self.audiences.insert(audience.to_owned(), token);
    }
}

impl Kept {
    /// A session, and nothing else.
    pub(in crate::cli) fn of(session: Session) -> Self {
        Self { session: Some(session), refused: None }
    }

    /// Whose file this is.
    pub(super) fn issuer_of(text: &str) -> Option<IssuerUrl> {
        serde_json::from_str::<Whose>(text).ok()?.issuer.parse().ok()
    }

    /// Reads the file of an issuer.
    pub(super) fn read(text: &str, issuer: &IssuerUrl) -> anyhow::Result<Self> {
        // What serde says of a mistake may repeat what stands there.
        let Ok(written) = serde_json::from_str::<Written>(text) else { bail!("it cannot be read") };
        let Written { version, issuer: of, session, refused } = written;
        if version != VERSION {
            bail!("another version of pasee has written it");
        }
        if of != issuer.as_str() {
            bail!("it is of another issuer");
        }
        Ok(Self { session: session.map(session_of).transpose()?, refused })
    }

    pub(super) fn written(&self, issuer: &IssuerUrl) -> Zeroizing<String> {
        let written = Written {
            version: VERSION,
            issuer: issuer.to_string(),
            session: self.session.as_ref().map(written_session),
            refused: self.refused.clone(),
        };
        Zeroizing::new(serde_json::to_string(&written).expect("names and texts are JSON"))
    }
}

fn session_of(written: WrittenSession) -> anyhow::Result<Session> {
    let WrittenSession { id, user, client, access, refresh, key, audiences } = written;
    let refresh = refresh.map(|token| Token::read(&token.0).context("a token in it is none"));
    let key = key.map(|key| ProofKey::from_pem(&key.0).context("the key in it is none"));
    let audiences =
        audiences.into_iter().map(|(audience, token)| Ok((audience, token_of(&token)?)));
    Ok(Session {
        id,
        user,
        client,
        access: token_of(&access)?,
        refresh: refresh.transpose()?,
        key: key.transpose()?,
        audiences: audiences.collect::<anyhow::Result<_>>()?,
    })
}

fn token_of(written: &WrittenToken) -> anyhow::Result<AccessToken> {
    let WrittenToken { token, scheme, expires_at, lifetime } = written;
    Ok(AccessToken {
        token: Token::read(&token.0).context("a token in it is none")?,
        scheme: TokenScheme::read(scheme).context("a token in it is of no known kind")?,
        expires_at: Timestamp::from_unix(*expires_at).context("a moment in it is none")?,
        lifetime: *lifetime,
    })
}

fn written_session(session: &Session) -> WrittenSession {
    let Session { id, user, client, access, refresh, key, audiences } = session;
    let refresh = refresh.as_ref().map(hidden);
    let audiences = audiences.iter().map(|(name, token)| (name.clone(), written_token(token)));
    WrittenSession {
        id: id.clone(),
        user: user.clone(),
        client: *client,
        access: written_token(access),
        refresh,
        key: key.as_ref().map(|key| Hidden(key.to_pem())),
        audiences: audiences.collect(),
    }
}

fn hidden(token: &Token) -> Hidden {
    Hidden(Zeroizing::new(token.expose().to_owned()))
}

fn written_token(token: &AccessToken) -> WrittenToken {
    WrittenToken {
        token: hidden(&token.token),
        scheme: token.scheme.as_str().to_owned(),
        expires_at: token.expires_at.as_unix(),
        lifetime: token.lifetime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, seconds: u64) -> AccessToken {
        let now = Timestamp::from_unix(1000).unwrap();
        AccessToken::new(Token::read(text).unwrap(), TokenScheme::Bearer, seconds, now)
    }

    fn issuer() -> IssuerUrl {
        "https://pasee.example.com".parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let key = ProofKey::generate().unwrap();
        let refresh = Token::read("refresh");
        let mut session = Session::new(
            "local-ada".to_owned(),
            TokenClient::Pasee,
            token("access", 900),
            refresh,
            Some(key.clone()),
        )
        .unwrap();
        session.keep("kubernetes", token("other", 300), Timestamp::from_unix(1000).unwrap());
        let refused = Some(RefusedLogin { at: 7, why: "no".to_owned() });
        let text =
            Kept { session: Some(session.clone()), refused: refused.clone() }.written(&issuer());
        assert_eq!(Kept::issuer_of(&text).unwrap().as_str(), issuer().as_str());
        let read = Kept::read(&text, &issuer()).unwrap();
        assert_eq!(read.refused, refused);
        let read = read.session.unwrap();
        assert_eq!((read.id, read.client), (session.id, TokenClient::Pasee));
        assert_eq!(read.access.token.expose(), "access");
        assert_eq!(read.refresh.unwrap().expose(), "refresh");
        assert_eq!(read.key.unwrap().thumbprint(), key.thumbprint());
        assert_eq!(read.audiences["kubernetes"].expires_at.as_unix(), 1300);
    }

    #[test]
    fn what_is_not_ours_is_refused_without_repeating_it() {
        let text = Kept::default().written(&issuer());
        let other: IssuerUrl = "https://pasee.example.com/".parse().unwrap();
        assert!(Kept::read(&text, &other).is_err());
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":1,\"geheim\":1"),
            ("\"session\":null", "\"session\":{\"geheim\":1}"),
            ("\"session\":null", "\"session\":\"geheim\""),
            ("{", ""),
        ] {
            let text = text.replacen(from, to, 1);
            let error = format!("{:?}", Kept::read(&text, &issuer()).unwrap_err());
            assert!(!error.contains("geheim"), "{error}");
        }
        assert!(Kept::issuer_of("").is_none() && Kept::issuer_of("{\"issuer\":\"x\"}").is_none());
    }

    #[test]
    fn old_tokens_for_others_are_let_go() {
        let mut session =
            Session::new("local-ada".to_owned(), TokenClient::Pasee, token("a", 900), None, None)
                .unwrap();
        let at = |seconds| Timestamp::from_unix(seconds).unwrap();
        session.keep("short", token("a", 100), at(1000));
        session.keep("long", token("a", 900), at(1000));
        session.keep("new", token("a", 900), at(1200));
        assert_eq!(session.audiences.keys().collect::<Vec<_>>(), ["long", "new"]);
        for number in 0..100 {
            session.keep(&number.to_string(), token("a", 900), at(1200));
        }
        assert!(session.audiences.len() <= MAX_AUDIENCES);
    }
}
