//! What a server starts with that is unsafe, or does not do what most want of it.
//!
//! What endangers whoever runs it is a warning at each start too; the rest `pasee check` says. Must not touch anything but the
//! settings.

use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::reader::Table;
use super::remark::code;
use super::{Protocol, Settings, Storage, openid};
use crate::domain::client::{Client, IdTokenAlg};
use crate::jose::key::Algorithm;

/// The salts of the users in example-settings.toml, whose passwords stand there.
const DEMO: [&str; 5] = [
    "$y5R+GKIF9P4ZJR2J0RajaA$",
    "$5I36BWF+O84Z7zcb8KrqNA$",
    "$nPKGEQ3fiphruxnbMxpqZQ$",
    "$+TDsBZCl86HYNF02DFrVkQ$",
    "$j+YXgxHp12WNujJPtjovOQ$",
];

/// Where a remark stands: a byte of the file, and the key.
type Place = (usize, String);

pub(super) fn advise(root: &Table<'_>, settings: &Settings) {
    of_hosts(root, settings);
    of_demo_users(root, settings);
    of_tokens(root, settings);
    of_clients(root, settings);
    of_peers(root, settings);
    of_algorithm(root, settings);
    of_limits(root, settings);
    if !settings.identity_providers.iter().any(|provider| provider.enabled) {
        let (at, key) = place(root, &["identity_providers"]);
        let message =
            "nobody can log in, as no provider is offered; a right file has [[identity_providers]]";
        root.report.advise(at, code::NO_PROVIDER, &key, message);
    }
}

/// Where the last of these keys stands, each below the one before; else the table that would have it.
fn place(root: &Table<'_>, keys: &[&'static str]) -> Place {
    let [first, rest @ ..] = keys else { return (root.at, root.key.clone()) };
    let Some(item) = root.get(first) else { return (root.at, root.path(first)) };
    match item.value {
        toml::de::DeValue::Table(_) if !rest.is_empty() => {
            item.table().map_or((item.at, item.key.clone()), |table| place(&table, rest))
        }
        _ => (item.at, item.key.clone()),
    }
}

/// Whether what is sent to a host stays on this machine.
fn stays_here(host: &str) -> bool {
    match Host::parse(host).or_else(|_| Host::parse(&format!("[{host}]"))) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

fn host_of(hostname: &str) -> Option<String> {
    hostname.parse::<Url>().ok()?.host_str().map(str::to_owned)
}

/// Whether others than those on this machine are meant to reach it.
fn is_for_others(settings: &Settings) -> bool {
    let named = host_of(settings.hostname.as_str()).is_some_and(|host| !stays_here(&host));
    named || !stays_here(&settings.host)
}

fn of_hosts(root: &Table<'_>, settings: &Settings) {
    let leads_here = host_of(settings.hostname.as_str()).is_some_and(|host| stays_here(&host));
    let (at, key) = place(root, &["hostname"]);
    if leads_here && !stays_here(&settings.host) {
        let message = format_args!(
            "Pasee listens for other machines, and URLs in its answers start with {}, which leads each of them to itself; a \
             right one is what this Pasee is called, such as \"https://pasee.example.com\"",
            settings.hostname
        );
        root.report.advise(at, code::HOSTNAME_HERE, &key, message);
    } else if !leads_here && !settings.is_https() {
        let message = "passwords and tokens are sent there in the clear, for everybody on the way to read; a right one is \
                       https, with [tls] or with a proxy in front that speaks TLS";
        root.report.advise(at, code::PLAIN_HTTP, &key, message);
    }
}

fn of_demo_users(root: &Table<'_>, settings: &Settings) {
    if !is_for_others(settings) {
        return;
    }
    let tables = root.tables("identity_providers");
    for (table, provider) in tables.iter().zip(&settings.identity_providers) {
        let Protocol::Local(local) = &provider.protocol else { continue };
        let is_demo = |hash: &str| DEMO.iter().any(|salt| hash.contains(salt));
        let demo = local.users.iter().filter(|user| is_demo(user.password_hash.expose_secret()));
        let names: Vec<&str> = demo.map(|user| user.username.as_str()).collect();
        if provider.enabled && !names.is_empty() {
            let message = format_args!(
                "others than this machine can reach this Pasee, and the passwords of {}, users of the example, are public; take \
                 them out, or give them what pasee hash-password prints",
                names.join(", ")
            );
            root.report.warn_of(table.at, code::DEMO_PASSWORDS, &table.key, message);
        }
    }
}

fn of_tokens(root: &Table<'_>, settings: &Settings) {
    let jwt = &settings.jwt;
    if jwt.audiences.is_empty() {
        let (at, key) = place(root, &["jwt", "audience"]);
        let message = "tokens are for this Pasee alone, and an application that takes them can show them here; a right one names \
                       your applications, such as \"https://app.example.com\"";
        root.report.advise(at, code::NO_AUDIENCE, &key, message);
    }
    let issuer = jwt.issuer.as_str();
    let (at, key) = place(root, &["jwt", "iss"]);
    let is_url = issuer.parse::<Url>().is_ok_and(|url| {
        url.scheme() == "https"
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if !is_url {
        let message = "is no https URL, so who finds keys by the issuer finds none, as Kubernetes and OpenID clients do; a right \
                       one is hostname, such as \"https://pasee.example.com\"";
        root.report.advise(at, code::ISSUER_NO_URL, &key, message);
    } else if issuer.trim_end_matches('/') != settings.hostname.as_str() {
        let message = format_args!(
            "is not where this Pasee is ({}), so who looks for keys there finds none, unless you put them there; a right one \
             is hostname",
            settings.hostname
        );
        root.report.advise(at, code::ISSUER_ELSEWHERE, &key, message);
    }
}

/// Applications look for the provider where the issuer's name leads, and compare the name; and what clients may is theirs who run them.
fn of_clients(root: &Table<'_>, settings: &Settings) {
    let Some(item) = root.get("clients") else { return };
    if settings.clients.is_empty() {
        return;
    }
    let obstacles = settings.openid_obstacles();
    if !obstacles.is_empty() {
        let message = format!(
            "nobody can log in to these, as no application finds this Pasee by its issuer: {}",
            openid::told(&obstacles)
        );
        root.report.advise(item.at, code::CLIENTS_UNFOUND, &item.key, message);
    }
    let tables = root.tables("clients");
    for (table, client) in tables.iter().zip(&settings.clients) {
        of_client(table, client, settings);
    }
}

fn of_client(table: &Table<'_>, client: &Client, settings: &Settings) {
    let issuer = settings.jwt.issuer.as_str();
    if client.enabled && client.audiences.iter().any(|audience| audience.as_str() == issuer) {
        let (at, key) = place(table, &["audiences"]);
        let message = "has iss: whoever runs this application can do with the API of Pasee whatever its users may, such as change groups; right \
                       for a tool that does that, and else leave it out";
        table.report.advise(at, code::CLIENT_ACTS, &key, message);
    }
    if let Some(algorithm) = settings.other_id_token_alg(client) {
        let (at, key) = place(table, &["id_token_alg"]);
        let message = format_args!(
            "is {}, and its ID tokens are signed {algorithm}, as private_key is the one key there is: say id_token_alg = \"{algorithm}\" here and to the \
             application, or leave private_key out for keys of both kinds that Pasee makes itself",
            match client.id_token_alg {
                IdTokenAlg::Rs256 => "RS256, which is the default",
                IdTokenAlg::Es256 => "ES256",
            }
        );
        table.report.advise(at, code::OTHER_ALGORITHM, &key, message);
    }
}

/// Where several servers may run, each has to be asked for what it alone keeps.
fn of_peers(root: &Table<'_>, settings: &Settings) {
    let may_be_several = matches!(settings.storage, Storage::Kubernetes(_));
    let is_provider = settings.openid_obstacles().is_empty();
    if !may_be_several || !is_provider || settings.peers.is_some() {
        return;
    }
    let (at, key) = place(root, &["peers"]);
    let message = "several servers may run on these groups, and a code that one of them made is unknown to the others, so that logins of \
                   applications fail now and then; a right file has [peers] with listen and discover, unless there is one server only";
    root.report.advise(at, code::NO_PEERS, &key, message);
}

/// An issuer that is found by its https URL has verifiers that know no secp256k1: API servers, and most libraries.
fn of_algorithm(root: &Table<'_>, settings: &Settings) {
    let Some(key) = &settings.keys.private else { return };
    if key.algorithm() != Algorithm::Es256k {
        return;
    }
    let (at, name) = match root.get("private_key") {
        Some(item) => (item.at, item.key),
        None => place(root, &["private_key_file"]),
    };
    if settings.jwt.issuer.as_str().starts_with("https://") {
        root.report.warn_of(
            at,
            code::RARE_ALGORITHM,
            &name,
            "is a secp256k1 key, which signs ES256K: who finds keys by an https iss, as Kubernetes' API servers do, verifies \
             none of it; pasee keygen makes one for ES256, and retired_keys keeps this one",
        );
    } else if let Some(caveat) = key.algorithm().caveat() {
        root.report.advise(at, code::RARE_ALGORITHM, &name, caveat);
    }
}

fn of_limits(root: &Table<'_>, settings: &Settings) {
    let limits = &settings.limits;
    if limits.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        let (at, key) = place(root, &["limits", "trusted_proxies"]);
        let message = "believes everybody's X-Forwarded-For, so that no limit per address holds; a right one is the network of your \
                       proxies, such as \"10.0.0.0/8\"";
        root.report.warn_of(at, code::TRUSTS_ANYBODY, &key, message);
    }
    for (key, most) in [
        ("login_attempts_per_user", limits.login_attempts_per_user),
        ("login_attempts_per_address", limits.login_attempts_per_address),
    ] {
        if most == 0 {
            let (at, key) = place(root, &["limits", key]);
            let message = "passwords may be guessed without end; a right one is 10 to 1000";
            root.report.advise(at, code::NO_LIMIT, &key, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine() {
        for here in ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "a.localhost"] {
            assert!(stays_here(here), "{here}");
        }
        for elsewhere in ["0.0.0.0", "::", "10.0.0.1", "pasee.example.com", "localhost.example.com"]
        {
            assert!(!stays_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn the_salts_are_those_of_the_example() {
        let example = include_str!("../../example-settings.toml");
        let hashes = example.lines().filter(|line| line.starts_with("password_hash = "));
        let hashes: Vec<&str> = hashes.collect();
        assert_eq!(hashes.len(), DEMO.len());
        for (hash, salt) in hashes.iter().zip(DEMO) {
            assert!(hash.contains(salt), "{hash}");
        }
    }
}
