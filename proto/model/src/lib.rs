//! The rules that every side shares: names, limits, canonical values, secret references, roles, differences and `.env` files.
//!
//! The daemon, the Terraform provider and `ktr` judge a name or a value by this same code. It is pure: it performs no
//! I/O and does not know how messages travel.

pub mod access;
pub mod diff;
pub mod dotenv;
pub mod limits;
pub mod names;
pub mod reference;
pub mod value;
