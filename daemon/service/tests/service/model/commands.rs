//! The requests that are put to the rules and to the model, and how they are generated.

use kontraktor_domain::{
    AnyCommand, Batch, CreateEnvironment, CreateProject, DeleteEnvironment, DeleteProject, EarlierState,
    EnvironmentSettings, Expect, Operate, ProjectSettings, RestoreEnvironment, UpdateEnvironment,
    UpdateProject, WriteItem,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::world::{batch, put};

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: &'static str,
    pub(super) key: &'static str,
    /// None: delete.
    pub(super) value: Option<&'static str>,
    pub(super) create_missing: bool,
    pub(super) protected: Option<bool>,
    pub(super) expect: Expect,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    CreateProject {
        name: &'static str,
        adopt: bool,
    },
    UpdateProject {
        name: &'static str,
        protected: Option<bool>,
    },
    DeleteProject {
        name: &'static str,
        force: bool,
    },
    CreateEnv {
        path: &'static str,
        create_missing: bool,
        adopt: bool,
        imports: Vec<&'static str>,
    },
    UpdateEnv {
        path: &'static str,
        protected: Option<bool>,
        imports: Option<Vec<&'static str>>,
    },
    DeleteEnv {
        path: &'static str,
        force: bool,
    },
    /// `which` of the states that the environment went through.
    Restore {
        path: &'static str,
        which: usize,
        expect: Option<u64>,
    },
    Write(Vec<Vec<Item>>),
}

impl Command {
    /// `past` is for restoring alone. None: writes are [`batch_of`] their groups.
    pub(super) fn request(&self, past: Option<&EarlierState>) -> Option<Box<dyn AnyCommand>> {
        Some(match self {
            Self::CreateProject { name, adopt } => Box::new(CreateProject {
                name: name.parse().unwrap(),
                settings: ProjectSettings::default(),
                adopt_existing: *adopt,
            }),
            Self::UpdateProject { name, protected } => Box::new(UpdateProject {
                name: name.parse().unwrap(),
                description: None,
                protected: *protected,
                expect: None,
            }),
            Self::DeleteProject { name, force } => {
                Box::new(DeleteProject { name: name.parse().unwrap(), force: *force })
            }
            Self::CreateEnv { path, create_missing, adopt, imports } => Box::new(CreateEnvironment {
                path: path.parse().unwrap(),
                settings: EnvironmentSettings {
                    imports: imports.iter().map(|import| import.parse().unwrap()).collect(),
                    ..EnvironmentSettings::default()
                },
                create_missing: *create_missing,
                adopt_existing: *adopt,
            }),
            Self::UpdateEnv { path, protected, imports } => Box::new(UpdateEnvironment {
                path: path.parse().unwrap(),
                description: None,
                protected: *protected,
                imports: imports
                    .as_ref()
                    .map(|imports| imports.iter().map(|import| import.parse().unwrap()).collect()),
                expect: None,
            }),
            Self::DeleteEnv { path, force } => {
                Box::new(DeleteEnvironment { path: path.parse().unwrap(), force: *force })
            }
            Self::Restore { path, expect, .. } => Box::new(RestoreEnvironment {
                path: path.parse().unwrap(),
                earlier: past.expect("there is one wherever restoring is asked for").clone(),
                expect_revision: *expect,
            }),
            Self::Write(_) => return None,
        })
    }
}

pub(super) fn batch_of(id: u128, groups: &[Vec<Item>]) -> Batch {
    batch(id, groups.iter().map(|group| group.iter().map(Item::wire).collect()).collect())
}

impl Item {
    fn wire(&self) -> WriteItem {
        let mut item =
            WriteItem { expect: self.expect, ..put(self.path, self.key, self.value.unwrap_or_default()) };
        match (&mut item.operation, self.value) {
            (Ok(Operate::Put(put)), Some(_)) => {
                put.create_missing = self.create_missing;
                put.protected = self.protected;
            }
            (operation, _) => *operation = Ok(Operate::Delete),
        }
        item
    }
}

const PROJECTS: [&str; 2] = ["p", "q"];
const PATHS: [&str; 4] = ["p/a", "p/b", "q/a", "q/b"];

fn path() -> impl Strategy<Value = &'static str> {
    select(&PATHS[..])
}

fn protected() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![4 => Just(None), 1 => Just(Some(true)), 2 => Just(Some(false))]
}

fn imports() -> impl Strategy<Value = Vec<&'static str>> {
    vec(path(), 0..3)
}

fn item() -> impl Strategy<Value = Item> {
    let expect = prop_oneof![
        3 => Just(Expect::Nothing),
        1 => Just(Expect::Absent),
        2 => (1_u64..8).prop_map(Expect::Revision)
    ];
    let value = select(vec![Some("1"), Some("2"), Some(""), None]);
    (path(), select(&["A", "B", "C"][..]), value, prop::bool::weighted(0.8), protected(), expect).prop_map(
        |(path, key, value, create_missing, protected, expect)| Item {
            path,
            key,
            value,
            create_missing,
            protected,
            expect,
        },
    )
}

/// Groups in which no key of an environment occurs twice.
fn groups() -> impl Strategy<Value = Vec<Vec<Item>>> {
    vec(vec(item(), 1..4), 1..4).prop_map(|groups| {
        let mut seen = Vec::new();
        let mut fresh = |item: &Item| {
            let name = (item.path, item.key);
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
        };
        let groups = groups.into_iter().map(|group| group.into_iter().filter(&mut fresh).collect::<Vec<_>>());
        groups.filter(|group| !group.is_empty()).collect()
    })
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let name = || select(&PROJECTS[..]);
    prop_oneof![
        1 => (name(), any::<bool>()).prop_map(|(name, adopt)| Command::CreateProject { name, adopt }),
        1 => (name(), protected()).prop_map(|(name, protected)| Command::UpdateProject { name, protected }),
        2 => (name(), any::<bool>()).prop_map(|(name, force)| Command::DeleteProject { name, force }),
        3 => (path(), any::<bool>(), any::<bool>(), imports()).prop_map(
            |(path, create_missing, adopt, imports)| Command::CreateEnv { path, create_missing, adopt, imports }
        ),
        4 => (path(), protected(), option::of(imports()))
            .prop_map(|(path, protected, imports)| Command::UpdateEnv { path, protected, imports }),
        2 => (path(), any::<bool>()).prop_map(|(path, force)| Command::DeleteEnv { path, force }),
        4 => (path(), any::<usize>(), option::weighted(0.2, 1_u64..8))
            .prop_map(|(path, which, expect)| Command::Restore { path, which, expect }),
        8 => groups().prop_map(Command::Write),
    ]
}

/// The readable name of who asks.
pub(super) fn name() -> impl Strategy<Value = Option<&'static str>> {
    select(vec![None, Some("Ada"), Some("Ada Lovelace")])
}
