//! What is demanded of a login at an OpenID provider (OpenID Connect Core 1.0 section 3.1.2.1), and when the user showed there who
//! they are (section 2, `auth_time`).
//!
//! Must not know who demands it, nor what becomes of a login that is not what was demanded.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use crate::domain::auth_time::{AuthTime, Freshness};
use crate::domain::time::Timestamp;
use crate::idp::browser::LoginDemand;
use crate::settings;

/// Its documentation knows `none`, `consent` and `select_account`; it refuses a request with another `prompt`.
const GOOGLE: &str = "https://accounts.google.com";

/// The parameters that say so, with what the settings always ask for. What those say in `authorization_parameters` stands.
pub(super) fn demanded(
    settings: &settings::Oidc,
    metadata: &Metadata,
    demand: &LoginDemand,
) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    let lacks_login = metadata.lacks_prompt_login || settings.issuer.as_str() == GOOGLE;
    let asked = match demand.freshness {
        Freshness::Any => None,
        Freshness::Chosen => Some("select_account"),
        Freshness::Now if lacks_login => Some("select_account"),
        Freshness::Now => Some("login"),
    };
    let mut prompts: Vec<&str> = settings.prompt.as_deref().into_iter().collect();
    prompts.extend(asked.filter(|asked| !prompts.contains(asked)));
    if !prompts.is_empty() {
        parameters.push(("prompt", prompts.join(" ")));
    }
    // Whoever is asked for max_age says when the user showed who they are; 0 is prompt=login.
    let now = (demand.freshness == Freshness::Now).then_some(Duration::ZERO);
    let ages = [settings.max_age, demand.max_age, now];
    if let Some(max_age) = ages.into_iter().flatten().min() {
        parameters.push(("max_age", max_age.as_secs().to_string()));
    }
    let is_said = |name| settings.authorization_parameters.iter().any(|(said, _)| said == name);
    if let Some(values) = &demand.acr_values
        && !is_said("acr_values")
    {
        parameters.push(("acr_values", values.clone()));
    }
    if !demand.methods.is_empty() && metadata.takes_claims && !is_said("claims") {
        // Section 5.5.1.
        let methods = json!({ "essential": true, "values": demand.methods });
        parameters.push(("claims", json!({ "id_token": { "amr": methods } }).to_string()));
    }
    parameters
}

/// When the user showed who they are, by an ID token that was just issued. Its times are by the provider's clock, of which only what
/// lies between them counts.
pub(super) fn auth_time(claims: &Map<String, Value>, now: Timestamp) -> AuthTime {
    let seconds = |name| claims.get(name).and_then(seconds);
    let (Some(login), Some(issued)) = (seconds("auth_time"), seconds("iat")) else {
        return AuthTime::Unproved;
    };
    let age = issued.saturating_sub(login).max(0);
    let moment = now.as_unix().checked_sub(age).and_then(Timestamp::from_unix);
    moment.map_or(AuthTime::Unproved, AuthTime::Before)
}

/// A time in whole seconds, however it is written (RFC 7519 section 2).
fn seconds(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time that does not fit is absurd, and is one all the same"
    )]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies between a provider's times counts, whatever its clock shows, and no login is of the future.
    #[test]
    fn when_somebody_showed_who_they_are() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let at =
            |seconds: i64| AuthTime::Before(Timestamp::from_unix(1_800_000_000 + seconds).unwrap());
        for (claims, expected) in [
            (json!({ "iat": 1_800_000_000, "auth_time": 1_800_000_000 }), at(0)),
            (json!({ "iat": 1_800_000_000, "auth_time": 1_799_999_900 }), at(-100)),
            (json!({ "iat": 1_800_000_040, "auth_time": 1_799_999_940 }), at(-100)),
            (json!({ "iat": 1_799_999_950, "auth_time": 1_799_999_850 }), at(-100)),
            (json!({ "iat": 1_800_000_000.9, "auth_time": 1_799_999_900.2 }), at(-100)),
            (json!({ "iat": 1_800_000_000, "auth_time": 1_800_000_030 }), at(0)),
            (json!({ "iat": 1_800_000_000 }), AuthTime::Unproved),
            (json!({ "iat": 1_800_000_000, "auth_time": "1800000000" }), AuthTime::Unproved),
            (json!({ "iat": 1_800_000_000, "auth_time": null }), AuthTime::Unproved),
            (json!({ "iat": 1_800_000_000, "auth_time": i64::MIN }), AuthTime::Unproved),
        ] {
            assert_eq!(auth_time(claims.as_object().unwrap(), now), expected, "{claims}");
        }
    }
}
