//! IPv6 from end to end: where Pasee listens, whom it asks, for whom a proxy in front speaks.

use std::time::{Duration, Instant};

use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::kisee;
use super::support::machine::{Machine, SETTINGS};
use super::support::pasee::free_port;
use super::support::proxy::Proxy;
use super::support::raw_server::RawServer;
use super::{kisee_at, through, with};

/// Whether this machine has IPv6 at all.
fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

/// A proxy is told an address in brackets, as it stands in a URL.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_behind_a_proxy() {
    let (forger, proxy) = (Forger::new(Algorithm::Es256), Proxy::start().await);
    let server = super::kisee_server(&forger).await;
    proxy.knows("[fd00::1]", server.address);
    let providers = with(kisee_at("http://[fd00::1]:8140/", &forger), &through(&proxy.url()), &[]);
    kisee::log_in(providers.get("kisee").unwrap()).await.unwrap();
    assert_eq!(proxy.asked()[0], "GET http://[fd00::1]:8140/");
    let providers = with(kisee_at("https://[fd00::2]/", &forger), &through(&proxy.url()), &[]);
    kisee::log_in(providers.get("kisee").unwrap()).await.unwrap_err();
    assert_eq!(proxy.asked()[2], "CONNECT [fd00::2]:443");
}

/// The program, where there is nothing but IPv6 around it.
#[tokio::test(flavor = "multi_thread")]
async fn the_program() {
    if !has_ipv6() {
        return;
    }
    let forger = Forger::new(Algorithm::Es256);
    let server = RawServer::start_at("[::1]:0", kisee::good(&forger)).await;
    let (port, admin) = (free_port(), free_port());
    let key = forger.key.public().to_pem();
    let settings =
        SETTINGS.split("[[identity_providers]]\nname = \"kisee\"").next().unwrap().to_owned();
    let machine = Machine::new(&format!(
        "host = \"::1\"\nport = {port}\ndrain_delay = 0\n{settings}\
         [[identity_providers]]\nname = \"kisee\"\nprotocol = \"kisee\"\nhost = \"::1\"\nport = {}\n\
         [identity_providers.settings]\npublic_keys = [\"\"\"\n{key}\"\"\"]\n\
         [admin]\nlisten = \"[::1]:{admin}\"\n\
         [limits]\ntrusted_proxies = [\"::1\", \"fd00::/8\"]\n\n",
        server.address.port()
    ));
    let mut child = machine.command(&["serve"]).spawn().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://[::1]:{port}");
    let since = Instant::now();
    let ready = format!("http://[::1]:{admin}/ready");
    while client.get(&ready).send().await.is_err() {
        assert!(since.elapsed() < Duration::from_secs(60), "it does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log_in = async |forwarded: &str| {
        let request = client.post(format!("{url}/tokens/?idp=kisee"));
        let request = request.header("content-type", "application/json");
        let request = request.header("x-forwarded-for", forwarded);
        let login = json!({ "login": "ada", "password": "s3cret-Passw0rd" });
        let answer = request.body(login.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let home = client.get(format!("{url}/tokens/")).header("host", format!("[::1]:{port}"));
    let home: Value =
        serde_json::from_str(&home.send().await.unwrap().text().await.unwrap()).unwrap();
    let place = home["_meta"]["url"].as_str().unwrap();
    assert!(place.starts_with(&format!("{url}/")), "{place}");
    for forwarded in ["2001:db8::1", "[2001:db8::2]:4711", "2001:db8::3, fd00::1"] {
        let (status, text) = log_in(forwarded).await;
        assert_eq!(status, 201, "{text}");
    }
    assert!(server.connections() > 0);
    child.kill().unwrap();
    child.wait().unwrap();
}
