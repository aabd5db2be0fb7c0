//! The controller: brings Groups, Memberships and Users to what their specs ask for, and says in their statuses, and in those of
//! OAuthClients, how they stand.
//!
//! For each object: dereference (what surrounds it, from [`cache`]), plan (pure: a list of steps, [`plan`]), apply (with a
//! client), [`status`]. Changes of one object are gathered first (`gather`). Beside that [`sweep`] takes back what was stored
//! after its author lost what entitled them, `revoke` ends the sessions of whom an object of somebody else's bans, and
//! `webhook` tells the API server of the webhook, and
//! `sessions` forgets ended ones that would be over anyway; what of all that is `past` no wrong clock says alone. Tokens do not wait for any of it: every server finds out by itself what is in effect.
//! Must not know HTTP servers.

pub mod apply;
pub mod cache;
mod gather;
pub mod group;
pub mod lease;
pub mod membership;
pub mod oauth_client;
pub mod object_watch;
mod past;
pub mod permissions;
pub mod plan;
mod revoke;
mod sessions;
pub mod status;
pub mod strangers;
pub mod sweep;
pub mod user;
mod webhook;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::controller::{Action, Config, Error, applier};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;

use self::apply::{ApplyError, Writer};
use self::gather::gather;
use self::lease::{Candidate, Tenure};
use self::object_watch::{ObjectWatch, Queue, SharedCache};
use self::past::Past;
use self::plan::Plan;
use self::sessions::Forgetting;
use self::strangers::Published;
use self::sweep::{Due, Recent, Sweeper};
use self::webhook::Keeper;
use crate::cluster::Outage;
use crate::domain::time::Timestamp;
use crate::objects::client::Beside;
use crate::objects::enrolment::Enrolment;
use crate::resources::{Group, Membership, OAuthClient, User};

/// How many objects of a kind are worked on at once.
const CONCURRENCY: u16 = 8;
/// How long a queued object waits for more changes to come, from the first on.
const GATHERING: Duration = Duration::from_millis(50);
/// How long work under way may go on after a stop: less than the 30 s that Kubernetes waits.
const DRAIN: Duration = Duration::from_secs(15);
/// Waits after faults: from the first, doubled for each, up to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// The longest wait for a moment to come. The system's clock may be set in between.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Which realm to run, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace that is the realm.
    pub namespace: String,
    /// What the Lease and Events call this process. No other process has it.
    pub identity: String,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// Runs the controller whenever this process leads, until `shutdown`; then finishes what is under way and frees the Lease.
pub async fn run(client: Client, options: Options, shutdown: impl Future<Output = ()>) {
    let Options { namespace, identity, .. } = &options;
    let outage = Arc::new(Outage::default());
    let mut candidate =
        Candidate::new(client.clone(), namespace, identity.clone(), Arc::clone(&outage));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let tenure = tokio::select! {
            tenure = candidate.lead() => Arc::new(tenure),
            () = &mut shutdown => return,
        };
        tracing::info!(namespace, identity, "leading");
        let (stop, stopping) = oneshot::channel::<()>();
        let work = work(&client, &options, &tenure, &outage, stopping);
        let mut work = std::pin::pin!(work);
        let drained = tokio::select! {
            // First, so that nothing goes on after the tenure: a process that was paused comes here at once.
            biased;
            () = candidate.hold(&tenure) => false,
            () = &mut shutdown => {
                drop(stop);
                tokio::select! {
                    biased;
                    () = candidate.hold(&tenure) => {}
                    _ = tokio::time::timeout(DRAIN, &mut work) => {}
                }
                true
            }
            () = &mut work => false,
        };
        if drained {
            break;
        }
        tracing::warn!(identity, "leading no more");
    }
    // Not before the end of `work`, which the block above has dropped.
    if let Err(error) = candidate.release().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the next leader has to wait");
    }
}

/// Watches and reconciles until told to stop; what is under way then is finished.
async fn work(
    client: &Client,
    options: &Options,
    tenure: &Arc<Tenure>,
    outage: &Arc<Outage>,
    stopping: oneshot::Receiver<()>,
) {
    let Options { namespace, identity, clock } = options;
    let mut published = Published::new(client, namespace);
    let said = published.first(outage).await;
    let cache = SharedCache::knowing(
        said.as_ref()
            .map(|said| Beside { clients: said.clients.clone(), providers: said.names.clone() }),
    );
    let (watch, queues) = ObjectWatch::new(namespace, cache.clone());
    let (due, clock) = (Due::default(), *clock);
    let past = Arc::new(Past::new(clock));
    past.ask(client).await;
    let watch = watch.telling(Recent::new(due.clone(), clock));
    let writer = Writer::new(client.clone(), namespace, Arc::clone(tenure), identity);
    let watching = async {
        tokio::select! {
            () = watch.run(client, outage) => {}
            _ = stopping => {}
        }
    };
    let context = || Context {
        cache: cache.clone(),
        writer: writer.clone(),
        clock,
        past: Arc::clone(&past),
        faults: Mutex::default(),
    };
    let reconciling = async {
        futures::join!(
            watching,
            reconcile(queues.groups, context(), Context::group),
            reconcile(queues.memberships, context(), Context::membership),
            reconcile(queues.users, context(), Context::user),
            reconcile(queues.clients, context(), Context::client),
        )
    };
    let possible = said.as_ref().map(|said| &said.possible);
    let sweeper = Sweeper { client, namespace, tenure, possible, clock };
    let webhook = Keeper { client, namespace, tenure, clock };
    let forgetting = Forgetting { client, namespace, tenure, past: &past };
    tokio::select! {
        _ = reconciling => {}
        () = sweeper.run(&due) => {}
        () = webhook.keep() => {}
        () = forgetting.keep() => {}
        () = past.keep(client) => {}
        () = published.changed(&said, outage) => {
            tracing::info!("there are other identity providers or clients in the settings now: all is looked at anew");
        }
    }
}

/// What reconcilers of one kind share.
struct Context {
    cache: SharedCache,
    writer: Writer,
    clock: fn() -> Timestamp,
    past: Arc<Past>,
    /// How often in a row something failed about an object.
    faults: Mutex<HashMap<String, u32>>,
}

type Reconciled = BoxFuture<'static, Result<Action, ApplyError>>;

impl Context {
    fn group(self: Arc<Self>, object: Arc<Group>) -> Reconciled {
        Box::pin(async move {
            let now = (self.clock)();
            let around = group::dereference(&self.cache.lock(), &object.name_any(), now);
            let Some(mut around) = around else { return Ok(Action::await_change()) };
            let plan = group::plan(&object, &around, now);
            let next = next(plan.again_at);
            match self.carry_out(&*object, plan).await {
                Ok(made) => {
                    made.iter().for_each(|membership| self.cache.lock().assume(membership));
                    Ok(next)
                }
                Err(ApplyError::NotMade(error)) => {
                    // The group stands all the same, and its status is to say so.
                    around.enrolment = Enrolment::Refused;
                    let plan = group::plan(&object, &around, now);
                    self.writer.carry_out(&*object, plan).await?;
                    Err(ApplyError::NotMade(error))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn membership(self: Arc<Self>, object: Arc<Membership>) -> Reconciled {
        Box::pin(async move {
            let around = membership::dereference(&self.cache.lock(), &object.name_any());
            let Some(around) = around else { return Ok(Action::await_change()) };
            let plan = membership::plan(&object, &around, (self.clock)(), self.past.end());
            let next = next(plan.again_at);
            self.carry_out(&*object, plan).await?;
            Ok(next)
        })
    }

    fn user(self: Arc<Self>, object: Arc<User>) -> Reconciled {
        Box::pin(async move {
            let (content, stranger) = {
                let cache = self.cache.lock();
                let content = cache.read_user(&object);
                let user = content.as_ref().ok().map(|content| &content.user);
                let stranger = user.and_then(|user| cache.stranger(user));
                (content, stranger)
            };
            let plan = user::plan(&object, &content, stranger.as_ref(), (self.clock)());
            let next = next(plan.again_at);
            self.carry_out(&*object, plan).await?;
            Ok(next)
        })
    }

    fn client(self: Arc<Self>, object: Arc<OAuthClient>) -> Reconciled {
        Box::pin(async move {
            let verdict = self.cache.lock().client(&object.name_any()).cloned();
            let Some(verdict) = verdict else { return Ok(Action::await_change()) };
            let plan = oauth_client::plan(&object, &verdict, (self.clock)());
            self.carry_out(&*object, plan).await?;
            Ok(Action::await_change())
        })
    }

    async fn carry_out<K, S>(
        &self,
        object: &K,
        plan: Plan<S>,
    ) -> Result<Vec<Membership>, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        S: Serialize,
    {
        let made = self.writer.carry_out(object, plan).await?;
        self.faults().remove(&object.name_any());
        Ok(made)
    }

    /// What to do after a fault about an object: wait, longer each time.
    fn back_off(&self, name: &str) -> Action {
        let mut faults = self.faults();
        let count = faults.entry(name.to_owned()).or_default();
        let (first, last) = BACKOFF;
        let wait = first.saturating_mul(1 << (*count).min(16)).min(last);
        *count += 1;
        Action::requeue(wait)
    }

    fn faults(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to look at an object again.
fn next(again_at: Option<Timestamp>) -> Action {
    let Some(at) = again_at else { return Action::await_change() };
    let at = UNIX_EPOCH + Duration::from_secs(at.as_unix().unsigned_abs());
    let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
    Action::requeue(wait.min(MAX_WAIT))
}

/// Reconciles the objects that are queued until the queue ends, and finishes those under way.
async fn reconcile<K>(
    queue: Queue<K>,
    context: Context,
    reconciler: fn(Arc<Context>, Arc<K>) -> Reconciled,
) where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let Queue { store, due } = queue;
    let on_fault = |object: Arc<K>, error: &ApplyError, context: Arc<Context>| {
        let name = object.name_any();
        let action = context.back_off(&name);
        let kind = K::kind(&());
        match error {
            // The watch tells what it is now.
            ApplyError::Changed | ApplyError::Lost(_) => {
                tracing::debug!(%kind, name, %error, "to be tried again");
            }
            ApplyError::Refused(_) | ApplyError::NotMade(_) => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(%kind, name, error, "to be tried again");
            }
        }
        action
    };
    let context = Arc::new(context);
    let known = Arc::clone(&context);
    applier(
        move |object, context| reconciler(context, object),
        on_fault,
        context,
        store,
        gather(due, GATHERING).map(Ok::<_, Infallible>),
        Config::default().concurrency(CONCURRENCY),
    )
    .for_each(move |reconciled| {
        match reconciled {
            Ok((object, _)) => tracing::debug!(%object, "reconciled"),
            // Told above.
            Err(Error::ReconcilerFailed(..)) => {}
            // Deleted since it was queued.
            Err(Error::ObjectNotFound(object)) => drop(known.faults().remove(&object.name)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "not reconciled")
            }
        }
        futures::future::ready(())
    })
    .await;
}

#[cfg(test)]
mod tests;
