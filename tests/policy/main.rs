//! What `pasee policy` prints is what is committed in tests/fixtures/policy, and grants nothing else. UPDATE_GOLDEN=1
//! writes it anew. Whether an API server does with it what it should is tested in tests/cluster_policy.

#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    command.env_remove("PASEE_NAMESPACE").arg("policy").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn objects(arguments: &[&str]) -> Vec<Value> {
    serde_saphyr::from_multiple(&printed(arguments)).unwrap()
}

#[track_caller]
fn is_committed(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{} is old: UPDATE_GOLDEN=1 cargo test --test policy", file.display());
}

const PLAIN: &[&str] = &["--namespace", "pasee"];
const WITHOUT: &[&str] = &["--namespace", "pasee", "--no-webhook"];

#[test]
fn what_is_printed_is_committed() {
    is_committed("pasee.yaml", &printed(PLAIN));
    let others = [
        "--namespace=shop",
        "--group-prefix=https://pasee.example.com#",
        "--username-prefix=shop:",
        "--no-webhook",
        "--no-mutating-policy",
        "--staff-may-patch",
        "--service-accounts-log-in",
    ];
    is_committed("shop.yaml", &printed(&others));
}

/// They say what may be asked for, and hand out nothing of what the policy keeps back.
#[test]
fn kubernetes_own_roles_are_extended_when_asked() {
    let plain = objects(WITHOUT);
    let extended = objects(&[WITHOUT, &["--extend-own-roles"]].concat());
    let (before, more) = extended.split_at(plain.len());
    assert_eq!(before, plain);
    let told: Vec<String> = more
        .iter()
        .flat_map(|role| {
            assert_eq!(role["kind"], "ClusterRole");
            let labels = role["metadata"]["labels"].as_object().unwrap().keys();
            let to = labels
                .filter_map(|key| key.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"));
            let to: Vec<&str> = to.collect();
            let rules = role["rules"].as_array().unwrap().iter();
            rules.map(move |rule| {
                let verbs: Vec<&str> =
                    rule["verbs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert_eq!(rule["apiGroups"], json!(["pasee.meltylab.fr"]));
                format!("{} {} {}", to.join(","), rule["resources"][0], verbs.join(","))
            })
        })
        .collect();
    assert_eq!(
        told,
        [
            "view \"groups\" get,list,watch",
            "view \"memberships\" get,list,watch",
            "view \"users\" get,list,watch",
            "edit \"groups\" create,delete,patch,update",
            "edit \"memberships\" create,delete,patch,update",
            "admin \"users\" create,delete,patch,update",
            "admin \"oauthclients\" get,list,watch",
            "admin \"oauthclients\" create,delete,patch,update",
        ]
    );
}

/// The YAML reads as the objects that were meant, in spite of all folding.
#[test]
fn it_reads_as_it_was_written() {
    use pasee::install::{self, Accounts, Creator, OwnRoles, Quota, Realm, Staff, Webhook};
    let realm = Realm {
        namespace: "pasee".parse().unwrap(),
        username_prefix: "pasee:".parse().unwrap(),
        group_prefix: "pasee:".parse().unwrap(),
        creator: Creator::Filled,
        webhook: Webhook::Service { authority: None },
        staff: Staff::CreateAndDelete,
        accounts: Accounts::StayOut,
        own_roles: OwnRoles::Untouched,
        quota: Quota::default(),
    };
    let meant: Vec<Value> = install::objects(&realm)
        .iter()
        .map(|object| serde_json::to_value(object).unwrap())
        .collect();
    assert_eq!(objects(PLAIN), meant);
}

/// One line for each rule of each Role: who, API group, resource, names if limited, verbs.
fn rules(objects: &[Value]) -> String {
    let texts = |list: &Value| {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut lines = String::new();
    for role in objects
        .iter()
        .filter(|object| ["Role", "ClusterRole"].contains(&object["kind"].as_str().unwrap()))
    {
        let binding = objects.iter().find(|object| {
            object["kind"] == format!("{}Binding", role["kind"].as_str().unwrap())
                && object["metadata"]["name"] == role["metadata"]["name"]
        });
        let subject = &binding.unwrap()["subjects"][0];
        for rule in role["rules"].as_array().unwrap() {
            let names = texts(&rule["resourceNames"]).join(",");
            let at = if names.is_empty() { String::new() } else { format!(" named {names}") };
            lines += &format!(
                "{} {} may {} {}.{}{at}\n",
                subject["kind"].as_str().unwrap(),
                subject["name"].as_str().unwrap(),
                texts(&rule["verbs"]).join(","),
                texts(&rule["resources"]).join(","),
                texts(&rule["apiGroups"]).join(","),
            );
        }
    }
    lines
}

#[test]
fn who_may_what_is_committed() {
    let (plain, patching) = (objects(PLAIN), objects(&[PLAIN, &["--staff-may-patch"]].concat()));
    let text = rules(&plain);
    is_committed("permissions.txt", &text);
    let differing: Vec<String> = rules(&patching)
        .lines()
        .filter(|line| !text.lines().any(|other| other == *line))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        differing,
        [
            "Group pasee::users may create,delete,patch groups.pasee.meltylab.fr",
            "Group pasee::users may create,delete,patch memberships.pasee.meltylab.fr",
        ]
    );
    let without = objects(WITHOUT);
    for forbidden in
        ["*", "secrets", "impersonate", "bypass-policy", "bind", "escalate", "deletecollection"]
    {
        assert!(!rules(&without).contains(forbidden), "{forbidden}");
    }
    // The webhook's certificate is one Secret, and one configuration says which to expect; what is swept leaves somebody on the
    // root staff, as one Lease says; nothing else comes on top.
    let more: Vec<&str> =
        text.lines().filter(|line| !rules(&without).lines().any(|other| other == *line)).collect();
    assert_eq!(
        more,
        [
            "ServiceAccount pasee-controller may get,patch mutatingwebhookconfigurations.admissionregistration.k8s.io \
             named webhook.pasee.pasee.meltylab.fr",
            "ServiceAccount pasee-server may get secrets. named pasee-keys",
            "ServiceAccount pasee-controller may delete,get groups.pasee.meltylab.fr",
            "ServiceAccount pasee-controller may get memberships.pasee.meltylab.fr",
            "ServiceAccount pasee-controller may delete,get,patch oauthclients.pasee.meltylab.fr",
            "ServiceAccount pasee-controller may get,update leases.coordination.k8s.io named pasee-root-staff",
            "ServiceAccount pasee-controller may get,patch secrets. named pasee-keys",
        ]
    );
    for object in &without {
        let kind = object["kind"].as_str().unwrap();
        assert!(!kind.starts_with("ClusterRole"), "{object}");
        let is_in_namespace = object["metadata"]["namespace"] == "pasee";
        assert_eq!(is_in_namespace, !kind.contains("Admission"), "{object}");
    }
}

/// Of each kind there is a bound, which the one who applies it sets or leaves out.
#[test]
fn quotas_are_printed() {
    let quota = |arguments: &[&str]| {
        let all = objects(&[PLAIN, arguments].concat());
        let found = all.into_iter().find(|object| object["kind"] == "ResourceQuota");
        found.map(|quota| quota["spec"]["hard"].clone())
    };
    let hard = |groups: &str, memberships: &str, users: &str, clients: &str| {
        json!({
            "count/groups.pasee.meltylab.fr": groups, "count/memberships.pasee.meltylab.fr": memberships,
            "count/oauthclients.pasee.meltylab.fr": clients, "count/users.pasee.meltylab.fr": users,
        })
    };
    assert_eq!(quota(&[]), Some(hard("20000", "20000", "200000", "1000")));
    let set = ["--max-groups=5", "--max-memberships=6", "--max-users=7", "--max-clients=8"];
    assert_eq!(quota(&set), Some(hard("5", "6", "7", "8")));
    let one = ["--max-groups=0", "--max-memberships=6", "--max-users=0", "--max-clients=0"];
    assert_eq!(quota(&one), Some(json!({ "count/memberships.pasee.meltylab.fr": "6" })));
    let none = ["--max-groups=0", "--max-memberships=0", "--max-users=0", "--max-clients=0"];
    assert_eq!(quota(&none), None);
}

/// The API server asks about users of the realm, in its namespace, and about nobody else; where nobody answers it refuses.
#[test]
fn the_webhook_is_closed_and_bound() {
    let configuration = |arguments: &[&str]| {
        let all = objects(arguments);
        let mut found =
            all.into_iter().filter(|object| object["kind"] == "MutatingWebhookConfiguration");
        found.next().unwrap()
    };
    let plain = configuration(PLAIN);
    let webhook = &plain["webhooks"][0];
    assert_eq!(plain["webhooks"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&webhook["failurePolicy"], &webhook["sideEffects"]),
        (&json!("Fail"), &json!("NoneOnDryRun"))
    );
    assert_eq!(webhook["timeoutSeconds"], 5);
    let labels = &webhook["namespaceSelector"]["matchLabels"];
    assert_eq!(*labels, json!({ "kubernetes.io/metadata.name": "pasee" }));
    let conditions = webhook["matchConditions"].to_string();
    assert!(conditions.contains("username.startsWith('pasee:')"), "{conditions}");
    assert!(conditions.contains("check('bypass-policy')"), "{conditions}");
    // Without a path: the controller tells one, and what is applied again leaves it.
    let service = json!({ "name": "pasee-webhook", "namespace": "pasee", "port": 443 });
    assert_eq!(webhook["clientConfig"], json!({ "service": service }));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let url = "--webhook-url=https://127.0.0.1:1";
    let elsewhere =
        configuration(&[PLAIN, &[url, "--webhook-ca-file", file.to_str().unwrap()]].concat());
    let bundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";
    let wanted = json!({ "url": "https://127.0.0.1:1/", "caBundle": bundle });
    assert_eq!(elsewhere["webhooks"][0]["clientConfig"], wanted);
    let within = configuration(&[PLAIN, &["--webhook-ca-file", file.to_str().unwrap()]].concat());
    let wanted = json!({ "service": webhook["clientConfig"]["service"], "caBundle": bundle });
    assert_eq!(within["webhooks"][0]["clientConfig"], wanted);
    // Outside of the cluster certificates are the operator's, and the path is secret all the same.
    for (options, is_kept) in [(&[url][..], true), (&[], true), (&["--no-webhook"], false)] {
        let rules = rules(&objects(&[PLAIN, options].concat()));
        assert_eq!(rules.contains("secrets"), is_kept, "{options:?}");
        assert_eq!(rules.contains("mutatingwebhookconfigurations"), is_kept, "{options:?}");
    }
    for (arguments, says) in [
        (&["--webhook-url=http://a"][..], "such as https://pasee.example.com:8443"),
        (&["--webhook-url=https://a/review"], "without user, path and query"),
        (&["--webhook-url=https://a", "--no-webhook"], "cannot be used with"),
        (&["--webhook-ca-file=x", "--no-webhook"], "cannot be used with"),
    ] {
        let output = run(&[PLAIN, arguments].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && told.contains(says), "{told}");
    }
}

/// The one grant beyond the namespace is one question, and only who asks for it gets it.
#[test]
fn reviews_of_tokens() {
    let all = objects(&[PLAIN, &["--service-accounts-log-in"]].concat());
    let plain = objects(PLAIN);
    let more: Vec<&Value> = all.iter().filter(|object| !plain.contains(object)).collect();
    let [role, binding] = more.as_slice() else { panic!("{more:?}") };
    assert_eq!(role["kind"], "ClusterRole");
    let rule = json!({
        "apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"],
    });
    assert_eq!(role["rules"], json!([rule]));
    assert_eq!(binding["kind"], "ClusterRoleBinding");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let server = json!({ "kind": "ServiceAccount", "name": "pasee-server", "namespace": "pasee" });
    assert_eq!(binding["subjects"], json!([server]));
}

#[test]
fn options_leave_the_rest_as_it_is() {
    let is_mutating = |object: &Value| object["kind"].as_str().unwrap().starts_with("Mutating");
    let plain = objects(WITHOUT);
    let older = objects(&[WITHOUT, &["--no-mutating-policy"]].concat());
    assert_eq!(plain.iter().filter(|object| is_mutating(object)).count(), 2);
    let without: Vec<Value> = plain.into_iter().filter(|object| !is_mutating(object)).collect();
    assert_eq!(older, without);
}

/// Two realms on a cluster share no object.
#[test]
fn realms_have_objects_of_their_own() {
    let names = |namespace: &str| -> Vec<String> {
        let objects = objects(&["--namespace", namespace]);
        objects.iter().map(|object| format!("{} {}", object["kind"], object["metadata"])).collect()
    };
    for (one, two) in [("a", "b"), ("groups", "users"), ("a-b", "a"), ("pasee", "pasee-pasee")] {
        let (one, two) = (names(one), names(two));
        assert!(one.iter().all(|name| !two.contains(name)), "{one:?} {two:?}");
    }
}

#[test]
fn mistakes_are_told() {
    for (arguments, says) in [
        (&[][..], "--namespace <NAMESPACE>"),
        (&["--namespace", "Pasee"], "a namespace has 1 to 63 characters of a-z, 0-9 and -"),
        (&["--namespace", "a.b"], "such as pasee"),
        (&["--namespace", "a'b"], "such as pasee"),
        (&["--namespace", "a", "--group-prefix", ""], "has power over the cluster; a right prefix"),
        (&["--namespace", "a", "--group-prefix", "system:"], "make one called system:masters"),
        (&["--namespace", "a", "--username-prefix", "system:x:"], "cannot start with system:"),
        (&["--namespace", "a", "--group-prefix", "kubeadm:"], "kubeadm:cluster-admins"),
        (&["--namespace", "a", "--username-prefix", "pasee"], "a prefix ends in : or / or #"),
        (
            &["--namespace", "a", "--username-prefix", "p'||'x:"],
            "only letters of ASCII, digits and",
        ),
        (&["--namespace", "a", "--username-prefix", "p\\:"], "only letters of ASCII, digits and"),
    ] {
        let output = run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}
