//! The index at full size against a small one: memory for each membership, time to look a user up, and how long
//! deleting a huge group keeps readers waiting. And memory for each application, which fails when it is over its limit.
//!
//! `cargo bench --bench index`, or the applications alone: `-- applications`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use pasee::domain::directory::Directory;
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Membership, Role, Roster};
use pasee::domain::time::Timestamp;
use pasee::domain::user::UserId;
use pasee::index::{Index, Sweep, Update};
use pasee::resources::{OAuthClient, oauth_client};
use serde_json::{Value, json};

/// Groups of each user, in both realms.
const EACH: usize = 10;
const ROUNDS: usize = 15;
const LOOKUPS: usize = 40_000;

/// How many groups and users there are.
#[derive(Clone, Copy)]
struct Size {
    groups: usize,
    users: usize,
}

const LARGE: Size = Size { groups: 10_000, users: 100_000 };
const SMALL: Size = Size { groups: 10, users: 100 };

/// The order in which memberships come.
#[derive(Clone, Copy)]
enum Order {
    /// As a store reads them: by group, then user.
    Sorted,
    /// As people are added.
    Shuffled,
}

fn main() {
    applications();
    if std::env::args().any(|argument| argument == "applications") {
        return;
    }
    let small = build(SMALL, Order::Sorted);
    let before = resident();
    let large = build(LARGE, Order::Sorted);
    let sorted = resident().saturating_sub(before);
    let shuffled_before = resident();
    let shuffled = build(LARGE, Order::Shuffled);
    let shuffled_bytes = resident().saturating_sub(shuffled_before);
    drop(shuffled);
    let count = LARGE.users * EACH;
    println!("memberships {count}, users {}, groups {}", LARGE.users, LARGE.groups);
    for (how, bytes) in [("loaded in order", sorted), ("added at random", shuffled_bytes)] {
        let each = bytes as f64 / count as f64;
        println!("memory, {how}: {:.1} MiB, {each:.1} bytes a membership", mib(bytes));
    }
    println!("resident, all of this process: {:.1} MiB", mib(resident()));

    let hot = compare(|| few_users(&small, SMALL), || few_users(&large, LARGE));
    report("the same few users    ", hot);
    let random = compare(|| any_user(&small, SMALL), || any_user(&large, LARGE));
    report("a random user each time", random);
    huge_group();
}

/// Ten times as many applications as a namespace takes of them, as they mostly are; and as many as it takes, each as large as one can be.
fn applications() {
    for (what, count, spec, limit) in [
        ("as they mostly are", 10_000, usual as fn(usize) -> Value, 4 * 1024),
        ("as large as can be", 1_000, largest, 200 * 1024),
    ] {
        let index = Index::default();
        let before = resident();
        let client = |n: usize| {
            let object =
                OAuthClient::new(&format!("app-{n}"), serde_json::from_value(spec(n)).unwrap());
            oauth_client::parse(&object).unwrap()
        };
        for n in 0..count {
            index.put_client(client(n));
        }
        let bytes = resident().saturating_sub(before);
        let each = bytes / count;
        println!(
            "{count} applications {what}: {:.1} MiB, {each} bytes each, limit {limit}",
            mib(bytes)
        );
        assert_eq!(index.clients().len(), count);
        assert!(each <= limit, "too much");
    }
}

fn usual(n: usize) -> Value {
    json!({
        "name": format!("Application {n}"),
        "secretHashes": [hash(n)],
        "redirectUris": [format!("https://app-{n}.example.com/login/generic_oauth")],
        "postLogoutRedirectUris": [format!("https://app-{n}.example.com/")],
        "groups": ["articles", "department-1"],
        "requireGroups": ["articles"],
        "claims": ["email", "name"],
    })
}

/// Every list as long as it may be, of texts that are as long as they may be.
fn largest(n: usize) -> Value {
    let texts = |count: usize, text: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..count).map(text).collect()
    };
    let filled =
        |begin: String, length: usize| format!("{begin}{}", "x".repeat(length - begin.len()));
    let uri = |place: usize| filled(format!("https://app-{n}.example.com/{place}/"), 512);
    let group = |place: usize| filled(format!("department-{place}-"), 200);
    json!({
        "name": "x".repeat(100),
        "secretHashes": texts(10, &|place| hash(10 * n + place)),
        "redirectUris": texts(50, &uri),
        "postLogoutRedirectUris": texts(50, &uri),
        "allowedOrigins": texts(50, &|place| format!("https://{place}.{0}.{0}.{0}.example.com", "x".repeat(60))),
        "audiences": texts(50, &|place| filled(format!("https://api-{place}.example.com/"), 255)),
        "groups": texts(16, &group),
        "requireGroups": texts(50, &group),
        "requireAmr": texts(10, &|place| filled(format!("{place}-"), 64)),
        "claims": texts(50, &|place| filled(format!("claim_{place}_"), 64)),
        "exchangeProviders": texts(50, &|place| filled(format!("p{place}_"), 32)),
        "grantTypes": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"],
    })
}

fn hash(n: usize) -> String {
    format!("sha256:{n:064x}")
}

fn report(what: &str, (small, large): (f64, f64)) {
    println!(
        "look-up, {what}: {small:.0} ns of 1,000 memberships, {large:.0} ns of 1,000,000; ratio {:.2}",
        large / small
    );
}

/// The best time of each, in turns, so that other work on the machine strikes both.
fn compare(small: impl Fn() -> f64, large: impl Fn() -> f64) -> (f64, f64) {
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        best = (best.0.min(small()), best.1.min(large()));
    }
    best
}

/// Nanoseconds to look up one of a few users whose data is at hand.
fn few_users(index: &Index, size: Size) -> f64 {
    let ids: Vec<UserId> = (0..8).map(|n| user(n * size.users / 8)).collect();
    let since = Instant::now();
    for id in ids.iter().cycle().take(LOOKUPS) {
        assert_eq!(black_box(index.record(black_box(id), now())).holdings.len(), EACH);
    }
    per_lookup(since.elapsed())
}

/// Nanoseconds to look up a user who is anyone: with what the caches have lost meanwhile. Making the id is not counted.
fn any_user(index: &Index, size: Size) -> f64 {
    let mut random = Random(7);
    let since = Instant::now();
    for _ in 0..LOOKUPS {
        black_box(user(random.below(size.users)));
    }
    let making = since.elapsed();
    let mut random = Random(since.elapsed().subsec_nanos().into()); // others than the last time
    let since = Instant::now();
    for _ in 0..LOOKUPS {
        let id = user(random.below(size.users));
        assert_eq!(black_box(index.record(&id, now())).holdings.len(), EACH);
    }
    per_lookup(since.elapsed().saturating_sub(making))
}

fn per_lookup(time: Duration) -> f64 {
    time.as_nanos() as f64 / LOOKUPS as f64
}

/// A group with all memberships goes while somebody reads.
fn huge_group() {
    let index = Index::default();
    index.apply(&[Update::Created(group(0)), Update::Created(group(1))]);
    for n in 0..1_000_000 {
        index.apply(&[join(group(1), user(n))]); // below group 0
    }
    let deleted = time(|| index.apply(&[Update::Deleted(group(0))]));
    assert!(!index.has_group(&group(1)));
    let (mut slices, mut swept, mut times) = (0, Sweep::More, Vec::with_capacity(10_000));
    let since = Instant::now();
    while swept == Sweep::More {
        times.push(time(|| swept = index.sweep()));
        slices += 1;
    }
    println!(
        "deleting 1,000,000 memberships: out of effect in {deleted:?}; swept in {:?}, {slices} slices",
        since.elapsed()
    );
    let spun = (0..slices).map(|_| time(|| _ = black_box(spin()))).collect();
    for (what, mut times) in
        [("a slice", times), ("as much mere counting, to tell the machine's part", spun)]
    {
        times.sort();
        let [middle, most, last] = [50, 99, 100].map(|part| times[(times.len() - 1) * part / 100]);
        println!("{what}: median {middle:?}, 99 % within {most:?}, all within {last:?}");
    }
}

/// About as long as a slice.
fn spin() -> u64 {
    (0..300_000).fold(0, |sum, n| black_box(sum + n))
}

fn time(what: impl FnOnce()) -> Duration {
    let since = Instant::now();
    what();
    since.elapsed()
}

fn build(size: Size, order: Order) -> Index {
    let index = Index::default();
    let mut random = Random(1);
    let mut groups: Vec<usize> = (0..size.groups).collect();
    shuffle(&mut groups, &mut random); // so that in both realms numbers and names are in different orders
    for n in groups {
        index.apply(&[Update::Created(group(n))]);
    }
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(size.users * EACH);
    for n in 0..size.users {
        let start = pairs.len();
        while pairs.len() < start + EACH {
            let pair = (random.below(size.groups) as u32, n as u32);
            if !pairs[start..].contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    match order {
        Order::Sorted => pairs.sort_unstable(),
        Order::Shuffled => shuffle(&mut pairs, &mut random),
    }
    for (in_group, who) in pairs {
        index.apply(&[join(group(in_group as usize), user(who as usize))]);
    }
    index
}

fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for at in (1..list.len()).rev() {
        list.swap(at, random.below(at + 1));
    }
}

fn join(group: GroupName, user: UserId) -> Update {
    let roster = Roster::of(group, Role::Member);
    Update::Joined(Membership { roster, user, expires_at: None })
}

/// One group in ten is a root group with the next nine below it.
fn group(n: usize) -> GroupName {
    let root = n / 10;
    let name = match n % 10 {
        0 => format!("department-{root}"),
        team => format!("department-{root}.team-{team}"),
    };
    name.parse().unwrap()
}

fn user(n: usize) -> UserId {
    format!("kisee-user{n:06}").parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}

/// A linear congruential generator (Knuth's MMIX constants): the same realm in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// Resident memory of this process, in bytes (proc(5)).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
