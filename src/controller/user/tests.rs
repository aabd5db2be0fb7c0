//! What is planned for every state of a User.

use super::*;
use crate::controller::tests::{at, deleting, user};
use crate::resources::user::parse;

fn plan(object: &User, now: Timestamp) -> Plan<UserStatus> {
    super::plan(object, &parse(object), None, now)
}

#[test]
fn right_and_wrong() {
    let mut object = user("john", "kisee-john");
    let made = plan(&object, at(10));
    let [Step::Status(status)] = made.steps.as_slice() else { panic!("{made:?}") };
    let reason = |status: &UserStatus| status.conditions[0].reason.clone();
    assert_eq!((reason(status).as_str(), status.observed_generation), ("InEffect", Some(1)));
    object.status = Some(status.clone());
    assert_eq!(plan(&object, at(20)), Plan::default());

    object.spec.not_before = Some("yesterday".to_owned());
    object.metadata.generation = Some(2);
    let wrong = plan(&object, at(20));
    let [Step::Status(status), Step::Record(event)] = wrong.steps.as_slice() else {
        panic!("{wrong:?}");
    };
    assert_eq!(reason(status), "InvalidTime");
    assert_eq!(event.reason, "InvalidTime");
    assert_eq!(plan(&deleting(object), at(20)), Plan::default());

    for username in ["", "john", "-john", "Kisee-john", "kisee-"] {
        let plan = plan(&user("john", username), at(10));
        let [Step::Status(status), Step::Record(_)] = plan.steps.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(reason(status), "InvalidUser", "{username:?}");
    }
}

/// A ban is a revocation too, once: lifting it revives no session. Until that is done, the status does not say so.
#[test]
fn a_ban_ends_sessions_once() {
    let ada = || "kisee-ada".parse().unwrap();
    let mut object = user("ada", "kisee-ada");
    object.spec.banned = Some(true);
    let banned = plan(&object, at(10));
    let [Step::Revoke(user, when), Step::Status(status)] = banned.steps.as_slice() else {
        panic!("{banned:?}");
    };
    assert_eq!((user, *when), (&ada(), at(10)));
    assert!(status.sessions_ended);
    object.status = Some(status.clone());
    assert_eq!(plan(&object, at(20)), Plan::default());
    object.spec.not_before = Some("2026-01-01T00:00:00Z".to_owned());
    assert_eq!(plan(&object, at(20)), Plan::default(), "once for each ban");

    object.spec.banned = Some(false);
    let lifted = plan(&object, at(30));
    let [Step::Status(status)] = lifted.steps.as_slice() else { panic!("{lifted:?}") };
    assert!(!status.sessions_ended);
    object.status = Some(status.clone());
    object.spec.banned = Some(true);
    let again = plan(&object, at(40));
    assert_eq!(again.steps[0], Step::Revoke(ada(), at(40)), "each ban anew");
    assert_eq!(plan(&deleting(object), at(40)), Plan::default());
}

#[test]
fn what_cannot_be_read_is_told() {
    let made = super::plan(&user("john", ""), &Err(Invalid::Spec), None, at(10));
    let [Step::Status(status), Step::Record(_)] = made.steps.as_slice() else { panic!("{made:?}") };
    assert_eq!(status.conditions[0].reason, "InvalidSpec");
}

#[test]
fn a_user_of_no_provider_is_told_of() {
    let object = user("john", "kise-john");
    let content = parse(&object);
    let names = "kisee".parse().unwrap();
    let stranger = Strangers::among(Some(&names), [&content.as_ref().unwrap().user]);
    let plan = super::plan(&object, &content, stranger.as_ref(), at(10));
    let Step::Status(status) = &plan.steps[0] else { panic!("{plan:?}") };
    let (ready, told) = (&status.conditions[0], &status.conditions[1]);
    assert_eq!((&*ready.type_, &*ready.status), ("Ready", "True"));
    assert_eq!((&*told.type_, &*told.reason), ("ProvidersKnown", "UnknownProvider"));
    assert!(told.message.contains("as in kisee-john"), "{told:?}");
    let Step::Record(event) = &plan.steps[1] else { panic!("{plan:?}") };
    assert_eq!(event.reason, "UnknownProvider");
}
