//! Whether whoever listens where a server would is that server, running already.
//!
//! By its certificate, or by the key that it publishes. Must not believe anything else that is said there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
};

use crate::cli::keys;
use crate::jose::key::Algorithm;
use crate::settings::{Settings, Tls};

/// Longest wait.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

pub(super) async fn is_this_server(address: SocketAddr, settings: &Settings) -> bool {
    let asked = async {
        let stream = TcpStream::connect(from_here(address)).await.ok()?;
        match &settings.tls {
            Some(files) => shows_certificate(stream, files).await,
            None => publishes_key(stream, settings).await,
        }
    };
    timeout(PATIENCE, asked).await.ok().flatten().is_some()
}

/// Where an address that stands for all is reached.
fn from_here(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(host, address.port())
}

/// Whether it publishes the key that is signed with.
async fn publishes_key(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    settings: &Settings,
) -> Option<()> {
    let kept = match settings.keys.private.clone() {
        Some(key) => key,
        None => keys::directory(settings).signing_key().ok()??,
    };
    let (id, algorithm) = (kept.public().id(), kept.algorithm());
    let set = if algorithm == Algorithm::Es256k { "jwks-es256k" } else { "jwks" };
    let request = format!(
        "GET /.well-known/{set}.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    answer.contains(&format!("\"kid\":\"{id}\"")).then_some(())
}

/// Whether it has the certificate of the settings, and its key.
async fn shows_certificate(stream: TcpStream, files: &Tls) -> Option<()> {
    let certificate = CertificateDer::from_pem_file(&files.certificate).ok()?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let only = Only { certificate, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(only))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok().map(drop)
}

/// Takes one certificate, whatever name it is for and whoever issued it.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
