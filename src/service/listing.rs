//! Listings in pages: where one ends, and what the next comes after.
//!
//! Must not know what is listed.

use crate::domain::directory::Page;

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// What is on it, in order.
    pub items: Vec<T>,
    /// What the next page comes after; `None` when this is the last.
    pub next_after: Option<T>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next_after: None }
    }
}

impl<T: Clone> Listing<T> {
    /// A page of what can be asked for page by page: one element more than wanted tells a full page from the last.
    pub(super) fn asked(page: Page<'_, T>, ask: impl FnOnce(Page<'_, T>) -> Vec<T>) -> Self {
        Self::cut(ask(Page { limit: page.limit + 1, ..page }), page.limit)
    }

    /// A page of what is all there, in order.
    pub(super) fn of<K: Ord>(
        mut items: Vec<T>,
        page: Page<'_, K>,
        place: impl Fn(&T) -> &K,
    ) -> Self {
        items.retain(|item| page.after.is_none_or(|after| place(item) > after));
        Self::cut(items, page.limit)
    }

    /// The same of what it makes of each.
    pub(super) fn map<U>(self, make: impl Fn(T) -> U) -> Listing<U> {
        let items = self.items.into_iter().map(&make).collect();
        Listing { items, next_after: self.next_after.map(make) }
    }

    fn cut(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_after = if more { items.last().cloned() } else { None };
        Self { items, next_after }
    }
}
