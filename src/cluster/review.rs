//! Tokens reviewed by the API server (`authentication.k8s.io/v1`), and what it publishes of them.
//!
//! Must not know which users are let in.

use bytes::Bytes;
use k8s_openapi::api::authentication::v1::{
    TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use secrecy::{ExposeSecret, SecretString};

use super::outage;
use crate::domain::token::Audience;
use crate::idp::Presence;
use crate::idp::kubernetes::{ApiServer, ApiServerError, Asking, Published, Review};
use crate::jose::json::strict_object;
use crate::outbound::SentSecrets;

/// Where an API server publishes who issues its tokens, and the keys; whatever place the first may name for the second.
const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/openid/v1/jwks";

/// Asks the API server who a token is of.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").finish_non_exhaustive()
    }
}

impl Reviewer {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    async fn ask(&self, token: &str, audience: &str) -> Result<Review, ApiServerError> {
        let asked = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: Some(vec![audience.to_owned()]),
            },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let answered = reviews.create(&PostParams::default(), &asked).await;
        let sent = SentSecrets::from_iter([token]);
        let refused = |error| classify("a review of a token", &error, &sent);
        let status = answered.map_err(refused)?.status;
        status.map(review).ok_or(ApiServerError::InvalidResponse)
    }

    async fn get(&self, path: &str) -> Result<String, ApiServerError> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(|_| ApiServerError::InvalidResponse)?;
        let answered = self.client.request_text(request).await;
        answered.map_err(|error| {
            classify("the cluster's issuer and keys", &error, &SentSecrets::default())
        })
    }
}

impl ApiServer for Reviewer {
    fn review<'a>(&'a self, token: &'a SecretString, audience: &'a Audience) -> Asking<'a, Review> {
        Box::pin(self.ask(token.expose_secret(), audience.as_str()))
    }

    fn published(&self) -> Asking<'_, Published> {
        Box::pin(async {
            let discovery = self.get(DISCOVERY).await?;
            let discovery =
                strict_object(discovery.as_bytes()).map_err(|_| ApiServerError::InvalidResponse)?;
            let issuer = discovery.get("issuer").and_then(serde_json::Value::as_str);
            let issuer = issuer.ok_or(ApiServerError::InvalidResponse)?.to_owned();
            let keys = Bytes::from(self.get(KEYS).await?);
            Ok(Published { issuer, keys })
        })
    }

    /// Its metadata is all that is asked for: what secrets it names is nobody's business.
    fn account<'a>(&'a self, namespace: &'a str, name: &'a str) -> Asking<'a, Presence> {
        Box::pin(async move {
            let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
            match accounts.get_metadata(name).await {
                Ok(_) => Ok(Presence::There),
                // Not what a proxy answers in its place: that has no such reason.
                Err(kube::Error::Api(status))
                    if status.code == 404 && status.reason == "NotFound" =>
                {
                    Ok(Presence::Gone)
                }
                Err(error) => Err(classify("a ServiceAccount", &error, &SentSecrets::default())),
            }
        })
    }
}

fn review(status: TokenReviewStatus) -> Review {
    let UserInfo { extra, groups, uid, username } = status.user.unwrap_or_default();
    Review {
        authenticated: status.authenticated.unwrap_or_default(),
        username: username.unwrap_or_default(),
        uid: uid.unwrap_or_default(),
        groups: groups.unwrap_or_default(),
        audiences: status.audiences.unwrap_or_default(),
        extra: extra.unwrap_or_default(),
        error: status.error.unwrap_or_default(),
    }
}

/// Tells one that is away from one that does not let us ask. Logged here, as nobody else learns the details.
fn classify(asked: &str, error: &kube::Error, sent: &SentSecrets) -> ApiServerError {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            tracing::error!(
                reason = %sent.loggable(&status.message),
                "the Kubernetes API server does not let Pasee ask for {asked}: its account in the cluster needs the verb create \
                 on tokenreviews.authentication.k8s.io, and for offline = true the ClusterRole \
                 system:service-account-issuer-discovery"
            );
            ApiServerError::Forbidden
        }
        kube::Error::Api(status) if status.code == 429 || status.code >= 500 => {
            tracing::warn!(reason = %sent.loggable(&status.message), "the Kubernetes API server has no answer to {asked}");
            ApiServerError::Unreachable
        }
        kube::Error::Api(status) => {
            tracing::warn!(reason = %sent.loggable(&status.message), "the Kubernetes API server refuses {asked}");
            ApiServerError::InvalidResponse
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            tracing::warn!("the Kubernetes API server's answer to {asked} is invalid");
            ApiServerError::InvalidResponse
        }
        error => {
            tracing::warn!(
                error = outage::reason(error),
                "the Kubernetes API server cannot be asked for {asked}"
            );
            ApiServerError::Unreachable
        }
    }
}
