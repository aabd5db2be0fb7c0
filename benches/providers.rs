//! Logins through one identity provider while another hangs with all the logins it may hold, against the same logins
//! without it, turn by turn in one run.
//!
//! `cargo bench --bench providers`. Must not know how a provider is asked.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints, or stops when something is wrong"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::oauth::browser::Browser;
use support::oauth::wire::Kind;
use support::oauth::{OAuthProvider, Spoiled};
use support::pasee::{Pasee, Setup};
use support::raw_server::Step;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How often calm and hanging take turns, and logins in each.
const TURNS: usize = 10;
const LOGINS: usize = 1000;
/// As many as one provider may hold at once.
const HANGING: usize = 256;

fn main() {
    Runtime::new().unwrap().block_on(async {
        let spoiled = Spoiled { token: Some(vec![Step::Hang]), ..Spoiled::default() };
        let bad = OAuthProvider::spoiled(Kind::Discord, spoiled).await;
        let good = OAuthProvider::start(Kind::Google).await;
        let bad_settings = bad.settings("bad", "").replace("timeout = 2", "timeout = 5");
        let pasee =
            Setup::default().tables(&(bad_settings + &good.settings("good", ""))).start().await;
        bad.register(&format!("{}/tokens/?idp=bad", pasee.url));
        good.register(&format!("{}/tokens/?idp=good", pasee.url));
        logins(&pasee).await;
        let (mut calm, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            calm.extend(logins(&pasee).await);
            let hanging = hang(&pasee).await;
            beside.extend(logins(&pasee).await);
            assert_eq!(hanging.len(), HANGING, "they hang to the end");
            assert_eq!(hanging.join_all().await, [503; HANGING]);
        }
        print(calm, beside);
    });
}

/// Ends of logins through the provider that answers, one after the other.
async fn logins(pasee: &Pasee) -> Vec<Duration> {
    let mut times = Vec::with_capacity(LOGINS);
    for _ in 0..LOGINS {
        let mut browser = Browser::default();
        let back = browser.ask(pasee, "good").await;
        let started = Instant::now();
        browser.visit(pasee, &back).await.is(200);
        times.push(started.elapsed());
    }
    times
}

/// Logins through the other, under way.
async fn hang(pasee: &Pasee) -> JoinSet<u16> {
    let mut hanging = JoinSet::new();
    for _ in 0..HANGING {
        let mut browser = Browser::default();
        let url = browser.ask(pasee, "bad").await;
        let cookie = format!("pasee-login-bad={}", browser.cookies(pasee)["pasee-login-bad"]);
        let ask = pasee.ask("GET", &url.as_str()[pasee.url.len()..]).header("cookie", &cookie);
        hanging.spawn(async move { ask.send().await.status.as_u16() });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    hanging
}

fn print(mut calm: Vec<Duration>, mut beside: Vec<Duration>) {
    calm.sort();
    beside.sort();
    println!("{} logins each, alone and beside {HANGING} that hang", calm.len());
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a place in a list of some thousands"
        )]
        let at = |times: &[Duration]| times[(times.len() as f64 * share) as usize];
        let (alone, beside) = (at(&calm), at(&beside));
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{name}: {alone:.2?} alone, {beside:.2?} beside, ratio {ratio:.2}, at most 1.20 wanted"
        );
    }
}
