//! Which groups a token names when it has no room for all of them.
//!
//! The root staff comes first. The trees below the root groups share the rest as equals: whoever runs one of them can fill it with
//! names of any number and length, and takes no room from another that keeps to its share. Within a tree its staff rosters come
//! first, then its members'; those near the root before those below, then by the alphabet. Must not know how a token is written,
//! but how long a name is in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::directory::Holding;
use crate::domain::membership::Role;

/// What a name takes besides its letters, none of which is escaped: quotes and a comma.
const AROUND: usize = 3;

/// A roster's place in its tree.
type Place = (Reverse<Role>, usize, String);

/// How much room a holding's name takes.
fn length(holding: &Holding) -> usize {
    holding.roster.length() + AROUND
}

/// Keeps of these holdings, each of another roster and all in order, those whose rosters' names have room: so many bytes of a JSON array.
/// What is kept stays in order.
pub(super) fn fit(holdings: Vec<Holding>, room: usize) -> Vec<Holding> {
    if holdings.iter().map(length).sum::<usize>() <= room {
        return holdings;
    }
    let mut kept = chosen(&holdings, room).into_iter();
    holdings.into_iter().filter(|_| kept.next().unwrap_or_default()).collect()
}

/// For each of the holdings whether it is kept.
fn chosen(holdings: &[Holding], mut room: usize) -> Vec<bool> {
    let mut trees: BTreeMap<String, Vec<(Place, usize)>> = BTreeMap::new();
    let mut kept = vec![false; holdings.len()];
    for (at, holding) in holdings.iter().enumerate() {
        let Some(group) = holding.roster.group() else {
            kept[at] = take(&mut room, length(holding));
            continue;
        };
        let (root, depth) = (group.root().to_owned(), group.depth());
        let place = (Reverse(holding.roster.role()), depth, holding.roster.to_string());
        trees.entry(root).or_default().push((place, at));
    }
    // How long a tree's names are up to each of them: whoever has had least gets the next turn, as fair queueing does it.
    let mut turns: Vec<(usize, &String, usize, usize)> = Vec::new();
    for (root, names) in &mut trees {
        names.sort_unstable();
        let mut sum = 0;
        for (_, at) in names {
            let length = length(&holdings[*at]);
            sum += length;
            turns.push((sum, root, length, *at));
        }
    }
    turns.sort_unstable();
    let mut full = BTreeSet::new();
    for (_, root, length, at) in turns {
        kept[at] = !full.contains(root) && take(&mut room, length);
        if !kept[at] {
            full.insert(root);
        }
    }
    kept
}

/// Takes so much of the room, if it is there.
fn take(room: &mut usize, length: usize) -> bool {
    let Some(left) = room.checked_sub(length) else { return false };
    *room = left;
    true
}

#[cfg(test)]
mod tests;
