//! What is written of clients, and when nothing is.

use kube::runtime::events::EventType;

use super::*;
use crate::controller::plan::Event;
use crate::controller::tests::{at, deleting};
use crate::resources::OAuthClientSpec;
use crate::resources::condition::Reason;

fn object() -> OAuthClient {
    let mut object = OAuthClient::new("grafana", OAuthClientSpec::default());
    object.metadata.generation = Some(3);
    object
}

fn said(plan: &Plan<OAuthClientStatus>) -> (&OAuthClientStatus, Vec<&Event>) {
    let [Step::Status(status), events @ ..] = plan.steps.as_slice() else { panic!("{plan:?}") };
    let events = events.iter().map(|step| match step {
        Step::Record(event) => event,
        step => panic!("{step:?}"),
    });
    (status, events.collect())
}

#[test]
fn each_verdict_is_written_once_and_told_when_it_changes() {
    let mut object = object();
    let served = Verdict::new(Reason::InEffect, "the client is served");
    let conflict = Verdict::new(Reason::Conflict, "the settings have it");
    let first = plan(&object, &served, at(1));
    let (status, events) = said(&first);
    assert_eq!((status.observed_generation, status.conditions.len()), (Some(3), 1));
    assert_eq!((&*status.conditions[0].status, events.len()), ("True", 0), "that is no news");
    object.status = Some(status.clone());
    assert_eq!(plan(&object, &served, at(2)), Plan::default());
    let second = plan(&object, &conflict, at(3));
    let (status, events) = said(&second);
    let told: Vec<(&str, &str, &str)> =
        status.conditions.iter().map(|it| (&*it.type_, &*it.status, &*it.reason)).collect();
    assert_eq!(told, [("Ready", "False", "Conflict"), ("Stalled", "True", "Conflict")]);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].type_, &*events[0].reason), (EventType::Warning, "Conflict"));
    object.status = Some(status.clone());
    let third = plan(&object, &served, at(4));
    assert_eq!(said(&third).0.conditions.len(), 1, "stalled no more");
    assert_eq!(said(&third).1[0].type_, EventType::Normal);
}

#[test]
fn what_is_going_is_left_alone() {
    let served = Verdict::new(Reason::InEffect, "");
    assert_eq!(plan(&deleting(object()), &served, at(1)), Plan::default());
}
