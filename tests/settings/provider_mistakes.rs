//! Wrong values for every key of an identity provider.

use std::path::Path;

use pasee::settings::parse;

use crate::mistakes::{PUBLIC, assert_mistake, mistakes};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA\
                    $MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";

/// A file with one Kisee: lines of the provider, with `name` and `protocol` before and `[….settings]` after.
fn kisee(provider: &str, settings: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"kisee\"\nprotocol = \"kisee\"\n{provider}\n\
         [identity_providers.settings]\n{settings}\n"
    )
}

#[test]
fn keys_of_a_kisee() {
    let endpoint = "endpoint = \"http://127.0.0.1:8140/\"";
    let keys = format!("public_keys = [\"{PUBLIC}\"]");
    assert!(mistakes(&kisee(endpoint, &keys)).starts_with("no mistake"));
    for (wrong, key, right) in [
        ("endpoint = 1", "endpoint", "a text"),
        ("endpoint = \"127.0.0.1:8140\"", "endpoint", "\"http://127.0.0.1:8140/\""),
        ("endpoint = \"ftp://127.0.0.1/\"", "endpoint", "\"http://127.0.0.1:8140/\""),
        ("endpoint = \"http://127.0.0.1/?q\"", "endpoint", "without user, query"),
        ("endpoint = \"http://ada:x@127.0.0.1/\"", "endpoint", "without user, query"),
        ("endpoint = \"http://127.0.0.1:65536/\"", "endpoint", "\"http://127.0.0.1:8140/\""),
        ("host = 1", "host", "a text"),
        ("host = \"\"", "host", "\"kisee.example.com\""),
        ("host = \"kisee/path\"", "host", "without scheme, port or path"),
        ("host = \"kisee:8140\"", "host", "without scheme, port or path"),
        ("host = \"http://kisee\"", "host", "without scheme, port or path"),
        ("host = \"ada@kisee\"", "host", "without scheme, port or path"),
        ("port = 0\nhost = \"kisee\"", "port", "from 1 to 65535"),
        ("port = 65536\nhost = \"kisee\"", "port", "from 1 to 65535"),
        ("endpoint = \"http://kisee/\"\nport = 1", "endpoint", "endpoint alone, or host and port"),
        ("endpoint = \"http://kisee/\"\nhost = \"h\"", "endpoint", "endpoint alone"),
    ] {
        let first = wrong.lines().next().unwrap();
        assert_mistake(&kisee(wrong, &keys), first, &format!("identity_providers[0].{key}"), right);
    }
    for (wrong, key, right) in [
        ("title = 1", "title", "a text"),
        ("description = 1", "description", "a text"),
        ("implementation = 1", "implementation", "a text"),
        ("capabilities = \"register_user\"", "capabilities", "a list"),
        ("capabilities = [\"fly\"]", "capabilities[0]", "\"register_user\""),
        ("claims = \"email\"", "claims", "a list"),
        ("claims = [\"groups\"]", "claims[0]", "looks like email"),
        ("claims = [\"e mail\"]", "claims[0]", "such as email"),
        ("enabled = \"no\"", "enabled", "true or false"),
        ("input_fields = \"login\"", "input_fields", "[[identity_providers.input_fields]]"),
        ("input_fields = [{ required = true }]", "input_fields[0].name", "\"login\""),
        ("input_fields = [{ name = \"\" }]", "input_fields[0].name", "\"login\""),
        ("input_fields = [{ name = \"a\" }, { name = \"a\" }]", "input_fields[1].name", "twice"),
        ("input_fields = [{ name = \"a\", required = 1 }]", "input_fields[0].required", "true or"),
    ] {
        let text = kisee(&format!("{endpoint}\n{wrong}"), &keys);
        assert_mistake(&text, wrong, &format!("identity_providers[0].{key}"), right);
    }
    for (wrong, key, right) in [
        ("issuer = 1", "issuer", "a text"),
        ("timeout = 0", "timeout", "from 1 to 60 seconds"),
        ("timeout = \"2m\"", "timeout", "\"30s\""),
        ("ca_file = \"\"", "ca_file", "\"some/name\""),
    ] {
        let text = kisee(endpoint, &format!("{keys}\n{wrong}"));
        assert_mistake(&text, wrong, &format!("identity_providers[0].settings.{key}"), right);
    }
    let settings = "identity_providers[0].settings";
    for (wrong, key, right) in [
        ("public_keys = []", "public_keys", "the PEM of Kisee's public key"),
        ("public_keys = 1", "public_keys", "a list"),
        ("public_keys = [\"x\"]", "public_keys[0]", "-----BEGIN PUBLIC KEY-----"),
    ] {
        let text = kisee(endpoint, wrong);
        let wrong = if key == "public_keys" && right.starts_with("the PEM") {
            "[identity_providers.settings]"
        } else {
            wrong
        };
        assert_mistake(&text, wrong, &format!("{settings}.{key}"), right);
    }
}

#[test]
fn keys_of_an_openid_provider() {
    let file = |settings: &str| {
        format!(
            "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n[identity_providers.settings]\n{settings}\n"
        )
    };
    let least = "issuer = \"https://id.example.com\"\nclient_id = \"pasee\"";
    assert!(mistakes(&file(least)).starts_with("no mistake"));
    let settings = "identity_providers[0].settings";
    let at = "[identity_providers.settings]";
    for (lines, key, right) in [
        ("client_id = \"a\"", "issuer", "\"https://accounts.example.com\""),
        ("issuer = \"https://a\"", "client_id", "what the provider calls this Pasee"),
    ] {
        assert_mistake(&file(lines), at, &format!("{settings}.{key}"), right);
    }
    for issuer in [
        "http://id.example.com",
        "http://192.0.2.1",
        "http://127.0.0.1.example.com",
        "id.example.com",
        "ftp://127.0.0.1",
        "https://ada:x@id.example.com",
        "https://id.example.com?tenant=1",
        "https://id.example.com#part",
        "",
    ] {
        let wrong = format!("issuer = \"{issuer}\"");
        let text = file(&format!("client_id = \"a\"\n{wrong}"));
        assert_mistake(
            &text,
            &wrong,
            &format!("{settings}.issuer"),
            "http is for this machine only",
        );
    }
    for issuer in ["http://localhost:1/", "http://[::1]:1", "http://127.1.2.3", "https://a/b/c/"] {
        let text = file(&format!("client_id = \"a\"\nissuer = \"{issuer}\""));
        assert!(mistakes(&text).starts_with("no mistake"), "{issuer}");
    }
    for (wrong, key, right) in [
        ("client_secret = \"\"", "client_secret", "1 to 1024 bytes"),
        (
            "client_secret = \"a\"\nclient_secret_file = \"b\" # both",
            "client_secret_file",
            "beside client_secret",
        ),
        ("client_secret_file = \"nowhere\"", "client_secret_file", "holds the secret alone"),
        ("scopes = \"email\"", "scopes", "a list"),
        ("scopes = [\"openid email\"]", "scopes[0]", "each in quotes of its own"),
        ("scopes = [\"\"]", "scopes[0]", "\"email\""),
        ("subject_claim = 1", "subject_claim", "a text"),
        ("subject_claim = \"\"", "subject_claim", "1 to 1024 bytes"),
        ("callback_url = \"/tokens/\"", "callback_url", "which is the default"),
        ("callback_url = \"https://a/#b\"", "callback_url", "which is the default"),
        ("algorithms = []", "algorithms", "[\"RS256\"]"),
        ("algorithms = [\"none\"]", "algorithms[0]", "RS256, RS384"),
        ("algorithms = [\"RS256\", \"HS256\"]", "algorithms[1]", "RS256, RS384"),
        ("algorithms = [\"ES256K\"]", "algorithms[0]", "RS256, RS384"),
        ("user_info = \"yes\"", "user_info", "true or false"),
        ("max_age = 0", "max_age", "from 1 to 31536000 seconds"),
        ("prompt = \"none\"", "prompt", "\"select_account\""),
        ("prompt = \"\"", "prompt", "\"login\""),
        ("timeout = 61", "timeout", "from 1 to 60 seconds"),
        ("ca_file = 1", "ca_file", "a text"),
        ("client_secrets = \"a\"", "client_secrets", "nearest known one is client_secret"),
        ("userinfo = true", "userinfo", "nearest known one is user_info"),
    ] {
        let text = file(&format!("{least}\n{wrong}"));
        let line = wrong.lines().last().unwrap();
        assert_mistake(&text, line, &format!("{settings}.{key}"), right);
    }
    for wrong in ["endpoint = \"https://a/\"", "host = \"a\"", "port = 1", "client_id = \"a\""] {
        let text = file(least).replacen("protocol", &format!("{wrong}\nprotocol"), 1);
        let key = wrong.split(' ').next().unwrap();
        assert_mistake(&text, wrong, &format!("identity_providers[0].{key}"), "is no known key");
    }
}

#[test]
fn keys_of_any_provider() {
    let first = "identity_providers[0]";
    let at = "[[identity_providers]]";
    let right = "protocol = \"oidc\"\nsettings = { issuer = \"https://a\", client_id = \"b\" }";
    let name = |name| format!("{at}\nname = {name}\n{right}");
    assert!(mistakes(&name("\"a\"")).starts_with("no mistake"));
    assert_mistake(&name("\"a-b\""), "name", &format!("{first}.name"), "such as kisee");
    assert_mistake(&name("7"), "name", &format!("{first}.name"), "a text");
    assert_mistake(&format!("{at}\n{right}"), at, &format!("{first}.name"), "\"kisee\"");
    let protocol = |line: &str| format!("{at}\nname = \"a\"\n{line}");
    let key = format!("{first}.protocol");
    assert_mistake(&protocol(""), at, &key, "\"pasee\" or \"kubernetes\"");
    assert_mistake(&protocol("protocol = \"saml\""), "protocol", &key, "\"ldap\", \"local\"");
    assert_mistake(&protocol("protocol = 1"), "protocol", &key, "a text");
    let without = |rest: &str| format!("{at}\nname = \"a\"\nprotocol = {rest}");
    let missing = "[identity_providers.settings] with public_keys";
    let kisee = without("\"kisee\"\nendpoint = \"http://a/\"");
    assert_mistake(&kisee, at, &format!("{first}.settings"), missing);
    let kisee = without(&format!("\"kisee\"\nsettings.public_keys = [\"{PUBLIC}\"]"));
    assert_mistake(&kisee, at, &format!("{first}.endpoint"), "\"http://127.0.0.1:8140/\"");
    assert_mistake(
        &without("\"kisee\"\nendpoint = \"http://a/\"\nsettings = 1"),
        "settings",
        &format!("{first}.settings"),
        "[identity_providers.settings] with its keys below",
    );
    let twice = format!("{}\n{at}\n\nname = \"a\" # again\n{right}", name("\"a\""));
    assert_mistake(
        &twice,
        "name = \"a\" # again",
        "identity_providers[1].name",
        "a name of its own",
    );
    let register = "capabilities = [\"register_user\"]";
    let alone = format!("{}\n{register}", name("\"a\""));
    let key = format!("{first}.capabilities");
    assert_mistake(&alone, register, &key, "nobody registers through this protocol");
    let kisee = |name: &str| {
        format!(
            "{at}\nname = \"{name}\"\nprotocol = \"kisee\"\nendpoint = \"http://a/\"\n\
             settings = {{ public_keys = [\"{PUBLIC}\"] }}"
        )
    };
    let twice = format!("{}\n{register}\n{}\n{register} # again", kisee("a"), kisee("b"));
    let again = format!("{register} # again");
    assert_mistake(&twice, &again, "identity_providers[1].capabilities", "at most one");
    assert!(mistakes(&twice.replace("# again", "\nenabled = false")).starts_with("no mistake"));
}

/// A file with one local provider.
fn local(provider: &str, user: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n{provider}\n\
         [[identity_providers.settings.users]]\n{user}\n"
    )
}

/// As dex's own example has it, at another cost.
const BCRYPT: &str = "$2b$12$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T/W";

/// Taken, and never without a word.
#[test]
fn hashes_that_users_come_with() {
    for (cost, told) in [
        ("12", "72 bytes"),
        ("10", "72 bytes"),
        ("15", "72 bytes"),
        ("09", "little to guess"),
        ("04", "little to guess"),
    ] {
        for version in ["$2a$", "$2b$", "$2y$"] {
            let hash = BCRYPT.replace("$2b$", version).replace("$12$", &format!("${cost}$"));
            let user = format!("username = \"ada\"\npassword_hash = \"{hash}\"");
            let text = format!("[jwt]\niss = \"pasee.example.com\"\n{}", local("", &user));
            let settings = parse(Path::new("settings.toml"), &text).unwrap();
            let warnings: Vec<String> = settings.warnings.iter().map(ToString::to_string).collect();
            let warned =
                |text: &String| text.contains("users[0].password_hash") && text.contains(told);
            assert!(warnings.iter().any(warned), "{hash}: {warnings:?}");
            assert!(!warnings.concat().contains(&hash), "the hash is shown nowhere");
        }
    }
}

#[test]
fn keys_of_local_users() {
    let (username, hash) = ("username = \"ada\"", format!("password_hash = \"{HASH}\""));
    let ada = format!("{username}\n{hash}");
    assert!(mistakes(&local("", &ada)).starts_with("no mistake"));
    for wrong in [
        "host = \"h\"",
        "port = 1",
        "endpoint = \"http://h/\"",
        "capabilities = [\"register_user\"]",
    ] {
        let key = wrong.split(' ').next().unwrap();
        let key = format!("identity_providers[0].{key}");
        assert_mistake(&local(wrong, &ada), wrong, &key, "leave it out");
    }
    let user = "identity_providers[0].settings.users[0]";
    let header = "[[identity_providers.settings.users]]";
    assert_mistake(&local("", &hash), header, &format!("{user}.username"), "\"ada\"");
    assert_mistake(&local("", username), header, &format!("{user}.password_hash"), "hash-password");
    for (wrong, right) in [
        ("username = 1", "a text"),
        ("username = \"\"", "looks like kisee-john"),
        ("username = \" ada\"", "space"),
    ] {
        assert_mistake(
            &local("", &format!("{wrong}\n{hash}")),
            wrong,
            &format!("{user}.username"),
            right,
        );
    }
    for wrong in [
        "secret",
        "",
        &BCRYPT.replace("$2b$", "$2x$"),
        &BCRYPT.replace("$2b$", "$2$"),
        &BCRYPT.replace("$12$", "$16$"),
        &BCRYPT.replace("$12$", "$03$"),
        &BCRYPT.replace("$12$", "$012$"),
        &BCRYPT.replace("$12$", "$+9$"),
        &BCRYPT.replace('/', "="),
        &BCRYPT[..59],
        &format!("{BCRYPT}x"),
        &HASH.replace("argon2id", "argon2i"),
        &HASH.replace("m=19456", "m=1"),
        &HASH[..40],
        &HASH.replace("m=19456", "m=1048577"),
        &HASH.replace("t=2", "t=4294967295"),
    ] {
        let wrong = format!("password_hash = \"{wrong}\"");
        let text = local("", &format!("{username}\n{wrong}"));
        assert_mistake(&text, &wrong, &format!("{user}.password_hash"), "a right one");
    }
    for (wrong, key, right) in [
        ("claims = 1", "claims", "claims] with its keys below"),
        ("claims = { groups = \"staff\" }", "claims.groups", "reserved"),
        ("claims = { \"e mail\" = \"x\" }", "claims.\"e mail\"", "such as email"),
        ("claims = { email = 1.5 }", "claims.email", "a list of at most"),
        ("claims = { email = 2026-11-24 }", "claims.email", "a text of at most 1024"),
        ("claims = { email = [1] }", "claims.email", "a whole number"),
        ("claims = { email = { a = 1 } }", "claims.email", "a right one is true"),
    ] {
        let text = local("", &format!("{ada}\n{wrong}"));
        assert_mistake(&text, wrong, &format!("{user}.{key}"), right);
    }
    let twice = format!("{}{header}\n{username} # again\n{hash}", local("", &ada));
    let again = "identity_providers[0].settings.users[1].username";
    assert_mistake(&twice, "username = \"ada\" # again", again, "a name of their own");
    let bare = "[[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n";
    assert_mistake(bare, "[[", "identity_providers[0].settings", "settings.users]] with username");
    let empty = format!("{bare}[identity_providers.settings]\n");
    assert_mistake(
        &empty,
        "[identity_providers.settings]",
        "identity_providers[0].settings.users",
        "settings.users]] with username",
    );
    let one = format!("{bare}settings.users = 1");
    assert_mistake(
        &one,
        "settings",
        "identity_providers[0].settings.users",
        "settings.users]] once for each",
    );
}

/// A file with one provider: its lines, with `protocol` before and `[….settings]` after.
fn other(protocol: &str, provider: &str, settings: &str) -> String {
    format!(
        "[[identity_providers]]\nprotocol = \"{protocol}\"\n{provider}\n[identity_providers.settings]\n{settings}\n"
    )
}

#[test]
fn keys_of_another_pasee() {
    let at = "name = \"externals\"\nendpoint = \"https://inner.example.com/\"";
    let right = "issuer = \"inner.example.com\"\nproviders = [\"internals\"]";
    let key = |key: &str| format!("identity_providers[0].settings.{key}");
    for more in [
        String::new(),
        format!("public_keys = [\"{PUBLIC}\"]"),
        "audience = \"a\"\nidp = \"internals\"\ntimeout = \"5s\"\nca_file = \"ca.pem\"".to_owned(),
    ] {
        let found = mistakes(&other("pasee", at, &format!("{right}\n{more}")));
        assert!(found.starts_with("no mistake"), "{found}");
    }
    let alone = other("pasee", at, "issuer = \"inner.example.com\"\nidp = \"internals\"");
    assert!(mistakes(&alone).contains("providers: [\"internals\"]"), "{}", mistakes(&alone));
    for (wrong, name, says) in [
        ("issuer = 1", "issuer", "a text"),
        ("issuer = \"a b\"", "issuer", "such as pasee.example.com"),
        ("issuer = \"pasee.example.com\"", "issuer", "a token of our own is no login"),
    ] {
        let text = other("pasee", at, &format!("providers = [\"internals\"]\n{wrong}"));
        assert_mistake(&text, wrong, &key(name), says);
    }
    for (wrong, name, says) in [
        ("audience = 1", "audience", "a text"),
        ("audience = \"\"", "audience", "such as pasee.example.com"),
        ("idp = 1", "idp", "a text"),
        ("idp = \"a-b\"", "idp", "such as kisee"),
        ("idp = \"others\"", "idp", "is not among providers"),
        ("public_keys = []", "public_keys", "leave it out to fetch those"),
        ("public_keys = [\"x\"]", "public_keys[0]", "-----BEGIN PUBLIC KEY-----"),
        ("timeout = 0", "timeout", "from 1 to 60"),
        ("ca_file = \"\"", "ca_file", "\"some/name\""),
        ("isuer = 1", "isuer", "the nearest known one is issuer"),
    ] {
        let text = other("pasee", at, &format!("{right}\n{wrong}"));
        assert_mistake(&text, wrong, &key(name), says);
    }
    for (wrong, name, says) in [
        ("providers = []", "providers", "[\"internals\"]"),
        ("providers = \"internals\"", "providers", "a list"),
        ("providers = [\"a-b\"]", "providers[0]", "such as kisee"),
    ] {
        let text = other("pasee", at, &format!("issuer = \"inner.example.com\"\n{wrong}"));
        assert!(mistakes(&text).contains(&key(name)), "{wrong}");
        assert!(mistakes(&text).contains(says), "{wrong}: {}", mistakes(&text));
    }
    let head = "[identity_providers.settings]";
    assert_mistake(&other("pasee", at, "providers = [\"a\"]"), head, &key("issuer"), "its iss");
    assert_mistake(
        &other("pasee", at, "issuer = \"i\""),
        head,
        &key("providers"),
        "[\"internals\"]",
    );
    let registers = format!("{at}\ncapabilities = [\"register_user\"]");
    let capabilities = "identity_providers[0].capabilities";
    assert_mistake(
        &other("pasee", &registers, right),
        "capabilities",
        capabilities,
        "nobody registers",
    );
}

/// What goes over an open road is warned of, unless it is safe there or the road is short.
#[test]
fn another_pasee_in_the_clear() {
    for (endpoint, settings, expected) in [
        ("https://inner.example.com/", "", None),
        ("http://127.0.0.1:8150/", "", None),
        ("http://[::1]:8150/", "", None),
        ("http://localhost:8150/", "", None),
        ("http://inner.example.com/", "", Some("keys of their own")),
        ("http://10.0.0.1/", "idp = \"internals\"", Some("keys of their own")),
        ("http://10.0.0.1/", "PINNED", None),
        ("http://10.0.0.1/", "idp = \"internals\"\nPINNED", Some("read passwords")),
    ] {
        let pinned = settings.replace("PINNED", &format!("public_keys = [\"{PUBLIC}\"]"));
        let provider = format!("name = \"externals\"\nendpoint = \"{endpoint}\"");
        let right =
            format!("issuer = \"inner.example.com\"\nproviders = [\"internals\"]\n{pinned}");
        let text = format!("[jwt]\niss = \"i\"\n{}", other("pasee", &provider, &right));
        let warnings = parse(Path::new("f.toml"), &text).unwrap().warnings;
        match expected {
            None => assert!(warnings.is_empty(), "{endpoint} {settings}: {warnings:?}"),
            Some(says) => {
                assert!(warnings.len() == 1 && warnings[0].contains(says), "{warnings:?}")
            }
        }
    }
}

#[test]
fn keys_of_a_cluster() {
    let (at, right) = ("name = \"k8s\"", "audience = \"pasee.example.com\"");
    let key = |key: &str| format!("identity_providers[0].settings.{key}");
    for more in ["", "offline = true\nkubeconfig = \"kube/config\"\ntimeout = 10"] {
        let found = mistakes(&other("kubernetes", at, &format!("{right}\n{more}")));
        assert!(found.starts_with("no mistake"), "{found}");
    }
    for (wrong, name, says) in [
        ("offline = \"yes\"", "offline", "true or false"),
        ("kubeconfig = 1", "kubeconfig", "a text"),
        ("kubeconfig = \"~/.kube/config\"", "kubeconfig", "written out"),
        ("timeout = 61", "timeout", "from 1 to 60"),
        ("of_line = true", "of_line", "the nearest known one is offline"),
    ] {
        let text = other("kubernetes", at, &format!("{right}\n{wrong}"));
        assert_mistake(&text, wrong, &key(name), says);
    }
    for (wrong, says) in [
        ("audience = 1", "a text"),
        ("audience = \"a b\"", "such as pasee.example.com"),
        (
            "audience = \"https://kubernetes.default.svc.cluster.local\"",
            "the API server's own audience",
        ),
    ] {
        assert_mistake(&other("kubernetes", at, wrong), wrong, &key("audience"), says);
    }
    let head = "[identity_providers.settings]";
    assert_mistake(&other("kubernetes", at, ""), head, &key("audience"), "projected token");
    for (wrong, name, says) in [
        ("name = \"cluster\"", "name", "has the name \"k8s\""),
        ("endpoint = \"https://10.0.0.1/\"\nname = \"k8s\"", "endpoint", "a kubeconfig says where"),
        ("capabilities = [\"register_user\"]\nname = \"k8s\"", "capabilities", "nobody registers"),
    ] {
        let first = wrong.lines().next().unwrap();
        let text = other("kubernetes", wrong, right);
        assert_mistake(&text, first, &format!("identity_providers[0].{name}"), says);
    }
}

/// Whoever has the name has the users.
#[test]
fn names_that_belong_to_others() {
    let named = |name: &str, protocol: &str, settings: &str| {
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\n[identity_providers.settings]\n{settings}\n"
        )
    };
    let local = format!("users = [{{ username = \"ada\", password_hash = \"{HASH}\" }}]");
    let cluster = "audience = \"pasee.example.com\"";
    for (name, protocol, settings) in
        [("corp", "local", local.as_str()), ("k8s", "kubernetes", cluster)]
    {
        let told = mistakes(&named(name, protocol, settings));
        assert!(told.starts_with("no mistake"), "{name}: {told}");
    }
    for (name, protocol, settings, words) in [
        ("k8s", "local", local.as_str(), "belongs to the protocol \"kubernetes\""),
        ("prod", "kubernetes", cluster, "kubernetes has the name"),
        ("client", "local", local.as_str(), "reserved for programs"),
        ("client", "kubernetes", cluster, "reserved for programs"),
    ] {
        let line = format!("name = \"{name}\"");
        assert_mistake(
            &named(name, protocol, settings),
            &line,
            "identity_providers[0].name",
            words,
        );
    }
}

/// What is made here is an identifier.
#[test]
fn names_of_local_users() {
    let named = |username: &str| {
        format!(
            "[[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n[[identity_providers.settings.users]]\n\
             username = \"{username}\"\npassword_hash = \"{HASH}\"\n"
        )
    };
    for right in ["ada", "Ada Lovelace", "o'brien+x@example.com", "jos\u{e9}", "\u{65e5}\u{672c}"] {
        let told = mistakes(&named(right));
        assert!(told.starts_with("no mistake"), "{right}: {told}");
    }
    for (wrong, words) in [
        ("root\u{200b}", "U+200B"),
        ("\u{202e}toor", "U+202E"),
        ("\u{3164}", "U+3164"),
        ("a\u{a0}b", "U+00A0"),
        ("a  b", "single spaces"),
        ("\u{ff41}da", "letters, digits and ASCII punctuation"),
        ("\u{1f9be}", "letters, digits and ASCII punctuation"),
    ] {
        let line = format!("username = \"{wrong}\"");
        let key = "identity_providers[0].settings.users[0].username";
        assert_mistake(&named(wrong), &line, key, words);
    }
}
