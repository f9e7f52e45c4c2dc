//! Processor time and memory of processes, read from /proc (proc(5)) while they run.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The time between two samples. What a process does after the last sample is missed.
const PERIOD: Duration = Duration::from_millis(5);

/// Ticks per second, `sysconf(_SC_CLK_TCK)`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// Samples all processes of one program until it is stopped.
pub(crate) struct Watch {
    done: Arc<AtomicBool>,
    sampling: JoinHandle<HashMap<u32, Seen>>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    cpu: f64,
    peak_kb: f64,
}

/// The totals of all processes.
pub(crate) struct Totals {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// The largest of their resident sets.
    pub(crate) peak_mb: f64,
}

impl Watch {
    /// Watches the processes whose program has this name.
    pub(crate) fn start(program: &'static str) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let sampling = thread::spawn(move || {
            let mut seen = HashMap::new();
            while !until.load(Ordering::Relaxed) {
                sample(program, &mut seen);
                thread::sleep(PERIOD);
            }
            seen
        });
        Self { done, sampling }
    }

    pub(crate) fn stop(self) -> Totals {
        self.done.store(true, Ordering::Relaxed);
        let seen = self.sampling.join().unwrap_or_default();
        Totals {
            cpu_seconds: seen.values().map(|seen| seen.cpu).sum(),
            peak_mb: seen.values().map(|seen| seen.peak_kb).fold(0.0, f64::max) / 1024.0,
        }
    }
}

fn sample(program: &str, seen: &mut HashMap<u32, Seen>) {
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let is_it = fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|exe| exe.file_name().is_some_and(|name| name == program));
        if is_it {
            let before = seen.entry(pid).or_default();
            before.cpu = before.cpu.max(cpu_seconds(pid));
            before.peak_kb = before.peak_kb.max(peak_kb(pid));
        }
    }
}

/// Returns a process' user and system time in seconds; 0 when it has ended.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name may contain brackets: the fields after the last one have fixed positions.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

fn peak_kb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0.0)
}
