//! The names of a realm's identity providers, as servers publish them in its namespace.
//!
//! Each server says them once, when it starts: of several with other settings the one that was started last is right, as it is
//! while one replica after the other gets new ones. Must not know what they are good for.

use std::collections::BTreeMap;

use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{Config, Error, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use crate::domain::provider::ProviderNames;
use crate::resources::labels_annotations::PASEE;
use crate::resources::providers::{CONFIG_MAP, NAMES};

/// The longest that a watch goes on, in seconds.
const WATCH: u32 = 60;

/// Says which identity providers there are. What was said already is not written again.
///
/// # Errors
/// The API server refused or did not answer.
pub async fn publish(
    client: &Client,
    namespace: &str,
    names: &ProviderNames,
) -> Result<(), kube::Error> {
    let object = ConfigMap {
        metadata: ObjectMeta { name: Some(CONFIG_MAP.to_owned()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([(NAMES.to_owned(), names.to_string())])),
        ..ConfigMap::default()
    };
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let params = PatchParams::apply(PASEE).force();
    api.patch(CONFIG_MAP, &params, &Patch::Apply(&object)).await.map(drop)
}

/// Which there are, now and whenever that may have changed; `None` while nobody has said it.
pub fn published(
    client: &Client,
    namespace: &str,
) -> BoxStream<'static, Result<Option<ProviderNames>, Error>> {
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
                known = names(&object);
                None
            }
            Ok(Event::InitDone) => Some(Ok(known.take())),
            Ok(Event::Apply(object)) => Some(Ok(names(&object))),
            Ok(Event::Delete(_)) => Some(Ok(None)),
        };
        std::future::ready(now)
    });
    told.boxed()
}

/// What somebody else has written there and is no list of names says nothing.
fn names(object: &ConfigMap) -> Option<ProviderNames> {
    object.data.as_ref()?.get(NAMES)?.parse().ok()
}
