//! The HTTP API, as its user calls it.
//!
//! Owns how an answer is read and what a refusal is told as. Must not know what is asked for, nor how tokens are had. A token goes
//! to the issuer that gave it and nowhere else: links of an answer are followed by their query alone.

use std::collections::BTreeSet;

use anyhow::{Context, Error, anyhow, bail};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Url;

use super::issuer::calls;
use super::kept::Session;
use super::{LoginNeeded, shown};
use crate::cli::now;
use crate::jose::json::strict_object;
use crate::outbound::{CallError, HttpClient, Repeat, Response};
use crate::relying::{AccessToken, IssuerUrl, RelyingParty, Token, TokenScheme};

/// How much of an answer is read, in bytes: a page of 500 members with everything that can be done to each.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Most pages of one list.
const MAX_PAGES: usize = 10_000;

/// The HTTP API of one Pasee, as one user.
pub(in crate::cli) struct Api {
    issuer: IssuerUrl,
    http: HttpClient,
    session: Session,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    document: Map<String, Value>,
    wait: Option<u64>,
}

impl Answer {
    fn new(answer: &Response) -> Self {
        let document = strict_object(answer.text()).unwrap_or_default();
        let wait = answer.retry_after().map(|wait| wait.as_secs());
        Self { status: answer.status, document, wait }
    }

    /// What it says for people.
    pub(super) fn title(&self) -> String {
        let title = self.document.get("_meta").and_then(|meta| meta.get("title")?.as_str());
        title.map_or_else(|| format!("status {}", self.status.as_u16()), shown)
    }

    /// The same, as why something is not done.
    pub(super) fn refusal(&self, issuer: &IssuerUrl) -> Error {
        let title = self.title();
        match (self.status, self.wait) {
            (StatusCode::UNAUTHORIZED, _) => {
                LoginNeeded::new(format!("{issuer} does not take this login: {title}"), issuer)
                    .into()
            }
            (status, _) if status.is_redirection() => anyhow!(
                "{issuer} answers with a redirect, which is not followed; name the Pasee by the URL that it has"
            ),
            (_, Some(wait)) => anyhow!("{issuer} says: {title} ({wait} s)"),
            _ => anyhow!("{issuer} says: {title}"),
        }
    }
}

/// Asks once; a refusal is an answer too.
pub(super) async fn send(
    http: &HttpClient,
    (method, place): (Method, Url),
    shown: Vec<(&'static str, String)>,
    body: Option<String>,
) -> anyhow::Result<Answer> {
    let repeat = if method == Method::GET { Repeat::Harmless } else { Repeat::Never };
    let host = place.host_str().unwrap_or_default().to_owned();
    let mut request = http.request(method, place.as_str()).header(ACCEPT, "application/json");
    for (name, value) in shown {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    let sent = http.limited::<_, CallError>(http.send(request, repeat)).await;
    sent.map(|answer| Answer::new(&answer)).with_context(|| format!("{host} gives no answer"))
}

/// The two tokens of an answer of `POST /tokens/`.
pub(super) fn pair(answer: &Answer) -> anyhow::Result<(AccessToken, Option<Token>)> {
    let token = |name: &str| answer.document.get(name)?.as_str().and_then(Token::read);
    let seconds = answer.document.get("expires_in").and_then(Value::as_u64);
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let access = access.context("the answer has no access token in it; is this a Pasee?")?;
    let scheme = TokenScheme::Bearer;
    Ok((AccessToken::new(access, scheme, seconds.unwrap_or(60), now()), refresh))
}

impl Api {
    pub(super) fn new(issuer: &IssuerUrl, session: Session) -> anyhow::Result<Self> {
        Ok(Self { issuer: issuer.clone(), http: calls(issuer, MAX_ANSWER)?, session })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let place = self.issuer.at(path);
        let (key, access) = (self.session.key.as_ref(), &self.session.access);
        let shown = RelyingParty::show(key, access, (&method, &place), None, now())?;
        send(&self.http, (method, place), shown, body.map(ToString::to_string)).await
    }

    /// A document.
    pub(in crate::cli) async fn get(&self, path: &str) -> anyhow::Result<Map<String, Value>> {
        let answer = self.call(Method::GET, path, None).await?;
        match answer.status {
            StatusCode::OK if !answer.document.is_empty() => Ok(answer.document),
            StatusCode::OK => bail!("{} answers with something else than a document", self.issuer),
            _ => Err(answer.refusal(&self.issuer)),
        }
    }

    /// A change. What it is refused with is an error, or for who asks so the status.
    pub(in crate::cli) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: Option<StatusCode>,
    ) -> anyhow::Result<StatusCode> {
        let answer = self.call(method, path, body).await?;
        if answer.status.is_success() || Some(answer.status) == expected {
            return Ok(answer.status);
        }
        Err(answer.refusal(&self.issuer))
    }

    /// What was made, as the answer says it.
    pub(in crate::cli) async fn make(
        &self,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Map<String, Value>> {
        let answer = self.call(Method::POST, path, Some(body)).await?;
        if answer.status.is_success() {
            return Ok(answer.document);
        }
        Err(answer.refusal(&self.issuer))
    }

    /// All pages of a list, and the first page with all else that it says.
    pub(in crate::cli) async fn list(
        &self,
        path: &str,
        name: &str,
    ) -> anyhow::Result<(Map<String, Value>, Vec<Value>)> {
        let (mut first, mut items, mut seen) = (None, Vec::new(), BTreeSet::new());
        // What the next page's query says takes the place of that of the first.
        let bare = path.split('?').next().unwrap_or_default();
        let mut place = path.to_owned();
        for _ in 0..MAX_PAGES {
            let mut page = self.get(&place).await?;
            if let Some(Value::Array(found)) = page.remove(name) {
                items.extend(found);
            }
            let next =
                page.get("next").and_then(|next| next.get("url")?.as_str()).map(str::to_owned);
            let first = first.get_or_insert(page);
            let Some(next) = next else { return Ok((std::mem::take(first), items)) };
            let next: Option<Url> = next.parse().ok();
            let next = next.as_ref().and_then(Url::query).context("its next page is nowhere")?;
            place = format!("{bare}?{next}");
            if !seen.insert(place.clone()) {
                break;
            }
        }
        bail!("{} gives pages without an end", self.issuer)
    }

    /// Whom the tokens speak for.
    pub(in crate::cli) async fn user(&self) -> anyhow::Result<String> {
        let me = self.get("/users/me").await?;
        let name = me.get("username").and_then(Value::as_str);
        name.map(str::to_owned).context("Pasee does not say who you are")
    }

    /// Ends the session of these tokens. One that is over already is as good.
    pub(super) async fn end_session(&self) -> anyhow::Result<()> {
        let answer = self.call(Method::GET, "/users/me", None).await?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(());
        }
        let me = answer.document;
        let session = me.get("session").and_then(|session| session.get("sid")?.as_str());
        let user = me.get("username").and_then(Value::as_str);
        let (Some(user), Some(session)) = (user, session) else {
            bail!("{} does not say which session this is", self.issuer);
        };
        let path = format!("/users/{}/sessions/{}", encoded(user), encoded(session));
        self.change(Method::DELETE, &path, None, None).await.map(drop)
    }
}

/// A name as it stands in a path.
pub(in crate::cli) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
