//! What holds for every schema: everything is bounded, typed and documented.

use kube::core::cel::compile_schema;
use pasee::resources::definition;
use serde_json::Value;

use super::support::schema::{Kind, Server};

const KINDS: [Kind; 4] = [Kind::Group, Kind::Membership, Kind::User, Kind::OAuthClient];

/// Calls back for every schema in a schema.
fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&Value, &str)) {
    visit(schema, path);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), visit);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), visit);
    }
}

#[test]
fn everything_is_bounded() {
    for kind in KINDS {
        let mut seen = 0;
        walk(&Server::of(kind).schema, "", &mut |schema, path| {
            seen += 1;
            let has = |keyword: &str| schema.get(keyword).is_some();
            let is_bounded = match schema["type"].as_str().unwrap_or_default() {
                "string" => has("maxLength") || has("enum"),
                "array" => has("maxItems") && has("items") && has("x-kubernetes-list-type"),
                "object" => has("properties"),
                "integer" => has("minimum") && schema["format"] == "int64",
                "boolean" => true,
                other => panic!("{kind:?}{path} has type {other:?}"),
            };
            // What every object has is bounded by the API server itself.
            assert!(
                is_bounded || matches!(path, ".apiVersion" | ".kind"),
                "{kind:?}{path} has no bound: {schema}"
            );
            for loose in [
                "additionalProperties",
                "anyOf",
                "nullable",
                "x-kubernetes-int-or-string",
                "x-kubernetes-preserve-unknown-fields",
            ] {
                assert!(!has(loose), "{kind:?}{path} has {loose}");
            }
        });
        assert!(seen > 10, "{kind:?}: only {seen} schemas were seen");
    }
}

#[test]
fn lists_of_the_spec_have_one_owner() {
    for kind in KINDS {
        walk(&Server::of(kind).schema["properties"]["spec"], ".spec", &mut |schema, path| {
            if schema["type"] == "array" {
                assert_eq!(schema["x-kubernetes-list-type"], "atomic", "{kind:?}{path}");
            }
        });
    }
}

#[test]
fn every_rule_compiles_and_says_what_is_wrong() {
    for kind in KINDS {
        let server = Server::of(kind);
        let mut rules = 0;
        walk(&server.schema, "", &mut |schema, path| {
            let compiled = compile_schema(schema);
            assert!(!compiled.has_errors(), "{kind:?}{path}: {:?}", compiled.compilation_errors());
            for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                assert!(rule["message"].is_string(), "{kind:?}{path}: {rule}");
                rules += 1;
            }
        });
        assert!(rules >= 2, "{kind:?} has {rules} rules");
    }
}

#[test]
fn every_field_of_the_spec_is_documented() {
    for kind in KINDS {
        let spec = &Server::of(kind).schema["properties"]["spec"];
        for (name, schema) in spec["properties"].as_object().unwrap() {
            assert!(schema["description"].is_string(), "{kind:?}.spec.{name}");
        }
    }
}

#[test]
fn names_and_scope() {
    for (definition, (plural, short, selectable)) in definition::all().iter().zip([
        ("groups", "pgr", &[][..]),
        ("memberships", "pmb", &[".spec.group", ".spec.role"]),
        ("users", "pus", &[".spec.username"]),
    ]) {
        let names = &definition.spec.names;
        assert_eq!(definition.spec.group, "pasee.meltylab.fr");
        assert_eq!(definition.spec.scope, "Namespaced");
        assert_eq!(names.plural, plural);
        assert_eq!(names.short_names.as_deref(), Some(&[short.to_owned()][..]));
        assert_eq!(names.categories.as_deref(), Some(&["pasee".to_owned()][..]));
        let [version] = definition.spec.versions.as_slice() else { panic!("one version") };
        assert_eq!((version.name.as_str(), version.served, version.storage), ("v1", true, true));
        assert!(version.subresources.as_ref().unwrap().status.is_some());
        let fields =
            version.selectable_fields.iter().flatten().map(|field| field.json_path.as_str());
        assert_eq!(fields.collect::<Vec<_>>(), selectable);
        let columns = version.additional_printer_columns.iter().flatten();
        let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        assert!(columns.contains(&"Ready") && columns.last() == Some(&"Age"), "{columns:?}");
    }
}
