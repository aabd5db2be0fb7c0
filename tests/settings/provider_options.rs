//! The settings that single providers need: right and wrong values of each, and what is warned of.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::settings::{Settings, load, parse};

use crate::mistakes::{assert_mistake, mistakes};

const SETTINGS: &str = "identity_providers[0].settings";

fn oidc(lines: &str) -> String {
    let issuer =
        if lines.contains("issuer =") { "" } else { "issuer = \"https://id.example.com\"\n" };
    format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n[identity_providers.settings]\n\
         client_id = \"pasee\"\n{issuer}{lines}\n"
    )
}

fn oauth2(lines: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"p\"\nprotocol = \"oauth2\"\nhost = \"github.com\"\n[identity_providers.settings]\n\
         client_id = \"a\"\nclient_secret = \"b\"\n{lines}\n"
    )
}

fn read(text: &str) -> Settings {
    let text = format!("{text}\n[jwt]\niss = \"pasee.example.com\"\n");
    parse(Path::new("dir/f.toml"), &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What is told beside never takes the place of what Pasee says.
#[test]
fn authorization_parameters() {
    for text in [
        oidc(
            "authorization_parameters = { domain_hint = \"example.com\", acr_values = \"a b\", \"urn:x\" = \"\" }",
        ),
        oidc("authorization_parameters.resource = \"https://api.example.com\""),
        oauth2(
            "authorization_parameters = { allow_signup = \"false\", prompt = \"select_account\" }",
        ),
    ] {
        assert!(mistakes(&text).starts_with("no mistake"), "{text}\n{}", mistakes(&text));
    }
    for name in [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "response_mode",
        "request",
        "request_uri",
        "client_secret",
        "client_assertion",
        "registration",
        "dpop_jkt",
        "id_token_hint",
        "code",
        "State",
        "REDIRECT_URI",
    ] {
        for text in [oidc, oauth2] {
            let line = format!("authorization_parameters.{name} = \"x\"");
            let key = format!("{SETTINGS}.authorization_parameters.{name}");
            assert_mistake(&text(&line), &line, &key, "is Pasee's own to say");
        }
    }
    for (line, key, right) in [
        ("authorization_parameters = \"a=b\"", "", "with its keys below"),
        ("authorization_parameters.a = 1", ".a", "a text"),
        ("authorization_parameters.a = \"b\\nc\"", ".a", "1024 bytes"),
        ("authorization_parameters.\"a b\" = \"c\"", ".\"a b\"", "such as domain_hint"),
        ("authorization_parameters.\"state[]\" = \"c\"", ".\"state[]\"", "such as domain_hint"),
        ("authorization_parameters.\"a&state\" = \"c\"", ".\"a&state\"", "such as domain_hint"),
        ("authorization_parameters.prompt = \"login\"", ".prompt", "has a key of its own"),
        ("authorization_parameters.max_age = \"1\"", ".max_age", "has a key of its own"),
    ] {
        let key = format!("{SETTINGS}.authorization_parameters{key}");
        assert_mistake(&oidc(line), line, &key, right);
    }
    let many: Vec<String> = (0..17).map(|number| format!("a{number} = \"x\"")).collect();
    let line = format!("authorization_parameters = {{ {} }}", many.join(", "));
    assert_mistake(
        &oidc(&line),
        &line,
        &format!("{SETTINGS}.authorization_parameters"),
        "more than 16",
    );
}

/// How a client proves itself, with what belongs to it and nothing else.
#[test]
fn client_auth() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap().to_pem().replace('\n', "");
    let rsa = PrivateKey::generate(Algorithm::Rs256).unwrap().to_pem().replace('\n', "");
    let secp = PrivateKey::generate(Algorithm::Es256k).unwrap().to_pem().replace('\n', "");
    let key = format!("client_key = \"{key}\"");
    let rsa = format!("client_key = \"{rsa}\"");
    let secp = format!("client_key = \"{secp}\"");
    let apple = format!("client_auth = \"apple\"\nclient_key_id = \"A\"\nteam_id = \"B\"\n{key}");
    for (lines, says) in [
        ("", "the client pasee without a secret"),
        ("client_auth = \"none\"", "the client pasee without a secret"),
        ("client_secret = \"a\"", "the client pasee with a secret"),
        ("client_secret = \"a\"\nclient_auth = \"client_secret_basic\"", "with a secret"),
        ("client_secret = \"a\"\nclient_auth = \"basic\"", "with a secret"),
        ("client_secret = \"a\"\nclient_auth = \"client_secret_post\"", "with a secret"),
        ("client_secret = \"a\"\nclient_auth = \"post\"", "with a secret"),
        (
            "client_secret = \"a\"\nclient_auth = \"client_secret_jwt\"",
            "with a secret that is never sent",
        ),
        (&format!("client_auth = \"private_key_jwt\"\n{key}"), "with a key, which asks"),
        (
            &format!("client_auth = \"private_key_jwt\"\nclient_key_id = \"A\"\n{rsa}"),
            "with a key, which asks",
        ),
        (&apple, "with a key that signs its secrets"),
    ] {
        let said = read(&oidc(lines)).explain().to_string();
        assert!(said.contains(says), "{lines}\n{said}");
        assert!(!said.contains("PRIVATE"));
    }
    let by_key = "client_auth = \"private_key_jwt\"";
    for (lines, wrong, key, right) in [
        ("client_auth = \"mtls\"".to_owned(), "client_auth", "client_auth", "\"private_key_jwt\""),
        ("client_auth = 1".to_owned(), "client_auth", "client_auth", "a text"),
        (
            "client_auth = \"client_secret_post\"".to_owned(),
            "[identity_providers.settings]",
            "client_secret",
            "is missing",
        ),
        (
            "client_secret = \"a\"\nclient_auth = \"none\"".to_owned(),
            "client_auth",
            "client_auth",
            "a public client has none",
        ),
        (
            by_key.to_owned(),
            "[identity_providers.settings]",
            "client_key_file",
            "whose public half",
        ),
        (
            format!("{by_key}\n{key}\nclient_secret = \"a\""),
            "client_secret",
            "client_secret",
            "client_key_file alone",
        ),
        (
            format!("{by_key}\n{key}\nteam_id = \"a\""),
            "team_id",
            "team_id",
            "client_key_file alone",
        ),
        (format!("{by_key}\n{secp}"), "client_key", "client_key", "which no provider takes"),
        (
            format!("{by_key}\nclient_key = \"x\""),
            "client_key",
            "client_key",
            "-----BEGIN PRIVATE KEY-----",
        ),
        (
            format!("{by_key}\nclient_key_file = \"none.pem\""),
            "client_key_file",
            "client_key_file",
            "cannot be read",
        ),
        (
            format!("{by_key}\n{key}\nclient_key_id = \"\""),
            "client_key_id",
            "client_key_id",
            "\"ABC123DEFG\"",
        ),
        (key.clone(), "client_key", "client_key", "without a client_auth that uses it"),
        (
            format!("client_secret = \"a\"\n{key}"),
            "client_key",
            "client_key",
            "without a client_auth",
        ),
        ("team_id = \"a\"".to_owned(), "team_id", "team_id", "without a client_auth"),
        (
            apple.replace("client_key_id = \"A\"\n", ""),
            "[identity_providers.settings]",
            "client_key_id",
            "Apple",
        ),
        (
            apple.replace("team_id = \"B\"\n", ""),
            "[identity_providers.settings]",
            "team_id",
            "Apple",
        ),
        (
            format!("client_auth = \"apple\"\nclient_key_id = \"A\"\nteam_id = \"B\"\n{rsa}"),
            "client_key =",
            "client_key",
            ".p8",
        ),
        (
            format!("{apple}\nclient_secret = \"a\""),
            "client_secret",
            "client_secret",
            "makes the secret",
        ),
    ] {
        assert_mistake(&oidc(&lines), wrong, &format!("{SETTINGS}.{key}"), right);
    }
    for name in ["client_secret_basic", "client_secret_post"] {
        assert!(mistakes(&oauth2(&format!("client_auth = \"{name}\""))).starts_with("no mistake"));
    }
}

/// Where a provider's document is, and how it is reached.
#[test]
fn places() {
    for lines in [
        "discovery_url = \"https://id.internal/.well-known/openid-configuration?appid=1\"",
        "issuer = \"http://id.example.com/adfs\"\ndiscovery_url = \"https://id.example.com/adfs/.well-known/openid-configuration\"",
        "discovery_url = \"http://127.0.0.1:8080/x\"",
        "plain_http = false",
    ] {
        let settings = read(&oidc(lines));
        assert_eq!(settings.warnings, [] as [&str; 0], "{lines}");
    }
    for text in [
        oidc("plain_http = true\nissuer = \"http://id.internal:8080\""),
        oidc(
            "plain_http = true\ndiscovery_url = \"http://dex.auth.svc:5556/dex/.well-known/openid-configuration\"",
        ),
        oauth2(
            "plain_http = true\ntoken_url = \"http://forge.internal/token\"\nuser_info_url = \"http://forge.internal/me\"",
        ),
    ] {
        let settings = read(&text);
        let [warning] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
        assert!(
            warning.contains("settings.plain_http: ") && warning.contains("secret"),
            "{warning}"
        );
        assert!(settings.explain().to_string().contains("it may be called in the clear"));
    }
    for (line, key, right) in [
        ("discovery_url = \"http://id.internal/x\"", "discovery_url", "beside plain_http"),
        ("discovery_url = \"https://a:b@id.internal/x\"", "discovery_url", "without user"),
        ("discovery_url = \"https://id.internal/#x\"", "discovery_url", "fragment"),
        ("discovery_url = \"id.internal\"", "discovery_url", "\"https://id.example.com/"),
        ("plain_http = \"yes\"", "plain_http", "true or false"),
        ("issuer = \"http://id.internal:8080\"", "issuer", "plain_http"),
    ] {
        assert_mistake(&oidc(line), line, &format!("{SETTINGS}.{key}"), right);
    }
    let line = "token_url = \"http://forge.internal/token\"";
    assert_mistake(&oauth2(line), line, &format!("{SETTINGS}.token_url"), "beside plain_http");
}

/// Several tenants of one provider: those that are listed, and no other.
#[test]
fn tenants() {
    const ONE: &str = "11111111-2222-3333-4444-555555555555";
    let template = "issuer = \"https://login.microsoftonline.com/{tenantid}/v2.0\"";
    let settings = read(&oidc(&format!("{template}\ntenants = [\"{ONE}\"]")));
    assert_eq!(settings.warnings, [] as [&str; 0]);
    let said = settings.explain().to_string();
    assert!(
        said.contains("https://login.microsoftonline.com/{tenantid}/v2.0 as the client"),
        "{said}"
    );
    assert!(said.contains(&format!("the users of its tenants {ONE} log in")), "{said}");
    let pasee::settings::Protocol::Oidc(oidc_settings) = &settings.identity_providers[0].protocol
    else {
        panic!("oidc")
    };
    assert_eq!(
        oidc_settings.discovery.as_str(),
        "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration"
    );
    let personal = "tenants = [\"9188040d-6c67-4c5b-b112-36a304b66dad\"]";
    let settings = read(&oidc(&format!("{template}\n{personal}")));
    assert!(settings.warnings[0].contains("whoever has one logs in"), "{:?}", settings.warnings);
    let many: Vec<String> =
        (0..257).map(|number| format!("\"11111111-2222-3333-4444-{number:012}\"")).collect();
    let many = format!("tenants = [{}]", many.join(", "));
    for (lines, wrong, key, right) in [
        (template.to_owned(), "[identity_providers.settings]", "tenants", "whose users log in"),
        (format!("{template}\ntenants = []"), "tenants", "tenants", "whose users log in"),
        (format!("{template}\n{many}"), "tenants", "tenants", "more than 256"),
        (format!("{template}\ntenants = \"{ONE}\""), "tenants", "tenants", "a list"),
        (
            format!("{template}\ntenants = [\"common\"]"),
            "tenants",
            "tenants[0]",
            "a GUID in small letters",
        ),
        (
            format!("{template}\ntenants = [\"{}\"]", "A".repeat(36)),
            "tenants",
            "tenants[0]",
            "a GUID",
        ),
        (format!("tenants = [\"{ONE}\"]"), "tenants", "tenants", "without {tenantid}"),
        (template.replace("{tenantid}", "{tenant}"), "issuer", "issuer", "{tenantid} once"),
        (template.replace("v2.0", "{tenantid}"), "issuer", "issuer", "{tenantid} once"),
        (template.replace("{tenantid}", "{tenantid"), "issuer", "issuer", "{tenantid} once"),
    ] {
        assert_mistake(&oidc(&lines), wrong, &format!("{SETTINGS}.{key}"), right);
    }
}

#[test]
fn bounds() {
    for lines in [
        "clock_skew = 0",
        "clock_skew = \"5m\"",
        "max_answer_length = 65536",
        "max_answer_length = 4194304",
    ] {
        assert!(mistakes(&oidc(lines)).starts_with("no mistake"), "{lines}");
    }
    assert!(mistakes(&oauth2("max_answer_length = 65536")).starts_with("no mistake"));
    for (line, key, right) in [
        ("clock_skew = 301", "clock_skew", "from 0 to 300 seconds"),
        ("clock_skew = \"1h\"", "clock_skew", "from 0 to 300 seconds"),
        ("max_answer_length = 65535", "max_answer_length", "from 65536 to 4194304"),
        ("max_answer_length = 4194305", "max_answer_length", "from 65536 to 4194304"),
        ("max_answer_length = \"1MiB\"", "max_answer_length", "from 65536 to 4194304"),
        ("algorithms = [\"ES512\", \"ES521\"]", "algorithms[1]", "ES384, ES512 and EdDSA"),
    ] {
        assert_mistake(&oidc(line), line, &format!("{SETTINGS}.{key}"), right);
    }
}

/// A secret in a file of its own is what stands there, without what editors and shells write around it.
#[test]
fn secrets_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f.toml");
    let secret = dir.path().join("secret");
    let loaded = |content: &[u8]| {
        fs::write(&secret, content).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let text = oidc("client_secret_file = \"secret\"");
        fs::write(&file, format!("{text}\n[jwt]\niss = \"pasee.example.com\"\n")).unwrap();
        load(&file).map(|settings| settings.warnings)
    };
    for content in [
        &b"s3cret"[..],
        b"s3cret\n",
        b"s3cret\r\n",
        b"\xef\xbb\xbfs3cret\n",
        b"  s3cret \t\n\n",
        b"\xef\xbb\xbf \n s3cret",
        b"two words\n",
    ] {
        assert_eq!(loaded(content).unwrap(), [] as [&str; 0], "{content:?}");
    }
    for (content, right) in [
        (&b""[..], "1 to 1024 bytes on one line"),
        (b" \n", "1 to 1024 bytes on one line"),
        (b"\xef\xbb\xbf", "1 to 1024 bytes on one line"),
        (b"two\nlines", "1 to 1024 bytes on one line"),
        (b"nul\0", "1 to 1024 bytes on one line"),
        (b"\xff\xfes\x003\0", "is UTF-16, as some editors and PowerShell write"),
        (b"\xfe\xff\0s\x003", "is UTF-16"),
        (b"caf\xe9", "is not UTF-8"),
        (&[b's'; 1025], "1 to 1024 bytes on one line"),
    ] {
        let error = loaded(content).unwrap_err().to_string();
        assert!(
            error.contains("f.toml:7: identity_providers[0].settings.client_secret_file: "),
            "{error}"
        );
        assert!(error.contains(right), "{content:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    // Encrypted keys are called so, with what to do.
    for pem in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEFDTBS\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMHcC\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: DES-EDE3-CBC,00\r\n\r\nMHcC\r\n-----END RSA PRIVATE KEY-----\r\n",
    ] {
        fs::write(&secret, pem).unwrap();
        for text in [
            "private_key_file = \"secret\"\n".to_owned(),
            oidc("client_auth = \"private_key_jwt\"\nclient_key_file = \"secret\""),
        ] {
            fs::write(&file, format!("{text}\n[jwt]\niss = \"pasee.example.com\"\n")).unwrap();
            let error = load(&file).unwrap_err().to_string();
            assert!(
                error.contains("this key is encrypted")
                    && error.contains("openssl pkcs8 -topk8 -nocrypt"),
                "{error}"
            );
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
    // What everybody may read is still warned of.
    loaded(b"s3cret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = load(&file).unwrap().warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("every user of this machine may read")),
        "{warnings:?}"
    );
}

/// Nothing is filled in, and whoever expects that is told.
#[test]
fn variables() {
    for (line, key) in [
        ("client_secret = \"$CLIENT_SECRET\"", "client_secret"),
        ("client_secret = \"${CLIENT_SECRET}\"", "client_secret"),
        ("issuer = \"https://${HOST}\"\ndiscovery_url = \"https://id.example.com/x\"", "issuer"),
        ("scopes = [\"a\", \"$SCOPE\"]", "scopes[1]"),
        ("authorization_parameters.a = \"${A}\"", "authorization_parameters.a"),
    ] {
        let text = format!("{}\n[jwt]\niss = \"pasee.example.com\"\n", oidc(line));
        let found = match parse(Path::new("dir/f.toml"), &text) {
            Ok(settings) => {
                settings.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
            // What cannot be an issuer is an error, whatever else it looks like.
            Err(error) => {
                assert!(line.starts_with("issuer"), "{error}");
                continue;
            }
        };
        let at = format!("{SETTINGS}.{key}: looks like a variable");
        assert!(found.contains(&at), "{line}\n{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
        assert!(
            !found.contains("CLIENT_SECRET"),
            "a text that may be a secret is not shown: {found}"
        );
    }
    let settings = read("host = \"127.0.0.1\"\n");
    assert_eq!(settings.warnings, [] as [&str; 0]);
}
