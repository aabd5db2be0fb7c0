//! From `[storage_backend]` to [`Storage`], in the words of this program or of the Python Pasee.
//!
//! Must not open anything.

use std::path::Path;

use super::Storage;
use super::reader::Table;

/// The file of the state in `data_dir`.
const DEFAULT_FILE: &str = "pasee.db";

pub(super) fn storage(root: &Table<'_>, data_dir: &Path) -> Option<Storage> {
    let Some(table) = root.table("storage_backend") else {
        return Some(Storage::Embedded(data_dir.join(DEFAULT_FILE)));
    };
    let of_python = table.text("class").map(|class| {
        if !class.value.ends_with("DemoSqliteStorage") {
            class.error(
                "is not known; a right storage backend has kind = \"embedded\" instead of a class",
            );
        }
    });
    if let Some(kind) = table.text("kind") {
        match kind.value {
            "embedded" => {}
            "kubernetes" => kind
                .error("this version keeps its state in a file only; a right one is \"embedded\""),
            _ => kind.error("is not known; a right one is \"embedded\""),
        }
    }
    let options = table.table("options");
    let storage = options.as_ref().map_or_else(
        || Some(Storage::Embedded(data_dir.join(DEFAULT_FILE))),
        |options| place(options, data_dir),
    );
    match options {
        // The Python Pasee hands everything to the class, which takes what it knows.
        Some(options) if of_python.is_some() => {
            for (name, at) in options.unknown() {
                options.report.warn(at, &options.path(name), "is not known here and does nothing");
            }
        }
        Some(options) => options.finish(),
        None => {}
    }
    table.finish();
    storage
}

fn place(options: &Table<'_>, data_dir: &Path) -> Option<Storage> {
    if options.get("file").is_none() {
        return Some(Storage::Embedded(data_dir.join(DEFAULT_FILE)));
    }
    let item = options.text("file")?;
    if item.value == ":memory:" {
        item.warn("keeps all groups in memory: all is lost at exit; name a file to keep them");
        return Some(Storage::Memory);
    }
    if item.value.ends_with('/') {
        item.error("is no file; a right one is \"pasee.db\", in data_dir, or \"/some/pasee.db\"");
        return None;
    }
    item.path(data_dir).map(Storage::Embedded)
}
