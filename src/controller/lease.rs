//! Who leads: one controller of a realm at a time, by a Lease of coordination.k8s.io.
//!
//! No clock of another machine is trusted. A candidate takes over when it has itself watched the Lease stay unchanged for
//! as long as it is good; the leader stops before that, counted from before it asked for the renewal. Both count on
//! clocks that nobody sets, so a leader that was paused finds its time over when it goes on. Must not know what the leader
//! does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use crate::cluster::Outage;

/// The name of the Lease.
pub const NAME: &str = "pasee-controller";

/// How long a Lease is good after a renewal, as candidates count.
const GOOD_FOR: Duration = Duration::from_secs(15);
/// How long the leader trusts in it.
const TRUSTED_FOR: Duration = Duration::from_secs(10);
/// Between two attempts to renew or to take it.
const PACE: Duration = Duration::from_secs(2);
/// The longest that another's Lease is waited for, whatever it says; the API server bounds it by nothing.
const MAX_GOOD_FOR: Duration = Duration::from_secs(60);

/// Who asks, in the log.
const WHO: &str = "leading";

/// The Lease cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the Lease {NAME} cannot be {doing}")]
pub struct LeaseError {
    doing: &'static str,
    #[source]
    source: kube::Error,
}

/// The time for which this process leads is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another controller may lead by now")]
pub struct Lost;

/// Until when this process leads.
#[derive(Debug)]
pub struct Tenure(Mutex<Instant>);

impl Tenure {
    /// A tenure until a moment.
    #[must_use]
    pub fn until(end: Instant) -> Self {
        Self(Mutex::new(end))
    }

    /// The moment at which it ends unless it is renewed.
    #[must_use]
    pub fn end(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asked before each write: until when it must be over.
    ///
    /// # Errors
    /// This process leads no more.
    pub fn permit(&self) -> Result<Instant, Lost> {
        let end = self.end();
        if Instant::now() < end { Ok(end) } else { Err(Lost) }
    }

    /// Renews a tenure that has not ended; one that has stays ended.
    fn renew(&self, end: Instant) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() < *current {
            *current = end;
        }
    }

    /// Ends it.
    fn give_up(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// A process that wants to lead.
pub struct Candidate {
    api: Api<Lease>,
    identity: String,
    seen: Option<Seen>,
    outage: Arc<Outage>,
}

/// A Lease of somebody else as it was last seen to change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    version: Option<String>,
    since: Instant,
}

/// What a candidate may do about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    /// It is free, has run out, or is one's own.
    Take,
    /// Somebody else holds it.
    Wait,
}

impl Candidate {
    /// A candidate of a realm, with an identity that no other process has.
    #[must_use]
    pub fn new(client: Client, namespace: &str, identity: String, outage: Arc<Outage>) -> Self {
        Self { api: Api::namespaced(client, namespace), identity, seen: None, outage }
    }

    /// Waits until this process leads. Faults are logged and waited out.
    pub async fn lead(&mut self) -> Tenure {
        loop {
            let asked = Instant::now();
            match tokio::time::timeout(TRUSTED_FOR, self.attempt()).await {
                Ok(Ok(true)) => {
                    self.outage.over(WHO);
                    return Tenure::until(asked + TRUSTED_FOR);
                }
                Ok(Ok(false)) => self.outage.over(WHO),
                Ok(Err(error)) => self.outage.met(WHO, &error),
                Err(silence) => self.outage.met(WHO, &silence),
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Renews the Lease for as long as that succeeds; ends with the tenure.
    pub async fn hold(&mut self, tenure: &Tenure) {
        loop {
            let end = tenure.end();
            tokio::time::sleep_until(end.min(Instant::now() + PACE)).await;
            let asked = Instant::now();
            if asked >= end {
                return;
            }
            match tokio::time::timeout_at(end, self.attempt()).await {
                Ok(Ok(true)) => {
                    self.outage.over(WHO);
                    tenure.renew(asked + TRUSTED_FOR);
                }
                Ok(Ok(false)) => return tenure.give_up(),
                Ok(Err(error)) => self.outage.met(WHO, &error),
                Err(_) => return,
            }
        }
    }

    /// Frees the Lease, so that the next leader need not wait. To be called when nothing is written any more.
    ///
    /// # Errors
    /// It cannot be written; it runs out by itself then.
    pub async fn release(&mut self) -> Result<(), LeaseError> {
        let read = self.api.get_opt(NAME).await;
        let Some(mut lease) = read.map_err(|source| LeaseError { doing: "read", source })? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            self.replace(&lease).await?;
        }
        Ok(())
    }

    /// Takes or renews the Lease if that is allowed now; says whether this process holds it then.
    async fn attempt(&mut self) -> Result<bool, LeaseError> {
        let read = self.api.get_opt(NAME).await;
        let now = Instant::now();
        let Some(mut lease) = read.map_err(|source| LeaseError { doing: "read", source })? else {
            return self.create().await;
        };
        if decide(&mut self.seen, &lease, &self.identity, now) == Move::Wait {
            return Ok(false);
        }
        lease.spec = Some(renewed(lease.spec.unwrap_or_default(), &self.identity));
        self.replace(&lease).await
    }

    async fn create(&self) -> Result<bool, LeaseError> {
        let lease = Lease {
            metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
            spec: Some(renewed(LeaseSpec::default(), &self.identity)),
        };
        match self.api.create(&PostParams::default(), &lease).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
            Err(source) => Err(LeaseError { doing: "made", source }),
        }
    }

    /// Writes the Lease unless somebody else has in the meantime: it carries the version that was read.
    async fn replace(&self, lease: &Lease) -> Result<bool, LeaseError> {
        match self.api.replace(NAME, &PostParams::default(), lease).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                Ok(false)
            }
            Err(source) => Err(LeaseError { doing: "written", source }),
        }
    }
}

/// What a candidate may do about a Lease that it has read now, and what it remembers of it.
fn decide(seen: &mut Option<Seen>, lease: &Lease, me: &str, now: Instant) -> Move {
    let spec = lease.spec.clone().unwrap_or_default();
    match spec.holder_identity.as_deref() {
        None | Some("") => return Move::Take,
        Some(holder) if holder == me => return Move::Take,
        Some(_) => {}
    }
    let version = lease.resource_version();
    let since = match seen {
        Some(seen) if seen.version == version => seen.since,
        _ => now,
    };
    *seen = Some(Seen { version, since });
    let good_for = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let good_for = good_for.map_or(GOOD_FOR, Duration::from_secs).min(MAX_GOOD_FOR);
    if now.duration_since(since) > good_for { Move::Take } else { Move::Wait }
}

/// The Lease in one's own hands. The moments in it are for people to read; no decision rests on them.
fn renewed(before: LeaseSpec, me: &str) -> LeaseSpec {
    let now = Some(MicroTime(jiff::Timestamp::now()));
    let is_mine = before.holder_identity.as_deref() == Some(me);
    let transitions = before.lease_transitions.unwrap_or(0);
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: i32::try_from(GOOD_FOR.as_secs()).ok(),
        acquire_time: if is_mine { before.acquire_time } else { now.clone() },
        renew_time: now,
        lease_transitions: Some(if is_mine { transitions } else { transitions.saturating_add(1) }),
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: Option<&str>, version: &str, seconds: Option<i32>) -> Lease {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: seconds,
            ..LeaseSpec::default()
        };
        let metadata =
            ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() };
        Lease { metadata, spec: Some(spec) }
    }

    #[test]
    fn free_ones_and_ones_own_are_taken_at_once() {
        let now = Instant::now();
        for holder in [None, Some(""), Some("me")] {
            assert_eq!(decide(&mut None, &lease(holder, "1", Some(15)), "me", now), Move::Take);
        }
        assert_eq!(decide(&mut None, &Lease::default(), "me", now), Move::Take);
    }

    #[test]
    fn anothers_is_watched_for_as_long_as_it_is_good() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut seen = None;
        let mut at = |after: u32, version: &str, seconds| {
            decide(&mut seen, &lease(Some("other"), version, seconds), "me", start + second * after)
        };
        assert_eq!(at(0, "1", Some(15)), Move::Wait);
        assert_eq!(at(14, "1", Some(15)), Move::Wait);
        assert_eq!(at(15, "2", Some(15)), Move::Wait, "renewed: all over again");
        assert_eq!(at(30, "2", Some(15)), Move::Wait);
        assert_eq!(at(31, "2", Some(15)), Move::Take);
        assert_eq!(at(31, "3", Some(i32::MAX)), Move::Wait);
        assert_eq!(at(92, "3", Some(i32::MAX)), Move::Take, "no Lease blocks the realm for good");
        assert_eq!(at(100, "4", None), Move::Wait);
        assert_eq!(at(116, "4", Some(-5)), Move::Take);
    }

    #[test]
    fn the_leader_stops_before_another_can_start() {
        assert!(TRUSTED_FOR + PACE < GOOD_FOR);
    }

    #[test]
    fn a_tenure_that_has_ended_stays_ended() {
        let now = Instant::now();
        let (later, latest) = (now + TRUSTED_FOR, now + TRUSTED_FOR * 2);
        let tenure = Tenure::until(later);
        tenure.renew(latest);
        assert_eq!(tenure.permit(), Ok(latest));
        tenure.give_up();
        assert_eq!(tenure.permit(), Err(Lost));
        let tenure = Tenure::until(now);
        tenure.renew(latest);
        assert_eq!(tenure.permit(), Err(Lost), "paused for long, then an old renewal is answered");
    }

    #[test]
    fn a_renewal_keeps_the_moment_of_taking() {
        let taken = renewed(LeaseSpec::default(), "me");
        let kept = renewed(taken.clone(), "me");
        assert_eq!(
            (kept.acquire_time, kept.lease_transitions),
            (taken.acquire_time.clone(), Some(1))
        );
        let lost = renewed(taken, "other");
        assert_eq!(
            (lost.holder_identity.as_deref(), lost.lease_transitions),
            (Some("other"), Some(2))
        );
    }
}
