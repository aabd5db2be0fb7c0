//! Live judgement: what users of a realm write with kubectl, in a real API server that asks Pasee's webhook first.
//!
//! Whoever was removed, banned or never entitled writes nothing, whatever their token says, whoever is away, paused or just
//! started; whoever has become staff writes with the token they have; nobody else notices that there is a webhook.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod authors;
mod bounds;
mod certificate;
mod clients;
mod ends;
mod forged;
mod groups;
mod outage;
mod root_staff;
mod sessions;
mod stage;
mod sweep;
