//! `ktr project delete`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{confirmation::Confirmation, context::Context, error::CliError, text::counted};

/// Delete a project
///
/// Refused if the project is protected, or holds variables, schemas or environments that someone created.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the project
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
    /// Also delete its environments, variables and schemas, after confirmation; never overrides protection
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(long, short, requires = "force")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let failed = |error| {
        CliError::from(error).hint_missing_project().hint_on(ProblemCode::NotEmpty, || {
            format!(
                "delete its contents first, as listed by `ktr env list {name}` and `ktr schema list {name}`; or add --force"
            )
        })
    };
    let mut contents = String::new();
    if args.force {
        let confirmation = Confirmation::new(args.yes, "add --yes to delete without confirmation")?;
        let project = context
            .client
            .get_project(v1::GetProjectRequest { name: name.to_string() })
            .await
            .map_err(failed)?;
        contents = format!(" with {}", counted(project.environment_count, "environment"));
        if project.schema_count > 0 {
            contents.push_str(&format!(" and {}", counted(project.schema_count, "schema")));
        }
        let question = format!("Delete project {name}{contents}, and all its variables?");
        confirmation.require(&question, &mut context.out).await?;
    }
    let request = v1::DeleteProjectRequest { name: name.to_string(), force: args.force };
    context.client.delete_project(request).await.map_err(failed)?;
    context.out.line(&format!("Deleted project {name}{contents}."))
}
