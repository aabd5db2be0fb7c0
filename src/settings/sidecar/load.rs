//! From a file, or a variable of the environment, to [`SidecarSettings`], part by part.
//!
//! Must not touch anything but that file and those that are named with `…_file`.

use std::path::Path;
use std::time::Duration;

use super::check::check;
use super::headers::headers;
use super::issuer::issuers;
use super::login::login;
use super::proxy::{address, proxy};
use super::revocations::revocations;
use super::rule::rules;
use super::{IssuerKind, IssuerSettings, LoginSettings, RevocationsSettings, SidecarSettings};
use crate::settings::SettingsError;
use crate::settings::file::{MAX_SETTINGS, text};
use crate::settings::load::{checked, log, networks};
use crate::settings::outbound::outbound;
use crate::settings::reader::Table;
use crate::settings::report::Found;
use crate::settings::tokens::duration;
use crate::settings::variables::warn_of_variables;

/// The variable of the environment that holds the settings themselves, for pods: read where no file is named.
pub const VARIABLE: &str = "PASEE_SIDECAR";

/// Reads and checks a settings file of at most 1 MiB.
///
/// # Errors
/// [`SettingsError`] with every mistake, each with file, line, key and what a right value looks like.
pub fn load(file: &Path) -> Result<SidecarSettings, SettingsError> {
    let source = text(file, MAX_SETTINGS)
        .map_err(|reason| SettingsError::Unreadable(file.to_owned(), reason))?;
    parse(file, &source)
}

/// Checks the text of such a file; relative paths in it start at the file's directory.
///
/// # Errors
/// [`SettingsError::Invalid`] with every mistake, each with file, line, key and what a right value looks like.
pub fn parse(file: &Path, source: &str) -> Result<SidecarSettings, SettingsError> {
    let (settings, Found { warnings, .. }) = checked(file, source, |root, base| {
        let settings = read(root, file, base);
        warn_of_variables(root);
        settings
    })?;
    Ok(SidecarSettings { warnings, ..settings })
}

/// Reads every part before giving up on any, so that all mistakes are found.
fn read(root: &Table<'_>, file: &Path, base: &Path) -> Option<SidecarSettings> {
    let proxy = proxy(root, base);
    let check = part(root, "check", check);
    let admin = part(root, "admin", |table| {
        let listen = address(&table, "listen", "127.0.0.1:8162");
        if table.get("listen").is_none() {
            table.missing("listen", "\"127.0.0.1:8162\"");
        }
        table.finish();
        listen.flatten()
    });
    let issuers = issuers(root, base);
    let rules = rules(root);
    let headers = root.table("headers").map(headers).unwrap_or_default();
    let login = part(root, "login", |table| login(table, base));
    let revocations = part(root, "revocations", |table| revocations(table, base));
    let trusted_proxies = networks(root, "trusted_proxies");
    let outbound = root.table("outbound").map(|table| outbound(table, base)).unwrap_or_default();
    let log = root.table("log").map(log).unwrap_or_default();
    let drain_delay = duration(root, "drain_delay", 0..=60, Duration::from_secs(5));
    let (proxy, check, issuers) = (proxy?, check?, issuers?);
    if proxy.is_none() && check.is_none() {
        root.missing("upstream", "\"http://127.0.0.1:8080\" for a proxy, or [check] for an endpoint that other proxies ask");
    }
    let (login, revocations) = (login?, revocations?);
    of_those_who_are_believed(root, &issuers, (login.as_ref(), revocations.as_ref()));
    Some(SidecarSettings {
        file: file.to_owned(),
        proxy,
        check,
        admin: admin?,
        issuers,
        rules: rules?,
        headers,
        login,
        revocations,
        trusted_proxies,
        outbound,
        log,
        drain_delay: drain_delay?,
        warnings: Vec::new(),
    })
}

/// `[login]` and `[revocations]` name one of `[[issuers]]` each.
fn of_those_who_are_believed(
    root: &Table<'_>,
    issuers: &[IssuerSettings],
    (login, revocations): (Option<&LoginSettings>, Option<&RevocationsSettings>),
) {
    for (key, named) in [
        ("login", login.map(|login| &login.issuer)),
        ("revocations", revocations.map(|revocations| &revocations.issuer)),
    ] {
        let Some(named) = named else { continue };
        let item = || root.table(key).and_then(|table| table.text("issuer"));
        match issuers.iter().find(|one| one.issuer == *named) {
            None => {
                if let Some(item) = item() {
                    item.error(
                        "is none of [[issuers]]; a right one stands there, with the audience of its tokens",
                    );
                }
            }
            Some(one) if key == "revocations" && !matches!(one.kind, IssuerKind::Pasee) => {
                if let Some(item) = item() {
                    item.error(
                        "is of another kind, which has no such list; a right one is of kind \"pasee\" in [[issuers]]",
                    );
                }
            }
            Some(_) => {}
        }
    }
}

/// A table that may be left out; `None` for a mistake in it.
fn part<'a, T>(
    root: &Table<'a>,
    key: &'static str,
    read: impl FnOnce(Table<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match root.get(key) {
        Some(item) => item.table().and_then(read).map(Some),
        None => Some(None),
    }
}
