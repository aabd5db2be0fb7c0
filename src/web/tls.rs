//! Certificate and key of the server, renewed while it runs.
//!
//! Must not know connections.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use crate::files::{NotRead, read_whole};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Files are not looked at more often than this.
const SHORTEST_CHECK: Duration = Duration::from_millis(50);

/// A certificate chain with its key, read from two files and read again when they change.
#[derive(Debug, Clone)]
pub struct Certified {
    acceptor: Acceptor,
    pair: Arc<Pair>,
}

#[derive(Clone)]
struct Acceptor(tokio_rustls::TlsAcceptor);

/// What new connections get.
#[derive(Debug)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    origin: Origin,
}

/// Where a pair comes from.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// The files, with the fingerprint that they had at the start.
    Files(u64),
    /// Whoever holds it, and replaces it.
    Held,
}

/// Why the pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{file} cannot be read", file = .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file is far too large to be what it should be.
    #[error("{file} is larger than 1 MiB", file = .0.display())]
    TooLarge(PathBuf),
    /// No certificate in it, or a broken one.
    #[error("{file} holds no certificate; a right one is PEM with BEGIN CERTIFICATE, the server's first", file = .0.display())]
    Certificate(PathBuf),
    /// No key in it, or a broken one.
    #[error("{file} holds no key; a right one is PEM with BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY, not encrypted", file = .0.display())]
    Key(PathBuf),
    /// The two do not go together, or are of a kind that is not known.
    #[error("{certificate} and {key} cannot be used together", certificate = .certificate.display(), key = .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library said.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library found no way to start.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// Reads a certificate chain and its key, both PEM; the key as PKCS#8, SEC1 or PKCS#1.
///
/// # Errors
/// When a file cannot be read or makes no sense, or the key is not the certificate's.
pub fn load(certificate: &Path, key: &Path) -> Result<Certified, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let files = Files { certificate: read(certificate)?, key: Zeroizing::new(read(key)?) };
    let origin = Origin::Files(files.fingerprint());
    certified((certificate, key), &files, origin, provider)
}

/// A certificate chain and its key, both PEM, that are in no file; [`Certified::replace`] renews them.
///
/// # Errors
/// As [`load`]; `name` is what errors call them.
pub fn held(name: &str, certificate: &[u8], key: &[u8]) -> Result<Certified, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let name = Path::new(name);
    let files = Files { certificate: certificate.to_vec(), key: Zeroizing::new(key.to_vec()) };
    certified((name, name), &files, Origin::Held, provider)
}

fn certified(
    (certificate, key): (&Path, &Path),
    files: &Files,
    origin: Origin,
    provider: Arc<CryptoProvider>,
) -> Result<Certified, TlsError> {
    let current = files.parse(certificate, key, &provider)?;
    let pair = Arc::new(Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        provider: provider.clone(),
        current: ArcSwap::from_pointee(current),
        origin,
    });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(pair.clone());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certified { acceptor: Acceptor(Arc::new(config).into()), pair })
}

impl Certified {
    /// Does the server's side of the handshake.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.acceptor.0.accept(stream).await
    }

    /// Serves new connections with another chain and key, of the same name.
    ///
    /// # Errors
    /// They make no sense; the old ones stay.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let Pair { certificate: name, provider, current, .. } = &*self.pair;
        let files = Files { certificate: certificate.to_vec(), key: Zeroizing::new(key.to_vec()) };
        current.store(Arc::new(files.parse(name, name, provider)?));
        Ok(())
    }

    /// Looks at the files again and again, and takes what changed. A pair that makes no sense is logged once and the
    /// old one stays. Never ends.
    pub(super) async fn keep_fresh(&self, every: Duration) {
        let Origin::Files(mut seen) = self.pair.origin else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(every.max(SHORTEST_CHECK)).await;
            let files = match self.pair.read().await {
                Ok(files) => files,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "old certificate kept"
                    );
                    continue;
                }
            };
            if std::mem::replace(&mut seen, files.fingerprint()) == seen {
                continue;
            }
            match files.parse(&self.pair.certificate, &self.pair.key, &self.pair.provider) {
                Ok(renewed) => {
                    self.pair.current.store(Arc::new(renewed));
                    tracing::info!(file = %self.pair.certificate.display(), "certificate renewed");
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "old certificate kept"
                    );
                }
            }
        }
    }
}

impl Pair {
    async fn read(&self) -> Result<Files, TlsError> {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        let read = move || {
            let (certificate, key) = (read(&certificate)?, Zeroizing::new(read(&key)?));
            Ok(Files { certificate, key })
        };
        let stopped =
            |_| TlsError::Read(self.certificate.clone(), io::ErrorKind::Interrupted.into());
        tokio::task::spawn_blocking(read).await.map_err(stopped)?
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

/// The two files, unparsed.
struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    fn parse(
        &self,
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| TlsError::Certificate(certificate.to_owned()))?;
        let private =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::Key(key.to_owned()))?;
        CertifiedKey::from_der(chain, private, provider).map_err(|source| TlsError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.certificate.hash(&mut hasher);
        self.key.hash(&mut hasher);
        hasher.finish()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    read_whole(file, MAX_FILE).map_err(|error| match error {
        NotRead::TooLong(_) => TlsError::TooLarge(file.to_owned()),
        other => TlsError::Read(file.to_owned(), other.into()),
    })
}
