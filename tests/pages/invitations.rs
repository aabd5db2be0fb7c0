//! Invitations, from the link that staff make to the group that somebody is in; leaving it again; and attacks on both.

use serde_json::{Value, json};

use super::support::visitor::{Read, Visitor};
use crate::support::oauth::OAuthProvider;
use crate::support::oauth::wire::Kind;
use crate::support::pasee::{Pasee, Setup, now};

const FORM: &str = "application/x-www-form-urlencoded";

/// A Pasee where John runs `articles`, and people come through a provider `p`, which calls them by a name.
async fn house() -> (Pasee, OAuthProvider) {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let tables = provider.settings("p", "claims = [\"name\"]");
    let setup = Setup::default().members("articles.staff", ["local-john", "local-alan"]);
    let pasee = setup.members("plain", ["local-ada"]).tables(&tables).start().await;
    provider.register(&format!("{}/tokens/?idp=p", pasee.url));
    (pasee, provider)
}

async fn token(pasee: &Pasee, name: &str) -> String {
    pasee.log_in(name).await.access
}

/// The path of a new invitation.
async fn invited(pasee: &Pasee, name: &str, group: &str) -> String {
    let path = format!("/groups/{group}/invitations");
    let made = pasee.ask("POST", &path).bearer(&token(pasee, name).await).json(&json!({})).await;
    let made = made.is(201).json();
    let url = made["url"].as_str().unwrap();
    url.strip_prefix(&pasee.url).unwrap().to_owned()
}

async fn members(pasee: &Pasee, group: &str) -> Vec<Value> {
    let shown = pasee.ask("GET", &format!("/groups/{group}/")).bearer(&token(pasee, "root").await);
    let shown = shown.send().await.is(200).json();
    shown["members"].as_array().unwrap().clone()
}

async fn ids(pasee: &Pasee, group: &str) -> Vec<String> {
    let members = members(pasee, group).await;
    members.iter().map(|member| member["username"].as_str().unwrap().to_owned()).collect()
}

/// Somebody's browser, logged in.
async fn browser(pasee: &Pasee, name: &str) -> Visitor {
    let mut browser = Visitor::default();
    browser.log_in(pasee, name).await;
    browser
}

/// The yes of somebody who reads an invitation.
async fn accept(pasee: &Pasee, browser: &mut Visitor, path: &str, status: u16) -> Read {
    let asked = browser.read(pasee, path, 200).await;
    Read::of(browser.press(pasee, &asked, "name=\"seal\"").await.is(status))
}

/// What becomes of a link, in words: asked, or refused at once.
async fn refused(pasee: &Pasee, browser: &mut Visitor, path: &str, status: u16, heading: &str) {
    let read = browser.read(pasee, path, status).await;
    assert_eq!(read.heading(), heading);
    assert!(!read.says("name=\"seal\""), "{}", read.text);
}

/// Nobody has to know that Ada is p-583231: she opens a link, logs in as she does, says yes, and stands there by her name.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_invited_comes_in() {
    let (pasee, provider) = house().await;
    let path = invited(&pasee, "john", "articles").await;
    assert!(path.starts_with("/invitation?seal=") && path.len() < 1200, "{path}");
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, &path, 200).await;
    assert_eq!(page.heading(), "Log in");
    assert_eq!(page.answer.header("referrer-policy"), "no-referrer");
    let back = ada.through(&pasee, &page, &provider).await;
    let answer = ada.get(&pasee, &back).await.is(303);
    let asked = ada.read(&pasee, answer.header("location"), 200).await;
    assert_eq!(asked.heading(), "You are invited to articles");
    for what in ["<code>local-john</code>", "<strong>p-583231</strong>", "A member:"] {
        assert!(asked.says(what), "{what}: {}", asked.text);
    }
    assert_eq!(asked.answer.header("referrer-policy"), "no-referrer");
    assert_eq!(asked.answer.header("cache-control"), "no-store");
    assert!(ada.named("pasee-login-").is_empty(), "the login is over");
    assert_eq!(ids(&pasee, "articles").await, [""; 0], "nobody comes in by looking");
    let done = Read::of(ada.press(&pasee, &asked, "name=\"seal\"").await.is(200));
    assert_eq!(done.heading(), "You are in the group");
    let there = members(&pasee, "articles").await;
    assert_eq!(there.len(), 1);
    assert_eq!((&there[0]["username"], &there[0]["name"]), (&json!("p-583231"), &json!("Ada")));
    assert!(ada.read(&pasee, "/", 200).await.says("<code>articles</code>"));
    // Once more: there is nothing to do.
    let again = "You are in the group already";
    refused(&pasee, &mut ada, &path, 409, again).await;
    let twice = Read::of(ada.press(&pasee, &asked, "name=\"seal\"").await.is(409));
    assert_eq!(twice.heading(), again);
    // The name goes with the membership, and comes back with nobody who is put there by their id.
    let john = token(&pasee, "john").await;
    pasee.ask("DELETE", "/groups/articles/p-583231/").bearer(&john).send().await.is(204);
    let body = json!({ "username": "p-583231" });
    pasee.ask("POST", "/groups/articles/").bearer(&john).json(&body).await.is(201);
    assert!(members(&pasee, "articles").await[0].get("name").is_none());
}

/// To the staff too, and in French; a password on the way keeps the invitation.
#[tokio::test(flavor = "multi_thread")]
async fn to_the_staff_in_french() {
    let (pasee, _provider) = house().await;
    let path = invited(&pasee, "john", "articles.staff").await;
    let mut ada = Visitor { language: "fr", ..Visitor::default() };
    let page = ada.read(&pasee, &path, 200).await;
    let answer = ada.give(&pasee, &page, "ada", "pw-ada").await.is(303);
    let asked = ada.read(&pasee, answer.header("location"), 200).await;
    assert_eq!(asked.heading(), "Vous êtes invité dans articles");
    assert!(asked.says("vous décidez qui en fait partie"), "{}", asked.text);
    ada.press(&pasee, &asked, "name=\"seal\"").await.is(200);
    assert_eq!(ids(&pasee, "articles.staff").await, ["local-ada", "local-alan", "local-john"]);
}

/// Who may invite: the staff of the group, and root staff; and nobody to the root staff.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_invite_and_for_how_long() {
    let (pasee, _provider) = house().await;
    let make = async |name: &str, group: &str, body: Value| {
        let path = format!("/groups/{group}/invitations");
        pasee.ask("POST", &path).bearer(&token(&pasee, name).await).json(&body).await
    };
    for (name, group, status) in [
        ("john", "articles", 201),
        ("root", "articles", 201),
        ("ada", "articles", 403),
        ("ada", "plain", 403),
        ("ada", "nowhere", 403),
        ("root", "nowhere", 404),
        ("root", "staff", 400),
        ("john", "staff", 400),
        ("john", "Articles", 400),
    ] {
        let answer = make(name, group, json!({})).await.is(status);
        let made = answer.json();
        assert_eq!(made.get("url").is_some(), status == 201, "{name} {group}");
    }
    for body in [
        json!({"days": 0}),
        json!({"days": 8}),
        json!({"days": "3"}),
        json!({"days": -1}),
        json!({"role": "x"}),
    ] {
        make("john", "articles", body).await.is(400);
    }
    let made = make("john", "articles", json!({"days": 1})).await.is(201).json();
    let end: jiff::Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let left = end.as_second() - now();
    assert!((86_000..=86_400).contains(&left), "{left}");
    for name in ["ada", "alan"] {
        let status = if name == "ada" { 403 } else { 204 };
        let void = pasee.ask("DELETE", "/groups/articles/invitations");
        void.bearer(&token(&pasee, name).await).send().await.is(status);
    }
    let narrow = pasee.log_in_within("john", "plain").await.access;
    let path = "/groups/articles/invitations";
    pasee.ask("POST", path).bearer(&narrow).json(&json!({})).await.is(403);
    pasee.ask("POST", path).json(&json!({})).await.is(401);
    pasee.ask("GET", path).send().await.is(405);
}

/// A text that nobody here has sealed for this lets nobody in, however much of it is right.
#[tokio::test(flavor = "multi_thread")]
async fn forged_invitations() {
    let (pasee, _provider) = house().await;
    let (other, _other_provider) = house().await;
    let mut ada = browser(&pasee, "ada").await;
    let right = invited(&pasee, "john", "articles").await;
    let foreign = invited(&other, "john", "articles").await;
    let (_, cookie) = ada.session();
    let seal = right.strip_prefix("/invitation?seal=").unwrap();
    let mut wrong = vec![
        foreign,
        "/invitation".to_owned(),
        "/invitation?seal=".to_owned(),
        format!("/invitation?seal={cookie}"),
        format!("/invitation?seal={}", &seal[..seal.len() - 1]),
        format!("/invitation?seal={}", "A".repeat(5000)),
    ];
    for place in [0, 9, 20, 40, seal.len() / 2, seal.len() - 2] {
        let mut changed = seal.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        wrong.push(format!("/invitation?seal={}", String::from_utf8(changed).unwrap()));
    }
    for path in wrong {
        refused(&pasee, &mut ada, &path, 404, "This invitation is not good").await;
        // Nobody is even asked to log in for it.
        let mut stranger = Visitor::default();
        refused(&pasee, &mut stranger, &path, 404, "This invitation is not good").await;
    }
    let twice = format!("{right}&seal={seal}");
    ada.read(&pasee, &twice, 400).await;
    ada.read(&pasee, &right, 200).await;
    assert_eq!(ids(&pasee, "articles").await, [""; 0]);
}

/// Another site neither sends the yes of somebody who is logged in here, nor shows them the page in a frame.
#[tokio::test(flavor = "multi_thread")]
async fn cross_site_requests() {
    let (pasee, _provider) = house().await;
    let (mut ada, mut eve) = (browser(&pasee, "ada").await, browser(&pasee, "donald").await);
    let path = invited(&pasee, "john", "articles").await;
    let asked = ada.read(&pasee, &path, 200).await;
    let (seal, token) = (asked.field("seal"), asked.field("form_token"));
    let of_eve = eve.read(&pasee, &path, 200).await.field("form_token");
    for token in ["", "AAAAAAAAAAAAAAAAAAAAAA", &of_eve] {
        let fields = [("seal", seal.as_str()), ("form_token", token)];
        let answer = Read::of(ada.post(&pasee, "/invitation", &fields).await.is(403));
        assert_eq!(answer.heading(), "This form is too old");
        let fields = [("group", "plain"), ("form_token", token)];
        ada.post(&pasee, "/leave", &fields).await.is(403);
    }
    for site in ["cross-site", "same-site"] {
        for (path, body) in [
            ("/invitation", format!("seal={seal}&form_token={token}")),
            ("/leave", format!("group=plain&form_token={token}")),
        ] {
            let ask = pasee.ask("POST", path).typed(FORM, body).header("sec-fetch-site", site);
            ada.send(ask).await.is(403);
        }
    }
    for more in [format!("&form_token={token}"), "&answer=yes".to_owned()] {
        ada.read(&pasee, &format!("{path}{more}"), 200).await;
    }
    let policy = asked.answer.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
    assert_eq!((ids(&pasee, "articles").await, ids(&pasee, "plain").await.len()), (vec![], 1));
    // Without a session nothing is done: the page to log in on comes, and then the question.
    let fields = [("seal", seal.as_str()), ("form_token", token.as_str())];
    let page = Read::of(Visitor::default().post(&pasee, "/invitation", &fields).await.is(200));
    assert_eq!(page.heading(), "Log in");
    Visitor::default().post(&pasee, "/leave", &fields).await.is(403);
}

/// Whoever made it is judged when it is taken up: what they have lost since, they give nobody.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_made_it_is_judged_again() {
    let gone = "This invitation does not count any more";
    let patch = |body: Value| ("PATCH", "/users/local-john", body);
    for (method, place, body) in [
        ("DELETE", "/groups/articles.staff/local-john/", json!({})),
        ("DELETE", "/users/local-john", json!({})),
        patch(json!({ "is_banned": true })),
        patch(json!({ "not_before": "now" })),
    ] {
        let (pasee, _provider) = house().await;
        let root = token(&pasee, "root").await;
        let (mut ada, path) =
            (browser(&pasee, "ada").await, invited(&pasee, "john", "articles").await);
        // Root staff who is no staff of the group invites, and the mark stays.
        let of_root = invited(&pasee, "root", "articles").await;
        let asked = ada.read(&pasee, &path, 200).await;
        let ask = pasee.ask(method, place).bearer(&root);
        if method == "PATCH" { ask.json(&body).await } else { ask.send().await }.is(204);
        let late = Read::of(ada.press(&pasee, &asked, "name=\"seal\"").await);
        let status = late.answer.status.as_u16();
        assert!([403, 410].contains(&status), "{place}: {:?}", late.answer);
        let again = ada.get(&pasee, &path).await;
        assert_eq!(
            Read::of(again.clone()).heading(),
            if again.status == 403 { gone } else { "This invitation was taken back" }
        );
        assert_eq!(ids(&pasee, "articles").await, [""; 0], "{place}");
        // Whoever was taken off may hold one, which is why all are void then; a ban says nothing of root's.
        let status = if method == "PATCH" { 200 } else { 410 };
        ada.read(&pasee, &of_root, status).await;
    }
}

/// The staff of the parent, who could make the group anew, are no staff of it; root staff that is no more invites nobody.
#[tokio::test(flavor = "multi_thread")]
async fn root_staff_that_is_no_more() {
    let (pasee, _provider) = house().await;
    let root = token(&pasee, "root").await;
    let body = json!({ "username": "local-donald" });
    pasee.ask("POST", "/groups/staff/").bearer(&root).json(&body).await.is(201);
    let path = invited(&pasee, "donald", "articles").await;
    let mut ada = browser(&pasee, "ada").await;
    let asked = ada.read(&pasee, &path, 200).await;
    pasee.ask("DELETE", "/groups/staff/local-donald/").bearer(&root).send().await.is(204);
    ada.press(&pasee, &asked, "name=\"seal\"").await.is(403);
    refused(&pasee, &mut ada, &path, 403, "This invitation does not count any more").await;
    assert_eq!(ids(&pasee, "articles").await, [""; 0]);
}

/// What is taken back, and what was to another group of the same name.
#[tokio::test(flavor = "multi_thread")]
async fn void_invitations() {
    let (pasee, _provider) = house().await;
    let (john, root) = (token(&pasee, "john").await, token(&pasee, "root").await);
    let mut ada = browser(&pasee, "ada").await;
    let void = "This invitation was taken back";
    let (one, two) = (
        invited(&pasee, "john", "articles").await,
        invited(&pasee, "alan", "articles.staff").await,
    );
    let asked = ada.read(&pasee, &one, 200).await;
    pasee.ask("DELETE", "/groups/articles/invitations").bearer(&john).send().await.is(204);
    pasee.ask("DELETE", "/groups/articles/invitations").bearer(&john).send().await.is(204);
    ada.press(&pasee, &asked, "name=\"seal\"").await.is(410);
    for path in [&one, &two] {
        refused(&pasee, &mut ada, path, 410, void).await;
    }
    // The next ones count, also beside each other.
    let (three, four) =
        (invited(&pasee, "john", "articles").await, invited(&pasee, "john", "articles").await);
    accept(&pasee, &mut ada, &three, 200).await;
    let mut donald = browser(&pasee, "donald").await;
    donald.read(&pasee, &four, 200).await;
    // Whoever was taken off does not come back by a link that they hold.
    pasee.ask("DELETE", "/groups/articles/local-ada/").bearer(&john).send().await.is(204);
    for (browser, path) in [(&mut ada, &three), (&mut donald, &four)] {
        refused(&pasee, browser, path, 410, void).await;
    }
    // Whoever left by themselves may.
    let five = invited(&pasee, "john", "articles").await;
    accept(&pasee, &mut ada, &five, 200).await;
    let own = token(&pasee, "ada").await;
    pasee.ask("DELETE", "/groups/articles/local-ada/").bearer(&own).send().await.is(204);
    accept(&pasee, &mut ada, &five, 200).await;
    // An end is something that an invitation would take away.
    let six = invited(&pasee, "john", "articles").await;
    let end = json!({ "expires_at": "2099-01-01T00:00:00Z" });
    pasee.ask("PATCH", "/groups/articles/local-ada/").bearer(&john).json(&end).await.is(204);
    refused(&pasee, &mut donald, &six, 410, void).await;
    // A group that is made again is another one, with the same staff and all.
    let seven = invited(&pasee, "john", "articles").await;
    donald.read(&pasee, &seven, 200).await;
    pasee.ask("DELETE", "/groups/articles/").bearer(&root).send().await.is(204);
    let asked = donald.get(&pasee, &seven).await;
    assert!([403, 410].contains(&asked.status.as_u16()), "{asked:?}");
    let body = json!({ "group": "articles" });
    pasee.ask("POST", "/groups/").bearer(&root).json(&body).await.is(201);
    let body = json!({ "username": "local-john" });
    pasee.ask("POST", "/groups/articles.staff/").bearer(&root).json(&body).await.is(201);
    refused(&pasee, &mut donald, &seven, 410, void).await;
    invited(&pasee, "john", "articles").await;
    refused(&pasee, &mut donald, &seven, 410, void).await;
    assert_eq!(ids(&pasee, "articles").await, [""; 0]);
}

/// Staff until Friday stay so, whatever link they hold: their own, or a colleague's.
#[tokio::test(flavor = "multi_thread")]
async fn own_time_is_not_prolonged() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let setup = Setup::default().until("articles.staff", "local-john", now() + 86_400);
    let setup = setup.members("articles.staff", ["local-alan"]);
    let pasee = setup.tables(&provider.settings("p", "")).start().await;
    let mut john = browser(&pasee, "john").await;
    for maker in ["john", "alan"] {
        let path = invited(&pasee, maker, "articles.staff").await;
        refused(&pasee, &mut john, &path, 409, "You are in the group already").await;
        let token = john.read(&pasee, "/", 200).await.field("form_token");
        let seal = path.strip_prefix("/invitation?seal=").unwrap();
        let answer =
            john.post(&pasee, "/invitation", &[("seal", seal), ("form_token", &token)]).await;
        assert!([403, 409].contains(&answer.status.as_u16()), "{answer:?}");
    }
    let there = members(&pasee, "articles.staff").await;
    assert!(
        there.iter().any(|one| one["username"] == "local-john" && one["expires_at"].is_string())
    );
    // Nor by leaving first: out before their end, they come back by no link that was made until then.
    let path = invited(&pasee, "alan", "articles.staff").await;
    let token = john.read(&pasee, "/", 200).await.field("form_token");
    let fields = [("group", "articles.staff"), ("form_token", token.as_str())];
    john.post(&pasee, "/leave", &fields).await.is(200);
    refused(&pasee, &mut john, &path, 410, "This invitation was taken back").await;
    let there = members(&pasee, "articles.staff").await;
    assert!(there.iter().all(|one| one["username"] != "local-john"), "{there:?}");
}

/// Whoever is shut out comes in by no invitation, and is told so.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_banned_is_not_invited() {
    let (pasee, _provider) = house().await;
    let root = token(&pasee, "root").await;
    let path = invited(&pasee, "john", "articles").await;
    let mut ada = browser(&pasee, "ada").await;
    let asked = ada.read(&pasee, &path, 200).await;
    let ban = json!({ "is_banned": true });
    pasee.ask("PATCH", "/users/local-ada").bearer(&root).json(&ban).await.is(204);
    let page = Read::of(ada.press(&pasee, &asked, "name=\"seal\"").await.is(200));
    assert_eq!(page.heading(), "Log in", "their session is over");
    let told = Read::of(ada.give(&pasee, &page, "ada", "pw-ada").await.is(403));
    assert!(told.says("You may not use this Pasee"), "{}", told.text);
    assert_eq!(ids(&pasee, "articles").await, [""; 0]);
}

/// A hundred at once: each person comes in once, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once() {
    let (pasee, _provider) = house().await;
    let path = invited(&pasee, "john", "articles").await;
    let mut ada = browser(&pasee, "ada").await;
    let asked = ada.read(&pasee, &path, 200).await;
    let (seal, token) = (asked.field("seal"), asked.field("form_token"));
    let presses = (0..100).map(|_| {
        let (mut ada, seal, token, pasee) = (ada.clone(), seal.clone(), token.clone(), &pasee);
        async move {
            let fields = [("seal", seal.as_str()), ("form_token", token.as_str())];
            ada.post(pasee, "/invitation", &fields).await.status
        }
    });
    let statuses = futures::future::join_all(presses).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(200), 1, "{statuses:?}");
    // All others are told that they are there, or that it is too much.
    assert_eq!(count(200) + count(409) + count(429), 100, "{statuses:?}");
    assert_eq!(ids(&pasee, "articles").await, ["local-ada"]);
}

/// Out of a group on a page; who is the last of the root staff stays.
#[tokio::test(flavor = "multi_thread")]
async fn out_of_a_group() {
    let (pasee, _provider) = house().await;
    let mut ada = browser(&pasee, "ada").await;
    let home = ada.read(&pasee, "/", 200).await;
    let asked = ada.read(&pasee, &home.link("/leave?group=plain"), 200).await;
    assert_eq!(asked.heading(), "Do you want to leave plain?");
    assert_eq!(ids(&pasee, "plain").await.len(), 1, "nobody leaves by looking");
    let left = Read::of(ada.press(&pasee, &asked, "form_token").await.is(200));
    assert_eq!(left.heading(), "You have left the group");
    assert_eq!(ids(&pasee, "plain").await, [""; 0]);
    assert!(!ada.read(&pasee, "/", 200).await.says("<code>plain</code>"));
    for (group, status) in [("plain", 404), ("articles", 404), ("nowhere", 404), ("No", 400)] {
        ada.read(&pasee, &format!("/leave?group={group}"), status).await;
    }
    ada.read(&pasee, "/leave", 400).await;
    assert_eq!(
        Visitor::default().read(&pasee, "/leave?group=plain", 200).await.heading(),
        "Log in"
    );
    let mut john = browser(&pasee, "john").await;
    let asked = john.read(&pasee, "/leave?group=articles.staff", 200).await;
    john.press(&pasee, &asked, "form_token").await.is(200);
    let mut root = browser(&pasee, "root").await;
    let asked = root.read(&pasee, "/leave?group=staff", 200).await;
    let stays = Read::of(root.press(&pasee, &asked, "form_token").await.is(409));
    assert_eq!(stays.heading(), "You are the last one");
    assert_eq!(ids(&pasee, "staff").await, ["local-root"]);
}
