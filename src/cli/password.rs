//! How a password comes in: typed, unseen, or as the first line of standard input; never by the command line, where others could
//! see it.
//!
//! Must not know what it is for.

use std::io::{BufRead, BufReader, IsTerminal, Read};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

/// Longest password, in bytes.
pub(super) const MAX_PASSWORD: usize = 1024;

/// One password, asked for in these words where somebody types.
pub(super) fn one(prompt: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let is_typed = std::io::stdin().is_terminal();
    let password = if is_typed { typed(prompt)? } else { read(std::io::stdin())? };
    checked(password)
}

/// A new password: where somebody types, twice.
pub(super) fn new() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if !std::io::stdin().is_terminal() {
        return checked(read(std::io::stdin())?);
    }
    let (password, again) = (typed("Password: ")?, typed("Again: ")?);
    if password != again {
        bail!("the two differ; type the same password twice");
    }
    checked(password)
}

fn checked(password: Zeroizing<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    match password.len() {
        0 => bail!("the password is empty; a right one has 1 to {MAX_PASSWORD} bytes"),
        1..=MAX_PASSWORD => {}
        _ => bail!("the password is too long; a right one has 1 to {MAX_PASSWORD} bytes"),
    }
    if str::from_utf8(&password).is_err() {
        bail!("the password is not UTF-8, as it has to be to log in");
    }
    Ok(password)
}

fn typed(prompt: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let password = rpassword::prompt_password(prompt).context("the terminal cannot be read")?;
    Ok(Zeroizing::new(password.into_bytes()))
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
