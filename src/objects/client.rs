//! What becomes of an OAuthClient, beside what servers say of their settings, and what its author is told of that.
//!
//! Must not know how either comes here.

use std::collections::BTreeSet;

use crate::domain::client::{ClientId, Serving};
use crate::domain::provider::ProviderNames;
use crate::resources::condition::Reason;
use crate::resources::{OAuthClient, oauth_client};

/// What the settings of servers say that has a part in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The ids of their clients.
    pub clients: BTreeSet<ClientId>,
    /// Their identity providers.
    pub providers: ProviderNames,
}

/// Why an OAuthClient is ready or not, in one word and for people.
#[must_use]
pub fn outcome(object: &OAuthClient, beside: &Beside) -> (Reason, String) {
    let client = match oauth_client::parse(object) {
        Ok(client) => client,
        Err(invalid) => return (invalid.reason(), invalid.to_string()),
    };
    match client.serving(|id| beside.clients.contains(id), &beside.providers) {
        Serving::Served => (Reason::InEffect, "the client is served".to_owned()),
        Serving::Disabled => (
            Reason::Disabled,
            "it is not served and its sessions do not refresh, as spec.enabled says".to_owned(),
        ),
        Serving::Configured => (
            Reason::Conflict,
            format!(
                "the settings of pasee serve have a client {0} too, which is the one that is served: take [[clients]] with id = \"{0}\" out of \
                 them, or delete this object",
                client.id
            ),
        ),
        Serving::LikeUsersOf(provider) => (
            Reason::InvalidName,
            format!(
                "metadata.name: what begins with {provider}- could be taken for a user of the identity provider {provider}; call the client \
                 otherwise, such as {}",
                client.id.as_str().trim_start_matches(provider.as_str()).trim_start_matches('-')
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn each_outcome_says_what_to_do() {
        let beside = Beside {
            clients: ["grafana".parse().unwrap()].into(),
            providers: "kisee".parse().unwrap(),
        };
        let none = Beside::default();
        let right = || json!({ "redirectUris": ["https://a.example/"] });
        let cases: [(&str, Value, &Beside, Reason, &str); 8] = [
            ("argo", right(), &beside, Reason::InEffect, "served"),
            (
                "argo",
                json!({ "grantTypes": [], "enabled": false }),
                &beside,
                Reason::Disabled,
                "spec.enabled",
            ),
            ("grafana", right(), &beside, Reason::Conflict, "[[clients]] with id = \"grafana\""),
            ("grafana", right(), &none, Reason::InEffect, "served"),
            ("kisee-app", right(), &beside, Reason::InvalidName, "such as app"),
            ("kisee-app", right(), &none, Reason::InEffect, "served"),
            ("client-app", right(), &none, Reason::InvalidName, "metadata.name: "),
            (
                "grafana",
                json!({ "redirectUris": ["http://a.example/"] }),
                &beside,
                Reason::InvalidSpec,
                "spec.redirectUris[0]: ",
            ),
        ];
        for (name, spec, beside, reason, says) in cases {
            let object = OAuthClient::new(name, serde_json::from_value(spec.clone()).unwrap());
            let (told, message) = outcome(&object, beside);
            assert_eq!(told, reason, "{name} {spec}");
            assert!(message.contains(says), "{message}");
        }
    }
}
