//! One table of hostile tokens for every reader, so that no rule is dropped for one issuer. A reader is added in
//! [`readers`] and has to refuse all of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::compact::MAX_TOKEN;
use super::error::VerifyError;
use super::id_token::Expected;
use super::issuer::TrustedIssuer;
use super::key::{Algorithm, PrivateKey};
use super::key_set::{KeySet, MAX_PROVIDER_TOKEN, published};
use super::kisee::KiseeVerifier;
use super::service_account::ServiceAccountVerifier;
use super::verify::Verifier;
use super::{claims, jwks};
use crate::domain::time::Timestamp;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// What a reader says of a token.
type Judge = Box<dyn Fn(&str) -> Result<(), VerifyError>>;

/// One who believes tokens of one kind, and what a sound one says.
struct Reader {
    name: &'static str,
    judge: Judge,
    key: PrivateKey,
    header: Value,
    claims: Value,
    /// Whether `kid` has to name a key.
    needs_key_id: bool,
    /// The longest that it looks at.
    longest: usize,
}

impl Reader {
    fn new(
        name: &'static str,
        key: &PrivateKey,
        (typ, claims): (&str, Value),
        judge: impl Fn(&str) -> Result<(), VerifyError> + 'static,
    ) -> Self {
        let header = json!({ "typ": typ, "alg": "ES256", "kid": key.public().id().as_str() });
        let judge = Box::new(judge);
        let key = key.clone();
        Self { name, judge, key, header, claims, needs_key_id: true, longest: MAX_TOKEN }
    }

    /// What it thinks of a token of any bytes, properly signed.
    fn of_bytes(
        &self,
        header: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), VerifyError> {
        (self.judge)(&signed(&self.key, header, payload))
    }

    fn with_header(&self, name: &str, value: Value) -> Result<(), VerifyError> {
        self.of_bytes(with(&self.header, name, value).to_string(), self.claims.to_string())
    }

    /// With claims changed; null takes one away.
    fn with_claims(&self, changes: &[(&str, Value)]) -> Result<(), VerifyError> {
        let mut claims = self.claims.clone();
        for (name, value) in changes {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        self.of_bytes(self.header.to_string(), claims.to_string())
    }

    fn sound(&self) -> String {
        signed(&self.key, self.header.to_string(), self.claims.to_string())
    }
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn signed(key: &PrivateKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let signed = [header.as_ref(), payload.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = signed.join(".");
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{signature}")
}

/// All who read tokens here, each with a key of the same kind.
fn readers() -> Vec<Reader> {
    let now = Timestamp::from_unix(NOW).unwrap();
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let set = jwks::common(&[key.public().clone()]);
    let times =
        json!({ "exp": NOW + 900, "nbf": NOW, "iat": NOW, "auth_time": NOW - 10, "jti": "x" });
    let claims = |more: Value| {
        let mut claims = times.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let verifier = |issuer: &str, keys| {
        Verifier::new(issuer.parse().unwrap(), Some("apps".parse().unwrap()), keys)
    };
    let of_pasee = |issuer: &str| {
        claims(
            json!({ "iss": issuer, "aud": "apps", "client_id": "pasee-http", "sid": "0".repeat(32),
            "sub": "kisee-ada", "idp": "kisee", "groups": [] }),
        )
    };
    let own = verifier("pasee.example.com", vec![key.public().clone()]);
    let keys = published(Algorithm::Es256, set.to_string().as_bytes()).unwrap();
    let peer = verifier("inner.example.com", keys);
    let kisee = KiseeVerifier::new(vec![key.public().clone()], Some("kisee".to_owned()));
    let provider = KeySet::read(set.as_object().unwrap()).unwrap();
    let cluster = "https://kubernetes.default.svc";
    let account = json!({ "namespace": "ci", "serviceaccount": { "name": "deployer" } });
    let bytes = set.to_string().into_bytes();
    let accounts =
        ServiceAccountVerifier::new(cluster.to_owned(), "apps".parse().unwrap(), &bytes).unwrap();
    let id_token = move |compact: &str| {
        let expected = Expected {
            issuer: &TrustedIssuer::One("https://id.example.com".to_owned()),
            client_id: "apps",
            nonce: Some("n"),
            access_token: "a",
            max_age: None,
            clock_skew: std::time::Duration::from_secs(60),
        };
        let allowed = ["ES256", "RS256"].map(|name| name.parse().unwrap());
        expected.prove(provider.verify(compact, &allowed)?, now).map(drop)
    };
    let of_provider =
        json!({ "iss": "https://id.example.com", "aud": "apps", "sub": "ada", "nonce": "n" });
    let of_account = json!({
        "iss": cluster, "aud": ["apps"], "sub": "system:serviceaccount:ci:deployer", "kubernetes.io": account,
    });
    let of_kisee = claims(json!({ "iss": "kisee", "sub": "ada" }));
    let mut kisee = Reader::new("Kisee", &key, ("JWT", of_kisee), move |compact| {
        kisee.verify(compact, now).map(drop)
    });
    kisee.needs_key_id = false;
    let access = claims::ACCESS;
    vec![
        Reader::new("Pasee", &key, (access, of_pasee("pasee.example.com")), move |compact| {
            own.access(compact, now).map(drop)
        }),
        Reader::new(
            "another Pasee",
            &key,
            (access, of_pasee("inner.example.com")),
            move |compact| peer.access(compact, now).map(drop),
        ),
        kisee,
        Reader {
            longest: MAX_PROVIDER_TOKEN,
            ..Reader::new("OpenID provider", &key, ("JWT", claims(of_provider)), id_token)
        },
        Reader::new("cluster", &key, ("JWT", claims(of_account)), move |compact| {
            accounts.verify(compact, now).map(drop)
        }),
    ]
}

#[test]
fn headers() {
    for reader in readers() {
        assert_eq!((reader.judge)(&reader.sound()), Ok(()), "{}", reader.name);
        for name in
            ["crit", "zip", "b64", "enc", "epk", "cty", "tag", "iv", "apu", "apv", "p2s", "p2c"]
        {
            for value in [json!(null), json!([]), json!(["exp"]), json!("JWT"), json!(true)] {
                let judged = reader.with_header(name, value.clone());
                assert_eq!(judged, Err(VerifyError::Header), "{}: {name} {value}", reader.name);
            }
        }
        for algorithm in
            ["none", "None", "", "HS256", "es256", "ES384", "ES256K", "RS256", "ES256 "]
        {
            let judged = reader.with_header("alg", json!(algorithm));
            assert_eq!(judged, Err(VerifyError::Algorithm), "{}: {algorithm}", reader.name);
        }
        for value in [json!(null), json!(1), json!(true), json!(["ES256"]), json!({})] {
            for (name, expected) in [
                ("alg", VerifyError::Algorithm),
                ("kid", VerifyError::UnknownKey),
                ("typ", VerifyError::Kind),
            ] {
                let judged = reader.with_header(name, value.clone());
                assert_eq!(judged, Err(expected), "{}: {name} {value}", reader.name);
            }
        }
        for typ in ["", "logout+jwt", "rt+jwt", "JWE", "application/at+jwt", "at+jwt "] {
            let judged = reader.with_header("typ", json!(typ));
            assert_eq!(judged, Err(VerifyError::Kind), "{}: {typ}", reader.name);
        }
        // Of an OpenID provider alone the whole media type.
        let is_lenient = reader.name == "OpenID provider";
        for typ in ["application/jwt", "application/JWT"] {
            let judged = reader.with_header("typ", json!(typ));
            let expected = if is_lenient { Ok(()) } else { Err(VerifyError::Kind) };
            assert_eq!(judged, expected, "{}: {typ}", reader.name);
        }
        for id in ["", "../../dev/null", "x' OR 1=1 --", "k\0", &"k".repeat(8000)] {
            let judged = reader.with_header("kid", json!(id));
            let expected = if reader.needs_key_id { Err(VerifyError::UnknownKey) } else { Ok(()) };
            assert_eq!(judged, expected, "{}: {id:.20}", reader.name);
        }
        for name in ["jku", "x5u", "jwk", "x5c", "x5t"] {
            let judged = reader.with_header(name, json!("http://127.0.0.1:1/"));
            assert_eq!(judged, Ok(()), "{}: {name} is only a word", reader.name);
        }
    }
}

#[test]
fn sizes_and_shapes() {
    for reader in readers() {
        let pad = |length: usize| {
            let header = with(&reader.header, "pad", json!("x".repeat(length)));
            signed(&reader.key, header.to_string(), reader.claims.to_string())
        };
        let (bare, longest) = (pad(0), reader.longest);
        let most = (0..longest).rev().find(|length| pad_fits(&bare, *length, longest));
        let most = most.unwrap();
        assert_eq!((reader.judge)(&pad(most)), Ok(()), "{}", reader.name);
        for length in [most + 4, 2 * longest, longest + (1 << 20)] {
            assert_eq!((reader.judge)(&pad(length)), Err(VerifyError::TooLong), "{}", reader.name);
        }
        let good = reader.sound();
        let parts: Vec<&str> = good.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("three parts") };
        for text in [
            String::new(),
            "..".into(),
            format!("{header}.{payload}"),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.{payload}.{signature}"),
            format!("{good}="),
            format!("{good}\n"),
            format!(" {good}"),
            format!("{header}=.{payload}.{signature}"),
            format!("{header}.{payload}.{signature}+/"),
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        ] {
            assert_eq!(
                (reader.judge)(&text),
                Err(VerifyError::Malformed),
                "{}: {text}",
                reader.name
            );
        }
        let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
        for text in [
            format!("{header}.{payload}."),
            format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([1; 65])),
            format!("{header}.e30.{signature}"),
            format!("{header}..{signature}"),
            signed(&stranger, reader.header.to_string(), reader.claims.to_string()),
        ] {
            assert_eq!(
                (reader.judge)(&text),
                Err(VerifyError::Signature),
                "{}: {text}",
                reader.name
            );
        }
    }
}

/// Whether a token is short enough with so much more in its header: four characters for three bytes.
fn pad_fits(without: &str, length: usize, longest: usize) -> bool {
    without.len() + length.div_ceil(3) * 4 <= longest
}

#[test]
fn json_that_two_readers_read_in_two_ways() {
    for reader in readers() {
        let (header, claims) = (reader.header.to_string(), reader.claims.to_string());
        let twice = |text: &str, name: &str| text.replacen('{', &format!("{{\"{name}\":\"x\","), 1);
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let before = |text: &str, more: &str| text.replacen('{', &format!("{{{more},"), 1);
        let deep = format!("\"x\":{}{}", "[".repeat(200), "]".repeat(200));
        for spoil in [
            &|text: &str| twice(text, if text == header { "alg" } else { "sub" }).into_bytes(),
            &|text: &str| {
                twice(text, if text == header { "\\u0061lg" } else { "e\\u0078p" }).into_bytes()
            },
            &|text: &str| before(text, "\"x\":{\"y\":1,\"y\":1}").into_bytes(),
            &|text: &str| before(text, &deep).into_bytes(),
            &|text: &str| before(text, "\"x\":NaN").into_bytes(),
            &|text: &str| before(text, "\"x\":1e999").into_bytes(),
            &|text: &str| before(text, "\"x\":\"\\ud800\"").into_bytes(),
            &|text: &str| before(text, "// x\n\"x\":1").into_bytes(),
            &|text: &str| format!("\u{feff}{text}").into_bytes(),
            &|text: &str| format!("{text} x").into_bytes(),
            &|text: &str| format!("[{text}]").into_bytes(),
            &|text: &str| [text.as_bytes(), &[0]].concat(),
            &|text: &str| [&[0xc0, 0x80], text.as_bytes()].concat(),
            &utf16,
            &|_: &str| b"null".to_vec(),
            &|_: &str| Vec::new(),
        ] as [&dyn Fn(&str) -> Vec<u8>; 16]
        {
            for (header, claims) in [
                (spoil(&header), claims.clone().into_bytes()),
                (header.clone().into_bytes(), spoil(&claims)),
            ] {
                let judged = reader.of_bytes(&header, &claims);
                let shown = String::from_utf8_lossy(&header).into_owned();
                assert_eq!(judged, Err(VerifyError::Malformed), "{}: {shown}", reader.name);
            }
        }
    }
}

#[test]
fn times() {
    for reader in readers() {
        for (name, value, expected) in [
            ("exp", json!(null), VerifyError::Claim("exp")),
            ("exp", json!((NOW + 900).to_string()), VerifyError::Claim("exp")),
            ("exp", json!(1e300), VerifyError::Claim("exp")),
            ("exp", json!(-1), VerifyError::Claim("exp")),
            ("exp", json!(i64::MAX), VerifyError::Claim("exp")),
            ("exp", json!(u64::MAX), VerifyError::Claim("exp")),
            ("exp", json!([NOW + 900]), VerifyError::Claim("exp")),
            ("exp", json!(NOW + 401 * DAY), VerifyError::Claim("exp")),
            ("exp", json!(0), VerifyError::Expired),
            ("exp", json!(NOW - 60), VerifyError::Expired),
            ("iat", json!(NOW + 61), VerifyError::NotYet),
            ("nbf", json!(NOW + 61), VerifyError::NotYet),
            ("iat", json!(NOW.to_string()), VerifyError::Claim("iat")),
            ("nbf", json!(NOW.to_string()), VerifyError::Claim("nbf")),
            ("nbf", json!(-1), VerifyError::Claim("nbf")),
        ] {
            let judged = reader.with_claims(&[(name, value.clone())]);
            assert_eq!(judged, Err(expected), "{}: {name} {value}", reader.name);
        }
        // RFC 7519 section 2 allows them, and only OpenID providers write them.
        for (name, value) in [
            ("exp", json!(1_800_000_900.0)),
            ("exp", json!(1_800_000_900.5)),
            ("iat", json!(1.8e9)),
            ("nbf", json!(1.8e9)),
        ] {
            let judged = reader.with_claims(&[(name, value.clone())]);
            let takes_fractions = reader.name == "OpenID provider";
            let expected = if takes_fractions { Ok(()) } else { Err(VerifyError::Claim(name)) };
            assert_eq!(judged, expected, "{}: {name} {value}", reader.name);
        }
        let long_ago = [("iat", json!(NOW - 400 * DAY)), ("auth_time", json!(NOW - 400 * DAY))];
        let judged = reader.with_claims(&long_ago);
        assert_eq!(judged, Err(VerifyError::Claim("exp")), "{}: 400 days", reader.name);
        let backwards = [("exp", json!(NOW + 30)), ("iat", json!(NOW + 30))];
        assert!(reader.with_claims(&backwards).is_err(), "{}: exp at iat", reader.name);
        for name in ["iat", "nbf"] {
            let judged = reader.with_claims(&[(name, json!(NOW + 60))]);
            assert_eq!(judged, Ok(()), "{}: a clock that is ahead", reader.name);
        }
    }
}

/// Each believes its own tokens alone, though one key signs them all here.
#[test]
fn nobody_takes_the_token_of_another() {
    let readers = readers();
    for reader in &readers {
        for other in &readers {
            let judged = reader.of_bytes(other.header.to_string(), other.claims.to_string());
            let is_same = reader.name == other.name;
            assert_eq!(judged.is_ok(), is_same, "{} of {}: {judged:?}", reader.name, other.name);
        }
        let judged = reader.with_claims(&[("iss", json!("another"))]);
        assert_eq!(judged, Err(VerifyError::Issuer), "{}", reader.name);
        for name in ["iss", "sub"] {
            for value in [json!(null), json!(1), json!([reader.claims[name]])] {
                let judged = reader.with_claims(&[(name, value.clone())]);
                assert_eq!(judged, Err(VerifyError::Claim(name)), "{}: {value}", reader.name);
            }
        }
        if reader.claims.get("aud").is_some() {
            for value in [
                json!(null),
                json!("another"),
                json!(["another"]),
                json!([]),
                json!(["apps", 1]),
                json!([["apps"]]),
                json!({ "apps": true }),
                json!("apps another"),
            ] {
                let judged = reader.with_claims(&[("aud", value.clone())]);
                assert_eq!(judged, Err(VerifyError::Audience), "{}: {value}", reader.name);
            }
        }
    }
}
