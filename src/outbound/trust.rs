//! Whose word is taken for who a server is, and why nobody can be called at all.
//!
//! Must not know what is made of certificates.

use std::io;
use std::path::PathBuf;

use url::Url;

use super::proxy::{Proxies, ProxyServer};
use super::variables::BadVariable;

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The authority's certificates cannot be read.
    #[error("ca_file {file} cannot be read", file = .0.display())]
    ReadAuthority(PathBuf, #[source] io::Error),
    /// They are no certificates.
    #[error("ca_file {file} holds no certificate; a right one is PEM with BEGIN CERTIFICATE", file = .0.display())]
    ParseAuthority(PathBuf),
    /// The TLS library found no way to start.
    #[error(
        "no HTTPS client can be made; it takes certificate authorities, those of the system (often the package \
         ca-certificates) or those of a ca_file"
    )]
    Client(#[source] reqwest::Error),
    /// The same, where it is not for HTTPS.
    #[error(
        "no TLS can be made; it takes certificate authorities, those of the system (often the package ca-certificates) or \
         those of a ca_file"
    )]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// The environment names something as a proxy that is none.
    #[error(transparent)]
    Proxy(#[from] BadVariable),
    /// No name that a certificate can hold.
    #[error("{0:?} is no name or address that a certificate can hold")]
    ServerName(String),
}

/// Whose word is taken for who a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody's: calls are made in the clear, and a system without authorities will do.
    Nobody,
    /// The system's authorities'.
    System,
    /// Those and the ones in files.
    SystemAnd(Vec<PathBuf>),
}

impl Trust {
    /// What calls to these places through these proxies take, with what files of authorities add.
    pub fn of<'u>(
        files: Vec<PathBuf>,
        places: impl IntoIterator<Item = &'u Url>,
        proxies: &Proxies,
    ) -> Self {
        if !files.is_empty() {
            return Self::SystemAnd(files);
        }
        let is_clear = |place: &Url| {
            let proxy = place.host_str().and_then(|host| proxies.through(place.scheme(), host));
            place.scheme() == "http" && !proxy.is_some_and(ProxyServer::is_tls)
        };
        if places.into_iter().all(is_clear) { Self::Nobody } else { Self::System }
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::SystemAnd(files) => files.clone(),
            Self::Nobody | Self::System => Vec::new(),
        }
    }
}
