//! Memberships, and what those of one roster come to together: of several ends the latest counts.

use super::{State, Telling};
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Update;
use crate::objects::effect::{Objects, Soundness, is_in_effect};
use crate::objects::enrolment::{EnrolmentFacts, enrolled_uid};
use crate::objects::owner::Owners;
use crate::store::kubernetes::object::{Granted, Maker, Name};

/// A Membership object.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) uid: Name,
    pub(super) name: Name,
    roster: Roster,
    owners: Owners,
    /// In order, each once.
    people: Box<[u32]>,
    until: Option<Timestamp>,
    pub(super) maker: Maker,
    pub(super) soundness: Soundness,
    /// Whether it says of itself that it enrols the creator of its group.
    enrols: bool,
    author: Option<UserId>,
    names: bool,
}

/// An object that puts a user on a roster, expired or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kubernetes) struct Place {
    pub(in crate::store::kubernetes) name: Name,
    pub(in crate::store::kubernetes) until: Option<Timestamp>,
    pub(in crate::store::kubernetes) maker: Maker,
    pub(in crate::store::kubernetes) author: Option<UserId>,
}

impl State {
    pub(super) fn membership(&self, name: &str) -> Option<&Held> {
        self.at(*self.memberships.get(name)?)
    }

    /// The same, unless it is being deleted: to whoever waits for that, it is gone.
    pub(super) fn sound_membership(&self, name: &str) -> Option<&Held> {
        self.membership(name).filter(|held| held.soundness == Soundness::Sound)
    }

    fn at(&self, number: u32) -> Option<&Held> {
        self.held[number as usize].as_ref()
    }

    /// The Membership of this name, as far as it can enrol a creator.
    pub(super) fn enrolment_of(&self, name: &str) -> Option<EnrolmentFacts<'_>> {
        let held = self.membership(name)?;
        let roster = (held.roster.group().map(GroupName::as_str), held.roster.role());
        let enrols = enrolled_uid(&held.name).filter(|_| held.enrols);
        Some(EnrolmentFacts { roster: Some(roster), enrols })
    }

    /// The objects that put a user on a roster that is in effect.
    pub(in crate::store::kubernetes) fn places(
        &self,
        roster: &Roster,
        user: &UserId,
    ) -> Vec<Place> {
        let Some(person) = self.people.find(user) else { return Vec::new() };
        let objects = self.valid(roster).filter(|held| held.people.binary_search(&person).is_ok());
        let place = |held: &Held| {
            let Held { name, until, maker, author, .. } = held;
            Place { name: name.clone(), until: *until, maker: *maker, author: author.clone() }
        };
        objects.map(place).collect()
    }

    /// The objects of a roster that say what some of these users are called, up to so many.
    pub(in crate::store::kubernetes) fn naming(
        &self,
        roster: &Roster,
        users: &[UserId],
        most: usize,
    ) -> Vec<Name> {
        let asked: Vec<u32> = users.iter().filter_map(|user| self.people.find(user)).collect();
        let has_one =
            |held: &&Held| asked.iter().any(|person| held.people.binary_search(person).is_ok());
        let naming = self.valid(roster).filter(|held| held.names).filter(has_one);
        naming.take(most).map(|held| held.name.clone()).collect()
    }

    /// How many users a Membership puts on a roster that is in effect; one that names nobody is an object like others, and counts
    /// as one.
    pub(in crate::store::kubernetes) fn puts(&self, name: &str) -> usize {
        let counts = |held: &&Held| {
            let container = self.container(held.roster.group().map(GroupName::as_str));
            is_in_effect(held.soundness, container.above(&held.owners))
        };
        self.membership(name).filter(counts).map_or(0, |held| held.people.len().max(1))
    }

    /// Whether a user is staff of a group for having made it.
    pub(in crate::store::kubernetes) fn is_creator(&self, roster: &Roster, user: &UserId) -> bool {
        self.people.find(user).is_some_and(|person| self.creator(roster) == Some(person))
    }

    /// The rosters in effect that some object puts a user on.
    pub(in crate::store::kubernetes) fn rosters_of(&self, user: &UserId) -> Vec<Roster> {
        let Some(person) = self.people.find(user) else { return Vec::new() };
        let on = self.held.iter().flatten();
        let on = on.filter(|held| held.soundness == Soundness::Sound);
        let on = on.filter(|held| held.people.binary_search(&person).is_ok());
        let mut rosters: Vec<Roster> = on.map(|held| held.roster.clone()).collect();
        rosters.sort();
        rosters.dedup();
        rosters
    }

    /// The Memberships of a group that belong to none and name somebody.
    pub(super) fn untied_memberships(&self, group: &GroupName) -> impl Iterator<Item = &Name> {
        let node = self.groups.get(group.as_str()).into_iter();
        let numbers = node.flat_map(|node| node.members.iter().chain(&node.staff));
        let untied = numbers.filter_map(|number| self.at(*number)).filter(|held| {
            held.soundness == Soundness::Sound && held.owners.is_empty() && !held.people.is_empty()
        });
        untied.map(|held| &held.name)
    }

    /// An object that this program made for a roster and an author, with the same end and room for one more: the fullest, so that those
    /// with few people run empty as they leave, and go. To move people from one object to another takes two writes, between
    /// which somebody who is taken off would stay in the one or be missing in both.
    pub(in crate::store::kubernetes) fn room(
        &self,
        roster: &Roster,
        until: Option<Timestamp>,
        author: Option<&UserId>,
        most: usize,
    ) -> Option<Name> {
        let fits = |held: &&Held| {
            held.maker == Maker::Pasee
                && held.until == until
                && held.author.as_ref() == author
                && held.people.len() < most
        };
        let fullest = self.valid(roster).filter(fits).max_by_key(|held| held.people.len());
        fullest.map(|held| held.name.clone())
    }

    pub(super) fn put_membership(
        &mut self,
        name: Name,
        uid: Name,
        granted: Granted,
        out: &mut Vec<Update>,
    ) {
        let Granted { roster, owners, crowd, until, maker, soundness, enrols, author, names } =
            granted;
        let people = self.number(crowd);
        let held = Held {
            uid,
            name,
            roster,
            owners,
            people,
            until,
            maker,
            soundness,
            enrols,
            author,
            names,
        };
        match self.membership(&held.name) {
            Some(old) if old.roster == held.roster => self.change_membership(held, out),
            Some(_) => {
                let name = held.name.clone();
                self.take_membership(&name, out);
                self.add_membership(held, out);
            }
            None => self.add_membership(held, out),
        }
    }

    fn add_membership(&mut self, held: Held, out: &mut Vec<Update>) {
        let (name, roster, people) = (held.name.clone(), held.roster.clone(), held.people.clone());
        let enrols = held.enrols;
        let number = if let Some(number) = self.free.pop() {
            self.held[number as usize] = Some(held);
            number
        } else {
            self.held.push(Some(held));
            u32::try_from(self.held.len() - 1).expect("memory ends before numbers do")
        };
        self.memberships.insert(name, number);
        self.list_mut(&roster).push(number);
        self.tell_all(&roster, &people, out);
        if enrols {
            self.tell_creator(&roster, out);
        }
    }

    /// The same object says something else of the same roster.
    fn change_membership(&mut self, held: Held, out: &mut Vec<Update>) {
        let Some(number) = self.memberships.get(&held.name).copied() else { return };
        let roster = held.roster.clone();
        let (terms, people) =
            ((held.until, held.soundness, held.owners.clone()), held.people.clone());
        let enrols = held.enrols;
        let Some(old) = self.held[number as usize].replace(held) else { return };
        if (old.until, old.soundness, old.owners) == terms {
            let differing: Vec<u32> = differing(&old.people, &people);
            self.tell_all(&roster, &differing, out);
        } else {
            self.tell_all(&roster, &differing(&old.people, &people), out);
            self.tell_all(&roster, &people, out);
        }
        if old.enrols != enrols {
            self.tell_creator(&roster, out);
        }
        old.people.iter().for_each(|person| self.people.forget(*person));
    }

    pub(super) fn take_membership(&mut self, name: &str, out: &mut Vec<Update>) {
        let Some(number) = self.memberships.remove(name) else { return };
        let Some(old) = self.held[number as usize].take() else { return };
        self.free.push(number);
        self.list_mut(&old.roster).retain(|other| *other != number);
        self.tell_all(&old.roster, &old.people, out);
        if old.enrols {
            self.tell_creator(&old.roster, out);
        }
        old.people.iter().for_each(|person| self.people.forget(*person));
        if let Some(group) = old.roster.group() {
            self.tidy(group.as_str());
        }
    }

    fn list_mut(&mut self, roster: &Roster) -> &mut Vec<u32> {
        match roster {
            Roster::RootStaff => &mut self.root_staff,
            Roster::Members(group) => &mut self.node(group).members,
            Roster::Staff(group) => &mut self.node(group).staff,
        }
    }

    /// The objects of a roster that count: its group is in effect and they belong to no earlier one.
    fn valid(&self, roster: &Roster) -> impl Iterator<Item = &Held> {
        let numbers = match roster.group().map(|group| self.groups.get(group.as_str())) {
            None => &self.root_staff[..],
            Some(Some(node)) if node.in_effect => match roster.role() {
                Role::Member => &node.members[..],
                Role::Staff => &node.staff[..],
            },
            Some(_) => &[][..],
        };
        let container = self.container(roster.group().map(GroupName::as_str));
        let objects = numbers.iter().filter_map(|number| self.at(*number));
        objects.filter(move |held| is_in_effect(held.soundness, container.above(&held.owners)))
    }

    /// Who is staff for having made the group, and by nothing else: nobody once the Membership that enrols them is there.
    pub(super) fn creator(&self, roster: &Roster) -> Option<u32> {
        let Roster::Staff(group) = roster else { return None };
        let node = self.groups.get(group.as_str()).filter(|node| node.in_effect)?;
        let creator = node.object.as_ref()?.creator?;
        Some(creator).filter(|_| !self.is_creator_enrolled(group.as_str()))
    }

    /// Tells how the creator stands to a roster, whose enrolment has come or gone.
    fn tell_creator(&self, roster: &Roster, out: &mut Vec<Update>) {
        let group = roster.group().and_then(|group| self.groups.get(group.as_str()));
        let creator = group.and_then(|node| node.object.as_ref()).and_then(|object| object.creator);
        if let (Role::Staff, Some(creator)) = (roster.role(), creator) {
            self.tell(roster, creator, out);
        }
    }

    /// Everybody on a roster in effect, each once, with the end that counts.
    pub(super) fn crowd(&self, roster: &Roster) -> Vec<(u32, Option<Timestamp>)> {
        let mut crowd: Vec<(u32, Option<Timestamp>)> = self
            .valid(roster)
            .flat_map(|held| held.people.iter().map(|person| (*person, held.until)))
            .chain(self.creator(roster).map(|creator| (creator, None)))
            .collect();
        crowd.sort_unstable_by_key(|(person, until)| (*person, std::cmp::Reverse(rank(*until))));
        crowd.dedup_by_key(|(person, _)| *person);
        crowd
    }

    /// Tells how somebody stands to a roster now, if it is in effect.
    pub(super) fn tell(&self, roster: &Roster, person: u32, out: &mut Vec<Update>) {
        self.tell_all(roster, &[person], out);
    }

    /// The same of several, in order. Each object of the roster is gone through once for all of them: a large group has
    /// thousands.
    fn tell_all(&self, roster: &Roster, people: &[u32], out: &mut Vec<Update>) {
        let in_effect = roster.group().is_none_or(|group| self.is_in_effect(group.as_str()));
        if self.telling == Telling::NotYet || !in_effect {
            return;
        }
        let mut ends: Vec<Option<Option<Timestamp>>> = vec![None; people.len()];
        for held in self.valid(roster) {
            each_common(people, &held.people, |place| {
                if ends[place].is_none_or(|end| rank(end) < rank(held.until)) {
                    ends[place] = Some(held.until);
                }
            });
        }
        let creator = self.creator(roster);
        for (person, end) in people.iter().zip(ends) {
            let Some(user) = self.people.id(*person).cloned() else { continue };
            let end = if creator == Some(*person) { Some(None) } else { end };
            let roster = roster.clone();
            out.push(match end {
                Some(expires_at) => Update::Joined(Membership { roster, user, expires_at }),
                None => Update::Left { roster, user },
            });
        }
    }
}

/// No end is later than any.
fn rank(until: Option<Timestamp>) -> i64 {
    until.map_or(i64::MAX, Timestamp::as_unix)
}

/// The places in the first of two ordered lists of what both have.
fn each_common(one: &[u32], other: &[u32], mut tell: impl FnMut(usize)) {
    const FEW: usize = 8;
    let numbers = one.iter().enumerate();
    if one.len() * FEW < other.len() {
        numbers
            .filter(|(_, number)| other.binary_search(number).is_ok())
            .for_each(|(place, _)| tell(place));
        return;
    }
    let mut rest = other.iter().peekable();
    for (place, number) in numbers {
        while rest.next_if(|other| *other < number).is_some() {}
        if rest.peek() == Some(&number) {
            tell(place);
        }
    }
}

/// What only one of two ordered lists has, in order.
fn differing(one: &[u32], other: &[u32]) -> Vec<u32> {
    let lacks = |list: &[u32], number: &u32| list.binary_search(number).is_err();
    let gone = one.iter().filter(|number| lacks(other, number));
    let came = other.iter().filter(|number| lacks(one, number));
    let mut differing: Vec<u32> = gone.chain(came).copied().collect();
    differing.sort_unstable();
    differing
}
