//! `ktr role revoke`

use kontraktor_model::access::{Pattern, Role, Subject};
use kontraktor_proto::v1;

use crate::{
    context::Context,
    error::{CliError, Kind},
};

/// Revoke a role
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Role: viewer, editor, secret-reader or owner
    #[arg(value_name = "ROLE", value_parser = super::parse::<Role>)]
    role: Role,
    /// Who has it, as `ktr role list` shows it
    #[arg(long, alias = "to", value_name = "SUBJECT", value_parser = super::parse::<Subject>)]
    from: Subject,
    /// What it is about, as `ktr role list` shows it
    #[arg(long, value_name = "PATTERN", value_parser = super::parse::<Pattern>)]
    on: Pattern,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let Args { role, from, on } = args;
    let request = v1::RevokeRoleRequest {
        role: v1::Role::from(role).into(),
        subject: from.to_string(),
        pattern: on.to_string(),
    };
    context.client.revoke_role(request).await.map_err(|error| {
        CliError::from(error)
            .hint_for(Kind::NotFound, || "list the role bindings with `ktr role list`".to_owned())
    })?;
    context.out.line(&format!("Revoked {role} on {on} from {from}."))
}
