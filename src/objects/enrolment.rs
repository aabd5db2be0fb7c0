//! How the creator of a group becomes its staff by a Membership, once, so that they can be taken off like anyone else.
//!
//! From the first moment the creator is staff by `spec.creator`. The controller makes a Membership of them, named after
//! the Group's UID, and says so in the Group's status. From the moment that the Membership is there it alone counts,
//! whoever is on it by then. Must not know who makes it.

use crate::domain::membership::Role;

/// What the names of Memberships that enrol creators begin with.
const PREFIX: &str = "creator-";

/// What is at the place of the Membership that enrols a creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// Nothing.
    Free,
    /// What was made to enrol them, whatever has become of it.
    Ours,
    /// Something that somebody else has made.
    Taken,
    /// Nothing, and the API server has just refused what the controller would make.
    Refused,
}

/// The facts that decide whether a Membership enrols a creator.
#[derive(Clone, Copy, Debug)]
pub struct EnrolmentFacts<'a> {
    /// The group that it is of, and as what; `None` when it is not right.
    pub roster: Option<(Option<&'a str>, Role)>,
    /// The UID of the Group whose creator it enrols, as its annotation says.
    pub enrols: Option<&'a str>,
}

impl Enrolment {
    /// What is at the place for the creator of a group, whose Group has this UID.
    #[must_use]
    pub fn of(there: Option<EnrolmentFacts<'_>>, group: &str, uid: &str) -> Self {
        let Some(EnrolmentFacts { roster, enrols }) = there else { return Self::Free };
        let is_staff_of_it = roster == Some((Some(group), Role::Staff));
        if is_staff_of_it && enrols == Some(uid) { Self::Ours } else { Self::Taken }
    }
}

/// The name of the Membership that enrols the creator of the Group with this UID. Nobody knows it before the Group is
/// made.
#[must_use]
pub fn enrolment_name(uid: &str) -> String {
    format!("{PREFIX}{uid}")
}

/// The UID of the Group whose creator a Membership of this name enrols.
#[must_use]
pub fn enrolled_uid(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// Whether a Membership says of itself that it enrols a creator: its name and its annotation name the same Group.
#[must_use]
pub fn is_enrolment(name: &str, annotation: Option<&str>) -> bool {
    annotation.is_some() && enrolled_uid(name) == annotation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_staff_of_that_very_group() {
        let facts =
            |group, role, enrols| Some(EnrolmentFacts { roster: Some((group, role)), enrols });
        let wrong = Some(EnrolmentFacts { roster: None, enrols: Some("7") });
        for (there, wanted) in [
            (None, Enrolment::Free),
            (facts(Some("a"), Role::Staff, Some("7")), Enrolment::Ours),
            (facts(Some("a"), Role::Staff, Some("8")), Enrolment::Taken),
            (facts(Some("a"), Role::Staff, None), Enrolment::Taken),
            (facts(Some("a"), Role::Member, Some("7")), Enrolment::Taken),
            (facts(Some("b"), Role::Staff, Some("7")), Enrolment::Taken),
            (facts(None, Role::Staff, Some("7")), Enrolment::Taken),
            (wrong, Enrolment::Taken),
        ] {
            assert_eq!(Enrolment::of(there, "a", "7"), wanted, "{there:?}");
        }
    }

    #[test]
    fn names_and_annotations() {
        assert_eq!(enrolled_uid(&enrolment_name("7")), Some("7"));
        for (name, annotation, wanted) in [
            ("creator-7", Some("7"), true),
            ("creator-7", Some("8"), false),
            ("creator-7", None, false),
            ("creators", None, false),
            ("m", Some("m"), false),
        ] {
            assert_eq!(is_enrolment(name, annotation), wanted, "{name}");
        }
    }
}
