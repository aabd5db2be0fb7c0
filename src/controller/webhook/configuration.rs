//! The API server's configuration of the webhook: what it says, and what is to be said instead.
//!
//! Must not know why.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use serde_json::{Value, json};
use url::Url;

use crate::resources::webhook::ReviewPath;

/// What the API server is told now.
#[derive(Debug)]
pub(super) struct Told {
    place: Place,
    believed: Vec<u8>,
}

/// Where it asks.
#[derive(Debug)]
enum Place {
    /// At the Service, with this path.
    Service { path: String },
    /// Somewhere else, with the text of that address.
    Elsewhere { url: Url, text: String },
}

impl Told {
    /// What a configuration tells; `None` where it says no right place.
    pub(super) fn of(configuration: MutatingWebhookConfiguration) -> Option<Self> {
        let config = configuration.webhooks?.into_iter().next()?.client_config;
        let place = match (config.service, config.url) {
            (Some(service), _) => Place::Service { path: service.path.unwrap_or_default() },
            (None, Some(text)) => Place::Elsewhere { url: text.parse().ok()?, text },
            (None, None) => return None,
        };
        Some(Self { place, believed: config.ca_bundle.map(|pem| pem.0).unwrap_or_default() })
    }

    /// At which path it asks.
    pub(super) fn path(&self) -> &str {
        match &self.place {
            Place::Service { path } => path,
            Place::Elsewhere { url, .. } => url.path(),
        }
    }

    /// Whether it is to believe a certificate of ours.
    pub(super) fn believes_ours(&self) -> bool {
        matches!(self.place, Place::Service { .. })
    }

    /// What it believes, in PEM.
    pub(super) fn believed(&self) -> &[u8] {
        &self.believed
    }

    /// A JSON Patch that says something else, unless the place is another by now.
    pub(super) fn patch(
        &self,
        name: &str,
        path: Option<&ReviewPath>,
        believed: Option<&[u8]>,
    ) -> Value {
        let at = |field: &str| format!("/webhooks/0/clientConfig/{field}");
        let mut patch = vec![json!({ "op": "test", "path": "/webhooks/0/name", "value": name })];
        if let Some(path) = path {
            match &self.place {
                Place::Service { .. } => patch.push(
                    json!({ "op": "add", "path": at("service/path"), "value": path.as_str() }),
                ),
                Place::Elsewhere { url, text } => {
                    let mut url = url.clone();
                    url.set_path(path.as_str());
                    patch.push(json!({ "op": "test", "path": at("url"), "value": text }));
                    patch
                        .push(json!({ "op": "replace", "path": at("url"), "value": url.as_str() }));
                }
            }
        }
        if let Some(bundle) = believed {
            let bundle = STANDARD.encode(bundle);
            patch.push(json!({ "op": "add", "path": at("caBundle"), "value": bundle }));
        }
        Value::Array(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::webhook::LENGTH;

    fn told(config: &Value) -> Option<Told> {
        let configuration = json!({
            "metadata": { "name": "w" },
            "webhooks": [{
                "name": "w", "clientConfig": config, "sideEffects": "None", "admissionReviewVersions": ["v1"],
            }],
        });
        Told::of(serde_json::from_value(configuration).unwrap())
    }

    #[test]
    fn both_places_are_told_the_path() {
        let path = ReviewPath::new([0xab; LENGTH]);
        let secret = path.as_str();
        let service = json!({ "service": { "name": "s", "namespace": "n", "port": 443 } });
        let told_service = told(&service).unwrap();
        assert!(told_service.believes_ours());
        assert_eq!((told_service.path(), told_service.believed()), ("", &b""[..]));
        let named = json!({ "op": "test", "path": "/webhooks/0/name", "value": "w" });
        assert_eq!(
            told_service.patch("w", Some(&path), Some(b"pem")),
            json!([
                named,
                { "op": "add", "path": "/webhooks/0/clientConfig/service/path", "value": secret },
                { "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "cGVt" },
            ])
        );
        let elsewhere = json!({ "url": "https://a.example:8443/x", "caBundle": "cGVt" });
        let elsewhere = told(&elsewhere).unwrap();
        assert!(!elsewhere.believes_ours());
        assert_eq!((elsewhere.path(), elsewhere.believed()), ("/x", &b"pem"[..]));
        let url = "/webhooks/0/clientConfig/url";
        let there = format!("https://a.example:8443{secret}");
        assert_eq!(
            elsewhere.patch("w", Some(&path), None),
            json!([
                named,
                { "op": "test", "path": url, "value": "https://a.example:8443/x" },
                { "op": "replace", "path": url, "value": there },
            ])
        );
        assert_eq!(elsewhere.patch("w", None, None), json!([named]));
        assert_eq!(told(&json!({ "url": there })).unwrap().path(), secret);
        assert!(told(&json!({})).is_none() && told(&json!({ "url": "x" })).is_none());
    }
}
