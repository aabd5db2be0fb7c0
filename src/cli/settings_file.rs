//! Which settings file a command reads, and reading it.
//!
//! Must not know what stands in it.

use std::path::{Path, PathBuf};

use anyhow::Error;
use clap::Args;

use crate::settings::{self, Overrides, Settings, SettingsError};

/// Names a settings file where no option does.
const VARIABLE: &str = "PASEE_SETTINGS_FILE";

/// An option of every command that reads settings, and of no other.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SettingsFile {
    /// The settings file; else that of PASEE_SETTINGS_FILE, else the first of ./settings.toml, ~/settings.toml and
    /// /etc/pasee/settings.toml
    #[arg(long, visible_alias = "settings", value_name = "FILE")]
    settings_file: Option<PathBuf>,
}

impl SettingsFile {
    /// Whether an option names one.
    pub(super) fn is_given(&self) -> bool {
        self.settings_file.is_some()
    }

    /// Takes what was said elsewhere, unless something was said here.
    pub(super) fn fill(&mut self, elsewhere: Self) {
        self.settings_file = self.settings_file.take().or(elsewhere.settings_file);
    }

    /// Where it is.
    pub(super) fn find(&self) -> Result<PathBuf, SettingsError> {
        let of_variable = std::env::var_os(VARIABLE).filter(|named| !named.is_empty());
        let given = self.settings_file.clone().or(of_variable.map(PathBuf::from));
        settings::find(given.as_deref(), std::env::home_dir().as_deref())
    }

    pub(super) fn load(&self) -> anyhow::Result<Settings> {
        self.load_with(&Overrides::default())
    }

    /// The settings, with what the command line says in their place.
    pub(super) fn load_with(&self, overrides: &Overrides) -> anyhow::Result<Settings> {
        let file = self.find()?;
        settings::load_with(&file, overrides).map_err(|error| told(&file, error))
    }
}

/// Why there are no settings.
pub(super) fn told(file: &Path, error: SettingsError) -> Error {
    match error {
        // A headline, so that every mistake starts a line with its place, as editors and people look for it.
        SettingsError::Invalid(mistakes) => {
            Error::msg(format!("{} cannot be used:\n{mistakes}", file.display()))
        }
        error => error.into(),
    }
}
