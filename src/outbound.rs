//! Calls to other servers, and what they publish: bounded in time, size and number.
//!
//! Must not know what is asked, of whom, nor what an answer means.
//!
//! | File | Owns |
//! |---|---|
//! | `client` | the one HTTP client |
//! | `limits` | how many calls at once, how long each |
//! | `response` | an answer, and what its status says |
//! | `cached` | what others publish, kept |
//! | `tls` | TLS for what is not HTTP |
//! | `trust` | by whose word servers are believed |
//! | `authorities` | files of certificate authorities, read again when they change |
//! | `proxy` | through which proxy a call leaves |
//! | `no_proxy` | what is called without |
//! | `variables` | the proxies of the environment |
//! | `tunnel` | with what status a proxy says no |
//! | `error` | why a call came to nothing |
//! | `words` | what others say, as it may stand in a log |

mod authorities;
mod cached;
mod client;
mod error;
mod limits;
mod no_proxy;
mod proxy;
mod response;
mod tls;
mod trust;
mod tunnel;
mod variables;
mod words;

pub use cached::{Cached, DEFAULT_AGE, Doubted, Fetched, Suspicion};
pub use client::{HttpClient, Repeat};
pub use error::{CallError, ProxyFault};
pub use limits::CallLimits;
pub use no_proxy::{NoProxy, is_this_machine};
pub use proxy::{NotAProxy, Proxies, ProxyServer};
pub use response::Response;
pub use tls::TlsClient;
pub use trust::{ClientError, Trust};
pub use variables::{BadVariable, ProxyVariables};
pub use words::{SentSecrets, loggable};
