//! Realms at every bound: a real API server takes what is exported of them, and gives back the same realm.

use std::fmt::Write as _;

use crate::stage::{Side, Sides};
use crate::support::controlplane;
use crate::support::realm::Realm;

/// Names of groups and users that are as long and as odd as they may be.
fn extremes() -> String {
    let longest = format!("{}a", "a_".repeat(84));
    let flat = "b".repeat(200);
    let numbers = ["123", "0x1f", "1e3", "no", "on", "y", "null", "true", "a.b-c_d.e"];
    let chain = ["a", "a.b-c_d"];
    let mut text = String::new();
    // Writing to a String never fails.
    let mut add = |kind: &str, name: &str, spec: serde_json::Value| {
        let name = name.replace('_', "--");
        text.push_str(&crate::support::realm::manifest(kind, &name, &spec));
    };
    for group in [&*longest, &*flat].into_iter().chain(numbers).chain(chain) {
        add("Group", group, serde_json::json!({}));
    }
    let spelt = |group: &str| group.replace('_', "--");
    let dense: Vec<String> = (0..500)
        .map(|n| format!("{}-<&>\u{20ac}{}{n:03}", "p".repeat(32), "\u{20000}".repeat(46)))
        .collect();
    let json_heavy: Vec<String> =
        (0..500).map(|n| format!("k-{}{n:03}", "<".repeat(197))).collect();
    let odd = [
        "_-\u{e9}",
        "k-A b",
        "k---",
        "k-x---0123456789abcdef0123456789abcdef",
        "k-\u{5d0}x",
        "k-a'\"\\",
        "0-#",
        "k8s-a:b:c",
        "k8s-ci:Robot",
    ];
    let accounts: Vec<_> = (0..100).map(|n| serde_json::json!({ "namespace": "n".repeat(63), "name": format!("{}.{n:03}", "m".repeat(130)) })).collect();
    for (number, group) in [&*longest, &*flat, "a.b-c_d.e"].iter().enumerate() {
        for role in ["Member", "Staff"] {
            let mut name = String::new();
            let _ = write!(name, "m{number}-{}", role.to_lowercase());
            let base = serde_json::json!({ "group": spelt(group), "role": role, "users": dense, "serviceAccounts": accounts });
            add("Membership", &name, base);
            let timed = serde_json::json!({ "group": spelt(group), "role": role, "users": json_heavy, "expiresAt": "9999-12-31T23:59:59Z" });
            add("Membership", &format!("{name}-timed"), timed);
            let odd = serde_json::json!({ "group": spelt(group), "role": role, "users": odd, "expiresAt": "2106-02-07T06:28:15Z" });
            add("Membership", &format!("{name}-odd"), odd);
        }
    }
    for (number, user) in odd.iter().chain([&&*dense[0], &&*json_heavy[0]]).enumerate() {
        let spec = serde_json::json!({ "username": user, "banned": number % 2 == 0, "notBefore": "2026-01-31T00:00:00.5Z" });
        add("User", &format!("u{number}"), spec);
    }
    text
}

#[test]
fn an_api_server_takes_what_is_exported() {
    let cluster = controlplane::shared();
    let file = Sides::in_file(&cluster);
    file.write("extremes.yaml", &extremes());
    file.apply(&["extremes.yaml"]);
    for options in [&[][..], &["--hand-over"]] {
        let exported = file.export(options);
        file.write("exported.yaml", &exported);
        let realm = Realm::new(&cluster);
        let controller = realm.leader("extremes");
        let said = realm.kubectl(&["apply", "-f", &file.path("exported.yaml")]);
        let documents = exported.matches("\nkind: ").count();
        assert_eq!(said.lines().filter(|line| line.ends_with(" created")).count(), documents);
        for kind in ["groups", "memberships", "users"] {
            let kind = format!("{kind}.pasee.meltylab.fr");
            realm.kubectl(&["wait", "--for=condition=Ready", &kind, "--all", "--timeout=60s"]);
        }
        // The same names once more change nothing.
        let again = realm.kubectl(&["apply", "-f", &file.path("exported.yaml")]);
        // But for bans that were handed over: there Pasee has written the revocation that a new ban makes.
        let is_handed_over = |line: &str| !options.is_empty() && line.starts_with("user.");
        let is_same = |line: &str| line.ends_with(" unchanged") || is_handed_over(line);
        assert_eq!(again.lines().filter(|line| is_same(line)).count(), documents, "{again}");
        let back = Sides::in_file(&cluster);
        back.write("cluster.yaml", &realm.kubectl(&["get", "pasee", "-o", "yaml"]));
        back.apply(&["cluster.yaml", "--prune"]);
        let found = back.export(options);
        let is_same = Side::timeless(&found) == Side::timeless(&exported);
        assert!(is_same, "the same realm, {} and {} bytes", found.len(), exported.len());
        println!("{documents} objects, {} bytes", exported.len());
        controller.stop();
    }
}
