//! The signals that end a long-running command.

use std::future::Future;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals to wait for.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Who wants an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// SIGTERM: whoever runs the program, who may still send it requests for a moment.
    Terminate,
    /// SIGINT: somebody at the keyboard.
    Interrupt,
}

impl Signals {
    /// Neither ends the program by itself from now on.
    pub(super) fn new() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
        let interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be waited for")?;
        Ok(Self { terminate, interrupt })
    }

    /// The next of them.
    pub(super) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.terminate.recv() => Ending::Terminate,
            _ = self.interrupt.recv() => Ending::Interrupt,
        }
    }

    /// Done at SIGINT.
    pub(super) async fn interrupted(&mut self) {
        self.interrupt.recv().await;
    }
}

/// Resolves at SIGTERM or SIGINT.
pub(super) fn signals() -> anyhow::Result<impl Future<Output = ()>> {
    let mut signals = Signals::new()?;
    Ok(async move {
        signals.next().await;
    })
}
