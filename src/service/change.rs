//! Changes of the state: judged by the policy, carried out by the store, told to the log.
//!
//! Must not know what is changed.

use super::{Caller, Service};
use crate::domain::change::Change;
use crate::domain::policy::{Denied, permit};
use crate::domain::realm::WriteError;
use crate::domain::user::{ProviderName, UserIdError};

/// Why a change was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// The policy says no, whether or not what was named is there.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store says no, or cannot say.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A user of no provider is a slip of the pen: nobody could ever be them.
    #[error("{}; its provider is none of those there are: {}", UserIdError::Shape, listed(.0))]
    UnknownProvider(Vec<ProviderName>),
}

fn listed(names: &[ProviderName]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

impl Service {
    /// Whether the policy would allow the caller a change, whether or not what it names is there.
    #[must_use]
    pub fn may_change(&self, caller: &Caller, change: Change) -> bool {
        permit(caller.actor(), change).is_ok()
    }

    /// Carries out what the policy allows the caller, and says so in the log.
    pub(super) async fn change(&self, caller: &Caller, change: Change) -> Result<(), ChangeError> {
        let permit = permit(caller.actor(), change)?;
        let change = permit.change().clone();
        self.0.realm.write(permit).await?;
        tracing::info!(actor = ?caller.user(), ?change, "changed");
        Ok(())
    }
}
