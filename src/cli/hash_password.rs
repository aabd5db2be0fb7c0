//! `pasee hash-password`: what a local user's `password_hash` in the settings file is.

use anyhow::Context;
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use super::{password, print};

/// OWASP's first choice of Argon2id: 19 MiB, 2 passes, 1 lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

pub(super) fn run() -> anyhow::Result<()> {
    let password = password::new()?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("the system gives no random numbers")?;
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).context("no cost to hash with")?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2
        .hash_password_with_salt(&password, &salt)
        .context("the password cannot be hashed")?;
    print(format_args!("{hash}\n"))
}
