//! Who is where: the addresses that discovery names, and the process that said at each what it is called.
//!
//! Must not know how it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::call::CallError;
use crate::domain::process::ProcessId;

/// Questions to one process at once: one that hangs holds no more than these.
const MAX_CALLS: usize = 64;
/// After so many looks that nobody answered, the process that was there is taken for gone.
const MAX_SILENCE: u32 = 6;

/// A process at its address.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) process: ProcessId,
    pub(super) calls: Arc<Semaphore>,
}

/// All addresses that discovery names.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<SocketAddr, Occupant>>);

/// Who is at an address.
#[derive(Debug, Default)]
enum Occupant {
    /// Nobody has said so yet.
    #[default]
    Unknown,
    /// This process.
    Ourselves,
    Peer {
        process: ProcessId,
        calls: Arc<Semaphore>,
        /// Looks and questions since it answered.
        silence: u32,
    },
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Occupant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every address but these.
    pub(super) fn keep_only(&self, addresses: &BTreeSet<SocketAddr>) {
        let mut known = self.lock();
        known.retain(|address, occupant| {
            let stays = addresses.contains(address);
            if let (false, Occupant::Peer { .. }) = (stays, occupant) {
                tracing::info!(%address, "a peer is gone");
            }
            stays
        });
        for address in addresses {
            known.entry(*address).or_default();
        }
    }

    /// The addresses of others.
    pub(super) fn listed(&self) -> Vec<SocketAddr> {
        let known = self.lock();
        let others = known.iter().filter(|(_, occupant)| !matches!(occupant, Occupant::Ourselves));
        others.map(|(address, _)| *address).collect()
    }

    /// This process is at the address.
    pub(super) fn is_this_one(&self, address: SocketAddr) {
        if let Some(occupant) = self.lock().get_mut(&address) {
            *occupant = Occupant::Ourselves;
        }
    }

    /// A process says that it is at the address. Of an address that discovery does not name nobody is believed.
    pub(super) fn is_at(&self, address: SocketAddr, process: ProcessId) {
        let mut known = self.lock();
        let Some(occupant) = known.get_mut(&address) else { return };
        match occupant {
            Occupant::Peer { process: before, silence, .. } if *before == process => {
                if std::mem::take(silence) > 0 {
                    tracing::info!(%address, "a peer answers again");
                }
            }
            _ => {
                tracing::info!(%address, "a peer is there");
                let calls = Arc::new(Semaphore::new(MAX_CALLS));
                *occupant = Occupant::Peer { process, calls, silence: 0 };
            }
        }
    }

    /// Nobody answers at the address.
    pub(super) fn does_not_answer(&self, address: SocketAddr, error: CallError) {
        let mut known = self.lock();
        let Some(occupant) = known.get_mut(&address) else { return };
        let Occupant::Peer { silence, .. } = occupant else { return };
        *silence += 1;
        if *silence == 1 {
            tracing::warn!(%address, %error, "a peer does not answer");
        }
        if *silence > MAX_SILENCE {
            tracing::warn!(%address, "a peer is taken for gone");
            *occupant = Occupant::Unknown;
        }
    }

    /// The process did not answer a question.
    pub(super) fn is_silent(&self, place: &Place) {
        if let Some(Occupant::Peer { process, silence, .. }) = self.lock().get_mut(&place.address)
            && *process == place.process
            && *silence == 0
        {
            *silence = 1;
            tracing::warn!(address = %place.address, "a peer did not answer a question");
        }
    }

    /// Where a process is, also one that does not answer at the moment.
    pub(super) fn place_of(&self, wanted: ProcessId) -> Option<Place> {
        let known = self.lock();
        known.iter().find_map(|(address, occupant)| match occupant {
            Occupant::Peer { process, calls, .. } if *process == wanted => {
                Some(Place { address: *address, process: *process, calls: Arc::clone(calls) })
            }
            _ => None,
        })
    }

    /// All others that answered lately: nobody waits for one that does not.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut met = BTreeSet::new();
        let known = self.lock();
        let places = known.iter().filter_map(|(address, occupant)| match occupant {
            Occupant::Peer { process, calls, silence: 0 } if met.insert(process.bytes()) => {
                Some(Place { address: *address, process: *process, calls: Arc::clone(calls) })
            }
            _ => None,
        });
        places.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ProcessId = ProcessId::new([1; 8]);
    const TWO: ProcessId = ProcessId::new([2; 8]);

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn known() -> Known {
        let known = Known::default();
        known.keep_only(&BTreeSet::from([1, 2, 3].map(address)));
        known
    }

    #[test]
    fn nobody_is_believed_at_an_address_that_discovery_does_not_name() {
        let known = known();
        known.is_at(address(4), ONE);
        assert!(known.place_of(ONE).is_none());
        known.is_at(address(1), ONE);
        assert_eq!(known.place_of(ONE).unwrap().address, address(1));
        known.keep_only(&BTreeSet::from([address(2)]));
        assert!(known.place_of(ONE).is_none(), "discovery does not name it any more");
    }

    #[test]
    fn one_that_was_started_again_is_another() {
        let known = known();
        known.is_at(address(1), ONE);
        known.is_at(address(1), TWO);
        assert!(known.place_of(ONE).is_none());
        assert!(known.place_of(TWO).is_some());
        known.is_this_one(address(2));
        assert_eq!(known.listed(), [address(1), address(3)]);
    }

    /// Whoever is asked for by name is still asked; where all are asked, nobody waits for it.
    #[test]
    fn one_that_is_silent() {
        let known = known();
        known.is_at(address(1), ONE);
        known.is_at(address(2), TWO);
        // The same process under two names is one.
        known.is_at(address(3), TWO);
        let asked = |known: &Known| -> Vec<SocketAddr> {
            known.places().iter().map(|place| place.address).collect()
        };
        assert_eq!(asked(&known), [address(1), address(2)]);
        known.is_silent(&known.place_of(ONE).unwrap());
        assert_eq!(asked(&known), [address(2)]);
        assert!(known.place_of(ONE).is_some());
        known.is_at(address(1), ONE);
        assert_eq!(asked(&known), [address(1), address(2)]);
        for _ in 0..=MAX_SILENCE {
            assert!(known.place_of(ONE).is_some());
            known.does_not_answer(address(1), CallError::Unreached);
        }
        assert!(known.place_of(ONE).is_none());
        assert!(known.listed().contains(&address(1)), "and is looked for again");
    }
}
