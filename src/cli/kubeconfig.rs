//! `pasee kubeconfig`: lets kubectl log in by Pasee, beside whatever else its configuration has.
//!
//! Owns which file that is and how it is written; what is written is in `entries`.

mod entries;

use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use self::entries::{Entries, ServerUrl};
use super::person::issuer::IssuerOption;
use super::{print, say};
use crate::domain::token::Audience;

#[derive(Args, Debug)]
#[command(after_help = "\
  pasee kubeconfig --server https://kubernetes.example.com:6443 --audience kubernetes
  kubectl --context kubernetes.example.com get groups.pasee.meltylab.fr")]
pub(super) struct Kubeconfig {
    /// The API server
    #[arg(long, value_name = "URL")]
    server: ServerUrl,

    /// The audience that the API server wants, as its AuthenticationConfiguration has it
    #[arg(long, value_name = "AUDIENCE")]
    audience: Audience,

    #[command(flatten)]
    issuer: IssuerOption,

    /// The certificates by which the API server is known, in PEM
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,

    /// What the context is called, and the cluster where it is new; else the name of the server's host
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The namespace that the context begins in
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Has kubectl use it from now on; done anyway where no other is used
    #[arg(long = "use")]
    is_used: bool,

    /// The file; else the first that KUBECONFIG names, or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Prints the entries alone and changes no file
    #[arg(long, conflicts_with_all = ["kubeconfig", "is_used"])]
    stdout: bool,
}

impl Kubeconfig {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let place = self.issuer.place()?;
        let authority = self.certificate_authority.as_deref().map(authority).transpose()?;
        let entries = Entries {
            server: self.server.clone(),
            issuer: place.issuer().clone(),
            audience: self.audience.clone(),
            authority,
            name: self.name.clone(),
            namespace: self.namespace.clone(),
        };
        if self.stdout {
            let (merged, _) = entries.merged_into(None, entries::Use::Now)?;
            return print(merged);
        }
        let file = file(self.kubeconfig.as_deref(), |name| env::var_os(name))?;
        let used = if self.is_used { entries::Use::Now } else { entries::Use::IfNoOther };
        let context = change(&file, |before| entries.merged_into(before, used))?;
        say(format_args!("{} has the context {context}", file.display()));
        Ok(())
    }
}

/// Certificates, as a kubeconfig holds them.
fn authority(file: &Path) -> anyhow::Result<String> {
    let shown = file.display();
    let pem = fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        bail!("{shown} holds no certificate; a right one is PEM with BEGIN CERTIFICATE");
    }
    Ok(STANDARD.encode(pem))
}

/// The file that is changed. Of a link, what it leads to.
fn file(
    named: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<PathBuf> {
    let listed = || {
        let list = variable("KUBECONFIG")?;
        env::split_paths(&list).find(|path| !path.as_os_str().is_empty())
    };
    let usual = || variable("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    let file = named.map(Path::to_owned).or_else(listed).or_else(usual);
    let file = file.context("which kubeconfig? Name it with --kubeconfig; HOME is not set")?;
    Ok(fs::canonicalize(&file).unwrap_or(file))
}

/// Changes a file, whole or not at all, while kubectl and others who keep to its lock leave it alone.
fn change(
    file: &Path,
    merged: impl FnOnce(Option<&str>) -> anyhow::Result<(String, String)>,
) -> anyhow::Result<String> {
    let shown = file.display();
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    let lock = Lock::take(file)?;
    let before = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.with_context(|| format!("{shown} cannot be read"))?),
    };
    let mode = fs::metadata(file).map_or(0o600, |found| found.permissions().mode() & 0o777);
    let (text, context) =
        merged(before.as_deref()).with_context(|| format!("{shown} is left as it is"))?;
    let new = lock.beside("pasee-new");
    let cannot = || format!("{shown} cannot be written");
    // What an earlier process left when it was killed.
    let _ = fs::remove_file(&new);
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new);
    let mut opened = opened.with_context(cannot)?;
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all());
    written.and_then(|()| fs::rename(&new, file)).or_else(|error| {
        let _ = fs::remove_file(&new);
        Err(error).with_context(cannot)
    })?;
    Ok(context)
}

/// The lock that kubectl has on a kubeconfig: a file beside it that is there.
struct Lock<'f> {
    file: &'f Path,
}

impl<'f> Lock<'f> {
    fn take(file: &'f Path) -> anyhow::Result<Self> {
        let lock = Self { file };
        let path = lock.beside("lock");
        let shown = path.display();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(lock),
            Err(error) => {
                // It is somebody else's.
                std::mem::forget(lock);
                if error.kind() == ErrorKind::AlreadyExists {
                    bail!(
                        "another program is changing {}; try again, and remove {shown} if nobody is",
                        file.display()
                    );
                }
                Err(error).with_context(|| format!("{shown} cannot be made"))
            }
        }
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.file.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        name.into()
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.beside("lock"));
    }
}
