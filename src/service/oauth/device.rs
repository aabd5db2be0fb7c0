//! Logins on another device (RFC 8628): a device waits, and a person says yes in a browser.
//!
//! Must not know pages.

use super::{OAuthFailure, locked, random};
use crate::domain::authorization::KeyThumbprint;
use crate::domain::client::{Client, GrantType};
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;
use crate::oauth::code::Authorized;
use crate::oauth::device::{DeviceAnswer, DeviceLogin, UserCode};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::once::Taken;
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
    #[must_use]
    pub fn asked_device(&self, user_code: UserCode, now: Timestamp) -> Option<AskedDevice> {
        let mut devices = locked(&self.2.devices);
        let is_it = |login: &DeviceLogin| {
            login.user_code == user_code && matches!(login.answer, DeviceAnswer::Pending)
        };
        let login = devices.find(is_it, now)?;
        let client = self.client(login.client.as_str())?;
        Some(AskedDevice { client: client.name.clone(), scopes: login.scopes.clone() })
    }

    /// What the person of a session says to it, once.
    ///
    /// # Errors
    /// When there is no such code any more, or the person may not log in to this client.
    pub fn answer_device(
        &self,
        user_code: UserCode,
        session: &SsoSession,
        said: Said,
        now: Timestamp,
    ) -> Result<(), OAuthFailure> {
        let gone = || OAuthFailure::from(OAuthError::grant("there is no such code any more"));
        let client = {
            let mut devices = locked(&self.2.devices);
            let login = devices.find(|login| login.user_code == user_code, now).ok_or_else(gone)?;
            self.client(login.client.as_str()).ok_or_else(gone)?
        };
        if said == Said::Yes {
            self.judge_groups(&client, session, now)?;
        }
        let mut devices = locked(&self.2.devices);
        let is_it = |login: &DeviceLogin| {
            login.user_code == user_code && matches!(login.answer, DeviceAnswer::Pending)
        };
        let login = devices.find(is_it, now).ok_or_else(gone)?;
        login.answer = match said {
            Said::No => DeviceAnswer::Denied,
            Said::Yes => DeviceAnswer::Allowed(Box::new(Authorized {
                client: login.client.clone(),
                redirect_uri: None,
                challenge: None,
                nonce: None,
                scopes: login.scopes.clone(),
                limit: login.limit.clone(),
                resource: login.resource.clone(),
                dpop_key: None,
                memory: session.memory().clone(),
            })),
        };
        Ok(())
    }

    /// Tokens for a device, when the person has said yes.
    ///
    /// # Errors
    /// [`OAuthFailure`]: `authorization_pending` and `slow_down` are no failures.
    pub fn device_tokens(
        &self,
        client: &Client,
        device_code: &str,
        key: Option<KeyThumbprint>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let over = || {
            OAuthError::grant(
                "there is no such device_code: it is over after 10 minutes, was used, or is of another Pasee",
            )
        };
        let mut devices = locked(&self.2.devices);
        let Some(login) = devices.peek(device_code, now) else { return Err(over().into()) };
        match login.poll(&client.id, now) {
            // The person's no is told once.
            Err(error) if error.code() == ErrorCode::AccessDenied => {
                devices.take(device_code, |_| (), now);
                return Err(error.into());
            }
            polled => polled?,
        }
        let taken = devices.take(device_code, |_| (), now);
        drop(devices);
        match taken {
            Taken::First(DeviceLogin { answer: DeviceAnswer::Allowed(authorized), .. }) => {
                self.issue_authorized(client, *authorized, (None, key), now)
            }
            _ => Err(over().into()),
        }
    }
}
