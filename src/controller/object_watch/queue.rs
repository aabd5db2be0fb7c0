//! The objects of one kind, and those of them that are to be looked at.
//!
//! Must not know which those are.

use std::sync::Arc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};

/// The objects of one kind and the queue of those to look at.
pub struct Queue<K: Resource + Clone + 'static>
where
    K::DynamicType: std::hash::Hash + Eq + Clone,
{
    /// The objects, without what the controller has no use for.
    pub store: Store<K>,
    /// Which to look at; ends with the watch.
    pub due: UnboundedReceiver<ObjectRef<K>>,
}

/// The feeding end of a [`Queue`].
pub(super) struct QueueSender<K: Resource + Clone + 'static>
where
    K::DynamicType: std::hash::Hash + Eq + Clone,
{
    writer: Writer<K>,
    queue: UnboundedSender<ObjectRef<K>>,
    namespace: String,
    is_listed: bool,
}

impl<K> QueueSender<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    pub(super) fn new(namespace: &str) -> (Self, Queue<K>) {
        let ((store, writer), (sender, due)) = (store(), unbounded());
        let namespace = namespace.to_owned();
        (Self { writer, queue: sender, namespace, is_listed: false }, Queue { store, due })
    }

    pub(super) fn take_in(&mut self, event: &Event<K>) {
        self.writer.apply_watcher_event(event);
        self.is_listed |= matches!(event, Event::InitDone);
    }

    /// Whether all that there were have come once.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Those that there are.
    pub(super) fn objects(&self) -> Vec<Arc<K>> {
        self.writer.as_reader().state()
    }

    /// The version of an object that was heard of last.
    pub(super) fn version(&self, name: &str) -> Option<String> {
        let object = ObjectRef::new(name).within(&self.namespace);
        self.writer.as_reader().get(&object)?.resource_version()
    }

    /// Queues an object, if it exists.
    pub(super) fn queue(&self, name: &str) {
        let object = ObjectRef::new(name).within(&self.namespace);
        if self.writer.as_reader().get(&object).is_some() {
            // Whoever stops reading the queue is about to end the watch too.
            let _ = self.queue.unbounded_send(object);
        }
    }
}
