//! The fields of an object.

use std::collections::BTreeMap;

use tfplugin_proto::value::Value;

/// The attributes of one object, by name.
pub type Fields = BTreeMap<String, Value>;
