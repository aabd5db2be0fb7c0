//! A sorted list of ids, cut into chunks so that a change in the middle moves a few hundred bytes, however long the
//! list is.
//!
//! Must not know what the ids stand for: every search is given the order.

use std::cmp::Ordering;

/// Most ids in one chunk.
const CHUNK: usize = 512;

/// Ids in an order that the caller keeps the same.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// None of them is empty.
    chunks: Vec<Vec<u32>>,
}

impl Run {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds an id that is not there. `order` says how an id on the list stands to the new one.
    pub(super) fn insert(&mut self, id: u32, order: impl Fn(u32) -> Ordering) {
        let at_end = self.chunks.last().and_then(|chunk| chunk.last()).copied();
        if at_end.is_none_or(|last| order(last) == Ordering::Less) {
            return self.push(id);
        }
        let (mut chunk, mut place) = self.locate(&order);
        if self.chunks[chunk].len() == CHUNK {
            let upper = self.chunks[chunk].split_off(CHUNK / 2);
            self.chunks.insert(chunk + 1, upper);
            if place > CHUNK / 2 {
                chunk += 1;
                place -= CHUNK / 2;
            }
        }
        grow(&mut self.chunks[chunk], CHUNK);
        self.chunks[chunk].insert(place, id);
    }

    /// Adds at the end; full chunks stay full, so that a list read in its order is packed.
    fn push(&mut self, id: u32) {
        if let Some(chunk) = self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            grow(chunk, CHUNK);
            return chunk.push(id);
        }
        grow(&mut self.chunks, usize::MAX);
        self.chunks.push(vec![id]);
    }

    /// Takes off the id that `order` calls equal, if it is there.
    pub(super) fn remove(&mut self, order: impl Fn(u32) -> Ordering) {
        let (chunk, place) = self.locate(&order);
        let found = self.chunks.get(chunk).and_then(|chunk| chunk.get(place)).copied();
        if found.is_none_or(|id| order(id) != Ordering::Equal) {
            return;
        }
        self.chunks[chunk].remove(place);
        self.tidy(chunk);
    }

    /// Takes off the last id.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let chunk = self.chunks.last_mut()?;
        let id = chunk.pop();
        if chunk.is_empty() {
            self.chunks.pop();
        }
        id
    }

    /// The ids after the one `order` calls equal, whether or not it is there; all of them without an order.
    pub(super) fn after(
        &self,
        order: Option<impl Fn(u32) -> Ordering>,
    ) -> impl Iterator<Item = u32> {
        let (chunk, place) = order.map_or((0, 0), |order| {
            self.locate(&|id| order(id).then(Ordering::Less)) // equal ones come before
        });
        let rest = self.chunks.get(chunk..).unwrap_or_default().iter().flatten();
        rest.skip(place).copied()
    }

    /// The chunk and the place in it of the first id that does not come before.
    fn locate(&self, order: &impl Fn(u32) -> Ordering) -> (usize, usize) {
        let before = |id: &u32| order(*id) == Ordering::Less;
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(before));
        let place = self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(before));
        (chunk, place)
    }

    /// Drops an empty chunk and joins small neighbours, so that many removals leave no crumbs.
    fn tidy(&mut self, at: usize) {
        let len = self.chunks[at].len();
        if len == 0 {
            self.chunks.remove(at);
            shrink(&mut self.chunks);
            return;
        }
        for (left, right) in [(at.wrapping_sub(1), at), (at, at + 1)] {
            let neighbours = self.chunks.get(left).zip(self.chunks.get(right));
            if neighbours.is_some_and(|(l, r)| l.len() + r.len() <= CHUNK / 2) {
                let upper = self.chunks.remove(right);
                self.chunks[left].extend(upper);
                shrink(&mut self.chunks[left]);
                shrink(&mut self.chunks);
                return;
            }
        }
        shrink(&mut self.chunks[at]);
    }
}

/// Makes room for one more by a quarter: lists are many and small, and their slack counts.
pub(super) fn grow<T>(list: &mut Vec<T>, most: usize) {
    if list.len() == list.capacity() {
        let more = (list.len() / 4).max(2).min(most.saturating_sub(list.len()).max(1));
        list.reserve_exact(more);
    }
}

/// Gives back room when most of it is unused.
pub(super) fn shrink<T>(list: &mut Vec<T>) {
    if list.capacity() > 2 * list.len() + 4 {
        list.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same as a BTreeSet, with chunks that split and join on the way.
        #[test]
        fn as_a_set(
            steps in prop::collection::vec((0..3_u32, 0..3000_u32), 0..3000),
            sorted in 0..2000_u32,
        ) {
            let (mut run, mut set) = (Run::default(), BTreeSet::new());
            for id in 0..sorted {
                run.insert(id, |other| other.cmp(&id));
                set.insert(id);
            }
            for (step, id) in steps {
                if step == 0 {
                    run.remove(|other| other.cmp(&id));
                    set.remove(&id);
                } else if set.insert(id) {
                    run.insert(id, |other| other.cmp(&id));
                }
            }
            let all: Vec<u32> = run.after(None::<fn(u32) -> Ordering>).collect();
            prop_assert_eq!(&all, &set.iter().copied().collect::<Vec<_>>());
            for after in (0..3000).step_by(97) {
                let rest: Vec<u32> =
                    run.after(Some(|id: u32| id.cmp(&after))).collect();
                prop_assert_eq!(rest, set.range(after + 1..).copied().collect::<Vec<_>>());
            }
            prop_assert!(run.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
            for id in set.into_iter().rev() {
                prop_assert_eq!(run.pop(), Some(id));
            }
            prop_assert!(run.is_empty() && run.pop().is_none());
        }
    }

    #[test]
    fn removals_leave_no_crumbs() {
        let mut run = Run::default();
        for id in 0..100_000_u32 {
            run.insert(id, |other| other.cmp(&id));
        }
        assert_eq!(run.chunks.len(), 100_000_usize.div_ceil(CHUNK), "packed when fed in order");
        for id in (0..100_000_u32).filter(|id| id % 500 != 0) {
            run.remove(|other| other.cmp(&id));
        }
        let room: usize = run.chunks.iter().map(Vec::capacity).sum();
        assert!(run.chunks.len() <= 2 && room <= 1000, "{} chunks, {room}", run.chunks.len());
    }
}
