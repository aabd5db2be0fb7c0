//! A process killed in the middle of writes: what it acknowledged is there.

use std::collections::BTreeMap;

use super::*;

#[test]
fn nothing_acknowledged_is_lost() {
    let (_directory, path) = place();
    let mut acknowledged: BTreeMap<String, bool> = BTreeMap::new();
    for round in 0..8 {
        let mut child = child::playing("write for ever", &path).spawn().unwrap();
        let mut lines = child::lines(&mut child);
        let mut said: Vec<String> = lines.by_ref().take(20 + round * 35).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(lines); // what it had said, but nobody had read
        assert!(said.len() >= 20 + round * 35);
        for line in said {
            let (sign, user) = line.split_once(' ').unwrap();
            acknowledged.insert(user.to_owned(), sign == "+");
        }
        let store = open(&path);
        let there = members(&store, "staff");
        let missing: Vec<_> = acknowledged
            .iter()
            .filter(|(user, on)| **on && there.binary_search(user).is_err())
            .filter(|(user, _)| !may_be_leaving(user))
            .collect();
        assert_eq!(missing, [], "round {round}");
        let back: Vec<_> = acknowledged
            .iter()
            .filter(|(user, on)| !**on && there.binary_search(user).is_ok())
            .collect();
        assert_eq!(back, [], "round {round}");
        // At most one write of each thread was on the disk, and not yet acknowledged.
        let known = there.iter().filter(|user| acknowledged.contains_key(*user)).count();
        assert!(there.len() - known <= 4 * (round + 1), "round {round}");
    }
}

/// Users that the child removes right after it has added them: the kill may have come between the removal and its
/// acknowledgement.
fn may_be_leaving(user: &str) -> bool {
    user.rsplit('-').next().unwrap().parse::<u32>().unwrap() % 3 == 0
}
