//! `pasee check`: whether the settings file is right, and what it means.

use super::print;
use crate::settings::Settings;

/// Wrong files never come here: loading them fails with every mistake.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    print(settings.explain())
}
