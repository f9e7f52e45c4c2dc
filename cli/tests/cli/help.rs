//! Help, usage errors, completions.

use super::world::World;

/// Returns help without the trailing spaces that clap prints.
fn help(arguments: &[&str]) -> String {
    World::without_daemon().ok(arguments).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_shows_commands_and_exit_codes() {
    let help = help(&["help"]);
    insta::assert_snapshot!(help, @"
    Manage projects, environments, variables and secret references in Kontraktor

    Usage: ktr [OPTIONS] <COMMAND>

    Commands:
      project          Manage projects
      env              Manage, compare and roll back environments
      var              Read, write and protect variables
      run              Run a command with an environment's variables and secrets
      secret           Set, read and check secret references
      vault            Show the vaults that secrets come from
      schema           Attach JSON Schemas to the keys of a project
      role             Grant and revoke roles
      service-account  Manage the service accounts of pipelines
      audit            Show the audit log, newest entries first
      status           Show the status of the daemon
      completions      Print a shell completion script
      help             Print this message or the help of the given subcommand(s)

    Options:
          --host <HOST>         Address of the daemon: https://NAME[:PORT] or
                                unix:///path/to/kontraktord.sock [default: the local daemon's socket]
                                [env: KONTRAKTOR_HOST]
          --timeout <DURATION>  Time limit for a request including retries, such as 500ms, 10s or 2m
                                [default: 60s] [env: KONTRAKTOR_TIMEOUT]
      -h, --help                Print help
      -V, --version             Print version

    Options for daemons on the network:
          --ca-certificate <FILE>      File with the authorities that may have signed the daemon's
                                       certificate, in PEM [default: the system's] [env:
                                       KONTRAKTOR_CA_CERTIFICATE]
          --client-certificate <FILE>  File with the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_CERTIFICATE]
          --client-key <FILE>          File with the private key of the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_KEY]
          --client-id <ID>             Client ID of a service account, whose secret is in
                                       KONTRAKTOR_CLIENT_SECRET [env: KONTRAKTOR_CLIENT_ID]
          --token-url <URL>            Token endpoint for the client ID [default: the daemon's] [env:
                                       KONTRAKTOR_TOKEN_URL]

    Environment variables:
      KONTRAKTOR_HOST           Same as --host; the other options of the connection have variables too
      KONTRAKTOR_TOKEN          Access token (not an option: command lines are visible to others)
      KONTRAKTOR_CLIENT_SECRET  Secret of the client ID (not an option either)
      KONTRAKTOR_DAEMON_UID     User whose daemon is trusted, by uid, besides your own and root's
      NO_COLOR                  Disable color

    Exit codes:
      0  Success
      1  Another failure, or not confirmed; with env diff --exit-code, differences found
      2  Invalid command line or value, or an import cycle; nothing was written
      3  Project, environment, variable, schema, revision, vault or secret not found
      4  Already exists, not empty, protected, imported, or changed by someone else
      5  Daemon or token endpoint unreachable; nothing was sent
      6  Outcome unknown: a write was sent, but the response was lost
      7  Try again later: daemon busy, stopping, out of disk space or too slow, or vault unavailable

    ktr run exits with the exit code of the command that it runs: see ktr run --help.
    ");
}

#[test]
fn help_of_set() {
    let help = help(&["var", "set", "--help"]);
    insta::assert_snapshot!(help, @"
    Set variables in an environment

    All variables are set, or none. KEY=VALUE sets VALUE as it is written (KEY= sets an empty value),
    KEY=@FILE the content of the file, KEY=- standard input. Files and standard input must be UTF-8 and
    are kept byte for byte, including a line break at the end.

    Usage: ktr var set [OPTIONS] <PROJECT/ENV> <KEY=VALUE>...

    Arguments:
      <PROJECT/ENV>
              Environment, such as infra-demo/dev

      <KEY=VALUE>...
              Assignments: KEY=VALUE, KEY=@FILE, or KEY=- for standard input

    Options:
          --host <HOST>
              Address of the daemon: https://NAME[:PORT] or unix:///path/to/kontraktord.sock [default:
              the local daemon's socket]

              [env: KONTRAKTOR_HOST]

          --type <TYPE>
              Type of the values: string, number, bool or json [default: the variable's type, or string
              for a new one]

          --description <DESCRIPTION>
              Description of the variables [default: the variable's description]

          --timeout <DURATION>
              Time limit for a request including retries, such as 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

          --protect
              Protect the variables from deletion

          --create
              Create the project and the environment if they do not exist

          --literal
              Use every VALUE as it is written, even if it begins with @ or is -

      -h, --help
              Print help (see a summary with '-h')

    Options for daemons on the network:
          --ca-certificate <FILE>
              File with the authorities that may have signed the daemon's certificate, in PEM [default:
              the system's] [env: KONTRAKTOR_CA_CERTIFICATE]

          --client-certificate <FILE>
              File with the client certificate, in PEM [env: KONTRAKTOR_CLIENT_CERTIFICATE]

          --client-key <FILE>
              File with the private key of the client certificate, in PEM [env: KONTRAKTOR_CLIENT_KEY]

          --client-id <ID>
              Client ID of a service account, whose secret is in KONTRAKTOR_CLIENT_SECRET [env:
              KONTRAKTOR_CLIENT_ID]

          --token-url <URL>
              Token endpoint for the client ID [default: the daemon's] [env: KONTRAKTOR_TOKEN_URL]
    ");
}

#[test]
fn every_group_lists_its_commands() {
    let commands = |group: &str| {
        let help = help(&["help", group]);
        let (_, rest) = help.split_once("Commands:\n").expect("a list of commands");
        let (list, _) = rest.split_once("\n\n").expect("an end of it");
        format!("{group}\n{list}")
    };
    let all: Vec<_> =
        ["project", "env", "var", "secret", "vault", "schema"].into_iter().map(commands).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    project
      create     Create a project, or adopt one that a write created
      protect    Protect a project from deletion
      unprotect  Remove a project's protection from deletion
      delete     Delete a project
      list       List projects
      help       Print this message or the help of the given subcommand(s)
    env
      create     Create an environment, or adopt one that a write created
      update     Change settings of an environment
      protect    Protect an environment from deletion
      unprotect  Remove an environment's protection from deletion
      delete     Delete an environment
      list       List environments
      show       Show the variables of an environment, including imported ones
      diff       Compare two environments, or one at two points in time
      rollback   Restore an environment's own variables, imports and description from an earlier
                 revision
      watch      Print the changes of an environment as they happen
      help       Print this message or the help of the given subcommand(s)
    var
      get        Print the value of a variable
      set        Set variables in an environment
      unset      Delete variables and secret references from an environment
      protect    Protect variables from deletion
      unprotect  Remove variables' protection from deletion
      history    Show the changes of an environment or a variable, newest first
      help       Print this message or the help of the given subcommand(s)
    secret
      get    Print a secret
      set    Set secret references in an environment
      check  Check that the secrets of an environment can be read
      purge  Clear the daemon's cache of secrets
      help   Print this message or the help of the given subcommand(s)
    vault
      list  List the vaults of the daemon's configuration, with their state
      help  Print this message or the help of the given subcommand(s)
    schema
      set     Attach a JSON Schema to keys of a project, or replace one
      list    List the schemas of a project
      show    Print a schema
      delete  Delete a schema; variables are kept
      help    Print this message or the help of the given subcommand(s)
    ");
}

#[test]
fn help_of_rollback_and_diff() {
    insta::assert_snapshot!(help(&["env", "rollback", "--help"]), @"
    Restore an environment's own variables, imports and description from an earlier revision

    Creates a new revision; history is never rewritten. Shows the changes and asks for confirmation
    first. Protection is kept as it is.

    Usage: ktr env rollback [OPTIONS] --to <REVISION> <PROJECT/ENV>

    Arguments:
      <PROJECT/ENV>
              Environment, such as infra-demo/dev

    Options:
          --host <HOST>
              Address of the daemon: https://NAME[:PORT] or unix:///path/to/kontraktord.sock [default:
              the local daemon's socket]

              [env: KONTRAKTOR_HOST]

          --to <REVISION>
              Revision to restore, as listed by ktr var history

          --dry-run
              Show the changes without making them

          --timeout <DURATION>
              Time limit for a request including retries, such as 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

      -y, --yes
              Skip the confirmation

      -h, --help
              Print help (see a summary with '-h')

    Options for daemons on the network:
          --ca-certificate <FILE>
              File with the authorities that may have signed the daemon's certificate, in PEM [default:
              the system's] [env: KONTRAKTOR_CA_CERTIFICATE]

          --client-certificate <FILE>
              File with the client certificate, in PEM [env: KONTRAKTOR_CLIENT_CERTIFICATE]

          --client-key <FILE>
              File with the private key of the client certificate, in PEM [env: KONTRAKTOR_CLIENT_KEY]

          --client-id <ID>
              Client ID of a service account, whose secret is in KONTRAKTOR_CLIENT_SECRET [env:
              KONTRAKTOR_CLIENT_ID]

          --token-url <URL>
              Token endpoint for the client ID [default: the daemon's] [env: KONTRAKTOR_TOKEN_URL]
    ");
    insta::assert_snapshot!(help(&["env", "diff", "-h"]), @"
    Compare two environments, or one at two points in time

    Usage: ktr env diff [OPTIONS] <FROM> [TO]

    Arguments:
      <FROM>  Environment to compare from: PROJECT/ENV, PROJECT/ENV@REVISION or PROJECT/ENV@TIME
      [TO]    Environment to compare with; @REVISION or @TIME for the same one [default: the same one as
              it is now]

    Options:
          --host <HOST>         Address of the daemon: https://NAME[:PORT] or
                                unix:///path/to/kontraktord.sock [default: the local daemon's socket]
                                [env: KONTRAKTOR_HOST]
          --own-only            Only the environments' own variables, without imports
          --prefix <PREFIX>     Only keys that begin with this prefix
          --timeout <DURATION>  Time limit for a request including retries, such as 500ms, 10s or 2m
                                [default: 60s] [env: KONTRAKTOR_TIMEOUT]
          --exit-code           Exit with 1 if there are differences, like git diff
          --output <FORMAT>     Output format [default: table] [possible values: table, json]
      -h, --help                Print help (see more with '--help')

    Options for daemons on the network:
          --ca-certificate <FILE>      File with the authorities that may have signed the daemon's
                                       certificate, in PEM [default: the system's] [env:
                                       KONTRAKTOR_CA_CERTIFICATE]
          --client-certificate <FILE>  File with the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_CERTIFICATE]
          --client-key <FILE>          File with the private key of the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_KEY]
          --client-id <ID>             Client ID of a service account, whose secret is in
                                       KONTRAKTOR_CLIENT_SECRET [env: KONTRAKTOR_CLIENT_ID]
          --token-url <URL>            Token endpoint for the client ID [default: the daemon's] [env:
                                       KONTRAKTOR_TOKEN_URL]
    ");
}

#[test]
fn help_of_show_and_schema_set() {
    insta::assert_snapshot!(help(&["env", "show", "-h"]), @"
    Show the variables of an environment, including imported ones

    Usage: ktr env show [OPTIONS] <PROJECT/ENV>

    Arguments:
      <PROJECT/ENV>  Environment, such as infra-demo/dev

    Options:
          --host <HOST>         Address of the daemon: https://NAME[:PORT] or
                                unix:///path/to/kontraktord.sock [default: the local daemon's socket]
                                [env: KONTRAKTOR_HOST]
          --prefix <PREFIX>     Only keys that begin with this prefix
          --own-only            Only the environment's own variables, without imports
          --timeout <DURATION>  Time limit for a request including retries, such as 500ms, 10s or 2m
                                [default: 60s] [env: KONTRAKTOR_TIMEOUT]
          --origin              Show the environment and revision that each variable comes from
          --at <REVISION|TIME>  As of a revision, a time (2026-05-01T08:00:00Z), or a duration before
                                now (30m, 2h, 7d)
          --resolve             Show the secrets themselves, with --at in the versions of that time;
                                recorded in the audit log
          --output <FORMAT>     Output format [default: table] [possible values: table, json, dotenv,
                                docker, compose, shell]
      -h, --help                Print help (see more with '--help')

    Options for daemons on the network:
          --ca-certificate <FILE>      File with the authorities that may have signed the daemon's
                                       certificate, in PEM [default: the system's] [env:
                                       KONTRAKTOR_CA_CERTIFICATE]
          --client-certificate <FILE>  File with the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_CERTIFICATE]
          --client-key <FILE>          File with the private key of the client certificate, in PEM [env:
                                       KONTRAKTOR_CLIENT_KEY]
          --client-id <ID>             Client ID of a service account, whose secret is in
                                       KONTRAKTOR_CLIENT_SECRET [env: KONTRAKTOR_CLIENT_ID]
          --token-url <URL>            Token endpoint for the client ID [default: the daemon's] [env:
                                       KONTRAKTOR_TOKEN_URL]
    ");
    insta::assert_snapshot!(help(&["schema", "set", "--help"]), @r#"
    Attach a JSON Schema to keys of a project, or replace one

    From then on, writes that violate the schema are refused. A schema that an existing variable
    violates is refused too.

    Usage: ktr schema set [OPTIONS] --key-pattern <REGEX> --file <FILE> <PROJECT> <NAME>

    Arguments:
      <PROJECT>
              Name of the project

      <NAME>
              Name of the schema: 1 to 63 characters of a-z, 0-9 and "-"

    Options:
          --host <HOST>
              Address of the daemon: https://NAME[:PORT] or unix:///path/to/kontraktord.sock [default:
              the local daemon's socket]

              [env: KONTRAKTOR_HOST]

          --key-pattern <REGEX>
              Regular expression that must match the whole key, such as DB_.* or .*_PORT

          --file <FILE>
              File with the JSON Schema (draft 2020-12), at most 64 KiB; - for standard input

          --timeout <DURATION>
              Time limit for a request including retries, such as 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

          --create-project
              Create the project if it does not exist

      -h, --help
              Print help (see a summary with '-h')

    Options for daemons on the network:
          --ca-certificate <FILE>
              File with the authorities that may have signed the daemon's certificate, in PEM [default:
              the system's] [env: KONTRAKTOR_CA_CERTIFICATE]

          --client-certificate <FILE>
              File with the client certificate, in PEM [env: KONTRAKTOR_CLIENT_CERTIFICATE]

          --client-key <FILE>
              File with the private key of the client certificate, in PEM [env: KONTRAKTOR_CLIENT_KEY]

          --client-id <ID>
              Client ID of a service account, whose secret is in KONTRAKTOR_CLIENT_SECRET [env:
              KONTRAKTOR_CLIENT_ID]

          --token-url <URL>
              Token endpoint for the client ID [default: the daemon's] [env: KONTRAKTOR_TOKEN_URL]
    "#);
}

#[test]
fn invalid_command_lines_are_refused_with_the_rule() {
    let mut world = World::without_daemon();
    world
        .show(&["env", "show", "Infra/dev"])
        .show(&["env", "show", "dev"])
        .show(&["var", "get", "infra-demo/dev", "9lives"])
        .show(&["var", "set", "infra-demo/dev", "A"])
        .show(&["var", "set", "infra-demo/dev", "A=1", "--type", "text"])
        .show(&["audit", "--since", "yesterday"])
        .show(&["env", "show", "infra-demo/dev", "--at", "yesterday"])
        .show(&["env", "diff", "infra-demo/dev@"])
        .show(&["env", "diff", "@3"])
        .show(&["env", "diff", "infra-demo/dev"])
        .show(&["env", "update", "infra-demo/dev", "--import", "dev"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "0"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "1"])
        .show(&["schema", "show", "infra-demo", "Port"])
        .show(&["audit", "--limit", "0"])
        .show(&["audit", "--project", "a", "--env", "b/dev"])
        .show(&["--host", "ftp://localhost", "status"])
        .show(&["--timeout", "0s", "status"])
        .show(&["--timeout", "soon", "status"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env show Infra/dev
    error: invalid value 'Infra/dev' for '<PROJECT/ENV>': project has 'I' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 2]
    $ ktr env show dev
    error: invalid value 'dev' for '<PROJECT/ENV>': environment is not of the form PROJECT/ENV; write the project's name, one slash and the environment's name, as in infra-demo/dev

    For more information, try '--help'.
    [exit 2]
    $ ktr var get infra-demo/dev 9lives
    error: invalid value '9lives' for '<KEY>': key begins with '9'; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_"

    For more information, try '--help'.
    [exit 2]
    $ ktr var set infra-demo/dev A
    error: invalid assignment: expected KEY=VALUE, KEY=@FILE, or KEY=- for standard input
    [exit 2]
    $ ktr var set infra-demo/dev A=1 --type text
    error: invalid value 'text' for '--type <TYPE>': type must be one of string, number, bool, json

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --since yesterday
    error: invalid value 'yesterday' for '--since <DURATION|TIME>': expected a duration before now (30m, 2h, 7d) or an RFC 3339 time with its offset (TIME)

    For more information, try '--help'.
    [exit 2]
    $ ktr env show infra-demo/dev --at yesterday
    error: invalid value 'yesterday' for '--at <REVISION|TIME>': expected a revision (12), an RFC 3339 time with its offset (TIME), or a duration before now (30m, 2h, 7d)

    For more information, try '--help'.
    [exit 2]
    $ ktr env diff infra-demo/dev@
    error: invalid value 'infra-demo/dev@' for '<FROM>': expected a revision (12), an RFC 3339 time with its offset (TIME), or a duration before now (30m, 2h, 7d)

    For more information, try '--help'.
    [exit 2]
    $ ktr env diff @3
    error: FROM names no environment
    hint: Write it as PROJECT/ENV@REVISION or PROJECT/ENV@TIME.
    [exit 2]
    $ ktr env diff infra-demo/dev
    error: both sides are infra-demo/dev at the same point in time
    hint: Name another environment, or another point in time: `ktr env diff infra-demo/dev@REVISION`.
    [exit 2]
    $ ktr env update infra-demo/dev --import dev
    error: invalid value 'dev' for '--import <PROJECT/ENV>': environment is not of the form PROJECT/ENV; write the project's name, one slash and the environment's name, as in infra-demo/dev

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/dev --to 0
    error: invalid value '0' for '--to <REVISION>': the first revision is 1

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/dev --to 1
    error: confirmation required, but there is no terminal to ask on
    hint: See the changes with --dry-run, and add --yes to make them without confirmation.
    [exit 2]
    $ ktr schema show infra-demo Port
    error: invalid value 'Port' for '<NAME>': name has 'P' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --limit 0
    error: invalid value '0' for '--limit <N>': 0 is not in 1..=4294967295

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --project a --env b/dev
    error: --project a conflicts with --env b/dev
    hint: Omit --project.
    [exit 2]
    $ ktr --host ftp://localhost status
    error: unsupported host scheme ftp://; expected unix:///path/to/kontraktord.sock or https://NAME[:PORT]. Omit host to use the local daemon's socket
    hint: Correct the value of --host or KONTRAKTOR_HOST.
    [exit 2]
    $ ktr --timeout 0s status
    error: invalid timeout: expected more than zero
    hint: Correct the value of --timeout or KONTRAKTOR_TIMEOUT.
    [exit 2]
    $ ktr --timeout soon status
    error: invalid timeout: expected a number and a unit, such as 500ms, 10s or 2m
    hint: Correct the value of --timeout or KONTRAKTOR_TIMEOUT.
    [exit 2]
    "#);
}

#[test]
fn every_shell_has_completions() {
    let world = World::without_daemon();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(world.ok(&["completions", shell]).contains("history"), "{shell}");
    }
    assert_eq!(world.run(&["completions", "csh"]).code, 2);
}
