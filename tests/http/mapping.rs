//! What the settings make of what a provider says, at the login and at each refresh, through the real program.

use serde_json::{Value, json};

use crate::support::forge::part;
use crate::support::pasee::{Pasee, Setup};

/// Ada says `email`, `verified`, `level` and `tags` in the provider `mapped`, which judges by `mapping`.
fn setup(mapping: &str) -> Setup {
    Setup::default()
        .members("articles", ["local-alan"])
        .members("comments", ["local-alan"])
        .tables(&table(mapping))
}

fn table(mapping: &str) -> String {
    // The hash of pw-ada, made as all others here.
    let hash = Setup::hash("ada");
    format!(
        "[[identity_providers]]\nname = \"mapped\"\nprotocol = \"local\"\n# mapping begins\n{mapping}\n# mapping ends\n\
         [[identity_providers.settings.users]]\nusername = \"ada\"\npassword_hash = \"{hash}\"\n\
         claims = {{ email = \"ada@example.com\", verified = true, level = 3, tags = [\"red\", \"blue\"] }}\n"
    )
}

async fn log_in(pasee: &Pasee) -> crate::support::pasee::Answer {
    pasee
        .ask("POST", "/tokens/?idp=mapped")
        .json(&json!({ "login": "ada", "password": "pw-ada" }))
        .await
}

fn groups(access: &str) -> Value {
    part(access, 1)["groups"].clone()
}

const ADDS: &str = "group_mapping = [{ claim = \"tags\", value = \"blue\", group = \"articles\" }]";

#[tokio::test]
async fn claims_pass_by_name_and_by_another() {
    let pasee = setup(
        "claims = { mail = \"email\", level = \"level\", first = \"/tags/0\", none = \"other\" }",
    )
    .start()
    .await;
    let access = part(&log_in(&pasee).await.pair().access, 1);
    assert_eq!((&access["mail"], &access["level"]), (&json!("ada@example.com"), &json!(3)));
    assert_eq!(access["first"], "red");
    for name in ["email", "verified", "tags", "none"] {
        assert!(access.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn who_may_log_in() {
    for (mapping, status) in [
        ("required_claims = { verified = true }", 201),
        ("required_claims = { verified = \"true\" }", 403),
        ("required_claims = { level = [1, 3], tags = \"blue\" }", 201),
        ("required_claims = { level = 3, tags = \"green\" }", 403),
        ("required_claims = { absent = true }", 403),
        ("allowed_subjects = [\"ada\"]", 201),
        ("allowed_subjects = [\"Ada\", \"ad\"]", 403),
        ("allowed_subjects = []", 403),
    ] {
        let pasee = setup(mapping).start().await;
        let answer = log_in(&pasee).await;
        assert_eq!(answer.status.as_u16(), status, "{mapping}");
        if status == 403 {
            assert_eq!(answer.title(), "this user may not log in here");
        }
    }
}

#[tokio::test]
async fn groups_are_added_while_they_are_there_and_the_login_is_young() {
    let pasee = setup(&format!("{ADDS}\ngroup_mapping_lifetime = 300")).start().await;
    let pair = log_in(&pasee).await.pair();
    assert_eq!(groups(&pair.access), json!(["articles"]));
    let access = part(&pair.access, 1);
    let lasts = access["exp"].as_i64().unwrap() - access["auth_time"].as_i64().unwrap();
    assert_eq!(lasts, 300, "no longer than what gave the group");
    // It gives no say in the API, and shows nobody as a member.
    let shown =
        pasee.ask("GET", "/users/mapped-ada").bearer(&pair.access).send().await.is(200).json();
    assert_eq!(shown["groups"], json!([]));
    let root = pasee.log_in("root").await.access;
    pasee.ask("DELETE", "/groups/articles/").bearer(&root).send().await.is(204);
    let after = pasee.refresh(&pair.refresh).await.pair();
    assert_eq!(groups(&after.access), json!([]), "a group that is gone is not added");
    let absent =
        setup("group_mapping = [{ claim = \"tags\", value = \"blue\", group = \"nowhere\" }]")
            .start()
            .await;
    assert_eq!(groups(&log_in(&absent).await.pair().access), json!([]));
}

/// The settings of the day decide at each refresh.
#[tokio::test]
async fn settings_that_change_between() {
    let mut pasee = setup(ADDS).start().await;
    let pair = log_in(&pasee).await.pair();
    for (mapping, status, expected) in [
        (ADDS.replace("articles", "comments"), 201, json!(["comments"])),
        (ADDS.replace("blue", "red"), 201, json!([])),
        (String::new(), 201, json!([])),
        (ADDS.to_owned(), 201, json!(["articles"])),
        ("required_claims = { tags = \"blue\" }".into(), 201, json!([])),
        ("required_claims = { verified = true }".into(), 401, json!(null)),
        ("allowed_subjects = [\"alan\"]".into(), 401, json!(null)),
        ("enabled = false".into(), 401, json!(null)),
        (ADDS.to_owned(), 201, json!(["articles"])),
    ] {
        pasee
            .restart(|settings| {
                let (before, rest) = settings.split_once("# mapping begins\n").unwrap();
                let (_, after) = rest.split_once("# mapping ends").unwrap();
                format!("{before}# mapping begins\n{mapping}\n# mapping ends{after}")
            })
            .await;
        let answer = pasee.refresh(&pair.refresh).await;
        assert_eq!(answer.status.as_u16(), status, "{mapping}");
        if status == 201 {
            assert_eq!(groups(&answer.pair().access), expected, "{mapping}");
        } else {
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
    }
}

/// Evidence is what Pasee wrote, or the token is nothing.
#[tokio::test]
async fn evidence_in_a_refresh_token() {
    let pasee = setup(ADDS).start().await;
    let own = log_in(&pasee).await.pair();
    let kind = part(&own.refresh, 0)["typ"].as_str().unwrap().to_owned();
    assert_eq!(part(&own.refresh, 1)["evidence"], json!(["tags=\"blue\""]));
    assert!(part(&own.access, 1).get("evidence").is_none());
    let typed = |evidence: Value| {
        let mut claims = pasee.refresh_claims("mapped-ada");
        claims["evidence"] = evidence;
        pasee.forger.token(&pasee.forger.header(&kind), &claims)
    };
    let right = pasee.refresh(&typed(json!(["tags=\"blue\""]))).await.pair();
    assert_eq!(groups(&right.access), json!(["articles"]));
    for wrong in [
        json!([]),
        json!(null),
        json!("tags=\"blue\""),
        json!({"tags": "blue"}),
        json!(["tags=\"blue\"", 1]),
        json!([["tags=\"blue\""]]),
        json!([""]),
        json!(["a\nb"]),
        json!(["x".repeat(201)]),
        json!((0..33).map(|number| format!("tags=\"{number}\"")).collect::<Vec<_>>()),
    ] {
        pasee.refresh(&typed(wrong.clone())).await.is(401);
    }
    // Signed by somebody else, or moved from one token into another.
    let stranger = crate::support::forge::Forger::new(pasee::jose::key::Algorithm::Es256);
    let mut claims = pasee.refresh_claims("mapped-ada");
    claims["evidence"] = json!(["tags=\"blue\""]);
    pasee.refresh(&stranger.token(&pasee.forger.header(&kind), &claims)).await.is(401);
    let twice =
        claims.to_string().replacen("\"evidence\":", "\"evidence\":[\"a\"],\"evidence\":", 1);
    pasee.refresh(&pasee.forger.sign(pasee.forger.header(&kind).to_string(), twice)).await.is(401);
}
