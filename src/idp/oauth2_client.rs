//! The requests of the crate `oauth2`, through our own calls with their bounds.
//!
//! Must not know what an answer means: each protocol judges that.

use std::future::Future;
use std::pin::Pin;

use ::oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use super::error::ProviderError;
use crate::outbound::{HttpClient, Repeat, Response};

/// Our client as the crate wants it.
pub(super) struct OAuth2HttpClient<'a> {
    /// Makes the calls.
    pub http: &'a HttpClient,
    /// Judges an answer before the crate sees anything of it: what the crate is to read, as JSON that says yes.
    pub judge: fn(&Response) -> Result<Vec<u8>, ProviderError>,
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
        let call = self.http.request(head.method, &place).headers(head.headers);
        let answer = self.http.send(call.body(body), Repeat::Never).await?;
        let mut response = HttpResponse::new((self.judge)(&answer)?);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}
