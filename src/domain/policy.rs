//! The policy: who may see and change what, and who gets tokens. One place; every store, every grant and the
//! admission policy agree with it.
//!
//! [`entitled`] is the table. [`permit`] and [`may_see`] apply it to an actor, [`admit`] judges every grant. Only this module
//! makes a [`Permit`] or an [`Admission`], and both are judged again by the functions that judged them first: a permit where
//! it is carried out ([`Permit::judge_again`]). What no entitlement goes beyond stands in `bounds`, why it says no in
//! `refusal`, and who may rename users in `renaming`. Must not know how the actor proved who they are.

mod bounds;
mod refusal;
mod renaming;

use std::sync::Arc;
use std::time::Duration;

use super::auth_time::AuthTime;
use super::authorization::ClientGrant;
use super::bounds::{Bounds, Tally};
use super::change::Change;
use super::claim::ExtraClaims;
use super::directory::{Holding, Record, Standing};
use super::evidence::Evidence;
use super::group::GroupName;
use super::invitation::Invited;
use super::membership::{Membership, Role, Roster};
use super::provider::PossibleUsers;
use super::time::Timestamp;
use super::token::{AccessClaims, RefreshClaims, Scope, SessionId, Token};
use super::user::UserId;

pub use self::bounds::{keeps_root_staff, keeps_within};
pub use self::refusal::{Denied, Refusal, Withdrawn};
pub use self::renaming::{RenamingPermit, permit_renaming};

/// How far several revocations, made one right after the other, may be ahead of the clock.
const A_LITTLE: Duration = Duration::from_secs(60);

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Who is on a roster.
    Members(Roster),
    /// All groups.
    Groups,
    /// All users.
    Users,
    /// A user's groups.
    User(UserId),
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
enum Action<'a> {
    Change(&'a Change),
    See(&'a View),
}

/// Whom the policy lets do something: root staff always, and perhaps one roster or one user more.
#[derive(Debug, PartialEq, Eq)]
enum Entitled {
    RootStaff,
    StaffOf(GroupName),
    /// The staff of a group, and of its parent.
    StaffOfOrAbove(GroupName),
    User(UserId),
}

/// The policy.
fn entitled(action: Action<'_>) -> Entitled {
    use Action::{Change as Do, See};
    match action {
        // Create a group: root staff; staff of its parent. Root groups: root staff only.
        Do(Change::CreateGroup { group, .. } | Change::AdoptGroup { group, .. }) => {
            staff_of(group.parent())
        }
        // Delete a group and everything under it: staff of its parent; root staff.
        Do(Change::DeleteGroup(group)) => staff_of(group.parent()),
        // Describe G: staff of G; staff of its parent, who may delete it and make it again; root staff.
        Do(Change::Describe { group, .. }) => Entitled::StaffOfOrAbove(group.clone()),
        // Add or remove members and staff of G: staff of G; root staff. Root staff: root staff.
        Do(Change::AddMember(membership)) => staff_of(membership.roster.group().cloned()),
        Do(Change::RemoveMember { roster, .. }) => staff_of(roster.group().cloned()),
        // Set or change when a membership ends: staff of G; root staff.
        Do(Change::SetExpiry(membership)) => staff_of(membership.roster.group().cloned()),
        // Invite to G, let somebody in by that, and take it all back: staff of G; root staff. Who is invited has no say in it.
        Do(Change::Invite(group) | Change::VoidInvitations(group)) => {
            Entitled::StaffOf(group.clone())
        }
        Do(Change::Join(joining)) => staff_of(joining.membership.roster.group().cloned()),
        // Leave G: that user.
        Do(Change::Leave { user, .. }) => Entitled::User(user.clone()),
        // See G's members: staff of G; root staff.
        See(View::Members(roster)) => staff_of(roster.group().cloned()),
        // End one session: whoever acts in it, as Actor::acts_elsewhere says; root staff.
        Do(Change::EndSession { user, .. }) => Entitled::User(user.clone()),
        // End the sessions of a user: that user; root staff.
        Do(Change::Revoke(user)) => Entitled::User(user.clone()),
        // List everything, ban, delete a user: root staff.
        Do(Change::SetBanned { .. } | Change::Declare { .. } | Change::DeleteUser(_))
        | See(View::Groups | View::Users) => Entitled::RootStaff,
        // See a user's groups: that user; root staff.
        See(View::User(user)) => Entitled::User(user.clone()),
    }
}

fn staff_of(group: Option<GroupName>) -> Entitled {
    group.map_or(Entitled::RootStaff, Entitled::StaffOf)
}

/// Who acts, with the rosters in effect that count for this request.
#[derive(Clone, Debug)]
pub struct Actor {
    author: Author,
    /// None for the operator, who needs none.
    held: Vec<Holding>,
}

/// Who acts, and on what grounds they may.
#[derive(Clone, Debug)]
enum Author {
    Operator,
    User(Box<Admission>),
}

impl Author {
    /// The user as they were admitted; `None` for the operator.
    fn admission(&self) -> Option<&Admission> {
        match self {
            Self::Operator => None,
            Self::User(admission) => Some(admission),
        }
    }
}

impl Actor {
    /// Whoever runs the command line on the machine that holds the state: may do everything.
    #[must_use]
    pub fn operator() -> Self {
        Self { author: Author::Operator, held: Vec::new() }
    }

    /// The user a verified access token speaks for, admitted by [`admit`], with what they hold, as far as the token's scope
    /// reaches. Standing and holdings are of one [`Record`]: the user is looked up once.
    #[must_use]
    pub fn user(admission: &Admission, holdings: Vec<Holding>) -> Self {
        let is_covered = |holding: &Holding| admission.scope.covers(&holding.roster);
        let held = holdings.into_iter().filter(is_covered).collect();
        Self { author: Author::User(Box::new(admission.clone())), held }
    }

    /// The rosters in effect that count for this request; none for the operator, who needs none.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.held
    }

    /// The user; `None` for the operator.
    #[must_use]
    pub fn id(&self) -> Option<&UserId> {
        self.author.admission().map(Admission::user)
    }

    fn satisfies(&self, entitled: &Entitled) -> bool {
        let is_staff = |group: GroupName| self.holding(&Roster::Staff(group)).is_some();
        let Some(user) = self.id() else { return true };
        self.holding(&Roster::RootStaff).is_some()
            || match entitled {
                Entitled::RootStaff => false,
                Entitled::StaffOf(group) => is_staff(group.clone()),
                Entitled::StaffOfOrAbove(group) => {
                    is_staff(group.clone()) || group.parent().is_some_and(is_staff)
                }
                Entitled::User(entitled) => entitled == user,
            }
    }

    fn holding(&self, roster: &Roster) -> Option<&Holding> {
        self.held.iter().find(|holding| holding.roster == *roster)
    }

    /// Whether a change is of a session other than the one this is done in: the id of a session is no secret to those who are shown
    /// its tokens, and nobody but root staff ends what may be another's.
    fn acts_elsewhere(&self, change: &Change) -> bool {
        match (self.author.admission(), change) {
            (Some(admission), Change::EndSession { user, session, .. }) => {
                let is_own = *user == admission.user && admission.session == Some(*session);
                !is_own && self.holding(&Roster::RootStaff).is_none()
            }
            _ => false,
        }
    }

    /// Whether a change speaks in the name of somebody else where one can only speak for oneself.
    fn speaks_for_another(&self, change: &Change) -> bool {
        self.id().is_some_and(|id| match change {
            Change::CreateGroup { creator, .. } | Change::AdoptGroup { creator, .. } => {
                creator.as_ref() != Some(id)
            }
            Change::Leave { user, .. } => user != id,
            _ => false,
        })
    }

    /// Whether somebody who is on a staff for a time gives themselves a later end there, or the staff once more: they stay
    /// staff for that time. Root staff may, but not on the root staff itself.
    fn prolongs_own_time(&self, change: &Change) -> bool {
        let (Membership { roster, user, expires_at: new }, is_once_more) = match change {
            Change::AddMember(membership) => (membership, true),
            Change::Join(joining) => (&joining.membership, true),
            Change::SetExpiry(membership) => (membership, false),
            _ => return false,
        };
        if self.id() != Some(user) || roster.role() != Role::Staff {
            return false;
        }
        let may = *roster != Roster::RootStaff && self.holding(&Roster::RootStaff).is_some();
        let end = self.holding(roster).and_then(|holding| holding.expires_at);
        !may && end.is_some_and(|end| is_once_more || new.is_none_or(|new| new > end))
    }
}

/// The policy's word that a change may happen. Nothing else makes one, and stores ask for one. It is the word of a moment:
/// whoever carries it out has it judged again, when nothing can come in between any more.
#[derive(Debug)]
pub struct Permit {
    change: Change,
    author: Author,
    bounds: Bounds,
    possible: Option<Arc<PossibleUsers>>,
}

impl Permit {
    /// The same where it is known who could log in.
    #[must_use]
    pub fn knowing(self, possible: Arc<PossibleUsers>) -> Self {
        Self { possible: Some(possible), ..self }
    }

    /// Who could log in, if that is known: who else is on the root staff does not [stay](keeps_root_staff) there for others.
    #[must_use]
    pub fn possible(&self) -> Option<&PossibleUsers> {
        self.possible.as_deref()
    }

    /// The same within other bounds than those that hold by default.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Within which bounds.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// What is permitted.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// In which session it is done; `None` for the operator.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.author.admission()?.session
    }

    /// Who does it; `None` for the operator.
    #[must_use]
    pub fn actor(&self) -> Option<&UserId> {
        self.author.admission().map(Admission::user)
    }

    /// The [`deciding`] rosters, as far as the author's token reaches; none for the operator.
    #[must_use]
    pub fn deciding(&self) -> Vec<Roster> {
        let Some(admission) = self.author.admission() else { return Vec::new() };
        let mut rosters = deciding(&self.change);
        rosters.retain(|roster| admission.scope.covers(roster));
        rosters
    }

    /// Judges the change once more, by what the state says of its author now: a ban, a revocation, the end of a session or of a
    /// membership may have come since, and they may have made too much. The record need show no more holdings than those on the
    /// [`Permit::deciding`] rosters, and what they have made need be counted only where the change [adds](Change::adds) to it; of the
    /// operator neither is looked at.
    ///
    /// # Errors
    /// Why the author may not make the change any more.
    pub fn judge_again(
        &self,
        record: Record,
        made: Tally,
        now: Timestamp,
    ) -> Result<(), Withdrawn> {
        let actor = match self.author.admission() {
            None => Actor::operator(),
            Some(admission) => {
                admission.holds(record.standing, now)?;
                Actor::user(admission, record.holdings)
            }
        };
        judge(&actor, &self.change)?;
        Ok(keeps_within(&actor, &self.bounds, made, self.change.adds())?)
    }
}

/// Asks the policy for a change.
///
/// # Errors
/// [`Denied`], whether or not the group or user exists.
pub fn permit(actor: &Actor, change: Change) -> Result<Permit, Denied> {
    judge(actor, &change)?;
    let (author, bounds) = (actor.author.clone(), Bounds::default());
    Ok(Permit { change, author, bounds, possible: None })
}

/// The rosters that decide about a change, when who asks for it is on them: nobody's other memberships count.
#[must_use]
pub fn deciding(change: &Change) -> Vec<Roster> {
    match entitled(Action::Change(change)) {
        Entitled::StaffOf(group) => vec![Roster::RootStaff, Roster::Staff(group)],
        Entitled::StaffOfOrAbove(group) => {
            let above = group.parent().map(Roster::Staff);
            [Roster::RootStaff, Roster::Staff(group)].into_iter().chain(above).collect()
        }
        Entitled::RootStaff | Entitled::User(_) => vec![Roster::RootStaff],
    }
}

/// Judges a change, the first time and every other.
fn judge(actor: &Actor, change: &Change) -> Result<(), Denied> {
    let is_entitled = actor.satisfies(&entitled(Action::Change(change)));
    if !is_entitled || actor.speaks_for_another(change) || actor.acts_elsewhere(change) {
        return Err(Denied::NotEntitled);
    }
    if actor.prolongs_own_time(change) { Err(Denied::OwnTime) } else { Ok(()) }
}

/// Asks the policy for a look.
///
/// # Errors
/// [`Denied`], whether or not the group or user exists.
pub fn may_see(actor: &Actor, view: &View) -> Result<(), Denied> {
    if actor.satisfies(&entitled(Action::See(view))) { Ok(()) } else { Err(Denied::NotEntitled) }
}

/// On what grounds somebody asks for tokens, or to act with one.
#[derive(Clone, Debug)]
pub enum Grant<'a> {
    /// An identity provider has just said who this is.
    Login(Login),
    /// A verified refresh token, and what the new pair is to be limited to besides.
    Refresh(&'a RefreshClaims, Scope),
    /// A verified access token, used on the HTTP API.
    Access(&'a AccessClaims),
    /// A token that was shown to another.
    Vouched(Vouched),
    /// An invitation that somebody has made, whom it speaks for when it is taken up.
    Invitation(Invited),
}

/// What another says of an access token that was shown to them at this moment, and that they have verified.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// Whom it speaks for.
    pub user: UserId,
    /// How far it reaches.
    pub scope: Scope,
    /// Of which session it is.
    pub session: SessionId,
    /// The user's revocation that was in force when the session began.
    pub revocation: Option<Timestamp>,
}

/// What an identity provider has just proved.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who this is.
    pub user: UserId,
    /// What the settings let pass of what the provider says.
    pub claims: ExtraClaims,
    /// What it said that decides something again at each refresh.
    pub evidence: Evidence,
    /// What the tokens are to be limited to.
    pub scope: Scope,
    /// When the user proved it, where that was before now: to another who issues tokens, and whose word was taken. The
    /// session counts from then, and no revocation has been since.
    pub authenticated_at: Option<Timestamp>,
    /// When they showed who they are, where the login proves something else.
    pub auth_time: AuthTime,
}

impl Login {
    /// The user, of whom nothing else is said, without a limit.
    #[must_use]
    pub fn of(user: UserId) -> Self {
        Self {
            user,
            claims: ExtraClaims::default(),
            evidence: Evidence::default(),
            scope: Scope::default(),
            authenticated_at: None,
            auth_time: AuthTime::AtLogin,
        }
    }
}

/// The policy's word that a user may have tokens, or act with the one shown. Nothing else makes one, and
/// [`issue`](super::issue::issue) asks for one.
#[derive(Clone, Debug)]
pub struct Admission {
    pub(super) user: UserId,
    pub(super) scope: Scope,
    pub(super) claims: ExtraClaims,
    pub(super) evidence: Evidence,
    pub(super) authenticated_at: Timestamp,
    pub(super) auth_time: AuthTime,
    pub(super) session_ends: Timestamp,
    /// The user's revocation that was in force when the session began.
    pub(super) revocation: Option<Timestamp>,
    /// Which session goes on; `None` when one begins.
    pub(super) session: Option<SessionId>,
    /// To which client; `None` for the HTTP API's own.
    pub(super) client: Option<Arc<ClientGrant>>,
    /// When the access token shown ends; of what is shown only once, when its session does.
    shown_until: Timestamp,
}

impl Admission {
    /// Who.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The user's revocation that was in force when the session began.
    #[must_use]
    pub fn revocation(&self) -> Option<Timestamp> {
        self.revocation
    }

    /// How far the tokens, or the one shown, reach.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which session goes on; `None` when one begins.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// When the session is over, whatever is refreshed.
    #[must_use]
    pub fn session_ends(&self) -> Timestamp {
        self.session_ends
    }

    /// Judges once more, when it is known whether the session was ended by itself.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`].
    pub fn unless_ended(self, has_ended: impl Fn(SessionId) -> bool) -> Result<Self, Refusal> {
        if self.session.is_some_and(has_ended) { Err(Refusal::SessionEnded) } else { Ok(self) }
    }

    /// The same for a client, with what it was granted.
    #[must_use]
    pub fn granted_to(self, client: Arc<ClientGrant>) -> Self {
        Self { client: Some(client), ..self }
    }

    /// When the user last proved who they are.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// Whether it holds, by what root staff says of the user now; a ban wins over everything.
    fn holds(&self, standing: Standing, now: Timestamp) -> Result<(), Refusal> {
        if standing.banned {
            return Err(Refusal::Banned);
        }
        // Clocks have no say: what is compared is the same moment, written down twice.
        if self.revocation != standing.not_before {
            return Err(Refusal::Revoked);
        }
        if self.session_ends <= now {
            return Err(Refusal::SessionOver);
        }
        if self.shown_until <= now {
            return Err(Refusal::TokenOver);
        }
        Ok(())
    }
}

/// Judges a grant: the one gate to every token and to every use of one.
///
/// `session` is the longest time from a login to the end of the last token of its session.
///
/// # Errors
/// A [`Refusal`]; a ban wins over everything.
pub fn admit(
    grant: Grant<'_>,
    standing: Standing,
    session: Duration,
    now: Timestamp,
) -> Result<Admission, Refusal> {
    if standing.banned {
        return Err(Refusal::Banned);
    }
    let admission = match grant {
        Grant::Login(login) => {
            let Login { user, claims, evidence, scope, authenticated_at: elsewhere, auth_time } =
                login;
            let revocation = standing.not_before;
            // Another's token lives on after a revocation here, and is no new proof. What is far ahead ends what was here, and
            // shuts nobody out; several revocations within a second are a little ahead.
            let counts = |moment: &Timestamp| *moment <= now.after(A_LITTLE);
            if elsewhere.is_some_and(|at| revocation.filter(counts).is_some_and(|from| at < from)) {
                return Err(Refusal::Revoked);
            }
            let authenticated_at = elsewhere.map_or(now, |earlier| earlier.min(now));
            let session_ends = authenticated_at.after(session);
            Admission {
                user,
                scope,
                claims,
                evidence,
                authenticated_at,
                auth_time: auth_time.of_login_at(authenticated_at),
                session_ends,
                revocation,
                session: None,
                client: None,
                shown_until: session_ends,
            }
        }
        Grant::Refresh(RefreshClaims { token, evidence, extra }, scope) => {
            let scope = token.scope.narrow(scope).ok_or(Refusal::ScopeWidened)?;
            let (evidence, claims) = (evidence.clone(), extra.clone());
            Admission { claims, evidence, ..admission_of(token, scope, session) }
        }
        Grant::Access(AccessClaims { token, .. }) => {
            let shown_until = token.expires_at;
            Admission { shown_until, ..admission_of(token, token.scope.clone(), session) }
        }
        Grant::Vouched(Vouched { user, scope, session: shown, revocation }) => {
            Admission { session: Some(shown), revocation, ..spoken_for(user, scope, now, session) }
        }
        Grant::Invitation(Invited { by, revocation }) => {
            Admission { revocation, ..spoken_for(by, Scope::Unlimited, now, session) }
        }
    };
    admission.holds(standing, now)?;
    Ok(admission)
}

/// Of somebody whom another speaks for, at this moment.
fn spoken_for(user: UserId, scope: Scope, now: Timestamp, session: Duration) -> Admission {
    let session_ends = now.after(session);
    Admission {
        user,
        scope,
        claims: ExtraClaims::default(),
        evidence: Evidence::default(),
        authenticated_at: now,
        auth_time: AuthTime::AtLogin,
        session_ends,
        revocation: None,
        session: None,
        client: None,
        shown_until: session_ends,
    }
}

fn admission_of(token: &Token, scope: Scope, session: Duration) -> Admission {
    let session_ends = token.authenticated_at.after(session);
    Admission {
        user: token.subject.clone(),
        scope,
        claims: ExtraClaims::default(),
        evidence: Evidence::default(),
        authenticated_at: token.authenticated_at,
        auth_time: token.auth_time,
        session_ends,
        revocation: token.revocation,
        session: Some(token.session),
        client: token.client.clone(),
        shown_until: session_ends,
    }
}

#[cfg(test)]
mod tests;
