//! Proxies that do not lead anywhere: whose fault it is, and what the log says of it.

use pasee::idp::ProviderError;
use pasee::jose::key::Algorithm;
use pasee::outbound::ProxyFault::{self, Away, Credentials, DeadEnd, Refused, Silent};
use serde_json::json;

use super::support::authority::Authority;
use super::support::forge::Forger;
use super::support::kisee::log_in;
use super::support::pasee::Setup;
use super::support::proxy::{Manner, Proxy};
use super::{kisee_at, through, with};

const SECRET: &str = "s3cret-of-pr0xy";

async fn fault(endpoint: &str, proxy: &str) -> ProviderError {
    let forger = Forger::new(Algorithm::Es256);
    let providers = with(kisee_at(endpoint, &forger), &through(proxy), &[]);
    log_in(providers.get("kisee").unwrap()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_fault_it_is() {
    use ProviderError::{InvalidResponse, Unreachable};
    let proxy = Proxy::start().await;
    let fault_of = ProviderError::Proxy;
    // In the clear nobody can tell who answers: 407 alone is a word of proxies.
    let no_home = InvalidResponse("no home document");
    for (manner, with_tls, in_the_clear) in [
        (
            Manner::Answers("407 Proxy Authentication Required"),
            fault_of(Credentials),
            Some(fault_of(Credentials)),
        ),
        (Manner::Answers("403 Forbidden"), fault_of(Refused), None),
        (Manner::Answers("405 Method Not Allowed"), fault_of(Refused), None),
        (Manner::Answers("502 Bad Gateway"), fault_of(DeadEnd), Some(Unreachable)),
        (Manner::Answers("503 Service Unavailable"), fault_of(DeadEnd), Some(Unreachable)),
        (Manner::Answers("504 Gateway Timeout"), fault_of(DeadEnd), Some(Unreachable)),
        (Manner::Closes, fault_of(DeadEnd), Some(Unreachable)),
        (Manner::Hangs, fault_of(Silent), Some(Unreachable)),
        // It knows no such name.
        (Manner::Leads, fault_of(DeadEnd), Some(Unreachable)),
    ] {
        proxy.behaves(manner.clone());
        assert_eq!(fault("https://kisee.invalid/", &proxy.url()).await, with_tls, "{manner:?}");
        let found = fault("http://kisee.invalid/", &proxy.url()).await;
        match in_the_clear {
            Some(wanted) => assert_eq!(found, wanted, "{manner:?}"),
            None => {
                let is_invalid = std::mem::discriminant(&found) == std::mem::discriminant(&no_home);
                assert!(is_invalid, "{manner:?}: {found}");
            }
        }
    }
    for endpoint in ["https://kisee.invalid/", "http://kisee.invalid/"] {
        for scheme in ["http", "https", "socks5", "socks5h"] {
            let nobody = format!("{scheme}://127.0.0.1:1");
            assert_eq!(fault(endpoint, &nobody).await, fault_of(Away), "{endpoint} {nobody}");
        }
    }
}

/// Behind a proxy that leads there it is not the proxy that is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_is_no_fault_of_the_proxy() {
    let (stranger, proxy) = (Authority::new(), Proxy::start().await);
    let script = super::support::kisee::good(&Forger::new(Algorithm::Es256));
    let acceptor = super::certified(&stranger, "kisee.test");
    let server = super::support::raw_server::RawServer::start_tls(script, acceptor).await;
    proxy.knows("kisee.test", server.address);
    let found = fault("https://kisee.test/", &proxy.url()).await;
    assert_eq!(found, ProviderError::Unreachable, "a certificate by a stranger");
    assert_eq!(proxy.asked(), ["CONNECT kisee.test:443"]);
}

/// The line of the log that names a proxy.
fn line(log: &str, fault: ProxyFault) -> &str {
    let fault = fault.to_string();
    log.lines().find(|line| line.contains(&fault)).unwrap_or_else(|| panic!("{fault}: {log}"))
}

/// The program as it runs: who logs in is told that it is not their fault, whoever runs it which proxy said what, and nobody
/// the proxy's password.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told() {
    let (forger, proxy) = (Forger::new(Algorithm::Es256), Proxy::start().await);
    let pem = forger.key.public().to_pem();
    let provider = format!(
        "[[identity_providers]]\nname = \"kisee\"\nprotocol = \"kisee\"\nendpoint = \"https://kisee.test/\"\n\
         [identity_providers.settings]\ntimeout = 2\npublic_keys = [\"\"\"\n{pem}\"\"\"]\n"
    );
    let url = proxy.url_with(&format!("pasee:{SECRET}"));
    let pasee = Setup::default().tables(&provider).variable("HTTPS_PROXY", &url).start().await;
    let named = format!("proxy={}", proxy.url());
    let log = pasee.log();
    let start = log.lines().find(|line| line.contains("called through a proxy")).unwrap();
    assert!(start.contains(&named) && start.contains("HTTPS_PROXY"), "{start}");
    for (manner, fault, status) in [
        (Manner::Answers("407 Proxy Authentication Required"), Credentials, "status=407"),
        (Manner::Answers("403 Forbidden"), Refused, "status=403"),
        (Manner::Answers("502 Bad Gateway"), DeadEnd, "status=502"),
        (Manner::Hangs, Silent, ""),
    ] {
        proxy.behaves(manner);
        let login = json!({ "login": "ada", "password": "pw" });
        let answer = pasee.ask("POST", "/tokens/?idp=kisee").json(&login).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        let told = answer.title();
        assert!(told.contains(&fault.to_string()), "{told}");
        assert!(
            !told.contains(&proxy.address.port().to_string()),
            "what is inside stays there: {told}"
        );
        let log = pasee.log();
        let line = line(&log, fault);
        assert!(line.contains(&named) && line.contains(status) && line.contains("kisee"), "{line}");
    }
    assert!(!pasee.log().contains(SECRET), "{}", pasee.log());
}
