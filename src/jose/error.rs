//! Why a token is not believed, whoever issued it.
//!
//! Must not hold anything of the token.

use crate::domain::user::UserIdError;

/// Why a token is not believed. Holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Longer than tokens of its kind are.
    #[error("it is longer than such tokens are")]
    TooLong,
    /// Not three parts of base64url with JSON in the first two.
    #[error("it is malformed: a right one is three parts of base64url with dots between")]
    Malformed,
    /// A header parameter that changes the meaning of the token and is not understood here.
    #[error("its header has parameters that are not understood")]
    Header,
    /// Of another kind than asked for.
    #[error("it is of the wrong kind: access tokens open things, refresh tokens refresh")]
    Kind,
    /// A refresh token as they were before only their issuer could believe them.
    #[error("it is a refresh token of an earlier Pasee, which are taken no more: log in again")]
    Outdated,
    /// Signed by a key that is not known here.
    #[error("its key is not known")]
    UnknownKey,
    /// An algorithm that is not the key's.
    #[error("its algorithm is not its key's")]
    Algorithm,
    /// The signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// By another issuer.
    #[error("it is from another issuer")]
    Issuer,
    /// Bound to a key, and shown without a proof of it.
    #[error("it is bound to a key, and takes a DPoP proof of that")]
    Bound,
    /// Of another client than the one that shows it.
    #[error(
        "it is another client's: what POST /tokens/ hands out is refreshed there, and a client's refresh token by that client at the token endpoint"
    )]
    OtherClient,
    /// For another audience.
    #[error("it is for another audience")]
    Audience,
    /// A claim is missing or makes no sense.
    #[error("its claim {0} is missing or makes no sense")]
    Claim(&'static str),
    /// Another Pasee's, for a user of a provider there whose users are not taken here.
    #[error(
        "its user comes from an identity provider there whose users are not taken here: the settings name others in providers"
    )]
    OtherProvider,
    /// Another Pasee's, for a user who is somebody of ours there.
    #[error("its user has come through here before: log in here as you did then")]
    CameFromHere,
    /// It names its user in a way that nobody can be called here.
    #[error("it calls its user by a name that cannot be one here: {0}")]
    Subject(UserIdError),
}

impl VerifyError {
    /// Whether a newer set of keys may help: there are issuers that change a key under its name, and what stood there may be of
    /// another kind by now.
    #[must_use]
    pub fn may_be_by_a_new_key(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature | Self::Algorithm)
    }
}
