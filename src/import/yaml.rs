//! Files of YAML or JSON with objects in them, alone, one behind the other, or in a list.
//!
//! Bounded as manifests are. Must not know what the objects are.

use serde_json::Value;

/// All documents of a file of YAML or JSON, with the items of lists in their place.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 100_000,
            max_nodes: 4_000_000,
            max_events: 8_000_000,
            max_total_scalar_bytes: 256 << 20,
        },
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| error.to_string())?;
    let documents = documents.into_iter().flat_map(items).filter(|it| !it.is_null());
    Ok(documents.collect())
}

/// The objects of a list, or the one there is.
fn items(document: Value) -> Vec<Value> {
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if is_list => match list.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        object => vec![object],
    }
}
