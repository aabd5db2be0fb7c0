//! Members: put into Memberships that this program made, and taken out of them.
//!
//! A Membership of somebody else is never changed: whoever stands there stays, and is told where.

use kube::ResourceExt;

use super::shard::Edited;
use super::{ATTEMPTS, Author, PREFIX, Writer, made, owned_by, unconfirmed};
use crate::domain::change::Change;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::name::PersonName;
use crate::domain::realm::{Names, WriteError};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::effect::has_ended;
use crate::resources::labels_annotations::{AUTHOR, NAMES};
use crate::resources::membership::{MAX_USERS, MembershipContent, write};
use crate::resources::names;
use crate::store::kubernetes::error::StoreError;
use crate::store::kubernetes::object::{Kind, Maker};
use crate::store::kubernetes::state::Place;

impl Writer {
    pub(super) async fn add(
        &self,
        membership: &Membership,
        called: Option<&PersonName>,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let Membership { roster, user, expires_at } = membership;
        for attempt in 0..ATTEMPTS {
            let owner = self.owner(roster)?;
            if self.is_on(roster, user) {
                return Err(WriteError::AlreadyMember);
            }
            if let (0, Some(_), Some(group)) = (attempt, expires_at, roster.group()) {
                self.void(group, author).await?;
            }
            let put_by = author.permit.actor();
            let room = self.view.ask(|state| state.room(roster, *expires_at, put_by, MAX_USERS));
            let Some(name) = room else {
                return self.new_shard((membership, called), owner, put_by, author).await;
            };
            match self.put_into(&name, (roster, *expires_at), (user, called), author).await? {
                Edited::Done => return Ok(()),
                // Expired, or the watch would have shown them: told of the end they have already.
                Edited::Already if !self.has_ended(*expires_at) => {
                    return Err(WriteError::AlreadyMember);
                }
                Edited::Already => return Ok(()),
                Edited::Changed => Self::pause(attempt).await,
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Gives a membership the end that is said: first the user stands where that holds, then nowhere else.
    pub(super) async fn set_expiry(
        &self,
        membership: &Membership,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let Membership { roster, user, expires_at } = membership;
        let owner = self.owner(roster)?;
        if !self.is_on(roster, user) {
            return Err(WriteError::NotMember);
        }
        self.refuse_elsewhere(roster, user)?;
        if let (Some(_), Some(group)) = (expires_at, roster.group()) {
            self.void(group, author).await?;
        }
        // Nobody's end depends on what they are called.
        let names = self.names(roster, std::slice::from_ref(user)).await.unwrap_or_default();
        let called = names.get(user);
        let has_these_terms =
            |place: &Place| place.maker == Maker::Pasee && place.until == *expires_at;
        // Whoever has put them there has made that still.
        let places = self.view.ask(|state| state.places(roster, user));
        let put_by = places.into_iter().find_map(|place| place.author);
        for attempt in 0..ATTEMPTS {
            if self.view.ask(|state| state.places(roster, user)).iter().any(has_these_terms) {
                let others = |place: &Place| !has_these_terms(place);
                let taken_off = self.take_off(roster, user, others, author).await;
                return taken_off
                    .map_err(|error| if attempt > 0 { unconfirmed(error) } else { error });
            }
            let room =
                self.view.ask(|state| state.room(roster, *expires_at, put_by.as_ref(), MAX_USERS));
            match room {
                None => {
                    let named = (membership, called);
                    self.new_shard(named, owner.clone(), put_by.as_ref(), author).await?;
                }
                Some(name) => {
                    let terms = (roster, *expires_at);
                    let named = (user, called);
                    if self.put_into(&name, terms, named, author).await? == Edited::Changed {
                        Self::pause(attempt).await;
                    }
                }
            }
        }
        Err(StoreError::Contended.into())
    }

    pub(super) async fn remove(
        &self,
        roster: &Roster,
        user: &UserId,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        self.owner(roster)?;
        // Also what has ended is taken away, as far as it is ours.
        let is_ours = |place: &Place| place.maker == Maker::Pasee;
        let places = self.view.ask(|state| state.places(roster, user));
        if !self.is_on(roster, user) && !places.iter().any(is_ours) {
            return Err(WriteError::NotMember);
        }
        self.refuse_elsewhere(roster, user)?;
        let is_leaving = matches!(author.permit.change(), Change::Leave { .. });
        // Whoever leaves may come back by an invitation, unless they had an end, which they would come back without.
        let is_void = !is_leaving || places.iter().any(|place| place.until.is_some());
        if let (true, Some(group)) = (is_void, roster.group()) {
            self.void(group, author).await?;
        }
        self.take_off(roster, user, |_| true, author).await
    }

    /// Takes a user off every roster.
    pub(super) async fn delete_user(
        &self,
        user: &UserId,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let rosters = self.view.ask(|state| {
            let created = state.created_by(user).into_iter().map(Roster::Staff);
            let mut rosters: Vec<Roster> = state.rosters_of(user);
            rosters.extend(created);
            rosters.sort();
            rosters.dedup();
            rosters
        });
        // All or nothing, as far as can be seen.
        rosters.iter().try_for_each(|roster| self.refuse_elsewhere(roster, user))?;
        for (place, roster) in rosters.iter().enumerate() {
            if let Some(group) = roster.group() {
                let voided = match self.void(group, author).await {
                    Err(WriteError::GroupMissing) => Ok(()),
                    voided => voided,
                };
                voided.map_err(|error| partly(user, &rosters[..place], roster, error))?;
            }
            let taken_off = self.take_off(roster, user, |_| true, author).await;
            taken_off.map_err(|error| partly(user, &rosters[..place], roster, error))?;
        }
        Ok(())
    }

    /// Takes a user out of these Memberships of a roster that are ours, expired ones too, and from being its creator.
    pub(super) async fn take_off(
        &self,
        roster: &Roster,
        user: &UserId,
        which: impl Fn(&Place) -> bool,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        let mut has_changed = false;
        for attempt in 0..ATTEMPTS {
            let (places, is_creator) =
                self.view.ask(|state| (state.places(roster, user), state.is_creator(roster, user)));
            let is_meant = |place: &Place| place.maker == Maker::Pasee && which(place);
            let own: Vec<Place> = places.into_iter().filter(is_meant).collect();
            if own.is_empty() && !is_creator {
                return Ok(());
            }
            let told = |error| if has_changed { unconfirmed(error) } else { error };
            if let (true, Some(group)) = (is_creator, roster.group()) {
                self.retire_creator(group, author).await.map_err(told)?;
                has_changed = true;
            }
            for place in own {
                let told = |error| if has_changed { unconfirmed(error) } else { error };
                match self.take_out(&place.name, roster, user, author).await.map_err(told)? {
                    Edited::Done => has_changed = true,
                    Edited::Already | Edited::Changed => Self::pause(attempt).await,
                }
            }
        }
        let error = StoreError::Contended.into();
        Err(if has_changed { unconfirmed(error) } else { error })
    }

    fn refuse_elsewhere(&self, roster: &Roster, user: &UserId) -> Result<(), WriteError> {
        let places = self.view.ask(|state| state.places(roster, user));
        let mut places = places.into_iter();
        match places.find(|place| place.maker == Maker::Other && !self.has_ended(place.until)) {
            Some(place) => Err(WriteError::ElsewhereOwned(format!("Membership {}", place.name))),
            None => Ok(()),
        }
    }

    fn is_on(&self, roster: &Roster, user: &UserId) -> bool {
        self.view.ask(|state| {
            let places = state.places(roster, user);
            state.is_creator(roster, user)
                || places.iter().any(|place| !self.has_ended(place.until))
        })
    }

    fn has_ended(&self, until: Option<Timestamp>) -> bool {
        has_ended(until, (self.clock)())
    }

    /// The uid of a roster's group; none for the root staff.
    fn owner(&self, roster: &Roster) -> Result<Option<String>, WriteError> {
        match roster.group() {
            None => Ok(None),
            Some(group) => self.uid_of(group).map(Some).ok_or(WriteError::GroupMissing),
        }
    }

    async fn new_shard(
        &self,
        (membership, called): (&Membership, Option<&PersonName>),
        owner: Option<String>,
        put_by: Option<&UserId>,
        author: Author<'_>,
    ) -> Result<(), WriteError> {
        self.judge(author).await?;
        let Membership { roster, user, expires_at } = membership;
        let content = MembershipContent {
            roster: roster.clone(),
            users: vec![user.clone()],
            expires_at: *expires_at,
        };
        let mut object = write("", &content).expect("one user is not too many");
        let group = object.spec.group.clone().unwrap_or_default();
        object.metadata = made(author, owner.map(|uid| owned_by(&group, &uid)));
        if let Some(put_by) = put_by {
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(AUTHOR.to_owned(), put_by.to_string());
        }
        let named = names::write(&names::with(Names::new(), user, called));
        if let Some(named) = named {
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(NAMES.to_owned(), named);
        }
        object.metadata.generate_name = Some(match roster.role() {
            Role::Member => format!("{PREFIX}members-"),
            Role::Staff => format!("{PREFIX}staff-"),
        });
        let written = self.create(Kind::Membership, &object).await?;
        tracing::debug!(name = written.name_any(), "a Membership was made");
        Ok(self.shown(Kind::Membership, &written).await?)
    }
}

/// What became of a user who was to be taken off every roster, when one could not be changed.
fn partly(user: &UserId, done: &[Roster], failed: &Roster, error: WriteError) -> WriteError {
    if done.is_empty() {
        return error;
    }
    let names = done.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let in_doubt = match error {
        WriteError::Unconfirmed(_) => format!(" and perhaps {failed}"),
        _ => String::new(),
    };
    let done = format!("{user} was taken off {names}{in_doubt}");
    WriteError::Partly { done, source: Box::new(error) }
}
