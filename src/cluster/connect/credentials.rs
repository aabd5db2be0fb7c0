//! Credentials as tools and editors write them: with blanks, newlines and byte order marks around what counts.
//!
//! What is tidied is read once; a token whose file is as it should be is read again by the client as it changes. Must not
//! know what credentials are for.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::current::MAX_FILE;
use crate::files::read_whole;

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Tidies all that a kubeconfig has or names. What cannot be read stays as it is: who uses it says so.
pub(super) fn tidy(file: &mut Kubeconfig) {
    for named in &mut file.clusters {
        named.cluster.iter_mut().for_each(tidy_cluster);
    }
    for named in &mut file.auth_infos {
        named.auth_info.iter_mut().for_each(tidy_user);
    }
}

fn tidy_cluster(cluster: &mut Cluster) {
    let Cluster { certificate_authority: file, certificate_authority_data: data, .. } = cluster;
    tidy_pem(file.as_deref(), data);
}

fn tidy_user(user: &mut AuthInfo) {
    tidy_pem(user.client_certificate.as_deref(), &mut user.client_certificate_data);
    let mut key = user.client_key_data.as_ref().map(|key| key.expose_secret().to_owned());
    tidy_pem(user.client_key.as_deref(), &mut key);
    user.client_key_data = key.map(SecretString::from);
    if let Some(token) = &user.token {
        user.token = Some(SecretString::from(bare(token.expose_secret()).to_owned()));
    }
    let held = user.token_file.as_deref().and_then(text);
    if let (None, Some(held)) = (&user.token, held)
        && bare(&held) != held
    {
        user.token = Some(SecretString::from(bare(&held).to_owned()));
    }
}

/// Certificates or a key: as base64 in the kubeconfig, which counts, or in a file.
fn tidy_pem(file: Option<&str>, data: &mut Option<String>) {
    if let Some(text) = data.as_deref().filter(|text| !text.is_empty()) {
        let base64: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let pem = STANDARD.decode(&base64).ok().and_then(|pem| String::from_utf8(pem).ok());
        *data = Some(pem.map_or(base64, |pem| STANDARD.encode(lines(&pem))));
    } else if let Some(text) = file.and_then(text) {
        let tidied = lines(&text);
        if tidied != text {
            *data = Some(STANDARD.encode(tidied));
        }
    }
}

fn text(file: &str) -> Option<String> {
    String::from_utf8(read_whole(Path::new(file), MAX_FILE).ok()?).ok()
}

fn bare(text: &str) -> &str {
    text.trim_start_matches(BYTE_ORDER_MARK).trim()
}

/// Each line without blanks around it.
fn lines(text: &str) -> String {
    bare(text).lines().fold(String::new(), |all, line| all + line.trim() + "\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMTIz\n-----END CERTIFICATE-----\n";

    #[test]
    fn what_stands_around_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            fs::write(&file, text).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let odd = PEM.replace('\n', " \r\n");
        let mut file = Kubeconfig::default();
        file.clusters.push(kube::config::NamedCluster {
            name: "c".to_owned(),
            cluster: Some(Cluster {
                certificate_authority: Some(write("ca", &format!("\u{feff}\n  {odd}"))),
                ..Cluster::default()
            }),
            ..kube::config::NamedCluster::default()
        });
        let wrapped = STANDARD.encode(&odd);
        let (one, two) = wrapped.split_at(20);
        file.auth_infos.push(kube::config::NamedAuthInfo {
            name: "u".to_owned(),
            auth_info: Some(AuthInfo {
                client_certificate_data: Some(format!(" {one}\n{two}\n")),
                client_key: Some(write("key", PEM)),
                token_file: Some(write("token", "\u{feff}abc\n")),
                ..AuthInfo::default()
            }),
            ..kube::config::NamedAuthInfo::default()
        });
        tidy(&mut file);
        let pem = Some(STANDARD.encode(PEM));
        assert_eq!(file.clusters[0].cluster.as_ref().unwrap().certificate_authority_data, pem);
        let user = file.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate_data, pem);
        assert!(user.client_key_data.is_none(), "it is as it should be, and stays a file");
        assert_eq!(user.token.as_ref().unwrap().expose_secret(), "abc");
    }
}
