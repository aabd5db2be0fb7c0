//! One suite for every home of the state: whatever keeps it, it behaves the same.

#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

#[path = "conformance/suite.rs"]
mod suite;

use pasee::domain::time::Timestamp;
use pasee::store::embedded::Embedded;
use suite::Home;

/// Every case of the suite against one home.
macro_rules! conforms {
    ($store:ident, $with:path) => {
        conforms!($store, $with:
            groups_are_created_below_their_parents, groups_are_created_once,
            the_creator_is_staff, deleting_takes_everything_below, recreated_groups_are_empty,
            members_come_and_go, rosters_are_apart, root_staff, missing_groups_have_no_rosters,
            memberships_end, an_expired_membership_is_none, far_ends_are_kept, bans,
            revocations_never_move_back, standing_outlives_membership,
            deleted_users_are_off_every_roster, users_act_within_the_law, rosters_in_pages,
            members_in_pages, users_in_pages, refused_changes_change_nothing,
            writes_at_the_same_time);
    };
    ($store:ident, $with:path: $($case:ident),*) => {
        mod $store {
            $(#[test] fn $case() { $with($crate::suite::$case); })*
        }
    };
}

conforms!(embedded_file, crate::with_a_file);
conforms!(embedded_memory, crate::with_memory);

fn with_a_file(case: fn(&Home<'_>)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pasee.db");
    let store = Embedded::open(&path, noon).unwrap();
    case(&Home::new(&store, noon()));
}

fn with_memory(case: fn(&Home<'_>)) {
    let store = Embedded::in_memory(noon).unwrap();
    case(&Home::new(&store, noon()));
}

fn noon() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}
