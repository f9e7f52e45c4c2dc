//! A running child process: its signals, its end, and what it prints.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::output::Output;

/// A child process that ends with the test.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    /// What it prints to standard output, or to both streams when they are kept as one.
    pub(crate) stdout: Arc<Output>,
    pub(crate) stderr: Arc<Output>,
    /// Ends the process when it is dropped.
    last: Signal,
}

impl Process {
    /// Starts a process whose two output streams are kept apart.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn spawn(name: &'static str, command: &mut Command, last: Signal) -> Self {
        Self::spawn_with(name, command, last, Arc::default(), Arc::default())
    }

    /// Starts a process whose two output streams are one log.
    ///
    /// # Panics
    /// When it cannot be started.
    pub(crate) fn spawn_with_one_log(name: &'static str, command: &mut Command, last: Signal) -> Self {
        let log = Arc::<Output>::default();
        Self::spawn_with(name, command, last, Arc::clone(&log), log)
    }

    fn spawn_with(
        name: &'static str,
        command: &mut Command,
        last: Signal,
        stdout: Arc<Output>,
        stderr: Arc<Output>,
    ) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        stdout.follow(child.stdout.take().expect("stdout is piped"));
        stderr.follow(child.stderr.take().expect("stderr is piped"));
        Self { name, child, stdout, stderr, last }
    }

    /// Waits for a line of standard output, see [`Output::wait_for`].
    ///
    /// # Errors
    /// Everything that it printed, when it ended first.
    pub(crate) fn line<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        self.stdout.wait_for(self.name, find)
    }

    /// Waits for a line of standard error, see [`Output::wait_for`].
    ///
    /// # Errors
    /// Everything that it printed, when it ended first.
    pub(crate) fn error_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        self.stderr.wait_for(self.name, find)
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process has been waited for.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a child that was not waited for accepts signals");
    }

    /// Stops the process with SIGSTOP and returns when it has stopped.
    ///
    /// # Panics
    /// When it ends instead.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let status =
            waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).expect("our own child can be waited for");
        assert!(matches!(status, WaitStatus::Stopped(..)), "{} ended instead: {status:?}", self.name);
    }

    /// Continues a paused process.
    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Returns whether the process is running.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("our own child can be waited for")
    }

    /// Sends a signal and waits until the process has ended.
    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids fit in 32 bits"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A paused process receives the signal when it is continued.
        if self.is_running() {
            self.signal(self.last);
            self.resume();
            let _ = self.child.wait();
        }
    }
}
