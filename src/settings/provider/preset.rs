//! What is known of well-known OAuth 2.0 providers, each from its own documentation.
//!
//! Must not read anything but which preset is meant.

use url::{Host, Url};

use super::dialect::{ClientAuth, Dialect};
use super::place::Transport;
use crate::settings::reader::{Item, Table, quoted};

/// A well-known provider.
#[derive(Clone, Debug)]
pub(super) struct Preset {
    pub authorization_url: Url,
    pub token_url: Url,
    pub user_info_url: Url,
    pub scopes: &'static [&'static str],
    pub subject: &'static str,
    pub username: &'static str,
    pub client_auth: ClientAuth,
    pub dialect: Dialect,
}

/// A row of what is known. Places that start with `/` are below the server.
struct Known {
    name: &'static str,
    hosts: &'static [&'static str],
    server: &'static str,
    authorization: &'static str,
    token: &'static str,
    user_info: &'static str,
    scopes: &'static [&'static str],
    subject: &'static str,
    username: &'static str,
    client_auth: ClientAuth,
    dialect: Dialect,
}

/// What the host of a GitHub with data residency ends with.
const GHE: &str = ".ghe.com";
const GITHUB: Dialect = Dialect::GitHub { organizations: false, teams: false };

const KNOWN: [Known; 6] = [
    // docs.x.com, "OAuth 2.0 Authorization Code Flow with PKCE" and "User lookup me": an id is data.id.
    Known {
        name: "twitter",
        hosts: &["twitter.com", "x.com", "api.x.com", "api.twitter.com"],
        server: "https://x.com",
        authorization: "https://x.com/i/oauth2/authorize",
        token: "https://api.x.com/2/oauth2/token",
        user_info: "https://api.x.com/2/users/me",
        scopes: &["tweet.read", "users.read"],
        subject: "/data/id",
        username: "/data/username",
        client_auth: ClientAuth::Basic,
        dialect: Dialect::Plain,
    },
    // docs.github.com, "Authorizing OAuth apps" and "Get the authenticated user": a login can change hands, an id cannot.
    Known {
        name: "github",
        hosts: &["github.com"],
        server: "https://github.com",
        authorization: "/login/oauth/authorize",
        token: "/login/oauth/access_token",
        user_info: "https://api.github.com/user",
        scopes: &[],
        subject: "id",
        username: "login",
        client_auth: ClientAuth::Post,
        dialect: GITHUB,
    },
    // docs.gitlab.com, "OAuth 2.0 identity provider API" and "Users API".
    Known {
        name: "gitlab",
        hosts: &["gitlab.com"],
        server: "https://gitlab.com",
        authorization: "/oauth/authorize",
        token: "/oauth/token",
        user_info: "/api/v4/user",
        scopes: &["read_user"],
        subject: "id",
        username: "username",
        client_auth: ClientAuth::Post,
        dialect: Dialect::GitLab { groups: false },
    },
    // developers.facebook.com, "Manually Build a Login Flow"; ids are scoped to the app.
    Known {
        name: "facebook",
        hosts: &["facebook.com", "www.facebook.com", "graph.facebook.com"],
        server: "https://graph.facebook.com",
        authorization: "https://www.facebook.com/v24.0/dialog/oauth",
        token: "/v24.0/oauth/access_token",
        user_info: "/v24.0/me?fields=id,name",
        scopes: &["public_profile"],
        subject: "id",
        username: "name",
        client_auth: ClientAuth::Post,
        dialect: Dialect::Facebook,
    },
    // developers.google.com, "OpenID Connect": sub is never reused, an address may be.
    Known {
        name: "google",
        hosts: &["google.com", "accounts.google.com"],
        server: "https://accounts.google.com",
        authorization: "/o/oauth2/v2/auth",
        token: "https://oauth2.googleapis.com/token",
        user_info: "https://openidconnect.googleapis.com/v1/userinfo",
        scopes: &["openid", "email", "profile"],
        subject: "sub",
        username: "name",
        client_auth: ClientAuth::Post,
        dialect: Dialect::Plain,
    },
    // Discord's developer documentation, "OAuth2" and "Get Current User": ids are snowflakes, as text.
    Known {
        name: "discord",
        hosts: &["discord.com", "discordapp.com"],
        server: "https://discord.com",
        authorization: "/oauth2/authorize",
        token: "/api/v10/oauth2/token",
        user_info: "/api/v10/users/@me",
        scopes: &["identify"],
        subject: "id",
        username: "username",
        client_auth: ClientAuth::Basic,
        dialect: Dialect::Plain,
    },
];

/// The names of all of them, for messages.
fn names() -> String {
    quoted(KNOWN.iter().map(|known| known.name), "and")
}

/// The preset that `preset`, `host` or both name; `Some(None)` for a provider without one, `None` for a mistake.
pub(super) fn preset(
    table: &Table<'_>,
    settings: &Table<'_>,
    transport: Transport,
) -> Option<Option<Preset>> {
    let port = table.number("port", 1..65536);
    let host = table.text("host");
    let asked = settings.get("preset");
    let server = own_server(table, host.as_ref(), port, transport)?;
    let named = match asked {
        Some(item) => Some(named(&item.text()?)?),
        None => None,
    };
    let by_host = host.as_ref().and_then(|host| {
        let name = host.value.to_ascii_lowercase();
        let name = name.strip_prefix("www.").unwrap_or(&name);
        KNOWN.iter().find(|known| known.hosts.contains(&name))
    });
    let known = match (named, by_host) {
        (None, None) => {
            if let Some(item) = host.as_ref() {
                item.error(format_args!(
                    "is no provider that is known by its host; add preset to its settings, which are {}, or leave host out and \
                     give authorization_url, token_url and user_info_url",
                    names()
                ));
                return None;
            }
            if let Some(item) = table.get("endpoint") {
                item.error("is for a server of one's own of a preset, such as \"gitlab\"; give authorization_url, token_url and user_info_url");
                return None;
            }
            return Some(None);
        }
        (Some(named), None) => return built(named, server).map(Some),
        (None, Some(known)) => known,
        (Some(named), Some(known)) if named.name == known.name => known,
        (Some(_), Some(known)) => {
            settings
                .get("preset")?
                .text()?
                .error(format_args!("is not that of host; a right one is {:?}", known.name));
            return None;
        }
    };
    if let (Some(item), true) = (table.get("port"), port != Some(443)) {
        item.error("is not where this provider is; a right one is 443");
        return None;
    }
    built(known, server.filter(|_| host.is_none())).map(Some)
}

fn named(item: &Item<'_, &str>) -> Option<&'static Known> {
    let known = KNOWN
        .iter()
        .find(|known| known.name == item.value || (item.value == "x" && known.name == "twitter"));
    if known.is_none() {
        item.error(format_args!("is not known; right ones are {}", names()));
    }
    known
}

/// `endpoint`, or what `host` and `port` make: a server of one's own. `None` for a mistake.
fn own_server(
    table: &Table<'_>,
    host: Option<&Item<'_, &str>>,
    port: Option<u64>,
    transport: Transport,
) -> Option<Option<Url>> {
    match (table.get("endpoint"), host) {
        (Some(item), None) if table.get("port").is_none() => {
            let url = super::place::provider_url(&item.text()?, transport)?;
            if url.query().is_some() {
                item.error("has a query; a right one is \"https://gitlab.example.com/\"");
                return None;
            }
            Some(Some(url))
        }
        (Some(item), _) => {
            item.error(
                "stands beside host or port; a right provider has endpoint alone, or host and port",
            );
            None
        }
        (None, Some(item)) => {
            let Ok(host) = Host::parse(item.value) else {
                item.error("is no host; a right one is \"gitlab.example.com\", without scheme, port or path");
                return None;
            };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Some(format!("https://{host}{port}/").parse().ok())
        }
        (None, None) => {
            if let Some(item) = table.get("port") {
                item.error("stands without host; leave it out");
                return None;
            }
            Some(None)
        }
    }
}

/// The places of a preset, on its own server or another.
fn built(known: &Known, server: Option<Url>) -> Option<Preset> {
    let api = server.as_ref().map(github_api);
    let base = match server {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => known.server.to_owned(),
    };
    let user_info = match (known.dialect, &api) {
        (Dialect::GitHub { .. }, Some(api)) => api.as_str(),
        _ => known.user_info,
    };
    let url = |place: &str| {
        let path = if place.starts_with('/') { format!("{base}{place}") } else { place.to_owned() };
        path.parse::<Url>().ok()
    };
    Some(Preset {
        authorization_url: url(known.authorization)?,
        token_url: url(known.token)?,
        user_info_url: url(user_info)?,
        scopes: known.scopes,
        subject: known.subject,
        username: known.username,
        client_auth: known.client_auth,
        dialect: known.dialect,
    })
}

/// Where the REST API of a GitHub of one's own says who somebody is: GitHub Enterprise Server has it below the host, GitHub
/// Enterprise Cloud with data residency (docs.github.com, "Network details for GHE.com") on a host of its own.
fn github_api(server: &Url) -> String {
    match server.host_str() {
        Some(host) if host.ends_with(GHE) && server.path() == "/" => {
            format!("https://api.{host}/user")
        }
        _ => "/api/v3/user".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place is https, and a server of one's own moves what is below the server.
    #[test]
    fn places() {
        for known in &KNOWN {
            let preset = built(known, None).unwrap();
            for url in [&preset.authorization_url, &preset.token_url, &preset.user_info_url] {
                assert_eq!(url.scheme(), "https", "{url}");
            }
            assert!(names().contains(known.name));
        }
        let own = |name: &str| {
            let known = KNOWN.iter().find(|known| known.name == name).unwrap();
            built(known, Some("https://git.example.com/".parse().unwrap())).unwrap()
        };
        assert_eq!(own("github").user_info_url.as_str(), "https://git.example.com/api/v3/user");
        assert_eq!(
            own("github").token_url.as_str(),
            "https://git.example.com/login/oauth/access_token"
        );
        let github = &KNOWN.iter().find(|known| known.name == "github").unwrap();
        for (server, user_info) in [
            ("https://octocorp.ghe.com/", "https://api.octocorp.ghe.com/user"),
            ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com/user"),
            (
                "https://octocorp.ghe.com.example.com/",
                "https://octocorp.ghe.com.example.com/api/v3/user",
            ),
            ("https://xghe.com/", "https://xghe.com/api/v3/user"),
            (
                "https://proxy.example.com/octocorp.ghe.com",
                "https://proxy.example.com/octocorp.ghe.com/api/v3/user",
            ),
        ] {
            let preset = built(github, Some(server.parse().unwrap())).unwrap();
            assert_eq!(preset.user_info_url.as_str(), user_info);
            let own = server.trim_end_matches('/');
            assert_eq!(preset.token_url.as_str(), format!("{own}/login/oauth/access_token"));
        }
        assert_eq!(own("gitlab").user_info_url.as_str(), "https://git.example.com/api/v4/user");
    }
}
