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

/// How somebody proved who they are is the provider's word: it passes where the settings say so, and stays.
#[tokio::test]
async fn how_they_logged_in_passes_where_the_settings_say_so() {
    for (passes, wanted) in [
        ("claims = [\"acr\", \"amr\"]", (json!("gold"), json!(["pwd", "otp"]))),
        ("claims = { acr = \"level\", amr = \"/amr\" }", (json!(3), json!(["pwd", "otp"]))),
        ("claims = [\"email\"]", (Value::Null, Value::Null)),
    ] {
        let table = table(passes)
            .replace("level = 3", "level = 3, acr = \"gold\", amr = [\"pwd\", \"otp\"]");
        let pasee = Setup::default().tables(&table).start().await;
        let pair = log_in(&pasee).await.pair();
        let refreshed = pasee.ask("POST", "/tokens/?refresh").bearer(&pair.refresh).send().await;
        for access in [pair.access, refreshed.pair().access] {
            let claims = part(&access, 1);
            assert_eq!((claims["acr"].clone(), claims["amr"].clone()), wanted, "{passes}");
        }
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
            assert!(answer.title().starts_with("this user may not log in here"));
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
        // A rule that is changed is another rule, which did not hold at the login.
        (ADDS.replace("articles", "comments"), 201, json!([])),
        (ADDS.replace("blue", "red"), 201, json!([])),
        (String::new(), 201, json!([])),
        (ADDS.to_owned(), 201, json!(["articles"])),
        ("required_claims = { tags = \"blue\" }".into(), 401, json!(null)),
        ("required_claims = { verified = true }".into(), 401, json!(null)),
        ("allowed_subjects = [\"alan\"]".into(), 401, json!(null)),
        ("enabled = false".into(), 401, json!(null)),
        (ADDS.to_owned(), 201, json!(["articles"])),
    ] {
        pasee.restart(|settings| with_mapping(settings, &mapping)).await;
        let answer = pasee.refresh(&pair.refresh).await;
        assert_eq!(answer.status.as_u16(), status, "{mapping}");
        if status == 201 {
            assert_eq!(groups(&answer.pair().access), expected, "{mapping}");
        } else {
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
    }
}

/// What a rule asked for at the login, and whether the same rule asks for it still.
#[tokio::test]
async fn required_claims_that_change_between() {
    let required = |asked: &str| format!("required_claims = {{ {asked} }}");
    let mut pasee = setup(&required("tags = [\"blue\", \"red\"], level = 3")).start().await;
    let pair = log_in(&pasee).await.pair();
    for (asked, status) in [
        ("level = 3, tags = [\"red\", \"blue\"]", 201),
        ("level = 3", 201),
        ("level = [3, 4]", 401),
        ("tags = \"blue\"", 401),
        ("level = 3, tags = [\"red\", \"blue\"], verified = true", 401),
    ] {
        pasee.restart(|settings| with_mapping(settings, &required(asked))).await;
        assert_eq!(pasee.refresh(&pair.refresh).await.status.as_u16(), status, "{asked}");
    }
}

fn with_mapping(settings: &str, mapping: &str) -> String {
    let (before, rest) = settings.split_once("# mapping begins\n").unwrap();
    let (_, after) = rest.split_once("# mapping ends").unwrap();
    format!("{before}# mapping begins\n{mapping}\n# mapping ends{after}")
}

/// What the provider said at the login stays through refreshes, as far as the settings of the day let it pass.
#[tokio::test]
async fn claims_stay_through_refreshes() {
    let mut pasee = setup("claims = [\"email\", \"level\", \"verified\", \"tags\"]").start().await;
    let first = log_in(&pasee).await.pair();
    let second = pasee.refresh(&first.refresh).await.pair();
    let third = pasee.refresh(&second.refresh).await.pair();
    for pair in [&first, &second, &third] {
        let access = part(&pair.access, 1);
        assert_eq!((&access["email"], &access["level"]), (&json!("ada@example.com"), &json!(3)));
        assert_eq!((&access["verified"], &access["tags"]), (&json!(true), &json!(["red", "blue"])));
        assert!(pair.refresh.len() <= 2048);
        let refresh = part(&pair.refresh, 1);
        assert!(refresh.get("email").is_none() && refresh.get("groups").is_none());
    }
    pasee.restart(|settings| with_mapping(settings, "claims = [\"level\"]")).await;
    let narrowed = part(&pasee.refresh(&third.refresh).await.pair().access, 1);
    assert_eq!(narrowed["level"], 3);
    assert!(narrowed.get("email").is_none(), "it may pass no more");
}

/// More than a refresh token holds is left out at the login already: nothing is lost at the first refresh.
#[tokio::test]
async fn what_a_refresh_token_has_no_room_for() {
    let name = |number: usize| format!("g{number:03}");
    let rules: Vec<String> = (0..200)
        .map(|number| {
            let group = name(number);
            format!("{{ claim = \"tags\", value = \"blue\", group = \"{group}\" }}")
        })
        .collect();
    let claims: Vec<String> =
        (0..12).map(|number| format!("{}{number} = \"tags\"", "c".repeat(40))).collect();
    let mapping = format!(
        "claims = {{ mail = \"email\", {} }}\ngroup_mapping = [{}]",
        claims.join(", "),
        rules.join(", ")
    );
    let mut setup = setup(&mapping);
    for number in 0..200 {
        setup = setup.members(&name(number), ["local-alan"]);
    }
    let pasee = setup.start().await;
    let first = log_in(&pasee).await.pair();
    let held = groups(&first.access);
    let count = held.as_array().unwrap().len();
    println!("{count} rules, {} bytes", first.refresh.len());
    assert!((80..200).contains(&count), "{count}");
    assert_eq!(held[0], "g000");
    assert_eq!(held[count - 1], name(count - 1), "the last of the settings are left out");
    assert!(first.refresh.len() <= 2048, "{}", first.refresh.len());
    let second = pasee.refresh(&first.refresh).await.pair();
    assert_eq!(groups(&second.access), held);
    // A narrower scope is a longer text; the same is left out for it.
    let narrowed = pasee.ask("POST", "/tokens/?refresh&scope=g000").bearer(&second.refresh).send();
    let narrowed = narrowed.await.pair();
    assert_eq!(groups(&narrowed.access), json!(["g000"]));
    assert!(narrowed.refresh.len() <= 2048, "{}", narrowed.refresh.len());
    assert_eq!(groups(&pasee.refresh(&narrowed.refresh).await.pair().access), json!(["g000"]));
    let log = pasee.log();
    assert!(log.contains("more group rules hold than a refresh token has room for"), "{log}");
    assert!(log.contains("this claim is left out"), "{log}");
}

/// Evidence is what Pasee wrote, or the token is nothing.
#[tokio::test]
async fn evidence_in_a_refresh_token() {
    let pasee = setup(ADDS).start().await;
    let own = log_in(&pasee).await.pair();
    let evidence = part(&own.refresh, 1)["evidence"].as_str().unwrap().to_owned();
    assert_eq!(evidence.len(), 11, "8 bytes");
    assert!(part(&own.access, 1).get("evidence").is_none());
    let typed = |evidence: Value| {
        let mut claims = pasee.refresh_claims("mapped-ada");
        claims["evidence"] = evidence;
        pasee.forger.issue("rt+jwt", &claims)
    };
    let right = pasee.refresh(&typed(json!(evidence))).await.pair();
    assert_eq!(groups(&right.access), json!(["articles"]));
    let doubled = "AAAAAAAAAAEAAAAAAAAAAQ";
    for wrong in [
        json!(""),
        json!(null),
        json!([]),
        json!([evidence]),
        json!({ "tags": "blue" }),
        json!("tags=\"blue\""),
        json!(&evidence[..10]),
        json!(format!("{evidence}A")),
        json!(format!("{evidence}=")),
        json!(doubled),
    ] {
        pasee.refresh(&typed(wrong.clone())).await.is(401);
    }
    // Signed by somebody else, or moved from one token into another.
    let stranger = crate::support::forge::Forger::new(pasee::jose::key::Algorithm::Es256);
    let mut claims = pasee.refresh_claims("mapped-ada");
    claims["evidence"] = json!(evidence);
    let header = pasee.forger.refresh_header().to_string();
    pasee.refresh(&stranger.mac(&header, claims.to_string())).await.is(401);
    let twice = claims.to_string().replacen("\"evidence\":", "\"evidence\":\"\",\"evidence\":", 1);
    pasee.refresh(&pasee.forger.mac(&header, twice)).await.is(401);
}
