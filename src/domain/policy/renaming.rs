//! Who may call users otherwise: the operator alone, as no token speaks for two.
//!
//! Must not know how it is done.

use super::{Actor, Denied};
use crate::domain::provider::PossibleUsers;
use crate::domain::renaming::Renaming;

/// The policy's word that users may be called otherwise. Stores ask for one, and nothing else makes one.
#[derive(Debug)]
pub struct RenamingPermit {
    renaming: Renaming,
    possible: Option<PossibleUsers>,
}

impl RenamingPermit {
    /// The same where it is known who could log in.
    #[must_use]
    pub fn knowing(self, possible: PossibleUsers) -> Self {
        Self { possible: Some(possible), ..self }
    }

    /// What is permitted.
    #[must_use]
    pub fn renaming(&self) -> &Renaming {
        &self.renaming
    }

    /// Who could log in, if that is known: nobody else stays on the root staff for others.
    #[must_use]
    pub fn possible(&self) -> Option<&PossibleUsers> {
        self.possible.as_ref()
    }
}

/// Asks the policy.
///
/// # Errors
/// [`Denied`], whoever the user is.
pub fn permit_renaming(actor: &Actor, renaming: Renaming) -> Result<RenamingPermit, Denied> {
    match actor.id() {
        None => Ok(RenamingPermit { renaming, possible: None }),
        Some(_) => Err(Denied::NotEntitled),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::directory::{Holding, Standing};
    use crate::domain::membership::Roster;
    use crate::domain::policy::{Grant, Login, admit};
    use crate::domain::provider::ProviderNames;
    use crate::domain::time::Timestamp;

    #[test]
    fn not_even_root_staff() {
        let map = || Renaming::read("k-a l-a").unwrap();
        let permit = permit_renaming(&Actor::operator(), map()).unwrap();
        assert!(permit.possible().is_none());
        let new = permit.renaming().new_name(&"k-a".parse().unwrap());
        assert_eq!(new, Some("l-a".parse().unwrap()), "what was asked for is permitted");
        let permit = permit.knowing(PossibleUsers::from(&"l".parse::<ProviderNames>().unwrap()));
        assert!(permit.possible().unwrap().has(&"l-a".parse().unwrap()));
        let grant = Grant::Login(Login::of("k-john".parse().unwrap()));
        let now = Timestamp::from_unix(100).unwrap();
        let session = Duration::from_secs(1000);
        let admission = admit(grant, Standing::default(), session, now).unwrap();
        let root = Holding { roster: Roster::RootStaff, expires_at: None };
        let actor = Actor::user(&admission, vec![root]);
        assert_eq!(permit_renaming(&actor, map()).unwrap_err(), Denied::NotEntitled);
    }
}
