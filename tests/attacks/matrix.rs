//! Every kind of token at every endpoint: only the intended cells succeed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::hs256;
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use crate::support::forge::Forger;
use crate::support::pasee::{Answer, Pasee, Setup, now};

/// HMAC-SHA-256 over its definition (RFC 2104): the attack needs it, Pasee does not.
mod hmac {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};

    pub fn hs256(secret: &[u8], header: &str, claims: &str) -> String {
        let mut key = [0u8; 64];
        if secret.len() > 64 {
            key[..32].copy_from_slice(&Sha256::digest(secret));
        } else {
            key[..secret.len()].copy_from_slice(secret);
        }
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let inner = Sha256::digest([&key.map(|byte| byte ^ 0x36)[..], message.as_bytes()].concat());
        let mac = Sha256::digest([&key.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
    }
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    Everything,
    Refresh,
    Nothing,
}

/// An endpoint and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Access,
    Refresh,
    /// Shows what the caller may see, if a token comes.
    Perhaps,
    /// Shows what the caller may see, if a token comes that holds, and nobody else anything.
    Nothing,
}

/// Method, path, body, what it needs.
const ENDPOINTS: &[(&str, &str, &str, Needs)] = &[
    ("POST", "/tokens/?refresh", "", Needs::Refresh),
    ("POST", "/tokens/?refresh&scope=a", "", Needs::Refresh),
    ("GET", "/users/", "", Needs::Nothing),
    ("HEAD", "/users/", "", Needs::Nothing),
    ("GET", "/users/local-ada", "", Needs::Access),
    ("GET", "/users/local-root", "", Needs::Access),
    ("PATCH", "/users/local-ada", r#"{"is_banned":false}"#, Needs::Access),
    ("PATCH", "/users/local-ada", r#"{"not_before":"now"}"#, Needs::Access),
    ("DELETE", "/users/local-ada", "", Needs::Access),
    ("GET", "/groups/", "", Needs::Perhaps),
    ("HEAD", "/groups/", "", Needs::Perhaps),
    ("GET", "/groups/?user=local-ada", "", Needs::Access),
    ("POST", "/groups/", r#"{"group":"new"}"#, Needs::Access),
    ("GET", "/groups/a/", "", Needs::Access),
    ("GET", "/groups/staff/", "", Needs::Access),
    ("POST", "/groups/a/", r#"{"username":"local-alan"}"#, Needs::Access),
    ("POST", "/groups/staff/", r#"{"username":"local-eve"}"#, Needs::Access),
    ("DELETE", "/groups/a/local-alan/", "", Needs::Access),
    ("DELETE", "/groups/new/", "", Needs::Access),
];

/// Names and Authorization values of everything an attacker may bring, and what each opens.
async fn tokens(pasee: &Pasee) -> Vec<(String, String, Opens)> {
    use Opens::{Everything, Nothing, Refresh};
    let root = pasee.log_in("root").await;
    let (access, refresh) = (pasee.access_claims("local-root"), pasee.refresh_claims("local-root"));
    let ours = &pasee.forger;
    let mut tokens = vec![
        ("access", root.access.clone(), Everything),
        ("refresh", root.refresh.clone(), Refresh),
        ("forged access", pasee.forge(&access), Everything),
        ("forged refresh", ours.issue("rt+jwt", &refresh), Refresh),
    ];
    // One claim changed, with our own signature.
    let changes: [(&str, Value); 24] = [
        ("iss", json!("pasee.example.org")),
        ("iss", json!(null)),
        ("iss", json!(["pasee.example.com"])),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!("")),
        ("aud", json!(null)),
        ("aud", json!("apps.example.co")),
        ("exp", json!(now() - 1)),
        ("exp", json!(0)),
        ("exp", json!("9999999999")),
        ("exp", json!(9_999_999_999_i64)),
        ("exp", json!(now() as f64 + 60.5)),
        ("exp", json!(-1)),
        ("nbf", json!(now() + 3600)),
        ("iat", json!(now() + 3600)),
        ("auth_time", json!(now() + 10)),
        // The session was over, and a login before the user was revoked.
        ("auth_time", json!(now() - 91 * 86_400)),
        ("sub", json!("root")),
        ("sub", json!("")),
        ("sub", json!(null)),
        ("idp", json!("kisee")),
        ("scope", json!("")),
        ("jti", json!("")),
    ];
    let mut forged = Vec::new();
    for (claim, value) in changes {
        for (kind, claims) in [("at+jwt", &access), ("rt+jwt", &refresh)] {
            let mut claims = claims.clone();
            claims[claim] = value.clone();
            let name = format!("{kind} with {claim} {value}");
            forged.push((name, ours.issue(kind, &claims)));
        }
        for (kind, claims) in [("at+jwt", &access), ("rt+jwt", &refresh)] {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(claim);
            if claim != "scope" {
                forged.push((format!("{kind} without {claim}"), ours.issue(kind, &claims)));
            }
        }
    }
    for (user, standing) in [("local-john", "banned"), ("local-donald", "revoked")] {
        let (mut access, mut refresh) = (pasee.access_claims(user), pasee.refresh_claims(user));
        for claims in [&mut access, &mut refresh] {
            for claim in ["iat", "nbf", "auth_time"] {
                claims[claim] = json!(now() - 60);
            }
        }
        forged.push((format!("access, {standing}"), pasee.forge(&access)));
        forged.push((format!("refresh, {standing}"), ours.issue("rt+jwt", &refresh)));
    }
    forged.extend(headers(pasee, &access, &refresh));
    let mut all: Vec<(String, String, Opens)> = tokens
        .drain(..)
        .map(|(name, token, opens)| (name.to_owned(), format!("Bearer {token}"), opens))
        .collect();
    all.extend(forged.into_iter().map(|(name, token)| (name, format!("Bearer {token}"), Nothing)));
    let basic = STANDARD.encode(format!("local-root:{}", root.access));
    for value in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        root.access.clone(),
        format!("Basic {basic}"),
        "Basic cm9vdDpwdy1yb290".into(),
        format!("Token {}", root.access),
        format!("Bearer {},{}", root.access, root.access),
        format!("Bearer  {}", root.access),
        format!("Bearer\t{}", root.access),
        format!("Bearer {}=", root.access),
        format!("Bearer {} {}", root.access, root.refresh),
        format!("Bearer \"{}\"", root.access),
    ] {
        all.push((format!("{value:.40}"), value, Nothing));
    }
    all
}

/// Tokens with other headers, keys and algorithms.
fn headers(pasee: &Pasee, access: &Value, refresh: &Value) -> Vec<(String, String)> {
    let ours = &pasee.forger;
    let (stranger, koblitz) = (Forger::new(Algorithm::Es256), Forger::new(Algorithm::Es256k));
    let kid = ours.key.public().id().as_str();
    let pem = ours.key.public().to_pem();
    let mut found = Vec::new();
    let mut push = |name: String, token: String| found.push((name, token));
    for (kind, claims) in [("at+jwt", access), ("rt+jwt", refresh)] {
        push(format!("{kind}, another key"), stranger.token(&stranger.header(kind), claims));
        push(
            format!("{kind}, another key under our kid"),
            stranger.token(&ours.header(kind), claims),
        );
        push(format!("{kind}, secp256k1 under our kid"), koblitz.token(&ours.header(kind), claims));
        for alg in ["none", "nOnE", "", "HS256", "RS256", "ES256K", "ES384", "EdDSA", "es256"] {
            let header = json!({"typ": kind, "alg": alg, "kid": kid});
            push(format!("{kind}, signed, alg {alg}"), ours.token(&header, claims));
            let signed = ours.token(&header, claims);
            let bare = signed.rsplit_once('.').unwrap().0;
            push(format!("{kind}, unsigned, alg {alg}"), format!("{bare}."));
        }
        let header = json!({"typ": kind, "alg": "HS256", "kid": kid}).to_string();
        for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), b""] {
            push(format!("{kind}, HS256"), hs256(secret, &header, &claims.to_string()));
        }
        for typ in ["JWT", "jwt", "at+JWT ", "application/at+jwt", "logout+jwt", "dpop+jwt", ""] {
            push(format!("{kind} as {typ:?}"), ours.token(&ours.header(typ), claims));
        }
        let mut critical = ours.header(kind);
        critical["crit"] = json!(["exp"]);
        push(format!("{kind}, crit"), ours.token(&critical, claims));
        let mut own_key = stranger.header(kind);
        own_key["jwk"] = json!({"kty": "EC"});
        own_key["jku"] = json!("http://127.0.0.1:9/");
        push(format!("{kind}, its own key"), stranger.token(&own_key, claims));
        let signed = ours.issue(kind, claims);
        push(format!("{kind}, cut"), signed[..signed.len() - 1].to_owned());
        push(format!("{kind}, twice"), format!("{signed}.{signed}"));
        push(format!("{kind}, without its dots"), signed.replace('.', ""));
    }
    // The other kind's claims under a kind's name.
    push("refresh claims as access".into(), ours.token(&ours.header("at+jwt"), refresh));
    push("access claims as refresh".into(), ours.issue("rt+jwt", access));
    push("refresh token of before".into(), ours.token(&ours.header("rt+jwt"), refresh));
    // Under the key of refresh tokens, which makes nothing else.
    let right = ours.refresh_header();
    for (kind, claims) in [("at+jwt", access), ("rt+jwt", refresh)] {
        let with = |name: &str, value: &str| {
            let mut header = right.clone();
            header["typ"] = json!(kind);
            header[name] = json!(value);
            ours.mac(header.to_string(), claims.to_string())
        };
        push(format!("{kind} under HMAC, our kid"), with("kid", kid));
        push(format!("{kind} under HMAC, no kid"), with("kid", ""));
        for alg in ["ES256", "none", "hs256", "HS384", "HS512", ""] {
            push(format!("{kind} under HMAC, alg {alg}"), with("alg", alg));
        }
        for typ in ["at+jwt", "JWT", "RT+JWT", ""] {
            push(format!("{kind} under HMAC as {typ:?}"), with("typ", typ));
        }
        let stranger = stranger.mac(right.to_string(), claims.to_string());
        push(format!("{kind} under a stranger's HMAC"), stranger);
    }
    for aud in
        [json!(["pasee.example.com#refresh"]), json!("pasee.example.com"), access["aud"].clone()]
    {
        let mut claims = refresh.clone();
        claims["aud"] = aud;
        push(format!("refresh for {}", claims["aud"]), ours.issue("rt+jwt", &claims));
    }
    let id_token = json!({"iss": access["iss"], "sub": "local-root", "aud": "client", "iat": now(),
        "exp": now() + 600, "nonce": "x"});
    push("ID token".into(), ours.token(&ours.header("JWT"), &id_token));
    let kisee = json!({"iss": "example.com", "sub": "root", "exp": now() + 600, "jti": "x"});
    push("Kisee's".into(), koblitz.token(&json!({"typ": "JWT", "alg": "ES256"}), &kisee));
    let account = json!({"iss": "https://kubernetes.default.svc", "aud": ["pasee"], "exp": now() + 600,
        "iat": now(), "nbf": now(), "sub": "system:serviceaccount:default:root",
        "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "root", "uid": "1"}}});
    push("ServiceAccount's".into(), ours.token(&json!({"alg": "ES256", "kid": kid}), &account));
    for garbage in ["garbage", "a.b.c", "..", ".", "e30.e30.", "e30.e30.e30", "null"] {
        push(garbage.to_owned(), garbage.to_owned());
    }
    push("16 KiB".into(), "x".repeat(16 * 1024 + 1));
    push("dots".into(), ".".repeat(20_000));
    push("JSON".into(), URL_SAFE_NO_PAD.encode(format!("{{\"payload\":\"{access}\"}}")));
    found
}

#[tokio::test]
async fn only_the_intended_cells_succeed() {
    let pasee =
        Setup::default().audience("apps.example.com").members("a", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let patch = async |user: &str, body: Value| {
        pasee.ask("PATCH", &format!("/users/{user}")).bearer(&root).json(&body).await.is(204);
    };
    patch("local-john", json!({"is_banned": true})).await;
    patch("local-donald", json!({"not_before": "now"})).await;
    let (mut cells, mut opened) = (0, 0);
    for (name, value, opens) in tokens(&pasee).await {
        for endpoint in ENDPOINTS {
            let (method, path, body, needs) = *endpoint;
            let mut ask = pasee.ask(method, path);
            if !value.is_empty() {
                ask = ask.header("authorization", &value);
            }
            if !body.is_empty() {
                ask = ask.body(body);
            }
            let answer = ask.send().await;
            cells += 1;
            let may = match needs {
                Needs::Refresh => opens == Opens::Refresh,
                Needs::Access => opens == Opens::Everything,
                Needs::Perhaps => opens == Opens::Everything || value.is_empty(),
                Needs::Nothing => true,
            };
            let is_stranger = opens != Opens::Everything;
            if is_stranger && answer.status == 200 && method == "GET" {
                let shown = answer.json();
                let list = if needs == Needs::Nothing { &shown["users"] } else { &shown["groups"] };
                assert_eq!(*list, json!([]), "{name} at {endpoint:?}");
            }
            opened += usize::from(may);
            check(&name, endpoint, may, value.is_empty(), &answer);
        }
    }
    println!("{cells} cells, {opened} open");
    assert!(cells > 3000, "{cells}");
    let groups = pasee.ask("GET", "/groups/").bearer(&root).send().await.is(200).json();
    assert_eq!(groups["groups"].as_array().unwrap().len(), 3, "nothing is left over: {groups}");
}

fn check(name: &str, endpoint: &(&str, &str, &str, Needs), may: bool, none: bool, answer: &Answer) {
    let status = answer.status.as_u16();
    let cell = format!("{name} at {endpoint:?}: {answer:?}");
    if may {
        // What is there already, or is there no more, does not matter here.
        assert!([200, 201, 204, 404, 409].contains(&status), "{cell}");
        return;
    }
    let banned_or_wider = status == 403 && name.ends_with("banned");
    assert!(status == 401 || banned_or_wider, "{cell}");
    if status == 401 {
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer "), "{cell}");
        assert_eq!(challenge.contains("error="), !none, "{cell}");
    }
    assert!(!String::from_utf8_lossy(&answer.body).contains("access_token\""), "{cell}");
}

#[tokio::test]
async fn tokens_in_other_places_are_not_looked_at() {
    let pasee = Setup::default().start().await;
    let pair = pasee.log_in("root").await;
    let (access, refresh) = (&pair.access, &pair.refresh);
    let query = format!("/groups/?access_token={access}&token={access}&bearer={access}");
    let shown = pasee.ask("GET", &query).send().await.is(200).json();
    assert_eq!(shown["groups"], json!([]), "a stranger");
    let query = query.replacen("/groups/", "/groups/staff/", 1);
    pasee.ask("GET", &query).send().await.is(401);
    let body = json!({"access_token": access, "token": access, "group": "g"});
    pasee.ask("POST", "/groups/").json(&body).await.is(401);
    let form = pasee
        .ask("POST", "/groups/")
        .typed("application/x-www-form-urlencoded", format!("access_token={access}"));
    form.send().await.is(401);
    for name in
        ["cookie", "x-access-token", "x-authorization", "proxy-authorization", "x-forwarded-user"]
    {
        for value in [format!("Bearer {access}"), format!("access_token={access}")] {
            pasee.ask("GET", "/groups/staff/").header(name, &value).send().await.is(401);
        }
    }
    pasee.ask("POST", &format!("/tokens/?refresh={refresh}")).send().await.is(401);
    pasee.ask("POST", "/tokens/?refresh").json(&json!({"refresh_token": refresh})).await.is(401);
    // Two headers, in either order, even twice the same.
    for (one, two) in [(access.as_str(), "x"), ("x", access), (access, access), (refresh, access)] {
        pasee.ask("GET", "/groups/").bearer(one).bearer(two).send().await.is(401);
        pasee.ask("POST", "/tokens/?refresh").bearer(one).bearer(two).send().await.is(401);
    }
    let folded = format!(
        "GET /groups/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer\r\n {access}\r\n\r\n"
    );
    let answer = pasee.raw(folded).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let upper = pasee.ask("GET", "/groups/").header("authorization", &format!("BEARER {access}"));
    upper.send().await.is(200);
}
