//! Several servers of one realm: what one of them made is good at each, and once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use crate::devices::{GRANT, begin as begin_device, poll, say};
use crate::stage::{
    BACK, Browser, authorize, by_app, encoded, error, pasee_with, query_of, redeem, refresh,
    request,
};
use crate::support::pasee::{Answer, Pasee, Setup, free_port};
use crate::support::patience::wait_until_stopped;

/// Longer than a server needs to learn of another.
const REST: Duration = Duration::from_secs(60);

/// Three servers that know each other.
async fn three() -> Vec<Pasee> {
    three_with(Setup::default().members("articles", ["local-ada"])).await
}

async fn three_with(setup: Setup) -> Vec<Pasee> {
    let ports = [free_port(), free_port(), free_port()];
    let places: Vec<String> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    let table = |port: u16| {
        format!(
            "[peers]\nlisten = \"127.0.0.1:{port}\"\nadvertise = \"127.0.0.1:{port}\"\ndiscover = [{}]\n",
            places.join(", ")
        )
    };
    let client = format!(
        "[[clients]]\nid = \"tv\"\nname = \"The TV\"\ngrant_types = [\"{GRANT}\", \"refresh_token\"]\n"
    );
    let first = pasee_with(setup, &format!("{client}{}", table(ports[0]))).await;
    let own =
        format!("listen = \"127.0.0.1:{}\"\nadvertise = \"127.0.0.1:{}\"", ports[0], ports[0]);
    let mut servers = Vec::new();
    for port in &ports[1..] {
        let other = format!("listen = \"127.0.0.1:{port}\"\nadvertise = \"127.0.0.1:{port}\"");
        servers.push(first.replica(|settings| settings.replace(&own, &other)).await);
    }
    servers.insert(0, first);
    for server in &servers {
        until("each knows the two others", || server.log().matches("a peer is there").count() == 2)
            .await;
    }
    servers
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < REST, "not in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A code that a server makes for Ada in a new browser.
async fn code(server: &Pasee) -> String {
    Browser::new(server).code(&authorize(&[]), "ada").await
}

/// A person says so, at one server, to what begins at another.
async fn confirm(server: &Pasee, begun: &Value, answer: &str) {
    let typed = encoded(&[("user_code", begun["user_code"].as_str().unwrap())]);
    let mut browser = Browser::new(server);
    let page = browser.begin(&format!("/device?{typed}")).await;
    let page = browser.fill_in(&page, "ada").await.is(200);
    say(&mut browser, &page, answer).await.is(200);
}

#[tokio::test]
async fn a_code_is_redeemed_at_another_server() {
    let servers = three().await;
    let code = code(&servers[0]).await;
    let given = redeem(&servers[1], &code).await.is(200).json();
    refresh(&servers[2], &given["refresh_token"], &[]).await.is(200);
    // Whoever shows it again, wherever that is, ends the session.
    assert_eq!(error(redeem(&servers[2], &code).await, 400), "invalid_grant");
    let start = Instant::now();
    for server in &servers {
        while refresh(server, &given["refresh_token"], &[]).await.status != 400 {
            assert!(start.elapsed() < REST, "the session goes on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // What was never made, or names a process that is not there, is no code, and says nothing more.
    let (maker, random) = code.split_once('.').unwrap();
    for wrong in [format!("AAAAAAAAAAA.{random}"), format!("{maker}.AAAAAAAAAAAAAAAAAAAAAA")] {
        assert_eq!(error(redeem(&servers[1], &wrong).await, 400), "invalid_grant", "{wrong}");
    }
}

/// Of all who show a code at the same time, wherever they do, nobody is second.
#[tokio::test]
async fn codes_are_good_once() {
    let servers = three().await;
    let mut given = 0;
    for round in 0..30 {
        let code = code(&servers[round % 3]).await;
        let shown = (0..6).map(|place| redeem(&servers[place % 3], &code));
        let answers: Vec<Answer> = join_all(shown).await;
        let good = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(good <= 1, "{good} of {code}");
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 400)));
        given += good;
    }
    // Now and then the session is ended before the first has got its tokens.
    assert!(given > 0);
}

#[tokio::test]
async fn a_login_on_a_device_is_good_once() {
    let servers = three().await;
    for round in 0..12 {
        let (begins, says) = (&servers[round % 3], &servers[(round + 1) % 3]);
        let begun = begin_device(begins).await;
        if round == 0 {
            let third = &servers[2];
            assert_eq!(error(poll(third, "tv", &begun).await, 400), "authorization_pending");
            assert_eq!(error(poll(third, "radio", &begun).await, 401), "invalid_client");
            assert_eq!(error(poll(third, "tv", &begun).await, 400), "slow_down");
            continue;
        }
        confirm(says, &begun, if round == 1 { "no" } else { "yes" }).await;
        let answers = join_all((0..6).map(|place| poll(&servers[place % 3], "tv", &begun))).await;
        let good = answers.iter().filter(|answer| answer.status == 200).count();
        if round == 1 {
            assert_eq!(good, 0, "the person said no");
            let told = answers.into_iter().map(|answer| error(answer, 400));
            assert_eq!(told.filter(|error| error == "access_denied").count(), 1);
        } else {
            assert_eq!(good, 1);
        }
    }
}

#[tokio::test]
async fn a_pushed_request_is_used_at_another_server_and_once() {
    let servers = three().await;
    let form = request(&[]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed = by_app(&servers[0], "/oauth2/par", &form).await.is(201).json();
    let uri = pushed["request_uri"].as_str().unwrap();
    let path = |client| {
        format!("/oauth2/authorize?{}", encoded(&[("client_id", client), ("request_uri", uri)]))
    };
    let mut browser = Browser::new(&servers[1]);
    let page = browser.begin(&path("app")).await.is(200);
    // The rest of the way goes to the third.
    let mut elsewhere = browser.at(&servers[2]);
    let back = crate::stage::sent(&elsewhere.fill_in(&page, "ada").await);
    assert!(back.starts_with(BACK), "{back}");
    let code = query_of(&back).remove("code").unwrap();
    redeem(&servers[0], &code).await.is(200);
    for server in &servers {
        Browser::new(server).begin(&path("app")).await.is(400);
    }
}

/// Who guesses codes that people type in has as many guesses at all servers together as at one.
#[tokio::test]
async fn guesses_count_everywhere() {
    let setup = Setup::default()
        .members("articles", ["local-ada"])
        .limits("login_attempts_per_user = 5\nlogin_attempts_per_address = 0");
    let servers = three_with(setup).await;
    let mut browser = Browser::new(&servers[0]);
    let page = browser.begin("/device").await;
    browser.fill_in(&page, "ada").await.is(200);
    let begun = begin_device(&servers[2]).await;
    let right =
        format!("/device?{}", encoded(&[("user_code", begun["user_code"].as_str().unwrap())]));
    browser.get(&right).await.is(200);
    for letter in ['B', 'C', 'D', 'F', 'G'] {
        browser.get(&format!("/device?user_code={}", letter.to_string().repeat(8))).await.is(404);
    }
    browser.get(&right).await.is(429);
    // A right one does not count, so asking is no guess.
    let mut elsewhere = browser.at(&servers[1]);
    let start = Instant::now();
    while elsewhere.get(&right).await.status != 429 {
        assert!(start.elapsed() < REST, "nobody told the others");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A server that is gone takes its own codes along, and nothing else.
#[tokio::test]
async fn a_server_that_is_killed() {
    let mut servers = three().await;
    let (lost, begun) = (code(&servers[1]).await, begin_device(&servers[1]).await);
    let kept = code(&servers[2]).await;
    drop(servers.remove(1));
    let told = redeem(&servers[0], &lost).await;
    assert!(matches!(told.status.as_u16(), 400 | 503), "{}", told.status);
    redeem(&servers[0], &kept).await.is(200);
    redeem(&servers[1], &code(&servers[0]).await).await.is(200);
    // A device is told to ask again until it is plain that nobody answers any more; then its tool begins anew.
    let start = Instant::now();
    loop {
        let told = poll(&servers[0], "tv", &begun).await;
        if told.status == 400 {
            assert_eq!(error(told, 400), "invalid_grant");
            break;
        }
        assert_eq!(error(told, 503), "temporarily_unavailable");
        assert!(start.elapsed() < REST, "the device waits for good");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One that hangs holds up nobody else's login, and goes on when it goes on.
#[tokio::test]
async fn a_server_that_hangs() {
    let servers = three().await;
    let held = code(&servers[1]).await;
    let begun = begin_device(&servers[2]).await;
    servers[1].signal("-STOP");
    wait_until_stopped(servers[1].id());
    let hanging = redeem(&servers[0], &held);
    let others = async {
        let code = code(&servers[2]).await;
        redeem(&servers[0], &code).await.is(200);
        confirm(&servers[0], &begun, "yes").await;
        poll(&servers[0], "tv", &begun).await.is(200);
    };
    let (told, ()) = tokio::join!(hanging, others);
    // It was asked, and nobody knows what it did: the code is not shown again.
    assert_eq!(error(told, 400), "invalid_grant");
    servers[1].signal("-CONT");
    let start = Instant::now();
    loop {
        let code = code(&servers[1]).await;
        if redeem(&servers[0], &code).await.status == 200 {
            break;
        }
        assert!(start.elapsed() < REST, "it is not asked any more");
    }
}

/// Whoever got a code from a server that is being stopped fetches the tokens at another.
#[tokio::test]
async fn a_server_that_is_stopped_keeps_its_codes_for_a_while() {
    let mut servers = three().await;
    let code = code(&servers[0]).await;
    servers[0].signal("-TERM");
    let address = servers[0].address;
    until("it takes no request any more", || std::net::TcpStream::connect(address).is_err()).await;
    redeem(&servers[1], &code).await.is(200);
    // Nobody waits for anything any more.
    let ended = servers[0].ended().await;
    assert!(ended.success(), "{ended}: {}", servers[0].log());
    assert!(servers[0].log().contains("answering peers"), "{}", servers[0].log());
}

/// Past the bounds there is an error that says so, and people who are about to log in take no memory.
#[tokio::test]
async fn logins_under_way_take_no_memory() {
    let servers = three().await;
    let mut browser = Browser::new(&servers[0]);
    for number in 0..21 {
        let place = browser.log_in(&authorize(&[]), "ada").await;
        let mut query = query_of(&place);
        if number < 20 {
            assert!(query.contains_key("code"), "{place}");
        } else {
            assert_eq!(query.remove("error").as_deref(), Some("temporarily_unavailable"));
        }
    }
    let begin = async |many: usize| {
        for _ in 0..many / 50 {
            let path = authorize(&[]);
            let asked =
                (0..50).map(|_| servers[0].ask("GET", &path).header("accept", "text/html").send());
            for page in join_all(asked).await {
                page.is(200);
            }
        }
    };
    begin(1_000).await;
    let before = memory_of(&servers[0]);
    begin(10_000).await;
    let after = memory_of(&servers[0]);
    println!("10,000 logins under way: from {before} KiB to {after} KiB");
    assert!(after < before + 16 * 1024, "from {before} KiB to {after} KiB");
}

/// What a process has in memory, in KiB.
fn memory_of(server: &Pasee) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
