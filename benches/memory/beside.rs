//! What a refresh waits while somebody sends 200 wrong logins a second, against what it waits alone.
//!
//! Must not know how the server was started.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const TURNS: usize = 4;
const TURN: Duration = Duration::from_secs(5);
/// Between two refreshes, and between two wrong logins: 200 of each a second.
const PACE: Duration = Duration::from_millis(5);

/// Prints both, measured in turns, at the same pace over one kept connection.
pub fn measure(port: u16) {
    let (mut alone, mut beside, mut statuses) = (Vec::new(), Vec::new(), BTreeMap::new());
    let tokens = runtime().block_on(tokens(port));
    for turn in 0..TURNS {
        alone.extend(runtime().block_on(refreshes(port, &tokens)));
        let wrong = std::thread::spawn(move || runtime().block_on(wrong_logins(port, turn)));
        beside.extend(runtime().block_on(refreshes(port, &tokens)));
        for (status, count) in wrong.join().expect("logins") {
            *statuses.entry(status).or_insert(0) += count;
        }
        // What was still to be hashed is over.
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("wrong logins, 200 a second, by status: {statuses:?}");
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let (alone, beside) = (percentile(&mut alone, percent), percentile(&mut beside, percent));
        println!(
            "a refresh's {name}: {:.2} ms alone, {:.2} ms beside 200 wrong logins a second, ratio {:.2}",
            alone.as_secs_f64() * 1e3,
            beside.as_secs_f64() * 1e3,
            beside.as_secs_f64() / alone.as_secs_f64()
        );
    }
}

/// A refresh token.
async fn tokens(port: u16) -> String {
    let answer = log_in(&reqwest::Client::new(), port, "cheap", "ada", "lovelace").await;
    let answer: Value =
        serde_json::from_slice(&answer.bytes().await.expect("a whole answer")).expect("JSON");
    answer["refresh_token"].as_str().expect("a refresh token").to_owned()
}

async fn log_in(
    client: &reqwest::Client,
    port: u16,
    provider: &str,
    login: &str,
    password: &str,
) -> reqwest::Response {
    let url = format!("http://127.0.0.1:{port}/tokens/?idp={provider}");
    let body = json!({ "login": login, "password": password }).to_string();
    let request = client.post(url).header("content-type", "application/json").body(body);
    request.send().await.expect("an answer")
}

/// How long each refresh of one turn took.
async fn refreshes(port: u16, token: &str) -> Vec<Duration> {
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/tokens/?refresh");
    let (mut pace, began, mut times) = (interval(PACE), Instant::now(), Vec::new());
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < TURN {
        pace.tick().await;
        let started = Instant::now();
        let answer = client.post(&url).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        answer.bytes().await.expect("a whole answer");
        times.push(started.elapsed());
    }
    times
}

/// Sends wrong logins of distinct names for one turn, whether or not they are answered, and counts the answers by status.
async fn wrong_logins(port: u16, turn: usize) -> BTreeMap<u16, usize> {
    let (client, mut pace, mut under_way) =
        (reqwest::Client::new(), interval(PACE), JoinSet::new());
    let turns = TURN.as_millis() / PACE.as_millis();
    for number in 0..turns {
        pace.tick().await;
        let client = client.clone();
        under_way.spawn(async move {
            let login = format!("beside-{turn}-{number}");
            let answer = log_in(&client, port, "costly", &login, "wrong").await;
            let status = answer.status().as_u16();
            answer.bytes().await.expect("a whole answer");
            status
        });
    }
    let mut statuses = BTreeMap::new();
    for status in under_way.join_all().await {
        *statuses.entry(status).or_insert(0) += 1;
    }
    statuses
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
