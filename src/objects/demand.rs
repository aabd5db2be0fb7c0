//! What the policy must allow, for an object to be written or deleted.
//!
//! Must not know who asks, nor JSON.

use crate::domain::change::Change;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{Actor, Denied, View, deciding, may_see, permit};
use crate::domain::user::UserId;
use crate::resources::membership::MembershipContent;

/// What must be allowed, all of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Demand {
    /// What only root staff may: to say something of users, and whatever cannot be understood.
    RootStaff,
    /// One change.
    Change(Change),
    /// To have a say in who is on these rosters, even where nobody comes or goes; and these changes.
    Rosters(Vec<Roster>, Vec<Change>),
}

impl Demand {
    /// What a Membership means that is to be other than it is; absent is one that was not there, or is to go.
    #[must_use]
    pub fn of(before: Option<&MembershipContent>, after: Option<&MembershipContent>) -> Self {
        let rosters = before.into_iter().chain(after).map(|content| content.roster.clone());
        let mut rosters: Vec<Roster> = rosters.collect();
        rosters.dedup();
        Self::Rosters(rosters, differences(before, after))
    }

    /// The rosters that decide.
    #[must_use]
    pub fn deciding(&self) -> Vec<Roster> {
        let mut rosters = vec![Roster::RootStaff];
        match self {
            Self::RootStaff => {}
            Self::Change(change) => rosters.extend(deciding(change)),
            Self::Rosters(lists, changes) => {
                let groups = lists.iter().filter_map(|list| list.group().cloned());
                rosters.extend(groups.map(Roster::Staff));
                rosters.extend(changes.iter().flat_map(deciding));
            }
        }
        rosters.sort();
        rosters.dedup();
        rosters
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// [`Denied`]: the actor may not do some of it.
    pub fn judge(&self, actor: &Actor) -> Result<(), Denied> {
        match self {
            Self::RootStaff => may_see(actor, &View::Users),
            Self::Change(change) => permit(actor, change.clone()).map(drop),
            Self::Rosters(lists, changes) => {
                // Who may not see a list has no say in it, whatever they may do about themselves.
                for list in lists {
                    may_see(actor, &View::Members(list.clone()))?;
                }
                changes.iter().try_for_each(|change| permit(actor, change.clone()).map(drop))
            }
        }
    }
}

/// Who comes, who goes, and who is to stay until another moment.
fn differences(
    before: Option<&MembershipContent>,
    after: Option<&MembershipContent>,
) -> Vec<Change> {
    let none =
        &MembershipContent { roster: Roster::RootStaff, users: Vec::new(), expires_at: None };
    let (old, new) = (before.unwrap_or(none), after.unwrap_or(none));
    let is_same_list = old.roster == new.roster;
    let was_on = |user: &&UserId| is_same_list && old.users.contains(user);
    let is_on = |user: &&UserId| is_same_list && new.users.contains(user);
    let on = |user: &UserId| {
        let (roster, user) = (new.roster.clone(), user.clone());
        Membership { roster, user, expires_at: new.expires_at }
    };
    let comes = new.users.iter().filter(|user| !was_on(user));
    let stays = new.users.iter().filter(|user| was_on(user) && old.expires_at != new.expires_at);
    let goes = old.users.iter().filter(|user| !is_on(user));
    let remove =
        |user: &UserId| Change::RemoveMember { roster: old.roster.clone(), user: user.clone() };
    comes
        .map(|user| Change::AddMember(on(user)))
        .chain(stays.map(|user| Change::SetExpiry(on(user))))
        .chain(goes.map(remove))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::{Holding, Standing};
    use crate::domain::policy::{Grant, Login, admit};
    use crate::domain::time::Timestamp;

    fn content(roster: &str, users: &[&str], end: Option<i64>) -> MembershipContent {
        MembershipContent {
            roster: roster.parse().unwrap(),
            users: users.iter().map(|user| user.parse().unwrap()).collect(),
            expires_at: end.map(|end| Timestamp::from_unix(end).unwrap()),
        }
    }

    /// What is asked, as `+user@roster` and `-user@roster`, with an end behind.
    fn shown(demand: &Demand) -> (Vec<String>, Vec<String>) {
        let Demand::Rosters(lists, changes) = demand else { panic!("{demand:?}") };
        let show = |change: &Change| match change {
            Change::SetExpiry(Membership { roster, user, expires_at }) => {
                let end = expires_at.map(|end| format!(" {}", end.as_unix())).unwrap_or_default();
                format!("={user}@{roster}{end}")
            }
            Change::AddMember(Membership { roster, user, expires_at }) => {
                let end = expires_at.map(|end| format!(" {}", end.as_unix())).unwrap_or_default();
                format!("+{user}@{roster}{end}")
            }
            Change::RemoveMember { roster, user } => format!("-{user}@{roster}"),
            other => panic!("{other:?}"),
        };
        (lists.iter().map(ToString::to_string).collect(), changes.iter().map(show).collect())
    }

    #[test]
    fn what_differs_is_what_is_asked() {
        let ada_bob = content("a.staff", &["k-ada", "k-bob"], None);
        let eve_bob = content("a.staff", &["k-bob", "k-eve"], None);
        let ending = content("a.staff", &["k-bob"], Some(9));
        let elsewhere = content("b", &["k-bob"], None);
        let nobody = content("a.staff", &[], None);
        for (before, after, lists, changes) in [
            (None, Some(&ada_bob), &["a.staff"][..], &["+k-ada@a.staff", "+k-bob@a.staff"][..]),
            (Some(&ada_bob), None, &["a.staff"], &["-k-ada@a.staff", "-k-bob@a.staff"]),
            (Some(&ada_bob), Some(&ada_bob), &["a.staff"], &[]),
            (Some(&ada_bob), Some(&eve_bob), &["a.staff"], &["+k-eve@a.staff", "-k-ada@a.staff"]),
            (Some(&ada_bob), Some(&ending), &["a.staff"], &["=k-bob@a.staff 9", "-k-ada@a.staff"]),
            (Some(&ending), Some(&nobody), &["a.staff"], &["-k-bob@a.staff"]),
            (Some(&ending), Some(&elsewhere), &["a.staff", "b"], &["+k-bob@b", "-k-bob@a.staff"]),
            (None, Some(&nobody), &["a.staff"], &[]),
        ] {
            let (asked_lists, asked_changes) = shown(&Demand::of(before, after));
            assert_eq!((&*asked_lists, &*asked_changes), (&*owned(lists), &*owned(changes)));
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_staff_of_each_list_decide() {
        let (one, other) = (content("a.staff", &[], None), content("b", &["k-bob"], None));
        let deciding = |demand: Demand| -> Vec<String> {
            demand.deciding().iter().map(ToString::to_string).collect()
        };
        assert_eq!(deciding(Demand::RootStaff), ["staff"]);
        assert_eq!(deciding(Demand::of(None, Some(&one))), ["staff", "a.staff"]);
        assert_eq!(deciding(Demand::of(Some(&one), Some(&other))), ["staff", "a.staff", "b.staff"]);
        let group = Demand::Change(Change::DeleteGroup("a.b".parse().unwrap()));
        assert_eq!(deciding(group), ["staff", "a.staff"]);
    }

    fn actor(held: &[&str]) -> Actor {
        let moment = Timestamp::from_unix(20).unwrap();
        let grant = Grant::Login(Login::of("k-ada".parse().unwrap()));
        let session = std::time::Duration::from_secs(1000);
        let admission = admit(grant, Standing::default(), session, moment).unwrap();
        let held =
            held.iter().map(|roster| Holding { roster: roster.parse().unwrap(), expires_at: None });
        Actor::user(&admission, held.collect())
    }

    /// All of it must be allowed: whoever runs one of two groups moves nobody between them.
    #[test]
    fn who_may_do_all_of_it() {
        let nobody = content("a", &[], None);
        let (own, other) = (content("a", &["k-ada"], None), content("b", &["k-bob"], None));
        let group = || Demand::Change(Change::DeleteGroup("a.b".parse().unwrap()));
        for (demand, held, is_allowed) in [
            (Demand::RootStaff, &["staff"][..], true),
            (Demand::RootStaff, &["a.staff"], false),
            (group(), &["a.staff"], true),
            (group(), &["a.b.staff"], false),
            (Demand::of(None, Some(&own)), &["a.staff"], true),
            (Demand::of(None, Some(&own)), &["b.staff"], false),
            (Demand::of(None, Some(&nobody)), &["a.staff"], true),
            (Demand::of(None, Some(&nobody)), &["b.staff"], false),
            (Demand::of(Some(&own), Some(&other)), &["a.staff", "b.staff"], true),
            (Demand::of(Some(&own), Some(&other)), &["a.staff"], false),
            (Demand::of(Some(&own), Some(&other)), &["b.staff"], false),
            // They might leave, but not by a list that they may not see.
            (Demand::of(Some(&own), None), &["a"], false),
        ] {
            let judged = demand.judge(&actor(held));
            assert_eq!(judged.is_ok(), is_allowed, "{demand:?} by {held:?}");
        }
    }
}
