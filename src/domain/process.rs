//! Which of the processes that serve one realm is meant.
//!
//! Must not know what a process keeps, nor how it is reached.

/// What names a process: random at its start. A name and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId([u8; Self::LENGTH]);

impl ProcessId {
    /// Length of a name, in bytes.
    pub const LENGTH: usize = 8;

    /// A name from random bits.
    #[must_use]
    pub const fn new(random: [u8; Self::LENGTH]) -> Self {
        Self(random)
    }

    /// The name as bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; Self::LENGTH] {
        self.0
    }
}
