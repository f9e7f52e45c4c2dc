//! Reading the current state, in pages.

use std::{sync::Arc, time::Duration};

use kontraktor_domain::{Code, Refusal};
use kontraktor_service::{Order, Page, PageRequest, Service, ServiceOptions, SortKey};
use kontraktor_store::MemoryStore;

use super::{
    HandClock, start,
    world::{caller, put},
    write,
};

async fn filled() -> Service {
    let service = start(Arc::new(MemoryStore::new()));
    let items = ["alpha/dev", "alpha/prod", "beta/dev", "beta-2/dev", "gamma/a", "gamma/b", "gamma/c"]
        .into_iter()
        .flat_map(|path| ["APP_A", "APP_B", "APP_C", "DB", "Z"].map(|key| put(path, key, "1")))
        .collect();
    write(&service, 1, items).await.unwrap();
    service
}

/// All pages of a list, by names. A size of 0 is the list's own.
fn pages<T>(
    size: u32,
    list: impl Fn(&PageRequest) -> Result<Page<T>, Refusal>,
    name: impl Fn(&T) -> String,
) -> Vec<Vec<String>> {
    let mut request = PageRequest { size: (size > 0).then_some(size), token: None, ..PageRequest::default() };
    let mut pages = Vec::new();
    loop {
        let page = list(&request).unwrap();
        pages.push(page.items.iter().map(&name).collect());
        if page.next.is_none() {
            return pages;
        }
        request.token = page.next;
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let service = filled().await;
    let projects =
        |size| pages(size, |page| service.projects(&caller(), page), |project| project.name.to_string());
    assert_eq!(projects(0), [["alpha", "beta", "beta-2", "gamma"]]);
    assert_eq!(projects(3), [vec!["alpha", "beta", "beta-2"], vec!["gamma"]]);
    assert_eq!(projects(4).len(), 1, "a full last page has no next one");

    let of = |project: Option<&str>, size| {
        let project = project.map(|name| name.parse().unwrap());
        pages(
            size,
            |page| service.environments(&caller(), project.as_ref(), page),
            |found| found.path.to_string(),
        )
        .concat()
    };
    let all = ["alpha/dev", "alpha/prod", "beta/dev", "beta-2/dev", "gamma/a", "gamma/b", "gamma/c"];
    for size in 1..=8 {
        assert_eq!(of(None, size), all, "pages of {size}");
        assert_eq!(of(Some("gamma"), size), &all[4..], "pages of {size}");
    }
    let path = "gamma/b".parse().unwrap();
    let keys = |prefix, size| {
        pages(
            size,
            |page| service.variables(&caller(), &path, prefix, page).map(|found| found.1),
            |variable| variable.key.to_string(),
        )
    };
    assert_eq!(keys("", 2), [vec!["APP_A", "APP_B"], vec!["APP_C", "DB"], vec!["Z"]]);
    assert_eq!(keys("APP_", 2), [vec!["APP_A", "APP_B"], vec!["APP_C"]]);
    assert_eq!(keys("none", 2), [Vec::<String>::new()]);
}

#[tokio::test]
async fn lists_come_in_other_orders_and_pages_of_any_size() {
    let clock = HandClock::new();
    let service =
        Service::start(Arc::new(MemoryStore::new()), Arc::new(clock.clone()), ServiceOptions::default())
            .unwrap();
    // A hyphen is less than what separates the names of project and environment.
    for (id, (path, key)) in
        [("b/dev", "B"), ("a/dev", "C"), ("a-2/dev", "A"), ("a/base", "D"), ("a/dev", "E"), ("a/dev", "C2")]
            .into_iter()
            .enumerate()
    {
        write(&service, id as u128 + 1, vec![put(path, key, "1")]).await.unwrap();
        if id != 4 {
            clock.advance(Duration::from_secs(1));
        }
    }
    write(&service, 9, vec![put("a/dev", "C", "2")]).await.unwrap();
    let path = "a/dev".parse().unwrap();
    let [name, time] = [SortKey::Name, SortKey::Time];
    for (by, projects, environments, variables) in [
        (name, "a a-2 b", "a/base a/dev a-2/dev b/dev", "C C2 E"),
        (time, "b a a-2", "b/dev a/dev a-2/dev a/base", "C2 E C"),
    ] {
        for descending in [false, true] {
            let order = Order { by, descending };
            let expected = |names: &str| {
                let mut names: Vec<_> = names.split(' ').map(str::to_owned).collect();
                if descending {
                    names.reverse();
                }
                names
            };
            let ordered = |page: &PageRequest| PageRequest { order, ..page.clone() };
            for size in 1..=5 {
                let list = |page: &PageRequest| service.projects(&caller(), &ordered(page));
                assert_eq!(pages(size, list, |it| it.name.to_string()).concat(), expected(projects));
                let list = |page: &PageRequest| service.environments(&caller(), None, &ordered(page));
                assert_eq!(pages(size, list, |it| it.path.to_string()).concat(), expected(environments));
                let list = |page: &PageRequest| {
                    service.variables(&caller(), &path, "", &ordered(page)).map(|found| found.1)
                };
                assert_eq!(pages(size, list, |it| it.key.to_string()).concat(), expected(variables));
            }
        }
    }
    // A token continues in the order that it is of.
    let one = PageRequest { size: Some(1), ..PageRequest::default() };
    let token = service.projects(&caller(), &one).unwrap().next;
    let order = Order { by: name, descending: true };
    let refused = service.projects(&caller(), &PageRequest { token, order, ..one }).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("page_token"));
}

#[tokio::test]
async fn a_token_belongs_to_its_list() {
    let service = filled().await;
    let first = PageRequest { size: Some(1), token: None, ..PageRequest::default() };
    let page = |token: &str| PageRequest { token: Some(token.to_owned()), ..first.clone() };
    let path = "gamma/b".parse().unwrap();
    let token = service.variables(&caller(), &path, "APP_", &first).unwrap().1.next.unwrap();
    assert!(service.variables(&caller(), &path, "APP_", &page(&token)).is_ok());
    let other = "gamma/a".parse().unwrap();
    let of_projects = service.projects(&caller(), &first).unwrap().next.unwrap();
    let wrong = [
        service.variables(&caller(), &path, "", &page(&token)).map(drop),
        service.variables(&caller(), &other, "APP_", &page(&token)).map(drop),
        service.projects(&caller(), &page(&token)).map(drop),
        service.projects(&caller(), &page("no token")).map(drop),
        service.projects(&caller(), &page("00")).map(drop),
        service.projects(&caller(), &page(&token[..token.len() - 2])).map(drop),
        service.projects(&caller(), &page("")).map(drop),
        service.environments(&caller(), None, &page(&of_projects)).map(drop),
    ];
    for result in wrong {
        let refusal = result.unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Invalid, Some("page_token")));
    }
}

#[tokio::test]
async fn a_snapshot_is_of_one_point_in_time() {
    let service = filled().await;
    let path = "alpha/dev".parse().unwrap();
    let before = service.snapshot(&caller(), &path, false).unwrap();
    assert_eq!((before.variables("").len(), before.variables("APP_").len()), (5, 3));
    write(&service, 2, vec![put("alpha/dev", "APP_A", "2"), put("alpha/dev", "NEW", "2")]).await.unwrap();
    assert_eq!((before.variables("").len(), &*before.variables("")[0].variable.value), (5, "1"));
    let after = service.snapshot(&caller(), &path, false).unwrap();
    assert_ne!(after.version(), before.version());
    assert_eq!((after.variables("").len(), after.environment().revision), (6, 2));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let service = filled().await;
    let messages = [
        service.project(&caller(), &"none".parse().unwrap()).unwrap_err(),
        service.environment(&caller(), &"none/dev".parse().unwrap()).unwrap_err(),
        service.environment(&caller(), &"alpha/none".parse().unwrap()).unwrap_err(),
        service.variable(&caller(), &"alpha/dev".parse().unwrap(), &"NONE".parse().unwrap()).unwrap_err(),
        service.environments(&caller(), Some(&"none".parse().unwrap()), &PageRequest::default()).unwrap_err(),
        service.snapshot(&caller(), &"alpha/none".parse().unwrap(), false).unwrap_err(),
    ]
    .map(|refusal| {
        assert_eq!(refusal.code, Code::NotFound);
        format!("{}: {}", refusal.field.as_deref().unwrap_or_default(), refusal.message)
    });
    insta::assert_snapshot!(messages.join("\n"), @r#"
    project: project "none" does not exist
    project: project "none" does not exist
    env: environment "alpha/none" does not exist
    key: key "NONE" does not exist in environment "alpha/dev"
    project: project "none" does not exist
    env: environment "alpha/none" does not exist
    "#);
}
