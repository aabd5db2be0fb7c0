//! `/oauth2/device_authorization` and `/device`: a login for a device that has no browser (RFC 8628).
//!
//! Whoever types in a code is always asked whether the device is theirs (section 5.4). Must not know who may log in to what.

use askama::Template;
use http::StatusCode;
use serde_json::json;

use super::answer::json_reply;
use super::asked::Asked;
use crate::oauth::device::{INTERVAL, UserCode};
use crate::oauth::request::resource;
use crate::oauth::scope::AskedScope;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::login::{LoginWishes, Target, is_from_elsewhere};
use crate::server::page::{Message, Onward, Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Guess, Guesser, OAuthFailure, Said, SsoSession, Typed};
use crate::web::limits::{Attempt, RetryAfter};
use crate::web::peer::{Client, network};

/// Where people type the code in.
const DEVICE: &str = "/device";

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    page: &'a Page,
    refused: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "device_confirm.html")]
struct ConfirmPage<'a> {
    page: &'a Page,
    heading: String,
    user: &'a str,
    code: String,
    token: String,
}

impl Api {
    /// POST `/oauth2/device_authorization`: a login that a device begins.
    pub(in crate::server) async fn begin_device(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let address = network(call.client.address).to_string();
        let asked = match self.asked(call).await? {
            Ok(asked) => asked,
            Err(reply) => return Ok(reply),
        };
        let begun = self.begun_device(&asked, &address);
        Ok(asked.answered(begun))
    }

    fn begun_device(&self, asked: &Asked<'_>, address: &str) -> Result<Reply, OAuthFailure> {
        asked.params.once()?;
        let scope = AskedScope::read(asked.params.get("scope"))?;
        let resource = resource(&asked.params, &asked.client)?;
        let begun =
            self.service.begin_device(&asked.client, &scope, resource, address, asked.now)?;
        let place = self.url(DEVICE);
        let members = json!({
            "device_code": begun.device_code,
            "user_code": begun.user_code.to_string(),
            "verification_uri": place,
            "verification_uri_complete": format!("{place}?user_code={}", begun.user_code),
            "expires_in": begun.expires_in,
            "interval": INTERVAL,
        });
        Ok(json_reply(StatusCode::OK, &members))
    }

    /// GET `/device`: where a code is typed in, and the question whether the device is theirs who typed it.
    pub(in crate::server) async fn show_device(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let login = call.query("login")?;
        let code = match &login {
            Some(id) => match self.continuation(call, id).map(|continuation| continuation.target) {
                Some(Target::Device(code)) => Some(code).filter(|code| !code.is_empty()),
                _ => return Err(ApiError::LoginUnknown),
            },
            None => call.query("user_code")?.filter(|code| code.len() <= 64),
        };
        let Some(session) = self.sso_session(call) else {
            let target = Target::Device(code.unwrap_or_default());
            return self.login_page(call, target, LoginWishes::default()).await;
        };
        let page = self.page(call.parts);
        let reply = match code {
            None => Reply::page(StatusCode::OK, &page, &DevicePage { page: &page, refused: None }),
            Some(code) => self.confirm_device(call, &page, &session, &code).await?,
        };
        let reply = match &login {
            Some(id) => self.without_login(id, reply),
            None => reply,
        };
        Ok(self.kept(call, &session, reply))
    }

    async fn confirm_device(
        &self,
        call: &Call<'_>,
        page: &Page,
        session: &SsoSession,
        code: &str,
    ) -> Result<Reply, ApiError> {
        let attempt = self.guess_of_device(call.client, session)?;
        let asked = match UserCode::typed(code) {
            Some(code) => {
                let guesser = guesser(call.client, session);
                match self.service.asked_device(code, &guesser, call.now).await {
                    Typed::Known(asked) => Some((code, asked)),
                    Typed::Unknown => None,
                    Typed::TooMany(wait) => return Err(ApiError::TooMany(RetryAfter(wait))),
                }
            }
            None => None,
        };
        let Some((code, asked)) = asked else {
            attempt.counts();
            let refused = Some(page.texts().device_unknown);
            return Ok(Reply::page(StatusCode::NOT_FOUND, page, &DevicePage { page, refused }));
        };
        attempt.was_right();
        let confirm = ConfirmPage {
            page,
            heading: filled(page.texts().device_question, &asked.client),
            user: session.user().as_str(),
            code: code.to_string(),
            token: session.form_token().to_string(),
        };
        Ok(Reply::page(StatusCode::OK, page, &confirm))
    }

    /// Codes are short: whoever guesses them is counted, by who they are and where, be it by a question or by an answer.
    fn guess_of_device(
        &self,
        client: Client,
        session: &SsoSession,
    ) -> Result<Attempt<'_>, ApiError> {
        let name = name_of(session.user().as_str());
        self.config.attempts.guess(client, &[name]).map_err(ApiError::TooMany)
    }

    /// What this process says to a question of another one of the same realm; `None` for what is no question. Guesses are counted
    /// here as if they had been made here.
    pub async fn answer_replica(&self, question: &[u8]) -> Option<Vec<u8>> {
        let count = |guesser: &Guesser, guess: Guess| {
            let client = Client { address: guesser.address, claimed: guesser.claimed };
            let attempt = self.config.attempts.guess(client, &[name_of(&guesser.user)]);
            let attempt = attempt.map_err(|RetryAfter(wait)| wait)?;
            match guess {
                Guess::Open => attempt.was_right(),
                Guess::Wrong => attempt.counts(),
            }
            Ok(())
        };
        self.service.answer_replica(question, &count, self.service.now()).await
    }

    /// Whether somebody is about to fetch what this process alone keeps.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.service.is_waited_for()
    }

    /// POST `/device`: what they say.
    pub(in crate::server) async fn answer_device(
        &self,
        mut call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let form = call.form().await?;
        let session = self.sso_session(&call).ok_or(ApiError::LoginUnknown)?;
        let is_ours = session.form_token().is(form.get("form_token").unwrap_or_default());
        if !is_ours || is_from_elsewhere(&call.parts.headers) {
            return Err(ApiError::FormUnknown);
        }
        let said = if form.get("answer") == Some("yes") { Said::Yes } else { Said::No };
        let page = self.page(call.parts);
        let texts = page.texts();
        let attempt = self.guess_of_device(call.client, &session)?;
        let answered = match UserCode::typed(form.get("user_code").unwrap_or_default()) {
            Some(code) => {
                let guesser = guesser(call.client, &session);
                let typed = (code, &guesser);
                self.service.answer_device(typed, &session, said, call.now).await
            }
            None => Ok(Typed::Unknown),
        };
        let is_told = match answered {
            Ok(Typed::TooMany(wait)) => return Err(ApiError::TooMany(RetryAfter(wait))),
            Ok(Typed::Known(())) => true,
            Ok(Typed::Unknown) | Err(_) => false,
        };
        if is_told {
            attempt.was_right();
        } else {
            attempt.counts();
        }
        let (status, heading, advice) = match (is_told, said) {
            (true, Said::Yes) => (StatusCode::OK, texts.device_done, texts.device_done_advice),
            (true, Said::No) => (StatusCode::OK, texts.device_denied, texts.device_denied_advice),
            (false, _) => (StatusCode::FORBIDDEN, texts.device_denied, texts.device_unknown),
        };
        let message = Message {
            page: &page,
            heading,
            advice: advice.to_owned(),
            detail: None,
            names_request: None,
            onward: Some(Onward { href: page.path("/"), label: texts.to_the_start }),
        };
        Ok(Reply::page(status, &page, &message))
    }
}

/// Whom a guess counts for.
fn guesser(client: Client, session: &SsoSession) -> Guesser {
    let Client { address, claimed } = client;
    Guesser { address, claimed, user: session.user().as_str().to_owned() }
}

/// What guesses of a user are counted under.
fn name_of(user: &str) -> String {
    format!("device {user}")
}
