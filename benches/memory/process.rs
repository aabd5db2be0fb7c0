//! The command as an operator starts it, and what the kernel says of its memory.
//!
//! Must not know what is asked of it.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Argon2id at the cost of `pasee hash-password`, and at next to none: for what is not about hashing.
pub const COSTLY: &str = "m=19456,t=2,p=1";
pub const CHEAP: &str = "m=8,t=1,p=1";

/// A running server.
pub struct Served {
    child: Child,
    pub port: u16,
}

/// Resident memory in MiB.
#[derive(Clone, Copy)]
pub struct Resident {
    pub now: f64,
    pub peak: f64,
}

impl Served {
    /// Starts the command in a folder, with these tables in its settings; returns once it answers.
    pub fn start(folder: &Path, tables: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a port").port();
        let settings = folder.join("settings.toml");
        let text = format!(
            "port = {port}\ndata_dir = \".\"\n[jwt]\niss = \"pasee.example.com\"\n[log]\nlevel = \"error\"\n{tables}"
        );
        std::fs::write(&settings, text).expect("the settings");
        let started = Instant::now();
        // Another build, such as one with another allocator, can be measured instead.
        let command = std::env::var_os("PASEE").unwrap_or(env!("CARGO_BIN_EXE_pasee").into());
        let child = Command::new(command)
            .arg("--settings-file")
            .arg(&settings)
            .stdout(Stdio::null())
            .spawn()
            .expect("the command");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(120), "the server does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("serving {:.2?} after its start", started.elapsed());
        Self { child, port }
    }

    /// What it takes now, and took at most since this was asked last.
    pub fn resident(&self) -> Resident {
        let file = |name: &str| format!("/proc/{}/{name}", self.child.id());
        let status = std::fs::read_to_string(file("status")).expect("Linux tells");
        let mebibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kibibytes / 1024.0
        };
        let resident = Resident { now: mebibytes("VmRSS:"), peak: mebibytes("VmHWM:") };
        // The peak begins anew (proc(5), clear_refs).
        std::fs::write(file("clear_refs"), "5").expect("its memory is ours to ask for");
        resident
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A provider of users of the settings file: `ada`, whose password is `lovelace`, at this cost.
pub fn local(name: &str, cost: &str) -> String {
    use argon2::password_hash::PasswordHasher;
    let numbers: Vec<u32> =
        cost.split(',').filter_map(|part| part.get(2..)?.parse().ok()).collect();
    let [memory, passes, lanes] = numbers[..] else { return String::new() };
    let params = argon2::Params::new(memory, passes, lanes, None).expect("a cost");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(b"lovelace", b"saltsaltsalt").expect("a hash");
    format!(
        "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"local\"\n\
         [[identity_providers.settings.users]]\nusername = \"ada\"\npassword_hash = \"{hash}\"\n"
    )
}
