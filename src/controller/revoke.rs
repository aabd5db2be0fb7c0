//! Ends all sessions of a user whom somebody bans by an object of their own: our object about the user holds the revocation, so that it
//! stays when theirs goes.
//!
//! Must not know why. What there is about the user is read at this moment: a ban that was lifted meanwhile is none.

use std::collections::BTreeMap;

use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::apply::{ApplyError, MANAGER, Writer};
use crate::domain::directory::Standing;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::statement::{said_of, statement_name};
use crate::resources::labels_annotations::{MANAGED_BY, PASEE};
use crate::resources::user::{UserContent, write};
use crate::resources::{Received, User, rfc3339};

impl Writer {
    /// Makes one more revocation of a user who is banned. Gives our object about the user, as it is then.
    ///
    /// # Errors
    /// It was not made; [`ApplyError::Changed`] also when the user is not banned any more.
    pub(super) async fn revoke(&self, user: &UserId, now: Timestamp) -> Result<User, ApplyError> {
        let api = Api::<User>::namespaced(self.client.clone(), &self.namespace);
        let about = ListParams::default().fields(&format!("spec.username={}", escaped(user)));
        // What cannot be read says nothing.
        let found = Api::<Received<User>>::namespaced(self.client.clone(), &self.namespace);
        let found = self.write(found.list(&about)).await?.items.into_iter();
        let objects: Vec<User> = found.filter_map(readable).collect();
        let (standing, own) = said_of(user, &objects);
        if !standing.banned {
            return Err(ApplyError::Changed);
        }
        let not_before = standing.revoked(now).not_before;
        let Some(own) = own else {
            let standing = Standing { banned: false, not_before };
            return self.state(&api, &UserContent { user: user.clone(), standing }).await;
        };
        let patch = json!({
            "metadata": { "uid": own.uid(), "resourceVersion": own.resource_version() },
            "spec": { "notBefore": not_before.map(rfc3339::write) },
        });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        self.write(api.patch(&own.name_any(), &params, &Patch::Merge(&patch))).await
    }

    /// Makes our object about a user. When somebody else's has its name, another is found.
    async fn state(&self, api: &Api<User>, content: &UserContent) -> Result<User, ApplyError> {
        let name = statement_name(&content.user);
        let mut object = write(&name, content);
        let label = (MANAGED_BY.to_owned(), PASEE.to_owned());
        object.metadata.labels = Some(BTreeMap::from([label]));
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
        match self.write(api.create(&params, &object)).await {
            Err(ApplyError::Changed) => {
                object.metadata.name = None;
                object.metadata.generate_name = Some(format!("{name}-"));
                self.write(api.create(&params, &object)).await
            }
            made => made,
        }
    }
}

fn readable(received: Received<User>) -> Option<User> {
    match received {
        Received::Readable(object) => Some(object),
        Received::Unreadable { .. } => None,
    }
}

/// A user id as the value of a field selector, which is cut at commas and equals signs.
fn escaped(user: &UserId) -> String {
    let mut text = String::with_capacity(user.as_str().len());
    for letter in user.as_str().chars() {
        if matches!(letter, '\\' | ',' | '=') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_say_what_they_mean() {
        for (user, text) in [("k-ada", "k-ada"), ("k-a,b=c\\d", "k-a\\,b\\=c\\\\d")] {
            assert_eq!(escaped(&user.parse().unwrap()), text);
        }
    }
}
