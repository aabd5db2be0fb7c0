//! Pasee: logins through many identity providers, one pair of JWTs, groups run by their own staff.
//!
//! One package, library and binary. Which module may know which is drawn in `tests/architecture/main.rs` and checked there;
//! from the inside out:
//!
//! | Module | Owns |
//! |---|---|
//! | [`domain`] | names, the policy, what tokens say, the ports that stores implement |
//! | [`jose`] | keys, signatures, tokens as text |
//! | [`files`] | what others on this machine can do to a file, and whether we can write it |
//! | [`keys`] | the key ring: what tokens are made and believed with, swapped whole |
//! | [`outbound`] | calls to other servers, and what they publish |
//! | [`relying`] | our own OpenID client: how we log somebody in at an issuer and keep their tokens fresh |
//! | [`settings`] | the settings file, validated |
//! | [`resources`] | the custom resources of Kubernetes, and what they say |
//! | [`objects`] | what a set of custom resources means, for the store and the controller alike |
//! | [`manifests`] | a realm as manifests: read, compared with what there is, written |
//! | [`import`] | what other programs keep of groups and people |
//! | [`index`] | the state in memory, which answers every reader |
//! | [`store`] | where the state lives, and what feeds the index |
//! | [`idp`] | who somebody is, proved by an identity provider |
//! | [`oauth`] | the protocol of an OpenID provider: requests, codes, errors as values |
//! | [`cluster`] | the Kubernetes API server: how it is connected to, what logins ask of it, what decides at this moment |
//! | [`peers`] | how the processes that serve one realm ask each other for what one of them keeps |
//! | [`service`] | the use cases, without HTTP: logins and refreshes, groups, users |
//! | [`web`] | HTTP plumbing: connections, limits, timeouts, TLS, the admin port |
//! | [`server`] | the HTTP API |
//! | [`sidecar`] | the proxy and the check in front of an application, which log people in for it |
//! | [`webhook`] | what users of the realm write with `kubectl`, judged before it is stored |
//! | [`controller`] | the one that brings custom resources to what they ask for |
//! | [`install`] | what is applied to a cluster for a realm: the policy, roles, accounts |
//! | [`telemetry`] | the log and the metrics |
//! | [`cli`] | the command line, and how all of this is put together |

// What nobody outside of the crate can reach is not `pub`, and a function fits a screen (.clippy.toml says how many lines). Tests
// are asked neither: what they share is compiled into each of them, and a table of cases may be long.
#![cfg_attr(not(test), warn(unreachable_pub, clippy::too_many_lines))]

pub mod cli;
pub mod cluster;
pub mod controller;
pub mod domain;
pub mod files;
pub mod idp;
pub mod import;
pub mod index;
pub mod install;
pub mod jose;
pub mod keys;
pub mod manifests;
pub mod oauth;
pub mod objects;
pub mod outbound;
pub mod peers;
pub mod relying;
pub mod resources;
pub mod server;
pub mod service;
pub mod settings;
pub mod sidecar;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod webhook;
