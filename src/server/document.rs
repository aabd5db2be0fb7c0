//! Documents in the Core JSON encoding (Core API 1.0): documents, links, fields, errors.
//!
//! Must not know what any of them is about.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A document: a URL, a title, and what is in it.
#[derive(Debug)]
pub struct Document(Map<String, Value>);

impl Document {
    /// An empty document at a URL.
    #[must_use]
    pub fn new(url: &str, title: &str) -> Self {
        let mut content = Map::new();
        content.insert("_type".into(), "document".into());
        content.insert("_meta".into(), json!({ "url": url, "title": title }));
        Self(content)
    }

    /// The document with one thing more in it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// The document with one thing more in it, if there is one.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// As bytes to send.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a JSON tree always prints")
    }
}

impl From<Document> for Value {
    fn from(document: Document) -> Self {
        Self::Object(document.0)
    }
}

/// A document of which all but a few members stays the same from answer to answer: that is written once.
#[derive(Debug)]
pub struct Frame(Vec<u8>);

/// Room for the members, in bytes: most are shorter.
const MEMBERS: usize = 4096;

impl Frame {
    /// What stays.
    #[must_use]
    pub fn new(document: &Document) -> Self {
        let mut unclosed = document.to_bytes();
        unclosed.pop();
        Self(unclosed)
    }

    /// As bytes to send, with the members of a struct that has some, none of which stands in the frame already.
    #[must_use]
    pub fn around(&self, members: &impl Serialize) -> Vec<u8> {
        let Self(frame) = self;
        let mut document = Vec::with_capacity(frame.len() + MEMBERS);
        document.extend_from_slice(frame);
        serde_json::to_writer(&mut document, members).expect("a struct of texts always prints");
        // What opens the struct goes on with the document.
        document[frame.len()] = b',';
        document
    }
}

/// Something to do: a method and a URL, and what to say with it.
#[derive(Debug)]
pub struct Link {
    url: String,
    action: &'static str,
    title: String,
    description: String,
    fields: Vec<Value>,
}

/// Where a field of a link goes.
#[derive(Clone, Copy, Debug)]
pub enum Location {
    /// Into the JSON body.
    Form,
    /// Into the query.
    Query,
    /// Into the path.
    Path,
}

/// Whether a field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may.
    Optional,
}

impl Link {
    /// A link with a method in small letters, as Core API writes it.
    #[must_use]
    pub fn new(
        action: &'static str,
        url: impl Into<String>,
        title: &str,
        description: &str,
    ) -> Self {
        Self {
            url: url.into(),
            action,
            title: title.to_owned(),
            description: description.to_owned(),
            fields: Vec::new(),
        }
    }

    /// The link with one field more.
    #[must_use]
    pub fn field(mut self, name: &str, location: Location, need: Need) -> Self {
        let location = match location {
            Location::Form => "form",
            Location::Query => "query",
            Location::Path => "path",
        };
        self.fields.push(
            json!({ "name": name, "location": location, "required": need == Need::Required }),
        );
        self
    }
}

impl From<Link> for Value {
    fn from(link: Link) -> Self {
        json!({
            "_type": "link",
            "url": link.url,
            "action": link.action,
            "title": link.title,
            "description": link.description,
            "fields": link.fields,
        })
    }
}

/// An error, in either of two encodings.
#[derive(Debug)]
pub struct ErrorDocument {
    status: StatusCode,
    title: String,
    members: Map<String, Value>,
}

impl ErrorDocument {
    /// An error of a status, and what it says.
    #[must_use]
    pub fn new(status: StatusCode, title: &str) -> Self {
        Self { status, title: title.to_owned(), members: Map::new() }
    }

    /// The error with these members besides.
    #[must_use]
    pub fn with(mut self, members: Map<String, Value>) -> Self {
        self.members.extend(members);
        self
    }

    /// As a document of type `error`, which every client of Core API reads.
    #[must_use]
    pub fn core_json(&self) -> Vec<u8> {
        let mut document = Map::new();
        document.insert("_type".to_owned(), "error".into());
        document.insert("_meta".to_owned(), json!({ "title": self.title }));
        self.written(document)
    }

    /// As problem details (RFC 9457), for who asks for those.
    #[must_use]
    pub fn problem(&self) -> Vec<u8> {
        let mut document = Map::new();
        document.insert("type".to_owned(), "about:blank".into());
        document.insert("title".to_owned(), self.title.as_str().into());
        document.insert("status".to_owned(), self.status.as_u16().into());
        self.written(document)
    }

    fn written(&self, mut document: Map<String, Value>) -> Vec<u8> {
        for (name, value) in &self.members {
            document.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        serde_json::to_vec(&document).expect("a JSON tree always prints")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::json::strict_object;

    #[test]
    fn a_frame_is_the_document_with_more() {
        #[derive(Serialize)]
        struct Members<'a> {
            name: &'a str,
            age: u8,
        }
        let document = || Document::new("https://pasee/", "A \"title\"").with("link", "}");
        let framed = Frame::new(&document()).around(&Members { name: "a\"},", age: 3 });
        let whole = document().with("name", "a\"},").with("age", 3).to_bytes();
        assert_eq!(strict_object(&framed).unwrap(), strict_object(&whole).unwrap());
    }
}
