//! Answers that do not belong to the login they are brought to, and providers that send each other's answers on.

use std::sync::Arc;

use pasee::idp::browser::{CallbackParams, PendingLogin};
use pasee::idp::{Identity, ProviderError};
use serde_json::json;

use super::support::openid::{Begun, OpenId, Place};
use super::support::raw_server::answer;
use super::{NOW, TIMEOUT, corp, header, log_in, providers};

/// Redeems any code for a token of this login.
fn redeem(openid: &OpenId, begun: &Begun) {
    let claims = openid.claims(&begun.parameter("nonce"), NOW);
    openid.redeems(&openid.forger.token(&header(openid), &claims));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_other_logins() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    let (mine, other) = (Begun::at(provider).await.unwrap(), Begun::at(provider).await.unwrap());
    redeem(&openid, &mine);
    let (state, issuer) = (
        mine.pending.state(),
        url::form_urlencoded::byte_serialize(openid.issuer.as_bytes()).collect::<String>(),
    );
    let mut queries = vec![
        other.yes(&openid.issuer),
        format!("code=c&iss={issuer}"),
        format!("code=c&iss={issuer}&state="),
        format!("code=c&iss={issuer}&state={}", &state[1..]),
        format!("code=c&iss={issuer}&state={state}A"),
        format!("code=c&iss={issuer}&state={}", state.to_lowercase()),
        format!("code=c&iss={issuer}&state={state}%00"),
        format!("code=c&iss={issuer}&STATE={state}"),
        format!("code=c&iss={issuer}&state={state}&state={state}"),
        format!("code=c&code=d&iss={issuer}&state={state}"),
        format!("code=c&iss={issuer}&iss={issuer}&state={state}"),
        format!("code=c&iss={issuer}&state={state}&{}", "x=1&".repeat(31)),
        format!("code=&iss={issuer}&state={state}"),
        format!("iss={issuer}&state={state}"),
        format!("code={}&iss={issuer}&state={state}", "c".repeat(4097)),
        // Of another issuer, or of nobody.
        format!("code=c&state={state}"),
        format!("code=c&iss=&state={state}"),
        format!("code=c&iss={issuer}%2F&state={state}"),
        format!("code=c&iss=https%3A%2F%2Fevil.example.com&state={state}"),
        // The provider says no.
        format!("error=access_denied&iss={issuer}&state={state}"),
        format!("error=access_denied&code=c&iss={issuer}&state={state}"),
        format!("error=&code=c&iss={issuer}&state={state}"),
        format!("error=%0A%1B%5B31m{}&iss={issuer}&state={state}", "e".repeat(5000)),
    ];
    queries.dedup();
    for query in &queries {
        let judged = mine.end(provider, query, NOW).await;
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed, "{query}");
    }
    println!("{} answers of other logins, 0 of them led to a login", queries.len());
    assert_eq!(openid.asked(Place::Token), 0, "no code was sent anywhere");
    for error in ["temporarily_unavailable", "server_error"] {
        let query = format!("error={error}&iss={issuer}&state={state}");
        assert_eq!(mine.end(provider, &query, NOW).await.unwrap_err(), ProviderError::Unreachable);
    }
    // How it was asked is nobody's fault who logs in; whoever brings a code as well says nothing.
    for error in
        ["invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope"]
    {
        let query = format!("error={error}&iss={issuer}&state={state}");
        let judged = mine.end(provider, &query, NOW).await;
        assert!(matches!(judged, Err(ProviderError::Misconfigured(_))), "{error}: {judged:?}");
        let judged = mine.end(provider, &format!("{query}&code=c"), NOW).await;
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed, "{error}");
    }
    assert_eq!(openid.asked(Place::Token), 0, "no code was sent anywhere");
    let identity = mine.end(provider, &mine.yes(&openid.issuer), NOW).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-ada");
    // The ID token of one login proves no other.
    let judged = other.end(provider, &other.yes(&openid.issuer), NOW).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "its nonce is another");
}

/// A login that another protocol began ends nothing here.
#[tokio::test(flavor = "multi_thread")]
async fn pending_logins_of_other_protocols() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await.unwrap();
    redeem(&openid, &begun);
    let params = CallbackParams::parse(&begun.yes(&openid.issuer)).unwrap();
    let now = pasee::domain::time::Timestamp::from_unix(NOW).unwrap();
    let state = begun.pending.state();
    for pending in [
        PendingLogin::OAuth2 { state: state.into(), verifier: Some("x".into()) },
        PendingLogin::OAuth1 { request_token: state.into(), token_secret: "x".into() },
    ] {
        let judged = provider.finish(&begun.callback_url, pending, &params, now).await;
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed);
    }
    assert_eq!(openid.asked(Place::Token), 0);
}

/// RFC 9207 section 2.4: an iss is compared whether or not it was promised; one that was not promised may be missing.
#[tokio::test(flavor = "multi_thread")]
async fn issuers_that_do_not_name_themselves() {
    let openid = OpenId::start().await;
    for promise in [json!(false), json!(null), json!("true")] {
        let mut document = openid.document();
        document["authorization_response_iss_parameter_supported"] = promise;
        openid.gives(Place::Discovery, &document);
        let providers = corp(&openid, |_| {});
        let provider = providers.get("corp").unwrap();
        let begun = Begun::at(provider).await.unwrap();
        redeem(&openid, &begun);
        let state = begun.pending.state();
        let judged = begun.end(provider, &format!("code=c&state={state}"), NOW).await;
        assert_eq!(judged.unwrap().user.as_str(), "corp-ada");
        let query = format!("code=c&state={state}&iss=https%3A%2F%2Fevil.example.com");
        let judged = begun.end(provider, &query, NOW).await;
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed);
    }
}

/// Two providers in one Pasee, one of them hostile: it gets no code of the other, and neither stands in for the other.
#[tokio::test(flavor = "multi_thread")]
async fn mix_up() {
    let (honest, hostile) = (OpenId::start().await, OpenId::start().await);
    let providers =
        providers(&[honest.settings("honest", TIMEOUT), hostile.settings("hostile", TIMEOUT)]);
    let (at_honest, at_hostile) =
        (providers.get("honest").unwrap(), providers.get("hostile").unwrap());
    let (one, two) = (Begun::at(at_honest).await.unwrap(), Begun::at(at_hostile).await.unwrap());
    assert_ne!(one.parameter("redirect_uri"), two.parameter("redirect_uri"));
    let not_confirmed = |judged: Result<Identity, ProviderError>| {
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed);
    };
    // The hostile one sends the browser on to the honest one with the state of its own login; the honest one's code comes
    // back with its name.
    not_confirmed(two.end(at_hostile, &two.yes(&honest.issuer), NOW).await);
    // The answer of the hostile one is brought to the login at the honest one.
    not_confirmed(one.end(at_honest, &two.yes(&hostile.issuer), NOW).await);
    not_confirmed(one.end(at_honest, &one.yes(&hostile.issuer), NOW).await);
    assert_eq!(
        (honest.asked(Place::Token), hostile.asked(Place::Token)),
        (0, 0),
        "no code went astray"
    );
    // The hostile one redeems its code for a token in the honest one's name, or for a real token of the honest one.
    let claims = honest.claims(&two.parameter("nonce"), NOW);
    let tokens = [
        hostile.forger.token(&header(&hostile), &claims),
        hostile.forger.token(&header(&honest), &claims),
        honest.forger.token(&header(&honest), &claims),
        honest.forger.token(&header(&hostile), &hostile.claims(&two.parameter("nonce"), NOW)),
        honest.forger.token(&header(&honest), &hostile.claims(&two.parameter("nonce"), NOW)),
    ];
    for (place, token) in tokens.iter().enumerate() {
        hostile.redeems(token);
        let judged = two.end(at_hostile, &two.yes(&hostile.issuer), NOW).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{place}");
    }
    // Nor does it help to publish the other's keys.
    hostile.gives(Place::Keys, &honest.keys());
    let again = super::providers(&[hostile.settings("hostile", TIMEOUT)]);
    let again = again.get("hostile").unwrap();
    let begun = Begun::at(again).await.unwrap();
    hostile.redeems(
        &honest.forger.token(&header(&honest), &honest.claims(&begun.parameter("nonce"), NOW)),
    );
    let judged = begun.end(again, &begun.yes(&hostile.issuer), NOW).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "its issuer is another");
    // The same subject at both are two users.
    redeem(&honest, &one);
    let ada = one.end(at_honest, &one.yes(&honest.issuer), NOW).await.unwrap();
    redeem(&hostile, &two);
    let eve = two.end(at_hostile, &two.yes(&hostile.issuer), NOW).await.unwrap();
    assert_eq!((ada.user.as_str(), eve.user.as_str()), ("honest-ada", "hostile-ada"));
}

/// What a code that the provider does not take is, and a client that it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_token_endpoint() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    for (status, body, expected) in [
        ("400 Bad Request", "{\"error\":\"invalid_grant\"}", ProviderError::NotConfirmed),
        (
            "401 Unauthorized",
            "{\"error\":\"invalid_client\",\"error_description\":\"eve\"}",
            ProviderError::Misconfigured(
                "it does not know this client or its secret: see client_id and client_secret",
            ),
        ),
        (
            "400 Bad Request",
            "{\"error\":\"unauthorized_client\"}",
            ProviderError::Misconfigured(
                "it does not know this client or its secret: see client_id and client_secret",
            ),
        ),
        (
            "400 Bad Request",
            "{\"error\":\"oops\"}",
            ProviderError::InvalidResponse(
                "it refuses to redeem a code, by an error that is not the user's",
            ),
        ),
        (
            "400 Bad Request",
            "{\"error\":\"invalid_grant\",\"error_description\":\"PKCE verification failed\"}",
            ProviderError::Misconfigured(
                "it refuses the proof of PKCE: see pkce, and what is registered there for this client",
            ),
        ),
        ("503 Service Unavailable", "", ProviderError::Unreachable),
        ("429 Too Many Requests", "", ProviderError::Unreachable),
    ] {
        let steps = answer(status, "application/json", body);
        openid.makes(Place::Token, Arc::new(move || steps.clone()));
        let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
        let judged =
            begun.end(providers.get("corp").unwrap(), &begun.yes(&openid.issuer), NOW).await;
        assert_eq!(judged.unwrap_err(), expected, "{status} {body}");
    }
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok());
}
