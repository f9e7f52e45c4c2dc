//! Variables and snapshots.

use kontraktor_domain::{Environment, Refusal, SeenVersion, Variable, VariableKind};
use kontraktor_model::{limits::MAX_ANSWER_BYTES, names::EnvPath, reference::Reference};
use kontraktor_proto::v1;
use kontraktor_service::{Entry, Snapshot};

use super::{authorship, names::import_names, time::timestamp};

/// A variable with its origin: the environment that owns it, at that environment's revision.
pub(crate) fn variable(
    variable: &Variable,
    seen: Option<&SeenVersion>,
    origin: &EnvPath,
    origin_revision: u64,
) -> v1::Variable {
    let content = match variable.kind {
        VariableKind::Value(_) => v1::variable::Content::Value(variable.value.to_string()),
        VariableKind::Reference => v1::variable::Content::Reference(reference(&variable.value, seen)),
    };
    v1::Variable {
        key: variable.key.to_string(),
        r#type: value_type_of(variable.kind).into(),
        content: Some(content),
        description: variable.description.to_string(),
        revision: variable.revision,
        written: Some(authorship(&variable.written)),
        origin: Some(v1::Origin { environment: Some(origin.into()), revision: origin_revision }),
        deletion_protection: variable.protected,
    }
}

/// An own variable of an environment.
pub(crate) fn own(environment: &Environment, found: &Variable) -> v1::Variable {
    variable(found, environment.seen_version(found), &environment.path, environment.revision)
}

fn reference(url: &str, seen: Option<&SeenVersion>) -> v1::SecretReference {
    let parsed = url.parse::<Reference>();
    v1::SecretReference {
        url: url.to_owned(),
        vault: parsed.map(|reference| reference.vault().to_string()).unwrap_or_default(),
        version: seen.map(|seen| seen.version.to_string()).unwrap_or_default(),
        version_seen_time: seen.map(|seen| timestamp(seen.since)),
    }
}

pub(super) fn value_type_of(kind: VariableKind) -> v1::ValueType {
    kind.value_type().map_or(v1::ValueType::Unspecified, v1::ValueType::from)
}

/// A snapshot without its variables, for clients that have them already.
pub(crate) fn not_modified(snapshot: &Snapshot) -> v1::Snapshot {
    v1::Snapshot { not_modified: true, ..bare(snapshot) }
}

/// A snapshot with the variables whose keys begin with `prefix`. Refused where no message could hold them.
pub(crate) fn snapshot(snapshot: &Snapshot, prefix: &str) -> Result<v1::Snapshot, Refusal> {
    let entries = snapshot.variables(prefix);
    let bytes: usize = entries.iter().map(weigh).sum();
    if bytes > MAX_ANSWER_BYTES {
        let (path, count) = (&snapshot.environment().path, entries.len());
        return Err(Refusal::invalid(
            "prefix",
            format!(
                "{count} variables of environment \"{path}\" take {bytes} bytes; the limit of an answer is \
                 {MAX_ANSWER_BYTES} (1 GiB)"
            ),
        )
        .remedy("read them in parts, by a prefix of their keys"));
    }
    let variables = entries
        .iter()
        .map(|Entry { variable: found, origin }| {
            variable(found, origin.seen_version(found), &origin.path, origin.revision)
        })
        .collect();
    Ok(v1::Snapshot { variables, ..bare(snapshot) })
}

/// Returns the maximum size of a variable in a message: its texts, its names, and 128 bytes for numbers, times and tags.
fn weigh(entry: &Entry<'_>) -> usize {
    let Entry { variable, origin } = entry;
    let text = variable.key.as_str().len() + variable.value.len() + variable.description.len();
    let origin = origin.path.project.as_str().len() + origin.path.env.as_str().len();
    text + origin + variable.written.actor.len() + variable.written.via.len() + 128
}

fn bare(snapshot: &Snapshot) -> v1::Snapshot {
    let environment = snapshot.environment();
    v1::Snapshot {
        name: Some((&environment.path).into()),
        revision: environment.revision,
        version: snapshot.version(),
        not_modified: false,
        variables: Vec::new(),
        imports: import_names(&environment.imports),
        description: environment.description.to_string(),
    }
}
