//! Secrets and keys that stand in files of their own: read again when the file is another, without a restart.
//!
//! Owns when. Must not know what they are for.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::settings::{FileStamp, FromFile, Look};

/// A value of the settings as it stands in its file at the moment, or, when that is no right one, as it stood before.
pub struct Renewed<T> {
    settings: FromFile<T>,
    held: ArcSwap<Held<T>>,
}

struct Held<T> {
    value: T,
    /// The file as it was when it was last looked at; `None` before, and while it is away.
    stamp: Option<FileStamp>,
}

impl<T: fmt::Debug> fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl<T: Clone + Send + Sync + 'static> Renewed<T> {
    /// The value as it was when the settings were read.
    #[must_use]
    pub fn new(settings: &FromFile<T>) -> Self {
        let held = Held { value: settings.value().clone(), stamp: None };
        Self { settings: settings.clone(), held: ArcSwap::from_pointee(held) }
    }

    /// The value now.
    pub async fn current(&self) -> T {
        let held = self.held.load_full();
        let Some(file) = self.settings.file() else { return held.value.clone() };
        let (settings, known) = (self.settings.clone(), held.stamp);
        // Files may lie on a server that does not answer: nothing else waits for them.
        let look = move || settings.look(known);
        let Ok(seen) = tokio::task::spawn_blocking(look).await else { return held.value.clone() };
        match seen {
            Look::Same => held.value.clone(),
            Look::Away => {
                if held.stamp.is_some() {
                    tracing::warn!(file = %file.display(), "a file cannot be looked at: what stood there before is kept");
                }
                self.hold(held.value.clone(), None)
            }
            Look::Wrong(stamp, reason) => {
                tracing::error!(
                    file = %file.display(), reason, "a file has changed and holds nothing right: what stood there before is kept"
                );
                self.hold(held.value.clone(), Some(stamp))
            }
            Look::Read(stamp, value) => {
                if held.stamp.is_some() {
                    tracing::info!(file = %file.display(), "a file has changed and was read again");
                }
                self.hold(value, Some(stamp))
            }
        }
    }

    fn hold(&self, value: T, stamp: Option<FileStamp>) -> T {
        self.held.store(Arc::new(Held { value: value.clone(), stamp }));
        value
    }
}
