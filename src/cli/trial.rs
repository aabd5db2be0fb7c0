//! What `pasee check` says and how `pasee serve` starts, side by side: for whoever compares them.
//!
//! Must not decide anything: both go the commands' own ways.

use super::check::look;
use super::finding::Finding;
use super::serve::Ready;
use crate::settings::Settings;

/// What `pasee check` finds, the worst first. Nothing is made.
pub async fn checked(settings: &Settings) -> Vec<Finding> {
    look(settings).await.1.into_all()
}

/// Starts a server up to where it listens and would take requests, and ends it. What a first start makes is made.
///
/// # Errors
/// Why it does not start, as it is told.
pub async fn started(settings: &Settings) -> Result<(), String> {
    let ready = Ready::new(settings).await;
    ready.map(drop).map_err(|error| super::report::tell(&error))
}
