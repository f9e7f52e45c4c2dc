//! One server's process: what it prints, line by line, and the signals that it gets.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// How long a server may take to say that it is there. Far above what any needs, on a machine that is busy building.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running server.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    output: Arc<Output>,
    /// Ends the server when it is dropped.
    last: Signal,
}

#[derive(Default)]
struct Output {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    /// How many of standard output and standard error are at their end.
    ended: u8,
}

impl Process {
    /// Starts a server with nothing on standard input. `last` is the signal that ends it when it is dropped.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(super) fn spawn(name: &'static str, command: &mut Command, last: Signal) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let output = Arc::new(Output::default());
        follow(&output, child.stdout.take().expect("stdout is piped"));
        follow(&output, child.stderr.take().expect("stderr is piped"));
        Self { name, child, output, last }
    }

    /// Waits until one of the lines, those that were already printed included, is what `wanted` looks for.
    ///
    /// # Errors
    /// Everything that it printed, when it ended first.
    ///
    /// # Panics
    /// When it prints nothing of the kind for two minutes.
    pub(super) fn line<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let mut said = self.output.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = said.lines[seen..].iter().find_map(|line| wanted(line)) {
                return Ok(found);
            }
            seen = said.lines.len();
            if said.ended == 2 {
                return Err(said.lines.join("\n"));
            }
            let (next, waited) =
                self.output.more.wait_timeout(said, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            said = next;
            assert!(!waited.timed_out(), "{} does not come up:\n{}", self.name, said.lines.join("\n"));
        }
    }

    /// Everything that it printed so far.
    pub(super) fn log(&self) -> String {
        self.output.lock().lines.join("\n")
    }

    /// Stops it for a while, and waits until it stands still.
    pub(super) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let status =
            waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).expect("our own child can be waited for");
        assert!(matches!(status, WaitStatus::Stopped(..)), "{} ended instead: {status:?}", self.name);
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, what: Signal) {
        kill(self.pid(), what).expect("our own child takes signals");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit in 32 bits"))
    }

    /// Sends it a signal and waits until it has ended.
    pub(super) fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, or been waited for. One that stands still takes the signal once it goes on.
        if let Ok(None) = self.child.try_wait() {
            self.signal(self.last);
            self.resume();
            let _ = self.child.wait();
        }
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a stream to its end, so that the server never waits for a full pipe.
fn follow(output: &Arc<Output>, stream: impl Read + Send + 'static) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            output.lock().lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            output.more.notify_all();
            line.clear();
        }
        output.lock().ended += 1;
        output.more.notify_all();
    });
}
