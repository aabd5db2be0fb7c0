//! Shows that each rule can fail, and that what is right passes.

use super::*;

const CRATES: &[&str] = &["std", "tokio", "hyper", "hyper_util", "kube", "serde", "anyhow", "url"];

/// What is wrong with a crate of these files; every text gets the opening line.
fn judged(files: &[(&str, &str)]) -> Vec<String> {
    judged_but(files, &[])
}

/// The same, but for these circles.
fn judged_but(files: &[(&str, &str)], known: &[circles::Known]) -> Vec<String> {
    let crates: Vec<String> = CRATES.iter().map(|name| (*name).to_owned()).collect();
    let files: Vec<File> = files
        .iter()
        .map(|(path, text)| File::new((*path).to_owned(), format!("//! Owns.\n{text}")))
        .collect();
    mistakes(&files, &crates, known)
}

fn refused(path: &str, text: &str, because: &str) {
    let found = judged(&[(path, text)]);
    assert!(found.iter().any(|mistake| mistake.contains(because)), "{path}: {text}: {found:?}");
}

fn passed(path: &str, text: &str) {
    assert_eq!(judged(&[(path, text)]), Vec::<String>::new(), "{path}: {text}");
}

#[test]
fn a_module_of_a_higher_layer_is_refused_however_it_is_named() {
    let because = "`jose` may not know `idp`";
    for text in [
        "use crate::idp;",
        "use crate::idp::kisee::Kisee;",
        "use crate::{domain, idp};",
        "use crate::{domain::{user, group::*}, idp::{self as who, local}};",
        "pub use crate::\n    // on two lines\n    idp::Identity as Who;",
        "fn f() -> crate::idp::Identity { todo!() }",
        "fn f() { let x: <u8 as crate::idp::Ask>::Answer; }",
        "macro_rules! m { () => { $crate::idp::ask() } }",
        "pub(in crate::idp) fn f() {}",
        "use pasee::idp;",
        "use crate::r#idp;",
        "use super::super::idp::Identity;",
        "fn f() { self::super::super::idp::ask() }",
        "mod inner { use super::super::super::idp::Identity; }",
        "#[cfg(test)] mod tests {} use crate::idp;",
        "const A: &str = \"\\\"\"; use crate::idp;",
        "const A: char = '\"'; use crate::idp; const B: char = '\"';",
        "fn f<'a>(x: &'a str) {} use crate::idp; fn g<'b>() {}",
        "const A: &str = r#\"a \" b\"#; use crate::idp;",
        "/* a /* nested */ comment */ use crate::idp;",
    ] {
        refused("jose/key.rs", text, because);
    }
}

#[test]
fn what_a_layer_may_know_passes() {
    for text in [
        "use crate::domain::user::UserId;",
        "use crate::jose::pem;",
        "use super::pem;",
        "use super::super::domain::user;",
        "mod inner { use super::super::pem; }",
        "// use crate::idp;\n/* use crate::idp; */\n/// crate::idp::x\nfn f() {}",
        "const A: &str = \"use crate::idp;\";",
        "const A: &str = r##\"use crate::idp; \"# \"##;",
        "const A: &[u8] = b\"crate::idp\";",
        "fn f() -> impl Sized + use<> { idp::x() }",
        "#[cfg(test)]\nmod tests { use crate::idp; use tokio::x; }",
    ] {
        passed("jose/key.rs", text);
    }
}

#[test]
fn a_crate_that_a_layer_must_not_use_is_refused_however_it_is_named() {
    refused("domain/user.rs", "use serde::Serialize;", "`domain` may not use serde");
    refused("domain.rs", "#[derive(serde::Serialize)] struct A;", "may not use serde");
    refused("domain.rs", "extern crate serde;", "may not use serde");
    refused("domain.rs", "use ::serde as s;", "may not use serde");
    refused("jose.rs", "async fn f() { tokio::spawn(f()); }", "`jose` may not use tokio");
    refused("store.rs", "use {std::fmt, hyper::body};", "`store` may not use hyper");
    refused("store.rs", "use hyper_util::rt;", "`store` may not use hyper_util");
    refused("settings/load.rs", "fn f() { ::kube::Client::new() }", "`settings` may not use kube");
    refused("web.rs", "use anyhow::Context;", "`web` may not use anyhow");
    passed("domain.rs", "use std::fmt; fn f() { core::mem::drop(1) }");
    passed("settings.rs", "use url::Url;");
    passed("cli/serve.rs", "use anyhow::Context; use crate::store::embedded;");
    passed("jose.rs", "fn f(tokio: u8) { hyper_fast::x() }");
}

#[test]
fn a_part_of_a_crate_is_refused_however_it_is_named() {
    for text in [
        "use hyper::server::conn;",
        "use hyper::{body, server};",
        "fn f() { hyper::server::conn::http1::Builder::new() }",
        "use hyper as h;",
        "use hyper::*;",
        "use hyper::{self as h};",
    ] {
        refused("outbound/client.rs", text, "`outbound` may not use hyper");
    }
    passed("outbound/error.rs", "fn f(error: &hyper::Error) { use hyper::body::Bytes; }");
}

#[test]
fn the_whole_crate_under_one_name_is_refused() {
    for text in ["use crate::*;", "use crate as c;", "use super::*;", "use crate::{self as c};"] {
        refused("server.rs", text, "names the whole crate");
    }
    passed("server/route.rs", "use super::*;");
}

#[test]
fn the_clock_does_not_enter_a_pure_layer() {
    refused("domain.rs", "fn f() { std::time::SystemTime::now(); }", "as parameters");
    refused("index/a.rs", "use std::time::{Duration, Instant};", "as parameters");
    passed("domain.rs", "use std::time::Duration;");
}

#[test]
fn a_module_outside_the_floor_plan_is_refused() {
    refused("attic.rs", "", "module `attic` is not in the floor plan");
    refused("attic/tests.rs", "", "module `attic` is not in the floor plan");
}

#[test]
fn test_code_is_what_the_compiler_leaves_out() {
    let tests = ("jose/key/tests.rs", "use crate::idp;");
    assert_eq!(judged(&[("jose/key.rs", "#[cfg(test)]\nmod tests;"), tests]), Vec::<String>::new());
    let deeper = ("jose/key/tests/vectors.rs", "use crate::idp;");
    assert_eq!(judged(&[("jose/key.rs", "#[cfg(test)] mod tests;"), deeper]), Vec::<String>::new());

    let without = judged(&[("jose/key.rs", "mod tests;"), tests]);
    assert!(without.iter().any(|mistake| mistake.contains("without #[cfg(test)]")), "{without:?}");
    assert!(without.iter().any(|mistake| mistake.contains("may not know `idp`")), "{without:?}");
    let not_test = judged(&[("jose/key.rs", "#[cfg(not(test))]\nmod tests;"), tests]);
    assert!(!not_test.is_empty());
    let other_name = judged(&[
        ("jose/key.rs", "#[cfg(test)]\nmod proof;"),
        ("jose/key/proof.rs", "use crate::idp;"),
    ]);
    assert_eq!(other_name.len(), 1, "{other_name:?}");
    refused("jose/key.rs", "#[cfg(test)] mod a {} mod b { use crate::idp; }", "may not know `idp`");
}

#[test]
fn the_shape_of_files_is_checked() {
    refused("jose/mod.rs", "", "is a mod.rs");
    refused("jose.rs", "#[path = \"idp.rs\"] mod key;", "#[path hides");
    refused("jose.rs", "include!(\"idp.rs\");", "include! hides");
    passed("jose.rs", "// #[path] and include!\nconst A: &str = include_str!(\"a.txt\");");
    refused("jose.rs", &"\n".repeat(MAX_LINES), "has 601 lines");
    passed("jose.rs", &"\n".repeat(MAX_LINES - 1));
    let file = File::new("jose.rs".into(), "// Keys.\n".into());
    assert_eq!(mistakes(&[file], &[], &[]).len(), 1, "a file without //!");
}

#[test]
fn dependencies_are_read_off_the_manifest() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# Words.\nhyper-util = { version = \"1\" }\nurl = \"2\"\n\
        [dev-dependencies]\ntempfile = \"3\"\n[lints.rust]\nunsafe_code = \"forbid\"\n";
    assert_eq!(
        dependencies(manifest),
        ["std", "core", "alloc", "hyper_util", "url", "tempfile"].map(String::from)
    );
}

fn circle(files: &[(&str, &str)], because: &str) {
    let found = judged(files);
    assert!(found.iter().any(|mistake| mistake.contains(because)), "{files:?}: {found:?}");
}

#[test]
fn a_circle_of_files_is_refused_however_it_is_closed() {
    let because = "`jose`: a, b are a circle";
    let needs_b = "use super::b::B;";
    for back in [
        "use super::a::A;",
        "use crate::jose::a;",
        "use crate::{jose::{a::A as Other}};",
        "fn f() -> super::a::A { todo!() }",
        "mod inner { use super::super::a::A; }",
        "mod inner { fn f() { crate::jose::a::f() } }",
    ] {
        circle(&[("jose/a.rs", needs_b), ("jose/b.rs", back)], because);
    }
    // By way of a third, of what lies below, and of the parent that only passes a name on.
    circle(
        &[
            ("jose/a.rs", needs_b),
            ("jose/b.rs", "use super::c::C;"),
            ("jose/c.rs", "use super::a::A;"),
        ],
        "`jose`: a, b, c are a circle",
    );
    let below = ("jose/b/deep.rs", "use super::super::a::A;");
    circle(&[("jose/a.rs", needs_b), ("jose/b.rs", "mod deep;"), below], because);
    for parent in ["pub use a::A;", "use self::a::{A};", "pub use crate::jose::a::Real as A;"] {
        let files = [("jose.rs", parent), ("jose/a.rs", needs_b), ("jose/b.rs", "use super::A;")];
        circle(&files, because);
        let files =
            [("jose.rs", parent), ("jose/a.rs", needs_b), ("jose/b.rs", "use crate::jose::A;")];
        circle(&files, because);
    }
    // The floor of the modules themselves: `cli` may know all, and is known by none that it knows.
    let files = [("cli.rs", "use crate::telemetry;"), ("telemetry.rs", "use crate::cli::A;")];
    circle(&files, "``: cli, telemetry are a circle");
}

#[test]
fn an_order_of_files_passes() {
    for files in [
        &[("jose/a.rs", "use super::b::B;"), ("jose/b.rs", "")][..],
        // The parent puts its parts together, and holds what they share.
        &[
            ("jose.rs", "mod a; mod b; use a::A; fn f() { b::f() } pub struct Shared;"),
            ("jose/a.rs", "use super::Shared; use super::b::B;"),
            ("jose/b.rs", "use super::Shared;"),
        ],
        &[("jose/a.rs", "mod deep; use deep::D;"), ("jose/a/deep.rs", "use super::super::a::A;")],
        // Tests may look both ways.
        &[
            ("jose/a.rs", "use super::b::B;"),
            ("jose/b.rs", "#[cfg(test)] mod tests { use crate::jose::a::A; }"),
        ],
        &[
            ("jose/a.rs", "use super::b::B;"),
            ("jose/b.rs", "#[cfg(test)] mod tests;"),
            ("jose/b/tests.rs", "use crate::jose::a::A;"),
        ],
        &[("jose/a.rs", "use super::b::B;"), ("jose/b.rs", "// use super::a::A;")],
        &[("main.rs", "use pasee::cli;"), ("cli.rs", "use crate::jose::a;"), ("jose/a.rs", "")],
    ] {
        assert_eq!(judged(files), Vec::<String>::new(), "{files:?}");
    }
}

#[test]
fn a_known_circle_passes_until_it_is_none() {
    let known: &[circles::Known] = &[("jose", &["a", "b", "c"])];
    let (a, b) = (("jose/a.rs", "use super::b::B;"), ("jose/b.rs", "use super::a::A;"));
    assert_eq!(judged_but(&[a, b], known), Vec::<String>::new());
    let opened = judged_but(&[a, ("jose/b.rs", "")], known);
    assert!(opened[0].contains("are no circle any more"), "{opened:?}");
    let grown = judged_but(&[a, b, ("jose/d.rs", "use super::a::A;")], known);
    assert_eq!(grown, Vec::<String>::new(), "who only looks on is not in it");
    let d = ("jose/d.rs", "use super::a::A;");
    let grown = judged_but(&[("jose/a.rs", "use super::{b::B, d::D};"), b, d], known);
    assert!(grown[0].contains("`jose`: a, b, d are a circle"), "{grown:?}");
    let elsewhere = judged_but(&[("web/a.rs", a.1), ("web/b.rs", b.1)], known);
    assert_eq!(elsewhere.len(), 2, "{elsewhere:?}");
}

#[test]
fn a_file_that_nobody_finds_is_refused() {
    let lost = |page: &str, known: &[&str], files: &[(&str, &str)]| {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File::new((*path).to_owned(), (*text).to_owned()))
            .collect();
        reach::mistakes(&files, page, known)
    };
    let key = ("jose/key.rs", "//! Owns.");
    let lib = ("lib.rs", "//! Has [`jose`].");
    for head in [
        "//! Owns keys.",
        "//! Owns keys: `keys`, key, `key.rs`.",
        "// `key`",
        "//! Owns.\n\nmod key; // [`key`]",
    ] {
        let found = lost("[k](../src/jose/key.rs.bak)", &[], &[lib, ("jose.rs", head), key]);
        assert!(found.len() == 1 && found[0].starts_with("jose/key.rs: is neither"), "{found:?}");
    }
    let none = Vec::<String>::new();
    for head in ["//! Owns [`key`].", "//! | `key` | keys |", "//! A\n//! [`key::PrivateKey`]"] {
        assert_eq!(lost("", &[], &[lib, ("jose.rs", head), key]), none, "{head}");
    }
    let jose = ("jose.rs", "//! Owns.");
    assert_eq!(lost("[key.rs](../src/jose/key.rs)", &[], &[lib, jose, key]), none);
    let found = lost("", &[], &[("lib.rs", "//! Nothing."), jose]);
    assert_eq!(found.len(), 1, "a top module is named in lib.rs: {found:?}");
    let tests =
        [lib, ("jose.rs", "//! Owns.\n#[cfg(test)]\nmod tests;"), ("jose/tests.rs", "//! T.")];
    assert_eq!(lost("", &[], &tests), none);

    assert_eq!(lost("", &["jose"], &[lib, jose, key]), none);
    let found = lost("", &["jose"], &[lib, jose]);
    assert!(found[0].contains("take it off"), "{found:?}");
}
