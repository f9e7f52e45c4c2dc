//! Help, usage errors, completions.

use super::world::World;

/// Without the spaces that clap leaves at the ends of lines.
fn help(arguments: &[&str]) -> String {
    World::without_daemon().ok(arguments).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_shows_commands_and_exit_codes() {
    let help = help(&["help"]);
    insta::assert_snapshot!(help, @r"
    Configuration of environments: what Terraform and people write, and applications read

    Usage: ktr [OPTIONS] <COMMAND>

    Commands:
      project      Create, delete and list projects
      env          Create, delete, list and show environments
      var          Read and write variables
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
      1  failed for another reason than those below
      2  the command line or a value is wrong; nothing was written
      3  the project, environment or variable does not exist
      4  it exists already, is not empty, or was changed by someone else in the meantime
      5  the daemon cannot be reached; nothing was sent
      6  the outcome is unknown: a write was sent and its answer is lost
      7  not now: the daemon is busy, going down, out of disk space, or too slow
    ");
}

#[test]
fn help_of_set_says_how_values_are_written() {
    let help = help(&["var", "set", "--help"]);
    insta::assert_snapshot!(help, @r"
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

          --create
              Create the project and the environment where they do not exist

          --literal
              Take every VALUE as it is written, a leading @ and a lone - included

      -h, --help
              Print help (see a summary with '-h')
    ");
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
    error: invalid value 'A' for '<KEY=VALUE>...': write KEY=VALUE, KEY=@FILE, or KEY=- for standard input; KEY= sets an empty value

    For more information, try '--help'.
    [exit 2]
    $ ktr var set infra-demo/dev A=1 --type text
    error: invalid value 'text' for '--type <TYPE>': type must be one of string, number, bool, json

    For more information, try '--help'.
    [exit 2]
    $ ktr audit --since yesterday
    error: invalid value 'yesterday' for '--since <SINCE>': write how long ago, as in 30m, 2h or 7d, or a time with its offset (RFC 3339), as in TIME

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
