//! Commands that are carried out only where what they are about is still at the version that their author saw. The writer
//! checks it, so that nothing comes between the check and the write.

use super::{
    super::{
        Authorship, Code, DeleteEnvironment, DeleteProject, DeleteSchema, Refusal, State, UpdateEnvironment,
        UpdateProject, UpdateSchema,
    },
    Command, Draft, Weight, find_environment, find_project, find_schema,
};

/// A command, and the version at which it may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtVersion<C> {
    /// What to do.
    pub command: C,
    /// The version of what the command is about, as its `version` returns it. None: any.
    pub version: Option<String>,
}

impl<C> From<C> for AtVersion<C> {
    fn from(command: C) -> Self {
        Self { command, version: None }
    }
}

/// A command about one thing that has versions.
pub trait Versioned: Command {
    /// Returns what the thing is called, its version, and who changed it last.
    fn current(&self, state: &State) -> Result<(String, String, Authorship), Refusal>;
}

impl<C: Versioned> Command for AtVersion<C> {
    type Outcome = C::Outcome;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        if let Some(expected) = &self.version {
            let (what, version, Authorship { actor, via, at }) = self.command.current(draft.state())?;
            if version != *expected {
                let message = format!(
                    "{what} is not at the expected version; it was last changed by {actor} through {via} at {at}"
                );
                return Err(Refusal::new(Code::Conflict, message)
                    .field("version")
                    .remedy("read it again, and decide on what it is now"));
            }
        }
        self.command.apply(draft)
    }

    fn weight(&self) -> Weight {
        self.command.weight()
    }
}

/// Declares commands about a project, an environment or a schema.
macro_rules! versioned {
    ($($command:ident => |$self:ident, $state:ident| $what:expr, $found:expr, $changed:ident;)*) => {
        $(impl Versioned for $command {
            fn current(&self, $state: &State) -> Result<(String, String, Authorship), Refusal> {
                let $self = self;
                let found = $found;
                Ok(($what, found.version(), found.$changed.clone()))
            }
        })*
    };
}

versioned! {
    UpdateProject => |it, state| format!("project \"{}\"", it.name), find_project(state, &it.name)?, changed;
    DeleteProject => |it, state| format!("project \"{}\"", it.name), find_project(state, &it.name)?, changed;
    UpdateEnvironment => |it, state| format!("environment \"{}\"", it.path), find_environment(state, &it.path)?, written;
    DeleteEnvironment => |it, state| format!("environment \"{}\"", it.path), find_environment(state, &it.path)?, written;
    UpdateSchema => |it, state| format!("schema \"{}\" of project \"{}\"", it.name, it.project),
        find_schema(find_project(state, &it.project)?, &it.name)?, changed;
    DeleteSchema => |it, state| format!("schema \"{}\" of project \"{}\"", it.name, it.project),
        find_schema(find_project(state, &it.project)?, &it.name)?, changed;
}
