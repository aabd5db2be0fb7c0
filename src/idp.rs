//! Identity providers: who somebody is, proved by somebody else.
//!
//! One file per protocol, and one for each way to log in: [`password`], [`token`], [`browser`]. What all protocols share
//! in front is [`provider`]. Must not know groups, tokens of ours, or how requests reach us.

pub mod browser;
mod error;
mod forward;
mod identity;
mod kisee;
pub mod kubernetes;
mod local;
mod mapping;
mod oauth1;
mod oauth2;
mod oauth2_client;
mod oidc;
mod pasee;
mod password;
mod provider;
mod providers;
mod token;

pub use error::ProviderError;
pub use forward::{Forward, ForwardedAnswer, ForwardedRequest};
pub use identity::{Credential, Identity, LoginMethod, MappedGroups};
pub use password::PasswordCredential;
pub use provider::Provider;
pub use providers::{Clusters, Providers, SetupError};
