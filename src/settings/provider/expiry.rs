//! Client secrets that are JWTs, as Apple's are: they end, and every login with them.
//!
//! Must not believe one: whose it is, its provider judges.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::from_file::FromFile;
use crate::settings::reader::Table;

/// How long before its end a secret is warned of.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Warns of a `client_secret` that is over, or will be soon.
pub(super) fn warn_of_end(settings: &Table<'_>, secret: Option<&FromFile<SecretString>>) {
    let Some(end) = secret.and_then(|secret| end_of(secret.value().expose_secret())) else {
        return;
    };
    let keys = ["client_secret", "client_secret_file"];
    let Some(item) = keys.into_iter().find_map(|key| settings.get(key)) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let advice =
        "a right one of Apple's is made anew by client_auth = \"apple\", whose key does not end";
    match end.checked_sub(now) {
        None => item.warn(format_args!(
            "is a JWT that has expired, {} days ago: nobody logs in with it; {advice}",
            days(now.saturating_sub(end))
        )),
        Some(left) if left <= SOON => item.warn(format_args!(
            "is a JWT that expires in {} days, and nobody logs in from then on; {advice}",
            days(left)
        )),
        Some(_) => {}
    }
}

fn days(time: Duration) -> u64 {
    time.as_secs() / (24 * 60 * 60)
}

/// When a JWT is over (RFC 7519 section 4.1.4); nothing of what is none, or has no end.
fn end_of(secret: &str) -> Option<Duration> {
    let mut parts = secret.split('.');
    let (header, claims) = (parts.next()?, parts.next()?);
    (parts.next().is_some() && parts.next().is_none()).then_some(())?;
    let object = |part: &str| -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&bytes).ok().filter(Value::is_object)
    };
    object(header)?.get("alg")?;
    let end = object(claims)?.get("exp")?.as_f64().filter(|end| end.is_finite() && *end >= 0.0)?;
    Duration::try_from_secs_f64(end).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let jwt = |claims: &str| format!("{}.{}.c2ln", part("{\"alg\":\"ES256\"}"), part(claims));
        for (secret, end) in [
            (jwt("{\"exp\": 7}"), Some(7)),
            (jwt("{\"exp\": 7.5}"), Some(7)),
            (jwt("{\"exp\": -7}"), None),
            (jwt("{\"exp\": 1e300}"), None),
            (jwt("{\"exp\": \"7\"}"), None),
            (jwt("{}"), None),
            (jwt("7"), None),
            (format!("{}.x", jwt("{\"exp\": 7}")), None),
            (format!("{}.{}.x", part("{}"), part("{\"exp\": 7}")), None),
            ("a.b.c".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(end_of(&secret).map(|end| end.as_secs()), end, "{secret}");
        }
    }
}
