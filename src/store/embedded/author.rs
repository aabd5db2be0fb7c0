//! Who makes a change, as the log of changes keeps it: a user by their id, or the system user who runs the command line.
//!
//! Must not know what is changed.

use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;

use crate::domain::policy::Permit;

/// Before the name of a system user; no user id has it, as a provider's name has no colon.
const SYSTEM: &str = "system:";

/// The system user of this process, looked up once.
static OPERATOR: LazyLock<String> = LazyLock::new(|| {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid = std::fs::metadata("/proc/self").map(|process| process.uid()).ok();
    let sudo = std::env::var("SUDO_USER").ok();
    named(uid, &users, sudo.as_deref())
});

/// Who makes the change that is permitted.
pub(super) fn of(permit: &Permit) -> &str {
    permit.actor().map_or(operator(), |user| user.as_str())
}

/// The system user of this process.
pub(super) fn operator() -> &'static str {
    &OPERATOR
}

/// The system user by number, with who they were before `sudo`; only root says that, of whom it is no secret.
fn named(uid: Option<u32>, users: &str, sudo: Option<&str>) -> String {
    let Some(uid) = uid else { return format!("{SYSTEM}unknown") };
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    let name = name.unwrap_or_else(|| uid.to_string());
    match sudo.filter(|before| uid == 0 && *before != name && is_name(before)) {
        Some(before) => format!("{SYSTEM}{name} ({before})"),
        None => format!("{SYSTEM}{name}"),
    }
}

/// Whether the text may be the name of a system user, and not what somebody wants a log to show.
fn is_name(text: &str) -> bool {
    let is_right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    (1..=64).contains(&text.len()) && text.chars().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_users_have_their_names() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nbroken\n";
        for (uid, sudo, name) in [
            (Some(0), None, "system:root"),
            (Some(0), Some("ada"), "system:root (ada)"),
            (Some(0), Some("root"), "system:root"),
            (Some(0), Some("x\ny"), "system:root"),
            (Some(33), Some("ada"), "system:www-data"),
            (Some(1000), None, "system:1000"),
            (None, Some("ada"), "system:unknown"),
        ] {
            assert_eq!(named(uid, users, sudo), name);
            let as_user = name.parse::<crate::domain::user::UserId>();
            assert!(as_user.is_err(), "{name} is no user id");
        }
    }
}
