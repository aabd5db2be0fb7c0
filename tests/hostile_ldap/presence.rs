//! What a directory says of somebody who is not there, and what of it ends their sessions: what is clear, and nothing else.

use std::sync::Arc;

use pasee::idp::{Presence, ProviderError};

use crate::support::ldap::wire::{self, Question};
use crate::support::ldap::{
    ACCOUNT, ADA, ADA_UUID, Directory, Entry, Greeting, PEOPLE, clear, entries,
};
use crate::support::raw_server::Step;

/// The same people, below an entry that is there.
fn people() -> Vec<Entry> {
    let mut all = entries();
    all.push(Entry::new(PEOPLE, None, &[("objectClass", "organizationalUnit"), ("ou", "people")]));
    all
}

/// With more in Ada's entry.
fn with(attribute: &str, value: &str) -> Vec<Entry> {
    let mut all = people();
    let ada = all.iter_mut().find(|entry| entry.dn == ADA.0).unwrap();
    ada.attributes.push((attribute.into(), vec![value.into()]));
    all
}

async fn asked(
    entries: Vec<Entry>,
    spoil: impl Fn(&Question) -> Option<Vec<Step>> + Send + Sync + 'static,
    filter: &str,
) -> (Result<Presence, ProviderError>, Vec<Question>) {
    let directory = Directory::with(entries, Arc::new(spoil), Greeting::Clear(None)).await;
    let filter = format!("recheck_filter = \"{filter}\"");
    let changed: &[&str] = if filter.contains('(') { &[&filter] } else { &[] };
    let providers = clear(&directory, "recheck = \"15m\"", changed);
    let user = format!("corp-{ADA_UUID}").parse().unwrap();
    let presence = providers.get("corp").unwrap().presence(&user).await;
    (presence, directory.asked())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entries_say() {
    let gone: Vec<Entry> = people().into_iter().filter(|entry| entry.dn != ADA.0).collect();
    let moved = {
        let mut all = people();
        let ada = all.iter_mut().find(|entry| entry.dn == ADA.0).unwrap();
        ada.dn = "uid=countess,ou=people,dc=example,dc=com".into();
        all
    };
    for (entries, filter, expected) in [
        (people(), "", Presence::There),
        (moved, "", Presence::There),
        (gone, "", Presence::Gone),
        (with("nsAccountLock", "TRUE"), "", Presence::Disabled("nsAccountLock")),
        (with("nsAccountLock", "FALSE"), "", Presence::There),
        (with("userAccountControl", "514"), "", Presence::Disabled("userAccountControl")),
        (with("userAccountControl", "512"), "", Presence::There),
        (
            with("pwdAccountLockedTime", "000001010000Z"),
            "",
            Presence::Disabled("pwdAccountLockedTime"),
        ),
        // Anybody can have an account locked by wrong passwords.
        (with("pwdAccountLockedTime", "20261126063000Z"), "", Presence::There),
        (with("loginDisabled", "TRUE"), "", Presence::Disabled("loginDisabled")),
        (people(), "(employeeType=research)", Presence::There),
        (people(), "(!(employeeType=research))", Presence::Disabled("recheck_filter")),
        (
            with("nsAccountLock", "TRUE"),
            "(employeeType=research)",
            Presence::Disabled("nsAccountLock"),
        ),
    ] {
        let (presence, asked) = asked(entries, |_| None, filter).await;
        assert_eq!(presence, Ok(expected), "{filter}");
        // It is asked as our own account, and nobody's password is shown.
        let binds: Vec<&Question> =
            asked.iter().filter(|asked| matches!(asked, Question::Bind { .. })).collect();
        assert!(binds.len() == 1 && binds[0].binds(ACCOUNT.0), "{asked:?}");
    }
}

/// A directory that shows nothing, is busy, lies, or goes away says nothing of anybody.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_clear() {
    let without_base: Vec<Entry> = entries().into_iter().filter(|it| it.dn != ADA.0).collect();
    let (presence, _) = asked(without_base, |_| None, "").await;
    assert!(matches!(presence, Err(ProviderError::InvalidResponse(_))), "{presence:?}");
    let mut doubled = people();
    let mut again = doubled.iter().find(|entry| entry.dn == ADA.0).unwrap().clone();
    again.dn = "uid=ada2,ou=people,dc=example,dc=com".into();
    doubled.push(again);
    let (presence, _) = asked(doubled, |_| None, "").await;
    assert!(matches!(presence, Err(ProviderError::InvalidResponse(_))), "{presence:?}");
    for code in [1, 3, 4, 8, 10, 11, 13, 32, 34, 50, 51, 52, 53, 80] {
        let spoil = move |question: &Question| {
            let is_search = matches!(question, Question::Search { .. });
            is_search.then(|| vec![Step::Bytes(wire::done(question.id(), code))])
        };
        let (presence, _) = asked(people(), spoil, "").await;
        assert!(presence.is_err(), "{code}: {presence:?}");
    }
    let other = |question: &Question| {
        let Question::Search { id, .. } = question else { return None };
        let eve =
            vec![("entryUUID".to_owned(), vec![b"0b6a5bd4-8a8f-4c5b-9f4e-1c1b6c3f0a11".to_vec()])];
        let mut bytes = wire::entry(*id, ADA.0, &eve);
        bytes.extend(wire::done(*id, 0));
        Some(vec![Step::Bytes(bytes)])
    };
    let (presence, _) = asked(people(), other, "").await;
    assert!(matches!(presence, Err(ProviderError::InvalidResponse(_))), "{presence:?}");
    for step in [Step::Close, Step::Hang, Step::Bytes(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())] {
        let spoil = move |question: &Question| {
            matches!(question, Question::Search { .. }).then(|| vec![step.clone()])
        };
        let (presence, _) = asked(people(), spoil, "").await;
        assert!(presence.is_err(), "{presence:?}");
    }
}
