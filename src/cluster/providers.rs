//! The names of a realm's identity providers, of the clients in its settings and of the keys of its servers, as servers publish them in its namespace.
//!
//! Each server says the providers once, when it starts: of several with other settings the one that was started last is right, as it
//! is while one replica after the other gets new ones. Must not know what they are good for.

use std::collections::BTreeSet;

use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{Config, Error, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::json;

use crate::domain::client::ClientId;
use crate::domain::provider::{PossibleUsers, ProviderNames};
use crate::resources::labels_annotations::PASEE;
use crate::resources::providers::{CLIENTS, CONFIG_MAP, KEYS, NAMES, PEOPLE};

/// The longest that a watch goes on, in seconds.
const WATCH: u32 = 60;

/// What a server says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// All that there are.
    pub names: ProviderNames,
    /// Who could log in; of whoever else is on the root staff nobody can be sure.
    pub possible: PossibleUsers,
    /// The clients of its settings.
    pub clients: BTreeSet<ClientId>,
}

/// Says which identity providers there are. What was said already is not written again.
///
/// # Errors
/// The API server refused or did not answer.
pub async fn publish(
    client: &Client,
    namespace: &str,
    said: &Said,
    keys: &BTreeSet<String>,
) -> Result<(), kube::Error> {
    let texts = [
        (NAMES, said.names.to_string()),
        (PEOPLE, said.possible.providers().to_string()),
        (KEYS, joined(keys)),
        (CLIENTS, said.clients.iter().map(ClientId::as_str).collect::<Vec<_>>().join(", ")),
    ];
    let object = ConfigMap {
        metadata: ObjectMeta { name: Some(CONFIG_MAP.to_owned()), ..ObjectMeta::default() },
        data: Some(texts.map(|(key, text)| (key.to_owned(), text)).into()),
        ..ConfigMap::default()
    };
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let params = PatchParams::apply(PASEE).force();
    api.patch(CONFIG_MAP, &params, &Patch::Apply(&object)).await.map(drop)
}

/// Says which keys a server makes tokens with, and nothing else of what was said.
///
/// # Errors
/// As [`publish`].
pub async fn publish_keys(
    client: &Client,
    namespace: &str,
    keys: &BTreeSet<String>,
) -> Result<(), kube::Error> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let params = PatchParams { field_manager: Some(PASEE.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "data": { KEYS: joined(keys) } }));
    api.patch(CONFIG_MAP, &params, &patch).await.map(drop)
}

/// What a server has said last, whichever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastSaid {
    /// Which identity providers it has.
    pub names: Option<ProviderNames>,
    /// Which keys it makes tokens with; none of a former server.
    pub keys: BTreeSet<String>,
}

/// What was said last.
///
/// # Errors
/// The API server refused or did not answer.
pub async fn last_said(client: &Client, namespace: &str) -> Result<LastSaid, kube::Error> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let object = api.get_opt(CONFIG_MAP).await?;
    let data = object.and_then(|object| object.data).unwrap_or_default();
    let keys = data.get(KEYS).map_or("", String::as_str).split(',').map(str::trim);
    Ok(LastSaid {
        names: data.get(NAMES).and_then(|names| names.parse().ok()),
        keys: keys.filter(|key| !key.is_empty()).map(str::to_owned).collect(),
    })
}

fn joined(keys: &BTreeSet<String>) -> String {
    keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Which there are, now and whenever that may have changed; `None` while nobody has said it.
pub fn published(
    client: &Client,
    namespace: &str,
) -> BoxStream<'static, Result<Option<Said>, Error>> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let one = Config::default().fields(&format!("metadata.name={CONFIG_MAP}")).timeout(WATCH);
    let mut known = None;
    let told = watcher(api, one).default_backoff().filter_map(move |event| {
        let now = match event {
            Err(error) => Some(Err(error)),
            Ok(Event::Init) => {
                known = None;
                None
            }
            Ok(Event::InitApply(object)) => {
                known = said(&object);
                None
            }
            Ok(Event::InitDone) => Some(Ok(known.take())),
            Ok(Event::Apply(object)) => Some(Ok(said(&object))),
            Ok(Event::Delete(_)) => Some(Ok(None)),
        };
        std::future::ready(now)
    });
    told.boxed()
}

/// What somebody else has written there and is no list of names says nothing. Former servers have said the names alone,
/// or no clients.
fn said(object: &ConfigMap) -> Option<Said> {
    let data = object.data.as_ref()?;
    let read = |key| data.get(key)?.parse::<ProviderNames>().ok();
    let names = read(NAMES)?;
    let possible = PossibleUsers::from(&read(PEOPLE).unwrap_or_else(|| names.clone()));
    let clients = data.get(CLIENTS).map_or("", String::as_str).split(',');
    let clients = clients.filter_map(|id| id.trim().parse().ok()).collect();
    Some(Said { names, possible, clients })
}
