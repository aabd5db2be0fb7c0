//! Tokens that are good now: those that are kept, or new ones, which one process at a time gets for all.
//!
//! Owns when tokens are renewed and what the end of a session comes to. Must not know how somebody logs in, nor what tokens are
//! for.

use anyhow::{Context, Error};
use http::{Method, StatusCode};

use super::LoginNeeded;
use super::api::{self, Api};
use super::issuer::calls;
use super::kept::{Kept, Session, TokenClient};
use super::state::{LockedPlace, Place};
use crate::cli::now;
use crate::outbound::HttpClient;
use crate::relying::{AccessToken, RelyingError, RelyingParty, Token, TokenScheme};

/// The built-in client of every Pasee.
pub(in crate::cli) const CLIENT_ID: &str = "pasee";
/// How much of an answer of the protocol is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Where tokens of one issuer are had.
pub(in crate::cli) struct Desk<'p> {
    place: &'p Place,
    http: HttpClient,
}

/// Why there is no token now.
#[derive(Debug)]
pub(in crate::cli) enum NoToken {
    /// Somebody has to log in, and why.
    LogIn(String),
    /// Something else is in the way.
    Error(Error),
}

impl From<Error> for NoToken {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl NoToken {
    /// As one error.
    pub(in crate::cli) fn into_error(self, place: &Place) -> Error {
        match self {
            Self::LogIn(why) => LoginNeeded::new(why, place.issuer()).into(),
            Self::Error(error) => error,
        }
    }
}

impl<'p> Desk<'p> {
    /// That of the issuer that something is kept of.
    pub(in crate::cli) fn new(place: &'p Place) -> anyhow::Result<Self> {
        Ok(Self { place, http: calls(place.issuer(), MAX_ANSWER)? })
    }

    /// Calls of the issuer.
    pub(in crate::cli) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// A session whose access token is good.
    pub(in crate::cli) async fn session(&self) -> anyhow::Result<Session> {
        let kept = self.place.read()?.session;
        if let Some(session) = kept.filter(|session| session.access.is_fresh(now())) {
            return Ok(session);
        }
        let locked = self.place.lock(|| ())?;
        let session = self.renewed(&locked).await;
        session.map_err(|none| none.into_error(self.place))
    }

    /// The HTTP API, as whoever is logged in.
    pub(in crate::cli) async fn api(&self) -> anyhow::Result<Api> {
        Api::new(self.place.issuer(), self.session().await?)
    }

    /// A token for an audience alone.
    pub(in crate::cli) async fn token_for(&self, audience: &str) -> anyhow::Result<AccessToken> {
        if let Some(token) = self.kept_for(audience)? {
            return Ok(token);
        }
        let locked = self.place.lock(|| ())?;
        let token = self.token_with(&locked, audience).await;
        token.map_err(|none| none.into_error(self.place))
    }

    /// One that is kept and still good.
    pub(in crate::cli) fn kept_for(&self, audience: &str) -> anyhow::Result<Option<AccessToken>> {
        Ok(fresh_for(&self.place.read()?, audience))
    }

    /// A token for an audience, by whoever holds the lock.
    pub(in crate::cli) async fn token_with(
        &self,
        locked: &LockedPlace<'_>,
        audience: &str,
    ) -> Result<AccessToken, NoToken> {
        // Whoever held it before may have got one.
        if let Some(token) = fresh_for(&locked.read()?, audience) {
            return Ok(token);
        }
        let mut session = self.renewed(locked).await?;
        let token = match self.exchange(&session, audience).await {
            // The session may be over, which a refresh tells.
            Err(error) if is_about_the_token(&error) => {
                session = self.refreshed(locked, session).await?;
                self.exchange(&session, audience).await
            }
            token => token,
        };
        let token = token.with_context(|| {
            format!("{} gives no token for {audience:?} alone", self.place.issuer())
        })?;
        session.keep(audience, token.clone(), now());
        locked.write(&Kept::of(session))?;
        Ok(token)
    }

    async fn exchange(
        &self,
        session: &Session,
        audience: &str,
    ) -> Result<AccessToken, RelyingError> {
        self.party(session).await?.exchange(&session.access, audience).await
    }

    async fn party(&self, session: &Session) -> Result<RelyingParty<'_>, RelyingError> {
        let (issuer, key) = (self.place.issuer(), session.key.clone());
        RelyingParty::discover(issuer, CLIENT_ID, key, (&self.http, now)).await
    }

    /// A session whose access token is good, by whoever holds the lock.
    async fn renewed(&self, locked: &LockedPlace<'_>) -> Result<Session, NoToken> {
        match locked.read()?.session {
            Some(session) if session.access.is_fresh(now()) => Ok(session),
            Some(session) => self.refreshed(locked, session).await,
            None => Err(NoToken::LogIn(format!("nobody is logged in to {}", self.place.issuer()))),
        }
    }

    /// The same session with new tokens, kept. When it is over nothing is kept of it, so that nobody asks again in vain.
    async fn refreshed(
        &self,
        locked: &LockedPlace<'_>,
        session: Session,
    ) -> Result<Session, NoToken> {
        let renewed = match (&session.refresh, session.client) {
            (None, _) => Err(NoToken::LogIn("this login has no refresh token".to_owned())),
            (Some(refresh), TokenClient::PaseeHttp) => self.by_http(refresh).await,
            (Some(refresh), TokenClient::Pasee) => self.by_protocol(&session, refresh).await,
        };
        match renewed {
            Ok((access, refresh)) => {
                let session = Session { access, refresh, ..session };
                locked.write(&Kept::of(session.clone()))?;
                Ok(session)
            }
            Err(NoToken::LogIn(why)) => {
                locked.write(&Kept::default())?;
                Err(NoToken::LogIn(why))
            }
            Err(error) => Err(error),
        }
    }

    async fn by_protocol(
        &self,
        session: &Session,
        refresh: &Token,
    ) -> Result<(AccessToken, Option<Token>), NoToken> {
        let issuer = self.place.issuer();
        let renewed =
            async { self.party(session).await?.refresh(refresh, Some(issuer.as_str())).await };
        match renewed.await {
            Ok(tokens) => Ok((tokens.access, tokens.refresh)),
            Err(error) if error.is_refusal("invalid_grant") => {
                Err(NoToken::LogIn(format!("the session at {issuer} is over")))
            }
            Err(error) => {
                let told = format!("{issuer} gives no new tokens now");
                Err(NoToken::Error(Error::from(error).context(told)))
            }
        }
    }

    async fn by_http(&self, refresh: &Token) -> Result<(AccessToken, Option<Token>), NoToken> {
        let issuer = self.place.issuer();
        let place = issuer.at("/tokens/?refresh");
        let bearer = format!("{} {}", TokenScheme::Bearer.as_str(), refresh.expose());
        let shown = vec![("authorization", bearer)];
        let answer = api::send(&self.http, (Method::POST, place), shown, None).await?;
        match answer.status {
            StatusCode::CREATED => Ok(api::pair(&answer)?),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(NoToken::LogIn(format!("the session at {issuer} is over ({})", answer.title())))
            }
            _ => Err(NoToken::Error(answer.refusal(issuer))),
        }
    }

    /// Ends the session there. One that is over already is as good.
    pub(in crate::cli) async fn end(&self, session: &Session) -> anyhow::Result<()> {
        let issuer = self.place.issuer();
        match (session.client, &session.refresh) {
            (TokenClient::Pasee, Some(refresh)) => {
                let ended = async { self.party(session).await?.revoke(refresh).await };
                let cannot = || format!("the session at {issuer} could not be ended");
                ended.await.with_context(cannot)
            }
            _ => Api::new(issuer, session.clone())?.end_session().await,
        }
    }
}

fn fresh_for(kept: &Kept, audience: &str) -> Option<AccessToken> {
    let token = kept.session.as_ref()?.audiences.get(audience)?;
    token.is_fresh(now()).then(|| token.clone())
}

/// Whether an exchange failed for the token that was shown (RFC 8693 section 2.2.2).
fn is_about_the_token(error: &RelyingError) -> bool {
    error.is_refusal("invalid_request") || error.is_refusal("invalid_grant")
}
