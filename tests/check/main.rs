//! `pasee check` says right exactly when `pasee serve` starts: settings files by the thousand, valid and broken, with files that are
//! missing, closed, foreign or of the Python Pasee; the same functions in this process, and some through the built command.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

mod made;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use made::{Made, Seed};
use pasee::cli::{Level, trial};
use pasee::settings::{SettingsError, load};

/// How many files are tried in this process, and how many with the built command.
const TRIED: u64 = 1000;
const RUN: u64 = 48;

/// Which files these are, printed so that a failure can be had again: `PASEE_SEED=NUMBER` asks for it.
fn seed() -> u64 {
    let asked = std::env::var("PASEE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = asked.unwrap_or_else(|| getrandom::u64().unwrap() >> 16);
    println!("PASEE_SEED={seed}");
    seed
}

/// What both say of a file: why it is wrong, if it is.
async fn told(made: &Made) -> (Option<String>, Option<String>) {
    let settings = match load(&made.settings()) {
        Ok(settings) => settings,
        // Both stop here.
        Err(SettingsError::Invalid(mistakes)) => {
            let told = mistakes.to_string();
            return (Some(told.clone()), Some(told));
        }
        Err(error) => return (Some(error.to_string()), Some(error.to_string())),
    };
    let before = made.everything();
    let found = trial::checked(&settings).await;
    assert_eq!(made.everything(), before, "check changes nothing\n{}", made.text());
    let errors: Vec<String> = found
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .map(|finding| format!("{} ({})", finding, finding.code))
        .collect();
    let checked = (!errors.is_empty()).then(|| errors.join("\n"));
    (checked, trial::started(&settings).await.err())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_right_exactly_when_a_server_starts() {
    let seed = seed();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for number in 0..TRIED {
        let made = Made::new(Seed { seed, number });
        let (checked, started) = told(&made).await;
        assert_eq!(
            checked.is_some(),
            started.is_some(),
            "PASEE_SEED={seed}, file {number}\n{}\n{}\ncheck: {checked:?}\nserve: {started:?}",
            made.faults(),
            made.text(),
        );
        // A file that was broken on purpose is wrong for both, and one that was not is right.
        assert_eq!(
            checked.is_some(),
            made.is_broken(),
            "PASEE_SEED={seed}, file {number}\n{}\n{}\n{checked:?}",
            made.faults(),
            made.text(),
        );
        *counts.entry(if made.is_broken() { "broken" } else { "right" }).or_default() += 1;
        for fault in made.each_fault() {
            *counts.entry(fault).or_default() += 1;
        }
    }
    println!("{counts:?}");
    assert!(counts["right"] > 150 && counts["broken"] > 150, "{counts:?}");
    for fault in made::ALL {
        assert!(counts.get(fault).is_some_and(|count| *count > 2), "{fault}: {counts:?}");
    }
}

/// The same with processes and sockets: `serve` is taken to have started when it says so.
#[test]
fn the_built_command_says_the_same() {
    let seed = seed();
    let mut right = 0;
    for number in 0..RUN {
        let made = Made::new(Seed { seed, number });
        let check = command(&made, "check").output().unwrap();
        let mut child =
            command(&made, "serve").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = String::new();
        let mut has_started = false;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            log.push_str(&line.unwrap());
            log.push('\n');
            if log.contains(" serving ") || log.contains("\"serving\"") {
                has_started = true;
                break;
            }
        }
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(
            check.status.code() == Some(0),
            has_started,
            "PASEE_SEED={seed}, file {number}\n{}\n{}\n{}\n{log}",
            made.faults(),
            made.text(),
            String::from_utf8_lossy(&check.stderr),
        );
        assert_eq!(has_started, !made.is_broken(), "{}\n{log}", made.faults());
        right += u32::from(has_started);
    }
    assert!(right > 4, "{right} of {RUN} are right");
}

fn command(made: &Made, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    command.arg(name).arg("--settings-file").arg(made.settings()).env_clear();
    command.stdin(Stdio::null());
    command
}
