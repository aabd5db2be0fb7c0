//! Service accounts of the cluster, and the users that they are.
//!
//! Must not know which Membership names one, nor whether it exists.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::form::form;
use crate::domain::user::{MAX_SUBJECT, UserId};

/// Most service accounts of one Membership.
pub const MAX_SERVICE_ACCOUNTS: usize = 100;
/// The provider of service accounts: `k8s-ci:deployer` is the user of the service account `deployer` in namespace `ci`.
pub const SERVICE_ACCOUNT_PROVIDER: &str = "k8s";

/// Longest namespace (RFC 1123 label) and name of a service account (subdomain), in characters.
const MAX_NAMESPACE: usize = 63;
const MAX_ACCOUNT: usize = 253;
const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const ACCOUNT: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A service account of the cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[x_kube(validation = form("self.__namespace__", NAMESPACE, "a namespace has 1 to 63 characters of a-z, 0-9 and -, such as ci")
    .field_path(".namespace"))]
#[x_kube(validation = form("self.name", ACCOUNT, "a service account's name has 1 to 253 characters of a-z, 0-9, - and ., such as deployer")
    .field_path(".name"))]
#[x_kube(validation = Rule::new(format!("self.__namespace__.size() + self.name.size() < {MAX_SUBJECT}"))
    .message(format!("namespace and name have less than {MAX_SUBJECT} characters together").as_str()))]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Its namespace.
    #[schemars(length(max = MAX_NAMESPACE))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = MAX_ACCOUNT))]
    pub name: String,
}

impl ServiceAccount {
    /// The service account that a user is, if it is one: the other way round than [`ServiceAccount::user`].
    #[must_use]
    pub fn of(user: &UserId) -> Option<Self> {
        let (SERVICE_ACCOUNT_PROVIDER, subject) = user.split() else { return None };
        let (namespace, name) = subject.split_once(':')?;
        let account = Self { namespace: namespace.to_owned(), name: name.to_owned() };
        account.user().is_ok_and(|again| again == *user).then_some(account)
    }

    /// The user that the service account is: `k8s-<namespace>:<name>`.
    ///
    /// # Errors
    /// No cluster has such a service account, or its names are too long together.
    pub fn user(&self) -> Result<UserId, ServiceAccountError> {
        let Self { namespace, name } = self;
        if !is_label(namespace) || namespace.len() > MAX_NAMESPACE {
            return Err(ServiceAccountError::Namespace);
        }
        if name.len() > MAX_ACCOUNT || !name.split('.').all(is_label) {
            return Err(ServiceAccountError::Name);
        }
        let user = format!("{SERVICE_ACCOUNT_PROVIDER}-{namespace}:{name}");
        user.parse().map_err(|_| ServiceAccountError::TooLong)
    }
}

/// Whether the text is `[a-z0-9]([-a-z0-9]*[a-z0-9])?`.
fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Why something is no service account that can be a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountError {
    /// Its namespace.
    #[error("a namespace has 1 to 63 characters of a-z, 0-9 and -, such as ci")]
    Namespace,
    /// Its name.
    #[error(
        "a service account's name has 1 to 253 characters of a-z, 0-9, - and ., such as deployer"
    )]
    Name,
    /// Both together.
    #[error("namespace and name have less than {MAX_SUBJECT} characters together")]
    TooLong,
}
