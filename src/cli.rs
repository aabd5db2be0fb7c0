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
//! | `check` | `pasee check` |
//! | `keygen` | `pasee keygen` |
//! | `hash_password` | `pasee hash-password` |
//! | `crd` | `pasee crd` |
//! | `policy` | `pasee policy` |
//! | `completions` | `pasee completions` |
//! | `keys` | the key ring that the settings ask for |
//! | `store` | the store that the settings name |
//! | `webhook` | the admission webhook beside `pasee serve` |
//! | `signals` | what ends a long-running command |
//! | `report` | how an error is told |

mod append;
mod apply;
mod check;
mod completions;
mod controller;
mod crd;
mod export;
mod hash_password;
mod keygen;
mod keys;
mod policy;
mod publish;
mod report;
mod serve;
mod signals;
mod store;
mod webhook;

use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::settings::{self, Settings, SettingsError};

/// Identity providers in, groups out: logs users in and gives them short-lived JWTs with their groups.
///
/// Without a command, serves the HTTP API.
#[derive(Debug, Parser)]
#[command(name = "pasee", version)]
struct Arguments {
    /// The settings file; else the first of ./settings.toml, ~/settings.toml and /etc/pasee/settings.toml
    #[arg(long, global = true, value_name = "FILE", env = "PASEE_SETTINGS_FILE")]
    settings_file: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,

    /// Puts users in groups; the older spelling of `pasee append`
    #[arg(long, requires = "groups", requires = "names")]
    append: bool,

    /// With --append: the groups, separated by commas
    #[arg(long, value_name = "GROUP", value_delimiter = ',', requires = "append")]
    groups: Vec<Roster>,

    /// With --append: the users
    #[arg(value_name = "USER", hide = true)]
    names: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the HTTP API; the default
    Serve,
    /// Puts users in groups, as the operator of this machine: how the first root staff comes to be
    Append(append::Append),
    /// Says what is wrong with the settings file and the files it names, or what it means; changes nothing
    Check,
    /// Makes a key to sign tokens with
    Keygen(keygen::Keygen),
    /// Reads a password and prints its Argon2id hash, for users of a local identity provider
    HashPassword,
    /// Prints the custom resource definitions, for `kubectl apply -f -`
    Crd,
    /// Prints the policy, roles and accounts of a realm on Kubernetes, for `kubectl apply -f -`
    Policy(policy::Policy),
    /// Brings the custom resources of a Kubernetes namespace to what they ask for, and says how they stand
    Controller(controller::Controller),
    /// Reads manifests, as `kubectl apply -f` takes them, into the file that the settings name
    Apply(apply::Apply),
    /// Writes all groups as manifests, which `kubectl apply -f` and `pasee apply -f` take
    Export(export::Export),
    /// Prints completions for a shell
    Completions(completions::Completions),
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 not done, 2 wrong arguments.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(report::tell(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { settings_file, command, append, groups, names } = arguments;
    if !append && let [name, ..] = names.as_slice() {
        unknown_command(name).exit();
    }
    let load = || load(settings_file.as_deref());
    match command {
        None if append => append::Append::new(groups, names).run(&load()?),
        None | Some(Command::Serve) => serve::run(load()?),
        Some(Command::Append(append)) => append.run(&load()?),
        Some(Command::Check) => check::run(&load()?),
        Some(Command::Keygen(keygen)) => keygen.run(),
        Some(Command::HashPassword) => hash_password::run(),
        Some(Command::Crd) => crd::run(),
        Some(Command::Policy(policy)) => policy.run(),
        Some(Command::Controller(controller)) => controller.run(),
        Some(Command::Apply(apply)) => apply.run(&load()?),
        Some(Command::Export(export)) => export.run(&load()?),
        Some(Command::Completions(completions)) => completions.run(&mut Arguments::command()),
    }
}

/// What clap would say, were there no users after `--append`.
fn unknown_command(name: &str) -> clap::Error {
    let mut command = Arguments::command();
    let likeness = |known: &&str| strsim::jaro_winkler(known, name);
    let nearest = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .max_by(|one, two| likeness(one).total_cmp(&likeness(two)))
        .filter(|known| likeness(known) > 0.7)
        .map(str::to_owned);
    let usage = command.render_usage();
    let mut error = clap::Error::new(ErrorKind::InvalidSubcommand).with_cmd(&command);
    error.insert(ContextKind::InvalidSubcommand, ContextValue::String(name.to_owned()));
    if let Some(nearest) = nearest {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![nearest]));
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    error
}

fn load(given: Option<&Path>) -> anyhow::Result<Settings> {
    let home = std::env::home_dir();
    let file = settings::find(given, home.as_deref())?;
    match settings::load(&file) {
        // A headline, so that every mistake starts a line with its place, as editors and people look for it.
        Err(SettingsError::Invalid(mistakes)) => {
            bail!("{} cannot be used:\n{mistakes}", file.display())
        }
        result => Ok(result?),
    }
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
