//! Diagnostics for a key that holds a secret reference where a plain value is expected, or the other way round.

use kontraktor_proto::v1::ProblemCode;

use crate::{framework::Diagnostic, key_kind::KeyKind, session::SessionError};

/// Returns whether a write of `kind` was refused because the key holds the other kind. Where the write expected the key
/// to be absent, the daemon reports what the key holds; otherwise there is no other reason for this refusal.
pub(crate) fn holds_other_kind(kind: KeyKind, error: &SessionError) -> bool {
    let problem = error.problem().filter(|problem| problem.code() == ProblemCode::KeyExists);
    problem.is_some_and(|problem| problem.current.as_ref().is_none_or(|current| KeyKind::of(current) != kind))
}

/// Reports that the key holds the other kind than `kind`, so nothing was written.
pub(crate) fn key_of_other_kind(kind: KeyKind, id: &str) -> Diagnostic {
    let (ours, theirs) = (kind.contrasted(), kind.other().contrasted());
    Diagnostic::error(
        format!("Key holds a {theirs}"),
        format!(
            "{id} is a {theirs}. Nothing was written: a key holds either a plain value or a secret reference, and a write \
             never turns one into the other.\n\nTo manage the {theirs} with this configuration, import it (replace NAME \
             with the resource's name):\n\n{}\n\nTo store a {ours} instead, delete the {theirs} first, or choose another \
             key. If another resource deletes it in this same apply, apply once more.",
            import_block(kind.other(), id)
        ),
    )
    .at("key")
}

/// Reports an import of a key that holds the other kind than `kind`.
pub(crate) fn import_of_other_kind(kind: KeyKind, id: &str) -> Diagnostic {
    let theirs = kind.other().contrasted();
    Diagnostic::error(
        "Wrong resource type for import",
        format!(
            "{id} is a {theirs}, and {} manages {}s. Import it with the matching resource (replace NAME with the \
             resource's name):\n\n{}",
            kind.resource(),
            kind.contrasted(),
            import_block(kind.other(), id)
        ),
    )
}

fn import_block(kind: KeyKind, id: &str) -> String {
    format!("import {{\n  to = {}.NAME\n  id = \"{id}\"\n}}", kind.resource())
}
