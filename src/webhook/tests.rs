//! Reviews without an API server: what they ask, what is written, what is refused before anybody is asked.

mod added;
mod asked;
mod credential;
mod posters;

use serde_json::{Value, json};

use super::asked::Asked;
use super::credential::grant;
use super::review::{Answer, Review};
use super::*;
use crate::objects::excerpt::Excerpt;
use crate::resources::{Group, Membership};

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

fn review(operation: &str, resource: &str, before: &Value, after: &Value) -> Review {
    known_by(&Value::Null, operation, resource, (before, after))
}

/// A review, and what the API server says of its author besides.
fn known_by(
    extra: &Value,
    operation: &str,
    resource: &str,
    (before, after): (&Value, &Value),
) -> Review {
    let extra = if extra.is_null() { &json!({}) } else { extra };
    let body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": UID, "operation": operation, "namespace": "realm", "name": "n",
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": resource },
            "userInfo": { "username": "pasee:k-ada", "groups": ["pasee:staff"], "extra": extra },
            "object": after, "oldObject": before, "dryRun": false, "options": null,
        },
    });
    Review::read(body.to_string().as_bytes()).unwrap()
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn ada() -> UserId {
    "k-ada".parse().unwrap()
}

/// A realm with the groups a and a.b, whose staff is ada, perhaps until a moment.
fn excerpt(end: Option<&str>) -> Excerpt {
    let mut excerpt = Excerpt::of(ada());
    for name in ["a", "a.b"] {
        let mut group = object("Group", name, json!({}));
        group["metadata"]["uid"] = json!(format!("{name}-1"));
        excerpt.add_group(&serde_json::from_value::<Group>(group).unwrap());
    }
    for group in ["a", "a.b"] {
        let spec = json!({ "group": group, "role": "Staff", "users": ["k-ada"], "expiresAt": end });
        let membership: Membership =
            serde_json::from_value(object("Membership", group, spec)).unwrap();
        excerpt.add_membership(&membership);
    }
    excerpt
}

fn judged(review: &Review, excerpt: &Excerpt) -> Result<Vec<Value>, Refusal> {
    let now = Timestamp::from_unix(1_000).unwrap();
    let asked = Asked::by(review, &ada())?;
    let record = excerpt.record(&asked.demand.deciding(), now);
    let admission = policy::admit(grant(review, &ada())?, record.standing, SESSION, now)
        .map_err(|refusal| Refusal::Denied(refusal.to_string()))?;
    let actor = Actor::user(&admission, record.holdings);
    asked.demand.judge(&actor).map_err(|denied| asked.refusal(denied))?;
    asked.patch(review, &ada(), excerpt, now)
}

fn owner(name: &str) -> Value {
    json!([{
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "name": name, "uid": format!("{name}-1"),
        "blockOwnerDeletion": false,
    }])
}

fn add(path: &str, value: Value) -> Value {
    json!({ "op": "add", "path": path, "value": value })
}

#[test]
fn what_is_written_on_new_objects() {
    let (annotations, actor) = (add("/metadata/annotations", json!({})), json!("k-ada"));
    let actor = add("/metadata/annotations/pasee.meltylab.fr~1actor", actor);
    let made = json!(r#"{"madeBy":"k-ada","madeAt":1000}"#);
    let written = |said: Value| add("/metadata/annotations/pasee.meltylab.fr~1written", said);
    let group = review("CREATE", "groups", &Value::Null, &object("Group", "a.c", json!({})));
    let wanted = vec![
        annotations.clone(),
        actor.clone(),
        written(made.clone()),
        add("/spec/creator", json!("k-ada")),
        add("/metadata/ownerReferences", owner("a")),
    ];
    assert_eq!(judged(&group, &excerpt(None)).unwrap(), wanted);
    let mut tied = object("Membership", "m", json!({ "group": "a.b", "users": ["k-bob"] }));
    tied["metadata"]["annotations"] = json!({ "x": "y" });
    let membership = review("CREATE", "memberships", &Value::Null, &tied);
    let tie = add("/metadata/ownerReferences", owner("a.b"));
    let wanted = vec![actor.clone(), written(made), tie];
    assert_eq!(judged(&membership, &excerpt(None)).unwrap(), wanted);
    tied["metadata"]["ownerReferences"] = owner("a.b");
    assert!(judged(&review("CREATE", "memberships", &Value::Null, &tied), &excerpt(None)).is_ok());
    tied["metadata"]["ownerReferences"] = owner("a");
    let refused = judged(&review("CREATE", "memberships", &Value::Null, &tied), &excerpt(None));
    assert!(refused.unwrap_err().to_string().contains("ownerReferences are not yours"));
    // What goes has nothing written on it, and what is changed keeps its owner.
    assert_eq!(
        judged(&review("DELETE", "memberships", &tied, &Value::Null), &excerpt(None)).unwrap(),
        [] as [Value; 0]
    );
    let changed = judged(&review("UPDATE", "memberships", &tied, &tied), &excerpt(None)).unwrap();
    assert!(
        changed.iter().all(|patch| patch["path"] != "/metadata/ownerReferences"),
        "{changed:?}"
    );
}

/// Who wrote what is noted of each write, whatever its author says of it: so that others' is not taken for theirs.
#[test]
fn what_somebody_wrote_is_noted() {
    let spec = |users: &[&str]| json!({ "group": "a", "users": users });
    let there = |said: Option<&str>, users: &[&str]| {
        let mut object = object("Membership", "m", spec(users));
        object["metadata"]["resourceVersion"] = json!("7");
        object["metadata"]["annotations"] = match said {
            Some(said) => json!({ "pasee.meltylab.fr/written": said }),
            None => json!({}),
        };
        object
    };
    let noted = |operation: &str, before: &Value, after: &Value| {
        let patch = judged(&review(operation, "memberships", before, after), &excerpt(None));
        let patch = patch.unwrap().into_iter();
        let mut noted = patch.filter(|one| one["path"].as_str().unwrap().ends_with("~1written"));
        noted.next().unwrap()["value"].as_str().unwrap().to_owned()
    };
    let (made, lie) = (r#"{"madeBy":"k-bob","madeAt":9}"#, r#"{"madeBy":"k-eve","changed":"9"}"#);
    let changed = r#"{"madeBy":"k-bob","madeAt":9,"changed":"7"}"#;
    let own = r#"{"madeBy":"k-ada","madeAt":1000}"#;
    assert_eq!(noted("CREATE", &Value::Null, &there(Some(lie), &["k-x"])), own);
    for (before, after, wanted) in [
        (Some(made), Some(made), changed),
        (Some(made), Some(lie), changed),
        (Some(made), None, changed),
        (Some(changed), Some(changed), changed),
        (None, Some(lie), r#"{"changed":"7"}"#),
        (Some("x"), Some("x"), r#"{"changed":"7"}"#),
    ] {
        let (before, after) = (there(before, &["k-x"]), there(after, &["k-x", "k-y"]));
        assert_eq!(noted("UPDATE", &before, &after), wanted, "{before} {after}");
    }
    // What changes none of it is no change.
    for (said, wanted) in [(Some(made), made), (Some(changed), changed), (None, "{}")] {
        let before = there(said, &["k-x"]);
        let mut after = there(Some(lie), &["k-x"]);
        after["metadata"]["labels"] = json!({ "x": "y" });
        assert_eq!(noted("UPDATE", &before, &after), wanted);
    }
}

#[test]
fn what_is_refused_and_in_which_words() {
    let membership = |spec: Value| object("Membership", "m", spec);
    let staff_of =
        |group: &str| membership(json!({ "group": group, "role": "Staff", "users": ["k-bob"] }));
    for (review, says) in [
        (
            review("CREATE", "groups", &Value::Null, &object("Group", "c", json!({}))),
            "only root staff may create, change or delete the group c",
        ),
        (
            review("CREATE", "groups", &Value::Null, &object("Group", "x.c", json!({}))),
            "and the staff of x may",
        ),
        (
            review("CREATE", "groups", &Value::Null, &object("Group", "a.staff", json!({}))),
            "metadata.name is no group's name",
        ),
        (
            review(
                "CREATE",
                "groups",
                &Value::Null,
                &object("Group", "a.c", json!({ "creator": "k-bob" })),
            ),
            "spec.creator must be you: k-ada",
        ),
        (review("DELETE", "groups", &object("Group", "a", json!({})), &Value::Null), "the group a"),
        (
            review(
                "UPDATE",
                "groups",
                &object("Group", "a", json!({})),
                &object("Group", "a", json!({})),
            ),
            "the group a",
        ),
        (
            review("CREATE", "memberships", &Value::Null, &staff_of("x")),
            "the staff of x may say who is in x",
        ),
        (
            review("CREATE", "memberships", &Value::Null, &membership(json!({ "role": "Staff" }))),
            "may say who is root staff",
        ),
        (
            review(
                "CREATE",
                "memberships",
                &Value::Null,
                &membership(json!({ "group": "a", "users": ["bob"] })),
            ),
            "spec.users[0]: a user id is",
        ),
        (
            review(
                "CREATE",
                "memberships",
                &Value::Null,
                &membership(json!({ "group": "a", "users": 7 })),
            ),
            "spec: invalid type",
        ),
        (
            review(
                "CREATE",
                "memberships",
                &Value::Null,
                &object("Membership", "creator-x", json!({ "group": "a" })),
            ),
            "take another name",
        ),
        (
            review(
                "CREATE",
                "users",
                &Value::Null,
                &object("User", "u", json!({ "username": "k-bob" })),
            ),
            "only root staff may ban",
        ),
        (review("CREATE", "secrets", &Value::Null, &json!({})), "only root staff may write this"),
    ] {
        let refusal = judged(&review, &excerpt(None)).unwrap_err().to_string();
        assert!(refusal.contains(says), "{refusal}\n{says}");
    }
    // Of what somebody names and may not see, nothing is told.
    for operation in ["DELETE", "UPDATE"] {
        let there = membership(json!({ "group": "hidden", "role": "Staff", "users": ["k-bob"] }));
        let after = if operation == "DELETE" { Value::Null } else { there.clone() };
        let refusal = judged(&review(operation, "memberships", &there, &after), &excerpt(None));
        let refusal = refusal.unwrap_err().to_string();
        assert!(
            !refusal.contains("hidden") && refusal.contains("the staff of the group that it is of"),
            "{refusal}"
        );
    }
}

/// Who is staff until a moment stays so, by whichever Membership they try.
#[test]
fn who_is_staff_for_a_time_does_not_prolong_it() {
    let end = |end: &str| format!("1970-01-01T00:{end}:00Z");
    let excerpt = excerpt(Some(&end("30")));
    let spec = |end: Option<String>, users: &[&str]| {
        let spec = json!({ "group": "a", "role": "Staff", "users": users, "expiresAt": end });
        object("Membership", "m", spec)
    };
    let own = spec(Some(end("30")), &["k-ada"]);
    for (before, after, is_allowed) in [
        (None, spec(None, &["k-ada"]), false),
        (None, spec(Some(end("20")), &["k-bob", "k-ada"]), false),
        (None, spec(None, &["k-bob"]), true),
        (Some(&own), spec(None, &["k-ada"]), false),
        (Some(&own), spec(Some(end("31")), &["k-ada"]), false),
        (Some(&own), spec(Some(end("20")), &["k-ada"]), true),
        (Some(&own), spec(Some(end("30")), &["k-ada", "k-bob"]), true),
    ] {
        let operation = if before.is_some() { "UPDATE" } else { "CREATE" };
        let review = review(operation, "memberships", before.unwrap_or(&Value::Null), &after);
        let answer = judged(&review, &excerpt);
        assert_eq!(answer.is_ok(), is_allowed, "{after} {answer:?}");
        if let Err(refusal) = answer {
            assert!(refusal.to_string().contains("for a time"), "{refusal}");
        }
    }
}

/// A token that was given out to reach less reaches no more through Kubernetes.
#[test]
fn a_limited_token_reaches_no_further() {
    let spec = json!({ "group": "a", "users": ["k-bob"] });
    let object = object("Membership", "m", spec);
    for (scope, is_allowed) in [
        (&[][..], true),
        (&["groups:a"], true),
        (&["groups:x groups:a.staff"], true),
        (&["groups:x", "groups:a.staff"], true),
        (&["groups:a.b"], false),
        (&["groups:staff"], false),
        (&[""], false),
        (&["a"], false),
    ] {
        let extra = json!({ "pasee.meltylab.fr/scope": scope, "example.com/scope": ["groups:x"] });
        let review = known_by(&extra, "CREATE", "memberships", (&Value::Null, &object));
        let answer = judged(&review, &excerpt(None));
        assert_eq!(answer.is_ok(), is_allowed, "{scope:?} {answer:?}");
    }
}

/// A token is worth what its session is, as the API server tells of it; of one without that, nothing is known.
#[test]
fn a_token_of_which_the_session_is_not_good_writes_nothing() {
    let spec = json!({ "group": "a", "users": ["k-bob"] });
    let object = object("Membership", "m", spec);
    let mut revoked = excerpt(None);
    let user = json!({ "username": "k-ada", "notBefore": "1970-01-01T00:10:00Z" });
    revoked.add_user(&serde_json::from_value(self::object("User", "u", user)).unwrap());
    let good_standing = excerpt(None);
    let (sid, jti) = ("0".repeat(32), json!(["JTI=x"]));
    let token = |sid: Value, rev: Value| {
        let extra = json!({
            "pasee.meltylab.fr/sid": sid, "pasee.meltylab.fr/rev": rev,
            "authentication.kubernetes.io/credential-id": jti,
        });
        let present = extra.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
        Value::Object(present.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let (good, none) = (json!([sid]), Value::Null);
    let certificate = json!({ "authentication.kubernetes.io/credential-id": ["X509SHA256=x"] });
    for (extra, is_revoked, refusal) in [
        (token(good.clone(), none.clone()), false, None),
        (token(good.clone(), json!(["600"])), true, None),
        (token(good.clone(), none.clone()), true, Some("were revoked")),
        (token(good.clone(), json!(["599"])), true, Some("were revoked")),
        (token(good.clone(), json!(["601"])), true, Some("were revoked")),
        (token(good.clone(), json!(["600"])), false, Some("were revoked")),
        (token(good.clone(), json!(["soon"])), false, Some("rev is a number")),
        (token(good.clone(), json!(["6e2"])), true, Some("rev is a number")),
        (token(good.clone(), json!([""])), false, Some("rev is a number")),
        (token(good.clone(), json!(["600", "600"])), true, Some("rev is a number")),
        (token(json!(["x"]), none.clone()), false, Some("a session id is 32")),
        (token(json!([""]), none.clone()), false, Some("a session id is 32")),
        (token(json!([sid, sid]), none.clone()), false, Some("must map the claims sid and rev")),
        // Configured as before there were sessions.
        (token(none.clone(), none.clone()), false, Some("must map the claims sid and rev")),
        (token(none.clone(), json!(["600"])), true, Some("must map the claims sid and rev")),
        // Without a token there is no session.
        (certificate.clone(), false, None),
        (certificate, true, None),
        (none, true, None),
    ] {
        let review = known_by(&extra, "CREATE", "memberships", (&Value::Null, &object));
        let answer = judged(&review, if is_revoked { &revoked } else { &good_standing });
        match (refusal, answer) {
            (None, Ok(_)) => {}
            (Some(says), Err(refusal)) if refusal.to_string().contains(says) => {}
            (wanted, answer) => panic!("{extra} revoked: {is_revoked} {wanted:?} {answer:?}"),
        }
    }
}

#[test]
fn what_is_below_nothing_is_refused() {
    let mut excerpt = Excerpt::of(ada());
    let spec = json!({ "role": "Staff", "users": ["k-ada"] });
    excerpt.add_membership(&serde_json::from_value(object("Membership", "root", spec)).unwrap());
    let group = review("CREATE", "groups", &Value::Null, &object("Group", "x.c", json!({})));
    let spec = json!({ "group": "x", "users": ["k-bob"] });
    let membership =
        review("CREATE", "memberships", &Value::Null, &object("Membership", "m", spec));
    for review in [group, membership] {
        let refusal = judged(&review, &excerpt).unwrap_err().to_string();
        assert!(refusal.starts_with("the group x does not exist or is not in effect"), "{refusal}");
    }
}

#[test]
fn odd_users_are_warned_of() {
    let spec = json!({
        "group": "a", "users": ["k-bob", "kk-bob", "example-bob"],
        "serviceAccounts": [{ "namespace": "ci", "name": "x" }],
    });
    let new =
        review("CREATE", "memberships", &Value::Null, &object("Membership", "m", spec.clone()));
    let told = |review: &Review, providers: &str| {
        Asked::by(review, &ada()).unwrap().warnings(&providers.parse().unwrap(), |id| id == "ci")
    };
    let warnings = |review: &Review| told(review, "k, local, k8s");
    let kk = "no identity provider is called kk; the nearest is k: kk-bob";
    let example = "no identity provider is called example; the nearest is local: example-bob";
    assert_eq!(warnings(&new), [example, kk]);
    let mut programs = spec.clone();
    programs["users"] = json!(["client-ci", "client-co"]);
    let programs =
        review("CREATE", "memberships", &Value::Null, &object("Membership", "m", programs));
    assert_eq!(warnings(&programs), ["no client is called co: client-co"]);
    // ServiceAccounts are users of a provider like any other.
    let account = "no identity provider is called k8s; the nearest is k: k8s-ci:x";
    assert_eq!(told(&new, "k, local"), [example, account, kk]);
    let again = review(
        "UPDATE",
        "memberships",
        &object("Membership", "m", spec.clone()),
        &object("Membership", "m", spec),
    );
    assert_eq!(warnings(&again), [] as [&str; 0]);
}

#[test]
fn answers_are_for_the_review_that_was_asked() {
    let review = review("DELETE", "groups", &object("Group", "a", json!({})), &Value::Null);
    let read = |answer: Answer| serde_json::from_str::<Value>(&answer.to_json(&review)).unwrap();
    let allowed = read(Answer::allow(Vec::new(), vec!["é".repeat(200)]));
    assert_eq!(allowed["response"]["uid"], UID);
    assert_eq!(allowed["response"]["allowed"], true);
    assert_eq!(allowed["response"]["warnings"], json!(["é".repeat(120)]));
    assert!(allowed["response"]["patch"].is_null());
    let refused = read(Answer::refuse(StatusCode::FORBIDDEN, "no"));
    assert_eq!(refused["response"]["status"], json!({ "code": 403, "message": "no" }));
    assert_eq!(refused["response"]["allowed"], false);
}

#[test]
fn what_is_no_review_is_not_answered() {
    for body in [
        json!({}),
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" }),
        json!({ "apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": {
            "uid": "1", "operation": "CREATE", "userInfo": {}, "resource": { "group": "", "resource": "" },
        } }),
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "operation": "CONNECT", "userInfo": {}, "resource": { "group": "", "resource": "" },
        } }),
    ] {
        assert!(Review::read(body.to_string().as_bytes()).is_err(), "{body}");
    }
    assert!(Review::read(b"{").is_err());
}

/// Who runs a group says what it is for, and changes nothing else of its object.
#[test]
fn staff_describe_their_groups() {
    let there = object("Group", "a", json!({ "description": "x" }));
    let changed = |place: &str, value: Value| {
        let mut object = there.clone();
        object["metadata"]["generation"] = json!(2);
        object["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
        let (parent, key) = place.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
        review("UPDATE", "groups", &there, &object)
    };
    let applied = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}" });
    for (place, value, is_allowed) in [
        ("/spec/description", json!("y"), true),
        ("/spec/description", Value::Null, true),
        ("/metadata/annotations", applied, false),
        ("/spec/creator", json!("k-ada"), false),
        ("/metadata/annotations", json!({ "pasee.meltylab.fr/creator-enrolled": "true" }), false),
        ("/metadata/labels", json!({ "app.kubernetes.io/managed-by": "pasee" }), false),
        ("/metadata/ownerReferences", json!([]), false),
        ("/metadata/finalizers", json!(["a/b"]), false),
    ] {
        let answer = judged(&changed(place, value.clone()), &excerpt(None));
        assert_eq!(answer.is_ok(), is_allowed, "{place} {value} {answer:?}");
    }
    // Whom the parent's staff puts in charge of what is below, they may overrule.
    let below = object("Group", "a.b", json!({}));
    let described = object("Group", "a.b", json!({ "description": "y" }));
    assert!(judged(&review("UPDATE", "groups", &below, &described), &excerpt(None)).is_ok());
    let others = object("Group", "c", json!({}));
    let described = object("Group", "c", json!({ "description": "y" }));
    let refusal = judged(&review("UPDATE", "groups", &others, &described), &excerpt(None));
    assert!(refusal.unwrap_err().to_string().contains("the staff of c may describe it"));
}

/// Others count on these: the API server, which has reviews of up to six MiB and gives up after five seconds, and who gives us memory.
#[test]
fn the_bounds_are_what_they_say() {
    assert_eq!((REVIEWS.largest, REVIEWS.most_bytes), (7_340_032, 33_554_432));
    assert!(REVIEWS.patience < Duration::from_secs(5) && REVIEWS.patience == PATIENCE);
}
