//! Races against what takes rights away, over HTTP and three replicas: on the one that answered the withdrawal nothing comes after
//! it, on the others nothing that is begun later than a second after. A program of its own, as it takes longest. `tests/run cluster` runs
//! it.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../cluster_store/stage.rs"]
#[allow(dead_code, reason = "others have more on it")]
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use stage::Stage;
use support::controlplane;
use support::races::{DEEDS, Track, Withdrawal, rounds};
use support::served::Served;

/// Of each withdrawal, every deed being raced in each; the tier `release` asks for more.
const ROUNDS: usize = 100;
/// Staff of one group, who race beside each other: a group and its parent cost more here than a deed.
const USERS: usize = 10;

#[test]
fn nothing_comes_to_pass_after_a_withdrawal() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.add("staff", "local-root").unwrap();
    stage.runtime.block_on(async {
        let [one, two, three] = [(); 3].map(|()| Served::start(&stage.namespace, &stage.server, ""));
        let (one, two, three) = (one.await, two.await, three.await);
        let track = Track {
            root: &one.pasee,
            staff: vec![&one.pasee, &two.pasee, &three.pasee],
            grace: Duration::from_secs(1),
            groups: 2,
            users: USERS,
        };
        let rounds = rounds(ROUNDS);
        for withdrawal in Withdrawal::ALL {
            let outcome = track.races(withdrawal, rounds, |_, _| Vec::new()).await;
            let (done, refused, late) = (outcome.done, outcome.refused, &outcome.late);
            println!(
                "{withdrawal:?}, {rounds} races of each of {} deeds over 3 replicas: {done} done, {refused} refused, {} late, \
                 {} begun after the answer and done\n{}",
                DEEDS.len(),
                late.len(),
                outcome.begun_after,
                outcome.pairs(withdrawal)
            );
            assert!(done > 0 && refused > 0, "{withdrawal:?}: nothing was raced: {outcome:?}");
            assert!(late.is_empty(), "{withdrawal:?}: {late:#?}");
        }
    });
}
