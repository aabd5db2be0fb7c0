//! The settings in docs/identity-providers.md and the pages below it, and what `pasee check` says of them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pasee::settings::{Settings, load};

const KEY: &str = include_str!("../fixtures/keys/p256-sec1.pem");

/// The page on identity providers, and those below it.
pub const PAGE: &str = concat!(
    include_str!("../../docs/identity-providers.md"),
    "\n",
    include_str!("../../docs/identity-providers/kisee.md"),
    "\n",
    include_str!("../../docs/identity-providers/oauth.md"),
    "\n",
    include_str!("../../docs/identity-providers/openid-connect.md"),
    "\n",
    include_str!("../../docs/identity-providers/openid-providers.md"),
    "\n",
    include_str!("../../docs/identity-providers/ldap.md"),
    "\n",
    include_str!("../../docs/identity-providers/pasee.md"),
    "\n",
    include_str!("../../docs/identity-providers/kubernetes.md"),
    "\n",
    include_str!("../../docs/identity-providers/local.md"),
);

/// The blocks of settings of one protocol, in their order.
fn blocks(protocol: &str) -> Vec<&'static str> {
    let blocks = PAGE.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.filter(|block| block.contains(&format!("protocol = \"{protocol}\""))).collect()
}

/// A file with these settings, beside files with the secrets that it names.
fn loaded(block: &str) -> Settings {
    let dir = tempfile::tempdir().unwrap();
    for name in block.split("_file = \"").skip(1) {
        let name = name.split('"').next().unwrap();
        if name.ends_with(".pem") {
            continue;
        }
        // A throw-away key, where it has to be one.
        let content = if name.ends_with(".p8") { KEY } else { "throw-away secret\n" };
        fs::write(dir.path().join(name), content).unwrap();
    }
    let file = dir.path().join("settings.toml");
    fs::write(&file, format!("[jwt]\niss = \"pasee.example.com\"\n{block}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    load(&file).unwrap_or_else(|error| panic!("{block}\n{error}"))
}

#[test]
fn openid_connect() {
    let blocks = blocks("oidc");
    assert_eq!(blocks.len(), 19);
    let listed = "RS256, PS256, ES256, ES384, ES512, EdDSA";
    for (block, says) in blocks.iter().zip([
        "Users corp-… log in through the OpenID provider https://id.example.com as the client pasee with a secret, which asks for \
         openid, profile, email, knows users by sub and believes RS256, PS256, ES256, ES384, ES512, EdDSA, given 5 seconds to \
         answer; of its claims pass email, name.",
        "given 5 seconds to answer; its UserInfo is read too; it must say department=\"research\" or \
         department=\"operations\"; it must say email_verified=true; none of its claims pass; groups=\"writers\" adds the \
         group articles for 1 day.",
        "https://keycloak.example.com/realms/example as the client pasee with a secret",
        "https://accounts.google.com as the client 1234-abcd.apps.googleusercontent.com with a secret",
        "knows users by oid and believes",
        "{tenantid}/v2.0 as the client 11111111-1111-1111-1111-111111111111 with a secret, which asks for openid, profile, email, \
         knows users by oid",
        "which asks for openid, profile, email, groups, knows users by sub",
        "https://example.eu.auth0.com/ as the client auth0-client-id with a secret",
        "groups_direct=\"example/writers\" adds the group articles",
        "cognito:groups=\"writers\" adds the group articles",
        "which asks for openid, allatclaims, knows users by sub",
        "as the client com.example.pasee with a key that signs its secrets, which asks for openid, email, knows users by sub",
        "which asks for openid, knows users by sub",
        "/urn:zitadel:iam:org:project:roles/writers/300300300300300300=\"example.zitadel.cloud\" adds the group articles",
        "https://authentik.example.com/application/o/pasee/ as the client authentik-client-id",
        "its UserInfo is read too",
        "groups=\"example:writers\" adds the group articles",
        "https://rauthy.example.com/auth/v1/ as the client pasee with a secret",
        "https://idm.example.com/oauth2/openid/pasee as the client pasee with a secret",
    ]) {
        let settings = loaded(block);
        let said = settings.explain().to_string();
        assert!(said.contains(says), "{said}\ndoes not say\n{says}");
        assert!(said.contains(listed), "{said}");
        assert!(!said.contains("throw-away") && !said.contains("PRIVATE"), "{said}");
        let warnings = settings.warnings.iter().filter(|text| !text.contains("chmod 600"));
        assert_eq!(warnings.count(), 0, "{:?}", settings.warnings);
    }
}

/// Every provider of the table is described, and every one that is described is in the table.
#[test]
fn providers_one_by_one() {
    let table = PAGE.split("## One by one\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| [")).collect();
    assert_eq!(rows.len(), 19);
    for name in [
        "Keycloak",
        "Entra ID, one tenant",
        "Entra ID, several tenants",
        "Okta",
        "Auth0",
        "Google",
        "GitHub",
        "GitLab",
        "Amazon Cognito",
        "AD FS",
        "Apple",
        "LinkedIn",
        "Twitch",
        "Zitadel",
        "Authentik",
        "Authelia",
        "Dex",
        "Rauthy",
        "Kanidm",
    ] {
        let row = rows.iter().find(|row| row.starts_with(&format!("| [{name}](")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        let tried = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(["real", "played", "settings"].iter().any(|how| tried.contains(how)), "{row}");
        let anchor = row.split("](identity-providers/").nth(1).unwrap().split(')').next().unwrap();
        let anchor = anchor.split('#').nth(1).unwrap();
        let heading = |line: &&str| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            line.starts_with('#') && title == anchor
        };
        assert!(PAGE.lines().any(|line| heading(&line)), "{name}: no heading for #{anchor}");
    }
}

/// As they stand, and with every key that is commented out.
#[test]
fn another_pasee_and_kubernetes() {
    let blocks = [blocks("pasee"), blocks("kubernetes")].concat();
    assert!(blocks.len() >= 3, "{} blocks", blocks.len());
    let mut explained = String::new();
    for block in blocks {
        let optional = block.replace("\n#public_keys = []", "").replace("\n#", "\n");
        for text in [block, &optional] {
            let settings = loaded(text);
            assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
            explained.push_str(&settings.explain().to_string());
        }
    }
    for said in [
        "Users externals-… log in through the Pasee at https://inner.example.com/, believed with the keys it publishes and \
         issuer \"inner.example.com\", users of its internals, with its token, given 5 seconds to answer",
        "for \"outer.example.com\", users of its internals, with its token or with a password of its internals",
        "Users k8s-… are ServiceAccounts with a token for \"pasee.example.com\", which the Kubernetes API server reviews",
        "/kube/config, given 5 seconds to answer",
    ] {
        assert!(explained.contains(said), "{said}\n{explained}");
    }
}

#[test]
fn logins_with_a_password() {
    for (protocol, says) in [
        ("kisee", "believed with 1 public key and issuer \"example.com\""),
        ("local", "Users local-… log in with a password of this file: 1 user"),
    ] {
        let [block] = blocks(protocol)[..] else { panic!("one block of {protocol}") };
        let settings = loaded(block);
        assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
        let said = settings.explain().to_string();
        assert!(said.contains(says) && said.contains("of its claims pass email"), "{said}");
    }
}

/// As they stand, and with every key that is commented out.
#[test]
fn ldap() {
    let blocks = blocks("ldap");
    assert_eq!(blocks.len(), 3);
    for (block, says) in blocks.iter().zip([
        "Users corp-… log in through the LDAP directory ldaps://ldap.example.com:636 as cn=pasee,dc=example,dc=com, found below \
         ou=people,dc=example,dc=com by (&(objectClass=inetOrgPerson)(uid={login})) and known by entryUUID; their groups are cn \
         of what (&(objectClass=groupOfNames)(member={dn})) finds below ou=groups,dc=example,dc=com, given 5 seconds to answer; \
         of its claims pass mail, preferred_username; groups=\"writers\" adds the group articles for 1 day.",
        "by (&(objectCategory=person)(objectClass=user)(sAMAccountName={login})) and known by objectGUID; their groups are cn of \
         what (member:1.2.840.113556.1.4.1941:={dn}) finds below OU=Groups,DC=example,DC=com",
        "ldap://ipa.example.com:389 with StartTLS as uid=pasee,cn=sysaccounts,cn=etc,dc=example,dc=com",
    ]) {
        for text in [(*block).to_owned(), block.replace("\n#", "\n")] {
            let settings = loaded(&text);
            let warnings = settings.warnings.iter().filter(|text| !text.contains("chmod 600"));
            assert_eq!(warnings.count(), 0, "{:?}", settings.warnings);
            let said = settings.explain().to_string();
            assert!(text != *block || said.contains(says), "{said}\ndoes not say\n{says}");
            assert!(!said.contains("throw-away"), "{said}");
        }
    }
}

/// Proxies and authorities: as they stand, and with every key.
#[test]
fn proxies() {
    let block = PAGE.split("```toml\n").find(|block| block.starts_with("[outbound]\n")).unwrap();
    let block = block.split("```").next().unwrap();
    let said = |block: &str| {
        let settings = loaded(block);
        assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
        settings.explain().to_string()
    };
    assert_eq!(said(block).lines().count(), said("").lines().count());
    let said = said(&block.replace("\n#", "\n"));
    for says in [
        "through the proxy http://proxy.example.com:3128.\n",
        "- Calls this machine directly, whatever the proxy, and corp.example.com, 10.0.0.0/8.\n",
        "by the authorities in ",
    ] {
        assert!(said.contains(says), "{said}\ndoes not say\n{says}");
    }
}

/// The webhook of docs/kubernetes.md: as it stands, with every key, and with each mistake in it.
#[test]
fn the_webhook() {
    let page = include_str!("../../docs/kubernetes.md");
    let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.starts_with("[webhook]\n"), "{block}");
    let in_kubernetes = "[storage_backend]\nkind = \"kubernetes\"\n";
    let with = |block: &str, storage: &str| {
        let text = format!("[jwt]\niss = \"pasee.example.com\"\n{storage}{block}");
        pasee::settings::parse(std::path::Path::new("dir/f.toml"), &text)
    };
    let said = |block: &str| {
        let settings = with(block, in_kubernetes).unwrap();
        assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
        settings.explain().to_string()
    };
    let listens =
        "- Judges for the API server, on 0.0.0.0 port 8443, what users called pasee:… write; ";
    assert!(said(block).contains(&format!("{listens}the controller makes its certificate.\n")));
    let all = block.replace("\n#", "\n");
    let files = "certificate dir/tls/webhook.crt, key dir/tls/webhook.key.\n";
    assert!(said(&all).contains(&format!("{listens}{files}")), "{}", said(&all));
    assert!(!said("").contains("Judges"));
    for (block, storage, says) in [
        (
            "[webhook]",
            "",
            "f.toml:3: webhook: judges what is written to Kubernetes; a right one stands beside",
        ),
        ("[webhook]\nport = 0", in_kubernetes, "webhook.port: out of bounds"),
        ("[webhook]\nhost = \"http://x\"", in_kubernetes, "webhook.host: is no address"),
        ("[webhook]\ncert_file = \"x\"", in_kubernetes, "webhook.cert_file: needs the key"),
        ("[webhook]\nkey_file = \"x\"", in_kubernetes, "webhook.key_file: needs the certificate"),
        (
            "[webhook]\nusername_prefix = \"\"",
            in_kubernetes,
            "webhook.username_prefix: is no prefix",
        ),
        ("[webhook]\nusername_prefix = \"system:x:\"", in_kubernetes, "is no prefix"),
        ("[webhook]\ncertfile = \"x\"", in_kubernetes, "the nearest known one is cert_file"),
        ("webhook = 7", "", "this is a whole number"),
    ] {
        let text = if block.starts_with('[') { block.to_owned() } else { String::new() };
        let told = if text.is_empty() {
            let text = format!("{block}\n[jwt]\niss = \"pasee.example.com\"\n");
            pasee::settings::parse(std::path::Path::new("dir/f.toml"), &text)
        } else {
            with(&text, storage)
        };
        let told = told.unwrap_err().to_string();
        assert!(told.contains(says), "{block}: {told}");
    }
}

/// A provider of each protocol, as short as it may be.
fn shortest(protocol: &str) -> String {
    let settings = match protocol {
        "kisee" => "public_keys = []",
        "local" => {
            "users = [{ username = \"you\", password_hash = \"$argon2id$v=19$m=8192,t=2,p=1$y5R+GKIF9P4ZJR2J0RajaA$1PQ0HHYs81eM9akZTq7fKNP+737BAiaIZbU+2KESbUg\" }]"
        }
        "ldap" => "base = \"dc=example\"\nfilter = \"(uid={login})\"",
        "kubernetes" => "audience = \"pasee.example.com\"",
        "oauth1" => "consumer_key = \"a\"\nconsumer_secret = \"b\"",
        "oauth2" => "preset = \"github\"\nclient_id = \"a\"\nclient_secret = \"b\"",
        "oidc" => "issuer = \"https://id.example.com\"\nclient_id = \"a\"",
        "pasee" => "issuer = \"inner.example.com\"\nproviders = [\"internals\"]",
        other => panic!("{other} is new here"),
    };
    let (name, endpoint) = match protocol {
        "kisee" => ("corp", "endpoint = \"http://127.0.0.1:8140/\""),
        "ldap" => ("corp", "endpoint = \"ldaps://ldap.example.com\""),
        "pasee" => ("corp", "endpoint = \"https://inner.example.com/\""),
        "oauth2" => ("corp", "host = \"github.com\""),
        "kubernetes" => ("k8s", ""),
        _ => ("corp", ""),
    };
    let settings =
        if protocol == "oauth2" { &settings[settings.find('\n').unwrap()..] } else { settings };
    let keys = include_str!("../fixtures/settings/seed.toml");
    let keys = keys.lines().skip_while(|line| !line.starts_with("public_keys"));
    let keys: Vec<&str> = keys.take_while(|line| !line.is_empty()).collect();
    let settings = if protocol == "kisee" { keys.join("\n") } else { settings.to_owned() };
    format!(
        "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\n{endpoint}\n[identity_providers.settings]\n{settings}\n"
    )
}

/// The table of who leaves has what the code does.
#[test]
fn who_leaves() {
    let section = PAGE.split("## Who leaves").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `") && !line.starts_with("| `protocol`"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| row.len() == 5)
        .collect();
    assert_eq!(rows.len(), 8, "each protocol");
    let days = |duration: std::time::Duration| format!("{} days", duration.as_secs() / 86_400);
    let minutes = |duration: std::time::Duration| format!("{} minutes", duration.as_secs() / 60);
    for row in rows {
        let [protocol, session, recheck, longest, asked] = row.as_slice() else {
            panic!("{row:?}")
        };
        let protocol = protocol.trim_matches('`');
        let text = shortest(protocol);
        let settings = loaded(&text);
        let (departure, lifetimes) =
            (settings.identity_providers[0].departure, settings.jwt.lifetimes);
        assert_eq!(days(departure.session(lifetimes)), *session, "{protocol}");
        assert_eq!(days(departure.longest(lifetimes)), *longest, "{protocol}");
        let said = settings.explain().to_string();
        assert!(said.contains(&format!("goes on for {longest} at most")), "{said}");
        let text = text.replacen("protocol =", "recheck = \"15m\"\nprotocol =", 1);
        let text = format!("[jwt]\niss = \"pasee.example.com\"\n{text}");
        match pasee::settings::parse(std::path::Path::new("settings.toml"), &text) {
            Ok(settings) => {
                assert_eq!(*recheck, "yes", "{protocol}");
                let departure = settings.identity_providers[0].departure;
                assert_eq!(minutes(departure.longest(lifetimes)), *asked, "{protocol}");
            }
            Err(error) => {
                assert_eq!((*recheck, *asked), ("no", ""), "{protocol}: {error}");
                assert!(error.to_string().contains("ldap and kubernetes"), "{error}");
            }
        }
    }
}

/// The keys in a table of the page, under a heading and before the next.
fn keys_of_table(heading: &str, first: &str) -> BTreeSet<String> {
    let section = PAGE.split(&format!("\n{heading}\n")).nth(1).expect(heading);
    let table = section.split(&format!("| {first} |")).nth(1).expect(first);
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The keys of `[identity_providers.settings]` that a reader asks for by name.
fn keys_of_reader(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let is_key = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut keys = BTreeSet::new();
    for after in code.split("settings").skip(1) {
        let Some((call, rest)) = after.split_once('"') else { continue };
        let call: String = call.split_whitespace().collect();
        let is_asked = ["get(", "text(", "needed(", "flag(", "number(", "texts(", "file("]
            .iter()
            .any(|method| call == format!(".{method}"));
        if !is_asked && call != "," {
            continue;
        }
        let mut texts = rest.split('"').step_by(2);
        let between: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
        keys.extend(texts.next().map(str::to_owned));
        // The name of the file beside.
        if between.first().is_some_and(|between| between.trim() == ",") {
            keys.extend(texts.next().filter(|key| key.ends_with("_file")).map(str::to_owned));
        }
    }
    keys.retain(|key| !key.is_empty() && is_key(key));
    keys
}

/// The tables of keys have those that the readers ask for.
#[test]
fn every_key_of_a_table() {
    let common = include_str!("../../src/settings/provider/callback.rs");
    let oidc = [
        include_str!("../../src/settings/provider/oidc.rs"),
        include_str!("../../src/settings/provider/oidc/client.rs"),
        include_str!("../../src/settings/provider/oidc/issuer.rs"),
        common,
    ];
    let oauth2 = [
        include_str!("../../src/settings/provider/oauth2.rs"),
        include_str!("../../src/settings/provider/preset.rs"),
        common,
    ];
    let ldap = [
        include_str!("../../src/settings/provider/ldap.rs"),
        include_str!("../../src/settings/provider/ldap/groups.rs"),
    ];
    let first = "Key of `[identity_providers.settings]` | What | Default";
    for (heading, protocol, sources, at_least) in [
        ("# OpenID Connect", "oidc", &oidc[..], 20),
        ("## OAuth 2.0", "oauth2", &oauth2[..], 15),
        ("# LDAP", "ldap", &ldap[..], 13),
    ] {
        let told = keys_of_table(heading, first);
        let asked: BTreeSet<String> =
            sources.iter().flat_map(|source| keys_of_reader(source)).collect();
        assert!(asked.len() >= at_least, "{protocol}: {asked:?}");
        let untold: Vec<&String> = asked.difference(&told).collect();
        assert!(untold.is_empty(), "{protocol}: not in the table: {untold:?}");
        // And none that nobody asks for: a wrong value of each is told, but never as a key that is unknown.
        for key in told {
            let text = shortest(protocol);
            let without = text.lines().filter(|line| !line.starts_with(&format!("{key} = ")));
            let text = without.collect::<Vec<_>>().join("\n");
            let text = format!("[jwt]\niss = \"pasee.example.com\"\n{text}\n{key} = 1979-05-27\n");
            let error = pasee::settings::parse(std::path::Path::new("settings.toml"), &text);
            let error = error.expect_err(&key).to_string();
            assert!(error.contains(&format!("settings.{key}: ")), "{protocol} {key}: {error}");
            assert!(!error.contains("is no known key"), "{protocol} {key}: {error}");
        }
    }
}

/// What `pasee check` says is to be registered at a provider.
#[test]
fn where_browsers_come_back() {
    let apple = blocks("oidc").into_iter().find(|block| block.contains("\"apple\"")).unwrap();
    let elsewhere = "callback_url = \"https://login.example.com/tokens/apple/\"";
    let own = "response_mode = \"form_post\"\ncallback = \"path\"";
    assert!(apple.contains(own), "{apple}");
    for (block, says) in [
        (
            apple.to_owned(),
            "from apple to http://127.0.0.1:8150/tokens/apple/: register that there; they bring its answer in a form.\n",
        ),
        (
            apple.replace(own, ""),
            "from apple to http://127.0.0.1:8150/tokens/?idp=apple: register that there.\n",
        ),
        (
            apple.replace(own, elsewhere),
            "from apple to https://login.example.com/tokens/apple/: register that there.\n",
        ),
    ] {
        let said = loaded(&block).explain().to_string();
        assert!(said.contains(&format!("- Browsers come back {says}")), "{said}");
    }
    assert!(!loaded(&shortest("local")).explain().to_string().contains("Browsers"));
}

/// The servers of docs/replicas.md: as they stand there, a list, and each mistake.
#[test]
fn the_peers() {
    let page = include_str!("../../docs/replicas.md");
    let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.starts_with("[peers]\n"), "{block}");
    let with = |block: &str| {
        let text = format!("[jwt]\niss = \"pasee.example.com\"\n{block}");
        pasee::settings::parse(std::path::Path::new("dir/f.toml"), &text)
    };
    let settings = with(block).unwrap();
    let says =
        "- Asks the servers at pasee-peers.pasee.svc:8152, and answers them on 0.0.0.0:8152.\n";
    assert!(settings.explain().to_string().contains(says), "{}", settings.explain());
    let list = "[peers]\nlisten = \"[::1]:8152\"\nadvertise = \"[2001:db8::7]:8152\"\n\
                discover = [\"[2001:db8::7]:8152\", \"b.example.com:8152\", \"10.0.0.7:1\"]";
    let settings = with(list).unwrap();
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
    let says = "- Asks the servers at [2001:db8::7]:8152, b.example.com:8152, 10.0.0.7:1, and answers them on [::1]:8152, which is \
                [2001:db8::7]:8152 to them.\n";
    assert!(settings.explain().to_string().contains(says), "{}", settings.explain());
    let elsewhere = list.replace("[\"[2001:db8::7]:8152\", \"b.example.com:8152\", ", "[");
    let warned = with(&elsewhere).unwrap().warnings;
    assert!(warned.iter().any(|remark| remark.contains("no other server calls this one")));
    for (right, wrong, says) in [
        ("listen = \"0.0.0.0:8152\"", "", "peers.listen: is missing"),
        ("\"0.0.0.0:8152\"", "8152", "peers.listen: this is a whole number"),
        ("\"0.0.0.0:8152\"", "\"0.0.0.0\"", "peers.listen: is no address with a port"),
        ("\"0.0.0.0:8152\"", "\"::1:8152\"", "\"[2001:db8::7]:8152\""),
        ("\"0.0.0.0:8152\"", "\"0.0.0.0:8150\"", "peers.listen: is where something else is served"),
        ("discover = \"pasee-peers.pasee.svc:8152\"", "", "peers.discover: is missing"),
        (
            "\"pasee-peers.pasee.svc:8152\"",
            "\"pasee-peers\"",
            "peers.discover: is no place with a port",
        ),
        ("\"pasee-peers.pasee.svc:8152\"", "\"http://x:8152\"", "peers.discover: is no place"),
        ("\"pasee-peers.pasee.svc:8152\"", "\"2001:db8::7:8152\"", "peers.discover: is no place"),
        ("\"pasee-peers.pasee.svc:8152\"", "\"x:0\"", "peers.discover: is no place"),
        ("\"pasee-peers.pasee.svc:8152\"", "[]", "peers.discover: has 1 to 64 entries"),
        ("\"pasee-peers.pasee.svc:8152\"", "[\"a:1\", \"b\"]", "peers.discover[1]: is no place"),
        ("discover =", "advertise = \"name:1\"\ndiscover =", "peers.advertise: is no address"),
        ("discover =", "discovery = 1\ndiscover =", "the nearest known one is discover"),
    ] {
        let told = with(&block.replacen(right, wrong, 1)).unwrap_err().to_string();
        assert!(told.contains(says), "{wrong}: {told}");
    }
    // Where several may run and nobody says where they are, that is said.
    let several =
        "hostname = \"https://pasee.example.com\"\n[storage_backend]\nkind = \"kubernetes\"\n";
    for (peers, is_advised) in [("", true), (block, false)] {
        let text = format!("{several}[jwt]\niss = \"https://pasee.example.com\"\n{peers}");
        let settings = pasee::settings::parse(std::path::Path::new("dir/f.toml"), &text).unwrap();
        let advised = settings.advice.iter().any(|remark| remark.code() == "no-peers");
        assert_eq!(advised, is_advised, "{peers}");
    }
}
