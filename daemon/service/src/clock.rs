//! Time as a parameter.

use jiff::Timestamp;

/// Tells the time. Any `Fn() -> Timestamp` does.
pub trait Clock: Send + Sync + 'static {
    /// The moment it is now, UTC.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
