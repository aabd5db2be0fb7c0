//! Texts that look as if they were to be filled with variables: a settings file is taken as it stands.
//!
//! Must not know which keys there are.

use toml::de::DeValue;

use super::reader::{Item, Table};

/// Warns of each text of a file that names a variable in the place of a value.
pub(super) fn warn_of_variables(root: &Table<'_>) {
    for (_, item) in root.entries() {
        look(&item);
    }
}

fn look<'a>(item: &Item<'a, &'a DeValue<'a>>) {
    match item.value {
        DeValue::String(text) if names_a_variable(text) => item.warn(
            "looks like a variable, and nothing is filled in here: it is taken as it stands. A secret can stand in a file of its \
             own, which a key that ends with _file names",
        ),
        DeValue::Array(_) => item.list().iter().flatten().for_each(look),
        DeValue::Table(_) => {
            if let Some(table) = item.table() {
                table.entries().for_each(|(_, item)| look(&item));
            }
        }
        _ => {}
    }
}

/// `$NAME` and nothing else, or `${NAME}` anywhere.
fn names_a_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(is_name)
        || text
            .split("${")
            .skip(1)
            .any(|rest| rest.split_once('}').is_some_and(|(name, _)| is_name(name)))
}

/// A name as a shell has them.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_variable() {
        for text in ["$NAME", "${NAME}", "$name_2", "https://${HOST}/x", "a${B}", "$_"] {
            assert!(names_a_variable(text), "{text}");
        }
        for text in [
            "",
            "$",
            "$$",
            "$1",
            "${}",
            "${1}",
            "${A-B}",
            "${A",
            "a$B",
            "$A B",
            "$A$B",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MDEy",
            "$2b$12$abcdefghijklmnopqrstuv",
            "pa$$word",
            "{login}",
            "{tenantid}",
        ] {
            assert!(!names_a_variable(text), "{text}");
        }
    }
}
