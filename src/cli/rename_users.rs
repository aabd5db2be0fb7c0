//! `pasee rename-users`: people whose ids change keep their groups, in a file beside a running server or in a namespace.
//!
//! Must not know the policy's table: whoever may run this on the machine, or in the namespace, is the operator.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, bail};
use clap::Args;

use super::apply::files::{all, text};
use super::settings_file::SettingsFile;
use super::store::cluster;
use super::{now, print, say};
use crate::domain::policy::{Actor, RenamingPermit, permit_renaming};
use crate::domain::provider::UnknownProvider;
use crate::domain::renaming::{Renamed, Renaming, Trial};
use crate::domain::user::UserId;
use crate::settings::{Settings, Storage};
use crate::store::embedded;
use crate::store::kubernetes::{self, Options};

#[derive(Args, Debug)]
#[command(after_help = "\
On each line of MAP stand a former user id and the new one, or two providers, each followed by a -, for everybody who has no line of
their own. A name with white space stands in double quotes; a # begins a comment.

  kisee-john ldap-jsmith
  kisee- ldap-

All change at once, so that two people can take each other's ids. Whoever has the new id already keeps what they have, and gets the
groups of the former one besides; who is banned under either id is banned under the new one. Whoever gets something logs in once more.
The former id keeps its ban. In a file all is done or nothing; a running server sees it within a second. In Kubernetes bans are
written first, so that nobody has more than before whenever it is stopped; the same command goes on with it. What Pasee does not
change there, as it is Git's, is listed.

  pasee rename-users people.map --dry-run
  pasee rename-users people.map --namespace realm --kubeconfig ~/.kube/config")]
pub(super) struct RenameUsers {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// The file that says who is called how, or - for standard input
    #[arg(value_name = "MAP")]
    map: PathBuf,

    /// Changes nothing and says what would be changed
    #[arg(long)]
    dry_run: bool,

    /// Takes users of providers that the settings do not have, such as those of a provider that is still to come
    #[arg(long)]
    allow_unknown_providers: bool,

    /// Changes this namespace of Kubernetes, in place of what the settings name
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Changes the cluster of this kubeconfig, in place of what the settings name
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl RenameUsers {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let settings = &self.settings.load()?;
        for warning in &settings.warnings {
            say(format_args!("warning: {warning}"));
        }
        let map = self.read()?;
        self.check_providers(settings, &map)?;
        let named: Vec<UserId> = map.pairs().map(|(old, _)| old.clone()).collect();
        let permit = permit_renaming(&Actor::operator(), map)?;
        // Who is still to be able to log in, nobody can say.
        let permit = match self.allow_unknown_providers {
            true => permit,
            false => permit.knowing(settings.possible_users()),
        };
        let trial = if self.dry_run { Trial::Dry } else { Trial::Real };
        let (renamed, elsewhere) =
            match cluster(settings, self.namespace.as_ref(), self.kubeconfig.as_ref()) {
                Some(options) => in_namespace(options, &permit, trial)?,
                None => {
                    (embedded::rename_users(file_of(settings)?, now, &permit, trial)?, Vec::new())
                }
            };
        print(self.told(&renamed, &named, &elsewhere))
    }

    fn read(&self) -> anyhow::Result<Renaming> {
        let name = self.map.display();
        let text = text(&self.map).with_context(|| format!("{name}: cannot be read"))?;
        let told = |error| Error::msg(format!("{name}: {error}"));
        let map =
            Renaming::read(&text).map_err(|wrong| all(wrong.into_iter().map(told).collect()))?;
        if map.is_empty() {
            bail!(
                "{name} calls nobody otherwise, so nothing was done; a right line is kisee-john ldap-jsmith"
            );
        }
        Ok(map)
    }

    /// A name that no provider has is misspelt, or its users come later.
    fn check_providers(&self, settings: &Settings, map: &Renaming) -> anyhow::Result<()> {
        let names = settings.provider_names();
        let somebody = |provider: &_| format!("{provider}-somebody").parse::<UserId>().ok();
        let of_providers = map.new_providers().filter_map(somebody);
        let new = map.pairs().map(|(_, new)| new.clone()).chain(of_providers);
        let unknown: Vec<UnknownProvider> = new.filter_map(|it| names.check(&it).err()).collect();
        let Some(first) = unknown.first() else { return Ok(()) };
        if !self.allow_unknown_providers {
            return Err(all(unknown.into_iter().map(Error::new).collect()));
        }
        say(format_args!(
            "warning: {} has no identity provider by the name of {}: its users cannot log in",
            settings.file.display(),
            first.name()
        ));
        Ok(())
    }

    /// A line for each user, and for what others are to change.
    fn told(&self, renamed: &[Renamed], named: &[UserId], elsewhere: &[String]) -> String {
        let end = if self.dry_run { " (dry run)\n" } else { "\n" };
        let mut told = String::new();
        // Writing to a String never fails.
        for one in renamed {
            let _ = write!(told, "{one}{end}");
        }
        let seen: BTreeSet<&UserId> = renamed.iter().map(|one| &one.old).collect();
        for user in named.iter().filter(|user| !seen.contains(user)) {
            let _ = writeln!(told, "{user}: nothing is said of them");
        }
        if !elsewhere.is_empty() {
            told.push_str("Pasee does not change what others write. Change there:\n");
            elsewhere.iter().for_each(|line| {
                let _ = writeln!(told, "  {line}");
            });
        }
        let _ = write!(told, "renamed: {}{end}", renamed.len());
        told
    }
}

fn in_namespace(
    options: Options,
    permit: &RenamingPermit,
    trial: Trial,
) -> anyhow::Result<(Vec<Renamed>, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the thread to work with cannot be started")?;
    let report = runtime.block_on(kubernetes::rename_users(options, now, permit, trial))?;
    Ok((report.renamed, report.elsewhere))
}

/// The file that the groups are kept in.
fn file_of(settings: &Settings) -> anyhow::Result<&Path> {
    let of = settings.file.display();
    match &settings.storage {
        Storage::Embedded(file) => Ok(file),
        Storage::Memory => bail!("the groups of {of} are kept in the memory of its server"),
        Storage::Kubernetes(_) => bail!("the groups of {of} are kept in Kubernetes"),
    }
}
