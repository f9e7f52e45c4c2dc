//! `ktr status`

use kontraktor_proto::{json::Status, v1};

use crate::{context::Context, error::CliError, output::Format, text::with_name};

/// Show the status of the daemon
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn run(args: Args, context: &mut Context) -> Result<(), CliError> {
    let response = context.client.get_status(v1::GetStatusRequest {}).await?;
    let status = Status::new(context.client.options().host.to_string(), response);
    if args.output == Format::Json {
        return context.out.json(&status);
    }
    let writable = match (status.writable, status.write_error) {
        (true, _) => "yes".to_owned(),
        (false, reason) => format!("no: {}", reason.unwrap_or_default()),
    };
    let log = match status.head_hash.as_str() {
        "" => "0 rows".to_owned(),
        head => format!("{} rows, head {head}", status.head_sequence),
    };
    let actor = with_name(status.actor, status.display_name.as_deref());
    for (name, value) in [
        ("host", status.host),
        ("version", status.version),
        ("started", status.start_time.unwrap_or_default()),
        ("data directory", status.data_dir),
        ("store", format!("{}, schema version {}", status.store_version, status.schema_version)),
        ("projects", status.project_count.to_string()),
        ("environments", status.environment_count.to_string()),
        ("variables", status.variable_count.to_string()),
        ("references", status.secret_reference_count.to_string()),
        ("log", log),
        ("actor", actor),
        ("writable", writable),
    ] {
        // The daemon does not tell everybody where it keeps its data.
        if value.is_empty() {
            continue;
        }
        context.out.line(&format!("{name:<16}{value}"))?;
    }
    Ok(())
}
