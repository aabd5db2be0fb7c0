//! What the API server is told of the admission webhook: at which path it asks, and which certificate it believes.
//!
//! Both stand in one Secret, which servers read. The API server alone knows the path, so whoever else reaches the servers is not
//! answered. Each is renewed so that servers and API server may come to the new one when they do. Must not know what is judged.
//!
//! | File | Owns |
//! |---|---|
//! | `path` | when there is to be another path |
//! | `certificate` | when there is to be another certificate, and how it is made |
//! | `configuration` | the API server's configuration, read and patched |

mod certificate;
mod configuration;
mod path;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use self::certificate::Certificates;
use self::configuration::{Believes, Told};
use super::apply::MANAGER;
use super::lease::{Lost, Tenure};
use crate::domain::time::Timestamp;
use crate::resources::rfc3339;
use crate::resources::webhook::{
    CERTIFICATE, KEY, LENGTH, PATHS, ReviewPath, ReviewPaths, SECRET, configuration_name,
};

/// Between two looks whether all is right. Who applies the configuration once more may have taken the path out of it, and nothing
/// is judged until it is there again.
const PACE: Duration = Duration::from_secs(5);

/// Why the webhook is not as it should be.
#[derive(Debug, thiserror::Error)]
enum WebhookError {
    /// This process leads no more.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The Secret to put everything in is not there.
    #[error("the Secret {SECRET} is not there; apply what pasee policy prints")]
    NoSecret,
    /// The API server refused or did not answer.
    #[error(
        "the API server did not take it; may the controller, as what pasee policy prints says?"
    )]
    Refused(#[from] kube::Error),
    /// No key could be made.
    #[error("no certificate could be made")]
    NotMade(#[from] rcgen::Error),
    /// The system gave no random bytes.
    #[error("no path could be made: the system gives no random bytes ({0})")]
    NoRandom(getrandom::Error),
}

/// What sees to the webhook of one realm.
pub(super) struct Keeper<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) tenure: &'a Tenure,
    pub(super) clock: fn() -> Timestamp,
}

impl Keeper<'_> {
    /// Sees to it without end. Faults are told once until all is right again.
    pub(super) async fn keep(&self) {
        let (mut told, mut believes) = (String::new(), None);
        loop {
            match self.ensure().await {
                Ok(found) => {
                    if found == Some(Believes::Theirs) && believes != found {
                        tracing::info!(
                            "caBundle of the webhook is somebody else's and is left as it is: servers need cert_file and \
                             key_file in [webhook]"
                        );
                    }
                    believes = found;
                    told.clear();
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != told {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the webhook is not seen to");
                    }
                    told = text;
                }
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Sees to it once; gives whose certificate the API server believes, where there is a webhook.
    async fn ensure(&self) -> Result<Option<Believes>, WebhookError> {
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let name = configuration_name(self.namespace);
        let found = configurations.get_opt(&name).await.or_else(unasked)?;
        // No webhook, or none that this controller may see to.
        let Some(told) = found.and_then(Told::of) else { return Ok(None) };
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace);
        let secret = secrets.get_opt(SECRET).await?.ok_or(WebhookError::NoSecret)?;
        if self.renew_path(&secrets, &secret, &told).await? {
            return Ok(Some(told.believes())); // at the next look servers have heard of it, and the API server is told
        }
        let paths = paths(&secret);
        let path = paths.current().filter(|path| !path.is(told.path()));
        let certificates = Certificates::of(&secret);
        let change = match told.believes() {
            Believes::Ours => {
                certificates.change(told.believed(), self.namespace, (self.clock)())?
            }
            Believes::Theirs | Believes::Elsewhere => None,
        };
        let bundle = change.as_ref().map(|change| &*change.believed);
        if path.is_some() || bundle.is_some() {
            let patch = told.patch(&name, path, bundle);
            let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
            self.tenure.permit()?;
            match configurations.patch(&name, &params(), &Patch::<Value>::Json(patch)).await {
                // Somebody has changed it since it was read; what they say is seen at the next look.
                Err(kube::Error::Api(status)) if status.is_conflict() => {
                    return Ok(Some(told.believes()));
                }
                patched => drop(patched?),
            }
        }
        // What is served with is believed first.
        if let Some(made) = change.and_then(|change| change.made) {
            let data = json!({
                CERTIFICATE: STANDARD.encode(&made.certificate),
                KEY: STANDARD.encode(&made.key),
            });
            let annotation = (certificate::RENEW_AFTER, made.renewed_after);
            self.write(&secrets, &secret, annotation, data).await?;
            tracing::info!("the webhook has a new certificate");
        }
        Ok(Some(told.believes()))
    }

    /// Has other paths stand in the Secret when their time has come; says whether it had.
    async fn renew_path(
        &self,
        secrets: &Api<Secret>,
        secret: &Secret,
        told: &Told,
    ) -> Result<bool, WebhookError> {
        let (now, paths) = ((self.clock)(), paths(secret));
        let renew_after = moment(secret, path::RENEW_AFTER);
        let (paths, renew_after) = match path::step(&paths, told.path(), renew_after, now) {
            path::Step::Keep => return Ok(false),
            path::Step::Renew(renew_after) => {
                let mut random = [0; LENGTH];
                getrandom::fill(&mut random).map_err(WebhookError::NoRandom)?;
                tracing::info!("the webhook has a new path");
                (paths.renewed(ReviewPath::new(random)), renew_after)
            }
            path::Step::Forget(renew_after) => (paths.without_former(), renew_after),
        };
        let data = json!({ PATHS: STANDARD.encode(paths.to_text()) });
        self.write(secrets, secret, (path::RENEW_AFTER, renew_after), data).await?;
        Ok(true)
    }

    /// Writes to the Secret, unless somebody else has since it was read.
    async fn write(
        &self,
        secrets: &Api<Secret>,
        secret: &Secret,
        (annotation, at): (&str, Timestamp),
        data: Value,
    ) -> Result<(), WebhookError> {
        let patch = json!({
            "metadata": {
                "resourceVersion": secret.resource_version(),
                "annotations": { annotation: rfc3339::write(at) },
            },
            "data": data,
        });
        self.tenure.permit()?;
        secrets.patch(SECRET, &params(), &Patch::Merge(&patch)).await?;
        Ok(())
    }
}

fn paths(secret: &Secret) -> ReviewPaths {
    let data = secret.data.as_ref().and_then(|data| data.get(PATHS));
    data.map_or_else(ReviewPaths::default, |text| ReviewPaths::read(&text.0))
}

/// The moment that an annotation tells.
fn moment(secret: &Secret, annotation: &str) -> Option<Timestamp> {
    let at = secret.annotations().get(annotation)?;
    rfc3339::parse(at).ok().map(|at| at.floor)
}

/// Where there is no webhook the controller may not ask for one, and need not.
fn unasked(error: kube::Error) -> Result<Option<MutatingWebhookConfiguration>, kube::Error> {
    match error {
        kube::Error::Api(status) if status.is_forbidden() => Ok(None),
        error => Err(error),
    }
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}
