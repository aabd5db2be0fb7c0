//! Carries out plans, step by step, as long as this process leads.
//!
//! Every write names the object's UID and the version that the plan was made from: what has changed in the meantime, or
//! was deleted and made again, is never written to. Must not know why a step is to be done.

use std::future::Future;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, Request};
use kube::core::request;
use kube::runtime::events::{self, Recorder, Reporter};
use kube::{Api, Client, Resource, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lease::{Lost, Tenure};
use super::plan::{Annotation, Event, Plan, Step};
use crate::resources::Membership;

/// The field manager of everything that the controller writes.
pub const MANAGER: &str = "pasee-controller";

/// The longest note of an Event, in bytes (as events.k8s.io bounds it, and a few less).
const MAX_NOTE: usize = 1_000;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This process leads no more.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The object is not what the plan was made from any more; a new plan is needed.
    #[error("it has changed in the meantime")]
    Changed,
    /// The API server refused or did not answer.
    #[error("the API server did not take it")]
    Refused(#[source] Box<kube::Error>),
    /// The same of a Membership that was to enrol a creator.
    #[error("the API server did not take the Membership of the creator")]
    NotMade(#[source] Box<kube::Error>),
}

/// Writes to one realm while this process leads.
#[derive(Clone)]
pub struct Writer {
    pub(super) client: Client,
    pub(super) namespace: String,
    tenure: Arc<Tenure>,
    recorder: Recorder,
}

impl Writer {
    /// A writer that stops with the tenure.
    #[must_use]
    pub fn new(client: Client, namespace: &str, tenure: Arc<Tenure>, identity: &str) -> Self {
        let reporter =
            Reporter { controller: MANAGER.to_owned(), instance: Some(identity.to_owned()) };
        let recorder = Recorder::new(client.clone(), reporter);
        Self { client, namespace: namespace.to_owned(), tenure, recorder }
    }

    /// Carries out a plan. Gives the Memberships that it made.
    ///
    /// # Errors
    /// A step was not done; those after it were not tried.
    pub async fn carry_out<K, S>(
        &self,
        object: &K,
        plan: Plan<S>,
    ) -> Result<Vec<Membership>, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        S: Serialize,
    {
        let objects = Request::new(K::url_path(&(), Some(&self.namespace)));
        let (name, params) = (object.name_any(), PatchParams::apply(MANAGER).force());
        let mut version = object.resource_version();
        let mut made = Vec::new();
        for step in plan.steps {
            match step {
                Step::Own(owner) => {
                    let metadata = json!({ "ownerReferences": [owner.reference()] });
                    let patch = Patch::Apply(patch(object, version, metadata, None));
                    version = self.patch(objects.patch(&name, &params, &patch)).await?;
                }
                Step::Enrol(membership) => {
                    let api = Api::<Membership>::namespaced(self.client.clone(), &self.namespace);
                    let params = PostParams {
                        field_manager: Some(MANAGER.to_owned()),
                        ..Default::default()
                    };
                    let written = self.write(api.create(&params, &membership)).await;
                    made.push(written.map_err(|error| match error {
                        ApplyError::Refused(error) => ApplyError::NotMade(error),
                        error => error,
                    })?);
                }
                Step::Annotate(Annotation { key, value }) => {
                    // Merged: what is applied under this manager's name is all that it wants of the metadata.
                    let metadata = json!({ "annotations": { key: value } });
                    let merge = Patch::Merge(patch(object, version, metadata, None));
                    version = self.patch(objects.patch(&name, &merging(), &merge)).await?;
                }
                Step::Revoke(user, now) => {
                    let own = self.revoke(&user, now).await?;
                    // It is our own object that bans: what follows is written to the one that there is now.
                    if own.uid() == object.uid() {
                        version = own.resource_version();
                    }
                }
                Step::Delete => {
                    let exactly =
                        Preconditions { uid: object.uid(), resource_version: version.clone() };
                    let params = DeleteParams::background().preconditions(exactly);
                    let request = objects.delete(&name, &params);
                    self.gone(request).await?;
                    tracing::info!(kind = %K::kind(&()), name, "deleted: it ended long ago");
                }
                Step::Status(status) => {
                    let patch =
                        Patch::Apply(patch(object, version, json!({}), Some(json!(status))));
                    let request = objects.patch_subresource("status", &name, &params, &patch);
                    version = self.patch(request).await?;
                }
                Step::Record(event) => self.record(event, &object.object_ref(&())).await,
            }
        }
        Ok(made)
    }

    /// Patches an object; gives the version that it has then. Of the answer nothing else is read: it need not be readable,
    /// as what was written to need not be.
    async fn patch(
        &self,
        request: Result<http::Request<Vec<u8>>, request::Error>,
    ) -> Result<Option<String>, ApplyError> {
        let request = request
            .map_err(|error| ApplyError::Refused(Box::new(kube::Error::BuildRequest(error))))?;
        let written: Written = self.write(self.client.request(request)).await?;
        Ok(written.metadata.resource_version)
    }

    /// Deletes an object. Whatever the answer holds is of no use any more.
    async fn gone(
        &self,
        request: Result<http::Request<Vec<u8>>, request::Error>,
    ) -> Result<(), ApplyError> {
        let request = request
            .map_err(|error| ApplyError::Refused(Box::new(kube::Error::BuildRequest(error))))?;
        self.write(self.client.request::<Value>(request)).await.map(drop)
    }

    /// Awaits one write, no longer than this process leads.
    pub(super) async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApplyError> {
        let end = self.tenure.permit()?;
        match tokio::time::timeout_at(end, write).await {
            Err(_) => Err(Lost.into()),
            Ok(Ok(written)) => Ok(written),
            // 404: it is gone. 409: another version, another UID, or a name that is taken by now.
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
                Err(ApplyError::Changed)
            }
            Ok(Err(error)) => Err(ApplyError::Refused(Box::new(error))),
        }
    }

    async fn record(&self, event: Event, object: &ObjectReference) {
        let Event { type_, reason, mut message } = event;
        message.truncate(message.floor_char_boundary(MAX_NOTE));
        let action = "Reconcile".to_owned();
        let event = events::Event { type_, reason, note: Some(message), action, secondary: None };
        if let Err(error) = self.write(self.recorder.publish(&event, object)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "an Event is not sent");
        }
    }
}

fn merging() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// An object that was written, as far as it matters.
#[derive(Deserialize)]
struct Written {
    metadata: Versioned,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned {
    resource_version: Option<String>,
}

/// What is sent to the API server: the object's identity and version, and what is written.
fn patch<K>(object: &K, version: Option<String>, metadata: Value, status: Option<Value>) -> Value
where
    K: Resource<DynamicType = ()>,
{
    let mut patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": metadata,
    });
    patch["metadata"]["name"] = json!(object.name_any());
    patch["metadata"]["uid"] = json!(object.uid());
    patch["metadata"]["resourceVersion"] = json!(version);
    if let Some(status) = status {
        patch["status"] = status;
    }
    patch
}
