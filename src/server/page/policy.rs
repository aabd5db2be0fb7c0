//! What a browser lets a page do (Content Security Policy Level 3).
//!
//! Must not know what stands on a page.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::STYLE;

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));

/// The policy of a page. Without more it shows itself, in no frame, and sends its forms to where it came from.
///
/// Chromium holds every redirect that follows a form to `form-action` (w3c/webappsec-csp#8), and where a client sends the browser
/// on is not known: a form of ours is answered by a redirect to a page of ours, which moves on by itself.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct PagePolicy {
    forms: Vec<String>,
    script: Option<String>,
}

impl PagePolicy {
    /// A page that also sends forms to this origin, such as `https://app.example.com`.
    #[must_use]
    pub(in crate::server) fn with_forms_to(mut self, origin: &str) -> Self {
        self.forms.push(origin.to_owned());
        self
    }

    /// A page with this script in it, to the letter, and no other.
    #[must_use]
    pub(in crate::server) fn with_script(mut self, script: &str) -> Self {
        self.script = Some(hash(script));
        self
    }

    pub(super) fn header(&self) -> HeaderValue {
        let style = &*STYLE_HASH;
        let forms =
            self.forms.iter().fold("'self'".to_owned(), |forms, origin| forms + " " + origin);
        let script =
            self.script.as_ref().map_or(String::new(), |hash| format!("script-src '{hash}'; "));
        let policy = format!(
            "default-src 'none'; {script}style-src '{style}'; img-src data:; form-action {forms}; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        // What cannot stand in a header is no origin: then no form goes there.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_may_do() {
        let plain = PagePolicy::default().header();
        let plain = plain.to_str().unwrap();
        assert!(plain.starts_with("default-src 'none'; style-src 'sha256-"), "{plain}");
        for part in ["; form-action 'self'; ", "; frame-ancestors 'none'", "; base-uri 'none'; "] {
            assert!(plain.contains(part), "{plain}");
        }
        assert!(!plain.contains("script") && !plain.contains("unsafe"), "{plain}");
        let more =
            PagePolicy::default().with_forms_to("https://app.example.com").with_script("a()");
        let more = more.header();
        let more = more.to_str().unwrap();
        assert!(more.contains("; form-action 'self' https://app.example.com; "), "{more}");
        // printf 'a()' | openssl dgst -sha256 -binary | base64
        assert!(more.contains("; script-src 'sha256-"), "{more}");
    }

    #[test]
    fn what_is_no_origin_is_not_let_through() {
        let policy = PagePolicy::default().with_forms_to("https://a\nb").header();
        assert!(policy.to_str().unwrap().contains("form-action 'self';"));
    }
}
