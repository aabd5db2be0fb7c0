//! The real program, started on a free port with settings of its own, and a client that speaks to it.
//!
//! Must not know what is tested.
#![allow(clippy::panic, reason = "a test that goes wrong should stop")]

mod ask;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use http::Method;
use pasee::domain::change::Change;
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::WriteError;
use pasee::domain::time::Timestamp;
use pasee::jose::key;
use pasee::store::embedded::Embedded;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub use self::ask::{Answer, Ask};
use super::forge::{Forger, part};

/// The issuer of every Pasee here that is given no other.
pub const ISSUER: &str = "pasee.example.com";
/// Longer than anything here may take but an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any answer may take: what hangs is to hang longer than what is done beside it.
const ANSWER: Duration = Duration::from_secs(60);

/// Longer than any change takes to reach the next token.
const REST: Duration = Duration::from_secs(60);

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// How a Pasee is to be, before it runs. Users of `local` have the password `pw-NAME`; `local-root` is root staff.
pub struct Setup {
    users: Vec<&'static str>,
    roles: Vec<(String, Vec<String>, Option<i64>)>,
    top: String,
    tables: String,
    memory: u32,
    aud: Option<&'static str>,
    issuer: String,
    delay: u32,
    variables: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            users: vec!["root", "ada", "alan", "donald", "john", "you"],
            roles: vec![("staff".to_owned(), vec!["local-root".to_owned()], None)],
            top: String::new(),
            tables: "[limits]\nlogin_attempts_per_user = 0\nlogin_attempts_per_address = 0\n"
                .into(),
            memory: 8,
            aud: None,
            issuer: ISSUER.to_owned(),
            delay: 0,
            variables: Vec::new(),
        }
    }
}

impl Setup {
    /// With lines at the top of the settings.
    pub fn top(mut self, lines: &str) -> Self {
        self.top.push_str(lines);
        self.top.push('\n');
        self
    }

    /// With tables at the end of the settings.
    pub fn tables(mut self, lines: &str) -> Self {
        self.tables.push_str(lines);
        self.tables.push('\n');
        self
    }

    /// With these limits in place of none.
    pub fn limits(mut self, lines: &str) -> Self {
        self.tables = format!("[limits]\n{lines}\n");
        self
    }

    /// With a variable in its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With password hashes that take this much memory, in KiB.
    pub fn memory(mut self, kib: u32) -> Self {
        self.memory = kib;
        self
    }

    /// With so many seconds between SIGTERM and the end of new connections.
    pub fn drain_delay(mut self, seconds: u32) -> Self {
        self.delay = seconds;
        self
    }

    /// With an audience.
    pub fn audience(mut self, audience: &'static str) -> Self {
        self.aud = Some(audience);
        self
    }

    /// With another issuer.
    pub fn issuer(mut self, issuer: &str) -> Self {
        issuer.clone_into(&mut self.issuer);
        self
    }

    /// With users in a group, put there by the operator before the start.
    pub fn members<N: Into<String>>(
        mut self,
        group: &str,
        users: impl IntoIterator<Item = N>,
    ) -> Self {
        self.roles.push((group.to_owned(), users.into_iter().map(Into::into).collect(), None));
        self
    }

    /// With a user in a group until a second.
    pub fn until(mut self, group: &str, user: &str, end: i64) -> Self {
        self.roles.push((group.to_owned(), vec![user.to_owned()], Some(end)));
        self
    }

    /// With a Kisee at an address that registers users and is believed by a key.
    pub fn kisee(self, address: SocketAddr, key: &key::PublicKey) -> Self {
        self.tables(&Self::kisee_table(address, key))
    }

    /// The settings of that Kisee.
    pub fn kisee_table(address: SocketAddr, key: &key::PublicKey) -> String {
        let pem = key.to_pem();
        format!(
            "[[identity_providers]]\nname = \"kisee\"\nprotocol = \"kisee\"\nendpoint = \"http://{address}/\"\n\
             capabilities = [\"register_user\"]\nclaims = [\"email\"]\n\
             [identity_providers.settings]\ntimeout = 2\npublic_keys = [\"\"\"\n{pem}\"\"\"]\n"
        )
    }

    /// The settings of a provider of that name whose users nobody looks for: nothing answers there.
    pub fn absent_provider(name: &str) -> String {
        let forger = Forger::new(key::Algorithm::Es256k);
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let table = Self::kisee_table(address, forger.key.public());
        let table = table.replace("name = \"kisee\"", &format!("name = \"{name}\""));
        table.replace("capabilities = [\"register_user\"]\n", "")
    }

    /// The hash of a user's password `pw-NAME`.
    pub fn hash(name: &str) -> String {
        hash(name, 8)
    }

    fn settings(&self, port: u16, key: &str) -> String {
        let Self { top, tables, issuer, delay, .. } = self;
        let audience = self.aud.map(|aud| format!("audience = \"{aud}\"\n")).unwrap_or_default();
        let users: String = self.users.iter().map(|name| user(name, self.memory)).collect();
        format!(
            "host = \"127.0.0.1\"\nport = {port}\ndrain_delay = {delay}\nprivate_key = \"\"\"\n{key}\"\"\"\n{top}\n\
             [jwt]\niss = \"{issuer}\"\n{audience}\
             [[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\n{users}\n{tables}"
        )
    }

    /// Starts the program; returns when it answers. A port that somebody else took in between is tried once more.
    pub async fn start(self) -> Pasee {
        for _ in 0..3 {
            let mut pasee = self.launch();
            if pasee.answers().await {
                return pasee;
            }
        }
        panic!("no port is free for long enough");
    }

    /// Writes the settings, lets the operator do their part, and starts the program.
    fn launch(&self) -> Pasee {
        let dir = tempfile::tempdir().unwrap();
        let forger = Forger::new(key::Algorithm::Es256);
        let file = dir.path().join("settings.toml");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        fs::write(&file, self.settings(address.port(), &forger.key.to_pem())).unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        prepare(&Embedded::open(&data.join("pasee.db"), clock).unwrap(), &self.roles);
        let log = dir.path().join("log.txt");
        let variables = self.variables.clone();
        let child = run(&file, &log, &variables);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // A connection that is kept would be to the process of before when it is started again.
            .pool_max_idle_per_host(0)
            .timeout(ANSWER)
            .build()
            .unwrap();
        let url = format!("http://{address}");
        Pasee { url, address, forger, client, child, log, variables, aud: self.aud, dir }
    }
}

fn run(settings: &Path, log: &Path, variables: &[(String, String)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pasee"))
        .arg("--settings-file")
        .arg(settings)
        .env_remove("RUST_LOG")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).unwrap())
        .spawn()
        .unwrap()
}

fn clock() -> Timestamp {
    Timestamp::from_unix(now()).unwrap()
}

/// Makes the groups, with all above them, and puts users in them.
fn prepare(store: &Embedded, roles: &[(String, Vec<String>, Option<i64>)]) {
    let write = |change| store.write_blocking(permit(&Actor::operator(), change).unwrap());
    for (roster, users, end) in roles {
        let expires_at = end.and_then(Timestamp::from_unix);
        let roster: Roster = roster.parse().unwrap();
        let chain = std::iter::successors(roster.group().cloned(), GroupName::parent);
        for group in chain.collect::<Vec<_>>().into_iter().rev() {
            let made = write(Change::CreateGroup { group, creator: None });
            assert!(matches!(made, Ok(()) | Err(WriteError::GroupExists)), "{made:?}");
        }
        for user in users {
            let (roster, user) = (roster.clone(), user.parse().unwrap());
            write(Change::AddMember(Membership { roster, user, expires_at })).unwrap();
        }
    }
}

fn hash(name: &str, memory: u32) -> String {
    let params = Params::new(memory, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(format!("pw-{name}").as_bytes(), b"salt for tests")
        .unwrap()
        .to_string()
}

/// The settings of a user of a local identity provider with the password `pw-NAME`, whose hash takes this much memory.
pub fn user(name: &str, memory: u32) -> String {
    let hash = hash(name, memory);
    format!(
        "[[identity_providers.settings.users]]\nusername = \"{name}\"\npassword_hash = \"{hash}\"\n"
    )
}

/// A running Pasee; killed when dropped.
pub struct Pasee {
    /// Where it answers, without a slash at the end.
    pub url: String,
    /// Its socket.
    pub address: SocketAddr,
    /// Holds its signing key.
    pub forger: Forger,
    /// Whoever calls.
    pub client: reqwest::Client,
    child: Child,
    log: PathBuf,
    variables: Vec<(String, String)>,
    aud: Option<&'static str>,
    /// Its settings, data and log.
    pub dir: TempDir,
}

impl Drop for Pasee {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pasee {
    /// Waits until it serves; whether it got its port.
    async fn answers(&mut self) -> bool {
        let start = Instant::now();
        loop {
            let log = self.log();
            if log.contains("serving") {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                assert!(log.contains("another program listens there"), "{log}");
                return false;
            }
            assert!(start.elapsed() < PATIENCE, "{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Another server over the same groups, with the same keys, and with settings that differ in this; it calls itself as this one does.
    pub async fn replica(&self, change: impl Fn(&str) -> String) -> Self {
        let ours = fs::read_to_string(self.dir.path().join("settings.toml")).unwrap();
        let data = self.dir.path().join("data");
        for _ in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let port = format!("port = {}", self.address.port());
            let settings = ours.replacen(&port, &format!("port = {}", address.port()), 1);
            let settings = format!(
                "hostname = \"{}\"\ndata_dir = \"{}\"\n{}",
                self.url,
                data.display(),
                change(&settings)
            );
            let (file, log) = (dir.path().join("settings.toml"), dir.path().join("log.txt"));
            fs::write(&file, settings).unwrap();
            let child = run(&file, &log, &self.variables);
            let mut replica = Self {
                url: format!("http://{address}"),
                address,
                forger: Forger::with_key(&self.forger.key.to_pem()),
                client: self.client.clone(),
                child,
                log,
                variables: self.variables.clone(),
                aud: self.aud,
                dir,
            };
            if replica.answers().await {
                return replica;
            }
        }
        panic!("no port is free for long enough");
    }

    /// Stops it and starts it again, on the same port, with other settings.
    pub async fn restart(&mut self, change: impl Fn(&str) -> String) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let file = self.dir.path().join("settings.toml");
        fs::write(&file, change(&fs::read_to_string(&file).unwrap())).unwrap();
        self.child = run(&file, &self.log, &self.variables);
        assert!(self.answers().await, "{}", self.log());
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, as the system's `kill` names it.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A request, to be completed and sent.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Ask(self.client.request(method, format!("{}{path}", self.url)))
    }

    /// Bytes on a fresh connection, and everything that comes back.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let talk = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // The server may have answered and gone before all is sent.
            let _ = stream.write_all(bytes.as_ref()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        };
        tokio::time::timeout(PATIENCE, talk).await.unwrap()
    }

    /// A login of a user of `local`.
    pub async fn log_in(&self, name: &str) -> Pair {
        self.log_in_within(name, "").await
    }

    /// A login of a user of `local` with a scope.
    pub async fn log_in_within(&self, name: &str, scope: &str) -> Pair {
        let scope = if scope.is_empty() { String::new() } else { format!("&scope={scope}") };
        let answer = self
            .ask("POST", &format!("/tokens/?idp=local{scope}"))
            .json(&json!({ "login": name, "password": format!("pw-{name}") }))
            .await;
        answer.pair()
    }

    /// The groups that the next token of a user of `local` names.
    pub async fn groups(&self, name: &str) -> Value {
        part(&self.log_in(name).await.access, 1)["groups"].take()
    }

    /// Waits until it names these, a minute at most.
    pub async fn becomes(&self, name: &str, wanted: &Value) {
        let start = Instant::now();
        loop {
            let groups = self.groups(name).await;
            if groups == *wanted {
                return;
            }
            let log = self.log();
            assert!(start.elapsed() < REST, "{name} is in {groups}, not {wanted}: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A refresh.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.ask("POST", "/tokens/?refresh").bearer(token).send().await
    }

    /// The claims of an access token of ours, to be spoiled.
    pub fn access_claims(&self, user: &str) -> Value {
        let mut claims = self.common(user, 900);
        claims["groups"] = json!([]);
        claims["client_id"] = json!("pasee-http");
        claims["aud"] = json!([ISSUER]);
        if let Some(aud) = self.aud {
            claims["aud"] = json!([ISSUER, aud]);
        }
        claims
    }

    /// The claims of a refresh token of ours, to be spoiled.
    pub fn refresh_claims(&self, user: &str) -> Value {
        let mut claims = self.common(user, 86_400);
        claims["refresh_token"] = json!(true);
        claims["aud"] = json!(format!("{ISSUER}#refresh"));
        claims
    }

    fn common(&self, user: &str, lifetime: i64) -> Value {
        let (idp, _) = user.split_once('-').unwrap();
        let now = now();
        json!({
            "iss": ISSUER, "sub": user, "iat": now, "nbf": now, "exp": now + lifetime,
            "jti": "forged", "auth_time": now, "idp": idp, "sid": "0".repeat(32),
        })
    }

    /// An access token as Pasee would sign it.
    pub fn forge(&self, claims: &Value) -> String {
        self.forger.token(&self.forger.header("at+jwt"), claims)
    }
}

/// Two tokens.
#[derive(Clone, Debug)]
pub struct Pair {
    pub access: String,
    pub refresh: String,
}
