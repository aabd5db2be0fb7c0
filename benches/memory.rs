//! Resident memory of the whole server: idle, after logins and hostile requests, and with a realm of 1,000,000 memberships
//! (100,000 users, 10,000 groups). Each figure stands against that of the idle process of the same run. And what refreshes
//! wait beside wrong logins, against what they wait alone.
//!
//! Idle is the process to which the clients that will log in are connected, and at rest: what a connection takes is bounded by
//! how many may be open, whatever is done over it. What hashing takes is the peak of logins beyond that of as many which hash
//! next to nothing: whatever is answered takes some memory. What names and bodies leave is counted from what was before them.
//!
//! Starts the command as an operator would, and asks the kernel before, at the peak and ten seconds after. Fails when a figure
//! is over its limit.
//!
//! `cargo bench --bench memory`, or a part of it: `-- small` without the realm, whose file takes a minute or two to make;
//! `-- beside` for the refreshes beside logins. PASEE names another command to measure.

#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

#[path = "memory/beside.rs"]
mod beside;
#[path = "memory/load.rs"]
mod load;
#[path = "memory/process.rs"]
mod process;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pasee::cli::now;
use pasee::domain::change::Change;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, permit};
use pasee::store::embedded::Embedded;

use load::Clients;
use process::Served;

const USERS: u64 = 100_000;
const GROUPS: u64 = 10_000;
const GROUPS_OF_A_USER: u64 = 10;
const WRITERS: u64 = 64;

/// Threads that hash, and what each takes, in MiB.
const HASHING: f64 = 2.0;
const HASH: f64 = 19.0;
/// What a realm of 1,000,000 memberships may take beyond the idle process, and what may stay of what is over, in MiB.
const REALM: f64 = 64.0;
const REST: f64 = 2.0;
/// When what is over has to be given back.
const PAUSE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let is_asked = |part: &str| std::env::args().any(|argument| argument == part);
    let folder = tempfile::tempdir().expect("a directory");
    let tables = format!(
        "[limits]\nlogin_attempts_per_user = 1000\nlogin_attempts_per_address = 0\n[local]\nhashing_threads = 2\n{}{}",
        process::local("costly", process::COSTLY),
        process::local("cheap", process::CHEAP)
    );
    let server = Served::start(folder.path(), &tables);
    println!("at start: {:.1} MiB resident", server.resident().now);
    if is_asked("beside") {
        beside::measure(server.port);
        return ExitCode::SUCCESS;
    }
    let clients = Clients::of(server.port);
    logins(&clients, "costly", 40);
    std::thread::sleep(PAUSE);
    let idle = server.resident().now;
    println!(
        "idle process, ten seconds after 40 logins over 16 connections: {idle:.1} MiB resident"
    );
    let mut limits = Limits { idle, are_kept: true };
    small(&server, &clients, &mut limits);
    drop(clients);
    if !is_asked("small") {
        beside::measure(server.port);
        drop(server);
        of_a_realm(&tables, &mut limits);
    }
    if limits.are_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is more than the idle process takes, against limits.
struct Limits {
    idle: f64,
    are_kept: bool,
}

impl Limits {
    /// Resident memory against what it may be beyond the idle process.
    fn hold(&mut self, what: &str, resident: f64, limit: f64) {
        self.judge(what, resident - self.idle, limit);
    }

    fn judge(&mut self, what: &str, more: f64, limit: f64) {
        let ratio = more / limit;
        let is_kept = ratio <= 1.0;
        let verdict = if is_kept { "" } else { " TOO MUCH" };
        println!("{what}: {more:.1} MiB more, {ratio:.2} of the limit of {limit:.0} MiB{verdict}");
        self.are_kept &= is_kept;
    }
}

/// A realm of 1,000,000 memberships, alone and with logins.
fn of_a_realm(tables: &str, limits: &mut Limits) {
    let started = Instant::now();
    let realm = tempfile::tempdir().expect("a directory");
    fill(&realm.path().join("pasee.db"));
    println!("{} memberships written in {:.0?}", USERS * GROUPS_OF_A_USER, started.elapsed());
    let server = Served::start(realm.path(), tables);
    let at_start = server.resident();
    limits.hold("1,000,000 memberships, at start", at_start.now, REALM);
    limits.hold("1,000,000 memberships, peak of the start", at_start.peak, REALM);
    let clients = Clients::of(server.port);
    logins(&clients, "costly", 1000);
    let peak = server.resident().peak;
    limits.hold("and 1,000 logins, peak", peak, REALM + HASHING * HASH);
    std::thread::sleep(PAUSE);
    let left = server.resident().now - at_start.now;
    limits.judge("and ten seconds later, beyond the start", left, REST);
}

/// What needs no realm.
fn small(server: &Served, clients: &Clients, limits: &mut Limits) {
    logins(clients, "cheap", 1000);
    let served = server.resident().peak;
    logins(clients, "costly", 1000);
    let peak = server.resident().peak;
    println!("1,000 logins: peak {:.1} MiB beyond the idle process", peak - limits.idle);
    limits.judge("and beyond as many that hash next to nothing", peak - served, HASHING * HASH);
    std::thread::sleep(PAUSE);
    let before = server.resident().now;
    limits.hold("ten seconds later", before, REST);
    let statuses = clients.log_in("cheap", 20_000, |n| (format!("name-{n}"), "wrong"));
    println!("20,000 distinct names: {statuses:?} of 201, 403, 429, others");
    limits.hold("peak", server.resident().peak, HASHING * HASH);
    std::thread::sleep(PAUSE);
    let named = server.resident().now;
    limits.judge("ten seconds later, names still counted", named - before, 2.0 * REST);
    let mut held = 0.0;
    load::unfinished_bodies(server.port, 15, || held = server.resident().now);
    let bodies = 15.0 * 100.0 * 64.0 / 1024.0;
    limits.hold(
        "1,500 unfinished bodies of 64 KiB on 15 connections of HTTP/2",
        held,
        2.0 * bodies,
    );
    std::thread::sleep(PAUSE);
    let left = server.resident().now - named;
    limits.judge("ten seconds after they are gone, beyond what was before them", left, 2.0 * REST);
}

/// Right and wrong ones in turn.
fn logins(clients: &Clients, provider: &'static str, count: usize) {
    let started = Instant::now();
    let who = |n: usize| ("ada".to_owned(), if n.is_multiple_of(2) { "lovelace" } else { "wrong" });
    let statuses = clients.log_in(provider, count, who);
    println!(
        "{count} {provider} logins in {:.1?}: {statuses:?} of 201, 403, 429, others",
        started.elapsed()
    );
}

fn write(store: &Embedded, change: Change) {
    let permit = permit(&Actor::operator(), change).expect("the operator may");
    store.write_blocking(permit).expect("a write");
}

/// A realm in which group n of user u is a fixed scatter of both.
fn fill(file: &Path) {
    let store = Embedded::open(file, now).expect("a store");
    let group = |number: u64| {
        format!("department-{}.team-{number}", number % 100).parse().expect("a group")
    };
    for number in 0..100 {
        let group = format!("department-{number}").parse().expect("a group");
        write(&store, Change::CreateGroup { group, creator: None });
    }
    let share =
        |writer: u64, most: u64| (writer..most).step_by(usize::try_from(WRITERS).expect("few"));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in share(writer, GROUPS - 100) {
                    write(store, Change::CreateGroup { group: group(number), creator: None });
                }
            });
        }
    });
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for number in share(writer, USERS * GROUPS_OF_A_USER) {
                    let (user, turn) = (number / GROUPS_OF_A_USER, number % GROUPS_OF_A_USER);
                    let roster =
                        Roster::Members(group((user * 7919 + turn * 977) % (GROUPS - 100)));
                    let user = format!("kisee-user-{user}").parse().expect("a user");
                    write(store, Change::AddMember(Membership { roster, user, expires_at: None }));
                }
            });
        }
    });
}
