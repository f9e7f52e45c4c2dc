//! Each rule of the broker, against a vault that does what the test says, in time that stands still.

mod breaking;
mod caching;
mod closing;
mod fake;
mod flying;
mod holding;
mod leasing;
mod refusing;
mod renewing;
