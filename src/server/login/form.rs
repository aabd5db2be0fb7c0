//! Answers that a provider has the browser bring in a form (OAuth 2.0 Form Post Response Mode), as Apple does.
//!
//! A browser sends no login cookie with a form of another site's page: the cookie is `SameSite=Lax`, so that other sites cannot
//! end logins by forms. So nothing is ended here. The browser is sent on by 303 to the same place with the answer in the query,
//! now with the cookie, and everything is judged there as of any other answer. A form that somebody else's page sends comes to no
//! more than a link on that page. Must not know what an answer means.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use url::form_urlencoded;

use super::malformed_answer;
use crate::idp::browser::{CallbackParams, ResponseMode};
use crate::idp::{LoginMethod, Provider};
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, FORM};

/// What of an answer is looked at, and how much of it in bytes. Apple's `user` is not signed by anybody: it is left.
const PASSED_ON: [(&str, usize); 5] =
    [("code", 4096), ("state", 512), ("iss", 1024), ("error", 100), ("error_description", 400)];

impl Api {
    /// POST to a provider's own place: nothing but the answer of one that answers so.
    pub(in crate::server) async fn return_by_form(
        &self,
        call: Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let (provider, allow) = self.provider_of_place(name)?;
        if !answers_by_form(provider) {
            return Err(ApiError::MethodNotAllowed(allow));
        }
        self.pass_on_form(call, provider).await
    }

    /// The provider that has a place of its own by this name, and what may be done there.
    pub(super) fn provider_of_place(
        &self,
        name: &str,
    ) -> Result<(&Provider, &'static str), ApiError> {
        let provider = self.provider(name)?;
        if !provider.login_methods().contains(&LoginMethod::Redirect) {
            return Err(ApiError::NotFound(
                "nobody logs in through this identity provider in a browser; GET /tokens/ says how they do",
            ));
        }
        Ok((provider, if answers_by_form(provider) { "GET, POST" } else { "GET" }))
    }

    /// Sends the browser on with what a form says.
    pub(in crate::server) async fn pass_on_form(
        &self,
        call: Call<'_>,
        provider: &Provider,
    ) -> Result<Reply, ApiError> {
        if !answers_by_form(provider) {
            return Err(ApiError::Malformed(
                "this identity provider's answers do not come in a form: that takes response_mode = \"form_post\" in its settings; \
                 a login begins with JSON, or with no body"
                    .to_owned(),
            ));
        }
        if !call.is_of_type(&[FORM]) {
            return Err(ApiError::Malformed(format!(
                "an identity provider's answer is a form, with the header Content-Type: {FORM}"
            )));
        }
        let idp = call.query("idp")?;
        let form = call.bytes().await?;
        let form = str::from_utf8(&form).map_err(|_| malformed_answer("form"))?;
        let params = CallbackParams::parse(form).map_err(|_| malformed_answer("form"))?;
        let is_answer = params.get("code").is_some() || params.get("error").is_some();
        if !is_answer || params.get("state").is_none() {
            return Err(ApiError::Malformed(
                "the form is no answer of an identity provider: it has neither code nor error, or no state"
                    .to_owned(),
            ));
        }
        // A reference without a path: the outside may know this place by another one.
        let place = HeaderValue::try_from(format!("?{}", in_query(idp.as_deref(), &params)?));
        let place = place.map_err(|_| malformed_answer("form"))?;
        Ok(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, place).unstored())
    }
}

fn answers_by_form(provider: &Provider) -> bool {
    provider.callback().is_some_and(|callback| callback.response_mode == ResponseMode::FormPost)
}

/// The same answer as a query.
fn in_query(idp: Option<&str>, params: &CallbackParams) -> Result<String, ApiError> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(idp) = idp {
        query.append_pair("idp", idp);
    }
    for (name, longest) in PASSED_ON {
        let Some(value) = params.get(name) else { continue };
        if value.len() > longest && name != "error_description" {
            return Err(ApiError::Malformed(format!("the {name} of the form is too long")));
        }
        query.append_pair(name, &value[..value.floor_char_boundary(longest)]);
    }
    Ok(query.finish())
}
