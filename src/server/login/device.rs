//! Who has logged in on a device before, by a password: so says a cookie of the device's own, and nothing is kept here.
//!
//! It proves nobody's identity. Whoever guesses at somebody's password, or floods the address that they share, does not keep them out where
//! they are known. Must not know how attempts are counted.

use std::time::Duration;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cookies::value;
use crate::domain::time::Timestamp;
use crate::jose::seal::SealError;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::request::Call;
use crate::web::limits::Device;

/// How long somebody is known on a device after a login there.
const KNOWN: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many are known on one device: past it whose login is the longest ago is forgotten.
const MOST: usize = 5;

/// Somebody's name at a provider, hashed.
type Person = [u8; 16];

/// What a device carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceCookie {
    id: [u8; 16],
    /// Who has logged in, and when, the last one first.
    people: Vec<(Person, i64)>,
}

impl DeviceCookie {
    /// Of a device on which nobody is known.
    fn random() -> Result<Self, SealError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| SealError)?;
        Ok(Self { id, people: Vec::new() })
    }

    fn knows(&self, name: &str, now: Timestamp) -> bool {
        let person = person(name);
        self.people.iter().any(|(known, since)| *known == person && is_known(*since, now))
    }

    /// The same after a login.
    fn knowing(mut self, name: &str, now: Timestamp) -> Self {
        let person = person(name);
        self.people.retain(|(known, since)| *known != person && is_known(*since, now));
        self.people.insert(0, (person, now.as_unix()));
        self.people.truncate(MOST);
        self
    }
}

fn is_known(since: i64, now: Timestamp) -> bool {
    Timestamp::from_unix(since).is_some_and(|since| now < since.after(KNOWN))
}

fn person(name: &str) -> Person {
    let mut person = Person::default();
    person.copy_from_slice(&Sha256::digest(name)[..16]);
    person
}

impl Api {
    /// The device that asks, if somebody has logged in by this name on it.
    pub(super) fn device_of(&self, call: &Call<'_>, name: &str) -> Option<Device> {
        let cookie = self.device_carried(call)?;
        cookie.knows(name, call.now).then(|| Device::new(cookie.id))
    }

    /// The header that makes the device that asks know somebody who has logged in.
    pub(super) fn device_cookie(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<HeaderValue, ApiError> {
        let device = self.device_carried(call).map_or_else(DeviceCookie::random, Ok)?;
        let device = device.knowing(name, call.now);
        let (cookie, keys) = (self.cookies.device(), self.service.keys().current());
        let device = postcard::to_allocvec(&device).map_err(|_| SealError)?;
        let sealed = keys.login_cookies().seal(&cookie, &device)?;
        Ok(self.cookies.set(&cookie, &sealed, Some(KNOWN))?)
    }

    fn device_carried(&self, call: &Call<'_>) -> Option<DeviceCookie> {
        let (cookie, keys) = (self.cookies.device(), self.service.keys().current());
        let opened = keys.login_cookies().open(&cookie, value(&call.parts.headers, &cookie)?)?;
        postcard::from_bytes(&opened).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_unix(1_000_000_000).unwrap().after(Duration::from_secs(24 * 3600 * days))
    }

    #[test]
    fn those_are_known_who_logged_in_there_lately() {
        let device = DeviceCookie::random().unwrap();
        assert!(!device.knows("local-ada", at(0)));
        let device = device.knowing("local-ada", at(0)).knowing("local-alan", at(60));
        assert!(device.knows("local-ada", at(89)) && device.knows("local-alan", at(89)));
        assert!(!device.knows("local-grace", at(60)) && !device.knows("kisee-ada", at(60)));
        assert!(!device.knows("local-ada", at(90)) && device.knows("local-alan", at(149)));
        let again = device.clone().knowing("local-ada", at(80));
        assert_eq!((again.people.len(), again.id), (2, device.id), "each once, on the same device");
        assert!(again.knows("local-ada", at(169)));
    }

    #[test]
    fn what_a_device_carries_is_bounded() {
        let mut device = DeviceCookie::random().unwrap();
        for number in 0..100 {
            device = device.knowing(&format!("local-user-{number}"), at(0));
        }
        assert_eq!(device.people.len(), MOST);
        assert!(device.knows("local-user-99", at(0)) && !device.knows("local-user-94", at(0)));
        assert!(postcard::to_allocvec(&device).unwrap().len() <= 200);
        assert_ne!(DeviceCookie::random().unwrap().id, DeviceCookie::random().unwrap().id);
    }
}
