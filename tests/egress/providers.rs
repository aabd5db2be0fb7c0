//! Logins through proxies, one for each way of asking.

use pasee::domain::claim::ClaimName;
use pasee::idp::{Identity, ProviderError, Providers};
use pasee::jose::key::Algorithm;
use pasee::settings::{Outbound, Protocol, ProxyChoice};
use secrecy::ExposeSecret as _;

use super::support::authority::Authority;
use super::support::forge::Forger;
use super::support::kisee::{self, NOW, log_in};
use super::support::openid::{Begun, OpenId, Place};
use super::support::proxy::Proxy;
use super::support::raw_server::RawServer;
use super::{TIMEOUT, certified, choice, kisee_at, kisee_server, kisee_with, through, with};

const USER: &str = "pasee:s3cret-of-pr0xy";

async fn ada(providers: &Providers) -> Result<Identity, ProviderError> {
    log_in(providers.get("kisee").unwrap()).await
}

/// In the clear the proxy is told whom to ask, and resolves the name: nobody else knows it.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_clear() {
    let (forger, proxy) = (Forger::new(Algorithm::Es256), Proxy::start().await);
    let server = kisee_server(&forger).await;
    proxy.knows("kisee.test", server.address);
    proxy.asks_for(USER);
    let url = proxy.url_with(USER);
    let at = |settings: Outbound, given: &[(&str, &str)]| {
        with(kisee_at("http://kisee.test:8140/", &forger), &settings, given)
    };
    for providers in [
        at(through(&url), &[]),
        at(Outbound::default(), &[("http_proxy", url.as_str())]),
        at(Outbound::default(), &[("ALL_PROXY", url.as_str()), ("https_proxy", "http://x:1")]),
    ] {
        let before = proxy.asked().len();
        let identity = ada(&providers).await.unwrap();
        assert_eq!(identity.user.as_str(), "kisee-ada");
        let asked = proxy.asked().split_off(before);
        assert_eq!(asked, ["GET http://kisee.test:8140/", "POST http://kisee.test:8140/jwt/"]);
        assert!(!format!("{providers:?}").contains("s3cret-of-pr0xy"), "no secret shows");
    }
    // In capitals it is a header that anybody may send to a web server, and not believed.
    let before = proxy.asked().len();
    let providers = at(Outbound::default(), &[("HTTP_PROXY", url.as_str())]);
    assert_eq!(ada(&providers).await.unwrap_err(), ProviderError::Unreachable);
    assert_eq!(proxy.asked().len(), before);
}

/// With TLS it leads there and sees nothing more, whichever way it is spoken to itself.
#[tokio::test(flavor = "multi_thread")]
async fn with_tls() {
    let forger = Forger::new(Algorithm::Es256);
    let authority = Authority::new();
    let (_folder, ca_file) = authority.file();
    let server = kisee::good(&forger);
    let server = RawServer::start_tls(server, certified(&authority, "kisee.test")).await;
    let clear = Proxy::start().await;
    let safe = Proxy::start_tls(certified(&authority, "127.0.0.1")).await;
    for (proxy, scheme) in [(&clear, "http"), (&safe, "https")] {
        proxy.knows("kisee.test", server.address);
        proxy.asks_for(USER);
        let url = format!("{scheme}://{USER}@{}", proxy.address);
        let shared = Outbound { ca_file: Some(ca_file.clone()), ..through(&url) };
        let own = kisee_at("https://kisee.test/", &forger);
        let settings = kisee_with(own, Some(&ca_file), choice(&url));
        for providers in [
            with(kisee_at("https://kisee.test/", &forger), &shared, &[]),
            with(settings, &through("http://127.0.0.1:1"), &[("no_proxy", "*")]),
        ] {
            let before = proxy.asked().len();
            ada(&providers).await.unwrap();
            assert_eq!(proxy.asked().split_off(before), ["CONNECT kisee.test:443"]);
        }
    }
}

/// A proxy with TLS in front of a provider without: only the proxy has to be believed.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_clear_through_tls() {
    let (forger, authority) = (Forger::new(Algorithm::Es256), Authority::new());
    let (_folder, ca_file) = authority.file();
    let proxy = Proxy::start_tls(certified(&authority, "127.0.0.1")).await;
    let server = kisee_server(&forger).await;
    proxy.knows("kisee.test", server.address);
    let outbound =
        Outbound { ca_file: Some(ca_file), ..through(&format!("https://{}", proxy.address)) };
    ada(&with(kisee_at("http://kisee.test/", &forger), &outbound, &[])).await.unwrap();
    assert_eq!(proxy.asked().len(), 2);
}

/// What the provider says comes before `[outbound]`, and that before the environment.
#[tokio::test(flavor = "multi_thread")]
async fn who_says_something_counts_first() {
    let forger = Forger::new(Algorithm::Es256);
    let (proxy, server) = (Proxy::start().await, kisee_server(&forger).await);
    proxy.knows("kisee.test", server.address);
    let url = proxy.url();
    let dead = "http://127.0.0.1:1";
    let never = Outbound { proxy: ProxyChoice::Never, ..Outbound::default() };
    let direct = |list: &str| Outbound { no_proxy: Some(vec![list.to_owned()]), ..through(&url) };
    let (there, here) = ("http://kisee.test/".to_owned(), format!("http://{}/", server.address));
    let environment = [("all_proxy", url.as_str())];
    for (endpoint, own, outbound, given, proxied) in [
        (&there, choice(&url), through(dead), vec![("http_proxy", dead)], true),
        (&there, ProxyChoice::Unsaid, through(&url), vec![("http_proxy", dead)], true),
        (&there, ProxyChoice::Unsaid, Outbound::default(), environment.to_vec(), true),
        (&there, ProxyChoice::Unsaid, direct("other.test"), vec![("no_proxy", "*")], true),
        // A proxy on this machine for a provider on this machine, because that was said of it.
        (&here, choice(&url), never.clone(), vec![], true),
        (&here, ProxyChoice::Never, through(dead), environment.to_vec(), false),
        (&here, ProxyChoice::Unsaid, never, environment.to_vec(), false),
        // What is for all is not for this machine.
        (&here, ProxyChoice::Unsaid, through(dead), vec![], false),
        (&here, ProxyChoice::Unsaid, Outbound::default(), vec![("all_proxy", dead)], false),
        // Not even what nobody can read.
        (&here, ProxyChoice::Unsaid, Outbound::default(), vec![("all_proxy", "ftp://x")], false),
    ] {
        let before = proxy.asked().len();
        let said = format!("{endpoint} {own:?} {outbound:?} {given:?}");
        let settings = kisee_with(kisee_at(endpoint, &forger), None, own);
        ada(&with(settings, &outbound, &given))
            .await
            .unwrap_or_else(|error| panic!("{said}: {error}"));
        assert_eq!(proxy.asked().len() > before, proxied, "{said}");
    }
    // What is left out is called directly, and nobody but the proxy knows that name.
    for (outbound, given) in [
        (direct("test"), vec![]),
        (through(&url), vec![("NO_PROXY", "a, .test")]),
        (Outbound::default(), vec![("all_proxy", url.as_str()), ("no_proxy", "kisee.test")]),
    ] {
        let before = proxy.asked().len();
        let providers = with(kisee_at(&there, &forger), &outbound, &given);
        assert_eq!(ada(&providers).await.unwrap_err(), ProviderError::Unreachable);
        assert_eq!(proxy.asked().len(), before, "{outbound:?} {given:?}");
    }
}

/// All that an OpenID provider is asked goes the same way: its document, its keys, the code.
#[tokio::test(flavor = "multi_thread")]
async fn openid_connect() {
    let authority = Authority::new();
    let (_folder, ca_file) = authority.file();
    let openid = OpenId::start_tls("id.test", certified(&authority, "id.test")).await;
    let proxy = Proxy::start().await;
    proxy.knows("id.test", openid.address);
    proxy.asks_for(USER);
    let mut settings = openid.settings("corp", TIMEOUT);
    if let Protocol::Oidc(oidc) = &mut settings.protocol {
        oidc.user_info = true;
    }
    settings.mapping.claims.push("name".parse::<ClaimName>().unwrap().into());
    let outbound = Outbound { ca_file: Some(ca_file), ..through(&proxy.url_with(USER)) };
    let providers = with(settings, &outbound, &[]);
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await.unwrap();
    let claims = openid.claims(&begun.parameter("nonce"), NOW);
    openid.redeems(&openid.forger.token(&openid.forger.header("JWT"), &claims));
    openid.gives(Place::UserInfo, &serde_json::json!({ "sub": "ada", "name": "Ada" }));
    let identity = begun.end(provider, &begun.yes(&openid.issuer), NOW).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-ada");
    for place in [Place::Discovery, Place::Keys, Place::Token, Place::UserInfo] {
        assert_eq!(openid.asked(place), 1, "{place:?}");
    }
    let there = format!("CONNECT id.test:{}", openid.address.port());
    let asked = proxy.asked();
    assert!(!asked.is_empty() && asked.iter().all(|asked| *asked == there), "{asked:?}");
}

/// User and password as they stand in a URL, and as a proxy gets them.
#[tokio::test(flavor = "multi_thread")]
async fn users_with_odd_passwords() {
    let forger = Forger::new(Algorithm::Es256);
    let server = kisee_server(&forger).await;
    for (encoded, plain) in [
        ("ada:pa%40ss%3Aw%25rd", "ada:pa@ss:w%rd"),
        ("corp%5Cada:%23%3F%2F", "corp\\ada:#?/"),
        ("ada:", "ada:"),
        ("ada", "ada:"),
        ("ad%C3%A4:%E2%82%AC", "adä:€"),
    ] {
        let proxy = Proxy::start().await;
        proxy.knows("kisee.test", server.address);
        proxy.asks_for(plain);
        let outbound = through(&proxy.url_with(encoded));
        if let ProxyChoice::Through(proxy) = &outbound.proxy {
            assert!(proxy.url().expose_secret().contains(encoded));
        }
        ada(&with(kisee_at("http://kisee.test/", &forger), &outbound, &[])).await.unwrap();
    }
}

/// A proxy that knows nothing of HTTP. With `socks5h` it resolves names.
#[tokio::test(flavor = "multi_thread")]
async fn socks() {
    let (forger, authority) = (Forger::new(Algorithm::Es256), Authority::new());
    let (_folder, ca_file) = authority.file();
    let (clear, proxy) = (kisee_server(&forger).await, Proxy::start().await);
    let acceptor = certified(&authority, "safe.test");
    let safe = RawServer::start_tls(kisee::good(&forger), acceptor).await;
    proxy.knows("clear.test", clear.address);
    proxy.knows("safe.test", safe.address);
    for user in [None, Some(USER)] {
        let shown = user.map(|user| format!("{user}@")).unwrap_or_default();
        let url = format!("socks5h://{shown}{}", proxy.address);
        if let Some(user) = user {
            proxy.asks_for(user);
        }
        let outbound = Outbound { ca_file: Some(ca_file.clone()), ..through(&url) };
        for (endpoint, asked) in [
            ("http://clear.test/", "SOCKS clear.test:80"),
            ("https://safe.test/", "SOCKS safe.test:443"),
        ] {
            ada(&with(kisee_at(endpoint, &forger), &outbound, &[])).await.unwrap();
            assert_eq!(proxy.asked().last().unwrap(), asked);
        }
    }
    let wrong = through(&format!("socks5h://ada:wr0ng@{}", proxy.address));
    let refused = ada(&with(kisee_at("http://clear.test/", &forger), &wrong, &[])).await;
    assert!(matches!(refused, Err(ProviderError::Proxy(_))), "{refused:?}");
}
