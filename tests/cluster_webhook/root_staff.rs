//! The last of the root staff stays, whatever is written with `kubectl`, and whatever goes at the same time.

use serde_json::{Value, json};

use super::stage::{Stage, by};
use super::support::controlplane;
use super::support::patience::eventually;
use super::support::races::rounds;
use super::support::realm::object;

const LAST: &str = "this is the last of the root staff that can act";
/// The tier `release` asks for more.
const ROUNDS: usize = 10;

fn root(name: &str, users: &[&str]) -> Value {
    object("Membership", name, &json!({ "role": "Staff", "users": users }))
}

fn banned(name: &str, banned: bool) -> Value {
    object("User", name, &json!({ "username": format!("kisee-{name}"), "banned": banned }))
}

#[test]
fn nobody_takes_the_last_root_staff_away_with_kubectl() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let (admin, staff) = (stage.admin(), stage.user("root", &["staff"]));
    let other = json!({ "spec": { "users": ["kisee-x"], "expiresAt": "2020-01-01T00:00:00Z" } });
    let ended = json!({ "spec": { "expiresAt": "2020-01-01T00:00:00Z" } });
    let owner = json!([{
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "name": "team", "uid": "nobody",
    }]);
    let owned = json!({ "metadata": { "ownerReferences": owner } });
    admin.done("POST", "users", &banned("root", false));
    let ban = json!({ "spec": { "banned": true } });
    let deeds = [
        ("DELETE", "memberships/root", Value::Null),
        ("PATCH", "memberships/root", json!({ "spec": { "users": ["kisee-banned"] } })),
        ("PATCH", "memberships/root", json!({ "spec": { "users": [] } })),
        ("PATCH", "memberships/root", other),
        ("PATCH", "memberships/root", ended),
        ("PATCH", "memberships/root", owned),
        ("PATCH", "users/root", ban),
        ("POST", "users", banned("root", true)),
    ];
    for (method, path, mut body) in deeds {
        if method == "POST" {
            body["metadata"] = json!({ "generateName": "ban-" });
        }
        for query in ["?dryRun=All", ""] {
            staff.refused(method, &format!("{path}{query}"), &body, LAST);
        }
    }
    // Who is banned, has ended or is about to, is nobody else.
    for (name, spec) in [
        ("banned", json!({ "role": "Staff", "users": ["kisee-banned"] })),
        (
            "former",
            json!({ "role": "Staff", "users": ["kisee-x"], "expiresAt": "2020-01-01T00:00:00Z" }),
        ),
        // Nor who could not log in: of no provider, and a ServiceAccount, which may be gone.
        ("gone", json!({ "role": "Staff", "users": ["gone-x"] })),
        (
            "account",
            json!({ "role": "Staff", "serviceAccounts": [{ "namespace": "ci", "name": "gone" }] }),
        ),
    ] {
        admin.done("POST", "memberships", &object("Membership", name, &spec));
    }
    staff.refused("DELETE", "memberships/root", &Value::Null, LAST);
    // But oneself elsewhere is, and so is another.
    admin.done("POST", "memberships", &root("again", &["kisee-root"]));
    staff.done("DELETE", "memberships/root?dryRun=All", &Value::Null);
    staff.done("DELETE", "memberships/root", &Value::Null);
    staff.refused("DELETE", "memberships/again", &Value::Null, LAST);
    admin.done("POST", "memberships", &root("heir", &["kisee-heir"]));
    staff.done("DELETE", "memberships/again", &Value::Null);
    // An admin of the cluster, who is no user of the realm, may.
    stage.user("heir", &[]).refused("DELETE", "memberships/heir", &Value::Null, LAST);
    admin.done("DELETE", "memberships/heir", &Value::Null);
}

/// Two delete each other, or themselves, or ban themselves, at once.
#[test]
fn two_who_go_at_once_by_kubectl_are_not_the_last() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    admin.done("DELETE", "memberships/root", &Value::Null);
    let (mut done, mut refused) = (0, 0);
    for round in 0..rounds(ROUNDS) {
        let names = [0, 1].map(|number| format!("r{round}x{number}"));
        for name in &names {
            admin.done("POST", "memberships", &root(name, &[&format!("kisee-{name}")]));
        }
        let bans = round % 2 == 1;
        let results = std::thread::scope(|scope| {
            let going = names.each_ref().map(|name| {
                let stage = &stage;
                scope.spawn(move || {
                    let user = stage.user(name, &["staff"]);
                    if bans {
                        user.ask("POST", "users", &banned(name, true))
                    } else {
                        user.ask("DELETE", &format!("memberships/{name}"), &Value::Null)
                    }
                })
            });
            going.map(|one| one.join().unwrap())
        });
        done += results.iter().filter(|one| one.is_ok()).count();
        for told in results.iter().filter_map(|one| one.as_ref().err()) {
            assert!(told.message.contains(LAST), "{told:?}");
            refused += 1;
        }
        assert!(results.iter().any(Result::is_err), "nobody is left: {names:?} {results:?}");
        for name in names {
            _ = admin.ask("DELETE", &format!("memberships/{name}"), &Value::Null);
            _ = admin.ask("DELETE", &format!("users/{name}"), &Value::Null);
        }
    }
    println!("{} races, {done} done, {refused} refused", rounds(ROUNDS));
    assert_eq!((done, refused), (rounds(ROUNDS), rounds(ROUNDS)), "one goes, one stays");
}

/// Nor one to leave it to those who cannot log in, as servers have said who could.
#[test]
fn an_heir_is_not_taken_back_for_who_cannot_log_in() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let _controller = stage.controller("first").leads();
    let (admin, staff) = (stage.admin(), stage.user("root", &["staff"]));
    let account =
        json!({ "role": "Staff", "serviceAccounts": [{ "namespace": "ci", "name": "gone" }] });
    admin.done("POST", "memberships", &object("Membership", "account", &account));
    admin.done("POST", "memberships", &root("gone", &["gone-x"]));
    let group = json!({ "group": "team", "users": ["kisee-marker"] });
    staff.done("POST", "memberships", &object("Membership", "marker", &group));
    staff.done("POST", "memberships", &root("heir", &["kisee-heir"]));
    staff.done("DELETE", "memberships/root", &Value::Null);
    let is_there =
        |name: &str| admin.ask("GET", &format!("memberships/{name}"), &Value::Null).is_ok();
    eventually("what was written is judged", || !is_there("marker"));
    stage.user("heir", &["staff"]).refused("DELETE", "memberships/heir", &Value::Null, LAST);
    admin.done("POST", "memberships", &by(root("late", &["kisee-late"]), "root"));
    // Both are judged, at once: whichever is first goes, and the other is the last who could log in.
    eventually("one of both is taken back", || is_there("heir") != is_there("late"));
    let marked = json!({ "group": "team", "users": ["kisee-marker"] });
    admin.done("POST", "memberships", &by(object("Membership", "mark", &marked), "root"));
    eventually("all were seen to", || !is_there("mark"));
    assert!(is_there("heir") || is_there("late"), "nobody else could log in");
}

/// What is swept is no way to lose them either: who made somebody root staff and left a moment later has an heir.
#[test]
fn an_heir_is_not_taken_back() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let _controller = stage.controller("first").leads();
    let (admin, staff) = (stage.admin(), stage.user("root", &["staff"]));
    staff.done("POST", "memberships", &root("heir", &["kisee-heir"]));
    staff.done("POST", "memberships", &root("spare", &["kisee-spare"]));
    staff.done("DELETE", "memberships/root", &Value::Null);
    let left = |names: &[&str]| {
        let is_there =
            |name: &&&str| admin.ask("GET", &format!("memberships/{name}"), &Value::Null).is_ok();
        names.iter().filter(is_there).count()
    };
    // One is judged once more, and goes; the other has to stay. As does one of all that come late.
    eventually("what was written is judged", || left(&["heir", "spare"]) == 1);
    for name in ["late", "later"] {
        admin.done("POST", "memberships", &by(root(name, &["kisee-late"]), "root"));
    }
    eventually("what comes late is taken back, but for one", || {
        left(&["heir", "spare", "late", "later"]) == 1
    });
}
