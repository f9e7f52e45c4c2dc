//! A directory in which terraform runs.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kontraktor_proto::endpoint::CONNECTION_VARIABLES;
use tempfile::TempDir;

use crate::{Run, World, binary};

/// How terraform gets the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// `dev_overrides`: the built binary, with no `init`, lock file or version.
    Override,
    /// A filesystem mirror in the registry's layout, and `terraform init`.
    Mirror,
}

/// A directory for terraform.
#[derive(Debug)]
pub struct Workspace {
    directory: TempDir,
    host: String,
}

impl Workspace {
    /// Writes `main.tf` and the CLI configuration; with [`Install::Mirror`] also runs `terraform init`.
    ///
    /// # Panics
    /// When files cannot be written or `init` fails.
    pub fn new(world: &World, install: Install, main: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("tf-").tempdir_in(world.path()).expect("a directory");
        let workspace = Self { directory, host: world.host() };
        let installation = match install {
            Install::Override => {
                // terraform looks for the file by its name in this folder, which contains nothing else.
                let folder = workspace.path().join(".override");
                fs::create_dir(&folder).expect("a folder");
                let provider = binary("terraform-provider-kontraktor");
                std::os::unix::fs::symlink(provider, folder.join("terraform-provider-kontraktor"))
                    .expect("a link");
                // The full address, for the same reason as in SOURCE.
                format!(
                    "dev_overrides {{ \"registry.terraform.io/kontraktor/kontraktor\" = \"{}\" }}\n  direct {{}}",
                    folder.display()
                )
            }
            Install::Mirror => {
                let mirror = mirror(world);
                format!("filesystem_mirror {{ path = \"{}\" }}", mirror.display())
            }
        };
        workspace.write(
            ".terraformrc",
            &format!("disable_checkpoint = true\nprovider_installation {{\n  {installation}\n}}\n"),
        );
        workspace.write("main.tf", main);
        if install == Install::Mirror {
            workspace.write("versions.tf", VERSIONS);
            workspace.terraform(&["init", "-no-color"]).ok();
        } else {
            workspace.write("versions.tf", SOURCE);
        }
        workspace
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes or replaces a file in the directory.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(path, content).expect("the scratch directory takes a file");
    }

    /// Replaces `main.tf`.
    pub fn main(&self, content: &str) -> &Self {
        self.write("main.tf", content);
        self
    }

    /// Returns the state; empty when it does not exist.
    pub fn state(&self) -> String {
        fs::read_to_string(self.path().join("terraform.tfstate")).unwrap_or_default()
    }

    /// Returns a command that runs terraform here, for tests that need more than its output.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(terraform());
        command
            .args(arguments)
            .current_dir(self.path())
            .env("TF_CLI_CONFIG_FILE", self.path().join(".terraformrc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("NO_COLOR", "1");
        for name in CONNECTION_VARIABLES.into_iter().chain(["TF_LOG", "TF_LOG_PROVIDER", "TF_CLI_ARGS"]) {
            command.env_remove(name);
        }
        command.env("KONTRAKTOR_HOST", &self.host);
        command
    }

    /// Runs terraform with these arguments.
    pub fn terraform(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// Runs `terraform apply -auto-approve`, with further arguments.
    pub fn apply(&self, more: &[&str]) -> Run {
        self.terraform(&[&["apply", "-auto-approve", "-no-color", "-compact-warnings"], more].concat())
    }

    /// Runs `terraform plan -detailed-exitcode`, which exits with 2 when something would change.
    pub fn plan(&self, more: &[&str]) -> Run {
        self.terraform(&[&["plan", "-no-color", "-detailed-exitcode", "-compact-warnings"], more].concat())
    }

    /// Runs `terraform destroy -auto-approve`.
    pub fn destroy(&self) -> Run {
        self.terraform(&["destroy", "-auto-approve", "-no-color", "-compact-warnings"])
    }

    /// Asserts that a plan is empty.
    ///
    /// # Panics
    /// With the plan, when it is not.
    #[track_caller]
    pub fn settled(&self) {
        let plan = self.plan(&[]);
        assert_eq!(plan.code, 0, "the plan should be empty\n{}\n{}", plan.stdout, plan.stderr);
    }

    /// Returns an output of the state, as JSON.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn output(&self, name: &str) -> serde_json::Value {
        let run = self.terraform(&["output", "-json", "-no-color", name]).ok();
        serde_json::from_str(&run.stdout).expect("terraform prints JSON")
    }

    /// Returns the attributes of a resource in the state.
    ///
    /// # Panics
    /// When it is not in the state.
    pub fn attributes(&self, address: &str) -> serde_json::Value {
        let run = self.terraform(&["show", "-json", "-no-color"]).ok();
        let state: serde_json::Value = serde_json::from_str(&run.stdout).expect("terraform prints JSON");
        let resources = state["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        let found = resources.into_iter().find(|resource| resource["address"] == address);
        found.unwrap_or_else(|| panic!("{address} is not in the state"))["values"].clone()
    }
}

/// Returns the program under test: `terraform` on the PATH, or the one that `KONTRAKTOR_TEST_TERRAFORM` names.
fn terraform() -> OsString {
    std::env::var_os("KONTRAKTOR_TEST_TERRAFORM").unwrap_or_else(|| "terraform".into())
}

/// Returns a folder laid out like the registry, created once for each world. The short source address of the examples
/// means one host to terraform and another to tofu, so the provider is under both.
fn mirror(world: &World) -> PathBuf {
    let mirror = world.path().join("mirror");
    let platform = format!("{}_{}", std::env::consts::OS, goarch());
    let version = env!("CARGO_PKG_VERSION");
    for host in ["registry.terraform.io", "registry.opentofu.org"] {
        let folder = mirror.join(host).join("kontraktor/kontraktor").join(version).join(&platform);
        if folder.exists() {
            continue;
        }
        fs::create_dir_all(&folder).expect("a folder");
        let provider = folder.join(format!("terraform-provider-kontraktor_v{version}"));
        let built = binary("terraform-provider-kontraktor");
        // Copied only across filesystems, because a debug binary is large.
        if fs::hard_link(&built, &provider).is_err() {
            fs::copy(&built, &provider).expect("the provider can be copied");
        }
    }
    mirror
}

/// Returns Go's name of the processor architecture, which terraform uses.
fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

// The full address, so that tofu means the same provider.
const SOURCE: &str = r#"terraform {
  required_providers {
    kontraktor = { source = "registry.terraform.io/kontraktor/kontraktor" }
  }
}
"#;

const VERSIONS: &str = r#"terraform {
  required_providers {
    kontraktor = {
      source  = "registry.terraform.io/kontraktor/kontraktor"
      version = "~> 0.1"
    }
  }
}
"#;
