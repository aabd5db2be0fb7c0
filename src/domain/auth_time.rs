//! When the user of a session showed who they are, and how fresh that is to be.
//!
//! Must not know who demands what.

use super::time::Timestamp;

/// When the user of a session showed who they are, as far as that was proved. An identity provider that people are sent to may know
/// them by a session of its own, and then the login here is younger than what it is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthTime {
    /// At the login that the session began with.
    #[default]
    AtLogin,
    /// Before that login, then.
    Before(Timestamp),
    /// At some time before it, which nobody says.
    Unproved,
}

impl AuthTime {
    /// The same, of a login at this moment.
    #[must_use]
    pub fn of_login_at(self, login: Timestamp) -> Self {
        match self {
            Self::Before(moment) if login <= moment => Self::AtLogin,
            other => other,
        }
    }
}

/// Whether a login of before is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    #[default]
    Any,
    /// The user is to choose who they are.
    Chosen,
    /// The user is to show who they are now.
    Now,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_before_a_login() {
        let at = |seconds| Timestamp::from_unix(seconds).unwrap();
        let of_login = |time: AuthTime| time.of_login_at(at(100));
        assert_eq!(of_login(AuthTime::Before(at(99))), AuthTime::Before(at(99)));
        for no_earlier in [AuthTime::Before(at(100)), AuthTime::Before(at(101)), AuthTime::AtLogin]
        {
            assert_eq!(of_login(no_earlier), AuthTime::AtLogin);
        }
        assert_eq!(of_login(AuthTime::Unproved), AuthTime::Unproved);
    }
}
