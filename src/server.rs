//! The HTTP API: from a request to an answer.
//!
//! Owns routes, handlers and documents: a handler parses, has `service` do what is asked, and writes the answer. Must not
//! know which store there is, nor who may do what.
//!
//! | File | Owns |
//! |---|---|
//! | `route` | all paths: what is asked |
//! | `api` | tokens, users and groups as Core JSON |
//! | `login` | logins in a browser |
//! | `oauth` | the endpoints of the OpenID provider |
//! | `page` | what all pages for people have in common |
//! | `well_known` | what everybody may read: JSON home, public keys |
//! | `request` | what a request says |
//! | `reply` | an answer before it is put into HTTP |
//! | `document` | the encoding of documents |
//! | `moment` | dates and times of day as text |
//! | `error` | where errors meet status codes |

mod api;
pub mod document;
pub mod error;
mod login;
mod moment;
mod oauth;
mod page;
mod reply;
mod request;
pub mod route;
mod well_known;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::header::ACCESS_CONTROL_REQUEST_METHOD;
use http::request::Parts;
use http::{HeaderMap, Method};
use ipnet::IpNet;

use crate::domain::base_url::BaseUrl;
use crate::service::Service;
use crate::telemetry::Metrics;
use crate::web::limits::Attempts;
use crate::web::peer::{Client, UnknownProxies};
use crate::web::respond::{Cors, Scheme, harden, vary};
use crate::web::{Body, Handle, Request, Response};

use document::Frame;
use error::ApiError;
use login::{Cookies, ReplayGuard};
use page::is_for_a_person;
use reply::Reply;
use request::Call;
use route::{NoRoute, Route, Sharing};
use well_known::WellKnown;

/// What is said where somebody else is, or a proxy has taken our path off.
const NOT_OURS: &str = "this Pasee is below the path that hostname in its settings ends in, and nothing of it is here; a proxy in front of it \
                        passes paths on as they are, and takes nothing off";

/// How the API answers.
pub struct Config {
    /// Where the outside finds this Pasee.
    pub base: BaseUrl,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Limits attempts to guess.
    pub attempts: Attempts,
    /// Which web pages may call.
    pub cors: Cors,
    /// Counts.
    pub metrics: Metrics,
}

/// The API, ready to answer.
pub struct Api {
    config: Config,
    service: Service,
    scheme: Scheme,
    cookies: Cookies,
    well_known: WellKnown,
    pair_frame: Frame,
    replays: ReplayGuard,
    unknown_proxies: UnknownProxies,
}

impl Api {
    /// The API over the use cases.
    #[must_use]
    pub fn new(config: Config, service: Service) -> Self {
        let keys = service.keys().current();
        Self {
            cookies: Cookies::new(&config.base, keys.signer().issuer().as_str()),
            scheme: if config.base.is_https() { Scheme::Https } else { Scheme::Http },
            well_known: WellKnown::new(&config.base, &service),
            pair_frame: api::pair_frame(&config.base),
            replays: ReplayGuard::default(),
            unknown_proxies: UnknownProxies::default(),
            config,
            service,
        }
    }

    async fn answer(
        &self,
        route: Result<Route, NoRoute>,
        parts: &Parts,
        body: Body,
        peer: SocketAddr,
    ) -> Result<Reply, ApiError> {
        let route = route.map_err(unrouted)?;
        let client = Client::of(&parts.headers, peer.ip(), &self.config.trusted_proxies);
        self.unknown_proxies.note(client);
        let call = Call { parts, client, now: self.service.now(), body: Some(body) };
        let keys = self.service.keys();
        match route {
            Route::Home if is_for_a_person(&parts.headers) => self.show_home_page(&call).await,
            Route::Home => Ok(self.show_home(&call)),
            Route::ShowLogin => self.show_login(&call),
            Route::LogIn => self.log_in_by_form(call).await,
            Route::ShowLogout => Ok(self.show_logout(&call)),
            Route::LogOut => self.log_out(call).await,
            Route::ShowInvitation => self.show_invitation(&call).await,
            Route::TakeInvitation => self.take_invitation(call).await,
            Route::ShowLeave => self.show_leave(&call).await,
            Route::Leave => self.leave(call).await,
            Route::PublicKey => Ok(well_known::public_key(keys.current().signer().public())),
            Route::Discovery => self.well_known.discovery(),
            Route::Authorize => self.authorize(&call).await,
            Route::AuthorizeByForm => self.authorize_by_form(call).await,
            Route::Consent => self.consent(call).await,
            Route::Token => self.give_tokens(call).await,
            Route::UserInfo => self.user_info(call).await,
            Route::PushRequest => self.push_request(call).await,
            Route::RevokeToken => self.revoke_token(call).await,
            Route::Introspect => self.introspect(call).await,
            Route::Revocations => self.revocations(&call).await,
            Route::BeginDevice => self.begin_device(call).await,
            Route::ShowDevice => self.show_device(&call).await,
            Route::AnswerDevice => self.answer_device(call).await,
            Route::EndSessionFor => self.end_session_for(&call).await,
            Route::EndSessionByForm => self.end_session_by_form(call).await,
            Route::Jwks => Ok(well_known::jwks(keys.current().jwks())),
            Route::JwksEs256k => Ok(well_known::jwks(keys.current().jwks_es256k())),
            Route::DescribeTokens => self.describe_tokens(&call).await,
            Route::CreateTokens => self.create_tokens(call).await,
            Route::VisitProvider(name) => self.visit_provider(&call, &name).await,
            Route::ReturnByForm(name) => self.return_by_form(call, &name).await,
            Route::ListUsers => self.list_users(&call),
            Route::RegisterUser => self.register_user(call).await,
            Route::ShowMe => self.show_me(&call),
            Route::ShowUser(user) => self.show_user(&call, &user),
            Route::PatchUser(user) => self.patch_user(call, &user).await,
            Route::DeleteUser(user) => self.delete_user(&call, &user).await,
            Route::EndSession(user, sid) => self.end_session(&call, &user, &sid).await,
            Route::DescribeRecovery | Route::RecoverPassword => self.recover_password(call).await,
            Route::ListGroups => self.list_groups(&call),
            Route::CreateGroup => self.create_group(call).await,
            Route::ShowGroup(group) => self.show_group(&call, &group).await,
            Route::AddMember(group) => self.add_member(call, &group).await,
            Route::DescribeGroup(group) => self.describe_group(call, &group).await,
            Route::DeleteGroup(group) => self.delete_group(&call, &group).await,
            Route::Invite(group) => self.invite(call, &group).await,
            Route::VoidInvitations(group) => self.void_invitations(&call, &group).await,
            Route::PatchMember(group, user) => self.patch_member(call, &group, &user).await,
            Route::RemoveMember(group, user) => self.remove_member(&call, &group, &user).await,
        }
    }

    /// What is asked for, below the path that we are at, or at the host about our issuer.
    fn route(&self, method: &Method, path: &str) -> Result<Route, NoRoute> {
        if self.well_known.is_at(path) {
            return Route::of_discovery(method);
        }
        let below = self.config.base.below(path).ok_or(NoRoute::NotOurs)?;
        Route::parse(method, below)
    }

    /// The answer to a page that asks whether it may ask.
    fn preflight(&self, method: &Method, headers: &HeaderMap, path: &str) -> Option<Response> {
        let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        let asked = asked.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let route = asked.and_then(|method| self.route(&method, path).ok());
        match route.as_ref().map_or(Sharing::Api, Route::sharing) {
            // Which client asks stands in the request that follows.
            Sharing::Client => {
                let clients = self.service.clients();
                let origins = clients.iter().flat_map(|client| &client.allowed_origins);
                let origins: Vec<String> = origins.map(ToString::to_string).collect();
                Cors::new(&origins).preflight(method, headers)
            }
            sharing => self.cors(sharing).preflight(method, headers),
        }
    }

    /// Whose pages may read an answer that does not say so itself.
    fn cors(&self, sharing: Sharing) -> Cors {
        match sharing {
            Sharing::Api => self.config.cors.clone(),
            Sharing::Everybody => Cors::new(&["*".to_owned()]),
            Sharing::Client | Sharing::Nobody => Cors::new(&[]),
        }
    }

    /// The absolute URL of a path.
    fn url(&self, path: &str) -> String {
        self.config.base.url(path)
    }

    fn finish(
        &self,
        method: &Method,
        headers: &HeaderMap,
        mut reply: Reply,
        sharing: Sharing,
    ) -> Response {
        let is_page = reply.is_page();
        let shared = reply.take_sharing();
        let mut response = reply.into_response(headers);
        harden(&mut response, self.scheme);
        if is_page {
            // Of no use to other origins' scripts, whoever they are.
            vary(response.headers_mut(), &["Accept-Language", "Cookie"]);
        } else {
            shared.as_ref().unwrap_or(&self.cors(sharing)).apply(headers, &mut response);
        }
        if method == Method::HEAD { reply::without_body(response) } else { response }
    }
}

fn unrouted(error: NoRoute) -> ApiError {
    match error {
        NoRoute::NotFound => ApiError::NotFound("there is nothing here; GET / lists what is"),
        NoRoute::NotOurs => ApiError::NotFound(NOT_OURS),
        NoRoute::MethodNotAllowed(allow) => ApiError::MethodNotAllowed(allow),
    }
}

impl Handle for Api {
    async fn handle(&self, request: Request, peer: SocketAddr) -> Response {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let (method, headers) = (&parts.method, &parts.headers);
        if let Some(mut response) = self.preflight(method, headers, parts.uri.path()) {
            harden(&mut response, self.scheme);
            return response;
        }
        let route = self.route(method, parts.uri.path());
        let name = route.as_ref().map_or("none", Route::name);
        let sharing = route.as_ref().map_or(Sharing::Api, Route::sharing);
        let reply = match self.answer(route, &parts, body, peer).await {
            Ok(reply) => reply,
            // Whoever proves a key is told what the next proof needs (RFC 9449 section 9).
            Err(error @ ApiError::Proof(_)) => {
                self.nonced(self.refusal(&parts, &error), self.service.now())
            }
            Err(error) => self.refusal(&parts, &error),
        };
        let response = self.finish(method, headers, reply, sharing);
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
