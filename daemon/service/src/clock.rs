//! Time as a parameter.

use jiff::Timestamp;

/// A source of the time. Any `Fn() -> Timestamp` is one.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time, UTC.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
