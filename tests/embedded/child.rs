//! Parts that need a process of their own: this test program, run again with a part to play.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::*;

const PART: &str = "PASEE_TEST_PART";
const FILE: &str = "PASEE_TEST_FILE";

/// A command that plays a part with a file.
pub fn playing(part: &str, file: &Path) -> Command {
    with(Command::new(std::env::current_exe().unwrap()), part, file)
}

/// The same through a shell, after it has run some lines.
pub fn playing_after(lines: &str, part: &str, file: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{lines}\nexec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    with(shell, part, file)
}

pub fn with(mut command: Command, part: &str, file: &Path) -> Command {
    command.args(["--exact", "child::play", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(PART, part).env(FILE, file).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a child says, line by line.
pub fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    said.map_while(Result::ok).filter_map(|line| line.strip_prefix("> ").map(str::to_owned))
}

/// What a child says until it ends well.
pub fn run(mut command: Command) -> Vec<String> {
    let mut child = command.spawn().unwrap();
    let said: Vec<String> = lines(&mut child).collect();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said:?} {errors}");
    said
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n> {text}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "a part of other tests, which run it in a process of its own"]
fn play() {
    let file = PathBuf::from(std::env::var_os(FILE).unwrap());
    match std::env::var(PART).unwrap().as_str() {
        "append" => a_little_of_all(&open(&file)),
        "write for ever" => write_for_ever(&file),
        "fill" => fill(&file),
        "open" => match Embedded::open(&file, noon) {
            Ok(_) => say("open"),
            Err(error) => say(&chain(&error)),
        },
        other => panic!("{other}"),
    }
}

/// Four threads that add and remove members, and say what was acknowledged.
fn write_for_ever(file: &Path) {
    let store = Arc::new(open(file));
    let round = std::process::id();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for n in 0.. {
                    let user = format!("k-{round}-{thread}-{n}");
                    write(&store, add("staff", &user)).unwrap();
                    say(&format!("+ {user}"));
                    if n % 3 == 0 {
                        write(&store, remove("staff", &user)).unwrap();
                        say(&format!("- {user}"));
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Writes until that fails, then, if there is a file to be removed for more room, goes on.
fn fill(file: &Path) {
    let store = open(file);
    let mut users = (0..).map(|n| format!("k-{}-{n}", "x".repeat(150)));
    let failed = loop {
        let user = users.next().unwrap();
        match write(&store, add("staff", &user)) {
            Ok(()) => say(&format!("+ {user}")),
            Err(error) => {
                say(&format!("failed {}", chain(&error)));
                break user;
            }
        }
    };
    assert!(!members(&store, "staff").contains(&failed), "what failed does not show");
    assert!(store.health().is_err());
    assert!(store.directory().record(&failed.parse().unwrap(), noon()).holdings.is_empty());
    if std::fs::remove_file(file.with_file_name("ballast")).is_ok() {
        write(&store, add("staff", &failed)).unwrap();
        assert!(store.health().is_ok());
        say(&format!("+ {failed}"));
    }
    let shown = members(&store, "staff");
    drop(store);
    assert_eq!(members(&open(file), "staff"), shown);
}
