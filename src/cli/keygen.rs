//! `pasee keygen`: a new key to sign tokens with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::print;
use crate::jose::key::{Algorithm, PrivateKey};

#[derive(Args, Debug)]
pub(super) struct Keygen {
    /// The algorithm to sign with
    #[arg(long, value_enum, default_value = "ES256")]
    algorithm: Choice,

    /// Writes the private key to a new file that only its owner may read, and prints just the public key
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// ECDSA on P-256, understood everywhere
    #[value(name = "ES256")]
    Es256,
    /// RSA with 2048 bits, understood everywhere; slow to sign
    #[value(name = "RS256")]
    Rs256,
    /// ECDSA on secp256k1, as Kisee signs; few understand it
    #[value(name = "ES256K")]
    Es256k,
}

impl Keygen {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let key = PrivateKey::generate(match self.algorithm {
            Choice::Es256 => Algorithm::Es256,
            Choice::Rs256 => Algorithm::Rs256,
            Choice::Es256k => Algorithm::Es256k,
        })?;
        match &self.output {
            Some(file) => keep(file, &key.to_pem())?,
            None => print(&*key.to_pem())?,
        }
        print(key.public().to_pem())
    }
}

/// Writes a file that was not there before, whole or not at all.
fn keep(file: &Path, pem: &str) -> anyhow::Result<()> {
    let shown = file.display();
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut new = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{shown} exists already and is never written over; name a file that does not")
        }
        opened => opened.with_context(|| {
            format!("{shown} cannot be made; a right one is in a directory that you may write")
        })?,
    };
    new.write_all(pem.as_bytes()).and_then(|()| new.sync_all()).or_else(|error| {
        // Half a key is worth nothing, and would be in the way of the next try.
        let _ = std::fs::remove_file(file);
        Err(error).with_context(|| format!("{shown} cannot be written"))
    })
}
