//! Objects at their bounds and beyond, and objects that no definition would let through: written while an older, looser
//! one was in place. Nothing falls, nobody else notices, and each object says what is wrong with it.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::controller::Controller;
use crate::support::realm::object;
use crate::support::served::Served;

/// Levels of the deepest group there can be: of 200 characters every second is a dot.
const DEPTH: usize = 100;
const CHILDREN: usize = 1_000;

fn group(name: &str, spec: &Value) -> Value {
    object("Group", name, spec)
}

fn membership(name: &str, spec: &Value) -> Value {
    object("Membership", name, spec)
}

fn deepest(levels: usize) -> String {
    vec!["d"; levels].join(".")
}

#[test]
fn a_hostile_realm_harms_nobody() {
    let stage = Stage::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut controller = stage.controller("one");
    let server = runtime.block_on(async {
        for object in [
            group("good", &json!({ "creator": "local-john" })),
            membership("good", &json!({ "group": "good", "users": ["local-ada"] })),
        ] {
            stage.create(&object).await.unwrap();
        }
        let server = stage.serve("").await;
        server.pasee.becomes("ada", &json!(["good"])).await;
        at_the_bounds(&stage).await;
        beyond_the_bounds(&stage).await;
        server
    });
    said_at_the_bounds(&stage);
    runtime.block_on(async {
        server.pasee.becomes("alan", &json!([deepest(DEPTH)])).await;
        forge(&stage).await;
    });
    unharmed(&stage, &runtime, &server, &mut controller);
    said_of_forgeries(&stage);

    loosen(&stage);
    runtime.block_on(defy(&stage));
    said_of_the_defiant(&stage);
    unharmed(&stage, &runtime, &server, &mut controller);
    assert!(server.pasee.log().contains("an object is ignored"));
    // Whoever starts now finds it all in the list.
    drop((server, controller));
    let mut controller = stage.controller("two");
    let server = runtime.block_on(stage.serve(""));
    unharmed(&stage, &runtime, &server, &mut controller);
    // The definitions come back, and with them the watches are cut off.
    stage.define();
    unharmed(&stage, &runtime, &server, &mut controller);
}

/// The others are served and worked for, nothing has ended, and nothing is written over and over.
fn unharmed(
    stage: &Stage,
    runtime: &tokio::runtime::Runtime,
    server: &Served,
    controller: &mut Controller,
) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let name = format!("round-{}", ROUND.fetch_add(1, Ordering::Relaxed));
    runtime.block_on(async {
        server.pasee.becomes("ada", &json!(["good"])).await;
        let new = group(&name, &json!({ "creator": "local-you" }));
        stage.create(&new).await.unwrap();
        server.pasee.becomes("you", &json!([format!("{name}.staff")])).await;
    });
    stage.reason(&format!("groups/{name}"), "InEffect");
    runtime.block_on(async {
        stage.ask(Method::DELETE, &format!("groups/{name}"), &Value::Null).await.unwrap();
        server.pasee.becomes("you", &json!([])).await;
        let mut before = stage.versions().await;
        for round in 0.. {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let now = stage.versions().await;
            if now == before {
                break;
            }
            let changed: Vec<&String> = now.iter().filter(|one| !before.contains(one)).collect();
            assert!(round < 45, "no rest: {changed:?}\n{}", controller.log());
            before = now;
        }
    });
    controller.runs();
    assert!(!controller.log().contains("panicked") && !server.pasee.log().contains("panicked"));
}

async fn at_the_bounds(stage: &Stage) {
    let long = "a".repeat(200);
    let user = |n: usize| format!("{}-{n:0>200}", "p".repeat(32));
    let account = |n: usize| json!({ "namespace": "n".repeat(63), "name": format!("{n:0>130}") });
    let users: Vec<String> = (0..500).map(user).collect();
    let accounts: Vec<Value> = (0..100).map(account).collect();
    let mut objects = vec![
        group(&long, &json!({ "description": "\u{1}\u{7f}\u{202e}\n\t\u{10ffff}".repeat(170) })),
        group(
            "emoji",
            &json!({ "description": "\u{1f9ff}".repeat(1024), "unknown": { "a": [1] } }),
        ),
        membership("full", &json!({ "group": long, "users": users, "serviceAccounts": accounts })),
        membership(
            "past",
            &json!({ "group": "good", "expiresAt": "0000-01-01T00:00:00Z", "users": ["local-alan"] }),
        ),
        membership(
            "future",
            &json!({ "group": "good", "expiresAt": "9999-12-31T23:59:59.999999999-23:59", "users": ["x-y"] }),
        ),
        membership("empty", &json!({ "group": "good" })),
        membership("deep", &json!({ "group": deepest(DEPTH), "users": ["local-alan"] })),
        object(
            "User",
            "u",
            &json!({ "username": user(0), "banned": true, "notBefore": "9999-12-31T23:59:59Z" }),
        ),
        group("wide", &json!({})),
    ];
    // Children first.
    objects.extend((1..=DEPTH).rev().map(|levels| group(&deepest(levels), &json!({}))));
    objects.extend((0..CHILDREN).map(|n| group(&format!("wide.c{n}"), &json!({}))));
    let sent = objects.iter().map(|object| stage.create(object));
    let sent: Vec<_> =
        futures::StreamExt::collect(futures::StreamExt::buffered(futures::stream::iter(sent), 16))
            .await;
    for (object, answer) in objects.iter().zip(sent) {
        assert!(answer.is_ok(), "{}: {answer:?}", object["metadata"]["name"]);
    }
}

async fn beyond_the_bounds(stage: &Stage) {
    let users: Vec<String> = (0..501).map(|n| format!("x-{n}")).collect();
    let account = |n: usize| json!({ "namespace": "ci", "name": format!("a{n}") });
    let accounts: Vec<Value> = (0..101).map(account).collect();
    for object in [
        group(&"a".repeat(201), &json!({})),
        group(&"a".repeat(253), &json!({})),
        group(&deepest(127), &json!({})),
        group("staff", &json!({})),
        group("good.staff.b", &json!({})),
        group("a---b", &json!({})),
        group("d1", &json!({ "description": "x".repeat(1025) })),
        group("d2", &json!({ "creator": "nobody" })),
        group("d3", &json!({ "creator": format!("k-{}", "x".repeat(201)) })),
        membership("m1", &json!({ "group": "good", "users": users })),
        membership("m2", &json!({ "group": "good", "serviceAccounts": accounts })),
        membership("m3", &json!({ "group": "good", "expiresAt": "tomorrow" })),
        membership("m4", &json!({ "group": "good", "expiresAt": "2026-02-30T00:00:00Z" })),
        membership("m5", &json!({ "users": ["x-y"] })),
        membership("m6", &json!({ "group": "good", "users": ["k-\u{7}"] })),
        object("User", "u1", &json!({})),
    ] {
        let answer = stage.create(&object).await;
        assert!(answer.is_err(), "{object} was taken");
    }
    // What is mistyped is answered with what a right one looks like, and not with a regular expression alone.
    let person = "a user id is PROVIDER-SUBJECT, such as kisee-john";
    let name = "dots between its levels";
    let moment = "a moment is a date and time of day with an offset, such as 2027-01-31T00:00:00Z";
    let account = |namespace: &str, name: &str| {
        membership(
            "m7",
            &json!({ "group": "good", "serviceAccounts": [{ "namespace": namespace, "name": name }] }),
        )
    };
    for (object, says) in [
        (group("a---b", &json!({})), name),
        (group("d2", &json!({ "creator": "nobody" })), person),
        (membership("m7", &json!({ "group": "my_group" })), name),
        (membership("m7", &json!({ "group": "good", "users": ["k-x", "john"] })), person),
        (membership("m7", &json!({ "group": "good", "users": [""] })), person),
        (object("User", "u1", &json!({ "username": "Kisee-john" })), person),
        (membership("m7", &json!({ "group": "good", "expiresAt": "tomorrow" })), moment),
        (
            membership("m7", &json!({ "group": "good", "expiresAt": "2027-02-29T00:00:00Z" })),
            moment,
        ),
        (object("User", "u1", &json!({ "username": "k-x", "notBefore": "2027-01-31" })), moment),
        (object("SessionRevocations", "r", &json!({ "until": "soon", "sessions": [] })), moment),
        (account("a_b", "x"), "a namespace has"),
        (account("ci", "-x"), "a service account's name has"),
    ] {
        let refused = stage.create(&object).await.unwrap_err();
        assert!(refused.contains(says) && !refused.contains('^'), "{object}: {refused}");
    }
}

fn said_at_the_bounds(stage: &Stage) {
    for path in [
        &*format!("groups/{}", "a".repeat(200)),
        &*format!("groups/{}", deepest(DEPTH)),
        "groups/emoji",
        "groups/wide",
        "groups/wide.c999",
        "memberships/full",
        "memberships/future",
        "memberships/empty",
        "memberships/deep",
        "users/u",
    ] {
        stage.reason(path, "InEffect");
    }
    stage.reason("memberships/past", "Expired");
    let counted = |path: &str, count: &str, wanted: usize| {
        let since = std::time::Instant::now();
        while stage.runtime.block_on(stage.get(path))["status"][count] != wanted {
            assert!(since.elapsed() < Duration::from_secs(60), "{path}: {count} is not {wanted}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    counted("groups/wide", "subgroups", CHILDREN);
    counted(&format!("groups/{}", "a".repeat(200)), "members", 600);
}

/// What somebody may write who has more rights than they should.
async fn forge(stage: &Stage) {
    let since = "2020-01-01T00:00:00Z";
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Forged", "message": "\u{202e}\u{1}", "lastTransitionTime": since,
        })
    };
    let status = json!({ "status": {
        "members": 1_000_000, "staff": -0, "observedGeneration": 99,
        "conditions": [condition("Ready", "False"), condition("Theirs", "Unknown")],
    }});
    stage.ask(Method::PATCH, "groups/good/status", &status).await.unwrap();
    stage
        .ask(
            Method::PATCH,
            "memberships/good/status",
            &json!({ "status": { "users": 9, "conditions": [condition("Ready", "False")] } }),
        )
        .await
        .unwrap();
    // k8s_openapi cannot read this moment; the API server takes it.
    let fields = json!({ "metadata": { "managedFields": [{
        "apiVersion": "pasee.meltylab.fr/v1", "fieldsType": "FieldsV1", "fieldsV1": {}, "manager": "m",
        "operation": "Update", "time": "9999-12-31T23:59:59Z",
    }] } });
    stage.ask(Method::PATCH, "groups/emoji", &fields).await.unwrap();
    stage.ask(Method::PATCH, "memberships/empty", &fields).await.unwrap();
    let labels = json!({ "metadata": {
        "labels": { "app.kubernetes.io/managed-by": "pasee" },
        "annotations": { "pasee.meltylab.fr/enrols-creator-of": "nothing", "pasee.meltylab.fr/actor": "\u{1f9ff}" },
    } });
    stage.ask(Method::PATCH, "memberships/future", &labels).await.unwrap();
    // Two that own each other, and one whose owner has its parent's name but never was.
    let uid = async |path: &str| stage.get(path).await["metadata"]["uid"].clone();
    let owner = |name: &str, uid: &Value| {
        let api_version = "pasee.meltylab.fr/v1";
        json!({ "apiVersion": api_version, "kind": "Group", "name": name, "uid": uid })
    };
    stage.create(&group("good.b", &json!({}))).await.unwrap();
    stage.create(&group("good.b.c", &json!({}))).await.unwrap();
    let (b, c) = (uid("groups/good.b").await, uid("groups/good.b.c").await);
    let owned = |owners: Value| json!({ "metadata": { "ownerReferences": owners } });
    stage
        .ask(Method::PATCH, "groups/good.b", &owned(json!([owner("good.b.c", &c)])))
        .await
        .unwrap();
    stage
        .ask(
            Method::PATCH,
            "groups/good.b.c",
            &owned(json!([owner("good.b", &b), owner("good", &b)])),
        )
        .await
        .unwrap();
    let mut never = group("good.never", &json!({}));
    never["metadata"]["ownerReferences"] = json!([owner("good", &json!("no-such-uid"))]);
    stage.create(&never).await.unwrap();
}

fn said_of_forgeries(stage: &Stage) {
    stage.reason("groups/good", "InEffect");
    stage.reason("memberships/good", "InEffect");
    stage.reason("groups/good.b", "InEffect");
    let good = stage.runtime.block_on(stage.get("groups/good"));
    let conditions = good["status"]["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|one| one["type"] == "Theirs"), "others' is left alone: {good}");
    // Of those that counted once: ada, and whom the future Membership names.
    assert_eq!((&good["status"]["members"], &good["status"]["staff"]), (&json!(2), &json!(1)));
}

/// Puts definitions in place that demand nothing.
fn loosen(stage: &Stage) {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    for kind in ["groups", "memberships", "users"] {
        let patch = json!([
            { "op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": anything },
            { "op": "remove", "path": "/spec/versions/0/selectableFields" },
        ]);
        let patch = if kind == "groups" { json!([patch[0]]) } else { patch };
        let name = format!("crd/{kind}.pasee.meltylab.fr");
        let patch = patch.to_string();
        stage.cluster.admin.kubectl(["patch", &name, "--type=json", "-p", &patch]).ok();
    }
}

/// What a definition that demands nothing lets through, with the reason that it is to get.
fn defiant() -> Vec<(Value, &'static str)> {
    let users: Vec<String> = (0..600).map(|n| format!("x-{n}")).collect();
    let accounts = vec![json!({ "namespace": "ci", "name": "deployer" }); 200];
    let bare = |kind: &str, name: &str| {
        let mut object = object(kind, name, &json!(null));
        object.as_object_mut().unwrap().remove("spec");
        object
    };
    vec![
        (group("v1", &json!({ "creator": 7 })), "InvalidSpec"),
        (group("v2", &json!("text")), "InvalidSpec"),
        (bare("Group", "v3"), "InvalidSpec"),
        (group("v4", &json!({ "creator": "nobody" })), "InvalidUser"),
        (group("v5", &json!({ "description": "\u{1}".repeat(100_000) })), "TooMuch"),
        (group("v6", &json!({ "description": { "a": [1, 2] } })), "InvalidSpec"),
        (group(&"v".repeat(253), &json!({})), "InvalidName"),
        (group("v.staff.x", &json!({})), "InvalidName"),
        (group("v---x", &json!({})), "InvalidName"),
        (group("good.v1", &json!(7)), "InvalidSpec"),
        (group("v1.below", &json!({})), "ParentNotReady"),
        (membership("w1", &json!({ "group": "good", "users": "x-y" })), "InvalidSpec"),
        (membership("w2", &json!({ "group": "good", "users": ["local-you", 7] })), "InvalidSpec"),
        (membership("w3", &json!({ "group": "good", "users": ["nobody"] })), "InvalidUser"),
        (membership("w4", &json!({ "group": "good", "users": users })), "TooMuch"),
        (membership("w5", &json!({ "group": "good", "serviceAccounts": accounts })), "TooMuch"),
        (
            membership(
                "w6",
                &json!({ "group": "good", "expiresAt": "tomorrow", "users": ["local-you"] }),
            ),
            "InvalidTime",
        ),
        (membership("w7", &json!({ "group": "Good", "users": ["local-you"] })), "InvalidName"),
        (membership("w8", &json!({ "role": "King", "users": ["local-you"] })), "InvalidSpec"),
        (membership("w9", &json!({ "users": ["local-you"] })), "InvalidRole"),
        (membership("w10", &json!({ "group": "v1", "users": ["local-you"] })), "GroupNotReady"),
        (bare("Membership", "w11"), "InvalidSpec"),
        (
            membership(
                "w12",
                &json!({ "group": "good", "serviceAccounts": [{ "namespace": "_", "name": "a" }] }),
            ),
            "InvalidServiceAccount",
        ),
        (
            object("User", "x1", &json!({ "username": ["local-ada"], "banned": true })),
            "InvalidSpec",
        ),
        (object("User", "x2", &json!({ "username": "local-ada", "banned": "yes" })), "InvalidSpec"),
        (
            object("User", "x3", &json!({ "username": "local-ada", "notBefore": "soon" })),
            "InvalidTime",
        ),
        (bare("User", "x4"), "InvalidSpec"),
    ]
}

async fn defy(stage: &Stage) {
    let taken = async |object: &Value| {
        for _ in 0..100 {
            if stage.create(object).await.is_ok() {
                return;
            }
            // The definition that was there before holds for a moment still.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{object} is not taken: {:?}", stage.create(object).await);
    };
    for (object, _) in &defiant() {
        taken(object).await;
    }
    for (path, status) in [
        (
            "groups/wide/status",
            json!({ "members": "many", "conditions": 7, "creatorEnrolled": "yes" }),
        ),
        (
            "groups/wide.c1/status",
            json!({ "conditions": [{ "type": "Ready" }, { "type": "Odd", "lastTransitionTime": "never" }, 7] }),
        ),
        ("memberships/deep/status", json!({ "users": {}, "conditions": { "a": 1 } })),
        ("users/x1/status", json!({ "conditions": ["?"], "observedGeneration": "first" })),
    ] {
        stage.ask(Method::PATCH, path, &json!({ "status": status })).await.unwrap();
    }
}

fn said_of_the_defiant(stage: &Stage) {
    for (object, reason) in defiant() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let ready = stage.reason(&format!("{kind}s/{name}"), reason);
        assert_eq!(ready["status"], "False");
        assert!(ready["message"].as_str().unwrap().len() > 20, "{ready}");
    }
    for path in ["groups/wide", "memberships/deep"] {
        stage.reason(path, "InEffect");
    }
}
