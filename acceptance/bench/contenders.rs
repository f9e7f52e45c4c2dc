//! The kinds of resources that are timed against each other.

use std::{path::Path, time::Instant};

use testkit::{Workspace, World};

/// A kind of resource.
#[derive(Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    config: fn(usize, &str) -> String,
}

pub(crate) const OURS: Contender = Contender {
    name: "kontraktor",
    config: |count, value| {
        format!(
            r#"resource "kontraktor_variable" "this" {{
  count   = {count}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
        )
    },
};

/// One resource for all keys. The values of `two` differ in ten of them.
pub(crate) const BULK: Contender = Contender {
    name: "kontraktor_variables",
    config: |count, value| {
        format!(
            r#"resource "kontraktor_variables" "this" {{
  project   = "bench"
  env       = "dev"
  variables = {{ for i in range({count}) : "KEY_${{i}}" => i < 10 ? "{value} ${{i}}" : "one ${{i}}" }}
}}
"#
        )
    },
};

/// A resource for each key. The values of `two` differ in ten of them.
pub(crate) const SINGLE: Contender = Contender {
    name: "kontraktor_variable",
    config: |count, value| {
        format!(
            r#"resource "kontraktor_variable" "this" {{
  count   = {count}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = count.index < 10 ? "{value} ${{count.index}}" : "one ${{count.index}}"
}}
"#
        )
    },
};

pub(crate) const BUILT_IN: Contender = Contender {
    name: "terraform_data",
    config: |count, value| {
        format!(
            "resource \"terraform_data\" \"this\" {{\n  count = {count}\n  input = \"{value} ${{count.index}}\"\n}}\n"
        )
    },
};

pub(crate) const PEER: Contender = Contender {
    name: "Go framework",
    config: |count, value| {
        format!(
            r#"resource "peer_variable" "this" {{
  count   = {count}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
        )
    },
};

impl Contender {
    /// Returns a fresh directory and daemon with this contender's first configuration, not yet applied.
    pub(crate) fn course(self, count: usize, peer: Option<&Path>) -> Course {
        let world = World::new();
        let workspace = world.workspace(&(self.config)(count, "one"));
        if self.name == PEER.name {
            let folder = peer.and_then(Path::parent).expect("the peer was built");
            workspace.write(
                "versions.tf",
                "terraform {\n  required_providers {\n    peer = { source = \"registry.terraform.io/peer/peer\" }\n  }\n}\n",
            );
            workspace.write(
                ".terraformrc",
                &format!(
                    "disable_checkpoint = true\nprovider_installation {{\n  dev_overrides {{ \"peer/peer\" = \"{}\" }}\n  direct {{}}\n}}\n",
                    folder.display()
                ),
            );
        } else if self.name == BUILT_IN.name {
            workspace.write("versions.tf", "");
        }
        Course { contender: self, workspace, count, world }
    }
}

/// A contender's directory. Each step returns its seconds.
pub(crate) struct Course {
    contender: Contender,
    workspace: Workspace,
    count: usize,
    pub(crate) world: World,
}

impl Course {
    /// Applies the configuration.
    pub(crate) fn apply(&self) -> f64 {
        self.timed(&["apply", "-auto-approve"])
    }

    /// Plans without changes.
    pub(crate) fn plan(&self) -> f64 {
        self.timed(&["plan"])
    }

    /// Applies changed values.
    pub(crate) fn update(&self) -> f64 {
        self.workspace.main(&(self.contender.config)(self.count, "two"));
        self.apply()
    }

    /// Destroys everything.
    pub(crate) fn destroy(&self) -> f64 {
        self.timed(&["destroy", "-auto-approve"])
    }

    fn timed(&self, arguments: &[&str]) -> f64 {
        let began = Instant::now();
        self.workspace.terraform(&[arguments, &["-no-color"]].concat()).ok();
        began.elapsed().as_secs_f64()
    }
}
