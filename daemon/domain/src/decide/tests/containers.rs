//! Projects and environments: making, adopting, deleting them, and how they count.

use super::{
    super::super::{Code, UpdateEnvironment, UpdateProject},
    World, delete, put, summaries,
};

#[test]
fn explicit_and_implicit() {
    let mut world = World::new();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    assert!(world.state.project(&"p".parse().unwrap()).unwrap().implicit);
    world.create_project("p").unwrap();
    world.create_env("p/e", false).unwrap();
    assert_eq!(world.revision("p/e"), 2, "adoption is a change");
    let project = world.state.project(&"p".parse().unwrap()).unwrap();
    assert_eq!((project.implicit, &*project.description), (false, "made"));
    assert_eq!(world.create_project("p").unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.create_env("p/e", true).unwrap_err().code, Code::AlreadyExists);
    assert_eq!(world.create_env("q/e", false).unwrap_err().code, Code::NotFound);
    world.create_env("q/e", true).unwrap();
    let project = world.state.project(&"q".parse().unwrap()).unwrap();
    assert!(project.implicit && !project.environments.values().next().unwrap().implicit);

    let events = world.events.len();
    let update = UpdateProject {
        name: "q".parse().unwrap(),
        description: Some(String::new()),
        protected: None,
        expect: None,
    };
    world.ask(&update).unwrap();
    assert_eq!(world.events.len(), events + 1, "an update makes an implicit project explicit");
    world.ask(&update).unwrap();
    assert_eq!(world.events.len(), events + 1, "nothing to change");
    let update = UpdateEnvironment {
        path: "q/e".parse().unwrap(),
        description: Some("new".to_owned()),
        protected: None,
        imports: None,
        expect: None,
    };
    world.ask(&update).unwrap();
    world.ask(&update).unwrap();
    assert_eq!(world.revision("q/e"), 2);
}

#[test]
fn what_holds_something_is_not_deleted() {
    let mut world = World::new();
    world.write(vec![(0..24).map(|i| put("p/e", &format!("K{i:02}"), "1")).collect()]);
    let refusal = world.delete_env("p/e").unwrap_err();
    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::NotEmpty, Some("env")));
    assert_eq!(
        refusal.message,
        "environment \"p/e\" still holds 24 variables: K00, K01, K02, K03, K04, K05, K06, K07, K08, K09, K10, K11, \
         K12, K13, K14, K15, K16, K17, K18, K19 and 4 more"
    );
    let refusal = world.delete_project("p").unwrap_err();
    assert_eq!(refusal.message, "project \"p\" still holds 1 environment with 24 variables: e");
    world.write(vec![(0..24).map(|i| delete("p/e", &format!("K{i:02}"))).collect()]);
    world.delete_project("p").unwrap();
    assert_eq!(world.state.environment_count(), 0);
    assert_eq!(world.delete_project("p").unwrap_err().code, Code::NotFound);
    assert_eq!(world.delete_env("p/e").unwrap_err().field.as_deref(), Some("project"));

    world.create_env("p/e", true).unwrap();
    assert_eq!(world.delete_project("p").unwrap_err().code, Code::NotEmpty, "an explicit environment counts");
    world.delete_env("p/e").unwrap();
    world.delete_project("p").unwrap();
}

#[test]
fn a_recreated_environment_keeps_its_id_and_continues_its_revisions() {
    let mut world = World::new();
    world.create_env("p/e", true).unwrap();
    let id = world.state.environment(&"p/e".parse().unwrap()).unwrap().id;
    world.write(vec![vec![put("p/e", "A", "1")]]);
    world.write(vec![vec![delete("p/e", "A")]]);
    world.delete_env("p/e").unwrap();
    world.delete_project("p").unwrap();
    let outcome = world.write(vec![vec![put("p/e", "A", "1")]]);
    assert_eq!(summaries(&outcome), ["written 5/5"], "created, written, deleted, gone, and now the fifth");
    assert_eq!(world.state.environment(&"p/e".parse().unwrap()).unwrap().id, id);
    world.create_env("p/f", false).unwrap();
    assert_ne!(world.state.environment(&"p/f".parse().unwrap()).unwrap().id, id);
}

#[test]
fn different_states_have_different_versions() {
    let mut world = World::new();
    let version = |world: &World| world.state.environment(&"p/e".parse().unwrap()).unwrap().version();
    world.write(vec![vec![put("p/e", "A", "1")]]);
    let first = version(&world);
    world.write(vec![vec![put("p/other", "A", "1")]]);
    assert_eq!(version(&world), first, "another environment's write is none of ours");
    world.write(vec![vec![put("p/e", "A", "2")]]);
    assert_ne!(version(&world), first);

    let mut other = World::new();
    other.write(vec![vec![put("p/e", "A", "another past")]]);
    assert_ne!(version(&other), first, "equal revisions of unlike pasts");
}
