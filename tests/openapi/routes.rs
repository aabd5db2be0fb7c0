//! The description against what tells paths and methods apart.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use pasee::server::route::{NoRoute, Route};
use regex::Regex;

use super::described::{DESCRIPTION, Port, operations};

/// What tells them apart.
const SOURCE: &str = include_str!("../../src/server/route.rs");

/// What is written for names in the table at the head of the source.
const NAMES: [(&str, &str); 4] =
    [("NAME", "{provider}"), ("U", "{user}"), ("G", "{group}"), ("SID", "{sid}")];

/// The same as the description spells it: `/groups/G/U/` is `/groups/{group}/{user}/`.
fn spelled(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    for part in &mut parts {
        if let Some((_, name)) = NAMES.iter().find(|(name, _)| name == part) {
            *part = name;
        }
    }
    parts.join("/")
}

fn described() -> BTreeMap<&'static str, BTreeSet<Method>> {
    let mut described: BTreeMap<&str, BTreeSet<Method>> = BTreeMap::new();
    for (operation, port) in operations() {
        if port == Port::Everybodys {
            let method = operation.method.to_uppercase().parse().unwrap();
            described.entry(operation.path).or_default().insert(method);
        }
    }
    described
}

/// `Route::ShowGroup` is `showGroup`.
fn camel(variant: &str) -> String {
    let (initial, rest) = variant.split_at(1);
    initial.to_lowercase() + rest
}

#[test]
fn every_method_of_every_path_that_is_described_is_there_and_no_other() {
    for (path, methods) in described() {
        let concrete = path.replace("{provider}", "kisee").replace("{sid}", "abc");
        let concrete = concrete.replace("{user}", "kisee-a").replace("{group}", "a.b");
        let mut allowed: BTreeSet<String> = methods.iter().map(Method::to_string).collect();
        if methods.contains(&Method::GET) {
            allowed.insert("HEAD".to_owned());
        }
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"]
        {
            match Route::parse(&method.parse().unwrap(), &concrete) {
                Ok(_) => assert!(allowed.contains(method), "{method} {path} is not described"),
                Err(NoRoute::NotFound | NoRoute::NotOurs) => {
                    panic!("{path} is described and not there")
                }
                Err(NoRoute::MethodNotAllowed(allow)) => {
                    assert!(!allowed.contains(method), "{method} {path} is described");
                    let allow: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
                    assert_eq!(allow, allowed, "{path}");
                }
            }
        }
    }
}

/// Each kind of request that there is is one operation or several, which are called after it.
#[test]
fn every_route_is_described() {
    let body = SOURCE.split_once("pub enum Route {").unwrap().1.split_once("\n}").unwrap().0;
    let variant = Regex::new(r"(?m)^    ([A-Z][A-Za-z0-9]*)(\(|,)").unwrap();
    let variants: BTreeSet<String> =
        variant.captures_iter(body).map(|found| found[1].to_owned()).collect();
    assert!(variants.len() > 40 && variants.contains("ShowGroup"), "{variants:?}");
    let (mut reached, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (operation, port) in operations() {
        let id = operation.said["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        if port == Port::Operators {
            continue;
        }
        let method = operation.method.to_uppercase().parse().unwrap();
        let concrete = operation.path.replace(['{', '}'], "");
        let route = format!("{:?}", Route::parse(&method, &concrete).unwrap());
        let name = route.split('(').next().unwrap().to_owned();
        assert!(id.starts_with(&camel(&name)), "{id} is {name}");
        reached.insert(name);
    }
    let missing: Vec<&String> = variants.difference(&reached).collect();
    assert!(missing.is_empty(), "not in docs/openapi.json: {missing:?}");
}

/// No path leads to the same by a name that is not described, and the table at the head of the source is right.
#[test]
fn every_name_of_a_path_is_described() {
    let described = described();
    let row = Regex::new(r"(?m)^//! \| (`/[^|]*) \| ([A-Z, ]+) \|$").unwrap();
    let mut table: BTreeMap<String, BTreeSet<Method>> = BTreeMap::new();
    for found in row.captures_iter(SOURCE) {
        let methods: BTreeSet<Method> =
            found[2].split(", ").map(|method| method.trim().parse().unwrap()).collect();
        for path in found[1].split(", ") {
            table.insert(spelled(path.trim_matches('`')), methods.clone());
        }
    }
    let described_so: BTreeMap<String, BTreeSet<Method>> =
        described.iter().map(|(path, methods)| ((*path).to_owned(), methods.clone())).collect();
    assert_eq!(table, described_so, "the table of src/server/route.rs, and docs/openapi.json");
    let parts: BTreeSet<&str> = described.keys().flat_map(|path| path.split('/')).collect();
    let code = SOURCE.split_once("#[cfg(test)]").unwrap().0;
    let (pattern, literal) =
        (Regex::new(r"(?m)^\s*(.*?) =>").unwrap(), Regex::new(r#""([^" ,/]+)""#).unwrap());
    let mut seen = 0;
    for arm in pattern.captures_iter(code) {
        for found in literal.captures_iter(&arm[1]) {
            assert!(parts.contains(&found[1]), "{} is not in docs/openapi.json", &found[1]);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// What stands in a path is described beside it.
#[test]
fn names_in_paths_are_parameters() {
    let name = Regex::new(r"\{([a-z]+)\}").unwrap();
    for (path, item) in DESCRIPTION["paths"].as_object().unwrap() {
        let named: BTreeSet<String> = name
            .captures_iter(path)
            .map(|found| format!("#/components/parameters/{}", &found[1]))
            .collect();
        let said: BTreeSet<String> = item["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| parameter["$ref"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(named, said, "{path}");
    }
}
