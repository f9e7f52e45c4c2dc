//! Injected faults: which of the next requests fail, and how. It knows nothing of their meaning, so that every double
//! can be broken in the same ways.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::http::{Answer, Request};

/// How a request fails.
#[derive(Clone)]
pub enum HttpFault {
    /// The service responds with this status in its own format. It did nothing.
    Status {
        /// From 400 to 599.
        status: u16,
        /// The seconds of a `Retry-After` header.
        retry_after: Option<u64>,
    },
    /// There is no response until [`Faults::release`]; then the service responds.
    Hang,
    /// The service does what it was asked; half of the response's body arrives, then the connection ends.
    Truncate,
    /// The connection ends before any response. The service did nothing.
    Disconnect,
    /// A page of HTML with status 200, as from a captive portal or a proxy's login.
    WebPage,
    /// A redirect (302) to this URL.
    Redirect(String),
    /// This response instead of the service's. The service did nothing.
    Instead(Answer),
}

impl HttpFault {
    /// Returns 429, to be retried after this many seconds.
    pub fn throttled(seconds: u64) -> Self {
        Self::Status { status: 429, retry_after: Some(seconds) }
    }

    /// Returns 503 without `Retry-After`.
    pub fn unavailable() -> Self {
        Self::Status { status: 503, retry_after: None }
    }

    /// Returns 500.
    pub fn internal_error() -> Self {
        Self::Status { status: 500, retry_after: None }
    }
}

/// The pending faults of a server. Clones are for the same server.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    rules: Mutex<Vec<Rule>>,
    /// Grows with each release.
    releases: watch::Sender<u64>,
}

struct Rule {
    /// `None`: until cleared.
    left: Option<usize>,
    matches: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    fault: HttpFault,
}

impl Faults {
    /// Makes the next `n` requests fail.
    pub fn next(&self, n: usize, fault: HttpFault) {
        self.next_where(n, |_| true, fault);
    }

    /// Makes the next `n` matching requests fail. When several rules match, the oldest one applies.
    pub fn next_where(
        &self,
        n: usize,
        such: impl Fn(&Request) -> bool + Send + Sync + 'static,
        fault: HttpFault,
    ) {
        self.add(Some(n), such, fault);
    }

    /// Makes every request fail until [`Faults::clear`].
    pub fn always(&self, fault: HttpFault) {
        self.always_where(|_| true, fault);
    }

    /// Makes every matching request fail until [`Faults::clear`].
    pub fn always_where(&self, such: impl Fn(&Request) -> bool + Send + Sync + 'static, fault: HttpFault) {
        self.add(None, such, fault);
    }

    /// Removes all pending faults. Requests that hang continue to hang.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// Counts the pending faults; one without a limit counts as one.
    pub fn left(&self) -> usize {
        self.rules().iter().map(|rule| rule.left.unwrap_or(1)).sum()
    }

    /// Lets all requests that hang continue.
    pub fn release(&self) {
        self.0.releases.send_modify(|count| *count += 1);
    }

    /// Takes the fault for this request, if one is pending.
    pub(super) fn take(&self, request: &Request) -> Option<HttpFault> {
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

    /// Returns a future that ends at the next release.
    pub(super) async fn released(&self) {
        let mut releases = self.0.releases.subscribe();
        // The sender lives in `self`, so there is always a next one to wait for.
        let _ = releases.changed().await;
    }

    fn add(
        &self,
        left: Option<usize>,
        such: impl Fn(&Request) -> bool + Send + Sync + 'static,
        fault: HttpFault,
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
