//! A browser: cookies of one origin each, and redirects that are followed one at a time.
//!
//! Must not know any protocol.

use std::collections::HashMap;

use http::StatusCode;
use url::Url;

use super::super::pasee::{Answer, Ask, Pasee};

/// One user's browser.
#[derive(Default)]
pub struct Browser {
    /// By origin, then by name.
    cookies: HashMap<String, HashMap<String, String>>,
}

impl Browser {
    /// One GET, with the cookies of that origin.
    pub async fn visit(&mut self, pasee: &Pasee, url: &Url) -> Answer {
        let origin = url.origin().ascii_serialization();
        let mut ask = Ask::new(pasee.client.get(url.clone()));
        let cookies = self.cookies.entry(origin).or_default();
        if !cookies.is_empty() {
            let pairs: Vec<String> =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            ask = ask.header("cookie", &pairs.join("; "));
        }
        let answer = ask.send().await;
        for line in answer.headers.get_all("set-cookie") {
            keep(cookies, line.to_str().unwrap());
        }
        answer
    }

    /// Begins a login; where the provider is.
    pub async fn begin(&mut self, pasee: &Pasee, name: &str) -> Url {
        let begin = format!("{}/tokens/?idp={name}", pasee.url).parse().unwrap();
        let answer = self.visit(pasee, &begin).await.is(303);
        answer.header("location").parse().unwrap()
    }

    /// Begins a login and asks the provider; where it sends the browser back to.
    pub async fn ask(&mut self, pasee: &Pasee, name: &str) -> Url {
        let provider = self.begin(pasee, name).await;
        let answer = self.visit(pasee, &provider).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
        answer.header("location").parse().unwrap()
    }

    /// A whole login; its last answer.
    pub async fn log_in(&mut self, pasee: &Pasee, name: &str) -> Answer {
        let back = self.ask(pasee, name).await;
        self.visit(pasee, &back).await
    }

    /// The cookie of the only login that is under way, as a browser sends it.
    pub fn login_cookie(&mut self, pasee: &Pasee) -> String {
        let cookies = self.cookies(pasee).iter();
        let mut logins = cookies.filter(|(name, _)| name.starts_with("pasee-login-"));
        let ((name, value), None) = (logins.next().unwrap(), logins.next()) else {
            panic!("several logins are under way");
        };
        format!("{name}={value}")
    }

    /// The cookies of an origin.
    pub fn cookies(&mut self, pasee: &Pasee) -> &mut HashMap<String, String> {
        self.cookies.entry(pasee.url.clone()).or_default()
    }
}

fn keep(cookies: &mut HashMap<String, String>, line: &str) {
    let (pair, attributes) = line.split_once(';').unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    let attributes: Vec<&str> = attributes.split(';').map(str::trim).collect();
    for wanted in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(attributes.contains(&wanted), "{line} lacks {wanted}");
    }
    assert!(!line.contains("Domain"), "{line}");
    if attributes.contains(&"Max-Age=0") {
        cookies.remove(name);
    } else {
        assert!(attributes.contains(&"Max-Age=600"), "{line}");
        cookies.insert(name.to_owned(), value.to_owned());
    }
}
