//! `pasee apply`: reads manifests into the file of groups, beside a running server or without one.
//!
//! Must not know the policy's table: whoever may run this on the machine is the operator.
//!
//! | File | Owns |
//! |---|---|
//! | `files` | the files that it is given |

pub(super) mod files;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Error, bail};
use clap::Args;

use super::settings_file::SettingsFile;
use super::{now, print, report, say};
use crate::domain::directory::Directory;
use crate::domain::policy::{Actor, Permit, permit};
use crate::domain::provider::{PossibleUsers, UnknownProvider};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Index;
use crate::manifests::{Plan, Pruned, Rest, RootStaff, Wanted, plan};
use crate::resources::rfc3339;
use crate::settings::{Settings, Storage};
use crate::store::embedded::{TogetherError, change_together};

/// What is said of manifests before anything is written.
const NOTHING_DONE: &str = "nothing was done";

#[derive(Args, Debug)]
#[command(after_help = "\
All is read and checked before anything is written, and all is written or nothing. A running server sees it within a
second. A group that is needed has to be in the manifests or in the file; it is not waited for. What the manifests do
not say stays as it is, unless --prune is given: a User without `banned` lifts no ban. A Membership's users get the end
that it says, and none if it says none. A Group's creator becomes its staff if the group is new. A description that no
Group says stays, and an empty one is none. Users of no identity provider of the settings are refused, unless
--allow-unknown-providers is given. Sessions that were ended (notBefore) stay ended.

  pasee apply -f groups/                            the manifests of a directory
  pasee apply -f groups.yaml -f on-call.yaml --prune --dry-run
  kubectl get pasee -o yaml | pasee apply -f -")]
pub(super) struct Apply {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// A file of manifests, a directory whose .yaml, .yml and .json files are taken, or - for standard input
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Takes away what the manifests do not say: other groups, other memberships, other bans; of the kinds Group,
    /// Membership and User that they have an object of. The root staff stays if nobody would be left
    #[arg(long)]
    prune: bool,

    /// Takes a notBefore that is more than a day ahead, which is refused else as a wrong year
    #[arg(long)]
    far_ahead: bool,

    /// Goes on where nobody is left who can act as root staff
    #[arg(long)]
    allow_no_root_staff: bool,

    /// Takes users of providers that the settings do not have, such as those of a provider that is still to come
    #[arg(long)]
    allow_unknown_providers: bool,

    /// Changes nothing and says what would be changed
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let settings = &self.settings.load()?;
        for warning in &settings.warnings {
            say(format_args!("warning: {warning}"));
        }
        let file = file_of(settings)?;
        let wanted = files::read(&self.files)?;
        if wanted.is_empty() {
            bail!("no manifests were found, so {NOTHING_DONE}");
        }
        if let Some(namespace) = wanted.namespace()? {
            let namespace = namespace.escape_debug();
            say(format_args!(
                "the namespace {namespace} is not looked at: {} is one realm",
                file.display()
            ));
        }
        self.check_providers(settings, &wanted)?;
        let possible = settings.possible_users();
        let planned = self.carry_out(file, &wanted, &possible)?;
        if !planned.unpruned.is_empty() && planned.unpruned.len() < 3 {
            let kinds: Vec<String> = planned.unpruned.iter().map(ToString::to_string).collect();
            say(format_args!(
                "nothing is pruned of what the manifests have no object of: {}",
                kinds.join(", ")
            ));
        }
        if !planned.kept.is_empty() {
            let kept: Vec<&str> = planned.kept.iter().map(UserId::as_str).collect();
            say(format_args!(
                "the root staff stays, as the manifests name nobody who could act in its place: {}; --allow-no-root-staff takes it away",
                kept.join(", ")
            ));
        }
        for user in &planned.revoked_later {
            say(format_args!(
                "the sessions of {user} were ended later than the manifests say, and stay so"
            ));
        }
        print(self.told(&planned))
    }

    /// A name that no provider has is misspelt, or its users come later.
    fn check_providers(&self, settings: &Settings, wanted: &Wanted) -> anyhow::Result<()> {
        let names = settings.provider_names();
        let unknown = |user: &UserId| names.check_with_clients(user, |id| settings.has_client(id));
        let unknown: Vec<UnknownProvider> =
            wanted.users().into_iter().filter_map(|user| unknown(user).err()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if !self.allow_unknown_providers {
            let hint =
                "users of providers that come later are taken with --allow-unknown-providers";
            let unknown = unknown.into_iter().map(Error::new);
            return Err(files::all(unknown.chain([Error::msg(hint)]).collect()));
        }
        let unknown: BTreeSet<&str> = unknown.iter().map(UnknownProvider::name).collect();
        let (of, unknown) = (settings.file.display(), Vec::from_iter(unknown).join(", "));
        say(format_args!(
            "warning: {of} has no identity provider by the name of {unknown}: its users cannot log in"
        ));
        Ok(())
    }

    /// Makes the changes, or with `--dry-run` none.
    fn carry_out(
        &self,
        file: &Path,
        wanted: &Wanted,
        possible: &PossibleUsers,
    ) -> anyhow::Result<Plan> {
        let rest = if self.prune { Rest::Prune } else { Rest::Keep };
        let root_staff = match self.allow_no_root_staff {
            true => RootStaff::Dispensable,
            false => RootStaff::Needed(possible),
        };
        let planned = |there: &dyn Directory, now: Timestamp| {
            let lacking = |lacks: Vec<_>| files::all(lacks.into_iter().map(Error::new).collect());
            let plan = plan(wanted, there, rest, root_staff, now).map_err(lacking)?;
            if self.far_ahead { Ok(plan) } else { soon_enough(plan, now) }
        };
        // Not even the file is made.
        if self.dry_run && !file.exists() {
            return planned(&Index::default(), now());
        }
        let mut done = None;
        let changed = change_together(file, now, |there, now| {
            let mut plan = planned(there, now)?;
            let changes = std::mem::take(&mut plan.changes);
            done = Some(plan);
            if self.dry_run { Ok(Vec::new()) } else { permits(changes) }
        });
        match changed {
            Err(TogetherError::Plan(error)) => Err(error),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(done.expect("changes come out of a plan")),
        }
    }

    /// A line for each object and for what goes, and how much goes.
    fn told(&self, plan: &Plan) -> String {
        let end = if self.dry_run { " (dry run)\n" } else { "\n" };
        let mut told = String::new();
        let mut counts = [0_usize; 3];
        // Writing to a String never fails.
        for (named, outcome) in &plan.outcomes {
            let _ = write!(told, "{named} {outcome}{end}");
        }
        for pruned in &plan.pruned {
            let (kind, written) = match pruned {
                Pruned::Group(group) => {
                    (0, write!(told, "group/{}", group.as_str().replace('_', "--")))
                }
                Pruned::Member(roster, user) => (1, write!(told, "{user} in {roster}")),
                Pruned::Ban(user) => (2, write!(told, "ban of {user}")),
            };
            counts[kind] += 1;
            let _ = written.and_then(|()| write!(told, " pruned{end}"));
        }
        if self.prune {
            let [groups, members, bans] = counts;
            let _ = write!(told, "pruned: groups {groups}, members {members}, bans {bans}{end}");
        }
        told
    }
}

/// The file that the groups are kept in.
fn file_of(settings: &Settings) -> anyhow::Result<&Path> {
    let of = settings.file.display();
    match &settings.storage {
        Storage::Embedded(file) => Ok(file),
        Storage::Memory => bail!(
            "the groups of {of} are kept in the memory of its server; name a file to keep them in"
        ),
        Storage::Kubernetes(_) => bail!(
            "the groups of {of} are kept in Kubernetes, which takes the same manifests: kubectl apply -f FILE"
        ),
    }
}

/// Refuses a revocation by a wrong year.
fn soon_enough(plan: Plan, now: Timestamp) -> anyhow::Result<Plan> {
    let Some((user, moment)) = plan.far_ahead.first() else { return Ok(plan) };
    let (moment, now) = (rfc3339::write(*moment), rfc3339::write(now));
    bail!(
        "{user}: notBefore is {moment}, more than a day ahead, so {NOTHING_DONE}; a right one is not after {now}, which it is now; \
         --far-ahead takes it all the same"
    )
}

fn permits(changes: Vec<crate::domain::change::Change>) -> anyhow::Result<Vec<Permit>> {
    let operator = Actor::operator();
    changes.into_iter().map(|change| Ok(permit(&operator, change)?)).collect()
}
