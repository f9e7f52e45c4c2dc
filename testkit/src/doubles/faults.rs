//! Faults on demand: which of the next requests go wrong, and how. It knows requests, not what they are about, so any
//! double can be broken in the same ways.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::http::{Answer, Request};

/// How a request goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// The service refuses, in its own words for this status. The service did nothing.
    Status {
        /// From 400 to 599.
        status: u16,
        /// The seconds of a `Retry-After` header.
        retry_after: Option<u64>,
    },
    /// Nothing is answered until [`Faults::release`]; then the service answers.
    Hang,
    /// The service does what it was asked; half of its answer's body arrives, then the connection ends.
    Truncate,
    /// The connection ends before any answer. The service did nothing.
    Disconnect,
    /// A page of HTML with status 200, as a captive portal or a proxy's login puts in between.
    WebPage,
    /// A redirect (302) to this URL.
    Redirect(String),
    /// This instead of the service's answer. The service did nothing.
    Instead(Answer),
}

impl Fault {
    /// 429, to be tried again after so many seconds.
    pub fn throttled(seconds: u64) -> Self {
        Self::Status { status: 429, retry_after: Some(seconds) }
    }

    /// 503, without a word on when to try again.
    pub fn unavailable() -> Self {
        Self::Status { status: 503, retry_after: None }
    }

    /// 500.
    pub fn internal_error() -> Self {
        Self::Status { status: 500, retry_after: None }
    }
}

/// The faults in store for a server. Clones are for the same server.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    rules: Mutex<Vec<Rule>>,
    /// Grows with each release.
    releases: watch::Sender<u64>,
}

struct Rule {
    /// None: until cleared.
    left: Option<usize>,
    matches: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    fault: Fault,
}

impl Faults {
    /// The next `n` requests go wrong, whatever they ask.
    pub fn next(&self, n: usize, fault: Fault) {
        self.next_where(n, |_| true, fault);
    }

    /// The next `n` requests that are such go wrong. Where several rules fit a request, the oldest one counts.
    pub fn next_where(
        &self,
        n: usize,
        such: impl Fn(&Request) -> bool + Send + Sync + 'static,
        fault: Fault,
    ) {
        self.add(Some(n), such, fault);
    }

    /// Every request goes wrong, until [`Faults::clear`].
    pub fn always(&self, fault: Fault) {
        self.always_where(|_| true, fault);
    }

    /// Every request that is such goes wrong, until [`Faults::clear`].
    pub fn always_where(&self, such: impl Fn(&Request) -> bool + Send + Sync + 'static, fault: Fault) {
        self.add(None, such, fault);
    }

    /// Nothing goes wrong any more. Requests that hang go on hanging.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// How many faults are still in store; those without a limit count as one.
    pub fn left(&self) -> usize {
        self.rules().iter().map(|rule| rule.left.unwrap_or(1)).sum()
    }

    /// Lets the requests go on that hang now.
    pub fn release(&self) {
        self.0.releases.send_modify(|count| *count += 1);
    }

    /// The fault for this request, if one is in store.
    pub(super) fn take(&self, request: &Request) -> Option<Fault> {
        let mut rules = self.rules();
        let index = rules.iter().position(|rule| (rule.matches)(request))?;
        let rule = &mut rules[index];
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left -= 1;
            if *left == 0 {
                rules.remove(index);
            }
        }
        Some(fault)
    }

    /// Ends at the next release.
    pub(super) async fn released(&self) {
        let mut releases = self.0.releases.subscribe();
        // The sender lives in `self`, so there is always a next one to wait for.
        let _ = releases.changed().await;
    }

    fn add(
        &self,
        left: Option<usize>,
        such: impl Fn(&Request) -> bool + Send + Sync + 'static,
        fault: Fault,
    ) {
        if left != Some(0) {
            self.rules().push(Rule { left, matches: Box::new(such), fault });
        }
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Shared { rules: Mutex::default(), releases: watch::Sender::new(0) }))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("left", &self.left()).finish_non_exhaustive()
    }
}
