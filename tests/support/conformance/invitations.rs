//! Who comes in by an invitation, and what makes it void, in every store.

use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::invitation::{GroupMark, Invited, Joining};
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::name::PersonName;
use pasee::domain::policy::{self, Actor, Grant, Permit};
use pasee::domain::realm::WriteError;

use super::{Subject, add, ban, group, refused, remove, roster, until, user};

impl Subject<'_> {
    fn mark(&self, name: &str) -> Option<GroupMark> {
        self.runtime.block_on(self.realm.mark(&group(name))).unwrap()
    }

    /// The mark of a group that people are invited to.
    fn invite(&self, name: &str) -> GroupMark {
        self.done(Change::Invite(group(name)));
        self.mark(name).unwrap()
    }

    fn names(&self, name: &str, ids: &[&str]) -> Vec<(String, String)> {
        let users: Vec<_> = ids.iter().map(|id| user(id)).collect();
        let names = self.runtime.block_on(self.realm.names(&roster(name), &users)).unwrap();
        names.iter().map(|(user, name)| (user.to_string(), name.as_str().to_owned())).collect()
    }

    /// The word of whoever has made an invitation, by what the state says now.
    fn invited_by(&self, maker: &str, change: Change) -> Permit {
        let record = self.record(maker);
        let invited = Invited { by: user(maker), revocation: record.standing.not_before };
        let day = Duration::from_secs(86_400);
        let admission =
            policy::admit(Grant::Invitation(invited), record.standing, day, self.now).unwrap();
        policy::permit(&Actor::user(&admission, record.holdings), change).unwrap()
    }

    fn joins(&self, maker: &str, change: Change) -> Result<(), WriteError> {
        self.carry_out(self.invited_by(maker, change))
    }
}

fn join(name: &str, id: &str, mark: &GroupMark, called: &str) -> Change {
    let membership = Membership { roster: roster(name), user: user(id), expires_at: None };
    let name = PersonName::read(called);
    Change::Join(Box::new(Joining { membership, mark: mark.clone(), name }))
}

/// `k-john` runs `a`.
fn staffed(store: &Subject<'_>) -> GroupMark {
    store.create(&["a", "b"]);
    store.done(add("a.staff", "k-john"));
    store.done(add("b.staff", "k-john"));
    assert_eq!(store.mark("a"), None, "nobody was invited ever");
    store.invite("a")
}

pub fn whoever_is_invited_joins(store: &Subject<'_>) {
    let mark = staffed(store);
    assert_eq!(store.invite("a"), mark, "two invitations count beside each other");
    refused!(store.write(Change::Invite(group("nowhere"))), GroupMissing);
    assert_eq!(store.mark("nowhere"), None);
    store.joins("k-john", join("a", "k-ada", &mark, "Ada")).unwrap();
    store.joins("k-john", join("a.staff", "k-zoe", &mark, "Zoë \"Z\"")).unwrap();
    store.joins("k-john", join("a", "k-shy", &mark, "")).unwrap();
    assert_eq!(store.members("a").unwrap(), ["k-ada", "k-shy"]);
    refused!(store.joins("k-john", join("a", "k-ada", &mark, "Eve")), AlreadyMember);
    let named = |id: &str, name: &str| vec![(id.to_owned(), name.to_owned())];
    assert_eq!(store.names("a", &["k-ada", "k-shy", "k-zoe", "k-eve"]), named("k-ada", "Ada"));
    assert_eq!(store.names("a.staff", &["k-john", "k-zoe"]), named("k-zoe", "Zoë \"Z\""));
    assert_eq!(store.names("b", &["k-ada"]), []);
    assert_eq!(store.names("a", &[]), []);
    // Of another group, whoever runs both.
    let other = store.invite("b");
    refused!(store.joins("k-john", join("a", "k-eve", &other, "Eve")), InvitationVoid);
    refused!(store.joins("k-john", join("b", "k-eve", &mark, "Eve")), InvitationVoid);
    assert_eq!(store.groups_of("k-eve"), [""; 0]);
}

pub fn names_stay_with_their_members(store: &Subject<'_>) {
    let mark = staffed(store);
    store.joins("k-john", join("a", "k-ada", &mark, "Ada")).unwrap();
    store.joins("k-john", join("a", "k-bob", &mark, "Bob")).unwrap();
    let both = ["k-ada", "k-bob"];
    let end = store.in_seconds(3_600);
    let membership = Membership { roster: roster("a"), user: user("k-ada"), expires_at: Some(end) };
    store.done(Change::SetExpiry(membership));
    assert_eq!(store.names("a", &both).len(), 2);
    store.done(remove("a", "k-ada"));
    assert_eq!(store.names("a", &both), [("k-bob".to_owned(), "Bob".to_owned())]);
    store.done(add("a", "k-ada"));
    assert_eq!(store.names("a", &both).len(), 1, "whoever is put there has no name of before");
    store.done(Change::DeleteUser(user("k-bob")));
    assert_eq!(store.names("a", &both), []);
}

/// What is taken from somebody makes void what they may hold; by hand it can be done too.
pub fn invitations_are_void(store: &Subject<'_>) {
    let mut mark = staffed(store);
    let ends = |id: &str| {
        let (roster, user, end) = (roster("a"), user(id), store.in_seconds(3_600));
        Change::SetExpiry(Membership { roster, user, expires_at: Some(end) })
    };
    for (number, taken) in [
        Change::VoidInvitations(group("a")),
        remove("a", "k-ada"),
        remove("a.staff", "k-alan"),
        ends("k-bob"),
        Change::DeleteUser(user("k-bob")),
        until("a.staff", "k-joe", Some(store.in_seconds(3_600))),
    ]
    .into_iter()
    .enumerate()
    {
        for (name, id) in [("a", "k-ada"), ("a", "k-bob"), ("a.staff", "k-alan")] {
            if !store.members(name).unwrap().contains(&id.to_owned()) {
                store.done(add(name, id));
            }
        }
        let permit = store.invited_by("k-john", join("a", "k-eve", &mark, ""));
        store.done(taken);
        assert_eq!(store.mark("a"), None, "{number}");
        refused!(store.carry_out(permit), InvitationVoid);
        let new = store.invite("a");
        assert_ne!(new, mark);
        refused!(store.joins("k-john", join("a", "k-eve", &mark, "")), InvitationVoid);
        mark = new;
    }
    // Whoever leaves before their end comes back by nothing that was made while they were there.
    let leave = |name: &str, id: &str| {
        let change = Change::Leave { roster: roster(name), user: user(id) };
        store.carry_out(store.permitted(id, change)).unwrap();
    };
    leave("a.staff", "k-joe");
    assert_eq!(store.mark("a"), None);
    refused!(store.joins("k-john", join("a.staff", "k-joe", &mark, "")), InvitationVoid);
    mark = store.invite("a");
    // What takes nothing from anybody leaves it.
    leave("a", "k-ada");
    store.done(remove("b.staff", "k-john"));
    assert_eq!(store.mark("a"), Some(mark.clone()));
    store.joins("k-john", join("a", "k-ada", &mark, "")).unwrap();
    // A group that is made again is another one.
    store.done(Change::DeleteGroup(group("a")));
    assert_eq!(store.mark("a"), None);
    store.create(&["a"]);
    store.done(add("a.staff", "k-john"));
    assert_eq!(store.mark("a"), None);
    let permit = store.invited_by("k-john", join("a", "k-eve", &mark, ""));
    refused!(store.carry_out(permit), InvitationVoid);
    assert_ne!(store.invite("a"), mark);
    refused!(store.joins("k-john", join("a", "k-eve", &mark, "")), InvitationVoid);
    assert_eq!(store.groups_of("k-eve"), [""; 0]);
}

/// Whoever made it is judged where it is written.
pub fn makers_are_judged_again(store: &Subject<'_>) {
    let mark = staffed(store);
    store.done(add("a.staff", "k-alan"));
    for taken in [ban("k-john", Ban::Impose), Change::Revoke(user("k-alan"))] {
        let maker = if matches!(taken, Change::Revoke(_)) { "k-alan" } else { "k-john" };
        let permit = store.invited_by(maker, join("a", "k-eve", &mark, ""));
        store.done(taken);
        refused!(store.carry_out(permit), Withdrawn);
    }
    store.done(add("staff", "k-root"));
    store.done(add("staff", "k-other"));
    let permit = store.invited_by("k-root", join("a", "k-eve", &mark, ""));
    store.done(remove("staff", "k-root"));
    refused!(store.carry_out(permit), Withdrawn);
    assert_eq!(store.mark("a"), Some(mark));
    let root = Roster::RootStaff;
    let membership = Membership { roster: root, user: user("k-eve"), expires_at: None };
    let mark = store.mark("a").unwrap();
    let to_root = Change::Join(Box::new(Joining { membership, mark, name: None }));
    let permit = store.invited_by("k-other", to_root);
    refused!(store.carry_out(permit), InvitationVoid);
    assert_eq!(store.groups_of("k-eve"), [""; 0]);
}
