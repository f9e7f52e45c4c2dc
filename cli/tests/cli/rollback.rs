//! Rolling back to an earlier revision.

use super::world::World;

/// Returns a world with `infra-demo/dev` at revision 5. Since revision 2, one variable changed, one was added, one was deleted, and
/// description and imports changed.
fn world() -> World {
    let world = World::with_environment();
    world.ok(&["env", "create", "infra-demo/base"]);
    world.ok(&["var", "set", "infra-demo/dev", "A=1", "GONE=x"]);
    world.ok(&["var", "set", "infra-demo/dev", "A=2", "NEW="]);
    world.ok(&["var", "unset", "infra-demo/dev", "GONE"]);
    world.ok(&["env", "update", "infra-demo/dev", "--import", "infra-demo/base", "--description", "Later"]);
    world
}

#[test]
fn a_rollback_is_shown_and_then_made() {
    let mut world = world();
    world
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--dry-run"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--yes"])
        .show(&["env", "show", "infra-demo/dev"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--yes"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "5", "--yes"])
        .show(&["env", "diff", "infra-demo/dev@5", "--exit-code"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env rollback infra-demo/dev --to 2 --dry-run
    infra-demo/dev, from revision 5 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    Dry run: nothing was changed.
    $ ktr env rollback infra-demo/dev --to 2 --yes
    infra-demo/dev, from revision 5 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    Rolled infra-demo/dev back to revision 2: 2 variables written, 1 deleted, now at revision 6.
    $ ktr env show infra-demo/dev
    KEY  TYPE  VALUE  REVISION  WRITTEN  BY
    A  string  1  6  TIME  unix:ME
    GONE  string  x  6  TIME  unix:ME
    $ ktr env rollback infra-demo/dev --to 2 --yes
    No changes: infra-demo/dev at revision 6 is the same as at revision 2.
    $ ktr env rollback infra-demo/dev --to 5 --yes
    infra-demo/dev, from revision 6 back to revision 5:
       KEY   CHANGE
    ~  A  1 → 2
    -  GONE  x → (none)
    +  NEW  (none) → ""
    imports: (none) → infra-demo/base
    description: "" → Later
    Rolled infra-demo/dev back to revision 5: 2 variables written, 1 deleted, now at revision 7.
    $ ktr env diff infra-demo/dev@5 --exit-code
    No differences: infra-demo/dev@5 → infra-demo/dev at revision 7
    "#);
}

#[test]
fn a_person_is_asked_and_a_script_says_yes() {
    let mut world = world();
    world
        .show(&["env", "rollback", "infra-demo/dev", "--to", "4"])
        .answer(&["env", "rollback", "infra-demo/dev", "--to", "4"], "no\n")
        .answer(&["env", "rollback", "infra-demo/dev", "--to", "4"], "y\n");
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env rollback infra-demo/dev --to 4
    error: confirmation required, but there is no terminal to ask on
    hint: See the changes with --dry-run, and add --yes to make them without confirmation.
    [exit 2]
    $ ktr env rollback infra-demo/dev --to 4
    infra-demo/dev, from revision 5 back to revision 4:
    imports: infra-demo/base → (none)
    description: Later → ""
    Roll infra-demo/dev back to revision 4? [y/N] no
    error: not confirmed; nothing was changed
    [exit 1]
    $ ktr env rollback infra-demo/dev --to 4
    infra-demo/dev, from revision 5 back to revision 4:
    imports: infra-demo/base → (none)
    description: Later → ""
    Rolled infra-demo/dev back to revision 4: 0 variables written, 0 deleted, now at revision 6.
    Roll infra-demo/dev back to revision 4? [y/N] y
    "#);
}

#[test]
fn impossible_rollbacks_are_refused() {
    let mut world = world();
    world
        .show(&["env", "rollback", "infra-demo/dev", "--to", "99", "--yes"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "0", "--yes"])
        .show(&["env", "rollback", "infra-demo/dev", "--yes"])
        .show(&["env", "rollback", "infra-demo/nope", "--to", "1", "--yes"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "1", "--yes", "--dry-run"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env rollback infra-demo/dev --to 99 --yes
    error: environment "infra-demo/dev" has no revision 99; the newest is 5
    hint: Use a revision from 1 to 5.
    [exit 3]
    $ ktr env rollback infra-demo/dev --to 0 --yes
    error: invalid value '0' for '--to <REVISION>': the first revision is 1

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/dev --yes
    error: the following required arguments were not provided:
      --to <REVISION>

    Usage: ktr env rollback --to <REVISION> --yes --host <HOST> <PROJECT/ENV>

    For more information, try '--help'.
    [exit 2]
    $ ktr env rollback infra-demo/nope --to 1 --yes
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    $ ktr env rollback infra-demo/dev --to 1 --yes --dry-run
    error: the argument '--yes' cannot be used with '--dry-run'

    Usage: ktr env rollback --to <REVISION> --yes --host <HOST> <PROJECT/ENV>

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn a_rollback_does_not_delete_a_protected_variable() {
    let mut world = world();
    world.ok(&["var", "protect", "infra-demo/dev", "NEW"]);
    world
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--dry-run"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--yes"])
        .show(&["var", "unprotect", "infra-demo/dev", "NEW"])
        .show(&["env", "rollback", "infra-demo/dev", "--to", "2", "--yes"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env rollback infra-demo/dev --to 2 --dry-run
    infra-demo/dev, from revision 6 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    Dry run: nothing was changed.
    note: the rollback deletes 1 protected variable and will be refused; first run `ktr var unprotect infra-demo/dev NEW`
    $ ktr env rollback infra-demo/dev --to 2 --yes
    infra-demo/dev, from revision 6 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    note: the rollback deletes 1 protected variable and will be refused; first run `ktr var unprotect infra-demo/dev NEW`
    error: restoring revision 2 of environment "infra-demo/dev" would delete 1 variable protected from deletion: NEW
    hint: Apply deletion_protection = false for each of them first, or run `ktr var unprotect infra-demo/dev KEY...`; then roll back again.
    [exit 4]
    $ ktr var unprotect infra-demo/dev NEW
    Unprotected 1 variable in infra-demo/dev, now at revision 7.
    $ ktr env rollback infra-demo/dev --to 2 --yes
    infra-demo/dev, from revision 7 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    Rolled infra-demo/dev back to revision 2: 2 variables written, 1 deleted, now at revision 8.
    "#);
}

#[test]
fn a_write_between_preview_and_confirmation_is_not_lost() {
    let mut world = world();
    world.answer_after(
        &["env", "rollback", "infra-demo/dev", "--to", "2"],
        |world| {
            world.ok(&["var", "set", "infra-demo/dev", "A=meanwhile"]);
        },
        "y\n",
    );
    world.show(&["var", "get", "infra-demo/dev", "A"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr env rollback infra-demo/dev --to 2
    infra-demo/dev, from revision 5 back to revision 2:
       KEY   CHANGE
    ~  A  2 → 1
    +  GONE  (none) → x
    -  NEW  "" → (none)
    imports: infra-demo/base → (none)
    description: Later → ""
    Roll infra-demo/dev back to revision 2? [y/N] y
    error: infra-demo/dev was changed after the preview; nothing was rolled back: environment "infra-demo/dev" is at revision 6, but revision 5 was expected; it was last changed by unix:ME through ktr at TIME
    hint: Run the command again to see the current changes.
    [exit 4]
    $ ktr var get infra-demo/dev A
    meanwhile
    "#);
}
