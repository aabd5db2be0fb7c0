//! What the current context of a kubeconfig names: a cluster, a user and a namespace.
//!
//! Read here and not by the client library, which looks at the proxies of the environment on the way, in its own reading,
//! and gives up at a `NO_PROXY` that it does not understand. Must not know how the API server is reached.

use std::path::PathBuf;

use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::files::{NotRead, read_whole};

/// Longest kubeconfig, and longest file that one names, in bytes.
pub(super) const MAX_FILE: u64 = 1024 * 1024;

/// What the current context names.
pub(super) struct Current {
    pub cluster: Cluster,
    /// Where it is.
    pub server: Uri,
    user: AuthInfo,
    namespace: Option<String>,
}

impl Current {
    /// Finds it. Who no user is named for is nobody, as for kubectl.
    pub(super) fn of(file: Kubeconfig) -> Result<Self, KubeconfigError> {
        let name = file.current_context.ok_or(KubeconfigError::CurrentContextNotSet)?;
        let context = file.contexts.into_iter().find(|context| context.name == name);
        let context = context.and_then(|context| context.context);
        let context = context.ok_or(KubeconfigError::LoadContext(name))?;
        let cluster = file.clusters.into_iter().find(|named| named.name == context.cluster);
        let cluster = cluster
            .and_then(|named| named.cluster)
            .ok_or(KubeconfigError::LoadClusterOfContext(context.cluster))?;
        let server = cluster.server.as_deref().ok_or(KubeconfigError::MissingClusterUrl)?;
        let server = server.parse().map_err(KubeconfigError::ParseClusterUrl)?;
        let user = context.user.and_then(|user| {
            let found = file.auth_infos.into_iter().find(|named| named.name == user);
            found.and_then(|named| named.auth_info)
        });
        let mut user = user.unwrap_or_default();
        check_files(&cluster, &user)?;
        if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
            exec.cluster = Some((&cluster).try_into()?);
        }
        Ok(Self { cluster, server, user, namespace: context.namespace })
    }

    /// The same for the client, which is told of no proxy yet. A file of authorities is read again as it changes.
    pub(super) fn into_config(self) -> Result<Config, KubeconfigError> {
        let Self { cluster, server, user, namespace } = self;
        let mut config = Config::new(server);
        config.root_cert = authorities(&cluster)?;
        if cluster.certificate_authority_data.is_none() {
            config.root_cert_file = cluster.certificate_authority.as_deref().map(PathBuf::from);
        }
        config.default_namespace = namespace.unwrap_or(config.default_namespace);
        config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
        config.disable_compression = cluster.disable_compression.unwrap_or(false);
        config.tls_server_name = cluster.tls_server_name;
        config.auth_info = user;
        Ok(config)
    }
}

/// That what the client library will read, however long that takes, are files. One that is not there it says itself.
fn check_files(cluster: &Cluster, user: &AuthInfo) -> Result<(), KubeconfigError> {
    let named = [
        &cluster.certificate_authority,
        &user.client_certificate,
        &user.client_key,
        &user.token_file,
    ];
    for file in named.into_iter().flatten().map(PathBuf::from) {
        match read_whole(&file, MAX_FILE) {
            Ok(_) | Err(NotRead::Io(_)) => {}
            Err(error) => return Err(KubeconfigError::ReadConfig(error.into(), file)),
        }
    }
    Ok(())
}

/// Whose word is taken; `None` = the system's authorities'.
fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, KubeconfigError> {
    // What plugins are told is what a kubeconfig has or names.
    let pem = ExecAuthCluster::try_from(cluster)?.certificate_authority_data;
    let found = pem.map(|pem| {
        let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        found.map(|authority| authority.to_vec()).collect()
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        let file = Kubeconfig::from_yaml(text).unwrap();
        let config = Current::of(file).and_then(Current::into_config);
        config.map_err(|error| error.to_string())
    }

    fn text(cluster: &str, context: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: two\n\
             clusters:\n- {{name: one, cluster: {{server: 'https://one'}}}}\n\
             - {{name: two, cluster: {{{cluster}}}}}\n\
             users:\n- {{name: ada, user: {{token: t}}}}\n\
             contexts:\n- {{name: one, context: {{cluster: one, user: ada}}}}\n- {{name: two, context: {{{context}}}}}\n"
        )
    }

    #[test]
    fn what_the_current_context_names() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.crt");
        std::fs::write(&file, made.cert.pem()).unwrap();
        let cluster = format!(
            "server: 'https://[fd00::1]:6443', certificate-authority: '{}', tls-server-name: api",
            file.display()
        );
        let config = config(&text(&cluster, "cluster: two, user: ada, namespace: pasee")).unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://[fd00::1]:6443/");
        assert_eq!(config.default_namespace, "pasee");
        assert_eq!(config.tls_server_name.as_deref(), Some("api"));
        assert!(config.auth_info.token.is_some());
        assert_eq!(config.root_cert.unwrap(), [made.cert.der().to_vec()]);
        assert_eq!(config.root_cert_file.unwrap(), file, "it is read again as it changes");
        assert!(config.proxy_url.is_none());
    }

    /// What stands in the kubeconfig comes before a file, and nothing is read again; who is not named is nobody.
    #[test]
    fn what_is_not_said() {
        let data =
            "server: 'https://b', certificate-authority: /nowhere, certificate-authority-data: ''";
        let config = config(&text(data, "cluster: two, user: nobody")).unwrap();
        assert_eq!(config.default_namespace, "default");
        assert!(config.root_cert_file.is_none() && config.auth_info.token.is_none());
    }

    #[test]
    fn what_is_missing() {
        for (text, says) in [
            (text("server: 'https://b'", "cluster: three"), "three"),
            (text("insecure-skip-tls-verify: true", "cluster: two"), "cluster url is missing"),
            (text("server: 'https://b b'", "cluster: two"), "cluster url"),
            (
                text("server: 'https://b', certificate-authority: /nowhere", "cluster: two"),
                "/nowhere",
            ),
            (
                text("server: 'https://b', certificate-authority-data: '~'", "cluster: two"),
                "base64",
            ),
            (text("", "cluster: two").replace("current-context: two", "current-context: no"), "no"),
        ] {
            let told = config(&text).unwrap_err();
            assert!(told.contains(says), "{text}: {told}");
        }
    }
}
