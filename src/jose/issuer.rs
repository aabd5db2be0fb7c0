//! Whose ID tokens are believed: one issuer's, or those of some tenants of a provider that has an issuer for each of them.
//!
//! Owns the template of such issuers, and how a token's tenant is read. Must not know signatures, nor where documents are.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::compact::ClaimSet;
use super::error::VerifyError;

/// What stands in an issuer, and in its document, for the tenant's id (Entra ID: "OpenID Connect on the Microsoft identity
/// platform").
pub const TENANT_PLACE: &str = "{tenantid}";

/// Who may have issued an ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedIssuer {
    /// This one, to the letter.
    One(String),
    /// One of a template, filled with the id of one of these tenants.
    Tenants {
        /// Has [`TENANT_PLACE`] once.
        template: String,
        /// Those whose users log in; at least one.
        tenants: Vec<TenantId>,
    },
}

/// The id of a tenant: a GUID in small letters, as Entra ID writes it in `tid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantId(String);

/// A text is no tenant's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no id of a tenant; a right one is a GUID in small letters, such as \"00000000-1111-2222-3333-444444444444\""
)]
pub struct TenantIdError;

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        let is_hex =
            |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        if lengths == [8, 4, 4, 4, 12] && parts.into_iter().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TenantIdError)
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TenantId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TrustedIssuer {
    /// What its discovery document has to call itself, to the letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(issuer) => issuer,
            Self::Tenants { template, .. } => template,
        }
    }

    /// Whether an answer that calls itself this one's is one (RFC 9207 section 2.4).
    #[must_use]
    pub fn answers_as(&self, issuer: &str) -> bool {
        match self {
            Self::One(one) => one == issuer,
            Self::Tenants { template, tenants } => {
                tenants.iter().any(|tenant| filled(template, tenant) == issuer)
            }
        }
    }

    /// The tenant of a user, where there are several: `None` where there is one issuer.
    ///
    /// # Errors
    /// The tenant, when it is not one whose users log in; nothing when the claims name none.
    pub fn tenant_of(&self, claims: &Map<String, Value>) -> Result<Option<&TenantId>, TenantId> {
        let Self::Tenants { tenants, .. } = self else { return Ok(None) };
        // A token without a tenant was refused before: see `judge`.
        let found = tenant(claims.get("tid")).ok_or_else(|| TenantId(String::new()))?;
        match tenants.iter().find(|tenant| **tenant == found) {
            Some(known) => Ok(Some(known)),
            None => Err(found),
        }
    }

    /// Refuses a token of another issuer, or by a key that is another issuer's. Whether the users of its tenant log in is
    /// not judged here: they are to read why they do not.
    pub(super) fn judge(
        &self,
        claims: &ClaimSet,
        key_issuer: Option<&str>,
    ) -> Result<(), VerifyError> {
        let issuer = claims.text("iss")?;
        match self {
            Self::One(one) if one == issuer => Ok(()),
            Self::One(_) => Err(VerifyError::Issuer),
            Self::Tenants { template, .. } => {
                let tenant = tenant(claims.get("tid")).ok_or(VerifyError::Claim("tid"))?;
                let is_keys = |key: &str| key.replacen(TENANT_PLACE, tenant.as_str(), 1) == issuer;
                if filled(template, &tenant) == issuer && key_issuer.is_none_or(is_keys) {
                    Ok(())
                } else {
                    Err(VerifyError::Issuer)
                }
            }
        }
    }
}

fn filled(template: &str, tenant: &TenantId) -> String {
    template.replacen(TENANT_PLACE, tenant.as_str(), 1)
}

fn tenant(claim: Option<&Value>) -> Option<TenantId> {
    claim.and_then(Value::as_str)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "00000000-1111-2222-3333-444444444444";
    const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
    const TEMPLATE: &str = "https://login.example.com/{tenantid}/v2.0";

    fn of_one() -> TrustedIssuer {
        TrustedIssuer::Tenants {
            template: TEMPLATE.to_owned(),
            tenants: vec![ONE.parse().unwrap()],
        }
    }

    #[test]
    fn ids_of_tenants() {
        assert!(ONE.parse::<TenantId>().is_ok() && OTHER.parse::<TenantId>().is_ok());
        let long = format!("{ONE}0");
        for wrong in [
            "",
            "common",
            "{tenantid}",
            &long,
            "00000000-1111-2222-3333-44444444444",
            "00000000-1111-2222-3333-44444444444G",
            "9188040D-6C67-4C5B-B112-36A304B66DAD",
            "000000001111-2222-3333-4444-44444444",
            " 00000000-1111-2222-3333-44444444444",
        ] {
            assert_eq!(wrong.parse::<TenantId>(), Err(TenantIdError), "{wrong}");
        }
    }

    /// The tenant fills the template exactly, and a key that is another issuer's is none.
    #[test]
    fn issuers_of_tenants() {
        let own = format!("https://login.example.com/{ONE}/v2.0");
        let others = format!("https://login.example.com/{OTHER}/v2.0");
        for (issuer, tenant, key, expected) in [
            (&own, json!(ONE), None, Ok(())),
            (&own, json!(ONE), Some(TEMPLATE), Ok(())),
            (&own, json!(ONE), Some(own.as_str()), Ok(())),
            (&own, json!(ONE), Some(others.as_str()), Err(VerifyError::Issuer)),
            // A tenant that is not listed is one all the same: its user is told.
            (&others, json!(OTHER), None, Ok(())),
            (&others, json!(ONE), None, Err(VerifyError::Issuer)),
            (&own, json!(OTHER), None, Err(VerifyError::Issuer)),
            (&TEMPLATE.to_owned(), json!(ONE), None, Err(VerifyError::Issuer)),
            (&TEMPLATE.to_owned(), json!("{tenantid}"), None, Err(VerifyError::Claim("tid"))),
            (&own, json!(null), None, Err(VerifyError::Claim("tid"))),
            (&own, json!([ONE]), None, Err(VerifyError::Claim("tid"))),
            (&format!("{own}/"), json!(ONE), None, Err(VerifyError::Issuer)),
        ] {
            let claims = ClaimSet::unsigned(json!({ "iss": issuer, "tid": tenant }));
            assert_eq!(of_one().judge(&claims, key), expected, "{issuer} {tenant} {key:?}");
        }
        assert!(of_one().answers_as(&own));
        assert!(!of_one().answers_as(&others) && !of_one().answers_as(TEMPLATE));
        let claims = |tenant: Value| json!({ "tid": tenant }).as_object().cloned().unwrap();
        assert_eq!(of_one().tenant_of(&claims(json!(ONE))).unwrap().unwrap().as_str(), ONE);
        assert_eq!(of_one().tenant_of(&claims(json!(OTHER))).unwrap_err().as_str(), OTHER);
        assert!(of_one().tenant_of(&claims(json!(1))).is_err());
        let one = TrustedIssuer::One(own.clone());
        assert_eq!(one.tenant_of(&claims(json!(OTHER))), Ok(None));
        assert!(one.answers_as(&own) && !one.answers_as(&others));
    }
}
