//! What the checks of one request may take together: the one writer has other requests to serve. It refuses to know what
//! is checked.

use super::{Checker, Instance, Mismatch};

/// Steps that all checks of a request may take: half a second at worst.
pub(crate) const MAX_REQUEST_STEPS: u64 = 50_000_000;

/// Steps that finding out how values break their schemas may take. What is left out then is where, and nothing else.
const MAX_TELLING_STEPS: u64 = 50_000_000;

/// Adds up what the checks of one request take, and says when it is too much.
#[derive(Debug, Default)]
pub(crate) struct ValidationBudget {
    spent: u64,
    told: u64,
}

impl ValidationBudget {
    /// False: no more. What is refused is not spent: something smaller may still do.
    #[must_use]
    pub(crate) fn spend(&mut self, steps: u64) -> bool {
        let spent = self.spent.saturating_add(steps);
        let enough = spent <= MAX_REQUEST_STEPS;
        if enough {
            self.spent = spent;
        }
        enough
    }

    /// How a value that does not conform breaks the schema.
    pub(crate) fn explain(&mut self, checker: &Checker, instance: &Instance) -> Mismatch {
        let told = self.told.saturating_add(checker.telling_steps(instance));
        if told > MAX_TELLING_STEPS {
            return Mismatch::whole(
                "it does not conform, and so much of this request does not that it is not said where",
            );
        }
        self.told = told;
        checker.explain(instance)
    }
}
