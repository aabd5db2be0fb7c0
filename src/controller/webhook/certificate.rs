//! The certificate of the admission webhook, for servers that have none of their own: when the next is to be made, and how.
//!
//! The API server believes the new one and the one before it, so that each server may come to the new one when it does. Must not
//! know a client.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::moment;
use crate::domain::time::Timestamp;
use crate::resources::webhook::{CERTIFICATE, KEY, server_name};

/// How long a certificate is good, and when the next is made, in days.
const GOOD_FOR: i64 = 365;
const RENEWED_AFTER: i64 = 240;
const DAY: i64 = 86_400;
/// The annotation of the Secret that says from when on the next certificate is to be made.
pub(super) const RENEW_AFTER: &str = "pasee.meltylab.fr/webhook-renew-after";

/// The subject of every certificate that a controller made, and of no other.
const SUBJECT: &str = "the admission webhook of Pasee";

/// What the Secret has.
pub(super) struct Certificates {
    current: Vec<u8>,
    renew_after: Option<Timestamp>,
}

/// What is to be other.
pub(super) struct Change {
    /// What the API server is to believe, in PEM.
    pub(super) believed: Vec<u8>,
    /// What is served with as soon as it does.
    pub(super) made: Option<Made>,
}

impl Certificates {
    pub(super) fn of(secret: &Secret) -> Self {
        let data = secret.data.as_ref();
        let current = data.filter(|data| data.contains_key(KEY));
        let current = current.and_then(|data| data.get(CERTIFICATE)).map(|pem| pem.0.clone());
        Self { current: current.unwrap_or_default(), renew_after: moment(secret, RENEW_AFTER) }
    }

    /// What is to be other where the API server believes these; `None` while all is right.
    pub(super) fn change(
        self,
        believed: &[u8],
        namespace: &str,
        now: Timestamp,
    ) -> Result<Option<Change>, rcgen::Error> {
        let Self { current, renew_after } = self;
        if !current.is_empty() && renew_after.is_some_and(|after| now < after) {
            let is_believed = contains(believed, &current);
            return Ok((!is_believed).then_some(Change { believed: current, made: None }));
        }
        let made = make(namespace, now)?;
        let believed = [made.certificate.as_bytes(), &current].concat();
        Ok(Some(Change { believed, made: Some(made) }))
    }
}

/// Whether all that stands in a `caBundle` was made by a controller, this one or one before it; also where nothing does.
pub(super) fn are_ours(bundle: &[u8]) -> bool {
    if bundle.trim_ascii().is_empty() {
        return true;
    }
    let certificates = CertificateDer::pem_slice_iter(bundle).collect::<Result<Vec<_>, _>>();
    certificates
        .is_ok_and(|all| !all.is_empty() && all.iter().all(|one| contains(one, SUBJECT.as_bytes())))
}

fn contains(bundle: &[u8], certificate: &[u8]) -> bool {
    bundle.windows(certificate.len().max(1)).any(|part| part == certificate)
}

/// A certificate that is its own authority, and its key, in PEM.
pub(super) struct Made {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) renewed_after: Timestamp,
}

fn make(namespace: &str, now: Timestamp) -> Result<Made, rcgen::Error> {
    let name = server_name(namespace);
    let mut params = CertificateParams::new(vec![name.clone(), format!("{name}.cluster.local")])?;
    params.distinguished_name.push(DnType::CommonName, SUBJECT);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A clock may be behind.
    let (year, month, day) = date(now, -1);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = date(now, GOOD_FOR);
    params.not_after = date_time_ymd(year, month, day);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    let renewed_after = now.after(Duration::from_secs((RENEWED_AFTER * DAY).unsigned_abs()));
    Ok(Made { certificate, key: key.serialize_pem(), renewed_after })
}

/// The day so many days from a moment on, in UTC.
fn date(now: Timestamp, days: i64) -> (i32, u8, u8) {
    let at = jiff::Timestamp::from_second(now.as_unix() + days * DAY);
    let date = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |part: i8| part.unsigned_abs();
    (date.year().into(), part(date.month()), part(date.day()))
}

/// One that a controller made.
#[cfg(test)]
pub(super) fn pem_of(namespace: &str) -> String {
    make(namespace, Timestamp::from_unix(1_800_000_000).unwrap()).unwrap().certificate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tls;

    #[test]
    fn what_is_made_can_be_served_with() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let made = make("realm", now).unwrap();
        assert!(tls::held("made", made.certificate.as_bytes(), made.key.as_bytes()).is_ok());
        assert_eq!(date(now, -1), (2027, 1, 14));
        assert_eq!(date(now, GOOD_FOR), (2028, 1, 15));
        let bundle = [b"x".to_vec(), made.certificate.clone().into_bytes()].concat();
        assert!(contains(&bundle, made.certificate.as_bytes()));
        assert!(!contains(b"", made.certificate.as_bytes()));
        let again = make("realm", now).unwrap();
        assert_ne!(made.certificate, again.certificate);
    }

    #[test]
    fn one_is_made_when_there_is_none_and_when_its_time_has_come() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let later = now.after(Duration::from_secs(1));
        let change = |current: &[u8], renew_after, believed: &[u8]| {
            let certificates = Certificates { current: current.to_vec(), renew_after };
            let change = certificates.change(believed, "realm", now).unwrap();
            change.map(|change| (change.believed, change.made.map(|made| made.certificate)))
        };
        assert_eq!(change(b"old", Some(later), b"x old"), None);
        assert_eq!(change(b"old", Some(later), b"x"), Some((b"old".to_vec(), None)));
        for (current, renew_after) in
            [(&b"old"[..], Some(now)), (b"old", None), (b"", Some(later)), (b"", None)]
        {
            let (believed, made) = change(current, renew_after, b"old").unwrap();
            let made = made.unwrap();
            assert_eq!(believed, [made.as_bytes(), current].concat());
        }
    }
}
