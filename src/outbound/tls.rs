//! TLS for calls that are not HTTP: who a server has to be, by the authorities that the HTTP client believes too. A file of
//! authorities that changes is read again.
//!
//! Must not know what is said through it.

use std::sync::Arc;
use std::{fmt, io};

use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::authorities::Believing;
use super::trust::{ClientError, Trust};

/// Makes connections to one server safe.
pub struct TlsClient {
    name: ServerName<'static>,
    connector: Believing<TlsConnector>,
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
    pub fn new(host: &str, trust: Trust) -> Result<Self, ClientError> {
        Self::offering(host, trust, &[])
    }

    /// The same, which offers these protocols (RFC 7301), the best first.
    ///
    /// # Errors
    /// The same.
    pub fn offering(host: &str, trust: Trust, protocols: &[&[u8]]) -> Result<Self, ClientError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ClientError::ServerName(host.to_owned()))?;
        let offered: Vec<Vec<u8>> = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let make = move |authorities: &[CertificateDer<'static>]| connector(authorities, &offered);
        Ok(Self { name, connector: Believing::new(trust.files(), make)? })
    }

    /// Makes a connection safe, or says why it is not.
    ///
    /// # Errors
    /// What went wrong with the connection, the protocol or the certificate.
    pub async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.look_again().await;
        self.connector.get().connect(self.name.clone(), stream).await
    }
}

fn connector(
    authorities: &[CertificateDer<'static>],
    offered: &[Vec<u8>],
) -> Result<TlsConnector, ClientError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let extra = authorities.iter().cloned();
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.map_err(ClientError::Tls)?))
        .with_no_client_auth();
    config.alpn_protocols = offered.to_vec();
    Ok(TlsConnector::from(Arc::new(config)))
}
