//! What other proxies are told.

use super::*;
use crate::settings::sidecar::{HeaderSet, HeaderSettings, PassToken};
use crate::sidecar::reply::Page;

fn removed(sent: &[(&'static str, &'static str)]) -> Vec<String> {
    let settings = HeaderSettings {
        sets: vec![HeaderSet::Pasee],
        claims: vec!["email".to_owned()],
        token: PassToken::Never,
    };
    let mut asked = HeaderMap::new();
    for (name, value) in sent {
        asked.append(*name, HeaderValue::from_static(value));
    }
    let answer = passes(&IdentityHeaders::new(&settings), None, &asked);
    let removed = answer.headers()[TO_REMOVE].to_str().unwrap();
    removed.split(',').map(str::to_owned).collect()
}

/// Also where Envoy does not send along what a client said.
#[test]
fn claims_are_told_by_nobody_else() {
    let removed = removed(&[]);
    for name in ["x-pasee-user", "x-pasee-claims-email", "remote-user"] {
        assert!(removed.iter().any(|other| other == name), "{name}: {removed:?}");
    }
}

/// The same that the proxy takes out.
#[test]
fn whatever_begins_as_a_token_goes_no_further() {
    for (sent, is_removed) in [
        (vec!["Bearer abc"], true),
        (vec!["Bearer a b"], true),
        (vec!["bearer"], true),
        (vec!["DPoP abc"], true),
        (vec!["Bearer abc", "Bearer abc"], true),
        (vec!["Basic eDp5", "Bearer abc"], true),
        (vec!["Basic eDp5"], false),
        (vec![], false),
    ] {
        let headers: Vec<_> = sent.iter().map(|value| ("authorization", *value)).collect();
        let is_named = removed(&headers).iter().any(|name| name == "authorization");
        assert_eq!(is_named, is_removed, "{sent:?}");
    }
    assert!(removed(&[("dpop", "a.b.c")]).iter().any(|name| name == "dpop"));
}

#[test]
fn our_own_page_lets_nobody_pass() {
    let page = |status: u16| Page {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    for (status, told) in [(200, 403), (204, 403), (303, 303), (404, 404), (405, 405)] {
        assert_eq!(refusing(page(status).into()).status(), told, "{status}");
    }
}
