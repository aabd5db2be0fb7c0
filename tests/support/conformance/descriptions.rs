//! What groups are for.

use pasee::domain::change::Change;
use pasee::domain::description::{Description, MAX_DESCRIPTION};
use pasee::domain::realm::WriteError;

use super::{Subject, group, refused};

fn describe(name: &str, text: &str) -> Change {
    Change::Describe { group: group(name), description: Description::read(text).unwrap() }
}

pub fn groups_are_described(store: &Subject<'_>) {
    let shown = |name: &str| {
        let description = store.directory().description(&group(name));
        description.map(|description| description.as_str().to_owned())
    };
    refused!(store.write(describe("a", "x")), GroupMissing);
    store.create(&["a", "a.b", "a-b"]);
    assert_eq!(shown("a"), None);
    store.done(describe("a", ""));
    let long = "é".repeat(MAX_DESCRIPTION);
    for text in ["People", "People", "two\nlines, \"quoted\"", &long, " "] {
        store.done(describe("a", text));
        assert_eq!((shown("a").as_deref(), shown("a.b")), (Some(text), None));
    }
    for name in ["a.b", "a-b"] {
        store.done(describe(name, name));
    }
    store.done(describe("a", ""));
    assert_eq!(shown("a"), None);
    assert_eq!(shown("a.b").as_deref(), Some("a.b"));
    store.done(Change::DeleteGroup(group("a")));
    assert_eq!((shown("a.b"), shown("a-b").as_deref()), (None, Some("a-b")));
    refused!(store.write(describe("a", "x")), GroupMissing);
    store.create(&["a", "a.b"]);
    assert_eq!(shown("a.b"), None, "it is another group");
}
