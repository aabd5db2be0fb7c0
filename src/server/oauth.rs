//! The endpoints of the OpenID provider: what applications ask, and what is answered.
//!
//! A handler reads the request, has `oauth` and `service` judge it, and writes the answer. What is wrong with a request of a client
//! goes to the client, as the protocol says, and to the person only where no client is known. Must not know who may have what.
//!
//! | File | Owns |
//! |---|---|
//! | `asked` | the form of a client's request, and which client it is |
//! | `answer` | errors and tokens as they are sent |
//! | `authorize` | the way through a browser to a code |
//! | `consent` | the page that asks whether a client may know, and who has said so |
//! | `deliver` | an answer that the browser brings to the client |
//! | `device` | logins on another device |
//! | `token` | codes and more for tokens |
//! | `userinfo` | who a token is of |
//! | `manage` | pushed requests, revocation, introspection |
//! | `revocations` | what has ended of late, and the wait for more |
//! | `logout` | the end of a session that a client asks for |

mod answer;
mod asked;
mod authorize;
mod consent;
mod deliver;
mod device;
mod logout;
mod manage;
mod revocations;
mod token;
mod userinfo;

use super::Api;
use super::error::ApiError;

impl Api {
    /// The issuer, where it is one that applications can find.
    fn provider_issuer(&self) -> Result<&str, ApiError> {
        self.well_known.issuer().ok_or(ApiError::NotFound(super::well_known::NO_PROVIDER))
    }
}
