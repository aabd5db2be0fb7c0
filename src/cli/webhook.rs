//! The admission webhook beside `pasee serve`, on a port of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::net::TcpListener;

use super::now;
use crate::cluster::live::LiveRealm;
use crate::cluster::review_paths::KnownPaths;
use crate::cluster::webhook_certificate::{self, Pem};
use crate::settings::Settings;
use crate::web::accept::run as accept;
use crate::web::options::ConnectionOptions;
use crate::web::tls::{self, Certified};
use crate::webhook::{self, Count, HasClient, Webhook};

/// The API servers keep a few connections open each.
const CONNECTIONS: usize = 256;
/// Between two looks for the certificate: while there is none, and afterwards for another.
const LOOKS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// What reviews are answered with.
pub(super) struct Listening {
    /// Where, if the settings say so.
    pub(super) listener: Option<TcpListener>,
    /// The certificate; else that which the controller makes.
    pub(super) files: Option<Certified>,
    /// Where the groups are, if that is Kubernetes.
    pub(super) realm: Option<(LiveRealm, Client)>,
}

/// Answers reviews until `shutdown`, if the settings say so; what comes out ends afterwards.
pub(super) fn start(
    settings: &Settings,
    Listening { listener, files, realm }: Listening,
    known: (Count, HasClient),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> {
    let asked = settings.webhook.as_ref().zip(listener).zip(realm);
    let task = asked.map(|((asked, listener), (realm, client))| {
        let namespace = realm.namespace().to_owned();
        let settings = webhook::Settings {
            namespace: namespace.clone(),
            username_prefix: asked.username_prefix.clone(),
            providers: settings.provider_names(),
            possible: settings.possible_users(),
            bounds: settings.limits.bounds,
            clock: now,
        };
        let paths = Arc::new(KnownPaths::new(client.clone(), &namespace));
        let handler = Arc::new(Webhook::new(realm, Arc::clone(&paths), known, settings));
        tokio::spawn(async move {
            let serving = async {
                match files {
                    Some(certified) => serve(listener, handler, certified, shutdown).await,
                    None => {
                        with_made_one(listener, handler, (&client, &namespace), shutdown).await;
                    }
                }
            };
            tokio::select! {
                () = serving => {}
                () = paths.keep() => {}
            }
        })
    });
    async move {
        if let Some(task) = task {
            // A review that panicked is no reason to stop badly.
            let _ = task.await;
        }
    }
}

async fn serve(
    listener: TcpListener,
    handler: Arc<Webhook>,
    certified: Certified,
    shutdown: impl Future<Output = ()>,
) {
    let options = ConnectionOptions {
        max_connections: CONNECTIONS,
        tls: Some(certified),
        ..ConnectionOptions::default()
    };
    accept(listener, handler, options, shutdown).await;
}

/// The same with the certificate that the controller makes, and its successors.
async fn with_made_one(
    listener: TcpListener,
    handler: Arc<Webhook>,
    place: (&Client, &str),
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    let (first, certified) = tokio::select! {
        () = &mut shutdown => return,
        made = first(place) => made,
    };
    let renewal = renew(place, first, certified.clone());
    tokio::select! {
        () = serve(listener, handler, certified, shutdown) => {}
        () = renewal => {}
    }
}

async fn first((client, namespace): (&Client, &str)) -> (Pem, Certified) {
    let mut is_told = false;
    loop {
        let why = match webhook_certificate::read(client, namespace).await {
            Ok(Some(pem)) => match tls::held(NAME, &pem.certificate, &pem.key) {
                Ok(certified) => return (pem, certified),
                Err(error) => anyhow::Error::from(error),
            },
            Ok(None) => anyhow::anyhow!("the controller has not made it yet; does it run?"),
            Err(error) => anyhow::Error::from(error),
        };
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!(
                error = &*why as &dyn std::error::Error,
                "no review is answered before there is a certificate, so users of the realm write nothing with kubectl"
            );
        }
        tokio::time::sleep(LOOKS.0).await;
    }
}

/// What errors call the certificate.
const NAME: &str = "the webhook's certificate in the Secret pasee-keys";

async fn renew((client, namespace): (&Client, &str), mut served: Pem, certified: Certified) {
    loop {
        tokio::time::sleep(LOOKS.1).await;
        // As long as it cannot be read, the old one goes on.
        let Ok(Some(pem)) = webhook_certificate::read(client, namespace).await else { continue };
        if pem == served {
            continue;
        }
        match certified.replace(&pem.certificate, &pem.key) {
            Ok(()) => tracing::info!("the webhook's certificate is renewed"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "old certificate kept");
            }
        }
        served = pem;
    }
}
