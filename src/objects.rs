//! What a set of Groups, Memberships and Users means: which Group an object belongs to ([`owner`]), whether a creator is
//! enrolled ([`enrolment`]), what is in effect ([`effect`]), what a few objects mean for one user ([`excerpt`]), what the policy
//! must allow for one to be written or deleted ([`demand`]), who is left on the root staff ([`root_staff`]), what is
//! written so that users are called otherwise ([`rename`]), and what of them is carried elsewhere ([`backup`]). What becomes of OAuthClients says [`client`].
//! Which User object is our own, says [`statement`].
//!
//! The store's index and the controller hold the objects each in their own way, and ask the same questions here: what
//! `kubectl` shows and what tokens say cannot disagree. Must not know how users are held, a client, or a clock.

pub mod backup;
pub mod client;
pub mod demand;
pub mod effect;
pub mod enrolment;
pub mod excerpt;
pub mod owner;
pub mod rename;
pub mod root_staff;
pub mod statement;

#[cfg(test)]
mod tests;
