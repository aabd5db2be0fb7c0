//! Which sessions were ended: what all SessionRevocations say together.
//!
//! Must not know a clock: what would be over anyway counts until its object is gone.

use std::collections::{BTreeMap, HashMap};

use super::State;
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::index::Update;
use crate::resources::session_revocations::{MAX_SESSIONS, UserMark};
use crate::store::kubernetes::object::{Ended, Maker, Name};

/// The objects.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<Name, Listed>);

#[derive(Debug)]
struct Listed {
    uid: Name,
    maker: Maker,
    until: Timestamp,
    /// In order, each once.
    sessions: Box<[SessionId]>,
    users: BTreeMap<UserMark, u64>,
}

impl Sessions {
    pub(super) fn names(&self) -> Vec<Name> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn uid(&self, name: &str) -> Option<&Name> {
        self.0.get(name).map(|listed| &listed.uid)
    }

    /// Tells of all that were ended.
    pub(super) fn tell(&self, out: &mut impl FnMut(Update)) {
        for Listed { until, sessions, .. } in self.0.values() {
            sessions.iter().for_each(|session| out(Update::Ended(*session, *until)));
        }
    }

    pub(super) fn put(&mut self, name: Name, uid: Name, ended: Ended, out: &mut Vec<Update>) {
        let Ended { mut sessions, users, until, maker } = ended;
        sessions.sort_unstable();
        sessions.dedup();
        let listed = Listed { uid, maker, until, sessions: sessions.into_boxed_slice(), users };
        let before = self.0.insert(name.clone(), listed);
        let before = before.map(|before| before.sessions).unwrap_or_default();
        let Some(Listed { sessions, .. }) = self.0.get(&name) else { return };
        let new = sessions.iter().filter(|session| before.binary_search(session).is_err());
        out.extend(new.map(|session| Update::Ended(*session, until)));
        self.forget(&before, out);
    }

    pub(super) fn take(&mut self, name: &str, out: &mut Vec<Update>) {
        if let Some(Listed { sessions, .. }) = self.0.remove(name) {
            self.forget(&sessions, out);
        }
    }

    /// Tells of those that no object says any more.
    fn forget(&self, sessions: &[SessionId], out: &mut Vec<Update>) {
        let says = |session: &SessionId| {
            self.0.values().any(|listed| listed.sessions.binary_search(session).is_ok())
        };
        let gone = sessions.iter().filter(|session| !says(session));
        out.extend(gone.map(|session| Update::Forgotten(*session)));
    }
}

impl State {
    /// How many ended sessions are remembered, of a user and of all.
    pub(in crate::store::kubernetes) fn ended_sessions(&self, user: UserMark) -> (u64, u64) {
        let of = |listed: &Listed| listed.users.get(&user).copied().unwrap_or(0);
        let all = |listed: &Listed| listed.sessions.len() as u64;
        self.sessions.0.values().fold((0_u64, 0_u64), |(one, every), listed| {
            (one.saturating_add(of(listed)), every.saturating_add(all(listed)))
        })
    }

    /// An object of this program for sessions that would be over by then, with room for so many more.
    pub(in crate::store::kubernetes) fn room_for_sessions(
        &self,
        until: Timestamp,
        count: usize,
    ) -> Option<&Name> {
        let has_room = |listed: &Listed| {
            listed.maker == Maker::Pasee
                && listed.until == until
                && listed.sessions.len() + count <= MAX_SESSIONS
        };
        let mut objects = self.sessions.0.iter();
        objects.find(|(_, listed)| has_room(listed)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u8) -> SessionId {
        SessionId::new([number; 16])
    }

    fn ada() -> UserMark {
        UserMark::from(&"k-ada".parse().unwrap())
    }

    fn ended(numbers: &[u8]) -> Ended {
        let sessions = numbers.iter().map(|number| session(*number)).collect();
        let users = [(ada(), numbers.len() as u64)].into();
        Ended { sessions, users, until: Timestamp::from_unix(86_400).unwrap(), maker: Maker::Pasee }
    }

    #[test]
    fn what_any_object_says_holds_until_none_does() {
        let mut state = State::default();
        let until = Timestamp::from_unix(86_400).unwrap();
        let (one, two) = (Name::from("one"), Name::from("two"));
        let put = |state: &mut State, name: &Name, numbers: &[u8]| {
            let mut out = Vec::new();
            state.sessions.put(name.clone(), Name::from("uid"), ended(numbers), &mut out);
            out
        };
        let begun = |number| Update::Ended(session(number), until);
        assert_eq!(put(&mut state, &one, &[2, 1]), [begun(1), begun(2)]);
        assert_eq!(put(&mut state, &one, &[2, 1, 2]), [], "each once");
        assert_eq!(state.ended_sessions(ada()), (3, 2));
        assert_eq!(put(&mut state, &one, &[1, 2]), [], "nothing new");
        assert_eq!(put(&mut state, &two, &[2, 3]), [begun(2), begun(3)]);
        assert_eq!(put(&mut state, &one, &[1]), [], "the other says it too");
        assert_eq!(put(&mut state, &one, &[4]), [begun(4), Update::Forgotten(session(1))]);
        let mut out = Vec::new();
        state.sessions.take("two", &mut out);
        out.sort_by_key(|update| format!("{update:?}"));
        assert_eq!(out, [Update::Forgotten(session(2)), Update::Forgotten(session(3))]);
        assert_eq!(state.ended_sessions(ada()), (1, 1));
        let bob = UserMark::from(&"k-bob".parse().unwrap());
        assert_eq!(state.ended_sessions(bob), (0, 1), "of another user");
    }

    #[test]
    fn room_is_in_own_objects_of_that_day() {
        let mut state = State::default();
        let until = Timestamp::from_unix(86_400).unwrap();
        let foreign = Ended { maker: Maker::Other, ..ended(&[1]) };
        state.sessions.put("foreign".into(), "1".into(), foreign, &mut Vec::new());
        assert_eq!(state.room_for_sessions(until, 1), None);
        state.sessions.put("own".into(), "2".into(), ended(&[1, 2]), &mut Vec::new());
        assert_eq!(state.room_for_sessions(until, 998).map(|name| &**name), Some("own"));
        assert_eq!(state.room_for_sessions(until, 999), None);
        assert_eq!(state.room_for_sessions(Timestamp::MAX, 1), None);
    }
}
