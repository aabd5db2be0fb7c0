//! Races of what somebody may do against what takes that from them, over HTTP: as many rounds as asked for, several at a
//! time, each in a group of its own with staff of its own.
//!
//! Must not know which store there is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::pasee::Pasee;

/// Longer than the first deed may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds that run beside each other.
const TOGETHER: usize = 4;

/// How often each pair is raced: `PASEE_RACES`, or so many.
pub fn rounds(default: usize) -> usize {
    std::env::var("PASEE_RACES").map_or(default, |text| text.parse().expect("a number of races"))
}

/// What takes from the staff of a group what they may do.
#[derive(Clone, Copy, Debug)]
pub enum Withdrawal {
    OffStaff,
    Banned,
    Revoked,
    Deleted,
    GroupDeleted,
    ParentDeleted,
}

impl Withdrawal {
    pub const ALL: [Self; 6] = [
        Self::OffStaff,
        Self::Banned,
        Self::Revoked,
        Self::Deleted,
        Self::GroupDeleted,
        Self::ParentDeleted,
    ];

    fn request(self, race: &Race) -> (&'static str, String, Option<Value>) {
        let Race { group, user } = race;
        let parent = race.parent();
        match self {
            Self::OffStaff => ("DELETE", format!("/groups/{group}.staff/{user}/"), None),
            Self::Banned => ("PATCH", format!("/users/{user}"), Some(json!({ "is_banned": true }))),
            Self::Revoked => {
                ("PATCH", format!("/users/{user}"), Some(json!({ "not_before": "now" })))
            }
            Self::Deleted => ("DELETE", format!("/users/{user}"), None),
            Self::GroupDeleted => ("DELETE", format!("/groups/{group}/"), None),
            Self::ParentDeleted => ("DELETE", format!("/groups/{parent}/"), None),
        }
    }
}

/// What the staff of a group do: each is tried over and over, with other names where a name can be used up.
pub const DEEDS: [&str; 6] = [
    "put themselves on the staff",
    "add members",
    "add accomplices to the staff",
    "remove a member",
    "create groups below",
    "delete a group below",
];

fn deed(kind: usize, race: &Race, turn: usize) -> (&'static str, String, Option<Value>) {
    let Race { group, user } = race;
    let add = |roster: String, name: String| {
        ("POST", format!("/groups/{roster}/"), Some(json!({ "username": name })))
    };
    match kind {
        0 => add(format!("{group}.staff"), user.clone()),
        1 => add(group.clone(), format!("{user}-m{turn}")),
        2 => add(format!("{group}.staff"), format!("{user}-s{turn}")),
        3 => ("DELETE", format!("/groups/{group}/{user}-old{}/", turn % OLD), None),
        4 => ("POST", "/groups/".to_owned(), Some(json!({ "group": format!("{group}.n{turn}") }))),
        _ => ("DELETE", format!("/groups/{group}.old{}/", turn % OLD), None),
    }
}

/// Members and groups that are there to be taken away.
const OLD: usize = 2;

/// One round: a group and who runs it.
#[derive(Clone, Debug)]
pub struct Race {
    pub group: String,
    pub user: String,
}

impl Race {
    fn parent(&self) -> &str {
        self.group.split('.').next().unwrap()
    }
}

/// What came of the races of one withdrawal.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Deeds that were done before the withdrawal was answered, and refused after it began: without both, nothing was raced.
    pub done: usize,
    pub refused: usize,
    /// Effects that were not there when they should have been for good.
    pub late: Vec<String>,
    /// Of deeds that were answered with success, the longest after the withdrawal was.
    pub latest: Duration,
}

/// Where things are asked for.
pub struct Track<'a> {
    /// Where the withdrawal is asked for.
    pub root: &'a Pasee,
    /// Where the staff is at work.
    pub staff: Vec<&'a Pasee>,
    /// How long the staff goes on after the withdrawal was answered, and from when on nothing may change any more.
    pub grace: Duration,
}

impl Track<'_> {
    /// Races a withdrawal so many times; `after` is told of each race when it is over.
    pub async fn races(
        &self,
        withdrawal: Withdrawal,
        rounds: usize,
        after: impl Fn(Withdrawal, &Race) -> Vec<String>,
    ) -> Outcome {
        let race = |round: usize| self.race(withdrawal, round);
        let mut all = stream::iter(0..rounds).map(race).buffer_unordered(TOGETHER);
        let mut outcome = Outcome::default();
        while let Some((race, one)) = all.next().await {
            outcome.done += one.done;
            outcome.refused += one.refused;
            outcome.late.extend(one.late);
            outcome.late.extend(after(withdrawal, &race));
            outcome.latest = outcome.latest.max(one.latest);
        }
        outcome
    }

    async fn race(&self, withdrawal: Withdrawal, round: usize) -> (Race, Outcome) {
        let name = format!("{withdrawal:?}{}-", self.staff.len()).to_lowercase();
        let race =
            Race { group: format!("{name}{round}.team"), user: format!("local-{name}{round}") };
        let root = self.root.forge(&self.root.access_claims("local-root"));
        self.prepare(&race, &root).await;
        let over = AtomicBool::new(false);
        let under_way = tokio::sync::Notify::new();
        let staff = join_all(self.staff.iter().flat_map(|pasee| {
            let (race, over, under_way) = (&race, &over, &under_way);
            (0..DEEDS.len()).map(move |kind| work(pasee, kind, race, over, under_way))
        }));
        let withdraw = async {
            // Another replica may need a moment to know the staff.
            tokio::time::timeout(PATIENCE, under_way.notified()).await.expect("a deed is done");
            let (method, path, body) = withdrawal.request(&race);
            self.ask(self.root, &root, method, path, body).await;
            let answered = Instant::now();
            tokio::time::sleep(self.grace).await;
            let seen = self.effects(&race, &root).await;
            // On other replicas the staff goes on for a while: nothing of it may come to anything.
            tokio::time::sleep(self.grace / 5).await;
            over.store(true, Ordering::SeqCst);
            (answered, seen)
        };
        let (works, (answered, seen)) = tokio::join!(staff, withdraw);
        let now = self.effects(&race, &root).await;
        let differ = seen.symmetric_difference(&now);
        let mut outcome = Outcome {
            late: differ.map(|one| format!("{race:?}: {one}")).collect(),
            ..Outcome::default()
        };
        let is_back = now.contains(&format!("{}.staff: {}", race.group, race.user));
        if is_back && matches!(withdrawal, Withdrawal::OffStaff | Withdrawal::Deleted) {
            outcome.late.push(format!("{race:?}: back on the staff"));
        }
        for (began, ended, status) in works.into_iter().flatten() {
            match status {
                200..300 => {
                    outcome.done += 1;
                    let late = ended.saturating_duration_since(answered);
                    outcome.latest = outcome.latest.max(late);
                    if self.grace.is_zero() && began > answered {
                        outcome.late.push(format!("{race:?}: begun after the answer, and done"));
                    }
                }
                401 | 403 => outcome.refused += 1,
                404 | 409 | 429 | 503 => {}
                other => panic!("{race:?}: {other}"),
            }
        }
        (race, outcome)
    }

    async fn prepare(&self, race: &Race, root: &str) {
        let Race { group, user } = race;
        let below: Vec<String> = (0..OLD).map(|number| format!("{group}.old{number}")).collect();
        let groups = [race.parent(), group].into_iter().chain(below.iter().map(String::as_str));
        for name in groups {
            let body = Some(json!({ "group": name }));
            self.ask(self.root, root, "POST", "/groups/".to_owned(), body).await;
        }
        let members = (0..OLD).map(|number| (group.clone(), format!("{user}-old{number}")));
        let staff = std::iter::once((format!("{group}.staff"), user.clone()));
        for (roster, name) in members.chain(staff) {
            let body = Some(json!({ "username": name }));
            self.ask(self.root, root, "POST", format!("/groups/{roster}/"), body).await;
        }
    }

    /// What must succeed.
    async fn ask(
        &self,
        pasee: &Pasee,
        token: &str,
        method: &str,
        path: String,
        body: Option<Value>,
    ) {
        let ask = pasee.ask(method, &path).bearer(token);
        let answer = match body {
            Some(body) => ask.json(&body).await,
            None => ask.send().await,
        };
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
    }

    /// Everything below the parent, as root sees it.
    async fn effects(&self, race: &Race, root: &str) -> BTreeSet<String> {
        let mut effects = BTreeSet::new();
        let lists = [race.group.clone(), format!("{}.staff", race.group)].map(|roster| async {
            let path = format!("/groups/{roster}/");
            let members = every(self.root, root, path, ("members", "username"), |_| true).await;
            (roster, members)
        });
        for (roster, members) in join_all(lists).await {
            effects.extend(members.iter().map(|member| format!("{roster}: {member}")));
        }
        let path = format!("/groups/?last_element={}", race.group);
        let below = format!("{}.", race.group);
        let is_below = |group: &str| group.starts_with(&below);
        let groups = every(self.root, root, path, ("groups", "group"), is_below).await;
        effects.extend(groups.into_iter().filter(|group| group.starts_with(&below)));
        effects
    }
}

/// One kind of deed over and over, until it is over: when each began and ended, and its status.
async fn work(
    pasee: &Pasee,
    kind: usize,
    race: &Race,
    over: &AtomicBool,
    under_way: &tokio::sync::Notify,
) -> Vec<(Instant, Instant, u16)> {
    let token = pasee.forge(&pasee.access_claims(&race.user));
    let mut works = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let (method, path, body) = deed(kind, race, works.len());
        let ask = pasee.ask(method, &path).bearer(&token);
        let began = Instant::now();
        let answer = match body {
            Some(body) => ask.json(&body).await,
            None => ask.send().await,
        };
        works.push((began, Instant::now(), answer.status.as_u16()));
        if answer.status.is_success() {
            under_way.notify_one();
        }
    }
    works
}

/// The names in the pages of a list, up to the page whose last name is past those asked for; none when it is not there.
async fn every(
    pasee: &Pasee,
    token: &str,
    mut path: String,
    (list, key): (&str, &str),
    is_asked_for: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let answer = pasee.ask("GET", &path).bearer(token).send().await;
        if answer.status.as_u16() == 404 {
            break;
        }
        let page = answer.is(200).json();
        let found = page[list].as_array().unwrap().iter();
        names.extend(found.map(|item| item[key].as_str().unwrap().to_owned()));
        let goes_on = names.last().is_some_and(|last| is_asked_for(last));
        let Some(next) = page.get("next").filter(|_| goes_on) else { break };
        path = next["url"].as_str().unwrap().strip_prefix(&pasee.url).unwrap().to_owned();
    }
    names
}
