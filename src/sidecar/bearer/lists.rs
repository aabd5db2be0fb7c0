//! Lists of what has ended before its time, believed by the keys that the tokens of the same issuer are believed by.
//!
//! Must not know what a list is good for.

use std::sync::Arc;

use super::trusted::TrustedIssuer;
use crate::domain::time::Timestamp;
use crate::jose::error::VerifyError;
use crate::jose::revocations::RevocationList;
use crate::sidecar::revocations::ReadList;

/// Believes the lists of one issuer.
#[derive(Debug)]
pub struct Lists(Arc<TrustedIssuer>);

impl Lists {
    pub(super) fn of(issuer: Arc<TrustedIssuer>) -> Self {
        Self(issuer)
    }
}

impl ReadList for Lists {
    async fn read(&self, list: &str, now: Timestamp) -> Result<RevocationList, VerifyError> {
        self.0.read_list(list, now).await
    }
}
