//! ID tokens that prove nothing, and some that look odd and do.

use std::net::TcpListener;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as Signing, EncodingKey, crypto};
use pasee::domain::time::Timestamp;
use pasee::idp::{ProviderError, Providers};
use pasee::jose::id_token::Expected;
use pasee::jose::issuer::TrustedIssuer;
use pasee::jose::key::Algorithm;
use pasee::jose::key_set::KeySet;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::support::forge::Forger;
use super::support::mutants::{Corpus, Dice, WAYS};
use super::support::openid::{ACCESS_TOKEN, Begun, CLIENT, OpenId, SECRET};
use super::{NOW, corp, header};

/// A token by its name.
type Case = (String, String);

/// What an attacker makes tokens from.
struct Workshop<'a> {
    openid: &'a OpenId,
    stranger: &'a Forger,
    nonce: &'a str,
}

impl Workshop<'_> {
    fn claims(&self) -> Value {
        self.openid.claims(self.nonce, NOW)
    }

    /// Signed by the provider, with a claim changed or, for null, without it.
    fn with(&self, name: &str, value: Value) -> Case {
        let mut claims = self.claims();
        let label = format!("{name} = {value}");
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        (label, self.openid.forger.token(&header(self.openid), &claims))
    }

    /// Signed by somebody, with a header changed or, for null, without it.
    fn headed(&self, signer: &Forger, name: &str, value: Value) -> Case {
        let mut header = header(self.openid);
        let mut label = format!("header {name} = {value}");
        label.truncate(100);
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value;
        }
        (label, signer.token(&header, &self.claims()))
    }

    /// Signed by the provider some time ago, with an expiry.
    fn dated(&self, issued_at: i64, expires_at: Value) -> Case {
        let mut claims = self.claims();
        let label = format!("from {issued_at} to {expires_at}");
        (claims["iat"], claims["exp"]) = (json!(issued_at), expires_at);
        (label, self.openid.forger.token(&header(self.openid), &claims))
    }

    fn wrong_claims(&self) -> Vec<Case> {
        let other = "https://other.example.com";
        let slash = format!("{}/", self.openid.issuer);
        let mut cases: Vec<Case> = [other, &slash, &self.openid.issuer.to_uppercase(), ""]
            .map(|issuer| self.with("iss", json!(issuer)))
            .into();
        for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            let wrong = [json!(null), json!(true), json!({}), json!([]), json!("")];
            cases.extend(wrong.map(|value| self.with(name, value)));
        }
        cases.push(self.with("iss", json!([self.openid.issuer])));
        for audience in [
            json!("other"),
            json!(["other"]),
            json!([CLIENT, "other"]),
            json!(["other", "third"]),
            json!([CLIENT, 1]),
            json!([[CLIENT]]),
            json!({ CLIENT: true }),
            json!(CLIENT.to_uppercase()),
            json!(format!("{CLIENT} other")),
            json!(format!("{CLIENT}\u{0}")),
        ] {
            cases.push(self.with("aud", audience));
        }
        for party in [json!("other"), json!([CLIENT]), json!(1), json!("")] {
            cases.push(self.with("azp", party.clone()));
            let mut claims = self.claims();
            (claims["aud"], claims["azp"]) = (json!([CLIENT, "other"]), party.clone());
            let token = self.openid.forger.token(&header(self.openid), &claims);
            cases.push((format!("two audiences and azp = {party}"), token));
        }
        let text = |time: i64| json!(time.to_string());
        for exp in [
            json!(NOW - 60),
            json!(NOW - 3600),
            json!(0),
            json!(-1),
            json!(1.8e9 - 60.5),
            json!("1800000300.5"),
            text(NOW + 300),
            json!(u64::MAX),
        ] {
            cases.push(self.dated(NOW - 7200, exp));
        }
        cases.push(self.dated(NOW, json!(NOW)));
        for name in ["iat", "nbf"] {
            for time in
                [json!(NOW + 61), json!(NOW + 86_400), text(NOW), json!(1e300), json!(i64::MAX)]
            {
                cases.push(self.with(name, time));
            }
        }
        let nonce = self.nonce;
        for nonce in [&nonce[1..], &format!("{nonce}A"), &nonce.to_lowercase(), "AAAA"] {
            cases.push(self.with("nonce", json!(nonce)));
        }
        cases.push(self.with("nonce", json!([nonce])));
        for hash in [json!("AAAA"), json!(""), json!(1), json!(half(b"another access token"))] {
            cases.push(self.with("at_hash", hash));
        }
        cases.push(self.with("sub", json!("x".repeat(256))));
        cases.push(self.with("sub", json!(1)));
        cases
    }

    fn wrong_headers(&self) -> Vec<Case> {
        let (own, stranger) = (&self.openid.forger, self.stranger);
        let mut cases = Vec::new();
        for algorithm in [
            "none",
            "None",
            "nOnE",
            "NONE",
            "",
            "HS256",
            "HS384",
            "HS512",
            "RS256",
            "PS256",
            "ES384",
            "ES512",
            "ES256K",
            "EdDSA",
            "Ed25519",
            "es256",
            "ES256 ",
            "dir",
            "RSA-OAEP",
            "A128KW",
            "PBES2-HS256+A128KW",
        ] {
            cases.push(self.headed(own, "alg", json!(algorithm)));
        }
        for value in [json!(null), json!(1), json!(["ES256"]), json!({"ES256": true})] {
            cases.push(self.headed(own, "alg", value));
        }
        for kind in [
            "at+jwt",
            "rt+jwt",
            "logout+jwt",
            "application/at+jwt",
            "JWE",
            "JOSE+JSON",
            "",
            "dpop+jwt",
        ] {
            cases.push(self.headed(own, "typ", json!(kind)));
        }
        cases.push(self.headed(own, "typ", json!(["JWT"])));
        for critical in [json!(["exp"]), json!([]), json!(["b64"]), json!("b64"), json!(1)] {
            cases.push(self.headed(own, "crit", critical));
        }
        for (name, value) in [
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("enc", json!("A128GCM")),
            ("cty", json!("JWT")),
            ("epk", json!({})),
        ] {
            cases.push(self.headed(own, name, value));
        }
        for id in [
            "../../../../dev/null",
            "/etc/passwd",
            "file:///dev/null",
            "' OR '1'='1",
            "x' UNION SELECT 'key",
            "|/bin/true",
            "",
            "\u{0}",
            "*",
            "%s%s%n",
            "http://127.0.0.1/jwks",
            "key\r\nHost: evil",
            "${jndi:ldap://127.0.0.1/a}",
        ] {
            cases.push(self.headed(own, "kid", json!(id)));
            cases.push(self.headed(stranger, "kid", json!(id)));
        }
        for id in [
            json!(1),
            json!([]),
            json!({}),
            json!(true),
            json!("k".repeat(65_536)),
            json!("k".repeat(9000)),
        ] {
            cases.push(self.headed(own, "kid", id));
        }
        cases
    }

    /// Keys and places of keys that a token brings along.
    fn own_keys(&self, trap: &str) -> Vec<Case> {
        let stranger = self.stranger;
        let jwk = pasee::jose::jwks::jwk(stranger.key.public()).clone();
        let kid = stranger.key.public().id().as_str().to_owned();
        let mut cases = Vec::new();
        for (name, value) in [
            ("jku", json!(format!("{trap}/jwks"))),
            ("x5u", json!(format!("{trap}/chain"))),
            ("jwk", jwk.clone()),
            ("x5c", json!([STANDARD.encode("certificate")])),
            ("x5t", json!("AAAA")),
        ] {
            cases.push(self.headed(stranger, name, value.clone()));
            let header = json!({ "alg": "ES256", "typ": "JWT", "kid": kid, name: value });
            cases.push((
                format!("{name} with its own kid"),
                stranger.token(&header, &self.claims()),
            ));
            let header = json!({ "alg": "ES256", "typ": "JWT", name: value });
            cases.push((format!("{name} without kid"), stranger.token(&header, &self.claims())));
        }
        cases
    }

    /// The public key and the client secret as symmetric keys.
    fn confused(&self) -> Vec<Case> {
        let key = self.openid.forger.key.public();
        let set = self.openid.keys();
        let secrets: Vec<Vec<u8>> = vec![
            SECRET.into(),
            CLIENT.into(),
            key.to_pem().into_bytes(),
            key.to_pem().trim_end().into(),
            set.to_string().into_bytes(),
            set["keys"][0].to_string().into_bytes(),
            set["keys"][0]["x"].as_str().unwrap().into(),
            Vec::new(),
        ];
        let mut cases = Vec::new();
        for (place, secret) in secrets.iter().enumerate() {
            for (name, algorithm) in
                [("HS256", Signing::HS256), ("HS384", Signing::HS384), ("HS512", Signing::HS512)]
            {
                for kid in [json!(key.id().as_str()), json!(null)] {
                    let mut header = json!({ "alg": name, "typ": "JWT" });
                    if !kid.is_null() {
                        header["kid"] = kid;
                    }
                    let signed = [header, self.claims()]
                        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
                        .join(".");
                    let secret = EncodingKey::from_secret(secret);
                    let mac = crypto::sign(signed.as_bytes(), &secret, algorithm).unwrap();
                    cases.push((
                        format!("{name} keyed by public thing {place}"),
                        format!("{signed}.{mac}"),
                    ));
                }
            }
        }
        cases
    }

    fn wrong_shapes(&self) -> Vec<Case> {
        let own = &self.openid.forger;
        let (header, claims) = (header(self.openid), self.claims());
        let good = own.token(&header, &claims);
        let parts: Vec<&str> = good.split('.').collect();
        let twice = |text: String, key: &str, value: &str| {
            text.replacen('{', &format!("{{\"{key}\":{value},"), 1)
        };
        let jwe = json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "kid": header["kid"] }).to_string();
        let jwe = URL_SAFE_NO_PAD.encode(jwe);
        let cases = [
            ("signed by a stranger with the provider's kid", self.stranger.token(&header, &claims)),
            ("unsigned", format!("{}.{}.", parts[0], parts[1])),
            ("without its last part", format!("{}.{}", parts[0], parts[1])),
            ("five parts", format!("{good}.AAAA.AAAA")),
            ("a JWE", format!("{jwe}.{}.AAAA.{}.AAAA", parts[0], parts[1])),
            ("a JWE of three parts", format!("{jwe}.{}.{}", parts[1], parts[2])),
            ("a token in a token", own.sign(header.to_string(), format!("\"{good}\""))),
            (
                "JSON serialization",
                json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]})
                    .to_string(),
            ),
            ("padding", format!("{good}=")),
            ("a line break", format!("{good}\n")),
            ("a space before", format!(" {good}")),
            ("empty", String::new()),
            ("dots", ".".repeat(3)),
            ("16 KiB of dots", ".".repeat(16 * 1024)),
            (
                "sub twice",
                own.sign(header.to_string(), twice(claims.to_string(), "sub", "\"root\"")),
            ),
            (
                "nonce twice",
                own.sign(header.to_string(), twice(claims.to_string(), "nonce", "\"x\"")),
            ),
            (
                "alg twice",
                own.sign(twice(header.to_string(), "alg", "\"none\""), claims.to_string()),
            ),
            ("claims that are a list", own.sign(header.to_string(), format!("[{claims}]"))),
            ("a byte order mark", own.sign(header.to_string(), format!("\u{feff}{claims}"))),
            (
                "UTF-16",
                own.sign(
                    header.to_string(),
                    claims
                        .to_string()
                        .encode_utf16()
                        .flat_map(u16::to_le_bytes)
                        .collect::<Vec<_>>(),
                ),
            ),
            (
                "more than 16 KiB",
                own.token(&header, &json!({"pad": "x".repeat(16 * 1024), "claims": claims})),
            ),
            (
                "another token's signature",
                format!(
                    "{}.{}.{}",
                    parts[0],
                    parts[1],
                    own.token(&header, &json!({})).rsplit('.').next().unwrap()
                ),
            ),
        ];
        let mut cases: Vec<Case> = cases.map(|(name, token)| (name.to_owned(), token)).into();
        // Each byte of a signature counts.
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        for place in 0..signature.len() {
            let mut changed = signature.clone();
            changed[place] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            cases.push((
                format!("byte {place} of the signature"),
                format!("{}.{}.{changed}", parts[0], parts[1]),
            ));
        }
        for signature in
            [vec![0; 64], vec![0xff; 64], signature[..63].to_vec(), [&signature[..], &[0]].concat()]
        {
            let signature = URL_SAFE_NO_PAD.encode(signature);
            cases.push((
                "a made-up signature".into(),
                format!("{}.{}.{signature}", parts[0], parts[1]),
            ));
        }
        cases
    }
}

fn half(text: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16])
}

async fn judge(
    openid: &OpenId,
    providers: &Providers,
    begun: &Begun,
    token: &str,
) -> Result<String, ProviderError> {
    openid.redeems(token);
    let provider = providers.get("corp").unwrap();
    let identity = begun.end(provider, &begun.yes(&openid.issuer), NOW).await?;
    Ok(identity.user.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_that_prove_nothing() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
    let nonce = begun.parameter("nonce");
    let stranger = Forger::new(Algorithm::Es256);
    let workshop = Workshop { openid: &openid, stranger: &stranger, nonce: &nonce };
    let cases: Vec<Case> = [
        workshop.wrong_claims(),
        workshop.wrong_headers(),
        workshop.own_keys(&format!("http://{}", trap.local_addr().unwrap())),
        workshop.confused(),
        workshop.wrong_shapes(),
    ]
    .concat();
    let mut wrong = Vec::new();
    for (name, token) in &cases {
        let judged = judge(&openid, &providers, &begun, token).await;
        if !matches!(judged, Err(ProviderError::InvalidResponse(_))) {
            wrong.push(format!("{name}: {judged:?}"));
        }
    }
    println!("{} ID tokens that prove nothing, {} logins", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() > 250, "{}", cases.len());
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let good = openid.forger.token(&header(&openid), &workshop.claims());
    assert_eq!(judge(&openid, &providers, &begun, &good).await.unwrap(), "corp-ada");
}

/// What the tests above would also refuse if everything were refused.
#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_that_look_odd() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
    let nonce = begun.parameter("nonce");
    let stranger = Forger::new(Algorithm::Es256);
    let workshop = Workshop { openid: &openid, stranger: &stranger, nonce: &nonce };
    let own = &openid.forger;
    let mut several = workshop.claims();
    (several["aud"], several["azp"]) = (json!(["other", CLIENT]), json!(CLIENT));
    for (name, token) in [
        workshop.with("aud", json!([CLIENT])),
        workshop.with("azp", json!(CLIENT)),
        ("several audiences".into(), own.token(&header(&openid), &several)),
        workshop.dated(NOW - 7200, json!(NOW - 59)),
        workshop.with("iat", json!(NOW + 60)),
        workshop.with("iat", json!(NOW - 86_400)),
        workshop.with("nbf", json!(NOW + 60)),
        workshop.with("at_hash", json!(half(ACCESS_TOKEN.as_bytes()))),
        workshop.with("email_verified", json!("true")),
        workshop.headed(own, "typ", json!(null)),
        workshop.headed(own, "typ", json!("jwt")),
        workshop.headed(own, "kid", json!(null)),
        workshop.headed(own, "x5t", json!("AAAA")),
        workshop.headed(own, "jku", json!("http://127.0.0.1:1/")),
    ] {
        assert_eq!(
            judge(&openid, &providers, &begun, &token).await.as_deref(),
            Ok("corp-ada"),
            "{name}"
        );
    }
}

/// The user has shown who they are as lately as the settings want.
#[tokio::test(flavor = "multi_thread")]
async fn max_age() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |oidc| oidc.max_age = Some(Duration::from_secs(100)));
    let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
    let nonce = begun.parameter("nonce");
    let stranger = Forger::new(Algorithm::Es256);
    let workshop = Workshop { openid: &openid, stranger: &stranger, nonce: &nonce };
    for (time, is_enough) in [
        (json!(NOW), true),
        (json!(NOW - 160), true),
        (json!(NOW - 161), false),
        (json!(NOW + 61), false),
        (json!(null), false),
        (json!(NOW.to_string()), false),
    ] {
        let (name, token) = workshop.with("auth_time", time);
        assert_eq!(judge(&openid, &providers, &begun, &token).await.is_ok(), is_enough, "{name}");
    }
}

/// Real ID tokens of this login, of another login and for another client, mutated in every way.
#[tokio::test(flavor = "multi_thread")]
async fn mutants() {
    const MUTANTS: u64 = 100_000;
    const SEED: u64 = 0x6f69_6463;
    let openid = OpenId::start().await;
    let stranger = Forger::new(Algorithm::Es256);
    let workshop = Workshop { openid: &openid, stranger: &stranger, nonce: "nonce-of-this-login" };
    let (_, elsewhere) = workshop.with("aud", json!("another-client"));
    let (_, another) = workshop.with("nonce", json!("nonce-of-another-login"));
    let (_, mine) = workshop.with("at_hash", json!(half(ACCESS_TOKEN.as_bytes())));
    let foreign = stranger.token(&header(&openid), &workshop.claims());
    let set = openid.keys();
    let secrets = [
        SECRET.into(),
        openid.forger.key.public().to_pem(),
        set.to_string(),
        set["keys"][0].to_string(),
    ];
    let corpus = Corpus {
        real: vec![mine.clone(), another.clone(), elsewhere.clone()],
        foreign: vec![foreign],
        secrets: secrets.map(String::into_bytes).to_vec(),
    };
    let keys = KeySet::read(set.as_object().unwrap()).unwrap();
    let allowed = ["RS256", "PS256", "ES256", "ES384", "EdDSA"].map(|name| name.parse().unwrap());
    let expected = Expected {
        issuer: &TrustedIssuer::One(openid.issuer.clone()),
        client_id: CLIENT,
        nonce: Some(workshop.nonce),
        access_token: ACCESS_TOKEN,
        max_age: None,
        clock_skew: Duration::from_secs(60),
    };
    let now = Timestamp::from_unix(NOW).unwrap();
    let is_believed = |token: &str| {
        keys.verify(token, &allowed).and_then(|signed| expected.prove(signed, now)).is_ok()
    };
    assert!(is_believed(&mine) && !is_believed(&another) && !is_believed(&elsewhere));
    let mut believed = 0;
    for number in 0..MUTANTS {
        let mut dice = Dice::new(SEED.wrapping_add(number << 20));
        let (base, way) = (dice.below(3), dice.below(WAYS));
        let mutant = corpus.mutant(base, way, &mut dice);
        if is_believed(&mutant) {
            believed += 1;
            println!("seed {SEED:#x}, mutant {number}, way {way}: {mutant}");
        }
    }
    println!("{MUTANTS} mutants of ID tokens, {believed} believed");
    assert_eq!(believed, 0);
}
