//! History and the audit log.

use super::world::World;

fn world() -> World {
    let world = World::with_environment();
    world.ok(&["var", "set", "infra-demo/dev", "A=1", "B="]);
    world.ok(&["var", "set", "infra-demo/dev", "A=2"]);
    world.ok(&["var", "unset", "infra-demo/dev", "A"]);
    world
}

#[test]
fn history_of_an_environment_and_of_a_key() {
    let mut world = world();
    world
        .show(&["var", "history", "infra-demo/dev"])
        .show(&["var", "history", "infra-demo/dev", "A"])
        .show(&["var", "history", "infra-demo/dev", "A", "--limit", "1"])
        .show(&["var", "history", "infra-demo/dev", "NEVER"])
        .show(&["var", "history", "infra-demo/nope"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr var history infra-demo/dev
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    4  TIME  unix:ME  ktr  variable_deleted  A  2 → (none)
    3  TIME  unix:ME  ktr  variable_updated  A  1 → 2
    2  TIME  unix:ME  ktr  variable_created  B  (none) → ""
    2  TIME  unix:ME  ktr  variable_created  A  (none) → 1
    1  TIME  unix:ME  ktr  environment_created
    $ ktr var history infra-demo/dev A
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    4  TIME  unix:ME  ktr  variable_deleted  A  2 → (none)
    3  TIME  unix:ME  ktr  variable_updated  A  1 → 2
    2  TIME  unix:ME  ktr  variable_created  A  (none) → 1
    $ ktr var history infra-demo/dev A --limit 1
    REVISION  TIME  BY  VIA  OPERATION  KEY  CHANGE
    4  TIME  unix:ME  ktr  variable_deleted  A  2 → (none)
    note: only the newest 1 entry shown; raise --limit to see more
    $ ktr var history infra-demo/dev NEVER
    No entries.
    $ ktr var history infra-demo/nope
    error: environment "infra-demo/nope" does not exist
    hint: List environments with `ktr env list`.
    [exit 3]
    "#);
}

#[test]
fn the_audit_log_is_filtered() {
    let mut world = world();
    world.ok(&["env", "create", "other/dev", "--create-project"]);
    world
        .show(&["audit"])
        .show(&["audit", "--project", "other"])
        .show(&["audit", "--env", "infra-demo/dev", "--key", "A"])
        .show(&["audit", "--env", "dev", "--limit", "1"])
        .show(&["audit", "--since", "1h", "--key", "B"])
        .show(&["audit", "--since", "2999-01-01T00:00:00Z"]);
    insta::assert_snapshot!(world.transcript(), @r#"
    $ ktr audit
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    8  TIME  unix:ME  ktr  environment_created  other/dev
    7  TIME  unix:ME  ktr  project_created  other
    6  TIME  unix:ME  ktr  variable_deleted  infra-demo/dev  A  2 → (none)
    5  TIME  unix:ME  ktr  variable_updated  infra-demo/dev  A  1 → 2
    4  TIME  unix:ME  ktr  variable_created  infra-demo/dev  B  (none) → ""
    3  TIME  unix:ME  ktr  variable_created  infra-demo/dev  A  (none) → 1
    2  TIME  unix:ME  ktr  environment_created  infra-demo/dev
    1  TIME  unix:ME  ktr  project_created  infra-demo
    $ ktr audit --project other
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    8  TIME  unix:ME  ktr  environment_created  other/dev
    7  TIME  unix:ME  ktr  project_created  other
    $ ktr audit --env infra-demo/dev --key A
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    6  TIME  unix:ME  ktr  variable_deleted  infra-demo/dev  A  2 → (none)
    5  TIME  unix:ME  ktr  variable_updated  infra-demo/dev  A  1 → 2
    3  TIME  unix:ME  ktr  variable_created  infra-demo/dev  A  (none) → 1
    $ ktr audit --env dev --limit 1
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    8  TIME  unix:ME  ktr  environment_created  other/dev
    note: only the newest 1 entry shown; raise --limit to see more
    $ ktr audit --since 1h --key B
    SEQUENCE  TIME  BY  VIA  OPERATION  WHERE  KEY  CHANGE
    4  TIME  unix:ME  ktr  variable_created  infra-demo/dev  B  (none) → ""
    $ ktr audit --since TIME
    No entries.
    "#);
}

#[test]
fn long_logs_are_read_page_by_page() {
    let world = World::with_environment();
    let assignments: Vec<_> = (0..1_100).map(|index| format!("K{index}=v")).collect();
    let mut arguments = vec!["var", "set", "infra-demo/dev", "--type", "string", "--description", ""];
    arguments.extend(assignments.iter().map(String::as_str));
    world.ok(&arguments);
    let count = |limit| {
        let run = world.run(&["audit", "--output", "json", "--limit", limit]);
        let log: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        (log["entries"].as_array().expect("a list").len(), run.stderr.contains("--limit"))
    };
    assert_eq!(count("1050"), (1050, true));
    assert_eq!(count("5000"), (1102, false));
}
