//! The proxies of the environment: which variable counts, as curl decides it.
//!
//! Must not know who is called.

use std::env;

use super::no_proxy::{NoProxy, is_this_machine};
use super::proxy::{NotAProxy, Proxies, ProxyServer};

/// What the usual variables say: `http_proxy` (in lower case only: a web server makes `HTTP_PROXY` of a header that anybody
/// may send), `https_proxy`, `all_proxy` and `no_proxy`, of which the last three may be in capitals too. Those in lower case come
/// first, and an empty one is none.
#[derive(Clone, Debug, Default)]
pub struct ProxyVariables {
    http: Option<Variable>,
    https: Option<Variable>,
    no: NoProxy,
}

#[derive(Clone, Debug)]
struct Variable {
    name: &'static str,
    proxy: Result<ProxyServer, NotAProxy>,
}

/// A variable of the environment that should name a proxy, and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} in the environment {reason}")]
pub struct BadVariable {
    name: &'static str,
    reason: NotAProxy,
}

impl ProxyVariables {
    /// Reads those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of(|name| env::var(name).ok())
    }

    /// Reads those that `lookup` finds.
    #[must_use]
    pub fn of(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
        let first = |names: &[&'static str]| {
            let found = names.iter().find_map(|name| Some((*name, given(name)?)));
            found.map(|(name, text)| Variable { name, proxy: text.parse() })
        };
        let no = given("no_proxy").or_else(|| given("NO_PROXY")).unwrap_or_default();
        Self {
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no: NoProxy::read(&no),
        }
    }

    /// What is called directly.
    #[must_use]
    pub fn left_out(&self) -> &NoProxy {
        &self.no
    }

    /// The variable that names the proxy for a scheme.
    #[must_use]
    pub fn name(&self, scheme: &str) -> Option<&'static str> {
        let variable = if scheme == "https" { &self.https } else { &self.http };
        variable.as_ref().map(|variable| variable.name)
    }

    /// The proxies for calls to these hosts and what they name, with what is left out in the place of `no_proxy`, if that is
    /// said elsewhere. On this machine nothing is called through any.
    ///
    /// # Errors
    /// [`BadVariable`]: what is no proxy is not passed over, or a call would take a way that nobody meant.
    pub fn proxies<'a>(
        &self,
        hosts: impl IntoIterator<Item = &'a str>,
        left_out: Option<&NoProxy>,
    ) -> Result<Proxies, BadVariable> {
        let are_here = hosts.into_iter().all(is_this_machine);
        let read = |variable: &Option<Variable>| match variable {
            None => Ok(None),
            Some(Variable { name, proxy }) => match proxy {
                Ok(proxy) => Ok(Some(proxy.clone())),
                // Nobody needs it.
                Err(_) if are_here => Ok(None),
                Err(reason) => Err(BadVariable { name, reason: *reason }),
            },
        };
        match (read(&self.http)?, read(&self.https)?) {
            (None, None) => Ok(Proxies::Direct),
            (http, https) => {
                let left_out = left_out.unwrap_or(&self.no).clone();
                Ok(Proxies::Shared { http, https, left_out })
            }
        }
    }
}
