//! Sessions that were ended, by all that can end them: the tokens that were theirs write nothing any more, and those of sessions
//! after them do.

use serde_json::json;

use super::stage::{Stage, group, member};
use super::support::controlplane;
use super::support::forge::part;
use super::support::pasee::Pair;
use super::support::patience::eventually;
use super::support::realm::object;
use super::support::served::Served;

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

/// A session that is ended over HTTP writes nothing from the moment of the answer on: neither with kubectl, nor over HTTP, nor
/// by a refresh, on the replica that was asked and on others. The user's other sessions do.
#[test]
fn a_session_that_was_ended_is_over_everywhere() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let spec = json!({ "group": "team", "role": "Staff", "users": ["local-ada"] });
    stage.admin().done("POST", "memberships", &object("Membership", "of-ada", &spec));
    let spec = json!({ "role": "Staff", "users": ["local-root"] });
    stage.admin().done("POST", "memberships", &object("Membership", "local-root", &spec));
    let account = cluster.account(&stage.namespace, "pasee-server");
    let runtime = &stage.runtime;
    let other = runtime.block_on(Served::start(&stage.namespace, &account, ""));
    let first = &stage.server.as_ref().unwrap().pasee;
    let [one, two] = [(); 2].map(|()| runtime.block_on(first.log_in("ada")));
    let sid = |pair: &Pair| part(&pair.access, 1)["sid"].as_str().unwrap().to_owned();
    let kubectl = |pair: &Pair| stage.known("local-ada", &sid(pair), None);
    for pair in [&one, &two] {
        kubectl(pair).done("POST", "memberships", &member("team", "x"));
    }
    let path = format!("/users/local-ada/sessions/{}", sid(&one));
    let end = |token: &str| runtime.block_on(first.ask("DELETE", &path).bearer(token).send());
    end(&two.access).is(403);
    kubectl(&one).done("POST", "memberships", &member("team", "x"));
    end(&one.access).is(204);
    let says = "this session was ended";
    kubectl(&one).refused("POST", "memberships", &member("team", "y"), says);
    kubectl(&one).refused("POST", "groups", &group("team.n"), says);
    kubectl(&one).refused("DELETE", "memberships/team-member", &serde_json::Value::Null, says);
    runtime.block_on(first.refresh(&one.refresh)).is(401);
    end(&one.access).is(401);
    kubectl(&two).done("POST", "memberships", &member("team", "y"));
    runtime.block_on(first.refresh(&two.refresh)).is(201);
    // One that goes on at another replica, ended by root staff.
    let far = runtime.block_on(other.pasee.log_in("ada"));
    let add = || {
        let ask = other.pasee.ask("POST", "/groups/team/").bearer(&far.access);
        runtime.block_on(ask.json(&json!({ "username": "local-you" })))
    };
    add().is(201);
    let root = runtime.block_on(first.log_in("root"));
    let path = format!("/users/local-ada/sessions/{}", sid(&far));
    runtime.block_on(first.ask("DELETE", &path).bearer(&root.access).send()).is(204);
    // What it writes is judged by what is the case, whatever it has heard of.
    assert!(add().is(401).title().contains(says));
    eventually("the other replica knows", || {
        let told = runtime.block_on(other.pasee.refresh(&far.refresh));
        told.status == 401 && told.title().contains(says)
    });
    // A login right after.
    let next = runtime.block_on(first.log_in("ada"));
    kubectl(&next).done("POST", "memberships", &member("team", "z"));
}

/// What was ended while the replica was paused has ended, however full the object is that says it.
#[test]
fn a_replica_that_was_paused_knows_what_was_ended() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.make_staff("team", "ada");
    let sids: Vec<String> = (0..1_000).map(|number| format!("{number:032x}")).collect();
    let who = |number: usize| stage.in_session("ada", &sids[number], None);
    let spec = json!({ "until": "2099-01-01T00:00:00Z", "sessions": &sids[..500] });
    stage.admin().done("POST", "sessionrevocations", &object("SessionRevocations", "some", &spec));
    who(0).refused("POST", "memberships", &member("team", "x"), "this session was ended");
    who(999).done("POST", "memberships", &member("team", "x"));
    stage.signal_server("-STOP");
    let more = json!({ "spec": { "sessions": &sids } });
    stage.admin().done("PATCH", "sessionrevocations/some", &more);
    stage.signal_server("-CONT");
    who(999).refused("POST", "memberships", &member("team", "x"), "this session was ended");
    who(499).refused("POST", "memberships", &member("team", "x"), "this session was ended");
    stage.signal_server("-STOP");
    stage.admin().done("DELETE", "sessionrevocations/some", &serde_json::Value::Null);
    stage.signal_server("-CONT");
    who(999).done("POST", "memberships", &member("team", "x"));
}

/// No user of the realm writes which sessions were ended, root staff neither, whatever RBAC grants them; nor does any of them see it.
#[test]
fn nobody_else_says_which_sessions_were_ended() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let spec = json!({ "until": "2099-01-01T00:00:00Z", "sessions": ["0".repeat(32)] });
    let forged = object("SessionRevocations", "forged", &spec);
    stage.admin().done("POST", "sessionrevocations", &object("SessionRevocations", "there", &spec));
    let there = "sessionrevocations/there";
    let people = [("root", &["staff"][..]), ("staff", &["team.staff"]), ("never", &[])];
    let deeds = [
        ("POST", "sessionrevocations", forged),
        ("PATCH", there, json!({ "spec": { "sessions": [] } })),
        ("DELETE", there, serde_json::Value::Null),
    ];
    for (name, groups) in people {
        let who = stage.user(name, groups);
        for (method, path, body) in &deeds {
            assert_eq!(who.ask(method, path, body).unwrap_err().code, 403, "{name}: {method}");
        }
        assert_eq!(
            who.ask("GET", there, &serde_json::Value::Null).unwrap_err().code,
            403,
            "{name}"
        );
    }
    let kubectl = |arguments: &[&str]| {
        let arguments = arguments.iter().copied().chain(["-n", &*stage.namespace]);
        cluster.admin.kubectl(arguments).ok()
    };
    let resource = "--resource=sessionrevocations.pasee.meltylab.fr";
    kubectl(&["create", "role", "loose", "--verb=create,patch,delete,get", resource]);
    kubectl(&["create", "rolebinding", "loose", "--role=loose", "--group=pasee::users"]);
    eventually("RBAC lets them ask", || {
        stage.user("never", &[]).ask("GET", there, &serde_json::Value::Null).is_ok()
    });
    for (name, groups) in people {
        let who = stage.user(name, groups);
        for (method, path, body) in &deeds {
            let refused = who.ask(method, path, body).unwrap_err();
            assert!(refused.message.contains("Pasee alone writes"), "{name}: {refused:?}");
        }
    }
    let left = kubectl(&["get", "sessionrevocations", "-o", "jsonpath={.items[*].metadata.name}"]);
    assert_eq!(left, "there");
}
