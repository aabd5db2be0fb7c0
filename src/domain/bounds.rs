//! How much of what one author has made may be there: groups, and memberships; and how many ended sessions are remembered.
//!
//! Whom the bounds bind is [`policy`](super::policy)'s to say. Must not know how it is counted.

/// What an author has made that is still there, or is about to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Groups.
    pub groups: u64,
    /// Users put on rosters, one by one; what names nobody and is kept all the same counts as one. Staff for having made a group
    /// does not count.
    pub memberships: u64,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            groups: self.groups.saturating_add(other.groups),
            memberships: self.memberships.saturating_add(other.memberships),
        }
    }
}

/// How much one author may have made; `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Groups.
    pub groups: Option<u64>,
    /// Users put on rosters, one by one.
    pub memberships: Option<u64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { groups: Some(1_000), memberships: Some(10_000) }
    }
}

/// Memberships, as objects, that weigh no more than their users; each further one weighs as much as this many users, so that few
/// authors who name one user in each do not fill what objects there may be.
const LIGHT_OBJECTS: u64 = 100;
const USERS_PER_OBJECT: u64 = 10;

/// What counts as users put on rosters, where so many are in so many objects of one author's making.
#[must_use]
pub fn weight_of(users: u64, objects: u64) -> u64 {
    users.max(objects.saturating_sub(LIGHT_OBJECTS).saturating_mul(USERS_PER_OBJECT))
}

/// Most ended sessions that are remembered, one by one.
pub const MAX_ENDED: u64 = 100_000;
/// Most of them that are one user's.
pub const MAX_ENDED_OF_ONE: u64 = 1_000;
/// And no more than this part of what is free: however many fill it, who has ended few has room.
const SHARE: u64 = 8;

/// Whether one more ended session is remembered by itself, of a user of whom so many are, among so many of all. Where it is not, all of
/// that user's sessions end instead, and nobody else's.
#[must_use]
pub fn has_room_for_ended(of_user: u64, of_all: u64) -> bool {
    let free = MAX_ENDED.saturating_sub(of_all);
    free > 0 && of_user < (free / SHARE).clamp(1, MAX_ENDED_OF_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_objects_weigh_more_than_their_users() {
        for (users, objects, weight) in [
            (0, 0, 0),
            (7, 7, 7),
            (100, 100, 100),
            (101, 101, 101),
            (1_100, 1_100, 10_000),
            (20_000, 1_100, 20_000),
        ] {
            assert_eq!(weight_of(users, objects), weight, "{users} in {objects}");
        }
        // Of the objects that there may be by the quota that is printed, one author makes no more than an eighteenth.
        let most = Bounds::default().memberships.unwrap();
        let objects = (0..).take_while(|objects| weight_of(*objects, *objects) <= most).count();
        assert!(objects * 18 < 20_000, "{objects}");
    }

    #[test]
    fn nobody_fills_what_all_share() {
        for (of_user, of_all, right) in [
            (0, 0, true),
            (999, 999, true),
            (1_000, 1_000, false),
            (999, 92_000, true),
            (999, 92_009, false),
            (99, 99_200, true),
            (100, 99_200, false),
            (0, 99_999, true),
            (1, 99_999, false),
            (0, 100_000, false),
            (0, 200_000, false),
        ] {
            assert_eq!(has_room_for_ended(of_user, of_all), right, "{of_user} of {of_all}");
        }
        // A hundred users who end as many as they can leave room for others.
        let mut ended = [0; 100];
        loop {
            let all = ended.iter().sum();
            let Some(one) = ended.iter_mut().find(|one| has_room_for_ended(**one, all)) else {
                break;
            };
            *one += 1;
        }
        let all: u64 = ended.iter().sum();
        assert!((90_000..MAX_ENDED).contains(&all), "{all}");
        assert!(has_room_for_ended(50, all));
    }
}
