//! What a review adds, and what is refused because it would count for nobody.

use super::posters::Listening;
use super::*;
use crate::domain::bounds::{Bounds, Tally};
use crate::webhook::added::adds;

fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("k-u{number}")).collect()
}

fn membership(metadata: Value, count: usize) -> Value {
    let mut object = object("Membership", "m", json!({ "group": "a", "users": users(count) }));
    object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    object
}

/// A Membership that Pasee keeps for members that somebody put there over HTTP, and one by which a creator is staff.
fn kept(author: &str, count: usize) -> Value {
    let annotations =
        json!({ "pasee.meltylab.fr/author": author, "pasee.meltylab.fr/actor": "k-ada" });
    let labels = json!({ "app.kubernetes.io/managed-by": "pasee" });
    membership(json!({ "labels": labels, "annotations": annotations }), count)
}

fn enrolment(count: usize) -> Value {
    let annotations =
        json!({ "pasee.meltylab.fr/enrols-creator-of": "7", "pasee.meltylab.fr/actor": "k-ada" });
    membership(json!({ "name": "creator-7", "annotations": annotations }), count)
}

fn body(review: &str, username: &str, (before, after): (&Value, &Value)) -> String {
    let operation = if before.is_null() { "CREATE" } else { "UPDATE" };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": operation, "namespace": "realm",
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": review },
            "userInfo": { "username": format!("pasee:{username}") }, "object": after, "oldObject": before,
        },
    })
    .to_string()
}

/// Each object counts: whoever writes many that name nobody fills the realm by them all the same.
#[test]
fn what_names_nobody_counts_too() {
    let by = |annotation: &str| {
        let annotations = json!({ "pasee.meltylab.fr/actor": annotation });
        move |count| membership(json!({ "annotations": annotations }), count)
    };
    let (own, other) = (by("k-ada"), by("k-bob"));
    let none = Value::Null;
    for (before, after, more) in [
        (&none, own(0), 1),
        (&none, own(1), 1),
        (&none, own(3), 3),
        (&own(0), own(1), 0),
        (&own(1), own(3), 2),
        (&own(3), own(0), 0),
        (&other(3), own(3), 3),
        (&other(3), own(0), 1),
        (&kept("k-ada", 3), kept("k-ada", 4), 1),
        (&kept("k-bob", 3), kept("k-bob", 2), 2),
    ] {
        let operation = if before.is_null() { "CREATE" } else { "UPDATE" };
        let added = adds(&review(operation, "memberships", before, &after), &ada());
        assert_eq!(added, Tally { groups: 0, memberships: more }, "{before} {after}");
    }
    let group = object("Group", "a.c", json!({}));
    for (operation, before, after, groups) in
        [("CREATE", &none, &group, 1), ("UPDATE", &group, &group, 0), ("DELETE", &group, &none, 0)]
    {
        let added = adds(&review(operation, "groups", before, after), &ada());
        assert_eq!(added, Tally { groups, memberships: 0 }, "{operation}");
    }
}

/// Who only tries has made nothing, however often; who has made what they may make may not even try any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_tried_does_not_count() {
    let listening = Listening::within(Bounds { groups: Some(1), memberships: None });
    for (is_dry_run, is_allowed) in
        [(true, true), (true, true), (false, true), (true, false), (false, false)]
    {
        let group = object("Group", "a.c", json!({}));
        let review = body("groups", "k-ada", (&Value::Null, &group));
        let mut review: Value = serde_json::from_str(&review).unwrap();
        review["request"]["dryRun"] = json!(is_dry_run);
        let (_, answer) = listening.ask(review.to_string()).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["response"]["allowed"], is_allowed, "{is_dry_run} {answer}");
    }
}

/// What would count for whoever added members over HTTP, or for nobody, is refused; but to root staff, whom no bound holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hides_users_in_what_pasee_keeps() {
    let listening = Listening::start();
    for (before, after, author, is_allowed) in [
        (kept("k-bob", 3), kept("k-bob", 4), "k-ada", false),
        (kept("operator", 3), kept("operator", 4), "k-ada", false),
        (enrolment(1), enrolment(2), "k-ada", false),
        (enrolment(0), enrolment(1), "k-ada", false),
        (kept("k-bob", 3), kept("k-bob", 2), "k-ada", true),
        (enrolment(1), enrolment(0), "k-ada", true),
        (kept("k-ada", 3), kept("k-ada", 4), "k-ada", true),
        (membership(json!({}), 3), membership(json!({}), 4), "k-ada", true),
        (kept("k-bob", 3), kept("k-bob", 4), "k-root", true),
    ] {
        let (_, answer) = listening.ask(body("memberships", author, (&before, &after))).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["response"]["allowed"], is_allowed, "{before} {after} {answer}");
        if !is_allowed {
            let told = answer["response"]["status"]["message"].as_str().unwrap();
            assert!(told.contains("is kept by Pasee"), "{told}");
            assert_eq!(answer["response"]["status"]["code"], 403);
        }
    }
}

/// An object counts by whom it names: what is written around that is bounded, whoever writes, and can always become less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_around_an_object_stays_in_proportion() {
    let listening = Listening::start();
    let with = |bytes: usize, count: usize| {
        membership(json!({ "annotations": { "x": "x".repeat(bytes) } }), count)
    };
    // As `kubectl apply` writes it: all of the object once more.
    let mut applied = membership(json!({}), 500);
    applied["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": applied.to_string(),
    });
    // As much as is in proportion, to the byte, and more.
    let most = |more: usize| {
        let bare = with(0, 1);
        let [around, says] = ["metadata", "spec"].map(|part| bare[part].to_string().len());
        with(16 * 1024 + 8 * says - around + more, 1)
    };
    let none = Value::Null;
    for (before, after, is_allowed) in [
        (&none, with(15_000, 1), true),
        (&none, with(17_000, 1), false),
        (&none, with(17_000, 100), true),
        (&none, with(20_000, 100), true),
        (&none, most(0), true),
        (&none, most(1), false),
        (&none, applied, true),
        (&with(1, 1), with(200_000, 1), false),
        (&with(200_000, 1), with(199_000, 1), true),
        (&with(200_000, 1), with(200_000, 2), true),
    ] {
        for author in ["k-ada", "k-root"] {
            let (_, answer) = listening.ask(body("memberships", author, (before, &after))).await;
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let length = after.to_string().len();
            assert_eq!(answer["response"]["allowed"], is_allowed, "{length} {answer}");
        }
    }
}

/// A few bytes that become many in memory are no review, whatever they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_review_has_values_without_end() {
    let listening = Listening::start();
    let many = |count: usize| {
        let after = membership(json!({ "x": vec![0; count] }), 1);
        body("memberships", "k-ada", (&Value::Null, &after))
    };
    assert_eq!(listening.ask(many(200_000)).await.0, StatusCode::BAD_REQUEST);
    // Of what the largest objects have there is enough, and text is no value.
    assert_eq!(listening.ask(many(20_000)).await.0, StatusCode::OK);
    let text = membership(json!({ "annotations": { "x": "\"[,{\\\",".repeat(40_000) } }), 1);
    let text = body("memberships", "k-ada", (&Value::Null, &text));
    assert_eq!(listening.ask(text).await.0, StatusCode::OK);
}
