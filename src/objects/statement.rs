//! Which User object is our own about a user: what root staff says over HTTP, and the revocation that a ban from elsewhere makes.
//!
//! Must not know a client.

use kube::ResourceExt;
use sha2::{Digest, Sha256};

use crate::domain::directory::Standing;
use crate::domain::user::UserId;
use crate::resources::User;
use crate::resources::labels_annotations::{MANAGED_BY, PASEE};
use crate::resources::user::{UserContent, parse};

use super::effect::strictest;

/// What the names of our own objects about users start with.
const PREFIX: &str = "pasee-";
/// Bytes of the hash in a name.
const HASH: usize = 16;

/// The name of our object about a user: a hash, since user ids hold what names may not. It follows from the user, so that two who
/// make one make the same.
#[must_use]
pub fn statement_name(user: &UserId) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(user.as_str().as_bytes());
    hash.iter().take(HASH).fold(PREFIX.to_owned(), |mut name, byte| {
        // Writing to a String never fails.
        _ = write!(name, "{byte:02x}");
        name
    })
}

/// Whether an object is Pasee's own, whoever made it.
#[must_use]
pub fn is_own(object: &User) -> bool {
    object.labels().get(MANAGED_BY).is_some_and(|it| it == PASEE)
}

/// What all objects about a user say together, and our own among them.
#[must_use]
pub fn said_of<'a>(user: &UserId, objects: &'a [User]) -> (Standing, Option<&'a User>) {
    let about = |object: &&User| parse(object).is_ok_and(|content| content.user == *user);
    let all = || objects.iter().filter(about);
    let said = all().filter_map(|object| parse(object).ok());
    (
        strictest(said.map(|UserContent { standing, .. }| standing)),
        all().find(|object| is_own(object)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::user::write;

    #[test]
    fn names_follow_from_users() {
        let name = |user: &str| statement_name(&user.parse().unwrap());
        assert_eq!(name("kisee-ada").len(), PREFIX.len() + 2 * HASH);
        assert_eq!(name("kisee-ada"), name("kisee-ada"));
        assert_ne!(name("kisee-ada"), name("kisee-Ada"));
    }

    /// Whoever says something of a user: all of it counts, and the object that is changed over HTTP is ours alone.
    #[test]
    fn what_is_said_of_one_user() {
        let object = |name: &str, user: &str, banned, manager: Option<&str>| {
            let standing = Standing { banned, not_before: None };
            let content = UserContent { user: user.parse().unwrap(), standing };
            let mut object = write(name, &content);
            let label = |manager: &str| (MANAGED_BY.to_owned(), manager.to_owned());
            object.metadata.labels = manager.map(|manager| [label(manager)].into());
            object
        };
        let mut broken = object("broken", "k-ada", true, Some(PASEE));
        broken.spec.not_before = Some("soon".to_owned());
        let objects = [
            broken,
            object("others", "k-ada", true, Some("Helm")),
            object("of-bob", "k-bob", true, Some(PASEE)),
            object("ours", "k-ada", false, Some(PASEE)),
            object("of-eve", "k-eve", false, None),
        ];
        let said = |user: &str| {
            let (standing, own) = said_of(&user.parse().unwrap(), &objects);
            (standing.banned, own.map(ResourceExt::name_any))
        };
        assert_eq!(said("k-ada"), (true, Some("ours".to_owned())));
        assert_eq!(said("k-bob"), (true, Some("of-bob".to_owned())));
        assert_eq!(said("k-eve"), (false, None));
        assert_eq!(said("k-nobody"), (false, None));
    }
}
