//! How identity providers are called, by the settings and the environment: through which proxies, and by whose word they are
//! believed.
//!
//! Owns which of the three that say something about a proxy counts: the provider's own settings, `[outbound]`, the
//! environment. Must not know how a proxy is spoken to.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use url::Url;

use super::error::ProviderError;
use crate::outbound::{
    BadVariable, ClientError, HttpClient, NoProxy, Proxies, ProxyServer, ProxyVariables, Repeat,
    Trust,
};
use crate::settings::{IdentityProvider, Outbound, ProxyChoice, ProxyUrl};

/// How identity providers are called.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    settings: Outbound,
    variables: ProxyVariables,
}

/// A proxy that a provider is called through, and who names it.
#[derive(Clone, Debug)]
pub struct NamedProxy {
    proxy: ProxyServer,
    by: &'static str,
}

impl fmt::Display for NamedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.proxy, self.by)
    }
}

impl Egress {
    /// By the settings and what variables say; the environment's are [`ProxyVariables::of_this_process`].
    #[must_use]
    pub fn new(settings: &Outbound, variables: ProxyVariables) -> Self {
        Self { settings: settings.clone(), variables }
    }

    /// A client for calls to these places and to what they name.
    pub(super) fn client<'u>(
        &self,
        timeout: Duration,
        own: (&ProxyChoice, Option<&Path>),
        places: impl IntoIterator<Item = &'u Url> + Clone,
    ) -> Result<HttpClient, ClientError> {
        let (choice, ca_file) = own;
        let proxies = self.proxies(choice, places.clone())?;
        let trust = Trust::of(self.authorities(ca_file), places, &proxies);
        HttpClient::new(timeout, trust, proxies)
    }

    /// Whom to believe in what is not HTTP, and always with TLS.
    pub(super) fn trust(&self, ca_file: Option<&Path>) -> Trust {
        match self.authorities(ca_file) {
            files if files.is_empty() => Trust::System,
            files => Trust::SystemAnd(files),
        }
    }

    fn authorities(&self, own: Option<&Path>) -> Vec<PathBuf> {
        let shared = self.settings.ca_file.as_deref();
        own.into_iter().chain(shared).map(Path::to_owned).collect()
    }

    fn proxies<'u>(
        &self,
        choice: &ProxyChoice,
        places: impl IntoIterator<Item = &'u Url>,
    ) -> Result<Proxies, BadVariable> {
        let left_out = self.settings.no_proxy.as_ref().map(|list| NoProxy::read(&list.join(",")));
        match (choice, &self.settings.proxy) {
            (ProxyChoice::Through(proxy), _) => Ok(Proxies::Always(server(proxy))),
            (ProxyChoice::Never, _) | (ProxyChoice::Unsaid, ProxyChoice::Never) => {
                Ok(Proxies::Direct)
            }
            (ProxyChoice::Unsaid, ProxyChoice::Through(proxy)) => {
                let (http, https) = (Some(server(proxy)), Some(server(proxy)));
                let left_out = left_out.unwrap_or_else(|| self.variables.left_out().clone());
                Ok(Proxies::Shared { http, https, left_out })
            }
            (ProxyChoice::Unsaid, ProxyChoice::Unsaid) => {
                let hosts = places.into_iter().map(|place| place.host_str().unwrap_or_default());
                self.variables.proxies(hosts, left_out.as_ref())
            }
        }
    }

    /// Through which proxies a provider is called, each once; none when it is called directly.
    ///
    /// # Errors
    /// [`BadVariable`] as for the calls themselves.
    pub fn named_proxies(
        &self,
        provider: &IdentityProvider,
    ) -> Result<Vec<NamedProxy>, BadVariable> {
        let places = provider.places();
        let proxies = self.proxies(provider.proxy(), places.iter().copied())?;
        let mut named: Vec<NamedProxy> = Vec::new();
        for place in places {
            let host = place.host_str().unwrap_or_default();
            let Some(proxy) = proxies.through(place.scheme(), host) else { continue };
            if named.iter().any(|known| known.proxy.to_string() == proxy.to_string()) {
                continue;
            }
            let by = match (provider.proxy(), &self.settings.proxy) {
                (ProxyChoice::Unsaid, ProxyChoice::Unsaid) => {
                    self.variables.name(place.scheme()).unwrap_or_default()
                }
                (ProxyChoice::Unsaid, _) => "[outbound] proxy",
                _ => "proxy of the provider",
            };
            named.push(NamedProxy { proxy: proxy.clone(), by });
        }
        Ok(named)
    }

    /// What of the environment's list of what is called directly fits nothing, where that list counts.
    #[must_use]
    pub fn void_entries(&self) -> &[String] {
        let counts =
            self.settings.no_proxy.is_none() && !matches!(self.settings.proxy, ProxyChoice::Never);
        if counts { self.variables.left_out().void() } else { &[] }
    }
}

fn server(proxy: &ProxyUrl) -> ProxyServer {
    let read = proxy.url().expose_secret().parse();
    read.expect("the settings let nothing in that is no proxy here, too")
}

/// Asks both places that logins ask, with nothing to show: that they answer is all there is to learn of a provider that
/// describes itself nowhere.
pub(super) async fn both_answer(
    http: &HttpClient,
    places: [&Url; 2],
) -> Result<String, ProviderError> {
    let asked = async {
        for place in places {
            if http.send(http.get(place.clone()), Repeat::Harmless).await?.is_away() {
                return Err(ProviderError::Unreachable);
            }
        }
        Ok(())
    };
    http.limited(asked).await?;
    Ok(format!("{} and {} answer", places[0], places[1]))
}
