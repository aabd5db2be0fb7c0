//! Removed, banned and never-entitled authors, and new staff, whatever their tokens say: by who is away, paused or just started.

use serde_json::{Value, json};

use super::stage::{Asker, Stage, group, member, staff};
use super::support::controlplane;

/// What somebody tries: method, path, body.
type Deed = (&'static str, String, Value);

/// Everything that the staff of `team` may do, and who is not may not: with groups and Memberships, made, changed, deleted.
/// The object with this number is deleted by the deed, and made anew for the next.
fn deeds(stage: &Stage<'_>, number: usize) -> Vec<Deed> {
    let admin = stage.admin();
    let made = admin.done("POST", "groups", &group(&format!("team.g{number}")));
    let shared = admin.done("POST", "memberships", &member("team", "somebody"));
    let of_root = admin.done("POST", "memberships", &staff("team", "somebody"));
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let add_me = json!({ "spec": { "users": ["kisee-somebody", "kisee-accomplice"] } });
    let forever =
        json!({ "spec": { "users": ["kisee-somebody"], "expiresAt": "2100-01-01T00:00:00Z" } });
    vec![
        ("POST", "groups".to_owned(), group(&format!("team.n{number}"))),
        ("PATCH", format!("groups/{}", name(&made)), json!({ "spec": { "description": "x" } })),
        ("DELETE", format!("groups/{}", name(&made)), Value::Null),
        ("POST", "memberships".to_owned(), member("team", "accomplice")),
        ("POST", "memberships".to_owned(), staff("team", "accomplice")),
        ("PATCH", format!("memberships/{}", name(&shared)), add_me.clone()),
        ("PATCH", format!("memberships/{}", name(&of_root)), add_me),
        ("PATCH", format!("memberships/{}", name(&shared)), forever),
        ("DELETE", format!("memberships/{}", name(&shared)), Value::Null),
        ("DELETE", format!("memberships/{}", name(&of_root)), Value::Null),
    ]
}

/// Lets somebody try everything, dry and in earnest; gives how much was done of how much.
fn done(who: &Asker<'_>, deeds: &[Deed]) -> (usize, usize) {
    let mut done = 0;
    for (method, path, body) in deeds {
        let dry = who.ask(method, &format!("{path}?dryRun=All"), body);
        let real = who.ask(method, path, body);
        assert_eq!(dry.is_ok(), real.is_ok(), "{method} {path} {body}: {dry:?} {real:?}");
        match real {
            Ok(_) => done += 1,
            Err(refused) => {
                let is_webhook = refused.message.contains("denied the request");
                assert!(refused.code == 403 && is_webhook, "{method} {path} {body}: {refused:?}");
            }
        }
    }
    (done, deeds.len())
}

/// Everybody tries everything: what is done is what the policy allows at that moment.
fn everybody_tries(stage: &Stage<'_>, scene: &str, number: &mut usize) {
    // Whom their tokens call staff, and who is not.
    let stale = &["team.staff", "team.sub.staff", "team"][..];
    let nobody = [
        ("removed", stale),
        ("banned", stale),
        ("ended", stale),
        ("never", stale),
        ("member", &["team"]),
        ("never", &[]),
        ("elsewhere", &["other.staff"]),
        // The cluster's own root of the realm, by the token alone.
        ("never", &["staff"]),
    ];
    let mut attempts = 0;
    for (name, groups) in nobody {
        *number += 1;
        let (written, of) = done(&stage.user(name, groups), &deeds(stage, *number));
        assert_eq!(written, 0, "{scene}: {name} in {groups:?}");
        attempts += of;
    }
    // Whom their tokens do not call staff yet, and who is.
    for (name, groups) in [("staff", &[][..]), ("root", &[]), ("staff", &["other"])] {
        *number += 1;
        let (written, of) = done(&stage.user(name, groups), &deeds(stage, *number));
        assert_eq!(written, of, "{scene}: {name} in {groups:?}");
    }
    println!("{scene}: 0 of {attempts} writes by whoever is not entitled");
}

#[test]
fn nobody_writes_by_what_a_token_says_whoever_is_away() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let mut number = 0;
    stage.remove_staff("team", "removed");
    stage.remove_staff("team.sub", "removed");
    everybody_tries(&stage, "without a controller", &mut number);
    let first = stage.controller("first");
    everybody_tries(&stage, "with one that has just started", &mut number);
    let first = first.leads();
    let second = stage.controller("second");
    everybody_tries(&stage, "with two", &mut number);
    first.signal("STOP");
    everybody_tries(&stage, "with a paused leader", &mut number);
    first.signal("CONT");
    drop((first, second));
}

/// What a replica knew before it was paused does not count, from the first answer on.
#[test]
fn a_replica_that_was_paused_is_right_at_once() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    for round in 0..3 {
        let name = format!("round{round}");
        stage.make_staff("team", &name);
        let who = stage.user(&name, &["team.staff"]);
        who.done("POST", "memberships", &member("team", "x"));
        stage.signal_server("-STOP");
        stage.remove_staff("team", &name);
        stage.make_staff("team", &format!("next{round}"));
        stage.signal_server("-CONT");
        who.refused(
            "POST",
            "memberships",
            &staff("team", &name),
            "only root staff and the staff of team",
        );
        stage.user(&format!("next{round}"), &[]).done("POST", "memberships", &member("team", "x"));
        stage.signal_server("-STOP");
        stage.ban(&format!("next{round}"));
        stage.signal_server("-CONT");
        stage.user(&format!("next{round}"), &["team.staff"]).refused(
            "POST",
            "memberships",
            &member("team", "y"),
            "banned",
        );
    }
}

/// Who loops "add me" while they are removed is not there afterwards.
#[test]
fn whoever_loops_is_out_once_their_removal_is_answered() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let mut late = 0;
    for round in 0..20 {
        let name = format!("loop{round}");
        stage.make_staff("team", &name);
        let who = stage.user(&name, &["team.staff"]);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looping = scope.spawn(|| {
                let mut after = 0;
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    let _ = who.ask("POST", "memberships", &member("team", &name));
                }
                // The removal was answered before any of these began.
                for _ in 0..5 {
                    after +=
                        usize::from(who.ask("POST", "memberships", &staff("team", &name)).is_ok());
                }
                after
            });
            stage.remove_staff("team", &name);
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            late += looping.join().unwrap();
        });
    }
    println!("{late} of 100 writes that began after the removal was answered");
    assert_eq!(late, 0);
}

/// Who is staff until a moment stays so, whichever way they try.
#[test]
fn who_is_staff_for_a_time_does_not_prolong_it() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let until = |end: &str| json!({ "expiresAt": end });
    let mut timed = staff("team", "timed");
    timed["spec"]["expiresAt"] = json!("2090-01-01T00:00:00Z");
    let made = stage.admin().done("POST", "memberships", &timed);
    let own = format!("memberships/{}", made["metadata"]["name"].as_str().unwrap());
    let who = stage.user("timed", &["team.staff"]);
    let says = "you are on this staff for a time";
    who.refused("POST", "memberships", &staff("team", "timed"), says);
    who.refused("POST", "memberships", &timed, says);
    who.refused("PATCH", &own, &json!({ "spec": until("2091-01-01T00:00:00Z") }), says);
    who.refused("PATCH", &own, &json!({ "spec": { "expiresAt": null } }), says);
    who.done("POST", "memberships", &staff("team", "another"));
    who.done("PATCH", &own, &json!({ "spec": until("2089-01-01T00:00:00Z") }));
    let root = stage.user("root", &["staff"]);
    root.done("PATCH", &own, &json!({ "spec": until("2091-01-01T00:00:00Z") }));
}
