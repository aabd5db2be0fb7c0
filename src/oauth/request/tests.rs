//! Each parameter's rule.

use super::*;
use crate::domain::client::{ClientMetadata, Pkce, SecretHash};

const CHALLENGE: &str =
    "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn metadata() -> ClientMetadata {
    let mut metadata = ClientMetadata::new("app".parse().unwrap());
    metadata.redirect_uris = vec!["https://app.example.com/back".parse().unwrap()];
    metadata.audiences = vec!["https://api.example.com".parse().unwrap()];
    metadata
}

fn public() -> Client {
    Client::new(metadata()).unwrap()
}

fn confidential(pkce: Pkce) -> Client {
    let hash = SecretHash::of("secret");
    Client::new(ClientMetadata { secret_hashes: vec![hash], pkce, ..metadata() }).unwrap()
}

fn read_by(client: &Client, query: &str) -> Result<AuthorizationRequest, (ErrorCode, String)> {
    let read = AuthorizationRequest::read(&Params::parse(query).unwrap(), client);
    read.map_err(|error| (error.code(), error.description().to_owned()))
}

/// With a challenge, and whatever is put behind it.
fn read(more: &str) -> Result<AuthorizationRequest, ErrorCode> {
    let query = format!("response_type=code&{CHALLENGE}&scope=openid&{more}");
    read_by(&public(), &query).map_err(|(code, _)| code)
}

#[test]
fn what_is_asked_for() {
    use ErrorCode::{
        InvalidRequest, RequestNotSupported, RequestUriNotSupported, UnsupportedResponseType,
    };
    for (query, code) in [
        ("", InvalidRequest),
        ("response_type=", InvalidRequest),
        ("response_type=token", UnsupportedResponseType),
        ("response_type=id_token", UnsupportedResponseType),
        ("response_type=code+id_token", UnsupportedResponseType),
        ("response_type=Code", UnsupportedResponseType),
        ("response_type=code&response_mode=fragment", InvalidRequest),
        ("response_type=code&response_mode=query.jwt", InvalidRequest),
        ("response_type=code&request=x", RequestNotSupported),
        ("response_type=code&request_uri=https://app.example.com/r", RequestUriNotSupported),
        ("response_type=code&scope=openid&scope=openid", InvalidRequest),
        ("response_type=code&unknown=1&unknown=2", InvalidRequest),
    ] {
        let query = format!("{query}&{CHALLENGE}");
        assert_eq!(read_by(&public(), &query).unwrap_err().0, code, "{query}");
    }
    assert!(read("display=page&ui_locales=fr&extra=foobar&acr_values=1+2").is_ok());
    assert!(read("response_mode=query").is_ok() && read("response_mode=form_post").is_ok());
}

#[test]
fn who_has_to_prove_a_code() {
    let (optional, required) = (confidential(Pkce::Optional), confidential(Pkce::Required));
    for (client, more, missing) in [
        (&public(), "scope=openid&nonce=x", Some("a client without a secret uses PKCE")),
        (&public(), "scope=email", Some("a client without a secret uses PKCE")),
        (&required, "scope=openid&nonce=x", Some("pkce = 'required'")),
        (&optional, "scope=openid", Some("neither a code_challenge (S256) nor a nonce")),
        (&optional, "scope=openid&nonce=x", None),
        (&optional, "scope=email", None),
    ] {
        let query = format!("response_type=code&{more}");
        let refused = read_by(client, &query).err();
        assert_eq!(refused.is_some(), missing.is_some(), "{query} {refused:?}");
        if let (Some((code, description)), Some(missing)) = (refused, missing) {
            assert_eq!(code, ErrorCode::InvalidRequest);
            assert!(description.contains(missing), "{description}");
        }
        assert!(read_by(client, &format!("{query}&{CHALLENGE}")).is_ok(), "{query}");
        let plain = format!("{query}&code_challenge=x&code_challenge_method=plain");
        assert!(read_by(client, &plain).is_err(), "{plain}");
    }
}

#[test]
fn texts_are_bounded() {
    for (name, most) in [("state", 512), ("nonce", 512), ("login_hint", 255), ("idp_hint", 255)] {
        assert!(read(&format!("{name}={}", "x".repeat(most))).is_ok(), "{name}");
        let long = read(&format!("{name}={}", "x".repeat(most + 1)));
        assert_eq!(long, Err(ErrorCode::InvalidRequest), "{name}");
    }
    assert_eq!(read("nonce=a%0Ab"), Err(ErrorCode::InvalidRequest));
    assert_eq!(read("nonce=%20a").unwrap().nonce.as_deref(), Some(" a"));
}

#[test]
fn resources() {
    let resource =
        |query: &str| read(query).map(|request| request.resource.map(|it| it.as_str().to_owned()));
    assert_eq!(resource(""), Ok(None));
    assert_eq!(
        resource("resource=https://api.example.com"),
        Ok(Some("https://api.example.com".into()))
    );
    assert_eq!(resource("resource=app"), Ok(Some("app".into())));
    for wrong in [
        "resource=https://api.example.com/",
        "resource=https://other.example.com",
        "resource=https://api.example.com&resource=https://api.example.com",
        "resource=https://api.example.com&resource=app",
    ] {
        assert_eq!(resource(wrong), Err(ErrorCode::InvalidTarget), "{wrong}");
    }
}

#[test]
fn what_the_person_is_asked() {
    let prompt = |text: &str| read(&format!("prompt={text}")).map(|request| request.prompt);
    let fresh = |freshness| Prompt { freshness, ..Prompt::default() };
    let (nothing, login) = (Prompt::default(), fresh(Freshness::Now));
    assert_eq!(prompt(""), Ok(nothing));
    assert_eq!(prompt("login"), Ok(login));
    assert_eq!(prompt("select_account"), Ok(fresh(Freshness::Chosen)));
    for both in ["select_account+login", "login+select_account"] {
        assert_eq!(prompt(both), Ok(login));
    }
    assert_eq!(prompt("consent+login"), Ok(Prompt { consent: true, ..login }));
    assert_eq!(prompt("none"), Ok(Prompt { none: true, ..nothing }));
    for wrong in ["none+login", "login+none", "create", "None"] {
        assert_eq!(prompt(wrong), Err(ErrorCode::InvalidRequest), "{wrong}");
    }
    let age = |text: &str| read(&format!("max_age={text}")).map(|request| request.max_age);
    assert_eq!((age(""), age("0")), (Ok(None), Ok(Some(Duration::ZERO))));
    assert_eq!(age("86400"), Ok(Some(Duration::from_secs(86400))));
    for wrong in ["-1", "1.5", "%2B1", "x", "99999999999999999999999"] {
        assert_eq!(age(wrong), Err(ErrorCode::InvalidRequest), "{wrong}");
    }
}

#[test]
fn how_far_it_reaches() {
    let mut metadata = metadata();
    metadata.groups = "groups:articles".parse().unwrap();
    let client = Client::new(metadata).unwrap();
    let limit = |scope: &str| {
        let query = format!("response_type=code&{CHALLENGE}&scope={scope}");
        read_by(&client, &query).map(|request| request.limit.to_string()).map_err(|(code, _)| code)
    };
    assert_eq!(limit("openid"), Ok("groups:articles".into()), "the client's own");
    assert_eq!(limit("groups:articles.news+groups:other"), Ok("groups:articles.news".into()));
    assert_eq!(limit("groups:other"), Err(ErrorCode::InvalidScope));
    assert_eq!(limit("groups:"), Err(ErrorCode::InvalidScope));
}

#[test]
fn single_claims_are_told_as_their_scopes_are() {
    let scopes = |query: &str| read(query).map(|request| request.scopes.to_string());
    let claims = "claims=%7B%22id_token%22%3A%7B%22groups%22%3Anull%7D%7D";
    assert_eq!(scopes(claims), Ok("openid groups".into()));
    assert_eq!(scopes("claims=x"), Err(ErrorCode::InvalidRequest));
    let query = format!("response_type=code&{CHALLENGE}&scope=email&{claims}");
    let plain = read_by(&public(), &query).unwrap();
    assert_eq!(plain.scopes.to_string(), "email", "that is of OpenID Connect");
}

#[test]
fn a_client_without_codes_gets_none() {
    let mut metadata = metadata();
    metadata.grant_types = std::iter::once(GrantType::DeviceCode).collect();
    let client = Client::new(metadata).unwrap();
    let query = format!("response_type=code&{CHALLENGE}");
    assert_eq!(read_by(&client, &query).unwrap_err().0, ErrorCode::UnauthorizedClient);
}
