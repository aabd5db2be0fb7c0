//! README.md says what is true: its commands are run as a new user runs them, and its tables hold what there is.
//!
//! Every `console` block is run, in order, in one bash session beside a server that was started as the README says. The
//! ports 8150, 8140 and 8160 are replaced by free ones, everywhere, so that nothing else on the machine is in the way.
//! The blocks of the section on Kubernetes need a cluster: `tests/cluster_readme/main.rs` runs them.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod blocks;
mod console;
#[path = "../support/mod.rs"]
mod support;

use support::console::{Step, around_cluster, compare_all, steps};
use support::session::Session;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_command_does_what_is_shown() {
    let session = Session::start(&read("example-settings.toml"), None, |_| {});
    let readme = session.translate(&read("README.md"));
    let [before, _, after] = around_cluster(&readme);
    let steps: Vec<Step> = [steps(before), steps(after)].concat();
    assert!(steps.len() >= 20, "the story is told: {} commands", steps.len());
    let outputs = session.run(&steps);
    compare_all(&steps, &outputs);
}

/// With the files that the other programs made.
#[test]
fn moving_in_does_what_is_shown() {
    let made = root().join("tests/fixtures/import");
    let session = Session::start(&read("example-settings.toml"), None, |dir| {
        for (file, name) in [
            ("python.sqlite", "old-pasee.sqlite"),
            ("keycloak.json", "realm.json"),
            ("openshift.yaml", "groups.yaml"),
        ] {
            fs::copy(made.join(file), dir.join(name)).unwrap();
        }
    });
    let steps = steps(&session.translate(&read("docs/moving-in.md")));
    assert!(steps.len() >= 11, "each program: {} commands", steps.len());
    let outputs = session.run(&steps);
    compare_all(&steps, &outputs);
}

#[test]
fn the_two_commands_stand_there() {
    let readme = read("README.md");
    for command in ["cargo run --release -- --settings-file example-settings.toml", "./tests/run"] {
        assert!(readme.lines().any(|line| line.starts_with(command)), "{command}");
    }
}

/// The targets of `[text](target)` that are no addresses.
fn links(markdown: &str) -> Vec<&str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn links_lead_to_files() {
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g) [`h`](../i)"), ["b.md#c", "../i"]);
    let mut documents = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    documents.extend(docs.filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    let mut found = 0;
    for document in &documents {
        let text = fs::read_to_string(document).unwrap();
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            let path = document.parent().unwrap_or(Path::new("")).join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", document.display());
            found += 1;
        }
    }
    assert!(found > 10, "links are found: {found}");
}

#[test]
fn the_page_on_architecture_has_every_module() {
    let modules = fs::read_dir(root().join("src")).unwrap();
    let modules = modules.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let modules = modules.filter_map(|file| file.strip_suffix(".rs").map(str::to_owned));
    let modules: BTreeSet<String> =
        modules.filter(|name| name != "main" && name != "lib").collect();
    let page = read("docs/architecture.md");
    let table = table_after(&page, "## The modules, from the inside out\n");
    let told: BTreeSet<String> = table.iter().map(|row| code(row[0])[0].to_owned()).collect();
    assert_eq!(told, modules);
}

/// The cells of the table's rows that follow a line, each row's without the outer bars.
fn table_after<'a>(markdown: &'a str, line: &str) -> Vec<Vec<&'a str>> {
    let (_, rest) = markdown.split_once(line).unwrap_or_else(|| panic!("no {line:?}"));
    let rows = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands in back quotes.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_command_table_names_every_command() {
    let help = Command::new(env!("CARGO_BIN_EXE_pasee")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let known: BTreeSet<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(known.contains("serve") && known.contains("append"), "{known:?}");
    let readme = read("README.md");
    let table = table_after(&readme, "## The command line\n");
    let named = table.iter().map(|row| code(row[0])[0].split(' ').nth(1).unwrap());
    assert_eq!(named.collect::<BTreeSet<_>>(), known);
}

/// Methods and paths out of cells such as `` `GET, POST /users/` `` with names of users and groups as `U` and `G`.
fn endpoints(cell: &str, found: &mut BTreeSet<(String, String)>) {
    let mut methods = Vec::new();
    for code in code(cell) {
        let (before, path) = code.split_at(code.find('/').unwrap_or_else(|| panic!("{code}")));
        if !before.is_empty() {
            methods = before.trim().split(", ").collect();
        }
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let segments = path.split('/').map(|segment| match segment {
            "USER" => "U",
            "GROUP" => "G",
            segment => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        found.extend(methods.iter().map(|method| ((*method).to_owned(), path.clone())));
    }
}

#[test]
fn the_api_table_has_every_route() {
    let source = read("src/server/route.rs").replace("//! ", "");
    let mut routes = BTreeSet::new();
    for row in table_after(&source, "are the same.\n") {
        for path in code(row[0]) {
            endpoints(&format!("`{} {path}`", row[1]), &mut routes);
        }
    }
    assert!(routes.contains(&("DELETE".into(), "/groups/G/U".into())), "{routes:?}");
    let readme = read("README.md");
    let mut told = BTreeSet::new();
    for row in table_after(&readme, "## The HTTP API\n") {
        endpoints(row[0], &mut told);
    }
    assert_eq!(told, routes);
}
