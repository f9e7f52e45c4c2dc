//! `ktr status`

use kontraktor_proto::{json::Status, v1};

use crate::{context::Context, error::CliError, output::Format};

/// Show what the daemon is and how it does
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let answer = context.client.get_status(v1::GetStatusRequest {}).await?;
    let status = Status::new(context.client.options().host.to_string(), answer);
    if args.output == Format::Json {
        return context.out.json(&status);
    }
    let writable = match (status.writable, status.trouble) {
        (true, _) => "yes".to_owned(),
        (false, trouble) => format!("no: {}", trouble.unwrap_or_default()),
    };
    for (name, value) in [
        ("host", status.host),
        ("version", status.version),
        ("started", status.started.unwrap_or_default()),
        ("data directory", status.data_dir),
        ("store", format!("{}, tables of version {}", status.store_version, status.schema_version)),
        ("projects", status.projects.to_string()),
        ("environments", status.environments.to_string()),
        ("variables", status.variables.to_string()),
        ("log", format!("{} rows, head {}", status.head_sequence, status.head_hash)),
        ("you are", status.actor),
        ("writable", writable),
    ] {
        context.out.line(&format!("{name:<16}{value}"))?;
    }
    Ok(())
}
