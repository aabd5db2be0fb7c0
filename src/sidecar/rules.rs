//! Who may send what: the first rule that is about a request decides, and what none is about is refused.
//!
//! Owns the judgement alone, without I/O and without a clock. Rules only let in: nobody may do more by not being in a group.
//! Must not know where an identity comes from.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;

use super::host::host_name;
use super::identity::Identity;
use super::path::RequestPath;
use crate::settings::sidecar::{
    Grant, GroupPart, GroupPattern, HostPattern, PathPart, PathPattern, RuleSettings,
};

/// A request, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The host that it is for, as it was sent; perhaps with a port.
    pub host: &'a str,
    /// Its path.
    pub path: &'a RequestPath,
}

/// What the rules say of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may pass, by this rule, for this reason.
    Allow {
        /// The rule's name.
        rule: String,
        /// Why.
        why: Why,
    },
    /// It may pass if somebody sends it who may: nobody is known yet.
    LogIn {
        /// The rule's name.
        rule: String,
    },
    /// It may not pass.
    Refuse {
        /// The rule that is about it; none where none is.
        rule: Option<String>,
    },
}

/// Why a rule lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It lets everybody in.
    Public,
    /// It lets in whoever is known.
    Authenticated,
    /// It names the user.
    User,
    /// The user is in this group.
    Group(String),
    /// The user is in all of these.
    AllGroups(Vec<String>),
}

/// What the path says at the holes of a pattern.
type Filled = BTreeMap<String, String>;

/// The rules of one application.
#[derive(Clone, Debug)]
pub struct Rules(Vec<RuleSettings>);

impl Rules {
    /// In this order.
    #[must_use]
    pub fn new(rules: Vec<RuleSettings>) -> Self {
        Self(rules)
    }

    /// Whether a request may pass that this user sends, or nobody who is known.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>, identity: Option<&Identity>) -> Decision {
        // What is read as a host by some and as none by others is not judged.
        let Ok(host) = host_name(asked.host) else { return Decision::Refuse { rule: None } };
        let found = self.0.iter().find_map(|rule| Some((rule, is_about(rule, asked, &host)?)));
        let Some((rule, filled)) = found else { return Decision::Refuse { rule: None } };
        let name = || rule.name.clone();
        match (&rule.grant, identity) {
            (Grant::Public, _) => Decision::Allow { rule: name(), why: Why::Public },
            (_, None) => Decision::LogIn { rule: name() },
            (grant, Some(identity)) => match granted(grant, identity, &filled) {
                Some(why) => Decision::Allow { rule: name(), why },
                None => Decision::Refuse { rule: Some(name()) },
            },
        }
    }
}

/// What the path says at the rule's holes, if the rule is about the request.
fn is_about(rule: &RuleSettings, asked: &Asked<'_>, host: &str) -> Option<Filled> {
    let is_method = rule.methods.is_empty() || rule.methods.contains(asked.method);
    let is_host = rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| is_host(pattern, host));
    if !is_method || !is_host {
        return None;
    }
    if rule.paths.is_empty() {
        return Some(Filled::new());
    }
    rule.paths.iter().find_map(|pattern| is_path(pattern, asked.path))
}

/// Whether a host, without its port and in small letters, is one of these.
#[must_use]
pub fn is_host(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::One(name) => name == host,
        HostPattern::Below(end) => host.len() > end.len() && host.ends_with(end.as_str()),
    }
}

fn is_path(pattern: &PathPattern, path: &RequestPath) -> Option<Filled> {
    let mut segments = path.segments();
    let mut filled = Filled::new();
    for part in pattern.parts() {
        let segment = segments.next()?;
        match part {
            PathPart::Literal(text) if *text == segment => {}
            PathPart::Any if !segment.is_empty() => {}
            PathPart::Hole(name) if !segment.is_empty() => {
                filled.insert(name.clone(), segment.into_owned());
            }
            PathPart::Literal(_) | PathPart::Any | PathPart::Hole(_) => return None,
        }
    }
    (pattern.is_open() || segments.next().is_none()).then_some(filled)
}

fn granted(grant: &Grant, identity: &Identity, filled: &Filled) -> Option<Why> {
    let (users, groups, all_groups) = match grant {
        Grant::Public => return Some(Why::Public),
        Grant::Authenticated => return Some(Why::Authenticated),
        Grant::Some { users, groups, all_groups } => (users, groups, all_groups),
    };
    if users.contains(&identity.user) {
        return Some(Why::User);
    }
    let held = |pattern: &GroupPattern| {
        identity.groups.iter().find(|group| is_group(pattern, group, filled)).cloned()
    };
    if let Some(group) = groups.iter().find_map(held) {
        return Some(Why::Group(group));
    }
    let all: Option<Vec<String>> = all_groups.iter().map(held).collect();
    all.filter(|all| !all.is_empty()).map(Why::AllGroups)
}

/// The last part of a group's name that is no group: those who run the one before it.
const STAFF: &str = "staff";

fn is_group(pattern: &GroupPattern, group: &str, filled: &Filled) -> bool {
    let Some(parts) = pattern.parts() else { return pattern.as_str() == group };
    let mut names = group.split('.');
    let all = parts.iter().all(|part| {
        let Some(name) = names.next() else { return false };
        match part {
            GroupPart::Literal(text) => text == name,
            GroupPart::Any => name != STAFF && !name.is_empty(),
            // A part of a name, no more: what is no such part, as with a dot in it, names no group.
            GroupPart::Hole(hole) => {
                name != STAFF && filled.get(hole).is_some_and(|value| value == name)
            }
        }
    });
    all && names.next().is_none()
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("it lets everybody in"),
            Self::Authenticated => f.write_str("it lets in whoever shows who they are"),
            Self::User => f.write_str("it names the user"),
            Self::Group(group) => write!(f, "the user is in {group}"),
            Self::AllGroups(groups) => write!(f, "the user is in {}", groups.join(" and ")),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow { rule, why } => write!(f, "allowed by {rule}: {why}"),
            Self::LogIn { rule } => {
                write!(f, "not allowed before somebody logs in: {rule} is about it")
            }
            Self::Refuse { rule: Some(rule) } => {
                write!(f, "refused: {rule} is about it, and does not let this user in")
            }
            Self::Refuse { rule: None } => f.write_str("refused: no rule is about it"),
        }
    }
}

#[cfg(test)]
mod tests;
