//! Attacks on who uses the pages: by other sites, other hosts, other users, and by what was once true.

use http::HeaderValue;

use super::logins::house;
use super::support::visitor::{HTML, Read, Visitor};
use crate::support::oauth::OAuthProvider;
use crate::support::oauth::wire::Kind;
use crate::support::pasee::{Pasee, Setup};

const FORM: &str = "application/x-www-form-urlencoded";

/// A form that another site has the browser send: its cookies come along where it is Lax no more, its secrets do not.
#[tokio::test(flavor = "multi_thread")]
async fn cross_site_requests() {
    let (pasee, _provider) = house().await;
    let [mut ada, mut eve] = [Visitor::default(), Visitor::default()];
    let home = ada.log_in(&pasee, "ada").await;
    let of_eve = eve.log_in(&pasee, "john").await.field("form_token");
    for fields in [
        vec![],
        vec![("form_token", "")],
        vec![("form_token", "AAAAAAAAAAAAAAAAAAAAAA")],
        vec![("form_token", of_eve.as_str())],
        vec![("form_token", of_eve.as_str()), ("sessions", "all")],
    ] {
        let refused = Read::of(ada.post(&pasee, "/logout", &fields).await.is(403));
        assert_eq!(refused.heading(), "This form is too old", "{fields:?}");
    }
    let token = home.field("form_token");
    for site in ["cross-site", "same-site"] {
        let body = format!("form_token={token}");
        let ask = pasee.ask("POST", "/logout").typed(FORM, body).header("sec-fetch-site", site);
        ada.send(ask).await.is(403);
    }
    // Nor by another method, or as another kind of body.
    ada.get(&pasee, &format!("/logout?form_token={token}")).await.is(200);
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
        let ask = pasee.ask("POST", "/logout").typed(kind, format!("form_token={token}"));
        ada.send(ask).await.is(400);
    }
    assert_eq!(ada.read(&pasee, "/", 200).await.heading(), "Who you are");
    let ask = pasee.ask("POST", "/logout").typed(FORM, format!("form_token={token}"));
    ada.send(ask.header("sec-fetch-site", "same-origin")).await.is(303);
}

/// Eve has Ada's browser log in as Eve, so that Ada works in Eve's account: no form of Eve's is taken from there.
#[tokio::test(flavor = "multi_thread")]
async fn login_cross_site_requests() {
    let (pasee, _provider) = house().await;
    let [mut ada, mut eve] = [Visitor::default(), Visitor::default()];
    let (of_ada, of_eve) = (ada.read(&pasee, "/", 200).await, eve.read(&pasee, "/", 200).await);
    let (action, _) = of_eve.form("username");
    let fields = |token: &str| {
        [("idp", "local"), ("form_token", token), ("username", "john"), ("password", "pw-john")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let (own_action, _) = of_ada.form("username");
    for (action, token, status) in [
        (&action, of_eve.field("form_token"), 400),
        (&action, of_ada.field("form_token"), 400),
        (&own_action, of_eve.field("form_token"), 403),
        (&own_action, String::new(), 403),
        (&"/login".to_owned(), of_ada.field("form_token"), 400),
    ] {
        let fields = fields(&token);
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ada.post(&pasee, action, &fields).await.is(status);
        assert!(ada.named("pasee-session-").is_empty());
    }
    // With Eve's cookie in Ada's browser, put there by a host beside ours: the browser says where the form came from.
    let mut tossed = eve.clone();
    let body = format!(
        "idp=local&form_token={}&username=john&password=pw-john",
        of_eve.field("form_token")
    );
    let ask = pasee.ask("POST", &action).typed(FORM, body).header("sec-fetch-site", "same-site");
    tossed.send(ask).await.is(403);
    assert!(tossed.named("pasee-session-").is_empty());
}

/// Wherever a login is told to go on: never away from here.
#[tokio::test(flavor = "multi_thread")]
async fn open_redirects() {
    let (pasee, _provider) = house().await;
    let places = [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "%2f%2fevil.example",
        "..//evil.example",
    ];
    for place in places {
        let mut ada = Visitor::default();
        let page =
            ada.read(&pasee, &format!("/?next={place}&target={place}&login={place}"), 200).await;
        assert!(!page.says("evil"), "{}", page.text);
        for path in [format!("/login?login={place}"), format!("/tokens/?idp=p&login={place}")] {
            let answer = ada.get(&pasee, &path).await.is(400);
            assert_eq!(answer.header("location"), "", "{path}");
            assert!(!Read::of(answer).says("evil"), "{path}");
        }
        let (action, _) = page.form("username");
        let token = page.field("form_token");
        let fields = [
            ("idp", "local"),
            ("form_token", &token),
            ("username", "ada"),
            ("password", "pw-ada"),
            ("next", place),
        ];
        let answer = ada.post(&pasee, &format!("{action}&next={place}"), &fields).await.is(303);
        assert_eq!(answer.header("location"), "/");
    }
    // Nor by whom the request is addressed to.
    let ask = pasee.ask("GET", "/login").header("accept", HTML).header("host", "evil.example");
    assert_eq!(ask.send().await.is(303).header("location"), "/");
}

/// Cookies that were changed, cut, doubled, moved to another name, or that another Pasee made, are worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_somebody_elses_making() {
    let (pasee, _provider) = house().await;
    let other = Setup::default().start().await;
    let [mut ada, mut foreign] = [Visitor::default(), Visitor::default()];
    ada.log_in(&pasee, "ada").await;
    foreign.log_in(&other, "ada").await;
    let login = {
        let mut fresh = Visitor::default();
        fresh.read(&pasee, "/", 200).await;
        fresh
    };
    let ((name, session), (foreign_name, foreign)) = (ada.session(), foreign.session());
    assert_eq!(name, foreign_name, "the same issuer, and another secret");
    let login_name = login.named("pasee-login-").remove(0);
    let login_value = &login.cookies[&login_name];
    let mut lines = vec![
        format!("{name}={foreign}"),
        format!("{name}={session}; {name}={foreign}"),
        format!("{name}={session}; {name}={session}"),
        format!("{name}={login_value}"),
        format!("{login_name}={session}"),
        format!("__Host-{name}={session}"),
        format!("{}={session}", name.to_uppercase()),
        format!("{name}=\"{session}\""),
        format!("{name}={session}="),
        format!("{name}={session}A"),
        format!("{name}="),
        format!("{name}={}", "A".repeat(6000)),
    ];
    for place in (0..session.len()).step_by(7) {
        let swapped = if session.as_bytes()[place] == b'A' { "B" } else { "A" };
        lines.push(format!("{name}={}{swapped}{}", &session[..place], &session[place + 1..]));
        lines.push(format!("{name}={}", &session[..place]));
    }
    for line in lines {
        let ask = pasee.ask("GET", "/logout").header("accept", HTML).header("cookie", &line);
        assert_eq!(Read::of(ask.send().await.is(200)).heading(), "You are logged out", "{line}");
    }
    // Beside whatever else a browser has from this host.
    let mut octets = b"a=\xff\xfe; caf\xe9=\x80; =; ; b; ".to_vec();
    octets.extend_from_slice(format!("{name}={session}").as_bytes());
    let ask = pasee.client.get(format!("{}/logout", pasee.url)).header("accept", HTML);
    let answer =
        ask.header("cookie", HeaderValue::from_bytes(&octets).unwrap()).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("Do you want to log out?"));
}

/// The cookie of another's login logs nobody else in, and another's session is not taken over by a login.
#[tokio::test(flavor = "multi_thread")]
async fn fixation() {
    let (pasee, provider) = house().await;
    let mut eve = Visitor::default();
    eve.log_in(&pasee, "john").await;
    let (name, of_eve) = eve.session();
    // Eve's session is planted in Ada's browser, and Ada logs in.
    let mut ada = Visitor::default();
    ada.cookies.insert(name.clone(), of_eve.clone());
    assert!(ada.read(&pasee, "/", 200).await.says("local-john"), "that is all that it is");
    let begin = ada.get(&pasee, "/tokens/?idp=p").await.is(303);
    let there =
        crate::support::pasee::Ask::new(pasee.client.get(begin.header("location"))).send().await;
    let back: url::Url = there.header("location").parse().unwrap();
    ada.get(&pasee, &back[url::Position::BeforePath..]).await.is(303);
    assert_ne!(ada.session().1, of_eve);
    assert!(ada.read(&pasee, "/", 200).await.says("p-583231"));
    assert!(
        eve.read(&pasee, "/", 200).await.says("local-john"),
        "Eve has what she had, and no more"
    );
    // An answer of a provider that was made for Eve's browser.
    let page = eve.read(&pasee, "/logout", 200).await;
    eve.press(&pasee, &page, "form_token").await.is(303);
    let page = eve.read(&pasee, "/", 200).await;
    let of_eve = eve.through(&pasee, &page, &provider).await;
    let before = ada.session();
    let refused = ada.read(&pasee, &of_eve, 400).await;
    assert_eq!(refused.heading(), "This login is not known here any more");
    assert_eq!(ada.session(), before);
}

/// A browser that opens one login after the other carries no more than it can, and the last ones work.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_with_many_tabs() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    let mut pages = Vec::new();
    for _ in 0..60 {
        let page = ada.read(&pasee, "/", 200).await;
        pages.push(page);
        assert!(ada.cookie_line().len() <= 4096, "{}", ada.cookie_line().len());
    }
    let kept = ada.named("pasee-login-").len();
    assert!((10..60).contains(&kept), "{kept}");
    // The oldest go first, also of those that began in one second.
    for (number, page) in pages.iter().enumerate() {
        let (action, _) = page.form("username");
        let (_, id) = action.split_once("login=").unwrap();
        assert_eq!(ada.named(id).len(), usize::from(number >= 60 - kept), "{number} of {kept}");
    }
    Read::of(ada.give(&pasee, &pages[0], "ada", "pw-ada").await.is(400));
    ada.clone().give(&pasee, &pages[59], "ada", "pw-ada").await.is(303);
}

/// Nothing is kept of logins that begin: ten thousand take no more memory than the first.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_pending_logins() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let pasee = Setup::default().tables(&provider.settings("p", "")).start().await;
    let begin = async |count: usize| {
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..count / 2 {
            for (path, status) in [("/", 200), ("/tokens/?idp=p", 303)] {
                let ask = pasee.ask("GET", path).header("accept", HTML).send();
                crowd.spawn(async move { ask.await.is(status) });
            }
            while crowd.len() > 8 {
                crowd.join_next().await.unwrap().unwrap();
            }
        }
        crowd.join_all().await;
    };
    begin(1000).await;
    let before = memory(&pasee);
    begin(10_000).await;
    let grown = memory(&pasee).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more than {before}");
}

/// What the process holds, in KiB.
fn memory(pasee: &Pasee) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pasee.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Passwords on pages are counted as those of programs are, together.
#[tokio::test(flavor = "multi_thread")]
async fn guessing() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 100";
    let pasee = Setup::default().limits(limits).start().await;
    let mut eve = Visitor::default();
    let page = eve.read(&pasee, "/", 200).await;
    for _ in 0..2 {
        eve.give(&pasee, &page, "ada", "guess").await.is(403);
    }
    let body = serde_json::json!({ "login": "ADA", "password": "guess" });
    pasee.ask("POST", "/tokens/?idp=local").json(&body).await.is(403);
    let stopped = eve.give(&pasee, &page, "ada", "pw-ada").await.is(429);
    let wait: u64 = stopped.header("retry-after").parse().unwrap();
    let stopped = Read::of(stopped);
    assert!(stopped.says(&format!("Wait {wait} seconds")), "{}", stopped.text);
    eve.give(&pasee, &page, "john", "pw-john").await.is(303);
}

/// On her own device Ada gets in while somebody behind the same address guesses at her password and floods it; on any other device of
/// that address nobody does. What her device carries helps with her name alone, and is guessed with no more often than anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn known_devices() {
    let limits = "login_attempts_per_user = 1\nlogin_attempts_per_address = 1";
    let pasee = Setup::default().limits(limits).start().await;
    let mut ada = Visitor::default();
    ada.log_in(&pasee, "ada").await;
    let names = ada.named("pasee-device-");
    let [name] = names.as_slice() else { panic!("{names:?}") };
    let value = ada.cookies[name].clone();
    assert!(value.len() < 400, "{value}");
    let cookie = |value: &str| Visitor {
        cookies: [(name.clone(), value.to_owned())].into(),
        ..Visitor::default()
    };
    // What it may have come by again is used up before each.
    let guess = async |mut visitor: Visitor, who: &str, password: &str| {
        let mut eve = Visitor::default();
        let page = eve.read(&pasee, "/", 200).await;
        eve.give(&pasee, &page, "ada", "wrong").await;
        let page = visitor.read(&pasee, "/", 200).await;
        visitor.give(&pasee, &page, who, password).await.status.as_u16()
    };
    assert_eq!(guess(Visitor::default(), "ada", "pw-ada").await, 429);
    assert_eq!(guess(Visitor::default(), "alan", "pw-alan").await, 429, "the whole address");
    for _ in 0..3 {
        assert_eq!(guess(cookie(&value), "ada", "pw-ada").await, 303);
    }
    assert_eq!(guess(cookie(&value), "alan", "pw-alan").await, 429, "nobody else");
    let last = if value.ends_with('A') { "B" } else { "A" };
    let made_up = format!("{last}{}", &value[1..]);
    for other in [made_up.as_str(), "", "A"] {
        assert_eq!(guess(cookie(other), "ada", "pw-ada").await, 429, "nobody makes one");
    }
}

/// Whoever has taken what somebody's device carries guesses as often as one device may.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_guess() {
    let limits = "login_attempts_per_user = 2\nlogin_attempts_per_address = 2";
    let pasee = Setup::default().limits(limits).start().await;
    let mut ada = Visitor::default();
    ada.log_in(&pasee, "ada").await;
    ada.cookies.retain(|name, _| name.contains("pasee-device-"));
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let page = ada.read(&pasee, "/", 200).await;
        statuses.push(ada.give(&pasee, &page, "ada", "wrong").await.status.as_u16());
    }
    assert_eq!(statuses[..4], [403; 4], "those of the device, then those of its address");
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// Bodies without end, without sense, or in the place of others.
#[tokio::test(flavor = "multi_thread")]
async fn strange_bodies() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, "/", 200).await;
    let (action, _) = page.form("username");
    let token = page.field("form_token");
    let many: String = (0..100).map(|field| format!("f{field}=1&")).collect();
    for (body, status) in [
        ("x".repeat(70_000).into_bytes(), 413),
        (many.into_bytes(), 400),
        (b"username=a&username=b".to_vec(), 400),
        (b"username=\xff\xfe".to_vec(), 400),
        (Vec::new(), 403),
        (format!("form_token={token}&idp=nobody&username=a&password=b").into_bytes(), 404),
        (format!("form_token={token}&idp=p&username=a&password=b").into_bytes(), 404),
        (format!("form_token={token}&username=a&password=b").into_bytes(), 404),
    ] {
        let ask = pasee.ask("POST", &action).typed(FORM, body.clone());
        let answer = ada.send(ask).await.is(status);
        assert!(!Read::of(answer).says("\u{fffd}"), "{}", String::from_utf8_lossy(&body));
    }
    ada.give(&pasee, &page, "ada", "pw-ada").await.is(303);
}

/// Behind https no other host can set them, and none goes in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn https() {
    let pasee = Setup::default().top("hostname = \"https://pasee.example.com\"").start().await;
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, "/", 200).await;
    let answer = ada.give(&pasee, &page, "ada", "pw-ada").await.is(303);
    for line in answer.headers.get_all("set-cookie") {
        let line = line.to_str().unwrap();
        assert!(line.starts_with("__Host-pasee-") && line.contains("; Secure"), "{line}");
    }
    assert!(ada.read(&pasee, "/", 200).await.says("local-ada"));
}
