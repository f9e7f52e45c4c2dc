//! The servers that the brokerage's tests rely on are what they are taken for: each starts, holds a secret, breaks in the
//! way that a test asks for, and stops.

mod database;
mod logins;
mod moto;
mod vault;
