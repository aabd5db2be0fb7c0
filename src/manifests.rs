//! A realm as manifests: what they ask of it ([`Wanted`]), what is to be changed for that ([`plan()`]), and the manifests
//! that say what a realm holds ([`group()`], [`Filling`], [`user()`]).
//!
//! Must not know files, nor where the realm lives: what there is comes in as a directory, and changes come out.

mod plan;
mod wanted;
mod written;

pub use plan::{Lack, Outcome, Plan, Pruned, Rest, RootStaff, plan};
pub use wanted::{Clash, Kind, Named, Place, Wanted, Wrong};
pub use written::{Filling, Keeper, group, user};
