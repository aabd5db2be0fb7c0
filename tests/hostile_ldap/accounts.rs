//! Accounts that take no logins, and subjects that cannot be one.

use pasee::idp::{AccountState, ProviderError};

use crate::support::ldap::wire::{Question, bound, bound_by_policy};
use crate::support::ldap::{ADA, Directory, Entry, Greeting, PEOPLE, ada, clear, entries, log_in};
use crate::support::raw_server::Step;

/// Whoever knows the password is told what is wrong with the account; everybody else is told what they always are.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_closed() {
    let said = |data: &str| {
        format!(
            "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v4563"
        )
    };
    type Says = Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>;
    let active_directory = |data: &str| -> Says {
        let said = said(data);
        Box::new(move |id| bound(id, 49, &said))
    };
    let policy = |code, policy| -> Says { Box::new(move |id| bound_by_policy(id, code, policy)) };
    let closed = ProviderError::Account;
    for (says, expected) in [
        (active_directory("533"), closed(AccountState::Disabled)),
        (active_directory("532"), closed(AccountState::PasswordExpired)),
        (active_directory("701"), closed(AccountState::Expired)),
        (active_directory("773"), closed(AccountState::PasswordToChange)),
        (active_directory("530"), closed(AccountState::NotNow)),
        (active_directory("775"), ProviderError::Refused),
        (active_directory("52e"), ProviderError::Refused),
        (active_directory("525"), ProviderError::Refused),
        (policy(49, 0), closed(AccountState::PasswordExpired)),
        (policy(0, 0), closed(AccountState::PasswordExpired)),
        (policy(0, 2), closed(AccountState::PasswordToChange)),
        (policy(49, 1), ProviderError::Refused),
        (policy(49, 2), ProviderError::Refused),
    ] {
        let directory = Directory::spoiled(move |question| {
            question.binds(ADA.0).then(|| vec![Step::Bytes(says(question.id()))])
        })
        .await;
        let error = ada(&clear(&directory, "", &[])).await.unwrap_err();
        assert_eq!(error, expected);
    }
    let text = closed(AccountState::Disabled).to_string();
    assert!(text.ends_with("lets nobody in by them: the account is disabled there"), "{text}");
}

/// A subject that nobody can have here is told of once the password is right, and never before.
#[tokio::test(flavor = "multi_thread")]
async fn subjects_that_cannot_be_one() {
    let mut all = entries();
    all.push(Entry::new(
        "uid=odd,ou=people,dc=example,dc=com",
        Some("odd-Passw0rd"),
        &[("objectClass", "inetOrgPerson"), ("uid", "odd"), ("employeeNumber", " 7 ")],
    ));
    let directory =
        Directory::with(all, std::sync::Arc::new(|_: &Question| None), Greeting::Clear(None)).await;
    let providers = clear(&directory, "", &["subject = \"employeeNumber\""]);
    let corp = providers.get("corp").unwrap();
    assert!(matches!(log_in(corp, "odd", "odd-Passw0rd").await, Err(ProviderError::Subject(_))));
    assert_eq!(log_in(corp, "odd", "wrong").await.unwrap_err(), ProviderError::Refused);
    assert!(directory.asked().iter().any(|asked| asked.searches(PEOPLE)));
}
