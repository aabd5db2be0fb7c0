//! From a provider's table to [`Mapping`]: who may log in, what passes, which groups are added.
//!
//! Must not know what a provider says.

use std::time::Duration;

use toml::de::DeValue;

use crate::domain::claim::ClaimName;
use crate::domain::evidence::{Claimed, Fact};
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::user::Subject;
use crate::settings::reader::{Item, Table, integer};
use crate::settings::tokens::duration;

/// Longest place of a claim, in bytes.
const MAX_SOURCE: usize = 100;
/// Most subjects that are listed one by one.
const MAX_SUBJECTS: usize = 10_000;
/// Most values that one required claim may have.
const MAX_VALUES: usize = 64;
/// Most required claims: all of them fit in the evidence of a login.
const MAX_REQUIRED: usize = 16;

const DAY: u64 = 24 * 60 * 60;

/// What becomes of what a provider says of a user. The default lets everybody in and nothing pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// `claims`: what may pass into access tokens, as a list of names or as a table from our names to theirs.
    pub claims: Vec<PassedClaim>,
    /// `allowed_subjects`: who may log in at all, at most 10,000, compared byte by byte; everybody when absent.
    pub allowed_subjects: Option<Vec<Subject>>,
    /// `required_claims`: what the provider must say of whoever logs in; a list means one of these.
    pub required_claims: Vec<RequiredClaim>,
    /// `[[identity_providers.group_mapping]]`: which of our groups a login adds; default none.
    pub groups: Vec<GroupRule>,
    /// `group_mapping_lifetime`: how long after a login those groups last (10 s to 400 days, default 1 day).
    pub group_lifetime: Duration,
}

/// Where a provider says something: the name of a claim, or a JSON pointer (RFC 6901) to one below, such as
/// `/realm_access/roles`. At most 100 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSource(pub(crate) String);

impl ClaimSource {
    /// The name or pointer as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What passes into access tokens, under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedClaim {
    /// What it is called in our tokens.
    pub name: ClaimName,
    /// Where the provider says it.
    pub source: ClaimSource,
}

/// A claim that keeps its name.
impl From<ClaimName> for PassedClaim {
    fn from(name: ClaimName) -> Self {
        Self { source: ClaimSource(name.as_str().to_owned()), name }
    }
}

/// Something the provider must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Where.
    pub source: ClaimSource,
    /// One of these facts, each true or false, a whole number or a text; 1 to 64.
    pub any_of: Vec<Fact>,
}

/// Whoever the provider says this of is in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// `claim`: where the provider says it.
    pub source: ClaimSource,
    /// `claim` and `value`: what, alone or in a list.
    pub fact: Fact,
    /// `group`: ours. Never a staff: a mapping gives nobody a say.
    pub group: GroupName,
}

pub(super) fn mapping(table: &Table<'_>) -> Option<Mapping> {
    let claims = claims(table);
    let allowed_subjects = allowed_subjects(table);
    let required_claims = required_claims(table);
    let groups = groups(table);
    let day = Duration::from_secs(DAY);
    let group_lifetime = duration(table, "group_mapping_lifetime", 10..=400 * DAY, day);
    if let (Some(item), true) = (table.get("group_mapping_lifetime"), groups.is_empty()) {
        item.error("stands without a group_mapping; leave it out, or add [[identity_providers.group_mapping]]");
    }
    Some(Mapping {
        claims,
        allowed_subjects,
        required_claims,
        groups,
        group_lifetime: group_lifetime?,
    })
}

/// A list of names, or a table from our names to theirs.
fn claims(table: &Table<'_>) -> Vec<PassedClaim> {
    let Some(item) = table.get("claims") else { return Vec::new() };
    if let DeValue::Table(_) = item.value {
        let renamed = item.table();
        return renamed
            .iter()
            .flat_map(|table| table.entries().collect::<Vec<_>>())
            .filter_map(renaming)
            .collect();
    }
    let names = table.texts("claims");
    names.iter().filter_map(Item::parse::<ClaimName>).map(PassedClaim::from).collect()
}

fn renaming((name, item): (&str, Item<'_, &DeValue<'_>>)) -> Option<PassedClaim> {
    let name = name.parse().map_err(|error| item.error(error)).ok();
    let source = item.text().and_then(|text| source(&text));
    Some(PassedClaim { name: name?, source: source? })
}

/// The name of a provider's claim, which may be any, or a pointer to something below one.
pub(super) fn source(item: &Item<'_, &str>) -> Option<ClaimSource> {
    let text = item.value;
    let fits = (1..=MAX_SOURCE).contains(&text.len()) && !text.chars().any(char::is_control);
    if !fits || text.contains('=') {
        item.error(
            "names no claim of a provider; right ones have 1 to 100 bytes and no \"=\", such as \"groups\", or lead to one \
             below another, such as \"/realm_access/roles\"",
        );
        return None;
    }
    Some(ClaimSource(text.to_owned()))
}

fn allowed_subjects(table: &Table<'_>) -> Option<Vec<Subject>> {
    let item = table.get("allowed_subjects")?;
    let subjects: Vec<Subject> =
        table.texts("allowed_subjects").iter().filter_map(Item::parse).collect();
    if subjects.len() > MAX_SUBJECTS {
        item.error("lists more than 10000 subjects; a group at the provider and required_claims say it shorter");
    }
    Some(subjects)
}

fn required_claims(table: &Table<'_>) -> Vec<RequiredClaim> {
    let Some(required) = table.table("required_claims") else { return Vec::new() };
    if required.entries().nth(MAX_REQUIRED).is_some() {
        required.report.error(required.at, &required.key, "has more than 16 claims");
    }
    let claims = required.entries().filter_map(|(name, item)| {
        let source = source(&item.with(name))?;
        let values = match item.value {
            DeValue::Array(_) => item.list()?,
            _ => vec![item.clone()],
        };
        if !(1..=MAX_VALUES).contains(&values.len()) {
            item.error("has no value or more than 64; a right one is true, \"example.com\" or [\"a\", \"b\"]");
            return None;
        }
        let any_of: Option<Vec<Fact>> = values.iter().map(|value| fact_of(&source, value)).collect();
        Some(RequiredClaim { source, any_of: any_of? })
    });
    claims.collect()
}

fn groups(table: &Table<'_>) -> Vec<GroupRule> {
    let rules = table.tables("group_mapping").into_iter().filter_map(|rule| {
        let claim = rule.needed("claim", "\"groups\"").and_then(|item| source(&item));
        let value = rule.get("value");
        if value.is_none() {
            rule.missing("value", "\"engineering\"");
        }
        let group = rule.needed("group", "\"articles\"").and_then(|item| match item.parse()? {
            Roster::Members(group) => Some(group),
            Roster::RootStaff | Roster::Staff(_) => {
                item.error("is a staff; a mapping adds members only, such as \"articles\"");
                None
            }
        });
        rule.finish();
        let (source, value) = (claim?, value?);
        Some(GroupRule { fact: fact_of(&source, &value)?, source, group: group? })
    });
    rules.collect()
}

fn fact_of(source: &ClaimSource, item: &Item<'_, &DeValue<'_>>) -> Option<Fact> {
    let right = "true or false, a whole number or a text";
    let said = match item.value {
        DeValue::Boolean(value) => Claimed::Bool(*value),
        DeValue::Integer(number) => match integer(number) {
            Some(number) => Claimed::Integer(number),
            None => return item.wrong_type(item.value, right),
        },
        DeValue::String(text) => Claimed::Text(text),
        other => return item.wrong_type(other, right),
    };
    Fact::new(source.as_str(), said).map_err(|error| item.error(error)).ok()
}
