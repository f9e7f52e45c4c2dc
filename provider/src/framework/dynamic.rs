//! The conversion between values on the wire and fields, with a diagnostic for bytes that do not fit their type.
//!
//! No other module of the framework touches `DynamicValue`.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire::DynamicValue;

use super::diagnostics::Diagnostic;
use super::fields::Fields;

/// Decodes a value of the given type. An absent value is null.
pub(super) fn decode(value: Option<&DynamicValue>, ty: &Type, what: &str) -> Result<Value, Diagnostic> {
    Value::from_dynamic(value, ty).map_err(|error| {
        Diagnostic::error(
            format!("Invalid {what}"),
            format!(
                "The host sent a {what} that does not fit the schema: {error}. Use a version of Terraform or OpenTofu that \
                 supports plugin protocol 6. If the error remains, report it as a bug of the provider."
            ),
        )
    })
}

/// Decodes an object. Null is `None`.
pub(super) fn decode_object(
    value: Option<&DynamicValue>,
    ty: &Type,
    what: &str,
) -> Result<Option<Fields>, Diagnostic> {
    match decode(value, ty, what)? {
        Value::Null => Ok(None),
        Value::Map(fields) => Ok(Some(fields)),
        _ => Err(Diagnostic::error(
            format!("Invalid {what}"),
            format!(
                "The host sent an unknown {what}, which the protocol does not allow. This is a bug in the host."
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
            format!("Missing {what}"),
            format!("The host sent no {what}, which the protocol does not allow. This is a bug in the host."),
        )
    })
}

/// Encodes a value of the given type.
pub(super) fn encode(value: &Value, ty: &Type) -> Result<DynamicValue, Diagnostic> {
    value.to_dynamic(ty).map_err(|error| {
        Diagnostic::error(
            "Invalid value from provider",
            format!("The provider produced a value that does not fit its schema: {error}. Report this as a bug of the provider."),
        )
    })
}

/// Encodes an object; `None` is null.
pub(super) fn encode_object(fields: Option<Fields>, ty: &Type) -> Result<DynamicValue, Diagnostic> {
    encode(&fields.map_or(Value::Null, Value::Map), ty)
}
