//! Who calls, and what they may do: [`authorize`] is the only place that decides.
//!
//! It knows no transport: authenticators make a [`Caller`] out of a request elsewhere. It does not know what exists
//! either, so that a denial cannot reveal it.

mod action;
mod authorize;
mod caller;
mod methods;
mod resource;
mod rights;

pub use kontraktor_model::access::{Scope, Scopes};

pub use self::{
    action::{Action, Reach, Requirement, Rule, Unseen},
    authorize::{Denied, Reason, authorize},
    caller::{Authority, Caller},
    methods::{METHODS, ROUTES},
    resource::Resource,
    rights::Rights,
};
