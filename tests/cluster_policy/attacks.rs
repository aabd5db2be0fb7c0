//! What somebody would try who is let in: each is refused, in words that say what is wrong.

use serde_json::{Value, json};

use super::client::{APPLY, Ask, JSON_PATCH, MERGE};
use super::stage::{Stage, create, delete, group, membership, object, place};
use super::support::controlplane;
use super::support::realm;

fn patch(object: &Value, body: Value) -> Ask {
    Ask::patch(MERGE, place(object), body)
}

fn metadata(object: &Value, body: &Value) -> Ask {
    patch(object, json!({ "metadata": body }))
}

/// The object with something in its metadata.
fn marked(mut object: Value, field: &str, value: Value) -> Value {
    object["metadata"][field] = value;
    object
}

fn owner(uid: &Value) -> Value {
    json!([{ "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "name": "a", "uid": uid }])
}

#[test]
fn what_kubernetes_and_pasee_put_on_objects_is_left_alone() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let (admin, root) = (stage.admin(), stage.as_user("kisee-root", &["staff"]));
    admin.done(&create(&group("a")));
    let uid = admin.done(&create(&group("b")))["metadata"]["uid"].clone();
    let own_annotations =
        [("enrols-creator-of", "creator-1"), ("actor", "kisee-somebody-else"), ("anything", "x")];
    for new in [
        group("new"),
        membership("new", "a"),
        object("User", "new", &json!({ "username": "kisee-x" })),
    ] {
        let finalizers = marked(new.clone(), "finalizers", json!(["example.com/never"]));
        root.denied(&create(&finalizers), "metadata.finalizers are not yours to change");
        let owned = marked(new.clone(), "ownerReferences", owner(&uid));
        root.denied(&create(&owned), "metadata.ownerReferences are not yours to change");
        let label = json!({ "app.kubernetes.io/managed-by": "pasee" });
        let labelled = marked(new.clone(), "labels", label);
        root.denied(&create(&labelled), "managed-by=pasee is not yours to set");
        for (key, value) in own_annotations {
            let keys = json!({ format!("pasee.meltylab.fr/{key}"): value });
            let annotated = marked(new.clone(), "annotations", keys.clone());
            root.denied(&create(&annotated), "annotations that start with pasee.meltylab.fr/");
            let labelled = marked(new.clone(), "labels", keys);
            root.denied(&create(&labelled), "labels that start with pasee.meltylab.fr/");
        }
        // Marks of others are theirs.
        let others = json!({ "app.kubernetes.io/managed-by": "Helm", "x": "pasee.meltylab.fr" });
        let fine = marked(new, "labels", others.clone());
        let fine = marked(fine, "annotations", others);
        root.done(&create(&fine));
        root.denied(
            &metadata(&fine, &json!({ "finalizers": ["orphan"] })),
            "metadata.finalizers are not yours to change",
        );
        root.denied(
            &metadata(&fine, &json!({ "ownerReferences": owner(&uid) })),
            "ownerReferences",
        );
        let takes_over = json!({ "labels": { "app.kubernetes.io/managed-by": "pasee" } });
        root.denied(&metadata(&fine, &takes_over), "managed-by=pasee");
        let acts = json!({ "annotations": { "pasee.meltylab.fr/actor": "kisee-root" } });
        root.denied(&metadata(&fine, &acts), "annotations that start with pasee.meltylab.fr/");
        root.done(&metadata(&fine, &json!({ "labels": { "x": "y" }, "annotations": null })));
        root.done(&delete(&fine));
    }
}

/// Objects that Pasee has marked and tied can be changed, but for the marks and ties.
#[test]
fn pasees_own_objects_can_be_changed_and_stay_its_own() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &["--staff-may-patch"]);
    let (admin, staff) = (stage.admin(), stage.as_user("kisee-john", &["a.staff"]));
    let uid = admin.done(&create(&group("a")))["metadata"]["uid"].clone();
    let mut shard = marked(membership("shard", "a"), "ownerReferences", owner(&uid));
    shard["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
    shard["metadata"]["annotations"] = json!({ "pasee.meltylab.fr/actor": "kisee-ada", "pasee.meltylab.fr/enrols-creator-of": "x" });
    stage.as_account("pasee-server").done(&create(&shard));
    let mine = membership("shard", "a");
    staff.done(&patch(&mine, json!({ "spec": { "users": ["kisee-x"] } })));
    let applied = |manager: &str, object: &Value| {
        Ask::patch(
            APPLY,
            format!("{}?force=true&fieldManager={manager}", place(object)),
            object.clone(),
        )
    };
    let after = staff.done(&applied("kubectl", &mine));
    assert_eq!(after["metadata"]["ownerReferences"][0]["uid"], uid);
    assert_eq!(after["metadata"]["labels"]["app.kubernetes.io/managed-by"], "pasee");
    for (body, says) in [
        (json!({ "ownerReferences": null }), "ownerReferences"),
        (json!({ "ownerReferences": owner(&json!("another")) }), "ownerReferences"),
        (json!({ "labels": null }), "managed-by=pasee"),
        (json!({ "labels": { "app.kubernetes.io/managed-by": "x" } }), "managed-by=pasee"),
        (json!({ "annotations": null }), "annotations that start"),
        (json!({ "annotations": { "pasee.meltylab.fr/actor": "kisee-john" } }), "annotations that"),
        (json!({ "annotations": { "pasee.meltylab.fr/actor": null } }), "annotations that start"),
    ] {
        staff.denied(&metadata(&mine, &body), says);
    }
    // What a manager has applied goes when the same manager applies without it.
    let controller = stage.as_account("pasee-controller");
    admin.done(&metadata(&mine, &json!({ "ownerReferences": null })));
    let tie = marked(mine.clone(), "ownerReferences", owner(&uid));
    controller.done(&applied("pasee-controller", &tie));
    staff.denied(&applied("pasee-controller", &mine), "ownerReferences");
    staff.done(&delete(&mine));
}

#[test]
fn creators_are_who_creates() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &["--staff-may-patch"]);
    let (admin, john) = (stage.admin(), stage.as_user("kisee-john", &["a.staff"]));
    let of = |name: &str, creator: &str| object("Group", name, &json!({ "creator": creator }));
    // An operator's group has no creator unless it says so.
    assert!(admin.done(&create(&group("a")))["spec"]["creator"].is_null());
    assert_eq!(admin.done(&create(&of("b", "kisee-ada")))["spec"]["creator"], "kisee-ada");
    assert_eq!(john.done(&create(&group("a.x")))["spec"]["creator"], "kisee-john");
    assert_eq!(john.done(&create(&of("a.y", "kisee-john")))["spec"]["creator"], "kisee-john");
    for other in ["kisee-ada", "kisee-johnny", "kisee-joh", "pasee-kisee-john"] {
        john.denied(&create(&of("a.z", other)), "spec.creator must be you: kisee-john");
    }
    let without_spec = json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "metadata": { "name": "a.z" } });
    assert_eq!(john.ask(&create(&without_spec)).unwrap_err().code, 422);
    // Not later either: the definition says so to everybody.
    admin.done(&create(&group("a.none")));
    let later = json!({ "spec": { "creator": "kisee-john" } });
    for (asker, object) in [(&john, group("a.none")), (&john, group("a.x")), (&admin, group("a"))] {
        let later = if object["metadata"]["name"] == "a.x" {
            json!({ "spec": { "creator": "kisee-ada" } })
        } else {
            later.clone()
        };
        let refusal = asker.ask(&patch(&object, later)).unwrap_err();
        assert!(refusal.message.contains("creator cannot be changed"), "{refusal:?}");
    }
    // Applied again without the creator that was filled in, it stays.
    let again = Ask::patch(APPLY, "groups/a.x?fieldManager=kubectl", group("a.x"));
    assert_eq!(john.done(&again)["spec"]["creator"], "kisee-john");
}

#[test]
fn without_the_mutating_policy_the_creator_is_written() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &["--no-mutating-policy"]);
    let root = stage.as_user("kisee-root", &["staff"]);
    root.denied(&create(&group("a")), "spec.creator must be you: kisee-root");
    root.done(&create(&object("Group", "a", &json!({ "creator": "kisee-root" }))));
}

/// What stays of a deleted group would count again in the next one of that name.
#[test]
fn nothing_is_orphaned() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    stage.open_the_doors();
    let (admin, root) = (stage.admin(), stage.as_user("kisee-root", &["staff"]));
    let a = group("a");
    admin.done(&create(&a));
    let says = "what is deleted takes along all that belongs to it";
    let options = |field: &str, value: Value| json!({ "apiVersion": "v1", "kind": "DeleteOptions", field: value });
    for body in
        [options("propagationPolicy", json!("Orphan")), options("orphanDependents", json!(true))]
    {
        let ask = Ask::new("DELETE", place(&a), body.clone());
        root.denied(&ask, says);
        root.denied(&Ask::new("DELETE", "groups", body), says);
    }
    // Of other kinds it says nothing that is true of groups alone.
    let m = membership("m", "a");
    admin.done(&create(&m));
    for object in [&a, &m] {
        for query in ["propagationPolicy=Orphan", "orphanDependents=true"] {
            root.denied(&delete(object).with(query), says);
        }
    }
    assert!(
        admin.done(&Ask::new("GET", place(&a), Value::Null))["metadata"]["finalizers"].is_null()
    );
    root.done(&delete(&a).with("propagationPolicy=Background"));
    admin.done(&create(&a));
    admin.done(&delete(&a).with("propagationPolicy=Orphan"));
}

#[test]
fn nobody_reads_but_root_staff() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let (admin, root) = (stage.admin(), stage.as_user("kisee-root", &["staff"]));
    let john = stage.as_user("kisee-john", &["a.staff", "a"]);
    let objects = [
        group("a"),
        membership("m", "a"),
        object("User", "u", &json!({ "username": "kisee-old", "banned": true })),
    ];
    for object in &objects {
        admin.done(&create(object));
        let (resource, _) =
            place(object).split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        for path in [
            place(object),
            resource.clone(),
            format!("{resource}?watch=true&timeoutSeconds=1"),
            format!("{}/status", place(object)),
        ] {
            john.forbidden(&Ask::new("GET", path, Value::Null));
        }
        root.done(&Ask::new("GET", place(object), Value::Null));
        root.done(&Ask::new("GET", resource.clone(), Value::Null));
        // Statuses are Pasee's, whoever asks.
        let status = json!({ "status": { "observedGeneration": 7 } });
        for asker in [&john, &root] {
            asker.forbidden(&Ask::patch(
                MERGE,
                format!("{}/status", place(object)),
                status.clone(),
            ));
            asker.forbidden(&Ask::new("GET", format!("{}/scale", place(object)), Value::Null));
            asker.forbidden(&Ask::new("DELETE", resource.clone(), Value::Null));
        }
    }
    // A patch with a test would tell right guesses from wrong ones; so would a replacement, of immutable fields.
    for guess in ["kisee-old", "kisee-new"] {
        for asker in [&john, &stage.as_user("kisee-nobody", &[])] {
            let test = json!([{ "op": "test", "path": "/spec/users/0", "value": guess }]);
            asker.forbidden(&Ask::patch(JSON_PATCH, "memberships/m", test));
            let users = json!({ "spec": { "users": [guess] } });
            asker.forbidden(&Ask::patch(MERGE, "memberships/m", users));
        }
    }
    let mut other = membership("m", "b");
    other["metadata"]["resourceVersion"] = json!("1");
    john.forbidden(&Ask::new("PUT", "memberships/m", other));
    john.forbidden(&Ask::patch(MERGE, "users/u", json!({})));
    john.forbidden(&delete(&objects[2]));
    john.forbidden(&create(&objects[2]));
}

/// What `--staff-may-patch` costs, as its help says.
#[test]
fn patches_can_be_questions() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &["--staff-may-patch"]);
    stage.admin().done(&create(&membership("m", "a")));
    let nobody = stage.as_user("kisee-nobody", &[]);
    let guess = |user: &str| {
        let test = json!([{ "op": "test", "path": "/spec/users/0", "value": user }]);
        Ask::patch(JSON_PATCH, "memberships/m", test)
    };
    // Of which group it is, they are not told.
    let says = "only root staff, and the staff of the group that it is of, may change or delete a Membership";
    nobody.denied(&guess("kisee-old"), says);
    assert_eq!(nobody.ask(&guess("kisee-new")).unwrap_err().code, 422);
}

#[test]
fn realms_do_not_mix() {
    let cluster = controlplane::shared();
    let one = Stage::new(&cluster, &[]);
    let longer = ["--group-prefix", "pasee:b:", "--username-prefix", "pasee:b:"];
    let two = one.cluster.namespace();
    realm::install(&cluster, &two, &longer);
    let elsewhere = |user| super::client::Asker::new(&one.runtime, &user, &two);
    let of_two = |groups: &[&str]| cluster.user("pasee:b:kisee-root", groups);
    one.open_the_doors();
    for verb in ["create", "delete"] {
        let role = format!("--verb={verb}");
        let made =
            ["create", "role", verb, &role, "--resource=groups.pasee.meltylab.fr", "-n", &two];
        cluster.admin.kubectl(made).ok();
        let bound = format!("--role={verb}");
        let bound =
            ["create", "rolebinding", verb, &bound, "--group=system:authenticated", "-n", &two];
        cluster.admin.kubectl(bound).ok();
    }
    let both = ["pasee:staff", "pasee:b:staff"];
    let (two_here, two_there) = (one.asker(&of_two(&both)), elsewhere(of_two(&both)));
    let one_there = elsewhere(cluster.user("pasee:kisee-root", &both));
    let since = std::time::Instant::now();
    let look = create(&group("a")).dry();
    while two_there.ask(&look).is_err() || !one_there.ask(&look).is_err_and(|no| no.is_by_policy())
    {
        assert!(since.elapsed().as_secs() < 60, "the policy of the second realm is looked at");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    two_here.denied(&create(&group("a")), "you are no user of the realm");
    one_there.denied(
        &create(&group("a")),
        "whose users Kubernetes knows as pasee:b:<provider>-<subject>",
    );
    elsewhere(of_two(&["pasee:staff"])).denied(&create(&group("a")), "only root staff may");
    two_there.done(&create(&group("a")));
    one.as_user("kisee-root", &["staff"]).done(&create(&group("a")));
}

#[test]
fn nobody_becomes_somebody_else() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let root = stage.user("kisee-root", &["staff"]);
    for other in ["admin", "system:kube-controller-manager", "pasee:kisee-ada"] {
        let refusal = root
            .kubectl(["get", "groups.pasee.meltylab.fr", "-n", &stage.namespace, "--as", other])
            .refused();
        assert!(refusal.contains("(Forbidden)"), "{refusal}");
    }
    let token = ["create", "token", "pasee-server", "-n", &stage.namespace];
    assert!(root.kubectl(token).refused().contains("cannot create resource"));
    for what in ["secrets", "roles", "rolebindings", "serviceaccounts", "configmaps", "pods"] {
        let refusal = root.kubectl(["get", what, "-n", &stage.namespace]).refused();
        assert!(refusal.contains("cannot list resource"), "{refusal}");
    }
}

/// A user in hundreds of groups is still one that the policy can be asked about.
#[test]
fn many_groups_are_no_way_around() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let mut many: Vec<String> = (0..400).map(|n| format!("{}.g{n}", "x".repeat(60))).collect();
    let new = group("a.new");
    let groups: Vec<&str> = many.iter().map(String::as_str).collect();
    let says = "only root staff and the staff of a may create, change or delete the group a.new";
    stage.as_user("kisee-many", &groups).denied(&create(&new), says);
    many.push("a.staff".to_owned());
    let groups: Vec<&str> = many.iter().map(String::as_str).collect();
    stage.as_user("kisee-many", &groups).done(&create(&new));
}
