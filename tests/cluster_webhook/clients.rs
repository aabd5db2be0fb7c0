//! OAuthClients: root staff writes them, as it is at that moment and whatever a token says; nobody else does.

use serde_json::{Value, json};

use super::stage::Stage;
use super::support::controlplane;
use super::support::realm::object;

#[test]
fn root_staff_alone_writes_clients() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let app = object(
        "OAuthClient",
        "app",
        &json!({ "redirectUris": ["https://app.example.com/callback"] }),
    );
    let change = json!({ "spec": { "redirectUris": ["https://evil.example.com/callback"] } });
    stage.make_staff("team", "of-team");
    // Staff of a group, and who says so only by an old token.
    let says = "only root staff may say which applications log people in";
    for somebody in [
        stage.user("of-team", &["team.staff"]),
        stage.user("nobody", &[]),
        stage.user("former", &["staff"]),
    ] {
        assert!(somebody.ask("POST", "oauthclients", &app).is_err());
    }
    let former = stage.user("former", &["staff"]);
    former.refused("POST", "oauthclients", &app, says);
    stage.admin().done("POST", "oauthclients", &app);
    former.refused("PATCH", "oauthclients/app", &change, says);
    former.refused("DELETE", "oauthclients/app", &Value::Null, says);
    let there = stage.admin().done("GET", "oauthclients/app", &Value::Null);
    assert_eq!(there["spec"], app["spec"]);
}
