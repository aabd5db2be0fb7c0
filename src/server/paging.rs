//! Listings in pages: where one ends, and the link to the next.
//!
//! Must not know what is listed.

use super::document::Link;

/// The first page of what is there, and the element the next page comes after; `None` when this is the last. To be told
/// from the last, a full page needs one element more than the limit.
pub fn cut<T: Clone>(mut items: Vec<T>, limit: usize) -> (Vec<T>, Option<T>) {
    let more = items.len() > limit;
    items.truncate(limit);
    let last = if more { items.last().cloned() } else { None };
    (items, last)
}

/// What comes after an element, in the order it came.
pub fn behind<T: Ord>(mut items: Vec<T>, after: Option<&T>) -> Vec<T> {
    items.retain(|item| after.is_none_or(|after| item > after));
    items
}

/// The link to the next page.
pub fn next(url: String, title: &str) -> Link {
    Link::new("get", url, title, "The next page.")
}
