//! What is sealed comes out as it went in; nothing else opens.

use proptest::prelude::*;

use super::*;
use crate::jose::seal::Sealer;
use crate::jose::secret::{Purpose, Secret};

/// A key that some have.
pub(crate) struct Shared(Sealer);

impl Shared {
    pub(crate) fn new(secret: u8) -> Self {
        Self(Sealer::new(Purpose::Peers, &Secret::new([secret; 32]), &[]))
    }
}

impl Sealing for Shared {
    fn seal(&self, used_for: &str, message: &[u8]) -> Option<Vec<u8>> {
        self.0.seal_bytes(used_for, message).ok()
    }

    fn open(&self, used_for: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open_bytes(used_for, sealed)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
}

fn question() -> Question {
    Question {
        at: at(0),
        id: [3; 16],
        from: ProcessId::new([1; 8]),
        to: Some(ProcessId::new([2; 8])),
        body: Body::Question(b"a code".to_vec()),
    }
}

fn answered() -> Answered {
    let said = Some(b"what it stands for".to_vec());
    Answered { at: at(0), id: [3; 16], process: ProcessId::new([2; 8]), said }
}

#[test]
fn what_is_asked_and_said_comes_out_as_it_went_in() {
    let ours = Shared::new(1);
    let advertise = Some("[2001:db8::1]:8152".parse().unwrap());
    let hello = Question { to: None, body: Body::Hello { advertise }, ..question() };
    for question in [question(), hello] {
        let sealed = question.sealed(&ours).unwrap();
        assert_eq!(Question::open(&sealed, &ours, at(0)), Some(question));
    }
    let sealed = answered().sealed(&ours).unwrap();
    assert_eq!(Answered::open(&sealed, &question(), &ours, at(0)), Some(answered()));
}

#[test]
fn what_others_have_sealed_or_changed_does_not_open() {
    let (ours, theirs) = (Shared::new(1), Shared::new(2));
    let sealed = question().sealed(&ours).unwrap();
    assert_eq!(Question::open(&sealed, &theirs, at(0)), None);
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert_eq!(Question::open(&changed, &ours, at(0)), None, "{place}");
        assert_eq!(Question::open(&sealed[..place], &ours, at(0)), None, "{place}");
    }
    // A question is no answer, not even to itself.
    let said = answered().sealed(&ours).unwrap();
    assert_eq!(Question::open(&said, &ours, at(0)), None);
    assert_eq!(Answered::open(&sealed, &question(), &ours, at(0)), None);
    let other = Question { id: [4; 16], ..question() };
    assert_eq!(Answered::open(&said, &other, &ours, at(0)), None, "of another question");
}

#[test]
fn what_is_old_or_of_tomorrow_is_not_believed() {
    let ours = Shared::new(1);
    let (asked, said) = (question().sealed(&ours).unwrap(), answered().sealed(&ours).unwrap());
    for (seconds, is_believed) in [(-31, false), (-30, true), (0, true), (30, true), (31, false)] {
        let now = at(seconds);
        assert_eq!(Question::open(&asked, &ours, now).is_some(), is_believed, "{seconds}");
        let opened = Answered::open(&said, &question(), &ours, now);
        assert_eq!(opened.is_some(), is_believed, "{seconds}");
    }
    for far in [i64::MIN, i64::MAX] {
        assert_eq!(fresh(far, at(0)), None);
    }
}

proptest! {
    /// Whatever bytes come, sealed by one of us or by nobody, are read without a fault.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ours = Shared::new(1);
        prop_assert_eq!(Question::open(&bytes, &ours, at(0)), None);
        prop_assert_eq!(Answered::open(&bytes, &question(), &ours, at(0)), None);
        let sealed = ours.seal(QUESTION, &bytes).unwrap();
        if let Some(question) = Question::open(&sealed, &ours, at(0)) {
            prop_assert!(question.at.as_unix().abs_diff(at(0).as_unix()) <= 30);
        }
        let sealed = ours.seal(ANSWER, &bytes).unwrap();
        if let Some(answered) = Answered::open(&sealed, &question(), &ours, at(0)) {
            prop_assert_eq!(answered.id, question().id);
        }
    }
}
