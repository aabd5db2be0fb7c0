//! From `[storage_backend]` to [`Storage`], in the words of this program or of the Python Pasee.
//!
//! Must not open anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::reader::Table;
use super::tokens::duration;
use super::{Cluster, Storage};

/// How the class ends by which the Python Pasee keeps its groups in a file.
const OF_PYTHON: &str = "DemoSqliteStorage";
/// The file of the state in `data_dir`.
const DEFAULT_FILE: &str = "pasee.db";
/// How old the state may be to issue tokens by, in seconds. The API server shows a sign of life once a minute, so less
/// would stop a healthy server now and then.
const STALENESS: (std::ops::RangeInclusive<u64>, Duration) =
    (120..=30 * 86_400, Duration::from_secs(3600));
/// Longest name of a namespace (RFC 1123 label).
const MAX_NAMESPACE: usize = 63;

/// The stores that there are.
#[derive(Clone, Copy)]
enum Kind {
    Embedded,
    Kubernetes,
}

pub(super) fn storage(root: &Table<'_>, base: &Path, data_dir: &Path) -> Option<Storage> {
    let Some(table) = root.table("storage_backend") else {
        return Some(Storage::Embedded(data_dir.join(DEFAULT_FILE)));
    };
    let of_python = table.text("class").map(|class| {
        if !class.value.ends_with(OF_PYTHON) {
            class.error(
                "is not known; a right storage backend has kind = \"embedded\" instead of a class",
            );
        }
    });
    let kinds = [("embedded", Kind::Embedded), ("kubernetes", Kind::Kubernetes)];
    let kind = table.text("kind").and_then(|kind| kind.one_of(&kinds)).unwrap_or(Kind::Embedded);
    let options = table.table("options");
    let storage = match (&options, kind) {
        (None, Kind::Embedded) => Some(Storage::Embedded(data_dir.join(DEFAULT_FILE))),
        (None, Kind::Kubernetes) => Some(Storage::Kubernetes(Cluster {
            namespace: None,
            kubeconfig: None,
            max_staleness: Some(STALENESS.1),
        })),
        (Some(options), Kind::Embedded) => place(options, data_dir),
        (Some(options), Kind::Kubernetes) => cluster(options, base).map(Storage::Kubernetes),
    };
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

/// The file of the Python Pasee.
pub(super) fn python_file(root: &Table<'_>) -> Option<PathBuf> {
    let table = root.get("storage_backend")?.table()?;
    table.text("class").filter(|class| class.value.ends_with(OF_PYTHON))?;
    let file = table.table("options")?.text("file")?;
    (file.value != ":memory:").then(|| PathBuf::from(file.value))
}

fn cluster(options: &Table<'_>, base: &Path) -> Option<Cluster> {
    let namespace = match options.text("namespace") {
        Some(item) if !is_namespace(item.value) => {
            item.error(
                "is no namespace; a right one has 1 to 63 characters of a-z, 0-9 and -, such as \"pasee\"",
            );
            return None;
        }
        named => named.map(|item| item.value.to_owned()),
    };
    let kubeconfig = match options.get("kubeconfig") {
        Some(_) => Some(options.file("kubeconfig", base)?),
        None => None,
    };
    let is_unbounded = options.get("max_staleness").is_some_and(|item| match item.value {
        DeValue::Integer(number) => number.as_str() == "0",
        DeValue::String(text) => matches!(text.as_ref(), "0" | "0s"),
        _ => false,
    });
    let max_staleness = if is_unbounded {
        None
    } else {
        Some(duration(options, "max_staleness", STALENESS.0, STALENESS.1)?)
    };
    Some(Cluster { namespace, kubeconfig, max_staleness })
}

/// Whether the text is `[a-z0-9]([-a-z0-9]*[a-z0-9])?` and not too long.
fn is_namespace(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAMESPACE).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
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
