//! Help, usage errors, completions.

use super::world::World;

/// Without the spaces that clap leaves at the ends of lines.
fn help(arguments: &[&str]) -> String {
    World::without_daemon().ok(arguments).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_shows_commands_and_exit_codes() {
    let help = help(&["help"]);
    insta::assert_snapshot!(help, @"
    Configuration of environments: what Terraform and people write, and applications read

    Usage: ktr [OPTIONS] <COMMAND>

    Commands:
      project      Create, protect, delete and list projects
      env          Create, change, compare, roll back, protect, delete, list and show environments
      var          Read, write and protect variables
      run          Run a command with the variables and secrets of an environment in its environment
      secret       Refer to secrets in vaults, read and check them; references are unset, protected and
                   traced with ktr var
      vault        See the vaults that secrets come from
      schema       Attach JSON Schemas to the keys of a project
      audit        Show the log of everything that was written, newest first
      status       Show what the daemon is and how it does
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
          --host <HOST>         The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's
                                socket [env: KONTRAKTOR_HOST]
          --timeout <DURATION>  How long a request may take, repetitions included, as in 500ms, 10s or
                                2m [default: 60s] [env: KONTRAKTOR_TIMEOUT]
      -h, --help                Print help
      -V, --version             Print version

    Environment:
      KONTRAKTOR_HOST     as --host
      KONTRAKTOR_TIMEOUT  as --timeout
      KONTRAKTOR_TOKEN    the token for the daemon; no option, because others can read those
      NO_COLOR            no colours, even on a terminal

    Exit codes:
      0  done
      1  failed for another reason than those below, or not confirmed; diff --exit-code: different
      2  the command line or a value is wrong, or imports would go in a circle; nothing was written
      3  the project, environment, variable, schema, moment, vault or secret does not exist
      4  it exists already, is not empty, protected or imported, or was changed by someone else
      5  the daemon cannot be reached; nothing was sent
      6  the outcome is unknown: a write was sent and its answer is lost
      7  not now: the daemon is busy, going down, out of disk space, or too slow, or a vault does not
      answer

    What ktr run runs sets the exit code itself: see ktr run --help.
    ");
}

#[test]
fn help_of_set_says_how_values_are_written() {
    let help = help(&["var", "set", "--help"]);
    insta::assert_snapshot!(help, @"
    Set variables, all of them or none

    Values: KEY=VALUE is taken as written (KEY= is an empty value), KEY=@FILE is the file's content,
    KEY=- is standard input. Files and standard input must be UTF-8 and are kept to the byte, a line
    break at the end included.

    Usage: ktr var set [OPTIONS] <PROJECT/ENV> <KEY=VALUE>...

    Arguments:
      <PROJECT/ENV>
              The environment, as in infra-demo/dev

      <KEY=VALUE>...
              KEY=VALUE, KEY=@FILE, or KEY=- for standard input

    Options:
          --host <HOST>
              The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's socket

              [env: KONTRAKTOR_HOST]

          --type <TYPE>
              string, number, bool or json; absent: an existing variable keeps its type, a new one is a
              string

          --description <DESCRIPTION>
              Describe all of them; absent: an existing variable keeps its description

          --timeout <DURATION>
              How long a request may take, repetitions included, as in 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

          --protect
              Refuse to delete them until they are unprotected; absent: as it is

          --create
              Create the project and the environment where they do not exist

          --literal
              Take every VALUE as it is written, a leading @ and a lone - included

      -h, --help
              Print help (see a summary with '-h')
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
    let all: Vec<_> = ["project", "env", "var", "schema"].into_iter().map(commands).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    project
      create     Create a project, or take over one that a write has made
      protect    Protect a project from deletion; what is in it is protected by itself
      unprotect  Take the protection from deletion off a project
      delete     Delete a project; refused while it holds variables, schemas or environments that
                 someone created, or is protected
      list       List all projects
      help       Print this message or the help of the given subcommand(s)
    env
      create     Create an environment, or take over one that a write has made
      update     Change the settings that are named; the others stay as they are
      protect    Protect an environment from deletion; its variables are protected by themselves: see
                 ktr var protect
      unprotect  Take the protection from deletion off an environment
      delete     Delete an environment; refused while it holds variables, is protected, or is imported
                 by others
      list       List the environments of one project, or of all
      show       Show the variables of an environment: what it imports, and its own on top
      diff       Compare the variables and secret references of two environments, or of one at two
                 moments
      rollback   Restore own variables, imports and description as they were at an earlier revision
      help       Print this message or the help of the given subcommand(s)
    var
      get        Print one variable's value
      set        Set variables, all of them or none
      unset      Delete variables, all of them or none; a key that does not exist is no error
      protect    Protect variables from deletion, all of them or none
      unprotect  Take the protection from deletion off variables, all of them or none
      history    Show who wrote what in an environment, newest first
      help       Print this message or the help of the given subcommand(s)
    schema
      set     Attach a JSON Schema to the keys of a project that match, or replace one
      list    List the schemas of a project
      show    Print a schema of a project
      delete  Take a schema away; the variables stay as they are
      help    Print this message or the help of the given subcommand(s)
    ");
}

#[test]
fn help_of_rollback_and_diff_says_what_is_compared() {
    insta::assert_snapshot!(help(&["env", "rollback", "--help"]), @"
    Restore own variables, imports and description as they were at an earlier revision

    Makes a new revision; nothing is taken out of the history. Shows what will change, and asks, before
    it is done. Protection is left as it is.

    Usage: ktr env rollback [OPTIONS] --to <REVISION> <PROJECT/ENV>

    Arguments:
      <PROJECT/ENV>
              The environment, as in infra-demo/dev

    Options:
          --host <HOST>
              The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's socket

              [env: KONTRAKTOR_HOST]

          --to <REVISION>
              The revision to restore; ktr var history shows them

          --dry-run
              Only show what would change

          --timeout <DURATION>
              How long a request may take, repetitions included, as in 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

      -y, --yes
              Do not ask

      -h, --help
              Print help (see a summary with '-h')
    ");
    insta::assert_snapshot!(help(&["env", "diff", "-h"]), @"
    Compare the variables and secret references of two environments, or of one at two moments

    Usage: ktr env diff [OPTIONS] <PROJECT/ENV[@MOMENT]> [OTHER[@MOMENT]]

    Arguments:
      <PROJECT/ENV[@MOMENT]>  Where the comparison begins: an environment, as it is now or at a moment
      [OTHER[@MOMENT]]        Where it ends: another environment, or @MOMENT for the same one; absent:
                              the same one as it is now

    Options:
          --host <HOST>         The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's
                                socket [env: KONTRAKTOR_HOST]
          --own                 Leave out what is imported
          --prefix <PREFIX>     Only keys that begin with this
          --timeout <DURATION>  How long a request may take, repetitions included, as in 500ms, 10s or
                                2m [default: 60s] [env: KONTRAKTOR_TIMEOUT]
          --exit-code           End with 1 where there is a difference, as git diff does
          --output <OUTPUT>     What to print [default: table] [possible values: table, json]
      -h, --help                Print help (see more with '--help')
    ");
}

#[test]
fn help_of_show_and_schema_set() {
    insta::assert_snapshot!(help(&["env", "show", "-h"]), @"
    Show the variables of an environment: what it imports, and its own on top

    Usage: ktr env show [OPTIONS] <PROJECT/ENV>

    Arguments:
      <PROJECT/ENV>  The environment, as in infra-demo/dev

    Options:
          --host <HOST>         The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's
                                socket [env: KONTRAKTOR_HOST]
          --prefix <PREFIX>     Only keys that begin with this
          --own                 Leave out what is imported
          --timeout <DURATION>  How long a request may take, repetitions included, as in 500ms, 10s or
                                2m [default: 60s] [env: KONTRAKTOR_TIMEOUT]
          --origin              Say where each variable comes from: the environment, and its revision
                                behind an @
          --at <REVISION|TIME>  As it was: at a revision, at a time as in 2026-05-01T08:00:00Z, or 30m,
                                2h or 7d ago
          --resolve             Show the secrets themselves, too; with --at in the versions of that
                                time. This is written into the audit log
          --output <OUTPUT>     What to print [default: table] [possible values: table, json, dotenv]
      -h, --help                Print help (see more with '--help')
    ");
    insta::assert_snapshot!(help(&["schema", "set", "--help"]), @r#"
    Attach a JSON Schema to the keys of a project that match, or replace one

    From then on no variable of the project can break it. It is refused where a variable already does.

    Usage: ktr schema set [OPTIONS] --key-pattern <REGEX> --file <FILE> <PROJECT> <NAME>

    Arguments:
      <PROJECT>
              The project's name

      <NAME>
              The schema's name: 1 to 63 characters of a-z, 0-9 and "-"

    Options:
          --host <HOST>
              The daemon: unix:///path/to/kontraktord.sock. Absent: the local daemon's socket

              [env: KONTRAKTOR_HOST]

          --key-pattern <REGEX>
              A regular expression that must match the whole key, as in DB_.* or .*_PORT

          --file <FILE>
              The file with the JSON Schema (draft 2020-12), 64 KiB at most; - is standard input

          --timeout <DURATION>
              How long a request may take, repetitions included, as in 500ms, 10s or 2m [default: 60s]

              [env: KONTRAKTOR_TIMEOUT]

          --create-project
              Create the project too where it does not exist

      -h, --help
              Print help (see a summary with '-h')
    "#);
}

#[test]
fn wrong_command_lines_state_the_rule() {
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
        .show(&["--host", "http://localhost", "status"])
        .show(&["--timeout", "0s", "status"])
        .show(&["--timeout", "soon", "status"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env show Infra/dev
    error: invalid value 'Infra/dev' for '<PROJECT/ENV>': project has 'I' at character 1: use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 2]
    $ ktr env show dev
    error: invalid value 'dev' for '<PROJECT/ENV>': environment is not of the form PROJECT/ENV: write the project's name, one slash and the environment's name, as in infra-demo/dev

    For more information, try '--help'.
    [exit 2]
    $ ktr var get infra-demo/dev 9lives
    error: invalid value '9lives' for '<KEY>': key begins with '9': use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_"

    For more information, try '--help'.
    [exit 2]
    $ ktr var set infra-demo/dev A
    error: write KEY=VALUE, KEY=@FILE, or KEY=- for standard input; KEY= sets an empty value
    [exit 2]
    $ ktr var set infra-demo/dev A=1 --type text
    error: invalid value 'text' for '--type <TYPE>': type must be one of string, number, bool, json

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --since yesterday
    error: invalid value 'yesterday' for '--since <SINCE>': write how long ago, as in 30m, 2h or 7d, or a time with its offset (RFC 3339), as in TIME

    For more information, try '--help'.
    [exit 2]
    $ ktr env show infra-demo/dev --at yesterday
    error: invalid value 'yesterday' for '--at <REVISION|TIME>': write a revision, as in 12, a time with its offset (RFC 3339), as in TIME, or how long ago it was, as in 30m, 2h or 7d

    For more information, try '--help'.
    [exit 2]
    $ ktr env diff infra-demo/dev@
    error: invalid value 'infra-demo/dev@' for '<PROJECT/ENV[@MOMENT]>': write a revision, as in 12, a time with its offset (RFC 3339), as in TIME, or how long ago it was, as in 30m, 2h or 7d

    For more information, try '--help'.
    [exit 2]
    $ ktr env diff @3
    error: the first side names no environment
    hint: write it as PROJECT/ENV@MOMENT
    [exit 2]
    $ ktr env diff infra-demo/dev
    error: both sides are infra-demo/dev at the same moment
    hint: name another environment, or a moment of this one: ktr env diff infra-demo/dev@REVISION
    [exit 2]
    $ ktr env update infra-demo/dev --import dev
    error: invalid value 'dev' for '--import <PROJECT/ENV>': environment is not of the form PROJECT/ENV: write the project's name, one slash and the environment's name, as in infra-demo/dev

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/dev --to 0
    error: invalid value '0' for '--to <REVISION>': revisions are counted from 1

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/dev --to 1
    error: this asks before anything is changed, and there is no terminal to ask on
    hint: see what would change with --dry-run, and add --yes to do it without being asked
    [exit 2]
    $ ktr schema show infra-demo Port
    error: invalid value 'Port' for '<NAME>': name has 'P' at character 1: use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --limit 0
    error: invalid value '0' for '--limit <N>': 0 is not in 1..=4294967295

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --project a --env b/dev
    error: --project a and --env b/dev name two projects
    hint: leave --project out
    [exit 2]
    $ ktr --host http://localhost status
    error: host cannot begin with http://: write unix:///path/to/kontraktord.sock or https://NAME[:PORT], or leave it out for the local daemon's socket
    hint: it was set with --host or KONTRAKTOR_HOST
    [exit 2]
    $ ktr --timeout 0s status
    error: timeout must be longer than nothing
    hint: it was set with --timeout or KONTRAKTOR_TIMEOUT
    [exit 2]
    $ ktr --timeout soon status
    error: timeout is not a duration: write a number and a unit, as in 500ms, 10s or 2m
    hint: it was set with --timeout or KONTRAKTOR_TIMEOUT
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
