//! Goes the way on which a server starts as far as that changes nothing, and looks at what is left of it.

use std::io::ErrorKind;

use anyhow::Error;
use tokio::net::TcpListener;

use super::occupant;
use crate::cli::finding::{Finding, Findings, Level};
use crate::cli::prepare::{Prepared, fault, prepare};
use crate::cli::python;
use crate::cli::sockets::{self, Purpose};
use crate::files::access_of_others;
use crate::settings::{Settings, Storage};
use crate::store::embedded::{self, There};
use crate::web::accept::BindError;

/// The groups of the Python Pasee are not taken over yet.
const PYTHON_DATABASE: &str = "python-database";
/// Others may read or change the file of groups.
const OPEN_DATABASE: &str = "open-database";

/// Everything that a start would come upon, and what is said of the settings.
pub(in crate::cli) async fn look(settings: &Settings) -> (Option<Prepared>, Findings) {
    let mut findings = Findings::default();
    for remark in settings.warnings.iter().chain(&settings.advice) {
        findings.add(Finding::of_remark(Level::Warning, remark));
    }
    let prepared = prepare(settings, &mut findings).await;
    at_store(settings, &mut findings);
    at_sockets(settings, &mut findings).await;
    (prepared, findings)
}

/// A namespace was looked at on the way; memory is always there.
fn at_store(settings: &Settings, findings: &mut Findings) {
    let Storage::Embedded(file) = &settings.storage else { return };
    let key = "storage_backend.options.file";
    let looked = embedded::look(file).map_err(Error::from);
    let there =
        findings.take(looked, |error| Finding::of_error(fault::DATABASE, error).at(key, settings));
    if let (Some(There::Nothing | There::Empty), Some(told)) = (there, python::hint(settings, file))
    {
        findings.add(Finding::new(Level::Warning, PYTHON_DATABASE, &told).at(key, settings));
    }
    if let Ok(Some(access)) = access_of_others(file) {
        let told = format!("the file of groups {}: {access}", file.display());
        findings.add(Finding::new(Level::Warning, OPEN_DATABASE, &told).at(key, settings));
    }
}

async fn at_sockets(settings: &Settings, findings: &mut Findings) {
    // They are held until all are known, so that two of them do not take the same place.
    let mut held: Vec<TcpListener> = Vec::new();
    let mut is_running = false;
    for (purpose, listener) in sockets::listen(settings) {
        match listener {
            Ok(listener) => held.push(listener),
            Err(error) => {
                let taken = taken(&error);
                if purpose == Purpose::Api
                    && let Some(address) = taken
                {
                    is_running = occupant::is_this_server(address, settings).await;
                }
                findings.add(
                    match taken {
                        Some(address) if is_running => {
                            let told = format!("The server runs, and listens on {address}.");
                            Finding::new(Level::Note, fault::LISTEN, &told)
                        }
                        _ => Finding::of_error(fault::LISTEN, &sockets::told(purpose, error)),
                    }
                    .at(purpose.key(), settings),
                );
            }
        }
    }
}

/// Which address somebody else listens on.
fn taken(error: &BindError) -> Option<std::net::SocketAddr> {
    match error {
        BindError::Listen { address, source } if source.kind() == ErrorKind::AddrInUse => {
            Some(*address)
        }
        _ => None,
    }
}
