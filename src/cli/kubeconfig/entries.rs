//! The entries of a kubeconfig that have kubectl ask `pasee` for tokens, and how they join what is there.
//!
//! Owns which entry is whose: what somebody else has made is never changed. Must not read or write a file.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use url::Url;

use crate::cli::kubectl_credential::API_VERSION;
use crate::domain::token::Audience;
use crate::outbound::is_this_machine;
use crate::relying::IssuerUrl;

/// What kubectl runs.
const COMMAND: &str = "pasee";

/// Where an API server answers.
#[derive(Clone, Debug)]
pub(super) struct ServerUrl {
    text: String,
    host: String,
}

/// A text is no API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no API server; a right one is an https URL such as \"https://kubernetes.example.com:6443\" (http for this machine alone)"
)]
pub(super) struct ServerUrlError;

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let url: Url = text.parse().map_err(|_| ServerUrlError)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let is_private = match url.scheme() {
            "https" => !host.is_empty(),
            "http" => is_this_machine(&host),
            _ => false,
        };
        let is_bare = url.username().is_empty() && url.password().is_none();
        if is_private && is_bare && url.query().is_none() && url.fragment().is_none() {
            Ok(Self { text: text.trim_end_matches('/').to_owned(), host })
        } else {
            Err(ServerUrlError)
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// When kubectl is to use the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// From now on.
    Now,
    /// Where no other is used.
    IfNoOther,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub(super) server: ServerUrl,
    pub(super) issuer: IssuerUrl,
    pub(super) audience: Audience,
    /// Certificates, as a kubeconfig holds them.
    pub(super) authority: Option<String>,
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
}

impl Entries {
    /// A kubeconfig with these entries beside what was in it, and the name of their context.
    pub(super) fn merged_into(
        &self,
        before: Option<&str>,
        used: Use,
    ) -> anyhow::Result<(String, String)> {
        let mut config = read(before)?;
        config.entry("apiVersion").or_insert_with(|| json!("v1"));
        config.entry("kind").or_insert_with(|| json!("Config"));
        let context = self.name.clone().unwrap_or_else(|| self.server.host.clone());
        let cluster = self.join_cluster(list(&mut config, "clusters")?, &context)?;
        let user = self.join_user(list(&mut config, "users")?);
        self.join_context(list(&mut config, "contexts")?, &context, (&cluster, &user))?;
        let current = config.entry("current-context").or_insert_with(|| json!(""));
        if used == Use::Now || current.as_str().is_none_or(str::is_empty) {
            *current = json!(context);
        }
        let text = serde_saphyr::to_string(&config).context("it cannot be written as YAML")?;
        Ok((text, context))
    }

    /// The cluster of this server: one that is there, or a new one of this name.
    fn join_cluster(&self, clusters: &mut Vec<Value>, name: &str) -> anyhow::Result<String> {
        let is_same = |cluster: &&mut Value| {
            let server = cluster["cluster"]["server"].as_str();
            server.is_some_and(|server| server.trim_end_matches('/') == self.server.text)
        };
        if let Some(found) = clusters.iter_mut().find(is_same) {
            let name = found["name"].as_str().context("a cluster in it has no name")?.to_owned();
            if let (Some(authority), Some(cluster)) =
                (&self.authority, found["cluster"].as_object_mut())
            {
                cluster.remove("certificate-authority");
                cluster.insert("certificate-authority-data".to_owned(), json!(authority));
            }
            return Ok(name);
        }
        if clusters.iter().any(|cluster| cluster["name"] == name) {
            bail!("it has a cluster {name:?} with another server; choose another name with --name");
        }
        let mut cluster = json!({ "server": self.server.text });
        if let Some(authority) = &self.authority {
            cluster["certificate-authority-data"] = json!(authority);
        }
        clusters.push(json!({ "name": name, "cluster": cluster }));
        Ok(name.to_owned())
    }

    /// The user who asks `pasee` for tokens of this audience. Its name is taken by nobody else.
    fn join_user(&self, users: &mut Vec<Value>) -> String {
        let name = format!("pasee:{}:{}", self.issuer, self.audience.as_str());
        users.retain(|user| user["name"] != name.as_str());
        let arguments = [
            "kubectl-credential",
            "--issuer",
            self.issuer.as_str(),
            "--audience",
            self.audience.as_str(),
        ];
        users.push(json!({
            "name": name,
            "user": { "exec": {
                "apiVersion": API_VERSION,
                "command": COMMAND,
                "args": arguments,
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": false,
                "installHint": "kubectl logs in by the command pasee, which is not installed, or not found on PATH",
            } },
        }));
        name
    }

    fn join_context(
        &self,
        contexts: &mut Vec<Value>,
        name: &str,
        (cluster, user): (&str, &str),
    ) -> anyhow::Result<()> {
        let found = contexts.iter_mut().find(|context| context["name"] == name);
        let context = match found {
            Some(found) if found["context"]["user"] != user => {
                bail!("it has a context {name:?} of another user; choose another name with --name")
            }
            Some(found) => found,
            None => {
                contexts.push(json!({ "name": name, "context": {} }));
                contexts.last_mut().context("one was just put there")?
            }
        };
        context["context"]["cluster"] = json!(cluster);
        context["context"]["user"] = json!(user);
        if let Some(namespace) = &self.namespace {
            context["context"]["namespace"] = json!(namespace);
        }
        Ok(())
    }
}

/// A kubeconfig; an empty one where there is none.
fn read(text: Option<&str>) -> anyhow::Result<Map<String, Value>> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Map::new()) };
    // What the reader says of a mistake may repeat what stands there, such as a token.
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(Value::Null) => Ok(Map::new()),
        _ => bail!("it is no kubeconfig; a right one is YAML with clusters, users and contexts"),
    }
}

/// A list in it; `null` is an empty one, as kubectl writes it.
fn list<'c>(config: &'c mut Map<String, Value>, name: &str) -> anyhow::Result<&'c mut Vec<Value>> {
    let value = config.entry(name.to_owned()).or_insert(Value::Null);
    if value.is_null() {
        *value = json!([]);
    }
    match value.as_array_mut() {
        Some(list) if list.iter().all(Value::is_object) => Ok(list),
        _ => bail!("its {name} is no list of entries with names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Entries {
        Entries {
            server: "https://k8s.example.com:6443/".parse().unwrap(),
            issuer: "https://pasee.example.com".parse().unwrap(),
            audience: "kubernetes".parse().unwrap(),
            authority: None,
            name: None,
            namespace: None,
        }
    }

    fn merged(wanted: &Entries, before: &str, used: Use) -> anyhow::Result<Value> {
        let (text, _) = wanted.merged_into(Some(before), used)?;
        Ok(serde_saphyr::from_str(&text).unwrap())
    }

    const BEFORE: &str = "
apiVersion: v1
kind: Config
current-context: work
preferences: {colors: true}
clusters:
- name: work
  cluster: {server: 'https://work.example.com', certificate-authority-data: QUJD, proxy-url: 'http://proxy:3128'}
users:
- name: ada
  user: {token: '0123', as: \"yes\"}
contexts:
- name: work
  context: {cluster: work, user: ada, namespace: \"007\"}
extensions:
- name: x
  extension: {b: 1, a: [1, null]}
";

    #[test]
    fn what_is_there_stays() {
        let before: Value = serde_saphyr::from_str(BEFORE).unwrap();
        let after = merged(&wanted(), BEFORE, Use::IfNoOther).unwrap();
        for (name, value) in before.as_object().unwrap() {
            match value.as_array() {
                None => assert_eq!(after[name], *value, "{name}"),
                Some(entries) => {
                    assert_eq!(
                        after[name].as_array().unwrap()[..entries.len()],
                        entries[..],
                        "{name}"
                    );
                }
            }
        }
        assert_eq!(after["clusters"][1]["cluster"]["server"], "https://k8s.example.com:6443");
        let exec = &after["users"][1]["user"]["exec"];
        assert_eq!(
            (&exec["command"], &exec["interactiveMode"]),
            (&json!("pasee"), &json!("IfAvailable"))
        );
        assert_eq!(
            exec["args"],
            json!([
                "kubectl-credential",
                "--issuer",
                "https://pasee.example.com",
                "--audience",
                "kubernetes"
            ])
        );
        let user = "pasee:https://pasee.example.com:kubernetes";
        assert_eq!(
            after["contexts"][1],
            json!({ "name": "k8s.example.com", "context": { "cluster": "k8s.example.com", "user": user } })
        );
    }

    #[test]
    fn once_more_changes_nothing() {
        for before in ["", "null", "{}", "clusters: null\nusers: []\n", BEFORE] {
            let once = wanted().merged_into(Some(before), Use::IfNoOther).unwrap().0;
            let twice = wanted().merged_into(Some(&once), Use::IfNoOther).unwrap().0;
            assert_eq!(once, twice, "{before}");
        }
        let alone = merged(&wanted(), "", Use::IfNoOther).unwrap();
        assert_eq!((&alone["apiVersion"], &alone["kind"]), (&json!("v1"), &json!("Config")));
        assert_eq!(alone["current-context"], "k8s.example.com");
        assert_eq!(
            merged(&wanted(), BEFORE, Use::Now).unwrap()["current-context"],
            "k8s.example.com"
        );
    }

    #[test]
    fn a_cluster_that_is_known_keeps_its_name() {
        let wanted = Entries {
            server: "https://work.example.com".parse().unwrap(),
            name: Some("pasee".to_owned()),
            namespace: Some("team".to_owned()),
            ..wanted()
        };
        let after = merged(&wanted, BEFORE, Use::IfNoOther).unwrap();
        assert_eq!(after["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(after["clusters"][0]["cluster"]["proxy-url"], "http://proxy:3128");
        assert_eq!(after["contexts"][1]["context"]["cluster"], "work");
        assert_eq!(after["contexts"][1]["context"]["namespace"], "team");
        let wanted = Entries { authority: Some("REVG".to_owned()), ..wanted };
        let after = merged(&wanted, BEFORE, Use::IfNoOther).unwrap();
        assert_eq!(after["clusters"][0]["cluster"]["certificate-authority-data"], "REVG");
    }

    #[test]
    fn what_is_somebody_elses_is_left_alone() {
        let named = |name: &str| Entries { name: Some(name.to_owned()), ..wanted() };
        let refused = merged(&named("work"), BEFORE, Use::Now).unwrap_err().to_string();
        assert!(refused.contains("--name"), "{refused}");
        let known =
            Entries { server: "https://work.example.com".parse().unwrap(), ..named("work") };
        let refused = merged(&known, BEFORE, Use::Now).unwrap_err().to_string();
        assert!(refused.contains("another user"), "{refused}");
        for nonsense in ["- a", "a: b: geheim", "clusters: geheim", "users: [geheim]", "geheim"] {
            let refused = format!("{:?}", merged(&wanted(), nonsense, Use::Now).unwrap_err());
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }

    #[test]
    fn what_is_an_api_server() {
        for right in
            ["https://k8s.example.com", "https://10.0.0.1:6443/prefix", "http://127.0.0.1:8080"]
        {
            assert_eq!(right.parse::<ServerUrl>().unwrap().to_string(), right);
        }
        for wrong in [
            "",
            "k8s.example.com",
            "http://k8s.example.com",
            "https://a:b@k8s",
            "https://k8s?x",
            "ftp://k8s",
        ] {
            assert_eq!(wrong.parse::<ServerUrl>().err(), Some(ServerUrlError), "{wrong}");
        }
    }
}
