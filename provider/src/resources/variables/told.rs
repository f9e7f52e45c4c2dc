//! What people are told of many keys at once: which, as many as fit, and what to do.

use kontraktor_model::{
    limits::{MAX_BATCH_ITEMS, MAX_LISTED_NAMES, MAX_MESSAGE_BYTES},
    names::EnvPath,
};

use crate::framework::{Diagnostic, Diagnostics};

/// The names, and how many there are beside them.
fn listed(keys: &[&str]) -> String {
    let shown = keys[..keys.len().min(MAX_LISTED_NAMES)].join(", ");
    match keys.len().saturating_sub(MAX_LISTED_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

/// Which of one or many is meant.
fn it_or_them(keys: &[&str]) -> &'static str {
    if keys.len() == 1 { "it" } else { "them" }
}

/// The block that imports. A resource that is in the state already must leave it first.
fn import_block(id: &str, managed: bool) -> String {
    let first = if managed {
        "The resource is in the state already, so forget it first, which deletes nothing: `terraform state rm \
         kontraktor_variables.NAME`. "
    } else {
        ""
    };
    format!(
        "{first}Put the resource's name in the place of NAME:\n\nimport {{\n  to = kontraktor_variables.NAME\n  id = \
         \"{id}\"\n}}"
    )
}

/// At most so many messages as names are listed; the others are counted.
pub(super) fn capped(told: Vec<Diagnostic>) -> Diagnostics {
    let more = told.len().saturating_sub(MAX_LISTED_NAMES);
    let mut diagnostics = Diagnostics::new();
    for diagnostic in told.into_iter().take(MAX_LISTED_NAMES) {
        diagnostics.push(diagnostic);
    }
    if more > 0 {
        diagnostics.push(Diagnostic::error(
            format!("{more} more messages like these"),
            format!("They are of other keys. {MAX_LISTED_NAMES} are shown at once."),
        ));
    }
    diagnostics
}

/// Keys that an import names are not there.
pub(super) fn nothing_to_import(env: &EnvPath, keys: &[&str], references: &[&str]) -> Diagnostic {
    let what_else = if references.is_empty() {
        String::new()
    } else {
        format!(
            "\n\nA kontraktor_variables manages plain variables, and there are secret references under {}: import each \
             with a kontraktor_secret_reference.",
            listed(references)
        )
    };
    Diagnostic::error(
        format!("{env} does not hold {} of the import", count(keys.len())),
        format!(
            "There is no plain variable to import under {}. Leave {} out of the import id; what is in the configuration \
             and not imported is created by the next apply.{what_else}",
            listed(keys),
            it_or_them(keys)
        ),
    )
}

/// Exclusive ownership begins where others have keys.
pub(super) fn foreign(env: &EnvPath, keys: &[&str], managed: bool) -> Diagnostic {
    Diagnostic::error(
        format!("{env} holds {} that this resource does not own", count(keys.len())),
        format!(
            "With ownership = \"exclusive\", what the configuration lists takes the place of all that the environment \
             holds, and no plan would show what becomes of these keys: {}.\n\nImport the environment, and the plan shows what becomes of each key. \
             {}\n\nOr keep ownership = \"additive\", which leaves keys alone that the configuration does not list.",
            listed(keys),
            import_block(&format!("{env}:*"), managed)
        ),
    )
    .at("ownership")
}

/// Keys that are to be created exist. `managed`: the resource is in the state already.
pub(super) fn exist(env: &EnvPath, keys: &[&str], managed: bool) -> Diagnostic {
    let id = if keys.len() > MAX_LISTED_NAMES {
        format!("{env}:{},ALL,THE,OTHERS", keys[..MAX_LISTED_NAMES].join(","))
    } else {
        format!("{env}:{}", keys.join(","))
    };
    let take_over = if managed {
        "Set on_conflict = \"overwrite\" for one apply, and the values of this configuration take their place.".to_owned()
    } else {
        format!(
            "Import {}, and the plan shows what changes. {}\n\nOr set on_conflict = \"overwrite\", and the values of \
             this configuration take their place. Where it is this resource itself that is being replaced, leave its \
             keys as they are and change them in a second apply, and use neither create_before_destroy nor \
             -refresh=false.",
            it_or_them(keys),
            import_block(&id, managed)
        )
    };
    Diagnostic::error(
        format!("{env} holds {} already that this resource is to create", count(keys.len())),
        format!(
            "Nothing was written. A key belongs to one resource, and somebody else made {}.\n\n{take_over}",
            listed(keys)
        ),
    )
}

/// Keys that are to be written hold secret references.
pub(super) fn references(env: &EnvPath, keys: &[&str]) -> Diagnostic {
    let (are, them) =
        if keys.len() == 1 { ("is a secret reference", "it") } else { ("are secret references", "them") };
    Diagnostic::error(
        format!("{} of {env} {are}", count(keys.len())),
        format!(
            "Nothing was written: a key holds a plain value or a reference to a secret, and does not change from one to \
             the other. This concerns {}.\n\nLeave {them} out of this resource, and manage {them} with \
             kontraktor_secret_reference. Or delete what is stored there first; where it belongs to a resource that goes \
             in this same apply, apply once more: then it is gone.",
            listed(keys)
        ),
    )
}

/// What a plan refuses also stops a destroy: the host plans as usual before it, and no plan can tell that it is for this.
pub(super) fn or_destroy(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.detail.push_str(
        "\n\nIf this stops `terraform destroy`: it begins with a plan like any other, which `terraform destroy \
         -refresh=false` leaves out. That deletes what the state holds, and no other keys.",
    );
    diagnostic
}

/// Keys that are to go are protected.
pub(super) fn protected(env: &EnvPath, keys: &[&str]) -> Diagnostic {
    Diagnostic::error(
        format!("{} of {env} cannot be deleted: deletion_protection is on", count(keys.len())),
        format!(
            "The plan would delete {}. To delete {them}, first apply with deletion_protection = false and with {them} \
             still in the configuration, or run `ktr var unprotect {env} {key}`; then plan again.",
            listed(keys),
            them = it_or_them(keys),
            key = if let [key] = keys { key } else { "KEY" }
        ),
    )
    .at("deletion_protection")
}

/// One write takes no more keys than this.
pub(super) fn too_many(env: &EnvPath, keys: usize) -> Diagnostic {
    Diagnostic::error(
        format!("{keys} keys of {env} would change at once"),
        format!(
            "All keys of a kontraktor_variables are written in one atomic write, which takes {MAX_BATCH_ITEMS} keys at \
             most. Apply the change in several steps, or spread the keys over several resources."
        ),
    )
}

/// One write takes no more bytes than this.
pub(super) fn too_large(env: &EnvPath, bytes: usize) -> Diagnostic {
    Diagnostic::error(
        format!("The changed keys of {env} are too large for one write"),
        format!(
            "All keys of a kontraktor_variables are written in one atomic write, which takes {MAX_MESSAGE_BYTES} bytes \
             (64 MiB) at most, and these come to {bytes}. Apply the change in several steps, or spread the keys over \
             several resources."
        ),
    )
}
