//! UpgradeResourceState: converts stored JSON of any schema version to a state of the current one.
//!
//! Hosts call it for every state they read, even at the current version.

use std::cmp::Ordering;

use serde_json::value::RawValue;
use tfplugin_proto::value::Value;
use tfplugin_proto::wire::upgrade_resource_state::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::encode;
use crate::framework::private::Private;
use crate::framework::provider::Provider;
use crate::framework::resource::RawFields;
use crate::framework::schema::Schema;

impl<P: Provider> Server<P> {
    pub(super) fn upgrade(&self, connection: &ConnectionState<P::Session>, request: &Request) -> Response {
        self.try_upgrade(connection, request).unwrap_or_else(|diagnostics| Response {
            diagnostics: diagnostics.to_wire(),
            ..Default::default()
        })
    }

    fn try_upgrade(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Result<Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let schema = resource.schema();
        let json = request.raw_state.as_ref().map_or(&[][..], |raw| &raw.json);
        if json.is_empty() {
            return Err(Diagnostic::error(
                "Unsupported state version",
                "The state was written by Terraform 0.11 or older, before this provider existed. Remove the object with \
                 `terraform state rm` and import it again.",
            )
            .into());
        }
        // The parser's error may repeat a value.
        let stored: Option<RawFields> =
            serde_json::from_slice(json).map_err(|_| unreadable(&"it is not a JSON object"))?;
        let ty = schema.object_type();
        let state = match stored {
            None => Value::Null,
            Some(stored) => {
                let current = match request.version.cmp(&schema.version) {
                    Ordering::Greater => {
                        return Err(too_new(&request.type_name, request.version, schema.version).into());
                    }
                    Ordering::Less => resource.upgrade(request.version, stored)?,
                    Ordering::Equal => stored,
                };
                let json = fit(schema, current).map_err(|error| unreadable(&error))?;
                Value::from_json(&json, &ty).map_err(|error| unreadable(&error))?
            }
        };
        // Without a refresh, no read of the object follows.
        if let (Value::Map(state), Ok(configured)) = (&state, connection.configured()) {
            resource.observe(&configured.session, &Private::default(), state, true);
        }
        Ok(Response { upgraded_state: Some(encode(&state, &ty)?), ..Default::default() })
    }
}

/// Keeps the attributes of the schema: others are dropped, and missing ones are null, so that an attribute can be added or
/// removed without a new schema version.
fn fit(schema: &Schema, mut stored: RawFields) -> serde_json::Result<Vec<u8>> {
    let mut fitted = RawFields::new();
    for name in schema.names() {
        let value = stored.remove(name).unwrap_or_else(|| RawValue::NULL.to_owned());
        fitted.insert(name.to_owned(), value);
    }
    serde_json::to_vec(&fitted)
}

fn unreadable(error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        "Invalid state",
        format!(
            "The stored state of this object does not fit the provider's schema: {error}. Remove the object with `terraform \
             state rm` and import it again."
        ),
    )
}

fn too_new(name: &str, stored: i64, known: i64) -> Diagnostic {
    Diagnostic::error(
        "State is newer than the provider",
        format!(
            "The state of this {name} was written with schema version {stored}, and this version of the provider supports \
             versions up to {known}. Use the provider release that wrote the state, or a newer one."
        ),
    )
}
