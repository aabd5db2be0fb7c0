//! From the file to [`Settings`]: everything but the identity providers.
//!
//! Must not touch anything but the settings file and the files it names with `…_file`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use toml::de::{DeTable, DeValue};
use url::Url;

use super::provider::providers;
use super::reader::{Item, Report, Table};
use super::{Jwt, Keys, Limits, Log, LogFormat, Settings, SettingsError, Storage, Tls};
use crate::domain::token::Lifetimes;
use crate::jose::key::{Algorithm, PrivateKey, PublicKey};

const DAY: u64 = 24 * 60 * 60;

/// Reads and checks a settings file.
///
/// # Errors
/// [`SettingsError`] with every mistake, each with file, line, key and what a right value looks like.
pub fn load(file: &Path) -> Result<Settings, SettingsError> {
    let source = std::fs::read_to_string(file)
        .map_err(|error| SettingsError::Unreadable(file.to_owned(), error))?;
    parse(file, &source)
}

/// Checks the text of a settings file; relative paths in it start at the file's directory.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &Path, source: &str) -> Result<Settings, SettingsError> {
    let shown = file.display().to_string();
    let report = Report::new(&shown, source);
    let (tree, mistakes) = DeTable::parse_recoverable(source);
    if !mistakes.is_empty() {
        for mistake in mistakes {
            let at = mistake.span().map_or(0, |span| span.start);
            report.error(at, "", format_args!("this is not TOML: {}", mistake.message()));
        }
        return Err(SettingsError::Invalid(report.finish().err().unwrap_or_default()));
    }
    let base = file.parent().map(Path::to_owned).unwrap_or_default();
    let root = Table::root(&tree, &report);
    let settings = read(&root, file, &base);
    root.finish();
    match (report.finish(), settings) {
        (Ok(warnings), Some(settings)) => Ok(Settings { warnings, ..settings }),
        (Err(mistakes), _) => Err(SettingsError::Invalid(mistakes)),
        (Ok(_), None) => Err(SettingsError::Invalid(format!("{shown}: cannot be used"))),
    }
}

fn read(root: &Table<'_>, file: &Path, base: &Path) -> Option<Settings> {
    let host = root.text("host").map_or_else(|| "127.0.0.1".to_owned(), |host| host_of(&host));
    let port =
        root.number("port", 1..65536).and_then(|port| u16::try_from(port).ok()).unwrap_or(8150);
    let tls = root.table("tls").and_then(|table| tls(table, base));
    let hostname = match root.text("hostname") {
        Some(item) => hostname(&item),
        None => Some(default_hostname(&host, port, tls.is_some())),
    };
    let data_dir = base.join(root.text("data_dir").map_or("data", |item| item.value));
    let keys = keys(root, base);
    let storage = storage(root, &data_dir);
    let jwt = jwt(root);
    let identity_providers = providers(root, base);
    let allowed_origins = root.table("cors").map(cors).unwrap_or_default();
    let limits = root.table("limits").map(limits).unwrap_or_default();
    let log = root.table("log").map(log).unwrap_or_else(default_log);
    let admin = root.table("admin").and_then(admin);
    Some(Settings {
        file: file.to_owned(),
        host,
        port,
        hostname: hostname?,
        data_dir,
        keys,
        storage: storage?,
        jwt: jwt?,
        identity_providers,
        allowed_origins,
        tls,
        limits,
        log,
        admin,
        warnings: Vec::new(),
    })
}

fn host_of(item: &Item<'_, &str>) -> String {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if item.value.parse::<IpAddr>().is_err()
        && (item.value.is_empty() || !item.value.bytes().all(name))
    {
        item.error("is no address; a right one is 127.0.0.1, :: or localhost");
    }
    item.value.to_owned()
}

/// The address a client on this machine can use.
fn default_hostname(host: &str, port: u16, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => format!("{scheme}://127.0.0.1:{port}"),
        Ok(IpAddr::V6(address)) => format!("{scheme}://[{address}]:{port}"),
        _ => format!("{scheme}://{host}:{port}"),
    }
}

fn hostname(item: &Item<'_, &str>) -> Option<String> {
    let right = "is no place to be reached at; a right one is https://pasee.example.com, without path, query or user";
    let text = item.value.strip_suffix('/').unwrap_or(item.value);
    match text.parse::<Url>() {
        Ok(url) if is_origin(&url) && !text.ends_with('/') => {
            Some(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => {
            item.error(right);
            None
        }
    }
}

/// Whether the URL is scheme, host and port, and nothing else.
fn is_origin(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

fn keys(root: &Table<'_>, base: &Path) -> Keys {
    let pem = secret(root, "private_key", "private_key_file", base);
    let place = root.get("private_key").or_else(|| root.get("private_key_file"));
    let private = pem.and_then(|pem| {
        PrivateKey::from_pem(pem.expose_secret())
            .map_err(|error| {
                if let Some(place) = &place {
                    place.error(error)
                }
            })
            .ok()
    });
    if let Some(item) = root.text("public_key") {
        match (public_key(&item), &private) {
            (Some(public), Some(private)) if &public != private.public() => {
                item.error(
                    "does not belong to private_key; leave it out, it follows from private_key",
                );
            }
            (_, None) if place.is_none() => {
                item.error("stands without private_key; a right file has both, or neither")
            }
            _ => {}
        }
    }
    check_algorithm(root, private.as_ref());
    let retired = root.texts("retired_public_keys").unwrap_or_default();
    Keys { private, retired: retired.iter().filter_map(public_key).collect() }
}

fn check_algorithm(root: &Table<'_>, private: Option<&PrivateKey>) {
    let Some(item) = root.text("algorithm") else { return };
    match (item.value, private.map(PrivateKey::algorithm)) {
        ("ES256" | "ES256K", None) => item.warn("does nothing without private_key; leave it out"),
        ("ES256", Some(Algorithm::Es256)) | ("ES256K", Some(Algorithm::Es256k)) => {}
        ("ES256", Some(Algorithm::Es256k)) => {
            item.warn("a secp256k1 key signs ES256K (RFC 8812): read as ES256K");
        }
        (_, Some(algorithm)) => {
            item.error(format_args!("does not fit private_key; a right one is {algorithm}"))
        }
        (_, None) => item.error("is not known; right ones are ES256 and ES256K"),
    }
}

pub(super) fn public_key(item: &Item<'_, &str>) -> Option<PublicKey> {
    PublicKey::from_pem(item.value).map_err(|error| item.error(error)).ok()
}

/// A secret that stands in the file, or in a file of its own.
pub(super) fn secret(
    table: &Table<'_>,
    key: &'static str,
    file_key: &'static str,
    base: &Path,
) -> Option<SecretString> {
    let (inline, file) = (table.text(key), table.text(file_key));
    match (inline, file) {
        (Some(_), Some(file)) => {
            file.error(format_args!("stands beside {key}; a right file has one of them"));
            None
        }
        (Some(inline), None) => Some(inline.value.into()),
        (None, Some(file)) => match std::fs::read_to_string(base.join(file.value)) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).into()),
            Err(error) => {
                file.error(format_args!("cannot be read: {error}"));
                None
            }
        },
        (None, None) => None,
    }
}

fn storage(root: &Table<'_>, data_dir: &Path) -> Option<Storage> {
    let Some(table) = root.table("storage_backend") else {
        return Some(Storage::Embedded(data_dir.join("pasee.db")));
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
    let file = options.as_ref().and_then(|options| options.text("file"));
    let storage = match file {
        None => Storage::Embedded(data_dir.join("pasee.db")),
        Some(item) if item.value == ":memory:" => {
            item.warn("keeps all groups in memory: all is lost at exit; name a file to keep them");
            Storage::Memory
        }
        Some(item) if item.value.is_empty() => {
            item.error("is empty; a right one is \"pasee.db\"");
            return None;
        }
        Some(item) => Storage::Embedded(data_dir.join(item.value)),
    };
    match options {
        Some(options) if of_python.is_some() => {
            for (name, at) in options.unknown() {
                options.report.warn(at, &options.path(name), "is not known here and does nothing");
            }
        }
        Some(options) => options.finish(),
        None => {}
    }
    table.finish();
    Some(storage)
}

fn jwt(root: &Table<'_>) -> Option<Jwt> {
    let Some(table) = root.table("jwt") else {
        root.missing("jwt", "[jwt] with iss = \"pasee.example.com\"");
        return None;
    };
    let issuer = table.text("iss");
    if issuer.is_none() {
        table.missing("iss", "\"pasee.example.com\"");
    }
    let default = Lifetimes::default();
    let lifetimes = Lifetimes {
        access: duration(&table, "access_lifetime", 10, DAY).unwrap_or(default.access),
        refresh: duration(&table, "refresh_lifetime", 10, 366 * DAY).unwrap_or(default.refresh),
        session: duration(&table, "session_lifetime", 10, 400 * DAY).unwrap_or(default.session),
    };
    if lifetimes.access > lifetimes.refresh || lifetimes.refresh > lifetimes.session {
        let message = "lifetimes are out of order; right ones have access ≤ refresh ≤ session, such as 15m, 30d, 90d";
        root.report.error(table.at, "jwt", message);
    }
    let audience = table.parsed("audience");
    let jwt =
        issuer.and_then(|item| item.parse()).map(|issuer| Jwt { issuer, audience, lifetimes });
    table.finish();
    jwt
}

/// Whole seconds, or a text such as `15m`, within bounds in seconds.
pub(super) fn duration(
    table: &Table<'_>,
    key: &'static str,
    least: u64,
    most: u64,
) -> Option<Duration> {
    let item = table.get(key)?;
    let seconds = match item.value {
        DeValue::Integer(number) => number.as_str().parse::<u64>().ok(),
        DeValue::String(text) => seconds_of(text),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| (least..=most).contains(seconds));
    if seconds.is_none() {
        item.error(format_args!(
            "is no length of time from {least} to {most} seconds; a right one is 900, \"15m\", \"12h\" or \"30d\""
        ));
    }
    seconds.map(Duration::from_secs)
}

fn seconds_of(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn tls(table: Table<'_>, base: &Path) -> Option<Tls> {
    let path = |key| match table.text(key) {
        Some(item) => Some(base.join(item.value)),
        None => {
            table.missing(key, "the path of a PEM file");
            None
        }
    };
    let (certificate, key): (Option<PathBuf>, Option<PathBuf>) = (path("certificate"), path("key"));
    table.finish();
    Some(Tls { certificate: certificate?, key: key? })
}

fn cors(table: Table<'_>) -> Vec<String> {
    let origins = table.texts("allowed_origins").unwrap_or_default();
    for item in &origins {
        let exact = item
            .value
            .parse::<Url>()
            .is_ok_and(|url| is_origin(&url) && url.origin().ascii_serialization() == item.value);
        let any_alone = item.value == "*" && origins.len() == 1;
        if !(exact || any_alone) {
            item.error(
                "is no exact origin; a right one is \"https://app.example.com\", or \"*\" alone",
            );
        }
    }
    table.finish();
    origins.iter().map(|item| item.value.to_owned()).collect()
}

fn limits(table: Table<'_>) -> Limits {
    let default = Limits::default();
    let number = |key, default: u32| {
        table
            .number(key, 0..1_000_001)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(default)
    };
    let limits = Limits {
        login_attempts_per_user: number("login_attempts_per_user", default.login_attempts_per_user),
        login_attempts_per_address: number(
            "login_attempts_per_address",
            default.login_attempts_per_address,
        ),
        trusted_proxies: trusted_proxies(&table),
        max_connections: table
            .number("max_connections", 1..1_000_001)
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default.max_connections),
    };
    table.finish();
    limits
}

fn trusted_proxies(table: &Table<'_>) -> Vec<ipnet::IpNet> {
    let network = |item: &Item<'_, &str>| {
        let address = item.value.parse::<IpAddr>().map(ipnet::IpNet::from).ok();
        let network = address.or_else(|| item.value.parse().ok());
        if network.is_none() {
            item.error("is no network; a right one is \"10.0.0.0/8\" or \"192.0.2.1\"");
        }
        network
    };
    table.texts("trusted_proxies").unwrap_or_default().iter().filter_map(network).collect()
}

fn default_log() -> Log {
    Log { format: LogFormat::Text, level: "info".to_owned() }
}

fn log(table: Table<'_>) -> Log {
    let mut log = default_log();
    if let Some(item) = table.text("format") {
        match item.value {
            "text" => log.format = LogFormat::Text,
            "json" => log.format = LogFormat::Json,
            _ => item.error("is not known; right ones are \"text\" and \"json\""),
        }
    }
    if let Some(item) = table.text("level") {
        if ["error", "warn", "info", "debug", "trace"].contains(&item.value) {
            log.level = item.value.to_owned();
        } else {
            item.error("is not known; right ones are error, warn, info, debug and trace");
        }
    }
    table.finish();
    log
}

fn admin(table: Table<'_>) -> Option<SocketAddr> {
    let listen = match table.text("listen") {
        Some(item) => item.value.parse().map_err(|_| {
            item.error(format_args!(
                "is no address with a port; a right one is \"127.0.0.1:8151\" or \"[{}]:8151\"",
                Ipv6Addr::LOCALHOST
            ));
        }),
        None => {
            table.missing("listen", "\"127.0.0.1:8151\"");
            Err(())
        }
    };
    table.finish();
    listen.ok()
}
