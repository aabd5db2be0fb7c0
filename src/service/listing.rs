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

impl<T: Clone + Ord> Listing<T> {
    /// A page of what can be asked for page by page: one element more than wanted tells a full page from the last.
    pub(super) fn asked(page: Page<'_, T>, ask: impl FnOnce(Page<'_, T>) -> Vec<T>) -> Self {
        Self::cut(ask(Page { limit: page.limit + 1, ..page }), page.limit)
    }

    /// A page of what is all there, in order.
    pub(super) fn of(mut items: Vec<T>, page: Page<'_, T>) -> Self {
        items.retain(|item| page.after.is_none_or(|after| item > after));
        Self::cut(items, page.limit)
    }

    fn cut(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_after = if more { items.last().cloned() } else { None };
        Self { items, next_after }
    }
}
