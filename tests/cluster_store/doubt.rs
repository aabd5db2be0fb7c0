//! What stands between Pasee and the API server says that nothing came of a write which was done, or hangs up on it: nobody is told
//! that nothing was changed. And when others are quicker time and again, it is tried long enough.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use pasee::domain::change::{Ban, Change};
use pasee::domain::directory::Page;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::store::kubernetes::{Kubernetes, Options};
use tokio::net::TcpListener;

use crate::stage::{Stage, noon};
use crate::support::controlplane;
use crate::support::patience::eventually;

/// What is done to requests of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// They are done, and 503 is said.
    Unavailable,
    /// They are done, and 504 is said.
    Late,
    /// They are done, and the connection is closed.
    HungUp,
    /// They are not done, and 503 is said.
    Lost,
    /// So many are not done, as if somebody else had been quicker.
    Conflict(usize),
}

/// What is to be done, and to which methods.
type Plan = Arc<Mutex<(Vec<Method>, Option<Fault>)>>;

/// A proxy before the API server, by which a store sees the stage's realm.
struct Between {
    store: Kubernetes,
    plan: Plan,
}

impl Between {
    fn new(stage: &Stage) -> Self {
        let plan = Plan::default();
        let store = stage.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let kubeconfig = stage.server.kubeconfig.with_extension("between");
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n\
                 users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n",
                listener.local_addr().unwrap()
            );
            fs::write(&kubeconfig, text).unwrap();
            tokio::spawn(serve(listener, stage.server.client().await, Arc::clone(&plan)));
            let namespace = Some(stage.namespace.clone());
            let options = Options { namespace, kubeconfig: Some(kubeconfig), max_staleness: None };
            let store = Kubernetes::open(options, noon).await.unwrap();
            store.wait_until_ready(Duration::from_secs(60)).await.unwrap();
            store
        });
        Self { store, plan }
    }

    /// Makes a change while this is done to requests of these methods.
    fn write(
        &self,
        stage: &Stage,
        (methods, fault): (&[Method], Fault),
        change: Change,
    ) -> Result<(), WriteError> {
        *self.plan.lock().unwrap() = (methods.to_vec(), Some(fault));
        let permit = permit(&Actor::operator(), change).unwrap();
        let written = stage.runtime.block_on(self.store.write(permit));
        self.plan.lock().unwrap().1 = None;
        written
    }
}

async fn serve(listener: TcpListener, client: Client, plan: Plan) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (client, plan) = (client.clone(), Arc::clone(&plan));
        tokio::spawn(async move {
            let answer = service_fn(move |request| pass(request, client.clone(), plan.clone()));
            let builder = hyper::server::conn::http1::Builder::new();
            _ = builder.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// Passes a request on; an error closes the connection.
async fn pass(
    request: Request<Incoming>,
    client: Client,
    plan: Plan,
) -> Result<Response<Body>, std::io::Error> {
    let fault = {
        let (methods, fault) = &mut *plan.lock().unwrap();
        let meant = fault.filter(|_| methods.contains(request.method()));
        match meant {
            Some(Fault::Conflict(left)) => {
                *fault = left.checked_sub(2).map(|left| Fault::Conflict(left + 1));
            }
            Some(_) => *fault = None,
            None => {}
        }
        meant
    };
    match fault {
        Some(Fault::Conflict(_)) => return Ok(status(409)),
        Some(Fault::Lost) => return Ok(status(503)),
        _ => {}
    }
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(http::header::HOST);
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes().to_vec();
    let answer = client.send(Request::from_parts(parts, Body::from(body))).await;
    let answer = answer.map_err(std::io::Error::other)?;
    match fault {
        Some(Fault::Unavailable) => Ok(status(503)),
        Some(Fault::Late) => Ok(status(504)),
        Some(Fault::HungUp) => Err(std::io::Error::other("hung up")),
        _ => Ok(answer),
    }
}

/// A Status as the API server writes it.
fn status(code: u16) -> Response<Body> {
    let reason = if code == 409 { "Conflict" } else { "ServiceUnavailable" };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "injected",
        "reason": reason, "code": code, "details": { "name": "x", "kind": "memberships" },
    });
    let answer = Response::builder().status(code).header("content-type", "application/json");
    answer.body(Body::from(body.to_string().into_bytes())).unwrap()
}

fn add(roster: &str, user: &str) -> Change {
    Change::AddMember(pasee::domain::membership::Membership {
        roster: roster.parse().unwrap(),
        user: user.parse().unwrap(),
        expires_at: None,
    })
}

fn remove(roster: &str, user: &str) -> Change {
    Change::RemoveMember { roster: roster.parse().unwrap(), user: user.parse().unwrap() }
}

fn create(group: &str) -> Change {
    Change::CreateGroup { group: group.parse().unwrap(), creator: None }
}

const WRITES: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Each change, done and not confirmed, is said to be in doubt, and is there.
#[test]
fn what_may_have_been_done_is_not_denied() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let between = Between::new(&stage);
    for (number, fault) in [Fault::Unavailable, Fault::Late, Fault::HungUp].into_iter().enumerate()
    {
        let group = format!("g{number}");
        let banned =
            |banned| Change::SetBanned { user: format!("k-b{number}").parse().unwrap(), banned };
        for change in [
            create(&group),
            add(&group, "k-ada"),
            add(&group, "k-bob"),
            remove(&group, "k-ada"),
            remove(&group, "k-bob"),
            banned(Ban::Impose),
            banned(Ban::Lift),
            Change::DeleteGroup(group.parse().unwrap()),
        ] {
            let written = between.write(&stage, (&WRITES, fault), change.clone());
            assert!(
                matches!(written, Err(WriteError::Unconfirmed(_))),
                "{fault:?} {change:?}: {written:?}"
            );
            // Done it is: the same again has nothing to do, or does the rest.
            match &change {
                Change::CreateGroup { .. } => stage.eventually(&group, Some(&[])),
                Change::AddMember(one) => {
                    eventually("they are there", || {
                        stage.members(&group).is_some_and(|all| all.contains(&one.user.to_string()))
                    });
                }
                Change::RemoveMember { user, .. } => {
                    eventually("they are gone", || {
                        stage.members(&group).is_some_and(|all| !all.contains(&user.to_string()))
                    });
                }
                Change::DeleteGroup(_) => stage.eventually(&group, None),
                Change::SetBanned { user, banned } => {
                    let is_banned =
                        |store: &Kubernetes| store.directory().record(user, noon()).standing.banned;
                    let wanted = *banned == Ban::Impose;
                    eventually("both see the ban, or none any more", || {
                        is_banned(&stage.store) == wanted && is_banned(&between.store) == wanted
                    });
                }
                other => panic!("{other:?}"),
            }
            let seen = |store: &Kubernetes| {
                let all = Page { after: None, limit: 1000 };
                store
                    .directory()
                    .members(&group.parse().unwrap(), all, noon())
                    .map(|members| members.iter().map(ToString::to_string).collect::<Vec<_>>())
            };
            eventually("the store behind sees it too", || {
                seen(&between.store) == seen(&stage.store)
            });
        }
    }
}

/// What was only read, or never came, is told so.
#[test]
fn what_was_not_done_is_said_to_be_undone_where_that_is_known() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let between = Between::new(&stage);
    between.write(&stage, (&[], Fault::Lost), create("a")).unwrap();
    for user in ["k-ada", "k-bob"] {
        between.write(&stage, (&[], Fault::Lost), add("a", user)).unwrap();
    }
    let written = between.write(&stage, (&[Method::GET], Fault::Lost), remove("a", "k-ada"));
    assert!(matches!(written, Err(WriteError::Unavailable(_))), "{written:?}");
    // Nobody can know of this one.
    let written = between.write(&stage, (&WRITES, Fault::Lost), remove("a", "k-ada"));
    assert!(matches!(written, Err(WriteError::Unconfirmed(_))), "{written:?}");
    stage.eventually("a", Some(&["k-ada", "k-bob"]));
    // Taken off one roster, and in doubt of the second.
    between.write(&stage, (&[], Fault::Lost), create("b")).unwrap();
    between.write(&stage, (&[], Fault::Lost), add("b", "k-bob")).unwrap();
    let gone = Change::DeleteUser("k-bob".parse().unwrap());
    let written = between.write(&stage, (&[Method::DELETE], Fault::Unavailable), gone);
    let told = written.unwrap_err();
    assert!(matches!(&told, WriteError::Partly { .. }), "{told:?}");
    assert!(told.to_string().contains("k-bob was taken off a and perhaps b"), "{told}");
    stage.eventually("b", Some(&[]));
}

/// Others are quicker twenty times: it is tried once more.
#[test]
fn it_is_tried_until_it_is_done() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let between = Between::new(&stage);
    between.write(&stage, (&[], Fault::Lost), create("a")).unwrap();
    between.write(&stage, (&[], Fault::Lost), add("a", "k-ada")).unwrap();
    let quicker = Fault::Conflict(20);
    between.write(&stage, (&[Method::PATCH], quicker), add("a", "k-bob")).unwrap();
    between.write(&stage, (&[Method::PATCH], quicker), remove("a", "k-ada")).unwrap();
    stage.eventually("a", Some(&["k-bob"]));
    // For ever is too long; then nothing was changed, and that is said.
    let written =
        between.write(&stage, (&[Method::PATCH], Fault::Conflict(1_000)), add("a", "k-eve"));
    assert!(matches!(written, Err(WriteError::Unavailable(_))), "{written:?}");
    stage.eventually("a", Some(&["k-bob"]));
}
