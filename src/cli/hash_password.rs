//! `pasee hash-password`: what a local user's `password_hash` in the settings file is.
//!
//! The password comes from the terminal, unseen, or from standard input; never from the command line, where others
//! could see it.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, bail};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::print;

/// OWASP's first choice of Argon2id: 19 MiB, 2 passes, 1 lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Longest password, in bytes.
const MAX_PASSWORD: usize = 1024;

pub fn run() -> anyhow::Result<()> {
    let password = read()?;
    if !(1..=MAX_PASSWORD).contains(&password.len()) {
        bail!("a password has 1 to {MAX_PASSWORD} bytes");
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("the system gives no random numbers")?;
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).context("no cost to hash with")?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2
        .hash_password_with_salt(password.as_bytes(), &salt)
        .context("the password cannot be hashed")?;
    print(format_args!("{hash}\n"))
}

fn read() -> anyhow::Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        let password = Zeroizing::new(rpassword::prompt_password("Password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
        if password != again {
            bail!("the two differ");
        }
        return Ok(password);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}
