//! Whether somebody who has logged in before still has an account, asked for by our own account without them.
//!
//! Only what is clear ends anything: an entry that is not there while the directory shows us where it would be, one that says it
//! is disabled, or one that does not match what the settings ask of it. A lock for wrong passwords is none of these: anybody can
//! cause one. Must not know what becomes of a session.

use super::connection::{Completeness, Connection, Found, Trouble};
use super::entry::{Entry, subject_bytes};
use super::message::{Filling, NO_ATTRIBUTES, Search, SearchFilter, SearchScope};
use crate::idp::identity::Presence;
use crate::settings::{FilterNode, FilterValue, Ldap};

/// Attributes by which directories say that an account is disabled, asked for by name: some are shown in no other way.
const SIGNS: [&str; 4] =
    [NS_ACCOUNT_LOCK, USER_ACCOUNT_CONTROL, PWD_ACCOUNT_LOCKED_TIME, LOGIN_DISABLED];
/// 389 Directory Server and FreeIPA: `TRUE`.
const NS_ACCOUNT_LOCK: &str = "nsAccountLock";
/// Active Directory: a number, of which the second bit is ACCOUNTDISABLE (MS-ADTS section 2.2.16).
const USER_ACCOUNT_CONTROL: &str = "userAccountControl";
const ACCOUNTDISABLE: i64 = 2;
/// OpenLDAP with a password policy: this moment is an administrator's lock for good, any other one for wrong passwords
/// (draft-behera-ldap-password-policy section 5.3.3).
const PWD_ACCOUNT_LOCKED_TIME: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str = "000001010000Z";
/// eDirectory: `TRUE`.
const LOGIN_DISABLED: &str = "loginDisabled";

/// Whether the one of this subject has an account.
pub(super) async fn presence(
    connection: &mut Connection,
    settings: &Ldap,
    subject: &str,
    seconds: u32,
) -> Result<Presence, Trouble> {
    let value = subject_bytes(&settings.subject, subject)
        .ok_or(Trouble::Invalid("a session of a subject that nobody can have there"))?;
    let filter = FilterNode::Equal(settings.subject.clone(), FilterValue::of(value));
    let mut asked = vec![settings.subject.as_str()];
    asked.extend(SIGNS.into_iter().filter(|sign| !sign.eq_ignore_ascii_case(&settings.subject)));
    let nobody = [Filling::default()];
    let search = Search {
        base: &settings.base,
        scope: SearchScope::Subtree,
        filter: SearchFilter::OneOf(&filter, &nobody),
        attributes: &asked,
        most: 2,
        seconds,
    };
    let Found { mut entries, completeness } = connection.search(&search).await?;
    let Some(entry) = entries.pop() else {
        if completeness == Completeness::More {
            return Err(Trouble::Invalid("nobody, and more than that"));
        }
        return match is_there(connection, &settings.base, None, seconds).await? {
            true => Ok(Presence::Gone),
            false => {
                Err(Trouble::Invalid("it shows nobody, nor the base below which everybody is"))
            }
        };
    };
    if !entries.is_empty() || completeness == Completeness::More {
        return Err(Trouble::Invalid("more than one user of this subject"));
    }
    // Directories compare some attributes otherwise than we do.
    if entry.subject(&settings.subject).ok().is_none_or(|found| found.as_str() != subject) {
        return Err(Trouble::Invalid("a user of another subject than was asked for"));
    }
    if let Some(sign) = sign_of(&entry) {
        return Ok(Presence::Disabled(sign));
    }
    match &settings.recheck_filter {
        Some(filter) if !is_there(connection, &entry.dn, Some(filter.root()), seconds).await? => {
            Ok(Presence::Disabled("recheck_filter"))
        }
        _ => Ok(Presence::There),
    }
}

/// Whether an entry is shown to us, as one that matches.
async fn is_there(
    connection: &mut Connection,
    dn: &str,
    filter: Option<&FilterNode>,
    seconds: u32,
) -> Result<bool, Trouble> {
    let nobody = [Filling::default()];
    let search = Search {
        base: dn,
        scope: SearchScope::Base,
        filter: filter.map_or(SearchFilter::Any, |filter| SearchFilter::OneOf(filter, &nobody)),
        attributes: &[NO_ATTRIBUTES],
        most: 1,
        seconds,
    };
    Ok(!connection.search(&search).await?.entries.is_empty())
}

/// By which attribute an entry says that it is disabled.
fn sign_of(entry: &Entry) -> Option<&'static str> {
    let is = |sign: &str, text: &str| {
        entry.text(sign).is_some_and(|found| found.eq_ignore_ascii_case(text))
    };
    let control = entry.text(USER_ACCOUNT_CONTROL).and_then(|text| text.parse::<i64>().ok());
    if control.is_some_and(|control| control & ACCOUNTDISABLE != 0) {
        return Some(USER_ACCOUNT_CONTROL);
    }
    [(NS_ACCOUNT_LOCK, "TRUE"), (LOGIN_DISABLED, "TRUE"), (PWD_ACCOUNT_LOCKED_TIME, FOR_GOOD)]
        .into_iter()
        .find_map(|(sign, text)| is(sign, text).then_some(sign))
}

#[cfg(test)]
mod tests {
    use super::super::message::RawEntry;
    use super::*;

    #[test]
    fn only_what_is_clear() {
        for (name, value, expected) in [
            ("nsAccountLock", "TRUE", Some("nsAccountLock")),
            ("nsaccountlock", "true", Some("nsAccountLock")),
            ("nsAccountLock", "FALSE", None),
            ("nsAccountLock", "", None),
            ("userAccountControl", "514", Some("userAccountControl")),
            ("userAccountControl", "66050", Some("userAccountControl")),
            ("userAccountControl", "512", None),
            ("userAccountControl", "528", None),
            ("userAccountControl", "2x", None),
            ("userAccountControl", "-2147483646", Some("userAccountControl")),
            ("pwdAccountLockedTime", "000001010000Z", Some("pwdAccountLockedTime")),
            ("pwdAccountLockedTime", "20261126063000Z", None),
            ("loginDisabled", "TRUE", Some("loginDisabled")),
            ("shadowExpire", "1", None),
            ("description", "TRUE", None),
        ] {
            let value = value.as_bytes();
            let raw = RawEntry { dn: b"uid=ada", attributes: vec![(name.as_bytes(), vec![value])] };
            let entry = Entry::new(&raw, &SIGNS).unwrap();
            assert_eq!(sign_of(&entry), expected, "{name}: {value:?}");
        }
        let raw = RawEntry {
            dn: b"uid=ada",
            attributes: vec![(b"nsAccountLock", vec![b"TRUE", b"FALSE"])],
        };
        assert_eq!(sign_of(&Entry::new(&raw, &SIGNS).unwrap()), None, "two values say nothing");
    }
}
