//! What is written down of a client, and how much of it there may be.
//!
//! Must not know which parts of it go together, nor where it is written down.

use std::collections::BTreeSet;

use crate::domain::claim::ClaimName;
use crate::domain::membership::Roster;
use crate::domain::party::Audience;
use crate::domain::scope::Scope;
use crate::domain::user::ProviderName;

use super::grant_type::GrantType;
use super::id::ClientId;
use super::method::AuthenticationMethod;
use super::origin::Origin;
use super::redirect_uri::RedirectUri;
use super::secret::SecretHash;

/// Longest name shown to people, in characters.
pub const MAX_NAME: usize = 100;
/// Most hashes of secrets: the one in use, and those that are coming or going.
pub const MAX_SECRETS: usize = 10;
/// Most places to come back to, and as many origins, audiences and groups of each kind.
pub const MAX_LISTED: usize = 50;
/// Most methods of authentication that are demanded at once.
pub const MAX_METHODS: usize = 10;

/// What ID tokens for a client are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdTokenAlg {
    /// What a client may count on that has said nothing (OpenID Connect Dynamic Client Registration 1.0 section 2).
    #[default]
    Rs256,
    /// For those that can.
    Es256,
}

/// Whether a person is asked before the application learns who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// No: the application belongs to whoever runs the realm.
    #[default]
    Implied,
    /// Once in each session, on a page.
    Asked,
}

/// Whether the client's access tokens are bound to a key of its own (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dpop {
    /// A proof that comes binds the refresh token of a public client; access tokens stay bearer tokens.
    #[default]
    Optional,
    /// No token without a proof, and access tokens are bound too.
    Required,
}

/// Whether a request for a code needs a challenge (RFC 7636).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pkce {
    /// One that was sent is enforced. A public client needs one nevertheless: [`Client::requires_pkce`](super::Client::requires_pkce).
    #[default]
    Optional,
    /// None goes without.
    Required,
}

/// What is written down of a client. Each text in it is well-formed by its type; what goes together is decided by
/// [`Client::new`](super::Client::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMetadata {
    /// `client_id`.
    pub id: ClientId,
    /// What people are shown: 1 to [`MAX_NAME`] characters, no control character.
    pub name: String,
    /// What its secret may hash to; none for a public client (RFC 6749 section 2.1).
    pub secret_hashes: Vec<SecretHash>,
    /// Where a browser may be sent back to with a code.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may be sent after a logout.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Pages that may call the token, revocation and UserInfo endpoints from a browser.
    pub allowed_origins: Vec<Origin>,
    /// How it may come by tokens.
    pub grant_types: BTreeSet<GrantType>,
    /// What it may name by `resource` (RFC 8707) besides its own id.
    pub audiences: Vec<Audience>,
    /// The groups that reach its tokens.
    pub groups: Scope,
    /// Who may log in to it: whoever is on one of these, or everybody when there is none.
    pub require_groups: Vec<Roster>,
    /// Methods (`amr`) that the login must have used, every one of them.
    pub require_amr: Vec<AuthenticationMethod>,
    /// Claims that it may be told, of those that the settings of the identity provider let pass.
    pub claims: Vec<ClaimName>,
    /// What its ID tokens are signed with.
    pub id_token_alg: IdTokenAlg,
    /// The identity providers whose tokens it may exchange (RFC 8693).
    pub exchange_providers: Vec<ProviderName>,
    /// Whether people are asked.
    pub consent: Consent,
    /// Whether its tokens are bound to a key.
    pub dpop: Dpop,
    /// Whether its requests need a challenge.
    pub pkce: Pkce,
    /// Whether it is served; if not, it is as if it were not there, and its sessions do not refresh.
    pub enabled: bool,
}

impl ClientMetadata {
    /// A client of which nothing but the id is said: public, for codes and their refresh, to nowhere.
    #[must_use]
    pub fn new(id: ClientId) -> Self {
        Self {
            name: id.as_str().to_owned(),
            id,
            secret_hashes: Vec::new(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            allowed_origins: Vec::new(),
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            audiences: Vec::new(),
            groups: Scope::Unlimited,
            require_groups: Vec::new(),
            require_amr: Vec::new(),
            claims: Vec::new(),
            id_token_alg: IdTokenAlg::default(),
            exchange_providers: Vec::new(),
            consent: Consent::default(),
            dpop: Dpop::default(),
            pkce: Pkce::default(),
            enabled: true,
        }
    }
}
