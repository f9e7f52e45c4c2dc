use serde_json::json;

use super::Daemon;

/// The target of the link to the next page.
fn next(link: &str) -> String {
    link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_list_is_followed_by_its_links() {
    let daemon = Daemon::start();
    for number in 0..5 {
        daemon.put("dev", &format!("KEY_{number}"), "x").await;
        daemon.put(&format!("env-{number}"), "A", "x").await;
    }
    for (path, list, entries) in [
        ("/api/v1/environments/demo/dev/variables?prefix=KEY&page_size=2", "variables", 5),
        ("/api/v1/environments?project=demo&page_size=2", "environments", 6),
        ("/api/v1/environments/demo/dev/history?page_size=2", "entries", 6),
        ("/api/v1/audit/entries?project=demo&sort=sequence&page_size=2", "entries", 17),
    ] {
        let (mut path, mut found) = (path.to_owned(), Vec::new());
        loop {
            let page = daemon.get(&path).await;
            let value = page.value();
            let entries = value[list].as_array().unwrap();
            assert!(entries.len() <= 2);
            found.extend(entries.iter().map(ToString::to_string));
            let Some(link) = page.headers.get("link") else {
                assert!(value["next_cursor"].is_null());
                break;
            };
            path = next(link.to_str().unwrap());
            assert!(path.ends_with(value["next_cursor"].as_str().unwrap()));
        }
        assert_eq!(found.len(), entries, "{path}");
        found.dedup();
        assert_eq!(found.len(), entries, "{path}");
    }
}

#[tokio::test]
async fn lists_are_sorted_as_asked_for_also_on_the_next_page() {
    let daemon = Daemon::start();
    for number in 0..3 {
        daemon.put("dev", &format!("KEY_{number}"), "x").await;
        daemon.put(&format!("env-{number}"), "A", "x").await;
    }
    let variables = "/api/v1/environments/demo/dev/variables";
    for (path, list, member, expected) in [
        (format!("{variables}?sort=-key&page_size=2"), "variables", "key", "KEY_2 KEY_1 KEY_0"),
        (format!("{variables}?sort=-written_time&page_size=2"), "variables", "key", "KEY_2 KEY_1 KEY_0"),
        (format!("{variables}?sort=key&page_size=2"), "variables", "key", "KEY_0 KEY_1 KEY_2"),
        (
            "/api/v1/environments?sort=-name&page_size=3".to_owned(),
            "environments",
            "env",
            "env-2 env-1 env-0 dev",
        ),
        ("/api/v1/projects?sort=-changed_time".to_owned(), "projects", "project", "demo"),
    ] {
        let (mut next_page, mut found) = (Some(path.clone()), Vec::new());
        while let Some(path) = next_page {
            let page = daemon.get(&path).await;
            let value = page.value();
            let items = value[list].as_array().unwrap_or_else(|| panic!("{value}"));
            found.extend(items.iter().map(|item| item[member].as_str().unwrap().to_owned()));
            next_page = page.headers.get("link").map(|link| next(link.to_str().unwrap()));
        }
        assert_eq!(found.join(" "), expected, "{path}");
    }
    let refused = daemon.get(&format!("{variables}?sort=value")).await.problem();
    assert_eq!(refused, "400 invalid sort: invalid sort: expected key, -key, written_time or -written_time");
}

#[tokio::test]
async fn the_smaller_size_counts() {
    let daemon = Daemon::start();
    for number in 0..4 {
        daemon.put(&format!("env-{number}"), "A", "x").await;
    }
    for (size, preferred, expected) in [
        ("", "max-page-size=3", 3),
        ("?page_size=2", "max-page-size=3", 2),
        ("?page_size=3", "max-page-size=1", 1),
    ] {
        let path = format!("/api/v1/environments{size}");
        let page = daemon.send("GET", &path, &[("prefer", preferred)], "").await;
        assert_eq!(page.value()["environments"].as_array().unwrap().len(), expected);
        assert_eq!(page.header("preference-applied"), format!("max-page-size={expected}"));
    }
}

#[tokio::test]
async fn the_cursor_of_another_list_is_refused_by_its_name() {
    let daemon = Daemon::start();
    for number in 0..3 {
        daemon.put(&format!("env-{number}"), "A", "x").await;
    }
    let cursor = daemon.get("/api/v1/environments?page_size=1").await.value()["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let changed = cursor.chars().rev().collect::<String>();
    for path in [
        format!("/api/v1/environments?project=demo&cursor={cursor}"),
        format!("/api/v1/projects?cursor={cursor}"),
        format!("/api/v1/audit/entries?cursor={cursor}"),
        format!("/api/v1/environments?cursor={changed}"),
        "/api/v1/environments?cursor=abc".to_owned(),
    ] {
        let problem = daemon.get(&path).await.problem();
        assert_eq!(
            problem, "400 invalid cursor: the cursor does not belong to this list with these filters",
            "{path}"
        );
    }
    assert_eq!(daemon.get("/api/v1/projects").await.value()["projects"][0]["environment_count"], json!(3));
}
