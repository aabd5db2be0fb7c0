//! What another process of this realm keeps: asked of the one that made it, or where nothing says which one that was, of all. What we
//! keep is told to those who ask us.
//!
//! Taken is taken, also where the answer is lost. Must not know how a question travels.

use std::time::Duration;

use futures::StreamExt as _;

use super::kept::{Polled, Pusher, Spent};
use super::question::{
    Answer, CountGuess, Guess, Guesser, Question, from_bytes, said_from, scopes_from, to_bytes,
};
use super::{OAuthFailure, locked};
use crate::domain::authorization::OAuthScopes;
use crate::domain::client::ClientId;
use crate::domain::process::ProcessId;
use crate::domain::time::Timestamp;
use crate::domain::token::RefreshClaims;
use crate::oauth::code::Authorized;
use crate::oauth::device::UserCode;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::once::{Taken, maker_of};
use crate::service::{NoAnswer, Service};

/// What became of a code.
pub(super) enum TakenCode {
    First(Box<Authorized>),
    /// It was taken before. Its session is ended where nothing else is said.
    Again(Option<Spent>),
    Unknown,
}

/// What comes of what somebody types in.
#[derive(Debug)]
pub enum Typed<T> {
    /// There is such a login.
    Known(T),
    /// There is none.
    Unknown,
    /// One of the processes says that they have guessed enough, and how long they are to wait.
    TooMany(Duration),
}

/// A login on a device: whose client, what it would be told, and where it is kept if not here.
pub(super) struct FoundDevice {
    pub(super) client: ClientId,
    pub(super) scopes: OAuthScopes,
    pub(super) keeper: Option<ProcessId>,
}

/// Why nothing is known.
enum Lost {
    Unreached,
    Unanswered,
}

impl Service {
    /// Takes a code out, wherever it is.
    pub(super) async fn take_code(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<TakenCode, OAuthFailure> {
        let Some(keeper) = self.keeper_of(code) else { return Ok(self.take_own_code(code, now)) };
        match self.question(keeper, &Question::TakeCode(code.to_owned())).await {
            Ok(Answer::Authorized(carried)) => Ok(match carried.read(self.0.lifetimes.browser) {
                Some(authorized) => TakenCode::First(Box::new(authorized)),
                None => TakenCode::Unknown,
            }),
            Ok(Answer::Again) => Ok(TakenCode::Again(None)),
            Ok(_) => Ok(TakenCode::Unknown),
            Err(Lost::Unreached) => Err(unreached()),
            // Whoever shows it again would show a code that may be redeemed.
            Err(Lost::Unanswered) => Err(OAuthError::grant(
                "the server that made this code did not answer, and the code may be used up: begin the login anew",
            )
            .into()),
        }
    }

    fn take_own_code(&self, code: &str, now: Timestamp) -> TakenCode {
        let spent = |authorized: &Authorized| self.spent(authorized);
        match locked(&self.2.codes).take(code, spent, now) {
            Taken::First(authorized) => TakenCode::First(Box::new(authorized)),
            Taken::Again(spent) => TakenCode::Again(Some(spent)),
            Taken::Unknown => TakenCode::Unknown,
        }
    }

    /// Takes a pushed request out, wherever it is.
    pub(super) async fn take_pushed(
        &self,
        name: &str,
        (client, pusher): (&ClientId, Pusher),
        now: Timestamp,
    ) -> Result<Option<String>, OAuthFailure> {
        let Some(keeper) = self.keeper_of(name) else {
            return Ok(self.2.take_pushed(name, (client.as_str(), pusher), now));
        };
        let (name, client) = (name.to_owned(), client.as_str().to_owned());
        match self.question(keeper, &Question::TakePushed { name, client, pusher }).await {
            Ok(Answer::Query(query)) => Ok(Some(query)),
            Ok(_) | Err(Lost::Unanswered) => Ok(None),
            Err(Lost::Unreached) => Err(unreached()),
        }
    }

    /// What a device is told, wherever its login is.
    pub(super) async fn poll_device(
        &self,
        code: &str,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<Polled, OAuthFailure> {
        let Some(keeper) = self.keeper_of(code) else {
            return Ok(self.2.poll_device(code, client, now));
        };
        let question =
            Question::PollDevice { code: code.to_owned(), client: client.as_str().to_owned() };
        match self.question(keeper, &question).await {
            Ok(Answer::Authorized(carried)) => Ok(match carried.read(self.0.lifetimes.browser) {
                Some(authorized) => Polled::Allowed(Box::new(authorized)),
                None => Polled::Unknown,
            }),
            Ok(Answer::Told { code, description }) => Ok(Polled::Told(code.error(description))),
            Ok(_) => Ok(Polled::Unknown),
            // A device asks again in any case, and learns then whether there is still something to ask for.
            Err(Lost::Unreached | Lost::Unanswered) => Err(unreached()),
        }
    }

    /// Looks for the login that somebody typed the code of, here and everywhere else. One that is nowhere counts as a guess
    /// everywhere; here it is counted by whoever asks.
    pub(super) async fn find_device(
        &self,
        code: UserCode,
        guesser: &Guesser,
        now: Timestamp,
    ) -> Typed<FoundDevice> {
        if let Some((client, scopes)) = self.2.look_at_device(code, now) {
            return Typed::Known(FoundDevice { client, scopes, keeper: None });
        }
        let (user_code, guesser) = (code.to_string(), guesser.clone());
        let question = Question::LookAtDevice { user_code, guesser: guesser.clone() };
        let mut answers = self.0.replicas.ask_all(to_bytes(&question));
        let mut wait = None;
        while let Some((process, answer)) = answers.next().await {
            match from_bytes(&answer) {
                Some(Answer::Device { client, scopes }) => {
                    let (Ok(client), Some(scopes)) = (client.parse(), scopes_from(&scopes)) else {
                        continue;
                    };
                    return Typed::Known(FoundDevice { client, scopes, keeper: Some(process) });
                }
                Some(Answer::TooMany(seconds)) => wait = Some(Duration::from_secs(seconds)),
                _ => {}
            }
        }
        if let Some(wait) = wait {
            return Typed::TooMany(wait);
        }
        self.0.replicas.tell_all(to_bytes(&Question::WrongGuess(guesser)));
        Typed::Unknown
    }

    /// Says what somebody says to a device, wherever its login is; whether there was one to which nothing was said.
    pub(super) async fn tell_device(
        &self,
        keeper: Option<ProcessId>,
        (code, guesser): (UserCode, &Guesser),
        said: Option<&RefreshClaims>,
        now: Timestamp,
    ) -> Result<Typed<()>, OAuthFailure> {
        let Some(keeper) = keeper else {
            let is_told = self.2.answer_device(code, said.cloned(), now);
            return Ok(if is_told { Typed::Known(()) } else { Typed::Unknown });
        };
        let question = Question::AnswerDevice {
            user_code: code.to_string(),
            said: said.map(crate::service::sso::memory_to_bytes),
            guesser: guesser.clone(),
        };
        match self.question(keeper, &question).await {
            Ok(Answer::Done) => Ok(Typed::Known(())),
            Ok(Answer::TooMany(seconds)) => Ok(Typed::TooMany(Duration::from_secs(seconds))),
            Ok(_) => Ok(Typed::Unknown),
            Err(Lost::Unreached | Lost::Unanswered) => Err(unreached()),
        }
    }

    /// Who keeps what was sent out under this name, if not this process. What is no such name nobody keeps, as it turns out here.
    fn keeper_of(&self, shown: &str) -> Option<ProcessId> {
        maker_of(shown).filter(|maker| *maker != self.0.replicas.process())
    }

    async fn question(&self, keeper: ProcessId, question: &Question) -> Result<Answer, Lost> {
        match self.0.replicas.ask(keeper, to_bytes(question)).await {
            Ok(answer) => from_bytes(&answer).ok_or(Lost::Unanswered),
            Err(NoAnswer::Unknown) => Ok(Answer::Unknown),
            Err(NoAnswer::Unreached) => Err(Lost::Unreached),
            Err(NoAnswer::Unanswered) => Err(Lost::Unanswered),
        }
    }

    /// What this process says to a question of another one, which counts guesses as this one does; `None` for what is no question.
    pub async fn answer_replica(
        &self,
        question: &[u8],
        count: CountGuess<'_>,
        now: Timestamp,
    ) -> Option<Vec<u8>> {
        let answer = match from_bytes(question)? {
            Question::TakeCode(code) => match self.take_own_code(&code, now) {
                TakenCode::First(authorized) => Answer::Authorized(Box::new((*authorized).into())),
                TakenCode::Again(spent) => {
                    if let Some(spent) = spent {
                        self.end_spent(spent).await;
                    }
                    Answer::Again
                }
                TakenCode::Unknown => Answer::Unknown,
            },
            Question::TakePushed { name, client, pusher } => {
                let taken = self.2.take_pushed(&name, (&client, pusher), now);
                taken.map_or(Answer::Unknown, Answer::Query)
            }
            Question::PollDevice { code, client } => {
                self.2.poll_device(&code, &client.parse().ok()?, now).into()
            }
            Question::LookAtDevice { user_code, guesser } => match count(&guesser, Guess::Open) {
                Err(wait) => too_many(wait),
                Ok(()) => match self.2.look_at_device(UserCode::typed(&user_code)?, now) {
                    Some((client, scopes)) => Answer::Device {
                        client: client.as_str().to_owned(),
                        scopes: scopes.to_string(),
                    },
                    None => Answer::Unknown,
                },
            },
            Question::AnswerDevice { user_code, said, guesser } => {
                let said = said_from(said, self.0.lifetimes.browser, now)?;
                match count(&guesser, Guess::Open) {
                    Err(wait) => too_many(wait),
                    Ok(()) if self.2.answer_device(UserCode::typed(&user_code)?, said, now) => {
                        Answer::Done
                    }
                    Ok(()) => Answer::Unknown,
                }
            }
            Question::WrongGuess(guesser) => {
                let _ = count(&guesser, Guess::Wrong);
                Answer::Done
            }
        };
        Some(to_bytes(&answer))
    }

    /// Whether somebody is about to fetch what this process keeps, a code or a pushed request. Who waits on a device begins anew.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.2.is_waited_for(self.now())
    }
}

fn too_many(wait: Duration) -> Answer {
    let up = u64::from(wait.subsec_nanos() > 0);
    Answer::TooMany((wait.as_secs() + up).max(1))
}

fn unreached() -> OAuthFailure {
    OAuthFailure::new(
        ErrorCode::TemporarilyUnavailable,
        "the server that keeps this is not reached at the moment; try again in a few seconds",
    )
}
