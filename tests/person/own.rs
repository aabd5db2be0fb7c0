//! A person's day at Pasee itself: logins in a browser and by a code, tokens for one audience alone, groups, the end of a session.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::browser::{opened, with_desktop};
use super::support::forge::part;
use super::support::pasee::{Answer, Pasee, Setup, now};
use super::support::person::{Did, Person, Running};
use super::support::visitor::{Read, Visitor};

/// A Pasee that is an OpenID provider, as docs/person.md asks for one.
async fn provider(setup: Setup) -> Pasee {
    let mut pasee = setup.audience("kubernetes").start().await;
    let url = pasee.url.clone();
    pasee
        .restart(|settings| {
            let named =
                settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
            format!("hostname = \"{url}\"\n{named}")
        })
        .await;
    pasee
}

fn writers() -> Setup {
    Setup::default().members("articles", ["local-ada"]).members("articles.staff", ["local-john"])
}

/// Where a page or an answer sends a browser by itself.
fn onward(answer: &Answer) -> Option<String> {
    if answer.status == 303 {
        return Some(answer.header("location").to_owned());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let (_, rest) = text.split_once("http-equiv=\"refresh\" content=\"0; url=")?;
    Some(rest.split_once('"').unwrap().0.replace("&#38;", "&"))
}

/// On from an answer to the next page that asks something, or to another site.
async fn follow(browser: &mut Visitor, pasee: &Pasee, mut answer: Answer) -> Result<Read, String> {
    loop {
        let Some(place) = onward(&answer) else { return Ok(Read::of(answer)) };
        let path = place.strip_prefix(&pasee.url).unwrap_or(&place);
        if !path.starts_with('/') {
            return Err(place);
        }
        answer = browser.get(pasee, path).await;
    }
}

/// Opens a page of Pasee, and logs in there if that is asked for.
async fn open(
    browser: &mut Visitor,
    pasee: &Pasee,
    page: &str,
    name: &str,
) -> Result<Read, String> {
    let path = page.strip_prefix(&pasee.url).expect(page);
    let answer = browser.get(pasee, path).await;
    let asked = follow(browser, pasee, answer).await?;
    if !asked.says("type=\"password\"") {
        return Ok(asked);
    }
    let answer = browser.give(pasee, &asked, name, &format!("pw-{name}")).await;
    follow(browser, pasee, answer).await
}

/// Logs somebody in, in a browser.
async fn log_in(browser: &mut Visitor, pasee: &Pasee, person: &Person, name: &str) -> Did {
    let before = opened(person).len();
    let running = person.start(&["login"], "");
    let page = running.says(|_| opened(person).get(before).cloned());
    let place = open(browser, pasee, &page, name).await.unwrap_err();
    let last = pasee.client.get(&place).send().await.unwrap();
    assert!(last.text().await.unwrap().contains("Go back to your terminal"), "{place}");
    running.wait()
}

async fn logged_in(pasee: &Pasee, name: &str) -> Person {
    let person = with_desktop(&pasee.url);
    let did = log_in(&mut Visitor::default(), pasee, &person, name).await;
    assert!(did.err.contains(&format!("as local-{name}")), "{did:?}");
    did.done();
    person
}

/// What a person does in a day, after a login in a browser.
#[tokio::test(flavor = "multi_thread")]
async fn a_day() {
    let pasee = provider(writers()).await;
    let [ada, john] = [logged_in(&pasee, "ada").await, logged_in(&pasee, "john").await];

    let token = ada.run(&["token"]).done().trim_end().to_owned();
    let claims = part(&token, 1);
    assert_eq!((&claims["sub"], &claims["groups"]), (&json!("local-ada"), &json!(["articles"])));
    let me = pasee.ask("GET", "/users/me").bearer(&token).send().await.is(200).json();
    assert_eq!(me["username"], "local-ada");
    let who: Value =
        serde_json::from_str(&ada.run(&["whoami", "--output", "json"]).done()).unwrap();
    assert_eq!((&who["username"], &who["issuer"]), (&json!("local-ada"), &json!(pasee.url)));
    assert_eq!(who["groups"][0]["group"], "articles");
    assert_eq!(who["session"]["sid"], claims["sid"]);

    let told = john.run(&["groups"]).done();
    assert_eq!(told.trim(), "articles.staff");
    john.run(&["add", "local-alan", "articles", "--until", "7d"]).done();
    let members = john.run(&["members", "articles"]).done();
    assert!(members.contains("local-ada") && members.contains("local-alan"), "{members}");
    let told = ada.run(&["add", "local-you", "articles"]).refused(1);
    assert!(told.contains("this takes the staff of the group, or root staff"), "{told}");
    ada.run(&["leave", "articles"]).done();
    john.run(&["remove", "local-alan", "articles"]).done();
    assert_eq!(john.run(&["members", "articles"]).done(), "");

    ada.age();
    let fresh = part(ada.run(&["token"]).done().trim_end(), 1);
    assert_eq!((&fresh["sid"], &fresh["groups"]), (&claims["sid"], &json!([])));
    assert_ne!(fresh["jti"], claims["jti"]);
}

/// Nobody has to know what Donald is called here: he is given a link. Whoever it is not for is told why.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation() {
    let pasee = provider(writers()).await;
    let john = logged_in(&pasee, "john").await;
    let did = john.run(&["invite", "articles", "--days", "2"]);
    assert!(did.err.contains("can come into articles; give it to nobody else"), "{did:?}");
    let link = did.done();
    let mut donald = Visitor::default();
    let asked = open(&mut donald, &pasee, link.trim_end(), "donald").await.unwrap();
    assert!(asked.says("local-john") && asked.says("articles"), "{}", asked.text);
    assert_eq!(john.run(&["members", "articles"]).done(), "local-ada\n");
    donald.press(&pasee, &asked, "name=\"seal\"").await.is(200);
    assert_eq!(john.run(&["members", "articles"]).done(), "local-ada\nlocal-donald\n");

    let staff = john.run(&["invite", "articles", "--staff"]).done();
    let told = john.run(&["invite", "--void", "articles"]);
    assert!(told.err.contains("no invitation to articles is good any more"), "{told:?}");
    told.done();
    let path = staff.trim_end().strip_prefix(&pasee.url).unwrap().to_owned();
    donald.read(&pasee, &path, 410).await;
    let ada = logged_in(&pasee, "ada").await;
    for arguments in [&["invite", "articles"][..], &["invite", "--void", "articles"]] {
        let told = ada.run(arguments).refused(1);
        assert!(told.contains("this takes the staff of the group, or root staff"), "{told}");
    }
    let told = john.run(&["invite", "staff"]).refused(1);
    assert!(told.contains("nobody is invited to the root staff"), "{told}");
    for wrong in
        [&["invite", "articles", "--days", "8"][..], &["invite", "articles", "--days", "0"]]
    {
        john.run(wrong).refused(2);
    }
}

/// Another login in the same browser asks for no password again, but for a yes, and is another session of the tools.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_logged_in() {
    let pasee = provider(writers()).await;
    let (ada, mut browser) = (with_desktop(&pasee.url), Visitor::default());
    log_in(&mut browser, &pasee, &ada, "ada").await.done();
    let running = ada.start(&["login"], "");
    let page = running.says(|_| opened(&ada).get(1).cloned());
    let asked = browser.read(&pasee, page.strip_prefix(&pasee.url).unwrap(), 200).await;
    let (action, mut fields) = asked.form("/oauth2/consent");
    fields.push(("answer".to_owned(), "yes".to_owned()));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let place = Read::of(browser.post(&pasee, &action, &fields).await.is(200));
    let place = place.link("http://127.0.0.1:");
    pasee.client.get(&place).send().await.unwrap();
    running.wait().done();
    assert_eq!(part(ada.run(&["token"]).done().trim_end(), 1)["sub"], "local-ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_typed_elsewhere() {
    let pasee = provider(writers()).await;
    for answer in ["yes", "no"] {
        let (ada, mut browser) = (Person::of(&pasee.url), Visitor::default());
        let running = ada.start(&["login", "--device"], "");
        let code = running.says(|said| {
            let (_, rest) = said.split_once("type this code there: ")?;
            Some(rest.split_once('\n')?.0.to_owned())
        });
        let place = format!("{}/device", pasee.url);
        assert!(running.heard().contains(&format!("open {place} in any browser")));
        let asked = open(&mut browser, &pasee, &place, "ada").await.unwrap();
        assert!(asked.says("name=\"user_code\""), "{}", asked.text);
        // As people type it.
        let typed = code.to_lowercase().replace('-', "+");
        let confirm = browser.read(&pasee, &format!("/device?user_code={typed}"), 200).await;
        assert!(confirm.says(&code) && confirm.says("local-ada"), "{}", confirm.text);
        let token = confirm.field("form_token");
        let form = [("form_token", &*token), ("user_code", &code), ("answer", answer)];
        browser.post(&pasee, "/device", &form).await.is(200);
        let did = running.wait();
        if answer == "no" {
            assert!(did.refused(1).contains("access_denied"));
            assert!(ada.kept().is_empty());
            continue;
        }
        assert!(did.err.contains("as local-ada"), "{did:?}");
        did.done();
        assert_eq!(ada.run(&["groups"]).done().trim(), "articles");
        let token = ada.run(&["token", "--audience", "kubernetes"]).done();
        assert_eq!(part(token.trim_end(), 1)["aud"], json!(["kubernetes"]));
        ada.age();
        ada.run(&["token"]).done();
        ada.run(&["logout"]).done();
    }
}

/// The address with the code in it, which is not typed, asks all the same; a login on the way keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_along() {
    let pasee = provider(writers()).await;
    let (ada, mut browser) = (Person::of(&pasee.url), Visitor::default());
    let running = ada.start(&["login", "--device"], "");
    let place = running.says(|said| {
        let (_, rest) = said.split_once("or open ")?;
        Some(rest.split_once(' ')?.0.to_owned())
    });
    let confirm = open(&mut browser, &pasee, &place, "ada").await.unwrap();
    let code = place.split_once("user_code=").unwrap().1;
    assert!(confirm.says(code) && confirm.says("local-ada"), "{}", confirm.text);
    let token = confirm.field("form_token");
    let form = [("form_token", &*token), ("user_code", code), ("answer", "yes")];
    browser.post(&pasee, "/device", &form).await.is(200);
    running.wait().done();
}

/// Tokens of each way to log in are good for one audience alone, and for what the settings list.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_audience_opens_nothing_else() {
    let pasee = provider(writers()).await;
    let by_password = Person::of(&pasee.url);
    by_password.log_in("ada");
    for ada in [by_password, logged_in(&pasee, "ada").await] {
        let token = ada.run(&["token", "--audience", "kubernetes"]).done().trim_end().to_owned();
        let claims = part(&token, 1);
        assert_eq!(claims["aud"], json!(["kubernetes"]));
        assert_eq!(
            (&claims["sub"], &claims["groups"]),
            (&json!("local-ada"), &json!(["articles"]))
        );
        pasee.ask("GET", "/groups/").bearer(&token).send().await.is(401);
        let told = ada.run(&["token", "--audience", "elsewhere"]).refused(1);
        assert!(told.contains("no token for \"elsewhere\" alone"), "{told}");
        ada.run(&["logout"]).done();
    }
}

/// What was copied before a logout is worth nothing after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session() {
    let pasee = provider(writers()).await;
    let ada = logged_in(&pasee, "ada").await;
    let token = ada.run(&["token"]).done().trim_end().to_owned();
    let (file, copied) = (ada.only_kept(), fs::read(ada.only_kept()).unwrap());
    ada.run(&["logout"]).done();
    assert!(ada.kept().is_empty());
    pasee.ask("GET", "/users/me").bearer(&token).send().await.is(401);
    let told = ada.run(&["whoami"]).refused(4);
    assert!(told.contains("nobody is logged in") && told.contains("pasee login"), "{told}");
    fs::write(&file, copied).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    ada.age();
    let told = ada.run(&["token"]).refused(4);
    assert!(told.contains("is over"), "{told}");
}

/// Who is banned, or has ended all their sessions, has no token any more, and is told to log in.
#[tokio::test(flavor = "multi_thread")]
async fn a_ban() {
    let pasee = provider(writers()).await;
    let ada = logged_in(&pasee, "ada").await;
    let root = pasee.log_in("root").await.access;
    let ban = json!({ "is_banned": true });
    pasee.ask("PATCH", "/users/local-ada").bearer(&root).json(&ban).await.is(204);
    ada.age();
    let told = ada.run(&["token", "--audience", "kubernetes"]).refused(4);
    assert!(told.contains("is over"), "{told}");
}

/// A refresh token without the key that it is bound to is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_was_copied_alone() {
    let pasee = provider(writers()).await;
    let (ada, eve) = (logged_in(&pasee, "ada").await, logged_in(&pasee, "donald").await);
    let kept: Value = serde_json::from_slice(&fs::read(ada.only_kept()).unwrap()).unwrap();
    eve.spoil(|own| own["session"]["refresh"] = kept["session"]["refresh"].clone());
    eve.age();
    let told = eve.run(&["token"]).refused(1);
    assert!(told.contains("is bound to a key"), "{told}");
    ada.age();
    ada.run(&["token"]).done();
}

/// Twenty kubectl with tokens that are over: the same new token for all, and nobody is asked.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl() {
    let pasee = provider(writers()).await;
    let ada = logged_in(&pasee, "ada").await;
    let info = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": { "interactive": true },
    });
    let info = info.to_string();
    let credential = ["kubectl-credential", "--audience", "kubernetes"];
    let start = || ada.start_in(&credential, "", &[("KUBERNETES_EXEC_INFO", &info)]);
    let first = start().wait().done();
    ada.age();
    let running: Vec<Running> = (0..20).map(|_| start()).collect();
    let told: Vec<Value> =
        running.into_iter().map(|one| serde_json::from_str(&one.wait().done()).unwrap()).collect();
    let token = told[0]["status"]["token"].as_str().unwrap();
    assert!(told.iter().all(|one| one["status"]["token"] == token) && !first.contains(token));
    let claims = part(token, 1);
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(["kubernetes"]), &json!("local-ada")));
    assert!(claims["exp"].as_i64().unwrap() > now());
    assert_eq!(opened(&ada).len(), 1);
}

/// Pasee whose `iss` is no address says so, and what a right one is.
#[tokio::test(flavor = "multi_thread")]
async fn no_openid_provider() {
    let pasee = Setup::default().start().await;
    let ada = with_desktop(&pasee.url);
    for arguments in [&["login"][..], &["login", "--device"]] {
        let told = ada.run(arguments).refused(1);
        assert!(told.contains("iss") && told.contains("hostname"), "{told}");
    }
    assert_eq!(opened(&ada), Vec::<String>::new());
}
