//! When there is to be another path for reviews.
//!
//! The API server names the path to whoever writes while no server answers, so it is good for an hour only. Must not know a
//! client.

use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::resources::webhook::ReviewPaths;

/// How long a path is asked at.
const GOOD_FOR: Duration = Duration::from_secs(3600);
/// How long the former one stays good: far longer than any API server needs to hear of the new one.
const KEPT: Duration = Duration::from_secs(600);
/// The annotation of the Secret that says from when on the next path is to be made.
pub(super) const RENEW_AFTER: &str = "pasee.meltylab.fr/webhook-path-renew-after";

/// What is to become of the paths, and the moment from which on the next is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Keep,
    /// There is to be another one.
    Renew(Timestamp),
    /// The former one is not to be good any more.
    Forget(Timestamp),
}

/// What is next, where the API server asks at some path.
pub(super) fn step(
    paths: &ReviewPaths,
    asked: &str,
    renew_after: Option<Timestamp>,
    now: Timestamp,
) -> Step {
    let next = now.after(GOOD_FOR);
    let Some(current) = paths.current() else { return Step::Renew(next) };
    // First it is to ask at this one: of two steps at once it could be left behind with one that nobody knows any more.
    if !current.is(asked) {
        return Step::Keep;
    }
    // A clock may have been ahead.
    let Some(after) = renew_after.filter(|after| now < *after && *after <= next) else {
        return Step::Renew(next);
    };
    let is_known = now.after(GOOD_FOR.saturating_sub(KEPT)) >= after;
    if paths.has_former() && is_known { Step::Forget(after) } else { Step::Keep }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::webhook::{LENGTH, ReviewPath};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_path_is_made_renewed_and_forgotten_in_that_order() {
        let path = |byte| ReviewPath::new([byte; LENGTH]);
        let [none, one] = [ReviewPaths::default(), ReviewPaths::default().renewed(path(1))];
        let two = one.renewed(path(2));
        let ([first, second], other) = ([path(1), path(2)], "/review");
        let (first, second) = (first.as_str(), second.as_str());
        let made = at(3600);
        for (paths, asked, renew_after, now, wanted) in [
            // The first.
            (&none, other, None, 0, Step::Renew(made)),
            (&none, "", Some(at(9)), 0, Step::Renew(made)),
            // The API server is not told yet, whatever time it is.
            (&one, other, Some(made), 0, Step::Keep),
            (&one, other, Some(made), 9_999, Step::Keep),
            (&one, "", None, 0, Step::Keep),
            (&two, first, Some(made), 0, Step::Keep),
            (&two, first, Some(made), 9_999, Step::Keep),
            (&two, other, None, 9_999, Step::Keep),
            // It is.
            (&one, first, Some(made), 0, Step::Keep),
            (&one, first, Some(made), 3_599, Step::Keep),
            (&one, first, Some(made), 3_600, Step::Renew(at(7_200))),
            (&one, first, None, 0, Step::Renew(made)),
            // The former one stays for a while.
            (&two, second, Some(made), 0, Step::Keep),
            (&two, second, Some(made), 599, Step::Keep),
            (&two, second, Some(made), 600, Step::Forget(made)),
            (&two, second, Some(made), 3_599, Step::Forget(made)),
            (&two, second, Some(made), 3_600, Step::Renew(at(7_200))),
            // A clock was ahead when it was written.
            (&one, first, Some(at(3_601)), 0, Step::Renew(made)),
            (&two, second, Some(at(99_999)), 0, Step::Renew(made)),
        ] {
            let step = step(paths, asked, renew_after, at(now));
            assert_eq!(step, wanted, "{asked} {renew_after:?} {now}");
        }
    }
}
