//! A directory that behaves, to be spoiled one answer at a time, and what Pasee's settings say of it.
//!
//! Speaks LDAP by itself (RFC 4511): it shares nothing with what it is to try. Must not know how it is spoiled.

pub mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pasee::domain::time::Timestamp;
use pasee::idp::{Credential, Identity, PasswordCredential, Provider, ProviderError, Providers};
use pasee::settings::parse;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use self::wire::{Filter, Question};
use super::raw_server::Step;

/// Below which people are.
pub const PEOPLE: &str = "ou=people,dc=example,dc=com";
/// Who searches, and its password.
pub const ACCOUNT: (&str, &str) = ("cn=pasee,dc=example,dc=com", "s3cret-account");
/// Ada, her password and her subject.
pub const ADA: (&str, &str) = ("uid=ada,ou=people,dc=example,dc=com", "lovelace-Passw0rd");
pub const ADA_UUID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

/// The second all these tests happen in.
pub fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub dn: String,
    /// What opens it, if anything does.
    pub password: Option<String>,
    /// What it says.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// An entry with attributes of one value each, or of several with the same name.
    pub fn new(dn: &str, password: Option<&str>, attributes: &[(&str, &str)]) -> Self {
        let mut entry =
            Self { dn: dn.into(), password: password.map(Into::into), attributes: Vec::new() };
        for (name, value) in attributes {
            match entry.attributes.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push((*value).into()),
                None => entry.attributes.push(((*name).into(), vec![(*value).into()])),
            }
        }
        entry
    }

    fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    fn matches(&self, filter: &Filter) -> bool {
        match filter {
            Filter::And(all) => all.iter().all(|filter| self.matches(filter)),
            Filter::Or(any) => any.iter().any(|filter| self.matches(filter)),
            Filter::Not(filter) => !self.matches(filter),
            Filter::Present(name) => name == "objectClass" || !self.values(name).is_empty(),
            Filter::Equal(name, wanted) => {
                self.values(name).iter().any(|value| value.eq_ignore_ascii_case(wanted))
            }
            Filter::Other(_) => false,
        }
    }
}

/// People and groups: Ada is in writers, writers is in staff; Eve is not in anything.
pub fn entries() -> Vec<Entry> {
    let group = |name: &str, members: &[&str], of: &[&str]| {
        let mut attributes = vec![("objectClass", "groupOfNames"), ("cn", name)];
        attributes.extend(members.iter().map(|member| ("member", *member)));
        attributes.extend(of.iter().map(|group| ("memberOf", *group)));
        Entry::new(&format!("cn={name},ou=groups,dc=example,dc=com"), None, &attributes)
    };
    let writers = "cn=writers,ou=groups,dc=example,dc=com";
    let staff = "cn=all-staff,ou=groups,dc=example,dc=com";
    vec![
        Entry::new(ACCOUNT.0, Some(ACCOUNT.1), &[("cn", "pasee")]),
        Entry::new(
            ADA.0,
            Some(ADA.1),
            &[
                ("objectClass", "inetOrgPerson"),
                ("uid", "ada"),
                ("entryUUID", ADA_UUID),
                ("mail", "ada@example.com"),
                ("employeeType", "research"),
                ("userPassword", "{SSHA}never-to-be-seen"),
                ("memberOf", writers),
            ],
        ),
        Entry::new(
            "uid=eve,ou=people,dc=example,dc=com",
            Some("eve-Passw0rd"),
            &[
                ("objectClass", "inetOrgPerson"),
                ("uid", "eve"),
                ("entryUUID", "0b6a5bd4-8a8f-4c5b-9f4e-1c1b6c3f0a11"),
            ],
        ),
        group("writers", &[ADA.0], &[staff]),
        group("all-staff", &[writers], &[]),
    ]
}

/// What becomes of a question: `None` for what a directory that behaves does.
pub type Spoil = Arc<dyn Fn(&Question) -> Option<Vec<Step>> + Send + Sync>;

/// What is done before the first question.
#[derive(Clone)]
pub enum Greeting {
    /// Nothing: it is spoken with in the clear, unless StartTLS is asked for and there is a certificate.
    Clear(Option<TlsAcceptor>),
    /// TLS.
    Tls(TlsAcceptor),
}

/// A listening directory; gone when dropped.
pub struct Directory {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<Question>>>,
    task: JoinHandle<()>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Served {
    entries: Vec<Entry>,
    spoil: Spoil,
    asked: Arc<Mutex<Vec<Question>>>,
    greeting: Greeting,
}

impl Directory {
    /// One that behaves, in the clear.
    pub async fn start() -> Self {
        Self::spoiled(|_| None).await
    }

    /// One that is spoiled, in the clear.
    pub async fn spoiled(
        spoil: impl Fn(&Question) -> Option<Vec<Step>> + Send + Sync + 'static,
    ) -> Self {
        Self::with(entries(), Arc::new(spoil), Greeting::Clear(None)).await
    }

    /// One with all that.
    pub async fn with(entries: Vec<Entry>, spoil: Spoil, greeting: Greeting) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let [connections, open, most] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let served = Arc::new(Served { entries, spoil, asked: Arc::clone(&asked), greeting });
        let (seen, now_open, most_open) =
            (Arc::clone(&connections), Arc::clone(&open), Arc::clone(&most));
        let task = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = seen.fetch_add(1, Ordering::SeqCst);
                let open = now_open.fetch_add(1, Ordering::SeqCst) + 1;
                most_open.fetch_max(open, Ordering::SeqCst);
                let (served, now_open) = (Arc::clone(&served), Arc::clone(&now_open));
                serving.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    greet(stream, &served, number).await;
                    now_open.fetch_sub(1, Ordering::SeqCst);
                });
                while serving.try_join_next().is_some() {}
            }
        });
        Self { address, connections, open, most, asked, task }
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The most that were open at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// All questions so far.
    pub fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

async fn greet(stream: TcpStream, served: &Served, number: usize) {
    match &served.greeting {
        Greeting::Tls(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, served, number).await;
            }
        }
        Greeting::Clear(acceptor) => {
            let Some(stream) = converse(stream, served, number).await else { return };
            let Some(acceptor) = acceptor else { return };
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, served, number).await;
            }
        }
    }
}

/// Until it is over, or TLS is to begin: then the stream comes back.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    served: &Served,
    number: usize,
) -> Option<S> {
    let mut read = Vec::new();
    loop {
        let length = loop {
            if let Some(length) = wire::whole(&read) {
                break length;
            }
            if stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        let bytes: Vec<u8> = read.drain(..length).collect();
        let question = wire::question(&bytes, number);
        served.asked.lock().unwrap().push(question.clone());
        let steps = (served.spoil)(&question).unwrap_or_else(|| served.answer(&question));
        for step in steps {
            match step {
                Step::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Forever(bytes, pause) => loop {
                    stream.write_all(&bytes).await.ok()?;
                    tokio::time::sleep(pause).await;
                },
                Step::Hang => {
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    return None;
                }
                Step::Close => {
                    let _ = stream.shutdown().await;
                    return None;
                }
            }
        }
        match question {
            Question::StartTls { .. } => return Some(stream),
            Question::Unbind { .. } => return None,
            _ => {}
        }
    }
}

impl Served {
    /// As directories do that people should not run: a name without a password is nobody in particular, and welcome.
    fn answer(&self, question: &Question) -> Vec<Step> {
        let bytes = match question {
            Question::StartTls { id } => wire::extended(*id, 0),
            Question::Unbind { .. } => Vec::new(),
            Question::Bind { id, dn, password, .. } => {
                let is_right = password.is_empty()
                    || self.entries.iter().any(|entry| {
                        entry.dn.eq_ignore_ascii_case(dn)
                            && entry.password.as_ref() == Some(password)
                    });
                wire::bound(*id, if is_right { 0 } else { 49 }, "")
            }
            Question::Search { id, base, subtree, filter, attributes, most, .. } => {
                let base = base.to_lowercase();
                let is_in = |entry: &&Entry| {
                    let dn = entry.dn.to_lowercase();
                    dn == base || (*subtree && dn.ends_with(&format!(",{base}")))
                };
                let found: Vec<&Entry> = self
                    .entries
                    .iter()
                    .filter(is_in)
                    .filter(|entry| entry.matches(filter))
                    .collect();
                let mut bytes = Vec::new();
                for entry in found.iter().take(*most) {
                    let is_asked = |(name, _): &&(String, Vec<Vec<u8>>)| {
                        attributes.iter().any(|asked| asked.eq_ignore_ascii_case(name))
                    };
                    let attributes: Vec<_> =
                        entry.attributes.iter().filter(is_asked).cloned().collect();
                    bytes.extend(wire::entry(*id, &entry.dn, &attributes));
                }
                bytes.extend(wire::done(*id, if found.len() > *most { 4 } else { 0 }));
                bytes
            }
        };
        vec![Step::Bytes(bytes)]
    }
}

/// What the settings say of a directory in the clear: keys of `[identity_providers.settings]` are added to, or with `-` in
/// front left out.
pub fn providers(endpoint: &str, provider: &str, changed: &[&str]) -> Providers {
    let least = [
        format!("base = \"{PEOPLE}\""),
        "filter = \"(&(objectClass=inetOrgPerson)(uid={login}))\"".to_owned(),
        format!("bind_dn = \"{}\"", ACCOUNT.0),
        format!("bind_password = \"{}\"", ACCOUNT.1),
        "timeout = \"2s\"".to_owned(),
    ];
    let key = |line: &str| line.split(" = ").next().unwrap().trim_start_matches('-').to_owned();
    let is_kept = |line: &&String| !changed.iter().any(|other| key(other) == key(line));
    let mut lines: Vec<&str> = least.iter().filter(is_kept).map(String::as_str).collect();
    lines.extend(changed.iter().filter(|line| !line.starts_with('-')));
    let text = format!(
        "[jwt]\niss = \"pasee.example.com\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\n\
         endpoint = \"{endpoint}\"\n{provider}\n[identity_providers.settings]\n{}\n",
        lines.join("\n")
    );
    let settings = parse(Path::new("settings.toml"), &text);
    let settings = settings.unwrap_or_else(|error| panic!("{text}\n{error}"));
    Providers::new(&settings.identity_providers).unwrap()
}

/// The same of one that listens in the clear.
pub fn clear(directory: &Directory, provider: &str, changed: &[&str]) -> Providers {
    let mut lines = vec!["plaintext_passwords = true"];
    lines.extend(changed);
    providers(&format!("ldap://{}", directory.address), provider, &lines)
}

/// A login.
pub async fn log_in(
    provider: &Provider,
    login: &str,
    password: &str,
) -> Result<Identity, ProviderError> {
    let credential = PasswordCredential {
        login: login.into(),
        password: password.into(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    provider.identify(Credential::Password(credential), now()).await
}

/// Ada's login.
pub async fn ada(providers: &Providers) -> Result<Identity, ProviderError> {
    log_in(providers.get("corp").unwrap(), "ada", ADA.1).await
}

/// Longer than any login may take here.
pub const PATIENCE: Duration = Duration::from_secs(20);
