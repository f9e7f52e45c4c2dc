//! Diagnostics about many keys at once: which keys, as many as are listed, and what to do.

use kontraktor_model::{
    limits::{MAX_BATCH_ITEMS, MAX_LISTED_NAMES, MAX_MESSAGE_BYTES},
    names::EnvPath,
};

use crate::framework::{Diagnostic, Diagnostics};

/// Lists the keys, and counts those that are not listed.
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

/// Returns the pronoun for the keys.
fn it_or_them(keys: &[&str]) -> &'static str {
    if keys.len() == 1 { "it" } else { "them" }
}

/// Returns the import block. `managed`: the resource is already in the state and must be removed from it first.
fn import_block(id: &str, managed: bool) -> String {
    let first = if managed {
        "Remove the resource from the state first, which deletes nothing: `terraform state rm kontraktor_variables.NAME`. "
    } else {
        ""
    };
    format!(
        "{first}Replace NAME with the resource's name:\n\nimport {{\n  to = kontraktor_variables.NAME\n  id = \"{id}\"\n}}"
    )
}

/// Returns at most as many diagnostics as names are listed, and counts the others.
pub(super) fn limit(all: Vec<Diagnostic>) -> Diagnostics {
    let more = all.len().saturating_sub(MAX_LISTED_NAMES);
    let mut diagnostics = Diagnostics::new();
    for diagnostic in all.into_iter().take(MAX_LISTED_NAMES) {
        diagnostics.push(diagnostic);
    }
    if more > 0 {
        diagnostics.push(Diagnostic::error(
            format!("{more} more errors"),
            format!("They concern other keys. At most {MAX_LISTED_NAMES} errors are shown at once."),
        ));
    }
    diagnostics
}

/// Reports keys in an import ID that do not exist.
pub(super) fn nothing_to_import(env: &EnvPath, keys: &[&str], references: &[&str]) -> Diagnostic {
    let secrets = if references.is_empty() {
        String::new()
    } else {
        format!(
            "\n\nThese keys hold secret references, which kontraktor_variables does not manage: {}. Import each with \
             kontraktor_secret_reference.",
            listed(references)
        )
    };
    Diagnostic::error(
        "Variables to import not found",
        format!(
            "{env} has no plain variable for {} of the import ID: {}. Remove {} from the import ID; the next apply creates \
             the configured variables that were not imported.{secrets}",
            count(keys.len()),
            listed(keys),
            it_or_them(keys)
        ),
    )
}

/// Reports exclusive ownership that begins while the environment holds other keys.
pub(super) fn foreign(env: &EnvPath, keys: &[&str], managed: bool) -> Diagnostic {
    Diagnostic::error(
        "Environment holds other variables",
        format!(
            "With ownership = \"exclusive\", this resource replaces all variables of {env}, which holds {} that this \
             resource does not own: {}. No plan would show what happens to {}.\n\nImport the environment, so that the plan \
             shows it. {}\n\nOr keep ownership = \"additive\", which leaves keys alone that the configuration does not list.",
            count(keys.len()),
            listed(keys),
            it_or_them(keys),
            import_block(&format!("{env}:*"), managed)
        ),
    )
    .at("ownership")
}

/// Reports keys to create that exist already. `managed`: the resource is already in the state.
pub(super) fn already_exist(env: &EnvPath, keys: &[&str], managed: bool) -> Diagnostic {
    let id = if keys.len() > MAX_LISTED_NAMES {
        format!("{env}:{},ALL,THE,OTHERS", keys[..MAX_LISTED_NAMES].join(","))
    } else {
        format!("{env}:{}", keys.join(","))
    };
    let take_over = if managed {
        "Set on_conflict = \"overwrite\" for one apply to replace the stored values with those of this configuration."
            .to_owned()
    } else {
        format!(
            "Import {}, so that the plan shows what changes. {}\n\nOr set on_conflict = \"overwrite\" to replace the stored \
             values with those of this configuration. If this resource itself is being replaced, leave its keys unchanged \
             and change them in a second apply, and use neither create_before_destroy nor -refresh=false.",
            it_or_them(keys),
            import_block(&id, managed)
        )
    };
    Diagnostic::error(
        "Variables already exist",
        format!(
            "Nothing was written. {env} already holds {} that this resource is to create: {}. A key belongs to one \
             resource.\n\n{take_over}",
            count(keys.len()),
            listed(keys)
        ),
    )
}

/// Reports keys to write that hold secret references.
pub(super) fn references(env: &EnvPath, keys: &[&str]) -> Diagnostic {
    let them = it_or_them(keys);
    Diagnostic::error(
        "Keys hold secret references",
        format!(
            "Nothing was written: a key holds either a plain value or a secret reference, and a write never turns one into \
             the other. In {env}, this concerns {}: {}.\n\nRemove {them} from this resource, and manage {them} with \
             kontraktor_secret_reference. Or delete what is stored first; if another resource deletes it in this same \
             apply, apply once more.",
            count(keys.len()),
            listed(keys)
        ),
    )
}

/// Adds the remedy for `terraform destroy`, which begins with a plan that cannot tell that it is for a destroy.
pub(super) fn or_destroy(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.detail.push_str(
        "\n\nIf this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and \
         deletes only the keys in the state.",
    );
    diagnostic
}

/// Reports keys to delete that are protected.
pub(super) fn protected(env: &EnvPath, keys: &[&str]) -> Diagnostic {
    Diagnostic::error(
        "Deletion protection is on",
        format!(
            "The plan would delete {} of {env}: {}. To delete {them}, first apply with deletion_protection = false and \
             with {them} still in the configuration, or run `ktr var unprotect {env} {key}`. Then run `terraform plan` \
             again.",
            count(keys.len()),
            listed(keys),
            them = it_or_them(keys),
            key = if let [key] = keys { key } else { "KEY" }
        ),
    )
    .at("deletion_protection")
}

/// Reports more changed keys than one write may hold.
pub(super) fn too_many(env: &EnvPath, keys: usize) -> Diagnostic {
    Diagnostic::error(
        "Too many changed variables",
        format!(
            "{keys} keys of {env} change, and one atomic write takes at most {MAX_BATCH_ITEMS} keys. Apply the change in \
             several steps, or spread the keys over several kontraktor_variables."
        ),
    )
}

/// Reports more changed bytes than one write may hold.
pub(super) fn too_large(env: &EnvPath, bytes: usize) -> Diagnostic {
    Diagnostic::error(
        "Changed variables are too large",
        format!(
            "The changed keys of {env} have {bytes} bytes, and one atomic write takes at most {MAX_MESSAGE_BYTES} bytes (64 \
             MiB). Apply the change in several steps, or spread the keys over several kontraktor_variables."
        ),
    )
}
