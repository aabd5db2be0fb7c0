//! Bodies that come at the same time, bounded together: who is slow to send theirs keeps nobody out, and no number of them takes
//! more than its share of memory.
//!
//! When there is no room for more, the body that has been on its way for the longest is given up: an honest one comes within
//! milliseconds, so that others are the oldest. Must not know what bodies mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use tokio::sync::oneshot;

use super::limits::{BodyError, collect};

/// How much is taken in at once, of one body and of all.
#[derive(Debug, Clone, Copy)]
pub struct IntakeOptions {
    /// Largest body, in bytes.
    pub largest: usize,
    /// Longest time for a whole body.
    pub patience: Duration,
    /// Most bytes of all bodies, those included that are there and still used.
    pub most_bytes: usize,
    /// Most bodies that are on their way at once.
    pub most_coming: usize,
}

/// Takes bodies in.
#[derive(Debug)]
pub struct Intake {
    options: IntakeOptions,
    held: Arc<Mutex<Held>>,
}

/// A body that is there; its bytes count until this is dropped.
#[derive(Debug)]
pub struct Taken {
    bytes: Bytes,
    held: Arc<Mutex<Held>>,
}

/// Why a body was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// It did not come as it should.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Others needed the room.
    #[error("too much came at once")]
    Crowded,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    bytes: usize,
    /// Of these, those of bodies that are there.
    taken: usize,
    /// By when they began.
    coming: BTreeMap<u64, Coming>,
}

#[derive(Debug)]
struct Coming {
    bytes: usize,
    /// Dropped with this: whoever reads the body is told so.
    _alive: oneshot::Sender<()>,
}

/// A body on its way; forgotten when this is dropped.
struct Share {
    number: u64,
    held: Arc<Mutex<Held>>,
}

impl Intake {
    /// Takes in as much as this.
    #[must_use]
    pub fn new(options: IntakeOptions) -> Self {
        Self { options, held: Arc::default() }
    }

    /// The whole of a body.
    ///
    /// # Errors
    /// When it is too large, too slow, broken, or given up for others.
    pub async fn read<B>(&self, body: B) -> Result<Taken, IntakeError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let IntakeOptions { largest, patience, .. } = self.options;
        if body.size_hint().lower() > largest as u64 {
            return Err(BodyError::TooLarge.into());
        }
        let (share, given_up) = self.begin();
        tokio::select! {
            biased;
            _ = given_up => Err(IntakeError::Crowded),
            () = tokio::time::sleep(patience) => Err(BodyError::Slow.into()),
            taken = self.collect(body, share) => taken,
        }
    }

    async fn collect<B>(&self, body: B, share: Share) -> Result<Taken, IntakeError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let IntakeOptions { largest, most_bytes, .. } = self.options;
        let whole = collect(body, largest, |bytes| share.grow(bytes, most_bytes)).await?;
        share.keep(whole)
    }

    /// How many bodies are on their way, and how many bytes are held of all.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let held = locked(&self.held);
        (held.coming.len(), held.bytes)
    }

    fn begin(&self) -> (Share, oneshot::Receiver<()>) {
        let (alive, given_up) = oneshot::channel();
        let mut held = locked(&self.held);
        while held.coming.len() >= self.options.most_coming.max(1) {
            held.give_up_the_oldest();
        }
        let number = held.next;
        held.next += 1;
        held.coming.insert(number, Coming { bytes: 0, _alive: alive });
        (Share { number, held: Arc::clone(&self.held) }, given_up)
    }
}

impl Held {
    fn give_up_the_oldest(&mut self) {
        if let Some((_, oldest)) = self.coming.pop_first() {
            self.bytes -= oldest.bytes;
        }
    }
}

impl Share {
    /// Makes room for more bytes of this body, at the cost of the oldest, which may be this one.
    fn grow(&self, bytes: usize, most: usize) -> Result<(), IntakeError> {
        let mut held = locked(&self.held);
        let own = held.coming.get(&self.number).map_or(0, |coming| coming.bytes);
        if held.taken + own + bytes > most {
            // Nobody who gave way would make room.
            return Err(IntakeError::Crowded);
        }
        while held.bytes + bytes > most && held.coming.contains_key(&self.number) {
            held.give_up_the_oldest();
        }
        let coming = held.coming.get_mut(&self.number).ok_or(IntakeError::Crowded)?;
        coming.bytes += bytes;
        held.bytes += bytes;
        Ok(())
    }

    /// It is all there: nobody gives it up any more, and it counts until it is used.
    fn keep(self, bytes: Bytes) -> Result<Taken, IntakeError> {
        {
            let mut held = locked(&self.held);
            let coming = held.coming.remove(&self.number).ok_or(IntakeError::Crowded)?;
            held.taken += coming.bytes;
        }
        Ok(Taken { bytes, held: Arc::clone(&self.held) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = locked(&self.held);
        if let Some(coming) = held.coming.remove(&self.number) {
            held.bytes -= coming.bytes;
        }
    }
}

impl std::ops::Deref for Taken {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = locked(&self.held);
        held.bytes -= self.bytes.len();
        held.taken -= self.bytes.len();
    }
}

fn locked(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream::{self, StreamExt};
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn intake(most_bytes: usize, most_coming: usize) -> Arc<Intake> {
        patient(Duration::from_secs(600), most_bytes, most_coming)
    }

    fn patient(patience: Duration, most_bytes: usize, most_coming: usize) -> Arc<Intake> {
        Arc::new(Intake::new(IntakeOptions { largest: 8, patience, most_bytes, most_coming }))
    }

    fn frame(text: &'static str) -> Result<Frame<Bytes>, Infallible> {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    /// A body whose end never comes, read by a task of its own.
    fn endless(
        intake: &Arc<Intake>,
        text: &'static str,
    ) -> tokio::task::JoinHandle<Result<Taken, IntakeError>> {
        let frames = stream::iter([frame(text)]).chain(stream::pending());
        let intake = Arc::clone(intake);
        tokio::spawn(async move { intake.read(StreamBody::new(frames)).await })
    }

    async fn until(intake: &Intake, bytes: usize, coming: usize) {
        while intake.held() != (coming, bytes) {
            tokio::task::yield_now().await;
        }
    }

    fn whole(text: &'static str) -> Full<Bytes> {
        Full::from(text)
    }

    #[tokio::test]
    async fn what_is_used_counts_until_it_is_dropped() {
        let intake = intake(10, 4);
        let first = intake.read(whole("12345678")).await.unwrap();
        assert_eq!(&*first, b"12345678");
        // What is there is not given up for what comes.
        assert_eq!(intake.read(whole("123")).await.unwrap_err(), IntakeError::Crowded);
        drop(first);
        assert_eq!(&*intake.read(whole("123")).await.unwrap(), b"123");
        until(&intake, 0, 0).await;
    }

    /// Where what is used takes the room, those on their way stay on it.
    #[tokio::test]
    async fn nobody_gives_way_in_vain() {
        let intake = intake(10, 4);
        let used = intake.read(whole("12345678")).await.unwrap();
        let slow = endless(&intake, "1");
        until(&intake, 9, 1).await;
        assert_eq!(intake.read(whole("123")).await.unwrap_err(), IntakeError::Crowded);
        assert_eq!(intake.held(), (1, 9), "the slow one is on its way still");
        drop(used);
        slow.abort();
        assert!(slow.await.unwrap_err().is_cancelled());
        until(&intake, 0, 0).await;
    }

    #[tokio::test]
    async fn the_oldest_gives_way_to_bytes() {
        let intake = intake(10, 9);
        let first = endless(&intake, "12345");
        until(&intake, 5, 1).await;
        let second = endless(&intake, "1234");
        until(&intake, 9, 2).await;
        assert_eq!(&*intake.read(whole("abcd")).await.unwrap(), b"abcd");
        assert_eq!(first.await.unwrap().unwrap_err(), IntakeError::Crowded);
        until(&intake, 4, 1).await;
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        until(&intake, 0, 0).await;
    }

    #[tokio::test]
    async fn the_oldest_gives_way_to_numbers() {
        let intake = intake(100, 3);
        let slow = [0; 3].map(|_| endless(&intake, ""));
        until(&intake, 0, 3).await;
        assert_eq!(&*intake.read(whole("abcd")).await.unwrap(), b"abcd");
        let [first, ..] = slow;
        assert_eq!(first.await.unwrap().unwrap_err(), IntakeError::Crowded);
        until(&intake, 0, 2).await;
    }

    #[tokio::test]
    async fn one_body_has_its_bound() {
        let intake = intake(100, 3);
        let too_large = IntakeError::Body(BodyError::TooLarge);
        assert_eq!(intake.read(whole("123456789")).await.unwrap_err(), too_large);
        let frames = stream::iter([frame("12345678"), frame("9")]);
        assert_eq!(intake.read(StreamBody::new(frames)).await.unwrap_err(), too_large);
        until(&intake, 0, 0).await;
    }

    #[tokio::test]
    async fn one_body_has_its_time() {
        let intake = patient(Duration::ZERO, 100, 3);
        let slow = endless(&intake, "1").await.unwrap();
        assert_eq!(slow.unwrap_err(), IntakeError::Body(BodyError::Slow));
        until(&intake, 0, 0).await;
    }
}
