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
//! | `error` | why a call came to nothing |

mod cached;
mod client;
mod error;
mod limits;
mod response;
mod tls;

pub use cached::{Cached, DEFAULT_AGE, Fetched, Suspicion};
pub use client::{ClientError, HttpClient, Repeat, Trust};
pub use error::CallError;
pub use limits::CallLimits;
pub use response::Response;
pub use tls::TlsClient;
