//! The place of each provider, and answers that come back to it in a form.

use url::{Url, form_urlencoded};

use super::presets::back;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{Decision, OAuthProvider};
use crate::support::pasee::{Answer, Pasee, Setup};

const FORM: &str = "application/x-www-form-urlencoded";

fn own_place(pasee: &Pasee, name: &str) -> String {
    format!("{}/tokens/{name}/", pasee.url)
}

/// A provider with more in its settings, and a Pasee that knows it as `p`.
async fn one(more: &str) -> (Pasee, OAuthProvider) {
    let provider = OAuthProvider::start(Kind::Google).await;
    let tables = provider.settings("p", "") + more + "\n";
    let pasee = Setup::default().tables(&tables).start().await;
    provider.register(&own_place(&pasee, "p"));
    (pasee, provider)
}

/// What a page of the provider's has the browser send: no cookie of ours goes with it, as it is another site's.
async fn post(place: &Url, pasee: &Pasee, form: &str) -> Answer {
    let path = &place.as_str()[pasee.url.len()..];
    pasee.ask("POST", path).typed(FORM, form.to_owned()).send().await
}

/// Where a browser goes from a place that answered with 303.
fn onward(from: &Url, answer: &Answer) -> Url {
    from.join(answer.header("location")).unwrap()
}

fn assert_no_login(answer: &Answer) {
    assert_eq!(answer.header("set-cookie"), "", "{answer:?}");
    let body = String::from_utf8_lossy(&answer.body);
    assert!(!body.contains("authorize_url") && !body.contains("_token"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_without_a_query() {
    let (pasee, provider) = one("callback = \"path\"").await;
    let place: Url = own_place(&pasee, "p").parse().unwrap();
    for begin in [place.as_str(), back(&pasee, "p").as_str(), place.as_str().trim_end_matches('/')]
    {
        let mut browser = Browser::default();
        let answer = browser.visit(&pasee, &begin.parse().unwrap()).await.is(303);
        let asked: Url = answer.header("location").parse().unwrap();
        let answer = browser.visit(&pasee, &asked).await.is(302);
        let back: Url = answer.header("location").parse().unwrap();
        assert_eq!(back.path(), "/tokens/p/");
        browser.visit(&pasee, &back).await.is(200);
        browser.visit(&pasee, &back).await.is(400);
    }
    assert_eq!(provider.complaints(), [] as [&str; 0]);
    // A link can limit what is logged in for, at this place too.
    let limited = format!("{place}?scope=articles");
    Browser::default().visit(&pasee, &limited.parse().unwrap()).await.is(303);
    for (method, path, status) in [
        ("HEAD", "/tokens/p/", 405),
        ("POST", "/tokens/p/", 405),
        ("PUT", "/tokens/p/", 405),
        ("GET", "/tokens/local/", 404),
        ("POST", "/tokens/local/", 404),
        ("GET", "/tokens/nobody/", 404),
        ("GET", "/tokens/p/x", 404),
    ] {
        assert_no_login(&pasee.ask(method, path).send().await.is(status));
    }
    let allowed = pasee.ask("POST", "/tokens/p/").send().await;
    assert_eq!(allowed.header("allow"), "GET");
}

/// The same provider under the old place, as before; and what was begun at one place is not ended by an answer for another.
#[tokio::test(flavor = "multi_thread")]
async fn the_old_place_goes_on() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let pasee = Setup::default().tables(&provider.settings("p", "")).start().await;
    provider.register(&back(&pasee, "p"));
    Browser::default().log_in(&pasee, "p").await.is(200);
    assert_eq!(provider.complaints(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_a_form() {
    for (more, is_by_path) in [
        ("response_mode = \"form_post\"\ncallback = \"path\"", true),
        ("response_mode = \"form_post\"", false),
    ] {
        let (pasee, provider) = one(more).await;
        if !is_by_path {
            provider.register(&back(&pasee, "p"));
        }
        for (decision, status) in [(Decision::Yes, 200), (Decision::No, 403)] {
            provider.state.lock().unwrap().decision = decision;
            let mut browser = Browser::default();
            let asked = browser.begin(&pasee, "p").await;
            let mode = asked.query_pairs().find(|(name, _)| name == "response_mode");
            assert_eq!(mode.unwrap().1, "form_post");
            let answered = browser.visit(&pasee, &asked).await.is(302);
            let answered: Url = answered.header("location").parse().unwrap();
            // What the provider would put into a form.
            let pairs: Vec<(String, String)> = answered
                .query_pairs()
                .filter(|(name, _)| name != "idp")
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(&pairs).append_pair("user", "{\"name\":{\"firstName\":\"Ada\"}}");
            let mut place = answered.clone();
            place.set_query((!is_by_path).then_some("idp=p"));
            let sent_on = post(&place, &pasee, &form.finish()).await.is(303);
            assert_no_login(&sent_on);
            assert_eq!(sent_on.header("cache-control"), "no-store");
            assert_eq!(sent_on.header("referrer-policy"), "no-referrer");
            let ahead = onward(&place, &sent_on);
            assert_eq!(ahead.path(), place.path());
            assert!(!ahead.as_str().contains("firstName"), "{ahead}");
            // Whoever else goes there has no such login.
            Browser::default().visit(&pasee, &ahead).await.is(400);
            browser.visit(&pasee, &ahead).await.is(status);
            browser.visit(&pasee, &ahead).await.is(400);
        }
        assert_eq!(provider.complaints(), [] as [&str; 0]);
        // Login CSRF: the answer of somebody else's login, sent from a page of theirs, and with a login under way.
        provider.state.lock().unwrap().decision = Decision::Yes;
        let (mut eve, mut ada) = (Browser::default(), Browser::default());
        let of_eve = eve.ask(&pasee, "p").await;
        let of_ada = ada.ask(&pasee, "p").await;
        let mut place = of_eve.clone();
        place.set_query((!is_by_path).then_some("idp=p"));
        let sent_on = post(&place, &pasee, of_eve.query().unwrap()).await.is(303);
        ada.visit(&pasee, &onward(&place, &sent_on)).await.is(400);
        ada.visit(&pasee, &of_ada).await.is(200);
    }
}

/// What is no answer of a provider that answers so begins nothing, whatever it calls itself.
#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_none() {
    let (pasee, provider) = one("response_mode = \"form_post\"\ncallback = \"path\"").await;
    let long = format!("code={}&state=x", "y".repeat(5000));
    let many: String = (0..33).map(|number| format!("p{number}=1&")).collect();
    let (large, many) = (" ".repeat(65 * 1024), format!("{many}code=a&state=b"));
    for path in ["/tokens/p/", "/tokens/?idp=p"] {
        for (form, status) in [
            ("", 400),
            ("code=a", 400),
            ("state=a", 400),
            ("error=access_denied", 400),
            ("code=a&state=b&code=c", 400),
            ("code=a&state=b&state=b", 400),
            (long.as_str(), 400),
            (many.as_str(), 400),
            ("code=a&state=%ff\u{e9}", 303),
            (large.as_str(), 413),
        ] {
            let answer = pasee.ask("POST", path).typed(FORM, form.to_owned()).send().await;
            assert_no_login(&answer.is(status));
        }
        let raw = pasee.ask("POST", path).typed(FORM, b"code=a&state=\xff".to_vec());
        assert_no_login(&raw.send().await.is(400));
    }
    let answer = pasee.ask("POST", "/tokens/p/").body("{}").send().await;
    assert_no_login(&answer.is(400));
    assert_eq!(provider.state.lock().unwrap().exchanged, 0);
    // A provider that answers by links takes no form, at either place.
    let (pasee, _provider) = one("").await;
    for (path, status) in [("/tokens/p/", 405), ("/tokens/?idp=p", 400)] {
        let answer = pasee.ask("POST", path).typed(FORM, "code=a&state=b").send().await;
        assert_no_login(&answer.is(status));
    }
    // It begins a login for a client that asks for one.
    pasee.ask("POST", "/tokens/?idp=p").send().await.is(201);
}
