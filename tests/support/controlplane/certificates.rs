//! The authority of a control plane and the certificates it gives to the API server and to users.
//!
//! Must not know how they are used.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SigningKey,
};

/// Of the authority itself.
const NAME: &str = "control plane of a test";

// Object identifiers in DER: RFC 5280 appendix A, RFC 5758 section 3.2.
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x06, 3, 0x55, 4, 10];
const EXTENDED_KEY_USAGE: &[u8] = &[0x06, 3, 0x55, 0x1d, 37];
const CLIENT_AUTHENTICATION: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

const SEQUENCE: u8 = 0x30;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// What service account tokens are signed with.
    accounts: [String; 2],
}

impl Authority {
    /// Makes keys of its own, which nobody else believes.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let pem = params.self_signed(&key).unwrap().pem();
        let accounts = KeyPair::generate().unwrap();
        let accounts = [accounts.serialize_pem(), accounts.public_key_pem()];
        Self { issuer: Issuer::new(params, key), pem, accounts }
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The private and the public key of service account tokens.
    pub fn account_keys(&self) -> (&str, &str) {
        let [private, public] = &self.accounts;
        (private, public)
    }

    /// A certificate for a server on this machine, and its key.
    pub fn server(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate that names a user and any number of groups, and its key. Kubernetes takes the user from the common
    /// name and a group from every organization. Written here because rcgen takes one organization only.
    pub fn client(&self, user: &str, groups: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let algorithm = der(SEQUENCE, &[ECDSA_WITH_SHA256]);
        let mut subject = vec![attribute(COMMON_NAME, user)];
        subject.extend(groups.iter().map(|group| attribute(ORGANIZATION, group)));
        let usage = der(SEQUENCE, &[CLIENT_AUTHENTICATION]);
        let extension = der(SEQUENCE, &[EXTENDED_KEY_USAGE, &der(0x04, &[&usage])]);
        let certificate = der(
            SEQUENCE,
            &[
                &der(0xa0, &[&der(0x02, &[&[2]])]), // version 3
                &der(0x02, &[&[1]]),                // serial number
                &algorithm,
                &der(SEQUENCE, &[&attribute(COMMON_NAME, NAME)]),
                &der(SEQUENCE, &[&time("700101000000Z"), &time("491231235959Z")]),
                &der(SEQUENCE, &subject.iter().map(Vec::as_slice).collect::<Vec<_>>()),
                &key.subject_public_key_info(),
                &der(0xa3, &[&der(SEQUENCE, &[&extension])]),
            ],
        );
        let signature = self.issuer.key().sign(&certificate).unwrap();
        let signed = der(SEQUENCE, &[&certificate, &algorithm, &der(0x03, &[&[0], &signature])]);
        (pem("CERTIFICATE", &signed), key.serialize_pem())
    }
}

/// One part of a name, in UTF-8.
fn attribute(kind: &[u8], value: &str) -> Vec<u8> {
    der(0x31, &[&der(SEQUENCE, &[kind, &der(0x0c, &[value.as_bytes()])])])
}

/// UTCTime.
fn time(text: &str) -> Vec<u8> {
    der(0x17, &[text.as_bytes()])
}

/// A value in DER: its tag, its length, and its parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let mut value = vec![tag];
    match content.len() {
        short @ 0..0x80 => value.push(u8::try_from(short).unwrap()),
        _ => {
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            value.push(0x80 | u8::try_from(length.len() - zeros).unwrap());
            value.extend_from_slice(&length[zeros..]);
        }
    }
    value.extend(content);
    value
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap());
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
