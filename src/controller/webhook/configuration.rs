//! The API server's configuration of the webhook: what it says, and what is to be said instead.
//!
//! Whose its `caBundle` is belongs to what it says: only one that is ours is ever to be another. Must not know why.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::ResourceExt;
use serde_json::{Value, json};
use url::Url;

use super::certificate;
use crate::resources::webhook::ReviewPath;

/// Annotations by which cert-manager's cainjector is asked to fill `caBundle` in.
const INJECTED: [&str; 3] = [
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
];

/// What the API server is told now.
#[derive(Debug)]
pub(super) struct Told {
    place: Place,
    believed: Vec<u8>,
    believes: Believes,
    version: Option<String>,
}

/// Whose certificate it believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Believes {
    /// One of ours, or none yet: the controller says which.
    Ours,
    /// Somebody else's, at the Service.
    Theirs,
    /// That of servers elsewhere, which have their own.
    Elsewhere,
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
        let version = configuration.resource_version();
        let is_injected = configuration.annotations().keys().any(|key| INJECTED.contains(&&**key));
        let config = configuration.webhooks?.into_iter().next()?.client_config;
        let place = match (config.service, config.url) {
            (Some(service), _) => Place::Service { path: service.path.unwrap_or_default() },
            (None, Some(text)) => Place::Elsewhere { url: text.parse().ok()?, text },
            (None, None) => return None,
        };
        let believed = config.ca_bundle.map(|pem| pem.0).unwrap_or_default();
        let believes = match place {
            Place::Elsewhere { .. } => Believes::Elsewhere,
            Place::Service { .. } if is_injected || !certificate::are_ours(&believed) => {
                Believes::Theirs
            }
            Place::Service { .. } => Believes::Ours,
        };
        Some(Self { place, believed, believes, version })
    }

    /// At which path it asks.
    pub(super) fn path(&self) -> &str {
        match &self.place {
            Place::Service { path } => path,
            Place::Elsewhere { url, .. } => url.path(),
        }
    }

    /// Whose certificate it believes.
    pub(super) fn believes(&self) -> Believes {
        self.believes
    }

    /// What it believes, in PEM.
    pub(super) fn believed(&self) -> &[u8] {
        &self.believed
    }

    /// A JSON Patch that says something else, unless the place is another by now; what is believed, unless anything is.
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
            // Somebody may be putting theirs there at this moment: then the API server answers 409.
            if let Some(version) = &self.version {
                let at = "/metadata/resourceVersion";
                patch.push(json!({ "op": "replace", "path": at, "value": version }));
            }
            patch.push(json!({ "op": "add", "path": at("caBundle"), "value": bundle }));
        }
        Value::Array(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::webhook::certificate::pem_of;
    use crate::resources::webhook::LENGTH;

    fn told(config: &Value) -> Option<Told> {
        annotated(config, &json!({}))
    }

    fn annotated(config: &Value, annotations: &Value) -> Option<Told> {
        let configuration = json!({
            "metadata": { "name": "w", "resourceVersion": "7", "annotations": annotations },
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
        assert_eq!(told_service.believes(), Believes::Ours);
        assert_eq!((told_service.path(), told_service.believed()), ("", &b""[..]));
        let named = json!({ "op": "test", "path": "/webhooks/0/name", "value": "w" });
        let said = json!({ "op": "add", "path": "/webhooks/0/clientConfig/service/path", "value": secret });
        assert_eq!(
            told_service.patch("w", Some(&path), Some(b"pem")),
            json!([
                named,
                said,
                { "op": "replace", "path": "/metadata/resourceVersion", "value": "7" },
                { "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "cGVt" },
            ])
        );
        assert_eq!(told_service.patch("w", Some(&path), None), json!([named, said]));
        let elsewhere = json!({ "url": "https://a.example:8443/x", "caBundle": "cGVt" });
        let elsewhere = told(&elsewhere).unwrap();
        assert_eq!(elsewhere.believes(), Believes::Elsewhere);
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

    #[test]
    fn what_others_have_it_believe_is_theirs() {
        let [ours, before] = ["realm", "other"].map(|realm| pem_of(realm).into_bytes());
        let theirs = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let theirs = theirs.cert.pem().into_bytes();
        let believes = |bundle: &[u8], annotations: &Value| {
            let service = json!({ "name": "s", "namespace": "n" });
            let config = json!({ "service": service, "caBundle": STANDARD.encode(bundle) });
            annotated(&config, annotations).unwrap().believes()
        };
        let none = json!({});
        for (bundle, wanted) in [
            (b"".to_vec(), Believes::Ours),
            (b" \n".to_vec(), Believes::Ours),
            (ours.clone(), Believes::Ours),
            ([&*ours, &before].concat(), Believes::Ours),
            (theirs.clone(), Believes::Theirs),
            ([&*theirs, &ours].concat(), Believes::Theirs),
            ([&*ours, &theirs].concat(), Believes::Theirs),
            // What cannot be read was not made here.
            (b"no certificate".to_vec(), Believes::Theirs),
            (ours[..ours.len() / 2].to_vec(), Believes::Theirs),
        ] {
            let text = String::from_utf8_lossy(&bundle);
            assert_eq!(believes(&bundle, &none), wanted, "{text}");
            for key in INJECTED {
                assert_eq!(believes(&bundle, &json!({ key: "pasee/webhook" })), Believes::Theirs);
            }
            let other = json!({ "cert-manager.io/other": "x", "inject-ca-from": "x" });
            assert_eq!(believes(&bundle, &other), wanted, "{text}");
        }
    }
}
