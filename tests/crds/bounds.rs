//! Every field at its bounds and beyond: what the schema takes, `resources` reads, and nothing else.
//!
//! The cases are data, so that another test can put them to a real API server.

use serde_json::{Value, json};

use super::support::schema::{Kind, Server};

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
        Kind::SessionRevocations => json!({ "until": "2027-01-31T00:00:00Z", "sessions": [] }),
        Kind::OAuthClient => json!({ "redirectUris": ["https://grafana.example.com/login"] }),
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

/// An object, and what is said of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    pub object: Value,
    /// `Ok`, or a part of what the API server says.
    pub server: Result<(), String>,
    /// `Ok`, or a part of what `resources` says.
    pub read: Result<(), String>,
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    group_names(&mut cases);
    user_ids(&mut cases);
    descriptions(&mut cases);
    lists(&mut cases);
    service_accounts(&mut cases);
    moments(&mut cases);
    roles_and_the_root_staff(&mut cases);
    what_must_be_there(&mut cases);
    everything_at_its_bound(&mut cases);
    cases.0
}

#[test]
fn every_case_is_judged_as_it_says() {
    let cases = cases();
    assert!(cases.len() > 250, "only {} cases", cases.len());
    let as_said = |told: Result<(), String>, said: &Result<(), String>| match (&told, said) {
        (Ok(()), Ok(())) => true,
        (Err(told), Err(said)) => told.contains(said),
        _ => false,
    };
    for Case { kind, object, server, read } in cases {
        let told = Server::of(kind).takes(&object);
        assert!(as_said(told.clone(), &server), "{object}\nsaid {told:?}, not {server:?}");
        let told = Server::of(kind).is_read(&object);
        assert!(as_said(told.clone(), &read), "{object}\nsaid {told:?}, not {read:?}");
    }
}

struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, kind: Kind, object: Value, server: Option<&str>, read: Option<&str>) {
        let verdict = |says: Option<&str>| says.map_or(Ok(()), |says| Err(says.to_owned()));
        self.0.push(Case { kind, object, server: verdict(server), read: verdict(read) });
    }

    /// Right values for a field.
    fn accept(&mut self, kind: Kind, place: &str, values: &[Value]) {
        for value in values {
            self.add(kind, with(right(kind), place, Some(value.clone())), None, None);
        }
    }

    /// Wrong ones, with what the API server and `resources` say of each.
    fn refuse(&mut self, kind: Kind, place: &str, wrong: &[(Value, &str, &str)]) {
        for (value, server, read) in wrong {
            let object = with(right(kind), place, Some(value.clone()));
            self.add(kind, object, Some(server), Some(read));
        }
    }
}

fn a(count: usize) -> String {
    "a".repeat(count)
}

/// A Group's own name, and the group of a Membership.
fn group_names(cases: &mut Cases) {
    for (kind, place, invalid) in
        [(Kind::Group, "/metadata/name", "Name("), (Kind::Membership, "/spec/group", "Group(")]
    {
        cases.accept(
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
        let wrong = [
            ("", "dots between its levels", "Empty"),
            ("my_group", "dots between its levels", "Segment"),
            ("A", "dots between its levels", "Segment"),
            ("é", "dots between its levels", "Segment"),
            ("a b", "dots between its levels", "Segment"),
            ("a/b", "dots between its levels", "Segment"),
            ("a\n", "dots between its levels", "Segment"),
            ("-a", "dots between its levels", "Segment"),
            ("a-", "dots between its levels", "Segment"),
            ("a--", "dots between its levels", "Segment"),
            ("a---b", "dots between its levels", "Segment"),
            ("a----b", "dots between its levels", "Segment"),
            ("a..b", "dots between its levels", "Segment"),
            (".a", "dots between its levels", "Segment"),
            ("a.", "dots between its levels", "Segment"),
            ("a.-b", "dots between its levels", "Segment"),
            ("staff", "reserved", "Reserved"),
            ("admin.staff", "reserved", "Reserved"),
            ("staff.admin", "reserved", "Reserved"),
            ("a.staff.b", "reserved", "Reserved"),
        ];
        for (value, rule, error) in wrong {
            // Of what is no object's name at all, whatever the kind, the API server says so.
            let is_any_name = kind == Kind::Membership || value.contains("--") && value != "a--";
            let says = match rule {
                "dots between its levels" if !is_any_name => "RFC 1123",
                rule => rule,
            };
            cases.refuse(kind, place, &[(json!(value), says, &format!("{invalid}{error})"))]);
        }
        let too_long = format!("{invalid}TooLong)");
        cases.refuse(
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
        cases.accept(kind, "/metadata/name", &[json!("a"), json!(a(253)), json!("a---b.staff")]);
    }
}

/// Wherever a user id stands.
fn user_ids(cases: &mut Cases) {
    for (kind, place, invalid) in [
        (Kind::Group, "/spec/creator", "Creator("),
        (Kind::Membership, "/spec/users/0", "User { place: 0, error: "),
        (Kind::User, "/spec/username", "Username("),
    ] {
        cases.accept(
            kind,
            place,
            &[
                json!("p-x"),
                json!("k8s-ci:deployer"),
                json!("externals-internals-ada"),
                json!("x_1-日本"),
                json!("a-b -x"),
                json!("a--"),
                json!("a-\u{915}\u{94d}\u{200d}\u{937}"),
                json!("a-\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}"),
                json!(format!("{}-{}", a(32), a(200))),
                json!(format!("{}-{}", a(32), "é".repeat(100))),
                json!(format!("p-{}", "😀".repeat(50))),
            ],
        );
        for (value, rule, error) in [
            ("".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "Shape"),
            ("john".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "Shape"),
            ("-john".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "Provider"),
            ("Kisee-john".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "Provider"),
            ("ki.see-john".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "Provider"),
            ("kisee-".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "SubjectEmpty"),
            ("kisee- john".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "SubjectSpace"),
            ("kisee-john ".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "SubjectSpace"),
            (
                "kisee-john\u{a0}".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectSpace",
            ),
            (
                "kisee-\u{2028}john".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectSpace",
            ),
            (
                "kisee-jo\u{a0}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-john\u{200b}".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-john\u{200d}".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-\u{202e}nhoj".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-jo\u{3164}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-jo\u{fe0f}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-jo\u{e0041}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            (
                "kisee-jo\u{e000}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectUnseen",
            ),
            ("kisee-jo\0hn".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "SubjectControl"),
            ("kisee-john\n".to_owned(), "a user id is PROVIDER-SUBJECT, such as", "SubjectControl"),
            (
                "kisee-jo\u{85}hn".to_owned(),
                "a user id is PROVIDER-SUBJECT, such as",
                "SubjectControl",
            ),
            (format!("{}-x", a(33)), "a user id is PROVIDER-SUBJECT, such as", "Provider"),
            (format!("p-{}", a(201)), "at most 200 bytes", "SubjectTooLong"),
            (format!("p-a{}", "é".repeat(100)), "at most 200 bytes", "SubjectTooLong"),
            (format!("p-a{}", "😀".repeat(50)), "at most 200 bytes", "SubjectTooLong"),
            (format!("{}-{}", a(32), "日".repeat(200)), "at most 200 bytes", "SubjectTooLong"),
            (format!("{}-{}", a(32), a(201)), "maxLength", "SubjectTooLong"),
            (format!("p-{}", a(100_000)), "maxLength", "SubjectTooLong"),
        ] {
            cases.refuse(kind, place, &[(json!(value), rule, &format!("{invalid}{error}"))]);
        }
        for value in [json!(7), json!(true), json!(["p-x"]), json!({ "name": "p-x" })] {
            cases.refuse(kind, place, &[(value, "type", "invalid type")]);
        }
        // The one thing that no schema can demand.
        let decomposed = with(right(kind), place, Some(json!("kisee-e\u{301}")));
        cases.add(kind, decomposed, None, Some("SubjectForm"));
    }
}

fn descriptions(cases: &mut Cases) {
    cases.accept(
        Kind::Group,
        "/spec/description",
        &[json!(""), json!(a(1024)), json!("é".repeat(1024))],
    );
    let wrong = [
        (json!(a(1025)), "maxLength", "Description"),
        (json!("é".repeat(1025)), "maxLength", "Description"),
        (json!(1), "type", "invalid type"),
    ];
    cases.refuse(Kind::Group, "/spec/description", &wrong);
}

fn lists(cases: &mut Cases) {
    let users = |count: usize| json!((0..count).map(|n| format!("p-{n}")).collect::<Vec<_>>());
    let accounts = |count: usize| json!(vec![json!({ "namespace": "a", "name": "b" }); count]);
    cases.accept(Kind::Membership, "/spec/users", &[users(0), users(500), json!(vec!["p-x"; 500])]);
    cases.accept(Kind::Membership, "/spec/serviceAccounts", &[accounts(0), accounts(100)]);
    cases.refuse(
        Kind::Membership,
        "/spec/users",
        &[
            (users(501), "maxItems", "TooManyUsers"),
            (users(10_000), "maxItems", "TooManyUsers"),
            (json!("p-x"), "type", "invalid type"),
            (json!({ "p-x": true }), "type", "invalid type"),
        ],
    );
    cases.refuse(
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
    cases.refuse(
        Kind::Membership,
        "/spec/users",
        &[(last, "such as kisee-john", "User { place: 499")],
    );
}

fn service_accounts(cases: &mut Cases) {
    let account = |namespace: &str, name: &str| json!({ "namespace": namespace, "name": name });
    cases.accept(
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
    cases.refuse(
        Kind::Membership,
        "/spec/serviceAccounts/0",
        &[
            (account("", "a"), "a namespace has", "error: Namespace"),
            (account("a.b", "a"), "a namespace has", "error: Namespace"),
            (account("A", "a"), "a namespace has", "error: Namespace"),
            (account("-a", "a"), "a namespace has", "error: Namespace"),
            (account("a-", "a"), "a namespace has", "error: Namespace"),
            (account("a:b", "a"), "a namespace has", "error: Namespace"),
            (account(&a(64), "a"), "maxLength", "error: Namespace"),
            (account("a", ""), "a service account's name has", bad_name),
            (account("a", "a..b"), "a service account's name has", bad_name),
            (account("a", ".a"), "a service account's name has", bad_name),
            (account("a", "a:b"), "a service account's name has", bad_name),
            (account("a", "a_b"), "a service account's name has", bad_name),
            (account("a", "a-.b"), "a service account's name has", bad_name),
            (account("a", "a\n"), "a service account's name has", bad_name),
            (account("a", &a(254)), "maxLength", bad_name),
            (account("a", &a(253)), "less than 200 characters together", "error: TooLong"),
            (account("a", &a(199)), "less than 200 characters together", "error: TooLong"),
            (account(&a(63), &a(137)), "less than 200 characters together", "error: TooLong"),
            (json!({ "name": "a" }), "required", "missing field"),
            (json!({ "namespace": "a" }), "required", "missing field"),
        ],
    );
}

fn moments(cases: &mut Cases) {
    for (kind, place, invalid) in [
        (Kind::Membership, "/spec/expiresAt", "ExpiresAt"),
        (Kind::User, "/spec/notBefore", "NotBefore"),
    ] {
        cases.accept(
            kind,
            place,
            &[
                json!("1970-01-01T00:00:00Z"),
                json!("0001-01-01T00:00:00Z"),
                json!("9999-12-31T23:59:59.999999999-23:59"),
                json!("2028-02-29T12:00:00.5+05:30"),
                json!("2000-02-29T00:00:00Z"),
                json!("0000-02-29T00:00:00Z"),
                json!("2027-11-30T00:00:00Z"),
            ],
        );
        let rule = "such as 2027-01-31T00:00:00Z or";
        for value in [
            "",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31 00:00:00Z",
            "2027-01-31t00:00:00z",
            "2027-02-29T00:00:00Z",
            "2027-04-31T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2028-02-30T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-32T00:00:00Z",
            "2027-00-31T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T23:60:00Z",
            "2027-01-31T23:59:60Z",
            "2027-01-31T00:00:00+24:00",
            "2027-01-31T00:00:00x5Z",
            "2027-01-31T00:00:00Zt",
            "2027-01-31T00:00:00.1234567890Z",
            "2027-01-31T00:00:00Z\n",
            "tomorrow",
        ] {
            cases.refuse(kind, place, &[(json!(value), rule, invalid)]);
        }
        cases.refuse(kind, place, &[(json!(1_801_353_600), "type", "invalid type")]);
    }
}

fn roles_and_the_root_staff(cases: &mut Cases) {
    cases.accept(Kind::Membership, "/spec/role", &[json!("Member"), json!("Staff")]);
    cases.refuse(
        Kind::Membership,
        "/spec/role",
        &[
            (json!("member"), "enum", "unknown variant"),
            (json!("Owner"), "enum", "unknown variant"),
            (json!(""), "enum", "unknown variant"),
            (json!({ "Staff": {} }), "enum", "invalid type"),
        ],
    );
    let root = with(right(Kind::Membership), "/spec/group", None);
    cases.add(Kind::Membership, root.clone(), None, None);
    // Member is the default: without a group it makes nobody root staff by mistake.
    for role in [Some(json!("Member")), None] {
        let nobody = with(root.clone(), "/spec/role", role);
        cases.add(Kind::Membership, nobody, Some("only the root staff"), Some("NoGroup"));
    }
    // Nobody is in it, and that is right.
    let empty = with(right(Kind::Membership), "/spec/users", None);
    let empty = with(empty, "/spec/serviceAccounts", None);
    cases.add(Kind::Membership, empty, None, None);
}

fn what_must_be_there(cases: &mut Cases) {
    for kind in [Kind::Group, Kind::Membership, Kind::User] {
        cases.add(kind, right(kind), None, None);
        let empty = with(right(kind), "/spec", None);
        cases.add(kind, empty, Some("equired"), Some("missing field"));
    }
    let nobody = with(right(Kind::User), "/spec/username", None);
    cases.add(Kind::User, nobody, Some("equired"), Some("missing field"));
    cases.refuse(Kind::User, "/spec/banned", &[(json!("yes"), "type", "invalid type")]);
    cases.accept(Kind::Group, "/spec", &[json!({})]);
    cases.accept(Kind::User, "/spec", &[json!({ "username": "p-x" })]);
}

/// As large as objects get: what rules cost grows with it.
fn everything_at_its_bound(cases: &mut Cases) {
    let user =
        |n: usize, letter: &str| format!("{}-{n:03}{}", a(32), letter.repeat(197 / letter.len()));
    let group = json!(format!("{}{}", "a--".repeat(53), a(94)));
    let full = |letter: &str| {
        let spec = json!({
            "group": group.clone(),
            "role": "Member",
            "users": (0..500).map(|n| user(n, letter)).collect::<Vec<_>>(),
            "serviceAccounts": vec![json!({ "namespace": a(63), "name": a(136) }); 100],
            "expiresAt": "9999-12-31T23:59:59.999999999-23:59",
        });
        let object = with(right(Kind::Membership), "/metadata/name", Some(json!(a(253))));
        with(object, "/spec", Some(spec))
    };
    for letter in ["x", "é", "日", "😀"] {
        cases.add(Kind::Membership, full(letter), None, None);
    }
    let spec = json!({ "description": "é".repeat(1024), "creator": user(0, "é") });
    let object = with(right(Kind::Group), "/metadata/name", Some(group));
    cases.add(Kind::Group, with(object, "/spec", Some(spec)), None, None);
    let spec =
        json!({ "username": user(0, "日"), "notBefore": "9999-12-31T23:59:59.999999999-23:59" });
    let object = with(right(Kind::User), "/metadata/name", Some(json!(a(253))));
    cases.add(Kind::User, with(object, "/spec", Some(spec)), None, None);
}
