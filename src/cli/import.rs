//! `pasee import`: what other programs keep of groups and people, as manifests.
//!
//! Must not know any program's format, nor which names are right.

use std::io::BufWriter;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Error, bail};
use clap::{Args, ValueEnum};

use super::apply::files::{all, text};
use super::say;
use crate::domain::directory::Standing;
use crate::domain::user::ProviderName;
use crate::files::check_regular;
use crate::import::{self, Found, Names, Placed};
use crate::manifests::{self, Filling, Keeper};
use crate::resources::manifest::{self, Manifest};
use crate::resources::user::UserContent;

#[derive(Args, Debug)]
#[command(after_help = "\
What has no place is listed on standard error and in comments, and makes the exit code 3. Nobody gets a name by a guess: what a group
or a user is called there has to be right here, or a line of MAP says how it is called:

  \"Dev Ops\" dev-ops             a group, or a user; in double quotes where a name has white space; # begins a comment
  user staff kisee-staff        where a user and a group have one name
  old-ldap- ldap-               everybody whose name begins so, now of the provider ldap
  mallory -                     left out on purpose

  python      the file of the SQLite database
  keycloak    what kc.sh export --realm NAME --users same_file writes; users get their ids
  openshift   what oc get groups -o yaml prints; users get their names
  dex         a list of subjects, with groups behind each if you like; settings with staticPasswords; or what
              kubectl get passwords,offlinesessionses,refreshtokens.dex.coreos.com -o yaml prints

  pasee import --from keycloak realm.json --provider keycloak > manifests.yaml
  pasee apply -f manifests.yaml --dry-run")]
pub(super) struct Import {
    /// Which program wrote the file
    #[arg(long, value_enum, value_name = "PROGRAM")]
    from: Program,

    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How users and groups are called here whose names there are not right, or are to be others
    #[arg(long, value_name = "MAP")]
    rename: Option<PathBuf>,

    /// The identity provider of the settings whose users they are; keycloak, openshift or, of dex's own passwords, local
    #[arg(long, value_name = "NAME")]
    provider: Option<ProviderName>,

    /// Makes the objects Pasee's own: in Kubernetes, staff change them over HTTP. Without it only kubectl and the like change them
    #[arg(long)]
    hand_over: bool,
}

/// Whose files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Program {
    Python,
    Keycloak,
    Openshift,
    Dex,
}

/// The exit code when something has no place and was told of.
const LEFT_OUT: u8 = 3;

impl Import {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let name = self.file.display();
        let names = self.names()?;
        let found = self.found().with_context(|| format!("{name}: nothing was imported"))?;
        let placed = import::place(found, &names)
            .map_err(|conflicts| all(conflicts.into_iter().map(Error::new).collect()))?;
        let keeper = if self.hand_over { Keeper::Pasee } else { Keeper::Manifests };
        write(&placed, keeper)?;
        for note in &placed.notes {
            say(format_args!("note: {}", shown(note)));
        }
        for left_out in &placed.left_out {
            say(format_args!("left out: {}", shown(left_out)));
        }
        if placed.left_out.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        say(format_args!(
            "left out in all: {}; --rename MAP gives a place to what has none",
            placed.left_out.len()
        ));
        Ok(ExitCode::from(LEFT_OUT))
    }

    fn names(&self) -> anyhow::Result<Names> {
        let Some(path) = &self.rename else { return Ok(Names::default()) };
        let name = path.display();
        let text = text(path).with_context(|| format!("{name}: cannot be read"))?;
        let told = |error| Error::msg(format!("{name}: {error}"));
        Names::read(&text).map_err(|wrong| all(wrong.into_iter().map(told).collect()))
    }

    fn found(&self) -> anyhow::Result<Found> {
        let text = || text(&self.file).context("it cannot be read");
        let provider = |usual: &str| -> anyhow::Result<ProviderName> {
            Ok(self.provider.clone().map_or_else(|| usual.parse(), Ok)?)
        };
        Ok(match self.from {
            Program::Python if self.provider.is_some() => bail!(
                "--provider is not for the Python Pasee, whose users have their provider in their names; --rename MAP calls them otherwise"
            ),
            Program::Python => {
                check_regular(&self.file).context("it cannot be read")?;
                import::python(&self.file)?
            }
            Program::Keycloak => import::keycloak(&text()?, &provider("keycloak")?)?,
            Program::Openshift => import::openshift(&text()?, &provider("openshift")?)?,
            Program::Dex => import::dex(&text()?, &provider("local")?)?,
        })
    }
}

/// Writes the manifests, below comments that say what they are of and what is not in them.
fn write(placed: &Placed, keeper: Keeper) -> anyhow::Result<()> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    let written = manifests_of(placed, keeper, |text| output.write_all(text.as_bytes()));
    match written.and_then(|()| output.flush()) {
        // That nobody reads it any more, as after `| head`, is no mistake.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}

fn manifests_of(
    placed: &Placed,
    keeper: Keeper,
    mut write: impl FnMut(&str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    write(&format!("# From {}, by pasee import.\n", shown(&placed.source)))?;
    for left_out in &placed.left_out {
        write(&format!("# Left out: {}\n", shown(left_out)))?;
    }
    for note in &placed.notes {
        write(&format!("# Note: {}\n", shown(note)))?;
    }
    let mut document = |manifest: &Manifest| {
        let text =
            manifest::write(std::slice::from_ref(manifest)).map_err(std::io::Error::other)?;
        write(&format!("---\n{}", text.strip_prefix("---\n").unwrap_or(&text)))
    };
    for (group, description) in &placed.groups {
        document(&Manifest::Group(manifests::group(group, description.as_ref())))?;
    }
    for (roster, users) in &placed.rosters {
        let mut filling = Filling::new(roster.clone(), keeper);
        for user in users {
            if let Some(full) = filling.add(user, None) {
                document(&Manifest::Membership(full))?;
            }
        }
        if let Some(rest) = filling.finish() {
            document(&Manifest::Membership(rest))?;
        }
    }
    for user in &placed.banned {
        let standing = Standing { banned: true, not_before: None };
        let content = UserContent { user: user.clone(), standing };
        document(&Manifest::User(manifests::user(&content, keeper)))?;
    }
    Ok(())
}

/// One line, whatever names say.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let is_plain = !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
            let escaped = (!is_plain).then(|| c.escape_default().to_string());
            escaped.unwrap_or_else(|| c.to_string()).chars().collect::<Vec<_>>()
        })
        .collect()
}
