//! A realm that counts how often a user is looked up, and the use cases over it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::domain::auth_time::AuthTime;
use crate::domain::bounds::Bounds;
use crate::domain::change::Change;
use crate::domain::claim::{ClaimValue, ExtraClaims};
use crate::domain::client::Client;
use crate::domain::directory::{Directory, Hearing, Page, Record};
use crate::domain::evidence::Evidence;
use crate::domain::group::GroupName;
use crate::domain::invitation::GroupMark;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Actor, Permit, permit};
use crate::domain::provider::PossibleUsers;
use crate::domain::realm::{Asking, Names, Realm, Writing};
use crate::domain::time::Timestamp;
use crate::domain::token::{Lifetimes, Scope, SessionId};
use crate::domain::user::UserId;
use crate::idp::{Identity, MappedGroups, Providers};
use crate::jose::claims::Party;
use crate::jose::key::{Algorithm, PrivateKey};
use crate::keys::{KeyParts, KeyRing, Keys};
use crate::service::{Clients, GrantError, Parts, Replicas, Service, SignedPair, SsoSession};
use crate::settings::{Departure, IdentityProvider, Local, Mapping, Protocol};
use crate::store::embedded::Embedded;
use crate::telemetry::Metrics;

const START: i64 = 1_800_000_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START) };
}

/// The time of this test.
pub fn now() -> Timestamp {
    Timestamp::from_unix(NOW.get()).unwrap()
}

/// Lets seconds pass in this test.
pub fn pass(seconds: i64) {
    NOW.set(NOW.get() + seconds);
}

/// A store that counts the looks at users' records.
struct Counting {
    store: Embedded,
    looks: AtomicUsize,
    clients: Vec<Arc<Client>>,
}

impl Realm for Counting {
    fn directory(&self) -> &dyn Directory {
        self
    }

    fn write(&self, permit: Permit) -> Writing<'_> {
        self.store.write(permit)
    }

    fn mark<'a>(&'a self, group: &'a GroupName) -> Asking<'a, Option<GroupMark>> {
        self.store.mark(group)
    }

    fn names<'a>(&'a self, roster: &'a Roster, users: &'a [UserId]) -> Asking<'a, Names> {
        self.store.names(roster, users)
    }
}

impl Directory for Counting {
    fn record(&self, user: &UserId, now: Timestamp) -> Record {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.store.directory().record(user, now)
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.store.directory().has_ended(session)
    }

    fn has_group(&self, group: &GroupName) -> bool {
        self.store.directory().has_group(group)
    }

    fn description(&self, group: &GroupName) -> Option<crate::domain::description::Description> {
        self.store.directory().description(group)
    }

    fn rosters(&self, page: Page<'_, Roster>) -> Vec<Roster> {
        self.store.directory().rosters(page)
    }

    fn members(
        &self,
        roster: &Roster,
        page: Page<'_, UserId>,
        now: Timestamp,
    ) -> Option<Vec<UserId>> {
        self.store.directory().members(roster, page, now)
    }

    fn users(&self, page: Page<'_, UserId>, now: Timestamp) -> Vec<UserId> {
        self.store.directory().users(page, now)
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.clients.iter().find(|client| client.id.as_str() == id).cloned()
    }

    fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.clone()
    }

    fn tell_of_endings(&self, hearing: Hearing) {
        self.store.directory().tell_of_endings(hearing);
    }
}

pub struct Stage {
    pub service: Service,
    realm: Arc<Counting>,
}

impl Stage {
    /// `local-root` is root staff, `local-ada` staff of `admin`, `local-alan` nothing.
    pub fn new() -> Self {
        Self::with_clients(Vec::new(), Vec::new())
    }

    /// The same, with clients in the settings and in the state.
    pub fn with_clients(configured: Vec<Client>, clients: Vec<Arc<Client>>) -> Self {
        let store = Embedded::in_memory(|| Timestamp::from_unix(START).unwrap()).unwrap();
        let realm = Arc::new(Counting { store, looks: AtomicUsize::new(0), clients });
        let service = Service::new(Parts {
            realm: Arc::clone(&realm) as Arc<dyn Realm>,
            providers: Providers::new(&[provider()]).unwrap(),
            provider_names: std::iter::once("local".parse().unwrap()).collect(),
            possible_users: Arc::new(PossibleUsers::from(&"local".parse().unwrap())),
            keys: KeyRing::new(keys()),
            lifetimes: Lifetimes::default(),
            max_waiting: 10,
            max_token_length: 6144,
            bounds: Bounds::default(),
            pace: Box::new(|_, _| Ok(())),
            replicas: Replicas::alone(),
            metrics: Metrics::new(),
            clients: Clients::new(
                configured,
                Client::built_in_pasee(&"https://pasee.example.com".parse().unwrap(), &[]),
            ),
            clock: now,
        });
        let stage = Self { service, realm };
        stage.operate(Change::CreateGroup { group: "admin".parse().unwrap(), creator: None });
        for (roster, id) in [("staff", "local-root"), ("admin.staff", "local-ada")] {
            let roster = roster.parse().unwrap();
            stage.operate(Change::AddMember(Membership {
                roster,
                user: user(id),
                expires_at: None,
            }));
        }
        stage
    }

    /// Makes a change as the operator.
    pub fn operate(&self, change: Change) {
        self.realm.store.write_blocking(permit(&Actor::operator(), change).unwrap()).unwrap();
    }

    /// Puts other keys in force, which know no token of before.
    pub fn replace_keys(&self) {
        self.service.keys().replace(keys());
    }

    /// The looks since this was asked before.
    pub fn looks(&self) -> usize {
        self.realm.looks.swap(0, Ordering::Relaxed)
    }

    pub fn log_in(&self, id: &str) -> Result<SignedPair, GrantError> {
        let identity = Identity {
            user: user(id),
            claims: ExtraClaims::default(),
            evidence: Evidence::default(),
            mapped: MappedGroups::default(),
            authenticated_at: None,
            auth_time: AuthTime::AtLogin,
        };
        let provider = self.service.providers().get("local").unwrap();
        self.service.grant_login(provider, Ok(identity), Scope::Unlimited)
    }

    /// The session of a browser in which a user has just logged in.
    pub fn sign_in(&self, id: &str) -> SsoSession {
        self.sign_in_with(id, &[])
    }

    /// The same, of whom the provider says this.
    pub fn sign_in_with(&self, id: &str, claims: &[(&str, &str)]) -> SsoSession {
        let claim = |(name, value): &(&str, &str)| {
            (name.parse().unwrap(), ClaimValue::Text((*value).to_owned()))
        };
        let identity = Identity {
            user: user(id),
            claims: claims.iter().map(claim).collect(),
            evidence: Evidence::default(),
            mapped: MappedGroups::default(),
            authenticated_at: None,
            auth_time: AuthTime::AtLogin,
        };
        let provider = self.service.providers().get("local").unwrap();
        self.service.sign_in(provider, Ok(identity)).unwrap()
    }

    /// An access token of a user.
    pub fn token(&self, id: &str) -> String {
        let token = self.log_in(id).unwrap().access_token;
        self.looks();
        token
    }
}

pub fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn keys() -> Keys {
    let party = Party { issuer: "pasee.example.com".parse().unwrap(), audiences: Vec::new() };
    Keys::new(&party, KeyParts::of(PrivateKey::generate(Algorithm::Es256).unwrap()))
}

fn provider() -> IdentityProvider {
    IdentityProvider {
        name: "local".parse().unwrap(),
        protocol: Protocol::Local(Local { users: Vec::new() }),
        title: None,
        description: None,
        registers_users: false,
        mapping: Mapping::default(),
        departure: Departure::default(),
        input_fields: Vec::new(),
        enabled: true,
    }
}
