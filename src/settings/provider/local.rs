//! From a provider's table to [`Local`]: users with password hashes.
//!
//! Must not check a password.

use std::collections::HashSet;
use std::fmt;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use secrecy::SecretString;
use toml::de::DeValue;

use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::user::Subject;
use crate::settings::reader::{Item, Table, integer};

/// The most memory a password hash may take to check, in KiB: 1 GiB.
const MAX_MEMORY: u32 = 1024 * 1024;

/// The most work a password hash may take to check, in KiB of memory times passes: some seconds of one core.
const MAX_WORK: u64 = 4 * 1024 * 1024;

/// The least work that holds off guessing, in the same measure: below every choice of OWASP's Password Storage Cheat
/// Sheet, of which the smallest is 7168 KiB times 5 passes.
const LITTLE_WORK: u64 = 35_000;

/// The most and the least that bcrypt may cost, as powers of two: some seconds of one core, and what OWASP's cheat sheet asks for.
const MAX_BCRYPT: u32 = 15;
const LITTLE_BCRYPT: u32 = 10;

/// Users in the settings file.
#[derive(Debug)]
pub struct Local {
    /// `users`, each name once.
    pub users: Vec<LocalUser>,
}

/// A user in the settings file.
pub struct LocalUser {
    /// `username`: the subject.
    pub username: Subject,
    /// `password_hash`: Argon2id in the PHC string format, at most 1 GiB of memory, and 4 GiB times passes; or bcrypt, at most 2^15
    /// rounds.
    pub password_hash: SecretString,
    /// `claims`: a table of what else is said of the user.
    pub claims: ExtraClaims,
}

impl fmt::Debug for LocalUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalUser").field("username", &self.username).finish_non_exhaustive()
    }
}

pub(super) fn local(table: &Table<'_>) -> Option<Local> {
    for key in ["host", "port", "endpoint"] {
        if let Some(item) = table.get(key) {
            item.error("a local provider is not called; leave it out");
        }
    }
    let right = "[[identity_providers.settings.users]] with username and password_hash";
    if table.get("settings").is_none() {
        table.missing("settings", right);
    }
    let settings = table.table("settings")?;
    if settings.get("users").is_none() {
        settings.missing("users", right);
    }
    let mut names = HashSet::new();
    let mut users = Vec::new();
    for table in settings.tables("users") {
        let username = table.needed("username", "\"ada\"");
        let Some(user) = user(table, username.as_ref()) else { continue };
        if let (false, Some(username)) = (names.insert(user.username.clone()), username) {
            username.error("stands twice; every user has a name of their own");
        }
        users.push(user);
    }
    settings.finish();
    Some(Local { users })
}

fn user(table: Table<'_>, username: Option<&Item<'_, &str>>) -> Option<LocalUser> {
    let username = username
        .and_then(|item| Subject::made_here(item.value).map_err(|error| item.error(error)).ok());
    let hash = table.needed("password_hash", "what pasee hash-password prints");
    let hash = hash.filter(is_usable);
    let claims = table.table("claims").map(claims).unwrap_or_default();
    table.finish();
    Some(LocalUser { username: username?, password_hash: hash?.value.into(), claims })
}

/// Whether a password can be checked against the hash without taking the server's time or memory.
fn is_usable(item: &Item<'_, &str>) -> bool {
    if item.value.starts_with("$2") {
        return is_usable_bcrypt(item);
    }
    let cost = PasswordHash::new(item.value).ok().and_then(|hash| {
        let cost = Params::try_from(&hash).ok()?;
        (hash.algorithm.as_str() == "argon2id" && hash.hash.is_some()).then_some(cost)
    });
    let Some(cost) = cost else {
        item.error(
            "is no Argon2id hash; a right one is what pasee hash-password prints: $argon2id$v=19$…",
        );
        return false;
    };
    let work = u64::from(cost.m_cost()) * u64::from(cost.t_cost());
    if cost.m_cost() > MAX_MEMORY || work > MAX_WORK {
        item.error(
            "costs too much to check; a right one has m ≤ 1048576 and m × t ≤ 4194304, such as m=19456,t=2,p=1",
        );
        return false;
    }
    if work < LITTLE_WORK {
        item.warn("costs little to guess; use what pasee hash-password prints (m=19456,t=2,p=1)");
    }
    true
}

/// The same of a hash that somebody came with from another program.
fn is_usable_bcrypt(item: &Item<'_, &str>) -> bool {
    let Some(cost) = bcrypt_cost(item.value) else {
        item.error(
            "is no hash of bcrypt; a right one has $2a$, $2b$ or $2y$, two digits, $ and 53 characters of A-Z, a-z, 0-9, . and /; a right \
             one for a new user is what pasee hash-password prints",
        );
        return false;
    };
    if cost > MAX_BCRYPT {
        item.error("costs too much to check; a right one of bcrypt has a cost of 15 at most, such as $2b$12$…");
        return false;
    }
    if cost < LITTLE_BCRYPT {
        item.warn("costs little to guess, by bcrypt; use what pasee hash-password prints");
    } else {
        item.warn("is by bcrypt, which looks at 72 bytes of a password and costs guessers little memory; use what pasee hash-password prints");
    }
    true
}

/// The cost of a hash of bcrypt; `None` for what no password could be checked against.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|start| hash.strip_prefix(start))?;
    let (cost, digest) = rest.split_once('$')?;
    let is_right = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    let is_number = cost.len() == 2 && cost.bytes().all(|c| c.is_ascii_digit());
    if !is_number || digest.len() != 53 || !digest.bytes().all(is_right) {
        return None;
    }
    let cost: u32 = cost.parse().ok()?;
    // Checked once at the least cost there is: what that cannot read is none.
    let is_readable = bcrypt::verify("", &format!("$2b$04${digest}")).is_ok();
    ((4..=31).contains(&cost) && is_readable).then_some(cost)
}

fn claims(table: Table<'_>) -> ExtraClaims {
    let mut claims = Vec::new();
    for (name, item) in table.entries() {
        let value = claim(&item).filter(ClaimValue::is_bounded);
        if value.is_none() {
            item.error(
                "is no claim; a right one is true, a whole number, a text of at most 1024 bytes or a list of at most \
                 64 such texts",
            );
        }
        let name = name.parse::<ClaimName>().map_err(|error| item.error(error));
        if let (Ok(name), Some(value)) = (name, value) {
            claims.push((name, value));
        }
    }
    claims.into_iter().collect()
}

fn claim(item: &Item<'_, &DeValue<'_>>) -> Option<ClaimValue> {
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    match item.value {
        DeValue::Boolean(value) => Some(ClaimValue::Bool(*value)),
        DeValue::Integer(number) => integer(number).map(ClaimValue::Integer),
        DeValue::String(text) => Some(ClaimValue::Text(text.clone().into_owned())),
        DeValue::Array(items) => items
            .iter()
            .map(|item| text(item.get_ref()))
            .collect::<Option<_>>()
            .map(ClaimValue::Texts),
        _ => None,
    }
}
