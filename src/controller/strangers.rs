//! Users whom no identity provider could ever prove, as conditions tell of them; and how the controller comes to know the
//! providers.
//!
//! Nothing is refused or left out for it: settings may come later than objects. Where no server has said which providers there
//! are, nobody is a stranger.

use std::fmt;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Client;
use kube::runtime::watcher::Error;

use crate::cluster::Outage;
use crate::cluster::providers::{self, Said};
use crate::domain::provider::{ProviderNames, UnknownProvider};
use crate::domain::user::UserId;

/// Who asks, in the log.
const WHO: &str = "reading the names of the identity providers";

/// Users of no provider, of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strangers {
    first: String,
    others: usize,
}

impl Strangers {
    /// Those among some users; `None` when there are none, or when nobody knows the providers.
    #[must_use]
    pub fn among<'a>(
        providers: Option<&ProviderNames>,
        users: impl IntoIterator<Item = &'a UserId>,
    ) -> Option<Self> {
        let providers = providers?;
        Self::of(users.into_iter().filter_map(|user| providers.check(user).err()))
    }

    /// These.
    pub(super) fn of(unknown: impl IntoIterator<Item = UnknownProvider>) -> Option<Self> {
        let mut unknown = unknown.into_iter();
        let first = unknown.next()?.to_string();
        Some(Self { first, others: unknown.count() })
    }

    /// These and others, of whom some may be none.
    pub(super) fn and(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => {
                Some(Self { first: one.first, others: one.others + 1 + other.others })
            }
            (one, other) => one.or(other),
        }
    }
}

impl fmt::Display for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        match self.others {
            0 => Ok(()),
            others => {
                write!(f, "; and {others} more users of providers or clients that there are not")
            }
        }
    }
}

/// What servers say about the providers.
pub(super) struct Published(BoxStream<'static, Result<Option<Said>, Error>>);

impl Published {
    pub(super) fn new(client: &Client, namespace: &str) -> Self {
        Self(providers::published(client, namespace))
    }

    /// Which there are. What cannot be read is not waited for: it comes later, or never where the role is an older one.
    pub(super) async fn first(&mut self, outage: &Outage) -> Option<Said> {
        self.next(outage).await.flatten()
    }

    /// Waits until there are others: all that was judged by these is to be judged anew.
    pub(super) async fn changed(&mut self, known: &Option<Said>, outage: &Outage) {
        loop {
            if self.next(outage).await.is_some_and(|said| said != *known) {
                return;
            }
        }
    }

    async fn next(&mut self, outage: &Outage) -> Option<Option<Said>> {
        match self.0.next().await {
            Some(Ok(said)) => {
                outage.over(WHO);
                Some(said)
            }
            Some(Err(error)) => {
                outage.met(WHO, &error);
                None
            }
            None => std::future::pending().await,
        }
    }
}
