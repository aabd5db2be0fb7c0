//! What time it is by the API server: the header `Date` of its answers (RFC 9110 section 6.6.1).
//!
//! One clock may be wrong. What is taken away for good, and what replicas count on of each other, goes by that of the API server
//! too, or alone. Must not know what that is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{DATE, HeaderMap};
use kube::api::GetParams;
use kube::core::{NamespaceResourceScope, Status};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::domain::time::Timestamp;

/// How far two clocks may be apart that are right.
const APART: Duration = Duration::from_secs(60);
/// Between two lines about the same.
const HOUR: u64 = 3_600;

/// What time it is; `None` where something on the way leaves it out.
///
/// # Errors
/// It did not answer.
pub async fn ask(client: &Client) -> kube::Result<Option<Timestamp>> {
    let request = http::Request::get("/version").body(Vec::new());
    Ok(answer(client, request.map_err(kube::Error::HttpError)?).await?.1)
}

/// An object, if it is there, and what time it was read at.
pub(super) async fn read<K>(
    client: &Client,
    namespace: &str,
    name: &str,
) -> kube::Result<(Option<K>, Option<Timestamp>)>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned,
{
    let request = kube::core::Request::new(K::url_path(&(), Some(namespace)));
    let request = request.get(name, &GetParams::default()).map_err(kube::Error::BuildRequest)?;
    let (text, at) = answer(client, request).await?;
    let object = match text {
        Some(text) => Some(serde_json::from_slice(&text).map_err(kube::Error::SerdeError)?),
        None => None,
    };
    Ok((object, at))
}

/// The body, if there is what was asked for, and the time.
async fn answer(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> kube::Result<(Option<bytes::Bytes>, Option<Timestamp>)> {
    let response = client.send(request.map(Into::into)).await?;
    let (code, at) = (response.status(), date(response.headers()));
    let text = response.into_body().collect_bytes().await?;
    if code.is_success() {
        return Ok((Some(text), at));
    }
    if code == http::StatusCode::NOT_FOUND {
        return Ok((None, at));
    }
    let status = serde_json::from_slice::<Status>(&text).unwrap_or_else(|_| {
        Status::failure(&String::from_utf8_lossy(&text), "not a Status").with_code(code.as_u16())
    });
    Err(kube::Error::Api(status.boxed()))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Timestamp::from_unix(date.timestamp().as_second())
}

/// Says in the log, once an hour at most, when this process' clock is not that of the API server.
pub fn compare(own: Timestamp, server: Timestamp) {
    /// When it was last said, by a clock that nobody sets, in seconds and one more; 0 = never.
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let seconds = own.as_unix() - server.as_unix();
    if seconds.unsigned_abs() <= APART.as_secs() {
        return;
    }
    let uptime = uptime().as_secs() + 1;
    let told = TOLD.load(Ordering::Relaxed);
    if told != 0 && uptime < told + HOUR {
        return;
    }
    TOLD.store(uptime, Ordering::Relaxed);
    let direction = if seconds > 0 { "ahead of" } else { "behind" };
    tracing::warn!(
        seconds,
        "the clock of this machine is {} s {direction} that of the Kubernetes API server: set the one that is wrong right. What has ended \
         is taken away when it has by both",
        seconds.unsigned_abs()
    );
}

/// Since this was first asked.
fn uptime() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let date = |text: &str| {
            let headers = [(DATE, text.parse().unwrap())].into_iter().collect();
            date(&headers).map(Timestamp::as_unix)
        };
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for wrong in ["", "yesterday", "1994-11-06T08:49:37Z"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
        assert_eq!(super::date(&HeaderMap::new()), None);
    }
}
