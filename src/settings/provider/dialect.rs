//! In what the providers of OAuth 2.0 differ.
//!
//! Must not know any provider's places.

/// How a client proves itself at the token place (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the header `Authorization: Basic`.
    Basic,
    /// In the body.
    Post,
}

/// Whether a login is bound to its code by a secret of its own (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    /// By the SHA-256 of one.
    S256,
    /// Not at all.
    Off,
}

/// What one provider has and the others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Nothing.
    Plain,
    /// GitHub's REST API, which also tells of organizations and teams.
    GitHub {
        /// `organizations`: the claim `organizations` lists the logins of the user's.
        organizations: bool,
        /// `teams`: the claim `teams` lists the user's, as `organization/team`.
        teams: bool,
    },
    /// GitLab, which also tells of groups.
    GitLab {
        /// `groups`: the claim `groups` lists the full paths of the user's.
        groups: bool,
    },
    /// Facebook's Graph API, which takes a proof of the app's secret beside each access token.
    Facebook,
}
