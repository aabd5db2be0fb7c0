//! Forgets ended sessions that would be over anyway: their objects are deleted, an hour after the last of them.
//!
//! Must not know whose sessions they are.

use std::time::Duration;

use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use tokio::time::timeout_at;

use super::lease::{Lost, Tenure};
use super::past::Past;
use crate::domain::time::Timestamp;
use crate::resources::{Received, SessionRevocations, session_revocations};

/// Between two looks.
const PACE: Duration = Duration::from_secs(600);
/// After a fault.
const PAUSE: Duration = Duration::from_secs(30);
/// Objects of 35 KB in one answer.
const PAGE: u32 = 50;
/// How far the clocks of servers may be behind this one.
const LEEWAY: Duration = Duration::from_secs(3600);

/// Why they are not forgotten.
#[derive(Debug, thiserror::Error)]
enum ForgetError {
    /// This process leads no more.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The API server refused or did not answer.
    #[error("the API server did not do it; may the controller, as what pasee policy prints says?")]
    Refused(#[from] kube::Error),
}

/// What forgets the ended sessions of one realm.
pub(super) struct Forgetting<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) tenure: &'a Tenure,
    pub(super) past: &'a Past,
}

impl Forgetting<'_> {
    /// Sees to it without end.
    pub(super) async fn keep(&self) {
        loop {
            let pause = match self.forget().await {
                Ok(()) => PACE,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "ended sessions are not forgotten");
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn forget(&self) -> Result<(), ForgetError> {
        let objects: Api<Received<SessionRevocations>> =
            Api::namespaced(self.client.clone(), self.namespace);
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = self.call(objects.list(&page)).await?;
            for object in &list.items {
                let Received::Readable(object) = object else { continue };
                if self.past.end().is_some_and(|past| is_over(object, past)) {
                    self.delete(object).await?;
                }
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(()),
            }
        }
    }

    /// Deletes exactly this object, while nobody has changed it.
    async fn delete(&self, object: &SessionRevocations) -> Result<(), ForgetError> {
        let (uid, resource_version) = (object.uid(), object.resource_version());
        let exactly = Preconditions { uid, resource_version };
        let parameters = DeleteParams::background().preconditions(exactly);
        let objects: Api<SessionRevocations> = Api::namespaced(self.client.clone(), self.namespace);
        match self.call(objects.delete(&object.name_any(), &parameters)).await {
            Ok(_) => Ok(()),
            Err(ForgetError::Refused(kube::Error::Api(status)))
                if matches!(status.code, 404 | 409) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// One call, no longer than this process leads.
    async fn call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, ForgetError> {
        let end = self.tenure.permit()?;
        Ok(timeout_at(end, call).await.map_err(|_| Lost)??)
    }
}

/// Whether all of the sessions would be over for every server.
fn is_over(object: &SessionRevocations, past: Timestamp) -> bool {
    session_revocations::parse(object).is_ok_and(|content| content.until.after(LEEWAY) <= past)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_for_all_servers_is_forgotten() {
        let object = |until: &str| {
            let sessions = vec!["0".repeat(32)];
            let (until, users) = (until.to_owned(), <_>::default());
            let spec = session_revocations::SessionRevocationsSpec { until, sessions, users };
            SessionRevocations::new("x", spec)
        };
        let now = Timestamp::from_unix(90_000).unwrap();
        assert!(is_over(&object("1970-01-02T00:00:00Z"), now));
        assert!(!is_over(&object("1970-01-02T00:00:01Z"), now));
        assert!(!is_over(&object("9999-12-31T23:59:59Z"), now));
        assert!(!is_over(&object("soon"), now), "nobody knows");
    }
}
