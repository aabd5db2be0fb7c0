//! Groups from the command line: who is in them, and how that changes.

use serde_json::{Value, json};

use super::support::pasee::{Pasee, Setup, now};
use super::support::person::Person;

fn logged_in(pasee: &Pasee, name: &str) -> Person {
    let person = Person::of(&pasee.url);
    person.log_in(name);
    person
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_run_a_group() {
    let setup = Setup::default().members("articles.staff", ["local-john"]);
    let pasee = setup.members("articles.drafts", ["local-ada"]).start().await;
    let [john, ada] = ["john", "ada"].map(|name| logged_in(&pasee, name));

    assert_eq!(lines(&ada.run(&["groups"]).done()), ["articles.drafts"]);
    assert_eq!(lines(&john.run(&["groups"]).done()), ["articles.staff"]);
    john.run(&["add", "local-alan", "articles"]).done();
    john.run(&["add", "local-ada", "articles", "--staff"]).done();
    john.run(&["add", "local-donald", "articles", "--until", "7d"]).done();
    let members = lines(&ada.run(&["members", "articles"]).done());
    assert_eq!(members[0], "local-alan");
    assert!(members[1].starts_with("local-donald until 20"), "{members:?}");
    assert_eq!(members.len(), 2);
    let staff = ["local-ada", "local-john"];
    assert_eq!(lines(&ada.run(&["members", "articles", "--staff"]).done()), staff);
    assert_eq!(lines(&ada.run(&["members", "articles.staff"]).done()), staff);

    // Who is in it already stays so, with another end.
    let there = john.run(&["add", "local-donald", "articles"]).refused(1);
    assert!(there.contains("already"), "{there}");
    john.run(&["add", "local-donald", "articles", "--until", "2099-01-31T18:00:00Z"]).done();
    let members: Value =
        serde_json::from_str(&john.run(&["members", "articles", "--output", "json"]).done())
            .unwrap();
    assert_eq!(
        members,
        json!([
            { "username": "local-alan", "name": null, "expires_at": null },
            { "username": "local-donald", "name": null, "expires_at": "2099-01-31T18:00:00Z" },
        ])
    );

    ada.run(&["remove", "local-alan", "articles"]).done();
    ada.run(&["leave", "articles.staff"]).done();
    let gone = ada.run(&["leave", "articles", "--staff"]).refused(1);
    assert!(gone.contains("says:"), "{gone}");
    let refused = ada.run(&["members", "articles"]).refused(1);
    assert!(refused.contains("this takes the staff of the group, or root staff"), "{refused}");
    assert_eq!(pasee.groups("ada").await, json!(["articles.drafts"]));
    assert_eq!(pasee.groups("alan").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_so() {
    let pasee = Setup::default().members("articles.staff", ["local-john"]).start().await;
    let john = logged_in(&pasee, "john");
    for (arguments, code, says) in [
        (
            &["add", "local-nobody-knows", "other"][..],
            1,
            "this takes the staff of the group, or root staff",
        ),
        (&["remove", "local-ada", "articles"], 1, "says:"),
        (&["add", "ada", "articles"], 2, "kisee-"),
        (&["add", "local-ada", "Articles"], 2, "GROUP"),
        (&["add", "local-ada", "articles.staff", "--staff"], 1, "leave --staff out"),
        (&["add", "local-ada", "articles", "--until", "Friday"], 2, "7d"),
        (
            &["add", "local-ada", "articles", "--until", "2001-01-01T00:00:00Z"],
            1,
            "is not to come any more",
        ),
        (&["add", "elsewhere-ada", "articles"], 1, "says:"),
        (&["groups", "--user", "local-ada"], 1, "says:"),
        (&["members"], 2, "GROUP"),
        (&["whoami", "--issuer", "pasee.example.com"], 2, "https://pasee.example.com"),
        (&["whoami", "--issuer", "http://pasee.example.com"], 2, "https://pasee.example.com"),
    ] {
        let told = john.run(arguments).refused(code);
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
}

/// Twenty on a page: all of them are listed, each once.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed() {
    let mut setup = Setup::default();
    for number in 0..53 {
        setup = setup.members(&format!("many.g{number:02}"), ["local-ada"]);
    }
    let members: Vec<String> = (0..1203).map(|number| format!("local-u{number:04}")).collect();
    let pasee = setup.members("crowd", members.clone()).start().await;
    let (ada, root) = (logged_in(&pasee, "ada"), logged_in(&pasee, "root"));
    let expected: Vec<String> = (0..53).map(|number| format!("many.g{number:02}")).collect();
    assert_eq!(lines(&ada.run(&["groups"]).done()), expected);
    assert_eq!(lines(&root.run(&["groups", "--user", "local-ada"]).done()), expected);
    let me: Value = serde_json::from_str(&ada.run(&["whoami", "--output", "json"]).done()).unwrap();
    assert_eq!(me["groups"].as_array().unwrap().len(), 53);
    assert_eq!(lines(&root.run(&["members", "crowd"]).done()), members);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_i_am() {
    let end = now() + 86_400;
    let pasee = Setup::default().until("articles", "local-ada", end).start().await;
    let ada = logged_in(&pasee, "ada");
    let told = lines(&ada.run(&["whoami"]).done());
    assert_eq!(told[0], "user local-ada");
    assert_eq!(told[1], format!("issuer {}", pasee.url));
    assert!(told.iter().any(|line| line.starts_with("group articles until 20")), "{told:?}");
    let me: Value = serde_json::from_str(&ada.run(&["whoami", "-o", "json"]).done()).unwrap();
    assert_eq!((&me["username"], &me["issuer"]), (&json!("local-ada"), &json!(pasee.url)));
    assert_eq!(me["session"]["idp"], "local");
}
