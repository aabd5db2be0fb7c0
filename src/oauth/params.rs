//! The parameters of a request, from its query or its form.
//!
//! Each stands there once (RFC 6749 section 3.1); one without a value is as good as not there. Must not know what they mean.

use url::form_urlencoded;

use super::error::OAuthError;

/// Most parameters of one request.
const MAX_PARAMS: usize = 64;
/// Longest name of one, in bytes.
const MAX_NAME: usize = 100;

/// The parameters of one request, in their order.
#[derive(Clone, Debug, Default)]
pub struct Params {
    all: Vec<(String, String)>,
    /// The first name that stands there twice.
    repeated: Option<String>,
}

impl Params {
    /// Reads `application/x-www-form-urlencoded`. What is twice there is told by [`Params::once`], when it is known whom to
    /// tell.
    ///
    /// # Errors
    /// When there are too many, or what is there is no text.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            // Bytes that are no UTF-8 are read as this one.
            let is_broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
            if is_broken(&name) || is_broken(&value) {
                return Err(OAuthError::request("a parameter is no text in UTF-8"));
            }
            if params.all.len() == MAX_PARAMS || name.len() > MAX_NAME {
                return Err(OAuthError::request(
                    "there are more than 64 parameters, or one has a name of more than 100 bytes",
                ));
            }
            // RFC 8707 section 2 lets this one be there several times; how many are taken is said where it is read.
            if name != "resource" && params.all.iter().any(|(known, _)| *known == name) {
                params.repeated.get_or_insert_with(|| name.clone().into_owned());
            }
            params.all.push((name.into_owned(), value.into_owned()));
        }
        Ok(params)
    }

    /// The value of a parameter, if it is there with one. Of one that stands there twice, none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.all.iter().filter(|(known, _)| known == name);
        let (Some((_, value)), None) = (values.next(), values.next()) else { return None };
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that has to be there.
    ///
    /// # Errors
    /// When it is not, in words that name it.
    pub fn needed(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::request(format!("the parameter {name} is missing")))
    }

    /// The value of a parameter of at most so many bytes, without control characters.
    ///
    /// # Errors
    /// When it is longer.
    pub fn bounded(&self, name: &'static str, most: usize) -> Result<Option<&str>, OAuthError> {
        let value = self.get(name);
        let fits = |value: &str| value.len() <= most && !value.chars().any(char::is_control);
        if value.is_none_or(fits) {
            return Ok(value);
        }
        Err(OAuthError::request(format!(
            "the parameter {name} is longer than {most} bytes, or has control characters"
        )))
    }

    /// That no parameter stands there twice, known or not.
    ///
    /// # Errors
    /// Which one does.
    pub fn once(&self) -> Result<(), OAuthError> {
        match &self.repeated {
            None => Ok(()),
            Some(name) => Err(OAuthError::request(format!(
                "the parameter {name} is there more than once; a right request has each once"
            ))),
        }
    }

    /// Whether one is there more than once.
    #[must_use]
    pub fn repeats(&self, name: &str) -> bool {
        self.all.iter().filter(|(known, _)| known == name).count() > 1
    }

    /// The same parameters but these, as a query.
    #[must_use]
    pub fn to_query_without(&self, left_out: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.all {
            if !left_out.contains(&name.as_str()) {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once() {
        let params = Params::parse("a=1&b=&c=%20x+y&a=2&d").unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.get("d")), (None, None, None));
        assert_eq!(params.get("c"), Some(" x y"));
        assert!(params.repeats("a") && !params.repeats("b"));
        assert!(params.once().unwrap_err().description().contains("parameter a is there"));
        assert!(params.needed("b").unwrap_err().description().contains("b is missing"));
        assert_eq!(params.needed("c"), Ok(" x y"));
        // An empty one and a full one are two.
        assert!(Params::parse("x=&x=1").unwrap().once().is_err());
        assert!(Params::parse("x=1&X=1").unwrap().once().is_ok());
    }

    #[test]
    fn bounds() {
        let many = |count: usize| {
            let all: Vec<String> = (0..count).map(|number| format!("p{number}=1")).collect();
            Params::parse(&all.join("&"))
        };
        assert!(many(MAX_PARAMS).is_ok() && many(MAX_PARAMS + 1).is_err());
        for broken in ["a=%ff", "%c3%28=1", "a=\u{fffd}"] {
            assert!(Params::parse(broken).is_err(), "{broken}");
        }
        assert!(Params::parse(&format!("{}=1", "n".repeat(MAX_NAME + 1))).is_err());
        let params = Params::parse("state=12345&n=%0a").unwrap();
        assert_eq!(params.bounded("state", 5), Ok(Some("12345")));
        assert!(params.bounded("state", 4).is_err() && params.bounded("n", 4).is_err());
        assert_eq!(params.bounded("none", 0), Ok(None));
    }

    #[test]
    fn written_again() {
        let params = Params::parse("a=1+2&b=%26&c=3").unwrap();
        assert_eq!(params.to_query_without(&["c"]), "a=1+2&b=%26");
    }
}
