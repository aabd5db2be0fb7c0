//! The reading port: what the state says of users and groups, at a moment.
//!
//! Answers come from memory; an implementation never waits for a disk or a server. Must not know who asks.

use super::group::GroupName;
use super::membership::Roster;
use super::time::Timestamp;
use super::user::UserId;

/// What root staff has said of a user. The default is what is said of everybody else: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Gets no token, by any grant.
    pub banned: bool,
    /// Tokens issued before this second are worth nothing any more.
    pub not_before: Option<Timestamp>,
}

/// A roster that a user is on, effective at the moment asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which list.
    pub roster: Roster,
    /// The first second it no longer counts; `None` = no end.
    pub expires_at: Option<Timestamp>,
}

/// All that the state says of one user, read at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What root staff has said.
    pub standing: Standing,
    /// Effective memberships, in the order of their rosters, each roster once.
    pub holdings: Vec<Holding>,
}

impl Record {
    /// Adds the groups that an identity provider's word gives until a moment, as far as they are in effect. A longer
    /// membership of the same group counts.
    pub fn add_mapped(
        &mut self,
        groups: &[GroupName],
        until: Timestamp,
        directory: &dyn Directory,
        now: Timestamp,
    ) {
        if until <= now {
            return;
        }
        for group in groups.iter().filter(|group| directory.has_group(group)) {
            let roster = Roster::Members(group.clone());
            match self.holdings.iter_mut().find(|holding| holding.roster == roster) {
                Some(holding) => {
                    holding.expires_at = holding.expires_at.map(|end| end.max(until));
                }
                None => self.holdings.push(Holding { roster, expires_at: Some(until) }),
            }
        }
        self.holdings.sort_by(|one, two| one.roster.cmp(&two.roster));
    }
}

/// One page of a listing.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a, T> {
    /// Only what comes after this one, whether or not it exists.
    pub after: Option<&'a T>,
    /// At most so many.
    pub limit: usize,
}

/// The state as it is now in memory. A group is in effect while it exists, is not being deleted, and its whole chain
/// of parents is in effect; a membership while its group is and `now < expires_at`. Only what is in effect shows.
pub trait Directory: Send + Sync {
    /// What the state says of a user; users nothing is said about have the default record.
    fn record(&self, user: &UserId, now: Timestamp) -> Record;

    /// Whether the group is in effect.
    fn has_group(&self, group: &GroupName) -> bool;

    /// Every roster there is, in order: the root staff first, then each group's members and staff.
    fn rosters(&self, page: Page<'_, Roster>) -> Vec<Roster>;

    /// The users on a roster in the order of their ids; `None` if its group is not in effect.
    fn members(
        &self,
        roster: &Roster,
        page: Page<'_, UserId>,
        now: Timestamp,
    ) -> Option<Vec<UserId>>;

    /// The users that have a membership in effect or a standing of their own, in the order of their ids.
    fn users(&self, page: Page<'_, UserId>, now: Timestamp) -> Vec<UserId>;
}
