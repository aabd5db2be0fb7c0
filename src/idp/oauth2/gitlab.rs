//! GitLab's word on a user's groups ("GitLab as OpenID Connect identity provider").
//!
//! Must not know what they are used for.

use serde_json::Value;
use url::Url;

use super::super::error::ProviderError;
use super::{Bearer, expect_json, object};
use crate::outbound::HttpClient;

/// Where the API says who the user is, and where their claims are, below one server.
const USER: &str = "/api/v4/user";
const CLAIMS: &str = "/oauth/userinfo";
/// The claims that list groups by full path: all that the user is in, and those without what they are in above them.
const LISTS: [&str; 2] = ["groups", "groups_direct"];

/// The lists of groups that there are.
pub(super) async fn lists(
    http: &HttpClient,
    access: &Bearer,
    user: &Url,
) -> Result<Vec<(String, Value)>, ProviderError> {
    let mut place = user.clone();
    let server = user.path().strip_suffix(USER).unwrap_or_default();
    place.set_path(&format!("{server}{CLAIMS}"));
    place.set_query(None);
    let mut claims = object(&expect_json(access.get(http, place).await?)?)?;
    let lists = LISTS.into_iter().filter_map(|name| {
        let list = claims.remove(name).filter(Value::is_array)?;
        Some((name.to_owned(), list))
    });
    Ok(lists.collect())
}
