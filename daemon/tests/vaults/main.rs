//! The kinds of vaults against the real servers, as far as such can be had. What a real one cannot be made to answer is
//! tested beside the code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod hashicorp;
