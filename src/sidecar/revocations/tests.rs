//! What is taken back of what a list said, and who stands how by it.

use super::*;

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
