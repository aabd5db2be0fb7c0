//! A membership ends in both stores at the same second.

use std::time::{Duration, Instant};

use pasee::domain::time::Timestamp;
use pasee::resources::rfc3339;
use serde_json::json;

use crate::stage::{Side, Sides};
use crate::support::controlplane;
use crate::support::pasee::now;
use crate::support::realm::{Realm, group, membership};

/// Seconds. A membership that has fewer left gives no group.
const TOO_SHORT: i64 = 60;

/// The second at which a user's next token says the group no more.
fn left_at(side: &Side, user: &str) -> i64 {
    let since = Instant::now();
    while side.groups(user) != json!([]) {
        assert!(since.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    now()
}

#[test]
fn at_the_same_second() {
    let cluster = controlplane::shared();
    let realm = Realm::new(&cluster);
    let controller = realm.leader("ends");
    let sides = Sides::start(&cluster, &realm.namespace);
    let soon = now() + 8;
    let end = soon + TOO_SHORT;
    let until = |user: &str, end| {
        let at = rfc3339::write(Timestamp::from_unix(end).unwrap());
        json!({ "group": "night", "users": [user], "expiresAt": at })
    };
    let text = format!(
        "---\n{}{}{}",
        group("night", "kisee-john").replace("---\n", ""),
        membership("ada-tonight", &until("kisee-ada", end)),
        membership("alan-soon", &until("kisee-alan", soon)),
    );
    sides.file.write("night.yaml", &text);
    realm.kubectl(&["apply", "-f", &sides.file.path("night.yaml")]);
    sides.file.apply(&["night.yaml"]);
    for side in [&sides.cluster, &sides.file] {
        side.becomes("kisee-ada", &json!(["night"]));
        side.becomes("kisee-john", &json!(["night.staff"]));
        let claims = side.claims("kisee-ada").unwrap();
        assert_eq!(claims["exp"], end, "no token outlives what gave it a group");
        assert_eq!(side.groups("kisee-alan"), json!([]), "it would be a token of a few seconds");
    }
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| left_at(&sides.cluster, "kisee-ada"));
        (one.join().unwrap(), left_at(&sides.file, "kisee-ada"))
    });
    println!("until {soon}: in the cluster {:+} s, in the file {:+} s", one - soon, two - soon);
    assert!((soon..=soon + 1).contains(&one), "{one} {soon}");
    assert!((soon..=soon + 1).contains(&two), "{two} {soon}");
    realm.wait_for("memberships/alan-soon", "Expired");
    let told = sides.file.apply(&["night.yaml"]);
    assert_eq!(
        told,
        "group/night unchanged\nmembership/ada-tonight unchanged\nmembership/alan-soon unchanged\n"
    );
    let exported = sides.file.export(&[]);
    assert!(exported.contains("kisee-ada") && !exported.contains("kisee-alan"), "{exported}");
    controller.stop();
}
