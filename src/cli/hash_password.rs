//! `pasee hash-password`: what a local user's `password_hash` in the settings file is.
//!
//! The password comes from the terminal, unseen, or from standard input; never from the command line, where others
//! could see it.

use std::io::{BufRead, BufReader, IsTerminal, Read};

use anyhow::{Context, bail};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::print;

/// OWASP's first choice of Argon2id: 19 MiB, 2 passes, 1 lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Longest password, in bytes.
const MAX_PASSWORD: usize = 1024;

pub(super) fn run() -> anyhow::Result<()> {
    let password = if std::io::stdin().is_terminal() { prompt()? } else { read(std::io::stdin())? };
    match password.len() {
        0 => bail!("the password is empty; a right one has 1 to {MAX_PASSWORD} bytes"),
        1..=MAX_PASSWORD => {}
        _ => bail!("the password is too long; a right one has 1 to {MAX_PASSWORD} bytes"),
    }
    if str::from_utf8(&password).is_err() {
        bail!("the password is not UTF-8, as it has to be to log in");
    }
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

fn prompt() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let ask = |prompt| rpassword::prompt_password(prompt).context("the terminal cannot be read");
    let password = Zeroizing::new(ask("Password: ")?.into_bytes());
    let again = Zeroizing::new(ask("Again: ")?.into_bytes());
    if password != again {
        bail!("the two differ; type the same password twice");
    }
    Ok(password)
}

/// The first line, without its end: LF or CR LF.
fn read(input: impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    // Room for the line's end, and one byte that makes a longer password too long.
    let most = MAX_PASSWORD + 3;
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    BufReader::new(input.take(most as u64))
        .read_until(b'\n', &mut line)
        .context("standard input cannot be read")?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    Ok(line)
}
