//! What a settings file means, in plain words.
//!
//! Must not show a secret.

use std::fmt::{self, Display};

use super::{IdentityProvider, Limits, Protocol, Settings, Storage};

impl Settings {
    /// The settings in plain words, for `pasee check`.
    #[must_use]
    pub fn explain(&self) -> impl Display + '_ {
        fmt::from_fn(move |f| self.write_explanation(f))
    }

    fn write_explanation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is right. It means:", self.file.display())?;
        let tls = if self.tls.is_some() { "with TLS" } else { "without TLS" };
        writeln!(
            f,
            "- Listens on {} port {}, {tls}; URLs in documents start with {}.",
            self.host, self.port, self.hostname
        )?;
        if let Some(address) = self.admin {
            writeln!(f, "- Serves probes and metrics on {address}.")?;
        }
        match &self.keys.private {
            Some(key) => {
                writeln!(f, "- Signs {} with the key {}.", key.algorithm(), key.public().id())?
            }
            None => writeln!(
                f,
                "- Signs ES256 with a key that is made at the first start and kept in {}.",
                self.data_dir.display()
            )?,
        }
        for key in &self.keys.retired {
            writeln!(f, "- Still believes the {} key {}.", key.algorithm(), key.id())?;
        }
        let lifetimes = &self.jwt.lifetimes;
        let audience = self
            .jwt
            .audience
            .as_ref()
            .map(|audience| format!(" for {}", audience.as_str()))
            .unwrap_or_default();
        writeln!(
            f,
            "- Issues tokens as {}{audience}: access tokens for {}, refresh tokens for {}, sessions for {}.",
            self.jwt.issuer.as_str(),
            length(lifetimes.access),
            length(lifetimes.refresh),
            length(lifetimes.session)
        )?;
        match &self.storage {
            Storage::Embedded(file) => {
                writeln!(f, "- Keeps groups in the SQLite file {}.", file.display())?
            }
            Storage::Memory => writeln!(f, "- Keeps groups in memory; all is lost at exit.")?,
        }
        if self.identity_providers.is_empty() {
            writeln!(f, "- Nobody can log in: there is no [[identity_providers]].")?;
        }
        for provider in &self.identity_providers {
            writeln!(f, "- {}", describe(provider))?;
        }
        if !self.allowed_origins.is_empty() {
            writeln!(f, "- Lets web pages of {} call it.", self.allowed_origins.join(", "))?;
        }
        writeln!(f, "- {}", limits(&self.limits))?;
        for warning in &self.warnings {
            writeln!(f, "Warning: {warning}")?;
        }
        Ok(())
    }
}

fn length(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(86400, "day"), (3600, "hour"), (60, "minute")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            let plural = if seconds == unit { "" } else { "s" };
            return format!("{} {name}{plural}", seconds / unit);
        }
    }
    format!("{seconds} seconds")
}

fn describe(provider: &IdentityProvider) -> String {
    let name = &provider.name;
    let mut text = match &provider.protocol {
        _ if !provider.enabled => return format!("Leaves {name} out: enabled = false."),
        Protocol::Kisee(kisee) => {
            let keys = kisee.public_keys.len();
            let plural = if keys == 1 { "" } else { "s" };
            format!(
                "Users {name}-… log in through the Kisee at {}, believed with {keys} public key{plural}",
                kisee.endpoint
            )
        }
        Protocol::Local(local) => {
            let plural = if local.users.len() == 1 { "" } else { "s" };
            format!(
                "Users {name}-… log in with a password of this file: {} user{plural}",
                local.users.len()
            )
        }
        Protocol::NotYet(protocol) => {
            return format!("Leaves {name} out: this version does not speak {protocol}.");
        }
    };
    if provider.registers_users {
        text.push_str("; new users register there");
    }
    if !provider.claims.is_empty() {
        let claims: Vec<&str> = provider.claims.iter().map(|claim| claim.as_str()).collect();
        text.push_str("; its claims pass: ");
        text.push_str(&claims.join(", "));
    }
    text + "."
}

fn limits(limits: &Limits) -> String {
    let attempts =
        |number: u32| if number == 0 { "any number of".to_owned() } else { number.to_string() };
    let proxies: Vec<String> = limits.trusted_proxies.iter().map(ToString::to_string).collect();
    let proxies = if proxies.is_empty() { "nobody".to_owned() } else { proxies.join(", ") };
    format!(
        "Takes {} login attempts a minute for one user, {} from one address, {} connections at once; believes {proxies} \
         on whom it forwards for.",
        attempts(limits.login_attempts_per_user),
        attempts(limits.login_attempts_per_address),
        limits.max_connections
    )
}
