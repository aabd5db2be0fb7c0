//! `pasee completions`: for shells.

use clap::Args;
use clap_complete::Shell;

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// Whose completions
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, command: &mut clap::Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "pasee", &mut script);
        super::print(String::from_utf8_lossy(&script))
    }
}
