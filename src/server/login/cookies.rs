//! Our cookies: their names and attributes, and how they are read.
//!
//! Must not know what is in them.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::base_url::BaseUrl;
use crate::jose::seal::SealError;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// Longest sealed value, in characters: with its name it is well below what every browser keeps (RFC 6265 section 6.1), and
/// beside others of the same host below what servers take of all headers.
pub(super) const MAX_VALUE: usize = 3500;

/// How the cookies of this Pasee are called, and where a browser shows them.
#[derive(Clone, Debug)]
pub(in crate::server) struct Cookies {
    prefix: &'static str,
    path: String,
    issuer: String,
}

/// Which login of a browser: 64 random bits in the name of its cookie, as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server) struct LoginId(u64);

impl LoginId {
    /// A new one.
    pub(super) fn random() -> Result<Self, SealError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| SealError)?;
        Ok(Self(u64::from_be_bytes(random)))
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is the id of no login.
#[derive(Debug)]
pub(in crate::server) struct NoLoginId;

impl FromStr for LoginId {
    type Err = NoLoginId;

    fn from_str(text: &str) -> Result<Self, NoLoginId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(NoLoginId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| NoLoginId)
    }
}

impl Cookies {
    /// The cookies of an issuer that browsers reach at this URL.
    ///
    /// `__Host-` keeps hosts below the same domain from setting them, and takes https and the root; below a path there is no more
    /// than `__Secure-` (RFC 6265bis section 4.1.3). Names carry the issuer, as ports and paths of one host share what is set.
    pub(in crate::server) fn new(base: &BaseUrl, issuer: &str) -> Self {
        let prefix = match (base.is_https(), base.path()) {
            (true, "") => "__Host-",
            (true, _) => "__Secure-",
            (false, _) => "",
        };
        let mut digits = String::new();
        for byte in &Sha256::digest(issuer)[..4] {
            // Writing to a text never fails.
            let _ = write!(digits, "{byte:02x}");
        }
        let path = if base.path().is_empty() { "/" } else { base.path() };
        Self { prefix, path: path.to_owned(), issuer: digits }
    }

    /// The name of the session's cookie.
    pub(super) fn session(&self) -> String {
        format!("{}pasee-session-{}", self.prefix, self.issuer)
    }

    /// The name of the cookie with who has logged in on a device.
    pub(super) fn device(&self) -> String {
        format!("{}pasee-device-{}", self.prefix, self.issuer)
    }

    /// The name of the cookie with what somebody has said to clients.
    pub(in crate::server) fn consents(&self) -> String {
        format!("{}pasee-consents-{}", self.prefix, self.issuer)
    }

    /// The value of the cookie of this name, if there is just one.
    pub(in crate::server) fn value_of<'h>(
        &self,
        headers: &'h HeaderMap,
        name: &str,
    ) -> Option<&'h str> {
        value(headers, name)
    }

    /// The header that makes a browser carry a cookie until it is closed.
    pub(in crate::server) fn set_for_session(
        &self,
        name: &str,
        value: &str,
    ) -> Result<HeaderValue, SealError> {
        self.set(name, value, None)
    }

    /// The name of a login's cookie.
    pub(super) fn login(&self, id: LoginId) -> String {
        format!("{}{id}", self.login_prefix())
    }

    fn login_prefix(&self) -> String {
        format!("{}pasee-login-{}-", self.prefix, self.issuer)
    }

    /// The header that makes a browser carry a cookie for so long, or until it is closed. Lax: browsers come back by a link from
    /// another site.
    pub(super) fn set(
        &self,
        name: &str,
        value: &str,
        lasts: Option<Duration>,
    ) -> Result<HeaderValue, SealError> {
        let path = &self.path;
        let age = lasts.map_or(String::new(), |lasts| format!("; Max-Age={}", lasts.as_secs()));
        let secure = if self.prefix.is_empty() { "" } else { "; Secure" };
        let cookie = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{age}{secure}");
        let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| SealError)?;
        cookie.set_sensitive(true);
        Ok(cookie)
    }

    /// The header that makes a browser forget one.
    pub(super) fn unset(&self, name: &str) -> Result<HeaderValue, SealError> {
        self.set(name, "", Some(Duration::ZERO))
    }

    /// What the browser carries of logins, by their ids.
    pub(super) fn logins<'h>(&self, headers: &'h HeaderMap) -> BTreeMap<LoginId, &'h str> {
        let prefix = self.login_prefix();
        let mut found: BTreeMap<LoginId, Vec<&str>> = BTreeMap::new();
        for (name, value) in pairs(headers) {
            let id = name.strip_prefix(prefix.as_bytes()).and_then(|id| str::from_utf8(id).ok());
            if let (Some(id), Ok(value)) =
                (id.and_then(|id| id.parse().ok()), str::from_utf8(value))
            {
                found.entry(id).or_default().push(value);
            }
        }
        let only = |(id, values): (LoginId, Vec<&'h str>)| match values.as_slice() {
            [value] => Some((id, *value)),
            _ => None,
        };
        found.into_iter().filter_map(only).collect()
    }
}

/// The value of the cookie of this name; a second of that name makes both worth nothing.
pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = pairs(headers).filter(|(found, _)| *found == name.as_bytes());
    let (Some((_, value)), None) = (values.next(), values.next()) else { return None };
    str::from_utf8(value).ok()
}

/// Names and values. Octets: what other cookies of the host hold is none of our business (RFC 6265 section 5.4).
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..equals], &pair[equals + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_attributes() {
        let id = "00ff00ff00ff00ff".parse().unwrap();
        // printf 'https://pasee.example.com' | sha256sum | cut -c1-8
        for (hostname, name, attributes) in [
            ("https://pasee.example.com", "__Host-", "Path=/; HttpOnly; SameSite=Lax; Secure"),
            (
                "https://example.com/pasee",
                "__Secure-",
                "Path=/pasee; HttpOnly; SameSite=Lax; Secure",
            ),
            ("http://127.0.0.1:8150", "", "Path=/; HttpOnly; SameSite=Lax"),
            ("http://localhost:8150/pasee", "", "Path=/pasee; HttpOnly; SameSite=Lax"),
        ] {
            let cookies = Cookies::new(&hostname.parse().unwrap(), "pasee.example.com");
            assert_eq!(cookies.session(), format!("{name}pasee-session-55c1f148"), "{hostname}");
            let login = cookies.login(id);
            assert_eq!(login, format!("{name}pasee-login-55c1f148-00ff00ff00ff00ff"));
            let set = cookies.set(&login, "v", None).unwrap();
            assert_eq!(set.to_str().unwrap(), format!("{login}=v; {attributes}"));
            assert!(set.is_sensitive());
            let unset = cookies.unset(&login).unwrap();
            assert!(unset.to_str().unwrap().contains("; Max-Age=0"), "{unset:?}");
        }
        let base = "https://pasee.example.com".parse().unwrap();
        assert_ne!(Cookies::new(&base, "another").session(), Cookies::new(&base, "one").session());
    }

    #[test]
    fn what_a_browser_carries() {
        let cookies = Cookies::new(&"http://127.0.0.1:8150".parse().unwrap(), "pasee.example.com");
        let [one, two] = ["0000000000000001", "0000000000000002"].map(|id| id.parse().unwrap());
        let (first, second) = (cookies.login(one), cookies.login(two));
        let lines = [
            format!("a=b; {first}=x; {second}=1;{second}=2; c; ="),
            format!("{first}0=y; pasee-login-{}=z; {}=s=t", cookies.issuer, cookies.session()),
        ];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers.append(COOKIE, HeaderValue::from_bytes(b"d=\xff\xfe").unwrap());
        assert_eq!(
            cookies.logins(&headers),
            BTreeMap::from([(one, "x")]),
            "two of a name are none"
        );
        assert_eq!(value(&headers, &cookies.session()), Some("s=t"));
        assert_eq!(
            (value(&headers, &second), value(&headers, "d"), value(&headers, "e")),
            (None, None, None)
        );
    }

    #[test]
    fn ids_of_logins() {
        let id = LoginId::random().unwrap();
        assert_eq!(id.to_string().parse::<LoginId>().unwrap(), id);
        for wrong in [
            "",
            "0",
            "00000000000000000",
            "000000000000000G",
            "+000000000000001",
            "00000000000000AB",
        ] {
            assert!(wrong.parse::<LoginId>().is_err(), "{wrong}");
        }
    }
}
