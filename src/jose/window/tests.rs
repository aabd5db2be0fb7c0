//! Every time of every kind of token.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
const TIMES: VerifyError = VerifyError::Claim("auth_time, iat or exp");

const ALL: [(&str, Rules); 4] = [
    ("Pasee", PASEE),
    ("Kisee", KISEE),
    ("ID token", ID_TOKEN),
    ("ServiceAccount", SERVICE_ACCOUNT),
];

/// What a sound token says, changed; null takes a claim away.
fn judge(rules: Rules, changes: &[(&str, Value)]) -> Result<Window, VerifyError> {
    let mut claims =
        json!({ "exp": NOW + 900, "nbf": NOW, "iat": NOW - 10, "auth_time": NOW - 100 });
    for (name, value) in changes {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
            value => claims[*name] = value.clone(),
        }
    }
    rules.judge(&ClaimSet::unsigned(claims), Timestamp::from_unix(NOW).unwrap())
}

/// A Kisee does not say it, nor need UserInfo that is signed; whoever else leaves it out is not believed.
#[test]
fn who_has_to_say_when_a_token_was_issued() {
    for (name, rules, may_leave_it_out) in [
        ("Pasee", PASEE, false),
        ("Kisee", KISEE, true),
        ("ID token", ID_TOKEN, false),
        ("UserInfo", USER_INFO, true),
        ("ServiceAccount", SERVICE_ACCOUNT, false),
    ] {
        assert_eq!(judge(rules, &[("iat", Value::Null)]).is_ok(), may_leave_it_out, "{name}");
    }
}

#[test]
fn the_same_for_all() {
    let exp = VerifyError::Claim("exp");
    for (name, rules) in ALL {
        assert!(judge(rules, &[]).is_ok(), "{name}");
        for (changes, expected) in [
            (vec![("exp", json!(NOW - 60))], VerifyError::Expired),
            (vec![("exp", json!(0))], VerifyError::Expired),
            (vec![("exp", json!(null))], exp),
            (vec![("exp", json!(NOW + 401 * DAY))], exp),
            (vec![("exp", json!(253_402_300_799_i64))], exp),
            (vec![("iat", json!(NOW + 61))], VerifyError::NotYet),
            (vec![("nbf", json!(NOW + 61))], VerifyError::NotYet),
            (vec![("exp", json!(NOW + 30)), ("iat", json!(NOW + 30))], TIMES),
            (vec![("iat", json!(NOW - 400 * DAY)), ("auth_time", json!(0))], exp),
        ] {
            assert_eq!(judge(rules, &changes), Err(expected), "{name}: {changes:?}");
        }
        for changes in [
            vec![("exp", json!(NOW + 1))],
            vec![("iat", json!(NOW + 60))],
            vec![("nbf", json!(NOW + 60))],
            vec![("exp", json!(NOW + 400 * DAY)), ("iat", json!(NOW))],
        ] {
            assert!(judge(rules, &changes).is_ok(), "{name}: {changes:?}");
        }
    }
}

/// Neither fractions nor exponents, but of OpenID providers, nor texts, of nobody, in no time that is looked at.
#[test]
fn whole_seconds() {
    let fractions = [json!(1.8e9), json!(1_800_000_000.5)];
    let wrong = [
        json!(true),
        json!(""),
        json!("1800000000"),
        json!([NOW]),
        json!({}),
        json!(-1),
        json!(1e300),
        json!(-0.5),
        json!(9_007_199_254_740_993.0),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
    ];
    for (name, rules) in ALL {
        for claim in ["exp", "iat", "nbf"] {
            for value in &wrong {
                let judged = judge(rules, &[(claim, value.clone())]);
                assert_eq!(judged, Err(VerifyError::Claim(claim)), "{name}: {claim} {value}");
            }
            for value in &fractions {
                let value = value.as_f64().unwrap() + if claim == "exp" { 1.0 } else { 0.0 };
                let judged = judge(rules, &[(claim, json!(value))]);
                assert_eq!(judged.is_ok(), name == "ID token", "{name}: {claim} {value}");
            }
        }
    }
    let within = ID_TOKEN.with_login_within(Some(Duration::from_secs(100)));
    for value in &wrong {
        for rules in [PASEE, within] {
            let judged = judge(rules, &[("auth_time", value.clone())]);
            assert_eq!(judged, Err(VerifyError::Claim("auth_time")), "{value}");
        }
        for rules in [KISEE, ID_TOKEN, SERVICE_ACCOUNT] {
            assert!(judge(rules, &[("auth_time", value.clone())]).is_ok(), "{value}");
        }
    }
}

/// What each kind needs, and the second in which each is over.
#[test]
fn where_they_differ() {
    for (name, rules, needed, last) in [
        ("Pasee", PASEE, &["iat", "nbf", "auth_time"][..], NOW + 1),
        ("Kisee", KISEE, &[], NOW + 1),
        ("ID token", ID_TOKEN, &["iat"], NOW - 59),
        ("ServiceAccount", SERVICE_ACCOUNT, &["iat", "nbf"], NOW + 1),
    ] {
        for claim in ["iat", "nbf", "auth_time"] {
            let judged = judge(rules, &[(claim, Value::Null)]);
            assert_eq!(judged.is_err(), needed.contains(&claim), "{name} without {claim}");
        }
        let over = |exp: i64| {
            judge(
                rules,
                &[("iat", json!(NOW - 1000)), ("auth_time", json!(0)), ("exp", json!(exp))],
            )
        };
        assert!(over(last).is_ok(), "{name}");
        assert_eq!(over(last - 1), Err(VerifyError::Expired), "{name}");
    }
    assert_eq!(judge(PASEE, &[("auth_time", json!(NOW - 9))]), Err(TIMES), "a login after iat");
}

/// What is good until half a second ago is over; a fraction makes nothing good for longer.
#[test]
fn fractions_count_as_the_second_they_are_in() {
    for (exp, expected) in [
        (json!(NOW as f64 - 59.5), Err(VerifyError::Expired)),
        (json!(NOW as f64 - 58.5), Ok(NOW - 59)),
        (json!(NOW as f64 + 300.999), Ok(NOW + 300)),
        (json!(1.800_000_3e9), Ok(NOW + 300)),
    ] {
        let judged = judge(ID_TOKEN, &[("exp", exp.clone()), ("iat", json!(NOW - 1000))]);
        let expires_at = judged.map(|window| window.expires_at.as_unix());
        assert_eq!(expires_at, expected, "{exp}");
    }
}

#[test]
fn logins_of_a_certain_age() {
    let within = |seconds| ID_TOKEN.with_login_within(Some(Duration::from_secs(seconds)));
    for (time, holds) in [(-161, false), (-160, true), (0, true), (60, true), (61, false)] {
        let judged = judge(within(100), &[("auth_time", json!(NOW + time))]);
        assert_eq!(judged.is_ok(), holds, "{time}");
    }
    assert!(judge(within(100), &[("auth_time", Value::Null)]).is_err());
    assert!(judge(within(u64::MAX), &[("auth_time", json!(0))]).is_ok());
    assert!(judge(ID_TOKEN.with_login_within(None), &[("auth_time", Value::Null)]).is_ok());
}

proptest! {
    /// A time is an integer in range, or none.
    #[test]
    fn times(value in any::<i64>()) {
        let claims = ClaimSet::unsigned(json!({ "exp": value }));
        for numbers in [Numbers::Whole, Numbers::Numeric] {
            prop_assert_eq!(numbers.seconds(&claims, "exp").ok(), Timestamp::from_unix(value));
        }
    }
}
