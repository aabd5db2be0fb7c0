//! What has ended before its time, for those who verify tokens themselves: the list, and the wait until it is another.
//!
//! Whoever has the newest list waits for the next, by what is heard and not by looking. What many wait for at once is told
//! together: a moment after the first of it. Must not know what ends.

use std::time::Duration;

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use tokio::time::{Instant, sleep, timeout_at};

use super::answer::failed;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Known, ListError, Look};

/// Longest wait, in seconds.
const LONGEST_WAIT: u64 = 60;
/// How long what happens next is told together with what just has.
const TOGETHER: Duration = Duration::from_millis(100);
/// When to ask again where nobody more may wait, in seconds.
const NO_PLACE: HeaderValue = HeaderValue::from_static("5");
/// RFC 7519 section 10.3.1, of this kind.
const LIST: HeaderValue = HeaderValue::from_static("application/revocations+jwt");

impl Api {
    /// GET `/revocations`: what has ended within the time that an access token lasts.
    pub(in crate::server) async fn revocations(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        match self.asked_by_header(call).await? {
            Err(reply) => return Ok(reply),
            Ok(client) if client.is_public() => {
                let public = "a client without a secret is not told what has ended";
                return Ok(failed(&OAuthError::new(ErrorCode::InvalidClient, public).into()));
            }
            Ok(_) => {}
        }
        let number = |name, most| match call.query(name)?.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) if number <= most => Ok(Some(number)),
                _ => Err(ApiError::Malformed(format!(
                    "{name} is no number from 0 to {most}; a right query is ?wait=30&after=SEQ, with the seq of the last list"
                ))),
            },
        };
        let wait = Duration::from_secs(number("wait", LONGEST_WAIT)?.unwrap_or_default());
        let after = number("after", u64::MAX / 2)?;
        let tags = call.parts.headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let is_waiting = !wait.is_zero();
        self.next_list(Known { after, tags, is_waiting }, wait).await
    }

    async fn next_list(&self, known: Known<'_>, wait: Duration) -> Result<Reply, ApiError> {
        let revocations = self.service.revocations();
        let mut changes = revocations.watch();
        let until = Instant::now() + wait;
        let mut place = None;
        loop {
            let look = match self.service.revocation_list(known, self.service.now()) {
                Ok(look) => look,
                Err(ListError::Ahead) => {
                    return Err(ApiError::Malformed(ListError::Ahead.to_string()));
                }
                Err(ListError::Sign(error)) => return Err(error.into()),
            };
            if look.news.is_some() || Instant::now() >= until || revocations.is_over() {
                return Ok(told(look));
            }
            if place.is_none() {
                place = revocations.wait();
            }
            if place.is_none() {
                return Ok(told(look).with(RETRY_AFTER, NO_PLACE));
            }
            if timeout_at(until, changes.changed()).await.is_ok_and(|changed| changed.is_ok()) {
                sleep(TOGETHER).await;
            }
        }
    }

    /// Answers all who wait, now and from now on: the server stops.
    pub fn end_waits(&self) {
        self.service.revocations().end_waits();
    }
}

fn told(look: Look) -> Reply {
    let reply = match look.news {
        Some(list) => Reply::typed(StatusCode::OK, LIST, list),
        None => Reply::empty(StatusCode::NOT_MODIFIED),
    };
    // Kept by nobody but who asks, and asked for again each time.
    let reply = reply.with(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    match HeaderValue::from_str(&look.tag) {
        Ok(tag) => reply.with(ETAG, tag),
        Err(_) => reply,
    }
}
