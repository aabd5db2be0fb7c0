//! A machine with a directory of its own, where the command is run.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time that a command may take; far above the five seconds that a lock is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Settings with two identity providers.
pub const SETTINGS: &str = r#"
[jwt]
iss = "pasee.example.com"

[[identity_providers]]
name = "local"
protocol = "local"
[[identity_providers.settings.users]]
username = "ada"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$+TDsBZCl86HYNF02DFrVkQ$Y5+G5TW6oNZx5YNMqG+HgdZmIcZpBaop/cQsQrtthrU"

[[identity_providers]]
name = "kisee"
protocol = "kisee"
endpoint = "http://127.0.0.1:9/"
[identity_providers.settings]
public_keys = ["""
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAENGvmLXDsVmHORaxGDCNvHMV1GqG7DXTG
OcBs9BEXWpcHfDlmgDM6LUauBxIrjg40RRsjWzjX67sZ6ypVI19kzw==
-----END PUBLIC KEY-----
"""]
"#;

pub struct Machine {
    dir: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output of a command that did its work and had nothing to complain of.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The complaint of a command that did nothing and ended so.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.err
    }
}

impl Machine {
    /// With these settings as `settings.toml`.
    pub fn new(settings: &str) -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        machine.write("settings.toml", settings);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Settings are closed to others, who could read hashes of passwords there: Pasee would warn of it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
        if name.ends_with(".toml") {
            self.set_mode(name, 0o600);
        }
    }

    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// Every file and directory, with its content.
    pub fn everything(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        fn walk(dir: &Path, found: &mut Vec<(PathBuf, Option<Vec<u8>>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                found.push((path.clone(), fs::read(&path).ok()));
                if path.is_dir() {
                    walk(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.dir.path(), &mut found);
        found.sort();
        found
    }

    /// The command, in this directory and a clean environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_pasee")), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        command.env("HOME", self.path("home")).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        wait(self.command(arguments))
    }

    /// As a user who is not root: root may write everywhere.
    pub fn run_as_nobody(&self, arguments: &[&str]) -> Ran {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return self.run(arguments);
        }
        let program = self.path("pasee");
        fs::copy(env!("CARGO_BIN_EXE_pasee"), &program).unwrap();
        self.set_mode("", 0o755);
        let mut command = self.command_of(&program, arguments);
        command.uid(65534).gid(65534);
        // Whoever runs Pasee owns its settings.
        let owned = |user| std::os::unix::fs::chown(self.path("settings.toml"), Some(user), None);
        owned(65534).unwrap();
        let ran = wait(command);
        owned(0).unwrap();
        ran
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // What reads only the first line may be gone before all is written.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::new(child.wait_with_output().unwrap())
    }
}

/// Runs a command to its end; one that does not end is killed, and has -1 as its code.
pub fn wait(mut command: Command) -> Ran {
    let mut child = command.spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > PATIENCE {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ran::new(child.wait_with_output().unwrap())
}
