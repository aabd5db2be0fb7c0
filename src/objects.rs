//! What a set of Groups, Memberships and Users means.
//!
//! Must not know how users are held, a client, or a clock.

#[cfg(test)]
mod tests;
