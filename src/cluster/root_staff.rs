//! That somebody stays on the root staff, whoever goes at the same time by whichever server, over HTTP or with `kubectl`.
//!
//! Who is to lose it is announced in one Lease before it is written, by a condition on its version; and nobody who is announced
//! counts as one who stays. Of two who go at once, the second to announce it so sees the first. An announcement is taken back
//! when what was announced is done or was not, and ends by itself when nobody can be about to do it any more, by the API server's
//! clock: a replica whose own is wrong sees it like all others. All else is read consistently, after the Lease. Must not know who
//! may take what from whom.
//!
//! A ban of somebody who is not on the root staff is not announced, though they may be put there before it is stored: all bans would
//! have to be, each for two minutes, and whoever bans a crowd would keep everybody from it. What it takes to lose the last by
//! that (one bans, one puts there, all others go, while one write is stored) only root staff can do, to themselves.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::live::{LiveError, LiveRealm};
use super::server_time;
use crate::domain::directory::Standing;
use crate::domain::policy::keeps_root_staff;
use crate::domain::provider::PossibleUsers;
use crate::domain::time::Timestamp;
use crate::objects::root_staff::{Loss, RootStaff};
use crate::resources::labels_annotations::{LOSSES, ROOT_STAFF_LEASE};

/// Longest wait for all answers together: less than the API server waits for a webhook.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long an announcement counts that nobody takes back: longer than the API server works on a request that it has admitted (60 s
/// by default), and than whoever announced it trusts in it.
const COUNTS_FOR: Duration = Duration::from_secs(120);
/// How long after the announcement what was announced may be begun.
const TRUSTED_FOR: Duration = Duration::from_secs(20);
/// Most announcements at once, far more than there are root staff.
const MOST: usize = 500;
/// Most attempts when others announce something at the same time, and the longest pause before the next.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Watches over the root staff of one realm.
#[derive(Clone)]
pub struct RootStaffGuard {
    live: LiveRealm,
    leases: Api<Lease>,
}

/// What was announced, until it is over.
#[derive(Debug)]
pub struct Announcement {
    number: String,
    at: Instant,
}

impl Announcement {
    /// Whether what was announced may be begun still.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.at.elapsed() < TRUSTED_FOR
    }
}

/// An announcement, as the Lease has it: by numbers of which none comes twice.
#[derive(Debug, Serialize, Deserialize)]
struct Announced {
    until: i64,
    users: Vec<String>,
    /// The name and version of the Membership that they lose their place in, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<(String, String)>,
}

/// The Lease, what is announced in it, and when it was read by the API server's clock, if that was said.
type Read = (Option<Lease>, BTreeMap<String, Announced>, Option<Timestamp>);

/// What time it is, by clocks of which one may be wrong.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    /// By the one that all replicas ask.
    shared: Timestamp,
    /// Nobody's place has ended that has not by all.
    earlier: Timestamp,
    /// Nobody stays who does not by all.
    later: Timestamp,
}

impl Clocks {
    fn of(own: Timestamp, server: Option<Timestamp>) -> Self {
        let shared = server.unwrap_or(own);
        server_time::compare(own, shared);
        Self { shared, earlier: own.min(shared), later: own.max(shared) }
    }
}

/// Why something may not be lost.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Nobody would be left who can act.
    #[error("this is the last of the root staff that can act")]
    Last,
    /// Nobody knows.
    #[error(transparent)]
    Unknown(#[from] LiveError),
    /// Others announce something all the time.
    #[error("too many of the root staff are about to lose it; try again in two minutes")]
    Contended,
    /// What others announced is not known.
    #[error(
        "the annotation {LOSSES} of the Lease {ROOT_STAFF_LEASE} cannot be read: delete the Lease when nobody is \
         removing root staff"
    )]
    Unreadable,
}

impl RootStaffGuard {
    /// The guard of a realm.
    #[must_use]
    pub fn new(live: LiveRealm) -> Self {
        let leases = Api::namespaced(live.client().clone(), live.namespace());
        Self { live, leases }
    }

    /// Announces a loss, unless it leaves nobody who can act as root staff, of those who could log in; `None` where nothing is lost.
    ///
    /// # Errors
    /// A [`GuardError`]; then nothing must be lost.
    pub async fn announce(
        &self,
        loss: &Loss,
        possible: Option<&PossibleUsers>,
        now: Timestamp,
    ) -> Result<Option<Announcement>, GuardError> {
        let announced = timeout(PATIENCE, self.try_to_announce(loss, possible, now));
        announced.await.map_err(|_| LiveError::Slow)?
    }

    /// Whether a loss would be announced.
    ///
    /// # Errors
    /// As there.
    pub async fn look(
        &self,
        loss: &Loss,
        possible: Option<&PossibleUsers>,
        now: Timestamp,
    ) -> Result<(), GuardError> {
        let looked = timeout(PATIENCE, async {
            let (_, announced, at) = self.read().await?;
            self.judge(loss, &announced, possible, Clocks::of(now, at)).await
        });
        looked.await.map_err(|_| LiveError::Slow)?.map(drop)
    }

    /// Takes an announcement back: what was announced is done, or will not be. Where that fails it ends by itself.
    pub async fn over(&self, announcement: Announcement) {
        let over = timeout(PATIENCE, async {
            for attempt in 0..ATTEMPTS {
                let (lease, mut announced, _) = self.read().await?;
                let Some(lease) = lease.filter(|_| announced.contains_key(&announcement.number))
                else {
                    return Ok(());
                };
                announced.remove(&announcement.number);
                if self.put(Some(lease), &announced).await? {
                    return Ok(());
                }
                pause(attempt).await;
            }
            Err(GuardError::Contended)
        });
        let error = match over.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => LiveError::Slow.into(),
        };
        tracing::debug!(%error, "an announcement of a loss on the root staff stays until it ends");
    }

    async fn try_to_announce(
        &self,
        loss: &Loss,
        possible: Option<&PossibleUsers>,
        now: Timestamp,
    ) -> Result<Option<Announcement>, GuardError> {
        for attempt in 0..ATTEMPTS {
            let at = Instant::now();
            let (lease, announced, server) = self.read().await?;
            let clocks = Clocks::of(now, server);
            let judged = self.judge(loss, &announced, possible, clocks).await?;
            let Some(mut announced) = judged else {
                return Ok(None);
            };
            let number = number_after(lease.as_ref()).to_string();
            let users = loss.users().iter().map(ToString::to_string).collect();
            let place = match loss {
                Loss::Of(_) => None,
                Loss::In { membership, version, .. } => Some((membership.clone(), version.clone())),
            };
            let until = clocks.shared.after(COUNTS_FOR).as_unix();
            announced.insert(number.clone(), Announced { until, users, place });
            if announced.len() > MOST {
                return Err(GuardError::Contended);
            }
            if self.put(lease, &announced).await? {
                return Ok(Some(Announcement { number, at }));
            }
            pause(attempt).await;
        }
        Err(GuardError::Contended)
    }

    /// Judges a loss by what is announced, and gives what of that counts still; `None` where nothing is lost.
    async fn judge(
        &self,
        loss: &Loss,
        announced: &BTreeMap<String, Announced>,
        possible: Option<&PossibleUsers>,
        clocks: Clocks,
    ) -> Result<Option<BTreeMap<String, Announced>>, GuardError> {
        let staff = self.live.root_staff().await?;
        if !loss.users().iter().any(|user| staff.has(user, clocks.earlier)) {
            return Ok(None);
        }
        let counting = counting(announced, &staff, clocks.shared);
        let going: HashSet<&str> =
            counting.values().flat_map(|one| &one.users).map(String::as_str).collect();
        for (user, end) in staff.after(loss) {
            let stays = |standing| keeps_root_staff(user, end, standing, possible, clocks.later);
            // All else may speak against them before their standing is asked for.
            if stays(Standing::default())
                && !going.contains(user.as_str())
                && stays(self.live.standing(user).await?)
            {
                return Ok(Some(counting));
            }
        }
        Err(GuardError::Last)
    }

    /// What is announced, and what time it is by the API server.
    async fn read(&self) -> Result<Read, GuardError> {
        let (client, namespace) = (self.live.client(), self.live.namespace());
        let read = server_time::read::<Lease>(client, namespace, ROOT_STAFF_LEASE).await;
        let (lease, at) = read.map_err(LiveError::from)?;
        let text = lease.as_ref().and_then(|lease| lease.annotations().get(LOSSES));
        let announced = text.map_or(Ok(BTreeMap::new()), |text| {
            serde_json::from_str(text).map_err(|_| GuardError::Unreadable)
        })?;
        Ok((lease, announced, at))
    }

    /// Says whether nobody has written it since it was read.
    async fn put(
        &self,
        lease: Option<Lease>,
        announced: &BTreeMap<String, Announced>,
    ) -> Result<bool, GuardError> {
        let text = serde_json::to_string(announced).map_err(|_| GuardError::Unreadable)?;
        let number = number_after(lease.as_ref());
        let params = PostParams::default();
        let written = match lease {
            None => {
                let name = Some(ROOT_STAFF_LEASE.to_owned());
                let mut lease =
                    Lease { metadata: ObjectMeta { name, ..<_>::default() }, spec: None };
                fill(&mut lease, text, number);
                self.leases.create(&params, &lease).await
            }
            Some(mut lease) => {
                fill(&mut lease, text, number);
                self.leases.replace(ROOT_STAFF_LEASE, &params, &lease).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            // Changed, made, or deleted meanwhile.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(LiveError::from(error).into()),
        }
    }
}

/// A Lease's own counter goes up with each announcement, and with each that is taken back.
fn number_after(lease: Option<&Lease>) -> i32 {
    let spec = lease.and_then(|lease| lease.spec.as_ref());
    spec.and_then(|spec| spec.lease_transitions).unwrap_or_default().wrapping_add(1).max(1)
}

fn fill(lease: &mut Lease, text: String, number: i32) {
    lease.annotations_mut().insert(LOSSES.to_owned(), text);
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    spec.lease_transitions = Some(number);
}

/// What of the announcements counts still. Of a Membership that was changed since, what was lost can be seen, or will not be: the
/// API server asks about each version anew.
fn counting(
    announced: &BTreeMap<String, Announced>,
    staff: &RootStaff,
    now: Timestamp,
) -> BTreeMap<String, Announced> {
    let counts = |one: &&Announced| {
        let is_there = |(membership, version): &(String, String)| {
            staff.version(membership) == Some(&**version)
        };
        now.as_unix() < one.until && one.place.as_ref().is_none_or(is_there)
    };
    let counting = announced.iter().filter(|(_, one)| counts(one));
    let copy = |(number, one): (&String, &Announced)| {
        let Announced { until, users, place } = one;
        let one = Announced { until: *until, users: users.clone(), place: place.clone() };
        (number.clone(), one)
    };
    counting.map(copy).collect()
}

async fn pause(attempt: u32) {
    let mut random = [0; 1];
    // Without random numbers, the same wait for all.
    _ = getrandom::fill(&mut random);
    let longest = PAUSE.min(PAUSE * (attempt + 1) / 4);
    tokio::time::sleep(longest.mul_f64(f64::from(random[0]) / 255.0)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_counts_no_more() {
        let one = |until, place: Option<(&str, &str)>| Announced {
            until,
            users: vec!["k-ada".to_owned()],
            place: place.map(|(name, version)| (name.to_owned(), version.to_owned())),
        };
        let announced = BTreeMap::from([
            ("1".to_owned(), one(9, None)),
            ("2".to_owned(), one(10, None)),
            ("3".to_owned(), one(11, None)),
            ("4".to_owned(), one(11, Some(("gone", "7")))),
        ]);
        let counting =
            counting(&announced, &RootStaff::default(), Timestamp::from_unix(10).unwrap());
        assert_eq!(counting.keys().collect::<Vec<_>>(), ["3"]);
        let text = serde_json::to_string(&announced).unwrap();
        let again: BTreeMap<String, Announced> = serde_json::from_str(&text).unwrap();
        assert_eq!(again.len(), 4);
        assert_eq!(again["4"].place, Some(("gone".to_owned(), "7".to_owned())));
    }
}
