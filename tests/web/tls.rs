//! TLS: both versions of HTTP, broken files, stalled handshakes, a certificate renewed while the server runs.

use std::path::PathBuf;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::pkcs8::{DecodePrivateKey, LineEnding};
use pasee::web::tls::{self, TlsError};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

/// A folder with a certificate for `localhost` and its key.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> (Self, CertificateDer<'static>) {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let certificate = files.renew();
        (files, certificate)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.key(), key.serialize_pem()).unwrap();
        std::fs::write(self.certificate(), certificate.pem()).unwrap();
        certificate.der().clone()
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    fn load(&self) -> Result<tls::Certified, TlsError> {
        tls::load(&self.certificate(), &self.key())
    }

    fn start(&self) -> Server {
        let certificate_check = Duration::from_millis(100);
        start(ConnectionOptions { tls: Some(self.load().unwrap()), certificate_check, ..options() })
    }
}

/// A handshake that trusts one certificate only.
async fn shake(
    server: &Server,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, server.connect().await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken() {
    let (files, certificate) = Files::new();
    let server = files.start();
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        let mut stream = shake(&server, &certificate, protocols).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), protocols.first().copied());
        stream.write_all(get("/").as_bytes()).await.unwrap();
        assert!(rest(&mut stream).await.ends_with("hello 127.0.0.1"));
    }
    let stream = shake(&server, &certificate, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut many = http2(stream).await;
    let body = Bytes::from(vec![b'x'; limits::MAX_BODY]);
    assert_eq!(ask(&mut many, "/body", body).await.unwrap(), (200, "65536 bytes".to_owned()));
    // Clear text is not answered.
    assert!(!server.send(get("/")).await.contains("HTTP"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_handshakes_are_cut() {
    let (files, certificate) = Files::new();
    let server = files.start();
    // A record header that promises more; nothing; a handshake without a request after it.
    for bytes in [&b"\x16\x03\x01\x00\xff\x01"[..], b""] {
        let begun = Instant::now();
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await;
        assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    let mut stream = shake(&server, &certificate, &[]).await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert!(shake(&server, &certificate, &[]).await.is_ok());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_handshakes() {
    let (files, _) = Files::new();
    let server = files.start();
    let mut stalled = server.connect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    server.stop().await;
    rest(&mut stalled).await;
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let (files, first) = Files::new();
    let server = files.start();
    let mut kept = http2(shake(&server, &first, &[b"h2"]).await.unwrap()).await;
    assert_eq!(ask(&mut kept, "/", Bytes::new()).await.unwrap().0, 200);

    // Half of a pair, an empty file, no file: the old pair stays.
    let breakages: [fn(&Files); 3] = [
        |files| {
            let key = KeyPair::generate().unwrap();
            std::fs::write(files.key(), key.serialize_pem()).unwrap();
        },
        |files| std::fs::write(files.certificate(), "").unwrap(),
        |files| std::fs::remove_file(files.key()).unwrap(),
    ];
    for breakage in breakages {
        breakage(&files);
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert!(shake(&server, &first, &[]).await.is_ok());
    }

    let second = files.renew();
    let begun = Instant::now();
    while shake(&server, &second, &[]).await.is_err() {
        assert!(begun.elapsed() < FOREVER);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(shake(&server, &first, &[]).await.is_err());
    assert_eq!(ask(&mut kept, "/", Bytes::new()).await.unwrap().0, 200, "old connections live on");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_kind() {
    let elliptic = KeyPair::generate().unwrap();
    let secret = p256::SecretKey::from_pkcs8_der(elliptic.serialized_der()).unwrap();
    let sec1 = secret.to_sec1_pem(LineEnding::LF).unwrap();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    // The PKCS#1 key is the last thing in the PKCS#8 one, after 26 bytes.
    let pkcs1 = STANDARD.encode(&rsa.serialized_der()[26..]);
    let pkcs1 =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{pkcs1}\n-----END RSA PRIVATE KEY-----\n");
    let (files, _) = Files::new();
    let table = [
        (&elliptic, elliptic.serialize_pem()),
        (&elliptic, sec1.to_string()),
        (&rsa, rsa.serialize_pem()),
        (&rsa, pkcs1),
    ];
    for (pair, pem) in table {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(pair).unwrap();
        std::fs::write(files.certificate(), certificate.pem()).unwrap();
        std::fs::write(files.key(), &pem).unwrap();
        let server = files.start();
        let mut stream = shake(&server, certificate.der(), &[]).await.unwrap();
        stream.write_all(get("/").as_bytes()).await.unwrap();
        assert!(rest(&mut stream).await.ends_with("hello 127.0.0.1"));
        server.stop().await;
    }
}

#[test]
fn files_that_make_no_sense() {
    let (files, _) = Files::new();
    assert!(files.load().is_ok());
    let good = std::fs::read_to_string(files.key()).unwrap();
    let chain = std::fs::read_to_string(files.certificate()).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let large = "x".repeat(2 * 1024 * 1024);
    let no_key = "tls.key holds no key; a right one is PEM";
    let no_certificate = "tls.crt holds no certificate; a right one is PEM";
    let table = [
        (chain.as_str(), "", no_key),
        (&chain, "nonsense", no_key),
        (&chain, &chain, no_key),
        (&chain, &other, "tls.key cannot be used together"),
        (&chain, &large, "tls.key is larger than 1 MiB"),
        ("", &good, no_certificate),
        (&good, &good, no_certificate),
        ("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", &good, no_certificate),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &good,
            "tls.key cannot be used together",
        ),
    ];
    for (certificate, key, expected) in table {
        std::fs::write(files.certificate(), certificate).unwrap();
        std::fs::write(files.key(), key).unwrap();
        let error = files.load().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::remove_file(files.certificate()).unwrap();
    let error = files.load().unwrap_err().to_string();
    assert!(error.contains("tls.crt cannot be read"), "{error}");
}
