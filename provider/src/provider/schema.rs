//! The schema of the provider block.

use tfplugin_proto::value::Type;

use crate::framework::{Attribute, Block, Schema};
use crate::resources::conflict;
use crate::validators;

pub(super) fn schema() -> Schema {
    Schema::new(
        "Manages environment configuration in Kontraktor: Terraform writes it, Terraform and applications read it.",
        vec![
            Attribute::optional(
                "host",
                Type::String,
                "The daemon's address: `https://NAME[:PORT]` for a daemon on the network (port 443 unless given; \
                 `kontraktord` usually listens on 8743), or a socket such as `unix:///path/to/kontraktord.sock`. Defaults \
                 to the environment variable `KONTRAKTOR_HOST`, and otherwise to the socket of the current user's daemon. A \
                 daemon on a socket must run as the current user or as root, unless the environment variable \
                 `KONTRAKTOR_DAEMON_UID` is set to the uid of the user who runs it. `http://` is allowed only to \
                 `localhost`, `127.0.0.1` and `[::1]`.",
            ),
            Attribute::optional(
                "ca_certificate",
                Type::String,
                "The certificates of the authorities that may have signed the daemon's certificate, as PEM or as the path \
                 of a file in PEM. They replace the system's. A daemon that was started with `--tls self-signed` prints \
                 where its own is. Defaults to the environment variable `KONTRAKTOR_CA_CERTIFICATE`, and otherwise to the \
                 authorities that the system trusts.",
            ),
            Attribute::optional(
                "client_certificate",
                Type::String,
                "The client certificate to show to the daemon, as PEM or as the path of a file in PEM. Requires \
                 `client_key`. Defaults to the environment variable `KONTRAKTOR_CLIENT_CERTIFICATE`. A file is read again \
                 for each new connection, so that a certificate may be renewed during a long apply.",
            ),
            Attribute::optional(
                "client_key",
                Type::String,
                "The private key of `client_certificate`, as PEM or as the path of a file in PEM. Defaults to the \
                 environment variable `KONTRAKTOR_CLIENT_KEY`.",
            )
            .sensitive(),
            Attribute::optional(
                "oauth_token",
                Type::String,
                "The access token to send with every request. Defaults to the environment variable `KONTRAKTOR_TOKEN`. The \
                 local socket needs no token. Cannot be combined with `client_id`.",
            )
            .sensitive(),
            Attribute::optional(
                "client_id",
                Type::String,
                "The client ID of a service account. The provider exchanges `client_id` and `client_secret` for an access \
                 token when it needs one, and renews the token during a long apply. Defaults to the environment variable \
                 `KONTRAKTOR_CLIENT_ID`. Cannot be combined with `oauth_token`.",
            ),
            Attribute::optional(
                "client_secret",
                Type::String,
                "The secret that belongs to `client_id`. Defaults to the environment variable `KONTRAKTOR_CLIENT_SECRET`.",
            )
            .sensitive(),
            Attribute::optional(
                "token_url",
                Type::String,
                "The token endpoint for `client_id` and `client_secret`, such as `https://NAME/oauth/token`. Its certificate \
                 is checked as the daemon's is. Defaults to the environment variable `KONTRAKTOR_TOKEN_URL`, and otherwise \
                 to the daemon's own token endpoint.",
            ),
            Attribute::optional(
                "timeout",
                Type::String,
                "The maximum duration of one call, retries included, such as `\"60s\"` or `\"2m\"`. At most 1h. \
                 Defaults to the environment variable `KONTRAKTOR_TIMEOUT`, and otherwise to `\"60s\"`.",
            )
            .validator(validators::timeout),
            Attribute::optional(
                "create_missing",
                Type::Bool,
                "Whether writing a variable creates its project and environment if they do not exist. Defaults to \
                 `true`.",
            ),
            Attribute::optional(
                "on_conflict",
                Type::String,
                "What resources do when an object was changed after the plan was made, or already exists when it is \
                 to be created: `\"fail\"` writes nothing and reports the difference, `\"overwrite\"` writes anyway \
                 and takes over what exists. Each resource can override this. Defaults to `\"fail\"`.",
            )
            .validator(conflict::on_conflict),
        ],
    )
    .block(Block::single(
        "batch",
        "How writes of variables are combined into requests. The defaults suit most configurations.",
        vec![
            Attribute::optional(
                "window_ms",
                Type::Number,
                "How long a write waits for other writes to join its request, in milliseconds, from 0 to 100. While \
                 callers of an earlier request are expected back, it waits for them for up to another 100 ms. `0` \
                 sends every write at once and separately. Defaults to `3`.",
            )
            .validator(validators::window_ms),
            Attribute::optional(
                "max_items",
                Type::Number,
                "The maximum number of writes in one request, from 1 to 10,000. Defaults to `10000`.",
            )
            .validator(validators::max_items),
        ],
    ))
}
