//! N variables against N of terraform's cheapest resource, with the real terraform.

use crate::{
    contenders::{BUILT_IN, BULK, Contender, ECHO, GO_SAME, GO_SMALL, OURS, SINGLE},
    report,
    watch::{Watch, cpu_seconds},
};

const STEPS: [&str; 4] = ["create", "plan", "update", "destroy"];

/// Times `count` resources, `rounds` times in turn: seconds for each step, Kontraktor's against each rival's.
pub(crate) fn run(count: usize, rounds: usize) {
    report::line(&format!("\nterraform, {count} resources, {rounds} rounds in turn, medians"));
    let mut contenders = vec![OURS, GO_SAME, ECHO, GO_SMALL, BUILT_IN];
    contenders.retain(Contender::is_available);
    let mut times = vec![vec![Vec::new(); STEPS.len()]; contenders.len()];
    let watch = Watch::start("terraform-provider-kontraktor");
    for _ in 0..rounds {
        for (contender, times) in contenders.iter().zip(&mut times) {
            for (step, took) in times.iter_mut().zip(round(*contender, count)) {
                step.push(took);
            }
        }
    }
    let seen = watch.stop();
    for (contender, rival) in contenders.iter().zip(&times).skip(1) {
        for (step, name) in STEPS.iter().enumerate() {
            report::row(name, "s", &times[0][step], Some((contender.name, &rival[step])));
        }
    }
    report::line(&format!("provider's peak resident memory: {:.1} MB", seen.peak_mb));
}

/// Runs a round in a fresh directory and returns the seconds of each step.
fn round(contender: Contender, count: usize) -> [f64; 4] {
    let course = contender.course(count);
    [course.apply(), course.plan(), course.update(), course.destroy()]
}

/// Times one resource with 1,000 keys against 1,000 resources: create, plan, change 10 keys.
pub(crate) fn bulk() {
    const KEYS: usize = 1000;
    report::line(&format!("\none kontraktor_variables with {KEYS} keys, against {KEYS} kontraktor_variable"));
    let mut times = vec![vec![Vec::new(); 3]; 2];
    for _ in 0..3 {
        for (contender, times) in [BULK, SINGLE].iter().zip(&mut times) {
            let course = contender.course(KEYS);
            for (step, took) in times.iter_mut().zip([course.apply(), course.plan(), course.update()]) {
                step.push(took);
            }
        }
    }
    for (step, name) in ["create", "plan", "change 10"].iter().enumerate() {
        report::row(name, "s", &times[0][step], Some(("single", &times[1][step])));
    }
}

/// Shows the cost of provider and daemon at growing numbers: their processor time for each resource, and the seconds
/// beyond those of as many `terraform_data`.
pub(crate) fn growth() {
    report::line(
        "\ngrowth: milliseconds for each resource (provider's and daemon's processor time; wall clock beyond terraform_data)",
    );
    for count in [100, 1000, 5000] {
        let (cpu, ours) = costs(OURS, count);
        let (_, built_in) = costs(BUILT_IN, count);
        for (step, name) in ["create", "plan"].iter().enumerate() {
            let each = |seconds: f64| seconds * 1000.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            report::line(&format!(
                "{count:>5} {name:<7} provider {:6.3}   daemon {:6.3}   beyond terraform_data {:7.3}   ({:.2} s against {:.2} s)",
                each(cpu[step].0),
                each(cpu[step].1),
                each(ours[step] - built_in[step]),
                ours[step],
                built_in[step],
            ));
        }
    }
}

/// Returns processor seconds of provider and daemon, and wall clock seconds, for create and plan.
fn costs(contender: Contender, count: usize) -> ([(f64, f64); 2], [f64; 2]) {
    let course = contender.course(count);
    let daemon = course.world.daemon().pid();
    let mut cpu = [(0.0, 0.0); 2];
    let mut wall = [0.0; 2];
    for step in 0..2 {
        let before = cpu_seconds(daemon);
        let watch = Watch::start("terraform-provider-kontraktor");
        wall[step] = if step == 0 { course.apply() } else { course.plan() };
        let provider = watch.stop().cpu_seconds;
        cpu[step] = (provider, cpu_seconds(daemon) - before);
    }
    (cpu, wall)
}
