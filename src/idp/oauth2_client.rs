//! The requests of the crate `oauth2`, through our own calls with their bounds.
//!
//! Must not know what an answer means: each protocol judges that.

use std::future::Future;
use std::pin::Pin;

use ::oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::form_urlencoded;

use super::error::ProviderError;
use crate::outbound::{HttpClient, Repeat, Response, SentSecrets};

/// Our client as the crate wants it.
pub(super) struct OAuth2HttpClient<'a> {
    /// Makes the calls.
    pub http: &'a HttpClient,
    /// Judges an answer before the crate sees anything of it: what the crate is to read, as JSON that says yes.
    pub judge: fn(&Response, &SentSecrets) -> Result<Vec<u8>, ProviderError>,
}

/// What the form of a token request holds, and the credential beside it, that is nobody's to read.
fn secrets(form: &[u8], headers: &HeaderMap) -> SentSecrets {
    let is_secret = |name: &str| {
        matches!(name, "code" | "code_verifier" | "client_secret" | "client_assertion")
    };
    let in_form = form_urlencoded::parse(form).filter(|(name, _)| is_secret(name));
    let mut sent: Vec<String> = in_form.map(|(_, value)| value.into_owned()).collect();
    let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(credential) = basic.and_then(|value| value.strip_prefix("Basic ")) {
        sent.push(credential.to_owned());
        let pair = STANDARD.decode(credential).ok().and_then(|pair| String::from_utf8(pair).ok());
        if let Some((_, secret)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
            // RFC 6749 section 2.3.1: encoded as in a form.
            let plain = format!("={secret}");
            let plain = form_urlencoded::parse(plain.as_bytes()).next();
            sent.extend(plain.map(|(_, secret)| secret.into_owned()));
        }
    }
    sent.into_iter().collect()
}

impl<'c> AsyncHttpClient<'c> for OAuth2HttpClient<'_> {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl OAuth2HttpClient<'_> {
    /// Sends once: a code is good once, and a provider that sees one twice takes back what it gave for it.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ProviderError> {
        let (mut head, body) = request.into_parts();
        if let Some(credential) = head.headers.get_mut(AUTHORIZATION) {
            credential.set_sensitive(true);
        }
        let place = head.uri.to_string();
        let sent = secrets(&body, &head.headers);
        let call = self.http.request(head.method, &place).headers(head.headers);
        let answer = self.http.send(call.body(body), Repeat::Never).await?;
        let mut response = HttpResponse::new((self.judge)(&answer, &sent)?);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_hidden() {
        let form = b"grant_type=authorization_code&code=c%2Fode&code_verifier=very-long&client_secret=sec%20ret";
        let sent = secrets(form, &HeaderMap::new());
        let said = "the code c/ode of authorization_code with very-long and sec ret is wrong";
        let shown = "the code [hidden] of authorization_code with [hidden] and [hidden] is wrong";
        assert_eq!(sent.loggable(said), shown);
        // RFC 6749 section 2.3.1: encoded as in a form, and then in base 64.
        let basic = format!("Basic {}", STANDARD.encode("pasee:se%2Fcret"));
        let headers = HeaderMap::from_iter([(AUTHORIZATION, basic.parse().unwrap())]);
        let sent = secrets(b"code=&state=x", &headers);
        for said in ["pasee", "x", ""] {
            assert_eq!(sent.loggable(said), said);
        }
        for secret in ["se/cret", "se%2Fcret", &basic["Basic ".len()..]] {
            assert_eq!(sent.loggable(&format!("a {secret} b")), "a [hidden] b");
        }
    }

    /// Some providers say again what they were sent as it came over the wire, or escape it anew.
    #[test]
    fn what_was_sent_is_hidden_however_it_is_escaped() {
        let form = b"code=co%2Fde%2B1&client_secret=p%40ss%2Fw%2Brd+with+spaces";
        let sent = secrets(form, &HeaderMap::new());
        for said in [
            "code=co%2Fde%2B1&client_secret=p%40ss%2Fw%2Brd+with+spaces",
            "code=co%2fde%2b1&client_secret=p%40ss%2fw%2brd+with+spaces",
            "code=co%2Fde%2B1&client_secret=p%40ss%2Fw%2Brd%20with%20spaces",
            "code=co%252Fde%252B1&client_secret=p%2540ss%252Fw%252Brd%2520with%2520spaces",
            "code=co/de+1&client_secret=p@ss/w+rd with spaces",
            "code=co/de+1&client_secret=/w+rd with",
        ] {
            assert_eq!(sent.loggable(said), "code=[hidden]&client_secret=[hidden]", "{said}");
        }
    }
}
