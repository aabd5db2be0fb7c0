//! Where an authorization request is answered: at one of the client's redirect URIs, to the letter (RFC 9700 section 2.1).
//!
//! Whatever is wrong before that is known is shown to the person, and to no address. Must not know what is answered.

use url::form_urlencoded;

use super::error::OAuthError;
use super::params::Params;
use crate::domain::client::Client;

/// Longest `state` and `nonce`, in bytes.
pub const MAX_STATE: usize = 512;

/// How the answer comes back (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query.
    #[default]
    Query,
    /// In a form that the browser posts.
    FormPost,
}

/// Where the answer goes, and what comes back with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    redirect_uri: String,
    mode: ResponseMode,
    state: Option<String>,
}

impl Destination {
    /// Where the request of this client wants its answer.
    ///
    /// # Errors
    /// When that is none of the client's places: nobody is sent there.
    pub fn read(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        if params.repeats("redirect_uri") {
            return Err(OAuthError::request("the parameter redirect_uri is there more than once"));
        }
        let asked = params.needed("redirect_uri")?;
        if client.redirect(asked).is_none() {
            return Err(OAuthError::request(
                "the redirect_uri is none of those that this client has in redirect_uris: they are compared to the letter, but for the port on \
                 the user's own machine (RFC 9700 section 2.1)",
            ));
        }
        let mode = match params.get("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        // Of one that is too long, the error comes back without it.
        let state = params.bounded("state", MAX_STATE).ok().flatten();
        Ok(Self { redirect_uri: asked.to_owned(), mode, state: state.map(str::to_owned) })
    }

    /// The place.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// How it comes back.
    #[must_use]
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// An answer as it comes back, with who gives it (RFC 9207), so that none is taken for another provider's.
    #[must_use]
    pub fn answer(&self, issuer: &str, mut members: Vec<(&'static str, String)>) -> Answer {
        members.extend(self.state.clone().map(|state| ("state", state)));
        members.push(("iss", issuer.to_owned()));
        Answer { redirect_uri: self.redirect_uri.clone(), mode: self.mode, members }
    }

    /// An error as it comes back (RFC 6749 section 4.1.2.1).
    #[must_use]
    pub fn error(&self, issuer: &str, error: &OAuthError) -> Answer {
        let members = vec![
            ("error", error.code().as_str().to_owned()),
            ("error_description", error.description().to_owned()),
        ];
        self.answer(issuer, members)
    }
}

/// What a browser brings back to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where to.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// Names and values.
    pub members: Vec<(&'static str, String)>,
}

impl Answer {
    /// The address with the answer in its query, which keeps what stands there already (RFC 6749 section 3.1.2).
    #[must_use]
    pub fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.members);
        let between = match self.redirect_uri.rsplit_once('?') {
            None => "?",
            Some((_, rest)) if rest.is_empty() || rest.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{between}{}", self.redirect_uri, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::ClientMetadata;

    fn client() -> Client {
        let mut metadata = ClientMetadata::new("app".parse().unwrap());
        metadata.redirect_uris =
            ["https://app.example.com/back", "https://app.example.com/back?a=1"]
                .map(|uri| uri.parse().unwrap())
                .into();
        Client::new(metadata).unwrap()
    }

    fn read(query: &str) -> Result<Destination, OAuthError> {
        Destination::read(&Params::parse(query).unwrap(), &client())
    }

    #[test]
    fn answers_go_to_places_of_the_client() {
        let to = |query: &str| {
            let destination = read(query).unwrap();
            destination.answer("https://id.example.com", vec![("code", "x.y".to_owned())]).url()
        };
        let iss = "iss=https%3A%2F%2Fid.example.com";
        assert_eq!(
            to("redirect_uri=https://app.example.com/back&state=a%26b"),
            format!("https://app.example.com/back?code=x.y&state=a%26b&{iss}")
        );
        assert_eq!(
            to("redirect_uri=https://app.example.com/back%3Fa%3D1"),
            format!("https://app.example.com/back?a=1&code=x.y&{iss}")
        );
        for wrong in [
            "",
            "redirect_uri=",
            "redirect_uri=https://app.example.com/back/",
            "redirect_uri=https://app.example.com/back%3F",
            "redirect_uri=https://evil.example/",
            "redirect_uri=https://app.example.com/back&redirect_uri=https://app.example.com/back",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn errors_come_back_too() {
        let place = "redirect_uri=https://app.example.com/back&response_mode=form_post";
        let error = OAuthError::request("so");
        let answer =
            read(&format!("{place}&state=x")).unwrap().error("https://id.example.com", &error);
        assert_eq!(answer.mode, ResponseMode::FormPost);
        assert_eq!(
            answer.members,
            [
                ("error", "invalid_request".to_owned()),
                ("error_description", "so".to_owned()),
                ("state", "x".to_owned()),
                ("iss", "https://id.example.com".to_owned()),
            ]
        );
        let long = read(&format!("{place}&state={}", "x".repeat(MAX_STATE + 1))).unwrap();
        assert_eq!(long.state, None);
    }
}
