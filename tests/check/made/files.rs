//! What the files hold that settings name: made once.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use pasee::domain::change::Change;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::time::Timestamp;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::jose::secret::Secret;
use pasee::store::embedded::Embedded;
use rusqlite::Connection;

/// Of the password `demo-ada`.
pub const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$+TDsBZCl86HYNF02DFrVkQ$Y5+G5TW6oNZx5YNMqG+HgdZmIcZpBaop/cQsQrtthrU";

pub struct Files {
    pub p256: String,
    pub other: String,
    pub koblitz: String,
    pub koblitz_public: String,
    pub rsa: String,
    pub secret: String,
    pub certificate: String,
    pub certificate_key: String,
    pub other_certificate_key: String,
    pub kubeconfig: String,
    /// A file of groups, whole.
    pub database: Vec<u8>,
    /// The same of a server that was killed: the file, its log, what it shared.
    pub killed: [Vec<u8>; 3],
    /// Of a former version.
    pub former: Vec<u8>,
    pub newer: Vec<u8>,
    pub foreign: Vec<u8>,
    pub python: Vec<u8>,
    pub without_log: Vec<u8>,
}

pub static FILES: LazyLock<Files> = LazyLock::new(|| {
    let key = |algorithm| PrivateKey::generate(algorithm).unwrap();
    let koblitz = key(Algorithm::Es256k);
    let certified = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified();
    let [database, killed, log, shared] = databases();
    Files {
        p256: key(Algorithm::Es256).to_pem().to_string(),
        other: key(Algorithm::Es256).to_pem().to_string(),
        koblitz_public: koblitz.public().to_pem(),
        koblitz: koblitz.to_pem().to_string(),
        rsa: key(Algorithm::Rs256).to_pem().to_string(),
        secret: Secret::new([7; 32]).to_pem().to_string(),
        certificate: certificate.cert.pem(),
        certificate_key: certificate.signing_key.serialize_pem(),
        other_certificate_key: certified().signing_key.serialize_pem(),
        kubeconfig: "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \
                     'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: \
                     u, namespace: n}}]\n"
            .to_owned(),
        newer: changed(&database, "PRAGMA user_version = 999"),
        former: sql(include_str!("../../fixtures/embedded/version_2.sql")),
        foreign: sql("CREATE TABLE bookmarks (url TEXT)"),
        python: sql(
            "CREATE TABLE users(name TEXT PRIMARY KEY, is_banned BOOLEAN DEFAULT FALSE);
             CREATE TABLE groups(name TEXT PRIMARY KEY);
             CREATE TABLE user_in_group(id INTEGER PRIMARY KEY, user TEXT, group_name TEXT);
             INSERT INTO groups VALUES ('staff');",
        ),
        without_log: sql("PRAGMA journal_mode = WAL"),
        killed: [killed, log, shared],
        database,
    }
});

fn clock() -> Timestamp {
    Timestamp::from_unix(1_790_000_000).unwrap()
}

/// One that was closed; and of one that is open the file, its log and what it shares.
fn databases() -> [Vec<u8>; 4] {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("groups.db");
    let fill = |store: &Embedded, from: u32| {
        for number in from..from + 50 {
            let change = Change::CreateGroup {
                group: format!("group{number}").parse().unwrap(),
                creator: None,
            };
            store.write_blocking(permit(&Actor::operator(), change).unwrap()).unwrap();
        }
    };
    let store = Embedded::open(&path, clock).unwrap();
    fill(&store, 0);
    store.close();
    let closed = fs::read(&path).unwrap();
    let store = Embedded::open(&path, clock).unwrap();
    // Its log is moved into the file when writes pause: it is copied while it is there.
    for from in (100..).step_by(100) {
        fill(&store, from);
        let read = |ending: &str| fs::read(dir.path().join(format!("groups.db{ending}"))).unwrap();
        let (before, log) = (read(""), read("-wal"));
        let shared = read("-shm");
        if !log.is_empty() && read("") == before && read("-wal") == log {
            return [closed, before, log, shared];
        }
    }
    unreachable!()
}

fn sql(script: &str) -> Vec<u8> {
    changed(&[], script)
}

fn changed(database: &[u8], script: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made.db");
    fs::write(&path, database).unwrap();
    run(&path, script);
    fs::read(&path).unwrap()
}

fn run(path: &Path, script: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(script).unwrap();
}
