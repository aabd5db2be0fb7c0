//! A Pasee behind TLS by an authority that nobody else knows, an API server that believes it, and people with kubectl.
//!
//! Must not know what is tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::support::authority::Authority;
use super::support::controlplane::ControlPlane;
use super::support::pasee::{Pasee, Setup, free_port};
use super::support::person::{Person, Running};
use super::support::wanderer::Wanderer;

/// Longer than an API server takes to look at an issuer, which it does every ten seconds at first.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage {
    pub runtime: Runtime,
    pub pasee: Pasee,
    pub cluster: ControlPlane,
    /// What a person's programs believe: of both servers.
    authorities: PathBuf,
    admin: String,
    _folder: TempDir,
}

/// docs/kubernetes.md.
pub fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kubernetes.md")).unwrap()
}

/// The only block of the page in this language that has something in it, without what it is indented by.
#[track_caller]
pub fn block(language: &str, part: &str) -> String {
    let page = page();
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<&str> = blocks.filter(|block| block.contains(part)).collect();
    let [found] = found.as_slice() else { panic!("{part}: {found:?}") };
    let lines: Vec<&str> = found.lines().map(str::trim_end).collect();
    let indent = lines.iter().filter(|line| !line.is_empty());
    let indent = indent.map(|line| line.len() - line.trim_start().len()).min().unwrap();
    lines.iter().map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n").collect()
}

impl Stage {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (certificate, key) = authority.server();
        let files = ["tls.pem", "tls.key"].map(|name| folder.path().join(name));
        fs::write(&files[0], certificate).unwrap();
        fs::write(&files[1], key).unwrap();
        let admin = format!("127.0.0.1:{}", free_port());
        let mut pasee = runtime.block_on(
            Setup::default()
                .members("articles.drafts", ["local-ada"])
                .members("articles.drafts.staff", ["local-john"])
                .tables(&format!("[admin]\nlisten = \"{admin}\"\n"))
                .start(),
        );
        // The settings that the page shows, with another place.
        let shown = block("toml", "audience = \"kubernetes\"");
        let url = format!("https://{}", pasee.address);
        let shown = shown.replace("https://pasee.example.com", &url);
        let (top, jwt) = shown.split_once("[jwt]\n").unwrap();
        let [tls, key] = files.each_ref().map(|file| file.display());
        runtime.block_on(pasee.restart(|settings| {
            let settings = settings
                .replace("[jwt]\niss = \"pasee.example.com\"\n", &format!("[jwt]\n{jwt}\n"));
            format!("{top}\n{settings}\n[tls]\ncertificate = \"{tls}\"\nkey = \"{key}\"\n")
        }));
        pasee.url.clone_from(&url);
        let believed = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
        pasee.client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .tls_certs_only([believed])
            .build()
            .unwrap();
        let cluster = believing(&url, &authority, folder.path());
        let authorities = folder.path().join("authorities.pem");
        fs::write(&authorities, format!("{}{}", authority.pem, cluster.ca_pem)).unwrap();
        let this = Self { runtime, pasee, cluster, authorities, admin, _folder: folder };
        this.cluster.admin.kubectl(["create", "namespace", "drafts"]).ok();
        this
    }

    /// Somebody with kubectl, pasee and a desktop that opens pages.
    pub fn person(&self) -> Person {
        let bundle = self.authorities.display().to_string();
        let person = Person::new().with("SSL_CERT_FILE", bundle);
        let kubectl = self.cluster.programs().join("kubectl");
        person.has(&[Path::new(env!("CARGO_BIN_EXE_pasee")), &kubectl]);
        let opened = person.home().join("opened");
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> {}\n", opened.display());
        person.has_program("xdg-open", &script);
        person
    }

    /// What each person types once, as the page says.
    pub fn begin(&self, person: &Person, name: &str) {
        let typed = block("sh", "pasee kubeconfig")
            .replace("https://pasee.example.com", &self.pasee.url)
            .replace("https://kubernetes.example.com:6443", &self.cluster.url);
        let running = person.types(&typed);
        self.browse(person, &running, 0, name);
        running.wait().done();
        // No other is used in a configuration that was not there.
        let since = Instant::now();
        loop {
            let did = person.types("kubectl auth whoami -o json").wait();
            if did.code == 0 {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{did:?} {}", self.cluster.apiserver.log());
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Logs in on the page that was opened as the one of this number.
    pub fn browse(&self, person: &Person, running: &Running, number: usize, name: &str) {
        let page = running.says(|_| opened(person).get(number).cloned());
        self.runtime.block_on(async {
            let mut browser = Wanderer::default();
            let asked = browser.open(&self.pasee, &page).await.page();
            let back = browser.give(&self.pasee, &asked, name).await.elsewhere();
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            client.get(back).send().await.unwrap();
        });
    }

    /// How often something was answered so, as Pasee counts it.
    pub fn answered(&self, route: &str, status: u16) -> u64 {
        let place = format!("http://{}/metrics", self.admin);
        let metrics = self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            client.get(place).send().await.unwrap().text().await.unwrap()
        });
        let labels = format!("pasee_http_requests_total{{route=\"{route}\",status=\"{status}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&labels));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Whom the API server takes somebody for.
    pub fn whoami(&self, person: &Person) -> Value {
        let told = person.types("kubectl auth whoami -o json").wait().done();
        let told: Value = serde_json::from_str(&told).unwrap();
        told["status"]["userInfo"].clone()
    }
}

/// The pages that were opened so far.
pub fn opened(person: &Person) -> Vec<String> {
    let pages = fs::read_to_string(person.home().join("opened")).unwrap_or_default();
    pages.lines().map(str::to_owned).collect()
}

/// An API server with the configuration that the page shows.
fn believing(url: &str, authority: &Authority, folder: &Path) -> ControlPlane {
    let shown = block("yaml", "kind: AuthenticationConfiguration");
    let mut configuration: Value = serde_saphyr::from_str(&shown).unwrap();
    let issuer = &mut configuration["jwt"][0]["issuer"];
    assert_eq!(issuer["url"], "https://pasee.example.com");
    issuer["url"] = json!(url);
    issuer["certificateAuthority"] = json!(authority.pem);
    let file = folder.join("authentication.yaml");
    fs::write(&file, configuration.to_string()).unwrap();
    ControlPlane::start(&[format!("--authentication-config={}", file.display()).into()])
}
