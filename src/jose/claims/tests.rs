//! What a provider can and cannot slip through.

use serde_json::json;

use super::*;

/// 200 hostile claims: none survives, whatever the whitelist names.
#[test]
fn hostile_claims() {
    let names = [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "auth_time",
        "idp",
        "groups",
        "scope",
        "refresh_token",
        "typ",
        "azp",
        "nonce",
        "ACR",
        "Amr",
        "client_id",
        "cnf",
        "act",
        "Groups",
        "GROUPS",
        "Refresh_Token",
        "roles",
        "groups ",
        " groups",
        "groups\0",
        "gro\u{200b}ups",
        "",
        "__proto__\n",
    ];
    let long = "x".repeat(2000);
    let values = [
        json!("staff"),
        json!(["staff"]),
        json!(true),
        json!(1),
        json!({"groups": ["staff"]}),
        json!(null),
        json!(long),
    ];
    let mut tried = 0;
    for name in names {
        for value in &values {
            let claims = Map::from_iter([(name.to_owned(), value.clone())]);
            let email: ClaimName = "email".parse().unwrap();
            assert!(passed(&[email], &claims).is_empty(), "{name:?}");
            assert!(name.parse::<ClaimName>().is_err(), "{name:?} cannot even be whitelisted");
            tried += 1;
        }
    }
    let under_a_good_name = [
        json!({"groups": ["staff"]}),
        json!([["staff"]]),
        json!([1, "a"]),
        json!(null),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(long),
        json!(vec!["x"; 65]),
        json!("line\nbreak"),
        json!("nul\0"),
        json!(["a", "\u{1b}[2J"]),
    ];
    for value in under_a_good_name {
        let claims = Map::from_iter([("email".to_owned(), value)]);
        assert!(passed(&["email".parse().unwrap()], &claims).is_empty(), "{claims:?}");
        tried += 1;
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn what_the_whitelist_names_passes() {
    let claims = Map::from_iter([
        ("email".to_owned(), json!("ada@example.com")),
        ("email_verified".to_owned(), json!(true)),
        ("tags".to_owned(), json!(["a", "b"])),
        ("phone".to_owned(), json!("1815")),
    ]);
    let whitelist: Vec<ClaimName> = ["email", "email_verified", "tags", "missing"]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let names: Vec<String> =
        passed(&whitelist, &claims).iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["email", "email_verified", "tags"]);
}
