//! `ktr env create`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Create an environment, or adopt one that a write created
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Environment, such as infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// Description of the environment, at most 1,024 bytes
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Import another environment's variables (repeatable); later imports win, own variables override all
    #[arg(long = "import", value_name = "PROJECT/ENV")]
    imports: Vec<EnvPath>,
    /// Protect the environment from deletion
    #[arg(long)]
    protect: bool,
    /// Create the project if it does not exist
    #[arg(long)]
    create_project: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let path = args.environment;
    let request = v1::CreateEnvironmentRequest {
        name: Some(v1::EnvironmentName::from(&path)),
        description: args.description,
        create_missing: args.create_project,
        deletion_protection: args.protect,
        imports: args.imports.iter().map(v1::EnvironmentName::from).collect(),
        adopt_existing: false,
    };
    let environment = context.client.create_environment(request).await.map_err(|error| {
        CliError::from(error)
            .hint_for(Kind::NotFound, || {
                format!(
                    "create the project with `ktr project create {}`, or add --create-project",
                    path.project
                )
            })
            .hint_on(ProblemCode::AlreadyExists, || {
                format!("show it with `ktr env show {path}`, or change it with `ktr env update {path}`")
            })
            .hint_missing_import()
    })?;
    context.out.line(&format!("Created environment {path} at revision {}.", environment.revision))
}
