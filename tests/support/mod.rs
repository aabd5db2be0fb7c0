//! What the black-box tests share. Each test takes what it needs and leaves the rest unused.
#![allow(dead_code, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

pub mod authority;
pub mod clock;
pub mod conformance;
pub mod console;
pub mod controller;
pub mod controlplane;
pub mod forge;
pub mod hostile;
pub mod kisee;
pub mod ldap;
pub mod machine;
pub mod mutants;
pub mod oauth;
pub mod openid;
pub mod own_time;
pub mod pasee;
pub mod patience;
pub mod person;
pub mod proxy;
pub mod races;
pub mod raw_server;
pub mod realm;
pub mod schema;
pub mod served;
pub mod session;
pub mod visitor;
pub mod wanderer;
