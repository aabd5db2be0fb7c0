//! What the API server tells of objects, as objects, and when it is away.
//!
//! Must not know what follows from any of it.

use std::fmt::Debug;
use std::future::ready;

use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::watcher::{Config, Error, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::resources::{Group, Invalid, Membership, OAuthClient, Received, User};

/// The longest that a watch goes on, in seconds: a connection that died unseen is noticed a little later.
const WATCH: u32 = 60;

/// Something that a watch told, and whether the object in it can be read; one that cannot comes with a blank spec.
pub(super) enum Told {
    Group(Event<Group>, Readable),
    Membership(Event<Membership>, Readable),
    User(Event<User>, Readable),
    OAuthClient(Event<OAuthClient>, Readable),
}

pub(super) type Readable = Result<(), Invalid>;

/// Whether a watch cannot go on since nobody is there: the API server, or etcd behind it.
pub(super) fn is_away(error: &Error) -> bool {
    match error {
        Error::WatchStartFailed(kube::Error::Api(status)) => status.code >= 500,
        Error::WatchStartFailed(kube::Error::Service(_) | kube::Error::HyperError(_)) => true,
        _ => false,
    }
}

pub(super) fn watch<K>(
    client: &Client,
    namespace: &str,
    blank: fn() -> K,
    told: fn(Event<K>, Readable) -> Told,
) -> BoxStream<'static, Result<Told, Error>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let api = Api::<Received<K>>::namespaced(client.clone(), namespace);
    let events = watcher(api, Config::default().timeout(WATCH)).default_backoff();
    let told = move |event: Event<Received<K>>| {
        let (event, readable) = make_out(event, blank)?;
        Some(told(event, readable))
    };
    events.filter_map(move |event| ready(event.map(told).transpose())).boxed()
}

/// What was received, as objects. One object that cannot be read must not stop the others from being worked on.
pub(super) fn make_out<K>(
    event: Event<Received<K>>,
    blank: fn() -> K,
) -> Option<(Event<K>, Readable)>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Serialize,
{
    let object = |received: Received<K>| {
        let name = received.meta().name.clone();
        let (object, why) = received
            .or_blank(blank())
            .inspect_err(|error| tracing::error!(name, %error, "an object is passed over"))
            .ok()?;
        let readable = why.map_or(Ok(()), |why| {
            tracing::warn!(kind = %K::kind(&()), name, why, "an object cannot be read");
            Err(Invalid::Spec)
        });
        Some((object, readable))
    };
    Some(match event {
        Event::Init => (Event::Init, Ok(())),
        Event::InitDone => (Event::InitDone, Ok(())),
        Event::InitApply(received) => {
            let (object, readable) = object(received)?;
            (Event::InitApply(object), readable)
        }
        Event::Apply(received) => {
            let (object, readable) = object(received)?;
            (Event::Apply(object), readable)
        }
        Event::Delete(received) => {
            let (object, readable) = object(received)?;
            (Event::Delete(object), readable)
        }
    })
}
