//! One program of the control plane, with the means to stop, break and restart it, and the keeper that ends them all.
//!
//! Must not know what the programs do.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::support::patience::wait_until_stopped;

/// Ports that nobody listens on, from a range that no outgoing connection is given one from: while a server that restarts
/// is away, nothing else gets onto its port by chance.
pub fn free_ports<const N: usize>() -> [u16; N] {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    let start = RandomState::new().hash_one("port") % u64::from(COUNT);
    let start = u16::try_from(start).unwrap();
    let ports = (0..COUNT).map(|n| FIRST + (start + n) % COUNT);
    let mut sockets = ports.flat_map(|port| TcpListener::bind(("127.0.0.1", port)));
    // All are held until all are known, so that they differ.
    let held = [(); N].map(|()| sockets.next().unwrap());
    held.map(|socket| socket.local_addr().unwrap().port())
}

/// A shell that waits for the end of its input, which is the end of whoever holds this, then removes a directory and
/// kills its process group: every component, paused ones too, and itself.
pub struct Keeper {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Keeper {
    pub fn start(dir: &Path) -> Self {
        // Where a component is paused when the group loses its parent, the kernel sends SIGHUP to all of it.
        const SCRIPT: &str = r#"trap '' HUP; while read -r _; do :; done; rm -rf "$0"; kill -9 0"#;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(dir)
            .current_dir("/")
            // A group of its own: an interrupt from the terminal does not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = shell.stdin.take();
        Self { shell, input }
    }

    /// The process group of all that ends with the keeper.
    pub fn group(&self) -> i32 {
        i32::try_from(self.shell.id()).unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.shell.wait();
    }
}

/// A program that runs, or could.
pub struct Component {
    command: Command,
    name: String,
    log: PathBuf,
    /// There from a start to the stop, or to a repair after it has ended by itself. Locked to look at it, no more.
    child: Option<Mutex<Child>>,
}

impl Component {
    /// A component that does not run yet; its log goes to a file in `dir`.
    pub fn new(program: &Path, arguments: Vec<OsString>, dir: &Path, group: i32) -> Self {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(dir).process_group(group);
        command.stdin(Stdio::null());
        Self { command, log: dir.join(format!("{name}.log")), name, child: None }
    }

    /// Starts it; what it needs a while for is still ahead when this returns.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        self.command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = self.command.spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{} cannot be started: {error}", self.command.get_program().display())
        });
        self.child = Some(Mutex::new(child));
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        self.wait();
    }

    /// Ends it at once, as a crash would (`kill -9`).
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.wait();
    }

    /// Freezes it: it keeps its connections and answers nothing from now on.
    pub fn pause(&self) {
        self.signal("-STOP");
        wait_until_stopped(self.id());
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Its program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        let child = self.child.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name));
        child.lock().unwrap().id()
    }

    /// Its resident memory in bytes, where the system has `/proc`.
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    }

    /// What it has logged since the control plane was made.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Starts it where it does not run, resumes it where it is paused.
    pub(super) fn ensure_running(&mut self) {
        if self.has_ended() {
            self.child = None;
        }
        match self.child {
            Some(_) => self.resume(),
            None => self.start(),
        }
    }

    /// Whether it was started and has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        let ended = |child: &Mutex<Child>| child.lock().unwrap().try_wait().unwrap().is_some();
        self.child.as_ref().is_some_and(ended)
    }

    /// The end of its log, under its name.
    pub(super) fn report(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(15)..];
        format!("--- {}\n{}", self.name, last.join("\n"))
    }

    fn signal(&self, signal: &str) {
        assert!(!self.has_ended(), "it has ended by itself\n{}", self.report());
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn wait(&mut self) {
        let mut child = self.child.take().unwrap().into_inner().unwrap();
        let since = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "it does not end\n{}", self.report());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
