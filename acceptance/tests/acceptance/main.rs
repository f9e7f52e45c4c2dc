//! The acceptance tests: what a person does with terraform and `ktr`, done with the real ones.

mod drift;
mod examples;
mod few_requests;
mod import;
mod outage;
mod plans;
mod provider_block;
mod quickstart;
mod secrets;
mod suites;
mod wrong_input;
