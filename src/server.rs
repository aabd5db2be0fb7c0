//! The HTTP API: from a request to an answer.
//!
//! Owns routes, handlers and documents. Reads and changes the state only through the ports of the domain; must not know
//! which store there is.

pub mod document;
pub mod error;
mod forward;
mod groups;
mod keys;
mod paging;
mod proof;
mod redirect;
mod reply;
mod request;
pub mod route;
mod tokens;
mod urls;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::body::Incoming;
use ipnet::IpNet;

use crate::domain::membership::Roster;
use crate::domain::policy::{Actor, Admission, Grant, Permit, admit};
use crate::domain::realm::Realm;
use crate::domain::time::Timestamp;
use crate::domain::token::Lifetimes;
use crate::domain::user::{ProviderName, UserId};
use crate::idp::Providers;
use crate::keys::KeyRing;
use crate::telemetry::Metrics;
use crate::web::bearer::bearer;
use crate::web::limits::{Attempts, read_body};
use crate::web::peer::client_address;
use crate::web::respond::{Cors, Scheme, harden, preferred};
use crate::web::{Handle, Request, Response};

use error::ApiError;
use reply::Reply;
use request::{Call, Fields};
use route::{NoRoute, Route};

/// What the API works with.
pub struct Config {
    /// What URLs in documents start with, without a slash at the end.
    pub hostname: String,
    /// How long tokens and sessions last.
    pub lifetimes: Lifetimes,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The store.
    pub realm: Arc<dyn Realm>,
    /// Who can be logged in through.
    pub providers: Providers,
    /// Every provider the settings name, offered or not: whose users may be put into groups.
    pub provider_names: Vec<ProviderName>,
    /// What tokens and cookies are made and believed with.
    pub keys: KeyRing,
    /// Limits attempts to guess.
    pub attempts: Attempts,
    /// Which web pages may call.
    pub cors: Cors,
    /// Counts.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// The API, ready to answer.
pub struct Api {
    config: Config,
    scheme: Scheme,
    documents: keys::Documents,
    ended: redirect::Ended,
}

impl Api {
    /// The API over its parts.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let https = config.hostname.starts_with("https://");
        Self {
            scheme: if https { Scheme::Https } else { Scheme::Http },
            documents: keys::Documents::new(&config),
            ended: redirect::Ended::default(),
            config,
        }
    }

    async fn answer(
        &self,
        route: Result<Route, NoRoute>,
        parts: &Parts,
        body: Incoming,
        peer: SocketAddr,
    ) -> Result<Reply, ApiError> {
        let route = route.map_err(|error| match error {
            NoRoute::NotFound => ApiError::NotFound("there is nothing here; GET / lists what is"),
            NoRoute::MethodNotAllowed(allow) => ApiError::MethodNotAllowed(allow),
        })?;
        let client = client_address(&parts.headers, peer.ip(), &self.config.trusted_proxies);
        let call = Call { parts, client, now: (self.config.clock)(), body };
        match route {
            Route::Home => Ok(self.documents.home()),
            Route::PublicKey => Ok(keys::public_key(&self.config.keys.current())),
            Route::Discovery => self.documents.discovery(),
            Route::Jwks => Ok(keys::jwks(&self.config.keys.current())),
            Route::JwksEs256k => Ok(keys::jwks_es256k(&self.config.keys.current())),
            Route::DescribeTokens => self.describe_tokens(&call).await,
            Route::CreateTokens => self.create_tokens(call).await,
            Route::ListUsers => self.list_users(&call),
            Route::RegisterUser => self.register_user(call).await,
            Route::ShowUser(user) => self.show_user(&call, &user),
            Route::PatchUser(user) => self.patch_user(call, &user).await,
            Route::DeleteUser(user) => self.delete_user(&call, &user).await,
            Route::DescribeRecovery | Route::RecoverPassword => self.recover_password(call).await,
            Route::ListGroups => self.list_groups(&call),
            Route::CreateGroup => self.create_group(call).await,
            Route::ShowGroup(group) => self.show_group(&call, &group),
            Route::AddMember(group) => self.add_member(call, &group).await,
            Route::DeleteGroup(group) => self.delete_group(&call, &group).await,
            Route::RemoveMember(group, user) => self.remove_member(&call, &group, &user).await,
        }
    }

    /// The user the access token speaks for, as they stand now.
    fn caller(&self, call: &Call<'_>) -> Result<Caller, ApiError> {
        self.caller_at(&call.parts.headers, call.now)
    }

    fn caller_at(&self, headers: &HeaderMap, now: Timestamp) -> Result<Caller, ApiError> {
        let token = bearer(headers)?.ok_or(ApiError::TokenMissing)?;
        let claims = self.config.keys.current().verifier().access(token, now)?;
        let record = self.config.realm.directory().record(&claims.token.subject, now);
        let session = self.config.lifetimes.session;
        let admission = admit(Grant::Access(&claims), record.standing, session, now)?;
        let actor = Actor::user(&admission, record.holdings);
        Ok(Caller { admission, actor })
    }

    /// The caller and the body. A body may take its time, so the caller is judged again when all of it is there: what
    /// they were allowed when they began counts for nothing.
    async fn caller_with_fields(&self, call: Call<'_>) -> Result<(Caller, Fields), ApiError> {
        self.caller(&call)?;
        let parts = call.parts;
        let fields = call.fields().await?;
        Ok((self.caller_at(&parts.headers, (self.config.clock)())?, fields))
    }

    /// Like [`Api::caller`], for what may be asked without a token too.
    fn caller_if_any(&self, call: &Call<'_>) -> Result<Option<Caller>, ApiError> {
        match self.caller(call) {
            Ok(caller) => Ok(Some(caller)),
            Err(ApiError::TokenMissing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Carries out what the policy allows, and says so in the log.
    async fn write(&self, permit: Permit) -> Result<(), ApiError> {
        let (change, actor) = (permit.change().clone(), permit.actor().cloned());
        self.config.realm.write(permit).await?;
        match actor {
            Some(actor) => tracing::info!(?actor, ?change, "changed"),
            None => tracing::info!(?change, "changed by the operator"),
        }
        Ok(())
    }

    fn is_https(&self) -> bool {
        matches!(self.scheme, Scheme::Https)
    }

    /// The absolute URL of a path.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.hostname)
    }

    fn finish(&self, method: &Method, headers: &HeaderMap, reply: Reply) -> Response {
        let mut response = reply.into_response(preferred(headers));
        harden(&mut response, self.scheme);
        self.config.cors.apply(headers, &mut response);
        if method == Method::HEAD { reply::without_body(response) } else { response }
    }
}

/// Somebody with an access token that holds.
struct Caller {
    admission: Admission,
    actor: Actor,
}

impl Caller {
    /// Of a user's rosters those the caller may know of: with a token of limited scope, nobody learns their own groups
    /// beyond it.
    fn within(&self, user: &UserId, rosters: impl Iterator<Item = Roster>) -> Vec<Roster> {
        let own = self.actor.id() == Some(user);
        rosters.filter(|roster| !own || self.admission.scope().covers(roster)).collect()
    }
}

impl Handle for Api {
    async fn handle(&self, request: Request, peer: SocketAddr) -> Response {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let (method, headers) = (&parts.method, &parts.headers);
        if let Some(mut response) = self.config.cors.preflight(method, headers) {
            harden(&mut response, self.scheme);
            return response;
        }
        let route = Route::parse(method, parts.uri.path());
        let name = route.as_ref().map_or("none", Route::name);
        let reply = match self.answer(route, &parts, body, peer).await {
            Ok(reply) => reply,
            Err(error) => Reply::from(error.answer()),
        };
        let response = self.finish(method, headers, reply);
        self.observe(name, method, &response, started.elapsed());
        response
    }
}

impl Api {
    fn observe(&self, route: &'static str, method: &Method, response: &Response, took: Duration) {
        let status = response.status().as_u16();
        self.config.metrics.request(route, status, took);
        tracing::debug!(route, %method, status, took = ?took, "answered");
    }
}
