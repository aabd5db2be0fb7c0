//! From a file to [`Settings`], part by part.
//!
//! Must not touch anything but that file and those that are named with `…_file`.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use toml::de::DeTable;

use super::advice::advise;
use super::clients::clients;
use super::file::{MAX_SETTINGS, text};
use super::keys::keys;
use super::listen::{Listen, Overrides, cors, listen};
use super::outbound::outbound;
use super::peers::{Beside, peers};
use super::provider::{providers, refuse_ourselves, warn_of_cut};
use super::reader::{Item, Table};
use super::remark::{Mistakes, Places, Remark, code};
use super::report::{Found, Report};
use super::storage::{python_file, storage};
use super::tokens::jwt;
use super::variables::warn_of_variables;
use super::webhook::webhook;
use super::{Limits, Log, LogFormat, Settings, SettingsError};
use crate::domain::bounds::Bounds;
use crate::files::access_of_others;

/// Reads and checks a settings file of at most 1 MiB.
///
/// # Errors
/// [`SettingsError`] with every mistake, each with file, line, key and what a right value looks like.
pub fn load(file: &Path) -> Result<Settings, SettingsError> {
    load_with(file, &Overrides::default())
}

/// The same, with what is said elsewhere.
///
/// # Errors
/// As [`load`].
pub fn load_with(file: &Path, overrides: &Overrides) -> Result<Settings, SettingsError> {
    let source = text(file, MAX_SETTINGS)
        .map_err(|reason| SettingsError::Unreadable(file.to_owned(), reason))?;
    let mut settings = parsed(file, &source, overrides)?;
    settings.warnings.extend(exposed(file, &source));
    Ok(settings)
}

/// What is wrong with who may read or change the file. Reading matters where a secret stands in it.
fn exposed(file: &Path, source: &str) -> Option<Remark> {
    let access = access_of_others(file).ok()??;
    let holds = |key: &str| source.lines().any(|line| is_set(line, key));
    // Of a proxy the user and password are.
    let proxy = source.lines().any(|line| is_set(line, "proxy") && line.contains('@'));
    if !access.can_change() && !proxy && !SECRETS.iter().any(|key| holds(key)) {
        return None;
    }
    let message = format_args!("this file decides who gets tokens, and {access}");
    Some(Remark::new(&file.display().to_string(), code::OPEN_SETTINGS, None, "", message))
}

/// The keys whose values are nobody else's business, alone or at the end of a dotted key or in an inline table.
const SECRETS: [&str; 8] = [
    "private_key",
    "retired_keys",
    "client_key",
    "client_secret",
    "app_secret",
    "consumer_secret",
    "password_hash",
    "bind_password",
];

/// Whether a line of TOML gives this key a value; a comment does not.
fn is_set(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with('#')
        && line.match_indices(key).any(|(at, _)| {
            let rest = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            rest.starts_with('=')
        })
}

/// Checks the text of a settings file; relative paths in it start at the file's directory.
///
/// # Errors
/// [`SettingsError::Invalid`] with every mistake, each with file, line, key and what a right value looks like.
pub fn parse(file: &Path, source: &str) -> Result<Settings, SettingsError> {
    parsed(file, source, &Overrides::default())
}

fn parsed(file: &Path, source: &str, overrides: &Overrides) -> Result<Settings, SettingsError> {
    let (settings, Found { warnings, advice, places }) = checked(file, source, |root, base| {
        let settings = read(root, (file, base), overrides);
        warn_of_variables(root);
        settings
    })?;
    Ok(Settings { warnings, advice, places, ..settings })
}

/// Reads a text of TOML, of which every key must be asked for; relative paths in it start at the file's directory.
///
/// # Errors
/// [`SettingsError::Invalid`] with every mistake.
pub(super) fn checked<T>(
    file: &Path,
    source: &str,
    read: impl FnOnce(&Table<'_>, &Path) -> Option<T>,
) -> Result<(T, Found), SettingsError> {
    let shown = file.display().to_string();
    let report = Report::new(&shown, source);
    let (tree, mistakes) = DeTable::parse_recoverable(source);
    for mistake in &mistakes {
        let at = mistake.span().map_or(0, |span| span.start);
        let message = format_args!("this is not TOML: {}", mistake.message());
        report.mistake(at, code::NOT_TOML, "", message);
    }
    let value = mistakes.is_empty().then(|| {
        let base = file.parent().map(Path::to_owned).unwrap_or_default();
        let root = Table::root(&tree, &report);
        let value = read(&root, &base);
        root.finish();
        value
    });
    match (report.finish(), value.flatten()) {
        (Ok(found), Some(value)) => Ok((value, found)),
        (Err(mistakes), _) => Err(SettingsError::Invalid(mistakes)),
        (Ok(_), None) => {
            let remark = Remark::new(&shown, code::WRONG_VALUE, None, "", "cannot be used");
            Err(SettingsError::Invalid(Mistakes::new(&shown, vec![remark], 0)))
        }
    }
}

/// Reads every part before giving up on any, so that all mistakes are found.
fn read(root: &Table<'_>, (file, base): (&Path, &Path), overrides: &Overrides) -> Option<Settings> {
    let listen = listen(root, base, overrides);
    let data_dir = match root.get("data_dir") {
        Some(_) => root.file("data_dir", base),
        None => Some(base.join("data")),
    };
    let keys = keys(root, base);
    let storage = storage(root, base, data_dir.as_deref().unwrap_or(base));
    let jwt = jwt(root);
    let outbound = root.table("outbound").map(|table| outbound(table, base)).unwrap_or_default();
    let identity_providers = providers(root, base);
    refuse_ourselves(root, jwt.as_ref(), &identity_providers);
    let (clients, client_secret_files) = clients(root, base, &identity_providers);
    warn_of_cut(root, jwt.as_ref());
    let allowed_origins = root.table("cors").map(cors).unwrap_or_default();
    let limits = root.table("limits").map(limits).unwrap_or_default();
    let hashing_threads = root.table("local").and_then(hashing_threads);
    let webhook = match root.get("webhook") {
        None => Some(None),
        Some(item) => {
            item.table().and_then(|table| webhook(table, base, storage.as_ref())).map(Some)
        }
    };
    let log = root.table("log").map(log).unwrap_or_default();
    let peers = match root.get("peers") {
        None => Some(None),
        Some(item) => item.table().and_then(|table| {
            let Listen { host, port, admin, .. } = listen.as_ref()?;
            peers(table, &Beside { host, port: *port, admin: *admin }).map(Some)
        }),
    };
    let Listen { host, port, hostname, tls, admin, drain_delay } = listen?;
    let settings = Settings {
        file: file.to_owned(),
        host,
        port,
        hostname,
        data_dir: data_dir?,
        keys,
        storage: storage?,
        jwt: jwt?,
        identity_providers,
        clients,
        client_secret_files,
        outbound,
        allowed_origins,
        tls,
        limits,
        hashing_threads,
        log,
        admin,
        drain_delay,
        webhook: webhook?,
        peers: peers?,
        warnings: Vec::new(),
        advice: Vec::new(),
        places: Places::default(),
        python_file: python_file(root),
    };
    advise(root, &settings);
    Some(settings)
}

fn limits(table: Table<'_>) -> Limits {
    let default = Limits::default();
    let attempts = |key, default: u32| {
        let number = table.number(key, 0..1_000_001);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let bound = |key, default: Option<u64>| match table.number(key, 0..1_000_001) {
        None => default,
        Some(number) => Some(number).filter(|most| *most > 0),
    };
    let connections = |key, default| {
        let number = table.number(key, 1..1_000_001);
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let max_connections = connections("max_connections", default.max_connections);
    let limits = Limits {
        login_attempts_per_user: attempts(
            "login_attempts_per_user",
            default.login_attempts_per_user,
        ),
        login_attempts_per_address: attempts(
            "login_attempts_per_address",
            default.login_attempts_per_address,
        ),
        changes_per_user: attempts("changes_per_user", default.changes_per_user),
        bounds: Bounds {
            groups: bound("groups_per_author", default.bounds.groups),
            memberships: bound("memberships_per_author", default.bounds.memberships),
        },
        trusted_proxies: networks(&table, "trusted_proxies"),
        max_connections,
        max_connections_per_address: connections(
            "max_connections_per_address",
            (max_connections / 4).max(1),
        ),
        max_waiting: {
            let number = table.number("max_waiting", 0..1_000_001);
            number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default.max_waiting)
        },
    };
    table.finish();
    limits
}

/// Networks, or addresses.
pub(super) fn networks(table: &Table<'_>, key: &'static str) -> Vec<IpNet> {
    let network = |item: &Item<'_, &str>| {
        let address = item.value.parse::<IpAddr>().map(IpNet::from).ok();
        let network = address.or_else(|| item.value.parse().ok());
        if network.is_none() {
            item.error("is no network; a right one is \"10.0.0.0/8\" or \"192.0.2.1\"");
        }
        network
    };
    table.texts(key).iter().filter_map(network).collect()
}

fn hashing_threads(table: Table<'_>) -> Option<usize> {
    let threads = table.number("hashing_threads", 1..65);
    table.finish();
    threads.and_then(|threads| threads.try_into().ok())
}

pub(super) fn log(table: Table<'_>) -> Log {
    let mut log = Log::default();
    if let Some(item) = table.text("format") {
        let choices = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        log.format = item.one_of(&choices).unwrap_or(log.format);
    }
    if let Some(item) = table.text("level") {
        let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
        log.level = item.one_of(&levels).unwrap_or("info").to_owned();
    }
    table.finish();
    log
}
