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

/// Attach a JSON Schema to keys of a project, or replace one
///
/// From then on, writes that violate the schema are refused. A schema that an existing variable violates is refused too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    project: ProjectName,
    /// Name of the schema: 1 to 63 characters of a-z, 0-9 and "-"
    #[arg(value_name = "NAME")]
    name: SchemaName,
    /// Regular expression that must match the whole key, such as DB_.* or .*_PORT
    #[arg(long, value_name = "REGEX")]
    key_pattern: String,
    /// File with the JSON Schema (draft 2020-12), at most 64 KiB; - for standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Create the project if it does not exist
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
            .map_err(|error| CliError::usage(format!("cannot open schema {path}: {error}")))?;
        read(&path, file)?
    };

    // Only for the report: the write succeeds whether the schema exists or not.
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
        CliError::from(error).hint_for(Kind::NotFound, || {
            format!("create the project with `ktr project create {project}`, or add --create-project")
        })
    })?;
    let pattern = after.key_pattern;
    context.out.line(&match before {
        None => format!("Created schema {name} in project {project}, for keys matching {pattern}."),
        Some(before) if before.changed == after.changed => {
            format!("No changes to schema {name} in project {project}, for keys matching {pattern}.")
        }
        Some(_) => format!("Updated schema {name} in project {project}, for keys matching {pattern}."),
    })
}

/// Reads the schema's text, byte for byte.
fn read(source: &str, reader: impl Read) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    // One byte above the limit shows that there is more; the rest of an endless source is never read.
    reader
        .take(u64::try_from(MAX_SCHEMA_BYTES + 1).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::usage(format!("cannot read schema {source}: {error}")))?;
    if bytes.len() > MAX_SCHEMA_BYTES {
        return Err(CliError::usage(format!(
            "{source} is too long; the limit for a schema is {MAX_SCHEMA_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CliError::usage(format!("schema {source} is not valid UTF-8 at byte {at}"))
            .hint("save the file as UTF-8")
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
