//! Each rule of the broker, against a scripted vault, in paused time.

mod breaking;
mod caching;
mod closing;
mod fake;
mod flying;
mod holding;
mod leasing;
mod refusing;
mod reloading;
mod renewing;
