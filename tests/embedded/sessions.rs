//! Sessions that were ended, in the file and in the processes that share it.

use pasee::domain::change::Change;
use pasee::domain::realm::Realm;
use pasee::domain::time::Timestamp;
use pasee::domain::token::SessionId;
use pasee::store::embedded::Embedded;

use super::{noon, open, place, wait, write};

fn session(number: u8) -> SessionId {
    SessionId::new([number; 16])
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix(noon().as_unix() + seconds).unwrap()
}

fn end(number: u8, until: i64) -> Change {
    let user = "k-ada".parse().unwrap();
    Change::EndSession { user, session: session(number), until: in_seconds(until) }
}

fn ended(store: &Embedded) -> Vec<u8> {
    (0..10).filter(|number| store.directory().has_ended(session(*number))).collect()
}

#[test]
fn one_session_ends_and_the_others_go_on() {
    let (_directory, path) = place();
    let (store, other) = (open(&path), open(&path));
    write(&store, end(1, 60)).unwrap();
    write(&store, end(2, 0)).unwrap(); // over already
    assert_eq!(ended(&store), [1]);
    wait(|| ended(&other) == [1]);
    write(&other, end(3, 120)).unwrap();
    write(&other, end(3, 120)).unwrap();
    wait(|| ended(&store) == [1, 3]);
    let record = store.directory().record(&"k-ada".parse().unwrap(), noon());
    assert_eq!(record.standing.not_before, None, "the user was not revoked");
    drop((store, other));
    assert_eq!(ended(&open(&path)), [1, 3], "it is in the file");
}

/// Each start forgets what was over six days before the last one wrote: that one may have been by a clock that was ahead.
#[test]
fn what_would_be_over_anyway_is_forgotten() {
    const SIX_DAYS: i64 = 6 * 86_400;
    let (_directory, path) = place();
    let store = open(&path);
    for (number, until) in [(1, 59), (2, 60), (3, 61)] {
        write(&store, end(number, until)).unwrap();
    }
    store.close();
    let wrong = || in_seconds(60 + SIX_DAYS);
    let three_days = Embedded::open(&path, || in_seconds(60 + SIX_DAYS / 2)).unwrap();
    write(&three_days, end(4, 2 * SIX_DAYS)).unwrap();
    three_days.close();
    for _ in 0..3 {
        let ahead = Embedded::open(&path, wrong).unwrap();
        assert_eq!(ended(&ahead), [1, 2, 3, 4], "however often");
        ahead.close();
    }
    let later = Embedded::open(&path, wrong).unwrap();
    write(&later, end(5, 2 * SIX_DAYS)).unwrap();
    later.close();
    let later = Embedded::open(&path, wrong).unwrap();
    assert_eq!(ended(&later), [1, 2, 3, 4, 5]);
    write(&later, end(6, 2 * SIX_DAYS)).unwrap();
    assert_eq!(ended(&later), [3, 4, 5, 6]);
    later.close();
    assert_eq!(ended(&open(&path)), [3, 4, 5, 6]);
}

/// Where others have ended nearly as many as there is room for, who has ended few goes on, and who has ended many does not.
#[test]
fn many_by_others_leave_room_for_few() {
    let (_directory, path) = place();
    open(&path).close();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99200)
         INSERT INTO ended_sessions SELECT CAST(printf('%016d', i) AS BLOB), 253402300799 FROM n;
         INSERT INTO ended_sessions_of SELECT session, 'k-eve' FROM ended_sessions ORDER BY session LIMIT 100;",
    )
    .unwrap();
    drop(raw);
    let store = open(&path);
    let not_before =
        |id: &str| store.directory().record(&id.parse().unwrap(), noon()).standing.not_before;
    let session = |id: &str, number| {
        let (user, session) = (id.parse().unwrap(), session(number));
        Change::EndSession { user, session, until: in_seconds(60) }
    };
    write(&store, session("k-eve", 1)).unwrap();
    write(&store, session("k-ada", 2)).unwrap();
    assert_eq!((ended(&store), not_before("k-ada")), (vec![2], None));
    assert_eq!(not_before("k-eve"), Some(noon()), "a hundred are theirs, of 800 that are free");
}

/// A hundred thousand are remembered. Whoever ends one more ends all of their own.
#[test]
fn too_many_are_no_way_to_grow() {
    let (_directory, path) = place();
    open(&path).close();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
         INSERT INTO ended_sessions SELECT CAST(printf('%016d', i) AS BLOB), 253402300799 FROM n",
    )
    .unwrap();
    drop(raw);
    let store = open(&path);
    let standing = || store.directory().record(&"k-ada".parse().unwrap(), noon()).standing;
    write(&store, end(1, 60)).unwrap();
    assert_eq!((ended(&store), standing().not_before), (vec![1], None));
    write(&store, end(2, 60)).unwrap();
    assert_eq!((ended(&store), standing().not_before), (vec![1], Some(noon())));
}
