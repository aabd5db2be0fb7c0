//! The conditions that resources have in their status, `Ready` before all, and the reasons they can give.
//!
//! Must not know how it is found out whether a resource is ready.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::rfc3339;
use crate::domain::time::Timestamp;

/// The type of the condition that every resource has.
pub const READY: &str = "Ready";
/// The type of the condition that tells of a Membership whether anybody is in the group by it.
pub const IN_EFFECT: &str = "InEffect";
/// The type of the condition that is there while a resource waits for nothing but its correction (as kstatus knows it).
pub const STALLED: &str = "Stalled";
/// Most conditions of a resource; others may write some too.
const MAX_CONDITIONS: usize = 16;
/// Longest message, in characters (as metav1.Condition bounds it).
const MAX_MESSAGE: usize = 32_768;

/// The moments of conditions, as controllers write them. `date-time` alone lets others through too, which `k8s_openapi`
/// cannot read: one of those would make the whole list unreadable.
const MOMENT: &str =
    "^[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?Z$";

/// Why a resource is ready or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is in effect.
    InEffect,
    /// A group whose parent does not exist.
    ParentMissing,
    /// A group whose parent exists but is not in effect.
    ParentNotReady,
    /// A membership whose group does not exist.
    GroupMissing,
    /// A membership whose group exists but is not in effect.
    GroupNotReady,
    /// A membership that has ended.
    Expired,
    /// A client that is not to be served.
    Disabled,
    /// A client that the settings have another one of.
    Conflict,
    /// A spec that does not have the form of its kind at all.
    InvalidSpec,
    /// A name that is no group's.
    InvalidName,
    /// A user that is no user id.
    InvalidUser,
    /// A service account that no cluster can have, or with too long a name.
    InvalidServiceAccount,
    /// Members without a group to be members of.
    InvalidRole,
    /// A moment that is none.
    InvalidTime,
    /// More than a resource may hold.
    TooMuch,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 15] = [
        Self::InEffect,
        Self::ParentMissing,
        Self::ParentNotReady,
        Self::GroupMissing,
        Self::GroupNotReady,
        Self::Expired,
        Self::Disabled,
        Self::Conflict,
        Self::InvalidSpec,
        Self::InvalidName,
        Self::InvalidUser,
        Self::InvalidServiceAccount,
        Self::InvalidRole,
        Self::InvalidTime,
        Self::TooMuch,
    ];

    /// The reason as conditions and Events spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InEffect => "InEffect",
            Self::ParentMissing => "ParentMissing",
            Self::ParentNotReady => "ParentNotReady",
            Self::GroupMissing => "GroupMissing",
            Self::GroupNotReady => "GroupNotReady",
            Self::Expired => "Expired",
            Self::Disabled => "Disabled",
            Self::Conflict => "Conflict",
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidName => "InvalidName",
            Self::InvalidUser => "InvalidUser",
            Self::InvalidServiceAccount => "InvalidServiceAccount",
            Self::InvalidRole => "InvalidRole",
            Self::InvalidTime => "InvalidTime",
            Self::TooMuch => "TooMuch",
        }
    }

    /// Whether a resource is ready that has this reason: `True` or `False`.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            // What has ended, or is switched off, is as it should be, and nobody is to wait for it.
            Self::InEffect | Self::Expired | Self::Disabled => "True",
            _ => "False",
        }
    }

    /// Whether somebody has to correct the resource: what it refers to has no part in that.
    #[must_use]
    pub const fn is_mistake(self) -> bool {
        match self {
            Self::InEffect
            | Self::ParentMissing
            | Self::ParentNotReady
            | Self::GroupMissing
            | Self::GroupNotReady
            | Self::Expired
            | Self::Disabled => false,
            Self::Conflict
            | Self::InvalidSpec
            | Self::InvalidName
            | Self::InvalidUser
            | Self::InvalidServiceAccount
            | Self::InvalidRole
            | Self::InvalidTime
            | Self::TooMuch => true,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The conditions of a resource with `Ready` brought up to date. The others stay as they are; the moment of the last
/// transition stays while the status does; a message that is too long is cut.
#[must_use]
pub fn with_ready(
    before: &[Condition],
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let old = before.iter().find(|condition| condition.type_ == READY);
    let since = match old {
        Some(old) if old.status == reason.status() => old.last_transition_time.clone(),
        _ => Time(jiff::Timestamp::from_second(now.as_unix()).unwrap_or(jiff::Timestamp::MAX)),
    };
    let ready = Condition {
        type_: READY.to_owned(),
        status: reason.status().to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.chars().take(MAX_MESSAGE).collect(),
        observed_generation: generation,
        last_transition_time: since,
    };
    let mut conditions = before.to_vec();
    match conditions.iter_mut().find(|condition| condition.type_ == READY) {
        Some(place) => *place = ready,
        None => conditions.push(ready),
    }
    conditions
}

/// The schema of `status.conditions`: metav1.Condition, with its bounds.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What is known of this object; Ready says whether it is in effect.",
        "type": "array",
        "maxItems": MAX_CONDITIONS,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string",
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?\
                                (([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": { "type": "string", "maxLength": 7, "enum": ["True", "False", "Unknown"] },
                "reason": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": { "type": "string", "maxLength": MAX_MESSAGE },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "maxLength": rfc3339::MAX_LENGTH,
                    "pattern": MOMENT,
                },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0 },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    #[test]
    fn the_transition_moves_with_the_status_only() {
        let first = with_ready(&[], Reason::ParentMissing, "no a", Some(1), at(10));
        let same = with_ready(&first, Reason::ParentNotReady, "a waits", Some(2), at(20));
        assert_eq!(same[0].last_transition_time, first[0].last_transition_time);
        assert_eq!(
            (same[0].reason.as_str(), same[0].observed_generation),
            ("ParentNotReady", Some(2))
        );
        let ready = with_ready(&same, Reason::InEffect, "", Some(2), at(30));
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].status, "True");
        assert_eq!(ready[0].last_transition_time, Time(jiff::Timestamp::from_second(30).unwrap()));
        assert_eq!(
            with_ready(&ready, Reason::InEffect, "", Some(2), at(40)),
            ready,
            "nothing to write"
        );
    }

    #[test]
    fn conditions_of_others_stay() {
        let other = Condition {
            type_: "Audited".to_owned(),
            ..with_ready(&[], Reason::Expired, "", None, at(1))[0].clone()
        };
        let both = with_ready(std::slice::from_ref(&other), Reason::InEffect, "", None, at(2));
        assert_eq!(both[0], other);
        assert_eq!(both[1].type_, READY);
    }

    #[test]
    fn any_message_and_moment_fits() {
        let long = with_ready(&[], Reason::Expired, &"é".repeat(40_000), None, Timestamp::MAX);
        assert_eq!(long[0].message.chars().count(), MAX_MESSAGE);
        assert_eq!(Reason::ALL.iter().filter(|reason| reason.status() == "True").count(), 3);
    }
}
