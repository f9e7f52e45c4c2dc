//! `ktr schema set`

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use kontraktor_model::{
    limits::MAX_SCHEMA_BYTES,
    names::{ProjectName, SchemaName},
};
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Attach a JSON Schema to the keys of a project that match, or replace one
///
/// From then on no variable of the project can break it. It is refused where a variable already does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// The schema's name: 1 to 63 characters of a-z, 0-9 and "-"
    #[arg(value_name = "NAME")]
    name: SchemaName,
    /// A regular expression that must match the whole key, as in DB_.* or .*_PORT
    #[arg(long, value_name = "REGEX")]
    key_pattern: String,
    /// The file with the JSON Schema (draft 2020-12), 64 KiB at most; - is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Create the project too where it does not exist
    #[arg(long)]
    create_project: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let (project, name) = (args.project, args.name);
    let schema = if args.file == Path::new("-") {
        read("standard input", io::stdin().lock())?
    } else {
        let path = args.file.display().to_string();
        let file = File::open(&args.file)
            .map_err(|error| CliError::usage(format!("schema: cannot open {path}: {error}")))?;
        read(&path, file)?
    };

    // Only for what is said afterwards: the write itself makes it so whatever stands there.
    let request = v1::GetSchemaRequest { project: project.to_string(), name: name.to_string() };
    let before = match context.client.get_schema(request).await {
        Ok(before) => Some(before),
        Err(error) if error.problem().is_some_and(|problem| problem.code() == ProblemCode::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let request = v1::CreateSchemaRequest {
        project: project.to_string(),
        name: name.to_string(),
        key_pattern: args.key_pattern,
        schema,
        create_missing: args.create_project,
        adopt_existing: true,
    };
    let after = context.client.create_schema(request).await.map_err(|error| {
        CliError::from(error)
            .hint_for(Kind::NotFound, || format!("ktr project create {project}, or add --create-project"))
    })?;
    let done = match before {
        None => "Created",
        Some(before) if before.changed == after.changed => "Nothing to change in",
        Some(_) => "Changed",
    };
    context.out.line(&format!(
        "{done} schema {name} of project {project}, for keys that match {}.",
        after.key_pattern
    ))
}

/// The text, to the byte.
fn read(source: &str, reader: impl Read) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    // One byte more than is allowed shows that there is more; the rest of something endless is never read.
    reader
        .take(u64::try_from(MAX_SCHEMA_BYTES + 1).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::usage(format!("schema: cannot read {source}: {error}")))?;
    if bytes.len() > MAX_SCHEMA_BYTES {
        return Err(CliError::usage(format!(
            "schema: {source} is too long: a schema has at most {MAX_SCHEMA_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CliError::usage(format!("schema: {source} is not valid UTF-8 at byte {at}"))
            .hint("JSON is always UTF-8: save the file as that")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_schema_is_refused_before_anything_is_sent() {
        let full = vec![b' '; MAX_SCHEMA_BYTES];
        assert_eq!(read("file", full.as_slice()).expect("just short enough").len(), MAX_SCHEMA_BYTES);
        assert!(read("file", [full.as_slice(), b" "].concat().as_slice()).is_err());
        assert!(read("file", b"{\xff}".as_slice()).is_err());
    }
}
