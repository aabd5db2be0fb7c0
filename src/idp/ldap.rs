//! LDAP: a login is looked for in a directory, exactly one entry has to match, and the directory takes the password as that
//! entry's. What it is asked for is what the settings name, and no more.
//!
//! Must not know what becomes of an identity. Who may be asked how, by which filter, is the settings'.
//!
//! | File | Owns |
//! |---|---|
//! | `ber`, `message` | LDAP on the wire, as far as a login takes it |
//! | `connection` | one connection: TLS, one question at a time, bounded answers |
//! | `introduction` | how a connection becomes our own account's |
//! | `pool` | how many of them, kept how long, made how often |
//! | `entry` | what an entry says: subject and claims |
//! | `groups` | the groups of a user |
//! | `outcome` | what a directory's answer means |
//! | `presence` | whether somebody still has an account |

mod ber;
mod connection;
mod entry;
mod groups;
mod introduction;
mod message;
mod outcome;
mod pool;
mod presence;

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Host;

use self::connection::{Completeness, Connection, Found, Trouble};
use self::entry::Entry;
use self::groups::{GroupNames, groups};
use self::message::{Filling, Outcome, PasswordPolicy, Search, SearchFilter, SearchScope};
use self::outcome::{Proof, error_of, proof};
use self::pool::{Age, Pool, Searcher};
use super::egress::Egress;
use super::error::ProviderError;
use super::identity::{Authenticated, Presence};
use super::password::PasswordCredential;
use crate::domain::auth_time::AuthTime;
use crate::domain::user::ProviderName;
use crate::outbound::{CallLimits, ClientError, TlsClient, loggable};
use crate::settings::{self, LdapGroups, LdapSecurity, Mapping, is_attribute};

/// Longest login that is looked for, in bytes.
const MAX_LOGIN: usize = 256;
/// What the user's groups are called among the claims.
const GROUPS: &str = "groups";
/// What the user's readable name is called there.
const USERNAME: &str = "preferred_username";

/// A directory.
#[derive(Debug)]
pub(super) struct LdapConnector {
    name: ProviderName,
    settings: settings::Ldap,
    /// The attributes that are asked for.
    asked: Vec<String>,
    /// Those among them that are claims.
    claims: Vec<String>,
    limits: CallLimits,
    pool: Pool,
}

impl LdapConnector {
    /// A directory as the settings describe it, asked for what the mapping looks at.
    pub(super) fn new(
        name: &ProviderName,
        settings: &settings::Ldap,
        mapping: &Mapping,
        egress: &Egress,
    ) -> Result<Self, ClientError> {
        let claims = claims_of(mapping);
        let own = [&settings.subject, &settings.username];
        let listed = match &settings.groups {
            Some(LdapGroups::Listed { attribute, .. }) => Some(attribute),
            _ => None,
        };
        let mut asked: Vec<String> = Vec::new();
        for attribute in own.into_iter().chain(listed).chain(&claims) {
            if !asked.iter().any(|known| known.eq_ignore_ascii_case(attribute)) {
                asked.push(attribute.clone());
            }
        }
        let place = &settings.place;
        let tls = match place.security {
            LdapSecurity::Nothing => None,
            LdapSecurity::Tls | LdapSecurity::StartTls => {
                let trust = egress.trust(settings.ca_file.as_deref());
                let host = match &place.host {
                    Host::Domain(name) => name.clone(),
                    Host::Ipv4(address) => address.to_string(),
                    Host::Ipv6(address) => address.to_string(),
                };
                Some(TlsClient::new(&host, trust)?)
            }
        };
        Ok(Self {
            name: name.clone(),
            asked,
            claims,
            limits: CallLimits::new(settings.timeout),
            pool: Pool::new(settings, tls),
            settings: settings.clone(),
        })
    }

    /// Looks for somebody whom it need not know: that takes the connection, our account and the right to search.
    pub(super) async fn probe(&self) -> Result<String, ProviderError> {
        let looked = async {
            let (connection, _) = self.find("pasee-check").await?;
            self.pool.give_back(connection);
            Ok::<_, ProviderError>(())
        };
        self.limits.limited(looked).await?;
        Ok(format!("{} answers, and lets Pasee search", self.settings.place))
    }

    /// Looks for the login and has the directory check the password.
    pub(super) async fn identify(
        &self,
        credential: PasswordCredential,
    ) -> Result<Authenticated, ProviderError> {
        let PasswordCredential { login, password, .. } = credential;
        // A login without a password is one as nobody in particular, and directories say yes to that (RFC 4513 section 5.1.2).
        // Whoever passes it on as a text that ends with NUL makes one without a password of one that begins so.
        let secret = password.expose_secret();
        let has_password = !secret.is_empty() && !secret.contains('\0');
        let is_login =
            (1..=MAX_LOGIN).contains(&login.len()) && !login.chars().any(char::is_control);
        if !has_password || !is_login {
            return Err(ProviderError::Refused);
        }
        self.limits.limited(self.log_in(&login, &password)).await
    }

    /// Whether the one of this subject has an account, asked as our own account.
    pub(super) async fn presence(&self, subject: &str) -> Result<Presence, ProviderError> {
        self.limits.limited(self.look_up(subject)).await
    }

    async fn look_up(&self, subject: &str) -> Result<Presence, ProviderError> {
        let told = |trouble: Trouble| self.told(&trouble);
        let _turn = self.pool.turn().await.map_err(told)?;
        let Searcher { mut connection, age } = self.pool.searcher().await.map_err(told)?;
        let found = presence::presence(&mut connection, &self.settings, subject, self.seconds());
        let found = match (found.await, age) {
            (Err(Trouble::Away(_) | Trouble::Closed), Age::Kept) => {
                connection = self.pool.new_searcher().await.map_err(told)?.connection;
                presence::presence(&mut connection, &self.settings, subject, self.seconds()).await
            }
            (found, _) => found,
        };
        let found = found.map_err(told)?;
        self.pool.give_back(connection);
        Ok(found)
    }

    async fn log_in(
        &self,
        login: &str,
        password: &SecretString,
    ) -> Result<Authenticated, ProviderError> {
        let _turn = self.pool.turn().await.map_err(|trouble| self.told(&trouble))?;
        let (mut searching, user) = self.find(login).await?;
        let Some(user) = user else {
            self.pool.give_back(searching);
            return Err(self.pretend(password).await);
        };
        match self.prove(&user.dn, password).await.map_err(|trouble| self.told(&trouble))? {
            Proof::Right => {}
            Proof::Wrong => {
                self.pool.give_back(searching);
                return Err(ProviderError::Refused);
            }
            Proof::Closed(state) => {
                self.pool.give_back(searching);
                return Err(ProviderError::Account(state));
            }
        }
        let subject = user.subject(&self.settings.subject)?;
        let claims = self.claims(&mut searching, &user).await?;
        self.pool.give_back(searching);
        Ok(Authenticated { subject, claims, auth_time: AuthTime::AtLogin })
    }

    /// The one entry of a login, and the connection it was found on. A kept connection may have been closed meanwhile: then
    /// it is looked for once more.
    async fn find(&self, login: &str) -> Result<(Connection, Option<Entry>), ProviderError> {
        let told = |trouble: Trouble| self.told(&trouble);
        let Searcher { mut connection, age } = self.pool.searcher().await.map_err(told)?;
        let found = match (self.look_for(&mut connection, login).await, age) {
            (Err(Trouble::Away(_) | Trouble::Closed), Age::Kept) => {
                connection = self.pool.new_searcher().await.map_err(told)?.connection;
                self.look_for(&mut connection, login).await
            }
            (found, _) => found,
        };
        let Found { mut entries, completeness } = found.map_err(told)?;
        let entry = entries.pop();
        if !entries.is_empty() || (entry.is_some() && completeness == Completeness::More) {
            return Err(self.told(&Trouble::Invalid("more than one user by this login")));
        }
        // As nobody in particular anybody can log in, with any password.
        if entry.as_ref().is_some_and(|entry| entry.dn.is_empty()) {
            return Err(self.told(&Trouble::Invalid("an entry without a name")));
        }
        Ok((connection, entry))
    }

    async fn look_for(&self, connection: &mut Connection, login: &str) -> Result<Found, Trouble> {
        let asked: Vec<&str> = self.asked.iter().map(String::as_str).collect();
        let filling = [Filling { login, ..Filling::default() }];
        let search = Search {
            base: &self.settings.base,
            scope: SearchScope::Subtree,
            filter: SearchFilter::OneOf(self.settings.filter.root(), &filling),
            attributes: &asked,
            most: 2,
            seconds: self.seconds(),
        };
        connection.search(&search).await
    }

    /// Has the directory check a password.
    async fn prove(&self, dn: &str, password: &SecretString) -> Result<Proof, Trouble> {
        let (outcome, policy) = self.show(dn, password.expose_secret()).await?;
        if outcome.code != 0 {
            tracing::info!(
                provider = %self.name,
                dn = loggable(dn),
                code = outcome.code,
                said = %outcome.said,
                ?policy,
                "the directory does not let this user in"
            );
        }
        proof(outcome, policy)
    }

    /// Shows a password, on a connection for nothing else: whoever it is then, nothing is asked as them.
    async fn show(&self, dn: &str, password: &str) -> Result<(Outcome, PasswordPolicy), Trouble> {
        let mut connection = self.pool.stranger().await?;
        let said = connection.bind(dn, password).await?;
        connection.close().await;
        Ok(said)
    }

    /// Does for a login that nobody has what is done for one that somebody has, and fails as that does, so that neither how long
    /// it takes nor how it ends tells much: an entry that is not there is shown as many bytes, of which none was typed.
    async fn pretend(&self, password: &SecretString) -> ProviderError {
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            return ProviderError::Refused;
        }
        let name = random.iter().fold(String::new(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        });
        let length = password.expose_secret().len();
        let secret: String = name.chars().cycle().take(length).collect();
        let said = self.show(&format!("cn={name},{}", self.settings.base), &secret).await;
        match said.and_then(|(outcome, policy)| proof(outcome, policy)) {
            Ok(_) => ProviderError::Refused,
            // Because of the name that we made up.
            Err(Trouble::Answered(outcome)) if outcome.is_elsewhere() => ProviderError::Refused,
            Err(trouble) => self.told(&trouble),
        }
    }

    async fn claims(
        &self,
        connection: &mut Connection,
        user: &Entry,
    ) -> Result<Map<String, Value>, ProviderError> {
        let claimed = |name: &String| Some((name.clone(), user.claim(name)?));
        let mut claims: Map<String, Value> = self.claims.iter().filter_map(claimed).collect();
        let username = user.text(&self.settings.username).unwrap_or_default();
        if !username.is_empty() {
            claims.insert(USERNAME.to_owned(), username.into());
        }
        if let Some(settings) = &self.settings.groups {
            let found = groups(connection, settings, user, (username, self.seconds())).await;
            let GroupNames { names, left_out } = found.map_err(|trouble| self.told(&trouble))?;
            if let Some(left_out) = left_out {
                tracing::warn!(
                    provider = %self.name,
                    dn = loggable(&user.dn),
                    left_out,
                    "not all groups of this user are looked at"
                );
            }
            claims.insert(GROUPS.to_owned(), names.into());
        }
        Ok(claims)
    }

    /// How long the directory may take for one search; it is given up before that, when all of the login's time is over.
    fn seconds(&self) -> u32 {
        u32::try_from(self.settings.timeout.as_secs()).unwrap_or(u32::MAX).max(1)
    }

    /// Says in the log what is wrong with the directory, and for whoever logs in what that comes to.
    fn told(&self, trouble: &Trouble) -> ProviderError {
        let error = error_of(trouble);
        tracing::warn!(
            provider = %self.name,
            place = %self.settings.place,
            %error,
            %trouble,
            "a question to a directory came to nothing"
        );
        error
    }
}

/// The attributes that a mapping looks at. What it reads below a claim is no attribute.
fn claims_of(mapping: &Mapping) -> Vec<String> {
    let sources = mapping.claims.iter().map(|claim| &claim.source);
    let sources = sources.chain(mapping.required_claims.iter().map(|claim| &claim.source));
    let sources = sources.chain(mapping.groups.iter().map(|rule| &rule.source));
    let mut claims: Vec<String> = Vec::new();
    for name in sources.map(settings::ClaimSource::as_str) {
        let is_ours = [GROUPS, USERNAME].contains(&name);
        if !is_ours && is_attribute(name) && !claims.iter().any(|known| known == name) {
            claims.push(name.to_owned());
        }
    }
    claims
}
