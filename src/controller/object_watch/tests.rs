//! The reading half of the controller without a client: objects in as the API server sends them, plans out.

use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::told::make_out;
use super::*;
use crate::controller::plan::Plan;
use crate::controller::{group, membership};
use crate::domain::time::Timestamp;
use crate::resources::user::UserContent;
use crate::resources::{GroupStatus, Invalid, MembershipStatus, Received};

const NAMESPACE: &str = "realm";

/// Takes in what watches would, and plans.
pub(crate) struct Reader {
    watch: ObjectWatch,
    cache: SharedCache,
}

impl Default for Reader {
    fn default() -> Self {
        let cache = SharedCache::default();
        let (watch, ..) = ObjectWatch::new(NAMESPACE, cache.clone());
        Self { watch, cache }
    }
}

impl Reader {
    pub(crate) fn hear(&mut self, kind: &str, event: Event<Value>) {
        let told = match kind {
            "Group" => told(event, || Group::new("", GroupSpec::default()), Told::Group),
            "Membership" => {
                told(event, || Membership::new("", MembershipSpec::default()), Told::Membership)
            }
            _ => told(event, || User::new("", UserSpec::default()), Told::User),
        };
        self.watch.hear(told);
    }

    pub(crate) fn groups(&self, now: Timestamp) -> Vec<(Arc<Group>, Plan<GroupStatus>)> {
        let cache = self.cache.lock();
        let plan = |object: Arc<Group>| {
            let around = group::dereference(&cache, &object.name_any(), now).unwrap();
            let plan = group::plan(&object, &around, now);
            (object, plan)
        };
        self.watch.groups.objects().into_iter().map(plan).collect()
    }

    pub(crate) fn memberships(
        &self,
        now: Timestamp,
    ) -> Vec<(Arc<Membership>, Plan<MembershipStatus>)> {
        let cache = self.cache.lock();
        let plan = |object: Arc<Membership>| {
            let around = membership::dereference(&cache, &object.name_any()).unwrap();
            let plan = membership::plan(&object, &around, now, Some(now));
            (object, plan)
        };
        self.watch.memberships.objects().into_iter().map(plan).collect()
    }

    pub(crate) fn users(&self) -> Vec<Result<UserContent, Invalid>> {
        let cache = self.cache.lock();
        let users = self.watch.users.objects();
        users.iter().map(|object| cache.read_user(object)).collect()
    }
}

fn told<K>(event: Event<Value>, blank: fn() -> K, told: fn(Event<K>, Readable) -> Told) -> Told
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Serialize,
{
    let received = |object| serde_json::from_value::<Received<K>>(object).unwrap();
    let event = match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(object) => Event::InitApply(received(object)),
        Event::Apply(object) => Event::Apply(received(object)),
        Event::Delete(object) => Event::Delete(received(object)),
    };
    let (event, readable) = make_out(event, blank).unwrap();
    told(event, readable)
}
