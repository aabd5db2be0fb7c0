//! What is kept of what ends, and what takes its place when that is too much.

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn put(recent: &mut Recent<u32, i64>, key: u32, second: i64, most: usize) -> Option<Timestamp> {
    recent.put(key, second, (at(second), at(second)), most)
}

fn keys(recent: &Recent<u32, i64>) -> Vec<u32> {
    let mut keys: Vec<u32> = recent.entries().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_oldest_gives_way_and_its_time_is_told() {
    let mut recent = Recent::default();
    assert_eq!([1, 2, 3].map(|key| put(&mut recent, key, key.into(), 3)), [None; 3]);
    assert_eq!(put(&mut recent, 1, 4, 3), None, "heard again");
    assert_eq!(put(&mut recent, 4, 5, 3), Some(at(2)), "not the one heard again");
    assert_eq!(keys(&recent), [1, 3, 4]);
    assert_eq!(recent.entries().find(|(key, _)| **key == 1).unwrap().1, &4);
}

#[test]
fn what_is_heard_again_and_again_takes_no_more_room() {
    let mut recent = Recent::default();
    for second in 0..10_000 {
        put(&mut recent, u32::try_from(second % 3).unwrap(), second, 4);
        assert!(recent.order.len() <= 9, "{}", recent.order.len());
    }
    assert_eq!(keys(&recent), [0, 1, 2]);
}

#[test]
fn what_is_over_is_forgotten() {
    let mut recent = Recent::default();
    for (key, second) in [(1, 10), (2, 20), (1, 30), (3, 40)] {
        put(&mut recent, key, second, 10);
    }
    assert!(!recent.forget(20));
    assert_eq!(keys(&recent), [1, 2, 3]);
    assert!(recent.forget(21));
    assert_eq!(keys(&recent), [1, 3]);
    assert!(recent.forget(41));
    assert_eq!((keys(&recent).len(), recent.order.len()), (0, 0));
}

/// Whatever the realm holds, so much is named, and whoever is not named is held off by the time of their tokens.
#[test]
fn past_the_bound_a_moment_takes_the_place_of_names() {
    let kept = Kept {
        issuer: "https://pasee.example.com".parse().unwrap(),
        lifetime: Duration::from_secs(900),
        heard: Mutex::default(),
        changes: watch::Sender::new(0),
        clock: || Timestamp::from_unix(100_000).unwrap(),
    };
    let stands = |number: usize, moment| {
        let standing =
            crate::domain::directory::Standing { banned: false, not_before: Some(moment) };
        Ending::OfUser(format!("k-u{number}").parse().unwrap(), standing)
    };
    // At the start, most of it is long over.
    let start: Vec<Ending> = (0..MOST_USERS + 50).map(|number| stands(number, at(1))).collect();
    kept.hear(&start);
    let mut heard = kept.lock();
    let content = heard.content(&kept);
    assert_eq!(content.list.ended.users.len(), MOST_USERS);
    assert_eq!(content.list.ended.issued_until, None, "no token of before those can be good");
    drop(heard);
    kept.hear(&[stands(MOST_USERS + 60, at(99_999))]);
    let content = kept.lock().content(&kept);
    assert_eq!(content.list.ended.issued_until, None, "another of long ago gave way");
    // While it runs, what gave way ended just now.
    let more: Vec<Ending> = (0..MOST_USERS + 1).map(|number| stands(number, at(100_000))).collect();
    kept.hear(&more);
    let content = kept.lock().content(&kept);
    assert_eq!(content.list.ended.users.len(), MOST_USERS);
    assert_eq!(content.list.ended.issued_until, Some(at(100_000)));
}
