//! Races of what somebody may do against what takes that from them, over HTTP: as many as asked for, several at a time, each by
//! staff of their own who try everything at once.
//!
//! Must not know which store there is.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::pasee::Pasee;

/// Longer than the first deed may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Until somebody who may not, or finds nothing, tries again, the first time and every further one: the race may be over by then.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(320)];
/// Which turn is taken once all is over: far behind every other.
const LATER: usize = 1_000_000;

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
    /// The session of whose tokens they show ends, and no other.
    SessionEnded,
    Deleted,
    GroupDeleted,
    ParentDeleted,
}

impl Withdrawal {
    pub const ALL: [Self; 7] = [
        Self::OffStaff,
        Self::Banned,
        Self::Revoked,
        Self::SessionEnded,
        Self::Deleted,
        Self::GroupDeleted,
        Self::ParentDeleted,
    ];

    /// Whether it takes it from all staff of the group at once.
    fn is_of_all(self) -> bool {
        matches!(self, Self::GroupDeleted | Self::ParentDeleted)
    }

    fn request(self, race: &Race) -> (&'static str, String, Option<Value>) {
        let Race { group, user, .. } = race;
        let parent = race.parent();
        match self {
            Self::OffStaff => ("DELETE", format!("/groups/{group}.staff/{user}/"), None),
            Self::Banned => ("PATCH", format!("/users/{user}"), Some(json!({ "is_banned": true }))),
            Self::Revoked => {
                ("PATCH", format!("/users/{user}"), Some(json!({ "not_before": "now" })))
            }
            Self::SessionEnded => {
                ("DELETE", format!("/users/{user}/sessions/{}", race.session()), None)
            }
            Self::Deleted => ("DELETE", format!("/users/{user}"), None),
            Self::GroupDeleted => ("DELETE", format!("/groups/{group}/"), None),
            Self::ParentDeleted => ("DELETE", format!("/groups/{parent}/"), None),
        }
    }
}

/// What the staff of a group do, all at once: each is tried over and over, with other names where a name can be used up. What they take away
/// they have made themselves.
pub const DEEDS: [&str; 6] = [
    "put themselves on the staff",
    "add members",
    "add accomplices to the staff",
    "remove a member",
    "create groups below",
    "delete a group below",
];

/// What each deed changes: what deeds of one mark change is told from all else by it.
const MARKS: [&str; 6] = ["", "-m", "-s", "-m", "-n", "-n"];

fn deed(kind: usize, race: &Race, turn: usize) -> (&'static str, String, Option<Value>) {
    let Race { group, user, .. } = race;
    let add = |roster: String, name: String| {
        ("POST", format!("/groups/{roster}/"), Some(json!({ "username": name })))
    };
    let below = format!("{group}.{}-n{turn}", race.slug());
    match kind {
        0 => add(format!("{group}.staff"), user.clone()),
        1 => add(group.clone(), format!("{user}-m{turn}")),
        2 => add(format!("{group}.staff"), format!("{user}-s{turn}")),
        3 => ("DELETE", format!("/groups/{group}/{user}-m{turn}/"), None),
        4 => ("POST", "/groups/".to_owned(), Some(json!({ "group": below }))),
        _ => ("DELETE", format!("/groups/{below}/"), None),
    }
}

/// One race: a group, and one of those who run it.
#[derive(Clone, Debug)]
pub struct Race {
    pub group: String,
    pub user: String,
    number: usize,
}

impl Race {
    fn parent(&self) -> &str {
        self.group.split('.').next().unwrap()
    }

    /// The session that all of their tokens are of, and nobody else's.
    pub fn session(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.user.hash(&mut hasher);
        format!("{:016x}{:016x}", hasher.finish(), self.number)
    }

    /// What names a user makes up begin with.
    fn slug(&self) -> &str {
        self.user.split_once('-').unwrap().1
    }

    /// The mark of what changed something that is seen, if this user's deeds did.
    fn mark(&self, effect: &str) -> Option<&'static str> {
        let own = effect.strip_prefix(&self.group).unwrap_or(effect);
        let (_, rest) = own.split_once(self.slug())?;
        // The names of others may begin like this one's.
        let is_own = rest.is_empty() || rest.starts_with('-');
        is_own
            .then(|| MARKS[1..].iter().find(|mark| rest.starts_with(**mark)).unwrap_or(&MARKS[0]))
            .copied()
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
    /// Deeds that were done and had been begun after the withdrawal was answered.
    pub begun_after: usize,
    /// Of each kind of deed, of those that were done: the latest begun, and the latest answered, after the withdrawal was.
    pub latest: [(Duration, Duration); DEEDS.len()],
}

impl Outcome {
    fn add(&mut self, one: Self) {
        self.done += one.done;
        self.refused += one.refused;
        self.begun_after += one.begun_after;
        self.late.extend(one.late);
        for (kind, (begun, answered)) in one.latest.into_iter().enumerate() {
            self.note(kind, begun, answered);
        }
    }

    fn note(&mut self, kind: usize, begun: Duration, answered: Duration) {
        let latest = &mut self.latest[kind];
        *latest = (latest.0.max(begun), latest.1.max(answered));
    }

    /// A line for each kind of deed: how late after the answer to the withdrawal any was begun and done all the same, and how late
    /// one was answered.
    pub fn pairs(&self, withdrawal: Withdrawal) -> String {
        let line = |(kind, (begun, answered)): (usize, &(Duration, Duration))| {
            let (begun, answered) = (begun.as_millis(), answered.as_millis());
            let deed = DEEDS[kind];
            format!(
                "  {withdrawal:?} × {deed}: begun {begun} ms, answered {answered} ms after it at the latest\n"
            )
        };
        self.latest.iter().enumerate().map(line).collect()
    }
}

/// Where things are asked for.
pub struct Track<'a> {
    /// Where the withdrawal is asked for.
    pub root: &'a Pasee,
    /// Where the staff is at work: each deed at one of these, in another race at another.
    pub staff: Vec<&'a Pasee>,
    /// How long after the answer to a withdrawal something may be begun elsewhere and still be done. What was under way there is
    /// waited for. Where the withdrawal was asked for nothing changes after the answer.
    pub grace: Duration,
    /// Groups that are raced in at a time.
    pub groups: usize,
    /// Staff of each, who race beside each other.
    pub users: usize,
}

impl Track<'_> {
    /// Races a withdrawal so many times; `after` is told of each race when it is over.
    pub async fn races(
        &self,
        withdrawal: Withdrawal,
        rounds: usize,
        after: impl Fn(Withdrawal, &Race) -> Vec<String>,
    ) -> Outcome {
        let name = format!("{withdrawal:?}-").to_lowercase();
        let race = |number: usize| Race {
            group: format!("{name}{}.team", number / self.users),
            user: format!("local-{name}{number}"),
            number,
        };
        let all: Vec<Race> = (0..rounds).map(race).collect();
        let groups = stream::iter(all.chunks(self.users));
        let groups = groups.map(|races| self.in_one_group(withdrawal, races));
        let mut groups = groups.buffer_unordered(self.groups);
        let mut outcome = Outcome::default();
        while let Some((races, one)) = groups.next().await {
            outcome.add(one);
            outcome.late.extend(races.iter().flat_map(|race| after(withdrawal, race)));
        }
        outcome
    }

    async fn in_one_group<'r>(
        &self,
        withdrawal: Withdrawal,
        races: &'r [Race],
    ) -> (&'r [Race], Outcome) {
        let root = self.root.forge(&self.root.access_claims("local-root"));
        self.prepare(races, &root).await;
        let heats = races.chunks(if withdrawal.is_of_all() { races.len() } else { 1 });
        let heats = heats.map(|heat| self.heat(withdrawal, heat, &root));
        let mut outcome = Outcome::default();
        join_all(heats).await.into_iter().for_each(|one| outcome.add(one));
        (races, outcome)
    }

    /// The races that one request ends.
    async fn heat(&self, withdrawal: Withdrawal, races: &[Race], root: &str) -> Outcome {
        let over = AtomicBool::new(false);
        let under_way: Vec<Notify> = races.iter().map(|_| Notify::new()).collect();
        let runners = races.iter().zip(&under_way);
        let staff = join_all(runners.flat_map(|(race, under_way)| {
            let over = &over;
            (0..DEEDS.len()).map(move |kind| self.work(kind, race, over, under_way))
        }));
        let withdraw = async {
            // Another replica may need a moment to know the staff.
            let all = join_all(under_way.iter().map(Notify::notified));
            tokio::time::timeout(PATIENCE, all).await.expect("everybody does something");
            let (method, path, body) = withdrawal.request(&races[0]);
            self.ask(self.root, root, method, path, body).await;
            let answered = Instant::now();
            let seen = self.effects(&races[0], root).await;
            tokio::time::sleep((answered + self.grace).saturating_duration_since(Instant::now()))
                .await;
            over.store(true, Ordering::SeqCst);
            (answered, seen)
        };
        let (works, (answered, seen)) = tokio::join!(staff, withdraw);
        // Elsewhere what was under way is done by now, however long it took.
        let seen_later = self.effects(&races[0], root).await;
        let again = races
            .iter()
            .flat_map(|race| (0..DEEDS.len()).map(move |kind| self.attempt(kind, race, LATER)));
        let again = join_all(again).await;
        let now = self.effects(&races[0], root).await;
        let mut outcome = self.judged(works.into_iter().flatten().chain(again), answered);
        for race in races {
            let here = |mark| std::ptr::eq(self.place_of(mark, race), self.root);
            let at_once = seen.symmetric_difference(&now);
            let at_once = at_once.filter(|effect| race.mark(effect).is_some_and(here));
            let later = seen_later.symmetric_difference(&now);
            let later = later.filter(|effect| race.mark(effect).is_some());
            outcome.late.extend(at_once.chain(later).map(|one| format!("{race:?}: {one}")));
            let is_back = now.contains(&format!("{}.staff: {}", race.group, race.user));
            if is_back && matches!(withdrawal, Withdrawal::OffStaff | Withdrawal::Deleted) {
                outcome.late.push(format!("{race:?}: back on the staff"));
            }
        }
        outcome
    }

    /// Where somebody tries one kind of deed: what has one mark in one place.
    fn place(&self, kind: usize, race: &Race) -> &Pasee {
        self.place_of(MARKS[kind], race)
    }

    fn place_of(&self, mark: &str, race: &Race) -> &Pasee {
        let place = MARKS.iter().position(|one| *one == mark).unwrap();
        self.staff[(place + race.number) % self.staff.len()]
    }

    /// What the answers say.
    fn judged(&self, works: impl Iterator<Item = Work>, answered: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        for Work { kind, what, is_here, began, ended, status } in works {
            match status {
                200..300 => {
                    outcome.done += 1;
                    let late = |at: Instant| at.saturating_duration_since(answered);
                    outcome.note(kind, late(began), late(ended));
                    outcome.begun_after += usize::from(began > answered);
                    let grace = if is_here { Duration::ZERO } else { self.grace };
                    if began > answered + grace {
                        outcome.late.push(format!("{what}: begun too late, and done"));
                    }
                }
                401 | 403 => outcome.refused += 1,
                404 | 409 | 429 | 503 => {}
                other => panic!("{what}: {other}"),
            }
        }
        outcome
    }

    async fn prepare(&self, races: &[Race], root: &str) {
        for group in [races[0].parent(), &races[0].group] {
            let body = Some(json!({ "group": group }));
            self.ask(self.root, root, "POST", "/groups/".to_owned(), body).await;
        }
        join_all(races.iter().map(|Race { group, user, .. }| {
            let body = Some(json!({ "username": user }));
            self.ask(self.root, root, "POST", format!("/groups/{group}.staff/"), body)
        }))
        .await;
    }

    /// Tries one deed.
    async fn attempt(&self, kind: usize, race: &Race, turn: usize) -> Work {
        let pasee = self.place(kind, race);
        let mut claims = pasee.access_claims(&race.user);
        claims["sid"] = json!(race.session());
        let token = pasee.forge(&claims);
        let (method, path, body) = deed(kind, race, turn);
        let ask = pasee.ask(method, &path).bearer(&token);
        let began = Instant::now();
        let answer = match body {
            Some(body) => ask.json(&body).await,
            None => ask.send().await,
        };
        Work {
            kind,
            what: format!("{} {method} {path}", race.user),
            is_here: std::ptr::eq(pasee, self.root),
            began,
            ended: Instant::now(),
            status: answer.status.as_u16(),
        }
    }

    /// One kind of deed over and over, until it is over.
    async fn work(
        &self,
        kind: usize,
        race: &Race,
        over: &AtomicBool,
        under_way: &Notify,
    ) -> Vec<Work> {
        let (mut works, mut turn, mut pauses) = (Vec::new(), 0, 0);
        while !over.load(Ordering::SeqCst) {
            let one = self.attempt(kind, race, turn).await;
            let status = one.status;
            works.push(one);
            match status {
                // What this would take away may not be there yet.
                401 | 403 | 404 => {
                    tokio::time::sleep(PAUSES[pauses.min(PAUSES.len() - 1)]).await;
                    pauses += 1;
                    continue;
                }
                200..300 => under_way.notify_one(),
                _ => {}
            }
            (turn, pauses) = (turn + 1, 0);
        }
        works
    }

    /// What must succeed, if not at once: whoever is told to try again later does.
    async fn ask(
        &self,
        pasee: &Pasee,
        token: &str,
        method: &str,
        path: String,
        body: Option<Value>,
    ) {
        let since = Instant::now();
        let mut is_again = false;
        loop {
            let ask = pasee.ask(method, &path).bearer(token);
            let answer = match &body {
                Some(body) => ask.json(body).await,
                None => ask.send().await,
            };
            match answer.status.as_u16() {
                200..300 => return,
                503 if since.elapsed() < PATIENCE => is_again = true,
                // What was not known to be done was.
                404 | 409 if is_again => return,
                _ => panic!("{method} {path}: {answer:?}"),
            }
        }
    }

    /// Everything in the group and below it, as root sees it.
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

/// One deed: its kind, whether it was asked for where the withdrawal was, when it began and ended, and its status.
struct Work {
    kind: usize,
    what: String,
    is_here: bool,
    began: Instant,
    ended: Instant,
    status: u16,
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
