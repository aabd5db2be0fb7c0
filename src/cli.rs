//! The command line: one file per subcommand.
//!
//! Owns wiring only; what is right and wrong is decided elsewhere.
//!
//! | File | Owns |
//! |---|---|
//! | `serve` | `pasee serve`: wires the HTTP service |
//! | `controller` | `pasee controller` |
//! | `append` | `pasee append` |
//! | `apply` | `pasee apply` |
//! | `export` | `pasee export` |
//! | `import` | `pasee import` |
//! | `rename_users` | `pasee rename-users` |
//! | `sidecar` | `pasee sidecar` |
//! | `check` | `pasee check` |
//! | `keygen` | `pasee keygen` |
//! | `hash_password` | `pasee hash-password` |
//! | `login` | `pasee login` |
//! | `token` | `pasee token` |
//! | `whoami` | `pasee whoami` |
//! | `logout` | `pasee logout` |
//! | `groups` | `pasee groups` |
//! | `members` | `pasee members` |
//! | `add` | `pasee add` |
//! | `remove` | `pasee remove` |
//! | `leave` | `pasee leave` |
//! | `invite` | `pasee invite` |
//! | `kubeconfig` | `pasee kubeconfig` |
//! | `kubectl_credential` | `pasee kubectl-credential` |
//! | `person` | what those have in common |
//! | `password` | how a password comes in |
//! | `client_secret` | `pasee client-secret` |
//! | `crd` | `pasee crd` |
//! | `policy` | `pasee policy` |
//! | `completions` | `pasee completions` |
//! | `man` | `pasee man` |
//! | `version` | `pasee version` |
//! | `settings_file` | which settings file is read |
//! | `peers` | the other servers of the realm, put together |
//! | `prepare` | what a server needs before it makes a file, listens or asks anybody |
//! | `python` | what the Python Pasee has left |
//! | `finding` | what was found on the way |
//! | `sockets` | where a server listens |
//! | `keys` | the key ring that the settings ask for |
//! | `store` | the store that the settings name |
//! | `egress` | through which proxies providers are called, told |
//! | `webhook` | the admission webhook beside `pasee serve` |
//! | `signals` | what ends a long-running command |
//! | `trial` | what `check` says and how `serve` starts, side by side |
//! | `report` | how an error is told |

mod add;
mod append;
mod apply;
mod check;
mod client_secret;
mod completions;
mod controller;
mod crd;
mod egress;
mod export;
mod finding;
mod groups;
mod hash_password;
mod import;
mod invite;
mod keygen;
mod keys;
mod kubeconfig;
mod kubectl_credential;
mod leave;
mod login;
mod logout;
mod man;
mod members;
mod password;
mod peers;
mod person;
mod policy;
mod prepare;
mod publish;
mod python;
mod remove;
mod rename_users;
mod report;
mod serve;
mod settings_file;
mod sidecar;
mod signals;
mod sockets;
mod store;
mod token;
pub mod trial;
mod version;
mod webhook;
mod whoami;

use std::ffi::OsString;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub use self::finding::{Finding, Level};
use self::serve::Serve;
use self::settings_file::SettingsFile;
use crate::domain::time::Timestamp;

/// Identity providers in, groups out: logs users in and gives them short-lived JWTs with their groups.
///
/// Without a command, serves the HTTP API.
#[derive(Debug, Parser)]
#[command(name = "pasee", version, long_version = version::TOLD.as_str())]
struct Arguments {
    #[command(flatten)]
    serve: Serve,

    #[command(subcommand)]
    command: Option<Command>,

    // It stands here for its help: `spelled_anew` has put `append` in its place.
    /// Puts users in groups; the older spelling of `pasee append`
    #[arg(long)]
    append: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the HTTP API; the default
    Serve(Serve),
    /// Logs you in to a Pasee, once for all your shells
    Login(login::Login),
    /// Prints an access token that is good now
    Token(token::Token),
    /// Says as whom you are logged in, and in which groups
    Whoami(whoami::Whoami),
    /// Ends your session at Pasee, and forgets it here
    Logout(logout::Logout),
    /// Lists your groups; to root staff, all of them
    Groups(groups::Groups),
    /// Lists who is in a group
    Members(members::Members),
    /// Puts a user in a group
    Add(add::Add),
    /// Takes a user out of a group
    Remove(remove::Remove),
    /// Takes yourself out of a group
    Leave(leave::Leave),
    /// Makes a link by which people come into a group, or takes all of them back
    Invite(invite::Invite),
    /// Has kubectl log in by Pasee
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Answers kubectl with a token for its API server alone
    KubectlCredential(kubectl_credential::KubectlCredential),
    /// Puts users in groups, as the operator of this machine: how the first root staff comes to be
    Append(append::Append),
    /// Says whether a server would start with these settings, what they mean and what is unsafe; changes nothing
    Check(check::Check),
    /// Makes a key to sign tokens with
    Keygen(keygen::Keygen),
    /// Reads a password and prints its Argon2id hash, for users of a local identity provider
    HashPassword,
    /// Makes a secret for an application, and prints it with the hash that the settings or an OAuthClient keep of it
    ClientSecret,
    /// Prints the custom resource definitions, for `kubectl apply -f -`
    Crd,
    /// Prints the policy, roles and accounts of a realm on Kubernetes, for `kubectl apply -f -`
    Policy(policy::Policy),
    /// Brings the custom resources of a Kubernetes namespace to what they ask for, and says how they stand
    Controller(controller::Controller),
    /// Stands in front of an application: verifies tokens, judges requests by rules, and tells the application who sends them
    Sidecar(sidecar::Sidecar),
    /// Reads manifests, as `kubectl apply -f` takes them, into the file that the settings name
    Apply(apply::Apply),
    /// Writes all groups as manifests, which `kubectl apply -f` and `pasee apply -f` take
    Export(export::Export),
    /// Prints what another program keeps of groups and people as manifests
    Import(import::Import),
    /// Has people whose ids change keep their groups: those of another identity provider, or of one with another name
    RenameUsers(rename_users::RenameUsers),
    /// Prints completions for a shell
    Completions(completions::Completions),
    /// Prints manual pages, or writes them all to a directory
    Man(man::Man),
    /// Says which version this is, and what it was built for
    Version,
}

impl Command {
    /// Which settings file it reads, if it reads one.
    fn settings(&mut self) -> Option<&mut SettingsFile> {
        match self {
            Self::Serve(serve) => Some(&mut serve.settings),
            Self::Append(append) => Some(&mut append.settings),
            Self::Check(check) => Some(&mut check.settings),
            Self::Apply(apply) => Some(&mut apply.settings),
            Self::Export(export) => Some(&mut export.settings),
            Self::RenameUsers(rename) => Some(&mut rename.settings),
            Self::Keygen(_)
            | Self::HashPassword
            | Self::Login(_)
            | Self::Token(_)
            | Self::Whoami(_)
            | Self::Logout(_)
            | Self::Groups(_)
            | Self::Members(_)
            | Self::Add(_)
            | Self::Remove(_)
            | Self::Leave(_)
            | Self::Invite(_)
            | Self::ClientSecret
            | Self::Kubeconfig(_)
            | Self::KubectlCredential(_)
            | Self::Import(_)
            | Self::Crd
            | Self::Policy(_)
            | Self::Controller(_)
            | Self::Sidecar(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Version => None,
        }
    }
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 not done, 2 wrong arguments, 3 (of `import`)
/// done but for what was told of, 4 (of a person's commands) nobody is logged in.
#[must_use]
pub fn run() -> ExitCode {
    let mut arguments = Arguments::parse_from(spelled_anew(std::env::args_os().collect()));
    if let Err(error) = arguments.hand_down() {
        error.exit();
    }
    match arguments.run() {
        Ok(code) => code,
        Err(error) => {
            say(report::tell(&error));
            match error.is::<person::LoginNeeded>() {
                true => ExitCode::from(person::LOG_IN_FIRST),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// `pasee --append …` is `pasee append …`.
fn spelled_anew(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let options = arguments.iter().take_while(|argument| *argument != "--");
    if let Some(place) = options.clone().position(|argument| argument == "--append") {
        arguments.remove(place);
        arguments.insert(1, "append".into());
    }
    arguments
}

impl Arguments {
    /// Hands options in front of a command down to it.
    fn hand_down(&mut self) -> Result<(), clap::Error> {
        let Some(command) = &mut self.command else { return Ok(()) };
        let in_front = std::mem::take(&mut self.serve);
        let is_for_serving = in_front.host.is_some() || in_front.port.is_some();
        if let Command::Serve(serve) = command {
            serve.fill(in_front);
            return Ok(());
        }
        let refused = |says: &str| Arguments::command().error(ErrorKind::ArgumentConflict, says);
        if is_for_serving {
            return Err(refused(
                "--host and --port say where to serve, and stand with serve alone",
            ));
        }
        match command.settings() {
            Some(own) => own.fill(in_front.settings),
            None if in_front.settings.is_given() => {
                return Err(refused("this command reads no settings; leave --settings-file out"));
            }
            None => {}
        }
        Ok(())
    }

    fn run(self) -> anyhow::Result<ExitCode> {
        let Some(command) = self.command else { return self.serve.run().map(done) };
        match command {
            Command::Serve(serve) => serve.run().map(done),
            Command::Append(append) => append.run().map(done),
            Command::Check(check) => check.run(),
            Command::Keygen(keygen) => keygen.run().map(done),
            Command::HashPassword => hash_password::run().map(done),
            Command::Login(login) => login.run().map(done),
            Command::Token(token) => token.run().map(done),
            Command::Whoami(whoami) => whoami.run().map(done),
            Command::Logout(logout) => logout.run().map(done),
            Command::Groups(groups) => groups.run().map(done),
            Command::Members(members) => members.run().map(done),
            Command::Add(add) => add.run().map(done),
            Command::Remove(remove) => remove.run().map(done),
            Command::Leave(leave) => leave.run().map(done),
            Command::Invite(invite) => invite.run().map(done),
            Command::ClientSecret => client_secret::run().map(done),
            Command::Kubeconfig(kubeconfig) => kubeconfig.run().map(done),
            Command::KubectlCredential(credential) => credential.run().map(done),
            Command::Crd => crd::run().map(done),
            Command::Policy(policy) => policy.run().map(done),
            Command::Controller(controller) => controller.run().map(done),
            Command::Sidecar(sidecar) => sidecar.run(),
            Command::Apply(apply) => apply.run().map(done),
            Command::Export(export) => export.run().map(done),
            Command::RenameUsers(rename) => rename.run().map(done),
            Command::Import(import) => import.run(),
            Command::Completions(completions) => {
                completions.run(&mut Arguments::command()).map(done)
            }
            Command::Man(man) => man.run(Arguments::command()).map(done),
            Command::Version => print(format_args!("pasee {}\n", *version::TOLD)).map(done),
        }
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// The system's clock, in whole seconds.
///
/// A clock before 1970 or after 9999 counts as the nearest second that can be told.
#[must_use]
pub fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).ok().and_then(Timestamp::from_unix).unwrap_or(Timestamp::MAX)
}

/// Prints to standard output. That nobody reads it any more, as after `| head`, is no mistake.
fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != IoErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}

/// Says something on standard error.
fn say(text: impl std::fmt::Display) {
    // Nothing is left to do when standard error is gone.
    let _ = writeln!(std::io::stderr(), "pasee: {text}");
}
