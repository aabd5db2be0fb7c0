//! `pasee sidecar`: everything put together, from the settings to the last answered request.
//!
//! | File | Owns |
//! |---|---|
//! | `explain` | `--explain`: which rule is about a request, and why it may pass or not |
//! | `parts` | what the settings make, before anything is served |
//! | `serve` | listening, following, answering, ending |

mod explain;
mod parts;
mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use self::parts::Parts;
use super::print;
use super::settings_file::told;
use crate::settings::SettingsError;
use crate::settings::sidecar::{self, SidecarSettings, VARIABLE};
use crate::telemetry::start_log;

/// Where a settings file is looked for.
const PLACES: [&str; 2] = ["sidecar.toml", "/etc/pasee/sidecar.toml"];

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee sidecar --settings-file sidecar.toml --check
  pasee sidecar --explain GET https://app.example.com/articles/news/1 --token \"$(pasee token)\"")]
pub(super) struct Sidecar {
    /// The settings file; else the settings that stand in PASEE_SIDECAR themselves, else ./sidecar.toml, else
    /// /etc/pasee/sidecar.toml
    #[arg(long, visible_alias = "settings", value_name = "FILE")]
    settings_file: Option<PathBuf>,

    /// Says whether a sidecar would start with these settings; starts none
    #[arg(long, conflicts_with = "explain")]
    check: bool,

    /// Says which rule is about a request, and whether it may pass; starts nothing
    #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
    explain: Option<Vec<String>>,

    /// Who sends the request that is to be explained: their access token, or - to read it from standard input
    #[arg(long, value_name = "TOKEN", requires = "explain")]
    token: Option<String>,
}

impl Sidecar {
    /// Serves until SIGTERM or SIGINT, or says what is asked.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = self.load()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the threads to serve with cannot be started")?;
        if self.check {
            let _inside = runtime.enter();
            return check(&settings).map(|()| ExitCode::SUCCESS);
        }
        if let Some([method, url]) = self.explain.as_deref() {
            return runtime.block_on(explain::explain(&settings, (method, url), self.token));
        }
        start_log(&settings.log)?;
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        let served = runtime.block_on(serve::serve(settings));
        runtime.shutdown_background();
        served.map(|()| ExitCode::SUCCESS)
    }

    fn load(&self) -> anyhow::Result<SidecarSettings> {
        if self.settings_file.is_none()
            && let Ok(text) = std::env::var(VARIABLE)
            && !text.is_empty()
        {
            let place = Path::new(VARIABLE);
            return sidecar::parse(place, &text).map_err(|error| told(place, error));
        }
        let exists = |place: &&&str| Path::new(place).try_exists().unwrap_or(true);
        let found = PLACES.iter().find(exists).map(PathBuf::from);
        let file = self.settings_file.clone().or(found).ok_or_else(|| {
            let looked = format!("{VARIABLE} in the environment, {}", PLACES.join(", "));
            SettingsError::NotFound(looked)
        })?;
        sidecar::load(&file).map_err(|error| told(&file, error))
    }
}

/// What is right already stands without mistakes; what is made of it may still not be possible here.
fn check(settings: &SidecarSettings) -> anyhow::Result<()> {
    Parts::new(settings)?;
    for warning in &settings.warnings {
        print(format_args!("warning: {warning}\n"))?;
    }
    let (rules, issuers) = (settings.rules.len(), settings.issuers.len());
    print(format_args!(
        "{} is right: {rules} {}, {issuers} {}\n",
        settings.file.display(),
        if rules == 1 { "rule" } else { "rules" },
        if issuers == 1 { "issuer" } else { "issuers" },
    ))
}
