//! Identity providers: who somebody is, proved by somebody else.
//!
//! One file per protocol, and one for each login method: [`password`], [`token`], [`browser`]. What all protocols share
//! in front is [`provider`]. Must not know groups, tokens of ours, or how requests reach us.
//!
//! | File | Owns |
//! |---|---|
//! | `provider` | one identity provider: the common face, and the rule that only what the settings let pass does |
//! | `providers` | all that are offered |
//! | `password` | logins by name and password |
//! | `token` | logins by a token that somebody else issued |
//! | `browser` | logins in a browser |
//! | `kisee` | the protocol `kisee` |
//! | `ldap` | `ldap` |
//! | `local` | `local` |
//! | `pasee` | `pasee` |
//! | `kubernetes` | `kubernetes` |
//! | `oauth1` | `oauth1` |
//! | `oauth2` | `oauth2` |
//! | `oidc` | `oidc` |
//! | `oauth2_client` | the calls of the crate `oauth2` |
//! | `renewed` | secrets in files of their own, when those change |
//! | `token_answer` | what is answered to a code |
//! | `egress` | through which proxies providers are called, and by whose word they are believed |
//! | `identity` | credentials, and who somebody is then |
//! | `told` | what a provider says of a user, read as it is meant |
//! | `mapping` | what a provider's claims decide |
//! | `forward` | registration and new passwords, passed on |
//! | `error` | why nobody knows who it is |

pub mod browser;
mod egress;
mod error;
mod forward;
mod identity;
mod kisee;
pub mod kubernetes;
mod ldap;
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
mod renewed;
mod token;
mod token_answer;
mod told;

pub use egress::{Egress, NamedProxy};
pub use error::{AccountState, ProviderError};
pub use forward::{Forward, ForwardedAnswer, ForwardedPlaces, ForwardedRequest, LinkTarget};
pub use identity::{Credential, Identity, LoginMethod, MappedGroups, Presence};
pub use local::HashingThreads;
pub use password::PasswordCredential;
pub use provider::Provider;
pub use providers::{Clusters, Providers, SetupError};
pub use renewed::Renewed;
