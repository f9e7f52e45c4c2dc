//! `ktr role list`

use kontraktor_model::access::{Pattern, Subject};
use kontraktor_proto::{
    json::{RoleBinding, RoleBindingList},
    v1,
};

use crate::{
    commands::pages,
    context::Context,
    error::CliError,
    output::Format,
    text::{actor, seconds},
};

/// List the role bindings that you may manage
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only bindings of this subject
    #[arg(long, value_name = "SUBJECT", value_parser = super::parse::<Subject>)]
    to: Option<Subject>,
    /// Only bindings on exactly this pattern
    #[arg(long, value_name = "PATTERN", value_parser = super::parse::<Pattern>)]
    on: Option<Pattern>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let client = &context.client;
    let subject = args.to.map(|subject| subject.to_string()).unwrap_or_default();
    let pattern = args.on.map(|pattern| pattern.to_string()).unwrap_or_default();
    let (bindings, _) = pages::collect(usize::MAX, |page_token, _| {
        let request = v1::ListRoleBindingsRequest {
            subject: subject.clone(),
            pattern: pattern.clone(),
            page_size: 0,
            page_token,
        };
        async move {
            let response = client.list_role_bindings(request).await?;
            Ok((response.bindings, response.next_page_token))
        }
    })
    .await?;
    let role_bindings: Vec<_> = bindings.into_iter().map(RoleBinding::from).collect();
    match args.output {
        Format::Json => context.out.json(&RoleBindingList { role_bindings }),
        Format::Table => context.out.table(
            ["ROLE", "SUBJECT", "PATTERN", "GRANTED", "BY"],
            role_bindings.into_iter().map(|binding| {
                [
                    binding.role.to_owned(),
                    binding.subject,
                    binding.pattern,
                    seconds(binding.created.as_ref()),
                    actor(binding.created.as_ref()),
                ]
            }),
            "No role bindings.",
        ),
    }
}
