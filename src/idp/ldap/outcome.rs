//! What the answer to a login by password means, and whose fault it is.
//!
//! Must not know how it was asked.

use super::connection::Trouble;
use super::message::{Outcome, PasswordPolicy};
use crate::idp::error::{AccountState, ProviderError};
use crate::outbound::CallError;

/// Result codes (RFC 4511 appendix A.2).
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const OPERATIONS_ERROR: u32 = 1;
    pub(super) const TIME_LIMIT_EXCEEDED: u32 = 3;
    pub(super) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(super) const REFERRAL: u32 = 10;
    pub(super) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
    pub(super) const CONFIDENTIALITY_REQUIRED: u32 = 13;
    pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INVALID_DN_SYNTAX: u32 = 34;
    pub(super) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
    pub(super) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(super) const BUSY: u32 = 51;
    pub(super) const UNAVAILABLE: u32 = 52;
    pub(super) const UNWILLING_TO_PERFORM: u32 = 53;
}

impl Outcome {
    /// Whether it says no because of who asks, and would again.
    pub(super) fn is_about_the_account(&self) -> bool {
        matches!(
            self.code,
            code::INVALID_CREDENTIALS
                | code::CONSTRAINT_VIOLATION
                | code::NO_SUCH_OBJECT
                | code::INAPPROPRIATE_AUTHENTICATION
                | code::INSUFFICIENT_ACCESS_RIGHTS
                | code::UNWILLING_TO_PERFORM
        )
    }
}

impl Outcome {
    /// Whether the entry that was asked for is not there, or not for us to see.
    pub(super) fn hides_an_entry(&self) -> bool {
        matches!(self.code, code::NO_SUCH_OBJECT | code::INSUFFICIENT_ACCESS_RIGHTS)
    }

    /// Whether there is nothing by the name below which was looked.
    pub(super) fn is_missing(&self) -> bool {
        self.code == code::NO_SUCH_OBJECT
    }

    /// Whether what was asked for is in another directory, or in none: its name is none.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.code, code::REFERRAL | code::INVALID_DN_SYNTAX)
    }
}

/// How the login of a user went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is them.
    Right,
    /// It is not, or their account takes no logins; nobody learns which.
    Wrong,
    /// It is them, and their account takes no logins now.
    Closed(AccountState),
}

/// What the answer to a user's login says.
///
/// # Errors
/// [`Trouble`] when it says nothing about the user.
pub(super) fn proof(outcome: Outcome, policy: PasswordPolicy) -> Result<Proof, Trouble> {
    match (outcome.code, policy) {
        (code::SUCCESS, PasswordPolicy::Silent) => Ok(Proof::Right),
        // The password is right, and opens nothing but its own change.
        (code::SUCCESS, PasswordPolicy::ToChange) => {
            Ok(Proof::Closed(AccountState::PasswordToChange))
        }
        (code::SUCCESS | code::INVALID_CREDENTIALS, PasswordPolicy::Expired) => {
            Ok(Proof::Closed(AccountState::PasswordExpired))
        }
        (code::INVALID_CREDENTIALS, _) => {
            Ok(active_directory(&outcome.diagnostic).map_or(Proof::Wrong, Proof::Closed))
        }
        (code::SUCCESS, PasswordPolicy::Locked)
        | (
            code::CONSTRAINT_VIOLATION
            | code::NO_SUCH_OBJECT
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::INSUFFICIENT_ACCESS_RIGHTS
            | code::UNWILLING_TO_PERFORM,
            _,
        ) => Ok(Proof::Wrong),
        _ => Err(Trouble::Answered(outcome)),
    }
}

/// What Active Directory says, in hexadecimal behind `data`, of an account whose password is right. What it says of others
/// (525 unknown, 52e wrong, 775 locked) is nobody's business.
fn active_directory(diagnostic: &str) -> Option<AccountState> {
    let (_, rest) = diagnostic.split_once(" data ")?;
    match rest.split(',').next()?.trim() {
        "530" | "531" => Some(AccountState::NotNow),
        "532" => Some(AccountState::PasswordExpired),
        "533" => Some(AccountState::Disabled),
        "701" => Some(AccountState::Expired),
        "773" => Some(AccountState::PasswordToChange),
        _ => None,
    }
}

/// What trouble with the directory comes to for whoever logs in; what it was is for the log.
pub(super) fn error_of(trouble: &Trouble) -> ProviderError {
    match trouble {
        Trouble::Away(_) | Trouble::Closed => CallError::Unreachable.into(),
        Trouble::Invalid(place) => ProviderError::InvalidResponse(place),
        Trouble::Refused(_) => {
            ProviderError::Misconfigured("it does not take our bind_dn and bind_password")
        }
        Trouble::Answered(outcome) => match outcome.code {
            code::BUSY
            | code::UNAVAILABLE
            | code::TIME_LIMIT_EXCEEDED
            | code::ADMIN_LIMIT_EXCEEDED => ProviderError::Unreachable,
            code::REFERRAL => {
                ProviderError::InvalidResponse("a referral to elsewhere, which is not followed")
            }
            code::CONFIDENTIALITY_REQUIRED | code::STRONGER_AUTH_REQUIRED => {
                ProviderError::Misconfigured("it wants TLS, which the settings leave out")
            }
            code::NO_SUCH_OBJECT => {
                ProviderError::Misconfigured("it has no such base, or does not show it to us")
            }
            code::OPERATIONS_ERROR | code::INSUFFICIENT_ACCESS_RIGHTS => {
                ProviderError::Misconfigured("it does not let our bind_dn search")
            }
            _ => ProviderError::InvalidResponse("it says no to what we ask"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u32, diagnostic: &str) -> Outcome {
        Outcome::new(code, diagnostic)
    }

    #[test]
    fn only_success_without_a_word_is_right() {
        for code in (0..=130).chain([4096, u32::MAX]) {
            for policy in [
                PasswordPolicy::Silent,
                PasswordPolicy::Expired,
                PasswordPolicy::Locked,
                PasswordPolicy::ToChange,
            ] {
                let right = code == 0 && policy == PasswordPolicy::Silent;
                let judged = proof(answer(code, ""), policy);
                assert_eq!(matches!(judged, Ok(Proof::Right)), right, "{code} {policy:?}");
            }
        }
    }

    #[test]
    fn accounts_of_active_directory() {
        let said = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v4563"
            )
        };
        for (data, state) in [
            ("530", Some(AccountState::NotNow)),
            ("531", Some(AccountState::NotNow)),
            ("532", Some(AccountState::PasswordExpired)),
            ("533", Some(AccountState::Disabled)),
            ("701", Some(AccountState::Expired)),
            ("773", Some(AccountState::PasswordToChange)),
            ("52e", None),
            ("525", None),
            ("775", None),
            ("", None),
        ] {
            let judged = proof(answer(49, &said(data)), PasswordPolicy::Silent).unwrap();
            assert_eq!(judged, state.map_or(Proof::Wrong, Proof::Closed), "{data}");
        }
    }

    #[test]
    fn whose_fault_it_is() {
        let error = |code| error_of(&Trouble::Answered(answer(code, "")));
        for code in [3, 11, 51, 52] {
            assert_eq!(error(code), ProviderError::Unreachable, "{code}");
        }
        for code in [2, 10, 14, 34, 49, 53, 80, 4096] {
            assert!(matches!(error(code), ProviderError::InvalidResponse(_)), "{code}");
        }
        for code in [1, 8, 13, 32, 50] {
            assert!(matches!(error(code), ProviderError::Misconfigured(_)), "{code}");
        }
    }
}
