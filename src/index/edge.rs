//! A membership in eight bytes: the roster's number, and until when.
//!
//! Must not know names.

use crate::domain::membership::Role;
use crate::domain::time::Timestamp;

/// A roster: the slot of its group, and the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RosterId(u32);

impl RosterId {
    /// The roster of a role in the group at a slot.
    pub(super) fn new(group: u32, role: Role) -> Self {
        let role = match role {
            Role::Member => 0,
            Role::Staff => 1,
        };
        Self(group << 1 | role)
    }

    pub(super) fn group(self) -> u32 {
        self.0 >> 1
    }

    pub(super) fn role(self) -> Role {
        if self.0 & 1 == 0 { Role::Member } else { Role::Staff }
    }
}

/// The end of a membership in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End(u32);

impl End {
    /// No end.
    const NEVER: u32 = u32::MAX;
    /// An end that four bytes cannot hold: later than 2106-02-07T06:28:13Z. It is kept elsewhere.
    const FAR: u32 = u32::MAX - 1;

    pub(super) fn new(expires_at: Option<Timestamp>) -> Self {
        let Some(at) = expires_at else { return Self(Self::NEVER) };
        match u32::try_from(at.as_unix()) {
            Ok(seconds) if seconds < Self::FAR => Self(seconds),
            _ => Self(Self::FAR),
        }
    }

    /// The end, with the far ones from where they are kept.
    pub(super) fn moment(self, far: impl FnOnce() -> Option<Timestamp>) -> Option<Timestamp> {
        match self.0 {
            Self::NEVER => None,
            Self::FAR => far(),
            seconds => Timestamp::from_unix(seconds.into()),
        }
    }

    pub(super) fn is_far(self) -> bool {
        self.0 == Self::FAR
    }
}

/// A roster that a user is on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) roster: RosterId,
    pub(super) end: End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        assert_eq!(size_of::<Edge>(), 8);
        assert_eq!(End::new(None).moment(|| None), None);
        let (far, last) = (i64::from(End::FAR), Timestamp::MAX.as_unix());
        for seconds in [0, 1, far - 1, far, far + 1, far + 2, last] {
            let at = Timestamp::from_unix(seconds);
            let end = End::new(at);
            assert_eq!(end.is_far(), seconds >= far);
            assert_eq!(end.moment(|| at.filter(|at| at.as_unix() >= far)), at);
        }
    }

    #[test]
    fn rosters() {
        for role in [Role::Member, Role::Staff] {
            for group in [0, 1, 77, u32::MAX >> 1] {
                let id = RosterId::new(group, role);
                assert_eq!((id.group(), id.role()), (group, role));
            }
        }
    }
}
