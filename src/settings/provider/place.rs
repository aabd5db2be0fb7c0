//! Places of providers that log in by a browser, and what keeps others from listening in on the way there.
//!
//! Must not call anybody.

use url::{Host, Url};

use crate::settings::reader::Item;

/// Whether what is sent to a provider may go in the clear to other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Never.
    Safe,
    /// As the settings say in as many words.
    Clear,
}

/// A place of a provider: https, or http on this machine, where nobody listens in, or where the settings say that nobody does.
pub(super) fn provider_url(item: &Item<'_, &str>, transport: Transport) -> Option<Url> {
    let is_clear = |url: &Url| url.scheme() == "http" && transport == Transport::Clear;
    let url = item.value.parse::<Url>().ok();
    let url = url.filter(|url| is_bare(url) && (is_safe(url) || is_clear(url)));
    if url.is_none() {
        item.error(
            "is no place to send a secret to; a right one is \"https://id.example.com/token\": https (http for this machine \
             only, or beside plain_http), without user and fragment",
        );
    }
    url
}

/// Whether what is sent there is read by nobody else.
pub(super) fn is_safe(url: &Url) -> bool {
    is_bare(url) && (url.scheme() == "https" || is_here(url))
}

fn is_bare(url: &Url) -> bool {
    url.has_host()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Whether calls in the clear to it stay on this machine.
pub(super) fn is_here(url: &Url) -> bool {
    let stays = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && stays
}
