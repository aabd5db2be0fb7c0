//! Where a provider is called, and through which proxy its settings say.
//!
//! Must not call anybody.

use url::{Host, Url};

use super::{IdentityProvider, Protocol};
use crate::settings::outbound::ProxyChoice;
use crate::settings::reader::Table;

impl IdentityProvider {
    /// The places of it that its settings name and Pasee calls over HTTP.
    #[must_use]
    pub fn places(&self) -> Vec<&Url> {
        match &self.protocol {
            Protocol::Kisee(kisee) => vec![&kisee.endpoint],
            Protocol::Pasee(pasee) => vec![&pasee.endpoint],
            Protocol::OAuth1(oauth1) => {
                vec![&oauth1.request_token_url, &oauth1.access_token_url]
            }
            Protocol::OAuth2(oauth2) => {
                let extra = oauth2.extra_user_info.iter().map(|(_, place)| place);
                [&oauth2.token_url, &oauth2.user_info_url].into_iter().chain(extra).collect()
            }
            Protocol::Oidc(oidc) => vec![&oidc.discovery],
            Protocol::Local(_) | Protocol::Kubernetes(_) | Protocol::Ldap(_) => Vec::new(),
        }
    }

    /// What its own settings say of a proxy.
    #[must_use]
    pub fn proxy(&self) -> &ProxyChoice {
        match &self.protocol {
            Protocol::Kisee(kisee) => &kisee.proxy,
            Protocol::Pasee(pasee) => &pasee.proxy,
            Protocol::OAuth1(oauth1) => &oauth1.proxy,
            Protocol::OAuth2(oauth2) => &oauth2.proxy,
            Protocol::Oidc(oidc) => &oidc.proxy,
            Protocol::Local(_) | Protocol::Kubernetes(_) | Protocol::Ldap(_) => {
                &ProxyChoice::Unsaid
            }
        }
    }
}

/// A place on this machine may be called in the clear, as nobody listens in: a proxy elsewhere would, and would call its own
/// machine besides.
pub(super) fn refuse_detour(table: &Table<'_>, provider: &IdentityProvider) {
    let ProxyChoice::Through(proxy) = provider.proxy() else { return };
    let is_here = provider.places().into_iter().any(is_this_machine);
    if proxy.is_near() || !is_here {
        return;
    }
    let settings = table.table("settings");
    let item = settings.and_then(|table| table.text("proxy").or_else(|| table.text("proxy_file")));
    if let Some(item) = item {
        item.error(
            "leads away from this machine, on which the provider is; a right one is \"none\", or a proxy on this machine",
        );
    }
}

fn is_this_machine(place: &Url) -> bool {
    match place.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
