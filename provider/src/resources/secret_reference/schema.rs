//! The attributes of `kontraktor_secret_reference`.

use tfplugin_proto::value::{Type, Value};

use crate::framework::{Attribute, Schema};
use crate::resources::conflict::on_conflict_attribute;
use crate::resources::protection::deletion_protection_attribute;
use crate::rules;

pub(super) fn schema() -> Schema {
    Schema::new(
        "A reference to a secret in a vault, as a key of an environment. The reference is configuration and not secret: \
         plans show it. The secret stays in the vault, and whoever may read secrets gets it through the daemon.\n\nA key \
         holds a plain value or a reference, never both, and does not change from one to the other. Applying a plan never \
         overwrites what someone else wrote after the plan was made: it stops and shows what was planned and what is \
         stored.",
        vec![
            Attribute::required("project", Type::String, "The project's name. Changing it makes a new secret reference.")
                .requires_replace()
                .check(rules::project),
            Attribute::required(
                "env",
                Type::String,
                "The environment's name inside the project. Project and environment are created where they do not exist, \
                 unless the provider's `create_missing` is false. Changing it makes a new secret reference.",
            )
            .requires_replace()
            .check(rules::env),
            Attribute::required(
                "key",
                Type::String,
                "The key: 1 to 255 characters of `A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, beginning with a letter or `_`. \
                 Changing it makes a new secret reference.",
            )
            .requires_replace()
            .check(rules::key),
            Attribute::required(
                "reference",
                Type::String,
                "Which secret: `vault://NAME/MOUNT/path?version=3#field`, \
                 `aws-sm://NAME/secret-name?stage=AWSCURRENT#json-field` or `azure-kv://NAME/secret-name?version=ID`, where \
                 NAME is the vault as the daemon's operator configured it. 4,096 bytes at most. Another spelling of the \
                 same reference is no change. Neither the secret nor the vault must exist yet.",
            )
            .check(rules::reference)
            .same(rules::same_reference),
            Attribute::optional(
                "pin_version",
                Type::String,
                "The version of the secret that is meant, whatever becomes the newest, as its vault names versions: a \
                 number in Vault, a version id in AWS (a stage in the reference does not count then), an identifier in \
                 Azure. It is stored as the version of the reference. Left out: the reference is stored as it is written.",
            )
            .check(pin_version),
            Attribute::optional(
                "verify",
                Type::Bool,
                "Whether the daemon checks that the secret can be read, without handing it out, when the reference is \
                 created or changes, or this is switched on. Where it cannot, a plan warns, because the secret may be made \
                 in the same apply; an apply fails before it writes. A plan without a change asks no vault.",
            )
            .default(Value::from(false)),
            Attribute::optional("description", Type::String, "What the secret is for: 1,024 bytes at most.")
                .check(rules::description)
                .same(rules::same_description),
            deletion_protection_attribute(),
            on_conflict_attribute(),
            Attribute::computed(
                "id",
                Type::String,
                "`project/env/key`. It is not known while the creation is planned, so an ephemeral `kontraktor_secret` that \
                 is given this id is opened after the reference is written.",
            )
            .recomputed_when(&["project", "env", "key"]),
            Attribute::computed(
                "revision",
                Type::Number,
                "The environment's revision at which this key was last written.",
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
        Some("") => Err("pin_version is empty: name a version, or leave it out for none.".to_owned()),
        _ => Ok(()),
    }
}
