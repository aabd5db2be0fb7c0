//! What the admission webhook is called in a cluster: by whoever installs it, answers it, and makes its certificate.
//!
//! Must not know what is judged.
//!
//! | File | Owns |
//! |---|---|
//! | `path` | the secret path at which reviews are asked for |

mod path;

pub use path::{LENGTH, ReviewPath, ReviewPaths};

use super::API_GROUP;
use super::permission::Permission;

/// The Service in the realm's namespace behind which `pasee serve` answers.
pub const SERVICE: &str = "pasee-webhook";
/// The port that `pasee serve` answers on, unless the settings name another.
pub const PORT: u16 = 8443;
/// What the API server's configuration makes of the claim `scope`, for whoever shows it a token: how far that reaches.
pub const SCOPE: &str = "pasee.meltylab.fr/scope";
/// The same of the claim `sid`: of which session that is.
pub const SESSION: &str = "pasee.meltylab.fr/sid";
/// The same of the claim `rev`: the revocation that was in force when the session began.
pub const REVOCATION: &str = "pasee.meltylab.fr/rev";
/// The Secret with what Pasee makes for itself in a namespace.
pub const SECRET: &str = "pasee-keys";
/// The certificate in it, in PEM.
pub const CERTIFICATE: &str = "webhook.crt";
/// Its private key, in PEM.
pub const KEY: &str = "webhook.key";
/// The paths in it at which reviews are asked for ([`ReviewPaths`]).
pub const PATHS: &str = "webhook.paths";

/// What a server needs to answer reviews.
pub const ANSWER: Permission = Permission {
    api_group: "",
    resource: "secrets",
    names: &[SECRET],
    verbs: &["get"],
    reason: "the webhook's path, and its certificate",
};

/// The MutatingWebhookConfiguration of the realm in a namespace. Namespaces have no dot, so no two realms share one.
#[must_use]
pub fn configuration_name(namespace: &str) -> String {
    format!("webhook.{namespace}.{API_GROUP}")
}

/// The name that the API server asks for when it calls the Service.
#[must_use]
pub fn server_name(namespace: &str) -> String {
    format!("{SERVICE}.{namespace}.svc")
}
