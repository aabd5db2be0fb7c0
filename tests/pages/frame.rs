//! What all pages have in common: their size, what they may do, their language; and what programs get in their place.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::logins::house;
use super::support::visitor::{HTML, Read, Visitor};
use crate::support::pasee::{Answer, Pasee, Setup};

/// Largest page, in bytes.
const MAX_PAGE: usize = 20 * 1024;

/// Every page that there is, and what leads there.
async fn all(pasee: &Pasee, language: &'static str) -> Vec<(&'static str, Read)> {
    let mut ada = Visitor { language, ..Visitor::default() };
    let mut pages = Vec::new();
    let login = ada.read(pasee, "/", 200).await;
    pages.push(("wrong", Read::of(ada.give(pasee, &login, "ada", "wrong").await.is(403))));
    pages.push(("login", login));
    pages.push(("home", ada.log_in(pasee, "ada").await));
    pages.push(("logout", ada.read(pasee, "/logout", 200).await));
    pages.push((
        "logged out",
        Visitor { language, ..Visitor::default() }.read(pasee, "/logout", 200).await,
    ));
    for (what, path, status) in [
        ("nowhere", "/nowhere", 404),
        ("no token", "/groups/articles/", 401),
        ("malformed", "/tokens/?idp=local&idp=local", 400),
        ("no such login", "/login?login=0000000000000000", 400),
        ("no such provider", "/tokens/?idp=nobody", 404),
    ] {
        pages.push((what, ada.read(pasee, path, status).await));
    }
    pages
        .push(("form", Read::of(ada.post(pasee, "/logout", &[("form_token", "x")]).await.is(403))));
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_small_and_asks_for_nothing() {
    let (pasee, _provider) = house().await;
    for language in ["en", "fr"] {
        for (what, page) in all(&pasee, language).await {
            let text = &page.text;
            assert!(text.len() <= MAX_PAGE, "{what}: {}", text.len());
            for part in
                ["<script", "<img", "<iframe", "<object", "@import", "url(", "src=", "javascript:"]
            {
                assert!(!text.contains(part), "{what} has {part}: {text}");
            }
            let tags = text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap());
            let handles = |tag: &&str| {
                tag.split_whitespace().any(|word| word.starts_with("on") && word.contains('='))
            };
            assert_eq!(tags.filter(handles).collect::<Vec<_>>(), [] as [&str; 0], "{what}");
            // Places elsewhere are the namespace of a drawing, and nothing else.
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !elsewhere.contains("http://") && !elsewhere.contains("https://"),
                "{what}: {text}"
            );
            assert_eq!(text.matches("<link ").count(), 1, "{what}");
            assert!(text.contains("<link rel=\"icon\" href=\"data:"), "{what}: nor for an icon");
            assert!(text.contains("<meta name=\"viewport\""), "{what}");
            for token in ["access_token", "refresh_token", "eyJ"] {
                assert!(!text.contains(token), "{what}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_do_little_and_is_kept_by_nobody() {
    let (pasee, _provider) = house().await;
    for (what, page) in all(&pasee, "en").await {
        let header = |name: &str| page.answer.header(name).to_owned();
        let (_, rest) = page.text.split_once("<style>").unwrap();
        let style = rest.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(header("content-security-policy"), policy, "{what}");
        assert_eq!(page.answer.headers.get_all("content-security-policy").iter().count(), 1);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("content-language", "en"),
        ] {
            assert_eq!(header(name), value, "{what}");
        }
        let vary: Vec<_> = page.answer.headers.get_all("vary").iter().collect();
        let vary = format!("{vary:?}");
        assert!(
            ["Accept", "Accept-Language", "Cookie"].iter().all(|name| vary.contains(name)),
            "{vary}"
        );
        assert!(!page.text.contains("style=\""), "{what}: nothing that the policy forbids");
    }
}

/// Whatever origins may call, they read no page.
#[tokio::test(flavor = "multi_thread")]
async fn no_origin_reads_a_page() {
    let pasee = Setup::default().tables("[cors]\nallowed_origins = [\"*\"]\n").start().await;
    let ask = |accept: &str| {
        pasee
            .ask("GET", "/")
            .header("origin", "https://app.example")
            .header("accept", accept)
            .send()
    };
    assert_eq!(ask(HTML).await.is(200).header("access-control-allow-origin"), "");
    assert_eq!(ask("*/*").await.is(200).header("access-control-allow-origin"), "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_language_of_who_reads() {
    let (pasee, _provider) = house().await;
    let (english, french) = (all(&pasee, "en").await, all(&pasee, "fr-CA, en;q=0.5").await);
    for ((what, english), (_, french)) in english.iter().zip(&french) {
        assert!(english.says("<html lang=\"en\">") && french.says("<html lang=\"fr\">"), "{what}");
        assert_ne!(english.heading(), french.heading(), "{what}");
        assert_eq!(french.answer.header("content-language"), "fr", "{what}");
    }
    // What only the machine can say is marked as English.
    let (_, malformed) = french.iter().find(|(what, _)| *what == "malformed").unwrap();
    assert!(malformed.says("lang=\"en\">the query has idp twice"), "{}", malformed.text);
    let mut ada = Visitor { language: "en", ..Visitor::default() };
    assert_eq!(ada.read(&pasee, "/?ui_locales=de%20fr", 200).await.heading(), "Connexion");
    assert_eq!(ada.read(&pasee, "/?ui_locales=de", 200).await.heading(), "Log in");
}

fn is_document(answer: &Answer) -> bool {
    answer.header("content-type").contains("json")
}

/// Who does not ask for HTML, or asks for a document more gladly, gets what they got before there were pages.
#[tokio::test(flavor = "multi_thread")]
async fn programs_get_documents() {
    let (pasee, _provider) = house().await;
    for accept in [
        "*/*",
        "application/json",
        "application/vnd.coreapi+json",
        "application/json, text/html;q=0.9",
    ] {
        let ask = |path: &str| pasee.ask("GET", path).header("accept", accept).send();
        for (path, status) in
            [("/", 200), ("/tokens/", 200), ("/nowhere", 404), ("/groups/articles/", 401)]
        {
            let answer = ask(path).await.is(status);
            assert!(is_document(&answer), "{accept} {path}");
            assert!(answer.header("set-cookie").is_empty(), "{accept} {path}");
        }
    }
    let answer = pasee.ask("GET", "/").send().await.is(200);
    assert_eq!(answer.header("content-type"), "application/json-home");
    // Documents stay documents for browsers too: there is no page of them.
    for path in ["/tokens/", "/.well-known/jwks.json", "/public-key/"] {
        assert!(
            is_document(&pasee.ask("GET", path).header("accept", HTML).send().await.is(200)),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_other_methods() {
    let (pasee, _provider) = house().await;
    let ask = |method: &str, path: &str| pasee.ask(method, path).header("accept", HTML).send();
    let head = ask("HEAD", "/").await.is(200);
    assert!(head.body.is_empty() && head.header("content-type").starts_with("text/html"));
    for (method, path, allow) in [
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/login", "GET, HEAD, POST"),
        ("DELETE", "/logout", "GET, HEAD, POST"),
    ] {
        let answer = ask(method, path).await.is(405);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert_eq!(Read::of(answer).heading(), "This request is not understood");
    }
    // A login that nobody has named begins at the start.
    assert_eq!(ask("GET", "/login").await.is(303).header("location"), "/");
}
