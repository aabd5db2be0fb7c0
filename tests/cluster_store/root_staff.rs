//! Two of the root staff who go at the same time, on one replica and on two: somebody stays, every time.

use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{self, Actor, Grant, Login, Permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::store::kubernetes::Kubernetes;

use crate::stage::{Stage, noon};
use crate::support::controlplane;
use crate::support::patience::eventually;
use crate::support::races::rounds;

/// Of each pair on each track; the tier `release` asks for more.
const ROUNDS: usize = 6;
const ONE: &str = "k-one";
const TWO: &str = "k-two";

/// How somebody of the root staff goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Leaves,
    BansThemselves,
    IsGivenAnEnd,
    DeletesThemselves,
    RemovesTheOther,
    BansTheOther,
}

impl Way {
    fn change(self, who: &str, other: &str) -> Change {
        let user = |id: &str| id.parse().unwrap();
        let roster = Roster::RootStaff;
        match self {
            Self::Leaves => Change::Leave { roster, user: user(who) },
            Self::BansThemselves => Change::SetBanned { user: user(who), banned: Ban::Impose },
            Self::IsGivenAnEnd => {
                let expires_at = Timestamp::from_unix(noon().as_unix() + 1);
                Change::SetExpiry(Membership { roster, user: user(who), expires_at })
            }
            Self::DeletesThemselves => Change::DeleteUser(user(who)),
            Self::RemovesTheOther => Change::RemoveMember { roster, user: user(other) },
            Self::BansTheOther => Change::SetBanned { user: user(other), banned: Ban::Impose },
        }
    }
}

const PAIRS: [(Way, Way); 7] = [
    (Way::Leaves, Way::Leaves),
    (Way::BansThemselves, Way::BansThemselves),
    (Way::Leaves, Way::BansThemselves),
    (Way::IsGivenAnEnd, Way::Leaves),
    (Way::DeletesThemselves, Way::IsGivenAnEnd),
    (Way::RemovesTheOther, Way::RemovesTheOther),
    (Way::BansTheOther, Way::BansTheOther),
];

/// What a user is permitted on a replica.
fn permitted(store: &Kubernetes, id: &str, change: Change) -> Permit {
    let record = store.directory().record(&id.parse().unwrap(), noon());
    let (grant, day) = (Grant::Login(Login::of(id.parse().unwrap())), Duration::from_secs(86_400));
    let admission = policy::admit(grant, record.standing, day, noon()).unwrap();
    policy::permit(&Actor::user(&admission, record.holdings), change).unwrap()
}

/// Whether somebody is on the root staff without an end, and not banned.
fn can_act(store: &Kubernetes, id: &str) -> bool {
    let record = store.directory().record(&id.parse().unwrap(), noon());
    let mut holdings = record.holdings.iter();
    let is_there = holdings.any(|one| one.roster == Roster::RootStaff && one.expires_at.is_none());
    is_there && !record.standing.banned
}

/// Makes both root staff without an end, and waits until every replica knows.
fn set_up(stage: &Stage, stores: [&Kubernetes; 2]) {
    for id in [ONE, TWO] {
        let user = || id.parse().unwrap();
        let lift = Change::SetBanned { user: user(), banned: Ban::Lift };
        stage.write(lift).unwrap();
        let place = Membership { roster: Roster::RootStaff, user: user(), expires_at: None };
        match stage.write(Change::AddMember(place.clone())) {
            Ok(()) => {}
            Err(WriteError::AlreadyMember) => stage.write(Change::SetExpiry(place)).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    eventually("both can act", || {
        stores.iter().all(|store| [ONE, TWO].iter().all(|id| can_act(store, id)))
    });
}

#[test]
fn two_who_go_at_once_are_not_the_last() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let replica = stage.replica();
    for (place, stores) in
        [("one replica", [&stage.store; 2]), ("two replicas", [&stage.store, &replica])]
    {
        for (first, second) in PAIRS {
            let (mut done, mut lost) = (0, Vec::new());
            for _ in 0..rounds(ROUNDS) {
                set_up(&stage, stores);
                let one = permitted(stores[0], ONE, first.change(ONE, TWO));
                let two = permitted(stores[1], TWO, second.change(TWO, ONE));
                let results = stage.runtime.block_on(async {
                    let one = stores[0].write(one);
                    let two = stores[1].write(two);
                    futures::future::join(one, two).await
                });
                for result in [&results.0, &results.1] {
                    match result {
                        Ok(()) => done += 1,
                        // The last: on a busy machine the API server was not asked in time, and nothing was done.
                        Err(
                            WriteError::LastRootStaff
                            | WriteError::Withdrawn(_)
                            | WriteError::Unavailable(_),
                        ) => {}
                        Err(error) => panic!("{first:?}, {second:?} on {place}: {error}"),
                    }
                }
                if results.0.is_ok() && results.1.is_ok() {
                    lost.push(results);
                }
            }
            let rounds = rounds(ROUNDS);
            println!("{first:?} and {second:?} on {place}: {rounds} races, {done} done");
            assert!(lost.is_empty(), "{first:?}, {second:?} on {place}: {lost:?}");
            assert_eq!(done, rounds, "{first:?}, {second:?} on {place}: one goes, one stays");
        }
    }
    // Nobody is in anybody's way afterwards.
    set_up(&stage, [&stage.store, &replica]);
    let leave = permitted(&replica, ONE, Way::Leaves.change(ONE, TWO));
    stage.runtime.block_on(replica.write(leave)).unwrap();
}
