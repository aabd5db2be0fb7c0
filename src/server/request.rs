//! What a request says: its query, its JSON body, its names.
//!
//! Owns how they are read and what is said of wrong ones. Must not know what is done with them.

use std::collections::BTreeMap;
use std::str::FromStr;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::ApiError;
use super::moment;
use crate::domain::change::Waiting;
use crate::domain::description::{Description, MAX_DESCRIPTION};
use crate::domain::time::Timestamp;
use crate::domain::token::Scope;
use crate::jose::json::strict_object;
use crate::web::Body;
use crate::web::limits::read_body;
use crate::web::peer::Client;

/// A request, who sent it, and when.
pub(super) struct Call<'a> {
    pub parts: &'a Parts,
    pub client: Client,
    pub now: Timestamp,
    /// There until it is read.
    pub body: Option<Body>,
}

impl Call<'_> {
    /// The value of a query parameter; twice the same is a mistake.
    pub(super) fn query(&self, name: &str) -> Result<Option<String>, ApiError> {
        let query = self.parts.uri.query().unwrap_or_default();
        let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.into_owned());
        if found.next().is_some() {
            return Err(ApiError::Malformed(format!(
                "the query has {name} twice; a right one has it once"
            )));
        }
        Ok(value)
    }

    /// The scope that the query asks tokens to be limited to: groups and nothing else, where it is asked for.
    pub(super) fn scope(&self) -> Result<Scope, ApiError> {
        Ok(self.query("scope")?.map(|text| Scope::asked(&text)).transpose()?.unwrap_or_default())
    }

    /// Where a list is to go on, or of whom it is to be; empty says nothing, as old clients send it.
    pub(super) fn cursor<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: Into<ApiError>>,
    {
        let said = self.query(name)?.filter(|text| !text.is_empty());
        said.map(|text| text.parse().map_err(Into::into)).transpose()
    }

    /// Whether the body calls itself this kind of JSON.
    pub(super) fn is_of_type(&self, wanted: &[&str]) -> bool {
        let essence = self.parts.headers.get(CONTENT_TYPE).map(essence).unwrap_or_default();
        wanted.contains(&essence.as_str())
    }

    /// The body as it came.
    pub(super) async fn bytes(mut self) -> Result<Bytes, ApiError> {
        self.read().await
    }

    async fn read(&mut self) -> Result<Bytes, ApiError> {
        match self.body.take() {
            Some(body) => Ok(read_body(body).await?),
            None => Ok(Bytes::new()),
        }
    }

    /// The body as a form that a page sends.
    pub(super) async fn form(&mut self) -> Result<Form, ApiError> {
        if !self.is_of_type(&[FORM]) {
            return Err(ApiError::Malformed(format!(
                "the body must be a form, with the header Content-Type: {FORM}"
            )));
        }
        Form::read(&self.read().await?)
    }

    /// The body as a JSON object.
    pub(super) async fn fields(self) -> Result<Fields, ApiError> {
        if !self.is_of_type(&["application/json", "application/vnd.coreapi+json"]) {
            return Err(ApiError::MediaType);
        }
        let object = strict_object(&self.bytes().await?)
            .map_err(|error| ApiError::Malformed(format!("the body is malformed: {error}")))?;
        Ok(Fields(object))
    }
}

/// What forms call themselves.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Most fields of a form.
const MAX_FIELDS: usize = 64;

/// A form, of which each field stands once.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let wrong = |what: &str| ApiError::Malformed(format!("the form {what}"));
        let body = str::from_utf8(body).map_err(|_| wrong("is not in UTF-8"))?;
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body.as_bytes()) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(wrong("has a field twice; a right one has each once"));
            }
            if fields.len() > MAX_FIELDS {
                return Err(wrong("has more than 64 fields"));
            }
        }
        Ok(Self(fields))
    }

    /// What stands in a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A media type without its parameters, in small letters; empty when it is not readable.
pub(super) fn essence(content_type: &HeaderValue) -> String {
    let text = content_type.to_str().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A JSON object that came as a body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Takes a text out.
    pub(super) fn text(&mut self, name: &str) -> Result<String, ApiError> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(ApiError::Malformed(format!("the field {name} must be a text"))),
            None => Err(ApiError::Malformed(format!(
                "the field {name} is missing; a right body has {{\"{name}\": \"…\"}}"
            ))),
        }
    }

    /// Takes out when something ends: `None` when nothing is said of it, `Some(None)` for no end.
    pub(super) fn end(
        &mut self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, ApiError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(moment::future(name, &text, now)?))),
            // The error says what is right.
            Some(_) => moment::future(name, "", now).map(|moment| Some(Some(moment))),
        }
    }

    /// Takes out what a group is for: `None` when nothing is said of it, `Some(None)` for none.
    pub(super) fn description(
        &mut self,
        name: &str,
    ) -> Result<Option<Option<Description>>, ApiError> {
        let wrong = || {
            ApiError::Malformed(format!(
                "{name} is a text of at most {MAX_DESCRIPTION} characters, or null for none"
            ))
        };
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Description::read(&text).map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// Takes out whether a new group takes in what waits for one of its name.
    pub(super) fn waiting(&mut self, name: &str) -> Result<Waiting, ApiError> {
        match self.0.remove(name) {
            None | Some(Value::Bool(false)) => Ok(Waiting::Forbids),
            Some(Value::Bool(true)) => Ok(Waiting::IsAdopted),
            Some(_) => Err(ApiError::Malformed(format!(
                "{name} is true, to take in what waits for a group of that name, or false"
            ))),
        }
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes anything out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Refuses whatever nobody took.
    pub(super) fn finish(self, right: &str) -> Result<(), ApiError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Malformed(format!(
                "the body has fields that mean nothing here; a right one is {right}"
            )))
        }
    }
}
