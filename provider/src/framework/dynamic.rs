//! Values as they travel, turned into fields and back, with a diagnostic where the bytes are not what was announced.
//!
//! Nothing else in the framework touches `DynamicValue`.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire::DynamicValue;

use super::diagnostics::Diagnostic;
use super::schema::Fields;

/// Decodes a value of the given type; an absent one is null.
pub(super) fn decode(value: Option<&DynamicValue>, ty: &Type, what: &str) -> Result<Value, Diagnostic> {
    Value::from_dynamic(value, ty).map_err(|error| {
        Diagnostic::error(
            format!("The {what} cannot be read"),
            format!(
                "What was sent as the {what} does not fit the schema: {error}. Run the command again with a \
                 Terraform or OpenTofu that supports plugin protocol 6; if it stays, this is a defect of the provider."
            ),
        )
    })
}

/// Decodes an object; null is `None`.
pub(super) fn decode_object(
    value: Option<&DynamicValue>,
    ty: &Type,
    what: &str,
) -> Result<Option<Fields>, Diagnostic> {
    match decode(value, ty, what)? {
        Value::Null => Ok(None),
        Value::Map(fields) => Ok(Some(fields)),
        _ => Err(Diagnostic::error(
            format!("The {what} cannot be read"),
            format!(
                "The {what} is unknown as a whole, which the protocol does not allow. This is a defect of the caller."
            ),
        )),
    }
}

/// Decodes an object that must not be null.
pub(super) fn decode_required(
    value: Option<&DynamicValue>,
    ty: &Type,
    what: &str,
) -> Result<Fields, Diagnostic> {
    decode_object(value, ty, what)?.ok_or_else(|| {
        Diagnostic::error(
            format!("The {what} is missing"),
            format!("The call carries no {what}, which the protocol does not allow. This is a defect of the caller."),
        )
    })
}

/// Encodes a value of the given type.
pub(super) fn encode(value: &Value, ty: &Type) -> Result<DynamicValue, Diagnostic> {
    value.to_dynamic(ty).map_err(|error| {
        Diagnostic::error(
            "The provider made a value that does not fit its schema",
            format!("This is a defect of the provider, please report it: {error}."),
        )
    })
}

/// Encodes an object, or null.
pub(super) fn encode_object(fields: Option<Fields>, ty: &Type) -> Result<DynamicValue, Diagnostic> {
    encode(&fields.map_or(Value::Null, Value::Map), ty)
}
