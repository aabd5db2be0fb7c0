//! Wrong values for every key of a provider that logs in by a browser.

use crate::mistakes::{assert_mistake, mistakes};

fn oauth2(provider: &str, settings: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"p\"\nprotocol = \"oauth2\"\n{provider}\n\
         [identity_providers.settings]\n{settings}\n"
    )
}

const CLIENT: &str = "client_id = \"a\"\nclient_secret = \"b\"";

#[test]
fn keys_of_oauth2() {
    for provider in [
        "host = \"github.com\"",
        "host = \"GitHub.com\"\nport = 443",
        "host = \"www.facebook.com\"",
    ] {
        assert!(mistakes(&oauth2(provider, CLIENT)).starts_with("no mistake"), "{provider}");
    }
    for (wrong, key, right) in [
        ("host = \"example.com\"", "host", "\"github\""),
        ("host = \"github.com/x\"", "host", "without scheme, port or path"),
        ("port = 8443\nhost = \"github.com\"", "port", "443"),
        ("endpoint = \"https://x.example\"", "endpoint", "authorization_url"),
        ("endpoint = \"https://a.example\"\nhost = \"github.com\"", "endpoint", "endpoint alone"),
        ("port = 443", "port", "leave it out"),
    ] {
        let first = wrong.lines().next().unwrap();
        assert_mistake(
            &oauth2(wrong, CLIENT),
            first,
            &format!("identity_providers[0].{key}"),
            right,
        );
    }
    for (wrong, key, right) in [
        ("preset = \"gitub\"", "preset", "\"github\""),
        ("preset = \"gitlab\"", "preset", "\"github\""),
        ("token_url = \"http://id.example.com/\"", "token_url", "https"),
        ("token_url = \"https://a:b@id.example.com/\"", "token_url", "without user"),
        ("authorization_url = \"https://id.example.com/#x\"", "authorization_url", "fragment"),
        ("user_info_url = \"file:///etc/passwd\"", "user_info_url", "https"),
        (
            "extra_user_info = { groups = \"https://a.example/\" }",
            "extra_user_info.groups",
            "email",
        ),
        ("extra_user_info = { a = \"http://a.example/\" }", "extra_user_info.a", "https"),
        ("scopes = [\"a b\"]", "scopes[0]", "one word"),
        ("scopes = \"a\"", "scopes", "a list"),
        ("subject = \"\"", "subject", "1 to 100 bytes"),
        ("username = 1", "username", "a text"),
        ("client_auth = \"none\"", "client_auth", "\"basic\" and \"post\""),
        ("pkce = \"no\"", "pkce", "true or false"),
        ("teams = 1", "teams", "true or false"),
        ("callback_url = \"http://pasee.example.com/tokens/?idp=p\"", "callback_url", "https"),
        (
            "callback_url = \"https://pasee.example.com/tokens/?idp=other\"",
            "callback_url",
            "?idp=p",
        ),
        ("callback_url = \"https://pasee.example.com/\"", "callback_url", "/tokens/?idp=p"),
        ("callback_url = \"https://pasee.example.com/tokens/q/\"", "callback_url", "/tokens/p/"),
        (
            "callback_url = \"https://pasee.example.com/tokens/p/?a=b\"",
            "callback_url",
            "/tokens/p/",
        ),
        ("callback = \"pth\"", "callback", "\"path\" for /tokens/p/"),
        ("callback = true", "callback", "a text"),
        ("response_mode = \"fragment\"", "response_mode", "\"form_post\""),
        ("timeout = 0", "timeout", "from 1 to 60 seconds"),
        ("ca_file = \"\"", "ca_file", "\"some/name\""),
        ("app_id = \"c\"", "app_id", "one of them"),
        ("app_secret = \"c\"", "app_secret", "one of them"),
    ] {
        let text = oauth2("host = \"github.com\"", &format!("{CLIENT}\n{wrong}"));
        assert_mistake(&text, wrong, &format!("identity_providers[0].settings.{key}"), right);
    }
    let both = "callback = \"path\"\ncallback_url = \"https://pasee.example.com/tokens/p/\"";
    let text = oauth2("host = \"x.com\"", &format!("{CLIENT}\n{both}"));
    assert_mistake(&text, "callback =", "identity_providers[0].settings.callback", "leave one");
    let text = oauth2("host = \"x.com\"", &format!("{CLIENT}\nteams = true"));
    assert_mistake(&text, "teams", "identity_providers[0].settings.teams", "GitHub");
}

#[test]
fn a_provider_without_a_preset_says_everything() {
    let all = "authorization_url = \"https://i.example/a\"\ntoken_url = \"https://i.example/t\"\n\
               user_info_url = \"https://i.example/u\"\nsubject = \"/data/id\"";
    let right = format!("{CLIENT}\n{all}");
    assert!(mistakes(&oauth2("", &right)).starts_with("no mistake"));
    for (line, text) in [
        ("authorization_url", "\"https://id.example.com/authorize\""),
        ("token_url", "\"https://id.example.com/token\""),
        ("user_info_url", "\"https://id.example.com/userinfo\""),
        ("subject", "\"sub\""),
        ("client_id", "what the provider calls this client"),
        ("client_secret", "client_secret_file"),
    ] {
        let kept: Vec<&str> = right.lines().filter(|kept| !kept.starts_with(line)).collect();
        let key = format!("identity_providers[0].settings.{line}");
        assert_mistake(&oauth2("", &kept.join("\n")), "[identity_providers.settings]", &key, text);
    }
}

#[test]
fn keys_of_oauth1() {
    let oauth1 = |provider: &str, settings: &str| {
        oauth2(provider, settings).replace("\"oauth2\"", "\"oauth1\"")
    };
    let client = "consumer_key = \"a\"\nconsumer_secret = \"b\"";
    assert!(
        mistakes(&oauth1("host = \"twitter.com\"\nport = 443", client)).starts_with("no mistake")
    );
    for (wrong, key, right) in [
        ("host = \"example.com\"", "host", "request_token_url"),
        ("port = 80", "port", "443"),
        ("endpoint = \"https://x\"", "endpoint", "request_token_url"),
    ] {
        assert_mistake(
            &oauth1(wrong, client),
            wrong,
            &format!("identity_providers[0].{key}"),
            right,
        );
    }
    for (wrong, key, right) in [
        ("request_token_url = \"http://a.example/\"", "request_token_url", "https"),
        ("authorize_url = 1", "authorize_url", "a text"),
        ("access_token_url = \"x\"", "access_token_url", "https"),
        ("callback_url = \"https://a.example/tokens/\"", "callback_url", "?idp=p"),
    ] {
        let text = oauth1("", &format!("{client}\n{wrong}"));
        assert_mistake(&text, wrong, &format!("identity_providers[0].settings.{key}"), right);
    }
}

/// Every snippet of the pages on identity providers is right as it stands.
#[test]
fn snippets_of_the_documentation() {
    let page = crate::documented::PAGE;
    let snippets: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(snippets.len() >= 9, "{}", snippets.len());
    for snippet in snippets {
        // What it leaves to a file is not there in a test.
        let dir = tempfile::tempdir().unwrap();
        for file in
            snippet.lines().filter_map(|line| line.split_once("_file = \"")?.1.split('"').next())
        {
            let key = include_str!("../fixtures/keys/p256-sec1.pem");
            let content = if file.ends_with(".p8") { key } else { "secret\n" };
            std::fs::write(dir.path().join(file), content).unwrap();
        }
        let text = format!("{snippet}\n[jwt]\niss = \"pasee.example.com\"\n");
        let parsed = pasee::settings::parse(&dir.path().join("settings.toml"), &text);
        assert!(parsed.is_ok(), "{snippet}\n{}", parsed.unwrap_err());
    }
}

/// Who controls one provider could have the code of another brought to it, where both have one place to come back to.
#[test]
fn a_place_to_come_back_to_is_of_one_provider() {
    let openid = |name: &str, more: &str| {
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"oidc\"\n[identity_providers.settings]\n\
             issuer = \"https://{name}.example.com\"\nclient_id = \"x\"\n{more}\n"
        )
    };
    let at = |place: &str| format!("callback_url = \"https://pasee.example.com{place}\"");
    let both = |one: &str, two: &str| openid("a", &at(one)) + &openid("b", &at(two));
    for fine in [
        both("/from/a", "/from/b"),
        both("/tokens/a/", "/tokens/?idp=b"),
        both("/from", "/from").replace("name = \"b\"", "name = \"b\"\nenabled = false"),
    ] {
        assert!(mistakes(&fine).starts_with("no mistake"), "{fine}\n{}", mistakes(&fine));
    }
    let second = "identity_providers[1].settings.callback_url";
    let shared = mistakes(&both("/from", "/from"));
    assert!(shared.contains(second) && shared.contains("the answers of a come back"), "{shared}");
    assert_eq!(shared.lines().count(), 1, "{shared}");
    for place in ["/tokens/?idp=a", "/tokens/a/", "/tokens/a", "/below/tokens/a/"] {
        let plain = openid("a", "") + &openid("b", &at(place));
        let told = mistakes(&plain);
        assert!(told.contains(second) && told.contains("/tokens/b/"), "{place}: {told}");
        let turned = openid("b", &at(place)) + &openid("a", "");
        let told = mistakes(&turned);
        assert!(told.contains("identity_providers[0].settings.callback_url"), "{place}: {told}");
    }
}
