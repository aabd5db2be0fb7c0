//! Settings files made at random, with the files that they name, and whether they are broken.
//!
//! A file begins right in every part. A fault changes one part, and all that the fault needs to be one.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::support::mutants;
use super::support::pasee::free_port;

mod files;
mod keys;

use files::FILES;
pub use keys::VALUES;

/// Every fault that there can be; one is one part that is broken.
pub const ALL: [&str; 49] = [
    "no TOML",
    "unknown key",
    "wrong value",
    "no [jwt]",
    "lifetimes in disorder",
    "address of another machine",
    "busy port",
    "admin beside the API by a name",
    "busy admin port",
    "file in the way of data_dir",
    "file above data_dir",
    "data_dir is a link to nowhere",
    "kept key is garbage",
    "kept key is open",
    "kept key is a directory",
    "kept key is a link to nowhere",
    "kept secret is garbage",
    "kept RSA key is open",
    "key file is missing",
    "key file is garbage",
    "key file is a directory",
    "public key of another",
    "algorithm of another",
    "retired key is garbage",
    "database of another program",
    "database of the Python Pasee",
    "database of a newer Pasee",
    "database is garbage",
    "database is a directory",
    "database is damaged",
    "database is a link to nowhere",
    "database without its log",
    "log without its database",
    "file above the database",
    "kubeconfig is missing",
    "kubeconfig is garbage",
    "no pod and no kubeconfig",
    "no key in common",
    "webhook without Kubernetes",
    "webhook certificate is missing",
    "busy webhook port",
    "certificate is missing",
    "certificate is garbage",
    "key of another certificate",
    "ca_file is missing",
    "ca_file is garbage",
    "secret file is missing",
    "provider's kubeconfig is missing",
    "two of one name",
];

/// Which file of which run.
#[derive(Clone, Copy)]
pub struct Seed {
    pub seed: u64,
    pub number: u64,
}

/// Numbers as if by chance.
struct Dice(mutants::Dice);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A settings file in a directory of its own.
pub struct Made {
    dir: TempDir,
    dice: Dice,
    faults: Vec<&'static str>,
    /// What holds ports that are busy.
    held: Vec<TcpListener>,
    listen: String,
    admin: String,
    data_dir: String,
    keys: String,
    storage: String,
    webhook: String,
    tls: String,
    jwt: String,
    /// Lines at the top, and of tables by their header.
    root: Vec<String>,
    tables: Vec<(&'static str, Vec<String>)>,
    providers: Vec<String>,
    end: String,
}

impl Made {
    pub fn new(Seed { seed, number }: Seed) -> Self {
        let mut dice = mutants::Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        dice.roll();
        let dice = Dice(dice);
        let mut made = Self {
            dir: tempfile::tempdir().unwrap(),
            dice,
            faults: Vec::new(),
            held: Vec::new(),
            listen: String::new(),
            admin: String::new(),
            data_dir: String::new(),
            keys: String::new(),
            storage: String::new(),
            webhook: String::new(),
            tls: String::new(),
            jwt: "[jwt]\niss = \"https://pasee.example.com\"\n".to_owned(),
            root: Vec::new(),
            tables: Vec::new(),
            providers: Vec::new(),
            end: String::new(),
        };
        made.right();
        let faults = match made.dice.below(6) {
            0..=2 => 0,
            3 | 4 => 1,
            _ => 1 + made.dice.below(3),
        };
        for _ in 0..faults {
            let fault = made.dice.of(&ALL);
            made.faults.push(fault);
            made.break_by(fault);
        }
        let text = made.text();
        made.write("settings.toml", text);
        let mode = if made.dice.one_in(4) { 0o644 } else { 0o600 };
        made.set_mode("settings.toml", mode);
        made
    }

    pub fn settings(&self) -> PathBuf {
        self.path("settings.toml")
    }

    pub fn is_broken(&self) -> bool {
        !self.faults.is_empty()
    }

    pub fn faults(&self) -> String {
        self.faults.join(", ")
    }

    pub fn each_fault(&self) -> &[&'static str] {
        &self.faults
    }

    pub fn text(&self) -> String {
        let root = self.root.join("\n");
        let mut text = format!("{}{}{}{root}\n", self.listen, self.data_dir, self.keys);
        for table in [&self.jwt, &self.storage, &self.webhook, &self.tls, &self.admin] {
            text += table;
        }
        for (header, lines) in &self.tables {
            // Those of [jwt] stand there already.
            if *header == "jwt" {
                text = text.replacen("[jwt]\n", &format!("[jwt]\n{}\n", lines.join("\n")), 1);
            } else {
                text += &format!("[{header}]\n{}\n", lines.join("\n"));
            }
        }
        text + &self.providers.concat() + &self.end
    }

    /// Every file with its length and a fingerprint of its content; a link or a directory with nothing.
    pub fn everything(&self) -> Vec<(PathBuf, Option<(usize, u64)>)> {
        fn fingerprint(content: &[u8]) -> (usize, u64) {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            (content.len(), hasher.finish())
        }
        fn walk(dir: &Path, found: &mut Vec<(PathBuf, Option<(usize, u64)>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                found.push((path.clone(), fs::read(&path).ok().as_deref().map(fingerprint)));
                if path.is_dir() {
                    walk(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.dir.path(), &mut found);
        found.sort();
        found
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.clear(name), content).unwrap();
        self.set_mode(name, 0o600);
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A place where nothing is: what lies there, or above, may be of a fault before.
    fn clear(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let above = path.parent().unwrap();
        if !above.is_dir() {
            let _ = fs::remove_file(above);
            fs::create_dir_all(above).unwrap();
        }
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn busy_port(&mut self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        self.held.push(listener);
        port
    }

    /// Something right in every part.
    fn right(&mut self) {
        let host = self.dice.of(&[
            "",
            "host = \"127.0.0.1\"\n",
            "host = \"localhost\"\n",
            "host = \"0.0.0.0\"\n",
        ]);
        self.listen = format!("{host}port = {}\n", free_port());
        if self.dice.one_in(3) {
            self.admin = format!("[admin]\nlisten = \"127.0.0.1:{}\"\n", free_port());
        }
        if self.dice.one_in(2) {
            self.data_dir = "data_dir = \"kept\"\n".to_owned();
        }
        match self.dice.below(8) {
            0 => self.kept(FILES.koblitz.as_str()),
            1 => self.kept(FILES.rsa.as_str()),
            2 => self.keys = format!("private_key = '''{}'''\n", FILES.p256),
            3 => {
                self.write("key.pem", FILES.p256.as_str());
                self.keys = "private_key_file = \"key.pem\"\nretired_key_files = [\"old.pem\"]\n"
                    .to_owned();
                self.write("old.pem", FILES.other.as_str());
            }
            _ => self.kept(FILES.p256.as_str()),
        }
        self.right_storage();
        if self.dice.one_in(3) {
            self.certificate("tls", ["certificate", "key"]);
        }
        for _ in 0..self.dice.below(6) {
            let (table, key, good, _) = self.dice.of(VALUES);
            if !good.is_empty() {
                let value = self.dice.of(good);
                self.set(table, key, value);
            }
        }
        // Each that is spoken to over TLS reads the system's authorities, which takes longer than all else.
        for place in 0..self.dice.of(&[0, 0, 0, 1, 1, 3]) {
            let provider = self.provider(place);
            self.providers.push(provider);
        }
    }

    fn right_storage(&mut self) {
        let named = "[storage_backend.options]\nfile = \"groups.db\"\n";
        match self.dice.below(9) {
            0 => self.storage = "[storage_backend.options]\nfile = \":memory:\"\n".to_owned(),
            1 => {
                self.storage =
                    "[storage_backend.options]\nfile = \"below/here/groups.db\"\n".to_owned()
            }
            2 => {
                self.database("", &FILES.database);
                self.storage = named.to_owned();
            }
            3 => {
                self.database("", &[]);
                self.storage = named.to_owned();
            }
            // A server was killed: its log is there, and perhaps what it shared with others.
            4 | 5 => {
                self.database("", &FILES.killed[0]);
                self.database("-wal", &FILES.killed[1]);
                if self.dice.one_in(2) {
                    self.database("-shm", &FILES.killed[2]);
                }
                self.storage = named.to_owned();
            }
            6 => {
                self.in_kubernetes();
                if self.dice.one_in(2) {
                    self.webhook = format!("[webhook]\nport = {}\n", free_port());
                    self.certificate("webhook", ["cert_file", "key_file"]);
                }
            }
            7 => {
                self.database("", &FILES.former);
                self.storage = named.to_owned();
            }
            _ => {}
        }
    }

    /// Where the file of groups is, by the options above.
    fn database(&self, ending: &str, content: &[u8]) {
        for data in ["data", "kept"] {
            self.write(&format!("{data}/groups.db{ending}"), content);
        }
    }

    fn in_kubernetes(&mut self) {
        self.write("kubeconfig", FILES.kubeconfig.as_str());
        self.keys = format!("private_key = '''{}'''\n", FILES.p256);
        self.storage = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\n\
                        namespace = \"realm\"\nkubeconfig = \"kubeconfig\"\n"
            .to_owned();
    }

    /// Keys in the data directory, one of them perhaps still to be made.
    fn kept(&mut self, signing: &str) {
        self.keys = String::new();
        let missing = self.dice.below(30);
        for data in ["data", "kept"] {
            for (place, name, key) in [
                (0, "private_key.pem", signing),
                (1, "rsa_private_key.pem", FILES.rsa.as_str()),
                (2, "secret.pem", FILES.secret.as_str()),
                (3, "secret.pem", FILES.secret.as_str()),
            ] {
                if place != missing {
                    self.write(&format!("{data}/{name}"), key);
                }
            }
        }
    }

    fn certificate(&mut self, table: &str, [certificate, key]: [&str; 2]) {
        self.write(&format!("{table}.crt"), FILES.certificate.as_str());
        self.write(&format!("{table}.key"), FILES.certificate_key.as_str());
        let lines = format!("{certificate} = \"{table}.crt\"\n{key} = \"{table}.key\"\n");
        match table {
            "tls" => self.tls = format!("[tls]\n{lines}"),
            _ => self.webhook += &lines,
        }
    }

    /// A line of a table, in the place of another of this key.
    fn set(&mut self, table: &'static str, key: &str, value: &str) {
        let line = format!("{key} = {value}");
        let is_of_key = |line: &String| line.split(" = ").next() == Some(key);
        if table.is_empty() {
            self.root.retain(|line| !is_of_key(line));
            self.root.push(line);
            return;
        }
        match self.tables.iter_mut().find(|(header, _)| *header == table) {
            Some((_, lines)) => {
                lines.retain(|line| !is_of_key(line));
                lines.push(line);
            }
            None => self.tables.push((table, vec![line])),
        }
    }

    /// A provider that can be had without asking anybody.
    fn provider(&mut self, place: usize) -> String {
        let name = format!("provider{place}");
        let (protocol, settings) = match self.dice.below(14) {
            0 => (
                "local",
                format!("users = [{{ username = \"ada\", password_hash = \"{}\" }}]", files::HASH),
            ),
            1 => ("oidc", "issuer = \"https://id.example.com\"\nclient_id = \"pasee\"".to_owned()),
            2 => (
                "oauth2",
                "preset = \"github\"\nclient_id = \"a\"\nclient_secret = \"b\"".to_owned(),
            ),
            3 => ("ldap", "base = \"dc=example\"\nfilter = \"(uid={login})\"".to_owned()),
            4 => {
                ("pasee", "issuer = \"inner.example.com\"\nproviders = [\"internals\"]".to_owned())
            }
            5 => ("oauth1", "consumer_key = \"a\"\nconsumer_secret = \"b\"".to_owned()),
            _ => ("kisee", format!("public_keys = ['''{}''']", FILES.koblitz_public)),
        };
        let endpoint = match protocol {
            "ldap" => "endpoint = \"ldaps://ldap.example.com\"\n",
            "pasee" => "endpoint = \"https://inner.example.com/\"\n",
            "kisee" => "endpoint = \"http://127.0.0.1:9/\"\n",
            _ => "",
        };
        // What is left out is not looked at.
        let (enabled, left) = match (protocol, self.dice.below(6)) {
            ("oidc" | "kisee", 0) => ("enabled = false\n", "\nca_file = \"missing.pem\""),
            ("oidc" | "kisee", 1) => {
                self.write("ca.pem", FILES.certificate.as_str());
                ("", "\nca_file = \"ca.pem\"")
            }
            _ => ("", ""),
        };
        let more = self.dice.of(&[
            "",
            "title = \"Log in\"\n",
            "claims = [\"email\"]\n",
            "required_claims = { a = true }\n",
        ]);
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\n{endpoint}{enabled}{more}\
             [identity_providers.settings]\n{settings}{left}\n"
        )
    }

    fn kisee_with(&mut self, settings: &str) {
        let number = self.providers.len();
        self.providers.push(format!(
            "[[identity_providers]]\nname = \"broken{number}\"\nprotocol = \"kisee\"\nendpoint = \"https://127.0.0.1:9/\"\n\
             [identity_providers.settings]\npublic_keys = ['''{}''']\n{settings}\n",
            FILES.koblitz_public
        ));
    }

    /// Breaks one part, whatever it was before.
    fn break_by(&mut self, fault: &'static str) {
        if fault.contains("data_dir") || fault.starts_with("kept ") {
            return self.break_kept(fault);
        }
        if fault.contains("database") {
            return self.break_database(fault);
        }
        if fault.contains("kubeconfig") || fault.contains("ebhook") || fault == "no key in common" {
            return self.break_cluster(fault);
        }
        match fault {
            "no TOML" => self.end = self.dice.of(&["port = \n", "[jwt\n", "a = 'b\n"]).to_owned(),
            "unknown key" => {
                let table = self.dice.of(&["", "jwt", "limits", "log", "cors", "local"]);
                self.set(table, self.dice_key(), "1");
            }
            "wrong value" => {
                let (table, key, _, bad) = self.dice.of(VALUES);
                let value = self.dice.of(bad);
                self.set(table, key, value);
            }
            "no [jwt]" => {
                self.tables.retain(|(header, _)| *header != "jwt");
                self.jwt = String::new();
            }
            "lifetimes in disorder" => self.jwt = "[jwt]\niss = \"i\"\n".to_owned() + {
                self.tables.retain(|(header, _)| *header != "jwt");
                "access_lifetime = \"2h\"\nrefresh_lifetime = \"1h\"\n"
            },
            "address of another machine" => {
                self.listen = format!("host = \"192.0.2.1\"\nport = {}\n", free_port());
            }
            "busy port" => self.listen = format!("port = {}\n", self.busy_port()),
            "admin beside the API by a name" => {
                let port = free_port();
                self.listen = format!("host = \"localhost\"\nport = {port}\n");
                self.admin = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\n");
            }
            "busy admin port" => {
                self.admin = format!("[admin]\nlisten = \"127.0.0.1:{}\"\n", self.busy_port());
            }
            "key file is missing" => self.keys = "private_key_file = \"missing.pem\"\n".to_owned(),
            "key file is garbage" => {
                self.write("garbage.pem", "garbage");
                self.keys = "private_key_file = \"garbage.pem\"\n".to_owned();
            }
            "key file is a directory" => {
                fs::create_dir_all(self.path("directory.pem")).unwrap();
                self.keys = "private_key_file = \"directory.pem\"\n".to_owned();
            }
            "public key of another" => {
                self.keys = format!(
                    "private_key = '''{}'''\npublic_key = '''{}'''\n",
                    FILES.p256, FILES.koblitz_public
                );
            }
            "algorithm of another" => {
                self.keys = format!("private_key = '''{}'''\nalgorithm = \"RS256\"\n", FILES.p256);
            }
            "retired key is garbage" => self.set("", "retired_keys", "[\"garbage\"]"),
            "certificate is missing" => {
                self.tls = "[tls]\ncertificate = \"missing.crt\"\nkey = \"missing.key\"\n".to_owned();
            }
            "certificate is garbage" => {
                self.certificate("tls", ["certificate", "key"]);
                self.write("tls.crt", "garbage");
            }
            "key of another certificate" => {
                self.certificate("tls", ["certificate", "key"]);
                self.write("tls.key", FILES.other_certificate_key.as_str());
            }
            "ca_file is missing" => self.kisee_with("ca_file = \"missing.pem\""),
            "ca_file is garbage" => {
                self.write("garbage.pem", "garbage");
                self.kisee_with("ca_file = \"garbage.pem\"");
            }
            "secret file is missing" => self.providers.push(
                "[[identity_providers]]\nname = \"secretive\"\nprotocol = \"oidc\"\n[identity_providers.settings]\n\
                 issuer = \"https://id.example.com\"\nclient_id = \"a\"\nclient_secret_file = \"missing\"\n"
                    .to_owned(),
            ),
            "two of one name" => {
                self.kisee_with("");
                let again = self.providers.last().unwrap().clone();
                self.providers.push(again);
            }
            unknown => panic!("{unknown}"),
        }
    }

    fn dice_key(&self) -> &'static str {
        ["unheard_of", "prot", "acces"][self.providers.len() % 3]
    }

    fn break_kept(&mut self, fault: &str) {
        self.kept(FILES.p256.as_str());
        self.data_dir = "data_dir = \"kept\"\n".to_owned();
        let key = "kept/private_key.pem";
        match fault {
            "file in the way of data_dir" => {
                self.clear("kept");
                self.write("kept", "a file");
            }
            "file above data_dir" => {
                self.write("above", "a file");
                self.data_dir = "data_dir = \"above/kept\"\n".to_owned();
            }
            "data_dir is a link to nowhere" => {
                symlink("/nowhere/at/all", self.clear("kept")).unwrap()
            }
            "kept key is garbage" => self.write(key, "garbage"),
            "kept key is open" => {
                self.write(key, FILES.p256.as_str());
                self.set_mode(key, 0o644);
            }
            "kept key is a directory" => fs::create_dir(self.clear(key)).unwrap(),
            "kept key is a link to nowhere" => {
                symlink("/nowhere/at/all", self.clear(key)).unwrap();
            }
            "kept secret is garbage" => self.write("kept/secret.pem", "garbage"),
            "kept RSA key is open" => {
                self.write("kept/rsa_private_key.pem", FILES.rsa.as_str());
                self.set_mode("kept/rsa_private_key.pem", 0o640);
                self.set_mode("kept/rsa_private_key.pem", 0o644);
            }
            unknown => panic!("{unknown}"),
        }
    }

    fn break_database(&mut self, fault: &str) {
        self.webhook = String::new();
        self.storage = format!(
            "[storage_backend.options]\nfile = \"{}\"\n",
            self.path("broken/groups.db").display()
        );
        let file = "broken/groups.db";
        self.clear("broken");
        match fault {
            "database of another program" => self.write(file, &FILES.foreign),
            "database of the Python Pasee" => self.write(file, &FILES.python),
            "database of a newer Pasee" => self.write(file, &FILES.newer),
            "database is garbage" => {
                self.write(file, "no database, but a text that is long enough to be read as one")
            }
            "database is a directory" => fs::create_dir(self.clear(file)).unwrap(),
            "database is damaged" => {
                let mut damaged = FILES.database.clone();
                let end = damaged.len();
                damaged[4096..end].fill(0xff);
                self.write(file, damaged);
            }
            "database is a link to nowhere" => {
                symlink("/nowhere/at/all", self.clear(file)).unwrap()
            }
            "database without its log" => self.write(file, &FILES.without_log),
            "log without its database" => {
                self.write("broken/groups.db-wal", &FILES.killed[1]);
                if self.dice.one_in(2) {
                    self.write(file, "");
                }
            }
            "file above the database" => self.write("broken", "a file"),
            unknown => panic!("{unknown}"),
        }
    }

    fn break_cluster(&mut self, fault: &str) {
        if fault == "provider's kubeconfig is missing" {
            self.providers.push(
                "[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n[identity_providers.settings]\n\
                 audience = \"pasee.example.com\"\nkubeconfig = \"missing\"\n"
                    .to_owned(),
            );
            return;
        }
        if fault == "webhook without Kubernetes" {
            self.storage = String::new();
            self.webhook = format!("[webhook]\nport = {}\n", free_port());
            return;
        }
        self.in_kubernetes();
        self.webhook = String::new();
        match fault {
            "kubeconfig is missing" => fs::remove_file(self.path("kubeconfig")).unwrap(),
            "kubeconfig is garbage" => self.write("kubeconfig", "clusters: 7\n"),
            "no pod and no kubeconfig" => {
                self.storage = "[storage_backend]\nkind = \"kubernetes\"\n".to_owned();
            }
            "no key in common" => {
                self.keys = String::new();
                self.data_dir = "data_dir = \"unshared\"\n".to_owned();
            }
            "webhook certificate is missing" => {
                let port = free_port();
                self.webhook = format!(
                    "[webhook]\nport = {port}\ncert_file = \"missing.crt\"\nkey_file = \"missing.key\"\n"
                );
            }
            "busy webhook port" => {
                self.webhook = format!("[webhook]\nport = {}\n", self.busy_port())
            }
            unknown => panic!("{unknown}"),
        }
    }
}
