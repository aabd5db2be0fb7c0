//! One thing that is wrong, odd or unsafe in a settings file: what it is, where it stands, and what would be right.
//!
//! Must not know how it was found.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::Deref;

/// What kinds there are, as `pasee check --output json` names them. They stay as they are.
pub mod code {
    /// The file is no TOML.
    pub const NOT_TOML: &str = "not-toml";
    /// A key that nothing reads.
    pub const UNKNOWN_KEY: &str = "unknown-key";
    /// A key that has to be there.
    pub const MISSING_KEY: &str = "missing-key";
    /// A value that cannot be used.
    pub const WRONG_VALUE: &str = "wrong-value";
    /// A value that can be used, and is not what most want.
    pub const ODD_VALUE: &str = "odd-value";
    /// Other users of the machine may read or change the file.
    pub const OPEN_SETTINGS: &str = "open-settings";
    /// Users of the example, whose passwords are public, where others can reach them.
    pub const DEMO_PASSWORDS: &str = "demo-passwords";
    /// Tokens are for no application.
    pub const NO_AUDIENCE: &str = "no-audience";
    /// Nobody finds keys by the issuer.
    pub const ISSUER_NO_URL: &str = "issuer-no-url";
    /// The issuer is a URL, and not this Pasee's.
    pub const ISSUER_ELSEWHERE: &str = "issuer-elsewhere";
    /// No application finds the provider that the clients are of.
    pub const CLIENTS_UNFOUND: &str = "clients-unfound";
    /// An application may act for its users at Pasee itself.
    pub const CLIENT_ACTS: &str = "client-acts";
    /// An application gets ID tokens by another algorithm than it asks for.
    pub const OTHER_ALGORITHM: &str = "other-algorithm";
    /// Several servers may run, and do not know each other.
    pub const NO_PEERS: &str = "no-peers";
    /// Few programs verify the tokens.
    pub const RARE_ALGORITHM: &str = "rare-algorithm";
    /// Passwords and tokens go through the network for everybody to read.
    pub const PLAIN_HTTP: &str = "plain-http";
    /// People are sent to their own machine.
    pub const HOSTNAME_HERE: &str = "hostname-here";
    /// Nobody can log in.
    pub const NO_PROVIDER: &str = "no-provider";
    /// Anybody may say which address they come from.
    pub const TRUSTS_ANYBODY: &str = "trusts-anybody";
    /// Passwords may be guessed without end.
    pub const NO_LIMIT: &str = "no-limit";
}

/// One remark. It reads as one line: `FILE:LINE: KEY: MESSAGE`; never shows a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    code: &'static str,
    line: Option<usize>,
    key: String,
    message: String,
    /// All of it.
    text: String,
}

impl Remark {
    /// About a key, or with an empty one about the file.
    pub(super) fn new(
        file: &str,
        code: &'static str,
        line: Option<usize>,
        key: &str,
        message: impl Display,
    ) -> Self {
        let message = message.to_string();
        let place = line.map(|line| format!(":{line}")).unwrap_or_default();
        let about = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let text = format!("{file}{place}: {about}{message}");
        Self { code, line, key: key.to_owned(), message, text }
    }

    /// Which kind it is, one of [`code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The line of the file, from 1, where it is of one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The key it is about, such as `jwt.iss`, where it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        Some(self.key.as_str()).filter(|key| !key.is_empty())
    }

    /// What is said, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl Deref for Remark {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq<&str> for Remark {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

/// Everything that is wrong in a file, in its order; one or more. Reads as one line each.
#[derive(Clone, Debug)]
pub struct Mistakes {
    file: String,
    listed: Vec<Remark>,
    more: usize,
}

impl Mistakes {
    pub(super) fn new(file: &str, listed: Vec<Remark>, more: usize) -> Self {
        Self { file: file.to_owned(), listed, more }
    }

    /// The first hundred.
    #[must_use]
    pub fn listed(&self) -> &[Remark] {
        &self.listed
    }
}

impl Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, remark) in self.listed.iter().enumerate() {
            let before = if place > 0 { "\n" } else { "" };
            write!(f, "{before}{remark}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} mistakes more", self.file),
        }
    }
}

/// In which line each key stands that was read.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<String, usize>);

impl Places {
    pub(super) fn new(lines: BTreeMap<String, usize>) -> Self {
        Self(lines)
    }

    /// The line of a key by its path, such as `identity_providers[0].settings.ca_file`, or of the nearest table around it.
    #[must_use]
    pub fn line_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return Some(*line);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}
