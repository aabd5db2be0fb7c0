//! Files of authorities that change while Pasee runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use pasee::idp::{ProviderError, Providers};
use pasee::jose::key::Algorithm;
use pasee::settings::{Outbound, ProxyChoice};

use super::support::authority::{Authority, right};
use super::support::forge::Forger;
use super::support::kisee::{self, log_in};
use super::support::raw_server::{RawServer, Request, Script, Step};
use super::{kisee_at, kisee_with, with};

/// A volume of a ConfigMap as kubelet makes it: files are links through `..data`, which is swapped.
fn mount(volume: &Path, version: &str, pem: &str) {
    let content = volume.join(version);
    fs::create_dir(&content).unwrap();
    fs::write(content.join("ca.pem"), pem).unwrap();
    let (next, data, file) = (volume.join("..next"), volume.join("..data"), volume.join("ca.pem"));
    symlink(version, &next).unwrap();
    fs::rename(next, data).unwrap();
    if fs::symlink_metadata(&file).is_err() {
        symlink("..data/ca.pem", file).unwrap();
    }
}

async fn outcome(providers: &Providers) -> Result<(), ProviderError> {
    log_in(providers.get("kisee").unwrap()).await.map(drop)
}

/// Each connection serves one request, so that each has to be believed anew.
fn impatient(forger: &Forger) -> Script {
    let good = kisee::good(forger);
    Arc::new(move |request: &Request| {
        let mut steps = good(request);
        steps.push(Step::Close);
        steps
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_provider_and_of_all() {
    const AWAY: Result<(), ProviderError> = Err(ProviderError::Unreachable);
    let forger = Forger::new(Algorithm::Es256);
    let (former, next) = (Authority::new(), Authority::new());
    let server = RawServer::start_tls(impatient(&forger), next.certify(&right())).await;
    let endpoint = format!("https://{}/", server.address);
    for is_shared in [false, true] {
        let volume = tempfile::tempdir().unwrap();
        mount(volume.path(), "..1", &former.pem);
        let file = volume.path().join("ca.pem");
        let settings = kisee_at(&endpoint, &forger);
        let providers = if is_shared {
            with(settings, &Outbound { ca_file: Some(file.clone()), ..Outbound::default() }, &[])
        } else {
            let settings = kisee_with(settings, Some(&file), ProxyChoice::Unsaid);
            with(settings, &Outbound::default(), &[])
        };
        assert_eq!(outcome(&providers).await, AWAY, "signed by another");
        mount(volume.path(), "..2", &next.pem);
        assert_eq!(outcome(&providers).await, Ok(()), "swapped");
        for (version, bad) in [("..3", "no certificate"), ("..4", "")] {
            mount(volume.path(), version, bad);
            assert_eq!(outcome(&providers).await, Ok(()), "{bad:?}: the old is kept");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(outcome(&providers).await, Ok(()), "none: the old is kept");
        // In place, too, and what is not believed any more is not believed.
        fs::write(&file, &former.pem).unwrap();
        assert_eq!(outcome(&providers).await, AWAY, "withdrawn");
        fs::write(&file, [former.pem.as_str(), &next.pem].concat()).unwrap();
        assert_eq!(outcome(&providers).await, Ok(()), "both");
    }
}
