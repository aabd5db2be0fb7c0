//! What is taken back of what a list said, and who stands how by it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::outbound::{Proxies, Trust};

fn user(name: &str) -> UserDigest {
    UserDigest::of("https://pasee.example.com", name)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn list(users: &[(&str, Good)], sessions: &[u8]) -> Ended {
    Ended {
        users: users.iter().map(|(name, good)| (user(name), *good)).collect(),
        sessions: sessions.iter().map(|byte| SessionId::new([*byte; 16])).collect(),
        issued_until: None,
    }
}

/// One replica knows what another does not know yet.
#[test]
fn nothing_is_taken_back_at_once() {
    let since = |seconds| Good::Since(Some(at(seconds)));
    let (more, less) = (list(&[("ada", since(20))], &[1, 2]), list(&[("ada", since(10))], &[1]));
    let mut memory = Memory::default();
    let start = Instant::now();
    let mut settle = |second, ended: &Ended| {
        memory.said = ended.clone();
        memory.settle(start + Duration::from_secs(second))
    };
    assert_eq!(settle(0, &less), less);
    assert_eq!(settle(1, &more), more, "what is new counts at once");
    assert_eq!(settle(2, &less), more);
    assert_eq!(settle(10, &less), more);
    assert_eq!(settle(12, &less), less, "and is not kept for ever");
    let banned = list(&[("ada", Good::Nothing)], &[1]);
    assert_eq!(settle(13, &banned), banned);
    assert_eq!(settle(14, &less), banned);
    assert_eq!(settle(25, &Ended::default()), Ended::default());
}

fn known(staleness: Staleness) -> Known {
    Known {
        issuer: "https://pasee.example.com".to_owned(),
        staleness,
        max_age: Duration::from_secs(30),
        ended: ArcSwap::from_pointee(list(&[("kisee-ada", Good::Nothing)], &[7])),
        heard: Mutex::default(),
        changes: watch::Sender::new(0),
    }
}

fn identity(issuer: &str, subject: &str, session: u8) -> Identity {
    Identity {
        issuer: issuer.into(),
        subject: subject.to_owned(),
        user: subject.to_owned(),
        groups: Vec::new(),
        claims: serde_json::Map::new(),
        expires_at: at(2000),
        issued_at: Some(at(1000)),
        revocation: None,
        session: Some(SessionId::new([session; 16]).to_string()),
        authenticated_at: None,
        token: String::new().into(),
    }
}

#[test]
fn who_has_ended_and_who_is_not_known() {
    use Standing::{Ended, Good, Unknown};
    const HERE: &str = "https://pasee.example.com";
    let ask = |known: &Known, issuer: &str, subject: &str, session| {
        known.standing(&identity(issuer, subject, session), at(1500))
    };
    for (staleness, never) in [(Staleness::Passes, Good), (Staleness::Refuses, Unknown)] {
        let known = known(staleness);
        assert_eq!(ask(&known, HERE, "kisee-grace", 1), never, "nothing was heard");
        assert_eq!(ask(&known, "https://other", "kisee-ada", 7), Good, "another's");
        assert!(known.is_stale());
        let heard = |seconds| {
            let heard = Instant::now().checked_sub(Duration::from_secs(seconds));
            *known.heard() = Some(heard.expect("this machine runs for a minute"));
        };
        heard(0);
        for (subject, session, standing) in
            [("kisee-ada", 1, Ended), ("kisee-grace", 7, Ended), ("kisee-grace", 1, Good)]
        {
            assert_eq!(ask(&known, HERE, subject, session), standing, "{subject} {session}");
        }
        assert!(!known.is_stale() && known.readiness().is_ok());
        heard(20);
        assert_eq!(ask(&known, HERE, "kisee-grace", 1), Good);
        heard(31);
        assert_eq!((ask(&known, HERE, "kisee-grace", 1), known.is_stale()), (never, false));
        assert_eq!(known.readiness().is_err(), staleness == Staleness::Refuses);
        heard(62);
        assert!(known.is_stale());
    }
}

/// Believes whatever says its number.
struct Number;

impl ReadList for Number {
    async fn read(&self, said: &str, now: Timestamp) -> Result<RevocationList, VerifyError> {
        let issuer = "https://pasee.example.com".to_owned();
        let seq = said.parse().map_err(|_| VerifyError::Malformed)?;
        let ended = list(&[], &[]);
        let lifetime = Duration::from_secs(900);
        Ok(RevocationList { issuer, issued_at: now, seq, lifetime, ended })
    }
}

/// A server where nothing ends: whoever knows its list by the tag, or else by the number, is answered by 304. What it is to answer
/// first is said. Sends on what was asked, and the status.
async fn server(
    first: &'static [(&'static str, &'static str)],
) -> (Url, mpsc::UnboundedReceiver<(String, u16)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/revocations", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut first = first.iter();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let is_known = if head.contains("if-none-match") {
                head.contains("if-none-match: \"tag\"")
            } else {
                head.contains("after=1000")
            };
            let (status, body) = match (first.next(), is_known) {
                (Some(said), _) => *said,
                (None, true) => ("304 Not Modified", ""),
                (None, false) => ("200 OK", "1000"),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\netag: \"tag\"\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let asked = head.lines().next().unwrap().to_owned();
            let _ = tell.send((asked, status[..3].parse().unwrap()));
        }
    });
    (url.parse().unwrap(), told)
}

/// After a fault, of the way or of a list, it is known again that nothing has ended, although no list comes that is newer.
#[tokio::test]
async fn a_fault_is_got_over_while_nothing_ends() {
    const HAD: (&str, &str) = ("200 OK", "1000");
    for (first, after) in [
        (&[HAD, ("502 Bad Gateway", "")], "wait=30&after=1000"),
        (&[HAD, ("200 OK", "a proxy's page")], ""),
        (&[HAD, ("200 OK", "999")], ""),
    ] {
        let (url, mut told) = server(first).await;
        let settings = RevocationsSettings {
            issuer: "https://pasee.example.com".parse().unwrap(),
            url,
            client_id: "app".to_owned(),
            client_secret: "secret".to_owned().into(),
            staleness: Staleness::Refuses,
            max_age: Duration::from_secs(30),
        };
        let http = HttpClient::new(CALL_TIMEOUT, Trust::Nobody, Proxies::Direct).unwrap();
        let follower = Follower::new(&settings, http, Number, || at(1500));
        let known = follower.known();
        let following = tokio::spawn(follower.run());
        for _ in first {
            told.recv().await.unwrap();
        }
        let before = *known.heard();
        assert!(before.is_some(), "{first:?}");
        // Two more, so that the answer to the first has been read.
        let (asked, _) = told.recv().await.unwrap();
        let (then, _) = told.recv().await.unwrap();
        assert!(*known.heard() > before, "{first:?}: {asked}, {then}");
        assert!(asked.contains(after), "{asked}");
        assert_eq!(asked.contains("after="), !after.is_empty(), "{asked}");
        assert!(then.contains("wait=30&after=1000"), "{then}");
        following.abort();
    }
}
