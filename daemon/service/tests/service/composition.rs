//! What readers see of an environment that imports others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kontraktor_domain::CreateEnvironment;
use kontraktor_service::{PageRequest, Service};
use kontraktor_store::MemoryStore;
use proptest::{collection::vec, prelude::*};

use super::{
    start,
    world::{caller, importing, put},
    write,
};

/// Creates an environment or changes its imports.
pub(crate) async fn import(service: &Service, path: &str, imports: &[&str]) {
    service.update_environment(&caller(), importing(path, imports)).await.unwrap();
}

/// `KEY=value < project/env@revision` of each effective variable.
fn seen(service: &Service, path: &str, own_only: bool, prefix: &str) -> Vec<String> {
    let snapshot = service.snapshot(&caller(), &path.parse().unwrap(), own_only).unwrap();
    let entries = snapshot.variables(prefix);
    entries
        .iter()
        .map(|entry| {
            let (variable, origin) = (entry.variable, entry.origin);
            format!("{}={} < {}@{}", variable.key, variable.value, origin.path, origin.revision)
        })
        .collect()
}

fn version(service: &Service, path: &str, own_only: bool) -> String {
    service.snapshot(&caller(), &path.parse().unwrap(), own_only).unwrap().version()
}

async fn layered() -> Service {
    let service = start(Arc::new(MemoryStore::new()));
    let items = [
        put("shared/base", "A", "base"),
        put("shared/base", "B", "base"),
        put("shared/base", "C", "base"),
        put("shared/base", "D_ONLY", "base"),
        put("app/default", "B", "default"),
        put("app/default", "C", "default"),
        put("app/dev", "C", "dev"),
    ];
    write(&service, 1, items.to_vec()).await.unwrap();
    import(&service, "app/dev", &["shared/base", "app/default"]).await;
    service
}

/// In Infisical the provenance of imports is invisible.
#[tokio::test]
async fn the_origin_of_an_imported_value_is_reported() {
    let service = layered().await;
    assert_eq!(
        seen(&service, "app/dev", false, ""),
        [
            "A=base < shared/base@1",
            "B=default < app/default@1",
            "C=dev < app/dev@2",
            "D_ONLY=base < shared/base@1"
        ]
    );
    assert_eq!(seen(&service, "app/dev", true, ""), ["C=dev < app/dev@2"]);
}

#[tokio::test]
async fn a_prefix_narrows_what_was_composed() {
    let service = layered().await;
    assert_eq!(seen(&service, "app/dev", false, "D_"), ["D_ONLY=base < shared/base@1"]);
    assert_eq!(seen(&service, "app/dev", false, "C"), ["C=dev < app/dev@2"]);
    assert_eq!(seen(&service, "app/dev", false, "X"), Vec::<String>::new());
}

#[tokio::test]
async fn lists_and_single_reads_see_own_variables_only() {
    let service = layered().await;
    let path = "app/dev".parse().unwrap();
    let (_, page) = service.variables(&caller(), &path, "", &PageRequest::default()).unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(service.variable(&caller(), &path, &"A".parse().unwrap()).is_err());
}

#[tokio::test]
async fn an_environment_that_is_met_twice_counts_where_it_is_met_first() {
    let service = start(Arc::new(MemoryStore::new()));
    let items = ["p/left", "p/right", "p/base", "p/top"].map(|path| put(path, "WHO", path));
    write(&service, 1, items.to_vec()).await.unwrap();
    write(&service, 2, vec![put("p/base", "DEEP", "base"), put("p/left", "DEEP", "left")]).await.unwrap();
    import(&service, "p/left", &["p/base"]).await;
    import(&service, "p/right", &["p/base"]).await;
    import(&service, "p/top", &["p/left", "p/right"]).await;
    // Right is later, so it goes first and takes the base with it, before the left is met.
    assert_eq!(seen(&service, "p/top", false, ""), ["DEEP=base < p/base@2", "WHO=p/top < p/top@2"]);
}

/// A version changes with every change that readers can see, and with no other.
#[tokio::test]
async fn the_version_covers_what_is_imported() {
    let service = layered().await;
    let before = version(&service, "app/dev", false);
    let own = version(&service, "app/dev", true);
    assert_ne!(before, own);
    assert_eq!(version(&service, "app/dev", false), before, "it does not change without a reason");

    write(&service, 2, vec![put("other/env", "A", "1"), put("app/prod", "A", "1")]).await.unwrap();
    assert_eq!(version(&service, "app/dev", false), before, "others do not matter");

    write(&service, 3, vec![put("shared/base", "A", "changed")]).await.unwrap();
    let after = version(&service, "app/dev", false);
    assert_ne!(after, before);
    assert_eq!(version(&service, "app/dev", true), own, "its own revision is what it was");
    assert_eq!(service.environment(&caller(), &"app/dev".parse().unwrap()).unwrap().revision, 2);

    import(&service, "shared/base", &["other/env"]).await;
    let through_others = version(&service, "app/dev", false);
    assert_ne!(through_others, after);

    import(&service, "app/dev", &["app/default", "shared/base"]).await;
    assert_ne!(version(&service, "app/dev", false), through_others, "the order counts");
    assert_eq!(service.environment(&caller(), &"app/dev".parse().unwrap()).unwrap().revision, 3);

    import(&service, "app/dev", &[]).await;
    assert_eq!(version(&service, "app/dev", false), version(&service, "app/dev", true));
}

const ENVS: [&str; 5] = ["p/a", "p/b", "p/c", "q/d", "q/e"];

/// What `env` is composed of, in the plainest words: what wins is written last.
fn compose(
    env: usize,
    imports: &[Vec<usize>],
    own: &[BTreeSet<u8>],
    met: &mut BTreeSet<usize>,
    found: &mut BTreeMap<u8, usize>,
) {
    if !met.insert(env) {
        return;
    }
    for key in &own[env] {
        found.entry(*key).or_insert(env);
    }
    for import in imports[env].iter().rev() {
        compose(*import, imports, own, met, found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each environment imports some of those after it, in any order, so there is no cycle.
    #[test]
    fn environments_are_composed_as_the_rule_says(
        wishes in vec(vec(0..ENVS.len(), 0..5), ENVS.len()),
        own in vec(proptest::collection::btree_set(0_u8..12, 0..8), ENVS.len()),
    ) {
        let imports: Vec<Vec<usize>> = wishes
            .into_iter()
            .enumerate()
            .map(|(env, wishes)| {
                let mut seen = BTreeSet::new();
                wishes.into_iter().filter(|import| *import > env && seen.insert(*import)).collect()
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let service = start(Arc::new(MemoryStore::new()));
            for env in (0..ENVS.len()).rev() {
                let names: Vec<&str> = imports[env].iter().map(|import| ENVS[*import]).collect();
                let update = importing(ENVS[env], &names);
                let settings = kontraktor_domain::EnvironmentSettings {
                    imports: update.imports.unwrap(),
                    ..Default::default()
                };
                let create = CreateEnvironment { path: update.path, settings, create_missing: true, adopt_existing: false };
                service.create_environment(&caller(), create).await.unwrap();
            }
            let items = (0..ENVS.len())
                .flat_map(|env| own[env].iter().map(move |key| put(ENVS[env], &format!("K{key:02}"), ENVS[env])));
            write(&service, 1, items.collect()).await.unwrap();
            for (env, name) in ENVS.iter().enumerate() {
                let mut found = BTreeMap::new();
                compose(env, &imports, &own, &mut BTreeSet::new(), &mut found);
                let wanted: Vec<(String, &str)> =
                    found.into_iter().map(|(key, origin)| (format!("K{key:02}"), ENVS[origin])).collect();
                let snapshot = service.snapshot(&caller(), &name.parse().unwrap(), false).unwrap();
                let entries = snapshot.variables("");
                let got: Vec<(String, String)> = entries
                    .iter()
                    .map(|entry| {
                        assert_eq!(entry.origin.path.to_string(), *entry.variable.value);
                        (entry.variable.key.to_string(), entry.origin.path.to_string())
                    })
                    .collect();
                assert_eq!(got.iter().map(|(key, from)| (key.clone(), from.as_str())).collect::<Vec<_>>(), wanted);
            }
        });
    }
}
