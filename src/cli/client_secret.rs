//! `pasee client-secret`: a secret for an application, and the hash that the settings or an OAuthClient keep of it.
//!
//! Both are printed and kept nowhere. Must not know which application it is for.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::print;
use crate::domain::client::SecretHash;

/// Random bytes in a secret: nobody finds 256 bits from their hash.
const BYTES: usize = 32;

pub(super) fn run() -> anyhow::Result<()> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(&mut *bytes).context("the system gives no random numbers")?;
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
    print(format_args!("secret: {}\nhash: {}\n", *secret, SecretHash::of(&secret)))
}
