//! Invitations to a group: made by its staff, taken up by whoever is given one and logs in.
//!
//! Nothing is kept of an invitation: it says all of itself, sealed, and counts while the group has the mark that it names. Whoever
//! has made it is judged again when it is taken up, as the author of the change that it is, by what the state says of them then.
//! Must not know how it is given to anybody.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Caller, ChangeError, GrantError, Service, SsoSession};
use crate::domain::change::Change;
use crate::domain::group::GroupName;
use crate::domain::invitation::{GroupMark, Invited, Joining, LONGEST};
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::name::PersonName;
use crate::domain::policy::{Actor, Admission, Grant, admit, permit};
use crate::domain::realm::{Names, WriteError};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::jose::seal::SealError;

/// Longest wait for names: whoever looks at a list wants it without them rather than late.
const PATIENCE: Duration = Duration::from_secs(2);

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    roster: Roster,
    mark: GroupMark,
    maker: UserId,
    maker_name: Option<PersonName>,
    revocation: Option<Timestamp>,
    ends_at: Timestamp,
}

/// An invitation, and as it is given to somebody.
#[derive(Debug)]
pub struct SealedInvitation {
    /// What it says.
    pub invitation: Invitation,
    /// The text that nobody else can write, and nobody but us can read.
    pub sealed: String,
}

/// Why there is no invitation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InviteError {
    /// As for any change.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Why somebody does not come in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Whoever has made it may not let anybody in any more.
    #[error("whoever has made this invitation may not let anybody into the group any more")]
    Withdrawn,
    /// Whoever takes it up may do nothing.
    #[error(transparent)]
    Caller(#[from] GrantError),
    /// The change was not made.
    #[error(transparent)]
    Change(ChangeError),
}

/// As it is sealed. What changes here takes another version of the purpose.
#[derive(Serialize, Deserialize)]
struct Said {
    group: String,
    staff: bool,
    mark: String,
    maker: String,
    maker_name: Option<String>,
    revocation: Option<i64>,
    ends_at: i64,
}

impl Invitation {
    /// Where to.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Who has made it.
    #[must_use]
    pub fn maker(&self) -> &UserId {
        &self.maker
    }

    /// What their session called them.
    #[must_use]
    pub fn maker_name(&self) -> Option<&str> {
        self.maker_name.as_ref().map(PersonName::as_str)
    }

    /// The first second it is worth nothing any more.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    fn to_bytes(&self) -> Vec<u8> {
        let said = Said {
            group: self.roster.group().map(ToString::to_string).unwrap_or_default(),
            staff: self.roster.role() == Role::Staff,
            mark: self.mark.to_string(),
            maker: self.maker.to_string(),
            maker_name: self.maker_name().map(str::to_owned),
            revocation: self.revocation.map(Timestamp::as_unix),
            ends_at: self.ends_at.as_unix(),
        };
        postcard::to_allocvec(&said).expect("numbers and texts can always be written")
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let said: Said = postcard::from_bytes(bytes).ok()?;
        let role = if said.staff { Role::Staff } else { Role::Member };
        let revocation = match said.revocation {
            None => None,
            Some(moment) => Some(Timestamp::from_unix(moment)?),
        };
        Some(Self {
            roster: Roster::of(said.group.parse().ok()?, role),
            mark: said.mark.parse().ok()?,
            maker: said.maker.parse().ok()?,
            maker_name: said.maker_name.as_deref().and_then(PersonName::read),
            revocation,
            ends_at: Timestamp::from_unix(said.ends_at)?,
        })
    }
}

impl Service {
    /// Makes an invitation to a group or its staff, which is good for so long, a week at most.
    ///
    /// # Errors
    /// [`InviteError`], as for a change: whoever may not let anybody in learns nothing of the group.
    pub async fn invite(
        &self,
        caller: &Caller,
        group: GroupName,
        role: Role,
        lasting: Duration,
    ) -> Result<SealedInvitation, InviteError> {
        self.change(caller, Change::Invite(group.clone())).await?;
        let mark = self.0.realm.mark(&group).await.map_err(ChangeError::Write)?;
        // Somebody takes all back at this moment.
        let mark = mark.ok_or(ChangeError::Write(WriteError::InvitationVoid))?;
        let invitation = Invitation {
            roster: Roster::of(group, role),
            mark,
            maker: caller.user().clone(),
            maker_name: own_name(caller),
            revocation: caller.admission().revocation(),
            ends_at: self.now().after(lasting.min(LONGEST)),
        };
        let keys = self.0.keys.current();
        let used_for = keys.signer().issuer().as_str();
        let sealed = keys.invitations().seal(used_for, &invitation.to_bytes())?;
        Ok(SealedInvitation { invitation, sealed })
    }

    /// Takes back all invitations to a group and to its staff.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn void_invitations(
        &self,
        caller: &Caller,
        group: GroupName,
    ) -> Result<(), ChangeError> {
        self.change(caller, Change::VoidInvitations(group)).await
    }

    /// The invitation that a text is, while it is good: one of this Pasee, to the letter.
    #[must_use]
    pub fn invitation(&self, sealed: &str, now: Timestamp) -> Option<Invitation> {
        let keys = self.0.keys.current();
        // Another Pasee with the same secret is no reader of it.
        let opened = keys.invitations().open(keys.signer().issuer().as_str(), sealed)?;
        Invitation::from_bytes(&opened).filter(|invitation| now < invitation.ends_at)
    }

    /// Whether an invitation would let somebody in, as far as can be seen now.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn is_open(
        &self,
        session: &SsoSession,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<(), JoinError> {
        let change = Change::Join(Box::new(joining(session.user(), None, invitation)));
        permit(&self.maker(invitation, now)?.1, change).map_err(|_| JoinError::Withdrawn)?;
        let void = || JoinError::Change(WriteError::InvitationVoid.into());
        let group = invitation.roster.group().ok_or_else(void)?;
        let mark = self.0.realm.mark(group).await;
        let mark = mark.map_err(|error| JoinError::Change(error.into()))?;
        let is_there = self.directory().has_group(group);
        if is_there && mark.as_ref() == Some(&invitation.mark) { Ok(()) } else { Err(void()) }
    }

    /// Lets somebody in who takes an invitation up, by the word of whoever has made it.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(
        &self,
        session: &SsoSession,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<(), JoinError> {
        let caller = self.caller_in(session, now)?;
        let joining = joining(caller.user(), own_name(&caller), invitation);
        let change = Change::Join(Box::new(joining));
        let (admission, maker) = self.maker(invitation, now)?;
        let permit = permit(&maker, change).map_err(|_| JoinError::Withdrawn)?;
        // Whoever asks is counted, not whoever has asked them to.
        self.keep_pace(&caller, permit.change()).map_err(JoinError::Change)?;
        let permit = self.bounded(permit);
        match self.0.realm.write(permit).await {
            Ok(()) => {}
            Err(WriteError::Withdrawn(reason)) => {
                tracing::info!(%reason, maker = %invitation.maker, "an invitation does not count any more");
                return Err(JoinError::Withdrawn);
            }
            Err(WriteError::GroupMissing) => {
                return Err(JoinError::Change(WriteError::InvitationVoid.into()));
            }
            Err(error) => return Err(JoinError::Change(error.into())),
        }
        let (actor, roster) = (caller.user(), &invitation.roster);
        tracing::info!(?actor, %roster, maker = ?admission.user(), "joined by an invitation");
        Ok(())
    }

    /// Whoever has made an invitation, as they stand now.
    fn maker(
        &self,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<(Admission, Actor), JoinError> {
        let record = self.directory().record(&invitation.maker, now);
        let invited = Invited { by: invitation.maker.clone(), revocation: invitation.revocation };
        let session = self.session_lifetime(invitation.maker.split().0);
        let admission = admit(Grant::Invitation(invited), record.standing, session, now)
            .map_err(|_| JoinError::Withdrawn)?;
        let actor = Actor::user(&admission, record.holdings);
        Ok((admission, actor))
    }

    /// What these users of a roster were called when they took an invitation up. It is for people to read: what cannot be found out
    /// now is left out.
    pub async fn names_of(&self, roster: &Roster, users: &[UserId]) -> Names {
        let reason = match timeout(PATIENCE, self.0.realm.names(roster, users)).await {
            Ok(Ok(names)) => return names,
            Ok(Err(reason)) => reason.to_string(),
            Err(late) => late.to_string(),
        };
        tracing::warn!(%roster, reason, "a list is shown without names");
        Names::new()
    }
}

fn joining(user: &UserId, name: Option<PersonName>, invitation: &Invitation) -> Joining {
    let (roster, user) = (invitation.roster.clone(), user.clone());
    let membership = Membership { roster, user, expires_at: None };
    Joining { membership, mark: invitation.mark.clone(), name }
}

/// What somebody's session calls them.
fn own_name(caller: &Caller) -> Option<PersonName> {
    super::users::own_name(caller).and_then(PersonName::read)
}
