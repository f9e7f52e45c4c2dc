//! The daemon is restarted while terraform works, as for an upgrade: on the same port, with the same data.

use std::{collections::BTreeMap, thread};

use testkit::{Run, eventually};

use super::{Site, gated};

const COUNT: usize = 150;

#[test]
fn restarts_in_mid_apply_lose_nothing_and_write_nothing_twice() {
    let mut site = Site::new().start("", "");
    let account = site.account("pipeline", &["env.read", "env.write"]);
    site.grant("editor", "service-account:pipeline", "shop/*");
    let workspace = site.account_workspace(&account, &gated(COUNT));
    // A few at a time, so that each restart finds terraform in the middle of them.
    let mut command = workspace.command(&["apply", "-auto-approve", "-no-color", "-parallelism=3"]);
    let apply = thread::spawn(move || Run::of(&mut command));
    let mut stops = Vec::new();
    for group in ["FIRST_", "SECOND_"] {
        eventually("terraform writes", || {
            assert!(!apply.is_finished(), "it writes first");
            site.world.ktr(&["env", "show", "shop/dev"]).stdout.contains(group)
        });
        site.world.stop();
        stops.push((group, rows(&site)));
        site.world.start();
        workspace.write("open", "");
    }
    apply.join().expect("terraform ran").ok().says(&[&format!("{} added", 2 * COUNT + 1)]);

    let entries = site.audit();
    let of_variables = entries.iter().filter_map(|entry| Some((entry["key"].as_str()?, entry)));
    let mut created = BTreeMap::new();
    for (key, entry) in of_variables {
        assert_eq!(entry["operation"], "variable_created", "{entry}");
        let earlier = created.insert(key, entry["sequence"].as_u64().expect("a number"));
        assert_eq!(earlier, None, "{key} is created twice");
    }
    assert_eq!(created.len(), 2 * COUNT);
    for (group, rows) in stops {
        let of_group = created.iter().filter(|(key, _)| key.starts_with(group));
        let (before, after): (Vec<_>, Vec<_>) = of_group.partition(|(_, sequence)| **sequence <= rows);
        assert!(
            !before.is_empty() && !after.is_empty(),
            "{group}: stopped after {} of {COUNT}",
            before.len()
        );
    }
    workspace.settled();
    site.world.stop();
    rows(&site);
}

/// Verifies the log of a daemon that is stopped, and returns how many rows it has.
fn rows(site: &Site) -> u64 {
    let verified = Run::of(&mut site.world.kontraktord(&["audit", "verify"])).ok().stdout;
    let rows = verified.lines().find_map(|line| line.strip_prefix("rows "));
    rows.unwrap_or_else(|| panic!("{verified}")).parse().expect("a number")
}
