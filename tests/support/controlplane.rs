//! A real Kubernetes control plane on free ports of this machine: etcd, kube-apiserver and kube-controller-manager, which
//! collects garbage and empties deleted namespaces. There is no kubelet, so no pod ever runs.
//!
//! Each test program has one, started by the first test that asks. [`shared`] lets tests use it side by side, each in a
//! namespace of its own; [`alone`] gives it to one test that stops or breaks its parts, and repairs it afterwards.
//! When the test program ends, however it ends, the control plane ends too.
//!
//! Must not know Pasee.

mod certificates;
mod component;
mod reader;
mod user;

use std::ffi::OsString;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::certificates::Authority;
use self::component::Keeper;
pub use self::component::{Component, free_ports};
pub use self::reader::Reader;
#[allow(unused_imports, reason = "for whoever names it")]
pub use self::user::Told;
pub use self::user::{Credentials, User};

/// Longer than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where the programs are looked for.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Who may do everything, whatever the rules say.
const MASTERS: &str = "system:masters";

static SHARED: OnceLock<RwLock<ControlPlane>> = OnceLock::new();

fn lock() -> &'static RwLock<ControlPlane> {
    SHARED.get_or_init(|| RwLock::new(ControlPlane::start(&[])))
}

/// The control plane of this test program, for use beside other tests. One at a time for each test.
pub fn shared() -> Shared {
    Shared(lock().read().unwrap_or_else(PoisonError::into_inner))
}

/// The control plane of this test program for one test alone; waits for the others to end.
pub fn alone() -> Alone {
    Alone(lock().write().unwrap_or_else(PoisonError::into_inner))
}

/// See [`shared`].
pub struct Shared(RwLockReadGuard<'static, ControlPlane>);

impl Deref for Shared {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.0
    }
}

/// See [`alone`]. Repairs the control plane when dropped.
pub struct Alone(RwLockWriteGuard<'static, ControlPlane>);

impl Deref for Alone {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.0
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut ControlPlane {
        &mut self.0
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.0.repair();
        }
        // What the test complains of comes first; a second panic here would end the whole program.
        drop(panic::catch_unwind(AssertUnwindSafe(|| self.0.repair())));
    }
}

/// Three running components and the authority that they believe.
pub struct ControlPlane {
    /// Where the API server answers, without a slash at the end.
    pub url: String,
    /// Where etcd answers, to everybody and without TLS.
    pub etcd_url: String,
    /// The certificate of the authority that signs the API server's and its users' certificates, in PEM.
    pub ca_pem: String,
    /// The same as a file.
    pub ca_file: PathBuf,
    /// A user of `system:masters`, to whom RBAC does not apply.
    pub admin: User,
    pub etcd: Component,
    pub apiserver: Component,
    pub controller_manager: Component,
    /// What it took from nothing to a control plane that answers and whose controllers work.
    pub started_in: Duration,
    authority: Authority,
    assets: PathBuf,
    _keeper: Keeper,
    /// Everything it has on disk. The keeper removes it too, as a static is never dropped.
    dir: TempDir,
}

impl ControlPlane {
    /// Starts one, with options for the API server besides its own, such as `--authentication-config=FILE`, and returns
    /// when its API answers and its controllers work. Ends when dropped. Most tests want [`shared`] or [`alone`].
    pub fn start(options: &[OsString]) -> Self {
        let since = Instant::now();
        let assets = assets();
        let dir = tempfile::Builder::new().prefix("pasee-controlplane-").tempdir().unwrap();
        let authority = Authority::new();
        let ports = free_ports();
        let etcd_url = format!("http://127.0.0.1:{}", ports[0]);
        let url = format!("https://127.0.0.1:{}", ports[1]);
        let place = Place { dir: dir.path(), assets: &assets, url: &url, ca_pem: authority.pem() };
        let ca_file = place.write("ca.crt", authority.pem());
        let admin = place.user(&authority, "admin", &[MASTERS]);
        let manager = place.user(&authority, "system:kube-controller-manager", &[]);
        let keeper = Keeper::start(dir.path());
        let component = |name, arguments| {
            Component::new(&assets.join(name), arguments, dir.path(), keeper.group())
        };
        let mut this = Self {
            etcd: component("etcd", place.etcd(ports[0])),
            apiserver: component("kube-apiserver", place.apiserver(&authority, ports, options)),
            controller_manager: component("kube-controller-manager", place.manager(&manager)),
            ca_pem: authority.pem().to_owned(),
            started_in: Duration::ZERO,
            _keeper: keeper,
            url,
            etcd_url,
            ca_file,
            admin,
            authority,
            assets,
            dir,
        };
        this.repair();
        this.started_in = since.elapsed();
        this
    }

    /// Makes a user known to the API server by a client certificate. Groups that Kubernetes adds itself, such as
    /// `system:authenticated`, come on top. What the user may do is up to RBAC: nothing much at first.
    pub fn user(&self, name: &str, groups: &[&str]) -> User {
        self.place().user(&self.authority, name, groups)
    }

    /// Somebody who shows a token; the name is for messages.
    pub fn bearer(&self, name: &str, token: &str) -> User {
        User::new(&self.place(), name, Credentials::Token(token.to_owned()))
    }

    /// Makes a service account and a token for it, good for an hour.
    pub fn service_account(&self, namespace: &str, name: &str) -> User {
        self.admin.kubectl(["create", "serviceaccount", name, "-n", namespace]).ok();
        self.account(namespace, name)
    }

    /// A service account that is there, with a token for it, good for an hour.
    pub fn account(&self, namespace: &str, name: &str) -> User {
        let token = self.admin.kubectl(["create", "token", name, "-n", namespace]).ok();
        let full_name = format!("system:serviceaccount:{namespace}:{name}");
        let credentials = Credentials::Token(token.trim().to_owned());
        User::new(&self.place(), &full_name, credentials)
    }

    /// The private key of service account tokens, in PEM: whoever has it may say who they are.
    pub fn account_key(&self) -> &str {
        self.authority.account_keys().0
    }

    /// Makes an empty namespace with a name that no other test has; gives that name.
    pub fn namespace(&self) -> String {
        let manifest =
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"generateName":"test-"}}"#;
        let arguments = ["create", "-f", "-", "-o", "jsonpath={.metadata.name}"];
        let since = Instant::now();
        loop {
            let told = self.admin.kubectl_with(arguments, manifest);
            // So an API server says that is only just ready, on a busy machine.
            let is_early = told.stderr.contains("not yet ready to handle request");
            if !is_early || since.elapsed() > PATIENCE {
                return told.ok();
            }
        }
    }

    /// The directory with kubectl.
    pub fn programs(&self) -> &Path {
        &self.assets
    }

    /// A copy of what etcd has on disk, made while it does not run; all works again when this returns.
    pub fn copy_of_etcd(&mut self) -> TempDir {
        let copy = tempfile::tempdir_in(self.dir.path()).unwrap();
        self.without_etcd(|dir| copy_directory(dir, copy.path()));
        copy
    }

    /// Puts a copy back as it was, as an operator does who restores a backup; all works again when this returns.
    pub fn restore_etcd(&mut self, copy: &TempDir) {
        self.without_etcd(|dir| {
            fs::remove_dir_all(dir).unwrap();
            copy_directory(copy.path(), dir);
        });
    }

    fn without_etcd(&mut self, then: impl FnOnce(&Path)) {
        self.apiserver.kill();
        self.etcd.stop();
        then(&self.dir.path().join("etcd"));
        self.repair();
    }

    /// Starts what does not run, resumes what is paused, and returns when all works.
    pub fn repair(&mut self) {
        self.etcd.ensure_running();
        self.apiserver.ensure_running();
        self.wait_until_ready();
        // It gives up after ten seconds without an API server.
        self.controller_manager.ensure_running();
        // A controller makes this account in every namespace.
        let probe = self.namespace();
        let account = ["get", "serviceaccount", "default", "-n", &probe];
        self.wait_for("the controllers do not work", || self.admin.kubectl(account).success);
        self.admin.kubectl(["delete", "namespace", &probe, "--wait=false"]).ok();
    }

    /// Waits until the API server calls itself ready.
    pub fn wait_until_ready(&self) {
        let ready = || self.admin.kubectl(["get", "--raw", "/readyz"]).success;
        self.wait_for("the API server does not get ready", ready);
    }

    /// Waits until something holds; fails with the logs when it takes too long.
    fn wait_for(&self, complaint: &str, holds: impl Fn() -> bool) {
        let since = Instant::now();
        while !holds() {
            let components = [&self.etcd, &self.apiserver, &self.controller_manager];
            let ended = components.iter().find(|component| component.has_ended());
            if ended.is_some() || since.elapsed() > PATIENCE {
                let logs = components.map(Component::report).join("\n");
                panic!("{complaint} within {:?}\n{logs}", since.elapsed());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn place(&self) -> Place<'_> {
        let Self { dir, assets, url, ca_pem, .. } = self;
        Place { dir: dir.path(), assets, url, ca_pem }
    }
}

/// Copies a directory with all that is in it.
fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The directory with the four programs.
fn assets() -> PathBuf {
    let named = std::env::var_os(ASSETS).filter(|named| !named.is_empty());
    let remedy = "run tests/run cluster, or set it to what tests/controlplane/build prints";
    let Some(named) = named else { panic!("{ASSETS} is not set: {remedy}") };
    fs::canonicalize(&named).unwrap_or_else(|error| {
        panic!("{ASSETS} is {}: {error}: {remedy}", named.display());
    })
}

/// Where the files of a control plane are and how it is reached.
struct Place<'a> {
    dir: &'a Path,
    assets: &'a Path,
    url: &'a str,
    ca_pem: &'a str,
}

impl Place<'_> {
    fn write(&self, name: &str, content: &str) -> PathBuf {
        let file = self.dir.join(name);
        fs::write(&file, content).unwrap();
        file
    }

    fn user(&self, authority: &Authority, name: &str, groups: &[&str]) -> User {
        let (certificate, key) = authority.client(name, groups);
        User::new(self, name, Credentials::Certificate { certificate, key })
    }

    fn etcd(&self, port: u16) -> Vec<OsString> {
        let client = format!("http://127.0.0.1:{port}");
        vec![
            option("--data-dir", self.dir.join("etcd")),
            option("--listen-client-urls", &client),
            option("--advertise-client-urls", &client),
            "--listen-peer-urls=http://127.0.0.1:0".into(),
            // What the kernel has taken survives kill -9; only a power cut would lose it.
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
        ]
    }

    fn apiserver(
        &self,
        authority: &Authority,
        ports: [u16; 2],
        more: &[OsString],
    ) -> Vec<OsString> {
        let (certificate, key) = authority.server();
        let (account_key, account_public) = authority.account_keys();
        let mut options = vec![
            option("--etcd-servers", format!("http://127.0.0.1:{}", ports[0])),
            option("--secure-port", ports[1].to_string()),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            // Endpoints on the loopback address are refused, and nobody here uses them.
            "--endpoint-reconciler-type=none".into(),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
            option("--tls-cert-file", self.write("server.crt", &certificate)),
            option("--tls-private-key-file", self.write("server.key", &key)),
            option("--client-ca-file", self.dir.join("ca.crt")),
            "--authorization-mode=RBAC".into(),
            // A stop ends watches within a second instead of waiting a minute for them.
            "--shutdown-watch-termination-grace-period=1s".into(),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            option("--service-account-signing-key-file", self.write("accounts.key", account_key)),
            option("--service-account-key-file", self.write("accounts.pub", account_public)),
        ];
        options.extend_from_slice(more);
        options
    }

    fn manager(&self, user: &User) -> Vec<OsString> {
        let controllers = [
            "garbage-collector-controller",
            "namespace-controller",
            "serviceaccount-controller",
            "validatingadmissionpolicy-status-controller",
            "clusterrole-aggregation-controller",
        ];
        vec![
            option("--kubeconfig", &user.kubeconfig),
            option("--controllers", controllers.join(",")),
            option("--service-account-private-key-file", self.dir.join("accounts.key")),
            "--use-service-account-credentials".into(),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
        ]
    }
}

fn option(name: &str, value: impl Into<OsString>) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(value.into());
    option
}
