//! The parameter `scope` (RFC 6749 section 3.3): OAuth scopes, and limits of groups.
//!
//! What is not understood is left out (OpenID Connect Core 1.0 section 3.1.2.1), but for a limit that is malformed: to leave that out
//! would be to grant more than was asked for. `offline_access` is not understood: which client gets refresh tokens is written
//! down with it. Must not know what is granted.

use super::error::{ErrorCode, OAuthError};
use crate::domain::authorization::{OAuthScope, OAuthScopes};
use crate::domain::token::{Scope, ScopeError};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedScope {
    /// The OAuth scopes that are known here.
    pub scopes: OAuthScopes,
    /// The limit of groups.
    pub limit: Scope,
}

impl AskedScope {
    /// Reads the parameter; nothing of it asks for nothing.
    ///
    /// # Errors
    /// `invalid_scope`.
    pub fn read(text: Option<&str>) -> Result<Self, OAuthError> {
        let text = text.unwrap_or_default();
        let is_right = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if !text.bytes().all(is_right) {
            return Err(invalid(
                "a scope is made of printable ASCII characters, with spaces between",
            ));
        }
        let words = || text.split(' ').filter(|word| !word.is_empty());
        let scopes = words().filter_map(|word| word.parse::<OAuthScope>().ok()).collect();
        let limits: Vec<&str> = words().filter(|word| word.starts_with("groups:")).collect();
        let limit = match limits.as_slice() {
            [] => Scope::Unlimited,
            limits => limits.join(" ").parse().map_err(of_limit)?,
        };
        Ok(Self { scopes, limit })
    }
}

fn invalid(description: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, description.into())
}

fn of_limit(error: ScopeError) -> OAuthError {
    invalid(error.to_string())
}

/// Scopes as they are granted: OAuth scopes first.
#[must_use]
pub fn granted(scopes: &OAuthScopes, limit: &Scope) -> String {
    let (scopes, limit) = (scopes.to_string(), limit.to_string());
    match (scopes.is_empty(), limit.is_empty()) {
        (false, false) => format!("{scopes} {limit}"),
        (true, _) => limit,
        (false, true) => scopes,
    }
}

/// What lies within both limits.
///
/// # Errors
/// `invalid_scope` when that is nothing, or more than a token may name.
pub fn within(client: &Scope, asked: &Scope) -> Result<Scope, OAuthError> {
    client.intersection(asked).map_err(|error| match error {
        ScopeError::Empty => invalid(
            "none of the groups asked for reaches the tokens of this client: its setting groups names those that do",
        ),
        error => of_limit(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked() {
        let read = |text: &str| AskedScope::read(Some(text)).unwrap();
        let shown = |text: &str| granted(&read(text).scopes, &read(text).limit);
        for (asked, understood) in [
            ("", ""),
            ("openid", "openid"),
            ("groups email openid profile", "openid profile email groups"),
            ("openid offline_access address user:email", "openid"),
            ("groups:b groups:a  openid", "openid groups:a groups:b"),
            ("groups groups:a", "groups groups:a"),
            ("OPENID Groups:a", ""),
        ] {
            assert_eq!(shown(asked), understood, "{asked}");
        }
        assert_eq!(AskedScope::read(None).unwrap(), AskedScope::default());
    }

    #[test]
    fn malformed() {
        let many: Vec<String> = (0..17).map(|number| format!("groups:g{number}")).collect();
        for wrong in [
            "groups:",
            "groups:A",
            "openid groups:a..b",
            "openid\temail",
            "é",
            "a\"b",
            "a\\b",
            &many.join(" "),
        ] {
            let error = AskedScope::read(Some(wrong)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidScope, "{wrong}");
        }
    }

    #[test]
    fn within_both() {
        let scope = |text: &str| -> Scope {
            if text.is_empty() { Scope::Unlimited } else { text.parse().unwrap() }
        };
        for (client, asked, both) in [
            ("", "", Some("")),
            ("groups:a", "", Some("groups:a")),
            ("", "groups:a", Some("groups:a")),
            ("groups:a", "groups:a.b groups:c", Some("groups:a.b")),
            (
                "groups:a.b groups:a.c.staff groups:d",
                "groups:a",
                Some("groups:a.b groups:a.c.staff"),
            ),
            ("groups:a", "groups:b", None),
            ("groups:a.staff", "groups:a", Some("groups:a.staff")),
            ("groups:a", "groups:staff", None),
            ("groups:staff", "groups:staff groups:a", Some("groups:staff")),
        ] {
            let found = within(&scope(client), &scope(asked));
            match both {
                Some(both) => assert_eq!(found, Ok(scope(both)), "{client} {asked}"),
                None => assert_eq!(found.unwrap_err().code(), ErrorCode::InvalidScope),
            }
            let other_way_round = within(&scope(asked), &scope(client));
            assert_eq!(other_way_round.ok(), both.map(scope), "{client} {asked}");
        }
    }
}
