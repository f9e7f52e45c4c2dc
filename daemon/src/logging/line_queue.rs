//! A queue of lines and the one thread that writes them. Adding a line never waits: where a reader is too slow, lines are
//! dropped and counted.
//!
//! Written here because the known crate for this (`tracing-appender`) prints to standard output when its end times out, which
//! panics where that is closed.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Lines that wait to be written, up to a number of bytes.
pub(super) struct LineQueue {
    state: Mutex<State>,
    changed: Condvar,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines for which there was no room, since this was reported last.
    dropped: u64,
    /// A line was taken out of the queue and is not written yet.
    is_writing: bool,
}

impl LineQueue {
    /// Starts the thread that writes. `report_dropped` gets the number of lines that were dropped, on that thread, when there
    /// is room again.
    pub(super) fn start(
        to: impl Write + Send + 'static,
        max_bytes: usize,
        report_dropped: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), max_bytes });
        let writer = Arc::clone(&queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.write(to, report_dropped))?;
        Ok(queue)
    }

    /// Adds a line, or counts it where there is no room.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.state();
        if state.bytes.saturating_add(line.len()) > self.max_bytes {
            state.dropped += 1;
            return;
        }
        self.add(state, line);
    }

    /// Adds a line even where there is no room, for what is said once.
    pub(super) fn push_always(&self, line: Vec<u8>) {
        self.add(self.state(), line);
    }

    fn add(&self, mut state: MutexGuard<'_, State>, line: Vec<u8>) {
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until all lines are written, or for as long as that. Returns whether they are.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let is_busy = |state: &mut State| state.is_writing || !state.lines.is_empty();
        let waited = self.changed.wait_timeout_while(self.state(), limit, is_busy);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn write(&self, mut to: impl Write, report_dropped: impl Fn(u64)) {
        loop {
            let mut state = self
                .changed
                .wait_while(self.state(), |state| state.lines.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            let Some(line) = state.lines.pop_front() else { continue };
            state.bytes -= line.len();
            state.is_writing = true;
            // The report needs room itself.
            let has_room = state.bytes <= self.max_bytes / 2;
            let dropped = if has_room { std::mem::take(&mut state.dropped) } else { 0 };
            drop(state);
            // There is nobody to report an error to.
            let _ = to.write_all(&line).and_then(|()| to.flush());
            if dropped > 0 {
                report_dropped(dropped);
            }
            self.state().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds each line that is written to it in one call.
#[derive(Clone)]
pub(super) struct LineWriter(Arc<LineQueue>);

impl LineWriter {
    pub(super) fn new(queue: &Arc<LineQueue>) -> Self {
        Self(Arc::clone(queue))
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader that takes a line when it is allowed to.
    struct Slow {
        allowed: Receiver<()>,
        read: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.read
                .send(String::from_utf8_lossy(line).into_owned())
                .map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_the_reader_and_what_is_dropped_is_counted() {
        let ((allow, allowed), (read, lines)) = (channel(), channel());
        let (report, reported) = channel();
        let queue =
            LineQueue::start(Slow { allowed, read }, 10, move |dropped| report.send(dropped).unwrap())
                .unwrap();
        queue.push(b"first".to_vec());
        // It is being written, so that the queue is empty.
        while !queue.state().is_writing {
            thread::yield_now();
        }
        for number in 0..8 {
            queue.push(format!("line{number}").into_bytes());
        }
        queue.push_always(b"last words".to_vec());
        assert!(!queue.flush(Duration::ZERO));
        for _ in 0..4 {
            allow.send(()).unwrap();
        }
        let written: Vec<_> = lines.iter().take(4).collect();
        assert_eq!(written, ["first", "line0", "line1", "last words"]);
        assert_eq!(reported.recv(), Ok(6));
        assert!(queue.flush(Duration::from_mins(1)));
    }

    #[test]
    fn a_reader_that_is_gone_stops_nobody() {
        let ((_, allowed), (read, _)) = (channel(), channel());
        let queue = LineQueue::start(Slow { allowed, read }, 1_000, |_| {}).unwrap();
        for _ in 0..10 {
            queue.push(b"a line".to_vec());
        }
        assert!(queue.flush(Duration::from_mins(1)));
    }
}
