//! Why the API server cannot be used, in words that say what to do.
//!
//! Must not know what was being done.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::realm::WriteError;
use crate::resources::spelling::NameTooLong;

/// Something is wrong with the API server or on the way to it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It did not answer, or said something unexpected.
    #[error("the Kubernetes API server cannot be used: {0}")]
    Api(#[source] Box<kube::Error>),
    /// It may not be asked for this.
    #[error("the Kubernetes API server refuses: {0}; does the service account have Pasee's Role?")]
    Forbidden(String),
    /// It took too long.
    #[error("the Kubernetes API server did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// Others changed the same objects over and over.
    #[error("others keep changing the same objects")]
    Contended,
    /// The state was not read yet.
    #[error("the state was not read from the Kubernetes API server yet")]
    NotReady,
    /// Too many writes wait already.
    #[error("too many changes are waiting to be written")]
    Crowded,
    /// What was written has not come back within the time.
    #[error("the change was written, but has not come back within {} s", .0.as_secs())]
    Unseen(Duration),
    /// No object can have the group's name.
    #[error(transparent)]
    Unspellable(#[from] NameTooLong),
    /// The store was closed, or its task failed.
    #[error("the store is closed")]
    Closed,
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden(status.message),
            error => Self::Api(Box::new(error)),
        }
    }
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unseen(_) | Fault::Slow(_) => Self::Unconfirmed(Arc::new(fault)),
            fault => Self::Unavailable(Arc::new(fault)),
        }
    }
}

impl Fault {
    /// The HTTP status that the API server answered with, if it did.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => match &**error {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Forbidden(_) => Some(403),
            _ => None,
        }
    }
}
