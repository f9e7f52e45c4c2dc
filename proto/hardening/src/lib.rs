//! What Kontraktor's programs do against other users of the machine: [`mod@file`] opens files that another user could have put
//! there, and [`memory`] keeps secrets out of core dumps.
//!
//! It knows what the system reports about files and processes. It does not know what they are for.

pub mod file;
pub mod memory;
