//! What a client's request demands of the login that is for it.
//!
//! Must not know how a provider is told.

use super::cookie::{Ending, LoginCookie, Target};
use crate::idp::browser::LoginDemand;
use crate::oauth::params::Params;
use crate::oauth::request::AuthorizationRequest;
use crate::server::Api;

impl Api {
    /// What is demanded of this login.
    pub(super) fn demand(&self, login: &LoginCookie) -> LoginDemand {
        let any = LoginDemand { freshness: login.freshness(), ..LoginDemand::default() };
        match login.ending() {
            Ending::Session(Target::Authorize(query)) => self.demand_of(query, &any).unwrap_or(any),
            _ => any,
        }
    }

    /// What a request demands; it was read before, and its client may be gone since.
    fn demand_of(&self, query: &str, any: &LoginDemand) -> Option<LoginDemand> {
        let params = Params::parse(query).ok()?;
        let client = self.service.client(params.get("client_id")?)?;
        let request = AuthorizationRequest::read(&params, &client).ok()?;
        Some(LoginDemand {
            max_age: request.max_age,
            acr_values: request.acr_values,
            methods: client.require_amr.iter().map(|it| it.as_str().to_owned()).collect(),
            ..any.clone()
        })
    }
}
