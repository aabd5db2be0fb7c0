//! The controller as a process, and its log.
//!
//! Must not know what it is to do.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::controlplane::User;
use super::patience::{eventually, wait_until_stopped};

/// A controller that runs. It is killed when dropped.
pub struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// Starts one for a namespace, as somebody. It takes the name for its host's, and logs into the directory.
    pub fn start(namespace: &str, user: &User, dir: &Path, name: &str) -> Self {
        Self::start_with(namespace, user, dir, name, &[])
    }

    /// The same with these variables in its environment.
    pub fn start_with(
        namespace: &str,
        user: &User,
        dir: &Path,
        name: &str,
        variables: &[(&str, String)],
    ) -> Self {
        let log = dir.join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args(["controller", "--namespace", namespace])
            .env("KUBECONFIG", &user.kubeconfig)
            .env("HOSTNAME", name)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            // An Event that is not sent is told of at debug.
            .env("RUST_LOG", "info,pasee::controller::apply=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Waits until it leads.
    pub fn leads(self) -> Self {
        eventually("it leads", || self.log().contains("leading"));
        self
    }

    /// That it runs still.
    pub fn runs(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
        if name == "STOP" {
            wait_until_stopped(self.child.id());
        }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits until it has, well, without ever having been forbidden anything.
    #[track_caller]
    pub fn stop(self) {
        let log = self.end();
        assert!(!log.contains("orbidden"), "{log}");
    }

    /// The same where permissions were missing for a while; gives its log.
    #[track_caller]
    pub fn end(mut self) -> String {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
