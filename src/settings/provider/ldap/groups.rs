//! From the keys about groups to [`LdapGroups`].
//!
//! Must not ask for a group.

use super::filter::{Hole, LdapFilter};
use super::{attribute, dn};
use crate::settings::reader::Table;

/// The matching rule by which Active Directory follows groups within groups (LDAP_MATCHING_RULE_IN_CHAIN).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// How a user's groups are found. They become the claim `groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapGroups {
    /// `group_attribute`: an attribute of the user's entry that has the names of their groups' entries.
    Listed {
        /// The attribute, such as `memberOf`.
        attribute: String,
        /// `nested_groups`: whether those groups' own groups count.
        nesting: Nesting,
    },
    /// `group_base`: those entries below it that a filter finds.
    Searched {
        /// Below which entry.
        base: String,
        /// `group_filter`: which entries.
        filter: LdapFilter,
        /// `group_name`: the attribute with a group's name; the name of its entry when absent.
        name: Option<String>,
        /// `nested_groups`: whether the groups of groups count.
        nesting: Nesting,
    },
}

/// Whether the groups of groups count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// They do not, or the directory itself follows them.
    None,
    /// They do: each group that is found is looked at for its own.
    Followed,
}

/// `None` when something is wrong, `Some(None)` when no groups are asked for.
#[expect(clippy::option_option, reason = "a mistake is not the same as nothing")]
pub(super) fn groups(
    settings: &Table<'_>,
    is_active_directory: bool,
) -> Option<Option<LdapGroups>> {
    let nested = settings.flag("nested_groups") == Some(true);
    let listed = settings.get("group_attribute");
    let base = settings.get("group_base");
    let (filter, name) = (settings.get("group_filter"), settings.get("group_name"));
    match (listed, base) {
        (Some(item), Some(_)) => {
            item.error("stands beside group_base; a right file has one of them");
            None
        }
        (Some(_), None) => {
            for item in [filter, name].into_iter().flatten() {
                item.error("stands without group_base; with group_attribute a group is called by the name of its entry");
            }
            let attribute = attribute(settings, "group_attribute", "memberOf")?;
            let nesting = if nested { Nesting::Followed } else { Nesting::None };
            Some(Some(LdapGroups::Listed { attribute, nesting }))
        }
        (None, Some(_)) => {
            let base = settings.text("group_base").and_then(|item| dn(&item));
            let (filter, nesting) = filter_of(settings, nested, is_active_directory)?;
            let name = match name {
                Some(_) => Some(attribute(settings, "group_name", "cn")?),
                None => None,
            };
            Some(Some(LdapGroups::Searched { base: base?, filter, name, nesting }))
        }
        (None, None) => {
            let nested = settings.get("nested_groups").filter(|_| nested);
            for item in [filter, name, nested].into_iter().flatten() {
                item.error(
                    "stands without group_base and group_attribute; add one of them, such as group_base = \
                     \"ou=groups,dc=example,dc=com\"",
                );
            }
            Some(None)
        }
    }
}

fn filter_of(
    settings: &Table<'_>,
    nested: bool,
    is_active_directory: bool,
) -> Option<(LdapFilter, Nesting)> {
    let holes = [Hole::Dn, Hole::Username];
    let Some(item) = settings.text("group_filter") else {
        if settings.get("group_filter").is_some() {
            return None;
        }
        let (usual, nesting) = match (is_active_directory, nested) {
            (true, true) => (format!("(member:{IN_CHAIN}:={{dn}})"), Nesting::None),
            (true, false) => ("(&(objectClass=group)(member={dn}))".to_owned(), Nesting::None),
            (false, true) => {
                ("(&(objectClass=groupOfNames)(member={dn}))".to_owned(), Nesting::Followed)
            }
            (false, false) => {
                ("(&(objectClass=groupOfNames)(member={dn}))".to_owned(), Nesting::None)
            }
        };
        return Some((LdapFilter::parse(&usual, &holes).ok()?, nesting));
    };
    let right = "\"(&(objectClass=groupOfNames)(member={dn}))\"";
    let filter = LdapFilter::parse(item.value, &holes);
    let filter =
        filter.map_err(|error| item.error(format_args!("{error}; a right one is {right}"))).ok()?;
    let (by_dn, by_name) = (filter.asks_for(Hole::Dn), filter.asks_for(Hole::Username));
    if !by_dn && !by_name {
        item.error(format_args!(
            "asks neither for {{dn}} nor for {{username}}; a right one is {right}"
        ));
    }
    if let Some(nested) = settings.get("nested_groups").filter(|_| nested) {
        if !by_dn || item.value.contains("{username}") {
            nested.error("needs a group_filter that asks for {dn} and not for {username}, which a group has not");
        } else if item.value.contains(IN_CHAIN) {
            nested.error("stands beside a filter by whose rule the LDAP directory follows groups itself; leave it out");
        }
    }
    Some((filter, if nested { Nesting::Followed } else { Nesting::None }))
}
