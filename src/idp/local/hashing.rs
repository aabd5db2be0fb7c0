//! The threads that check passwords: few, apart from those that serve, each with one block of memory that it uses again.
//!
//! Must not know whose password it is, nor what follows from it.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::bcrypt_hash;
use super::turns::{Asking, FairLine};

/// Most logins that wait for a thread.
pub(super) const MAX_WAITING: usize = 64;

/// Threads when the settings say nothing, if there are as many cores.
const USUAL: usize = 2;

/// How long a thread without work keeps its memory.
const IDLE: Duration = Duration::from_secs(3);

/// How much a thread stands back for those that serve, as the system counts (`nice`): it gets a third of what one of them
/// gets of a core that both want.
const NICENESS: i32 = 5;

/// Passwords are checked here, in fair turns. Clones share the threads, which are there while there is work.
#[derive(Clone)]
pub struct HashingThreads(Arc<Shared>);

struct Shared {
    most: usize,
    line: Mutex<Line>,
    work: Condvar,
}

struct Line {
    turns: FairLine<Job>,
    threads: usize,
    idle: usize,
}

/// A password to check. Whoever asked may have left; then its answer is closed.
struct Job {
    hash: SecretString,
    password: SecretString,
    answer: oneshot::Sender<bool>,
}

impl HashingThreads {
    /// So many threads at most; else two, or one where there is one core.
    #[must_use]
    pub fn new(most: Option<usize>) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let line = Line { turns: FairLine::new(MAX_WAITING), threads: 0, idle: 0 };
        Self(Arc::new(Shared {
            most: most.unwrap_or_else(|| cores().min(USUAL)).max(1),
            line: Mutex::new(line),
            work: Condvar::new(),
        }))
    }

    /// Whether the password is the one of the hash; `None` when too many wait.
    pub(super) async fn check(
        &self,
        asking: Asking,
        hash: SecretString,
        password: SecretString,
    ) -> Option<bool> {
        let (answer, answered) = oneshot::channel();
        self.submit(asking, Job { hash, password, answer });
        answered.await.ok()
    }

    fn submit(&self, asking: Asking, job: Job) {
        let mut line = self.0.line();
        line.turns.retain(|job| !job.answer.is_closed());
        // Whoever gives way is dropped, and so told.
        drop(line.turns.push(asking, job));
        if line.turns.len() > line.idle && line.threads < self.0.most {
            match start(&self.0) {
                Ok(()) => line.threads += 1,
                Err(error) => {
                    tracing::error!(%error, "the system gives no thread to check passwords on");
                    if line.threads == 0 {
                        line.turns.retain(|_| false);
                    }
                }
            }
        }
        drop(line);
        self.0.work.notify_one();
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.line().turns.len()
    }
}

impl fmt::Debug for HashingThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingThreads").field("most", &self.0.most).finish_non_exhaustive()
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next password; `None` when there was none for a while, and the thread is over.
    fn next(&self) -> Option<Job> {
        let mut line = self.line();
        loop {
            if let Some(job) = line.turns.pop() {
                return Some(job);
            }
            line.idle += 1;
            let waited = self.work.wait_timeout(line, IDLE);
            let (back, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            line = back;
            line.idle -= 1;
            if waited.timed_out() && line.turns.len() == 0 {
                return None;
            }
        }
    }
}

fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let presence = Presence(Arc::clone(shared));
    let thread = std::thread::Builder::new().name("pasee-hashing".to_owned());
    thread
        .spawn(move || {
            // On Linux the thread's own. Without it, refreshes wait a little longer for their core.
            if let Err(error) = rustix::process::nice(NICENESS) {
                tracing::debug!(%error, "passwords are checked with the priority of everything else");
            }
            let mut memory = HashingMemory::default();
            while let Some(job) = presence.0.next() {
                if !job.answer.is_closed() {
                    let _ = job.answer.send(memory.matches(&job.hash, &job.password));
                }
            }
        })
        .map(drop)
}

/// A thread that is there, until it ends, however it does.
struct Presence(Arc<Shared>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.line().threads -= 1;
    }
}

/// What Argon2 computes in: as large as the costliest hash that was checked with it.
#[derive(Default)]
struct HashingMemory(Vec<Block>);

impl HashingMemory {
    fn matches(&mut self, hash: &SecretString, password: &SecretString) -> bool {
        let (hash, password) = (hash.expose_secret(), password.expose_secret().as_bytes());
        if bcrypt_hash::is_bcrypt(hash) {
            return bcrypt_hash::matches(hash, password);
        }
        self.checked(hash, password).unwrap_or(false)
    }

    /// `None` for what is no hash of Argon2.
    fn checked(&mut self, hash: &str, password: &[u8]) -> Option<bool> {
        let hash = PasswordHash::new(hash).ok()?;
        let (salt, right) = (hash.salt?, hash.hash?);
        let params = Params::try_from(&hash).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let memory = self.blocks(params.block_count());
        let mut found = [0; Output::MAX_LENGTH];
        let found = found.get_mut(..right.len())?;
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt.as_ref(), found, memory)
            .ok()?;
        // In constant time.
        Some(Output::new(found).ok()? == right)
    }

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            // The smaller ones go first: both together would be more than there is to be.
            self.0 = Vec::new();
            self.0 = vec![Block::default(); count];
        }
        &mut self.0[..count]
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;

    use super::*;

    fn hash(password: &str, memory: u32, passes: u32, lanes: u32) -> SecretString {
        let params = Params::new(memory, passes, lanes, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap();
        hash.to_string().into()
    }

    /// Whatever was computed in it before, for whatever cost.
    #[test]
    fn memory_is_used_again() {
        let mut memory = HashingMemory::default();
        let costs = [(64, 1, 1), (8, 1, 1), (256, 2, 2), (64, 3, 1), (32, 1, 4), (256, 2, 2)];
        for (m, t, p) in costs {
            let hash = hash("lovelace", m, t, p);
            assert!(memory.matches(&hash, &"lovelace".into()), "{m} {t} {p}");
            assert!(!memory.matches(&hash, &"Lovelace".into()), "{m} {t} {p}");
            assert!(memory.matches(&hash, &"lovelace".into()), "{m} {t} {p}");
        }
        assert_eq!(memory.0.len(), 256, "one block, the largest");
        for broken in ["", "$argon2id$v=19$m=8,t=1,p=1", "$scrypt$ln=1$c2FsdHNhbHQ$aGFzaA"] {
            assert!(!memory.matches(&broken.into(), &"lovelace".into()));
        }
    }

    /// However many ask at once, no more threads than may be; each is told, one way or the other.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_threads_than_may_be() {
        let hashing = HashingThreads::new(Some(3));
        let hash = hash("lovelace", 64, 1, 1);
        let mut checks = tokio::task::JoinSet::new();
        for client in 0..300 {
            let (hashing, hash) = (hashing.clone(), hash.clone());
            let asking = Asking { client, login: client };
            let threads = hashing.0.line().threads;
            assert!(threads <= 3, "{threads}");
            checks.spawn(async move { hashing.check(asking, hash, "wrong".into()).await });
        }
        let answers = checks.join_all().await;
        assert_eq!(answers.len(), 300);
        assert!(answers.iter().all(|answer| *answer != Some(true)));
        assert!(answers.iter().filter(|answer| **answer == Some(false)).count() >= MAX_WAITING);
    }
}
