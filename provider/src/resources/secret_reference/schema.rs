//! The attributes of `kontraktor_secret_reference`.

use tfplugin_proto::value::{Type, Value};

use crate::framework::{Attribute, Schema};
use crate::resources::conflict::on_conflict_attribute;
use crate::resources::protection::deletion_protection_attribute;
use crate::{equality, validators};

pub(super) fn schema() -> Schema {
    Schema::new(
        "Manages a reference to a secret in a vault, as a key of an environment. The reference is configuration and not \
         secret: plans show it. The secret stays in the vault, and authorized clients read it through the daemon.\n\nA key \
         holds either a plain value or a reference, and never changes from one to the other. Applying a plan never \
         overwrites what was written after the plan was made: it fails and reports who changed the \
         reference, when and through what.",
        vec![
            Attribute::required("project", Type::String, "The project's name. Changing this forces a new resource to be created.")
                .requires_replace()
                .validator(validators::project),
            Attribute::required(
                "env",
                Type::String,
                "The environment's name inside the project. The project and the environment are created if they do not \
                 exist, unless the provider's `create_missing` is `false`. Changing this forces a new resource to be created.",
            )
            .requires_replace()
            .validator(validators::env),
            Attribute::required(
                "key",
                Type::String,
                "The key: 1 to 255 characters of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, starting with a letter or `_`. \
                 Changing this forces a new resource to be created.",
            )
            .requires_replace()
            .validator(validators::key),
            Attribute::required(
                "reference",
                Type::String,
                "The secret reference: `vault://NAME/MOUNT/path?version=3#field`, \
                 `aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field` or `azure-kv://NAME/secret-name?version=ID`. NAME \
                 is the vault's name in the daemon's configuration. At most 4,096 bytes long. A different spelling of the \
                 same reference is not a change. The secret and the vault do not have to exist yet.",
            )
            .validator(validators::reference)
            .semantic_equality(equality::same_reference),
            Attribute::optional(
                "pin_version",
                Type::String,
                "The version of the secret to read, even when newer versions exist, in the vault's own notation: a number in \
                 HashiCorp Vault, a version ID in AWS (a stage in the reference is then ignored), an identifier in Azure. It \
                 is stored as the version of the reference. If omitted, the reference is stored as it is configured.",
            )
            .validator(pin_version),
            Attribute::optional(
                "verify",
                Type::Bool,
                "Whether the daemon verifies that the secret can be read, without returning it, when the reference is \
                 created or changed, or when this is switched on. If the secret cannot be read, a plan shows a warning, \
                 because the secret may be created in the same apply, and an apply fails before it writes. Plans without \
                 changes do not contact the vault.",
            )
            .default(Value::from(false)),
            Attribute::optional("description", Type::String, "A description of the secret, at most 1,024 bytes long.")
                .validator(validators::description)
                .semantic_equality(equality::same_description),
            deletion_protection_attribute(),
            on_conflict_attribute(),
            Attribute::computed(
                "id",
                Type::String,
                "The reference's ID, `project/env/key`. It is unknown while the creation is planned, so that an ephemeral \
                 `kontraktor_secret` with this `id` is opened after the reference is written.",
            )
            .recomputed_when(&["project", "env", "key"]),
            Attribute::computed(
                "revision",
                Type::Number,
                "The environment's revision that last wrote this key.",
            )
            .recomputed_when(&[
                "project",
                "env",
                "key",
                "reference",
                "pin_version",
                "description",
                "deletion_protection",
            ]),
            Attribute::computed("vault", Type::String, "The vault's name in the daemon's configuration."),
        ],
    )
}

fn pin_version(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some("") => Err("pin_version is empty. Set it to a version, or remove it.".to_owned()),
        _ => Ok(()),
    }
}
