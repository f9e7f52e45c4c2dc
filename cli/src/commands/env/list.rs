//! `ktr env list`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::{
    json::{Environment, EnvironmentList},
    v1,
};

use crate::{
    commands::pages,
    context::Context,
    error::CliError,
    output::Format,
    text::{seconds, yes_or_empty, yes_or_no},
};

/// List environments
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only environments of this project
    #[arg(value_name = "PROJECT")]
    project: Option<ProjectName>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let project = args.project.map(String::from).unwrap_or_default();
    let (environments, _) = pages::collect(usize::MAX, |page_token, _| {
        let request = v1::ListEnvironmentsRequest { project: project.clone(), page_size: 0, page_token };
        async move {
            let response = client.list_environments(request).await?;
            Ok((response.environments, response.next_page_token))
        }
    })
    .await
    .map_err(|error| CliError::from(error).hint_missing_project())?;
    let environments: Vec<_> = environments.into_iter().map(Environment::from).collect();
    match args.output {
        Format::Json => context.out.json(&EnvironmentList { environments }),
        Format::Table => context.out.table_with_optional(
            &["SECRETS", "PROTECTED", "IMPORTS"],
            [
                "ENVIRONMENT",
                "VARIABLES",
                "SECRETS",
                "REVISION",
                "IMPLICIT",
                "PROTECTED",
                "CREATED",
                "IMPORTS",
                "DESCRIPTION",
            ],
            environments.into_iter().map(|environment| {
                [
                    format!("{}/{}", environment.project, environment.env),
                    environment.variable_count.to_string(),
                    match environment.secret_reference_count {
                        0 => String::new(),
                        references => references.to_string(),
                    },
                    environment.revision.to_string(),
                    yes_or_no(environment.implicit),
                    yes_or_empty(environment.deletion_protection),
                    seconds(environment.created.as_ref()),
                    environment.imports.join(", "),
                    environment.description,
                ]
            }),
            "No environments.",
        ),
    }
}
