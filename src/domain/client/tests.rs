//! What is a client, what is none, and which address is which.

mod mutations;

use super::*;
use crate::domain::token::Scope;

fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn refused(text: &str) -> RedirectUriError {
    text.parse::<RedirectUri>().expect_err(text)
}

/// A confidential client with one place to come back to.
fn grafana() -> ClientMetadata {
    ClientMetadata {
        secret_hashes: vec![SecretHash::of("secret")],
        redirect_uris: vec!["https://grafana.example.com/login".parse().unwrap()],
        ..ClientMetadata::new(id("grafana"))
    }
}

#[test]
fn ids_of_clients() {
    for right in
        ["a", "0", "grafana", "argo-cd", "a.b-c.d", "pasee", "client", "k8s", &"x".repeat(100)]
    {
        assert_eq!(right.parse::<ClientId>().unwrap().as_str(), right);
    }
    let long = "x".repeat(101);
    for wrong in [
        "", "A", "a_b", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "é", "a b", "a\n", "a/b",
        &long,
    ] {
        assert_eq!(wrong.parse::<ClientId>(), Err(ClientIdError::Shape), "{wrong:?}");
    }
    assert_eq!("pasee-http".parse::<ClientId>(), Err(ClientIdError::HttpApi));
    for like in ["client-a", "client-client-a", "k8s-ci"] {
        assert_eq!(like.parse::<ClientId>(), Err(ClientIdError::LikeUsers), "{like}");
    }
    assert_eq!(format!("{} {:?}", id("a"), id("a")), "a \"a\"");
}

#[test]
fn ids_that_could_be_of_users() {
    let provider = "kisee".parse().unwrap();
    for (text, is_like) in [
        ("kisee-ada", true),
        ("kisee", false),
        ("kiseee-ada", false),
        ("kisee.a", false),
        ("a-kisee-b", false),
    ] {
        assert_eq!(id(text).is_like_users_of(&provider), is_like, "{text}");
    }
}

#[test]
fn places_to_come_back_to() {
    for right in [
        "https://grafana.example.com/login/generic_oauth",
        "https://grafana.example.com",
        "https://grafana.example.com/",
        "https://grafana.example.com?a=b",
        "https://grafana.example.com:8443/a?b=c&d=%2F",
        "https://[2001:db8::1]/a",
        "https://localhost/a",
        "https://xn--bcher-kva.example/a",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:8000/callback",
        "http://[::1]/callback",
        "http://localhost",
        "http://localhost:8085/auth/callback",
        "com.example.app:/callback",
        "com.example.app://callback",
        "com.example.app:callback",
    ] {
        assert_eq!(right.parse::<RedirectUri>().map(|uri| uri.to_string()), Ok(right.to_owned()));
    }
}

#[test]
fn no_places_to_come_back_to() {
    use RedirectUriError as Error;
    for (wrong, error) in [
        ("", Error::Relative),
        ("/callback", Error::Relative),
        ("//grafana.example.com/callback", Error::Relative),
        ("grafana.example.com/callback", Error::Relative),
        ("https://", Error::Relative),
        ("com.example.app:", Error::Relative),
        ("https://grafana.example.com/#", Error::Fragment),
        ("https://grafana.example.com/a#b", Error::Fragment),
        ("https://*.example.com/a", Error::Wildcard),
        ("https://grafana.example.com/*", Error::Wildcard),
        ("https://ada@grafana.example.com/a", Error::User),
        ("https://ada:pw@grafana.example.com/a", Error::User),
        ("https://@grafana.example.com/a", Error::User),
        ("https://:@grafana.example.com/a", Error::User),
        ("http://grafana.example.com/a", Error::Http),
        ("http://127.0.0.2/a", Error::Http),
        ("http://localhost.example.com/a", Error::Http),
        ("http://0.0.0.0/a", Error::Http),
        ("http://[::]/a", Error::Http),
        ("http://[::ffff:127.0.0.1]/a", Error::Http),
        ("javascript:alert(1)", Error::Scheme),
        ("data:text/html,hi", Error::Scheme),
        ("file:///etc/passwd", Error::Scheme),
        ("ftp://example.com/a", Error::Scheme),
        ("ws://example.com/a", Error::Scheme),
        ("app:/callback", Error::Scheme),
        ("app.:/callback", Error::Scheme),
        ("urn:ietf:wg:oauth:2.0:oob", Error::Scheme),
        ("http://localhost:0/a", Error::Port),
    ] {
        assert_eq!(refused(wrong), error, "{wrong}");
    }
    assert_eq!(refused(&format!("https://a.example/{}", "x".repeat(495))), Error::TooLong);
    assert!(format!("https://a.example/{}", "x".repeat(494)).parse::<RedirectUri>().is_ok());
}

/// Whatever two readers could read as two addresses is no address here.
#[test]
fn one_spelling_for_each_place() {
    for wrong in [
        "https://Grafana.example.com/a",
        "HTTPS://grafana.example.com/a",
        "https://grafana.example.com:443/a",
        "https://grafana.example.com:/a",
        "https://grafana.example.com:08443/a",
        "https:grafana.example.com/a",
        "https:/grafana.example.com/a",
        "https:///grafana.example.com/a",
        r"https:\\grafana.example.com\a",
        r"https://grafana.example.com\a",
        "https://grafana.example.com/a/../b",
        "https://grafana.example.com/a/./b",
        "https://grafana.example.com/%2e%2e/b",
        "https://grafana.example.com/a b",
        "https://grafana.example.com/é",
        "https://bücher.example/a",
        "https://grafana.example.com/a\n",
        " https://grafana.example.com/a",
        "https://grafana.exa\tmple.com/a",
        "https://127.1/a",
        "https://0x7f.0.0.1/a",
        "http://127.1/a",
        "http://2130706433/a",
        "http://LOCALHOST/a",
        "http://127.0.0.1:80/a",
        "http://[0:0:0:0:0:0:0:1]/a",
        "COM.example.app:/a",
        "com.example.app:/é",
    ] {
        let error = refused(wrong);
        assert!(matches!(error, RedirectUriError::Spelling(_)), "{wrong}: {error}");
    }
    let told = refused("https://Grafana.example.com:443/a").to_string();
    assert!(told.ends_with("say https://grafana.example.com/a"), "{told}");
}

#[test]
fn only_the_port_varies_and_only_on_this_machine() {
    let matches =
        |registered: &str, asked: &str| registered.parse::<RedirectUri>().unwrap().matches(asked);
    for (registered, asked) in [
        ("https://a.example/b", "https://a.example/b"),
        ("https://a.example", "https://a.example"),
        ("http://127.0.0.1/b", "http://127.0.0.1:51234/b"),
        ("http://127.0.0.1:8000/b", "http://127.0.0.1/b"),
        ("http://127.0.0.1:8000/b", "http://127.0.0.1:65535/b"),
        ("http://[::1]/b?c=d", "http://[::1]:1/b?c=d"),
        ("http://localhost", "http://localhost:8000"),
        ("com.example.app:/b", "com.example.app:/b"),
    ] {
        assert!(matches(registered, asked), "{registered} {asked}");
    }
    for (registered, asked) in [
        ("https://a.example/b", "https://a.example:8443/b"),
        ("https://a.example/b", "https://a.example:443/b"),
        ("https://a.example/b", "https://A.example/b"),
        ("https://a.example/b", "https://a.example/b/"),
        ("https://a.example/b", "https://a.example/b?"),
        ("https://a.example/b", "https://a.example/b#"),
        ("https://a.example/b", "https://a.example/%62"),
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example"),
        ("https://localhost/b", "https://localhost:8443/b"),
        ("http://127.0.0.1/b", "http://localhost/b"),
        ("http://127.0.0.1/b", "http://[::1]/b"),
        ("http://127.0.0.1/b", "https://127.0.0.1/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:0/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:080/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:65536/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:+80/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1:80@evil.example/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1@evil.example/b"),
        ("http://127.0.0.1/b", "http://127.0.0.1.evil.example/b"),
        ("http://127.0.0.1/b", "http://127.0.0.10/b"),
        ("http://127.0.0.1", "http://127.0.0.1.evil.example"),
        ("http://127.0.0.1", "http://127.0.0.1:80.evil.example"),
        ("http://127.0.0.1", "http://127.0.0.1:80/"),
        ("http://127.0.0.1/b", "http://127.0.0.1:80/b/"),
        ("http://127.0.0.1/b", "http://127.0.0.1:80/c"),
        ("http://localhost/b", "http://localhost:80\\b"),
        ("com.example.app:/b", "com.example.app:80/b"),
    ] {
        assert!(!matches(registered, asked), "{registered} {asked}");
    }
}

#[test]
fn which_places_are_on_this_machine() {
    let told = |text: &str| {
        let uri: RedirectUri = text.parse().unwrap();
        (uri.is_on_loopback(), uri.is_private_use())
    };
    assert_eq!(told("http://localhost:8000/a"), (true, false));
    assert_eq!(told("https://localhost/a"), (false, false));
    assert_eq!(told("com.example.app:/a"), (false, true));
}

#[test]
fn origins() {
    for right in
        ["https://a.example", "https://a.example:8443", "http://localhost:3000", "http://[::1]"]
    {
        assert_eq!(right.parse::<Origin>().unwrap().as_str(), right);
    }
    for wrong in [
        "",
        "*",
        "null",
        "https://a.example/",
        "https://a.example:443",
        "https://A.example",
        "http://a.example",
        "https://*.example",
        "https://a.example/b",
        "https://ada@a.example",
        "com.example.app://a",
        "https://a.example ",
        "a.example",
        "ws://localhost",
    ] {
        assert_eq!(wrong.parse::<Origin>(), Err(OriginError), "{wrong}");
    }
}

/// The vector is of FIPS 180-4: what `printf %s abc | sha256sum` prints.
#[test]
fn hashes_of_secrets() {
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let hash: SecretHash = text.parse().unwrap();
    assert_eq!((hash.to_string(), hash), (text.to_owned(), SecretHash::of("abc")));
    assert!(hash.fits("abc") && !hash.fits("abd") && !hash.fits("") && !hash.fits("abc\0"));
    assert_eq!(format!("{hash:?}"), "sha256:ba78…");
    let (digits, upper) = (&text[7..], text.to_uppercase());
    for wrong in [
        "",
        "abc",
        digits,
        &text[..70],
        &format!("{text}0"),
        &upper,
        &format!("sha256:{}", digits.to_uppercase()),
        &format!("sha512:{digits}"),
        &format!("sha256:{}", "é".repeat(32)),
        &format!("sha256:+{}", &digits[1..]),
    ] {
        assert_eq!(wrong.parse::<SecretHash>(), Err(SecretHashError::Shape), "{wrong}");
    }
}

/// What `printf %s "$SECRET" | sha256sum` prints where there is no such variable.
#[test]
fn nothing_is_no_secret() {
    let nothing = SecretHash::of("").to_string();
    assert!(nothing.starts_with("sha256:e3b0c442"), "{nothing}");
    assert_eq!(nothing.parse::<SecretHash>(), Err(SecretHashError::OfNothing));
}

#[test]
fn grants_are_named_as_in_requests() {
    for grant in GrantType::ALL {
        assert_eq!(grant.to_string().parse(), Ok(grant));
    }
    for wrong in ["", "password", "implicit", "device_code", "token-exchange", "Refresh_token"] {
        assert_eq!(wrong.parse::<GrantType>(), Err(GrantTypeError), "{wrong}");
    }
}

#[test]
fn methods_of_authentication() {
    for right in ["mfa", "urn:example:x", &"x".repeat(64)] {
        assert_eq!(right.parse::<AuthenticationMethod>().unwrap().to_string(), right);
    }
    for wrong in ["", "a b", "é", "a\n", &"x".repeat(65)] {
        assert_eq!(
            wrong.parse::<AuthenticationMethod>(),
            Err(AuthenticationMethodError),
            "{wrong}"
        );
    }
}

#[test]
fn what_a_client_may() {
    let client = Client::new(ClientMetadata {
        secret_hashes: vec![SecretHash::of("new"), SecretHash::of("old")],
        post_logout_redirect_uris: vec!["https://grafana.example.com/bye".parse().unwrap()],
        allowed_origins: vec!["https://grafana.example.com".parse().unwrap()],
        audiences: vec!["https://api.example.com".parse().unwrap()],
        require_groups: vec!["a".parse().unwrap(), "b.staff".parse().unwrap()],
        require_amr: vec!["mfa".parse().unwrap(), "pwd".parse().unwrap()],
        ..grafana()
    })
    .unwrap();
    assert!(!client.is_public() && !client.requires_pkce());
    assert!(client.knows_secret("new") && client.knows_secret("old") && !client.knows_secret(""));
    assert!(client.redirect("https://grafana.example.com/login").is_some());
    assert!(client.redirect("https://grafana.example.com/bye").is_none());
    assert!(client.post_logout_redirect("https://grafana.example.com/bye").is_some());
    assert!(client.post_logout_redirect("https://grafana.example.com/login").is_none());
    assert!(client.allows_origin("https://grafana.example.com"));
    assert!(!client.allows_origin("https://grafana.example.com/") && !client.allows_origin("null"));
    assert!(client.has_audience("grafana") && client.has_audience("https://api.example.com"));
    assert!(!client.has_audience("https://api.example.com/"));
    assert!(client.allows(GrantType::RefreshToken) && !client.allows(GrantType::DeviceCode));
    let admits = |rosters: &[&str]| {
        let rosters: Vec<Roster> = rosters.iter().map(|roster| roster.parse().unwrap()).collect();
        client.admits(rosters.iter())
    };
    assert!(admits(&["x", "a"]) && admits(&["b.staff"]), "one of them is enough");
    assert!(!admits(&["a.b", "a.staff", "b", "staff"]) && !admits(&[]));
    assert!(client.is_satisfied_by(&["pwd", "otp", "mfa"]));
    assert!(!client.is_satisfied_by(&["mfa"]) && !client.is_satisfied_by::<&str>(&[]));
}

#[test]
fn what_is_said_of_nobody_holds_for_all() {
    let client = Client::new(grafana()).unwrap();
    assert!(client.admits([].iter()) && client.is_satisfied_by::<&str>(&[]) && client.enabled);
    assert_eq!((client.name.as_str(), client.groups.clone()), ("grafana", Scope::Unlimited));
    assert_eq!((client.id_token_alg, client.consent), (IdTokenAlg::Rs256, Consent::Implied));
    assert_eq!((client.dpop, client.pkce), (Dpop::Optional, Pkce::Optional));
}

#[test]
fn who_needs_a_challenge() {
    let requires = |metadata: ClientMetadata| Client::new(metadata).unwrap().requires_pkce();
    assert!(!requires(grafana()));
    assert!(requires(ClientMetadata { pkce: Pkce::Required, ..grafana() }));
    let public = ClientMetadata { secret_hashes: Vec::new(), ..grafana() };
    assert!(requires(public.clone()), "nobody else can prove that the code is theirs");
    let public = Client::new(public).unwrap();
    assert!(public.is_public() && !public.knows_secret(""), "no secret is no empty secret");
}

#[test]
fn a_persons_tools() {
    let parsed = |text: &str| text.parse::<Audience>().unwrap();
    let issuer: Issuer = "https://pasee.example.com".parse().unwrap();
    let client = Client::built_in_pasee(&issuer, &[parsed("kubernetes"), parsed(issuer.as_str())]);
    assert_eq!((client.id.as_str(), client.name.as_str()), ("pasee", "Pasee"));
    assert!(client.is_public() && client.requires_pkce() && client.enabled);
    assert_eq!(client.audiences, [parsed(issuer.as_str()), parsed("kubernetes")]);
    assert!(client.redirect("http://127.0.0.1:4711/callback").is_some());
    assert!(client.redirect("http://[::1]:4711/callback").is_some());
    assert!(client.redirect("http://localhost:4711/callback").is_none());
    assert!(
        !client.allows(GrantType::ClientCredentials) && client.allows(GrantType::TokenExchange)
    );
    assert_eq!(Client::new((*client).clone()), Ok(client), "it keeps the rules");
}

#[test]
fn what_does_not_go_together() {
    use ClientError as Error;
    let errors = |metadata: ClientMetadata| Client::new(metadata).unwrap_err();
    let public = || ClientMetadata { secret_hashes: Vec::new(), ..grafana() };
    let with = |grants: &[GrantType], metadata: ClientMetadata| ClientMetadata {
        grant_types: grants.iter().copied().collect(),
        ..metadata
    };
    let nowhere = ClientMetadata { redirect_uris: Vec::new(), ..grafana() };
    assert_eq!(errors(nowhere.clone()), [Error::NoRedirect]);
    assert!(Client::new(with(&[GrantType::DeviceCode], nowhere.clone())).is_ok());
    assert!(Client::new(with(&[], nowhere.clone())).is_ok(), "one that asks about tokens only");
    let confidential = [GrantType::ClientCredentials, GrantType::TokenExchange];
    assert_eq!(errors(with(&confidential, public())), confidential.map(Error::Public));
    assert!(Client::new(with(&confidential, grafana())).is_ok());
    let own = ClientMetadata { id: id("pasee"), ..public() };
    assert_eq!(errors(with(&confidential, own)), [Error::Public(confidential[0])]);
    for name in ["", " ", " a", "a\n", "a\u{85}b", &"x".repeat(101)] {
        assert_eq!(errors(ClientMetadata { name: name.to_owned(), ..grafana() }), [Error::Name]);
    }
    assert!(Client::new(ClientMetadata { name: "é".repeat(100), ..grafana() }).is_ok());
    let audiences =
        vec!["a".parse().unwrap(), "https://pasee.example.com#refresh".parse().unwrap()];
    assert_eq!(errors(ClientMetadata { audiences, ..grafana() }), [Error::Audience]);
    let hashes = |count| vec![SecretHash::of("x"); count];
    assert!(Client::new(ClientMetadata { secret_hashes: hashes(10), ..grafana() }).is_ok());
    let all = ClientMetadata { name: String::new(), secret_hashes: hashes(11), ..nowhere };
    let fields: Vec<&str> = errors(all).iter().map(Error::field).collect();
    assert_eq!(fields, ["name", "redirect_uris", "secret_hashes"], "all at once");
}
