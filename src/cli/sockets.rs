//! Where a server listens: for requests, for probes and metrics, for reviews, for the questions of other servers.
//!
//! Must not know what is answered there.

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::settings::Settings;
use crate::web::accept::{BindError, bind};

/// What is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Requests to the HTTP API.
    Api,
    /// Probes and metrics.
    Admin,
    /// Reviews of the Kubernetes API server.
    Webhook,
    /// Questions of other servers of the realm.
    Peers,
}

impl Purpose {
    /// The key that says where.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Api => "port",
            Self::Admin => "admin.listen",
            Self::Webhook => "webhook.port",
            Self::Peers => "peers.listen",
        }
    }

    fn what_fails(self) -> Option<&'static str> {
        match self {
            Self::Api => None,
            Self::Admin => Some("probes and metrics cannot be served: [admin] listen"),
            Self::Webhook => Some("the API server's reviews cannot be answered: [webhook]"),
            Self::Peers => Some("other servers cannot be answered: [peers] listen"),
        }
    }
}

/// Listens on all of them, as far as that can be done.
pub(super) fn listen(settings: &Settings) -> Vec<(Purpose, Result<TcpListener, BindError>)> {
    let mut wanted = vec![(Purpose::Api, settings.host.clone(), settings.port)];
    if let Some(address) = settings.admin {
        wanted.push((Purpose::Admin, address.ip().to_string(), address.port()));
    }
    if let Some(webhook) = &settings.webhook {
        wanted.push((Purpose::Webhook, webhook.host.clone(), webhook.port));
    }
    if let Some(peers) = &settings.peers {
        wanted.push((Purpose::Peers, peers.listen.ip().to_string(), peers.listen.port()));
    }
    wanted.into_iter().map(|(purpose, host, port)| (purpose, bind(&host, port))).collect()
}

/// What is told of one that cannot be had.
pub(super) fn told(purpose: Purpose, error: BindError) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    match purpose.what_fails() {
        Some(what) => error.context(what),
        None => error,
    }
}

/// All that the settings ask for.
pub(super) struct Sockets {
    pub(super) api: TcpListener,
    pub(super) admin: Option<TcpListener>,
    pub(super) webhook: Option<TcpListener>,
    pub(super) peers: Option<TcpListener>,
}

impl Sockets {
    /// Listens on all of them.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let (mut api, mut admin, mut webhook, mut peers) = (None, None, None, None);
        for (purpose, listener) in listen(settings) {
            let listener = listener.map_err(|error| told(purpose, error))?;
            match purpose {
                Purpose::Api => api = Some(listener),
                Purpose::Admin => admin = Some(listener),
                Purpose::Webhook => webhook = Some(listener),
                Purpose::Peers => peers = Some(listener),
            }
        }
        Ok(Self { api: api.context("nowhere to listen")?, admin, webhook, peers })
    }
}
