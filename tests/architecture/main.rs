//! The layer rule: which module of `src/` may know which, and which crates it may use.
//!
//! Owns the floor plan ([`FLOOR_PLAN`]) and the rules of the house that a compiler does not check; [`circles`] has the one
//! that there is an order among files too, [`reach`] the one that each file is found. Every rule is shown to fail on a source that breaks it.
//!
//! Test code may know more than the module it tests: the table does not hold for it. Test code is what the compiler
//! leaves out of the binary: `#[cfg(test)] mod name { … }`, and a file `tests.rs`, or one below `tests/`, whose module is
//! declared behind `#[cfg(test)]`. A `mod tests;` without it is a mistake here; a file with another name is never test code.

use std::fs;
use std::path::{Path, PathBuf};

mod circles;
mod reach;
mod source;

use source::{Part, Source};

/// Longest file, in lines.
const MAX_LINES: usize = 600;

/// What one module may know.
struct Layer {
    /// The module, by its name below the crate.
    module: &'static str,
    /// The other modules of the crate it may name.
    may_know: Knows,
    /// The crates it may not use.
    outside: Outside,
}

enum Knows {
    Only(&'static [&'static str]),
    All,
}

enum Outside {
    /// These crates, and those of the language.
    Only(&'static [&'static str]),
    /// Any but these families, whose members share the name up to an `_`, and these parts of a crate, as `hyper::server`.
    Never(&'static [&'static str]),
}

/// Every module of the crate.
const FLOOR_PLAN: &[Layer] = &[
    layer(
        "domain",
        Knows::Only(&[]),
        // Beside errors only what knows texts: Unicode, URLs, which of two is more like a third, and which one hashes to what is kept of it.
        Outside::Only(&[
            "aws_lc_rs",
            "icu_properties",
            "precis_core",
            "precis_profiles",
            "strsim",
            "thiserror",
            "unicode_normalization",
            "url",
        ]),
    ),
    layer("jose", Knows::Only(&["domain"]), Outside::Never(&["tokio", "hyper", "tower", "kube"])),
    layer(
        "resources",
        Knows::Only(&["domain"]),
        // kube gives types and schemas here, and no client.
        Outside::Never(&["tokio", "hyper", "tower", "kube::client", "kube::Api", "kube::Client"]),
    ),
    layer(
        "objects",
        Knows::Only(&["domain", "resources"]),
        Outside::Never(&["tokio", "hyper", "tower", "kube::client", "kube::Api", "kube::Client"]),
    ),
    layer(
        "manifests",
        Knows::Only(&["domain", "resources"]),
        Outside::Never(&["tokio", "hyper", "tower", "kube::client", "kube::Api", "kube::Client"]),
    ),
    layer(
        "import",
        Knows::Only(&["domain"]),
        // The file of another program is read where it lies; there is no store of ours.
        Outside::Never(&["tokio", "hyper", "tower", "kube"]),
    ),
    layer("index", Knows::Only(&["domain"]), Outside::Never(&["tokio", "hyper", "tower", "kube"])),
    layer(
        "store",
        Knows::Only(&["cluster", "domain", "files", "index", "objects", "resources"]),
        Outside::Never(&["hyper", "tower"]),
    ),
    layer("files", Knows::Only(&[]), Outside::Only(&["rustix"])),
    layer(
        "keys",
        Knows::Only(&["domain", "files", "jose"]),
        Outside::Never(&["tokio", "hyper", "tower", "kube", "rusqlite"]),
    ),
    layer(
        "settings",
        Knows::Only(&["domain", "files", "jose"]),
        Outside::Never(&["tokio", "hyper", "tower", "kube"]),
    ),
    layer(
        "outbound",
        Knows::Only(&["files"]),
        // hyper's own errors tell a server that breaks HTTP from one that is away.
        Outside::Never(&["hyper::server", "hyper_util", "tower", "kube"]),
    ),
    layer(
        "relying",
        Knows::Only(&["domain", "jose", "outbound"]),
        Outside::Never(&["hyper", "tower", "kube"]),
    ),
    layer(
        "idp",
        Knows::Only(&["domain", "jose", "outbound", "settings"]),
        Outside::Never(&["hyper", "tower", "kube"]),
    ),
    layer(
        "cluster",
        Knows::Only(&["domain", "files", "idp", "jose", "objects", "outbound", "resources"]),
        Outside::Never(&["hyper::server", "tower", "reqwest"]),
    ),
    layer(
        "oauth",
        Knows::Only(&["domain", "jose"]),
        Outside::Never(&["tokio", "hyper", "http", "tower", "kube", "reqwest"]),
    ),
    layer(
        "service",
        Knows::Only(&["domain", "jose", "idp", "keys", "oauth", "telemetry"]),
        Outside::Never(&["http", "hyper", "tower", "kube", "rusqlite"]),
    ),
    layer(
        "peers",
        // What they ask each other, others know: it travels as bytes, sealed by who has the keys.
        Knows::Only(&["domain", "jose", "outbound", "web"]),
        Outside::Never(&["hyper", "tower", "kube"]),
    ),
    layer("web", Knows::Only(&["files"]), Outside::Never(&["kube"])),
    layer(
        "server",
        // What is passed on to an identity provider is HTTP from end to end, and its errors meet status codes here.
        Knows::Only(&["domain", "jose", "idp", "oauth", "service", "web", "telemetry"]),
        Outside::Never(&["kube", "rusqlite"]),
    ),
    layer(
        "sidecar",
        // In front of any application: it believes tokens by what their issuers publish, and keeps nothing.
        Knows::Only(&[
            "domain",
            "files",
            "jose",
            "outbound",
            "relying",
            "settings",
            "telemetry",
            "web",
        ]),
        Outside::Never(&["kube", "rusqlite"]),
    ),
    layer(
        "webhook",
        Knows::Only(&["cluster", "domain", "objects", "resources", "web"]),
        Outside::Never(&["kube::client", "kube::Api", "kube::Client", "rusqlite"]),
    ),
    layer(
        "controller",
        Knows::Only(&["cluster", "domain", "objects", "resources"]),
        Outside::Never(&["hyper", "tower"]),
    ),
    layer(
        "install",
        // The store and the controller say what they need.
        Knows::Only(&["domain", "objects", "resources", "store", "controller"]),
        Outside::Never(&["tokio", "hyper", "tower", "kube"]),
    ),
    layer("telemetry", Knows::Only(&["settings"]), Outside::Never(&["hyper", "tower", "kube"])),
    layer("cli", Knows::All, Outside::Never(&[])),
    layer("main", Knows::All, Outside::Never(&[])),
    layer("lib", Knows::All, Outside::Never(&[])),
];

/// Crates that belong to some modules alone.
const TENANTS: &[(&str, &[&str])] = &[
    ("anyhow", &["cli", "main"]),
    ("clap", &["cli", "main"]),
    ("rusqlite", &["import", "store"]),
    ("reqwest", &["outbound"]),
    ("schemars", &["resources"]),
    // A kubeconfig is YAML.
    ("serde_saphyr", &["cli", "import", "resources"]),
];

/// Modules that get the time and randomness as parameters, so that tests can choose them.
const PURE: &[&str] = &["domain", "index", "manifests", "objects", "keys", "oauth"];

/// Circles of files that are still to be opened.
const KNOWN_CIRCLES: &[circles::Known] = &[];

/// Modules with files that are still to be told of.
const UNTOLD: &[&str] = &[];

const fn layer(module: &'static str, may_know: Knows, outside: Outside) -> Layer {
    Layer { module, may_know, outside }
}

/// A file of `src/`.
struct File {
    /// Its path below `src/`, with `/`.
    path: String,
    text: String,
    source: Source,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let source = source::read(&text);
        Self { path, text, source }
    }
}

/// The crates that Cargo.toml names, as they are spelled in source.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut is_listing = false;
    let mut names: Vec<String> = vec!["std".into(), "core".into(), "alloc".into()];
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            is_listing = section.trim_end().ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| is_listing) {
            names.push(name.trim().replace('-', "_"));
        }
    }
    names
}

/// Everything that breaks a rule of the house, each with its place.
fn mistakes(files: &[File], crates: &[String], known: &[circles::Known]) -> Vec<String> {
    let mut found = Vec::new();
    let behind_cfg_test = tests_of(files);
    for file in files {
        let module = top_module(&file.path);
        let is_test = is_test_file(&file.path) && behind_cfg_test.contains(&file.path);
        found.extend(shape(file));
        match FLOOR_PLAN.iter().find(|layer| layer.module == module) {
            None => found.push(format!(
                "{}: module `{module}` is not in the floor plan of tests/architecture/main.rs",
                file.path
            )),
            Some(layer) if !is_test => found.extend(imports(file, layer, crates)),
            Some(_) => {}
        }
    }
    found.extend(circles::mistakes(files, known));
    found
}

/// The rules that hold for every file, whatever it knows.
fn shape(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    if file.path.ends_with("mod.rs") {
        found.push(format!("{}: is a mod.rs; a right one is foo.rs beside foo/", file.path));
    }
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("{}: has {lines} lines, at most {MAX_LINES} may be", file.path));
    }
    if !file.text.starts_with("//! ") {
        found.push(format!(
            "{}: opens without //! that says what it owns and what it must not know",
            file.path
        ));
    }
    let code = source::blank(&file.text);
    for detour in ["#[path", "include!"] {
        if code.contains(detour) {
            found.push(format!("{}: {detour} hides which module a file is", file.path));
        }
    }
    for declared in &file.source.declared {
        if declared.name == "tests" && declared.part == Part::Product {
            found.push(format!("{}: declares `mod tests;` without #[cfg(test)]", file.path));
        }
    }
    found
}

/// The paths in a file that its layer does not allow.
fn imports(file: &File, layer: &Layer, crates: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for named in file.source.named.iter().filter(|named| named.part == Part::Product) {
        let place = format!("{}:{}", file.path, named.line);
        let written = named.segments.join("::");
        match target(&file.path, named, crates) {
            Target::Here => {}
            Target::Root => {
                found.push(format!("{place}: {written} names the whole crate; name one module"));
            }
            Target::Module(module) if !may_know(layer, &module) => {
                found.push(format!(
                    "{place}: {written}: `{}` may not know `{module}`",
                    layer.module
                ));
            }
            Target::Crate(path) if !may_use(layer, &path) => {
                found.push(format!("{place}: {written}: `{}` may not use {path}", layer.module));
            }
            Target::Module(_) | Target::Crate(_) => {}
        }
        let is_clock =
            |name: &str| matches!(name, "SystemTime" | "Instant" | "getrandom" | "OsRng");
        if PURE.contains(&layer.module) && named.segments.iter().any(|name| is_clock(name)) {
            found.push(format!(
                "{place}: {written}: `{}` gets time and randomness as parameters",
                layer.module
            ));
        }
    }
    found
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// Something of the module it stands in, or of nobody's concern.
    Here,
    /// The crate as a whole, by a glob or a new name.
    Root,
    /// A top module of the crate.
    Module(String),
    /// Something of another crate, or all of it.
    Crate(String),
}

fn target(file: &str, named: &source::Named, crates: &[String]) -> Target {
    let segments: Vec<&str> = named.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["crate" | "pasee", rest @ ..] => below_root(rest),
        ["super", ..] | ["self", "super", ..] => {
            let behind: Vec<&str> =
                segments.iter().copied().skip_while(|segment| *segment == "self").collect();
            let ups = behind.iter().take_while(|segment| **segment == "super").count();
            if ups < depth(file) + named.depth { Target::Here } else { below_root(&behind[ups..]) }
        }
        [first, ..] if crates.iter().any(|name| name == first) => {
            Target::Crate(segments.join("::"))
        }
        _ => Target::Here,
    }
}

fn below_root(rest: &[&str]) -> Target {
    match rest {
        [] | ["*" | "self", ..] => Target::Root,
        [module, ..] => Target::Module((*module).to_owned()),
    }
}

/// How many modules a file lies below the crate's root: 1 for `jose.rs`, 2 for `jose/key.rs`, 0 for `lib.rs`.
fn depth(file: &str) -> usize {
    if matches!(file, "lib.rs" | "main.rs") { 0 } else { file.split('/').count() }
}

fn may_know(layer: &Layer, module: &str) -> bool {
    module == layer.module
        || match layer.may_know {
            Knows::All => true,
            Knows::Only(modules) => modules.contains(&module),
        }
}

fn may_use(layer: &Layer, path: &str) -> bool {
    let name = path.split("::").next().unwrap_or_default();
    if matches!(name, "std" | "core" | "alloc") {
        return true;
    }
    let is_allowed = match layer.outside {
        Outside::Only(names) => names.contains(&name),
        Outside::Never(families) => !families.iter().any(|family| is_of(family, name, path)),
    };
    let is_tenant = TENANTS
        .iter()
        .filter(|(tenant, _)| *tenant == name)
        .all(|(_, modules)| modules.contains(&layer.module));
    is_allowed && is_tenant
}

/// Whether a path leads into a family of crates, or into a part of one. All of a crate, by a glob or a new name, leads
/// into each of its parts.
fn is_of(family: &str, name: &str, path: &str) -> bool {
    match family.split_once("::") {
        None => {
            name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('_'))
        }
        Some((of, part)) => {
            let behind = path.split("::").nth(1).unwrap_or("*");
            name == of && (behind == part || matches!(behind, "*" | "self"))
        }
    }
}

/// `domain` for `domain.rs` and for `domain/policy/tests.rs`.
fn top_module(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn is_test_file(path: &str) -> bool {
    path.split('/').skip(1).any(|part| matches!(part, "tests" | "tests.rs"))
}

/// The files named for tests that are in fact declared behind `#[cfg(test)]`, with those below them.
fn tests_of(files: &[File]) -> Vec<String> {
    let mut roots = Vec::new();
    for file in files {
        let declares =
            |declared: &source::Declared| declared.name == "tests" && declared.part == Part::Tests;
        if file.source.declared.iter().any(declares) {
            roots.push(file.path.trim_end_matches(".rs").to_owned() + "/tests");
        }
    }
    let is_below = |path: &str| {
        roots
            .iter()
            .any(|root| path == format!("{root}.rs") || path.starts_with(&format!("{root}/")))
    };
    files.iter().map(|file| file.path.clone()).filter(|path| is_below(path)).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of src/") {
        let path = entry.expect("an entry of src/").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_house_stands_as_drawn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = dependencies(&fs::read_to_string(root.join("Cargo.toml")).unwrap());
    let src = root.join("src");
    let files: Vec<File> = files_below(&src)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            File::new(name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(files.len() > 10, "src/ was not found");
    for layer in FLOOR_PLAN {
        let is_there = files.iter().any(|file| top_module(&file.path) == layer.module);
        assert!(is_there, "the floor plan has a module that src/ has not: {}", layer.module);
    }
    let mut found = mistakes(&files, &crates, KNOWN_CIRCLES);
    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    found.extend(reach::mistakes(&files, &page, UNTOLD));
    assert!(found.is_empty(), "the house does not stand as drawn:\n{}", found.join("\n"));
}

mod proof;
