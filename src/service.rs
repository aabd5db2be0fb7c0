//! The use cases, without HTTP: logins and refreshes, who acts with a token, groups, users.
//!
//! Owns the order in which things are judged: who somebody is, whether they may, and only then whether what they name is
//! there. Takes values of the domain and returns such values, or errors of its own. Must not know how a request came or
//! how an answer is written, nor which store there is.
//!
//! | File | Owns |
//! |---|---|
//! | `tokens` | pairs of tokens; the one gate that all of them pass |
//! | `login` | logins in a browser |
//! | `sso` | the session that a browser has here, and who acts in it |
//! | `oauth` | what applications ask as clients of the OpenID provider |
//! | `replicas` | the port to the other processes of the realm |
//! | `revocations` | what has ended of late, for those who verify tokens themselves |
//! | `recheck` | whether who goes on still has an account at their provider |
//! | `caller` | who acts with an access token |
//! | `groups` | groups and who is in them |
//! | `invitations` | who is let in without being named before |
//! | `users` | what users are in, bans, revocations |
//! | `clients` | which applications log people in through us |
//! | `change` | how a change is judged, made and told |
//! | `listing` | one page of what there is |

mod caller;
mod change;
mod clients;
mod groups;
mod invitations;
mod listing;
mod login;
mod oauth;
mod recheck;
mod replicas;
mod revocations;
mod sso;
mod tokens;
mod users;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::bounds::Bounds;
use crate::domain::change::Urgency;
use crate::domain::directory::Directory;
use crate::domain::provider::{PossibleUsers, ProviderNames};
use crate::domain::realm::Realm;
use crate::domain::time::Timestamp;
use crate::domain::token::Lifetimes;
use crate::domain::user::UserId;
use crate::idp::Providers;
use crate::keys::KeyRing;
use crate::telemetry::Metrics;

use self::oauth::Once;
use self::recheck::Rechecks;

pub use caller::{AccessError, Caller, ShownToken};
pub use change::ChangeError;
pub use clients::Clients;
pub use groups::RosterView;
pub use invitations::{Invitation, InviteError, JoinError, SealedInvitation};
pub use listing::Listing;
pub use oauth::{
    AskedDevice, AuthenticatedClient, Authorization, BegunDevice, ClientTokens, Consented,
    CountGuess, Guess, Guesser, Hint, Interaction, Introspection, LoginAge, OAuthFailure, Said,
    TokenType, Typed,
};
pub use replicas::{AskReplicas, NoAnswer, Replicas};
pub use revocations::{Known, ListError, Look, Revocations};
pub use sso::{FormToken, SsoSession};
pub use tokens::{GrantError, SignedPair};
pub use users::{LookError, UserView};

/// What the use cases work with.
pub struct Parts {
    /// The store.
    pub realm: Arc<dyn Realm>,
    /// Who can be logged in through.
    pub providers: Providers,
    /// Every provider the settings name, offered or not: whose users may be put into groups.
    pub provider_names: ProviderNames,
    /// Who could log in: who else is on the root staff does not stay there for others.
    pub possible_users: Arc<PossibleUsers>,
    /// The clients of the settings, and the one that needs no settings.
    pub clients: Clients,
    /// What tokens and cookies are made and believed with.
    pub keys: KeyRing,
    /// How long tokens and sessions last.
    pub lifetimes: Lifetimes,
    /// Longest access token, in bytes: groups that would make it longer are left out.
    pub max_token_length: usize,
    /// How many may wait at once for something to end.
    pub max_waiting: usize,
    /// How much of what one user has made may be there.
    pub bounds: Bounds,
    /// Whether a user may make one more change now, by how many they have made.
    pub pace: Pace,
    /// The other processes of the realm.
    pub replicas: Replicas,
    /// Counts.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// Counts a change of a user, which is urgent or not, or says how long they are to wait with it.
pub type Pace = Box<dyn Fn(&UserId, Urgency) -> Result<(), Duration> + Send + Sync>;

/// The use cases, over their parts.
pub struct Service(Parts, Rechecks, Once, Revocations);

impl Service {
    /// Everything that can be asked for, over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let rechecks = Rechecks::new(&parts.providers);
        let once = Once::new(parts.replicas.process());
        let issuer = parts.keys.current().signer().issuer().clone();
        let revocations = Revocations::new(
            parts.realm.directory(),
            (issuer, parts.lifetimes.access),
            parts.max_waiting,
            parts.clock,
        );
        Self(parts, rechecks, once, revocations)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Who can be logged in through.
    #[must_use]
    pub fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// What tokens and cookies are made and believed with.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// How long a session may last of a user whom this provider has proved.
    fn session_lifetime(&self, provider: &str) -> Duration {
        let lifetimes = self.0.lifetimes;
        let provider = self.0.providers.get(provider);
        provider.map_or(lifetimes.session, |provider| provider.departure().session(lifetimes))
    }

    fn directory(&self) -> &dyn Directory {
        self.0.realm.directory()
    }
}

#[cfg(test)]
mod tests;
