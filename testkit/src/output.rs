//! What a running process prints, line by line.

use std::{
    io::{BufRead as _, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::wait::BOUND;

/// The lines that a process has printed so far, read in the background so that it never blocks on a full pipe.
#[derive(Debug, Default)]
pub(crate) struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    open_streams: usize,
}

impl Output {
    /// Collects the lines of a stream until it ends, beside those of the streams before.
    pub(crate) fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        self.lock().open_streams += 1;
        let output = Arc::clone(self);
        thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                output.lock().lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                output.changed.notify_all();
                line.clear();
            }
            output.lock().open_streams -= 1;
            output.changed.notify_all();
        });
    }

    /// Waits until `find` accepts one of the lines, those already printed included.
    ///
    /// # Errors
    /// All lines, when every stream ended first.
    ///
    /// # Panics
    /// With all lines, when the bound passes first.
    pub(crate) fn wait_for<T>(&self, name: &str, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let mut state = self.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| find(line)) {
                return Ok(found);
            }
            seen = state.lines.len();
            if state.open_streams == 0 {
                return Err(state.lines.join("\n"));
            }
            let (next, waited) =
                self.changed.wait_timeout(state, BOUND).unwrap_or_else(PoisonError::into_inner);
            state = next;
            assert!(
                !waited.timed_out(),
                "{name} did not print the expected line within {BOUND:?}:\n{}",
                state.lines.join("\n")
            );
        }
    }

    /// Waits until every stream has ended and returns all lines.
    pub(crate) fn to_end(&self) -> String {
        let state = self.lock();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, BOUND, |state| state.open_streams > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.lines.join("\n")
    }

    /// Returns all lines so far.
    pub(crate) fn text(&self) -> String {
        self.lock().lines.join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
