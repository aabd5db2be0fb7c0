//! A realm in memory: does to objects what an API server and its garbage collector would.

use std::collections::{BTreeMap, BTreeSet};

use kube::{Resource, ResourceExt};

use super::{at, cache};
use crate::controller::cache::Cache;
use crate::controller::plan::{Annotation, Plan, Step};
use crate::controller::status;
use crate::controller::{group, membership};
use crate::resources::{Group, GroupStatus, Membership, MembershipStatus};

/// The objects there are, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Realm {
    pub groups: BTreeMap<String, Group>,
    pub memberships: BTreeMap<String, Membership>,
}

/// The process ended.
#[derive(Debug)]
pub struct Crash;

impl Realm {
    pub fn new(groups: Vec<Group>, memberships: Vec<Membership>) -> Self {
        Self {
            groups: groups.into_iter().map(|object| (object.name_any(), object)).collect(),
            memberships: memberships
                .into_iter()
                .map(|object| (object.name_any(), object))
                .collect(),
        }
    }

    fn cache(&self) -> Cache {
        let groups: Vec<Group> = self.groups.values().cloned().collect();
        let memberships: Vec<Membership> = self.memberships.values().cloned().collect();
        cache(&groups, &memberships)
    }

    fn plan_for_group(&self, name: &str, now: i64) -> Plan<GroupStatus> {
        let around = group::dereference(&self.cache(), name, at(now)).unwrap();
        group::plan(&self.groups[name], &around, at(now))
    }

    fn plan_for_membership(&self, name: &str, now: i64) -> Plan<MembershipStatus> {
        let around = membership::dereference(&self.cache(), name).unwrap();
        membership::plan(&self.memberships[name], &around, at(now), Some(at(now)))
    }

    /// Looks at every object once and does what is planned, but no more than so many steps. Gives how many it did.
    pub fn pass(&mut self, now: i64, most: usize) -> Result<usize, Crash> {
        let mut done = 0;
        let mut count = || {
            if done == most {
                return Err(Crash);
            }
            done += 1;
            Ok(())
        };
        for name in self.groups.keys().cloned().collect::<Vec<_>>() {
            for step in self.plan_for_group(&name, now).steps {
                count()?;
                self.do_for_group(&name, step);
            }
        }
        for name in self.memberships.keys().cloned().collect::<Vec<_>>() {
            for step in self.plan_for_membership(&name, now).steps {
                count()?;
                self.do_for_membership(&name, step);
            }
        }
        Ok(done)
    }

    /// Passes until nothing is left to do; gives how many steps that took.
    pub fn settle(&mut self, now: i64) -> usize {
        let mut total = 0;
        for _ in 0..10 {
            match self.pass(now, usize::MAX).unwrap() {
                0 => return total,
                steps => total += steps,
            }
        }
        panic!("it does not come to rest: {self:?}");
    }

    fn do_for_group(&mut self, name: &str, step: Step<GroupStatus>) {
        let object = self.groups.get_mut(name).unwrap();
        match step {
            Step::Own(owner) => object.owner_references_mut().push(owner.reference()),
            Step::Record(_) => {}
            Step::Annotate(Annotation { key, value }) => {
                object.annotations_mut().insert(key.to_owned(), value.to_owned());
            }
            Step::Revoke(..) | Step::Delete => panic!("a Group revokes nobody"),
            Step::Status(mut status) => {
                let before = object.status.take().unwrap_or_default().conditions;
                status.conditions.extend(
                    before
                        .into_iter()
                        .filter(|one| status::own(std::slice::from_ref(one)).is_empty()),
                );
                object.status = Some(status);
            }
            Step::Enrol(mut made) => {
                made.meta_mut().uid = Some(format!("uid-{}", made.name_any()));
                made.meta_mut().generation = Some(1);
                let old = self.memberships.insert(made.name_any(), *made);
                assert_eq!(old, None, "what is there must not be made");
            }
        }
    }

    fn do_for_membership(&mut self, name: &str, step: Step<MembershipStatus>) {
        let object = self.memberships.get_mut(name).unwrap();
        match step {
            Step::Own(owner) => object.owner_references_mut().push(owner.reference()),
            Step::Status(status) => object.status = Some(status),
            Step::Record(_) => {}
            Step::Enrol(_) | Step::Annotate(_) | Step::Revoke(..) | Step::Delete => {
                panic!("a Membership enrols and revokes nobody")
            }
        }
    }

    /// Deletes what has owners none of which lives, until there is no more of it.
    pub fn collect_garbage(&mut self) {
        loop {
            let groups = self.groups.values().filter_map(ResourceExt::uid);
            let living: BTreeSet<String> = groups.collect();
            let lives =
                |owners: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference]| {
                    owners.is_empty() || owners.iter().any(|owner| living.contains(&owner.uid))
                };
            let before = self.groups.len() + self.memberships.len();
            self.groups.retain(|_, object| lives(object.owner_references()));
            self.memberships.retain(|_, object| lives(object.owner_references()));
            if before == self.groups.len() + self.memberships.len() {
                return;
            }
        }
    }

    pub fn reason(&self, group: &str) -> &str {
        &self.groups[group].status.as_ref().unwrap().conditions[0].reason
    }

    pub fn staff(&self, group: &str) -> Option<i64> {
        self.groups[group].status.as_ref().unwrap().staff
    }
}
