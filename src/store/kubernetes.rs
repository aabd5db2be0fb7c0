//! The state in Group, Membership and User objects of one Kubernetes namespace, watched into the index.

#![allow(dead_code)]

mod object;
mod state;
