//! `ktr project list`

use kontraktor_proto::{
    json::{Project, ProjectList},
    v1,
};

use crate::{
    commands::pages,
    context::Context,
    error::CliError,
    output::Format,
    text::{seconds, yes_or_empty, yes_or_no},
};

/// List projects
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let (projects, _) = pages::collect(usize::MAX, |page_token, _| async move {
        let response = client.list_projects(v1::ListProjectsRequest { page_size: 0, page_token }).await?;
        Ok((response.projects, response.next_page_token))
    })
    .await?;
    let projects: Vec<_> = projects.into_iter().map(Project::from).collect();
    match args.output {
        Format::Json => context.out.json(&ProjectList { projects }),
        Format::Table => context.out.table_with_optional(
            &["SCHEMAS", "PROTECTED"],
            ["PROJECT", "ENVIRONMENTS", "SCHEMAS", "IMPLICIT", "PROTECTED", "CREATED", "DESCRIPTION"],
            projects.into_iter().map(|project| {
                let schemas =
                    if project.schema_count == 0 { String::new() } else { project.schema_count.to_string() };
                [
                    project.name,
                    project.environment_count.to_string(),
                    schemas,
                    yes_or_no(project.implicit),
                    yes_or_empty(project.deletion_protection),
                    seconds(project.created.as_ref()),
                    project.description,
                ]
            }),
            "No projects.",
        ),
    }
}
