//! Users as numbers, each counted by how often something speaks of them.
//!
//! Must not know what is said.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::domain::user::UserId;

/// The users that something speaks of.
#[derive(Debug, Default)]
pub(super) struct People {
    ids: Vec<Option<UserId>>,
    /// How often each is spoken of.
    mentions: Vec<u32>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl People {
    pub(super) fn find(&self, id: &UserId) -> Option<u32> {
        let same = |number: &u32| self.ids[*number as usize].as_ref() == Some(id);
        self.by_id.find(self.hasher.hash_one(id.as_str()), same).copied()
    }

    pub(super) fn id(&self, number: u32) -> Option<&UserId> {
        self.ids[number as usize].as_ref()
    }

    /// The number of a user, who is spoken of once more.
    pub(super) fn mention(&mut self, id: &UserId) -> u32 {
        if let Some(number) = self.find(id) {
            self.mentions[number as usize] += 1;
            return number;
        }
        let number = if let Some(number) = self.free.pop() {
            self.ids[number as usize] = Some(id.clone());
            self.mentions[number as usize] = 1;
            number
        } else {
            self.ids.push(Some(id.clone()));
            self.mentions.push(1);
            u32::try_from(self.ids.len() - 1).expect("memory ends before numbers do")
        };
        let Self { ids, by_id, hasher, .. } = self;
        let hash_of = |number: &u32| {
            hasher.hash_one(ids[*number as usize].as_ref().map_or("", UserId::as_str))
        };
        by_id.insert_unique(hasher.hash_one(id.as_str()), number, hash_of);
        number
    }

    /// The user is spoken of once less.
    pub(super) fn forget(&mut self, number: u32) {
        let mentions = &mut self.mentions[number as usize];
        *mentions -= 1;
        if *mentions > 0 {
            return;
        }
        let Some(id) = self.ids[number as usize].take() else { return };
        let hash = self.hasher.hash_one(id.as_str());
        if let Ok(entry) = self.by_id.find_entry(hash, |other| *other == number) {
            entry.remove();
        }
        self.free.push(number);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
