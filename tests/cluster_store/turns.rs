//! What waits for the API server, and what goes first.

use std::time::Duration;

use futures::future::{join, join_all};
use pasee::domain::change::{Ban, Change};
use pasee::domain::membership::Membership;
use pasee::domain::policy::{self, Actor, Grant, Login, Permit, Refusal, Withdrawn};
use pasee::domain::realm::{Realm, WriteError};

use crate::stage::{Stage, noon};
use crate::support::controlplane;

const FLOOD: usize = 500;

fn by(stage: &Stage, id: &str, change: Change) -> Permit {
    let record = stage.store.directory().record(&id.parse().unwrap(), noon());
    let (grant, day) = (Grant::Login(Login::of(id.parse().unwrap())), Duration::from_secs(86_400));
    let admission = policy::admit(grant, record.standing, day, noon()).unwrap();
    policy::permit(&Actor::user(&admission, record.holdings), change).unwrap()
}

/// A ban is made before all that waits, whoever floods with whatever they may, and counts for it.
#[test]
fn a_ban_goes_before_a_flood() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.add("a.staff", "k-john").unwrap();
    stage.add("staff", "k-root").unwrap();
    let adds = (0..FLOOD).map(|number| {
        let (roster, user) = ("a".parse().unwrap(), format!("k-{number}").parse().unwrap());
        let add = Change::AddMember(Membership { roster, user, expires_at: None });
        by(&stage, "k-john", add)
    });
    let ends = (0..2 * FLOOD).map(|number| {
        let id = if number % 2 == 0 { "k-john".to_owned() } else { format!("k-{number}") };
        by(&stage, &id, Change::Revoke(id.parse().unwrap()))
    });
    let (adds, ends): (Vec<Permit>, Vec<Permit>) = (adds.collect(), ends.collect());
    let ban = Change::SetBanned { user: "k-john".parse().unwrap(), banned: Ban::Impose };
    let ban = by(&stage, "k-root", ban);
    let (flood, ban) = stage.runtime.block_on(async {
        let flood = adds.into_iter().chain(ends).map(|permit| stage.store.write(permit));
        // Asked for in this order: all of the flood first.
        join(join_all(flood), async { stage.store.write(ban).await }).await
    });
    ban.unwrap();
    let done = flood[..FLOOD].iter().filter(|one| one.is_ok()).count();
    assert!(done < FLOOD / 2, "{done} of a flood were done before the ban");
    for result in &flood {
        match result {
            Ok(())
            | Err(WriteError::Withdrawn(Withdrawn::Refused(Refusal::Banned | Refusal::Revoked))) => {
            }
            Err(WriteError::Unavailable(error)) => {
                assert!(error.to_string().contains("too many changes are waiting"), "{error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    println!("{done} of {FLOOD} were done before the ban");
}
