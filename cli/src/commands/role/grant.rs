//! `ktr role grant`

use kontraktor_model::access::{Pattern, Role, Subject};
use kontraktor_proto::v1;

use crate::{context::Context, error::CliError};

/// Grant a role on projects and environments
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Role: viewer, editor, secret-reader or owner
    #[arg(value_name = "ROLE", value_parser = super::parse::<Role>)]
    role: Role,
    /// Who gets it: service-account:NAME, group:ISSUER:GROUP, or an actor as the audit log shows it
    #[arg(long, value_name = "SUBJECT", value_parser = super::parse::<Subject>)]
    to: Subject,
    /// What it is about: * (everything), PROJECT/*, */ENV or PROJECT/ENV
    #[arg(long, value_name = "PATTERN", value_parser = super::parse::<Pattern>)]
    on: Pattern,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let Args { role, to, on } = args;
    let request = v1::GrantRoleRequest {
        role: v1::Role::from(role).into(),
        subject: to.to_string(),
        pattern: on.to_string(),
    };
    let response = context.client.grant_role(request).await?;
    for warning in &response.warnings {
        context.out.warning(warning)?;
    }
    context.out.line(&if response.created {
        format!("Granted {role} on {on} to {to}.")
    } else {
        format!("{to} already has {role} on {on}.")
    })
}
