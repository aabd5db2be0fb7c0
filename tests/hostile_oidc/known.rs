//! Providers that are peculiar, each by the discovery document and the claims that it documents, and the settings of it in
//! docs/identity-providers/openid-providers.md.
//!
//! None of these is the real one: what is shown is that Pasee takes what they say they send, and nothing that only looks like it.

use std::path::Path;

use pasee::idp::{Identity, ProviderError, Providers};
use pasee::jose::jwks;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::settings::parse;
use serde_json::{Value, json};
use url::Url;

use super::support::forge::{Forger, bytes, part};
use super::support::openid::{Begun, CLIENT, OpenId, Place, parameter, tokens};
use super::support::raw_server::answer;
use super::{NOW, header, providers};

const ONE: &str = "abcdef01-2222-3333-4444-555555555555";
const TWO: &str = "99999999-8888-7777-6666-555555555555";
const STRANGER: &str = "00000000-1111-2222-3333-444444444444";
const OBJECT: &str = "b0a1c2d3-0000-4000-8000-000000000001";

/// The provider `corp` by these lines, with its document at the one that plays it.
fn played(openid: &OpenId, dir: &Path, lines: &str) -> Providers {
    let text = format!(
        "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
         [identity_providers.settings]\nclient_id = \"{CLIENT}\"\n\
         discovery_url = \"{}/.well-known/openid-configuration\"\n{lines}\n",
        openid.issuer
    );
    let settings =
        parse(&dir.join("settings.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    providers(&settings.identity_providers)
}

/// One whole login, with what the browser brings back beside code and state.
async fn log_in(
    openid: &OpenId,
    providers: &Providers,
    signer: &Forger,
    claims: Value,
    brought: &str,
) -> Result<Identity, ProviderError> {
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await?;
    let mut all = openid.claims(&begun.parameter("nonce"), NOW);
    for name in ["email", "email_verified"] {
        all.as_object_mut().unwrap().remove(name);
    }
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    openid.redeems(&signer.token(&signer.header("JWT"), &all));
    let state = begun.pending.state();
    begun.end(provider, &format!("idp=corp&code=c0de&state={state}{brought}"), NOW).await
}

/// A provider's document in its own words, over the places of the one that plays it.
fn document(openid: &OpenId, issuer: &str, says: Value) -> Value {
    let mut document = openid.document();
    document.as_object_mut().unwrap().remove("authorization_response_iss_parameter_supported");
    document["issuer"] = json!(issuer);
    for (name, value) in says.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

/// What one provider documents.
struct Known {
    name: &'static str,
    issuer: &'static str,
    /// Beside its places.
    document: Value,
    settings: &'static str,
    claims: Value,
    /// What UserInfo answers, where it is asked.
    told: Value,
    user: &'static str,
    /// Whether the secret is in the header.
    basic: bool,
    /// Parameters that the browser is sent with.
    sent: &'static [(&'static str, &'static str)],
}

fn all() -> Vec<Known> {
    vec![
        // docs.aws.amazon.com, "Understanding user pool JSON web tokens" and "The userInfo endpoint": yes is a text there.
        Known {
            name: "Cognito",
            issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123",
            document: json!({
                "id_token_signing_alg_values_supported": ["RS256"], "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "scopes_supported": ["openid", "email", "phone", "profile"],
            }),
            settings: "client_secret = \"x\"\nscopes = [\"email\"]\nuser_info = true",
            claims: json!({
                "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "token_use": "id", "cognito:username": "ada",
                "cognito:groups": ["writers"], "origin_jti": "x", "event_id": "y", "auth_time": NOW,
            }),
            told: json!({
                "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "email_verified": "true", "email": "ada@example.com", "username": "ada",
            }),
            user: "corp-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            basic: true,
            sent: &[("scope", "openid email")],
        },
        // learn.microsoft.com, "AD FS OpenID Connect/OAuth concepts"; the document as AD FS 2019 gives it.
        Known {
            name: "ADFS",
            issuer: "https://adfs.example.com/adfs",
            document: json!({
                "access_token_issuer": "http://adfs.example.com/adfs/services/trust",
                "token_endpoint_auth_methods_supported":
                    ["client_secret_post", "client_secret_basic", "private_key_jwt", "windows_client_authentication"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "scopes_supported": ["openid", "profile", "email", "allatclaims", "user_impersonation", "aza"],
                "rp_id_token_token_binding_supported": true, "frontchannel_logout_supported": true,
            }),
            settings: "client_secret = \"x\"\nscopes = [\"allatclaims\"]\nauthorization_parameters = { resource = \"urn:pasee\" }",
            claims: json!({
                "sub": "Yb5HgfTJeUvD8SGZ/lTGcvLdUFSTxkGwdMA5rRLBNMA=", "upn": "ada@corp.example.com",
                "unique_name": "CORP\\ada", "group": "writers", "apptype": "Confidential", "pwd_exp": "12", "sid": "S-1-5-21",
            }),
            told: json!(null),
            user: "corp-Yb5HgfTJeUvD8SGZ/lTGcvLdUFSTxkGwdMA5rRLBNMA=",
            basic: true,
            sent: &[("resource", "urn:pasee"), ("scope", "openid allatclaims")],
        },
        // dev.twitch.tv, "Using OIDC to get OAuth Access Tokens": claims are asked for by name, and scope is a list in answers.
        Known {
            name: "Twitch",
            issuer: "https://id.twitch.tv/oauth2",
            document: json!({
                "claims_parameter_supported": true, "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "claims_supported": ["email", "email_verified", "picture", "preferred_username", "exp", "iss", "sub", "azp", "aud"],
            }),
            settings: "client_secret = \"x\"\nscopes = []\n\
                       authorization_parameters = { claims = '{\"id_token\":{\"preferred_username\":null}}' }",
            claims: json!({ "sub": "713936733", "azp": CLIENT, "preferred_username": "ada" }),
            told: json!(null),
            user: "corp-713936733",
            basic: false,
            sent: &[
                ("claims", "{\"id_token\":{\"preferred_username\":null}}"),
                ("scope", "openid"),
            ],
        },
        // zitadel.com, "Claims": the project is an audience too, and azp says whose token it is.
        Known {
            name: "Zitadel",
            issuer: "https://example.zitadel.cloud",
            document: json!({ "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"] }),
            settings: "client_secret = \"x\"\nuser_info = true",
            claims: json!({ "sub": "312312312312312312", "aud": [CLIENT, "309309309309309309"], "azp": CLIENT, "client_id": CLIENT }),
            told: json!({
                "sub": "312312312312312312", "preferred_username": "ada@example.zitadel.cloud",
                "urn:zitadel:iam:org:project:roles": { "writers": { "300300300300300300": "example.zitadel.cloud" } },
            }),
            user: "corp-312312312312312312",
            basic: true,
            sent: &[("scope", "openid profile email")],
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn as_they_document() {
    let dir = tempfile::tempdir().unwrap();
    for known in all() {
        let openid = OpenId::start().await;
        openid.gives(Place::Discovery, &document(&openid, known.issuer, known.document));
        if !known.told.is_null() {
            openid.gives(Place::UserInfo, &known.told);
        }
        let lines = format!("issuer = \"{}\"\n{}", known.issuer, known.settings);
        let providers = played(&openid, dir.path(), &lines);
        let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
        for (name, value) in known.sent {
            assert_eq!(&begun.parameter(name), value, "{}", known.name);
        }
        let mut claims = known.claims;
        claims["iss"] = json!(known.issuer);
        let judged = log_in(&openid, &providers, &openid.forger, claims.clone(), "").await;
        assert_eq!(judged.unwrap().user.as_str(), known.user, "{}", known.name);
        let (head, _) = openid.last(Place::Token);
        let is_basic = head.to_ascii_lowercase().contains("authorization: basic ");
        assert_eq!(is_basic, known.basic, "{}", known.name);
        // Each of these makes it somebody else's.
        for (name, value) in [
            ("iss", json!(format!("{}/", known.issuer))),
            ("iss", json!(openid.issuer)),
            ("aud", json!("another")),
            ("azp", json!("another")),
            ("nonce", json!("another")),
        ] {
            let mut claims = claims.clone();
            claims[name] = value.clone();
            let judged = log_in(&openid, &providers, &openid.forger, claims, "").await;
            assert!(judged.is_err(), "{}: {name} = {value}", known.name);
        }
        let stranger = Forger::new(Algorithm::Es256);
        assert!(
            log_in(&openid, &providers, &stranger, claims, "").await.is_err(),
            "{}",
            known.name
        );
    }
}

/// GitLab (docs.gitlab.com, "GitLab as OpenID Connect identity provider"): groups that somebody is directly in are in the ID token, all of
/// them in UserInfo, by their full paths.
#[tokio::test(flavor = "multi_thread")]
async fn groups_of_gitlab() {
    let dir = tempfile::tempdir().unwrap();
    for (lines, claim, groups) in [
        ("", "groups_direct", &["articles"][..]),
        ("user_info = true", "groups_direct", &["articles"]),
        ("user_info = true", "groups", &["articles"]),
        // Of UserInfo alone, which is not asked.
        ("", "groups", &[]),
    ] {
        let openid = OpenId::start().await;
        let says = json!({
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "sub_legacy", "name", "nickname", "preferred_username", "groups_direct"],
        });
        openid.gives(Place::Discovery, &document(&openid, "https://gitlab.com", says));
        openid.gives(
            Place::UserInfo,
            &json!({ "sub": "1234567", "groups": ["example", "example/writers"], "https://gitlab.org/claims/groups/owner": ["example"] }),
        );
        let text = format!(
            "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
             group_mapping = [{{ claim = \"{claim}\", value = \"example/writers\", group = \"articles\" }}]\n\
             [identity_providers.settings]\nclient_id = \"{CLIENT}\"\nclient_secret = \"x\"\nissuer = \"https://gitlab.com\"\n\
             discovery_url = \"{}/.well-known/openid-configuration\"\n{lines}\n",
            openid.issuer
        );
        let settings = parse(&dir.path().join("settings.toml"), &text).unwrap();
        let providers = providers(&settings.identity_providers);
        let claims = json!({
            "iss": "https://gitlab.com", "sub": "1234567", "sub_legacy": "0123abcd", "name": "Ada", "nickname": "ada",
            "preferred_username": "ada", "groups_direct": ["example/writers"],
        });
        let identity = log_in(&openid, &providers, &openid.forger, claims, "").await.unwrap();
        assert_eq!(identity.user.as_str(), "corp-1234567");
        let found: Vec<String> = identity.mapped.groups.iter().map(ToString::to_string).collect();
        assert_eq!(found, groups, "{lines} {claim}");
    }
}

/// Entra ID for several tenants (learn.microsoft.com, "OpenID Connect on the Microsoft identity platform"): the document and the
/// keys have a template for an issuer, and a token its tenant's own.
#[tokio::test(flavor = "multi_thread")]
async fn entra_for_several_tenants() {
    const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let of = |tenant: &str| TEMPLATE.replace("{tenantid}", tenant);
    let dir = tempfile::tempdir().unwrap();
    let openid = OpenId::start().await;
    let says = json!({
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "tenant_region_scope": null, "cloud_instance_name": "microsoftonline.com",
    });
    openid.gives(Place::Discovery, &document(&openid, TEMPLATE, says));
    // One key is of all organizations, another of everybody's own accounts.
    let (own, personal) = (&openid.forger, Forger::new(Algorithm::Es256));
    let key = |forger: &Forger, issuer: &str| {
        let mut key = jwks::jwk(forger.key.public());
        key["issuer"] = json!(issuer);
        key["x5t"] = key["kid"].clone();
        key
    };
    let keys = [key(own, TEMPLATE), key(&personal, &of(STRANGER))];
    openid.gives(Place::Keys, &json!({ "keys": keys }));
    let lines = format!(
        "issuer = \"{TEMPLATE}\"\ntenants = [\"{ONE}\", \"{TWO}\"]\nclient_secret = \"x\"\nsubject_claim = \"oid\""
    );
    let providers = played(&openid, dir.path(), &lines);
    let claims = |issuer: &str, tenant: Value| {
        json!({
            "iss": issuer, "tid": tenant, "oid": OBJECT, "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "ver": "2.0",
            "preferred_username": "ada@example.com", "aio": "x", "rh": "y", "uti": "z",
        })
    };
    // What both tenants call one of theirs are two users here.
    for tenant in [ONE, TWO] {
        let judged = log_in(&openid, &providers, own, claims(&of(tenant), json!(tenant)), "").await;
        assert_eq!(judged.unwrap().user.as_str(), format!("corp-{tenant}:{OBJECT}"));
        let query = url::form_urlencoded::Serializer::new("&".to_owned())
            .append_pair("iss", &of(tenant))
            .finish();
        let judged =
            log_in(&openid, &providers, own, claims(&of(tenant), json!(tenant)), &query).await;
        assert!(judged.is_ok(), "an answer of the tenant's own");
    }
    let judged = log_in(&openid, &providers, own, claims(&of(STRANGER), json!(STRANGER)), "").await;
    assert_eq!(
        judged.unwrap_err(),
        ProviderError::NotAllowed,
        "a user of a tenant that is not listed"
    );
    for (signer, issuer, tenant, what) in [
        (own, of(ONE), json!(TWO), "one tenant in the name of another"),
        (own, of(STRANGER), json!(ONE), "a stranger with the id of one that is listed"),
        (own, of(ONE), json!(STRANGER), "a listed issuer with another's id"),
        (own, TEMPLATE.to_owned(), json!(ONE), "the template itself"),
        (own, TEMPLATE.to_owned(), json!("{tenantid}"), "the template itself, with its own words"),
        (own, of("common"), json!("common"), "a tenant that is none"),
        (own, of(&ONE.to_uppercase()), json!(ONE.to_uppercase()), "in other letters"),
        (own, format!("{}/", of(ONE)), json!(ONE), "with a slash"),
        (own, of(ONE).replace("https", "http"), json!(ONE), "in the clear"),
        (own, of(ONE), json!(null), "without a tenant"),
        (own, of(ONE), json!([ONE]), "a list of tenants"),
        (&personal, of(ONE), json!(ONE), "by a key that is for others"),
    ] {
        let judged = log_in(&openid, &providers, signer, claims(&issuer, tenant), "").await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{what}: {judged:?}");
    }
    for issuer in [of(STRANGER), TEMPLATE.to_owned(), openid.issuer.clone()] {
        let query = url::form_urlencoded::Serializer::new("&".to_owned())
            .append_pair("iss", &issuer)
            .finish();
        let judged = log_in(&openid, &providers, own, claims(&of(ONE), json!(ONE)), &query).await;
        assert_eq!(judged.unwrap_err(), ProviderError::NotConfirmed, "{issuer}");
    }
}

/// Apple (developer.apple.com, "Creating a client secret"): the secret is signed anew for each login, in the body; yes may be a
/// text; without a scope the answer comes back as a query.
#[tokio::test(flavor = "multi_thread")]
async fn apple() {
    let dir = tempfile::tempdir().unwrap();
    let openid = OpenId::start().await;
    let issuer = "https://appleid.apple.com";
    let says = json!({
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_modes_supported": ["query", "fragment", "form_post"], "scopes_supported": ["openid", "email", "name"],
        "userinfo_endpoint": null,
    });
    openid.gives(Place::Discovery, &document(&openid, issuer, says));
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    std::fs::write(dir.path().join("AuthKey_ABC123DEFG.p8"), key.to_pem().as_bytes()).unwrap();
    let lines = format!(
        "issuer = \"{issuer}\"\nscopes = []\nclient_auth = \"apple\"\nclient_key_file = \"AuthKey_ABC123DEFG.p8\"\n\
         client_key_id = \"ABC123DEFG\"\nteam_id = \"DEF123GHIJ\""
    );
    let providers = played(&openid, dir.path(), &lines);
    let claims = json!({
        "iss": issuer, "sub": "001234.0123456789abcdef0123456789abcdef.1234", "nonce_supported": true, "auth_time": NOW,
        "email": "x@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true",
    });
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let judged = log_in(&openid, &providers, &openid.forger, claims.clone(), "").await;
        assert_eq!(
            judged.unwrap().user.as_str(),
            "corp-001234.0123456789abcdef0123456789abcdef.1234"
        );
        let (head, body) = openid.last(Place::Token);
        assert!(!head.to_ascii_lowercase().contains("authorization:"));
        let form: Url = format!("x:/?{body}").parse().unwrap();
        assert!(!form.query_pairs().any(|(name, _)| name == "client_assertion"));
        let secret = parameter(&form, "client_secret");
        assert_eq!(part(&secret, 0), json!({"typ": "JWT", "alg": "ES256", "kid": "ABC123DEFG"}));
        let said = part(&secret, 1);
        for (name, value) in [
            ("iss", json!("DEF123GHIJ")),
            ("sub", json!(CLIENT)),
            ("aud", json!(issuer)),
            ("iat", json!(NOW)),
            ("exp", json!(NOW + 300)),
        ] {
            assert_eq!(said[name], value, "{name}");
        }
        let (signed, _) = secret.rsplit_once('.').unwrap();
        assert!(key.public().verifies(signed.as_bytes(), &bytes(&secret, 2)));
        secrets.push(secret);
    }
    assert_ne!(secrets[0], secrets[1]);
}

/// What is signed as for Apple and sent to somebody else is worth nothing at Apple.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_is_shown_is_not_for_apple() {
    let dir = tempfile::tempdir().unwrap();
    let openid = OpenId::start().await;
    let issuer = "https://not-apple.example.com";
    openid.gives(Place::Discovery, &document(&openid, issuer, json!({})));
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    std::fs::write(dir.path().join("key.p8"), key.to_pem().as_bytes()).unwrap();
    let lines = format!(
        "issuer = \"{issuer}\"\nclient_auth = \"apple\"\nclient_key_file = \"key.p8\"\nclient_key_id = \"K\"\nteam_id = \"T\""
    );
    let providers = played(&openid, dir.path(), &lines);
    let claims = json!({ "iss": issuer, "sub": "1" });
    log_in(&openid, &providers, &openid.forger, claims, "").await.unwrap();
    let form: Url = format!("x:/?{}", openid.last(Place::Token).1).parse().unwrap();
    assert_eq!(part(&parameter(&form, "client_secret"), 1)["aud"], issuer);
}

/// LinkedIn has no nonce in its ID tokens and takes no code_verifier from clients with a secret: who somebody is stands in
/// UserInfo, by OAuth 2.0.
#[tokio::test(flavor = "multi_thread")]
async fn linkedin() {
    let openid = OpenId::start().await;
    let at = &openid.issuer;
    let text = format!(
        "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oauth2\"\n\
         [identity_providers.settings]\nclient_id = \"{CLIENT}\"\nclient_secret = \"x\"\n\
         authorization_url = \"{at}/auth\"\ntoken_url = \"{at}/token\"\nuser_info_url = \"{at}/me\"\n\
         scopes = [\"openid\", \"profile\", \"email\"]\nsubject = \"sub\"\nusername = \"name\"\nclient_auth = \"post\"\n\
         pkce = false\nauthorization_parameters = {{ enable_extended_login = \"true\" }}\n"
    );
    let settings =
        parse(Path::new("settings.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    let providers = providers(&settings.identity_providers);
    let provider = providers.get("corp").unwrap();
    openid.gives(Place::UserInfo, &json!({"sub": "782bbtaQ", "name": "Ada", "email_verified": true, "locale": {"country": "US"}}));
    let begun = Begun::at(provider).await.unwrap();
    assert_eq!(begun.parameter("enable_extended_login"), "true");
    assert!(!begun.url.as_str().contains("code_challenge"));
    // An ID token without a nonce, which nobody reads.
    let mut claims = openid.claims("", NOW);
    claims.as_object_mut().unwrap().remove("nonce");
    let answered = tokens(&openid.forger.token(&header(&openid), &claims));
    openid.sends(Place::Token, answer("200 OK", "application/json", answered.to_string()));
    let state = begun.pending.state();
    let identity =
        begun.end(provider, &format!("idp=corp&code=c0de&state={state}"), NOW).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-782bbtaQ");
    let (_, body) = openid.last(Place::Token);
    let form: Url = format!("x:/?{body}").parse().unwrap();
    assert_eq!(parameter(&form, "client_secret"), "x");
    assert!(!form.query_pairs().any(|(name, _)| name == "code_verifier"));
}
