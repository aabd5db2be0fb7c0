//! The ways a provider's answers can be wrong, each with what must be made of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::kisee::{NOW, claims, home, jwt, tokens};
use super::support::raw_server::{Step, answer};

/// What a login comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 403: the provider said no.
    Refused,
    /// 503: no answer, or not in time.
    Unreachable,
    /// 502: an answer that makes no sense.
    Nonsense,
}
use Verdict::{Nonsense, Refused, Unreachable};

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
            Nonsense,
        ),
        case(
            "sends chunks without end",
            vec![
                bytes(format!("{head}Transfer-Encoding: chunked\r\n\r\n")),
                Step::Forever([&b"100000\r\n"[..], &megabyte, b"\r\n"].concat(), Duration::ZERO),
            ],
            Nonsense,
        ),
        case(
            "sends without length or end",
            vec![bytes(format!("{head}\r\n")), Step::Forever(megabyte, Duration::ZERO)],
            Nonsense,
        ),
        case(
            "sends headers without end",
            vec![
                bytes(head),
                Step::Forever(b"X-Y: zzzzzzzzzzzzzzzzzzzzzzzz\r\n".repeat(1000), Duration::ZERO),
            ],
            Nonsense,
        ),
        case(
            "sends one header without end",
            vec![bytes(format!("{head}X: ")), Step::Forever(vec![b'x'; 65536], Duration::ZERO)],
            Nonsense,
        ),
        case(
            "sends a thousand headers",
            vec![bytes(format!("{head}{}Content-Length: 2\r\n\r\n{{}}", "X: y\r\n".repeat(1000)))],
            Nonsense,
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
            Nonsense,
        ),
        case(
            "sends noise",
            vec![
                bytes([0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, b'\r', b'\n', b'\r', b'\n']),
                Step::Close,
            ],
            Nonsense,
        ),
        case("speaks SSH", closed("SSH-2.0-OpenSSH_9.9\r\n".into()), Nonsense),
        case("speaks TLS", vec![bytes([0x15, 3, 1, 0, 2, 2, 40]), Step::Close], Nonsense),
        case("speaks HTTP/0.9", closed("{\"tokens\": []}\r\n\r\n".into()), Nonsense),
        case(
            "speaks HTTP/7",
            closed("HTTP/7.0 201 Created\r\nContent-Length: 2\r\n\r\n{}".into()),
            Nonsense,
        ),
        case("speaks HTTP/2", closed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()), Nonsense),
        case("has a status of one digit", closed("HTTP/1.1 2 OK\r\n\r\n".into()), Nonsense),
        case(
            "has two lengths",
            closed(format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}")),
            Nonsense,
        ),
        case(
            "has a negative length",
            closed(format!("{head}Content-Length: -1\r\n\r\n{{}}")),
            Nonsense,
        ),
        case(
            "has chunks that are none",
            closed(format!("{head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n{{}}")),
            Nonsense,
        ),
        case(
            "has a chunk of 2^64",
            closed(format!("{head}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{{}}")),
            Nonsense,
        ),
        case(
            "has a NUL in a header",
            closed(format!("{head}X: a\0b\r\nContent-Length: 2\r\n\r\n{{}}")),
            Nonsense,
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
        case("nothing", json(b""), Nonsense),
        case("no content", answer("204 No Content", JSON, ""), Nonsense),
        case("white space", json(b"  \n "), Nonsense),
        case("HTML that calls itself JSON", json(b"<html>Sign in</html>"), Nonsense),
        case("HTML", answer("200 OK", "text/html", "<html>Sign in</html>"), Nonsense),
        case("JSON that calls itself text", answer("200 OK", "text/plain", "{}"), Nonsense),
        case(
            "JSON that calls itself nothing",
            vec![bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")],
            Nonsense,
        ),
        case("a kind that starts like JSON", answer("200 OK", "application/jsonx", "{}"), Nonsense),
        case("half an object", json(b"{\"tokens\": [\"ey"), Nonsense),
        case("two objects", json(b"{}{}"), Nonsense),
        case("a list", json(b"[]"), Nonsense),
        case("null", json(b"null"), Nonsense),
        case("a byte order mark", json(b"\xef\xbb\xbf{}"), Nonsense),
        case("Latin-1", json(b"{\"tokens\": [\"\xe9\"]}"), Nonsense),
        case("10,000 lists deep", json(deep("[", "]").as_bytes()), Nonsense),
        case("10,000 objects deep", json(deep("{\"a\":", "}").as_bytes()), Nonsense),
        case(
            "a number without end",
            json(format!("{{\"a\":{}}}", "9".repeat(200_000)).as_bytes()),
            Nonsense,
        ),
        case("257 KiB of zeros", json(format!("[{}0]", "0,".repeat(131_600)).as_bytes()), Nonsense),
        case("gzip", vec![bytes(zipped)], Nonsense),
    ]
}

/// Statuses of a login, with a body that would be right.
pub fn statuses(forger: &Forger) -> Vec<Case> {
    let body = json!({"tokens": [jwt(forger, &claims())]}).to_string();
    [
        ("202 Accepted", Nonsense),
        ("203 Changed On The Way", Nonsense),
        ("206 Partial Content", Nonsense),
        ("304 Not Modified", Nonsense),
        ("400 Bad Request", Refused),
        ("401 Unauthorized", Refused),
        ("403 Forbidden", Refused),
        ("404 Not Found", Nonsense),
        ("405 Method Not Allowed", Nonsense),
        ("407 Proxy Authentication Required", Nonsense),
        ("410 Gone", Nonsense),
        ("418 I'm A Teapot", Nonsense),
        ("422 Unprocessable Content", Refused),
        ("429 Too Many Requests", Unreachable),
        ("500 Internal Server Error", Nonsense),
        ("503 Service Unavailable", Unreachable),
        ("999 Whatever", Nonsense),
    ]
    .map(|(status, verdict)| case(status, answer(status, JSON, &body), verdict))
    .to_vec()
}

/// Home documents that lead nowhere.
pub fn homes() -> Vec<Case> {
    let json = |document: Value| answer("200 OK", "application/json-home", document.to_string());
    let resource = |resource: Value| json(json!({"resources": {"jwt": resource}}));
    let mut cases = vec![
        case("no resources", json(json!({})), Nonsense),
        case("resources a list", json(json!({"resources": []})), Nonsense),
        case("no jwt", json(json!({"resources": {"users": {"href": "/users/"}}})), Nonsense),
        case("jwt a text", resource(json!("/jwt/")), Nonsense),
        case("href missing", resource(json!({})), Nonsense),
        case("href null", resource(json!({"href": null})), Nonsense),
        case("href a list", resource(json!({"href": ["/jwt/"]})), Nonsense),
        case(
            "jwt twice",
            answer(
                "200 OK",
                "application/json-home",
                r#"{"resources":{"jwt":{"href":"/jwt/"},"jwt":{"href":"/evil/"}}}"#,
            ),
            Nonsense,
        ),
        case("created", answer("201 Created", "application/json-home", "{}"), Nonsense),
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
        cases.push((format!("href {href}"), home(href), Nonsense));
    }
    cases.push(case("href of 100,000 bytes", home(&format!("/{}", "j".repeat(100_000))), Nonsense));
    cases
}

/// Documents without a token that holds.
pub fn documents(forger: &Forger) -> Vec<Case> {
    let good = jwt(forger, &claims());
    let json = |document: Value| answer("201 Created", JSON, document.to_string());
    vec![
        case("no tokens", json(json!({"_type": "document"})), Nonsense),
        case("an error that says 201", json(json!({"_type": "error", "tokens": [good]})), Nonsense),
        case("tokens empty", tokens(&json!([])), Nonsense),
        case("tokens null", tokens(&json!(null)), Nonsense),
        case("tokens a text", tokens(&json!(good)), Nonsense),
        case("tokens an object", tokens(&json!({"access": good})), Nonsense),
        case("tokens numbers", tokens(&json!([1, 2])), Nonsense),
        case("tokens nested", tokens(&json!([[good]])), Nonsense),
        case("a right token behind a wrong one", tokens(&json!(["x", good])), Nonsense),
        case("a token of 200,000 bytes", tokens(&json!(["x".repeat(200_000)])), Nonsense),
        case("a token of dots", tokens(&json!([".".repeat(200_000)])), Nonsense),
        case("an empty token", tokens(&json!([""])), Nonsense),
        case(
            "tokens twice",
            answer("201 Created", JSON, format!(r#"{{"tokens":["{good}"],"tokens":["{good}"]}}"#)),
            Nonsense,
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
        match value {
            Some(value) => claims[claim] = value,
            None => drop(claims.as_object_mut().unwrap().remove(claim)),
        }
        case(name, tokens(&json!([jwt(forger, &claims)])), Nonsense)
    })
    .to_vec();
    let header =
        |forger: &Forger, header: Value| tokens(&json!([forger.token(&header, &claims())]));
    let good = jwt(forger, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = jwt(forger, &json!({"iss": "example.com", "sub": "eve", "exp": NOW + 60}));
    cases.extend([
        case("signed by a stranger", tokens(&json!([jwt(stranger, &claims())])), Nonsense),
        case("alg none", header(forger, json!({"alg": "none"})), Nonsense),
        case("alg HS256", header(forger, json!({"alg": "HS256"})), Nonsense),
        case("alg missing", header(forger, json!({"typ": "JWT"})), Nonsense),
        case(
            "an access token of ours",
            header(forger, json!({"alg": "ES256", "typ": "at+jwt"})),
            Nonsense,
        ),
        case("crit", header(forger, json!({"alg": "ES256", "crit": ["exp"]})), Nonsense),
        case(
            "a stranger's key brought along",
            header(stranger, json!({"alg": "ES256", "jku": "http://127.0.0.1:1/"})),
            Nonsense,
        ),
        case("no signature", tokens(&json!([format!("{signed}.")])), Nonsense),
        case("two parts", tokens(&json!([signed])), Nonsense),
        case(
            "claims of another token",
            tokens(&json!([format!("{}.{signature}", other.rsplit_once('.').unwrap().0)])),
            Nonsense,
        ),
        case("claims a list", tokens(&json!([forger.sign(r#"{"alg":"ES256"}"#, "[]")])), Nonsense),
        case(
            "sub twice",
            tokens(&json!([forger.sign(
                r#"{"alg":"ES256"}"#,
                format!(r#"{{"iss":"example.com","exp":{},"sub":"eve","sub":"ada"}}"#, NOW + 60)
            )])),
            Nonsense,
        ),
    ]);
    cases
}
