//! Groups as numbers: a tree of slots, with the people on each group's rosters.
//!
//! A slot is there for each group, and for each name that a group or a membership below speaks of. A deleted group is
//! cut off the tree at once; its slots are emptied later, bit by bit, and until then hang below a dead one, so that
//! nothing in them counts and a new group of the same name gets a slot of its own. Must not know users' names.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::edge::RosterId;
use super::run::Run;
use crate::domain::group::GroupName;
use crate::domain::membership::{Role, Roster};

/// The slot above the root groups: the realm itself, whose staff is the root staff.
pub(super) const ROOT: u32 = 0;
/// No slot.
const NONE: u32 = u32::MAX;

/// All groups.
#[derive(Debug)]
pub(super) struct Groups {
    /// What every look-up reads, close together for the caches' sake.
    slots: Vec<Group>,
    /// The rest of each slot.
    bodies: Vec<Body>,
    free: Vec<u32>,
    names: BTreeMap<GroupName, u32>,
    /// Dead slots to empty.
    dead: Vec<u32>,
}

#[derive(Debug)]
struct Group {
    /// `None` in the realm's slot and in free ones.
    name: Option<GroupName>,
    state: State,
    parent: u32,
}

/// The way down and aside in the tree, and the people.
#[derive(Debug)]
struct Body {
    first_child: u32,
    previous: u32,
    next: u32,
    members: Run,
    staff: Run,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only something below speaks of it.
    Vacant,
    Present,
    Dead,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            slots: vec![Group { name: None, state: State::Present, parent: NONE }],
            bodies: vec![Body::default()],
            free: Vec::new(),
            names: BTreeMap::new(),
            dead: Vec::new(),
        }
    }
}

impl Groups {
    /// The slot of a name, unless it was cut off.
    pub(super) fn find(&self, name: &GroupName) -> Option<u32> {
        let slot = *self.names.get(name)?;
        self.lineage(slot).all(|slot| self.at(slot).state != State::Dead).then_some(slot)
    }

    /// The slot of a roster's group; the realm's for the root staff.
    pub(super) fn find_roster(&self, roster: &Roster) -> Option<RosterId> {
        let slot = roster.group().map_or(Some(ROOT), |group| self.find(group))?;
        Some(RosterId::new(slot, roster.role()))
    }

    /// Whether the group at a slot exists, with all its parents.
    pub(super) fn in_effect(&self, slot: u32) -> bool {
        self.lineage(slot).all(|slot| self.at(slot).state == State::Present)
    }

    /// A slot and those above it, as far as the realm or a dead one.
    fn lineage(&self, slot: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(slot), |slot| {
            let group = self.at(*slot);
            (*slot != ROOT && group.state != State::Dead).then_some(group.parent)
        })
    }

    /// The roster of a number; `None` for a slot without a name.
    pub(super) fn roster(&self, id: RosterId) -> Option<Roster> {
        if id.group() == ROOT {
            return Some(Roster::RootStaff);
        }
        Some(Roster::of(self.at(id.group()).name.clone()?, id.role()))
    }

    /// The groups in effect from a name on, in order.
    pub(super) fn from<'a>(
        &'a self,
        name: Option<&GroupName>,
    ) -> impl Iterator<Item = &'a GroupName> {
        let start = name.map_or(Bound::Unbounded, Bound::Included);
        let names = self.names.range::<GroupName, _>((start, Bound::Unbounded));
        names.filter(|(_, slot)| self.in_effect(**slot)).map(|(name, _)| name)
    }

    pub(super) fn people(&self, id: RosterId) -> &Run {
        let body = self.body(id.group());
        match id.role() {
            Role::Member => &body.members,
            Role::Staff => &body.staff,
        }
    }

    /// The people on a roster, to change.
    pub(super) fn people_mut(&mut self, id: RosterId) -> &mut Run {
        let body = self.body_mut(id.group());
        match id.role() {
            Role::Member => &mut body.members,
            Role::Staff => &mut body.staff,
        }
    }

    /// How many slots are in use, the realm's too.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.slots.len()
    }

    /// Brings a group into being.
    pub(super) fn create(&mut self, name: &GroupName) {
        let slot = self.ensure(name);
        self.at_mut(slot).state = State::Present;
    }

    /// The slot of a roster's group, a vacant one if need be.
    pub(super) fn ensure_roster(&mut self, roster: &Roster) -> RosterId {
        let slot = roster.group().map_or(ROOT, |group| self.ensure(group));
        RosterId::new(slot, roster.role())
    }

    fn ensure(&mut self, name: &GroupName) -> u32 {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let parent = name.parent().map_or(ROOT, |parent| self.ensure(&parent));
        let group = Group { name: Some(name.clone()), state: State::Vacant, parent };
        let slot = if let Some(slot) = self.free.pop() {
            *self.at_mut(slot) = group;
            slot
        } else {
            self.slots.push(group);
            self.bodies.push(Body::default());
            let slot = u32::try_from(self.slots.len() - 1).ok().filter(|slot| *slot < NONE >> 1);
            slot.expect("memory ends before numbers do")
        };
        self.link(slot, parent);
        self.names.insert(name.clone(), slot);
        slot
    }

    /// Cuts a group and everything below it off the tree. [`Groups::next_dead`] says what is left to empty.
    pub(super) fn delete(&mut self, name: &GroupName) {
        let Some(slot) = self.find(name) else { return };
        let parent = self.at(slot).parent;
        self.kill(slot);
        self.release(parent);
    }

    fn kill(&mut self, slot: u32) {
        self.unlink(slot);
        self.at_mut(slot).state = State::Dead;
        self.forget_name(slot);
        self.dead.push(slot);
    }

    /// Does one bit of the emptying of what was cut off.
    pub(super) fn next_dead(&mut self) -> Dead {
        let Some(&slot) = self.dead.last() else { return Dead::Nothing };
        for role in [Role::Member, Role::Staff] {
            let roster = RosterId::new(slot, role);
            if let Some(user) = self.people_mut(roster).pop() {
                return Dead::Edge { user, roster };
            }
        }
        let child = self.body(slot).first_child;
        if child == NONE {
            self.dead.pop();
            self.vacate(slot);
        } else {
            self.kill(child);
        }
        Dead::Slot
    }

    /// Frees a vacant slot that nothing speaks of any more, and those above it likewise.
    pub(super) fn release(&mut self, mut slot: u32) {
        while slot != ROOT {
            let (group, body) = (self.at(slot), self.body(slot));
            let spoken_of =
                body.first_child != NONE || !body.members.is_empty() || !body.staff.is_empty();
            if group.state != State::Vacant || spoken_of {
                return;
            }
            let parent = group.parent;
            self.unlink(slot);
            self.forget_name(slot);
            self.vacate(slot);
            slot = parent;
        }
    }

    fn vacate(&mut self, slot: u32) {
        *self.at_mut(slot) = Group { name: None, state: State::Dead, parent: NONE };
        *self.body_mut(slot) = Body::default();
        self.free.push(slot);
    }

    /// Takes a slot's name off the list, unless a newer slot has it.
    fn forget_name(&mut self, slot: u32) {
        let Some(name) = self.slots[slot as usize].name.as_ref() else { return };
        if self.names.get(name) == Some(&slot) {
            self.names.remove(name);
        }
    }

    fn link(&mut self, slot: u32, parent: u32) {
        let first = std::mem::replace(&mut self.body_mut(parent).first_child, slot);
        self.body_mut(slot).next = first;
        if first != NONE {
            self.body_mut(first).previous = slot;
        }
    }

    fn unlink(&mut self, slot: u32) {
        let parent = self.at(slot).parent;
        let Body { previous, next, .. } = *self.body(slot);
        if previous == NONE {
            self.body_mut(parent).first_child = next;
        } else {
            self.body_mut(previous).next = next;
        }
        if next != NONE {
            self.body_mut(next).previous = previous;
        }
    }

    fn at(&self, slot: u32) -> &Group {
        &self.slots[slot as usize]
    }

    fn at_mut(&mut self, slot: u32) -> &mut Group {
        &mut self.slots[slot as usize]
    }

    fn body(&self, slot: u32) -> &Body {
        &self.bodies[slot as usize]
    }

    fn body_mut(&mut self, slot: u32) -> &mut Body {
        &mut self.bodies[slot as usize]
    }
}

impl Default for Body {
    fn default() -> Self {
        Self {
            first_child: NONE,
            previous: NONE,
            next: NONE,
            members: Run::default(),
            staff: Run::default(),
        }
    }
}

/// What one bit of emptying came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dead {
    /// All is empty.
    Nothing,
    /// A user is off this dead roster; the edge at their end is to be cut too.
    Edge { user: u32, roster: RosterId },
    /// A slot was freed, or got its turn.
    Slot,
}
