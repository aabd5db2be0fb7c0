//! `pasee check`: whether a server would start with the settings, what they mean, and what is unsafe.
//!
//! Must not make or change anything: it may run beside the server, or before there is one. What a start takes is not listed here
//! but in `prepare`, which the server starts by.
//!
//! | File | Owns |
//! |---|---|
//! | `look` | what comes behind `prepare`: the file of groups, the places to listen on |
//! | `online` | what identity providers and the API server say when they are asked |
//! | `occupant` | whether a place is taken by the server itself |

mod look;
mod occupant;
mod online;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Error};
use clap::{Args, ValueEnum};
use serde::Serialize;

pub(super) use self::look::look;
use super::finding::{Finding, Findings, Level};
use super::prepare::FILE;
use super::settings_file::{SettingsFile, told};
use super::{print, say};
use crate::settings::{self, Log, Settings, SettingsError};
use crate::telemetry::start_log;

/// What kinds of faults there are of the file as a whole.
const NO_SETTINGS: &str = "no-settings";

#[derive(Args, Debug)]
#[command(after_help = "\
Ends with 0 when a server would start, with 1 when it would not, and with 2 when it was called wrongly. Warnings are no
reason to end with 1, unless --strict is given; who does not answer is one, when --online asks.

  pasee check --strict && systemctl restart pasee
  pasee check --output json | jq '.findings[] | select(.level == \"error\")'")]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// Asks the identity providers and the Kubernetes API server too, all at once, for 10 s at most
    #[arg(long)]
    online: bool,

    /// How what is found is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Text)]
    output: Output,

    /// Takes warnings for mistakes
    #[arg(long)]
    strict: bool,
}

/// How what is found is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// One JSON object: file, right, findings
    Json,
}

/// What is printed as JSON. The members stay as they are.
#[derive(Serialize)]
struct Report<'a> {
    /// The settings file.
    file: Option<String>,
    /// Whether a server would start; with `--strict` nothing is unsafe either, and with `--online` everybody has answered.
    right: bool,
    /// What was found, the worst first.
    findings: &'a [Finding],
}

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let file = match self.settings.find() {
            Ok(file) => file,
            Err(error) => return self.without_settings(None, error),
        };
        let settings = match settings::load(&file) {
            Ok(settings) => settings,
            Err(error) => return self.without_settings(Some(&file), error),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the thread to look with cannot be started")?;
        let findings = runtime.block_on(self.look(&settings))?;
        let is_wrong = findings.has_errors() || self.strict && findings.has_warnings();
        match self.output {
            Output::Text => self.tell(&settings, &findings)?,
            Output::Json => write(Some(&file), !is_wrong, &findings.into_all())?,
        }
        Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn look(&self, settings: &Settings) -> anyhow::Result<Findings> {
        if self.online {
            // Why somebody cannot be asked is told in the log, as for a server.
            start_log(&Log { level: "warn".to_owned(), ..settings.log.clone() })?;
        }
        let (prepared, mut findings) = look(settings).await;
        match (self.online, prepared) {
            (false, _) => {}
            (true, Some(prepared)) => online::ask(settings, &prepared, &mut findings).await,
            (true, None) => {
                findings.note(online::NOT_ASKED, "Nobody was asked, as there are mistakes.");
            }
        }
        Ok(findings)
    }

    /// There is no settings file, or a wrong one.
    fn without_settings(
        &self,
        file: Option<&Path>,
        error: SettingsError,
    ) -> anyhow::Result<ExitCode> {
        if self.output == Output::Text {
            return Err(told(file.unwrap_or(Path::new("")), error));
        }
        let findings = match &error {
            SettingsError::Invalid(mistakes) => {
                let listed = mistakes.listed().iter();
                listed.map(|remark| Finding::of_remark(Level::Error, remark)).collect()
            }
            _ => vec![Finding::of_error(NO_SETTINGS, &Error::from(error))],
        };
        write(file, false, &findings)?;
        Ok(ExitCode::FAILURE)
    }

    fn tell(&self, settings: &Settings, findings: &Findings) -> anyhow::Result<()> {
        let warnings: String =
            findings.warnings().map(|warning| format!("\nWarning: {warning}")).collect();
        if findings.has_errors() {
            say(format_args!("{}{warnings}", findings.refusal(settings)));
            return Ok(());
        }
        print(settings.explain())?;
        let (files, others): (Vec<&Finding>, _) =
            findings.notes().partition(|note| note.code == FILE);
        if !files.is_empty() {
            print("It names these files, and they can be used:\n")?;
        }
        for note in files.into_iter().chain(others) {
            print(format_args!("- {note}\n"))?;
        }
        if let Some(warnings) = warnings.strip_prefix('\n') {
            print(format_args!("{warnings}\n"))?;
        }
        if self.strict && findings.has_warnings() {
            say("there are warnings, which --strict takes for mistakes");
        }
        Ok(())
    }
}

fn write(file: Option<&Path>, right: bool, findings: &[Finding]) -> anyhow::Result<()> {
    let file = file.map(|file| file.display().to_string());
    let report = Report { file, right, findings };
    print(format_args!("{}\n", serde_json::to_string_pretty(&report)?))
}
