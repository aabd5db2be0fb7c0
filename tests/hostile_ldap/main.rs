//! Directories that hang, flood, lie and break LDAP, and people who type what is no name: nobody gets in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod accounts;
mod answers;
mod groups;
mod leaving;
mod pool;
mod presence;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use pasee::idp::ProviderError;
use support::ldap::wire::{self, Filter, Question};
use support::ldap::{ACCOUNT, ADA, ADA_UUID, Directory, PEOPLE, ada, clear, log_in};
use support::patience::eventually;
use support::raw_server::Step;

/// A directory that behaves: who it is, what passes, what is asked for and nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_behaves() {
    let directory = Directory::start().await;
    let provider = "claims = [\"mail\", \"preferred_username\"]\nrequired_claims = { employeeType = \"research\" }";
    let providers = clear(&directory, provider, &[]);
    let identity = ada(&providers).await.unwrap();
    assert_eq!(identity.user.as_str(), format!("corp-{ADA_UUID}"));
    let claims: Vec<String> =
        identity.claims.iter().map(|(name, value)| format!("{name} {value:?}")).collect();
    assert_eq!(claims, ["mail Text(\"ada@example.com\")", "preferred_username Text(\"ada\")"]);

    eventually("it is told goodbye", || directory.asked().len() == 4);
    let asked = directory.asked();
    let [account, search, proof, goodbye] = &asked[..] else { panic!("{asked:?}") };
    assert!(
        matches!(account, Question::Bind { connection: 0, dn, password, .. } if (dn.as_str(), password.as_str()) == ACCOUNT)
    );
    let Question::Search {
        connection: 0,
        base,
        subtree,
        follows_aliases,
        most,
        filter,
        attributes,
        ..
    } = search
    else {
        panic!("{search:?}")
    };
    assert_eq!((base.as_str(), *subtree, *follows_aliases, *most), (PEOPLE, true, false, 2));
    let equal = |name: &str, value: &str| Filter::Equal(name.into(), value.into());
    assert_eq!(
        *filter,
        Filter::And(vec![equal("objectClass", "inetOrgPerson"), equal("uid", "ada")])
    );
    assert_eq!(*attributes, ["entryUUID", "uid", "mail", "employeeType"]);
    // The password is shown on a connection of its own, on which nothing is looked for.
    assert!(
        matches!(proof, Question::Bind { connection: 1, dn, password, .. } if (dn.as_str(), password.as_str()) == ADA)
    );
    assert!(matches!(goodbye, Question::Unbind { .. }));

    // Another login searches on the connection of the first.
    assert!(ada(&providers).await.is_ok());
    assert_eq!(directory.connections(), 3);
    assert_eq!(directory.asked().iter().filter(|asked| asked.binds(ACCOUNT.0)).count(), 1);
}

/// Only the right password of one who is there.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_passwords() {
    let directory = Directory::start().await;
    let providers = clear(&directory, "", &[]);
    let corp = providers.get("corp").unwrap();
    for (login, password) in [
        ("ada", "wrong"),
        ("ada", "lovelace-passw0rd"),
        ("ada", "lovelace-Passw0rd\0"),
        ("eve", ADA.1),
        ("nobody", ADA.1),
        (ADA.0, ADA.1),
        (ACCOUNT.0, ACCOUNT.1),
        ("pasee", ACCOUNT.1),
    ] {
        let result = log_in(corp, login, password).await;
        assert_eq!(result.unwrap_err(), ProviderError::Refused, "{login} {password}");
    }
    // As one and the same user, however it is written.
    for login in ["ada", "ADA", "Ada"] {
        let identity = log_in(corp, login, ADA.1).await.unwrap();
        assert_eq!(identity.user.as_str(), format!("corp-{ADA_UUID}"));
    }
}

/// Whoever is unknown costs the directory what somebody known costs it, and their password is not told to it.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_logins_look_like_known_ones() {
    let kinds = async |login: &'static str| {
        let directory = Directory::start().await;
        let providers = clear(&directory, "", &[]);
        let result = log_in(providers.get("corp").unwrap(), login, "guessed-Passw0rd").await;
        assert_eq!(result.unwrap_err(), ProviderError::Refused);
        eventually("it is told goodbye", || directory.asked().len() == 4);
        let asked = directory.asked();
        if login == "nobody" {
            let told = |asked: &Question| matches!(asked, Question::Bind { password, .. } if password == "guessed-Passw0rd");
            assert!(!asked.iter().any(told), "{asked:?}");
        }
        let kind = |asked: &Question| match asked {
            Question::Bind { connection, password, .. } => {
                assert!(!password.is_empty());
                format!("bind on {connection}")
            }
            Question::Search { connection, .. } => format!("search on {connection}"),
            other => format!("{other:?}"),
        };
        asked.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("ada").await, kinds("nobody").await);
}

/// Whoever is unknown is told what somebody known is told, also while the directory checks no passwords.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_logins_fail_like_known_ones() {
    for (says, expected) in [
        (Some(51), ProviderError::Unreachable),
        (Some(52), ProviderError::Unreachable),
        (Some(13), ProviderError::Misconfigured("it wants TLS, which the settings leave out")),
        (Some(80), ProviderError::InvalidResponse("it says no to what we ask")),
        (None, ProviderError::Unreachable),
    ] {
        for login in ["ada", "nobody"] {
            let directory = Directory::spoiled(move |question| {
                let is_proof =
                    matches!(question, Question::Bind { .. }) && !question.binds(ACCOUNT.0);
                is_proof.then(|| match says {
                    Some(code) => vec![Step::Bytes(wire::bound(question.id(), code, ""))],
                    None => vec![Step::Close],
                })
            })
            .await;
            let providers = clear(&directory, "", &[]);
            let result = log_in(providers.get("corp").unwrap(), login, "guessed-Passw0rd").await;
            assert_eq!(result.unwrap_err(), expected, "{login} {says:?}");
        }
    }
}

/// A login without a password is one as nobody in particular, and this directory says yes to it: it is not even asked.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_what_is_no_login() {
    let directory = Directory::start().await;
    let providers = clear(&directory, "", &[]);
    let corp = providers.get("corp").unwrap();
    let long = "a".repeat(257);
    for (login, password) in [
        ("ada", ""),
        ("", ""),
        ("", ADA.1),
        (long.as_str(), ADA.1),
        ("ada\0", ADA.1),
        ("\0", ADA.1),
        ("ada\n", ADA.1),
        ("ada\u{7f}", ADA.1),
        // What is a text without anything for whoever reads texts up to a NUL.
        ("ada", "\0"),
        ("ada", "\0lovelace-Passw0rd"),
        ("ada", "lovelace-Passw0rd\0"),
    ] {
        let result = log_in(corp, login, password).await;
        assert_eq!(result.unwrap_err(), ProviderError::Refused, "{login:?}");
    }
    assert_eq!(directory.connections(), 0);
}

/// What somebody types is the value of one comparison, to the byte, and the filter stays what the settings say.
#[tokio::test(flavor = "multi_thread")]
async fn no_login_changes_the_question() {
    let directory = Directory::start().await;
    let providers = clear(
        &directory,
        "",
        &["filter = \"(|(&(objectClass=inetOrgPerson)(uid={login}))(mail={login}@x))\""],
    );
    let corp = providers.get("corp").unwrap();
    let equal = |name: &str, value: String| Filter::Equal(name.into(), value.into());
    for login in [
        "*",
        "a*",
        "*)(uid=*",
        "ada)(|(uid=*",
        "ada)(objectClass=*",
        "*))(|(uid=*",
        "x)(|(objectClass=*)(uid=ada",
        "\\2a",
        "\\",
        "\\00",
        "(uid=ada)",
        "&",
        "|",
        "!",
        "ada,ou=people,dc=example,dc=com",
        "ada+uid=eve",
        "uid=ada",
        "{login}",
        "{dn}",
        "{0}",
        "%s",
        "#616461",
        "a\u{301}da",
        "ａda",
        "ada ",
        " ada",
        "\u{202e}ada",
        "ada\u{a0}",
        "\"ada\"",
        "'",
        "ada;lang-en",
        "1.1",
        "\u{fffd}",
        "=",
        "~=",
        ":=",
        ":dn:=",
    ] {
        for password in [ADA.1, "wrong", "*", ACCOUNT.1] {
            let result = log_in(corp, login, password).await;
            assert_eq!(result.unwrap_err(), ProviderError::Refused, "{login}");
        }
        let asked = directory.asked();
        let found = asked.iter().rev().find_map(|asked| match asked {
            Question::Search { filter, .. } => Some(filter),
            _ => None,
        });
        let wanted = Filter::Or(vec![
            Filter::And(vec![
                equal("objectClass", "inetOrgPerson".into()),
                equal("uid", login.into()),
            ]),
            equal("mail", format!("{login}@x")),
        ]);
        assert_eq!(*found.unwrap(), wanted);
    }
    assert!(log_in(corp, "ada", ADA.1).await.is_ok(), "the filter lets in whom it should");
}

/// Each directory without an account of its own for us is asked as nobody in particular: nothing is said before the search.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_account() {
    let directory = Directory::start().await;
    let providers = clear(&directory, "", &["-bind_dn", "-bind_password"]);
    assert!(ada(&providers).await.is_ok());
    let asked = directory.asked();
    assert!(matches!(asked[0], Question::Search { .. }), "{asked:?}");
    assert_eq!(asked.iter().filter(|asked| matches!(asked, Question::Bind { .. })).count(), 1);
}

/// No password stands in what a program may print of its settings.
#[test]
fn settings_keep_their_password() {
    let said = format!("{:?}", support::ldap::providers("ldaps://127.0.0.1", "", &[]));
    assert!(!said.contains(ACCOUNT.1), "{said}");
}
