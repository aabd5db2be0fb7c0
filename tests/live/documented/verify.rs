//! Who access tokens are of, and whether they are in a group: verify ISSUER AUDIENCE GROUP < TOKENS.
#![allow(clippy::print_stdout, reason = "it is a program of the command line")]

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

type Refused = Box<dyn Error>;

/// Keeps the keys: one for the life of a program.
struct Verifier {
    issuer: String,
    audience: String,
    keys_at: String,
    keys: HashMap<String, DecodingKey>,
    fetched: Instant,
}

async fn fetch(place: &str) -> Result<Value, Refused> {
    let answer = reqwest::get(place).await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

impl Verifier {
    async fn new(issuer: &str, audience: &str) -> Result<Self, Refused> {
        let metadata = fetch(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if metadata["issuer"] != issuer {
            return Err(format!("this is {}, and not {issuer}", metadata["issuer"]).into());
        }
        let keys_at = metadata["jwks_uri"].as_str().ok_or("no keys are published")?.to_owned();
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        let fetched = Instant::now();
        let mut this = Self { issuer, audience, keys_at, keys: HashMap::new(), fetched };
        this.fetch_keys().await?;
        Ok(this)
    }

    async fn fetch_keys(&mut self) -> Result<(), Refused> {
        self.fetched = Instant::now();
        let set: JwkSet = serde_json::from_value(fetch(&self.keys_at).await?)?;
        let keys = set
            .keys
            .iter()
            .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)));
        self.keys = keys.collect();
        Ok(())
    }

    async fn claims(&mut self, token: &str) -> Result<Value, Refused> {
        let header = decode_header(token)?;
        if header.typ.as_deref() != Some("at+jwt") {
            return Err("this is no access token".into());
        }
        if !matches!(header.alg, Algorithm::ES256 | Algorithm::RS256) {
            return Err("no token is signed so here".into());
        }
        let id = header.kid.ok_or("this token names no key")?;
        if !self.keys.contains_key(&id) && self.fetched.elapsed() > Duration::from_secs(30) {
            self.fetch_keys().await?;
        }
        let key = self.keys.get(&id).ok_or("the key is not known")?;
        let mut right = Validation::new(header.alg);
        right.set_issuer(&[&self.issuer]);
        right.set_audience(&[&self.audience]);
        right.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        right.validate_nbf = true;
        right.leeway = 5;
        let claims = decode::<Value>(token, key, &right)?.claims;
        if claims.get("cnf").is_some() {
            return Err("this token is bound to a key, and shown without a proof".into());
        }
        Ok(claims)
    }
}

#[tokio::main]
async fn main() -> Result<(), Refused> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, group] = arguments.as_slice() else {
        return Err("name an issuer, an audience and a group".into());
    };
    let mut verifier = Verifier::new(issuer, audience).await?;
    for token in std::io::read_to_string(std::io::stdin())?.split_whitespace() {
        match verifier.claims(token).await {
            Ok(claims) => {
                let groups = claims["groups"].as_array();
                let is_in = groups.is_some_and(|groups| groups.iter().any(|name| name == group));
                let subject = claims["sub"].as_str().unwrap_or_default();
                println!("{} {subject}", if is_in { 200 } else { 403 });
            }
            Err(error) => println!("401 {error}"),
        }
    }
    Ok(())
}
