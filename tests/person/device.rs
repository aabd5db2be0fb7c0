//! Logins by a code that is typed elsewhere.

use serde_json::json;

use super::issuer::Issuer;
use super::support::person::Person;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_elsewhere() {
    let issuer = Issuer::start().await;
    issuer.says_of_devices(&["authorization_pending", "authorization_pending"]);
    let ada = Person::of(&issuer.url);
    let did = ada.run(&["login", "--device"]);
    assert!(
        did.err.contains("BCDF-GHJK") && did.err.contains(&format!("{}/device", issuer.url)),
        "{did:?}"
    );
    assert!(did.err.contains("as local-ada"), "{did:?}");
    assert_eq!(issuer.asked("/token", ("grant_type", GRANT)).len(), 3);
    assert_eq!(ada.run(&["token"]).done(), "access-1\n");
    assert_eq!(issuer.keys().len(), 1);
}

/// After a restart the code is known no more: another is shown, three at most.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_lost() {
    let issuer = Issuer::start().await;
    issuer.says_of_devices(&["invalid_grant"]);
    let ada = Person::of(&issuer.url);
    let did = ada.run(&["login", "--device"]);
    assert!(did.err.contains("here is another"), "{did:?}");
    did.done();
    assert_eq!(issuer.asked("/device_authorization", ("client_id", "pasee")).len(), 2);
    issuer.says_of_devices(&["invalid_grant"; 9]);
    ada.run(&["login", "--device"]).refused(1);
    assert_eq!(issuer.asked("/device_authorization", ("client_id", "pasee")).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_nobody_confirms() {
    for (error, says) in [("access_denied", "access_denied"), ("expired_token", "in time")] {
        let issuer = Issuer::start().await;
        issuer.says_of_devices(&[error]);
        let ada = Person::of(&issuer.url);
        let told = ada.run(&["login", "--device"]).refused(1);
        assert!(told.contains(says), "{told}");
        assert!(ada.kept().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_codes() {
    for (name, value) in [
        ("verification_uri", json!("javascript:alert(1)")),
        ("verification_uri", json!("http://evil.example/")),
        ("verification_uri", json!(null)),
        ("user_code", json!("\u{1b}\n")),
        ("user_code", json!(1)),
        ("device_code", json!("a b")),
        ("expires_in", json!("600")),
    ] {
        let issuer = Issuer::start().await;
        let changed = (name, value.clone());
        issuer.spoil(move |place, mut body| {
            if place == "/device_authorization" {
                body[changed.0] = changed.1.clone();
            }
            Ok(body)
        });
        let told = Person::of(&issuer.url).run(&["login", "--device"]).refused(1);
        assert!(told.contains("makes no sense"), "{name} {value}: {told}");
        assert!(issuer.asked("/token", ("grant_type", GRANT)).is_empty());
    }
}
