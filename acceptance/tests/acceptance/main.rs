//! The acceptance tests: what a person does with terraform and `ktr`, done with the real ones.

mod azure_double;
mod brokerage;
mod bulk;
mod composition;
mod doubles;
mod drift;
mod examples;
mod few_requests;
mod functions;
mod history;
mod import;
mod imports;
mod memory;
mod mirror;
mod mocks;
mod outage;
mod plans;
mod promises;
mod protection;
mod provider_block;
mod quickstart;
mod schemas;
mod secrets;
mod suites;
mod wrong_input;
