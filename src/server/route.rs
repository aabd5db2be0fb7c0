//! From method and path, below where this Pasee is, to what is asked. `/x` and `/x/` are the same.
//!
//! | Path | Methods |
//! |---|---|
//! | `/` | GET |
//! | `/login`, `/logout`, `/invitation`, `/leave` | GET, POST |
//! | `/oauth2/authorize`, `/oauth2/logout`, `/oauth2/userinfo` | GET, POST |
//! | `/device` | GET, POST |
//! | `/oauth2/device_authorization` | POST |
//! | `/oauth2/consent`, `/oauth2/token`, `/oauth2/par`, `/oauth2/revoke`, `/oauth2/introspect` | POST |
//! | `/.well-known/oauth-authorization-server` | GET |
//! | `/revocations` | GET |
//! | `/public-key/` | GET |
//! | `/.well-known/openid-configuration` | GET |
//! | `/.well-known/jwks.json`, `/.well-known/jwks-es256k.json` | GET |
//! | `/tokens/` | GET, POST |
//! | `/tokens/NAME/` | GET, POST |
//! | `/users/` | GET, POST |
//! | `/users/me` | GET |
//! | `/users/U` | GET, PATCH, DELETE |
//! | `/users/U/sessions/SID` | DELETE |
//! | `/password_recoveries/` | GET, POST |
//! | `/groups/` | GET, POST |
//! | `/groups/G/` | GET, POST, PATCH, DELETE |
//! | `/groups/G/invitations` | POST, DELETE |
//! | `/groups/G/U/` | PATCH, DELETE |
//!
//! HEAD is answered like GET. Must not know what any of it does.

use http::Method;
use percent_encoding::percent_decode_str;

/// What is asked. Names are percent-decoded, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The JSON home document, or who one is.
    Home,
    /// The page of a login that is under way.
    ShowLogin,
    /// A name and a password.
    LogIn,
    /// The question whether to log out.
    ShowLogout,
    /// The end of a browser's session.
    LogOut,
    /// Who invites to what.
    ShowInvitation,
    /// The yes to that.
    TakeInvitation,
    /// The question whether to leave a group.
    ShowLeave,
    /// The yes to that.
    Leave,
    /// A client's request for a code.
    Authorize,
    /// The same in a form.
    AuthorizeByForm,
    /// Whether a client may know.
    Consent,
    /// Tokens for a client.
    Token,
    /// Who a token is of.
    UserInfo,
    /// A request, kept until the browser comes.
    PushRequest,
    /// A refresh token less.
    RevokeToken,
    /// What a token says.
    Introspect,
    /// What has ended.
    Revocations,
    /// A login that a device begins.
    BeginDevice,
    /// Where its code is typed in.
    ShowDevice,
    /// Whether it is the person's.
    AnswerDevice,
    /// A client's request to end a session.
    EndSessionFor,
    /// The same in a form, or the person's word.
    EndSessionByForm,
    /// The signing key as PEM.
    PublicKey,
    /// Where the issuer's keys are.
    Discovery,
    /// The JWK Set with the P-256 keys.
    Jwks,
    /// The JWK Set with the secp256k1 keys.
    JwksEs256k,
    /// How to get tokens, or the way back from a provider.
    DescribeTokens,
    /// A login or a refresh.
    CreateTokens,
    /// The way to a provider and back: its name.
    VisitProvider(String),
    /// The way back from a provider, by a form: its name.
    ReturnByForm(String),
    /// `GET /users/`.
    ListUsers,
    /// Registration.
    RegisterUser,
    /// Whom the token speaks for.
    ShowMe,
    /// `GET /users/U`.
    ShowUser(String),
    /// A ban, a revocation, or a new password.
    PatchUser(String),
    /// A user out of every group.
    DeleteUser(String),
    /// One session less: user, session.
    EndSession(String, String),
    /// How to recover a password.
    DescribeRecovery,
    /// A password recovery.
    RecoverPassword,
    /// `GET /groups/`.
    ListGroups,
    /// A new group.
    CreateGroup,
    /// Who is in a group.
    ShowGroup(String),
    /// One more in a group.
    AddMember(String),
    /// What a group is for.
    DescribeGroup(String),
    /// A group and everything under it, gone.
    DeleteGroup(String),
    /// A link into a group.
    Invite(String),
    /// No such link that was made before.
    VoidInvitations(String),
    /// When a membership ends: group, user.
    PatchMember(String, String),
    /// One less in a group: group, user.
    RemoveMember(String, String),
}

/// Why nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No such path.
    NotFound,
    /// The path is not below where we are.
    NotOurs,
    /// The path is there, the method is not: what `Allow` says.
    MethodNotAllowed(&'static str),
}

impl Route {
    /// Reads method and path (RFC 3986, still percent-encoded).
    ///
    /// # Errors
    /// [`NoRoute`], for the answers 404 and 405.
    pub fn parse(method: &Method, path: &str) -> Result<Self, NoRoute> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match segments(path)?.as_slice() {
            [] => get(method, Self::Home),
            ["login"] => get_or_post(method, Self::ShowLogin, Self::LogIn),
            ["logout"] => get_or_post(method, Self::ShowLogout, Self::LogOut),
            ["invitation"] => get_or_post(method, Self::ShowInvitation, Self::TakeInvitation),
            ["leave"] => get_or_post(method, Self::ShowLeave, Self::Leave),
            ["revocations"] => get(method, Self::Revocations),
            ["public-key"] => get(method, Self::PublicKey),
            [".well-known", "openid-configuration" | "oauth-authorization-server"] => {
                Self::of_discovery(method)
            }
            ["device"] => get_or_post(method, Self::ShowDevice, Self::AnswerDevice),
            ["oauth2", endpoint] => of_oauth(method, endpoint),
            [".well-known", "jwks.json"] => get(method, Self::Jwks),
            [".well-known", "jwks-es256k.json"] => get(method, Self::JwksEs256k),
            ["tokens"] => get_or_post(method, Self::DescribeTokens, Self::CreateTokens),
            ["tokens", provider] => of_provider(method, decode(provider)?),
            ["users"] => get_or_post(method, Self::ListUsers, Self::RegisterUser),
            ["users", "me"] => get(method, Self::ShowMe),
            ["users", user] => {
                let user = decode(user)?;
                pick(
                    method,
                    "GET, HEAD, PATCH, DELETE",
                    [
                        (Method::GET, Self::ShowUser(user.clone())),
                        (Method::PATCH, Self::PatchUser(user.clone())),
                        (Method::DELETE, Self::DeleteUser(user)),
                    ],
                )
            }
            ["users", user, "sessions", sid] if !sid.contains('/') => of_session(method, user, sid),
            ["password_recoveries"] => {
                get_or_post(method, Self::DescribeRecovery, Self::RecoverPassword)
            }
            ["groups"] => get_or_post(method, Self::ListGroups, Self::CreateGroup),
            ["groups", group] => {
                let group = decode(group)?;
                pick(
                    method,
                    "GET, HEAD, POST, PATCH, DELETE",
                    [
                        (Method::GET, Self::ShowGroup(group.clone())),
                        (Method::POST, Self::AddMember(group.clone())),
                        (Method::PATCH, Self::DescribeGroup(group.clone())),
                        (Method::DELETE, Self::DeleteGroup(group)),
                    ],
                )
            }
            // No user's id is without a dash.
            ["groups", group, "invitations"] => of_invitations(method, group),
            ["groups", group, user] => of_member(method, decode(group)?, decode(user)?),
            _ => Err(NoRoute::NotFound),
        }
    }

    /// Where the issuer is asked about, wherever that is.
    pub(super) fn of_discovery(method: &Method) -> Result<Self, NoRoute> {
        get(method, Self::Discovery)
    }

    /// A name for metrics; never holds what a caller wrote.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::ShowLogin | Self::LogIn => "login",
            Self::ShowLogout | Self::LogOut => "logout",
            Self::ShowInvitation | Self::TakeInvitation => "invitation",
            Self::ShowLeave | Self::Leave => "leave",
            Self::Authorize | Self::AuthorizeByForm => "authorize",
            Self::Consent => "consent",
            Self::Token => "token",
            Self::UserInfo => "userinfo",
            Self::PushRequest => "par",
            Self::RevokeToken => "revoke",
            Self::Introspect => "introspect",
            Self::Revocations => "revocations",
            Self::BeginDevice => "device-authorization",
            Self::ShowDevice | Self::AnswerDevice => "device",
            Self::EndSessionFor | Self::EndSessionByForm => "end-session",
            Self::PublicKey => "public-key",
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::JwksEs256k => "jwks-es256k",
            Self::DescribeTokens | Self::CreateTokens => "tokens",
            Self::VisitProvider(_) | Self::ReturnByForm(_) => "tokens-of-provider",
            Self::ListUsers | Self::RegisterUser => "users",
            Self::ShowMe => "me",
            Self::ShowUser(_) | Self::PatchUser(_) | Self::DeleteUser(_) => "user",
            Self::EndSession(..) => "session",
            Self::DescribeRecovery | Self::RecoverPassword => "password-recoveries",
            Self::ListGroups | Self::CreateGroup => "groups",
            Self::ShowGroup(_)
            | Self::AddMember(_)
            | Self::DescribeGroup(_)
            | Self::DeleteGroup(_) => "group",
            Self::Invite(_) | Self::VoidInvitations(_) => "group-invitations",
            Self::PatchMember(..) | Self::RemoveMember(..) => "group-member",
        }
    }
}

/// Whose pages may read what is answered (CORS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Those that the settings name.
    Api,
    /// Everybody's: it is no secret.
    Everybody,
    /// Those of the client that asks.
    Client,
    /// Nobody's: a person is to be there.
    Nobody,
}

impl Route {
    /// Whose pages may read the answer.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        match self {
            Self::Discovery | Self::Jwks | Self::JwksEs256k => Sharing::Everybody,
            Self::Token | Self::UserInfo | Self::RevokeToken => Sharing::Client,
            Self::Authorize
            | Self::AuthorizeByForm
            | Self::Consent
            | Self::PushRequest
            | Self::Introspect
            | Self::Revocations
            | Self::BeginDevice
            | Self::ShowDevice
            | Self::AnswerDevice
            | Self::ShowInvitation
            | Self::TakeInvitation
            | Self::ShowLeave
            | Self::Leave
            | Self::EndSessionFor
            | Self::EndSessionByForm => Sharing::Nobody,
            _ => Sharing::Api,
        }
    }
}

/// The parts of a path, at most four, with or without a slash at its end.
fn segments(path: &str) -> Result<Vec<&str>, NoRoute> {
    let rest = path.strip_prefix('/').ok_or(NoRoute::NotFound)?;
    match rest.strip_suffix('/').unwrap_or(rest) {
        "" if rest == "/" => Err(NoRoute::NotFound),
        "" => Ok(Vec::new()),
        rest => Ok(rest.splitn(4, '/').collect()),
    }
}

fn get(method: &Method, route: Route) -> Result<Route, NoRoute> {
    pick(method, "GET, HEAD", [(Method::GET, route)])
}

fn get_or_post(method: &Method, get: Route, post: Route) -> Result<Route, NoRoute> {
    pick(method, "GET, HEAD, POST", [(Method::GET, get), (Method::POST, post)])
}

fn of_oauth(method: &Method, endpoint: &str) -> Result<Route, NoRoute> {
    let post = |route| pick(method, "POST", [(Method::POST, route)]);
    match endpoint {
        "authorize" => get_or_post(method, Route::Authorize, Route::AuthorizeByForm),
        "logout" => get_or_post(method, Route::EndSessionFor, Route::EndSessionByForm),
        "userinfo" => get_or_post(method, Route::UserInfo, Route::UserInfo),
        "consent" => post(Route::Consent),
        "token" => post(Route::Token),
        "par" => post(Route::PushRequest),
        "revoke" => post(Route::RevokeToken),
        "introspect" => post(Route::Introspect),
        "device_authorization" => post(Route::BeginDevice),
        _ => Err(NoRoute::NotFound),
    }
}

fn of_member(method: &Method, group: String, user: String) -> Result<Route, NoRoute> {
    pick(
        method,
        "PATCH, DELETE",
        [
            (Method::PATCH, Route::PatchMember(group.clone(), user.clone())),
            (Method::DELETE, Route::RemoveMember(group, user)),
        ],
    )
}

fn of_provider(method: &Method, provider: String) -> Result<Route, NoRoute> {
    get_or_post(method, Route::VisitProvider(provider.clone()), Route::ReturnByForm(provider))
}

fn of_invitations(method: &Method, group: &str) -> Result<Route, NoRoute> {
    let group = decode(group)?;
    pick(
        method,
        "POST, DELETE",
        [
            (Method::POST, Route::Invite(group.clone())),
            (Method::DELETE, Route::VoidInvitations(group)),
        ],
    )
}

fn of_session(method: &Method, user: &str, sid: &str) -> Result<Route, NoRoute> {
    let end = Route::EndSession(decode(user)?, decode(sid)?);
    pick(method, "DELETE", [(Method::DELETE, end)])
}

fn pick<const N: usize>(
    method: &Method,
    allow: &'static str,
    routes: [(Method, Route); N],
) -> Result<Route, NoRoute> {
    let found = routes.into_iter().find(|(candidate, _)| candidate == method);
    found.map(|(_, route)| route).ok_or(NoRoute::MethodNotAllowed(allow))
}

/// A path segment as text; empty ones and broken encodings name nothing.
fn decode(segment: &str) -> Result<String, NoRoute> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let digits = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(digits(bytes.next()) && digits(bytes.next())) {
            return Err(NoRoute::NotFound);
        }
    }
    match percent_decode_str(segment).decode_utf8() {
        Ok(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(NoRoute::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Result<Route, NoRoute> {
        Route::parse(&Method::GET, path)
    }

    #[test]
    fn both_spellings() {
        let paths = [
            "tokens",
            "users",
            "groups",
            "groups/a",
            "users/kisee-a",
            "public-key",
            ".well-known/jwks.json",
        ];
        for path in paths {
            let plain = get(&format!("/{path}"));
            assert!(plain.is_ok(), "{path}");
            assert_eq!(plain, get(&format!("/{path}/")));
            assert_eq!(plain, Route::parse(&Method::HEAD, &format!("/{path}/")));
        }
        assert_eq!(get("/"), Ok(Route::Home));
    }

    #[test]
    fn nothing_else_is_there() {
        for path in [
            "",
            "*",
            "//",
            "/groups//",
            "/groups/a//",
            "/groups/a/b/c",
            "/users/a/sessions",
            "/users/a/sessions//",
            "/users/a/sessions/b/c",
            "/users/a/x/b",
            "/x",
            "/users/%ff",
            "/users/%2",
            "/users/%zz",
        ] {
            assert_eq!(get(path), Err(NoRoute::NotFound), "{path}");
        }
        assert_eq!(get("/groups/a/b/"), Err(NoRoute::MethodNotAllowed("PATCH, DELETE")));
        assert_eq!(
            Route::parse(&Method::PUT, "/groups/a"),
            Err(NoRoute::MethodNotAllowed("GET, HEAD, POST, PATCH, DELETE"))
        );
    }

    #[test]
    fn names_are_decoded_once() {
        assert_eq!(get("/users/kisee-a%2Fb%20c"), Ok(Route::ShowUser("kisee-a/b c".into())));
        assert_eq!(get("/users/kisee-%2561"), Ok(Route::ShowUser("kisee-%61".into())));
        assert_eq!(
            Route::parse(&Method::DELETE, "/groups/admin.staff/kisee-%C3%A9/"),
            Ok(Route::RemoveMember("admin.staff".into(), "kisee-é".into()))
        );
    }
}
