//! Logins on another device (RFC 8628): a device waits, and a person says yes in a browser.
//!
//! Must not know pages.

use super::elsewhere::Typed;
use super::kept::Polled;
use super::question::Guesser;
use super::{OAuthFailure, locked, random};
use crate::domain::authorization::KeyThumbprint;
use crate::domain::client::{Client, GrantType};
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;
use crate::oauth::device::{DeviceLogin, UserCode};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::scope::{AskedScope, within};
use crate::service::{ClientTokens, Service, SsoSession};

/// A login that a device has begun.
#[derive(Debug)]
pub struct BegunDevice {
    /// `device_code`.
    pub device_code: String,
    /// `user_code`.
    pub user_code: UserCode,
    /// `expires_in`, in seconds.
    pub expires_in: u64,
}

/// What a person is asked about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedDevice {
    /// Of which client it is.
    pub client: String,
    /// What it would be told.
    pub scopes: crate::domain::authorization::OAuthScopes,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The device is theirs.
    Yes,
    /// It is not.
    No,
}

impl Service {
    /// Begins a login of a device, on behalf of an address.
    ///
    /// # Errors
    /// `unauthorized_client`; `temporarily_unavailable` when there are too many.
    pub fn begin_device(
        &self,
        client: &Client,
        scope: &AskedScope,
        resource: Option<Audience>,
        address: &str,
        now: Timestamp,
    ) -> Result<BegunDevice, OAuthFailure> {
        if !client.allows(GrantType::DeviceCode) {
            return Err(OAuthFailure::new(
                ErrorCode::UnauthorizedClient,
                "this client logs nobody in on a device: that grant is not in its grant_types",
            ));
        }
        let asked = (scope.scopes.clone(), within(&client.groups, &scope.limit)?);
        let user_code = UserCode::new(random()?);
        let login = DeviceLogin::new(client.id.clone(), user_code, asked, resource);
        let mut devices = locked(&self.2.devices);
        // Two codes alike would be one for whoever types it.
        if devices.find(|other| other.user_code == user_code, now).is_some() {
            return Err(OAuthFailure::new(ErrorCode::TemporarilyUnavailable, "try again"));
        }
        let device_code = devices.insert(address, login, random()?, now);
        let device_code = device_code.map_err(|full| {
            OAuthFailure::new(ErrorCode::TemporarilyUnavailable, full.to_string())
        })?;
        Ok(BegunDevice { device_code, user_code, expires_in: super::DEVICES.lifetime.as_secs() })
    }

    /// What a code asks that somebody typed in, while nothing was said to it.
    pub async fn asked_device(
        &self,
        user_code: UserCode,
        guesser: &Guesser,
        now: Timestamp,
    ) -> Typed<AskedDevice> {
        match self.find_device(user_code, guesser, now).await {
            Typed::Known(found) => match self.client(found.client.as_str()) {
                Some(client) => {
                    Typed::Known(AskedDevice { client: client.name.clone(), scopes: found.scopes })
                }
                None => Typed::Unknown,
            },
            Typed::Unknown => Typed::Unknown,
            Typed::TooMany(wait) => Typed::TooMany(wait),
        }
    }

    /// What the person of a session says to it, once.
    ///
    /// # Errors
    /// When the person may not log in to this client, or the code cannot be asked for now.
    pub async fn answer_device(
        &self,
        (user_code, guesser): (UserCode, &Guesser),
        session: &SsoSession,
        said: Said,
        now: Timestamp,
    ) -> Result<Typed<()>, OAuthFailure> {
        let found = match self.find_device(user_code, guesser, now).await {
            Typed::Known(found) => found,
            Typed::Unknown => return Ok(Typed::Unknown),
            Typed::TooMany(wait) => return Ok(Typed::TooMany(wait)),
        };
        let Some(client) = self.client(found.client.as_str()) else { return Ok(Typed::Unknown) };
        let memory = match said {
            Said::Yes => {
                self.judge_groups(&client, session, now)?;
                Some(session.memory())
            }
            Said::No => None,
        };
        self.tell_device(found.keeper, (user_code, guesser), memory, now).await
    }

    /// Tokens for a device, when the person has said yes.
    ///
    /// # Errors
    /// [`OAuthFailure`]: `authorization_pending` and `slow_down` are no failures.
    pub async fn device_tokens(
        &self,
        client: &Client,
        device_code: &str,
        key: Option<KeyThumbprint>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        match self.poll_device(device_code, &client.id, now).await? {
            Polled::Allowed(authorized) => {
                self.issue_authorized(client, *authorized, (None, key), now)
            }
            Polled::Told(error) => Err(error.into()),
            Polled::Unknown => Err(OAuthError::grant(
                "there is no such device_code: it is over after 10 minutes, was used, or is of another Pasee",
            )
            .into()),
        }
    }
}
