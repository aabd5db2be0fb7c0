//! What becomes of what a provider says, as the file spells it.

use std::path::Path;

use pasee::settings::parse;

use crate::mistakes::{assert_mistake, mistakes};

/// A file with one local provider that has these lines.
fn provider(lines: &str) -> String {
    format!(
        "[[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\nsettings.users = []\n{lines}\n"
    )
}

#[test]
fn a_whole_mapping() {
    let text = provider(
        "claims = { mail = \"email\", nick = \"/profile/name\" }\nallowed_subjects = [\"1\", \"2\"]\n\
         required_claims = { email_verified = true, hd = [\"example.com\", \"example.org\"], level = 3 }\n\
         group_mapping = [{ claim = \"teams\", value = \"org/writers\", group = \"articles\" }]\n\
         group_mapping_lifetime = \"2h\"",
    );
    let text = format!("{text}[jwt]\niss = \"pasee.example.com\"\n");
    let explained = parse(Path::new("f.toml"), &text).unwrap().explain().to_string();
    assert!(
        explained.contains(
            "; only 2 listed users may; it must say email_verified=true; it must say hd=\"example.com\" or \
             hd=\"example.org\"; it must say level=3; of its claims pass email as mail, /profile/name as nick; \
             teams=\"org/writers\" adds the group articles for 2 hours."
        ),
        "{explained}"
    );
}

#[test]
fn keys_of_the_mapping() {
    let many: Vec<String> = (0..17).map(|number| format!("c{number} = 1")).collect();
    let many = format!("required_claims = {{ {} }}", many.join(", "));
    let values = format!("required_claims = {{ a = [{}] }}", "1, ".repeat(65));
    let rule = |rest: &str| format!("group_mapping = [{{ {rest} }}]");
    let subjects = format!("allowed_subjects = [{}]", "\"1\",".repeat(10_001));
    for (wrong, key, right) in [
        ("claims = { groups = \"groups\" }", "claims.groups", "reserved"),
        ("claims = { \"e mail\" = \"email\" }", "claims.\"e mail\"", "such as email"),
        ("claims = { email = 1 }", "claims.email", "a text"),
        ("claims = { email = \"\" }", "claims.email", "such as \"groups\""),
        ("claims = { email = \"a=b\" }", "claims.email", "no \"=\""),
        ("allowed_subjects = \"1\"", "allowed_subjects", "a list"),
        ("allowed_subjects = [\" a\"]", "allowed_subjects[0]", "space"),
        (subjects.as_str(), "allowed_subjects", "more than 10000"),
        ("required_claims = [\"a\"]", "required_claims", "[identity_providers.required_claims]"),
        ("required_claims = { a = [] }", "required_claims.a", "no value"),
        ("required_claims = { a = 1.5 }", "required_claims.a", "true or false"),
        ("required_claims = { a = [{}] }", "required_claims.a[0]", "true or false"),
        (values.as_str(), "required_claims.a", "more than 64"),
        (many.as_str(), "required_claims", "more than 16"),
        ("group_mapping = { a = \"b\" }", "group_mapping", "[[identity_providers.group_mapping]]"),
        (&rule("value = \"a\", group = \"a\""), "group_mapping[0].claim", "\"groups\""),
        (&rule("claim = \"a\", group = \"a\""), "group_mapping[0].value", "\"engineering\""),
        (&rule("claim = \"a\", value = \"a\""), "group_mapping[0].group", "\"articles\""),
        (&rule("claim = \"a\", value = \"a\", group = \"A\""), "group_mapping[0].group", "a-z"),
        (
            &rule("claim = \"a\", value = \"a\", group = \"a.staff\""),
            "group_mapping[0].group",
            "members only",
        ),
        (
            &rule("claim = \"a\", value = \"a\", group = \"staff\""),
            "group_mapping[0].group",
            "members only",
        ),
        (
            &rule("claim = \"a\", vaule = \"a\", value = \"a\", group = \"a\""),
            "group_mapping[0].vaule",
            "is value",
        ),
        ("group_mapping_lifetime = \"1h\"", "group_mapping_lifetime", "without a group_mapping"),
    ] {
        let key = format!("identity_providers[0].{key}");
        assert_mistake(&provider(wrong), wrong, &key, right);
    }
    let rule = rule("claim = \"a\", value = \"a\", group = \"a\"");
    let wrong = "group_mapping_lifetime = \"401d\"";
    let text = provider(&format!("{rule}\n{wrong}"));
    assert_mistake(&text, wrong, "identity_providers[0].group_mapping_lifetime", "34560000");
    let long = format!("required_claims = {{ a = \"{}\" }}", "x".repeat(200));
    assert!(mistakes(&provider(&long)).contains("have together 1 to 197 bytes"));
}
