//! A provider behind TLS that is not who it should be: it never sees a request.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pasee::idp::{ProviderError, Providers};
use pasee::jose::key::Algorithm;
use pasee::settings::{IdentityProvider, Protocol};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;

use super::support::authority::{Authority, acceptor, right};
use super::support::forge::Forger;
use super::support::kisee::{self, log_in};
use super::support::raw_server::{RawServer, Request, Script, Step};
use super::{SLACK, TIMEOUT};

fn settings(server: &RawServer, forger: &Forger, ca_file: Option<&Path>) -> IdentityProvider {
    let endpoint = format!("https://{}/", server.address);
    let mut settings =
        kisee::settings("kisee", &endpoint, vec![forger.key.public().clone()], TIMEOUT);
    if let Protocol::Kisee(kisee) = &mut settings.protocol {
        kisee.ca_file = ca_file.map(Path::to_owned);
    }
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_certificate() {
    let forger = Forger::new(Algorithm::Es256k);
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &authority.pem).unwrap();
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = right();
        change(&mut params);
        authority.certify(&params)
    };
    let own_key = KeyPair::generate().unwrap();
    let self_signed = right().self_signed(&own_key).unwrap();
    let name =
        |name: &str| authority.certify(&CertificateParams::new(vec![name.to_owned()]).unwrap());
    let cases: Vec<(&str, TlsAcceptor, bool)> = vec![
        ("right", authority.certify(&right()), true),
        ("of another address", name("127.0.0.2"), false),
        ("of another name", name("kisee.example.com"), false),
        ("of a name that looks like the address", name("127.0.0.1.example.com"), false),
        ("without a name", with(|params| params.subject_alt_names.clear()), false),
        ("expired", with(|params| params.not_after = date_time_ymd(2020, 1, 1)), false),
        ("to come", with(|params| params.not_before = date_time_ymd(2100, 1, 1)), false),
        (
            "for clients",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            false,
        ),
        ("by a stranger", stranger.certify(&right()), false),
        ("by itself", acceptor(&self_signed, &own_key), false),
    ];
    for (name, acceptor, believed) in cases {
        let requests = Arc::new(AtomicUsize::new(0));
        let (good, seen) = (kisee::good(&forger), Arc::clone(&requests));
        let script: Script = Arc::new(move |request: &Request| {
            seen.fetch_add(1, Ordering::SeqCst);
            good(request)
        });
        let server = RawServer::start_tls(script, acceptor).await;
        for trusted in [Some(ca_file.as_path()), None] {
            let providers = Providers::new(&[settings(&server, &forger, trusted)]);
            // Without authorities of its own, a system can make no client for HTTPS at all.
            let Ok(providers) = providers else { continue };
            let result = log_in(providers.get("kisee").unwrap()).await;
            if believed && trusted.is_some() {
                assert!(result.is_ok(), "{name}: {result:?}");
            } else {
                assert_eq!(result.unwrap_err(), ProviderError::Unreachable, "{name}");
            }
        }
        let expected = if believed { 2 } else { 0 };
        assert_eq!(
            requests.load(Ordering::SeqCst),
            expected,
            "requests to one whose certificate is {name}"
        );
    }
}

/// Servers that never get as far as a certificate.
#[tokio::test(flavor = "multi_thread")]
async fn no_handshake() {
    let forger = Forger::new(Algorithm::Es256k);
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &authority.pem).unwrap();
    let alert = [0x15, 3, 3, 0, 2, 2, 40];
    let greetings: [&[u8]; 4] =
        [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", &alert, &[0x16, 3, 3, 0xff, 0xff]];
    for greeting in greetings {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let greeting = greeting.to_vec();
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Says its piece, then neither reads nor closes.
                let _ = stream.try_write(&greeting);
                open.push(stream);
            }
        });
        let mut settings = kisee::settings(
            "kisee",
            &format!("https://{address}/"),
            vec![forger.key.public().clone()],
            TIMEOUT,
        );
        if let Protocol::Kisee(kisee) = &mut settings.protocol {
            kisee.ca_file = Some(ca_file.clone());
        }
        let providers = Providers::new(&[settings]).unwrap();
        let started = Instant::now();
        let result = log_in(providers.get("kisee").unwrap()).await;
        assert_eq!(result.unwrap_err(), ProviderError::Unreachable);
        assert!(started.elapsed() < TIMEOUT + SLACK);
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_are_none() {
    let forger = Forger::new(Algorithm::Es256k);
    let server = RawServer::start(Arc::new(|_: &Request| vec![Step::Close])).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let setup = || Providers::new(&[settings(&server, &forger, Some(&file))]);
    let reason = |error: &dyn std::error::Error| error.to_string();
    assert!(reason(&setup().unwrap_err()).contains("cannot be read"));
    for text in ["", "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        std::fs::write(&file, text).unwrap();
        assert!(reason(&setup().unwrap_err()).contains("holds no certificate"), "{text}");
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&file, broken).unwrap();
    assert!(setup().is_err());
}
