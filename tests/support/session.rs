//! A new user's machine: a directory with the example settings, a running server, and a bash.
//!
//! Must not know what the commands do.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::console::Step;

/// Longest time that all commands together, or the server's start, may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What parts the output of one command from that of the next.
const END: &str = "@@ end of step @@";

pub struct Session {
    dir: TempDir,
    server: Child,
    /// What stands for the ports 8150, 8140, 8160 and 8161: one where the server listens, and three where nothing does.
    ports: [u16; 4],
    /// Where programs are found before those of the system.
    programs: Option<PathBuf>,
}

impl Session {
    /// Starts the server as the README says, in a directory that is furnished with more, with a directory of programs on
    /// the path.
    pub fn start(example: &str, programs: Option<&Path>, furnish: impl FnOnce(&Path)) -> Self {
        // All are held until all are known, so that they differ.
        let sockets = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = sockets.map(|socket| socket.local_addr().unwrap().port());
        let dir = tempfile::tempdir().unwrap();
        furnish(dir.path());
        assert!(example.contains("\n#port = 8150\n"), "the example shows the default port");
        let settings = example.replace("\n#port = 8150\n", "\nport = 8150\n");
        fs::write(dir.path().join("example-settings.toml"), translate(&settings, ports)).unwrap();
        let server = command(env!("CARGO_BIN_EXE_pasee"), dir.path())
            .args(["--settings-file", "example-settings.toml"])
            .stderr(File::create(dir.path().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let session = Self { dir, server, ports, programs: programs.map(Path::to_owned) };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", ports[0])).is_err() {
            assert!(since.elapsed() < PATIENCE, "no server: {}", session.read("server.log"));
            std::thread::sleep(Duration::from_millis(10));
        }
        session
    }

    /// A text with the ports of this session, and the place of the built command.
    pub fn translate(&self, text: &str) -> String {
        let built = Path::new(env!("CARGO_BIN_EXE_pasee")).parent().unwrap();
        translate(text, self.ports).replace("$PWD/target/release", &built.display().to_string())
    }

    /// Runs all commands in one bash; what each printed. Fewer when bash gave up.
    pub fn run(&self, steps: &[Step]) -> Vec<String> {
        let commands = steps.iter().map(|step| format!("{}\necho; echo '{END}'\n", step.command));
        let script = commands.collect::<String>();
        fs::write(self.dir.path().join("script"), format!("exec 2>&1\n{script}")).unwrap();
        let mut bash = command("bash", self.dir.path());
        bash.args(["--noprofile", "--norc", "script"]);
        bash.stdout(File::create(self.dir.path().join("output")).unwrap());
        // What the commands leave running ends with them.
        bash.process_group(0);
        if let Some(programs) = &self.programs {
            let system = std::env::var_os("PATH").unwrap_or_default();
            let all = [programs.clone()].into_iter().chain(std::env::split_paths(&system));
            bash.env("PATH", std::env::join_paths(all).unwrap());
        }
        let mut bash = bash.spawn().unwrap();
        let since = Instant::now();
        while bash.try_wait().unwrap().is_none() {
            if since.elapsed() > PATIENCE {
                bash.kill().unwrap();
                bash.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let group = format!("-{}", bash.id());
        let kill =
            Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        kill.unwrap(); // it fails when nobody is left
        let output = self.read("output");
        let mut outputs: Vec<&str> = output.split(&format!("\n{END}\n")).collect();
        let rest = outputs.pop().unwrap_or_default();
        assert!(rest.is_empty(), "bash ended in the middle of a command: {rest}");
        outputs.into_iter().map(|output| output.trim_end_matches('\n').to_owned()).collect()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.dir.path().join(file)).unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn translate(text: &str, ports: [u16; 4]) -> String {
    // Through marks, so that a free port that happens to hold another number is left alone.
    let marks = || '\u{1}'..;
    let told = ["8150", "8140", "8160", "8161"].into_iter().zip(marks());
    let marked =
        told.fold(text.to_owned(), |text, (port, mark)| text.replace(port, &mark.to_string()));
    let ports = ports.into_iter().zip(marks());
    ports.fold(marked, |text, (port, mark)| text.replace(mark, &port.to_string()))
}

/// A command in a clean environment, without input.
fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().env("HOME", dir).env("LC_ALL", "C.UTF-8");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
