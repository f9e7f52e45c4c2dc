//! The kinds of resources that are timed against each other.

use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Instant};

use testkit::{Workspace, World};

/// A kind of resource.
#[derive(Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    provider: Provider,
    config: fn(usize, &str) -> String,
}

/// Where a contender's resource comes from.
#[derive(Clone, Copy)]
enum Provider {
    Kontraktor,
    /// Terraform itself.
    BuiltIn,
    /// The provider of this name, whose binary an environment variable names.
    Rival(&'static str, &'static str),
}

/// The provider in `peer/`, and the one in `echo/`.
const GO: Provider = Provider::Rival("peer", "KONTRAKTOR_BENCH_PEER");
const RUST: Provider = Provider::Rival("echo", "KONTRAKTOR_BENCH_ECHO");

/// `count` resources with the arguments of `kontraktor_variable`.
fn variables(resource: &str, count: usize, value: &str) -> String {
    format!(
        r#"resource "{resource}" "this" {{
  count   = {count}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
    )
}

pub(crate) const OURS: Contender = Contender {
    name: "kontraktor",
    provider: Provider::Kontraktor,
    config: |count, value| variables("kontraktor_variable", count, value),
};

/// One resource for all keys. The values of `two` differ in ten of them.
pub(crate) const BULK: Contender = Contender {
    name: "kontraktor_variables",
    provider: Provider::Kontraktor,
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
    provider: Provider::Kontraktor,
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
    provider: Provider::BuiltIn,
    config: |count, value| {
        format!(
            "resource \"terraform_data\" \"this\" {{\n  count = {count}\n  input = \"{value} ${{count.index}}\"\n}}\n"
        )
    },
};

/// A resource of five attributes on HashiCorp's framework.
pub(crate) const GO_SMALL: Contender = Contender {
    name: "Go, 5 attributes",
    provider: GO,
    config: |count, value| variables("peer_variable", count, value),
};

/// A resource with the schema of ours on HashiCorp's framework, over a map in memory.
pub(crate) const GO_SAME: Contender = Contender {
    name: "Go, same schema",
    provider: GO,
    config: |count, value| variables("peer_same", count, value),
};

/// A resource with the schema of ours that only echoes.
pub(crate) const ECHO: Contender = Contender {
    name: "echo",
    provider: RUST,
    config: |count, value| variables("echo_variable", count, value),
};

impl Contender {
    /// Whether its provider was built.
    pub(crate) fn is_available(&self) -> bool {
        match self.provider {
            Provider::Kontraktor | Provider::BuiltIn => true,
            Provider::Rival(_, binary) => std::env::var_os(binary).is_some(),
        }
    }

    /// Returns a fresh directory and daemon with this contender's first configuration, not yet applied.
    pub(crate) fn course(self, count: usize) -> Course {
        let world = World::new();
        let workspace = world.workspace(&(self.config)(count, "one"));
        match self.provider {
            Provider::Kontraktor => {}
            Provider::BuiltIn => workspace.write("versions.tf", ""),
            Provider::Rival(name, binary) => {
                let binary = std::env::var_os(binary).map(PathBuf::from).expect("the rival was built");
                // terraform looks for the file by its name in this folder, which contains nothing else.
                let folder = workspace.path().join(".rival");
                fs::create_dir(&folder).expect("a folder");
                symlink(binary, folder.join(format!("terraform-provider-{name}"))).expect("a link");
                let folder = folder.display();
                let source = format!("registry.terraform.io/{name}/{name}");
                workspace.write(
                    "versions.tf",
                    &format!("terraform {{\n  required_providers {{\n    {name} = {{ source = \"{source}\" }}\n  }}\n}}\n"),
                );
                workspace.write(
                    ".terraformrc",
                    &format!(
                        "disable_checkpoint = true\nprovider_installation {{\n  dev_overrides {{ \"{name}/{name}\" = \"{folder}\" }}\n  direct {{}}\n}}\n"
                    ),
                );
            }
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
