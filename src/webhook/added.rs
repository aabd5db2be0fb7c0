//! What a review adds: how much more its author will have made, whether it would count for somebody else, and how much may be
//! written around what an object says.
//!
//! Must not know how much one author may make, nor who is trusted with all there is.

use serde_json::Value;

use super::Refusal;
use super::asked::{Asked, old_membership, wrong};
use super::review::{Kind, Operation, Review};
use crate::domain::bounds::Tally;
use crate::domain::user::UserId;
use crate::objects::enrolment::is_enrolment;
use crate::resources::labels_annotations::{ACTOR, AUTHOR, ENROLS, MANAGED_BY, PASEE};

/// Most bytes of an object's metadata, and how often as much as it says besides: `kubectl apply` keeps all of that once more, and
/// the API server who wrote which field. More would fill etcd by objects of which each counts as one.
const METADATA: usize = 16 * 1024;
const AS_OFTEN: usize = 8;

/// What its author will have made more than before, when it is written: of a Membership whoever wrote it last has made all of it.
pub(super) fn adds(review: &Review, author: &UserId) -> Tally {
    match (review.of(), review.operation) {
        (Kind::Group, Operation::Create) => Tally { groups: 1, memberships: 0 },
        (Kind::Membership, Operation::Create | Operation::Update) => {
            let is_own = made_by(&review.before) == Some(author.as_str());
            let before = if is_own { weight(&review.before) } else { 0 };
            Tally { groups: 0, memberships: weight(&review.after).saturating_sub(before) }
        }
        _ => Tally::default(),
    }
}

/// Whether users are put into a Membership by it in which they count for somebody else, or for nobody: one that Pasee keeps.
pub(super) fn counts_for_others(review: &Review, asked: &Asked, author: &UserId) -> bool {
    let is_theirs = || made_by(&review.before) == Some(author.as_str());
    is_kept(&review.before) && !asked.users().is_empty() && !is_theirs()
}

/// That what is written around what the object says stays in proportion, unless it becomes less.
pub(super) fn keep_in_proportion(review: &Review) -> Result<(), Refusal> {
    let length = |value: &Value| if value.is_null() { 0 } else { value.to_string().len() };
    let metadata = length(&review.after["metadata"]);
    let most = METADATA + AS_OFTEN * length(&review.after["spec"]);
    if metadata > most && metadata > length(&review.before["metadata"]) {
        return Err(wrong(format!(
            "metadata: labels, annotations and managedFields have {metadata} bytes as JSON; of this object, at most {most} are right"
        )));
    }
    Ok(())
}

/// Users, one by one; without any it is an object like others.
fn weight(object: &Value) -> u64 {
    let content = old_membership(object);
    content.map_or(0, |content| u64::try_from(content.users.len()).unwrap_or(u64::MAX).max(1))
}

/// Whether Pasee keeps a Membership: for those who add members over HTTP, or for the creator of a group.
fn is_kept(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let enrols = metadata["annotations"][ENROLS].as_str();
    metadata["labels"][MANAGED_BY] == PASEE
        || is_enrolment(metadata["name"].as_str().unwrap_or_default(), enrols)
}

/// For whom the users of a Membership count, as the store has it.
fn made_by(object: &Value) -> Option<&str> {
    let annotation = if is_kept(object) { AUTHOR } else { ACTOR };
    object["metadata"]["annotations"][annotation].as_str()
}
