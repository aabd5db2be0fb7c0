//! The ways a provider's answers can be wrong, each with what must be made of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::forge::Forger;
use super::kisee::{NOW, claims, home, jwt, tokens};
use super::raw_server::{Step, answer};

/// What a login comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 403: the provider said no.
    Refused,
    /// 503: no answer, or not in time.
    Unreachable,
    /// 502: an answer that is invalid.
    InvalidResponse,
    /// 403: a user whose name there cannot be one here.
    Subject,
}
use Verdict::{InvalidResponse, Refused, Subject, Unreachable};

/// One behaviour: its name, what is sent, what must come of it.
pub type Case = (String, Vec<Step>, Verdict);

const JSON: &str = "application/vnd.coreapi+json";

fn bytes(text: impl Into<Vec<u8>>) -> Step {
    Step::Bytes(text.into())
}

fn case(name: &str, steps: Vec<Step>, verdict: Verdict) -> Case {
    (name.to_owned(), steps, verdict)
}

/// Below HTTP, or against it: sent in place of the home document and in place of the answer to a login.
pub fn transport() -> Vec<Case> {
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n";
    let megabyte = vec![b'['; 1 << 20];
    let slow = Duration::from_millis(200);
    let closed = |text: String| vec![bytes(text), Step::Close];
    vec![
        case("hangs before the head", vec![Step::Hang], Unreachable),
        case("hangs in the head", vec![bytes("HTTP/1.1 201 Cre"), Step::Hang], Unreachable),
        case(
            "hangs after the head",
            vec![bytes(format!("{head}Content-Length: 9\r\n\r\n")), Step::Hang],
            Unreachable,
        ),
        case(
            "hangs in the body",
            vec![bytes(format!("{head}Content-Length: 9\r\n\r\n{{\"a")), Step::Hang],
            Unreachable,
        ),
        case(
            "drips a head",
            vec![bytes(head), Step::Forever(b"X: y\r\n".to_vec(), slow)],
            Unreachable,
        ),
        case(
            "drips a body",
            vec![
                bytes(format!("{head}Content-Length: 9999\r\n\r\n")),
                Step::Forever(b" ".to_vec(), slow),
            ],
            Unreachable,
        ),
        case(
            "drips chunks",
            vec![
                bytes(format!("{head}Transfer-Encoding: chunked\r\n\r\n")),
                Step::Forever(b"1\r\n \r\n".to_vec(), slow),
            ],
            Unreachable,
        ),
        case("closes at once", vec![Step::Close], Unreachable),
        case("closes in the head", closed("HTTP/1.1 201 Cre".into()), Unreachable),
        case(
            "closes after the head",
            closed(format!("{head}Content-Length: 9\r\n\r\n")),
            Unreachable,
        ),
        case(
            "closes before the promised length",
            closed(format!("{head}Content-Length: 99\r\n\r\n{{}}")),
            Unreachable,
        ),
        case(
            "closes between chunks",
            closed(format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n")),
            Unreachable,
        ),
        case(
            "sends a gigabyte by length",
            vec![
                bytes(format!("{head}Content-Length: 1073741824\r\n\r\n")),
                Step::Forever(megabyte.clone(), Duration::ZERO),
            ],
            InvalidResponse,
        ),
        case(
            "sends chunks without end",
            vec![
                bytes(format!("{head}Transfer-Encoding: chunked\r\n\r\n")),
                Step::Forever([&b"100000\r\n"[..], &megabyte, b"\r\n"].concat(), Duration::ZERO),
            ],
            InvalidResponse,
        ),
        case(
            "sends without length or end",
            vec![bytes(format!("{head}\r\n")), Step::Forever(megabyte, Duration::ZERO)],
            InvalidResponse,
        ),
        case(
            "sends headers without end",
            vec![
                bytes(head),
                Step::Forever(b"X-Y: zzzzzzzzzzzzzzzzzzzzzzzz\r\n".repeat(1000), Duration::ZERO),
            ],
            InvalidResponse,
        ),
        case(
            "sends one header without end",
            vec![bytes(format!("{head}X: ")), Step::Forever(vec![b'x'; 65536], Duration::ZERO)],
            InvalidResponse,
        ),
        case(
            "sends a thousand headers",
            vec![bytes(format!("{head}{}Content-Length: 2\r\n\r\n{{}}", "X: y\r\n".repeat(1000)))],
            InvalidResponse,
        ),
        case(
            "sends 100 Continue without end",
            vec![Step::Forever(
                b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
                Duration::from_micros(100),
            )],
            Unreachable,
        ),
        case(
            "sends 103 Early Hints without end",
            vec![Step::Forever(
                b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100),
                Duration::from_millis(1),
            )],
            Unreachable,
        ),
        case(
            "answers 101 Switching Protocols",
            closed(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
                    .into(),
            ),
            InvalidResponse,
        ),
        case(
            "sends noise",
            vec![
                bytes([0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, b'\r', b'\n', b'\r', b'\n']),
                Step::Close,
            ],
            InvalidResponse,
        ),
        case("speaks SSH", closed("SSH-2.0-OpenSSH_9.9\r\n".into()), InvalidResponse),
        case("speaks TLS", vec![bytes([0x15, 3, 1, 0, 2, 2, 40]), Step::Close], InvalidResponse),
        case("speaks HTTP/0.9", closed("{\"tokens\": []}\r\n\r\n".into()), InvalidResponse),
        case(
            "speaks HTTP/7",
            closed("HTTP/7.0 201 Created\r\nContent-Length: 2\r\n\r\n{}".into()),
            InvalidResponse,
        ),
        case("speaks HTTP/2", closed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()), InvalidResponse),
        case("has a status of one digit", closed("HTTP/1.1 2 OK\r\n\r\n".into()), InvalidResponse),
        case(
            "has two lengths",
            closed(format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}")),
            InvalidResponse,
        ),
        case(
            "has a negative length",
            closed(format!("{head}Content-Length: -1\r\n\r\n{{}}")),
            InvalidResponse,
        ),
        case(
            "has chunks that are none",
            closed(format!("{head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{{}}")),
            InvalidResponse,
        ),
        case(
            "has a chunk of 2^64",
            closed(format!("{head}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{{}}")),
            InvalidResponse,
        ),
        case(
            "has a NUL in a header",
            closed(format!("{head}X: a\0b\r\nContent-Length: 2\r\n\r\n{{}}")),
            InvalidResponse,
        ),
    ]
}

/// Bodies that are none of JSON's: also sent in both places.
pub fn bodies() -> Vec<Case> {
    let deep = |open: &str, shut: &str| format!("{}1{}", open.repeat(10_000), shut.repeat(10_000));
    let json = |body: &[u8]| answer("200 OK", JSON, body);
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7Om\x0f\x07\x14";
    let mut zipped = format!("HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", gzip.len()).into_bytes();
    zipped.extend_from_slice(gzip);
    vec![
        case("nothing", json(b""), InvalidResponse),
        case("no content", answer("204 No Content", JSON, ""), InvalidResponse),
        case("white space", json(b"  \n "), InvalidResponse),
        case("HTML that calls itself JSON", json(b"<html>Sign in</html>"), InvalidResponse),
        case("HTML", answer("200 OK", "text/html", "<html>Sign in</html>"), InvalidResponse),
        case("JSON that calls itself text", answer("200 OK", "text/plain", "{}"), InvalidResponse),
        case(
            "JSON that calls itself nothing",
            vec![bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")],
            InvalidResponse,
        ),
        case(
            "a kind that starts like JSON",
            answer("200 OK", "application/jsonx", "{}"),
            InvalidResponse,
        ),
        case("half an object", json(b"{\"tokens\": [\"ey"), InvalidResponse),
        case("two objects", json(b"{}{}"), InvalidResponse),
        case("a list", json(b"[]"), InvalidResponse),
        case("null", json(b"null"), InvalidResponse),
        case("a byte order mark", json(b"\xef\xbb\xbf{}"), InvalidResponse),
        case("Latin-1", json(b"{\"tokens\": [\"\xe9\"]}"), InvalidResponse),
        case("10,000 lists deep", json(deep("[", "]").as_bytes()), InvalidResponse),
        case("10,000 objects deep", json(deep("{\"a\":", "}").as_bytes()), InvalidResponse),
        case(
            "a number without end",
            json(format!("{{\"a\":{}}}", "9".repeat(200_000)).as_bytes()),
            InvalidResponse,
        ),
        case(
            "257 KiB of zeros",
            json(format!("[{}0]", "0,".repeat(131_600)).as_bytes()),
            InvalidResponse,
        ),
        case("gzip", vec![bytes(zipped)], InvalidResponse),
    ]
}

/// Statuses of a login, with a body that would be right.
pub fn statuses(forger: &Forger) -> Vec<Case> {
    let body = json!({"tokens": [jwt(forger, &claims())]}).to_string();
    [
        ("202 Accepted", InvalidResponse),
        ("203 Changed On The Way", InvalidResponse),
        ("206 Partial Content", InvalidResponse),
        ("304 Not Modified", InvalidResponse),
        ("400 Bad Request", Refused),
        ("401 Unauthorized", Refused),
        ("403 Forbidden", Refused),
        ("404 Not Found", InvalidResponse),
        ("405 Method Not Allowed", InvalidResponse),
        ("407 Proxy Authentication Required", InvalidResponse),
        ("410 Gone", InvalidResponse),
        ("418 I'm A Teapot", InvalidResponse),
        ("422 Unprocessable Content", Refused),
        ("429 Too Many Requests", Unreachable),
        ("500 Internal Server Error", InvalidResponse),
        ("503 Service Unavailable", Unreachable),
        ("999 Whatever", InvalidResponse),
    ]
    .map(|(status, verdict)| case(status, answer(status, JSON, &body), verdict))
    .to_vec()
}

/// Home documents that lead nowhere.
pub fn homes() -> Vec<Case> {
    let json = |document: Value| answer("200 OK", "application/json-home", document.to_string());
    let resource = |resource: Value| json(json!({"resources": {"jwt": resource}}));
    let mut cases = vec![
        case("no resources", json(json!({})), InvalidResponse),
        case("resources a list", json(json!({"resources": []})), InvalidResponse),
        case("no jwt", json(json!({"resources": {"users": {"href": "/users/"}}})), InvalidResponse),
        case("jwt a text", resource(json!("/jwt/")), InvalidResponse),
        case("href missing", resource(json!({})), InvalidResponse),
        case("href null", resource(json!({"href": null})), InvalidResponse),
        case("href a list", resource(json!({"href": ["/jwt/"]})), InvalidResponse),
        case(
            "jwt twice",
            answer(
                "200 OK",
                "application/json-home",
                r#"{"resources":{"jwt":{"href":"/jwt/"},"jwt":{"href":"/evil/"}}}"#,
            ),
            InvalidResponse,
        ),
        case("created", answer("201 Created", "application/json-home", "{}"), InvalidResponse),
    ];
    for href in [
        "javascript:alert(1)",
        "file:///jwt/",
        "data:application/json,{}",
        "ftp://127.0.0.1/jwt/",
        "mailto:root@example.com",
        "http://",
        "http://[::1",
        "../../../../etc/passwd",
        "/elsewhere/",
        "?jwt",
        "",
    ] {
        cases.push((format!("href {href}"), home(href), InvalidResponse));
    }
    cases.push(case(
        "href of 100,000 bytes",
        home(&format!("/{}", "j".repeat(100_000))),
        InvalidResponse,
    ));
    cases
}

/// Documents without a token that holds.
pub fn documents(forger: &Forger) -> Vec<Case> {
    let good = jwt(forger, &claims());
    let json = |document: Value| answer("201 Created", JSON, document.to_string());
    vec![
        case("no tokens", json(json!({"_type": "document"})), InvalidResponse),
        case(
            "an error that says 201",
            json(json!({"_type": "error", "tokens": [good]})),
            InvalidResponse,
        ),
        case("tokens empty", tokens(&json!([])), InvalidResponse),
        case("tokens null", tokens(&json!(null)), InvalidResponse),
        case("tokens a text", tokens(&json!(good)), InvalidResponse),
        case("tokens an object", tokens(&json!({"access": good})), InvalidResponse),
        case("tokens numbers", tokens(&json!([1, 2])), InvalidResponse),
        case("tokens nested", tokens(&json!([[good]])), InvalidResponse),
        case("a right token behind a wrong one", tokens(&json!(["x", good])), InvalidResponse),
        case("a token of 200,000 bytes", tokens(&json!(["x".repeat(200_000)])), InvalidResponse),
        case("a token of dots", tokens(&json!([".".repeat(200_000)])), InvalidResponse),
        case("an empty token", tokens(&json!([""])), InvalidResponse),
        case(
            "tokens twice",
            answer("201 Created", JSON, format!(r#"{{"tokens":["{good}"],"tokens":["{good}"]}}"#)),
            InvalidResponse,
        ),
    ]
}

/// JWTs that do not hold.
pub fn jwts(forger: &Forger, stranger: &Forger) -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("sub missing: a password reset", "sub", None),
        ("sub null", "sub", Some(json!(null))),
        ("sub a number", "sub", Some(json!(1))),
        ("sub a list", "sub", Some(json!(["ada"]))),
        ("sub empty", "sub", Some(json!(""))),
        ("sub with a NUL", "sub", Some(json!("ada\0"))),
        ("sub with a line break", "sub", Some(json!("ada\nadmin"))),
        ("sub with a C1 control", "sub", Some(json!("ada\u{9b}31m"))),
        ("sub with a space at its end", "sub", Some(json!("ada "))),
        ("sub with an ideographic space", "sub", Some(json!("\u{3000}ada"))),
        ("sub decomposed", "sub", Some(json!("e\u{301}ve"))),
        ("sub with a blank of no width", "sub", Some(json!("root\u{200b}"))),
        ("sub that turns around", "sub", Some(json!("\u{202e}toor"))),
        ("sub of a filler", "sub", Some(json!("\u{3164}"))),
        ("sub of 201 bytes", "sub", Some(json!("x".repeat(201)))),
        ("sub of 201 bytes in 67 letters", "sub", Some(json!("日".repeat(67)))),
        ("iss missing", "iss", None),
        ("iss of another", "iss", Some(json!("example.org"))),
        ("iss a list", "iss", Some(json!(["example.com"]))),
        ("exp missing", "exp", None),
        ("exp past", "exp", Some(json!(NOW))),
        ("exp a text", "exp", Some(json!("1900000000"))),
        ("exp a float", "exp", Some(json!(1.9e9))),
        ("exp in a hundred years", "exp", Some(json!(NOW + 100 * 365 * 86_400))),
        ("nbf to come", "nbf", Some(json!(NOW + 61))),
        ("iat to come", "iat", Some(json!(NOW + 61))),
        ("iat a text", "iat", Some(json!("now"))),
    ]
    .map(|(name, claim, value)| {
        let mut claims = claims();
        let is_a_name = claim == "sub"
            && value
                .as_ref()
                .is_some_and(|value| value.as_str().is_some_and(|name| !name.is_empty()));
        let expected = if is_a_name { Subject } else { InvalidResponse };
        match value {
            Some(value) => claims[claim] = value,
            None => drop(claims.as_object_mut().unwrap().remove(claim)),
        }
        case(name, tokens(&json!([jwt(forger, &claims)])), expected)
    })
    .to_vec();
    let header =
        |forger: &Forger, header: Value| tokens(&json!([forger.token(&header, &claims())]));
    let good = jwt(forger, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = jwt(forger, &json!({"iss": "example.com", "sub": "eve", "exp": NOW + 60}));
    cases.extend([
        case("signed by a stranger", tokens(&json!([jwt(stranger, &claims())])), InvalidResponse),
        case("alg none", header(forger, json!({"alg": "none"})), InvalidResponse),
        case("alg HS256", header(forger, json!({"alg": "HS256"})), InvalidResponse),
        case("alg missing", header(forger, json!({"typ": "JWT"})), InvalidResponse),
        case(
            "an access token of ours",
            header(forger, json!({"alg": "ES256", "typ": "at+jwt"})),
            InvalidResponse,
        ),
        case("crit", header(forger, json!({"alg": "ES256", "crit": ["exp"]})), InvalidResponse),
        case(
            "a stranger's key brought along",
            header(stranger, json!({"alg": "ES256", "jku": "http://127.0.0.1:1/"})),
            InvalidResponse,
        ),
        case("no signature", tokens(&json!([format!("{signed}.")])), InvalidResponse),
        case("two parts", tokens(&json!([signed])), InvalidResponse),
        case(
            "claims of another token",
            tokens(&json!([format!("{}.{signature}", other.rsplit_once('.').unwrap().0)])),
            InvalidResponse,
        ),
        case(
            "claims a list",
            tokens(&json!([forger.sign(r#"{"alg":"ES256"}"#, "[]")])),
            InvalidResponse,
        ),
        case(
            "sub twice",
            tokens(&json!([forger.sign(
                r#"{"alg":"ES256"}"#,
                format!(r#"{{"iss":"example.com","exp":{},"sub":"eve","sub":"ada"}}"#, NOW + 60)
            )])),
            InvalidResponse,
        ),
    ]);
    cases
}
