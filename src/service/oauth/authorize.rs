//! Whether a person's session is enough for what a client asks, and the code that says so.
//!
//! Must not know pages, nor where the session is kept.

use std::time::Duration;

use super::issue::satisfies;
use super::{OAuthFailure, Pushed, Pusher, locked, random};
use crate::domain::auth_time::Freshness;
use crate::domain::client::{Client, Consent};
use crate::domain::policy::Grant;
use crate::domain::time::Timestamp;
use crate::domain::token::Scope;
use crate::idp::Provider;
use crate::oauth::code::Authorized;
use crate::oauth::destination::Destination;
use crate::oauth::error::ErrorCode;
use crate::oauth::once::Full;
use crate::oauth::request::AuthorizationRequest;
use crate::service::{Service, SsoSession};

/// What comes before the answer names a pushed request (RFC 9126 section 2.2).
const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

/// How far two clocks that show whole seconds are from each other when they agree.
const ROUNDING: Duration = Duration::from_secs(1);

/// What is known of the person who is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Interaction<'a> {
    /// The browser's session, if it has one that goes on.
    pub session: Option<&'a SsoSession>,
    /// Of when its login is.
    pub login: LoginAge,
    /// Whether the person has said yes to this client.
    pub consented: Consented,
}

/// Whether a login was made for this very request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginAge {
    /// It was there before.
    Before,
    /// The request asked for it.
    OfThisRequest {
        /// When.
        begun_at: Timestamp,
        /// How fresh it was to be.
        asked: Freshness,
    },
}

/// Whether somebody has said that a client may know of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consented {
    /// No.
    No,
    /// At some time in this session.
    Before,
    /// On the page that this request showed.
    Now,
}

/// What comes next.
#[derive(Debug)]
pub enum Authorization {
    /// The person logs in, perhaps again.
    LogIn(Freshness),
    /// The person is asked whether the client may know of them.
    Ask,
    /// The code that the client gets.
    Code(String),
}

impl Service {
    /// What comes next of a client's request.
    ///
    /// # Errors
    /// What the client is told.
    pub fn authorize(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        destination: &Destination,
        who: Interaction<'_>,
        now: Timestamp,
    ) -> Result<Authorization, OAuthFailure> {
        let log_in = |freshness| {
            unless_none(request, ErrorCode::LoginRequired, Authorization::LogIn(freshness))
        };
        let Some(session) = who.session else { return log_in(wished(request)) };
        if let Err(lacking) = self.judge_login(client, request, (session, who.login), now) {
            return match (who.login, lacking) {
                (LoginAge::Before, Lacking::Age) => log_in(wished(request)),
                (LoginAge::Before, Lacking::Person) => log_in(Freshness::Chosen),
                (LoginAge::Before, Lacking::Methods) => log_in(Freshness::Now),
                (LoginAge::OfThisRequest { asked, .. }, Lacking::Age | Lacking::Methods)
                    if asked != Freshness::Now && self.takes_demands(session) =>
                {
                    log_in(Freshness::Now)
                }
                (LoginAge::OfThisRequest { .. }, lacking) => Err(lacking.into()),
            };
        }
        self.judge_groups(client, session, now)?;
        if is_asked(client, request, destination, who) {
            return unless_none(request, ErrorCode::ConsentRequired, Authorization::Ask);
        }
        let authorized = Authorized {
            client: client.id.clone(),
            redirect_uri: Some(destination.redirect_uri().to_owned()),
            challenge: request.challenge,
            nonce: request.nonce.clone(),
            scopes: request.scopes.clone(),
            limit: request.limit.clone(),
            resource: request.resource.clone(),
            dpop_key: request.dpop_key.clone(),
            memory: session.memory().clone(),
        };
        let owner = session.user().as_str();
        let code = locked(&self.2.codes).insert(owner, authorized, random()?, now);
        Ok(Authorization::Code(code.map_err(too_many)?))
    }

    /// Whether the identity provider of a session can be asked for another login than it gave.
    fn takes_demands(&self, session: &SsoSession) -> bool {
        let provider = self.0.providers.get(session.user().split().0);
        provider.is_some_and(Provider::takes_demands)
    }

    /// That the login of a session is what the client asks for.
    fn judge_login(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        (session, login): (&SsoSession, LoginAge),
        now: Timestamp,
    ) -> Result<(), Lacking> {
        let meant = request.claims.subject.clone();
        let hinted = request.id_token_hint.as_deref().map(|hint| self.hinted(hint));
        let is_other = |meant: &str| meant != session.user().as_str();
        if meant.as_deref().is_some_and(is_other)
            || hinted.is_some_and(|hinted| hinted.is_none_or(|hint| is_other(&hint.subject)))
        {
            return Err(Lacking::Person);
        }
        if !satisfies(client, &session.memory().extra) {
            return Err(Lacking::Methods);
        }
        let proved_at = session.memory().token.proved_at();
        let is_proved_within =
            |most, until| proved_at.is_some_and(|moment| until <= moment.after(most));
        let is_for_this = match login {
            LoginAge::Before => false,
            // Two clocks of whole seconds, of which one is the provider's.
            LoginAge::OfThisRequest { begun_at, .. } => is_proved_within(ROUNDING, begun_at),
        };
        let is_young = |most| is_proved_within(most, now);
        let is_enough = match wished(request) {
            Freshness::Now => is_for_this,
            Freshness::Chosen => login != LoginAge::Before,
            Freshness::Any => true,
        };
        if is_enough && request.max_age.is_none_or(|most| is_for_this || is_young(most)) {
            return Ok(());
        }
        Err(Lacking::Age)
    }

    /// That the person is in one of the groups that the client demands.
    pub(super) fn judge_groups(
        &self,
        client: &Client,
        session: &SsoSession,
        now: Timestamp,
    ) -> Result<(), OAuthFailure> {
        if client.require_groups.is_empty() {
            return Ok(());
        }
        let mut memory = session.memory().clone();
        let (_, mapped) = self.judged_again(&mut memory)?;
        let grant = Grant::Refresh(&memory, Scope::Unlimited);
        let (_, holdings) = self.admitted(session.user(), grant, &mapped, now)?;
        if client.admits(holdings.iter().map(|holding| &holding.roster)) {
            return Ok(());
        }
        Err(OAuthFailure::new(
            ErrorCode::AccessDenied,
            "this user is in none of the groups that the client has in require_groups",
        ))
    }

    /// Keeps a request that a client pushes (RFC 9126) from an address, and says by which `request_uri` it comes, and for how many
    /// seconds.
    ///
    /// # Errors
    /// `temporarily_unavailable` when there are too many.
    pub fn push(
        &self,
        client: &Client,
        query: String,
        address: &str,
        now: Timestamp,
    ) -> Result<(String, u64), OAuthFailure> {
        let owner = if client.is_public() { address } else { client.id.as_str() };
        let pushed = Pushed { client: client.id.as_str().to_owned(), query };
        let kept =
            locked(self.2.pushed_by(Pusher::of(client))).insert(owner, pushed, random()?, now);
        let name = kept.map_err(too_many)?;
        Ok((format!("{REQUEST_URI}{name}"), super::PUSHED.lifetime.as_secs()))
    }

    /// The parameters of a request that this client has pushed. It is good once.
    ///
    /// # Errors
    /// `request_uri_not_supported` for any other, `invalid_request_uri` for one that is over or another's, `temporarily_unavailable`
    /// where it cannot be had now.
    pub async fn pushed(
        &self,
        client: &Client,
        request_uri: &str,
        now: Timestamp,
    ) -> Result<String, OAuthFailure> {
        let Some(name) = request_uri.strip_prefix(REQUEST_URI) else {
            return Err(OAuthFailure::new(
                ErrorCode::RequestUriNotSupported,
                "a request_uri is one that a request was pushed for (RFC 9126), and no other",
            ));
        };
        let whose = (&client.id, Pusher::of(client));
        self.take_pushed(name, whose, now).await?.ok_or_else(|| {
            OAuthFailure::new(
                ErrorCode::InvalidRequestUri,
                "this request was not pushed by this client, or was used, or is over; push it again (RFC 9126 section 4)",
            )
        })
    }
}

/// What a session's login lacks for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacking {
    /// It is too long ago, or to be done once more, or nobody says how long ago it is.
    Age,
    /// It is somebody else's.
    Person,
    /// It was not by the methods that the client demands.
    Methods,
}

impl From<Lacking> for OAuthFailure {
    fn from(lacking: Lacking) -> Self {
        match lacking {
            Lacking::Age => Self::new(
                ErrorCode::LoginRequired,
                "the login was not shown to be as fresh as prompt or max_age ask for: the identity provider knew the user by a session there, or \
                 does not say (auth_time) when they showed who they are",
            ),
            Lacking::Person => Self::new(
                ErrorCode::AccessDenied,
                "another user logged in than the one that the client means",
            ),
            Lacking::Methods => Self::new(
                ErrorCode::UnmetAuthenticationRequirements,
                "the login did not use the methods that the client has in require_amr",
            ),
        }
    }
}

/// How fresh the login is to be.
fn wished(request: &AuthorizationRequest) -> Freshness {
    match request.max_age {
        // OpenID Connect Core 1.0 section 3.1.2.1: it is prompt=login.
        Some(most) if most.is_zero() => Freshness::Now,
        _ => request.prompt.freshness,
    }
}

/// Whether the person has to say yes. What runs on a person's own machine cannot show that it is what it says: a code goes there by a
/// login made for it, or by a yes, and never by the session alone (RFC 8252 section 8.6), whatever was said to it before.
fn is_asked(
    client: &Client,
    request: &AuthorizationRequest,
    destination: &Destination,
    who: Interaction<'_>,
) -> bool {
    let is_anybody =
        who.login == LoginAge::Before && client.is_anybody_at(destination.redirect_uri());
    match who.consented {
        Consented::Now => false,
        Consented::Before => request.prompt.consent || is_anybody,
        Consented::No => client.consent == Consent::Asked || request.prompt.consent || is_anybody,
    }
}

/// What is next, unless the client wants nobody to be asked (OpenID Connect Core 1.0 section 3.1.2.6).
fn unless_none(
    request: &AuthorizationRequest,
    code: ErrorCode,
    next: Authorization,
) -> Result<Authorization, OAuthFailure> {
    if request.prompt.none {
        return Err(OAuthFailure::new(
            code,
            "somebody would have to be asked, and prompt=none says that nobody is",
        ));
    }
    Ok(next)
}

fn too_many(full: Full) -> OAuthFailure {
    OAuthFailure::new(ErrorCode::TemporarilyUnavailable, full.to_string())
}
