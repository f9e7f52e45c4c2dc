//! `ktr project delete`

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1::{self, ProblemCode};

use super::LIST;
use crate::{
    commands::counted,
    confirm::Confirmation,
    context::Context,
    error::{CliError, Kind},
};

/// Delete a project; refused while it holds variables, schemas or environments that someone created, or is protected
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project's name
    #[arg(value_name = "PROJECT")]
    name: ProjectName,
    /// Delete its environments, variables and schemas with it; asks before. Never overrides a protection
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long, short, requires = "force")]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let name = args.name;
    let failed = |error| {
        CliError::from(error).hint_for(Kind::NotFound, || LIST.to_owned()).hint_on(
            ProblemCode::NotEmpty,
            || {
                format!(
                    "delete what it holds first: ktr env list {name}, ktr schema list {name}; or add --force"
                )
            },
        )
    };
    let mut lost = String::new();
    if args.force {
        let confirmation = Confirmation::new(args.yes, "add --yes to delete without being asked")?;
        let project = context
            .client
            .get_project(v1::GetProjectRequest { name: name.to_string() })
            .await
            .map_err(failed)?;
        lost = format!(" with {}", counted(project.environments, "environment"));
        if project.schemas > 0 {
            lost.push_str(&format!(" and {}", counted(project.schemas, "schema")));
        }
        let question = format!("Delete project {name}{lost}, and every variable in it?");
        confirmation.require(&question, &mut context.out).await?;
    }
    let request = v1::DeleteProjectRequest { name: name.to_string(), force: args.force };
    context.client.delete_project(request).await.map_err(failed)?;
    context.out.line(&format!("Deleted project {name}{lost}."))
}
