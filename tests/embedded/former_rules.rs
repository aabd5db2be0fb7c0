//! Files with user ids and group names that were right by former rules: the rest of the file is read, they stay in it.

use std::io::Write;
use std::sync::Mutex;

use super::*;

/// A membership of the root staff, two others, a ban, entries of the log, and a group with a member, none of which could be
/// written today.
fn written_before(path: &Path) -> String {
    let long = format!("a{}", "_b".repeat(99));
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.execute_batch(&format!(
        "INSERT INTO groups (id, name, parent) VALUES (70, '{long}', 0);
         INSERT INTO memberships (group_id, role, user) VALUES (0, 1, 'k-root\u{200b}'), (70, 0, 'k-ada');
         INSERT INTO memberships (group_id, role, user)
             SELECT id, 0, 'k-\u{202e}nhoj' FROM groups WHERE name = 'a';
         INSERT INTO memberships (group_id, role, user)
             SELECT id, 0, 'k-' || printf('%.*c', 60, 'x') || '\u{ad}yyyyy' FROM groups WHERE name = 'a';
         INSERT INTO standings VALUES ('k-\u{3164}', 1, NULL);"
    ))
    .unwrap();
    log_before(&raw, &long);
    long
}

fn log_before(raw: &rusqlite::Connection, long: &str) {
    raw.execute_batch(&format!(
        "INSERT INTO changes (kind, name, user) VALUES ('joined', 'a', 'k-\u{202e}nhoj'), ('left', 'a', 'k-\u{200b}'),
             ('cleared', NULL, 'k-\u{3164}'), ('created', '{long}', NULL), ('joined', '{long}.staff', 'k-ada');
         INSERT INTO changes (kind, user, banned) VALUES ('stands', 'k-\u{3164}', 1);"
    ))
    .unwrap();
}

/// What is in the file, as text.
fn rows(path: &Path) -> Vec<String> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT name FROM groups UNION ALL SELECT group_id || user FROM memberships
               UNION ALL SELECT user FROM standings ORDER BY 1";
    let mut statement = raw.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_rest_is_read_and_they_stay() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let shown = everything(store.directory());
    store.close();
    written_before(&path);
    let before = rows(&path);
    let store = open(&path);
    assert_eq!(everything(store.directory()), shown);
    write(&store, create("new")).unwrap();
    write(&store, Change::DeleteGroup("new".parse().unwrap())).unwrap();
    assert_eq!(everything(store.directory()), shown);
    store.close();
    assert_eq!(rows(&path), before);
}

/// An older Pasee beside this one writes them meanwhile.
#[test]
fn entries_of_the_log_are_left_out() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let shown = everything(store.directory());
    let raw = rusqlite::Connection::open(&path).unwrap();
    log_before(&raw, &format!("a{}", "_b".repeat(99)));
    raw.execute_batch("INSERT INTO changes (kind, name) VALUES ('created', 'seen')").unwrap();
    wait(|| store.directory().has_group(&"seen".parse().unwrap()));
    let without =
        everything(store.directory()).replace("seen: Some([])\nseen.staff: Some([])\n", "");
    assert_eq!(without, shown);
    store.health().unwrap();
}

/// Who cannot log in any more does not count as the root staff that is left.
#[test]
fn they_are_no_root_staff() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, add("staff", "k-ada")).unwrap();
    store.close();
    written_before(&path);
    let store = open(&path);
    let ada: UserId = "k-ada".parse().unwrap();
    let login = policy::Grant::Login(policy::Login::of(ada.clone()));
    let record = store.directory().record(&ada, noon());
    let admitted = policy::admit(login, record.standing, Duration::from_secs(60), noon()).unwrap();
    let actor = Actor::user(&admitted, record.holdings);
    let leave = Change::Leave { roster: Roster::RootStaff, user: ada };
    let refused = store.write_blocking(policy::permit(&actor, leave).unwrap());
    assert!(matches!(refused, Err(WriteError::LastRootStaff)), "{refused:?}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One line, whatever there is, in plain ASCII but for the ellipsis.
#[test]
fn a_warning_names_some_of_them() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    store.close();
    let long = written_before(&path);
    let raw = rusqlite::Connection::open(&path).unwrap();
    for n in 0..1_000 {
        let user = format!("k-{n}\u{200b}{}", "z".repeat(100));
        let sql = "INSERT INTO memberships (group_id, role, user) VALUES (0, 1, ?)";
        raw.execute(sql, [user]).unwrap();
    }
    drop(raw);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), || {
        change_together(&path, noon, |_, _| Ok::<_, policy::Denied>(Vec::new())).unwrap();
    });
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("any more: 1006, such as a_b_b") && told.contains("WARN"), "{told}");
    assert!(told.contains(&format!("{}…", &long[..64])), "{told}");
    assert!(told.contains(r"k-0\u{200b}zzz") && told.len() < 1_200, "{told}");
    assert!(told.replace('…', "").is_ascii(), "{told}");
}
