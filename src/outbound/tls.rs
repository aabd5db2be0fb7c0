//! TLS for calls that are not HTTP: who a server has to be, by the authorities that the HTTP client believes too.
//!
//! Must not know what is said through it.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

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
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
    name: ServerName<'static>,
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
        let extra = match trust {
            Trust::SystemAnd(file) => authorities(file)?,
            Trust::System | Trust::Nobody => Vec::new(),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
        let verifier = match (verifier, trust) {
            (Ok(verifier), _) => verifier,
            (Err(_), Trust::SystemAnd(file)) => {
                return Err(ClientError::ParseAuthority(file.to_owned()));
            }
            (Err(error), _) => return Err(ClientError::Tls(error)),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Makes a connection safe, or says why it is not.
    ///
    /// # Errors
    /// What went wrong with the connection, the protocol or the certificate.
    pub async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
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
