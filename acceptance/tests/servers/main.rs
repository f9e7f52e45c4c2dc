//! The real servers that other tests rely on: each starts, stores a secret, fails in the way that a test asks for, and
//! stops.

mod database;
mod logins;
mod moto;
mod vault;
