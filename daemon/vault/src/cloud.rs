//! What the vaults of the clouds share below their SDKs: answers read to a limit and wiped, what lies behind an SDK's
//! error, certificates of an own authority, and a connection that is made when it is first needed. It knows HTTP; it
//! knows no cloud.

mod answer;
mod cause;
mod lazy;
mod trust;

pub(super) use self::{
    answer::{Answer, Unread, parse_retry_after},
    cause::{find, of_tls},
    lazy::Lazy,
    trust::{Authorities, https},
};
