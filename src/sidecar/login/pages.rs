//! Our own paths: sign in, come back, sign out, who one is.
//!
//! Must not know how a session is kept fresh.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};
use serde_json::json;
use url::Url;
use url::form_urlencoded;

use super::BrowserLogin;
use super::cookies::UnderWay;
use super::destination::{allowed, is_same_origin};
use crate::relying::{AuthorizationAnswer, RelyingError, Wish};
use crate::sidecar::reply::{Page, Reply};
use crate::sidecar::target::Target;

/// How long a browser waits before it tries again, in seconds, while the issuer is away.
const RETRY: u32 = 2;

impl BrowserLogin {
    pub(super) async fn answer(
        self: &Arc<Self>,
        page: &str,
        target: &Target,
        headers: &HeaderMap,
    ) -> Reply {
        match (page, &target.method) {
            ("sign_in", &Method::GET) => self.sign_in(target).await,
            ("callback", &Method::GET) => self.callback(target, headers).await,
            // Neither a link nor a picture of another page signs anybody out.
            ("sign_out", &Method::GET | &Method::POST) => {
                if is_same_origin(&target.host, headers) {
                    self.sign_out(target, headers).await
                } else {
                    Reply::Forbidden
                }
            }
            ("me", &Method::GET) => self.me(headers).await,
            ("sign_in" | "callback" | "sign_out" | "me", _) => {
                Page::text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n").into()
            }
            _ => Page::text(StatusCode::NOT_FOUND, "sign_in, sign_out or me\n").into(),
        }
    }

    async fn sign_in(&self, target: &Target) -> Reply {
        let back = allowed(&self.settings, &parameter(target, "rd").unwrap_or_default());
        let mut scopes = vec!["openid"];
        scopes.extend(self.settings.scopes.iter().map(String::as_str));
        let wish = Wish { scopes: &scopes, resource: self.resource.as_deref() };
        let begun = match self.party().await {
            Ok(party) => party.begin(self.callback_url(), wish),
            Err(error) => Err(error),
        };
        let pending = match begun {
            Ok(pending) => pending,
            Err(error) => return failed(&error),
        };
        let login = UnderWay::new(pending.kept(), back, (self.clock)());
        match self.cookies.keep_login(&login) {
            Some(cookie) => redirect(pending.url.as_str(), [Some(cookie)]),
            None => {
                // What is asked for is too long to be carried.
                let login = UnderWay::new(pending.kept(), "/".to_owned(), (self.clock)());
                redirect(pending.url.as_str(), [self.cookies.keep_login(&login)])
            }
        }
    }

    async fn callback(&self, target: &Target, headers: &HeaderMap) -> Reply {
        let query = target.path.as_str().split_once('?').map_or("", |(_, query)| query);
        let login = self.cookies.login(headers, (self.clock)());
        let answer = AuthorizationAnswer::read(query);
        let pending = login.and_then(|login| Some((login.authorization.taken_up()?, login.back)));
        let (Some((pending, back)), Some(answer)) = (pending, answer) else {
            return Page::text(
                StatusCode::BAD_REQUEST,
                "this login was not begun in this browser, or too long ago: open the application again\n",
            )
            .into();
        };
        let finished = match self.party().await {
            Ok(party) => party.finish(pending, &answer).await,
            Err(error) => Err(error),
        };
        let tokens = match finished {
            Ok(login) => login.tokens,
            Err(error) => return failed(&error),
        };
        let refresh = self.begin(tokens).await;
        let cookie = refresh.and_then(|refresh| self.cookies.keep_session(&refresh));
        match cookie {
            Some(cookie) => redirect(&back, [Some(cookie), self.cookies.forget_login()]),
            None => {
                tracing::error!(
                    "nobody can log in: the issuer gives no refresh token (scope offline_access), one that no cookie holds, or an access \
                     token that is not taken here"
                );
                Page::text(
                    StatusCode::BAD_GATEWAY,
                    "you are logged in, and this application cannot keep it: ask who runs it\n",
                )
                .into()
            }
        }
    }

    /// First at the issuer: a session that is only forgotten here would go on for whoever has a copy of the cookie.
    async fn sign_out(&self, target: &Target, headers: &HeaderMap) -> Reply {
        let back = allowed(&self.settings, &parameter(target, "rd").unwrap_or_default());
        let Some(refresh) = self.cookies.session(headers) else {
            return redirect(&back, [self.cookies.forget_session()]);
        };
        let refresh = self.end(refresh);
        let revoked = match self.party().await {
            Ok(party) => party.revoke(&refresh).await,
            Err(error) => Err(error),
        };
        match revoked {
            Ok(()) => redirect(&back, [self.cookies.forget_session()]),
            Err(error) => failed(&error),
        }
    }

    async fn me(self: &Arc<Self>, headers: &HeaderMap) -> Reply {
        let identity = match self.known(headers).await {
            Ok(Some(identity)) => identity,
            Ok(None) => return Reply::Unauthenticated(None),
            Err(reply) => return reply,
        };
        let told = json!({
            "user": identity.user, "groups": identity.groups, "expires_at": identity.expires_at.as_unix(),
        });
        let mut page = Page::text(StatusCode::OK, format!("{told}\n"));
        page.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(cookie) = self.renewed_cookie(headers) {
            page.headers.append(SET_COOKIE, cookie);
        }
        page.into()
    }

    fn callback_url(&self) -> Url {
        let mut url = self.settings.url.clone();
        url.set_path(&format!("{}/callback", self.settings.path));
        url
    }
}

fn parameter(target: &Target, wanted: &str) -> Option<String> {
    let query = target.path.as_str().split_once('?')?.1;
    let mut found = form_urlencoded::parse(query.as_bytes());
    found.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

fn redirect(place: &str, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Reply {
    let mut page = Page::text(StatusCode::SEE_OTHER, "");
    for cookie in cookies.into_iter().flatten() {
        page.headers.append(SET_COOKIE, cookie);
    }
    // Made of what was checked, or of the issuer's own.
    if let Ok(place) = HeaderValue::try_from(place) {
        page.headers.insert(LOCATION, place);
    }
    page.into()
}

fn failed(error: &RelyingError) -> Reply {
    tracing::warn!(error = error as &dyn std::error::Error, "a login or its end came to nothing");
    match error {
        RelyingError::Call(_) | RelyingError::Away => Reply::Unavailable(RETRY),
        RelyingError::Refused(_) | RelyingError::MixedUp | RelyingError::IdToken(_) => {
            Page::text(StatusCode::FORBIDDEN, "you are not logged in: open the application again\n")
                .into()
        }
        _ => Page::text(
            StatusCode::BAD_GATEWAY,
            "nobody can log in at the moment: ask who runs this application\n",
        )
        .into(),
    }
}

impl Page {
    /// A few words.
    fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        Self { status, headers, body: text.into() }
    }
}
