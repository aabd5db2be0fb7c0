//! The program: what `check` and the log say of proxies, what is refused at the start, and logins through them.

use serde_json::json;

use super::support::machine::{Machine, SETTINGS, wait};
use super::support::oauth::OAuthProvider;
use super::support::oauth::browser::Browser;
use super::support::oauth::wire::Kind;
use super::support::pasee::Setup;
use super::support::proxy::Proxy;

/// Settings with a Kisee elsewhere.
fn elsewhere(more: &str) -> String {
    let settings = SETTINGS.replace("http://127.0.0.1:9/", "https://kisee.test/");
    let (head, tail) = settings.split_once("public_keys").unwrap();
    format!("{head}{more}\npublic_keys{tail}")
}

/// What `check` says with some variables in its environment.
fn check(settings: &str, given: &[(&str, &str)]) -> (i32, String) {
    let machine = Machine::new(settings);
    machine.write("proxy.txt", "http://ada:s3cret@files.test:3128\n");
    machine.set_mode("proxy.txt", 0o600);
    let mut command = machine.command(&["check"]);
    command.envs(given.iter().copied());
    let ran = wait(command);
    (ran.code, ran.out + &ran.err)
}

#[test]
fn check_says_which_proxy() {
    let outbound = |lines: &str| format!("{}\n[outbound]\n{lines}\n", elsewhere(""));
    let environment = [("HTTPS_PROXY", "http://ada:s3cret@env.test:3128")];
    let by_environment =
        "- kisee is called through the proxy http://env.test:3128 (HTTPS_PROXY).\n";
    for (settings, given, says) in [
        (elsewhere(""), &environment[..], vec![by_environment]),
        (
            elsewhere(""),
            &[("all_proxy", "env.test")],
            vec!["kisee is called through the proxy http://env.test:1080 (all_proxy)"],
        ),
        (
            elsewhere("proxy = \"https://ada:s3cret@own.test:443\""),
            &environment,
            vec![
                "; called through the proxy https://own.test:443",
                "kisee is called through the proxy https://own.test:443 (proxy of the provider)",
            ],
        ),
        (
            elsewhere("proxy_file = \"proxy.txt\""),
            &[],
            vec![
                "kisee is called through the proxy http://files.test:3128 (proxy of the provider)",
            ],
        ),
        (
            outbound("proxy_file = \"proxy.txt\"\nno_proxy = [\"a.test\", \"10.0.0.0/8\"]"),
            &environment,
            vec![
                "- Calls identity providers through the proxy http://files.test:3128.",
                "- Calls this machine directly, whatever the proxy, and a.test, 10.0.0.0/8.",
                "kisee is called through the proxy http://files.test:3128 ([outbound] proxy)",
            ],
        ),
        (
            elsewhere(""),
            &[("HTTPS_PROXY", "http://env.test:1"), ("NO_PROXY", "a.test:443,*.b.test")],
            vec![
                "kisee is called through the proxy http://env.test:1",
                "\"a.test:443\" in NO_PROXY fits nothing",
                "\"*.b.test\" in NO_PROXY",
            ],
        ),
    ] {
        let (code, said) = check(&settings, given);
        assert_eq!(code, 0, "{said}");
        for says in says {
            assert!(said.contains(says), "{said}\ndoes not say\n{says}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    }
    for (settings, given) in [
        (elsewhere(""), vec![]),
        (elsewhere("proxy = \"none\""), environment.to_vec()),
        (outbound("proxy = \"none\""), environment.to_vec()),
        (outbound("no_proxy = [\"*\"]"), environment.to_vec()),
        (elsewhere(""), [&environment[..], &[("no_proxy", "test")]].concat()),
        // On this machine.
        (
            SETTINGS.to_owned(),
            vec![("all_proxy", "http://env.test:1"), ("https_proxy", "no proxy")],
        ),
    ] {
        let (code, said) = check(&settings, &given);
        assert_eq!(code, 0, "{said}");
        assert!(!said.contains("is called through the proxy"), "{said}");
    }
}

/// What `serve` would refuse, and what `check` refuses likewise.
#[test]
fn what_is_no_proxy() {
    for command in ["check", "serve"] {
        let machine = Machine::new(&elsewhere(""));
        let mut command = machine.command(&[command]);
        command.env("HTTPS_PROXY", "http://ada:s3cret@");
        let ran = wait(command);
        let told = ran.err + &ran.out;
        assert_eq!(ran.code, 1, "{told}");
        assert!(
            told.contains("HTTPS_PROXY in the environment is no proxy; a right one is"),
            "{told}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
    let right = "is no proxy; right ones are \"http://proxy.example.com:3128\"";
    let far = "leads away from this machine, on which the provider is";
    for (settings, says) in [
        (elsewhere("proxy = \"proxy.test:3128\""), right),
        (elsewhere("proxy = \"http://ada:s3cret@proxy.test\""), right),
        (elsewhere("proxy = \"ftp://ada:s3cret@proxy.test:1\""), right),
        (elsewhere("proxy = \"http://ada:s3cret@proxy.test:1/path\""), right),
        (elsewhere("proxy = \"\""), right),
        (
            elsewhere("proxy = \"none\"\nproxy_file = \"proxy.txt\""),
            "proxy_file: stands beside proxy",
        ),
        (elsewhere("proxy_file = \"nothing.txt\""), "nothing.txt cannot be read"),
        (elsewhere("proxi = \"none\""), "the nearest known one is proxy"),
        (
            format!("{SETTINGS}\n[outbound]\nno_proxy = [\"a.test:1\"]"),
            "outbound.no_proxy[0]: is nothing that is called directly",
        ),
        (
            format!("{SETTINGS}\n[outbound]\nno_proxy = [\"*\", \"a\"]"),
            "outbound.no_proxy[0]: is nothing",
        ),
        (
            format!("{SETTINGS}\n[outbound]\nno_proxy = \"a\""),
            "this is a text; a right one is a list",
        ),
        (format!("{SETTINGS}\n[outbound]\nnoproxy = []"), "the nearest known one is no_proxy"),
        (format!("{SETTINGS}\n[outbound]\nca_file = \"\""), "outbound.ca_file: is no path"),
        (
            format!("{SETTINGS}\n[outbound]\nca_file = \"nothing.pem\""),
            "ca_file nothing.pem cannot be read",
        ),
        (SETTINGS.replace("public_keys", "proxy = \"http://proxy.test:1\"\npublic_keys"), far),
        (
            format!(
                "{SETTINGS}\n[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n\
                 [identity_providers.settings]\naudience = \"a\"\nproxy = \"none\"\n"
            ),
            "proxy: is not known here: proxy-url in a kubeconfig says",
        ),
        (
            format!(
                "{SETTINGS}\n[[identity_providers]]\nname = \"d\"\nprotocol = \"ldap\"\nendpoint = \"ldaps://d.test\"\n\
                 [identity_providers.settings]\nproxy = \"none\"\n"
            ),
            "proxy: is not known here: LDAP is no HTTP",
        ),
    ] {
        let (code, told) = check(&settings, &[]);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(says), "{told}\ndoes not say\n{says}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// A file with a proxy's password in it is to be closed to others.
#[test]
fn passwords_of_proxies_are_secrets() {
    for (line, is_secret) in [
        ("proxy = \"http://ada:s3cret@proxy.test:3128\"", true),
        ("proxy = \"http://proxy.test:3128\"", false),
        ("proxy_file = \"proxy.txt\"", false),
    ] {
        let settings = format!("[jwt]\niss = \"pasee.example.com\"\n[outbound]\n{line}\n");
        let machine = Machine::new(&settings);
        machine.write("proxy.txt", "http://ada:s3cret@proxy.test:3128");
        machine.set_mode("proxy.txt", 0o600);
        machine.set_mode("settings.toml", 0o644);
        let said = machine.run(&["check"]);
        let said = said.out + &said.err;
        assert_eq!(said.contains("other users may read it"), is_secret, "{line}: {said}");
    }
}

/// A login in a browser at a provider of OAuth 2.0, all of whose answers come through a proxy that asks for a password.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_a_browser() {
    let (provider, proxy) = (OAuthProvider::start(Kind::GitLab).await, Proxy::start().await);
    proxy.asks_for("ada:s3cret");
    let settings = provider.settings("gitlab", "");
    let line = "[identity_providers.settings]\n";
    let own = format!("{line}proxy = \"{}\"\n", proxy.url_with("ada:s3cret"));
    assert_eq!(settings.matches(line).count(), 1, "{settings}");
    let pasee = Setup::default().tables(&settings.replace(line, &own)).start().await;
    provider.register(&format!("{}/tokens/?idp=gitlab", pasee.url));
    let answer = Browser::default().log_in(&pasee, "gitlab").await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", pasee.log());
    let asked = proxy.asked();
    let there = format!("http://{}/", provider.server.address);
    assert!(asked.len() >= 2 && asked.iter().all(|asked| asked.contains(&there)), "{asked:?}");
    assert!(!pasee.log().contains("s3cret"));
}

/// Another Pasee, found by a name that only the proxy of the environment knows.
#[tokio::test(flavor = "multi_thread")]
async fn another_pasee() {
    let proxy = Proxy::start().await;
    let inner = Setup::default().issuer("inner.example.com").start().await;
    proxy.knows("inner.test", inner.address);
    let provider = "[[identity_providers]]\nname = \"inner\"\nprotocol = \"pasee\"\nendpoint = \"http://inner.test/\"\n\
                    [identity_providers.settings]\nissuer = \"inner.example.com\"\nidp = \"local\"\n";
    let outer = Setup::default()
        .tables(provider)
        .variable("http_proxy", &proxy.url())
        .variable("no_proxy", "elsewhere.test")
        .start()
        .await;
    let login = json!({ "login": "ada", "password": "pw-ada" });
    outer.ask("POST", "/tokens/?idp=inner").json(&login).await.is(201);
    let asked = proxy.asked();
    assert!(
        asked.iter().any(|asked| asked.starts_with("POST http://inner.test/tokens/")),
        "{asked:?}"
    );
    assert!(
        asked.iter().any(|asked| asked.starts_with("GET http://inner.test/")),
        "its keys: {asked:?}"
    );
    let log = outer.log();
    assert!(log.contains("called through a proxy") && log.contains("(http_proxy)"), "{log}");
}
