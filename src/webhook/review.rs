//! AdmissionReviews as the API server sends and takes them (`admission.k8s.io/v1`).
//!
//! Must not know what is allowed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::resources::API_GROUP;

const VERSION: &str = "admission.k8s.io/v1";
/// Longest warning that every client shows whole, in characters (`k8s.io/api/admission/v1`, `AdmissionResponse`).
const MAX_WARNING: usize = 120;
/// The API server takes 4 KiB of warnings in all.
const MAX_WARNINGS: usize = 16;

/// Most values in a review: some ten times those of the largest objects there can be, before and after. Each takes more memory than
/// it takes bytes of a review.
const MAX_VALUES: usize = 100_000;

/// What somebody wants to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
}

/// A kind of object that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Group,
    Membership,
    User,
    OAuthClient,
    /// Any other of ours, by whatever version of Pasee it was defined.
    Other,
}

/// The request of a review.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    uid: String,
    resource: Resource,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    operation: Operation,
    user_info: UserInfo,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
struct Resource {
    group: String,
    resource: String,
}

#[derive(Debug, Deserialize)]
struct UserInfo {
    #[serde(default)]
    username: String,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    api_version: String,
    kind: String,
    request: Wire,
}

/// What is to be judged: who does what with which object.
#[derive(Debug)]
pub(super) struct Review {
    uid: String,
    name: String,
    kind: Kind,
    pub(super) namespace: String,
    pub(super) username: String,
    extra: BTreeMap<String, Vec<String>>,
    pub(super) operation: Operation,
    /// The object as it is to be; null when it is to be deleted.
    pub(super) after: Value,
    /// The object as it is; null when it is to be made.
    pub(super) before: Value,
    pub(super) earnest: Earnest,
}

/// Whether what is allowed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earnest {
    Written,
    DryRun,
}

/// Something is no review.
#[derive(Debug)]
pub(super) struct NoReview;

impl Review {
    pub(super) fn read(body: &[u8]) -> Result<Self, NoReview> {
        if values(body) > MAX_VALUES {
            return Err(NoReview);
        }
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| NoReview)?;
        if envelope.api_version != VERSION || envelope.kind != "AdmissionReview" {
            return Err(NoReview);
        }
        let request = envelope.request;
        let kind = match (&*request.resource.group, &*request.resource.resource) {
            (API_GROUP, "groups") => Kind::Group,
            (API_GROUP, "memberships") => Kind::Membership,
            (API_GROUP, "users") => Kind::User,
            (API_GROUP, "oauthclients") => Kind::OAuthClient,
            _ => Kind::Other,
        };
        // Whoever may write statuses is up to RBAC, and no user of a realm may.
        let kind = if request.sub_resource.is_empty() { kind } else { Kind::Other };
        Ok(Self {
            uid: request.uid,
            name: request.name,
            kind,
            namespace: request.namespace,
            username: request.user_info.username,
            extra: request.user_info.extra,
            operation: request.operation,
            after: request.object,
            before: request.old_object,
            earnest: if request.dry_run { Earnest::DryRun } else { Earnest::Written },
        })
    }

    /// What the API server says of its author besides, under a key; mostly nothing.
    pub(super) fn extra(&self, key: &str) -> &[String] {
        self.extra.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of(&self) -> Kind {
        self.kind
    }

    /// The kind, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Group => "Group",
            Kind::Membership => "Membership",
            Kind::User => "User",
            Kind::OAuthClient => "OAuthClient",
            Kind::Other => "other",
        }
    }

    /// The object's name; empty for one that is to be made with a generated name.
    pub(super) fn name(&self) -> &str {
        let object = if self.after.is_null() { &self.before } else { &self.after };
        let named = object["metadata"]["name"].as_str();
        named.filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }
}

/// How many values some JSON has at most.
fn values(json: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => count += 1,
            _ => {}
        }
    }
    count
}

/// What a review comes to.
#[derive(Debug)]
pub(super) enum Answer {
    Allow { patch: Vec<Value>, warnings: Vec<String> },
    Refuse { code: StatusCode, message: String },
}

impl Answer {
    pub(super) fn allow(patch: Vec<Value>, warnings: Vec<String>) -> Self {
        Self::Allow { patch, warnings }
    }

    pub(super) fn refuse(code: StatusCode, message: &str) -> Self {
        Self::Refuse { code, message: message.to_owned() }
    }

    pub(super) fn to_json(&self, review: &Review) -> String {
        let mut response = Map::new();
        response.insert("uid".to_owned(), json!(review.uid));
        match self {
            Self::Allow { patch, warnings } => {
                response.insert("allowed".to_owned(), json!(true));
                if !patch.is_empty() {
                    let patch = STANDARD.encode(Value::Array(patch.clone()).to_string());
                    response.insert("patchType".to_owned(), json!("JSONPatch"));
                    response.insert("patch".to_owned(), json!(patch));
                }
                if !warnings.is_empty() {
                    let short = |text: &String| text.chars().take(MAX_WARNING).collect::<String>();
                    let warnings: Vec<String> =
                        warnings.iter().take(MAX_WARNINGS).map(short).collect();
                    response.insert("warnings".to_owned(), json!(warnings));
                }
            }
            Self::Refuse { code, message } => {
                response.insert("allowed".to_owned(), json!(false));
                let status = json!({ "code": code.as_u16(), "message": message });
                response.insert("status".to_owned(), status);
            }
        }
        json!({ "apiVersion": VERSION, "kind": "AdmissionReview", "response": response })
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A review of somebody's Group, changed at some places.
    fn review(changes: &[(&str, Value)]) -> Value {
        let mut review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "7", "operation": "UPDATE", "namespace": "realm", "name": "named",
                "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "groups" },
                "userInfo": { "username": "pasee:k-ada", "extra": { "example.com/x": ["1", "2"] } },
                "object": { "metadata": { "name": "after" } },
                "oldObject": { "metadata": { "name": "before" } },
            },
        });
        for (place, value) in changes {
            let (parent, key) = place.rsplit_once('/').unwrap();
            review.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        review
    }

    fn read(changes: &[(&str, Value)]) -> Result<Review, NoReview> {
        Review::read(review(changes).to_string().as_bytes())
    }

    #[test]
    fn what_is_to_be_done_with_what() {
        let resource = "/request/resource/resource";
        for (changes, kind, shown) in [
            (vec![(resource, json!("groups"))], Kind::Group, "Group"),
            (vec![(resource, json!("memberships"))], Kind::Membership, "Membership"),
            (vec![(resource, json!("users"))], Kind::User, "User"),
            (vec![(resource, json!("oauthclients"))], Kind::OAuthClient, "OAuthClient"),
            (vec![(resource, json!("sessionrevocations"))], Kind::Other, "other"),
            (vec![("/request/resource/group", json!("example.com"))], Kind::Other, "other"),
            (vec![("/request/subResource", json!("status"))], Kind::Other, "other"),
        ] {
            let review = read(&changes).unwrap();
            assert_eq!((review.of(), review.kind()), (kind, shown), "{changes:?}");
        }
        for (operation, read_as) in [
            ("CREATE", Operation::Create),
            ("UPDATE", Operation::Update),
            ("DELETE", Operation::Delete),
        ] {
            let review = read(&[("/request/operation", json!(operation))]).unwrap();
            assert_eq!(review.operation, read_as);
        }
        for (is_dry_run, earnest) in [(false, Earnest::Written), (true, Earnest::DryRun)] {
            assert_eq!(read(&[("/request/dryRun", json!(is_dry_run))]).unwrap().earnest, earnest);
        }
        for (place, wrong) in [
            ("/apiVersion", "admission.k8s.io/v1beta1"),
            ("/kind", "ConversionReview"),
            ("/request/operation", "CONNECT"),
        ] {
            assert!(read(&[(place, json!(wrong))]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whose_and_of_what_name() {
        let review = read(&[]).unwrap();
        assert_eq!((&*review.namespace, &*review.username), ("realm", "pasee:k-ada"));
        assert_eq!(review.extra("example.com/x"), ["1", "2"]);
        assert_eq!(review.extra("example.com/y"), [""; 0]);
        for (changes, name) in [
            (vec![], "after"),
            (vec![("/request/object", Value::Null)], "before"),
            (vec![("/request/object/metadata/name", json!(""))], "named"),
            (vec![("/request/object/metadata", json!({ "generateName": "x-" }))], "named"),
        ] {
            assert_eq!(read(&changes).unwrap().name(), name, "{changes:?}");
        }
    }

    /// What is counted is what takes memory: never less than there is, and nothing of what only looks like it in a text.
    #[test]
    fn values_of_json() {
        for (json, count) in [
            ("1", 1),
            ("[]", 2),
            ("[1,2]", 3),
            (r#"{"a":1,"b":[2,{}]}"#, 6),
            (r#""[,{""#, 1),
            (r#""\"[,{""#, 1),
            (r#"["\\",[]]"#, 4),
            (r#"["\\\",[]"]"#, 2),
            (r#"["a","b"]"#, 3),
        ] {
            assert_eq!(values(json.as_bytes()), count, "{json}");
        }
        let with = |count: usize| review(&[("/request/object/x", json!(vec![0; count]))]);
        let around = values(with(1).to_string().as_bytes()) - 1;
        for (more, is_read) in [(0, true), (1, false), (1000, false)] {
            let body = with(MAX_VALUES - around + more).to_string();
            assert_eq!(Review::read(body.as_bytes()).is_ok(), is_read, "{more} more");
        }
    }

    #[test]
    fn answers_as_the_api_server_takes_them() {
        let review = read(&[]).unwrap();
        let told = |answer: Answer| -> Value {
            let mut told: Value = serde_json::from_str(&answer.to_json(&review)).unwrap();
            assert_eq!(told["apiVersion"], VERSION);
            assert_eq!(told["kind"], "AdmissionReview");
            told["response"].take()
        };
        let nothing = json!({ "uid": "7", "allowed": true });
        assert_eq!(told(Answer::allow(Vec::new(), Vec::new())), nothing);
        let operation = json!({ "op": "add", "path": "/x", "value": 1 });
        let patched = told(Answer::allow(vec![operation.clone()], Vec::new()));
        assert_eq!(patched["patchType"], "JSONPatch");
        let patch = STANDARD.decode(patched["patch"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&patch).unwrap(), json!([operation]));
        let warnings = (0..20).map(|number| number.to_string()).collect();
        let warned = told(Answer::allow(Vec::new(), warnings));
        assert_eq!(warned["warnings"].as_array().unwrap().len(), MAX_WARNINGS);
        assert!(warned["patch"].is_null() && warned["patchType"].is_null());
    }
}
