//! What a settings file means, in plain words.
//!
//! Must not show a secret.

use std::fmt::{self, Display};
use std::time::Duration;

use super::clients::Application;
use super::{
    ClientProof, Cluster, Dialect, GroupRule, IdentityProvider, Kisee, Kubernetes, Ldap,
    LdapGroups, LdapSecurity, Limits, LogFormat, Mapping, Nesting, OAuth1, OAuth2, Offline, Oidc,
    Outbound, Pasee, PassedClaim, Peers, Pkce, Protocol, ProxyChoice, RequiredClaim, ResponseMode,
    SecretUse, Settings, Storage, Tls, Transport, Webhook,
};
use crate::domain::evidence::Fact;
use crate::domain::token::Lifetimes;
use crate::domain::user::ProviderName;
use crate::jose::issuer::{TenantId, TrustedIssuer};

impl Settings {
    /// The settings in plain words, defaults included, for `pasee check`: one thing a line.
    #[must_use]
    pub fn explain(&self) -> impl Display + '_ {
        fmt::from_fn(move |f| {
            writeln!(f, "{} is right. It means:", self.file.display())?;
            self.explain_listening(f)?;
            self.explain_tokens(f)?;
            self.explain_storage(f)?;
            self.explain_webhook(f)?;
            self.explain_logins(f)?;
            self.explain_openid(f)?;
            self.clients.iter().try_for_each(|client| writeln!(f, "- {}", Application(client)))?;
            self.explain_calls(f)?;
            let format = match self.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "JSON",
            };
            writeln!(f, "- Logs as {format}, level {}.", self.log.level)
        })
    }

    fn explain_listening(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        match &self.tls {
            Some(tls) => writeln!(
                f,
                "- Listens on {host} port {port}, with TLS: certificate {}, key {}.",
                tls.certificate.display(),
                tls.key.display()
            )?,
            None => writeln!(f, "- Listens on {host} port {port}, without TLS.")?,
        }
        writeln!(f, "- URLs in documents start with {}.", self.hostname)?;
        if !self.hostname.path().is_empty() {
            writeln!(
                f,
                "- Takes requests below {} alone: a proxy in front of it passes paths on as they are, and takes nothing off.",
                self.hostname.path()
            )?;
        }
        match self.admin {
            Some(address) => writeln!(f, "- Serves probes and metrics on {address}.")?,
            None => writeln!(f, "- Serves no probes and metrics: there is no [admin].")?,
        }
        if let Some(Peers { listen, advertise, discover }) = &self.peers {
            let places: Vec<String> = discover.iter().map(ToString::to_string).collect();
            write!(f, "- Asks the servers at {}, and answers them on {listen}", places.join(", "))?;
            match advertise {
                Some(address) => writeln!(f, ", which is {address} to them.")?,
                None => writeln!(f, ".")?,
            }
        }
        match self.allowed_origins.as_slice() {
            [] => writeln!(f, "- Lets no web page of another origin call it."),
            [any] if any == "*" => writeln!(f, "- Lets web pages of every origin call it."),
            origins => writeln!(f, "- Lets web pages of {} call it.", origins.join(", ")),
        }
    }

    fn explain_tokens(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jwt = &self.jwt;
        write!(f, "- Issues tokens as {}", jwt.issuer.as_str())?;
        write!(f, ", for itself")?;
        for audience in &jwt.audiences {
            write!(f, " and {}", audience.as_str())?;
        }
        writeln!(f, " (aud).")?;
        writeln!(
            f,
            "- Access tokens last {}, refresh tokens {}, sessions {}, in a browser {}.",
            length(jwt.lifetimes.access),
            length(jwt.lifetimes.refresh),
            length(jwt.lifetimes.session),
            length(jwt.lifetimes.browser)
        )?;
        writeln!(
            f,
            "- Access tokens have at most {} bytes; groups there is no room for are left out.",
            jwt.max_token_length
        )?;
        match &self.keys.private {
            Some(key) => {
                let (algorithm, id) = (key.algorithm(), key.public().id());
                writeln!(
                    f,
                    "- Signs {algorithm} with the key {id}; refresh tokens hang on it too."
                )?;
                if let Some(caveat) = algorithm.caveat() {
                    writeln!(f, "- Is understood by some only: {caveat}.")?;
                }
            }
            None => writeln!(
                f,
                "- Signs with the key in {}; a new one (ES256) is made at the first start.",
                self.data_dir.join("private_key.pem").display()
            )?,
        }
        self.keys.retired.iter().try_for_each(|key| {
            writeln!(f, "- Still believes the retired {} key {}.", key.algorithm(), key.id())
        })?;
        self.keys.former_secrets.iter().try_for_each(|secret| {
            writeln!(f, "- Still believes refresh tokens under the former secret {}.", secret.id())
        })
    }

    fn explain_storage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.storage {
            Storage::Embedded(file) => {
                writeln!(f, "- Keeps groups in the SQLite file {}.", file.display())
            }
            Storage::Memory => writeln!(f, "- Keeps groups in memory; all is lost at exit."),
            Storage::Kubernetes(Cluster { namespace, kubeconfig, max_staleness }) => {
                let namespace = namespace.as_ref().map(|name| format!("the namespace {name}"));
                let namespace = namespace.as_deref().unwrap_or("its own namespace");
                write!(f, "- Keeps groups in Kubernetes, as objects in {namespace}")?;
                if let Some(file) = kubeconfig {
                    write!(f, ", reached by {}", file.display())?;
                }
                match max_staleness {
                    Some(most) => writeln!(
                        f,
                        "; issues no tokens by what is older than {} s.",
                        most.as_secs()
                    ),
                    None => writeln!(f, "; issues tokens by what is known, however old."),
                }
            }
        }
    }

    fn explain_webhook(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Webhook { host, port, username_prefix, certified }) = &self.webhook else {
            return Ok(());
        };
        write!(
            f,
            "- Judges for the API server, on {host} port {port}, what users called {username_prefix}… write; "
        )?;
        match certified {
            Some(Tls { certificate, key }) => {
                writeln!(f, "certificate {}, key {}.", certificate.display(), key.display())
            }
            None => writeln!(f, "the controller makes its certificate."),
        }
    }

    fn explain_logins(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for provider in &self.identity_providers {
            writeln!(f, "- {}", Described(provider))?;
            if provider.enabled {
                writeln!(f, "- {}", Departing(provider, self.jwt.lifetimes))?;
                self.explain_return(provider, f)?;
            }
        }
        if !self.identity_providers.iter().any(|provider| provider.enabled) {
            writeln!(f, "- Nobody can log in: no [[identity_providers]] is offered.")?;
        }
        explain_limits(&self.limits, f)
    }

    /// What is registered at a provider that browsers are sent to.
    fn explain_return(
        &self,
        provider: &IdentityProvider,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let Some(callback) = provider.protocol.callback() else { return Ok(()) };
        let name = &provider.name;
        let place = callback.registered(&self.hostname, name);
        write!(f, "- Browsers come back from {name} to {place}: register that there")?;
        match callback.response_mode {
            ResponseMode::Query => writeln!(f, "."),
            ResponseMode::FormPost => writeln!(f, "; they bring its answer in a form."),
        }
    }

    fn explain_calls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outbound { proxy, no_proxy, ca_file } = &self.outbound;
        match proxy {
            ProxyChoice::Unsaid => {}
            ProxyChoice::Never => writeln!(
                f,
                "- Calls identity providers through no proxy, whatever the environment says."
            )?,
            ProxyChoice::Through(proxy) => {
                writeln!(f, "- Calls identity providers through the proxy {proxy}.")?;
            }
        }
        if let Some(list) = no_proxy {
            let list = if list.is_empty() { "nothing more".to_owned() } else { list.join(", ") };
            writeln!(f, "- Calls this machine directly, whatever the proxy, and {list}.")?;
        }
        match ca_file {
            None => Ok(()),
            Some(file) => writeln!(
                f,
                "- Believes all identity providers and proxies also by the authorities in {}.",
                file.display()
            ),
        }
    }
}

/// A provider in one sentence.
struct Described<'a>(&'a IdentityProvider);

impl Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(provider) = self;
        let name = &provider.name;
        if !provider.enabled {
            return write!(f, "Leaves {name} out: enabled = false.");
        }
        match &provider.protocol {
            Protocol::Kisee(kisee) => {
                write!(f, "Users {name}-… log in through the Kisee at {}", Asked(kisee))?;
            }
            Protocol::Local(local) => {
                let users = count(local.users.len(), "user");
                write!(f, "Users {name}-… log in with a password of this file: {users}")?;
            }
            Protocol::OAuth1(asked) => {
                let OAuth1 { authorize_url, consumer_key, .. } = asked;
                write!(
                    f,
                    "Users {name}-… log in in a browser at {authorize_url} with OAuth 1.0a, for {consumer_key}"
                )?;
            }
            Protocol::OAuth2(asked) => {
                write!(f, "Users {name}-… log in in a browser at {}", Visited(asked))?
            }
            Protocol::Oidc(oidc) => {
                write!(f, "Users {name}-… log in through the OpenID provider {}", Trusted(oidc))?;
            }
            Protocol::Pasee(pasee) => {
                write!(f, "Users {name}-… log in through the Pasee at {}", Peered(pasee))?;
            }
            Protocol::Kubernetes(kubernetes) => {
                write!(f, "Users {name}-… are ServiceAccounts {}", Reviewed(kubernetes))?;
            }
            Protocol::Ldap(ldap) => {
                write!(f, "Users {name}-… log in through the LDAP directory {}", LookedUp(ldap))?;
            }
        }
        match provider.proxy() {
            ProxyChoice::Unsaid => {}
            ProxyChoice::Never => f.write_str("; called through no proxy")?,
            ProxyChoice::Through(proxy) => write!(f, "; called through the proxy {proxy}")?,
        }
        if provider.registers_users {
            f.write_str("; new users register there")?;
        }
        write!(f, "{}.", Mapped(&provider.mapping))
    }
}

/// How long somebody who is disabled at a provider goes on.
struct Departing<'a>(&'a IdentityProvider, Lifetimes);

impl Display for Departing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(provider, lifetimes) = *self;
        let (name, departure) = (&provider.name, provider.departure);
        let session = length(departure.session(lifetimes));
        let longest = length(departure.longest(lifetimes));
        write!(
            f,
            "Whoever is disabled at {name} goes on for {longest} at most: sessions last {session}"
        )?;
        match departure.recheck {
            Some(recheck) => {
                write!(f, ", and it is asked about who refreshes every {}.", length(recheck))
            }
            None => f.write_str("."),
        }
    }
}

/// What becomes of what a provider says.
struct Mapped<'a>(&'a Mapping);

impl Display for Mapped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mapping) = self;
        if let Some(subjects) = &mapping.allowed_subjects {
            write!(f, "; only {} may", count(subjects.len(), "listed user"))?;
        }
        for RequiredClaim { any_of, .. } in &mapping.required_claims {
            let facts: Vec<&str> = any_of.iter().map(Fact::as_str).collect();
            write!(f, "; it must say {}", facts.join(" or "))?;
        }
        let claims: Vec<String> = mapping.claims.iter().map(spelled).collect();
        match claims.as_slice() {
            [] => f.write_str("; none of its claims pass")?,
            claims => write!(f, "; of its claims pass {}", claims.join(", "))?,
        }
        for GroupRule { fact, group, .. } in &mapping.groups {
            write!(f, "; {fact} adds the group {group} for {}", length(mapping.group_lifetime))?;
        }
        Ok(())
    }
}

fn spelled(PassedClaim { name, source }: &PassedClaim) -> String {
    if name.as_str() == source.as_str() {
        name.to_string()
    } else {
        format!("{} as {name}", source.as_str())
    }
}

/// Where an OAuth 2.0 provider is, and what it is asked.
struct Visited<'a>(&'a OAuth2);

impl Display for Visited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(asked) = self;
        write!(f, "{}, for {}", asked.authorization_url, asked.client_id)?;
        write!(f, "; {} says who they are, in {}", asked.user_info_url, asked.subject.as_str())?;
        if asked.pkce == Pkce::Off {
            f.write_str("; without PKCE")?;
        }
        if asked.transport == Transport::Clear {
            f.write_str("; it may be called in the clear")?;
        }
        if let Dialect::GitHub { organizations, teams } = asked.dialect {
            let lists = [(organizations, "organizations"), (teams, "teams")];
            for (_, list) in lists.iter().filter(|(is_asked, _)| *is_asked) {
                write!(f, "; also asked for {list}")?;
            }
        }
        if asked.dialect == (Dialect::GitLab { groups: true }) {
            f.write_str("; also asked for groups")?;
        }
        Ok(())
    }
}

/// How a Kisee is asked and believed.
struct Asked<'a>(&'a Kisee);

impl Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kisee) = self;
        let keys = count(kisee.public_keys.len(), "public key");
        write!(f, "{}, believed with {keys}", kisee.endpoint)?;
        if let Some(issuer) = &kisee.issuer {
            write!(f, " and issuer {issuer:?}")?;
        }
        if let Some(file) = &kisee.ca_file {
            write!(f, ", authorities also from {}", file.display())?;
        }
        write!(f, ", given {} to answer", length(kisee.timeout))
    }
}

/// How an OpenID provider is asked and believed.
struct Trusted<'a>(&'a Oidc);

impl Display for Trusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(oidc) = self;
        let kind = match &oidc.client_proof {
            ClientProof::Nothing => "without a secret",
            ClientProof::Secret { how: Some(SecretUse::Mac), .. } => {
                "with a secret that is never sent"
            }
            ClientProof::Secret { .. } => "with a secret",
            ClientProof::Key(_) => "with a key",
            ClientProof::Apple { .. } => "with a key that signs its secrets",
        };
        let algorithms: Vec<String> = oidc.algorithms.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} as the client {} {kind}, which asks for {}, knows users by {} and believes {}",
            oidc.issuer.as_str(),
            oidc.client_id,
            oidc.scopes.join(", "),
            oidc.subject_claim,
            algorithms.join(", ")
        )?;
        if let Some(file) = &oidc.ca_file {
            write!(f, ", authorities also from {}", file.display())?;
        }
        write!(f, ", given {} to answer", length(oidc.timeout))?;
        if let TrustedIssuer::Tenants { tenants, .. } = &oidc.issuer {
            let tenants: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
            write!(f, "; the users of its tenants {} log in", tenants.join(", "))?;
        }
        if oidc.transport == Transport::Clear {
            f.write_str("; it may be called in the clear")?;
        }
        if oidc.user_info {
            f.write_str("; its UserInfo is read too")?;
        }
        match oidc.max_age {
            Some(age) => write!(f, "; they have logged in there at most {} ago", length(age)),
            None => Ok(()),
        }
    }
}

/// How another Pasee is asked and believed.
struct Peered<'a>(&'a Pasee);

impl Display for Peered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(pasee) = self;
        write!(f, "{}, believed with ", pasee.endpoint)?;
        match &pasee.public_keys {
            Some(keys) => f.write_str(&count(keys.len(), "public key"))?,
            None => f.write_str("the keys it publishes")?,
        }
        write!(f, " and issuer {:?}", pasee.issuer.as_str())?;
        if let Some(audience) = &pasee.audience {
            write!(f, " for {:?}", audience.as_str())?;
        }
        let providers: Vec<&str> = pasee.providers.iter().map(ProviderName::as_str).collect();
        write!(f, ", users of its {}", providers.join(", "))?;
        match &pasee.idp {
            Some(idp) => write!(f, ", with its token or with a password of its {}", idp.as_str())?,
            None => f.write_str(", with its token")?,
        }
        if let Some(file) = &pasee.ca_file {
            write!(f, ", authorities also from {}", file.display())?;
        }
        write!(f, ", given {} to answer", length(pasee.timeout))
    }
}

/// How a cluster's tokens are believed.
struct Reviewed<'a>(&'a Kubernetes);

impl Display for Reviewed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kubernetes) = self;
        write!(f, "with a token for {:?}", kubernetes.audience.as_str())?;
        match kubernetes.offline {
            Offline::No => f.write_str(", which the Kubernetes API server reviews")?,
            Offline::Yes => f.write_str(", believed with the keys that the cluster publishes")?,
        }
        if let Some(file) = &kubernetes.kubeconfig {
            write!(f, ", reached by {}", file.display())?;
        }
        write!(f, ", given {} to answer", length(kubernetes.timeout))
    }
}

/// How a directory is asked.
struct LookedUp<'a>(&'a Ldap);

impl Display for LookedUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ldap) = self;
        write!(f, "{}", ldap.place)?;
        f.write_str(match ldap.place.security {
            LdapSecurity::Tls => "",
            LdapSecurity::StartTls => " with StartTLS",
            LdapSecurity::Nothing => " IN THE CLEAR",
        })?;
        match &ldap.account {
            Some(account) => write!(f, " as {}", account.dn)?,
            None => f.write_str(" as nobody in particular")?,
        }
        write!(
            f,
            ", found below {} by {} and known by {}",
            ldap.base,
            ldap.filter.as_str(),
            ldap.subject
        )?;
        if let Some(groups) = &ldap.groups {
            write!(f, "; their groups are {}", Grouped(groups))?;
        }
        if let Some(file) = &ldap.ca_file {
            write!(f, ", authorities also from {}", file.display())?;
        }
        write!(f, ", given {} to answer", length(ldap.timeout))
    }
}

/// How a directory's groups are found.
struct Grouped<'a>(&'a LdapGroups);

impl Display for Grouped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nesting = match self.0 {
            LdapGroups::Listed { attribute, nesting } => {
                write!(f, "what {attribute} lists")?;
                nesting
            }
            LdapGroups::Searched { base, filter, name, nesting } => {
                let name = name.as_deref().unwrap_or("the names");
                write!(f, "{name} of what {} finds below {base}", filter.as_str())?;
                nesting
            }
        };
        f.write_str(if *nesting == Nesting::Followed { ", and the groups of those" } else { "" })
    }
}

fn explain_limits(limits: &Limits, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let attempts = |most: u32| match most {
        0 => "any number of wrong login attempts".to_owned(),
        most => count(most as usize, "wrong login attempt"),
    };
    writeln!(
        f,
        "- Takes {} a minute for one user from one address, {} from one address, {} at once, {} of one address; {} may wait at /revocations.",
        attempts(limits.login_attempts_per_user),
        attempts(limits.login_attempts_per_address),
        count(limits.max_connections, "connection"),
        limits.max_connections_per_address,
        limits.max_waiting
    )?;
    let most = |most: Option<u64>, what: &str| match most {
        None => format!("any number of {what}s"),
        Some(most) => count(usize::try_from(most).unwrap_or(usize::MAX), what),
    };
    let changes = Some(u64::from(limits.changes_per_user)).filter(|most| *most > 0);
    writeln!(
        f,
        "- Takes {} a minute by one user, root staff aside, who may have made {} and {}.",
        most(changes, "change"),
        most(limits.bounds.groups, "group"),
        most(limits.bounds.memberships, "membership"),
    )?;
    match limits.trusted_proxies.as_slice() {
        [] => writeln!(f, "- Believes nobody's X-Forwarded-For."),
        proxies => {
            let proxies: Vec<String> = proxies.iter().map(ToString::to_string).collect();
            writeln!(f, "- Believes the X-Forwarded-For of {}.", proxies.join(", "))
        }
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The length in the largest unit that divides it.
fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let whole = |unit: &(u64, &str)| seconds >= unit.0 && seconds.is_multiple_of(unit.0);
    let (unit, name) = [(86_400, "day"), (3600, "hour"), (60, "minute")]
        .into_iter()
        .find(whole)
        .unwrap_or((1, "second"));
    format!("{} {name}{}", seconds / unit, if seconds == unit { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_well() {
        for (seconds, text) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (90, "90 seconds"),
            (900, "15 minutes"),
            (3600, "1 hour"),
            (86_400, "1 day"),
            (90_000, "25 hours"),
            (30 * 86_400, "30 days"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
    }
}
