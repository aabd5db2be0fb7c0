//! Several processes with one file.

use super::*;

const SOON: Duration = Duration::from_secs(1);

#[test]
fn changes_of_another_process_show_within_a_second() {
    let (_directory, path) = place();
    let store = open(&path);
    let started = Instant::now();
    child::run(child::playing("append", &path));
    let ran = started.elapsed();
    let expected = everything(open(&path).directory());
    assert!(expected.contains("k-eve"));
    let waited = wait(|| everything(store.directory()) == expected);
    assert!(waited < SOON, "{waited:?} after {ran:?}");
    assert!(store.health().is_ok());
    write(&store, add("a.b", "k-mine")).unwrap();
    assert_eq!(members(&store, "a.b"), ["k-john", "k-mine"]);
}

/// Each kind of change by itself, both ways, while both stores also write.
#[test]
fn two_stores_follow_each_other() {
    let (_directory, path) = place();
    let (one, two) = (open(&path), open(&path));
    a_little_of_all(&one);
    let waited = wait(|| everything(one.directory()) == everything(two.directory()));
    assert!(waited < SOON, "{waited:?}");
    let changes = [
        remove("a", "k-ada"),
        add("a.staff", "k-ada"),
        create("a.b.c"),
        add("a.b.c", "k-bob"),
        describe("a.b", ""),
        describe("a", "née"),
        describe("a.b.c", "of which nothing stays"),
        Change::DeleteUser("k-ada".parse().unwrap()),
        Change::SetBanned { user: "k-eve".parse().unwrap(), banned: Ban::Lift },
        Change::DeleteGroup("a".parse().unwrap()),
        create("a"),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        write(writer, change).unwrap();
        let waited = wait(|| everything(one.directory()) == everything(two.directory()));
        assert!(waited < SOON, "{n}: {waited:?}");
        assert!(everything(reader.directory()) == everything(open(&path).directory()), "{n}");
    }
}

/// A write is judged by the file, not by what this process has seen of it.
#[test]
fn of_contradicting_writes_one_wins() {
    let (_directory, path) = place();
    let stores = [open(&path), open(&path)];
    write(&stores[0], create("a")).unwrap();
    let start = std::sync::Barrier::new(2);
    let won: Vec<usize> = std::thread::scope(|scope| {
        let threads = stores.each_ref().map(|store| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let add = |n| write(store, add("a", &format!("k-{n}")));
                let results = (0..150).map(add);
                results
                    .filter(|result| match result {
                        Ok(()) => true,
                        Err(WriteError::AlreadyMember) => false,
                        Err(error) => panic!("{error}"),
                    })
                    .count()
            })
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.iter().sum::<usize>(), 150, "{won:?}");
    for store in &stores {
        wait(|| members(store, "a").len() == 150);
    }
}

/// A change in the file that came a moment ago counts, though the index does not show it yet.
#[test]
fn a_write_sees_what_came_before_it() {
    let (_directory, path) = place();
    let (one, two) = (open(&path), open(&path));
    for n in 0..20 {
        let group = format!("g{n}");
        write(&one, create(&group)).unwrap();
        write(&two, add(&group, "k-ada")).unwrap();
        assert_eq!(members(&two, &group), ["k-ada"]);
        let again = write(&one, add(&group, "k-ada"));
        assert!(matches!(again, Err(WriteError::AlreadyMember)), "{again:?}");
        assert_eq!(members(&one, &group), ["k-ada"], "read what it was judged by");
    }
}

/// Whoever is further behind than the log goes back reads all anew, and nobody sees a half.
#[test]
fn a_trimmed_log_is_no_loss() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "BEGIN IMMEDIATE;
         INSERT INTO groups (name, parent) VALUES ('unlogged', 0);
         DELETE FROM changes;
         INSERT INTO changes (seq, kind, user) VALUES (50000, 'cleared', 'k-nobody');
         COMMIT;",
    )
    .unwrap();
    let waited = wait(|| store.directory().has_group(&"unlogged".parse().unwrap()));
    assert!(waited < SOON, "{waited:?}");
    assert_eq!(everything(store.directory()), everything(open(&path).directory()));
    write(&store, add("unlogged", "k-ada")).unwrap();
}

#[test]
fn the_log_is_bounded() {
    let (_directory, path) = place();
    let store = open(&path);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)
         INSERT INTO changes (kind, user) SELECT 'cleared', 'k-nobody' FROM n;",
    )
    .unwrap();
    write(&store, add("staff", "k-ada")).unwrap();
    let kept: i64 = raw.query_row("SELECT count(*) FROM changes", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 10_000);
}

/// What the log says: kind, whom it is about, who did it and when.
pub fn log(path: &Path) -> Vec<(String, String, Option<String>, Option<i64>)> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT kind, coalesce(user, name, ''), actor, at FROM changes ORDER BY seq";
    let mut statement = raw.prepare(sql).unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// Each kind of change says who made it and when; many together do, too.
#[test]
fn the_log_says_who_and_when() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    store.close();
    change_together(&path, noon, |_, _| Ok::<_, policy::Denied>(vec![permit(create("together"))]))
        .unwrap();
    let log = log(&path);
    assert_eq!(log.last().unwrap().1, "together");
    for kind in ["created", "deleted", "described", "joined", "left", "stands", "cleared"] {
        assert!(log.iter().any(|entry| entry.0 == kind), "{kind}");
    }
    let me = std::process::Command::new("id").arg("-un").output().unwrap();
    let me = format!("system:{}", String::from_utf8(me.stdout).unwrap().trim());
    for (kind, about, actor, at) in log {
        let actor = actor.unwrap();
        assert!(actor == me || actor.starts_with(&format!("{me} (")), "{kind} {about}: {actor}");
        assert_eq!(at, Some(NOW), "{kind} {about}");
    }
}

/// Somebody writes while many changes are planned: they are planned anew, from what there is then.
#[test]
fn a_plan_is_made_by_what_there_is() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    let mut seen = Vec::new();
    let plan = |there: &dyn Directory, _: Timestamp| {
        let has_b = there.has_group(&"b".parse().unwrap());
        seen.push(has_b);
        if !has_b {
            write(&store, create("b")).unwrap();
            write(&store, add("b", "k-ada")).unwrap();
        }
        let mut changes = vec![create("a.c"), add("a.c", "k-ada")];
        changes.push(if has_b { remove("b", "k-ada") } else { create("b") });
        Ok::<_, policy::Denied>(changes.into_iter().map(permit).collect())
    };
    change_together(&path, noon, plan).unwrap();
    assert_eq!(seen, [false, true]);
    wait(|| store.directory().has_group(&"a.c".parse().unwrap()));
    assert_eq!(members(&store, "b"), Vec::<String>::new());
    assert_eq!(members(&store, "a.c"), ["k-ada"]);

    // One that the state speaks against, and none is made.
    let plan = |_: &dyn Directory, _: Timestamp| {
        let changes = vec![create("d"), create("a"), create("e")];
        Ok::<_, policy::Denied>(changes.into_iter().map(permit).collect())
    };
    let refused = change_together(&path, noon, plan).unwrap_err();
    assert!(matches!(refused, TogetherError::Refused(WriteError::GroupExists)), "{refused:?}");
    assert_eq!(everything(open(&path).directory()), everything(store.directory()));
    assert!(!open(&path).directory().has_group(&"d".parse().unwrap()));
}
