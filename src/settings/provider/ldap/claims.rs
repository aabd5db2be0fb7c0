//! Which attributes of an entry can be claims: no password, and nothing below one, as attributes have nothing below them.
//!
//! Must not know what becomes of a claim.

use toml::de::DeValue;

use crate::settings::reader::{Item, Table};

/// What the claims are called that are made here, and may have something below them: their single values.
const MADE: [&str; 2] = ["groups", "preferred_username"];

/// Whether an attribute holds what proves who somebody is.
pub(super) fn is_secret(attribute: &str) -> bool {
    const SECRETS: [&str; 12] = [
        "userPassword",
        "unicodePwd",
        "authPassword",
        "dBCSPwd",
        "lmPwdHistory",
        "ntPwdHistory",
        "krbPrincipalKey",
        "ipaNTHash",
        "sambaLMPassword",
        "sambaNTPassword",
        "supplementalCredentials",
        "ms-Mcs-AdmPwd",
    ];
    SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(attribute))
}

/// Says which of the claims that the settings name can be none: nobody would ever have it.
pub(super) fn check(table: &Table<'_>) {
    for (source, item) in named(table) {
        let below = source.strip_prefix('/').map(|rest| rest.split('/').next().unwrap_or_default());
        if is_secret(source) || below.is_some_and(is_secret) {
            item.error("is somebody's password; a right one is \"mail\"");
        } else if below.is_some_and(|name| !MADE.contains(&name)) {
            item.error("is below a claim, and an attribute has nothing below it; a right one is \"mail\", and several values are a list");
        }
    }
}

/// Each place of a claim with where it is written. Wrong types are for whoever reads them.
fn named<'a>(table: &Table<'a>) -> Vec<(&'a str, Item<'a, &'a DeValue<'a>>)> {
    let mut named = Vec::new();
    let as_text = |item: Item<'a, &'a DeValue<'a>>| match item.value {
        DeValue::String(text) => Some((&**text, item)),
        _ => None,
    };
    for item in [table.get("claims"), table.get("group_mapping")].into_iter().flatten() {
        match item.value {
            DeValue::Array(_) => {
                for item in item.list().unwrap_or_default() {
                    let rule = matches!(item.value, DeValue::Table(_)).then(|| item.table());
                    let claim = rule.flatten().and_then(|rule| rule.get("claim"));
                    named.extend(as_text(claim.unwrap_or(item)));
                }
            }
            DeValue::Table(_) => {
                let table = item.table();
                named.extend(
                    table.iter().flat_map(Table::entries).filter_map(|(_, item)| as_text(item)),
                );
            }
            _ => {}
        }
    }
    let required = table.get("required_claims");
    let required = required.filter(|item| matches!(item.value, DeValue::Table(_)));
    if let Some(required) = required.and_then(|item| item.table()) {
        named.extend(required.entries());
    }
    named
}
