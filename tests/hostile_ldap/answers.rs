//! Answers that are none, at each place of a login.

use std::time::Duration;

use pasee::idp::ProviderError;

use crate::support::ldap::wire::{
    self, Question, bound, done, entry, extended, message, number, reference, result, tlv,
};
use crate::support::ldap::{ACCOUNT, ADA, ADA_UUID, Directory, PEOPLE, ada, clear};
use crate::support::raw_server::Step;

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Unreachable,
    Invalid,
}
use Verdict::{Invalid, Refused, Unreachable};

fn verdict(error: ProviderError) -> Verdict {
    match error {
        ProviderError::Refused => Refused,
        ProviderError::Unreachable => Unreachable,
        ProviderError::InvalidResponse(_) | ProviderError::Misconfigured(_) => Invalid,
        other => panic!("{other:?}"),
    }
}

/// Which answer is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Account,
    Search,
    Proof,
}

fn place(question: &Question) -> Option<Place> {
    match question {
        Question::Bind { .. } if question.binds(ACCOUNT.0) => Some(Place::Account),
        Question::Bind { .. } => Some(Place::Proof),
        Question::Search { .. } => Some(Place::Search),
        _ => None,
    }
}

/// How a directory answers a question of this number.
type Says = Box<dyn Fn(u32) -> Vec<Step> + Send + Sync>;
type Case = (&'static str, Says, Verdict);

fn case(
    name: &'static str,
    verdict: Verdict,
    says: impl Fn(u32) -> Vec<Step> + Send + Sync + 'static,
) -> Case {
    (name, Box::new(says), verdict)
}

fn bytes(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Bytes(bytes.into())]
}

fn closed(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Bytes(bytes.into()), Step::Close]
}

/// An entry that would let Ada in.
fn good_entry(id: u32) -> Vec<u8> {
    entry(
        id,
        ADA.0,
        &[("uid".into(), vec![b"ada".to_vec()]), ("entryUUID".into(), vec![ADA_UUID.into()])],
    )
}

fn with_uuid(id: u32, values: &[&[u8]]) -> Vec<u8> {
    let values = values.iter().map(|value| value.to_vec()).collect();
    [entry(id, ADA.0, &[("entryUUID".into(), values)]), done(id, 0)].concat()
}

/// Below LDAP, or against it: in the place of any answer.
fn anywhere() -> Vec<Case> {
    let slow = Duration::from_millis(100);
    vec![
        case("hangs", Unreachable, |_| vec![Step::Hang]),
        case("closes", Unreachable, |_| vec![Step::Close]),
        case("closes in a message", Unreachable, |id| closed(&bound(id, 0, "")[..5])),
        case("hangs in a message", Unreachable, |id| {
            vec![Step::Bytes(bound(id, 0, "")[..5].to_vec()), Step::Hang]
        }),
        case("drips", Unreachable, move |_| {
            vec![Step::Bytes(vec![0x30, 0x83, 0x0f, 0, 0]), Step::Forever(vec![0], slow)]
        }),
        case("promises a gigabyte", Invalid, |_| {
            vec![
                Step::Bytes(vec![0x30, 0x84, 0x40, 0, 0, 0]),
                Step::Forever(vec![0; 65536], Duration::ZERO),
            ]
        }),
        case("promises more than there can be", Invalid, |_| {
            bytes(vec![0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
        }),
        case("promises with sixteen bytes", Invalid, |_| {
            bytes([&[0x30, 0x90][..], &[0; 16]].concat())
        }),
        case("leaves the length open", Invalid, |_| {
            bytes(vec![0x30, 0x80, 2, 1, 1, 0x61, 0x80, 0, 0, 0, 0])
        }),
        case("speaks HTTP", Invalid, |_| closed("HTTP/1.1 400 Bad Request\r\n\r\n")),
        case("speaks TLS", Invalid, |_| closed(vec![0x15, 3, 3, 0, 2, 2, 40])),
        case("says zeros without end", Invalid, |_| {
            vec![Step::Forever(vec![0; 65536], Duration::ZERO)]
        }),
        case("answers another question", Invalid, |id| bytes(bound(id + 1, 0, ""))),
        case("answers a former question", Invalid, |id| {
            bytes([bound(id.wrapping_sub(1), 0, ""), bound(id, 0, "")].concat())
        }),
        case("answers no question", Invalid, |_| bytes(bound(0, 0, ""))),
        case("answers a negative question", Invalid, |_| {
            bytes(tlv(0x30, &[tlv(2, &[0xff]), result(0x61, 0, "")].concat()))
        }),
        case("answers with a huge number", Invalid, |_| {
            bytes(tlv(0x30, &[tlv(2, &[1; 9]), result(0x61, 0, "")].concat()))
        }),
        case("says goodbye", Unreachable, |_| bytes(extended(0, 52))),
        // As Active Directory writes it: the name of the notice behind it.
        case("says goodbye oddly", Unreachable, |_| {
            let parts = [number(2, 0), result(0x78, 52, ""), tlv(0x8a, b"1.3.6.1.4.1.1466.20036")];
            bytes(tlv(0x30, &parts.concat()))
        }),
        case("says nothing in a message", Invalid, |_| bytes(tlv(0x30, b""))),
        case("leaves out the operation", Invalid, |id| bytes(tlv(0x30, &number(2, id)))),
        case("adds an element", Invalid, |id| {
            bytes(tlv(
                0x30,
                &[number(2, id), result(0x61, 0, ""), tlv(0xa0, b""), tlv(4, b"x")].concat(),
            ))
        }),
        case("asks instead", Invalid, |id| {
            bytes(message(id, &tlv(0x60, &[number(2, 3), tlv(4, b""), tlv(0x80, b"")].concat())))
        }),
        case("answers in parts that nobody asked for", Invalid, |id| {
            bytes(message(id, &tlv(0x79, b"")))
        }),
        case("has no result", Invalid, |id| bytes(message(id, &tlv(0x61, b"")))),
        case("has a result without words", Invalid, |id| {
            bytes(message(id, &tlv(0x61, &number(10, 0))))
        }),
        case("has a result of another kind", Invalid, |id| {
            bytes(message(id, &tlv(0x61, &[number(2, 0), tlv(4, b""), tlv(4, b"")].concat())))
        }),
        case("has a negative result", Invalid, |id| {
            bytes(message(id, &tlv(0x61, &[tlv(10, &[0x80]), tlv(4, b""), tlv(4, b"")].concat())))
        }),
        case("has a result of nothing", Invalid, |id| {
            bytes(message(id, &tlv(0x61, &[tlv(10, b""), tlv(4, b""), tlv(4, b"")].concat())))
        }),
        case("answers to StartTLS", Invalid, |id| bytes(extended(id, 0))),
        case("nests without end", Invalid, |_| {
            let mut nested = Vec::new();
            (0..20_000).for_each(|_| nested.extend([0x30, 0x83, 0, 0, 0]));
            bytes(tlv(0x30, &nested))
        }),
    ]
}

/// In the place of the answer to a login, whoever's.
fn binds() -> Vec<Case> {
    vec![
        case("has an entry for a login", Invalid, |id| bytes(good_entry(id))),
        case("ends a search for a login", Invalid, |id| bytes(done(id, 0))),
        case("answers a login twice", Invalid, |id| {
            bytes([bound(id, 0, ""), bound(id, 0, "")].concat())
        }),
        case("goes on with SASL", Invalid, |id| bytes(bound(id, 14, ""))),
        case("refers elsewhere", Invalid, |id| bytes(bound(id, 10, "ldap://evil.example.com"))),
        case("wants TLS", Invalid, |id| bytes(bound(id, 13, "TLS confidentiality required"))),
        case("does not know version 3", Invalid, |id| bytes(bound(id, 2, ""))),
        case("is busy", Unreachable, |id| bytes(bound(id, 51, ""))),
        case("is not available", Unreachable, |id| bytes(bound(id, 52, ""))),
        case("says true", Invalid, |id| bytes(bound(id, 6, ""))),
        case("says something new", Invalid, |id| bytes(bound(id, 4711, ""))),
        case("says no in a policy that is none", Invalid, |id| {
            let parts = [number(2, id), result(0x61, 0, ""), tlv(0xa0, &tlv(0x30, b"\x04\x99"))];
            bytes(tlv(0x30, &parts.concat()))
        }),
    ]
}

/// In the place of the answer to the proof.
fn proofs() -> Vec<Case> {
    let refused = |code| move |id| bytes(bound(id, code, "no\n\u{1b}[31m"));
    vec![
        case("says wrong", Refused, refused(49)),
        case("says that it is not willing", Refused, refused(53)),
        case("says that there is no such entry", Refused, refused(32)),
        case("says that too many were wrong", Refused, refused(19)),
        case("says that there is no password", Refused, refused(48)),
        case("says that it is not allowed", Refused, refused(50)),
        case("says yes, and that the account is locked", Refused, |id| {
            bytes(wire::bound_by_policy(id, 0, 1))
        }),
    ]
}

/// In the place of what was found.
fn searches() -> Vec<Case> {
    let ended = |id, what: Vec<u8>| bytes([what, done(id, 0)].concat());
    vec![
        case("finds nobody", Refused, |id| bytes(done(id, 0))),
        case("finds two", Invalid, move |id| ended(id, [good_entry(id), good_entry(id)].concat())),
        case("finds two others", Invalid, move |id| {
            ended(id, [good_entry(id), entry(id, "uid=eve", &[])].concat())
        }),
        case("finds three, of two", Invalid, move |id| ended(id, good_entry(id).repeat(3))),
        case("finds one and more", Invalid, |id| bytes([good_entry(id), done(id, 4)].concat())),
        case("finds without end", Invalid, |id| {
            vec![Step::Forever(good_entry(id), Duration::ZERO)]
        }),
        case("refers without end", Invalid, |id| {
            vec![Step::Forever(reference(id, "ldap://x").repeat(100), Duration::ZERO)]
        }),
        case("never ends", Unreachable, |id| vec![Step::Bytes(good_entry(id)), Step::Hang]),
        case("ends before its end", Unreachable, |id| closed(good_entry(id))),
        case("ends twice", Invalid, |id| {
            bytes([good_entry(id), done(id, 0), done(id, 0)].concat())
        }),
        case("goes on behind its end", Invalid, |id| bytes([done(id, 0), good_entry(id)].concat())),
        case("finds for another", Invalid, |id| bytes([good_entry(id + 1), done(id, 0)].concat())),
        case("ends another", Invalid, |id| bytes([good_entry(id), done(id + 1, 0)].concat())),
        case("finds a login", Invalid, |id| bytes(bound(id, 0, ""))),
        case("refers elsewhere", Invalid, |id| bytes(done(id, 10))),
        case("finds, and refers elsewhere", Invalid, |id| {
            bytes([good_entry(id), done(id, 10)].concat())
        }),
        case("has no such base", Invalid, |id| bytes(done(id, 32))),
        case("does not let us", Invalid, |id| bytes(done(id, 50))),
        case("finds us unknown", Invalid, |id| bytes(done(id, 1))),
        case("finds, and fails", Invalid, |id| bytes([good_entry(id), done(id, 80)].concat())),
        case("takes too long", Unreachable, |id| bytes(done(id, 3))),
        case("finds one without a name", Invalid, move |id| {
            ended(id, entry(id, "", &[("entryUUID".into(), vec![ADA_UUID.into()])]))
        }),
        case("finds a name that is no text", Invalid, |id| {
            let operation = tlv(0x64, &[tlv(4, b"uid=\xff"), tlv(0x30, b"")].concat());
            bytes([message(id, &operation), done(id, 0)].concat())
        }),
        case("finds a subject twice", Invalid, |id| {
            bytes(with_uuid(id, &[ADA_UUID.as_bytes(), b"other"]))
        }),
        case("finds an attribute twice", Invalid, |id| {
            let uuid = |value: &str| ("entryUUID".to_owned(), vec![value.into()]);
            bytes([entry(id, ADA.0, &[uuid(ADA_UUID), uuid("other")]), done(id, 0)].concat())
        }),
        case("finds no subject", Invalid, |id| bytes(with_uuid(id, &[]))),
        case("finds an empty subject", Invalid, |id| bytes(with_uuid(id, &[b""]))),
        case("finds a subject that is no text", Invalid, |id| bytes(with_uuid(id, &[b"\xff\xfe"]))),
        case("finds no attributes", Invalid, move |id| ended(id, entry(id, ADA.0, &[]))),
        case("finds an entry of more than 1 MiB", Invalid, move |id| {
            ended(id, entry(id, ADA.0, &[("uid".into(), vec![vec![b'a'; 1 << 20]])]))
        }),
        case("finds a hundred thousand values", Invalid, move |id| {
            ended(id, entry(id, ADA.0, &[("uid".into(), vec![Vec::new(); 100_000])]))
        }),
        case("finds ten thousand attributes", Invalid, move |id| {
            ended(id, entry(id, ADA.0, &vec![("x".to_owned(), vec![b"y".to_vec()]); 10_000]))
        }),
        case("finds a broken entry", Invalid, |id| {
            bytes(
                [
                    message(id, &tlv(0x64, &[tlv(4, b"uid=ada"), vec![0x30, 9, 1]].concat())),
                    done(id, 0),
                ]
                .concat(),
            )
        }),
        case("finds an entry without attributes", Invalid, |id| {
            bytes([message(id, &tlv(0x64, &tlv(4, b"uid=ada"))), done(id, 0)].concat())
        }),
        case("finds values that are none", Invalid, |id| {
            let values = tlv(0x30, &[tlv(4, b"uid"), tlv(0x31, &number(2, 1))].concat());
            let operation = tlv(0x64, &[tlv(4, b"uid=ada"), tlv(0x30, &values)].concat());
            bytes([message(id, &operation), done(id, 0)].concat())
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers() {
    let at = |place: Place, cases: Vec<Case>| cases.into_iter().map(move |case| (place, case));
    let cases: Vec<(Place, Case)> = at(Place::Account, anywhere())
        .chain(at(Place::Search, anywhere()))
        .chain(at(Place::Proof, anywhere()))
        .chain(at(Place::Account, binds()))
        .chain(at(Place::Proof, binds()))
        .chain(at(Place::Proof, proofs()))
        .chain(at(Place::Search, searches()))
        .collect();
    let count = cases.len();
    let mut running = tokio::task::JoinSet::new();
    for (spoiled, (name, says, expected)) in cases {
        running.spawn(async move {
            let directory = Directory::spoiled(move |question| {
                (place(question) == Some(spoiled)).then(|| says(question.id()))
            })
            .await;
            let result = ada(&clear(&directory, "", &[])).await;
            let judged = result.map(|identity| identity.user.to_string()).map_err(verdict);
            (judged != Err(expected))
                .then(|| format!("{spoiled:?} {name}: {judged:?} for {expected:?}"))
        });
        // Those that hang wait together, and not too many of them.
        if running.len() >= 16 {
            assert_eq!(running.join_next().await.unwrap().unwrap(), None);
        }
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 120, "{count}");
}

/// References to elsewhere come beside what is found, in large directories always: nobody goes there, and they spoil nothing.
#[tokio::test(flavor = "multi_thread")]
async fn references_are_not_followed() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = format!("ldap://{}/{PEOPLE}", trap.local_addr().unwrap());
    let directory = Directory::spoiled(move |question| {
        let id = question.id();
        question.searches(PEOPLE).then(|| {
            let there = reference(id, &elsewhere);
            bytes([there.clone(), good_entry(id), there, done(id, 0)].concat())
        })
    })
    .await;
    assert!(ada(&clear(&directory, "", &[])).await.is_ok());
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// What comes in many small pieces, or with lengths as Active Directory writes them, is what it is in one.
#[tokio::test(flavor = "multi_thread")]
async fn pieces() {
    let directory = Directory::spoiled(|question| {
        let id = question.id();
        question.searches(PEOPLE).then(|| {
            let all = [good_entry(id), done(id, 0)].concat();
            all.iter()
                .flat_map(|byte| [Step::Bytes(vec![*byte]), Step::Wait(Duration::ZERO)])
                .collect()
        })
    })
    .await;
    assert!(ada(&clear(&directory, "", &[])).await.is_ok());
    let directory = Directory::spoiled(|question| {
        let Question::Bind { id, .. } = question else { return None };
        let content = [number(2, *id), result(0x61, 0, "")].concat();
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        Some(bytes([&[0x30, 0x84][..], &length, &content].concat()))
    })
    .await;
    assert!(ada(&clear(&directory, "", &[])).await.is_ok());
}
