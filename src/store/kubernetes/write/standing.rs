//! What root staff says of a user: one User object of our own for each user, beside those that others may have made.

use kube::api::Patch;
use serde_json::json;

use super::{ACTOR, ATTEMPTS, Author, Writer, is_own, made, patching, unconfirmed};
pub(super) use crate::domain::directory::Standing;
use crate::domain::realm::WriteError;
use crate::domain::user::UserId;
use crate::objects::statement::statement_name;
use crate::resources::received::Received;
use crate::resources::user::{UserContent, parse, write};
use crate::resources::{User, rfc3339};
use crate::store::kubernetes::error::StoreError;
use crate::store::kubernetes::object::Kind;

impl Writer {
    /// Lifts a ban, unless somebody else's object bans the user.
    pub(super) async fn lift(&self, user: &UserId, author: Author<'_>) -> Result<(), WriteError> {
        if let Some(name) = self.view.ask(|state| state.foreign_ban(user).cloned()) {
            return Err(WriteError::ElsewhereOwned(format!("User {name}")));
        }
        let mut has_changed = false;
        for attempt in 0..ATTEMPTS {
            // A restore, or two replicas in the same moment, may have left several of our own.
            let banning = self.view.ask(|state| state.own_bans(user));
            if banning.is_empty() {
                return Ok(());
            }
            for name in banning {
                let lift = |before: Standing| before.lifted((self.clock)());
                let told = |error| if has_changed { unconfirmed(error) } else { error };
                if self.restate(&name, user, author, lift).await.map_err(told)? {
                    has_changed = true;
                } else {
                    Self::pause(attempt).await;
                }
            }
        }
        let error = StoreError::Contended.into();
        Err(if has_changed { unconfirmed(error) } else { error })
    }

    /// Changes what our object says of a user. What goes into the change is whether our object bans the user, and the latest
    /// revocation that any object says; where nothing comes of it, nothing is written.
    pub(super) async fn stand(
        &self,
        user: &UserId,
        author: Author<'_>,
        change: impl Fn(Standing) -> Standing,
    ) -> Result<(), WriteError> {
        for attempt in 0..ATTEMPTS {
            let own =
                self.view.ask(|state| state.own_statement(user).map(|(name, _)| name.clone()));
            let done = match own {
                Some(name) => self.restate(&name, user, author, &change).await?,
                None => self.state_anew(user, author, &change).await?,
            };
            if done {
                return Ok(());
            }
            Self::pause(attempt).await;
        }
        Err(StoreError::Contended.into())
    }

    /// Says whether it is done; if not, the object has changed.
    async fn restate(
        &self,
        name: &str,
        user: &UserId,
        author: Author<'_>,
        change: impl Fn(Standing) -> Standing,
    ) -> Result<bool, WriteError> {
        let Some(object) = self.read::<User>(name).await? else { return Ok(false) };
        let content =
            parse(&object).ok().filter(|content| content.user == *user && is_own(&object.metadata));
        let Some(UserContent { standing, .. }) = content else { return Ok(false) };
        self.judge(author).await?;
        let (metadata, before) = (&object.metadata, self.with_others(user, standing));
        let new = change(before);
        if new == before {
            return Ok(true);
        }
        let patch = json!({
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "annotations": { ACTOR: author.name() },
            },
            "spec": { "banned": new.banned, "notBefore": new.not_before.map(rfc3339::write) },
        });
        let users = self.objects::<Received<User>>();
        let (parameters, patch) = (patching(), Patch::Merge(&patch));
        let call = users.patch(name, &parameters, &patch);
        match self.written(Kind::User, metadata.resource_version.as_deref(), call).await {
            Ok(written) => Ok(self.shown(Kind::User, &written).await.map(|()| true)?),
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What our object says of a user, and the latest revocation of all objects: ours has to go past it.
    fn with_others(&self, user: &UserId, own: Standing) -> Standing {
        let all = self.view.ask(|state| state.standing(user));
        Standing { not_before: own.not_before.max(all.not_before), ..own }
    }

    /// Makes an object. Its name follows from the user, so that two replicas do not make two; when somebody else's object
    /// has that name, another is found, and theirs stays as it is.
    async fn state_anew(
        &self,
        user: &UserId,
        author: Author<'_>,
        change: impl Fn(Standing) -> Standing,
    ) -> Result<bool, WriteError> {
        let before = self.with_others(user, Standing::default());
        let standing = change(before);
        if standing == before {
            return Ok(true);
        }
        self.judge(author).await?;
        let name = statement_name(user);
        let mut object = write(&name, &UserContent { user: user.clone(), standing });
        object.metadata = made(author, None);
        object.metadata.name = Some(name.clone());
        let written = match self.create(Kind::User, &object).await {
            Err(error) if error.status() == Some(409) => {
                let there = self.read::<User>(&name).await?;
                let is_ours =
                    |there: &User| is_own(&there.metadata) && there.spec.username == user.as_str();
                if there.as_ref().is_none_or(is_ours) {
                    return Ok(false); // the watch is about to show it
                }
                object.metadata.name = None;
                object.metadata.generate_name = Some(format!("{name}-"));
                self.create(Kind::User, &object).await?
            }
            written => written?,
        };
        self.shown(Kind::User, &written).await?;
        Ok(true)
    }
}
