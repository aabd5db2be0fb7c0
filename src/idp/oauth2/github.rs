//! GitHub's lists of a user's organizations and teams.
//!
//! Must not know what they are used for.

use std::time::Duration;

use http::StatusCode;
use http::header::{LINK, RETRY_AFTER};
use serde_json::Value;
use url::Url;

use super::super::error::ProviderError;
use super::{Bearer, expect_json, json};
use crate::jose::json::strict_object;
use crate::outbound::{HttpClient, Response};

/// Most entries of a page, which is GitHub's own bound.
const PAGE: usize = 100;
/// How long who is limited is to wait at least, where GitHub does not say.
const PAUSE: Duration = Duration::from_secs(60);
/// Most pages that are read of one list; who is in more is taken to be in these.
const MAX_PAGES: usize = 10;

/// The claims `organizations` and `teams`, as far as they are wanted. A team is `organization/team`, in the spelling of
/// URLs.
pub(super) async fn lists(
    http: &HttpClient,
    access: &Bearer,
    user: &Url,
    organizations: bool,
    teams: bool,
) -> Result<Vec<(String, Value)>, ProviderError> {
    let mut claims = Vec::new();
    if organizations {
        let names = names(http, access, user, "orgs", organization).await?;
        claims.push(("organizations".to_owned(), Value::from(names)));
    }
    if teams {
        let names = names(http, access, user, "teams", team).await?;
        claims.push(("teams".to_owned(), Value::from(names)));
    }
    Ok(claims)
}

async fn names(
    http: &HttpClient,
    access: &Bearer,
    user: &Url,
    place: &str,
    name: fn(&Value) -> Option<String>,
) -> Result<Vec<String>, ProviderError> {
    let mut names = Vec::new();
    for page in 1..=MAX_PAGES {
        let mut url = user.clone();
        url.set_path(&format!("{}/{place}", user.path().trim_end_matches('/')));
        url.query_pairs_mut()
            .append_pair("per_page", &PAGE.to_string())
            .append_pair("page", &page.to_string());
        let answer = access.get(http, url).await?;
        if let Some(limited) = limited(&answer) {
            return Err(limited);
        }
        let says_next = says_next(&answer);
        let Value::Array(entries) = json(&expect_json(answer)?)? else {
            return Err(ProviderError::InvalidResponse("a list that is none"));
        };
        if entries.len() > PAGE {
            return Err(ProviderError::InvalidResponse("a page with more than was asked for"));
        }
        // A page may be shorter than what was asked for, and not be the last.
        let is_last = !says_next.unwrap_or(entries.len() == PAGE);
        let found: Vec<String> = entries.iter().filter_map(name).collect();
        let odd = entries.len() - found.len();
        if odd > 0 {
            tracing::info!(place, odd, "entries without a right name are left out");
        }
        names.extend(found);
        if is_last {
            return Ok(names);
        }
    }
    tracing::warn!(place, "a user has more than 1000 entries at GitHub; the rest is left out");
    Ok(names)
}

/// Whether there is a page behind this one, as the header `Link` says (RFC 8288); nothing where there is no such header.
fn says_next(answer: &Response) -> Option<bool> {
    let mut links = answer.headers.get_all(LINK).iter().peekable();
    links.peek()?;
    let mut links = links.filter_map(|link| link.to_str().ok()).flat_map(|links| links.split(','));
    Some(links.any(|link| {
        let mut parameters = link.split(';').skip(1);
        parameters.any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"))
    }))
}

/// GitHub says 403 to who has used up their requests, or makes too many at once ("Rate limits for the REST API", primary and
/// secondary ones).
pub(super) fn limited(answer: &Response) -> Option<ProviderError> {
    let left = answer.headers.get("x-ratelimit-remaining");
    let is_limited = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
        && (left.is_some_and(|left| left == "0")
            || answer.headers.contains_key(RETRY_AFTER)
            || names_limit(&answer.body));
    if !is_limited {
        return None;
    }
    let wait = answer.retry_after().unwrap_or(PAUSE);
    let (status, retry_after) = (answer.status, wait.as_secs());
    tracing::warn!(%status, retry_after, "GitHub answers no more for now: its limit of requests is used up");
    Some(ProviderError::Limited(wait))
}

/// Whether its message speaks of a limit, for not each of its answers has a header of it.
fn names_limit(body: &[u8]) -> bool {
    let Ok(object) = strict_object(body) else { return false };
    let message = object.get("message").and_then(Value::as_str).unwrap_or_default();
    message.to_ascii_lowercase().contains("rate limit")
}

fn organization(entry: &Value) -> Option<String> {
    name(entry.get("login")?)
}

fn team(entry: &Value) -> Option<String> {
    let organization = organization(entry.get("organization")?)?;
    Some(format!("{organization}/{}", name(entry.get("slug")?)?))
}

/// A name as GitHub makes them; nothing with a `/`, which would be another team's.
fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=100).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}
