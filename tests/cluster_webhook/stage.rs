//! A realm whose API server asks a webhook, with people in it; and those people, as they ask.
//!
//! Must not know what is tested.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use pasee::domain::time::Timestamp;
use pasee::resources::rfc3339;
use pasee::resources::webhook::{LENGTH, PATHS, REVOCATION, ReviewPath, ReviewPaths, SESSION};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::support::controller::Controller;
use super::support::controlplane::{ControlPlane, User};
use super::support::pasee::{Setup, free_port};
use super::support::patience::eventually;
use super::support::realm::{self, object};
use super::support::served::Served;

/// A namespace that is a realm under live judgement, and the server that judges.
pub struct Stage<'a> {
    pub cluster: &'a ControlPlane,
    pub namespace: String,
    pub runtime: Runtime,
    pub dir: TempDir,
    pub server: Option<Served>,
    /// Where it answers, without the path, and what its certificate is from, in PEM.
    pub url: String,
    pub authority: String,
    webhook: String,
}

impl<'a> Stage<'a> {
    pub fn new(cluster: &'a ControlPlane) -> Self {
        let namespace = cluster.namespace();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().pem();
        let [cert_file, key_file] =
            ["webhook.crt", "webhook.key"].map(|name| dir.path().join(name));
        fs::write(&cert_file, &certificate).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        let port = free_port();
        let url = format!("https://127.0.0.1:{port}");
        let options =
            [format!("--webhook-url={url}"), format!("--webhook-ca-file={}", cert_file.display())];
        realm::install(cluster, &namespace, &[&options[0], &options[1], "--staff-may-patch"]);
        let webhook = format!(
            "[webhook]\nhost = \"127.0.0.1\"\nport = {port}\ncert_file = \"{}\"\nkey_file = \"{}\"\n{}",
            cert_file.display(),
            key_file.display(),
            Setup::absent_provider("kisee")
        );
        let authority = certificate;
        let mut stage =
            Self { cluster, namespace, runtime, dir, server: None, url, authority, webhook };
        stage.tell_a_path();
        stage.people();
        stage.serve();
        stage.wait_for_the_webhook();
        stage
    }

    /// Tells server and API server a path, as the controller does: most tests have none.
    fn tell_a_path(&self) {
        let mut random = [0; LENGTH];
        getrandom::fill(&mut random).unwrap();
        let path = ReviewPath::new(random);
        let url = format!("{}{}", self.url, path.as_str());
        let text = STANDARD.encode(ReviewPaths::default().renewed(path).to_text());
        let later = Timestamp::from_unix(now() + 3_000).unwrap();
        let annotations =
            json!({ "pasee.meltylab.fr/webhook-path-renew-after": rfc3339::write(later) });
        let secret = json!({ "metadata": { "annotations": annotations }, "data": { PATHS: text } });
        self.patch(&["secret/pasee-keys", "-n", &self.namespace], "merge", &secret);
        self.tell_url(&url);
    }

    /// Has the API server ask elsewhere.
    pub fn tell_url(&self, url: &str) {
        let at = "/webhooks/0/clientConfig/url";
        let patch = json!([{ "op": "replace", "path": at, "value": url }]);
        self.patch(&[&self.configuration()], "json", &patch);
    }

    /// The API server's configuration, for kubectl.
    pub fn configuration(&self) -> String {
        format!("mutatingwebhookconfiguration/webhook.{}.pasee.meltylab.fr", self.namespace)
    }

    fn patch(&self, object: &[&str], kind: &str, patch: &Value) {
        let patch = patch.to_string();
        let arguments = ["patch", "--type", kind, "-p", &patch];
        self.cluster.admin.kubectl(arguments.iter().chain(object).copied()).ok();
    }

    /// Where the API server asks.
    pub fn asked_at(&self) -> String {
        let url = "jsonpath={.webhooks[0].clientConfig.url}";
        self.cluster.admin.kubectl(["get", &self.configuration(), "-o", url]).ok()
    }

    /// Starts the server that judges, as its own service account.
    pub fn serve(&mut self) {
        let account = self.cluster.account(&self.namespace, "pasee-server");
        let start = Served::start(&self.namespace, &account, &self.webhook);
        self.server = Some(self.runtime.block_on(start));
    }

    pub fn signal_server(&self, name: &str) {
        self.server.as_ref().unwrap().pasee.signal(name);
        if name == "-STOP" {
            super::support::patience::wait_until_stopped(self.server.as_ref().unwrap().pasee.id());
        }
    }

    pub fn controller(&self, name: &str) -> Controller {
        let account = self.cluster.account(&self.namespace, "pasee-controller");
        Controller::start(&self.namespace, &account, self.dir.path(), name)
    }

    /// The root staff, two trees, and who is in which.
    fn people(&self) {
        let member = |name: &str, spec: Value| {
            self.admin().done("POST", "memberships", &object("Membership", name, &spec))
        };
        for group in ["team", "team.sub", "other"] {
            self.make_group(group);
        }
        member("root", json!({ "role": "Staff", "users": ["kisee-root"] }));
        for name in ["removed", "banned", "staff"] {
            self.make_staff("team", name);
            self.make_staff("team.sub", name);
        }
        self.make_staff("other", "elsewhere");
        let ended = json!({
            "group": "team", "role": "Staff", "users": ["kisee-ended"], "expiresAt": "2020-01-01T00:00:00Z",
        });
        member("team-ended", ended);
        member("team-member", json!({ "group": "team", "users": ["kisee-member"] }));
        self.ban("banned");
    }

    pub fn make_group(&self, name: &str) {
        self.admin().done("POST", "groups", &object("Group", name, &json!({})));
    }

    /// Makes `kisee-NAME` staff of a group, by a Membership of their own.
    pub fn make_staff(&self, group: &str, name: &str) {
        let spec = json!({ "group": group, "role": "Staff", "users": [format!("kisee-{name}")] });
        let membership = object("Membership", &format!("{group}-{name}"), &spec);
        self.admin().done("POST", "memberships", &membership);
    }

    pub fn remove_staff(&self, group: &str, name: &str) {
        self.admin().done("DELETE", &format!("memberships/{group}-{name}"), &Value::Null);
    }

    pub fn ban(&self, name: &str) {
        let spec = json!({ "username": format!("kisee-{name}"), "banned": true });
        self.admin().done("POST", "users", &object("User", name, &spec));
    }

    pub fn admin(&self) -> Asker<'_> {
        self.asker(&self.cluster.admin)
    }

    pub fn asker(&self, user: &User) -> Asker<'_> {
        let client = self.runtime.block_on(user.client());
        let (namespace, headers) = (self.namespace.clone(), http::HeaderMap::new());
        Asker { client, namespace, headers, runtime: &self.runtime }
    }

    /// `kisee-NAME` with a token of a session, as the API server tells of it that was begun under a revocation, if any.
    pub fn in_session(&self, name: &str, sid: &str, rev: Option<&str>) -> Asker<'_> {
        self.known(&format!("kisee-{name}"), sid, rev)
    }

    /// The same of any user.
    pub fn known(&self, user: &str, sid: &str, rev: Option<&str>) -> Asker<'_> {
        let mut told = vec![
            ("impersonate-user".to_owned(), format!("pasee:{user}")),
            ("impersonate-group".to_owned(), "pasee::users".to_owned()),
            (extra(SESSION), sid.to_owned()),
        ];
        told.extend(rev.map(|rev| (extra(REVOCATION), rev.to_owned())));
        let header = |(name, value): (String, String)| {
            (http::HeaderName::try_from(name).unwrap(), value.parse().unwrap())
        };
        let headers = told.into_iter().map(header).collect();
        Asker { headers, ..self.admin() }
    }

    /// `kisee-NAME`, with a token that names these groups, whatever is the case by now.
    pub fn user(&self, name: &str, groups: &[&str]) -> Asker<'_> {
        let groups: Vec<String> = groups.iter().map(|group| format!("pasee:{group}")).collect();
        let groups = groups.iter().map(String::as_str).chain(["pasee::users"]);
        let known = self.cluster.user(&format!("pasee:kisee-{name}"), &groups.collect::<Vec<_>>());
        self.asker(&known)
    }

    /// Somebody who holds `bypass-policy`, as a GitOps tool does.
    pub fn gitops(&self) -> Asker<'_> {
        let resources = "--resource=groups.pasee.meltylab.fr,memberships.pasee.meltylab.fr,users.pasee.meltylab.fr";
        let verbs = "--verb=get,list,create,update,patch,delete,bypass-policy";
        let admin = &self.cluster.admin;
        admin.kubectl(["create", "role", "gitops", verbs, resources, "-n", &self.namespace]).ok();
        let bind = ["create", "rolebinding", "gitops", "--role=gitops", "--user=gitops", "-n"];
        admin.kubectl(bind.into_iter().chain([&*self.namespace])).ok();
        self.asker(&self.cluster.user("gitops", &[]))
    }

    /// Waits until the API server asks, and looks at its own policies too.
    fn wait_for_the_webhook(&self) {
        let root = self.user("root", &[]);
        let stranger = self.asker(&self.cluster.user("stranger", &["pasee::users"]));
        let group = object("Group", "probe", &json!({}));
        eventually("the webhook is asked", || {
            let made = root.ask("POST", "groups?dryRun=All", &group);
            made.is_ok_and(|made| made["spec"]["creator"] == "kisee-root")
        });
        eventually("the policies hold", || {
            let told = stranger.ask("POST", "groups?dryRun=All", &group);
            told.is_err_and(|refusal| refusal.message.contains("you are no user of the realm"))
        });
    }
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub struct Refused {
    pub code: u16,
    pub message: String,
}

/// Somebody who asks the API server.
pub struct Asker<'a> {
    client: Client,
    namespace: String,
    headers: http::HeaderMap,
    runtime: &'a Runtime,
}

impl Asker<'_> {
    /// Asks for something below the realm, such as `groups/a`. A PATCH is a merge patch.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let kind =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("/apis/pasee.meltylab.fr/v1/namespaces/{}/{path}", self.namespace))
            .header("content-type", kind)
            .body(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() })
            .unwrap();
        request.headers_mut().extend(self.headers.clone());
        self.runtime.block_on(self.client.request(request)).map_err(|error| match error {
            kube::Error::Api(status) => Refused { code: status.code, message: status.message },
            other => panic!("{method} {path}: {other}"),
        })
    }

    #[track_caller]
    pub fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, path, body)
            .unwrap_or_else(|refused| panic!("{method} {path}: {refused:?}"))
    }

    /// Fails unless the webhook refuses it, in words that hold these.
    #[track_caller]
    pub fn refused(&self, method: &str, path: &str, body: &Value, says: &str) {
        let refused = self.ask(method, path, body);
        let refused = refused.expect_err(&format!("{method} {path} {body} was done"));
        assert!(refused.message.contains("denied the request"), "{method} {path}: {refused:?}");
        assert!(refused.message.contains(says), "{method} {path}: {refused:?}");
    }
}

/// The header by which whoever acts for another says what else is known of them.
fn extra(key: &str) -> String {
    format!("impersonate-extra-{}", key.replace('/', "%2f"))
}

/// A new object as the webhook leaves it, of an author.
pub fn by(object: Value, author: &str) -> Value {
    let written = json!({ "madeBy": format!("kisee-{author}"), "madeAt": now() });
    noted(object, author, &written)
}

/// A change as the webhook leaves it, of an author, to what was at that version.
pub fn changed_by(object: Value, author: &str, version: &Value) -> Value {
    noted(object, author, &json!({ "changed": version }))
}

fn noted(mut object: Value, author: &str, written: &Value) -> Value {
    object["metadata"]["annotations"] = json!({
        "pasee.meltylab.fr/actor": format!("kisee-{author}"),
        "pasee.meltylab.fr/written": written.to_string(),
    });
    object
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// A Membership that puts `kisee-NAME` on the staff of a group.
pub fn staff(group: &str, name: &str) -> Value {
    let spec = json!({ "group": group, "role": "Staff", "users": [format!("kisee-{name}")] });
    generated(&spec)
}

/// One that puts them among its members.
pub fn member(group: &str, name: &str) -> Value {
    generated(&json!({ "group": group, "users": [format!("kisee-{name}")] }))
}

fn generated(spec: &Value) -> Value {
    let mut object = object("Membership", "", spec);
    object["metadata"] = json!({ "generateName": "m-" });
    object
}

pub fn group(name: &str) -> Value {
    object("Group", name, &json!({}))
}
