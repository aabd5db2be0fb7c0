//! `pasee export`: writes the groups that a file or a namespace holds as manifests, beside a running server or without one.
//!
//! Must not know what manifests look like.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::settings_file::SettingsFile;
use super::store::cluster;
use super::{now, say};
use crate::domain::membership::{Role, Roster};
use crate::domain::time::Timestamp;
use crate::manifests::{self, Filling, Keeper};
use crate::resources::manifest::{self, Manifest};
use crate::resources::user::UserContent;
use crate::settings::{Settings, Storage};
use crate::store::embedded::Snapshot;
use crate::store::kubernetes::{self, Options};

#[derive(Args, Debug)]
#[command(after_help = "\
The same groups always give the same text. Memberships that have ended are left out of what a file holds. Of a namespace
the objects are written as they are, without what is of that cluster alone: status, UIDs, owners; and without what a deleted
Group has left behind.

  pasee export --output groups.yaml
  pasee export --namespace realm --kubeconfig ~/.kube/config --output groups.yaml
  pasee export --hand-over | kubectl apply -f -      moves all groups to a cluster")]
pub(super) struct Export {
    #[command(flatten)]
    pub(super) settings: SettingsFile,

    /// Writes to a file in place of standard output; it is complete or is not there
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Makes the objects Pasee's own: staff change them over HTTP. Without it only kubectl and the like change them
    #[arg(long)]
    hand_over: bool,

    /// Reads this namespace of Kubernetes, in place of what the settings name
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Reads the cluster of this kubeconfig, in place of what the settings name
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Where the realm is.
enum Source {
    File(Box<Snapshot>),
    Namespace(Vec<Manifest>),
}

impl Export {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let settings = &self.settings.load()?;
        for warning in &settings.warnings {
            say(format_args!("warning: {warning}"));
        }
        let source = match cluster(settings, self.namespace.as_ref(), self.kubeconfig.as_ref()) {
            Some(_) if self.hand_over => bail!(
                "--hand-over is for a file: objects of Kubernetes keep the label that says who changes them"
            ),
            Some(options) => Source::Namespace(listed(options)?),
            None => Source::File(Box::new(Snapshot::open(file_of(settings)?)?)),
        };
        let keeper = if self.hand_over { Keeper::Pasee } else { Keeper::Manifests };
        let Some(path) = &self.output else {
            let written = write(&source, keeper, BufWriter::new(io::stdout().lock()));
            return match written {
                // That nobody reads it any more, as after `| head`, is no mistake.
                Err(Failed::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => written.map_err(|failed| failed.told("standard output")),
            };
        };
        let name = path.display().to_string();
        let is_special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if is_special {
            let file = OpenOptions::new().write(true).open(path);
            let file = file.with_context(|| format!("{name}: cannot be written"))?;
            return write(&source, keeper, BufWriter::new(file))
                .map_err(|failed| failed.told(&name));
        }
        // Where it really is, should the path be a link.
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        replace(&path, |file| write(&source, keeper, BufWriter::new(file)))
            .map_err(|failed| failed.told(&name))
    }
}

fn listed(options: Options) -> anyhow::Result<Vec<Manifest>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the thread to work with cannot be started")?;
    Ok(runtime.block_on(kubernetes::objects(options))?.written())
}

fn write(source: &Source, keeper: Keeper, output: impl Write) -> Result<(), Failed> {
    match source {
        Source::File(snapshot) => write_file(snapshot, keeper, now(), output),
        Source::Namespace(manifests) => {
            let mut stream = Stream { output, result: Ok(()) };
            manifests.iter().for_each(|manifest| stream.write(manifest));
            stream.finish()
        }
    }
}

/// Why there are no manifests.
enum Failed {
    /// They cannot be written where they should go.
    Output(io::Error),
    /// There are none.
    State(anyhow::Error),
}

impl Failed {
    fn told(self, output: &str) -> anyhow::Error {
        match self {
            Self::Output(error) => {
                anyhow::Error::new(error).context(format!("{output}: cannot be written"))
            }
            Self::State(error) => error,
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::State(error)
    }
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

/// Writes a file beside the one there, if there is one, and puts it in its place once it is complete.
fn replace(path: &Path, write: impl FnOnce(File) -> Result<(), Failed>) -> Result<(), Failed> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let kept = file.try_clone()?;
    let done = write(file)
        .and_then(|()| Ok(kept.sync_all()?))
        .and_then(|()| Ok(fs::rename(&beside, path)?));
    if done.is_err() {
        // What matters is why it is not done.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Writes all that a file holds: Groups, parents first; Memberships by roster; Users.
fn write_file(
    snapshot: &Snapshot,
    keeper: Keeper,
    now: Timestamp,
    output: impl Write,
) -> Result<(), Failed> {
    let described = snapshot.groups().context("the groups cannot be read")?;
    let mut stream = Stream { output, result: Ok(()) };
    for (name, description) in &described {
        stream.write(&Manifest::Group(manifests::group(name, description.as_ref())));
    }
    let of_groups = described.into_iter().flat_map(|(group, _)| {
        [Role::Member, Role::Staff].map(|role| Roster::of(group.clone(), role))
    });
    for roster in std::iter::once(Roster::RootStaff).chain(of_groups) {
        let mut filling = Filling::new(roster.clone(), keeper);
        let read = snapshot.members(&roster, now, |user, until| {
            filling
                .add(&user, until)
                .into_iter()
                .map(Manifest::Membership)
                .for_each(|it| stream.write(&it));
        });
        read.with_context(|| format!("the members of {roster} cannot be read"))?;
        filling.finish().into_iter().map(Manifest::Membership).for_each(|it| stream.write(&it));
    }
    let read = snapshot.standings(|user, standing| {
        let user = manifests::user(&UserContent { user, standing }, keeper);
        stream.write(&Manifest::User(user));
    });
    read.context("bans and revocations cannot be read")?;
    if let Some(left_out) = snapshot.left_out() {
        say(format_args!("warning: {left_out}"));
    }
    stream.finish()
}

/// A stream of documents; after the first failure nothing more is written.
struct Stream<W> {
    output: W,
    result: Result<(), Failed>,
}

impl<W: Write> Stream<W> {
    fn write(&mut self, manifest: &Manifest) {
        if self.result.is_ok() {
            self.result = self.document(manifest);
        }
    }

    fn document(&mut self, manifest: &Manifest) -> Result<(), Failed> {
        let text = manifest::write(std::slice::from_ref(manifest)).map_err(anyhow::Error::new)?;
        let text = text.strip_prefix("---\n").unwrap_or(&text);
        Ok(write!(self.output, "---\n{text}")?)
    }

    fn finish(mut self) -> Result<(), Failed> {
        self.result?;
        Ok(self.output.flush()?)
    }
}
