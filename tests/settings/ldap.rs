//! An LDAP directory: what is accepted, and wrong values for every key.

use std::path::Path;
use std::time::Duration;

use pasee::settings::{
    Hole, Ldap, LdapFilter, LdapGroups, LdapSecurity, Nesting, Protocol, Settings, parse,
};

use crate::mistakes::{assert_mistake, mistakes};

const ENDPOINT: &str = "endpoint = \"ldaps://ldap.example.com\"";
const LEAST: &str = "base = \"ou=people,dc=example,dc=com\"\nfilter = \"(uid={login})\"";

fn file(provider: &str, settings: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\n{provider}\n[identity_providers.settings]\n{settings}\n"
    )
}

fn settings(provider: &str, settings: &str) -> Settings {
    let text = format!("{}\n[jwt]\niss = \"pasee.example.com\"\n", file(provider, settings));
    parse(Path::new("dir/f.toml"), &text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn ldap(settings: &Settings) -> &Ldap {
    match &settings.identity_providers[0].protocol {
        Protocol::Ldap(ldap) => ldap,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults() {
    let settings = settings(ENDPOINT, LEAST);
    assert_eq!(settings.warnings, [] as [&str; 0]);
    let ldap = ldap(&settings);
    assert_eq!((ldap.place.port, ldap.place.security), (636, LdapSecurity::Tls));
    assert_eq!((ldap.subject.as_str(), ldap.username.as_str()), ("entryUUID", "uid"));
    assert_eq!((ldap.connections, ldap.timeout), (16, Duration::from_secs(5)));
    assert!(ldap.account.is_none() && ldap.groups.is_none() && ldap.ca_file.is_none());
}

/// Nothing is in the clear that is not said to be, and what is said to be is told of, unless it stays on this machine.
#[test]
fn places() {
    let plain = "\nplaintext_passwords = true";
    for (endpoint, more, place, security, warned) in [
        ("ldaps://a", "", "ldaps://a:636", LdapSecurity::Tls, false),
        ("ldaps://a:6360/", "", "ldaps://a:6360", LdapSecurity::Tls, false),
        ("LDAPS://[2001:db8::1]", "", "ldaps://[2001:db8::1]:636", LdapSecurity::Tls, false),
        ("ldap://192.0.2.1", "", "ldap://192.0.2.1:389", LdapSecurity::StartTls, false),
        ("ldap://localhost", "", "ldap://localhost:389", LdapSecurity::StartTls, false),
        (
            "ldap://a",
            "\nplaintext_passwords = false",
            "ldap://a:389",
            LdapSecurity::StartTls,
            false,
        ),
        ("ldap://a:1389", plain, "ldap://a:1389", LdapSecurity::Nothing, true),
        ("ldap://192.0.2.1", plain, "ldap://192.0.2.1:389", LdapSecurity::Nothing, true),
        ("ldap://127.0.0.1", plain, "ldap://127.0.0.1:389", LdapSecurity::Nothing, false),
        ("ldap://[::1]", plain, "ldap://[::1]:389", LdapSecurity::Nothing, false),
    ] {
        let settings = settings(&format!("endpoint = \"{endpoint}\""), &format!("{LEAST}{more}"));
        let ldap = ldap(&settings);
        assert_eq!((ldap.place.to_string().as_str(), ldap.place.security), (place, security));
        let warnings = settings.warnings.iter().filter(|text| {
            text.starts_with("dir/f.toml:8: identity_providers[0].settings.plaintext_passwords: every password goes over the wire")
        });
        assert_eq!(warnings.count(), usize::from(warned), "{endpoint}: {:?}", settings.warnings);
        let said = settings.explain().to_string();
        assert_eq!(said.contains("IN THE CLEAR"), security == LdapSecurity::Nothing, "{said}");
    }
}

#[test]
fn groups() {
    let found = |more: &str| {
        let settings = settings(ENDPOINT, &format!("{LEAST}\n{more}"));
        assert_eq!(settings.warnings, [] as [&str; 0]);
        ldap(&settings).groups.clone().unwrap()
    };
    let listed = |nesting| LdapGroups::Listed { attribute: "memberOf".into(), nesting };
    assert_eq!(found("group_attribute = \"memberOf\""), listed(Nesting::None));
    assert_eq!(
        found("group_attribute = \"memberOf\"\nnested_groups = true"),
        listed(Nesting::Followed)
    );
    let searched = |filter: &str, name: Option<&str>, nesting| LdapGroups::Searched {
        base: "ou=g,dc=x".into(),
        filter: LdapFilter::parse(filter, &[Hole::Dn, Hole::Username]).unwrap(),
        name: name.map(Into::into),
        nesting,
    };
    let usual = "(&(objectClass=groupOfNames)(member={dn}))";
    let base = "group_base = \"ou=g,dc=x\"";
    assert_eq!(found(base), searched(usual, None, Nesting::None));
    assert_eq!(
        found(&format!("{base}\nnested_groups = true\ngroup_name = \"cn\"")),
        searched(usual, Some("cn"), Nesting::Followed)
    );
    let posix = "(&(objectClass=posixGroup)(memberUid={username}))";
    assert_eq!(
        found(&format!("{base}\ngroup_filter = \"{posix}\"")),
        searched(posix, None, Nesting::None)
    );
    let chain = "(member:1.2.840.113556.1.4.1941:={dn})";
    assert_eq!(
        found(&format!("preset = \"active_directory\"\n{base}\nnested_groups = true")),
        searched(chain, None, Nesting::None)
    );
}

/// Whose users are known by a UUID: a name is nobody's subject, and whoever writes one is told.
#[test]
fn subjects_that_nobody_has() {
    let said = |subject: &str, name: &str| {
        let settings = settings(ENDPOINT, &format!("{LEAST}\n{subject}"));
        ldap(&settings).impossible(name)
    };
    let uuid = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    assert_eq!(said("", uuid), None);
    assert!(said("", "ada").unwrap().contains("known by entryUUID, such as 7c9e6679-"));
    assert!(said("subject = \"objectguid\"", &uuid.to_uppercase()).is_some());
    assert_eq!(said("subject = \"employeeNumber\"", "ada"), None);
}

#[test]
fn wrong_values() {
    assert!(mistakes(&file(ENDPOINT, LEAST)).starts_with("no mistake"));
    for (wrong, key, right) in [
        ("", "endpoint", "\"ldaps://ldap.example.com\""),
        ("endpoint = 1", "endpoint", "a text"),
        ("endpoint = \"ldap.example.com\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"https://ldap.example.com\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldapi:///run/slapd\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://a:0\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://a:65536\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://ada:x@a\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://a/dc=example,dc=com\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://a?uid\"", "endpoint", "which means StartTLS"),
        ("endpoint = \"ldaps://a b\"", "endpoint", "which means StartTLS"),
    ] {
        let first = if wrong.is_empty() { "[[identity_providers]]" } else { wrong };
        assert_mistake(&file(wrong, LEAST), first, &format!("identity_providers[0].{key}"), right);
    }
    for (wrong, key, right) in [
        ("host = \"a\"", "host", "endpoint = \"ldaps://ldap.example.com\" alone"),
        ("port = 636", "port", "endpoint = \"ldaps://ldap.example.com\" alone"),
        ("claims = [\"userPassword\"]", "claims[0]", "somebody's password"),
        ("claims = { x = \"unicodepwd\" }", "claims.x", "somebody's password"),
        ("claims = [\"/userPassword/0\"]", "claims[0]", "somebody's password"),
        (
            "required_claims = { userPassword = \"x\" }",
            "required_claims.userPassword",
            "somebody's password",
        ),
        (
            "group_mapping = [{ claim = \"USERPASSWORD\", value = \"x\", group = \"y\" }]",
            "group_mapping[0].claim",
            "somebody's password",
        ),
        ("claims = { x = \"/mail\" }", "claims.x", "nothing below it"),
        (
            "required_claims = { \"/mail/0\" = \"x\" }",
            "required_claims.\"/mail/0\"",
            "nothing below it",
        ),
        ("capabilities = [\"register_user\"]", "capabilities", "nobody registers"),
        ("clams = []", "clams", "the nearest known one is claims"),
    ] {
        let text = file(&format!("{ENDPOINT}\n{wrong}"), LEAST);
        assert_mistake(&text, wrong, &format!("identity_providers[0].{key}"), right);
    }
    let settings = "identity_providers[0].settings";
    let at = "[identity_providers.settings]";
    for (lines, key, right) in [
        ("filter = \"(uid={login})\"", "base", "\"ou=people,dc=example,dc=com\""),
        ("base = \"dc=x\"", "filter", "\"(&(objectClass=inetOrgPerson)(uid={login}))\""),
    ] {
        assert_mistake(&file(ENDPOINT, lines), at, &format!("{settings}.{key}"), right);
    }
    for (wrong, key, right) in [
        ("base = \"\"", "base", "\"ou=people,dc=example,dc=com\""),
        ("base = \"people\"", "base", "\"ou=people,dc=example,dc=com\""),
        ("filter = 1", "filter", "a text"),
        (
            "filter = \"uid={login}\"",
            "filter",
            "at its byte 0 does not fit (RFC 4515); a right one is",
        ),
        ("filter = \"(uid={login}\"", "filter", "does not fit"),
        ("filter = \"(uid=ada)\"", "filter", "does not ask for {login}"),
        ("filter = \"(!(uid={login}))\"", "filter", "does not ask for {login}"),
        ("filter = \"(uid=*{login}*)\"", "filter", "has {login} beside *"),
        ("filter = \"(uid={user})\"", "filter", "has {user}, which means nothing here"),
        ("filter = \"(uid=%s)\"", "filter", "does not ask for {login}"),
    ] {
        let other = LEAST.lines().find(|line| !line.starts_with(key)).unwrap();
        let text = file(ENDPOINT, &format!("{other}\n{wrong}"));
        assert_mistake(&text, wrong, &format!("{settings}.{key}"), right);
    }
    for (wrong, key, right) in [
        ("bind_dn = \"cn=pasee\"", "bind_password", "bind_password_file = \"corp.secret\""),
        ("bind_password = \"x\"", "bind_password", "stands without bind_dn"),
        (
            "bind_password = \"\" # empty\nbind_dn = \"cn=pasee\"",
            "bind_password",
            "1 to 1024 bytes",
        ),
        ("bind_dn = \"\"\nbind_password = \"x\"", "bind_dn", "\"cn=pasee,dc=example,dc=com\""),
        (
            "bind_password_file = \"x\"\nbind_password = \"x\"\nbind_dn = \"cn=pasee\"",
            "bind_password_file",
            "beside bind_password",
        ),
        (
            "bind_password_file = \"nowhere\"\nbind_dn = \"cn=pasee\"",
            "bind_password_file",
            "holds the secret alone",
        ),
        ("subject = \"\"", "subject", "names no attribute; a right one is \"entryUUID\""),
        ("subject = \"a b\"", "subject", "names no attribute"),
        ("subject = \"userPassword\"", "subject", "somebody's password"),
        ("username = \"uid;lang-en\"", "username", "names no attribute; a right one is \"uid\""),
        ("preset = \"openldap\"", "preset", "\"active_directory\""),
        ("plaintext_passwords = true", "plaintext_passwords", "stands beside ldaps"),
        ("plaintext_passwords = 1", "plaintext_passwords", "true or false"),
        ("connections = 0", "connections", "from 1 to 256"),
        ("timeout = 61", "timeout", "from 1 to 60 seconds"),
        ("ca_file = \"\"", "ca_file", "\"some/name\""),
        ("group_filter = \"(member={dn})\"", "group_filter", "stands without group_base"),
        ("group_name = \"cn\"", "group_name", "stands without group_base"),
        ("nested_groups = true", "nested_groups", "stands without group_base"),
        (
            "group_attribute = \"memberOf\"\ngroup_base = \"dc=x\"",
            "group_attribute",
            "has one of them",
        ),
        (
            "group_name = \"cn\"\ngroup_attribute = \"memberOf\"",
            "group_name",
            "called by the name of its entry",
        ),
        ("group_attribute = \"\"", "group_attribute", "\"memberOf\""),
        ("group_base = \"x\"", "group_base", "is no name of an entry"),
        (
            "group_filter = \"(member={login})\"\ngroup_base = \"dc=x\"",
            "group_filter",
            "means nothing here",
        ),
        (
            "group_filter = \"(cn=writers)\"\ngroup_base = \"dc=x\"",
            "group_filter",
            "asks neither for {dn}",
        ),
        (
            "nested_groups = true\ngroup_base = \"dc=x\"\ngroup_filter = \"(memberUid={username})\"",
            "nested_groups",
            "needs a group_filter",
        ),
        (
            "nested_groups = true\ngroup_base = \"dc=x\"\ngroup_filter = \"(member:1.2.840.113556.1.4.1941:={dn})\"",
            "nested_groups",
            "leave it out",
        ),
        ("bind_pasword = \"x\"", "bind_pasword", "nearest known one is bind_password"),
        ("nested_group = true", "nested_group", "nearest known one is nested_groups"),
    ] {
        let text = file(ENDPOINT, &format!("{LEAST}\n{wrong}"));
        let first = wrong.lines().next().unwrap();
        let line = if right.starts_with("bind_password_file") { at } else { first };
        assert_mistake(&text, line, &format!("{settings}.{key}"), right);
    }
}

#[test]
fn subjects_that_change_hands_are_warned_of() {
    for name in
        ["uid", "MAIL", "cn", "userPrincipalName", "entrydn", "uidNumber", "krbPrincipalName"]
    {
        let settings = settings(ENDPOINT, &format!("{LEAST}\nsubject = \"{name}\""));
        let [warning] = &settings.warnings[..] else { panic!("{:?}", settings.warnings) };
        assert!(
            warning.contains("settings.subject: can change or pass to somebody else"),
            "{warning}"
        );
        assert!(warning.ends_with("entryUUID, the default, cannot"), "{warning}");
    }
}

/// No password shows in errors, warnings, explanations or `Debug`.
#[test]
fn passwords_stay_unsaid() {
    for text in [
        format!("{LEAST}\nbind_dn = \"cn=pasee\"\nbind_password = \"Canary7f3a\""),
        format!("{LEAST}\nbind_password = \"Canary7f3a\""),
        format!("{LEAST}\nbind_dn = \"cn=pasee\"\nbind_password = [\"Canary7f3a\"]"),
        format!(
            "{LEAST}\nbind_dn = \"cn=pasee\"\nbind_password = \"Canary7f3a\"\nbind_password_file = \"x\""
        ),
        format!("{LEAST}\nbind_dn = \"cn=pasee\"\nbind_pasword = \"Canary7f3a\""),
    ] {
        let text = format!("{}\n[jwt]\niss = \"pasee.example.com\"\n", file(ENDPOINT, &text));
        let said = match parse(Path::new("dir/f.toml"), &text) {
            Ok(settings) => format!("{settings:?} {}", settings.explain()),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains("Canary"), "{said}");
    }
}
