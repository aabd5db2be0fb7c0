//! What is good once and lives in this process's memory: codes, pushed requests, logins on a device, proofs.
//!
//! Owns the bounds, and that each is taken in one step: whoever comes second finds nothing, wherever they came to. Must not know
//! which process is asked for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::authorization::OAuthScopes;
use crate::domain::client::{Client, ClientId};
use crate::domain::process::ProcessId;
use crate::domain::time::Timestamp;
use crate::domain::token::{RefreshClaims, SessionId};
use crate::domain::user::UserId;
use crate::oauth::code::Authorized;
use crate::oauth::device::{DeviceAnswer, DeviceLogin, UserCode};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::once::{Bounds, OnceMap, Taken};
use crate::oauth::proofs::ShownProofs;

/// Codes: as many as 100 logins a second make.
const CODES: Bounds = Bounds { most: 10_000, most_of_one: 20, lifetime: Duration::from_secs(60) };
/// Requests that clients push (RFC 9126) which have shown who they are.
pub(super) const PUSHED: Bounds =
    Bounds { most: 1_000, most_of_one: 1_000, lifetime: Duration::from_secs(90) };
/// Those of clients without a secret, which are anybody: they have room of their own, and take none from others.
const PUSHED_BY_ANYBODY: Bounds = Bounds { most_of_one: 100, ..PUSHED };
/// Logins on a device, of which one address has 20 at once.
pub(super) const DEVICES: Bounds =
    Bounds { most: 1_000, most_of_one: 20, lifetime: Duration::from_secs(600) };

/// What this process keeps.
#[derive(Debug)]
pub(in crate::service) struct Once {
    pub(super) codes: Mutex<OnceMap<Authorized, Spent>>,
    pushed: Mutex<OnceMap<Pushed, ()>>,
    pushed_by_anybody: Mutex<OnceMap<Pushed, ()>>,
    pub(super) devices: Mutex<OnceMap<DeviceLogin, ()>>,
    pub(super) proofs: Mutex<ShownProofs>,
}

/// What is left of a code that was redeemed: the session that ends when it is shown again.
#[derive(Clone, Debug)]
pub(super) struct Spent {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) until: Timestamp,
}

/// A request that a client has pushed: whose, and its parameters as a query.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) client: String,
    pub(super) query: String,
}

/// Who pushes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pusher {
    /// A client that has shown who it is.
    Known,
    /// One without a secret, which is anybody.
    Anybody,
}

impl Pusher {
    pub(super) fn of(client: &Client) -> Self {
        if client.is_public() { Self::Anybody } else { Self::Known }
    }
}

/// What a device is told that asks.
#[derive(Debug)]
pub(super) enum Polled {
    /// The tokens are for this.
    Allowed(Box<Authorized>),
    /// Something else, and perhaps that it may ask again.
    Told(OAuthError),
    /// There is no such login.
    Unknown,
}

impl Once {
    pub(in crate::service) fn new(process: ProcessId) -> Self {
        Self {
            codes: Mutex::new(OnceMap::new(process, CODES)),
            pushed: Mutex::new(OnceMap::new(process, PUSHED)),
            pushed_by_anybody: Mutex::new(OnceMap::new(process, PUSHED_BY_ANYBODY)),
            devices: Mutex::new(OnceMap::new(process, DEVICES)),
            proofs: Mutex::default(),
        }
    }

    /// Whether there is anything that somebody is about to fetch, within a minute or so.
    pub(super) fn is_waited_for(&self, now: Timestamp) -> bool {
        locked(&self.codes).has_any(now)
            || locked(&self.pushed).has_any(now)
            || locked(&self.pushed_by_anybody).has_any(now)
    }

    /// What is kept of the requests of such clients.
    pub(super) fn pushed_by(&self, pusher: Pusher) -> &Mutex<OnceMap<Pushed, ()>> {
        match pusher {
            Pusher::Known => &self.pushed,
            Pusher::Anybody => &self.pushed_by_anybody,
        }
    }

    /// What a request that was pushed asks, which is good once; `None` when it is another client's, was used, or is over.
    pub(super) fn take_pushed(
        &self,
        name: &str,
        (client, pusher): (&str, Pusher),
        now: Timestamp,
    ) -> Option<String> {
        match locked(self.pushed_by(pusher)).take(name, |_| (), now) {
            Taken::First(pushed) if pushed.client == client => Some(pushed.query),
            _ => None,
        }
    }

    /// What a device is told. Whatever ends the login is told once.
    pub(super) fn poll_device(&self, code: &str, client: &ClientId, now: Timestamp) -> Polled {
        let mut devices = locked(&self.devices);
        let Some(login) = devices.peek(code, now) else { return Polled::Unknown };
        if let Err(error) = login.poll(client, now) {
            if error.code() == ErrorCode::AccessDenied {
                devices.take(code, |_| (), now);
            }
            return Polled::Told(error);
        }
        match devices.take(code, |_| (), now) {
            Taken::First(DeviceLogin { answer: DeviceAnswer::Allowed(authorized), .. }) => {
                Polled::Allowed(authorized)
            }
            _ => Polled::Unknown,
        }
    }

    /// Which client a code is of that somebody types in, and what it would be told, while nothing was said to it.
    pub(super) fn look_at_device(
        &self,
        code: UserCode,
        now: Timestamp,
    ) -> Option<(ClientId, OAuthScopes)> {
        let mut devices = locked(&self.devices);
        let login = devices.find(|login| is_waiting(login, code), now)?;
        Some((login.client.clone(), login.scopes.clone()))
    }

    /// Says yes in a session, or no; whether there was such a code to which nothing was said.
    pub(super) fn answer_device(
        &self,
        code: UserCode,
        said: Option<RefreshClaims>,
        now: Timestamp,
    ) -> bool {
        let mut devices = locked(&self.devices);
        let Some(login) = devices.find(|login| is_waiting(login, code), now) else { return false };
        login.answer = match said {
            None => DeviceAnswer::Denied,
            Some(memory) => DeviceAnswer::Allowed(Box::new(Authorized {
                client: login.client.clone(),
                redirect_uri: None,
                challenge: None,
                nonce: None,
                scopes: login.scopes.clone(),
                limit: login.limit.clone(),
                resource: login.resource.clone(),
                dpop_key: None,
                memory,
            })),
        };
        true
    }
}

fn is_waiting(login: &DeviceLogin, code: UserCode) -> bool {
    login.user_code == code && matches!(login.answer, DeviceAnswer::Pending)
}

/// What a lock guards is whole whenever it is free.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
