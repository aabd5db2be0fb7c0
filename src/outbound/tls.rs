//! TLS for calls that are not HTTP: who a server has to be, by the authorities that the HTTP client believes too. A file of
//! authorities that changes is read again.
//!
//! Must not know what is said through it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use arc_swap::ArcSwap;
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::client::{ClientError, Trust};

/// Makes connections to one server safe.
pub struct TlsClient {
    name: ServerName<'static>,
    ca_file: Option<PathBuf>,
    trusted: ArcSwap<Trusted>,
}

/// Whose word is taken at the moment.
struct Trusted {
    connector: TlsConnector,
    /// The file of authorities as it was when it was read.
    stamp: Option<Stamp>,
}

/// What a file that is written anew has another of: device, inode, length, and when it changed.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(found: &std::fs::Metadata) -> Stamp {
    (found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec())
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TlsClient {
    /// For the server of this name or address, which has to be in its certificate.
    ///
    /// # Errors
    /// [`ClientError`] when the authorities cannot be used.
    pub fn new(host: &str, trust: Trust<'_>) -> Result<Self, ClientError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ClientError::ServerName(host.to_owned()))?;
        let ca_file = match trust {
            Trust::SystemAnd(file) => Some(file.to_owned()),
            Trust::System | Trust::Nobody => None,
        };
        let trusted = Trusted::read(ca_file.as_deref())?;
        Ok(Self { name, ca_file, trusted: ArcSwap::from_pointee(trusted) })
    }

    /// Makes a connection safe, or says why it is not.
    ///
    /// # Errors
    /// What went wrong with the connection, the protocol or the certificate.
    pub async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.look_again().await;
        let connector = self.trusted.load().connector.clone();
        connector.connect(self.name.clone(), stream).await
    }

    /// Reads the file of authorities if it has changed. The old ones stay when the new ones are none.
    async fn look_again(&self) {
        let Some(file) = &self.ca_file else { return };
        let Ok(found) = tokio::fs::metadata(file).await else { return };
        let known = self.trusted.load();
        if known.stamp == Some(stamp(&found)) {
            return;
        }
        match Trusted::read(Some(file)) {
            Ok(trusted) => {
                tracing::info!(file = %file.display(), "authorities read again");
                self.trusted.store(Arc::new(trusted));
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "old authorities kept");
                let connector = known.connector.clone();
                self.trusted.store(Arc::new(Trusted { connector, stamp: Some(stamp(&found)) }));
            }
        }
    }
}

impl Trusted {
    fn read(ca_file: Option<&Path>) -> Result<Self, ClientError> {
        // Before the file is read: whatever is written meanwhile has another stamp.
        let found = ca_file.and_then(|file| std::fs::metadata(file).ok());
        let extra = ca_file.map(authorities).transpose()?.unwrap_or_default();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
        let verifier = verifier.map_err(|error| match ca_file {
            Some(file) => ClientError::ParseAuthority(file.to_owned()),
            None => ClientError::Tls(error),
        })?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, stamp: found.as_ref().map(stamp) })
    }
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let pem =
        std::fs::read(file).map_err(|error| ClientError::ReadAuthority(file.to_owned(), error))?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|authorities| !authorities.is_empty())
        .ok_or_else(|| ClientError::ParseAuthority(file.to_owned()))
}
