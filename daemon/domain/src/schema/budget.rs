//! How many steps the checks of one request may take together: the one writer has other requests to serve. It does not
//! know what is checked.

use super::{Checker, Instance, Mismatch};

/// Steps that all checks of a request may take: half a second at worst.
pub(crate) const MAX_REQUEST_STEPS: u64 = 50_000_000;

/// Steps that explaining the mismatches of a request may take. Beyond it, a message leaves out where a value is wrong.
const MAX_EXPLAINING_STEPS: u64 = 50_000_000;

/// Counts the steps of one request's checks, and reports when they are too many.
#[derive(Debug, Default)]
pub(crate) struct ValidationBudget {
    spent: u64,
    explained: u64,
}

impl ValidationBudget {
    /// Returns false if that is too much; then nothing is spent, so that a smaller check may still fit.
    #[must_use]
    pub(crate) fn spend(&mut self, steps: u64) -> bool {
        let spent = self.spent.saturating_add(steps);
        let enough = spent <= MAX_REQUEST_STEPS;
        if enough {
            self.spent = spent;
        }
        enough
    }

    /// Explains how a value that does not conform violates the schema.
    pub(crate) fn explain(&mut self, checker: &Checker, instance: &Instance) -> Mismatch {
        let explained = self.explained.saturating_add(checker.explaining_steps(instance));
        if explained > MAX_EXPLAINING_STEPS {
            return Mismatch::whole(
                "it does not conform; this request has too many such values to say where each is wrong",
            );
        }
        self.explained = explained;
        checker.explain(instance)
    }
}
