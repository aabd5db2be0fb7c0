//! Races against what takes rights away, over HTTP: on the replica that answered the withdrawal nothing comes after it, on
//! others nothing that is later than a second.

use std::time::Duration;

use crate::stage::Stage;
use crate::support::controlplane;
use crate::support::races::{Track, Withdrawal, rounds};
use crate::support::served::Served;

/// Of each withdrawal, every deed being raced in each; the tier `release` asks for more.
const ROUNDS: usize = 20;

#[test]
fn nothing_comes_to_pass_after_a_withdrawal() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.add("staff", "local-root").unwrap();
    stage.runtime.block_on(async {
        let [one, two, three] = [(); 3].map(|()| Served::start(&stage.namespace, &stage.server, ""));
        let (one, two, three) = (one.await, two.await, three.await);
        let same = Track { root: &one.pasee, staff: vec![&one.pasee], grace: Duration::ZERO };
        let others = Track {
            root: &one.pasee,
            staff: vec![&two.pasee, &three.pasee],
            grace: Duration::from_secs(1),
        };
        let rounds = rounds(ROUNDS);
        for (place, track) in [("the same replica", same), ("two other replicas", others)] {
            for withdrawal in Withdrawal::ALL {
                let outcome = track.races(withdrawal, rounds, |_, _| Vec::new()).await;
                let (done, refused, late) = (outcome.done, outcome.refused, &outcome.late);
                println!(
                    "{withdrawal:?} on {place}: {rounds} races, {done} done before, {refused} refused, {} late, the last \
                     answered {} ms after",
                    late.len(),
                    outcome.latest.as_millis()
                );
                assert!(done > 0 && refused > 0, "{withdrawal:?}: nothing was raced: {outcome:?}");
                assert!(late.is_empty(), "{withdrawal:?} on {place}: {late:#?}");
            }
        }
    });
}
