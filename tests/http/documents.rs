//! The shape of documents: what a Core API client needs to follow links.

use serde_json::{Value, json};

use crate::support::pasee::{Pasee, Setup};

async fn get(pasee: &Pasee, path: &str, token: &str) -> Value {
    pasee.ask("GET", path).bearer(token).send().await.is(200).json()
}

/// The names of a link's fields, `*` behind those that are required.
fn fields(link: &Value) -> Vec<String> {
    let fields = link["fields"].as_array().unwrap();
    let name = |field: &Value| {
        let star = if field["required"].as_bool().unwrap() { "*" } else { "" };
        let location = field["location"].as_str().unwrap();
        format!("{}{star} {location}", field["name"].as_str().unwrap())
    };
    fields.iter().map(name).collect()
}

/// Checks every document and link in a tree.
fn check(tree: &Value, host: &str) {
    match tree {
        Value::Object(map) => {
            let text = |value: &Value| !value.as_str().unwrap_or_default().is_empty();
            match map.get("_type").and_then(Value::as_str) {
                Some("document") => {
                    let meta = &map["_meta"];
                    assert!(meta["url"].as_str().unwrap().starts_with(host), "{tree}");
                    assert!(text(&meta["title"]), "{tree}");
                }
                Some("link") => {
                    assert!(map["url"].as_str().unwrap().starts_with(host), "{tree}");
                    assert!(text(&map["title"]) && text(&map["description"]), "{tree}");
                    let action = map["action"].as_str().unwrap();
                    assert!(["get", "post", "patch", "delete"].contains(&action), "{tree}");
                    for field in map["fields"].as_array().unwrap() {
                        assert_eq!(field.as_object().unwrap().len(), 3, "{tree}");
                    }
                    return;
                }
                Some(other) => panic!("{other}"),
                None => {}
            }
            map.iter()
                .filter(|(name, _)| *name != "_meta")
                .for_each(|(_, value)| check(value, host));
        }
        Value::Array(items) => items.iter().for_each(|item| check(item, host)),
        _ => {}
    }
}

#[tokio::test]
async fn every_document_and_its_links() {
    let pasee = Setup::default()
        .tables("[[identity_providers]]\nname = \"other\"\nprotocol = \"local\"\ntitle = \"Other\"\n\
                 description = \"Others.\"\ninput_fields = [{ name = \"code\", required = false }]\n\
                 [identity_providers.settings]\nusers = []\n")
        .members("g", ["local-ada"])
        .start()
        .await;
    let url = &pasee.url;
    let root = pasee.log_in("root").await.access;
    let paths =
        ["/tokens/", "/users/", "/users/local-ada", "/groups/", "/groups/g/", "/groups/g.staff/"];
    for path in paths {
        let document = get(&pasee, path, &root).await;
        assert_eq!(document["_type"], "document", "{path}");
        assert_eq!(document["_meta"]["url"], format!("{url}{path}"));
        check(&document, url);
    }
    let tokens = get(&pasee, "/tokens/", &root).await;
    let login = &tokens["identify_via_local"];
    assert_eq!(login["url"], format!("{url}/tokens/?idp=local"));
    assert_eq!(login["action"], "post");
    assert_eq!(fields(login), ["login* form", "password* form", "scope query"]);
    let other = &tokens["identify_via_other"];
    assert_eq!((&other["title"], &other["description"]), (&json!("Other"), &json!("Others.")));
    assert_eq!(fields(other), ["code form", "login* form", "password* form", "scope query"]);
    assert_eq!(tokens["refresh"]["url"], format!("{url}/tokens/?refresh"));
    assert_eq!(fields(&tokens["refresh"]), ["scope query"]);

    let groups = get(&pasee, "/groups/", &root).await;
    assert_eq!(fields(&groups["create_group"]), ["group* form", "description form", "adopt form"]);
    assert_eq!(groups["create_group"]["action"], "post");
    assert_eq!(fields(&groups["get_groups_of_user"]), ["user* query"]);
    assert_eq!(fields(&groups["delete_group"]), ["group* path"]);
    assert_eq!(groups["delete_group"]["url"], format!("{url}/groups/{{group}}/"));
    assert_eq!(groups["groups"][1]["group"], "g");
    assert_eq!(groups["groups"][1]["_meta"]["url"], format!("{url}/groups/g/"));

    let group = get(&pasee, "/groups/g/", &root).await;
    assert_eq!(group["members"][0]["username"], "local-ada");
    assert_eq!(group["members"][0]["_meta"]["url"], format!("{url}/users/local-ada"));
    assert_eq!(fields(&group["add_member"]), ["username* form", "expires_at form"]);
    assert_eq!(fields(&group["members"][0]["patch"]), ["expires_at* form"]);
    assert_eq!(group["add_member"]["url"], format!("{url}/groups/g/"));
    assert_eq!(group["members"][0]["delete"]["url"], format!("{url}/groups/g/local-ada/"));
    assert_eq!(group["delete"]["url"], format!("{url}/groups/g/"));
    let staff = get(&pasee, "/groups/g.staff/", &root).await;
    assert!(staff.get("delete").is_none(), "the staff of a group is no group of its own");

    let user = get(&pasee, "/users/local-ada", &root).await;
    assert_eq!((&user["username"], &user["is_banned"]), (&json!("local-ada"), &json!(false)));
    assert_eq!(user["groups"][0]["group"], "g");
    assert_eq!(user["patch"]["action"], "patch");
    assert_eq!(user["delete"]["url"], format!("{url}/users/local-ada"));
    let ada = pasee.log_in("ada").await;
    let herself = get(&pasee, "/users/me", &ada.access).await;
    assert_eq!(herself["username"], "local-ada");
    assert!(herself.get("delete").is_none(), "who may not is not offered it");
    let login = pasee.ask("POST", "/tokens/?idp=local");
    let login = login.json(&json!({"login": "ada", "password": "pw-ada"})).await.is(201).json();
    check(&login, url);
    assert_eq!(login["refresh"]["url"], format!("{url}/tokens/?refresh"));
    assert_eq!(login["get_user"]["url"], format!("{url}/users/me"));
    assert_eq!(login["get_groups"]["url"], format!("{url}/groups/"));
    assert!(get(&pasee, "/users/", &root).await.get("register_user").is_none());
}

#[tokio::test]
async fn the_home_document_leads_everywhere() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let answer = pasee.ask("GET", "/").send().await.is(200);
    assert_eq!(answer.header("content-type"), "application/json-home");
    let home = answer.json();
    let resources = home["resources"].as_object().unwrap();
    let names: Vec<&str> = resources.keys().map(String::as_str).collect();
    let right = [
        "group",
        "group-member",
        "groups",
        "jwks",
        "login",
        "password-recoveries",
        "public-key",
        "tokens",
        "user",
        "users",
    ];
    assert_eq!(names, right);
    for (name, resource) in resources {
        let mut place = match resource.get("href") {
            Some(href) => href.as_str().unwrap().to_owned(),
            None => resource["hrefTemplate"].as_str().unwrap().to_owned(),
        };
        for variable in resource["hrefVars"].as_object().into_iter().flat_map(|vars| vars.keys()) {
            let value = if variable == "user" { "local-ada" } else { "g" };
            place = place.replace(&format!("{{{variable}}}"), value);
        }
        let path = place.strip_prefix(&pasee.url).unwrap();
        assert!(!path.contains('{'), "{name}");
        // What is allowed is what the resource itself says to a method that it has not.
        let answer = pasee.ask("TRACE", path).bearer(&root).send().await.is(405);
        let allowed: Vec<&str> =
            answer.header("allow").split(", ").filter(|method| *method != "HEAD").collect();
        assert_eq!(resource["hints"]["allow"], json!(allowed), "{name}");
    }
}

/// Clients of Core API begin at the same URL, with a document whose links they follow.
#[tokio::test]
async fn core_api_begins_at_the_root() {
    let pasee = Setup::default().start().await;
    for (accept, is_document) in [
        ("", false),
        ("*/*", false),
        ("application/json", false),
        ("application/json-home", false),
        ("application/json-home, application/vnd.coreapi+json;q=0.5", false),
        ("application/coreapi+json, application/vnd.coreapi+json, */*", true),
        ("application/vnd.coreapi+json", true),
    ] {
        let root = pasee.ask("GET", "/").header("accept", accept).send().await.is(200);
        let document = root.json();
        assert_eq!(document["_type"] == "document", is_document, "{accept}");
        assert_eq!(root.header("content-type") == "application/json-home", !is_document);
        if is_document {
            check(&document, &pasee.url);
            assert_eq!(document["me"]["url"], format!("{}/users/me", pasee.url));
        }
    }
}

#[tokio::test]
async fn keys_are_published() {
    let pasee = Setup::default().start().await;
    let public = pasee.forger.key.public();
    let key = pasee.ask("GET", "/public-key/").send().await.is(200);
    assert_eq!(key.header("content-type"), "application/json");
    let right =
        json!({"public_key": public.to_pem(), "algorithm": "ES256", "kid": public.id().as_str()});
    assert_eq!(key.json(), right);
    let jwks = pasee.ask("GET", "/.well-known/jwks.json").send().await.is(200);
    assert_eq!(jwks.header("cache-control"), "max-age=60");
    let keys = jwks.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(keys["keys"][0]["kid"], public.id().as_str());
    assert!(keys["keys"][0].get("d").is_none());
    let other = pasee.ask("GET", "/.well-known/jwks-es256k.json").send().await.is(200);
    assert_eq!(other.json(), json!({"keys": []}));
    assert_eq!(other.header("cache-control"), "max-age=60");
}

#[tokio::test]
async fn the_same_bytes_under_either_name() {
    let pasee = Setup::default().start().await;
    let table = [
        ("", "application/vnd.coreapi+json"),
        ("*/*", "application/vnd.coreapi+json"),
        (
            "application/coreapi+json, application/vnd.coreapi+json, */*",
            "application/vnd.coreapi+json",
        ),
        ("application/json", "application/json"),
        ("application/json, application/vnd.coreapi+json;q=0.5", "application/json"),
        ("text/plain", "application/vnd.coreapi+json"),
    ];
    let plain = pasee.ask("GET", "/tokens/").send().await.body;
    for (accept, kind) in table {
        for (path, status) in [("/tokens/", 200), ("/nowhere/", 404), ("/groups/a/", 401)] {
            let answer = pasee.ask("GET", path).header("accept", accept).send().await.is(status);
            assert_eq!(answer.header("content-type"), kind, "{accept} {path}");
            assert!(status != 200 || answer.body == plain);
        }
    }
}

#[tokio::test]
async fn urls_come_from_the_settings_alone() {
    let pasee = Setup::default().top("hostname = \"https://pasee.example.org\"").start().await;
    let root = pasee.log_in("root").await.access;
    let lines = [
        "Host: evil.example",
        "Host: pasee.example.org\r\nX-Forwarded-Host: evil.example",
        "Host: x\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /evil",
        "Host: x\r\nForwarded: host=evil.example;proto=evil",
        "Host: x\r\nX-Original-URL: /users/\r\nX-Rewrite-URL: /users/",
    ];
    for line in lines {
        for path in ["/", "/tokens/", "/groups/", "/users/local-root"] {
            let answer = pasee.raw(format!(
                "GET {path} HTTP/1.1\r\n{line}\r\nAuthorization: Bearer {root}\r\nConnection: close\r\n\r\n"
            )).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{line} {path}: {answer}");
            assert!(answer.contains("https://pasee.example.org/"), "{line} {path}: {answer}");
            assert!(!answer.contains("evil") && !answer.contains("127.0.0.1"), "{line}: {answer}");
        }
    }
    let made =
        pasee.ask("POST", "/groups/").bearer(&root).header("x-forwarded-host", "evil.example");
    let made = made.json(&json!({"group": "g"})).await.is(201);
    assert_eq!(made.header("location"), "https://pasee.example.org/groups/g/");
    // A proxy's whole URL in the first line names the path and nothing else.
    let answer = pasee.raw("GET http://evil.example/tokens/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("https://pasee.example.org/tokens/"), "{answer}");
    assert!(!answer.contains("evil"), "{answer}");
}
