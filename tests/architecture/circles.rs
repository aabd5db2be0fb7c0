//! No circles among files.
//!
//! Owns the rule. On every floor (the modules right below one parent, each with all that lies below it) the modules have
//! an order: when one names another, that other names it neither back nor by way of others. So every module can be read,
//! moved and tested after those that it names, and before those that name it.
//!
//! A parent and what lies below it are one: `foo.rs` puts its parts together, and `foo/*.rs` may use the types that it
//! holds for all of them. But a name that `foo.rs` has only brought in (`use a::Thing`, `pub use a::Thing`) counts as what
//! it stands for: who takes `super::Thing` takes it from `foo/a.rs`, and `crate::foo::Thing` is followed in the same way.
//!
//! Not seen: a function of `foo.rs` that calls into `foo/a.rs` when `foo/b.rs` calls it, and methods of a type that
//! another file adds.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Part, Source};
use super::{File, is_test_file, tests_of};

/// Longest chain of files that bring a name in one from the other.
const MAX_DETOURS: usize = 8;

/// A circle that is known, by the floor (`""` is the one right below the crate's root) and the modules in it. It fails
/// when it is none any more, so the list only gets shorter.
pub type Known = (&'static str, &'static [&'static str]);

/// A file as a module.
struct Module<'a> {
    /// Its name from the crate's root on: `jose`, `key`.
    path: Vec<&'a str>,
    file: &'a str,
    source: &'a Source,
}

/// All modules, by their path.
type House<'a> = BTreeMap<Vec<String>, Module<'a>>;

/// Why one module of a floor needs another: the first place that names it.
type Needs = BTreeMap<String, BTreeMap<String, String>>;

/// Every circle that is not known, and what is known and is none.
pub fn mistakes(files: &[File], known: &[Known]) -> Vec<String> {
    let modules = product(files);
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    for (floor, needs) in floors(&modules) {
        for circle in circles(&needs) {
            let is_known = |(on, members): &Known| {
                *on == floor && circle.iter().all(|module| members.contains(&module.as_str()))
            };
            match known.iter().position(is_known) {
                Some(place) => {
                    met.insert(place);
                }
                None => found.push(told(&floor, &circle, &needs)),
            }
        }
    }
    for (place, (floor, members)) in known.iter().enumerate() {
        if !met.contains(&place) {
            let members = members.join(", ");
            found.push(format!(
                "`{floor}`: {members} are no circle any more; take it off KNOWN_CIRCLES of tests/architecture/main.rs"
            ));
        }
    }
    found
}

/// All that is in the binary, but for what puts it together.
fn product(files: &[File]) -> House<'_> {
    let tests = tests_of(files);
    let is_product = |file: &&File| {
        let is_test = is_test_file(&file.path) && tests.contains(&file.path);
        !is_test && !matches!(file.path.as_str(), "lib.rs" | "main.rs")
    };
    files
        .iter()
        .filter(is_product)
        .map(|file| {
            let path: Vec<&str> = file.path.trim_end_matches(".rs").split('/').collect();
            (
                path.iter().map(|name| (*name).to_owned()).collect(),
                Module { path, file: &file.path, source: &file.source },
            )
        })
        .collect()
}

/// What the modules of every floor need of each other.
fn floors(modules: &House<'_>) -> BTreeMap<String, Needs> {
    let mut floors: BTreeMap<String, Needs> = BTreeMap::new();
    for module in modules.values() {
        for named in module.source.named.iter().filter(|named| named.part == Part::Product) {
            let Some(other) = absolute(module, &named.segments, named.depth)
                .and_then(|path| owner(modules, &path, MAX_DETOURS))
            else {
                continue;
            };
            let shared = module.path.iter().zip(&other.path).take_while(|(a, b)| a == b).count();
            if let (Some(here), Some(there)) = (module.path.get(shared), other.path.get(shared)) {
                let floor = floors.entry(module.path[..shared].join("::")).or_default();
                let written = named.segments.join("::");
                let place = format!("{}:{} names {written}", module.file, named.line);
                let needs = floor.entry((*here).to_owned()).or_default();
                needs.entry((*there).to_owned()).or_insert(place);
            }
        }
    }
    floors
}

/// A path from the crate's root on; none when it leads out of the crate, or starts with a name of the file itself.
fn absolute(module: &Module<'_>, segments: &[String], depth: usize) -> Option<Vec<String>> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut path: Vec<&str> = module.path.clone();
    let rest = match segments.as_slice() {
        ["crate" | "pasee", rest @ ..] => {
            path.clear();
            rest
        }
        ["self" | "super", ..] => {
            let behind = segments.iter().position(|segment| *segment != "self")?;
            let ups = segments[behind..].iter().take_while(|segment| **segment == "super").count();
            // The first ones lead out of inline modules.
            path.truncate(path.len().saturating_sub(ups.saturating_sub(depth)));
            &segments[behind + ups..]
        }
        // What a file brings in from its own parts.
        rest => rest,
    };
    Some(path.iter().chain(rest).map(|segment| (*segment).to_owned()).collect())
}

/// The module that has what a path names: the deepest whose name it starts with, or where that one has it from.
fn owner<'a>(house: &'a House<'a>, path: &[String], detours: usize) -> Option<&'a Module<'a>> {
    let deepest = (1..=path.len()).rev().find_map(|length| house.get(&path[..length]))?;
    let brought = path.get(deepest.path.len()).filter(|_| detours > 0).and_then(|name| {
        let uses = deepest.source.named.iter();
        uses.filter(|named| named.part == Part::Product && named.depth == 0)
            .find(|named| named.brings.as_ref() == Some(name))
    });
    let further = brought
        .and_then(|named| absolute(deepest, &named.segments, named.depth))
        .filter(|further| further.as_slice() != path)
        .and_then(|further| owner(house, &further, detours - 1));
    further.or(Some(deepest))
}

/// The modules that reach each other, smallest groups last.
fn circles(needs: &Needs) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            for needed in needs.get(module).into_iter().flatten().map(|(needed, _)| needed) {
                if seen.insert(needed.clone()) {
                    next.push(needed);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        needs.keys().map(|module| (module, reached(module))).collect();
    let mut found: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for (module, others) in reach.iter().filter(|(module, others)| others.contains(**module)) {
        let back = |other: &&String| reach.get(*other).is_some_and(|its| its.contains(*module));
        found.insert(others.iter().filter(back).cloned().collect());
    }
    found.into_iter().collect()
}

/// A circle and every place that is part of it.
fn told(floor: &str, circle: &BTreeSet<String>, needs: &Needs) -> String {
    let members: Vec<&str> = circle.iter().map(String::as_str).collect();
    let mut text = format!("`{floor}`: {} are a circle:", members.join(", "));
    for module in circle {
        for (needed, place) in needs[module].iter().filter(|(needed, _)| circle.contains(*needed)) {
            text += &format!("\n    {module} needs {needed}: {place}");
        }
    }
    text
}
