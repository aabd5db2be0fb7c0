//! What the login page shows: the login methods, the form for a password, and why nobody was logged in.
//!
//! Must not know what comes of a login.

use askama::Template;
use http::StatusCode;

use super::cookie::{Ending, LoginCookie, Target};
use super::cookies::LoginId;
use crate::idp::{LoginMethod, Provider};
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Language, Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;

/// What the page shows besides the choices.
#[derive(Debug, Default)]
pub(super) struct Shown<'a> {
    /// Which provider's form.
    pub provider: Option<&'a str>,
    /// Which name stands in it.
    pub name: Option<&'a str>,
    /// Why nobody was logged in.
    pub refused: Option<ApiError>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    page: &'a Page,
    heading: String,
    refused: Option<String>,
    names_request: Option<&'a str>,
    form: Option<PasswordForm<'a>>,
    choices: Vec<Choice>,
}

/// The form for a name and a password.
struct PasswordForm<'a> {
    action: String,
    token: String,
    provider: &'a str,
    /// Whose name and password, where there are several.
    legend: Option<&'a str>,
    name: &'a str,
}

/// A link to another login method.
struct Choice {
    href: String,
    label: String,
    icon: String,
}

impl Api {
    /// The page of a login, of which the browser has the cookie, or gets it with the answer.
    pub(super) fn show_login_page(
        &self,
        call: &Call<'_>,
        id: LoginId,
        login: &LoginCookie,
        shown: Shown<'_>,
    ) -> Reply {
        let page = self.page_of(call, login);
        let texts = page.texts();
        let chosen = self.form_of(shown.provider);
        let form = chosen.map(|provider| PasswordForm {
            action: page.path(&format!("/login?login={id}")),
            token: login.form_token().to_string(),
            provider: provider.name().as_str(),
            legend: (self.service.providers().iter().count() > 1).then(|| provider.label()),
            name: shown.name.unwrap_or_default(),
        });
        let others = self
            .service
            .providers()
            .iter()
            .filter(|provider| chosen.is_none_or(|chosen| chosen.name() != provider.name()));
        let choices = others.filter_map(|provider| choice(&page, id, provider)).collect();
        let heading = match login.application() {
            Some(application) => filled(texts.log_in_for, application),
            None => texts.log_in.to_owned(),
        };
        let answer = shown.refused.as_ref().map(ApiError::answer);
        let template = LoginPage {
            page: &page,
            heading,
            refused: shown.refused.as_ref().map(|error| page.advice(error)),
            names_request: page.request().filter(|_| answer.is_some()),
            form,
            choices,
        };
        let status = answer.as_ref().map_or(StatusCode::OK, |answer| answer.status);
        let header = answer.and_then(|answer| answer.header);
        let reply = Reply::page(status, &page, &template);
        header.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value))
    }

    /// What a page of a login has: in the language that its client's request asks for, if it does.
    pub(super) fn page_of(&self, call: &Call<'_>, login: &LoginCookie) -> Page {
        let asked = match login.ending() {
            Ending::Session(Target::Authorize(query)) => Language::asked_in(query),
            _ => None,
        };
        self.page_in(asked.unwrap_or_else(|| Language::of(call.parts)), call.parts)
    }

    /// Whose form is shown: of the provider that was chosen, or of the only one there is.
    fn form_of(&self, chosen: Option<&str>) -> Option<&Provider> {
        let takes_password =
            |provider: &&Provider| provider.login_methods().contains(&LoginMethod::Password);
        let all: Vec<&Provider> = self.service.providers().iter().filter(takes_password).collect();
        let is_chosen = |provider: &&&Provider| Some(provider.name().as_str()) == chosen;
        let only = if let [only] = all[..] { Some(only) } else { None };
        all.iter().find(is_chosen).copied().or(only)
    }
}

/// The link to a provider that people log in through in a browser.
fn choice(page: &Page, id: LoginId, provider: &Provider) -> Option<Choice> {
    let (name, methods) = (provider.name(), provider.login_methods());
    let path = if methods.contains(&LoginMethod::Redirect) {
        format!("/tokens/?idp={name}&login={id}")
    } else if methods.contains(&LoginMethod::Password) {
        format!("/login?login={id}&idp={name}")
    } else {
        return None;
    };
    // A title of the settings says all of it; a bare name does not.
    let (label, called) = match provider.given_title() {
        Some(title) => (title.to_owned(), title),
        None => (filled(page.texts().go_on_with, name), name.as_str()),
    };
    let letter = called.chars().find(|char| char.is_alphanumeric());
    let icon = letter.map_or(String::new(), |letter| letter.to_uppercase().collect());
    Some(Choice { href: page.path(&path), label, icon })
}
