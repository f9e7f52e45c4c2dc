//! The command line, as clap parses it. The values are checked in `config`.

use std::{path::PathBuf, str::FromStr};

use clap::{
    ArgGroup, Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser},
};
use kontraktor_domain::Hash;
use kontraktor_model::{access::Subject, names::AccountName};

const EXIT_CODES: &str = "\
Configuration, by precedence: flags, environment variables, the configuration file, defaults.
The file is TOML, with the settings data-dir, socket, log, log-format, listen, public-url and
cors-origins, and tables [tls], [connections], [tokens], [limits], [[issuer]],
[[client-certificate]] and [[vault]].

Signals: SIGTERM and SIGINT stop the daemon once running requests are answered, within 10 seconds;
a second signal stops it at once. SIGHUP clears the caches of secrets and reads the configuration
again: `log`, [tls], [limits], [[issuer]], [[client-certificate]] and [[vault]] change at once, the
other settings with the next start. Changed files of [tls] are also noticed without a signal.

Exit codes:
  0  success
  1  a failure while running
  2  the command line or the configuration is invalid; nothing was changed
  3  another process uses the data directory, the socket or a port
  4  the data cannot be used (damaged, missing, or of a newer version); nothing was changed
  5  `audit verify` found a damaged log, or another row than the expected one
  6  `vault check` found the vault unusable";

/// The Kontraktor daemon: owner of the store, the audit log and the API.
///
/// Without arguments it serves on a unix socket that only its user can reach, and prints where.
#[derive(Debug, Parser)]
#[command(name = "kontraktord", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// The options of every command.
    #[command(flatten)]
    pub options: Options,

    /// The options of serving.
    #[command(flatten)]
    pub network: NetworkOptions,

    /// Print each setting and its source, and exit
    #[arg(long)]
    pub check_config: bool,

    /// The command; by default, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// The directory of the database and the lock
    ///
    /// [env: KONTRAKTOR_DATA_DIR]
    /// [default: $XDG_STATE_HOME/kontraktor, else ~/.local/state/kontraktor]
    #[arg(long, value_name = "DIR", global = true, verbatim_doc_comment)]
    pub data_dir: Option<PathBuf>,

    /// The unix socket to serve on, in a directory of mode 0700
    ///
    /// [env: KONTRAKTOR_SOCKET]
    /// [default: $XDG_RUNTIME_DIR/kontraktor/kontraktord.sock,
    ///  else /tmp/kontraktor-UID/kontraktord.sock (TMPDIR instead of /tmp where it is set)]
    #[arg(long, value_name = "PATH", global = true, verbatim_doc_comment)]
    pub socket: Option<PathBuf>,

    /// The configuration file, which must exist when it is named
    ///
    /// [env: KONTRAKTOR_CONFIG]
    /// [default: $XDG_CONFIG_HOME/kontraktor/kontraktord.toml,
    ///  else ~/.config/kontraktor/kontraktord.toml]
    #[arg(long, value_name = "FILE", global = true, verbatim_doc_comment)]
    pub config: Option<PathBuf>,

    /// What to log to standard error: error, warn, info, debug, trace,
    /// or directives such as `info,kontraktor_api=debug`
    ///
    /// [env: KONTRAKTOR_LOG]
    /// [default: info]
    #[arg(long, value_name = "LEVEL", global = true, verbatim_doc_comment)]
    pub log: Option<String>,

    /// How to log; auto is text on a terminal and json otherwise
    ///
    /// [env: KONTRAKTOR_LOG_FORMAT]
    /// [default: auto]
    #[arg(long, value_name = "FORMAT", global = true, verbatim_doc_comment, value_parser = log_formats())]
    pub log_format: Option<String>,
}

/// Options of serving on the network.
#[derive(Debug, Default, Args)]
pub struct NetworkOptions {
    /// An address and a port to serve on besides the socket (repeatable); port 0 is one that the system chooses
    ///
    /// Addresses that other machines can reach need TLS. The daemon's usual port is 8743.
    ///
    /// [env: KONTRAKTOR_LISTEN, separated by commas]
    #[arg(long, value_name = "ADDR:PORT", verbatim_doc_comment)]
    pub listen: Vec<String>,

    /// Where the certificate of --listen comes from
    ///
    /// [env: KONTRAKTOR_TLS]
    /// [default: files where the configuration file has a table `[tls]`, else no TLS]
    #[arg(long, value_name = "MODE", verbatim_doc_comment, value_parser = tls_modes())]
    pub tls: Option<String>,

    /// A name or an address that the certificate of `--tls self-signed` is for, besides those of this host (repeatable)
    ///
    /// [env: KONTRAKTOR_TLS_NAMES, separated by commas]
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub tls_name: Vec<String>,
}

fn tls_modes() -> PossibleValuesParser {
    PossibleValuesParser::new([
        PossibleValue::new("self-signed").help("From an authority of the daemon's own, in DATA_DIR/tls"),
        PossibleValue::new("files").help("From the files that the table `[tls]` names"),
    ])
}

fn log_formats() -> PossibleValuesParser {
    PossibleValuesParser::new([
        PossibleValue::new("auto").help("Text on a terminal, JSON otherwise"),
        PossibleValue::new("text").help("Text for people"),
        PossibleValue::new("json").help("One JSON object per line"),
    ])
}

/// What `kontraktord` can do besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work with the log of everything that was written
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Work with the vaults that secrets come from
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Make the first owner, who can grant roles from then on
    ///
    /// Asks the running daemon over its socket, as the user that it runs as. Refused where somebody owns everything already.
    Bootstrap(BootstrapArgs),
}

/// The arguments of `bootstrap`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("first_owner").required(true).args(["owner", "service_account"]))]
pub struct BootstrapArgs {
    /// Grant the role owner on `*` to this subject: an actor such as `ISSUER:SUBJECT`, or `group:ISSUER:GROUP`
    #[arg(long, value_name = "SUBJECT")]
    pub owner: Option<Subject>,
    /// Create a service account with every scope and the role owner on `*`, and print its credentials
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<AccountName>,
    /// Do it although somebody owns everything already
    #[arg(long)]
    pub again: bool,
}

/// `kontraktord vault …`
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Sign in to a configured vault and report what works
    ///
    /// Reads no secret. A running daemon is not involved: this is what it would find when it starts.
    Check(CheckArgs),
}

/// The arguments of `vault check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The vault's name in the configuration
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `kontraktord audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the log from its first row and check that no row is missing or altered
    ///
    /// Prints the head as SEQ:HASH; keep it elsewhere, and give it to --expect later to prove that the log
    /// still contains what it contained then. While a daemon runs on the data directory, it is asked.
    Verify(VerifyArgs),
}

/// The arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Also require that row SEQ has the hash HASH (64 lower-case hexadecimal digits)
    #[arg(long, value_name = "SEQ:HASH")]
    pub expect: Option<Expect>,
}

/// A row of the log and the hash that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The row's place in the sequence, from 1.
    pub sequence: u64,
    /// Over that row and the hash of the row before.
    pub hash: Hash,
}

impl FromStr for Expect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "write it as `kontraktord audit verify` prints it: a row number from 1, a colon, and \
                    64 lower-case hexadecimal digits";
        let (sequence, hash) = text.split_once(':').ok_or(rule)?;
        let sequence = sequence.parse::<u64>().ok().filter(|sequence| *sequence > 0).ok_or(rule)?;
        let hash = hash.parse().map_err(|_| rule)?;
        Ok(Self { sequence, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn expect_takes_what_verify_prints() {
        let hash = "ab".repeat(32);
        let expect: Expect = format!("17:{hash}").parse().unwrap();
        assert_eq!((expect.sequence, expect.hash.to_string()), (17, hash));
    }

    #[test]
    fn expect_refuses_everything_else() {
        for text in ["", "17", "0:", ":ab", "17:ab", "x:00", &format!("0:{}", "ab".repeat(32))] {
            assert!(text.parse::<Expect>().is_err(), "{text}");
        }
        assert!(format!("17:{}", "AB".repeat(32)).parse::<Expect>().is_err());
    }

    #[test]
    fn options_are_accepted_after_the_command_too() {
        let cli = Cli::try_parse_from(["kontraktord", "audit", "verify", "--data-dir", "/d"]).unwrap();
        assert_eq!(cli.options.data_dir, Some(PathBuf::from("/d")));
    }
}
