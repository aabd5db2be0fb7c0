//! Every field at its bounds and beyond: what the schema takes, `resources` reads, and nothing else.

use serde_json::{Value, json};

use super::server::{Kind, Server};

/// A small right object.
pub fn right(kind: Kind) -> Value {
    let spec = match kind {
        Kind::Group => json!({ "description": "People", "creator": "kisee-you" }),
        Kind::Membership => json!({
            "group": "admin",
            "role": "Staff",
            "users": ["kisee-ada"],
            "serviceAccounts": [{ "namespace": "ci", "name": "deployer" }],
            "expiresAt": "2027-01-31T00:00:00Z",
        }),
        Kind::User => {
            json!({ "username": "kisee-john", "banned": true, "notBefore": "2026-11-20T00:00:00Z" })
        }
    };
    json!({
        "apiVersion": "pasee.meltylab.fr/v1",
        "kind": format!("{kind:?}"),
        "metadata": { "name": "some.name" },
        "spec": spec,
    })
}

/// The object with another value at a place such as `/spec/users/0`; without a value, without the field.
pub fn with(mut object: Value, place: &str, value: Option<Value>) -> Value {
    let (parent, last) = place.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(last.to_owned(), value);
        }
        (Value::Object(fields), None) => {
            fields.remove(last);
        }
        (Value::Array(entries), Some(value)) => entries[last.parse::<usize>().unwrap()] = value,
        _ => panic!("{place}"),
    }
    object
}

fn accepts(kind: Kind, place: &str, values: &[Value]) {
    let server = Server::new(kind);
    for value in values {
        let object = with(right(kind), place, Some(value.clone()));
        assert_eq!(server.takes(&object), Ok(()), "{kind:?} {place} {value}");
        assert_eq!(server.is_read(&object), Ok(()), "{kind:?} {place} {value}");
    }
}

fn refuses(kind: Kind, place: &str, cases: &[(Value, &str, &str)]) {
    let server = Server::new(kind);
    for (value, rule, invalid) in cases {
        let object = with(right(kind), place, Some(value.clone()));
        let told = server.takes(&object).expect_err(&format!("{kind:?} {place} {value}"));
        assert!(told.contains(rule), "{kind:?} {place} {value}: {told}");
        let told = server.is_read(&object).expect_err(&format!("{kind:?} {place} {value}"));
        assert!(told.contains(invalid), "{kind:?} {place} {value}: {told}");
    }
}

fn a(count: usize) -> String {
    "a".repeat(count)
}

#[test]
fn the_small_objects_are_right() {
    for kind in [Kind::Group, Kind::Membership, Kind::User] {
        accepts(kind, "/metadata/labels", &[json!({ "team": "a" })]);
    }
}

/// A Group's own name, and the group of a Membership.
#[test]
fn group_names() {
    for (kind, place, invalid) in
        [(Kind::Group, "/metadata/name", "Name("), (Kind::Membership, "/spec/group", "Group(")]
    {
        accepts(
            kind,
            place,
            &[
                json!("a"),
                json!("0"),
                json!("admin.developers"),
                json!("my--group"),
                json!("a-b--c.d-1.x"),
                json!("staffing.my-staff.staff2.staff--x"),
                json!(a(200)),
                json!(format!("{}{}", "a--".repeat(53), a(94))),
                json!(format!("{}{}", "a--".repeat(84), a(1))),
                json!(vec!["a"; 100].join(".")),
            ],
        );
        let cases = [
            ("", "pattern", "Empty"),
            ("my_group", "pattern", "Segment"),
            ("A", "pattern", "Segment"),
            ("é", "pattern", "Segment"),
            ("a b", "pattern", "Segment"),
            ("a/b", "pattern", "Segment"),
            ("a\n", "pattern", "Segment"),
            ("-a", "pattern", "Segment"),
            ("a-", "pattern", "Segment"),
            ("a--", "pattern", "Segment"),
            ("a---b", "pattern", "Segment"),
            ("a----b", "pattern", "Segment"),
            ("a..b", "pattern", "Segment"),
            (".a", "pattern", "Segment"),
            ("a.", "pattern", "Segment"),
            ("a.-b", "pattern", "Segment"),
            ("staff", "reserved", "Reserved"),
            ("admin.staff", "reserved", "Reserved"),
            ("staff.admin", "reserved", "Reserved"),
            ("a.staff.b", "reserved", "Reserved"),
        ];
        for (value, rule, error) in cases {
            refuses(kind, place, &[(json!(value), rule, &format!("{invalid}{error})"))]);
        }
        let too_long = format!("{invalid}TooLong)");
        refuses(
            kind,
            place,
            &[
                (json!(a(201)), "at most 200", &too_long),
                (json!(format!("{}{}", "a--".repeat(52), a(97))), "at most 200", &too_long),
                (json!(a(254)), "maxLength", &too_long),
                (json!(a(100_000)), "maxLength", &too_long),
                (json!(format!("{}aa", "a--".repeat(84))), "maxLength", &too_long),
            ],
        );
    }
    for kind in [Kind::Membership, Kind::User] {
        accepts(kind, "/metadata/name", &[json!("a"), json!(a(253)), json!("a---b.staff")]);
    }
}

/// Wherever a user id stands.
#[test]
fn user_ids() {
    for (kind, place, invalid) in [
        (Kind::Group, "/spec/creator", "Creator("),
        (Kind::Membership, "/spec/users/0", "User { place: 0, error: "),
        (Kind::User, "/spec/username", "Username("),
    ] {
        accepts(
            kind,
            place,
            &[
                json!("p-x"),
                json!("k8s-ci:deployer"),
                json!("externals-internals-ada"),
                json!("x_1-日本"),
                json!("a-b -x"),
                json!("a--"),
                json!("a-\u{200d}"),
                json!(format!("{}-{}", a(32), a(200))),
                json!(format!("{}-{}", a(32), "é".repeat(100))),
                json!(format!("p-{}", "😀".repeat(50))),
            ],
        );
        for (value, rule, error) in [
            ("".to_owned(), "pattern", "Shape"),
            ("john".to_owned(), "pattern", "Shape"),
            ("-john".to_owned(), "pattern", "Provider"),
            ("Kisee-john".to_owned(), "pattern", "Provider"),
            ("ki.see-john".to_owned(), "pattern", "Provider"),
            ("kisee-".to_owned(), "pattern", "SubjectEmpty"),
            ("kisee- john".to_owned(), "pattern", "SubjectSpace"),
            ("kisee-john ".to_owned(), "pattern", "SubjectSpace"),
            ("kisee-john\u{a0}".to_owned(), "pattern", "SubjectSpace"),
            ("kisee-\u{2028}john".to_owned(), "pattern", "SubjectSpace"),
            ("kisee-jo\0hn".to_owned(), "pattern", "SubjectControl"),
            ("kisee-john\n".to_owned(), "pattern", "SubjectControl"),
            ("kisee-jo\u{85}hn".to_owned(), "pattern", "SubjectControl"),
            (format!("{}-x", a(33)), "pattern", "Provider"),
            (format!("p-{}", a(201)), "at most 200 bytes", "SubjectTooLong"),
            (format!("p-a{}", "é".repeat(100)), "at most 200 bytes", "SubjectTooLong"),
            (format!("p-a{}", "😀".repeat(50)), "at most 200 bytes", "SubjectTooLong"),
            (format!("{}-{}", a(32), "日".repeat(200)), "at most 200 bytes", "SubjectTooLong"),
            (format!("{}-{}", a(32), a(201)), "maxLength", "SubjectTooLong"),
            (format!("p-{}", a(100_000)), "maxLength", "SubjectTooLong"),
        ] {
            refuses(kind, place, &[(json!(value), rule, &format!("{invalid}{error}"))]);
        }
        for value in [json!(7), json!(true), json!(["p-x"]), json!({ "name": "p-x" })] {
            refuses(kind, place, &[(value, "type", "invalid type")]);
        }
        // The one thing that no schema can demand.
        let decomposed = with(right(kind), place, Some(json!("kisee-e\u{301}")));
        assert_eq!(Server::new(kind).takes(&decomposed), Ok(()));
        let told = Server::new(kind).is_read(&decomposed).unwrap_err();
        assert!(told.contains("SubjectForm"), "{told}");
    }
}

#[test]
fn descriptions() {
    accepts(
        Kind::Group,
        "/spec/description",
        &[json!(""), json!(a(1024)), json!("é".repeat(1024))],
    );
    let cases = [
        (json!(a(1025)), "maxLength", "Description"),
        (json!("é".repeat(1025)), "maxLength", "Description"),
        (json!(1), "type", "invalid type"),
    ];
    refuses(Kind::Group, "/spec/description", &cases);
}

#[test]
fn lists() {
    let users = |count: usize| json!((0..count).map(|n| format!("p-{n}")).collect::<Vec<_>>());
    let accounts = |count: usize| json!(vec![json!({ "namespace": "a", "name": "b" }); count]);
    accepts(Kind::Membership, "/spec/users", &[users(0), users(500), json!(vec!["p-x"; 500])]);
    accepts(Kind::Membership, "/spec/serviceAccounts", &[accounts(0), accounts(100)]);
    refuses(
        Kind::Membership,
        "/spec/users",
        &[
            (users(501), "maxItems", "TooManyUsers"),
            (users(10_000), "maxItems", "TooManyUsers"),
            (json!("p-x"), "type", "invalid type"),
            (json!({ "p-x": true }), "type", "invalid type"),
        ],
    );
    refuses(
        Kind::Membership,
        "/spec/serviceAccounts",
        &[
            (accounts(101), "maxItems", "TooManyServiceAccounts"),
            (json!(["ci:deployer"]), "type", "invalid type"),
        ],
    );
    // The last entry counts like the first.
    let mut last = users(500);
    last[499] = json!("p-\n");
    refuses(Kind::Membership, "/spec/users", &[(last, "pattern", "User { place: 499")]);
}

#[test]
fn service_accounts() {
    let account = |namespace: &str, name: &str| json!({ "namespace": namespace, "name": name });
    accepts(
        Kind::Membership,
        "/spec/serviceAccounts/0",
        &[
            account("a", "a"),
            account("0-x", "a.b-c.0"),
            account("a--b", "a---b"),
            account(&a(63), &a(136)),
            account("a", &a(198)),
        ],
    );
    let bad_name = "error: Name";
    refuses(
        Kind::Membership,
        "/spec/serviceAccounts/0",
        &[
            (account("", "a"), "minLength", "error: Namespace"),
            (account("a.b", "a"), "pattern", "error: Namespace"),
            (account("A", "a"), "pattern", "error: Namespace"),
            (account("-a", "a"), "pattern", "error: Namespace"),
            (account("a-", "a"), "pattern", "error: Namespace"),
            (account("a:b", "a"), "pattern", "error: Namespace"),
            (account(&a(64), "a"), "maxLength", "error: Namespace"),
            (account("a", ""), "minLength", bad_name),
            (account("a", "a..b"), "pattern", bad_name),
            (account("a", ".a"), "pattern", bad_name),
            (account("a", "a:b"), "pattern", bad_name),
            (account("a", "a_b"), "pattern", bad_name),
            (account("a", "a-.b"), "pattern", bad_name),
            (account("a", "a\n"), "pattern", bad_name),
            (account("a", &a(254)), "maxLength", bad_name),
            (account("a", &a(253)), "less than 200 characters together", "error: TooLong"),
            (account("a", &a(199)), "less than 200 characters together", "error: TooLong"),
            (account(&a(63), &a(137)), "less than 200 characters together", "error: TooLong"),
            (json!({ "name": "a" }), "required", "missing field"),
            (json!({ "namespace": "a" }), "required", "missing field"),
        ],
    );
}

#[test]
fn moments() {
    for (kind, place, invalid) in [
        (Kind::Membership, "/spec/expiresAt", "ExpiresAt"),
        (Kind::User, "/spec/notBefore", "NotBefore"),
    ] {
        accepts(
            kind,
            place,
            &[
                json!("1970-01-01T00:00:00Z"),
                json!("0001-01-01T00:00:00Z"),
                json!("9999-12-31T23:59:59.999999999-23:59"),
                json!("2028-02-29T12:00:00.5+05:30"),
            ],
        );
        for (value, rule) in [
            ("", "pattern"),
            ("2027-01-31", "pattern"),
            ("2027-01-31T00:00:00", "pattern"),
            ("2027-01-31 00:00:00Z", "pattern"),
            ("2027-01-31t00:00:00z", "pattern"),
            ("2027-02-29T00:00:00Z", "format"),
            ("2027-04-31T00:00:00Z", "format"),
            ("2027-13-01T00:00:00Z", "pattern"),
            ("2027-01-31T24:00:00Z", "pattern"),
            ("2027-01-31T23:60:00Z", "pattern"),
            ("2027-01-31T23:59:60Z", "pattern"),
            ("2027-01-31T00:00:00+24:00", "pattern"),
            ("2027-01-31T00:00:00x5Z", "pattern"),
            ("2027-01-31T00:00:00Zt", "pattern"),
            ("2027-01-31T00:00:00.1234567890Z", "pattern"),
            ("2027-01-31T00:00:00Z\n", "pattern"),
            ("tomorrow", "pattern"),
        ] {
            refuses(kind, place, &[(json!(value), rule, invalid)]);
        }
        refuses(kind, place, &[(json!(1_801_353_600), "type", "invalid type")]);
    }
}

#[test]
fn roles_and_the_root_staff() {
    accepts(Kind::Membership, "/spec/role", &[json!("Member"), json!("Staff")]);
    refuses(
        Kind::Membership,
        "/spec/role",
        &[
            (json!("member"), "enum", "unknown variant"),
            (json!("Owner"), "enum", "unknown variant"),
            (json!(""), "enum", "unknown variant"),
            (json!({ "Staff": {} }), "enum", "invalid type"),
        ],
    );
    let server = Server::new(Kind::Membership);
    let root = with(right(Kind::Membership), "/spec/group", None);
    assert_eq!((server.takes(&root), server.is_read(&root)), (Ok(()), Ok(())));
    // Member is the default: without a group it makes nobody root staff by mistake.
    for role in [Some(json!("Member")), None] {
        let nobody = with(root.clone(), "/spec/role", role);
        assert!(server.takes(&nobody).unwrap_err().contains("only the root staff"), "{nobody}");
        assert!(server.is_read(&nobody).unwrap_err().starts_with("NoGroup"), "{nobody}");
    }
    // Nobody is in it, and that is right.
    let mut empty = with(right(Kind::Membership), "/spec/users", None);
    empty = with(empty, "/spec/serviceAccounts", None);
    assert_eq!((server.takes(&empty), server.is_read(&empty)), (Ok(()), Ok(())));
}

#[test]
fn what_must_be_there() {
    for (kind, place) in
        [(Kind::Group, "/spec"), (Kind::Membership, "/spec"), (Kind::User, "/spec")]
    {
        let object = with(right(kind), place, None);
        let server = Server::new(kind);
        assert!(server.takes(&object).unwrap_err().contains("required"), "{kind:?}");
        assert!(server.is_read(&object).unwrap_err().contains("missing field"), "{kind:?}");
    }
    let nobody = with(right(Kind::User), "/spec/username", None);
    assert!(Server::new(Kind::User).takes(&nobody).unwrap_err().contains("required"));
    refuses(Kind::User, "/spec/banned", &[(json!("yes"), "type", "invalid type")]);
    accepts(Kind::Group, "/spec", &[json!({})]);
    accepts(Kind::User, "/spec", &[json!({ "username": "p-x" })]);
}
