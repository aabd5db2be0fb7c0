//! From `[[rules]]` to who may send what.
//!
//! Owns that a rule says one thing, and that what it fills in is there. Must not judge a request.

use http::Method;

use super::pattern::{GroupPattern, HostPattern, PathPattern};
use crate::settings::reader::{Item, Table};

/// Most rules.
const MAX_RULES: usize = 1_000;
/// Every method that is known by name; others are taken in capital letters.
const MAX_METHOD: usize = 32;

/// One rule: which requests it is about, and who may send these.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// `name`: what it is called in the log and by `--explain`; default its place, such as `rules[0]`.
    pub name: String,
    /// `methods`: default all.
    pub methods: Vec<Method>,
    /// `hosts`: default all.
    pub hosts: Vec<HostPattern>,
    /// `path` or `paths`: default all.
    pub paths: Vec<PathPattern>,
    /// Who may.
    pub grant: Grant,
}

/// Who may send a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `allow = "public"`: everybody.
    Public,
    /// `allow = "authenticated"`: whoever shows who they are.
    Authenticated,
    /// These; one of them is enough.
    Some {
        /// `users`: each by its id.
        users: Vec<String>,
        /// `groups`: who is in one of them.
        groups: Vec<GroupPattern>,
        /// `all_groups`: who is in all of them.
        all_groups: Vec<GroupPattern>,
    },
}

pub(super) fn rules(root: &Table<'_>) -> Option<Vec<RuleSettings>> {
    let tables = root.tables("rules");
    if tables.is_empty() {
        root.missing("rules", "[[rules]] with path = \"/**\" and allow = \"authenticated\" below: what no rule is about is refused");
        return None;
    }
    if tables.len() > MAX_RULES {
        root.report.error(root.at, "rules", "there are more than 1,000; a right file has fewer: one with holes, such as \"/{team}/**\", serves a tree");
    }
    let rules: Vec<Option<RuleSettings>> = tables
        .into_iter()
        .map(|table| {
            let rule = rule(&table);
            table.finish();
            rule
        })
        .collect();
    let rules = rules.into_iter().collect::<Option<Vec<_>>>()?;
    for (at, one) in rules.iter().enumerate() {
        if let Some(other) = rules[..at].iter().find(|other| other.name == one.name) {
            let message = format_args!(
                "is the name of another rule; a right one is its own, not {:?} again",
                other.name
            );
            root.report.error(root.at, &format!("rules[{at}].name"), message);
        }
    }
    Some(rules)
}

fn rule(table: &Table<'_>) -> Option<RuleSettings> {
    let name = match table.text("name") {
        Some(item)
            if item.value.is_empty()
                || item.value.len() > 100
                || item.value.contains(char::is_control) =>
        {
            item.error("is no name; a right one is \"articles\"");
            None
        }
        Some(item) => Some(item.value.to_owned()),
        None => Some(table.key.clone()),
    };
    let methods: Vec<Option<Method>> = table.texts("methods").iter().map(method).collect();
    let hosts: Vec<Option<HostPattern>> = table.texts("hosts").iter().map(Item::parse).collect();
    let paths = paths(table);
    for key in ["methods", "hosts", "paths"] {
        if let Some(item) = table.get(key)
            && item.list().is_some_and(|list| list.is_empty())
        {
            item.error("is empty, and would be about no request; leave it out to mean all");
        }
    }
    let grant = grant(table, paths.as_deref().unwrap_or_default());
    Some(RuleSettings {
        name: name?,
        methods: methods.into_iter().collect::<Option<_>>()?,
        hosts: hosts.into_iter().collect::<Option<_>>()?,
        paths: paths?,
        grant: grant?,
    })
}

fn method(item: &Item<'_, &str>) -> Option<Method> {
    let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_';
    let is_one = (1..=MAX_METHOD).contains(&item.value.len()) && item.value.bytes().all(is_upper);
    let method = Method::from_bytes(item.value.as_bytes()).ok().filter(|_| is_one);
    if method.is_none() {
        item.error("is no method; right ones are \"GET\", \"HEAD\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\" and \"OPTIONS\", in capital letters");
    }
    method
}

fn paths(table: &Table<'_>) -> Option<Vec<PathPattern>> {
    let (one, many) = (table.text("path"), table.texts("paths"));
    if let (Some(_), Some(item)) = (&one, table.get("paths")) {
        item.error("stands beside path; a right rule has one of them");
    }
    let read: Vec<Option<PathPattern>> = one.iter().chain(&many).map(Item::parse).collect();
    if one.is_none() && table.get("path").is_some() {
        return None;
    }
    read.into_iter().collect()
}

fn grant(table: &Table<'_>, paths: &[PathPattern]) -> Option<Grant> {
    let allow = table.text("allow");
    let users = table.texts("users");
    let lists: Vec<_> =
        ["users", "groups", "all_groups"].into_iter().filter_map(|key| table.get(key)).collect();
    let groups = patterns(table, "groups", paths);
    let all_groups = patterns(table, "all_groups", paths);
    if let Some(item) = allow {
        for list in &lists {
            list.error("stands beside allow, which lets in more; a right rule has allow, or groups, all_groups and users");
        }
        let choices = [("public", Grant::Public), ("authenticated", Grant::Authenticated)];
        return item.one_of(&choices);
    }
    for item in &users {
        if item.value.is_empty()
            || item.value.contains(|c: char| c.is_control() || "*{}".contains(c))
        {
            item.error(
                "is no user; a right one is \"kisee-ada\", a user id as it stands in tokens",
            );
        }
    }
    for item in &lists {
        if item.list().is_some_and(|list| list.is_empty()) {
            item.error("is empty, and lets nobody in; leave it out, or the whole rule to refuse by default");
        }
    }
    if lists.is_empty() && table.get("allow").is_none() {
        table.missing(
            "allow",
            "\"public\", \"authenticated\", or groups = [\"articles\"] in its place",
        );
        return None;
    }
    let users = users.iter().map(|item| item.value.to_owned()).collect();
    Some(Grant::Some { users, groups: groups?, all_groups: all_groups? })
}

fn patterns(
    table: &Table<'_>,
    key: &'static str,
    paths: &[PathPattern],
) -> Option<Vec<GroupPattern>> {
    let read = table.texts(key).into_iter().map(|item| {
        let pattern: GroupPattern = item.parse()?;
        let is_filled =
            |hole: &str| !paths.is_empty() && paths.iter().all(|path| path.has_hole(hole));
        let missing = pattern.holes().find(|hole| !is_filled(hole)).map(str::to_owned);
        if let Some(hole) = missing {
            item.error(format_args!(
                "is filled from {{{hole}}}, which every path of the rule must have; a right rule has path = \"/{{{hole}}}/**\""
            ));
            return None;
        }
        Some(pattern)
    });
    read.collect()
}
