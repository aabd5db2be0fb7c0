//! The certificate of the admission webhook: made, renewed, and told to the API server, for servers that have none of their
//! own.
//!
//! It stands in one Secret, which servers read. The API server believes the new one and the one before it, so that each
//! server may come to the new one when it does. Must not know what is judged.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::apply::MANAGER;
use super::lease::{Lost, Tenure};
use crate::domain::time::Timestamp;
use crate::resources::rfc3339;
use crate::resources::webhook::{CERTIFICATE, KEY, SECRET, configuration_name, server_name};

/// Between two looks whether all is right.
const PACE: Duration = Duration::from_secs(30);
/// How long a certificate is good, and when the next is made, in days.
const GOOD_FOR: i64 = 365;
const RENEWED_AFTER: i64 = 240;
const DAY: i64 = 86_400;
/// The annotation of the Secret that says from when on the next certificate is to be made.
const RENEW_AFTER: &str = "pasee.meltylab.fr/webhook-renew-after";

/// Why the certificate is not as it should be.
#[derive(Debug, thiserror::Error)]
enum CertificateError {
    /// This process leads no more.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The Secret to put it in is not there.
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
}

/// What makes certificates for one realm.
pub(super) struct Certificates<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) tenure: &'a Tenure,
    pub(super) clock: fn() -> Timestamp,
}

impl Certificates<'_> {
    /// Sees to it without end. Faults are told once until all is right again.
    pub(super) async fn keep(&self) {
        let mut told = String::new();
        loop {
            match self.ensure().await {
                Ok(()) => told.clear(),
                Err(error) => {
                    let text = error.to_string();
                    if text != told {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the webhook's certificate is not seen to");
                    }
                    told = text;
                }
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn ensure(&self) -> Result<(), CertificateError> {
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let name = configuration_name(self.namespace);
        let Some(configuration) = configurations.get_opt(&name).await.or_else(unasked)? else {
            return Ok(()); // no webhook, or none that this controller may see to
        };
        let webhook = configuration.webhooks.unwrap_or_default().into_iter().next();
        let Some(config) = webhook.map(|webhook| webhook.client_config) else { return Ok(()) };
        if config.service.is_none() {
            return Ok(()); // servers elsewhere have certificates of their own
        }
        let believed = config.ca_bundle.map(|bundle| bundle.0).unwrap_or_default();
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace);
        let secret = secrets.get_opt(SECRET).await?.ok_or(CertificateError::NoSecret)?;
        let data = secret.data.clone().unwrap_or_default();
        let current = data.get(CERTIFICATE).filter(|_| data.contains_key(KEY));
        let current = current.map(|pem| pem.0.clone()).unwrap_or_default();
        if !current.is_empty() && !self.is_due(&secret) {
            if contains(&believed, &current) {
                return Ok(());
            }
            return self.believe(&configurations, &name, &current).await;
        }
        let made = make(self.namespace, (self.clock)())?;
        // First it is believed, then served.
        let both = [made.certificate.as_bytes(), &current].concat();
        self.believe(&configurations, &name, &both).await?;
        let patch = json!({
            "metadata": {
                "resourceVersion": secret.resource_version(),
                "annotations": { RENEW_AFTER: rfc3339::write(made.renewed_after) },
            },
            "data": {
                CERTIFICATE: STANDARD.encode(made.certificate),
                KEY: STANDARD.encode(made.key),
            },
        });
        self.tenure.permit()?;
        secrets.patch(SECRET, &params(), &Patch::Merge(&patch)).await?;
        tracing::info!("the webhook has a new certificate");
        Ok(())
    }

    fn is_due(&self, secret: &Secret) -> bool {
        let after = secret.annotations().get(RENEW_AFTER).and_then(|at| rfc3339::parse(at).ok());
        after.is_none_or(|after| after.floor <= (self.clock)())
    }

    /// Tells the API server which certificates to believe.
    async fn believe(
        &self,
        configurations: &Api<MutatingWebhookConfiguration>,
        name: &str,
        bundle: &[u8],
    ) -> Result<(), CertificateError> {
        let patch: Vec<Value> = vec![
            json!({ "op": "test", "path": "/webhooks/0/name", "value": name }),
            json!({
                "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": STANDARD.encode(bundle),
            }),
        ];
        let patch = serde_json::from_value(Value::Array(patch)).map_err(kube::Error::SerdeError)?;
        self.tenure.permit()?;
        configurations.patch(name, &params(), &Patch::<Value>::Json(patch)).await?;
        Ok(())
    }
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

fn contains(bundle: &[u8], certificate: &[u8]) -> bool {
    bundle.windows(certificate.len().max(1)).any(|part| part == certificate)
}

/// A certificate that is its own authority, and its key, in PEM.
struct Made {
    certificate: String,
    key: String,
    renewed_after: Timestamp,
}

fn make(namespace: &str, now: Timestamp) -> Result<Made, rcgen::Error> {
    let name = server_name(namespace);
    let mut params = CertificateParams::new(vec![name.clone(), format!("{name}.cluster.local")])?;
    params.distinguished_name.push(DnType::CommonName, "the admission webhook of Pasee");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A clock may be behind.
    let (year, month, day) = date(now, -1);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = date(now, GOOD_FOR);
    params.not_after = date_time_ymd(year, month, day);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    let renewed_after = now.after(Duration::from_secs((RENEWED_AFTER * DAY).unsigned_abs()));
    Ok(Made { certificate, key: key.serialize_pem(), renewed_after })
}

/// The day so many days from a moment on, in UTC.
fn date(now: Timestamp, days: i64) -> (i32, u8, u8) {
    let at = jiff::Timestamp::from_second(now.as_unix() + days * DAY);
    let date = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |part: i8| part.unsigned_abs();
    (date.year().into(), part(date.month()), part(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tls;

    #[test]
    fn what_is_made_can_be_served_with() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let made = make("realm", now).unwrap();
        assert!(tls::held("made", made.certificate.as_bytes(), made.key.as_bytes()).is_ok());
        assert_eq!(date(now, -1), (2027, 1, 14));
        assert_eq!(date(now, GOOD_FOR), (2028, 1, 15));
        let bundle = [b"x".to_vec(), made.certificate.clone().into_bytes()].concat();
        assert!(contains(&bundle, made.certificate.as_bytes()));
        assert!(!contains(b"", made.certificate.as_bytes()));
        let again = make("realm", now).unwrap();
        assert_ne!(made.certificate, again.certificate);
    }
}
