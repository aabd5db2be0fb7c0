//! Reviews that are not the API server's: whoever reaches the port, and does not know the path, is told nothing and changes
//! nothing. And the path, which becomes another one while users write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pasee::domain::time::Timestamp;
use pasee::resources::rfc3339;
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::{Stage, member, now};
use super::support::controlplane;
use super::support::patience::eventually;
use super::support::realm::object;

/// A review by which somebody bans `kisee-NAME`.
fn ban(stage: &Stage<'_>, author: &str, name: &str) -> Value {
    let user =
        object("User", name, &json!({ "username": format!("kisee-{name}"), "banned": true }));
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": stage.namespace, "name": name,
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": "users" },
            "userInfo": { "username": format!("pasee:kisee-{author}") }, "object": user,
        },
    })
}

/// What somebody is answered who is not the API server.
fn post(stage: &Stage<'_>, method: &Method, url: &str, review: &Value) -> (u16, String) {
    let authority = reqwest::Certificate::from_pem(stage.authority.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    stage.runtime.block_on(async {
        let sent = client.request(method.clone(), url).body(review.to_string()).send().await;
        let answer = sent.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

/// The losses of root staff that are announced.
fn announced(stage: &Stage<'_>) -> usize {
    let losses = r"jsonpath={.metadata.annotations.pasee\.meltylab\.fr/root-staff-losses}";
    let lease = ["get", "lease/pasee-root-staff", "--ignore-not-found", "-n", &stage.namespace];
    let text = stage.cluster.admin.kubectl(lease.into_iter().chain(["-o", losses])).ok();
    if text.is_empty() {
        return 0;
    }
    serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().len()
}

#[test]
fn whoever_reaches_the_port_is_not_the_api_server() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let names = ["root", "heir", "spare"];
    for name in &names[1..] {
        let spec = json!({ "role": "Staff", "users": [format!("kisee-{name}")] });
        stage.admin().done("POST", "memberships", &object("Membership", name, &spec));
    }
    let right = stage.asked_at().strip_prefix(&stage.url).unwrap().to_owned();
    assert!(right.len() > 64, "{right}");
    let (upper, less) = (right.to_uppercase(), &right[..right.len() - 1]);
    let guess = format!("/review/{}", "0".repeat(64));
    let (more, below) = (format!("{right}0"), format!("{right}/x"));
    let wrong =
        ["/", "/review", "/review/", &guess, &upper, less, &more, &below, "/review?timeout=5s"];
    for path in wrong {
        for method in [Method::POST, Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            for (author, name) in [("root", "heir"), ("root", "spare"), ("heir", "root")] {
                let url = format!("{}{path}", stage.url);
                let (status, told) = post(&stage, &method, &url, &ban(&stage, author, name));
                assert_eq!(status, 404, "{method} {path}: {told}");
                assert!(method == Method::HEAD || told == "there is nothing here\n", "{told}");
            }
        }
    }
    assert_eq!(announced(&stage), 0);
    // None of it is in the way of who is the root staff: two of three may go.
    let root = stage.user("root", &["staff"]);
    root.done("DELETE", "memberships/heir", &Value::Null);
    root.done("DELETE", "memberships/spare", &Value::Null);
    assert_ne!(announced(&stage), 0, "what is in earnest is announced");
}

/// Nobody who writes notices that the path becomes another, and the former one is good for a while, and then no more. A server
/// that was paused meanwhile answers at the new one.
#[test]
fn the_path_is_renewed_while_users_write() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let staff = stage.user("staff", &[]);
    let review = ban(&stage, "never", "x");
    let answer = |url: &str| post(&stage, &Method::POST, url, &review);
    let [first, stopped] = [(); 2].map(|()| AtomicBool::new(false));
    let former = stage.asked_at();
    let controller = stage.controller("controller").leads();
    let due_in = |seconds: i64| {
        let at = Timestamp::from_unix(now() + seconds).unwrap();
        let due = format!("pasee.meltylab.fr/webhook-path-renew-after={}", rfc3339::write(at));
        let arguments =
            ["annotate", "--overwrite", "secret/pasee-keys", &due, "-n", &stage.namespace];
        cluster.admin.kubectl(arguments).ok();
    };
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut written = 0;
            while !stopped.load(Ordering::SeqCst) {
                staff.done("POST", "memberships", &member("team", "x"));
                written += 1;
                first.store(true, Ordering::SeqCst);
            }
            written
        });
        eventually("they write", || first.load(Ordering::SeqCst));
        due_in(-1);
        eventually(&format!("another path is told: {}", controller.log()), || {
            stage.asked_at() != former
        });
        // However late the API server hears of it.
        std::thread::sleep(Duration::from_secs(2));
        stopped.store(true, Ordering::SeqCst);
        writing.join().unwrap()
    });
    println!("{written} written while the path became another");
    let next = stage.asked_at();
    assert_eq!(next.len(), former.len());
    assert_eq!((answer(&former).0, answer(&next).0), (200, 200));
    // Ten minutes later.
    due_in(3_000);
    eventually("the former one is good no more", || answer(&former).0 == 404);
    assert_eq!(answer(&next).0, 200);
    // A server that was paused, and does not know what has become of it since.
    stage.signal_server("-STOP");
    due_in(-1);
    eventually("another path is told", || stage.asked_at() != next);
    stage.signal_server("-CONT");
    let again = stage.user("staff", &[]);
    eventually("it answers there", || {
        again.ask("POST", "memberships", &member("team", "y")).is_ok()
    });
    // Who applies the configuration once more takes the path out of it. Nothing is judged until the controller has told it anew.
    let path = stage.asked_at();
    stage.tell_url(&format!("{}/", stage.url));
    eventually("it is told anew", || stage.asked_at() == path);
    eventually("they write", || again.ask("POST", "memberships", &member("team", "z")).is_ok());
    controller.stop();
}

/// Before a path is told, and whatever else the API server is told, users of the realm write nothing.
#[test]
fn what_is_asked_elsewhere_is_refused() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let staff = stage.user("staff", &[]);
    for path in ["/", "/review", &format!("/review/{}", "0".repeat(64))] {
        stage.tell_url(&format!("{}{path}", stage.url));
        let is_closed = || {
            let refused = staff.ask("POST", "memberships", &member("team", "x"));
            refused.is_err_and(|refused| refused.message.contains("failed calling webhook"))
        };
        eventually(&format!("nothing is written by {path}"), is_closed);
    }
}
