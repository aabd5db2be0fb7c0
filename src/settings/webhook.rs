//! From `[webhook]` to where reviews are answered, and how the cluster knows the realm's users.
//!
//! Must not open anything.

use std::path::Path;

use super::listen::host;
use super::reader::{Item, Table};
use super::{Storage, Tls, Webhook};

/// Longest prefix, in characters.
const MAX_PREFIX: usize = 128;

pub(super) fn webhook(table: Table<'_>, base: &Path, storage: Option<&Storage>) -> Option<Webhook> {
    if storage.is_some_and(|storage| !matches!(storage, Storage::Kubernetes(_))) {
        table.report.error(
            table.at,
            &table.key,
            "judges what is written to Kubernetes; a right one stands beside [storage_backend] kind = \"kubernetes\"",
        );
    }
    let host = match table.get("host") {
        Some(item) => item.text().and_then(|item| host(&item)),
        None => Some("0.0.0.0".to_owned()),
    };
    let port = match table.get("port") {
        Some(_) => table.number("port", 1..65536).and_then(|port| u16::try_from(port).ok()),
        None => Some(8443),
    };
    let username_prefix = match table.get("username_prefix") {
        Some(item) => item.text().and_then(|item| prefix(&item)),
        None => Some("pasee:".to_owned()),
    };
    let certified = files(&table, base);
    table.finish();
    Some(Webhook {
        host: host?,
        port: port?,
        username_prefix: username_prefix?,
        certified: certified?,
    })
}

/// `None`: a mistake; `Some(None)`: neither is given.
#[expect(clippy::option_option, reason = "a mistake, nothing, or files")]
fn files(table: &Table<'_>, base: &Path) -> Option<Option<Tls>> {
    let (certificate, key) = (table.get("cert_file"), table.get("key_file"));
    match (certificate, key) {
        (None, None) => Some(None),
        (Some(_), Some(_)) => {
            let (certificate, key) = (table.file("cert_file", base), table.file("key_file", base));
            Some(Some(Tls { certificate: certificate?, key: key? }))
        }
        (Some(one), None) => {
            one.error("needs the key; a right one stands beside key_file, such as \"tls/key.pem\"");
            None
        }
        (None, Some(one)) => {
            one.error(
                "needs the certificate; a right one stands beside cert_file, such as \"tls/certificate.pem\"",
            );
            None
        }
    }
}

/// What the AuthenticationConfiguration puts before user ids; as `pasee policy --username-prefix` takes it.
fn prefix(item: &Item<'_, &str>) -> Option<String> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@#".contains(&byte);
    let text = item.value;
    let is_prefix = text.len() <= MAX_PREFIX
        && text.ends_with([':', '/', '#'])
        && text.bytes().all(is_right)
        && !text.starts_with("system:");
    if !is_prefix {
        item.error(
            "is no prefix; a right one is what pasee policy --username-prefix and the AuthenticationConfiguration have, such as \"pasee:\"",
        );
        return None;
    }
    Some(text.to_owned())
}
