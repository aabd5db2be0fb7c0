//! Which client counts where several have one id.

use std::sync::Arc;

use super::Stage;
use crate::domain::client::{Client, ClientMetadata};

/// A client called otherwise than it is named, to tell it from others of its id.
fn client(id: &str, name: &str, enabled: bool) -> Client {
    Client::new(ClientMetadata {
        name: name.to_owned(),
        redirect_uris: vec!["https://app.example.com/callback".parse().unwrap()],
        enabled,
        ..ClientMetadata::new(id.parse().unwrap())
    })
    .unwrap()
}

fn stage(configured: &[(&str, bool)], held: &[(&str, bool)]) -> Stage {
    let configured = configured.iter().map(|(id, enabled)| client(id, "settings", *enabled));
    let held = held.iter().map(|(id, enabled)| Arc::new(client(id, "state", *enabled)));
    Stage::with_clients(configured.collect(), held.collect())
}

fn named(stage: &Stage, id: &str) -> Option<String> {
    stage.service.client(id).map(|client| client.name.clone())
}

#[test]
fn settings_come_before_the_state_and_both_before_what_is_built_in() {
    let stage = stage(&[("a", true), ("b", true)], &[("b", true), ("c", true)]);
    let found = |id: &str| named(&stage, id);
    assert_eq!(found("a").as_deref(), Some("settings"));
    assert_eq!(found("b").as_deref(), Some("settings"));
    assert_eq!(found("c").as_deref(), Some("state"));
    assert_eq!(found("pasee").as_deref(), Some("Pasee"));
    for nobody in ["d", "", "A", "a ", "pasee-http"] {
        assert_eq!(found(nobody), None, "{nobody}");
    }
    let all = stage.service.clients();
    let all: Vec<_> = all.iter().map(|client| (client.id.as_str(), client.name.as_str())).collect();
    let wanted = [("a", "settings"), ("b", "settings"), ("c", "state"), ("pasee", "Pasee")];
    assert_eq!(all, wanted);
}

#[test]
fn the_built_in_one_gives_way() {
    assert_eq!(named(&stage(&[("pasee", true)], &[]), "pasee").as_deref(), Some("settings"));
    assert_eq!(named(&stage(&[], &[("pasee", true)]), "pasee").as_deref(), Some("state"));
    assert_eq!(named(&stage(&[("pasee", false)], &[("pasee", true)]), "pasee"), None);
}

/// Whoever switches one off in the settings does not want the one behind it.
#[test]
fn one_that_is_disabled_is_none() {
    let stage = stage(&[("a", false)], &[("a", true), ("b", false)]);
    assert_eq!((named(&stage, "a"), named(&stage, "b")), (None, None));
    let all = stage.service.clients();
    assert_eq!(all.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["pasee"]);
}

/// An object of the state that is called like a user of this server's own providers is no client here.
#[test]
fn no_client_is_called_like_a_user() {
    let stage = stage(&[], &[("local-ada", true), ("localhost", true)]);
    assert_eq!(named(&stage, "local-ada"), None);
    assert_eq!(named(&stage, "localhost").as_deref(), Some("state"));
    assert!(stage.service.clients().iter().all(|client| client.id.as_str() != "local-ada"));
}
