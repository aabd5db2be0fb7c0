//! The server needs every permission of its Role: without any one of them something fails that it has to do.

use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, Grant, Login, admit, permit};
use pasee::domain::realm::Realm;
use pasee::domain::time::Timestamp;
use pasee::domain::token::SessionId;
use pasee::domain::user::UserId;
use pasee::store::kubernetes::permissions::PERMISSIONS;
use pasee::store::kubernetes::{Kubernetes, Options};
use serde_json::json;

use crate::stage::noon;
use crate::support::controlplane::{self, User};
use crate::support::realm;

/// Everything that the server does, as a user; the first thing that fails. Who lacks what reading takes waits in vain.
async fn day(
    (server, admin): (&User, &User),
    namespace: &str,
    name: &str,
    patience: Duration,
) -> Result<(), String> {
    let options = Options {
        namespace: Some(namespace.to_owned()),
        kubeconfig: Some(server.kubeconfig.clone()),
        max_staleness: None,
    };
    let store = Kubernetes::open(options, noon).await.unwrap();
    store.wait_until_ready(patience).await.map_err(|fault| fault.to_string())?;
    let user = |subject: &str| format!("k-{name}-{subject}").parse().unwrap();
    let group = || name.parse().unwrap();
    let add =
        |user| Change::AddMember(Membership { roster: group_roster(name), user, expires_at: None });
    let remove = |user| Change::RemoveMember { roster: group_roster(name), user };
    let ban = |user, banned| Change::SetBanned { user, banned };
    let root =
        |user| Change::AddMember(Membership { roster: Roster::RootStaff, user, expires_at: None });
    let leave = |user| Change::Leave { roster: Roster::RootStaff, user };
    for change in [
        Change::CreateGroup { group: group(), creator: Some(user("you")) },
        add(user("ada")),
        add(user("bob")),
        remove(user("ada")),
        remove(user("bob")),
        Change::RemoveMember {
            roster: format!("{name}.staff").parse().unwrap(),
            user: user("you"),
        },
        ban(user("eve"), Ban::Impose),
        Change::Revoke(user("eve")),
        ban(user("eve"), Ban::Lift),
        ban(user("bob"), Ban::Impose),
        ban(user("bob"), Ban::Lift),
        end_session(name, 1),
        end_session(name, 2),
        // The first who leaves may make the Lease, the second changes it, the third stays.
        root(user("one")),
        root(user("two")),
        root(user("three")),
        leave(user("one")),
        leave(user("two")),
        Change::DeleteGroup(group()),
    ] {
        let what = format!("{change:?}");
        // Of those that are users, what decides is read at that moment.
        let author = match &change {
            Change::RemoveMember { .. } => as_user(&store, &user("you")),
            Change::Leave { user, .. } => as_user(&store, user),
            _ => Actor::operator(),
        };
        let written = store.write(permit(&author, change).unwrap()).await;
        written.map_err(|error| format!("{what}: {error}"))?;
    }
    // An application that is written down meanwhile.
    let (admin, text) = (admin.clone(), client(name));
    let into = namespace.to_owned();
    tokio::task::spawn_blocking(move || admin.apply(&into, &text).ok()).await.unwrap();
    let since = std::time::Instant::now();
    while store.directory().client(name).is_none() {
        if since.elapsed() > patience {
            return Err("an application is not seen".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn client(name: &str) -> String {
    let client = json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "OAuthClient", "metadata": { "name": name },
        "spec": { "name": name, "redirectUris": ["https://app.example.com/back"] },
    });
    client.to_string()
}

/// Sessions that end on a day on which no other server's do: the first makes an object, the second is added to it.
fn end_session(name: &str, number: u8) -> Change {
    let day: i64 = name.trim_start_matches('g').parse().unwrap();
    let until = Timestamp::from_unix(noon().as_unix() + (day + 1) * 86_400).unwrap();
    let session = SessionId::new((i128::from(day) << 8 | i128::from(number)).to_be_bytes());
    Change::EndSession { user: format!("k-{name}-ada").parse().unwrap(), session, until }
}

fn as_user(store: &Kubernetes, id: &UserId) -> Actor {
    let record = store.directory().record(id, noon());
    let (grant, day) = (Grant::Login(Login::of(id.clone())), Duration::from_secs(86_400));
    Actor::user(&admit(grant, record.standing, day, noon()).unwrap(), record.holdings)
}

fn group_roster(name: &str) -> Roster {
    name.parse().unwrap()
}

#[test]
fn each_is_needed() {
    let cluster = controlplane::shared();
    realm::define(&cluster.admin);
    let namespace = cluster.namespace();
    let all: Vec<(&str, &str)> = PERMISSIONS
        .iter()
        .flat_map(|one| one.verbs.iter().map(|verb| (*verb, one.resource)))
        .collect();
    // The first lacks nothing.
    let lacking: Vec<Option<(&str, &str)>> =
        std::iter::once(None).chain(all.into_iter().map(Some)).collect();
    let mut roles = Vec::new();
    let mut servers = Vec::new();
    for (number, lacks) in lacking.iter().enumerate() {
        let name = format!("server{number}");
        let mut role = realm::role(&namespace, "pasee-server", |verb, resource| {
            *lacks != Some((verb, resource))
        });
        role["metadata"] = json!({ "name": name });
        roles.push(role);
        roles.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace }],
        }));
        servers.push(cluster.service_account(&namespace, &name));
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": roles });
    cluster.admin.apply(&namespace, &list.to_string()).ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let days: Vec<Result<(), String>> = runtime.block_on(async {
        let day_of = |number: usize| {
            let (server, namespace) = (servers[number].clone(), namespace.clone());
            let admin = cluster.admin.clone();
            let patience = Duration::from_secs(if lacking[number].is_none() { 60 } else { 10 });
            let name = format!("g{number}");
            tokio::spawn(async move { day((&server, &admin), &namespace, &name, patience).await })
        };
        // Who cannot make a Lease does not need to where another has.
        let is_first = |lacks: &Option<(&str, &str)>| *lacks == Some(("create", "leases"));
        let first = lacking.iter().position(is_first).unwrap();
        let first_day = day_of(first).await.unwrap();
        let rest = (0..servers.len()).filter(|number| *number != first).map(day_of);
        let mut days: Vec<_> =
            futures::future::join_all(rest).await.into_iter().map(Result::unwrap).collect();
        days.insert(first, first_day);
        days
    });
    assert_eq!(days[0], Ok(()), "all together are enough");
    for (lacks, day) in lacking.iter().zip(&days).skip(1) {
        assert!(day.is_err(), "{lacks:?} is not needed");
        println!("without {lacks:?}: {}", day.as_ref().unwrap_err());
    }
}
