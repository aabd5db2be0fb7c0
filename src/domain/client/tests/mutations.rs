//! Redirect URIs changed at random: only exact matches pass. `PASEE_MUTATIONS` says how many, `PASEE_SEED` which.

use std::env;
use std::sync::LazyLock;

use regex::Regex;

use super::*;

/// How many are tried at least, and how many the release tier asks for is up to it.
const MUTATIONS: u64 = 2_000;

const REGISTERED: [&str; 8] = [
    "https://grafana.example.com/login/generic_oauth",
    "https://grafana.example.com",
    "https://app.example.com:8443/a?next=%2Fb&c=d",
    "https://[2001:db8::1]/callback",
    "http://127.0.0.1/callback",
    "http://localhost:8085/auth/callback",
    "http://[::1]:4000/callback?a=b",
    "com.example.app:/oauth2redirect",
];

/// What has opened redirects before: users, fragments, dots, other slashes, encodings, white space, other hosts, patterns.
const PIECES: [&str; 40] = [
    "/",
    "//",
    "\\",
    "@",
    "evil.example",
    "@evil.example",
    ".evil.example",
    ":",
    ":443",
    ":80",
    ":0",
    ":65536",
    ":8443",
    "#",
    "#a",
    "?",
    "?a=b",
    "&",
    "*",
    "%2f",
    "%2F",
    "%2e%2e",
    "/..",
    "/../",
    "/./",
    ";",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "%00",
    "é",
    "\u{ff0e}",
    "\u{200b}",
    "%",
    "https://",
    "javascript:",
    "localhost",
    "127.0.0.1",
];

/// SplitMix64: the same seed gives the same mutations.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn mutated(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        let at = random.below(chars.len() + 1);
        let end = (at + 1 + random.below(3)).min(chars.len());
        match random.below(8) {
            0 => drop(chars.drain(at..end)),
            1 | 2 => drop(chars.splice(at..at, random.of(&PIECES).chars())),
            3 => drop(chars.splice(at..end, random.of(&PIECES).chars())),
            4 => chars.extend(random.of(&PIECES).chars()),
            5 => drop(chars.splice(0..0, random.of(&PIECES).chars())),
            6 => chars.iter_mut().skip(at).take(1).for_each(|char| {
                *char = if char.is_lowercase() {
                    char.to_ascii_uppercase()
                } else {
                    char.to_ascii_lowercase()
                };
            }),
            _ => {
                let percent: String = chars[at..end]
                    .iter()
                    .map(|char| format!("%{:02X}", u32::from(*char)))
                    .collect();
                drop(chars.splice(at..end, percent.chars()));
            }
        }
    }
    chars.into_iter().collect()
}

/// An address on the user's own machine: what is before its port, the port, and what is behind.
static LOCAL: LazyLock<Regex> = LazyLock::new(|| {
    let host = r"http://(?:127\.0\.0\.1|\[::1\]|localhost)";
    Regex::new(&format!(r"(?s)\A({host})(?::([1-9][0-9]{{0,4}}))?((?:[/?].*)?)\z")).unwrap()
});

/// What is right, found in another way than the product does: by a pattern.
fn is_right(registered: &str, asked: &str) -> bool {
    let parts = |text: &str| {
        let found = LOCAL.captures(text)?;
        let port = found.get(2).map_or(Ok(1), |port| port.as_str().parse::<u32>());
        port.is_ok_and(|port| port <= 65_535).then(|| (found[1].to_owned(), found[3].to_owned()))
    };
    registered == asked || parts(registered).is_some_and(|one| parts(asked) == Some(one))
}

#[test]
fn only_exact_matches_pass() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("PASEE_SEED").unwrap_or_else(|| getrandom::u64().unwrap() >> 16);
    let wanted = number("PASEE_MUTATIONS").unwrap_or(MUTATIONS);
    println!("PASEE_SEED={seed} PASEE_MUTATIONS={wanted}");
    let mut random = Random(seed);
    let (mut changed, mut passed) = (0, 0);
    while changed < wanted {
        let registered = random.of(&REGISTERED);
        let asked = mutated(registered, &mut random);
        if asked == registered {
            continue;
        }
        changed += 1;
        let uri: RedirectUri = registered.parse().unwrap();
        let is_taken = uri.matches(&asked);
        assert_eq!(is_taken, is_right(registered, &asked), "seed {seed}: {registered} {asked:?}");
        passed += u64::from(is_taken);
        if is_taken {
            assert!(uri.is_on_loopback(), "seed {seed}: {registered} {asked:?}");
        }
        // What would be taken as a redirect URI is taken as its own text alone.
        if let Ok(other) = asked.parse::<RedirectUri>() {
            assert_eq!(other.as_str(), asked);
            assert!(other.matches(&asked), "seed {seed}: {asked:?}");
        }
    }
    assert!(passed < wanted / 4, "most mutations are other places: {passed} of {wanted}");
    for registered in REGISTERED {
        assert!(registered.parse::<RedirectUri>().unwrap().matches(registered));
    }
}
