//! Users of the settings file, with Argon2id hashes of their passwords, or those of bcrypt that they came with: for trying out and for
//! break-glass.
//!
//! Unknown users cost as much as known ones, also where those differ among themselves: an unknown login is checked against a decoy
//! with the algorithm and the cost of some user's hash, picked by the login alone, so that it takes each time as long as for
//! somebody, and each kind is met among unknown logins as often as among users. Must not know the network.
//!
//! | File | Owns |
//! |---|---|
//! | `hashing` | the threads that check passwords, and their memory |
//! | `bcrypt_hash` | hashes of other programs |
//! | `turns` | whose turn it is |

mod bcrypt_hash;
mod hashing;
mod turns;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

pub use self::hashing::HashingThreads;
use self::turns::Asking;
use super::error::ProviderError;
use super::identity::Authenticated;
use super::password::PasswordCredential;
use crate::domain::auth_time::AuthTime;
use crate::domain::user::Subject;
use crate::jose::claims::unflattened;
use crate::settings;

/// Users by name.
#[derive(Debug)]
pub(super) struct LocalConnector {
    users: HashMap<String, UserEntry>,
    /// What unknown logins are checked against: one for every user, at that user's cost. At least one.
    decoys: Vec<SecretString>,
    /// Picks the decoy of a login, always the same until the next start; and tells who asks.
    picks: RandomState,
    hashing: HashingThreads,
}

#[derive(Debug)]
struct UserEntry {
    subject: Subject,
    password_hash: SecretString,
    claims: Map<String, Value>,
}

/// A hash that no password is known to match, at the cost this program hashes with.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZGVjb3lkZWNveWRlY295$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";

impl LocalConnector {
    /// The users as the settings list them, and where their passwords are checked.
    pub(super) fn new(settings: &settings::Local, hashing: HashingThreads) -> Self {
        let users: HashMap<String, UserEntry> = settings
            .users
            .iter()
            .map(|user| {
                let entry = UserEntry {
                    subject: user.username.clone(),
                    password_hash: user.password_hash.clone(),
                    claims: unflattened(&user.claims),
                };
                (user.username.as_str().to_owned(), entry)
            })
            .collect();
        let mut decoys: Vec<SecretString> =
            settings.users.iter().map(|user| decoy_like(&user.password_hash)).collect();
        if decoys.is_empty() {
            decoys.push(DECOY.into());
        }
        Self { users, decoys, picks: RandomState::new(), hashing }
    }

    /// Checks a password, in fair turns, on a thread that may take its time.
    pub(super) async fn identify(
        &self,
        credential: PasswordCredential,
    ) -> Result<Authenticated, ProviderError> {
        let PasswordCredential { login, password, client } = credential;
        let user = self.users.get(&login);
        let hash = user.map_or_else(|| self.decoy(&login), |user| &user.password_hash).clone();
        let asking =
            Asking { client: self.picks.hash_one(client), login: self.picks.hash_one(&login) };
        let matches =
            self.hashing.check(asking, hash, password).await.ok_or(ProviderError::Busy)?;
        match user {
            Some(user) if matches => Ok(Authenticated {
                subject: user.subject.clone(),
                claims: user.claims.clone(),
                auth_time: AuthTime::AtLogin,
            }),
            _ => Err(ProviderError::Refused),
        }
    }

    /// What the settings say of a user.
    pub(super) fn claims_of(&self, subject: &str) -> Option<&Map<String, Value>> {
        self.users.get(subject).map(|user| &user.claims)
    }

    fn decoy(&self, login: &str) -> &SecretString {
        let places = u64::try_from(self.decoys.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.picks.hash_one(login) % places).unwrap_or_default();
        &self.decoys[place]
    }
}

/// A hash with the cost of this one and a digest that is nobody's.
fn decoy_like(hash: &SecretString) -> SecretString {
    if let Some(decoy) = bcrypt_hash::decoy_like(hash.expose_secret()) {
        return decoy.into();
    }
    let parts: Vec<&str> = hash.expose_secret().split('$').collect();
    let decoy: Vec<&str> = DECOY.split('$').collect();
    match parts.as_slice() {
        ["", algorithm, version, cost, ..] => {
            format!("${algorithm}${version}${cost}${}${}", decoy[4], decoy[5]).into()
        }
        _ => DECOY.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use argon2::Argon2;
    use argon2::password_hash::PasswordHasher;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;
    use crate::domain::claim::{ClaimValue, ExtraClaims};

    /// Cheap on purpose: the cost is not what is tested.
    fn hash(password: &str) -> SecretString {
        let cheap = Argon2::new(
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            argon2::Params::new(8, 1, 1, None).unwrap(),
        );
        cheap
            .hash_password_with_salt(password.as_bytes(), b"saltsaltsalt")
            .unwrap()
            .to_string()
            .into()
    }

    fn user(name: &str, password: &str) -> settings::LocalUser {
        settings::LocalUser {
            username: name.parse().unwrap(),
            password_hash: hash(password),
            claims: ExtraClaims::default(),
        }
    }

    fn connector(settings: &settings::Local) -> LocalConnector {
        LocalConnector::new(settings, HashingThreads::new(None))
    }

    fn local() -> LocalConnector {
        let claim = |name: &str, text: &str| (name.parse().unwrap(), ClaimValue::Text(text.into()));
        let claims = [claim("email", "ada@example.com"), claim("phone", "1815")];
        let user =
            settings::LocalUser { claims: claims.into_iter().collect(), ..user("ada", "lovelace") };
        connector(&settings::Local { users: vec![user] })
    }

    async fn login(
        local: &LocalConnector,
        login: &str,
        password: &str,
    ) -> Result<Authenticated, ProviderError> {
        let client = Ipv4Addr::LOCALHOST.into();
        let (login, password) = (login.into(), password.into());
        local.identify(PasswordCredential { login, password, client }).await
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user() {
        let local = local();
        let Authenticated { subject, claims, .. } = login(&local, "ada", "lovelace").await.unwrap();
        assert_eq!(subject.as_str(), "ada");
        assert_eq!(claims.keys().collect::<Vec<_>>(), ["email", "phone"]);
        for (name, password) in
            [("ada", "Lovelace"), ("ada", ""), ("Ada", "lovelace"), ("", ""), ("eve", "lovelace")]
        {
            assert_eq!(
                login(&local, name, password).await.unwrap_err(),
                ProviderError::Refused,
                "{name}"
            );
        }
    }

    /// Each user's cost is met among unknown logins about as often as among users, and a login keeps its own.
    #[test]
    fn unknown_logins_cost_what_users_cost() {
        let mut settings = settings::Local { users: Vec::new() };
        assert_eq!(connector(&settings).decoy("eve").expose_secret(), DECOY);
        for (name, cost) in [("ada", "m=8,t=1,p=1"), ("john", "m=16,t=1,p=1")] {
            settings.users.push(settings::LocalUser {
                username: name.parse().unwrap(),
                password_hash: hash("x").expose_secret().replace("m=8,t=1,p=1", cost).into(),
                claims: ExtraClaims::default(),
            });
        }
        let local = connector(&settings);
        let cheap = (0..1000)
            .filter(|login| {
                let decoy = local.decoy(&login.to_string()).expose_secret();
                assert_eq!(decoy, local.decoy(&login.to_string()).expose_secret());
                decoy.contains("m=8,t=1,p=1")
            })
            .count();
        assert!((300..700).contains(&cheap), "{cheap} of 1000");
    }

    /// Where some have a hash of bcrypt, unknown logins meet both kinds, and everybody is let in by their own password alone.
    #[tokio::test]
    async fn users_who_came_with_bcrypt() {
        const DEX: &str = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W";
        let came = settings::LocalUser {
            username: "grace".parse().unwrap(),
            password_hash: DEX.into(),
            claims: ExtraClaims::default(),
        };
        let users = vec![user("ada", "lovelace"), came];
        let local = connector(&settings::Local { users });
        assert!(login(&local, "ada", "lovelace").await.is_ok());
        assert!(login(&local, "grace", "password").await.is_ok());
        for (name, password) in [
            ("grace", "lovelace"),
            ("ada", "password"),
            ("grace", "password\0"),
            ("eve", "password"),
        ] {
            assert_eq!(login(&local, name, password).await.unwrap_err(), ProviderError::Refused);
        }
        let kinds =
            |login: &usize| local.decoy(&login.to_string()).expose_secret().starts_with("$2a$10$");
        let bcrypt = (0..1000).filter(kinds).count();
        assert!((300..700).contains(&bcrypt), "{bcrypt} of 1000");
    }

    /// Names are compared byte by byte; passwords may be long; nothing of either is cut off.
    #[tokio::test]
    async fn odd_logins_and_passwords() {
        let long = "p".repeat(64 * 1024);
        let users = vec![user("h\u{e9}l\u{e8}ne", "n\u{e9}e"), user("long", &long)];
        let local = connector(&settings::Local { users });
        assert!(login(&local, "h\u{e9}l\u{e8}ne", "n\u{e9}e").await.is_ok());
        assert!(login(&local, "long", &long).await.is_ok());
        let cut = &long[1..];
        let huge = "x".repeat(1 << 20);
        for (name, password) in [
            ("he\u{301}le\u{300}ne", "n\u{e9}e"),
            ("h\u{e9}l\u{e8}ne", "ne\u{301}e"),
            ("h\u{e9}l\u{e8}ne\0", "n\u{e9}e"),
            ("h\u{e9}l\u{e8}ne ", "n\u{e9}e"),
            ("h\u{e9}l\u{e8}ne", "n\u{e9}e\0"),
            ("long", cut),
            ("long", &huge),
            (&huge, "x"),
        ] {
            let result = login(&local, name, password).await;
            assert_eq!(result.unwrap_err(), ProviderError::Refused);
        }
    }

    /// However many log in at once, each is told, and nobody is kept out afterwards.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd() {
        const CROWD: usize = 300;
        let local = Arc::new(local());
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..CROWD {
            let local = Arc::clone(&local);
            logins.spawn(async move { login(&local, "ada", "wrong").await.map(drop) });
        }
        let (mut refused, mut busy) = (0, 0);
        while let Some(result) = logins.join_next().await {
            match result.unwrap() {
                Err(ProviderError::Refused) => refused += 1,
                Err(ProviderError::Busy) => busy += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(refused + busy, CROWD);
        assert!(refused > 0);
        assert!(login(&local, "ada", "lovelace").await.is_ok());
    }

    /// A crowd of one client, which fills the line and goes on asking, does not keep out anybody from elsewhere.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd_of_one_client_keeps_nobody_out() {
        let local = Arc::new(LocalConnector::new(
            &settings::Local { users: vec![user("ada", "lovelace")] },
            HashingThreads::new(Some(1)),
        ));
        let mut crowd = tokio::task::JoinSet::new();
        for number in 0..200 {
            let local = Arc::clone(&local);
            crowd.spawn(async move {
                loop {
                    let _ = login(&local, &format!("eve-{number}"), "wrong").await;
                    tokio::task::yield_now().await;
                }
            });
        }
        for number in 0..50 {
            let credential = PasswordCredential {
                login: "ada".into(),
                password: "lovelace".into(),
                client: Ipv4Addr::new(192, 0, 2, number).into(),
            };
            assert!(local.identify(credential).await.is_ok(), "{number}");
        }
    }

    /// Who gives up while waiting leaves nothing taken.
    #[tokio::test]
    async fn leaving_early_leaves_nothing_taken() {
        let local = local();
        for _ in 0..500 {
            // Asked once, so that the password is in the line, and given up.
            let mut asked = Box::pin(login(&local, "ada", "lovelace"));
            let waker = std::task::Waker::noop();
            let _ = asked.as_mut().poll(&mut std::task::Context::from_waker(waker));
        }
        assert!(login(&local, "ada", "lovelace").await.is_ok());
        assert_eq!(local.hashing.waiting(), 0);
    }

    #[test]
    fn the_decoy_costs_what_a_user_costs() {
        let decoy = decoy_like(&hash("x"));
        assert!(decoy.expose_secret().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(PasswordHash::new(decoy.expose_secret()).is_ok());
        assert!(PasswordHash::new(DECOY).is_ok());
    }
}
