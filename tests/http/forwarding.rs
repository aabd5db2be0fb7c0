//! What reaches the provider of what a client sends, and what comes back.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pasee::jose::key::Algorithm;
use serde_json::json;

use crate::support::forge::Forger;
use crate::support::kisee;
use crate::support::pasee::{Pasee, Setup, now};
use crate::support::raw_server::{RawServer, Request, Script, Step, answer};

const JSON_PATCH: &str = "application/json-patch+json";

/// First line, head and body.
type Note = (String, String, Vec<u8>);

/// A Kisee that notes what it is sent and answers everything but its home with the same bytes.
struct Mock {
    seen: Arc<Mutex<Vec<Note>>>,
    pasee: Pasee,
    _server: RawServer,
}

impl Mock {
    async fn answering(steps: Vec<Step>) -> Self {
        let forger = Forger::new(Algorithm::Es256k);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let home = kisee::home("http://kisee.example.com/jwt/");
        let script: Script = Arc::new(move |request: &Request| {
            if request.line == "GET /" {
                return home.clone();
            }
            let note = (request.line.clone(), request.head.clone(), request.body.clone());
            notes.lock().unwrap().push(note);
            steps.clone()
        });
        let server = RawServer::start(script).await;
        let pasee = Setup::default().kisee(server.address, forger.key.public()).start().await;
        Self { seen, pasee, _server: server }
    }

    /// What the provider has been sent since the last time: line, header lines in small letters, body.
    fn seen(&self) -> Vec<(String, Vec<String>, Vec<u8>)> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let lines = |head: &str| head.lines().skip(1).map(str::to_lowercase).collect();
        seen.into_iter().map(|(line, head, body)| (line, lines(&head), body)).collect()
    }
}

fn created(headers: &str) -> Vec<Step> {
    let text = format!("HTTP/1.1 201 Created\r\n{headers}Content-Length: 2\r\n\r\n{{}}");
    vec![Step::Bytes(text.into_bytes())]
}

#[tokio::test]
async fn a_registration_is_passed_on_untouched() {
    let mock = Mock::answering(created(
        "Content-Type: application/vnd.coreapi+json\r\nLocation: http://kisee.example.com/users/j%C3%B6hn%2Fx/\r\n\
         Set-Cookie: a=b\r\nX-Internal: secret\r\nAccess-Control-Allow-Origin: *\r\nServer: kisee\r\n",
    ))
    .await;
    let pair = mock.pasee.log_in("root").await;
    let body = "{ \"username\" :\t\"john\", \"password\":\"\\u00e9\", \"more\": 1 }\n";
    let ask = mock.pasee.ask("POST", "/users/").bearer(&pair.access).header("cookie", "a=b");
    let ask = ask.header("accept", "application/json").header("x-forwarded-for", "1.2.3.4");
    let made = ask.header("x-custom", "1").body(body).send().await.is(201);
    assert_eq!(made.header("location"), format!("{}/users/kisee-john", mock.pasee.url));
    assert_eq!(made.header("content-type"), "application/json", "what the client accepts");
    for name in ["set-cookie", "x-internal", "access-control-allow-origin", "server"] {
        assert_eq!(made.header(name), "", "{name}");
    }
    let seen = mock.seen();
    let [(line, head, sent)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((line.as_str(), sent.as_slice()), ("POST /users/", body.as_bytes()));
    let mut names: Vec<&str> = head.iter().map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "content-length", "content-type", "host", "user-agent"]);
    assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
    assert!(
        head.iter().any(|line| line.starts_with("accept: application/coreapi+json,")),
        "{head:?}"
    );
    let users = mock.pasee.ask("GET", "/users/").send().await.is(200).json();
    assert_eq!(users["register_user"]["action"], "post");
}

/// Names by which nobody could log in, and what is said of them.
const NOBODY: [(&str, &str); 11] = [
    ("", "cannot be empty"),
    (" john", "white space"),
    ("john ", "white space"),
    ("jo\\nhn", "control characters"),
    ("jo\\u0000hn", "control characters"),
    ("e\u{301}", "normalization form C"),
    ("ada\u{200b}", "U+200B"),
    ("\u{202e}ada", "U+202E"),
    ("e\\u0301", "normalization form C"),
    ("\u{1100}\u{1161}", "normalization form C"),
    ("LONG", "200 bytes"),
];

#[tokio::test]
async fn nobody_registers_by_a_name_that_cannot_log_in() {
    let mock = Mock::answering(created("")).await;
    // What another makes may look like this; what we help to make may not.
    let ours = [
        ("\u{ff41}da", "letters, digits and ASCII punctuation"),
        ("ada  ada", "single spaces"),
        ("a\u{2116}5", "letters, digits and ASCII punctuation"),
    ];
    for (name, words) in NOBODY.into_iter().chain(ours) {
        let name = name.replace("LONG", &format!("{}é", "x".repeat(199)));
        let body = format!("{{\"password\": \"x\", \"username\": \"{name}\"}}");
        let refused = mock.pasee.ask("POST", "/users/").body(body).send().await.is(400);
        assert!(refused.title().contains(words), "{name:?}: {}", refused.title());
        assert!(refused.title().contains("{\"username\": \"john\""), "{}", refused.title());
    }
    // What the provider may read otherwise than we do.
    for body in [
        "",
        "[]",
        "\u{feff}{}",
        "{\"username\": 1}",
        "{\"username\": null}",
        "{\"username\": [\"john\"]}",
        "{\"username\": \"john\", \"username\": \" john\"}",
        "{\"username\": \"john\", \"\\u0075sername\": \" john\"}",
    ] {
        let refused = mock.pasee.ask("POST", "/users/").body(body).send().await.is(400);
        assert!(refused.title().contains("{\"username\": \"john\""), "{}", refused.title());
    }
    assert_eq!(mock.seen(), [], "the provider is not asked");
    for name in ["x".repeat(200), "a/b".to_owned(), "j\u{f6}hn".to_owned(), "a b".to_owned()] {
        let body = json!({"username": name, "password": "x", "email": "x"});
        mock.pasee.ask("POST", "/users/").json(&body).await.is(201);
    }
    assert_eq!(mock.seen().len(), 4);
}

/// Whatever the provider says of where the new user is there, or of none.
#[tokio::test]
async fn who_registered_is_where_location_says() {
    for theirs in
        ["", "Location: /users/a/b/\r\n", "Location: /users/j\u{f6}hn/\r\n", "Location: //eve/\r\n"]
    {
        let mock = Mock::answering(created(theirs)).await;
        let root = mock.pasee.log_in("root").await.access;
        for (name, place) in [
            ("john", "john"),
            ("a/b", "a%2Fb"),
            ("a/../b", "a%2F%2E%2E%2Fb"),
            ("..", "%2E%2E"),
            ("j\u{f6}hn", "j%C3%B6hn"),
            ("\u{65e5}\u{672c}", "%E6%97%A5%E6%9C%AC"),
            ("a b?c=d#e&f%2Fg", "a%20b%3Fc%3Dd%23e%26f%252Fg"),
            ("ada-l_b@example.com", "ada-l_b%40example%2Ecom"),
        ] {
            let body = json!({"username": name, "password": "x", "email": "x"});
            let made = mock.pasee.ask("POST", "/users/").json(&body).await.is(201);
            let location = made.header("location").to_owned();
            assert_eq!(location, format!("{}/users/kisee-{place}", mock.pasee.url));
            let path = location.strip_prefix(&mock.pasee.url).unwrap();
            let user = mock.pasee.ask("GET", path).bearer(&root).send().await.is(200).json();
            assert_eq!(user["username"], format!("kisee-{name}"));
        }
    }
    // Nobody was made, or nobody knows who.
    let mock = Mock::answering(created("Location: /users/ada/\r\n")).await;
    let unnamed = mock.pasee.ask("POST", "/users/").body("{}").send().await.is(201);
    assert_eq!(unnamed.header("location"), "");
    let taken = answer("409 Conflict\r\nLocation: /users/ada/", "application/json", "{}");
    let mock = Mock::answering(taken).await;
    let ask = mock.pasee.ask("POST", "/users/").body("{\"username\": \"ada\"}");
    assert_eq!(ask.send().await.is(409).header("location"), "");
}

/// A provider that lets in whom we cannot: said to the user, never called an invalid answer.
#[tokio::test]
async fn a_name_of_the_provider_that_cannot_be_one_here_is_said_so() {
    let forger = Forger::new(Algorithm::Es256k);
    for (name, words) in NOBODY {
        let name = name.replace("LONG", &"x".repeat(201)).replace("\\n", "\n");
        let name = name.replace("\\u0000", "\0").replace("\\u0301", "\u{301}");
        let mut claims = kisee::claims();
        (claims["sub"], claims["exp"]) = (json!(name), json!(now() + 3600));
        let token = kisee::tokens(&json!([kisee::jwt(&forger, &claims)]));
        let server = RawServer::start(kisee::spoiled(&forger, None, Some(token))).await;
        let pasee = Setup::default().kisee(server.address, forger.key.public()).start().await;
        let body = json!({"login": "ada", "password": "x"});
        let answer = pasee.ask("POST", "/tokens/?idp=kisee").json(&body).await;
        if name.is_empty() {
            answer.is(502);
            continue;
        }
        let answer = answer.is(403);
        assert!(answer.title().contains(words), "{name:?}: {}", answer.title());
        assert!(answer.title().contains("cannot be one here"), "{}", answer.title());
    }
}

#[tokio::test]
async fn a_new_password_is_the_providers_business() {
    let mock =
        Mock::answering(vec![Step::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]).await;
    let patch = r#"[{"op": "replace", "path": "/password", "value": "x"}]"#;
    let reset = kisee::jwt(&Forger::new(Algorithm::Es256k), &json!({"exp": now() + 60}));
    for proof in [format!("Basic {}", STANDARD.encode("ada:old")), format!("Bearer {reset}")] {
        let ask =
            mock.pasee.ask("PATCH", "/users/kisee-ada%2F..%2Fx").header("authorization", &proof);
        ask.typed(JSON_PATCH, patch).send().await.is(204);
        let seen = mock.seen();
        let [(line, head, sent)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(line, "PATCH /users/ada%2F..%2Fx/");
        assert_eq!(sent, patch.as_bytes());
        assert!(head.contains(&format!("authorization: {}", proof.to_lowercase())), "{head:?}");
    }
    // A provider that has no such thing, and one that does not exist.
    let local = mock.pasee.ask("PATCH", "/users/local-ada").typed(JSON_PATCH, patch);
    local.send().await.is(404);
    let none = mock.pasee.ask("PATCH", "/users/none-ada").typed(JSON_PATCH, patch);
    none.send().await.is(404);
    assert!(mock.seen().is_empty());
}

#[tokio::test]
async fn our_own_tokens_never_reach_the_provider() {
    let mock = Mock::answering(created("")).await;
    let pasee = &mock.pasee;
    let pair = pasee.log_in("ada").await;
    let mut expired = pasee.access_claims("local-ada");
    expired["exp"] = json!(now() - 10);
    let expired = pasee.forge(&expired);
    let stranger = Forger::new(Algorithm::Es256);
    let foreign = stranger.token(&stranger.header("rt+jwt"), &pasee.refresh_claims("local-ada"));
    for token in [&pair.access, &pair.refresh, &expired, &foreign] {
        for header in [
            format!("Bearer {token}"),
            format!("bearer {token}"),
            format!("Bearer  {token}"),
            format!("Bearer {token} "),
            format!("Bearer {token},"),
            format!("Token {token}"),
            format!("Bearer\t{token}"),
            format!("JWT {token}"),
            token.clone(),
        ] {
            let ask = pasee.ask("PATCH", "/users/kisee-ada").header("authorization", &header);
            let answer = ask.typed(JSON_PATCH, "[]").send().await;
            assert_eq!(answer.status.as_u16(), 401, "{header}");
        }
        let twice = pasee.ask("PATCH", "/users/kisee-ada").bearer(token).bearer("x");
        twice.typed(JSON_PATCH, "[]").send().await.is(401);
        let twice = pasee.ask("PATCH", "/users/kisee-ada").bearer("x").bearer(token);
        twice.typed(JSON_PATCH, "[]").send().await.is(401);
        pasee.ask("POST", "/users/").bearer(token).body("{}").send().await;
        pasee.ask("POST", "/password_recoveries/").bearer(token).body("{}").send().await;
        pasee.ask("GET", "/password_recoveries/").bearer(token).send().await;
    }
    let seen = mock.seen();
    assert_eq!(seen.len(), 12, "the last three of each round");
    for (line, head, _) in seen {
        assert!(!head.iter().any(|line| line.starts_with("authorization")), "{line}: {head:?}");
    }
}

#[tokio::test]
async fn recoveries_go_to_the_same_provider() {
    let mock = Mock::answering(created(
        "Content-Type: application/json\r\nLocation: http://evil.example/\r\n",
    ))
    .await;
    for (body, status) in [
        ("{\"login\": \"ada\"}", 201),
        ("{\"email\": \"ada@example.com\"}", 201),
        ("{}", 201),
        // What the provider may read otherwise than we do.
        ("{\"login\":\"a\",\"login\":\"b\"}", 400),
        ("\u{feff}{}", 400),
        ("[]", 400),
        ("", 400),
    ] {
        let answer =
            mock.pasee.ask("POST", "/password_recoveries/").body(body).send().await.is(status);
        assert_eq!(answer.header("location"), "");
        let seen = mock.seen();
        assert_eq!(seen.len(), usize::from(status == 201), "{body}");
        assert!(seen.iter().all(|(_, _, sent)| sent == body.as_bytes()));
    }
    for (kind, status) in [
        ("application/json; charset=utf-8", 201),
        ("application/json; charset=\"UTF-8\"", 201),
        ("application/json; charset=utf-7", 415),
        ("application/json; charset*=utf-7", 415),
        ("application/json; x=y; charset=cp037", 415),
        ("application/json; charset=utf-8; charset=utf-7", 415),
    ] {
        let ask =
            mock.pasee.ask("POST", "/password_recoveries/").typed(kind, "{\"login\":\"+AGE-\"}");
        ask.send().await.is(status);
    }
    mock.pasee.ask("GET", "/password_recoveries/").send().await.is(201);
    assert_eq!(mock.seen().last().unwrap().0, "GET /password_recoveries/");
}

#[tokio::test]
async fn what_the_provider_answers_is_made_harmless() {
    let raw = |text: &str| vec![Step::Bytes(text.replace('\n', "\r\n").into_bytes())];
    let table = [
        (answer("400 Bad Request", "application/json", "{}"), 400, "application/vnd.coreapi+json"),
        (
            answer("409 Conflict", "application/problem+json", "{}"),
            409,
            "application/vnd.coreapi+json",
        ),
        (
            answer("422 X", "application/vnd.coreapi+json", "{}"),
            422,
            "application/vnd.coreapi+json",
        ),
        (answer("201 Created", "text/html", "<script>"), 201, "application/octet-stream"),
        (answer("201 Created", "text/html", "{}"), 201, "application/vnd.coreapi+json"),
        (answer("404 Not Found", "image/svg+xml", "<svg/>"), 404, "application/vnd.coreapi+json"),
        (answer("200 OK", "text/plain; charset=utf-8", "x"), 200, "text/plain; charset=utf-8"),
        (answer("302 Found", "text/html", "x"), 502, "application/vnd.coreapi+json"),
        (answer("307 X", "text/html", "x"), 502, "application/vnd.coreapi+json"),
        (answer("500 X", "text/html", "Traceback"), 502, "application/vnd.coreapi+json"),
        (answer("503 X", "text/html", "x"), 503, "application/vnd.coreapi+json"),
        (answer("600 X", "text/html", "x"), 502, "application/vnd.coreapi+json"),
        (answer("999 X", "text/html", "x"), 502, "application/vnd.coreapi+json"),
        (raw("HTTP/1.1 000 X\nContent-Length: 0\n\n"), 502, "application/vnd.coreapi+json"),
        (raw("garbage\n\n"), 502, "application/vnd.coreapi+json"),
        (vec![Step::Close], 503, "application/vnd.coreapi+json"),
        (vec![Step::Hang], 503, "application/vnd.coreapi+json"),
        (
            answer("200 OK", "application/json", vec![b' '; 300 * 1024]),
            502,
            "application/vnd.coreapi+json",
        ),
    ];
    for (steps, status, kind) in table {
        let told = format!("{:.80}", format!("{steps:?}"));
        let mock = Mock::answering(steps).await;
        let answer = mock.pasee.ask("POST", "/users/").body("{}").send().await;
        assert_eq!(answer.status.as_u16(), status, "{told}");
        assert_eq!(answer.header("content-type"), kind, "{told}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("retry-after").is_empty(), status != 503, "{told}");
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains("Traceback") && !body.contains("<svg"), "{body}");
        if status >= 400 {
            assert_eq!(answer.json()["_type"], "error", "{told}");
            assert!(!answer.title().is_empty(), "{told}");
        }
        // A login through it fails likewise, never with a token.
        let login = json!({"login": "ada", "password": "x"});
        let answer = mock.pasee.ask("POST", "/tokens/?idp=kisee").json(&login).await;
        assert!([403, 502, 503].contains(&answer.status.as_u16()), "{told}: {answer:?}");
    }
}

#[tokio::test]
async fn a_login_through_kisee_gives_its_claims_and_no_more() {
    let forger = Forger::new(Algorithm::Es256k);
    let mut claims = kisee::claims();
    claims["exp"] = json!(now() + 3600);
    for (name, value) in [
        ("groups", json!(["staff"])),
        ("refresh_token", json!(true)),
        ("scope", json!("staff")),
        ("idp", json!("local")),
        ("auth_time", json!(1)),
        ("secret", json!("x")),
    ] {
        claims[name] = value;
    }
    let token = kisee::tokens(&json!([kisee::jwt(&forger, &claims)]));
    let server = RawServer::start(kisee::spoiled(&forger, None, Some(token))).await;
    let pasee = Setup::default().kisee(server.address, forger.key.public()).start().await;
    let body = json!({"login": "ada", "password": "x"});
    let pair = pasee.ask("POST", "/tokens/?idp=kisee").json(&body).await.pair();
    let access = crate::support::forge::part(&pair.access, 1);
    assert_eq!(access["sub"], "kisee-ada");
    assert_eq!(access["idp"], "kisee");
    assert_eq!(access["email"], "ada@example.com");
    assert_eq!(access["groups"], json!([]));
    let mut names: Vec<&String> = access.as_object().unwrap().keys().collect();
    names.sort();
    let right = [
        "aud",
        "auth_time",
        "client_id",
        "email",
        "exp",
        "groups",
        "iat",
        "idp",
        "iss",
        "jti",
        "nbf",
        "sid",
        "sub",
    ];
    assert_eq!(names, right);
}

/// A Kisee that shows how to change the password to whom it knows, and how to get a new one to everybody else.
fn recovery(request: &Request) -> Vec<Step> {
    let link = |name: &str, url: &str, action: &str, field: &str| {
        json!({"_type": "document", "_meta": {"url": "http://10.0.0.7/password_recoveries/", "title": "Forgotten"}, name: {
            "_type": "link", "url": url, "action": action, "title": "", "description": "d",
            "fields": [{"name": field, "schema": {"type": "string"}}],
        }})
    };
    let is_known = request.head.to_lowercase().contains("\nauthorization:");
    let document = if is_known {
        link("recover", "http://10.0.0.7/users/a%2Fb/", "patch", "password")
    } else {
        link("reset_password", "http://10.0.0.7/password_recoveries/", "post", "email")
    };
    answer("200 OK", "application/json", document.to_string())
}

#[tokio::test]
async fn the_document_of_recoveries_is_ours() {
    let forger = Forger::new(Algorithm::Es256k);
    let home = kisee::home("http://10.0.0.7/jwt/");
    let script: Script = Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /" => home.clone(),
        "GET /password_recoveries/" => recovery(request),
        _ => vec![Step::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())],
    });
    let server = RawServer::start(script).await;
    let pasee = Setup::default().kisee(server.address, forger.key.public()).start().await;
    let ours = pasee.log_in("ada").await.access;
    let reset = kisee::jwt(&forger, &json!({"exp": now() + 60}));
    let anybody = json!({
        "_type": "document",
        "_meta": {"url": format!("{}/password_recoveries/", pasee.url), "title": "Forgotten"},
        "reset_password": {
            "_type": "link", "url": format!("{}/password_recoveries/", pasee.url), "action": "post",
            "title": "Reset password", "description": "d",
            "fields": [{"name": "email", "location": "form", "required": false}],
        },
    });
    for proof in [String::new(), format!("Bearer {ours}"), "Token x".to_owned()] {
        let mut ask = pasee.ask("GET", "/password_recoveries/");
        if !proof.is_empty() {
            ask = ask.header("authorization", &proof);
        }
        let shown = ask.header("accept", "application/json").send().await.is(200);
        assert_eq!(shown.header("content-type"), "application/json");
        assert_eq!(shown.json(), anybody, "{proof}");
    }
    for proof in [format!("Basic {}", STANDARD.encode("a/b:old")), format!("Bearer {reset}")] {
        let ask = pasee.ask("GET", "/password_recoveries/").header("authorization", &proof);
        let shown = ask.send().await.is(200);
        assert_eq!(shown.header("content-type"), "application/vnd.coreapi+json");
        let recover = &shown.json()["recover"];
        assert_eq!(recover["url"], format!("{}/users/kisee-a%2Fb", pasee.url));
        assert_eq!(recover["action"], "patch");
        assert_eq!(recover["fields"][0]["location"], "form");
    }
}

/// The way of a client that follows the link: what it asks for in a form becomes the JSON Patch that the provider takes.
#[tokio::test]
async fn a_new_password_in_a_form_is_passed_on_as_a_patch() {
    let mock =
        Mock::answering(vec![Step::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]).await;
    let basic = format!("Basic {}", STANDARD.encode("ada:old"));
    let ours = format!("Bearer {}", mock.pasee.log_in("root").await.access);
    let ask = |proof: &str, body: &str| {
        let ask = mock.pasee.ask("PATCH", "/users/kisee-ada").header("authorization", proof);
        ask.body(body.to_owned()).send()
    };
    ask(&basic, "{\"password\": \"n\u{e9}w \\\"\"}").await.is(204);
    let seen = mock.seen();
    let [(line, head, sent)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(line, "PATCH /users/ada/");
    assert!(head.contains(&format!("content-type: {JSON_PATCH}")), "{head:?}");
    assert!(head.contains(&format!("authorization: {}", basic.to_lowercase())), "{head:?}");
    let patch: serde_json::Value = serde_json::from_slice(sent).unwrap();
    assert_eq!(patch, json!([{"op": "replace", "path": "/password", "value": "n\u{e9}w \""}]));
    for (proof, body, status, words) in [
        (basic.as_str(), "{\"password\": 1}", 400, "{\"password\": \"\u{2026}\"}"),
        (&basic, "{\"password\": \"x\", \"is_banned\": true}", 400, "{\"password\""),
        (&basic, "{\"is_banned\": true}", 401, "not of scheme Bearer"),
        (&basic, "{\"password\": \"x\", \"password\": \"y\"}", 401, "not of scheme Bearer"),
        ("Bearer garbage", "{\"is_banned\": true}", 401, "malformed"),
        (&ours, "{\"password\": \"x\"}", 401, "what the identity provider itself gives"),
    ] {
        let refused = ask(proof, body).await.is(status);
        assert!(refused.title().contains(words), "{body}: {}", refused.title());
    }
    assert_eq!(mock.seen(), [], "none of these reaches the provider");
}

#[tokio::test]
async fn refusals_come_as_the_client_asks() {
    let theirs =
        json!({"_type": "error", "_meta": {"title": "Taken"}, "title": "Taken", "status": 409});
    let mock =
        Mock::answering(answer("409 Conflict", "application/problem+json", theirs.to_string()))
            .await;
    for (accept, kind) in [
        ("", "application/vnd.coreapi+json"),
        (
            "application/coreapi+json, application/vnd.coreapi+json, */*",
            "application/vnd.coreapi+json",
        ),
        ("application/json", "application/json"),
        ("application/json, application/problem+json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
    ] {
        let ask = mock.pasee.ask("POST", "/users/").body("{}").header("accept", accept);
        let refused = ask.send().await.is(409);
        assert_eq!(refused.header("content-type"), kind, "{accept}");
        let body = refused.json();
        if kind == "application/problem+json" {
            let right = json!({"type": "about:blank", "title": "Taken", "status": 409});
            assert_eq!(body, right);
        } else {
            assert_eq!(body, theirs);
        }
        // So do our own.
        let own = mock.pasee.ask("GET", "/nowhere").header("accept", accept).send().await.is(404);
        assert_eq!(own.header("content-type"), kind, "{accept}");
        let body = own.json();
        let title = if kind == "application/problem+json" {
            &body["title"]
        } else {
            &body["_meta"]["title"]
        };
        assert!(title.as_str().unwrap().contains("GET / lists"), "{body}");
    }
}
