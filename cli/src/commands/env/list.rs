//! `ktr env list`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::{
    json::{Environment, EnvironmentList},
    v1,
};

use crate::{
    commands::{pages, yes, yes_no},
    context::Context,
    error::{CliError, Kind},
    output::Format,
    text::seconds,
};

/// List the environments of one project, or of all
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this project's
    #[arg(value_name = "PROJECT")]
    project: Option<ProjectName>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let project = args.project.map(String::from).unwrap_or_default();
    let (environments, _) = pages::collect(usize::MAX, |page_token, _| {
        let request = v1::ListEnvironmentsRequest { project: project.clone(), page_size: 0, page_token };
        async move {
            let answer = client.list_environments(request).await?;
            Ok((answer.environments, answer.next_page_token))
        }
    })
    .await
    .map_err(|error| {
        CliError::from(error).hint_for(Kind::NotFound, || "list them with: ktr project list".to_owned())
    })?;
    let environments: Vec<_> = environments.into_iter().map(Environment::from).collect();
    match args.output {
        Format::Json => context.out.json(&EnvironmentList { environments }),
        Format::Table => context.out.table_without(
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
                    environment.variables.to_string(),
                    match environment.secret_references {
                        0 => String::new(),
                        references => references.to_string(),
                    },
                    environment.revision.to_string(),
                    yes_no(environment.implicit),
                    yes(environment.deletion_protection),
                    environment.created.as_ref().map(seconds).unwrap_or_default(),
                    environment.imports.join(", "),
                    environment.description,
                ]
            }),
            "There are no environments.",
        ),
    }
}
