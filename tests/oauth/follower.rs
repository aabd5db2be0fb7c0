//! The list of what has ended, as a sidecar follows it: heard of at once, over restarts, and not known where it cannot be had.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pasee::domain::time::Timestamp;
use pasee::jose::error::VerifyError;
use pasee::jose::key::{Algorithm, PublicKey};
use pasee::jose::key_set::published;
use pasee::jose::revocations::{MAX_LIST, RevocationList};
use pasee::jose::verify::Verifier;
use pasee::outbound::{HttpClient, Proxies, Trust};
use pasee::settings::sidecar::{RevocationsSettings, Staleness};
use pasee::sidecar::identity::{Identity, Revocations, Standing};
use pasee::sidecar::revocations::{CALL_TIMEOUT, Follower, Known, ReadList};
use serde_json::{Value, json};

use crate::stage::{SECRET, by_app, claims, pasee, tokens};
use crate::support::pasee::Pasee;

struct Keys(Verifier);

impl ReadList for Keys {
    async fn read(&self, list: &str, now: Timestamp) -> Result<RevocationList, VerifyError> {
        self.0.revocations(list, now)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::MIN.after(since)
}

async fn keys(pasee: &Pasee) -> Vec<PublicKey> {
    let set = pasee.ask("GET", "/.well-known/jwks.json").send().await.is(200).body;
    published(Algorithm::Es256, &set).unwrap()
}

async fn follow(pasee: &Pasee, secret: &str, staleness: Staleness) -> Arc<Known> {
    let settings = RevocationsSettings {
        issuer: pasee.url.parse().unwrap(),
        url: format!("{}/revocations", pasee.url).parse().unwrap(),
        client_id: "app".to_owned(),
        client_secret: secret.to_owned().into(),
        staleness,
        max_age: Duration::from_secs(300),
    };
    let http = HttpClient::new(CALL_TIMEOUT, Trust::Nobody, Proxies::Direct).unwrap();
    let reader = Keys(Verifier::new(pasee.url.parse().unwrap(), None, keys(pasee).await));
    let follower = Follower::new(&settings, http.reading_at_most(MAX_LIST), reader, now);
    let known = follower.known();
    tokio::spawn(follower.run());
    known
}

fn identity(pasee: &Pasee, token: &Value) -> Identity {
    let said = claims(token);
    let moment = |name: &str| said[name].as_i64().and_then(Timestamp::from_unix);
    Identity {
        issuer: pasee.url.as_str().into(),
        subject: said["sub"].as_str().unwrap().to_owned(),
        user: said["sub"].as_str().unwrap().to_owned(),
        groups: Vec::new(),
        claims: serde_json::Map::new(),
        expires_at: moment("exp").unwrap(),
        issued_at: moment("iat"),
        revocation: moment("rev"),
        session: said["sid"].as_str().map(str::to_owned),
        authenticated_at: moment("auth_time"),
        token: String::new().into(),
    }
}

/// Waits for news until somebody stands so.
async fn stands(known: &Known, identity: &Identity, wanted: Standing) {
    let mut changes = known.changes();
    let standing = async {
        while known.standing(identity, now()) != wanted {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), standing).await.expect("it is heard");
}

async fn ban(pasee: &Pasee, user: &str) {
    let root = pasee.log_in("root").await;
    let body = json!({ "is_banned": true });
    let path = format!("/users/{user}");
    pasee.ask("PATCH", &path).bearer(&root.access).json(&body).await.is(204);
}

#[tokio::test]
async fn what_ends_is_heard_of() {
    let mut pasee = pasee().await;
    let known = follow(&pasee, SECRET, Staleness::Refuses).await;
    let (ada, alan) = (tokens(&pasee, "ada", &[]).await, tokens(&pasee, "alan", &[]).await);
    let again = tokens(&pasee, "ada", &[]).await;
    let of = |token: &Value| identity(&pasee, &token["access_token"]);
    let (first, second, other) = (of(&ada), of(&again), of(&alan));
    stands(&known, &first, Standing::Good).await;
    assert!(!known.is_stale() && known.readiness().is_ok());
    let refresh_token = ada["refresh_token"].as_str().unwrap();
    by_app(&pasee, "/oauth2/revoke", &[("token", refresh_token)]).await.is(200);
    stands(&known, &first, Standing::Ended).await;
    assert_eq!(known.standing(&second, now()), Standing::Good, "another session of theirs");
    ban(&pasee, "local-ada").await;
    stands(&known, &second, Standing::Ended).await;
    assert_eq!(known.standing(&other, now()), Standing::Good);
    // What was heard stays heard while the server is away, and what ends after it is heard, too.
    pasee.restart(|settings| settings.to_owned()).await;
    assert_eq!(known.standing(&second, now()), Standing::Ended);
    ban(&pasee, "local-alan").await;
    stands(&known, &other, Standing::Ended).await;
    assert_eq!(known.standing(&first, now()), Standing::Ended);
}

#[tokio::test]
async fn what_cannot_be_had_is_not_known() {
    let pasee = pasee().await;
    let ada = identity(&pasee, &tokens(&pasee, "ada", &[]).await["access_token"]);
    for (staleness, standing) in
        [(Staleness::Refuses, Standing::Unknown), (Staleness::Passes, Standing::Good)]
    {
        let known = follow(&pasee, "wrong", staleness).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(known.standing(&ada, now()), standing);
        assert!(known.is_stale());
    }
}
