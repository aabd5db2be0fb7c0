//! Tokens that are bound to a key (DPoP, RFC 9449): a proof is for the address that is known outside, with the path and the slash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::jose::key::{Algorithm, PrivateKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::support::forge::proof;
use super::support::pasee::{Answer, Pasee, Setup};
use super::{PATH, below};

const SECRET: &str = "a secret of two hundred and fifty six bits, or so";

/// A Pasee with a client that may have tokens of its own for the HTTP API.
async fn house() -> Pasee {
    let hash: String = Sha256::digest(SECRET).iter().map(|byte| format!("{byte:02x}")).collect();
    let client = format!(
        "[[clients]]\nid = \"robot\"\nsecret_hashes = [\"sha256:{hash}\"]\ngrant_types = [\"client_credentials\"]\n\
         dpop = \"required\"\naudiences = [\"https://api.example.com\"]\n"
    );
    let mut pasee = below(PATH, Setup::default().tables(&client)).await;
    let url = pasee.url.clone();
    pasee.restart(|settings| settings.replace("https://api.example.com", &url)).await;
    pasee.url = url;
    pasee
}

async fn own_token(pasee: &Pasee, proof: &str) -> Answer {
    let body = format!(
        "grant_type=client_credentials&client_id=robot&client_secret={}&resource={}",
        SECRET.replace(' ', "+"),
        pasee.url
    );
    let ask = pasee.ask("POST", "/oauth2/token").header("dpop", proof);
    ask.typed("application/x-www-form-urlencoded", body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_proof_is_for() {
    let pasee = house().await;
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let host = format!("http://{}", pasee.address);
    let place = format!("{}/oauth2/token", pasee.url);
    let first = own_token(&pasee, &proof(&key, "POST", &place, &json!({}))).await.is(400);
    let with = json!({ "nonce": first.header("dpop-nonce") });
    own_token(&pasee, &proof(&key, "POST", &format!("{host}/oauth2/token"), &with)).await.is(400);
    let given = own_token(&pasee, &proof(&key, "POST", &place, &with)).await.is(200).json();
    let token = given["access_token"].as_str().unwrap();
    let mut with = with;
    with["ath"] = json!(URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    for path in ["/users/me", "/groups/", "/users/client-robot", "/users/client%2Drobot"] {
        let shown = async |url: &str| {
            let ask = pasee.ask("GET", path).header("authorization", &format!("DPoP {token}"));
            ask.header("dpop", &proof(&key, "GET", url, &with)).send().await
        };
        shown(&format!("{}{path}", pasee.url)).await.is(200);
        for wrong in [
            format!("{host}{path}"),
            format!("{}{path}", PATH),
            format!("{}{PATH}{path}", pasee.url),
            format!("http://pasee.example.com{PATH}{path}"),
        ] {
            let refused = shown(&wrong).await.is(401);
            assert!(refused.header("www-authenticate").contains("invalid_dpop_proof"), "{wrong}");
        }
    }
}
