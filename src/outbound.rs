//! Calls to other servers, and what they publish: bounded in time, size and number.
//!
//! Must not know what is asked, of whom, nor what an answer means.

mod cached;
mod client;
mod error;
mod limits;
mod response;

pub use cached::{Cached, DEFAULT_AGE, Fetched};
pub use client::{ClientError, HttpClient, Repeat, Trust};
pub use error::CallError;
pub use limits::CallLimits;
pub use response::Response;
