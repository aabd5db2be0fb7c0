//! Why the API server cannot be used, in words that say what to do.
//!
//! Must not know what was being done.

use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use super::object::Kind;
use crate::cluster::live::LiveError;
use crate::cluster::root_staff::GuardError;
use crate::domain::realm::WriteError;

/// Something is wrong with the API server or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or said something unexpected.
    #[error("the Kubernetes API server cannot be used: {0}")]
    Api(#[source] Box<kube::Error>),
    /// It may not be asked for this.
    #[error(
        "the Kubernetes API server refuses: {0}; give this account the role of Pasee's server, which pasee policy prints \
         with what binds it (and is the namespace the right one?)"
    )]
    Forbidden(String),
    /// A ResourceQuota of the namespace is used up.
    #[error("a ResourceQuota of the namespace is used up: {0}")]
    Full(String),
    /// There is no such namespace.
    #[error(
        "there is no namespace {0} in the cluster: correct namespace in the settings, or make it with kubectl create \
         namespace {0} and apply what pasee policy prints"
    )]
    NoNamespace(String),
    /// It knows no Groups, Memberships and Users.
    #[error(
        "the Kubernetes API server does not know Pasee's resources: apply what pasee crd prints"
    )]
    NoDefinitions,
    /// The state cannot be read, for a reason that was told.
    #[error("{0}")]
    Unread(String),
    /// The last change was not written.
    #[error("the last change could not be written to the Kubernetes API server")]
    Unwritten,
    /// It does not say who the author of a change is now.
    #[error("whether a change is permitted still cannot be judged")]
    Unjudged(#[from] LiveError),
    /// It does not say who is left on the root staff.
    #[error("whether somebody stays on the root staff cannot be judged: {0}")]
    Unguarded(#[source] GuardError),
    /// It took too long.
    #[error("the Kubernetes API server did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// It answers what it was asked later.
    #[error(
        "the Kubernetes API server lets a question hang, and answers others: it is asked once more"
    )]
    Overtaken,
    /// An object that is to be changed cannot be read before: nothing is done.
    #[error("what is to be changed cannot be read")]
    NotRead(#[source] Box<StoreError>),
    /// Others changed the same objects over and over.
    #[error("others keep changing the same objects")]
    Contended,
    /// An earlier group of the same name cannot be removed.
    #[error("an earlier Group of the same name is still being deleted; does it have finalizers?")]
    Lingers,
    /// The state was not read yet.
    #[error("the state was not read from the Kubernetes API server yet")]
    NotReady,
    /// Too many writes wait already.
    #[error("too many changes are waiting to be written")]
    Crowded,
    /// What was written has not come back within the time.
    #[error("the change was written, but has not come back within {} s", .0.as_secs())]
    Unseen(Duration),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Randomness(getrandom::Error),
    /// The store was closed, or its task failed.
    #[error("the store is closed")]
    Closed,
}

impl From<kube::Error> for StoreError {
    fn from(error: kube::Error) -> Self {
        match error {
            // As the API server's admission of quotas says it; it has no reason of its own.
            kube::Error::Api(status)
                if status.is_forbidden() && status.message.contains("exceeded quota") =>
            {
                Self::Full(status.message)
            }
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden(status.message),
            // Of a resource that it knows, it says which object is not there.
            kube::Error::Api(status) if status.code == 404 && status.details.is_none() => {
                Self::NoDefinitions
            }
            error => Self::Api(Box::new(error)),
        }
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(message) => {
                tracing::error!(%message, "the namespace is full");
                let kinds = [Kind::Group, Kind::Membership, Kind::User].map(Kind::plural);
                let named =
                    kinds.into_iter().find(|kind| message.contains(&format!("count/{kind}.")));
                Self::Full(named.unwrap_or("objects"))
            }
            error if error.leaves_doubt() => Self::Unconfirmed(Arc::new(error)),
            error => Self::Unavailable(Arc::new(error)),
        }
    }
}

impl StoreError {
    /// Whether what was asked for may have been done all the same.
    fn leaves_doubt(&self) -> bool {
        match self {
            Self::Unseen(_) | Self::Slow(_) => true,
            Self::Api(error) => match &**error {
                // Also 503: whoever stands between says so too of an answer that did not come.
                kube::Error::Api(status) => status.code >= 500,
                error => !is_refusal(error),
            },
            _ => false,
        }
    }

    /// Whether the API server, or etcd behind it, was not there: whatever is there next may be another state.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Api(error) => match &**error {
                kube::Error::Api(status) => status.code >= 500,
                kube::Error::Service(_) | kube::Error::HyperError(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// The HTTP status that the API server answered with, if it did.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => match &**error {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Forbidden(_) | Self::Full(_) => Some(403),
            Self::NoDefinitions => Some(404),
            _ => None,
        }
    }
}

/// Whether nobody was there to be asked.
fn is_refusal(error: &kube::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let error_of_system = error.downcast_ref::<std::io::Error>();
        if error_of_system.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}
