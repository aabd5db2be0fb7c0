//! What people are told of an error: what it is, and what they can do.
//!
//! Must not know where it came up.

use http::request::Parts;

use super::{Message, Onward, Page, filled};
use crate::domain::policy::Refusal;
use crate::domain::realm::WriteError;
use crate::idp::ProviderError;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;

impl Page {
    /// What it is, in a few words, and what to do.
    fn told(&self, error: &ApiError) -> (&'static str, String) {
        let texts = self.texts();
        let plain = |heading, advice: &str| (heading, advice.to_owned());
        match error {
            ApiError::NotFound(_) | ApiError::Provider(ProviderError::NotOffered) => {
                plain(texts.not_found, texts.not_found_advice)
            }
            ApiError::LoginUnknown => plain(texts.login_unknown, texts.login_unknown_advice),
            ApiError::FormUnknown => plain(texts.form_unknown, texts.form_unknown_advice),
            ApiError::TooMany(wait) | ApiError::TooManyChanges(wait) => {
                (texts.too_many, filled(texts.too_many_advice, wait.seconds()))
            }
            ApiError::Provider(error) => self.told_of_provider(error),
            ApiError::Refused(Refusal::Banned) => plain(texts.banned, texts.banned_advice),
            ApiError::TokenMissing
            | ApiError::RefreshTokenMissing
            | ApiError::OwnToken
            | ApiError::Bearer(_)
            | ApiError::Token(_)
            | ApiError::Proof(_)
            | ApiError::ProviderGone
            | ApiError::NotAllowedAnyMore
            | ApiError::Refused(_) => plain(texts.log_in_first, texts.log_in_first_advice),
            ApiError::InvitationUnknown => {
                plain(texts.invitation_unknown, texts.invitation_unknown_advice)
            }
            ApiError::InvitationWithdrawn => {
                plain(texts.invitation_withdrawn, texts.invitation_withdrawn_advice)
            }
            ApiError::Write(WriteError::InvitationVoid) => {
                plain(texts.invitation_void, texts.invitation_void_advice)
            }
            ApiError::Write(WriteError::AlreadyMember) => {
                plain(texts.already_there, texts.already_there_advice)
            }
            ApiError::Write(WriteError::NotMember) => {
                plain(texts.not_there, texts.not_there_advice)
            }
            ApiError::Write(WriteError::LastRootStaff) => {
                plain(texts.last_there, texts.last_there_advice)
            }
            ApiError::Write(WriteError::ElsewhereOwned(_)) => {
                plain(texts.elsewhere, texts.elsewhere_advice)
            }
            ApiError::Denied(_) | ApiError::Write(WriteError::Withdrawn(_)) => {
                plain(texts.not_yours, texts.not_yours_advice)
            }
            ApiError::Stale(_) | ApiError::Elsewhere | ApiError::Write(_) => {
                plain(texts.not_now, texts.not_now_advice)
            }
            ApiError::Sign(_) | ApiError::Seal(_) | ApiError::Randomness => {
                plain(texts.went_wrong, texts.went_wrong_advice)
            }
            ApiError::Malformed(_)
            | ApiError::MethodNotAllowed(_)
            | ApiError::MediaType
            | ApiError::Body(_) => plain(texts.not_understood, texts.not_understood_advice),
        }
    }

    fn told_of_provider(&self, error: &ProviderError) -> (&'static str, String) {
        let texts = self.texts();
        let (heading, advice) = match error {
            ProviderError::Refused => (texts.wrong_password, texts.wrong_password_advice),
            ProviderError::NotConfirmed | ProviderError::Token(_) => {
                (texts.not_confirmed, texts.not_confirmed_advice)
            }
            ProviderError::Account(_) => (texts.account_closed, texts.account_closed_advice),
            ProviderError::NotAllowed | ProviderError::Subject(_) => {
                (texts.not_allowed, texts.not_allowed_advice)
            }
            ProviderError::Unreachable
            | ProviderError::Proxy(_)
            | ProviderError::Limited(_)
            | ProviderError::Busy => (texts.unreachable, texts.unreachable_advice),
            ProviderError::InvalidResponse(_) | ProviderError::Misconfigured(_) => {
                (texts.set_up_wrong, texts.set_up_wrong_advice)
            }
            ProviderError::NotOffered => (texts.not_found, texts.not_found_advice),
        };
        (heading, advice.to_owned())
    }

    /// What to do, where it is plain what was tried.
    pub(in crate::server) fn advice(&self, error: &ApiError) -> String {
        self.told(error).1
    }
}

impl Api {
    /// The answer for who cannot be given what they asked for: a page for a person, a document for a program.
    pub(in crate::server) fn refusal(&self, parts: &Parts, error: &ApiError) -> Reply {
        let answer = error.answer_to(parts.extensions.get());
        if !super::is_for_a_person(&parts.headers) {
            return answer.into();
        }
        let page = self.page(parts);
        let texts = page.texts();
        let label = match error {
            ApiError::LoginUnknown | ApiError::Provider(_) => texts.begin_again,
            _ => texts.to_the_start,
        };
        let (heading, advice) = page.told(error);
        let message = Message {
            page: &page,
            heading,
            advice,
            detail: detail(error),
            names_request: page.request(),
            onward: Some(Onward { href: page.path("/"), label }),
        };
        let reply = Reply::page(answer.status, &page, &message);
        answer.header.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value))
    }
}

/// What only the machine can say of it: whoever made the request has to read that, not whoever reads the page.
fn detail(error: &ApiError) -> Option<String> {
    match error {
        ApiError::Malformed(text) => Some(text.clone()),
        ApiError::MethodNotAllowed(_) | ApiError::MediaType | ApiError::Body(_) => {
            Some(error.to_string())
        }
        ApiError::Provider(ProviderError::Account(state)) => Some(state.to_string()),
        ApiError::Write(WriteError::ElsewhereOwned(object)) => Some(object.clone()),
        _ => None,
    }
}
