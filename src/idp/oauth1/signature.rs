//! The signature of OAuth 1.0a (RFC 5849 section 3.4) with HMAC-SHA1, and the header it goes into.
//!
//! Own code over AWS-LC's HMAC: it is one page, and no crate for it is kept up. Must not know what is signed.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Url, form_urlencoded};

/// Everything but the unreserved characters of RFC 3986 (RFC 5849 section 3.6).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to be signed. Its body has no parameters.
pub(super) struct SignedRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Where it goes.
    pub place: &'a Url,
    /// The `oauth_` parameters, without `oauth_signature`.
    pub parameters: &'a [(&'a str, &'a str)],
    /// The client's secret.
    pub consumer_secret: &'a str,
    /// The token's; empty when there is no token.
    pub token_secret: &'a str,
}

impl SignedRequest<'_> {
    /// The value of `Authorization` (RFC 5849 section 3.5.1).
    pub(super) fn header(&self) -> HeaderValue {
        let signature = self.signature();
        let all = self.parameters.iter().copied().chain([("oauth_signature", signature.as_str())]);
        let all: Vec<String> =
            all.map(|(name, value)| format!("{}=\"{}\"", escaped(name), escaped(value))).collect();
        let header = HeaderValue::from_str(&format!("OAuth {}", all.join(", ")));
        let mut header = header.expect("what is percent-encoded is ASCII");
        header.set_sensitive(true);
        header
    }

    /// RFC 5849 section 3.4.2.
    fn signature(&self) -> String {
        let key = format!("{}&{}", escaped(self.consumer_secret), escaped(self.token_secret));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        STANDARD.encode(hmac::sign(&key, self.base_string().as_bytes()))
    }

    /// RFC 5849 section 3.4.1.
    fn base_string(&self) -> String {
        let query = self.place.query().unwrap_or_default();
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (escaped(&name), escaped(&value)))
            .chain(self.parameters.iter().map(|(name, value)| (escaped(name), escaped(value))))
            .collect();
        pairs.sort();
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut place = self.place.clone();
        place.set_query(None);
        place.set_fragment(None);
        format!("{}&{}&{}", self.method, escaped(place.as_str()), escaped(&pairs.join("&")))
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed<'a>(
        method: &'a str,
        place: &'a Url,
        parameters: &'a [(&'a str, &'a str)],
        token_secret: &'a str,
    ) -> SignedRequest<'a> {
        SignedRequest {
            method,
            place,
            parameters,
            consumer_secret: "kd94hf93k423kf44",
            token_secret,
        }
    }

    /// Two requests of the example in RFC 5849 section 1.2.
    #[test]
    fn the_example_of_the_rfc() {
        let consumer = ("oauth_consumer_key", "dpf43f3p2l4k3l03");
        let method = ("oauth_signature_method", "HMAC-SHA1");
        let first = [
            consumer,
            method,
            ("oauth_token", "hh5s93j4hdidpola"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "walatlh"),
            ("oauth_verifier", "hfdp7dh39dks9884"),
        ];
        let second = [
            consumer,
            method,
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ];
        let photos = "http://photos.example.net/photos?file=vacation.jpg&size=original";
        for (method, place, parameters, secret, signature) in [
            (
                "POST",
                "https://photos.example.net/token",
                &first[..],
                "hdhd0244k9j7ao03",
                "gKgrFCywp7rO0OXSjdot/IHF7IU=",
            ),
            ("GET", photos, &second[..], "pfkkdhi9sl3r4s00", "MdpQcU8iPSUjWoN/UDMsK2sui9I="),
        ] {
            let place: Url = place.parse().unwrap();
            assert_eq!(signed(method, &place, parameters, secret).signature(), signature);
        }
    }

    /// RFC 5849 section 3.4.1.1, whose body is `c2&a3=2+q`.
    #[test]
    fn the_base_string_of_the_rfc() {
        let place: Url =
            "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        let parameters = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ];
        assert_eq!(
            signed("POST", &place, &parameters, "").base_string(),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26\
             c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26\
             oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }
}
