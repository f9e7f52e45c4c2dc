//! What the clouds' vaults share below their SDKs: response bodies that are bounded and wiped, the causes of an SDK's
//! errors, the addresses and certificates of servers, and connections that are made when they are first needed. It knows
//! HTTP; it knows no cloud.

mod body;
mod cause;
mod lazy;
mod server;

pub(super) use self::{
    body::{BodyError, ResponseBody, parse_retry_after},
    cause::{find_cause, tls_cause},
    lazy::Lazy,
    server::{Authorities, server_url},
};
