//! That no client can tell an application who it is.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::domain::time::Timestamp;

/// How many headers of clients are tried.
const VARIANTS: usize = 2_000;

fn ada() -> Identity {
    Identity {
        issuer: Arc::from("https://pasee.example.com"),
        subject: "kisee-ada".to_owned(),
        user: "kisee-ada".to_owned(),
        groups: vec!["articles.news".to_owned(), "a,admin".to_owned(), "people".to_owned()],
        claims: json!({
            "email": "ada@example.com", "preferred_username": "ada", "name": "Ada L\u{f6}velace", "level": 7,
            "teams": ["a", "b"], "odd": ["a,b"], "deep": {},
        })
        .as_object()
        .unwrap()
        .clone(),
        expires_at: Timestamp::MAX,
        issued_at: None,
        revocation: None,
        session: None,
        authenticated_at: None,
        token: "e30.e30.c2ln".to_owned().into(),
    }
}

fn all(token: PassToken) -> IdentityHeaders {
    let claims = ["email", "level", "teams", "odd", "deep"].map(str::to_owned).to_vec();
    let sets =
        vec![HeaderSet::Pasee, HeaderSet::Forwarded, HeaderSet::AuthRequest, HeaderSet::RemoteUser];
    IdentityHeaders::new(&HeaderSettings { sets, claims, token })
}

fn written(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_the_application_is_told() {
    let mut headers = HeaderMap::new();
    all(PassToken::Never).dress(&mut headers, Some(&ada()));
    assert_eq!(
        written(&headers),
        [
            "remote-email: ada@example.com",
            "remote-groups: articles.news,people",
            "remote-name: Ada L\u{f6}velace",
            "remote-user: kisee-ada",
            "x-auth-request-email: ada@example.com",
            "x-auth-request-groups: articles.news,people",
            "x-auth-request-preferred-username: ada",
            "x-auth-request-user: kisee-ada",
            "x-forwarded-email: ada@example.com",
            "x-forwarded-groups: articles.news,people",
            "x-forwarded-preferred-username: ada",
            "x-forwarded-user: kisee-ada",
            "x-pasee-claims-email: ada@example.com",
            "x-pasee-claims-level: 7",
            "x-pasee-claims-teams: a,b",
            "x-pasee-groups: articles.news,people",
            "x-pasee-user: kisee-ada",
        ]
    );
    let mut headers = HeaderMap::new();
    all(PassToken::Always).dress(&mut headers, Some(&ada()));
    for told in [
        "authorization: Bearer e30.e30.c2ln",
        "x-auth-request-access-token: e30.e30.c2ln",
        "x-forwarded-access-token: e30.e30.c2ln",
    ] {
        assert!(written(&headers).contains(&told.to_owned()), "{told}");
    }
    let mut unverified = ada();
    unverified.claims.insert("email_verified".to_owned(), json!(false));
    let mut headers = HeaderMap::new();
    all(PassToken::Never).dress(&mut headers, Some(&unverified));
    assert!(!headers.contains_key("x-forwarded-email"));
    // A name that no header can carry is not told, rather than told wrongly.
    let odd = Identity { user: "a\r\nx-pasee-groups: staff".to_owned(), ..ada() };
    let mut headers = HeaderMap::new();
    all(PassToken::Never).dress(&mut headers, Some(&odd));
    assert!(!headers.contains_key("x-pasee-user"));
}

/// What is no token of ours stays: it is between the client and the application.
#[test]
fn authorization_of_another_scheme_stays() {
    for (value, stays) in [
        ("Basic YTpi", true),
        ("Bearer abc", false),
        ("bearer abc", false),
        ("BEARER", false),
        ("DPoP abc", false),
        ("Bearers abc", true),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        all(PassToken::Always).dress(&mut headers, None);
        assert_eq!(headers.contains_key(AUTHORIZATION), stays, "{value}");
    }
}

/// A generator with a seed, so that what failed can be had again.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let given = std::env::var("PASEE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let mut random = [0; 8];
            getrandom::fill(&mut random).unwrap();
            u64::from_le_bytes(random)
        });
        println!("PASEE_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, most: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// As the least careful application reads a name: letters and digits alone, and what CGI puts before it left out.
fn as_cgi(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    name.strip_prefix("HTTP_").unwrap_or(&name).to_owned()
}

/// Whatever a client sends, the application sees our values alone: by any spelling, several times, and with other headers beside.
#[test]
fn nobody_forges_who_they_are() {
    let mut dice = Dice::new();
    let names: Vec<&str> = own_names()
        .chain([
            "x-pasee-claims-email",
            "x-pasee-claims-level",
            "x-pasee-anything",
            "x-auth-request-redirect",
        ])
        .collect();
    let separators = ["-", "_", ".", "!", "~", "'", "|", "+", "%", "&", "#", "*", "^", "`", "$"];
    let mut tried = 0;
    for _ in 0..VARIANTS {
        let mut headers = HeaderMap::new();
        let mut forged = Vec::new();
        for _ in 0..=dice.below(4) {
            let base = dice.one(&names);
            let mut name: String = String::new();
            for letter in base.chars() {
                match letter {
                    '-' => name.push_str(dice.one(&separators)),
                    letter if dice.below(2) == 0 => name.push(letter.to_ascii_uppercase()),
                    letter => name.push(letter),
                }
            }
            let name = format!("{}{name}", dice.one(&["", "", "", "HTTP_", "http-"]));
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            for _ in 0..=dice.below(2) {
                let value = format!("forged-{}", dice.below(1_000));
                headers.append(name.clone(), value.parse().unwrap());
            }
            forged.push(name);
            tried += 1;
        }
        headers.append("connection", format!("close, {}", dice.one(&names)).parse().unwrap());
        headers.append("x-forwarded-for", "192.0.2.1".parse().unwrap());
        headers.append("x-custom", "kept".parse().unwrap());
        let identity = (dice.below(3) > 0).then(ada);
        all(PassToken::Never).dress(&mut headers, identity.as_ref());
        let mut right = HeaderMap::new();
        all(PassToken::Never).dress(&mut right, identity.as_ref());
        for (name, value) in &headers {
            assert!(!value.as_bytes().starts_with(b"forged"), "{name} of {forged:?}");
            let is_known = right.contains_key(name);
            let is_other = ["connection", "x-forwarded-for", "x-custom"].contains(&name.as_str());
            assert!(is_known || is_other, "{name}");
        }
        assert_eq!(headers.get("x-custom").unwrap(), "kept");
        for name in own_names() {
            let told: Vec<&HeaderValue> = headers
                .iter()
                .filter(|(other, _)| as_cgi(other.as_str()) == as_cgi(name))
                .map(|(_, value)| value)
                .collect();
            assert_eq!(told.len(), usize::from(right.contains_key(name)), "{name}");
            assert_eq!(headers.get(name), right.get(name));
        }
    }
    assert!(tried >= VARIANTS);
}
