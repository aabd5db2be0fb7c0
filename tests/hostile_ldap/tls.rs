//! TLS, from the first byte or after StartTLS: who is not believed, and who takes it away, hears no password.

use std::sync::Arc;

use pasee::idp::ProviderError;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;

use crate::support::authority::{Authority, acceptor, right};
use crate::support::ldap::wire::{Question, bound, extended};
use crate::support::ldap::{Directory, Greeting, Spoil, ada, entries, providers};
use crate::support::raw_server::Step;

fn honest() -> Spoil {
    Arc::new(|_: &Question| None)
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Ldaps,
    StartTls,
}

async fn directory(start: Start, acceptor: TlsAcceptor) -> (Directory, String) {
    let greeting = match start {
        Start::Ldaps => Greeting::Tls(acceptor),
        Start::StartTls => Greeting::Clear(Some(acceptor)),
    };
    let directory = Directory::with(entries(), honest(), greeting).await;
    let scheme = if start == Start::Ldaps { "ldaps" } else { "ldap" };
    let endpoint = format!("{scheme}://{}", directory.address);
    (directory, endpoint)
}

/// Whether any password was heard.
fn heard_a_password(directory: &Directory) -> bool {
    directory.asked().iter().any(|asked| matches!(asked, Question::Bind { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_certificate() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (_folder, ca_file) = authority.file();
    let trusted = format!("ca_file = \"{}\"", ca_file.display());
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = right();
        change(&mut params);
        authority.certify(&params)
    };
    let name =
        |name: &str| authority.certify(&CertificateParams::new(vec![name.to_owned()]).unwrap());
    let own_key = KeyPair::generate().unwrap();
    let self_signed = right().self_signed(&own_key).unwrap();
    let cases: Vec<(&str, TlsAcceptor, bool)> = vec![
        ("right", authority.certify(&right()), true),
        ("of another address", name("127.0.0.2"), false),
        ("of another name", name("ldap.example.com"), false),
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
        for start in [Start::Ldaps, Start::StartTls] {
            let (directory, endpoint) = directory(start, acceptor.clone()).await;
            let result = ada(&providers(&endpoint, "", &[&trusted])).await;
            if believed {
                assert!(result.is_ok(), "{name} {start:?}: {result:?}");
            } else {
                assert_eq!(result.unwrap_err(), ProviderError::Unreachable, "{name} {start:?}");
            }
            assert_eq!(heard_a_password(&directory), believed, "{name} {start:?}");
        }
    }
}

/// A file of authorities that is written anew is read again; one that holds none changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_change() {
    let (former, next) = (Authority::new(), Authority::new());
    let (_folder, ca_file) = former.file();
    let (before, endpoint) = directory(Start::Ldaps, former.certify(&right())).await;
    let trusted = format!("ca_file = \"{}\"", ca_file.display());
    let believes_former = providers(&endpoint, "", &[&trusted]);
    assert!(ada(&believes_former).await.is_ok());
    std::fs::write(&ca_file, "no certificate").unwrap();
    assert!(ada(&believes_former).await.is_ok(), "the old ones stay");
    std::fs::write(&ca_file, &next.pem).unwrap();
    assert_eq!(ada(&believes_former).await.unwrap_err(), ProviderError::Unreachable);
    std::fs::write(&ca_file, [former.pem.as_str(), &next.pem].concat()).unwrap();
    let mut tries = 0;
    while ada(&believes_former).await.is_err() {
        tries += 1;
        assert!(tries < 600, "its authority is there again, and nobody notices");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    drop(before);
}

/// Whoever sits between and takes StartTLS away, or says something in the clear to be taken for an answer through TLS.
#[tokio::test(flavor = "multi_thread")]
async fn start_tls_that_does_not_start() {
    let authority = Authority::new();
    let (_folder, ca_file) = authority.file();
    let trusted = format!("ca_file = \"{}\"", ca_file.display());
    let invalid = |error: &ProviderError| matches!(error, ProviderError::InvalidResponse(_));
    let away = |error: &ProviderError| *error == ProviderError::Unreachable;
    type Says = Arc<dyn Fn(u32) -> Vec<Step> + Send + Sync>;
    type Case<'a> = (&'a str, Says, &'a dyn Fn(&ProviderError) -> bool);
    let says = |says: fn(u32) -> Vec<Vec<u8>>| -> Says {
        Arc::new(move |id| vec![Step::Bytes(says(id).concat())])
    };
    let cases: Vec<Case<'_>> = vec![
        ("not supported", says(|id| vec![extended(id, 2)]), &invalid),
        ("not willing", says(|id| vec![extended(id, 53)]), &invalid),
        ("not available", says(|id| vec![extended(id, 52)]), &away),
        ("a referral", says(|id| vec![extended(id, 10)]), &invalid),
        ("an answer to something else", says(|id| vec![extended(id + 1, 0)]), &invalid),
        ("a login", says(|id| vec![bound(id, 0, "")]), &invalid),
        (
            "an answer to the login ahead",
            says(|id| vec![extended(id, 0), bound(id + 1, 0, "")]),
            &invalid,
        ),
        ("one byte ahead", says(|id| vec![extended(id, 0), vec![0x30]]), &invalid),
        ("nothing", Arc::new(|_| vec![Step::Hang]), &away),
        ("an end", Arc::new(|_| vec![Step::Close]), &away),
        ("yes, and no TLS", Arc::new(|id| vec![Step::Bytes(extended(id, 0)), Step::Hang]), &away),
        ("yes, and an end", Arc::new(|id| vec![Step::Bytes(extended(id, 0)), Step::Close]), &away),
    ];
    for (name, says, expected) in cases {
        let spoil: Spoil = Arc::new(move |question: &Question| {
            matches!(question, Question::StartTls { .. }).then(|| says(question.id()))
        });
        let greeting = Greeting::Clear(Some(authority.certify(&right())));
        let directory = Directory::with(entries(), spoil, greeting).await;
        let providers = providers(&format!("ldap://{}", directory.address), "", &[&trusted]);
        let error = ada(&providers).await.unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert_eq!(directory.asked().len(), 1, "{name}: {:?}", directory.asked());
    }
}

/// Half of a handshake, and what is none.
#[tokio::test(flavor = "multi_thread")]
async fn no_handshake() {
    let authority = Authority::new();
    let (_folder, ca_file) = authority.file();
    let trusted = format!("ca_file = \"{}\"", ca_file.display());
    let greetings: [&[u8]; 5] = [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x15, 3, 3, 0, 2, 2, 40],
        &[0x16, 3, 3, 0xff, 0xff],
        &[0x16, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3],
    ];
    for greeting in greetings {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.try_write(greeting);
                open.push(stream);
            }
        });
        let result =
            ada(&providers(&format!("ldaps://{address}"), "", &[&trusted, "timeout = \"1s\""]))
                .await;
        assert_eq!(result.unwrap_err(), ProviderError::Unreachable);
        server.abort();
    }
}
