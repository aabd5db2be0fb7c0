//! Whether a client that the state holds is served, beside what the settings say.
//!
//! One meaning for whoever serves it and for whoever tells its author. Must not know where either is written down.

use super::{Client, ClientId};
use crate::domain::provider::ProviderNames;
use crate::domain::user::ProviderName;

/// What becomes of a client that the state holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It is served.
    Served,
    /// It is not, as it says itself.
    Disabled,
    /// The settings have one of its id, which comes first, whether or not that one is enabled.
    Configured,
    /// It could be taken for a user of this identity provider (RFC 9700 section 4.15).
    LikeUsersOf(ProviderName),
}

impl Client {
    /// What becomes of it, where the settings have clients of these ids and these identity providers.
    #[must_use]
    pub fn serving(
        &self,
        is_configured: impl FnOnce(&ClientId) -> bool,
        providers: &ProviderNames,
    ) -> Serving {
        let like = providers.iter().find(|provider| self.id.is_like_users_of(provider));
        match like {
            Some(provider) => Serving::LikeUsersOf(provider.clone()),
            None if is_configured(&self.id) => Serving::Configured,
            None if !self.enabled => Serving::Disabled,
            None => Serving::Served,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::ClientMetadata;

    #[test]
    fn what_becomes_of_clients() {
        let providers: ProviderNames = "kisee, local".parse().unwrap();
        let becomes = |id: &str, enabled: bool| {
            let metadata = ClientMetadata {
                grant_types: [].into(),
                enabled,
                ..ClientMetadata::new(id.parse().unwrap())
            };
            let client = Client::new(metadata).unwrap();
            client.serving(|id| id.as_str() == "grafana", &providers)
        };
        assert_eq!(becomes("argo", true), Serving::Served);
        assert_eq!(becomes("argo", false), Serving::Disabled);
        assert_eq!(becomes("grafana", true), Serving::Configured);
        assert_eq!(becomes("grafana", false), Serving::Configured, "that is why, whatever else");
        assert_eq!(becomes("local", true), Serving::Served, "no user is called so");
        let local = "local".parse().unwrap();
        assert_eq!(becomes("local-app", true), Serving::LikeUsersOf(local));
    }
}
