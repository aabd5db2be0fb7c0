//! The wire format of each provider: places, scopes, how a client proves itself, answers and errors, from its own
//! documentation.
//!
//! Must not decide anything.

use std::net::SocketAddr;

use serde_json::{Value, json};
use url::Url;

use super::{CLIENT, Parameters, SECRET, basic};

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Twitter,
    GitHub,
    GitLab,
    Facebook,
    Google,
    Discord,
}

/// What is wrong with a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    Request,
    Client,
    Code,
    Place,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Twitter, Self::GitHub, Self::GitLab, Self::Facebook, Self::Google, Self::Discord];

    /// The preset's name.
    pub fn preset(self) -> &'static str {
        match self {
            Self::Twitter => "twitter",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Facebook => "facebook",
            Self::Google => "google",
            Self::Discord => "discord",
        }
    }

    pub fn authorize_path(self) -> &'static str {
        match self {
            Self::Twitter => "/i/oauth2/authorize",
            Self::GitHub => "/login/oauth/authorize",
            Self::GitLab => "/oauth/authorize",
            Self::Facebook => "/v24.0/dialog/oauth",
            Self::Google => "/o/oauth2/v2/auth",
            Self::Discord => "/oauth2/authorize",
        }
    }

    pub fn token_path(self) -> &'static str {
        match self {
            Self::Twitter => "/2/oauth2/token",
            Self::GitHub => "/login/oauth/access_token",
            Self::GitLab => "/oauth/token",
            Self::Facebook => "/v24.0/oauth/access_token",
            Self::Google => "/token",
            Self::Discord => "/api/v10/oauth2/token",
        }
    }

    pub fn user_path(self) -> &'static str {
        match self {
            Self::Twitter => "/2/users/me",
            Self::GitHub => "/api/v3/user",
            Self::GitLab => "/api/v4/user",
            Self::Facebook => "/v24.0/me",
            Self::Google => "/v1/userinfo",
            Self::Discord => "/api/v10/users/@me",
        }
    }

    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Twitter => Some("tweet.read users.read"),
            Self::GitHub => Some("read:org"),
            Self::GitLab => Some("read_user"),
            Self::Facebook => Some("public_profile"),
            Self::Google => Some("openid email profile"),
            Self::Discord => Some("identify"),
        }
    }

    /// The settings for this provider at an address, over its preset.
    pub fn settings(self, name: &str, address: SocketAddr, more: &str) -> String {
        let at = format!("http://{address}");
        let places = match self {
            Self::GitHub | Self::GitLab => String::new(),
            _ => format!(
                "authorization_url = \"{at}{}\"\ntoken_url = \"{at}{}\"\nuser_info_url = \"{at}{}{}\"\n",
                self.authorize_path(),
                self.token_path(),
                self.user_path(),
                if self == Self::Facebook { "?fields=id,name" } else { "" },
            ),
        };
        let endpoint = match self {
            Self::GitHub | Self::GitLab => format!("endpoint = \"{at}/\"\n"),
            _ => String::new(),
        };
        let lists = if self == Self::GitHub { "organizations = true\nteams = true\n" } else { "" };
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"oauth2\"\n{endpoint}{more}\n\
             [identity_providers.settings]\npreset = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n\
             timeout = 2\n{places}{lists}",
            self.preset()
        )
    }

    /// Who the client says it is, in the way this provider documents and no other.
    pub fn client(self, header: Option<&str>, form: &mut Parameters) -> Option<(String, String)> {
        let posted = (form.remove("client_id"), form.remove("client_secret"));
        match (self, header, posted) {
            (Self::Twitter | Self::Discord, Some(_), (None, None)) => basic(header),
            (Self::Twitter | Self::Discord, _, _) | (_, Some(_), _) => None,
            (_, None, (Some(id), Some(secret))) => Some((id, secret)),
            _ => None,
        }
    }

    /// The answer to a right token request.
    pub fn token(self, token: &str) -> String {
        let document = match self {
            Self::Twitter => {
                json!({"token_type": "bearer", "expires_in": 7200, "access_token": token,
                "scope": "users.read tweet.read"})
            }
            Self::GitHub => {
                json!({"access_token": token, "scope": "read:org", "token_type": "bearer"})
            }
            Self::GitLab => {
                json!({"access_token": token, "token_type": "Bearer", "expires_in": 7200,
                "refresh_token": "8257e65c97202ed1726cf9571600918f", "created_at": 1_607_635_748, "scope": "read_user"})
            }
            Self::Facebook => {
                json!({"access_token": token, "token_type": "bearer", "expires_in": 5_183_944})
            }
            Self::Google => {
                json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer",
                "scope": "openid https://www.googleapis.com/auth/userinfo.email", "id_token": "e30.e30.e30"})
            }
            Self::Discord => {
                json!({"access_token": token, "token_type": "Bearer", "expires_in": 604_800,
                "refresh_token": "D43f5y0ahjqew82jZ4NViEr2YafMKhue", "scope": "identify"})
            }
        };
        document.to_string()
    }

    /// The answer to a wrong one.
    pub fn refusal(self, mistake: Mistake) -> (&'static str, String) {
        const BAD: &str = "400 Bad Request";
        const UNAUTHORIZED: &str = "401 Unauthorized";
        let error = |error: &str, says: &str| json!({"error": error, "error_description": says});
        let graph = |code: i64, says: &str| json!({"error": {"message": says, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf"}});
        let (status, document): (&str, Value) = match (self, mistake) {
            (Self::GitHub, Mistake::Client) => (
                "200 OK",
                error(
                    "incorrect_client_credentials",
                    "The client_id and/or client_secret passed are incorrect.",
                ),
            ),
            (Self::GitHub, Mistake::Place) => (
                "200 OK",
                error(
                    "redirect_uri_mismatch",
                    "The redirect_uri MUST match the registered callback URL for this application.",
                ),
            ),
            (Self::GitHub, _) => (
                "200 OK",
                error("bad_verification_code", "The code passed is incorrect or expired."),
            ),
            (Self::Facebook, Mistake::Client) => (BAD, graph(1, "Error validating client secret.")),
            (Self::Facebook, _) => (BAD, graph(100, "This authorization code has been used.")),
            (Self::Twitter, Mistake::Client) => {
                (UNAUTHORIZED, error("unauthorized_client", "Missing valid authorization header"))
            }
            (Self::Twitter, _) => (
                BAD,
                error("invalid_request", "Value passed for the authorization code was invalid."),
            ),
            (_, Mistake::Client) => (
                UNAUTHORIZED,
                error("invalid_client", "Client authentication failed due to unknown client."),
            ),
            (_, Mistake::Request) => {
                (BAD, error("invalid_request", "The request is missing a parameter."))
            }
            (_, _) => (BAD, error("invalid_grant", "The provided authorization grant is invalid.")),
        };
        (status, document.to_string())
    }

    /// The answer to a question without a right access token.
    pub fn stranger(self) -> String {
        match self {
            Self::Twitter => json!({"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}),
            Self::GitHub => json!({"message": "Bad credentials", "status": "401"}),
            Self::GitLab => json!({"message": "401 Unauthorized"}),
            Self::Facebook => json!({"error": {"message": "Invalid OAuth access token.", "type": "OAuthException", "code": 190}}),
            Self::Google => json!({"error": "invalid_request", "error_description": "Invalid Credentials"}),
            Self::Discord => json!({"message": "401: Unauthorized", "code": 0}),
        }
        .to_string()
    }

    /// The user's subject and readable name.
    pub fn ada(self) -> (&'static str, &'static str) {
        match self {
            Self::Twitter => ("2244994945", "ada"),
            Self::GitHub => ("583231", "ada"),
            Self::GitLab => ("42", "ada"),
            Self::Facebook => ("10158045771234567", "Ada Lovelace"),
            Self::Google => ("110169484474386276334", "Ada Lovelace"),
            Self::Discord => ("80351110224678912", "ada"),
        }
    }

    /// What it says of the user at a place.
    pub fn user(self, target: &Url) -> Option<String> {
        if self == Self::GitHub && target.path() != self.user_path() {
            return lists(target);
        }
        if target.path() == "/oauth/userinfo" {
            let groups = ["example", "example/writers", "example/writers/poets"];
            return Some(json!({"sub": "42", "nickname": "ada", "groups": groups}).to_string());
        }
        let document = match self {
            Self::Twitter => {
                json!({"data": {"id": "2244994945", "name": "Ada Lovelace", "username": "ada"}})
            }
            Self::GitHub => {
                json!({"login": "ada", "id": 583_231, "node_id": "MDQ6VXNlcjE=", "type": "User",
                "site_admin": false, "name": "Ada", "company": null, "email": null, "two_factor_authentication": true})
            }
            Self::GitLab => {
                json!({"id": 42, "username": "ada", "name": "Ada", "state": "active", "locked": false,
                "email": "ada@example.com", "identities": [], "two_factor_enabled": true})
            }
            Self::Facebook => json!({"id": "10158045771234567", "name": "Ada Lovelace"}),
            Self::Google => {
                json!({"sub": "110169484474386276334", "name": "Ada Lovelace", "given_name": "Ada",
                "email": "ada@example.com", "email_verified": true, "hd": "example.com"})
            }
            Self::Discord => {
                json!({"id": "80351110224678912", "username": "ada", "discriminator": "0",
                "global_name": "Ada", "avatar": null, "verified": true})
            }
        };
        Some(document.to_string())
    }
}

/// GitHub's lists, 100 a page: 103 organizations, 2 teams.
fn lists(target: &Url) -> Option<String> {
    let query: Parameters = target.query_pairs().into_owned().collect();
    let (size, page): (usize, usize) =
        (query["per_page"].parse().ok()?, query["page"].parse().ok()?);
    let all: Vec<Value> = match target.path() {
        "/api/v3/user/orgs" => (1..=103).map(|id| json!({"login": format!("org-{id}"), "id": id})).collect(),
        "/api/v3/user/teams" => ["writers", "readers"]
            .map(|slug| json!({"id": 1, "slug": slug, "name": slug.to_uppercase(), "organization": {"login": "Example"}}))
            .to_vec(),
        _ => return None,
    };
    let shown: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    Some(Value::from(shown).to_string())
}
