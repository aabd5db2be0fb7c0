//! A client in plain words, for `pasee check`.
//!
//! Must not show a secret.

use std::fmt::{self, Display};

use crate::domain::client::{Client, Consent, Dpop, GrantType, IdTokenAlg, Pkce, RedirectUri};
use crate::domain::token::Scope;

/// A client in one sentence.
pub(in crate::settings) struct Application<'a>(pub(in crate::settings) &'a Client);

impl Display for Application<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client) = self;
        let id = &client.id;
        if !client.enabled {
            return write!(f, "Leaves the application {id} out: enabled = false.");
        }
        write!(f, "The application {id}")?;
        if client.name != id.as_str() {
            write!(f, " ({})", client.name)?;
        }
        match client.secret_hashes.len() {
            0 => f.write_str(", which has no secret,")?,
            1 => f.write_str(", which has a secret,")?,
            count => write!(f, ", which has {count} secrets,")?,
        }
        match client.grant_types.is_empty() {
            true => f.write_str(" gets no tokens")?,
            false => {
                let ways: Vec<&str> = client.grant_types.iter().map(|grant| way(*grant)).collect();
                write!(f, " gets tokens {}", joined(&ways, "and"))?;
            }
        }
        self.explain_places(f)?;
        self.explain_people(f)?;
        self.explain_tokens(f)?;
        f.write_str(".")
    }
}

impl Application<'_> {
    fn explain_places(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client) = self;
        let listed = |uris: &[RedirectUri]| {
            let texts: Vec<&str> = uris.iter().map(RedirectUri::as_str).collect();
            joined(&texts, "or")
        };
        if !client.redirect_uris.is_empty() {
            write!(f, "; codes go to {}", listed(&client.redirect_uris))?;
        }
        if client.pkce == Pkce::Required
            || (client.is_public() && client.allows(GrantType::AuthorizationCode))
        {
            f.write_str(", with PKCE alone")?;
        }
        if !client.post_logout_redirect_uris.is_empty() {
            write!(
                f,
                "; after a logout browsers go to {}",
                listed(&client.post_logout_redirect_uris)
            )?;
        }
        if !client.allowed_origins.is_empty() {
            let origins: Vec<&str> =
                client.allowed_origins.iter().map(|origin| origin.as_str()).collect();
            write!(f, "; pages of {} may call", joined(&origins, "and"))?;
        }
        Ok(())
    }

    fn explain_people(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client) = self;
        if !client.require_groups.is_empty() {
            let groups: Vec<String> =
                client.require_groups.iter().map(ToString::to_string).collect();
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            write!(f, "; only who is in {} may log in", joined(&groups, "or"))?;
        }
        if !client.require_amr.is_empty() {
            let methods: Vec<&str> =
                client.require_amr.iter().map(|method| method.as_str()).collect();
            write!(f, "; only who logged in by {}", joined(&methods, "and"))?;
        }
        if client.consent == Consent::Asked {
            f.write_str("; people are asked first")?;
        }
        Ok(())
    }

    fn explain_tokens(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client) = self;
        if let Scope::Limited(groups) = &client.groups {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            write!(f, "; of the groups it learns {} and what is below", joined(&groups, "and"))?;
        }
        match client.claims.as_slice() {
            [] => {}
            claims => {
                let claims: Vec<&str> = claims.iter().map(|claim| claim.as_str()).collect();
                write!(f, "; it is told {}", joined(&claims, "and"))?;
            }
        }
        if !client.audiences.is_empty() {
            let audiences: Vec<&str> = client.audiences.iter().map(|it| it.as_str()).collect();
            write!(f, "; its tokens may be for {}", joined(&audiences, "or"))?;
        }
        if !client.exchange_providers.is_empty() {
            let names: Vec<&str> = client.exchange_providers.iter().map(|it| it.as_str()).collect();
            write!(f, "; it may exchange tokens of {}", joined(&names, "and"))?;
        }
        if client.id_token_alg == IdTokenAlg::Es256 {
            f.write_str("; its ID tokens are signed ES256")?;
        }
        if client.dpop == Dpop::Required {
            f.write_str("; its tokens are bound to a key (DPoP)")?;
        }
        Ok(())
    }
}

/// How tokens are come by.
fn way(grant: GrantType) -> &'static str {
    match grant {
        GrantType::AuthorizationCode => "by a login in a browser",
        GrantType::RefreshToken => "by a refresh",
        GrantType::ClientCredentials => "for itself",
        GrantType::DeviceCode => "by a login on another device",
        GrantType::TokenExchange => "for other tokens",
    }
}

/// Words with commas, and one before the last.
fn joined(words: &[&str], before_last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [some @ .., last] => format!("{} {before_last} {last}", some.join(", ")),
    }
}
