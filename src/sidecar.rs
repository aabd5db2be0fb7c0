//! The sidecar: who sends a request to an application, whether they may, and what the application is told of them.
//!
//! Owns the proxy in front of an application and the endpoint that other proxies ask; both judge by [`gate`]. Must not know a
//! realm, a store or a key that signs: it believes tokens, as any application could.
//!
//! | File | Owns |
//! |---|---|
//! | `path` | paths that mean the same to everybody |
//! | `host` | hosts that mean the same to everybody |
//! | `target` | what a request asks for |
//! | `rules` | who may send what |
//! | `identity` | who sends a request |
//! | `bearer` | tokens that come with a request |
//! | `identity_headers` | how an application is told |
//! | `gate` | the one judge of a request |
//! | `proxy` | what is let through, passed on |
//! | `revocations` | what has ended before its time |
//! | `login` | browsers that log in |
//! | `check` | the endpoint that other proxies ask |
//! | `reply` | what is answered in the application's place |

pub mod bearer;
pub mod check;
pub mod gate;
pub mod host;
pub mod identity;
pub mod identity_headers;
pub mod login;
pub mod path;
pub mod proxy;
pub mod reply;
pub mod revocations;
pub mod rules;
pub mod target;
