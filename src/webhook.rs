//! The admission webhook: whatever a user of the realm writes with `kubectl` is judged by [`policy`] on
//! what is the case at that moment, before it is stored. The groups in their token do not count.
//!
//! A review comes in, and a refusal goes out, or what the API server is to write on the object: its creator, its author, and
//! the group that it belongs to, by UID. Nothing is remembered but what was just allowed (`made`), so any replica is right; and nothing is changed, but that whoever is
//! about to lose the root staff is announced there, unless it is a dry run. What cannot be found out is refused. Who does not know
//! the path at which the API server asks is not the API server: nothing of what they send is read. Must not know how objects are stored, nor tokens.
//!
//! | File | Owns |
//! |---|---|
//! | `review` | AdmissionReviews (`admission.k8s.io/v1`) as JSON, both ways |
//! | `credential` | what the API server says of the token that the author has shown it |
//! | `made` | how much authors have made, with what nobody sees yet |
//! | `added` | how much it adds, for whom that counts, and what may be written around it |
//! | `asked` | what a review asks: the demand, and what is written on the object |

mod added;
mod asked;
mod credential;
mod made;
mod review;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::asked::Asked;
pub use self::made::Count;

/// Whether there is a client of an id.
pub type HasClient = Box<dyn Fn(&str) -> bool + Send + Sync>;
use self::made::Made;
use self::review::{Answer, Earnest, Review};
use crate::cluster::live::{LiveError, LiveRealm};
use crate::cluster::review_paths::KnownPaths;
use crate::cluster::root_staff::{GuardError, RootStaffGuard};
use crate::domain::bounds::Bounds;
use crate::domain::membership::Roster;
use crate::domain::policy::{self, Actor};
use crate::domain::provider::{PossibleUsers, ProviderNames};
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::web::intake::{Intake, IntakeError, IntakeOptions};
use crate::web::limits::BodyError;
use crate::web::{Handle, Request, Response};

/// Reviews that come. The largest: twice the largest request that the API server takes, for the object before and after, and
/// what is around them. All together: more than the API server asks at once, and few enough to be held in memory; who posts
/// slowly gives way to others.
const REVIEWS: IntakeOptions = IntakeOptions {
    largest: 7 * 1024 * 1024,
    patience: PATIENCE,
    most_bytes: 32 * 1024 * 1024,
    most_coming: 1_000,
};
/// Longest time for a whole review to come.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest time to an answer. The API server gives up after five seconds, and would name the path to the author.
const DEADLINE: Duration = Duration::from_millis(4_500);
/// Most reviews that are judged at once, when they are there as a whole. Further ones wait.
const AT_ONCE: usize = 32;
/// The policy asks how long sessions last; the API server has just verified the token, so this one began now.
const SESSION: Duration = Duration::from_secs(60);

/// Judges what users of one realm write.
pub struct Webhook {
    realm: LiveRealm,
    paths: Arc<KnownPaths>,
    guard: RootStaffGuard,
    made: Made,
    has_client: HasClient,
    settings: Settings,
    intake: Intake,
    turns: Arc<Semaphore>,
}

/// How the realm's users and objects are known.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace that is the realm.
    pub namespace: String,
    /// What the API server puts before the ids of the realm's users.
    pub username_prefix: String,
    /// The identity providers that users can come from.
    pub providers: ProviderNames,
    /// Who could log in.
    pub possible: PossibleUsers,
    /// How much of what one user has made may be there.
    pub bounds: Bounds,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// Why something is not written. The text is for its author: it names nothing that they did not name, or may not see.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// It has not the form that it should have.
    #[error("{0}")]
    Wrong(String),
    /// The policy, by which this takes what is told, or the author may not act at all.
    #[error("{0}")]
    Denied(String),
    /// It would count for somebody else.
    #[error(
        "this Membership is kept by Pasee, for members that were added over HTTP or for the creator of a group: take users out \
         of it as you like, and put others into one of your own, or add them over HTTP"
    )]
    Kept,
    /// What it would belong to is not there.
    #[error("the group {0} does not exist or is not in effect; make it, and its parents, first")]
    GroupMissing(String),
    /// Nobody knows whether it is allowed.
    #[error(
        "nothing is written as long as Pasee cannot find out at the API server whether you may; try again in a moment"
    )]
    Unknown(#[from] LiveError),
    /// The same of whether somebody stays on the root staff.
    #[error(
        "nothing is taken from the root staff as long as Pasee cannot find out who stays there; try again in a moment"
    )]
    Unguarded(#[source] GuardError),
}

impl Webhook {
    /// A webhook at these paths that reads a realm as its own process may, and counts by what that sees.
    #[must_use]
    pub fn new(
        realm: LiveRealm,
        paths: Arc<KnownPaths>,
        (count, has_client): (Count, HasClient),
        settings: Settings,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let guard = RootStaffGuard::new(realm.clone());
        let made = Made::new(count);
        Self {
            realm,
            paths,
            guard,
            made,
            has_client,
            settings,
            intake: Intake::new(REVIEWS),
            turns,
        }
    }

    async fn answer(&self, review: &Review) -> Answer {
        match self.judge(review).await {
            Ok(answer) => answer,
            Err(refusal) => {
                let Review { username, operation, .. } = review;
                let (kind, name) = (review.kind(), review.name());
                match &refusal {
                    Refusal::Unknown(error) => {
                        let error = error as &dyn std::error::Error;
                        tracing::error!(username, ?operation, kind, name, error, "not judged");
                    }
                    Refusal::Unguarded(error) => {
                        let error = error as &dyn std::error::Error;
                        tracing::error!(username, ?operation, kind, name, error, "not judged");
                    }
                    refusal => {
                        tracing::info!(username, ?operation, kind, name, %refusal, "refused");
                    }
                }
                let code = match refusal {
                    Refusal::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
                    Refusal::Denied(_) | Refusal::Kept => StatusCode::FORBIDDEN,
                    Refusal::GroupMissing(_) => StatusCode::NOT_FOUND,
                    Refusal::Unknown(_) | Refusal::Unguarded(_) => StatusCode::SERVICE_UNAVAILABLE,
                };
                Answer::refuse(code, &refusal.to_string())
            }
        }
    }

    async fn judge(&self, review: &Review) -> Result<Answer, Refusal> {
        let author = self.author(review)?;
        let asked = Asked::by(review, &author)?;
        added::keep_in_proportion(review)?;
        let (grant, scope) = (credential::grant(review, &author)?, credential::scope(review)?);
        let (mut rosters, now) = (asked.demand.deciding(), (self.settings.clock)());
        // What lies outside of the token's limit decides nothing.
        rosters.retain(|roster| scope.covers(roster));
        let excerpt = self.realm.look(&author, &rosters, asked.container.as_ref(), now);
        let ended = self.realm.has_ended(credential::session(&grant));
        let (excerpt, has_ended) = try_join(excerpt, ended).await?;
        let record = excerpt.record(&rosters, now);
        let admission = policy::admit(grant, record.standing, SESSION, now)
            .and_then(|admission| admission.unless_ended(|_| has_ended))
            .map_err(|refusal| Refusal::Denied(refusal.to_string()))?;
        let actor = Actor::user(&admission, record.holdings);
        asked.demand.judge(&actor).map_err(|denied| asked.refusal(denied))?;
        let is_root = actor.holdings().iter().any(|held| held.roster == Roster::RootStaff);
        if !is_root && added::counts_for_others(review, &asked, &author) {
            return Err(Refusal::Kept);
        }
        let more = added::adds(review, &author);
        let keeps = |made| policy::keeps_within(&actor, &self.settings.bounds, made, more);
        let is_written = || review.earnest == Earnest::Written;
        let kept = self.made.judge(&author, more, Instant::now(), is_written, keeps);
        kept.map_err(|denied| asked.refusal(denied))?;
        let rest = async {
            let patch = asked.patch(review, &author, &excerpt, now)?;
            self.keep_root_staff(review, now).await.map(|()| patch)
        };
        let patch = rest.await.inspect_err(|_| {
            if is_written() {
                self.made.take_back(&author, more);
            }
        })?;
        Ok(Answer::allow(patch, asked.warnings(&self.settings.providers, &self.has_client)))
    }

    /// Refuses what would leave nobody who can act as root staff, whatever others are about to write.
    async fn keep_root_staff(&self, review: &Review, now: Timestamp) -> Result<(), Refusal> {
        let Some(loss) = asked::loss(review) else { return Ok(()) };
        let possible = Some(&self.settings.possible);
        let kept = match review.earnest {
            // Nobody tells when it is stored: it counts as announced until it must be.
            Earnest::Written => self.guard.announce(&loss, possible, now).await.map(drop),
            Earnest::DryRun => self.guard.look(&loss, possible, now).await,
        };
        kept.map_err(|error| match error {
            GuardError::Last => Refusal::Denied(WriteError::LastRootStaff.to_string()),
            error => Refusal::Unguarded(error),
        })
    }

    /// The user that the API server knows by a prefixed name.
    fn author(&self, review: &Review) -> Result<UserId, Refusal> {
        let Settings { namespace, username_prefix, .. } = &self.settings;
        if review.namespace != *namespace {
            return Err(Refusal::Wrong(format!(
                "this webhook judges the realm in the namespace {namespace}; the one of another realm has an address of its own"
            )));
        }
        let id = review.username.strip_prefix(username_prefix);
        id.and_then(|id| id.parse().ok()).ok_or_else(|| {
            Refusal::Denied(format!(
                "you are no user of the realm {namespace}, whose users Kubernetes knows as {username_prefix}<provider>-<subject>"
            ))
        })
    }

    async fn respond(&self, request: Request) -> Response {
        // Before anything else: it takes no turn, no memory, and is told nothing.
        if !self.paths.has(request.uri().path()).await {
            return plain(StatusCode::NOT_FOUND, "there is nothing here\n");
        }
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST an AdmissionReview\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let answer = timeout(DEADLINE, self.answer_to(request)).await;
        answer.unwrap_or_else(|_| {
            plain(StatusCode::SERVICE_UNAVAILABLE, "not judged in time: too many reviews at once\n")
        })
    }

    async fn answer_to(&self, request: Request) -> Response {
        let body = match self.intake.read(request.into_body()).await {
            Ok(body) => body,
            Err(error) => return not_taken(error),
        };
        // Nobody has a turn who is still speaking.
        let Ok(_turn) = self.turns.acquire().await else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "no reviews any more\n");
        };
        let Ok(review) = Review::read(&body) else {
            return plain(
                StatusCode::BAD_REQUEST,
                "this is no AdmissionReview of admission.k8s.io/v1 with a request\n",
            );
        };
        let answer = self.answer(&review).await.to_json(&review);
        // As long as what was read of it was there.
        drop(body);
        let mut response = Response::new(Full::new(Bytes::from(answer)));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

impl Handle for Webhook {
    async fn handle(&self, request: Request, _: SocketAddr) -> Response {
        self.respond(request).await
    }
}

fn not_taken(error: IntakeError) -> Response {
    match error {
        IntakeError::Body(BodyError::TooLarge) => {
            plain(StatusCode::PAYLOAD_TOO_LARGE, "a review has at most 7 MiB\n")
        }
        IntakeError::Body(BodyError::Slow | BodyError::Broken) => {
            plain(StatusCode::BAD_REQUEST, "the review did not come whole, in time\n")
        }
        IntakeError::Crowded => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "too many reviews at once\n")
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests;
