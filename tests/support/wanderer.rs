//! A browser that keeps cookies by their paths, as RFC 6265 sections 5.1.4 and 5.4 say, and goes to no page that is not Pasee's.
//!
//! Must not know what a page is about.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::pasee::{Answer, Ask, Pasee};
use super::visitor::{HTML, Read};

const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody with one. Cookies of 127.0.0.1, whatever the port: hosts do not share them, ports do. By path and name.
#[derive(Clone, Default)]
pub struct Wanderer {
    pub cookies: BTreeMap<(String, String), String>,
}

/// Where a browser has got to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum End {
    /// A page that asks something, and where it stands.
    Page(Url, Read),
    /// Another site.
    Elsewhere(String),
}

impl End {
    #[track_caller]
    pub fn page(self) -> (Url, Read) {
        match self {
            Self::Page(place, page) => (place, page),
            Self::Elsewhere(place) => panic!("not a page: {place}"),
        }
    }

    #[track_caller]
    pub fn elsewhere(self) -> Url {
        match self {
            Self::Elsewhere(place) => place.parse().unwrap(),
            Self::Page(place, page) => panic!("{place}: {}", page.text),
        }
    }
}

impl Wanderer {
    /// The cookies that are shown there.
    pub fn shown_at(&self, path: &str) -> Vec<String> {
        let matches = |cookie: &str| {
            let Some(rest) = path.strip_prefix(cookie) else { return false };
            rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/')
        };
        let shown = self.cookies.iter().filter(|((cookie, _), _)| matches(cookie));
        shown.map(|((_, name), value)| format!("{name}={value}")).collect()
    }

    async fn send(&mut self, ask: Ask, place: &Url) -> Answer {
        let mut ask = ask.header("accept", HTML);
        let cookies = self.shown_at(place.path());
        if !cookies.is_empty() {
            ask = ask.header("cookie", &cookies.join("; "));
        }
        let answer = ask.send().await;
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let path = attributes.split(';').find_map(|it| it.trim().strip_prefix("Path="));
            let key = (path.unwrap().to_owned(), name.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        answer
    }

    /// Goes there, and on as far as nobody is asked. Every place of Pasee's on the way is below its path.
    pub async fn open(&mut self, pasee: &Pasee, place: &str) -> End {
        let place: Url = place.parse().unwrap();
        let answer = self.send(Ask::new(pasee.client.get(place.clone())), &place).await;
        self.on(pasee, place, answer).await
    }

    /// Sends a form of a page, with these fields in the place of its own, and goes on.
    pub async fn submit(
        &mut self,
        pasee: &Pasee,
        (place, page): &(Url, Read),
        part: &str,
        with: &[(&str, &str)],
    ) -> End {
        let (action, mut fields) = page.form(part);
        fields.retain(|(name, _)| with.iter().all(|(known, _)| known != name));
        let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(own)
            .extend_pairs(with)
            .finish();
        let place = place.join(&action).unwrap();
        assert_ours(pasee, &place);
        let ask = Ask::new(pasee.client.post(place.clone())).typed(FORM, body);
        let answer = self.send(ask, &place).await;
        self.on(pasee, place, answer).await
    }

    /// Gives the password of a user of `local` on a page.
    pub async fn give(&mut self, pasee: &Pasee, page: &(Url, Read), name: &str) -> End {
        let password = format!("pw-{name}");
        let with = [("username", name), ("password", &*password)];
        self.submit(pasee, page, "username", &with).await
    }

    async fn on(&mut self, pasee: &Pasee, mut place: Url, mut answer: Answer) -> End {
        loop {
            assert_ours(pasee, &place);
            let Some(onward) = onward(&answer) else {
                let page = Read::of(answer);
                assert_places(pasee, &place, &page);
                return End::Page(place, page);
            };
            let next = place.join(&onward).unwrap();
            if next.origin() != place.origin() {
                return End::Elsewhere(onward);
            }
            place = next;
            answer = self.send(Ask::new(pasee.client.get(place.clone())), &place).await;
        }
    }
}

fn onward(answer: &Answer) -> Option<String> {
    if answer.status == 303 {
        return Some(answer.header("location").to_owned());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let (_, rest) = text.split_once("http-equiv=\"refresh\" content=\"0; url=")?;
    Some(rest.split_once('"').unwrap().0.replace("&#38;", "&"))
}

#[track_caller]
fn assert_ours(pasee: &Pasee, place: &Url) {
    let ours: Url = pasee.url.parse().unwrap();
    let below = place.path().strip_prefix(ours.path().trim_end_matches('/'));
    assert!(below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')), "{place}");
}

/// Every link and form of a page is Pasee's, and so is what its policy lets it send to.
#[track_caller]
fn assert_places(pasee: &Pasee, place: &Url, page: &Read) {
    for attribute in ["href=\"", "action=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let link = rest.split_once('"').unwrap().0.replace("&#38;", "&");
            if link.starts_with("data:") || link.starts_with("https://app.example.com/") {
                continue;
            }
            assert_ours(pasee, &place.join(&link).unwrap());
        }
    }
    let policy = page.answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self'"), "{policy}");
}
