//! Somebody with a browser: its cookies, what they read, and what they send.
//!
//! Must not know what a page is about.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::oauth::OAuthProvider;
use super::pasee::{Answer, Ask, Pasee};

const FORM: &str = "application/x-www-form-urlencoded";
/// What browsers say they read.
pub const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A browser at one Pasee.
#[derive(Clone, Default)]
pub struct Visitor {
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
}

/// A page that somebody reads.
#[derive(Clone, Debug)]
pub struct Read {
    pub answer: Answer,
    pub text: String,
}

impl Visitor {
    /// Follows a link, wherever below Pasee.
    pub async fn get(&mut self, pasee: &Pasee, path: &str) -> Answer {
        self.send(pasee.ask("GET", path)).await
    }

    /// A page.
    pub async fn read(&mut self, pasee: &Pasee, path: &str, status: u16) -> Read {
        Read::of(self.get(pasee, path).await.is(status))
    }

    /// Sends a form.
    pub async fn post(&mut self, pasee: &Pasee, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(pasee.ask("POST", path).typed(FORM, form)).await
    }

    /// With this browser's headers, and what comes back in its cookies.
    pub async fn send(&mut self, ask: Ask) -> Answer {
        let mut ask = ask.header("accept", HTML).header("accept-language", self.language);
        if !self.cookies.is_empty() {
            ask = ask.header("cookie", &self.cookie_line());
        }
        let answer = ask.send().await;
        for line in answer.headers.get_all("set-cookie") {
            self.keep(line.to_str().unwrap());
        }
        answer
    }

    /// All cookies, as they are sent.
    pub fn cookie_line(&self) -> String {
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        for wanted in ["Path=/", "HttpOnly", "SameSite=Lax"] {
            assert!(attributes.split(';').any(|found| found.trim() == wanted), "{line}");
        }
        assert!(!line.contains("Domain") && name.len() + value.len() <= 3600, "{line}");
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The names of cookies that have this in theirs.
    pub fn named(&self, part: &str) -> Vec<String> {
        self.cookies.keys().filter(|name| name.contains(part)).cloned().collect()
    }

    /// The session's cookie, as name and value.
    pub fn session(&self) -> (String, String) {
        let names = self.named("pasee-session-");
        let [name] = names.as_slice() else { panic!("{names:?}") };
        (name.clone(), self.cookies[name].clone())
    }

    /// Logs in on the page, with a password.
    pub async fn log_in(&mut self, pasee: &Pasee, name: &str) -> Read {
        let page = self.read(pasee, "/", 200).await;
        let answer = self.give(pasee, &page, name, &format!("pw-{name}")).await.is(303);
        assert_eq!(answer.header("location"), "/");
        self.read(pasee, "/", 200).await
    }

    /// Gives a name and a password on a page.
    pub async fn give(&mut self, pasee: &Pasee, page: &Read, name: &str, password: &str) -> Answer {
        let (action, mut fields) = page.form("username");
        fields.retain(|(field, _)| field != "username" && field != "password");
        fields.extend([
            ("username".to_owned(), name.to_owned()),
            ("password".to_owned(), password.to_owned()),
        ]);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(pasee, &action, &fields).await
    }

    /// Presses the button of the form that has this in it.
    pub async fn press(&mut self, pasee: &Pasee, page: &Read, part: &str) -> Answer {
        let (action, fields) = page.form(part);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(pasee, &action, &fields).await
    }

    /// Follows the link to a provider, as far as back; where the provider sends the browser to.
    pub async fn through(
        &mut self,
        pasee: &Pasee,
        page: &Read,
        provider: &OAuthProvider,
    ) -> String {
        let place = self.get(pasee, &page.link("/tokens/?idp=p")).await.is(303);
        let there = Ask::new(pasee.client.get(place.header("location"))).send().await;
        assert_eq!(there.status, 302, "{there:?} {:?}", provider.complaints());
        let back: Url = there.header("location").parse().unwrap();
        back[url::Position::BeforePath..].to_owned()
    }
}

impl Read {
    pub fn of(answer: Answer) -> Self {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{answer:?}");
        let text = String::from_utf8(answer.body.clone()).unwrap();
        Self { answer, text }
    }

    /// Whether something stands on the page.
    pub fn says(&self, what: &str) -> bool {
        self.text.contains(what)
    }

    /// The only heading of the first rank.
    pub fn heading(&self) -> &str {
        let (_, rest) = self.text.split_once("<h1>").unwrap();
        assert!(!rest.contains("<h1"), "{}", self.text);
        rest.split_once("</h1>").unwrap().0
    }

    /// The first link to a place that begins so.
    pub fn link(&self, begin: &str) -> String {
        let mut links =
            self.text.split("href=\"").skip(1).map(|rest| plain(rest.split_once('"').unwrap().0));
        links
            .find(|link| link.starts_with(begin))
            .unwrap_or_else(|| panic!("no {begin}: {}", self.text))
    }

    /// Where the form that has this in it is sent to, and its fields.
    pub fn form(&self, part: &str) -> (String, Vec<(String, String)>) {
        let forms =
            self.text.split("<form").skip(1).map(|rest| rest.split_once("</form>").unwrap().0);
        let form = forms.into_iter().find(|form| form.contains(part)).unwrap();
        assert!(form.contains("method=\"post\""), "{form}");
        let inputs = form.split("<input").skip(1).map(|rest| rest.split_once('>').unwrap().0);
        let of = |tag: &str, name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            Some(plain(rest.split_once('"')?.0))
        };
        let fields =
            inputs.map(|tag| (of(tag, "name").unwrap(), of(tag, "value").unwrap_or_default()));
        (of(form, "action").unwrap(), fields.collect())
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> String {
        let (_, fields) = self.form(&format!("name=\"{name}\""));
        fields.into_iter().find(|(found, _)| found == name).unwrap().1
    }
}

/// A text as it stands in an attribute.
fn plain(text: &str) -> String {
    text.replace("&#38;", "&")
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
}
