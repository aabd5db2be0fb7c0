//! Somebody with a home of their own, who runs `pasee` there.
//!
//! Must not know what is run.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time that a command may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody.
pub struct Person {
    home: TempDir,
    variables: Vec<(String, OsString)>,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Did {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Did {
    /// What it printed, if it did its work.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// What it complained of, if it ended so and printed nothing.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        self.err
    }

    /// Everything that it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    heard: Arc<Mutex<Vec<u8>>>,
    ears: JoinHandle<()>,
}

impl Running {
    fn new(mut child: Child, input: &str) -> Self {
        // It may have ended before it read anything.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let (heard, mut error) = (Arc::<Mutex<Vec<u8>>>::default(), child.stderr.take().unwrap());
        let ears = Arc::clone(&heard);
        let ears = std::thread::spawn(move || {
            let mut said = [0; 4096];
            while let Ok(length @ 1..) = error.read(&mut said) {
                ears.lock().unwrap().extend_from_slice(&said[..length]);
            }
        });
        Self { child, heard, ears }
    }

    /// What it has said on standard error so far.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }

    /// Waits until something is in what it says, and gives that.
    #[track_caller]
    pub fn says<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            if let Some(found) = find(&self.heard()) {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "it does not say so: {}", self.heard());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its end.
    #[track_caller]
    pub fn wait(mut self) -> Did {
        let since = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if since.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not end: {}", self.heard());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = self.child.wait_with_output().unwrap();
        self.ears.join().unwrap();
        Did {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(std::mem::take(&mut *self.heard.lock().unwrap())).unwrap(),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Person {
    /// Somebody who is logged in nowhere.
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        Self { home, variables: Vec::new() }
    }

    /// With a variable in their environment.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Who means this Pasee.
    pub fn of(issuer: &str) -> Self {
        Self::new().with("PASEE_ISSUER", issuer)
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where their tokens are.
    pub fn state(&self) -> PathBuf {
        self.home().join("state/pasee")
    }

    /// The files of their logins.
    pub fn kept(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.state()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect()
    }

    /// The one file of their login.
    #[track_caller]
    pub fn only_kept(&self) -> PathBuf {
        let kept = self.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept[0].clone()
    }

    /// Changes what is kept.
    pub fn spoil(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let file = self.only_kept();
        let mut kept = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        change(&mut kept);
        fs::write(&file, kept.to_string()).unwrap();
    }

    /// Makes the access tokens that are kept look as if they were over.
    pub fn age(&self) {
        self.spoil(|kept| {
            kept["session"]["access"]["expires_at"] = 1.into();
            for (_, token) in kept["session"]["audiences"].as_object_mut().unwrap() {
                token["expires_at"] = 1.into();
            }
        });
    }

    /// Puts a program where it is found before those of the system.
    pub fn has_program(&self, name: &str, script: &str) {
        let file = self.home().join("bin").join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
    }

    /// Has `pasee` and other programs where their shell finds them.
    pub fn has(&self, programs: &[&Path]) {
        for program in programs {
            let link = self.home().join("bin").join(program.file_name().unwrap());
            std::os::unix::fs::symlink(program, link).unwrap();
        }
    }

    /// `pasee` with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_pasee"), arguments)
    }

    /// Starts what they type in a shell.
    pub fn types(&self, script: &str) -> Running {
        Running::new(self.program("sh", &["-ec", script]).spawn().unwrap(), "")
    }

    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let system = std::env::var_os("PATH").unwrap_or_default();
        let own = [self.home().join("bin")];
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&system)));
        command
            .args(arguments)
            .current_dir(self.home())
            .env_clear()
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.home().join("state"))
            .env("PATH", path.unwrap())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it, with something on its standard input.
    pub fn start(&self, arguments: &[&str], input: &str) -> Running {
        self.start_in(arguments, input, &[])
    }

    /// The same, with variables more.
    pub fn start_in(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        Running::new(command.envs(variables.iter().copied()).spawn().unwrap(), input)
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Did {
        self.run_with(arguments, "")
    }

    /// The same, with something on its standard input.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Did {
        self.start(arguments, input).wait()
    }

    /// Logs in by a password of `local`.
    #[track_caller]
    pub fn log_in(&self, name: &str) {
        let arguments = ["login", "--idp", "local", "--username", name];
        self.run_with(&arguments, &format!("pw-{name}\n")).done();
    }
}
