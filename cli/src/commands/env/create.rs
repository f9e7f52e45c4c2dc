//! `ktr env create`

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Create an environment, or take over one that a write has made
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment, as in infra-demo/dev
    #[arg(value_name = "PROJECT/ENV")]
    environment: EnvPath,
    /// What it is for; 1,024 bytes at most
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Import the variables of another environment; repeat it for more: later ones win, own variables win over all
    #[arg(long = "import", value_name = "PROJECT/ENV")]
    imports: Vec<EnvPath>,
    /// Refuse to delete it until it is unprotected
    #[arg(long)]
    protect: bool,
    /// Create the project too where it does not exist
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
                format!("ktr project create {}, or add --create-project", path.project)
            })
            .hint_on(ProblemCode::AlreadyExists, || {
                format!("look at it with: ktr env show {path}; change it with: ktr env update {path}")
            })
            .hint_imports()
    })?;
    context.out.line(&format!("Created environment {path} at revision {}.", environment.revision))
}
