//! `pasee man`: manual pages, made of what the commands say of themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Command};
use clap_mangen::Man as Page;

#[derive(Args, Debug)]
#[command(after_help = "\
The pages say what --help says.

  pasee man | man -l -                       reads the page of pasee
  pasee man append | man -l -                that of a command
  pasee man --output /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Whose page; else that of pasee itself
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    of: Option<String>,

    /// Writes every page to this directory, as pasee.1, pasee-append.1 and so on
    #[arg(short, long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, mut command: Command) -> anyhow::Result<()> {
        // Names commands below it as they are called: pasee-append.
        command.build();
        if let Some(directory) = &self.output {
            return write_all(&command, directory);
        }
        let page = match &self.of {
            None => &command,
            Some(name) => match shown(&command).find(|below| below.get_name() == name) {
                Some(below) => below,
                None => {
                    let known: Vec<&str> = shown(&command).map(Command::get_name).collect();
                    bail!("there is no command {name:?}; those there are: {}", known.join(", "))
                }
            },
        };
        super::print(String::from_utf8_lossy(&rendered(page)?))
    }
}

/// The commands that there are pages of.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
}

fn rendered(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Page::new(command.clone().version(env!("CARGO_PKG_VERSION"))).render(&mut text)?;
    // What stands below the options are remarks and examples, which the generator has no name for.
    Ok(String::from_utf8_lossy(&text).replace(".SH EXTRA\n", ".SH NOTES\n").into_bytes())
}

fn write_all(command: &Command, directory: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written to", directory.display());
    fs::create_dir_all(directory).with_context(cannot)?;
    for page in [command].into_iter().chain(shown(command)) {
        let name = page.get_display_name().unwrap_or_else(|| page.get_name());
        fs::write(directory.join(format!("{name}.1")), rendered(page)?).with_context(cannot)?;
    }
    Ok(())
}
