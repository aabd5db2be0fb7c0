//! The code flow with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252, RFC 9207): the request, the answer, the code.
//!
//! Must not know how a browser gets there, nor how it comes back.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::error::{Refusal, RelyingError};
use super::metadata::Metadata;
use super::party::{RelyingParty, Wish};
use super::token::{Token, Tokens};
use crate::jose::id_token::Expected;
use crate::jose::issuer::TrustedIssuer;

/// How far the issuer's clock may be from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A login that a browser has been sent for.
pub struct PendingAuthorization {
    /// Where the browser is sent.
    pub url: Url,
    state: String,
    nonce: String,
    verifier: Zeroizing<String>,
    redirect_uri: Url,
    resource: Option<String>,
}

/// Shows nothing by which it could be ended.
impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAuthorization(to {})", self.redirect_uri)
    }
}

/// What is to be known again when the browser comes back, for whoever keeps it where others cannot read it.
#[derive(Serialize, Deserialize)]
pub struct KeptAuthorization {
    state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    resource: Option<String>,
}

impl KeptAuthorization {
    /// The login that it was; nothing when it is none.
    #[must_use]
    pub fn taken_up(self) -> Option<PendingAuthorization> {
        let Self { state, nonce, verifier, redirect_uri, resource } = self;
        let redirect_uri: Url = redirect_uri.parse().ok()?;
        let (url, verifier) = (redirect_uri.clone(), Zeroizing::new(verifier));
        Some(PendingAuthorization { url, state, nonce, verifier, redirect_uri, resource })
    }
}

/// What a browser comes back with.
#[derive(Clone, Debug)]
pub struct AuthorizationAnswer {
    state: String,
    issuer: Option<String>,
    said: Result<Token, Refusal>,
}

impl AuthorizationAnswer {
    /// Reads a query. Parameters that stand twice (RFC 6749 section 3.1), a code beside an error, and neither are no answer.
    #[must_use]
    pub fn read(query: &str) -> Option<Self> {
        let parameters: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let all = |wanted: &str| parameters.iter().filter(|(name, _)| name == wanted).count();
        if ["state", "code", "iss", "error", "error_description"].iter().any(|name| all(name) > 1) {
            return None;
        }
        let one = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let said = match (one("code"), one("error")) {
            (Some(code), None) => Ok(Token::read(code)?),
            (None, Some(error)) => Err(Refusal::new(error, one("error_description"))),
            _ => return None,
        };
        Some(Self { state: one("state")?.to_owned(), issuer: one("iss").map(str::to_owned), said })
    }

    /// Whether it says that somebody has logged in.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.said.is_ok()
    }
}

/// A login that was proved.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose it is (`sub`).
    pub subject: String,
    /// What came of it.
    pub tokens: Tokens,
}

impl PendingAuthorization {
    /// What is to be known of it later.
    #[must_use]
    pub fn kept(&self) -> KeptAuthorization {
        KeptAuthorization {
            state: self.state.clone(),
            nonce: self.nonce.clone(),
            verifier: self.verifier.to_string(),
            redirect_uri: self.redirect_uri.to_string(),
            resource: self.resource.clone(),
        }
    }

    /// Whether an answer is to this login, and not to one that somebody else has begun.
    #[must_use]
    pub fn is_answered_by(&self, answer: &AuthorizationAnswer) -> bool {
        verify_slices_are_equal(self.state.as_bytes(), answer.state.as_bytes()).is_ok()
    }
}

impl RelyingParty<'_> {
    /// Begins a login that is to come back to a place on this machine.
    ///
    /// # Errors
    /// [`RelyingError`]: the issuer has no code flow with PKCE.
    pub fn begin(
        &self,
        redirect_uri: Url,
        wish: Wish<'_>,
    ) -> Result<PendingAuthorization, RelyingError> {
        let place = self.metadata.authorization.as_ref();
        let mut url =
            Metadata::needed(place, "login in a browser (authorization_endpoint)")?.clone();
        if !self.metadata.reads_challenges {
            return Err(RelyingError::NotOffered("PKCE with S256"));
        }
        let (state, nonce) = (random()?, random()?);
        let verifier = Zeroizing::new(random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.client_id)
                .append_pair("redirect_uri", redirect_uri.as_str())
                .append_pair("scope", &wish.scopes.join(" "))
                .append_pair("state", &state)
                .append_pair("nonce", &nonce)
                .append_pair("code_challenge", &challenge)
                .append_pair("code_challenge_method", "S256");
            if let Some(resource) = wish.resource {
                query.append_pair("resource", resource);
            }
            if let Some(key) = &self.key {
                query.append_pair("dpop_jkt", key.thumbprint());
            }
        }
        let resource = wish.resource.map(str::to_owned);
        Ok(PendingAuthorization { url, state, nonce, verifier, redirect_uri, resource })
    }

    /// Ends it by what the browser came back with.
    ///
    /// # Errors
    /// [`RelyingError`]: the answer is to another login or of another issuer, says no, or the issuer does not prove it.
    pub async fn finish(
        &self,
        pending: PendingAuthorization,
        answer: &AuthorizationAnswer,
    ) -> Result<Login, RelyingError> {
        if !pending.is_answered_by(answer) {
            return Err(RelyingError::MixedUp);
        }
        // Before the code is sent anywhere (RFC 9207 section 2.4), and of errors too.
        match &answer.issuer {
            Some(issuer) if issuer != self.issuer.as_str() => return Err(RelyingError::MixedUp),
            None if self.metadata.names_issuer => return Err(RelyingError::MixedUp),
            _ => {}
        }
        let code = answer.said.clone().map_err(RelyingError::Refused)?;
        let place = Metadata::needed(self.metadata.token.as_ref(), "tokens (token_endpoint)")?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", pending.redirect_uri.as_str()),
            ("client_id", &self.client_id),
            ("code_verifier", &pending.verifier),
        ];
        form.extend(pending.resource.as_deref().map(|resource| ("resource", resource)));
        let given = self.post(place, &form).await?;
        self.proved(Tokens::read(&given, (self.clock)())?, Some(&pending.nonce)).await
    }

    /// Believes the ID token that has come with tokens. Of the device flow it has no nonce.
    pub(super) async fn proved(
        &self,
        tokens: Tokens,
        nonce: Option<&str>,
    ) -> Result<Login, RelyingError> {
        let id_token =
            tokens.id_token.as_ref().ok_or(RelyingError::Answer("it has no id_token"))?;
        let signed = self.signed(id_token.expose()).await?;
        let issuer = TrustedIssuer::One(self.issuer.as_str().to_owned());
        let expected = Expected {
            issuer: &issuer,
            client_id: &self.client_id,
            nonce,
            access_token: tokens.access.token.expose(),
            max_age: None,
            clock_skew: CLOCK_SKEW,
        };
        let claims = expected.prove(signed, (self.clock)())?;
        let subject = claims.get("sub").and_then(serde_json::Value::as_str).unwrap_or_default();
        Ok(Login { subject: subject.to_owned(), tokens })
    }
}

/// 256 random bits as text: a state, a nonce or a verifier (RFC 7636 section 4.1) that nobody can guess.
fn random() -> Result<String, RelyingError> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).map_err(|_| RelyingError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(*random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_answer() {
        for (query, granted) in [
            ("code=c&state=s", Some(true)),
            ("state=s&code=c&iss=https%3A%2F%2Fexample.com&session_state=x&x=1&x=2", Some(true)),
            ("error=access_denied&state=s", Some(false)),
            ("", None),
            ("code=c", None),
            ("state=s", None),
            ("code=c&state=s&code=d", None),
            ("code=c&state=s&state=s", None),
            ("code=c&state=s&iss=a&iss=b", None),
            ("code=c&error=e&state=s", None),
            ("code=&state=s", None),
            ("code=a%0d%0ab&state=s", None),
        ] {
            let read = AuthorizationAnswer::read(query);
            assert_eq!(read.map(|answer| answer.is_granted()), granted, "{query}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let answer = AuthorizationAnswer::read("code=geheim&state=s").unwrap();
        assert!(!format!("{answer:?}").contains("geheim"));
        let [one, other] = [(); 2].map(|()| random().unwrap());
        assert!(one != other && one.len() == 43);
    }
}
