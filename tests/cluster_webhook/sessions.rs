//! Sessions that were ended, by all that can end them: the tokens that were theirs write nothing any more, and those of sessions
//! after them do.

use serde_json::json;

use super::stage::{Stage, group, member};
use super::support::controlplane;
use super::support::realm::object;

/// Whoever takes a token from before writes nothing with it, from the moment at which the revocation is stored, on a replica that
/// was paused too; nobody else notices.
#[test]
fn tokens_from_before_a_revocation_write_nothing() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let [first, other] = ["1", "2"].map(|digit| digit.repeat(32));
    stage.make_staff("team", "revoked");
    let before = stage.in_session("revoked", &first, None);
    before.done("POST", "memberships", &member("team", "x"));
    let revoke = |moment: &str| {
        stage.signal_server("-STOP");
        let spec = json!({ "username": "kisee-revoked", "notBefore": moment });
        let patch = json!({ "spec": { "notBefore": moment } });
        let made = stage.admin().ask("POST", "users", &object("User", "revoked", &spec));
        made.unwrap_or_else(|_| stage.admin().done("PATCH", "users/revoked", &patch));
        stage.signal_server("-CONT");
    };
    let says = "tokens were revoked";
    let tries = [
        ("POST", "groups", group("team.n")),
        ("POST", "memberships", member("team", "y")),
        ("DELETE", "memberships/team-member", serde_json::Value::Null),
    ];
    revoke("2026-01-01T00:00:00Z");
    for (method, path, body) in &tries {
        before.refused(method, path, body, says);
    }
    let after = stage.in_session("revoked", &other, Some("1767225600"));
    after.done("POST", "memberships", &member("team", "y"));
    // Once more: what was good after the first revocation is not after the second, nor is what never was.
    revoke("2026-01-01T00:00:01Z");
    for rev in [None, Some("1767225600"), Some("1767225602"), Some("0")] {
        let who = stage.in_session("revoked", &other, rev);
        for (method, path, body) in &tries {
            who.refused(method, path, body, says);
        }
    }
    let last = stage.in_session("revoked", &other, Some("1767225601"));
    last.done("POST", "memberships", &member("team", "z"));
    // Somebody else's sessions go on, and a session makes nobody staff.
    stage.in_session("staff", &first, None).done("POST", "memberships", &member("team", "x"));
    stage.in_session("never", &first, None).refused(
        "POST",
        "memberships",
        &member("team", "x"),
        "only root staff and the staff of team",
    );
}
