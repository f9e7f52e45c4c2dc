//! 1,000 variables against 1,000 of what costs terraform least.

use std::{path::Path, time::Instant};

use acceptance::{Workspace, World};

use crate::report;

const RESOURCES: usize = 1000;
const ROUNDS: usize = 3;
const STEPS: [&str; 4] = ["create", "plan", "update", "destroy"];

/// One way to have 1,000 resources.
struct Contender {
    name: &'static str,
    config: fn(&str) -> String,
}

const OURS: Contender = Contender {
    name: "kontraktor",
    config: |value| {
        format!(
            r#"resource "kontraktor_variable" "this" {{
  count   = {RESOURCES}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
        )
    },
};

const BUILT_IN: Contender = Contender {
    name: "terraform_data",
    config: |value| {
        format!(
            "resource \"terraform_data\" \"this\" {{\n  count = {RESOURCES}\n  input = \"{value} ${{count.index}}\"\n}}\n"
        )
    },
};

const PEER: Contender = Contender {
    name: "Go framework",
    config: |value| {
        format!(
            r#"resource "peer_variable" "this" {{
  count   = {RESOURCES}
  project = "bench"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
        )
    },
};

pub(crate) fn run(peer: Option<&Path>) {
    report::line(&format!("\nterraform, {RESOURCES} resources, {ROUNDS} rounds in turn, medians"));
    let mut contenders = vec![OURS, BUILT_IN];
    if peer.is_some() {
        contenders.push(PEER);
    }
    let mut times = vec![vec![Vec::new(); STEPS.len()]; contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            for (step, took) in times.iter_mut().zip(round(contender, peer)) {
                step.push(took);
            }
        }
    }
    for (step, name) in STEPS.iter().enumerate() {
        for (contender, rival) in contenders.iter().zip(&times).skip(1) {
            report::row(name, "s", &times[0][step], Some((contender.name, &rival[step])));
        }
    }
    if let Some(rival) = times.get(2) {
        for (step, name) in STEPS.iter().enumerate() {
            report::row(
                &format!("Go framework: {name}"),
                "s",
                &rival[step],
                Some((BUILT_IN.name, &times[1][step])),
            );
        }
    }
}

/// One round in a fresh directory: seconds for each step.
fn round(contender: &Contender, peer: Option<&Path>) -> [f64; 4] {
    let world = World::new();
    let workspace = world.workspace(&(contender.config)("one"));
    if contender.name == PEER.name {
        let folder = peer.and_then(Path::parent).expect("the peer was built");
        workspace.write("versions.tf", "terraform {\n  required_providers {\n    peer = { source = \"registry.terraform.io/peer/peer\" }\n  }\n}\n");
        workspace.write(
            ".terraformrc",
            &format!("disable_checkpoint = true\nprovider_installation {{\n  dev_overrides {{ \"peer/peer\" = \"{}\" }}\n  direct {{}}\n}}\n", folder.display()),
        );
    } else if contender.name == BUILT_IN.name {
        workspace.write("versions.tf", "");
    }
    let create = timed(&workspace, &["apply", "-auto-approve"]);
    let plan = timed(&workspace, &["plan"]);
    workspace.main(&(contender.config)("two"));
    let update = timed(&workspace, &["apply", "-auto-approve"]);
    let destroy = timed(&workspace, &["destroy", "-auto-approve"]);
    [create, plan, update, destroy]
}

fn timed(workspace: &Workspace, arguments: &[&str]) -> f64 {
    let began = Instant::now();
    workspace.terraform(&[arguments, &["-no-color"]].concat()).ok();
    began.elapsed().as_secs_f64()
}
