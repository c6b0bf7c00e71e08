// SPDX-License-Identifier: Apache-2.0
//! Runs benchmarks with the library `frame-benchmarking-cli`, for teams that must use it.

use super::Run;
use crate::cli::{self, WeightEngine, WeightHeader};
use protocol::benchmark::{LibraryRequest, Pallet, Request, RunRequest};
use worker::{Failure, Result};
use workers::Worker;
use workspace::runtimes;

/// The name of the library, and of the engine.
pub const NAME: &str = "frame-benchmarking-cli";

/// Checks that the engine has all options that are given.
pub fn check_options(options: &cli::WeightsRun) -> Result<()> {
    let of_cutover = [
        ("--overhead", options.overhead),
        ("--database", options.database.is_some()),
        ("--tolerance", options.tolerance.is_some()),
    ];
    let of_library = [
        ("--min-duration", options.min_duration.is_some()),
        ("--low", !options.low.is_empty()),
        ("--high", !options.high.is_empty()),
    ];
    let (others, engine, other) = match options.engine {
        WeightEngine::Cutover => (of_library, "cutover", NAME),
        WeightEngine::FrameBenchmarkingCli => (of_cutover, NAME, "cutover"),
    };
    match others.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Failure::usage(format!("the engine {engine} does not have the option {name}"))
            .hint(format!("use `--engine {other}`, or omit {name}"))),
    }
}

impl Run<'_> {
    /// Returns the request for the library. Builds its program if necessary, after the names in the
    /// request are checked.
    pub fn library_request(&self, run: RunRequest) -> Result<LibraryRequest> {
        if let Some(functions) = runtimes::configured_host_functions(self.context)? {
            return Err(Failure::input(format!("the engine {NAME} has only the host functions of nodes"))
                .found(format!("{}::{} in `host-functions`", functions.package, functions.path))
                .hint("measure with `--engine cutover`"));
        }
        let _selected: Vec<Pallet> = self.measure(&Request::List(run.clone()))?.value;
        let task = self.context.printer.task(NAME);
        let program = workers::locate(self.context, Worker::FrameBenchmarkingCli, &task)?;
        let (settings, options) = (self.settings(), self.options);
        Ok(LibraryRequest {
            run,
            program,
            preamble: settings.header(),
            template: settings.template(),
            templates: settings.templates(),
            hostname: options.header == WeightHeader::Conventional,
            min_duration: options.min_duration,
            low: options.low.clone(),
            high: options.high.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_other_engine_are_refused_by_name() {
        let library = || cli::WeightsRun { engine: WeightEngine::FrameBenchmarkingCli, ..Default::default() };
        let own = cli::WeightsRun::default;
        let cases = [
            ("--tolerance", cli::WeightsRun { tolerance: Some(0.1), ..library() }),
            ("--overhead", cli::WeightsRun { overhead: true, ..library() }),
            ("--database", cli::WeightsRun { database: Some("state.snapshot".into()), ..library() }),
            ("--min-duration", cli::WeightsRun { min_duration: Some(0), ..own() }),
            ("--low", cli::WeightsRun { low: vec![1], ..own() }),
            ("--high", cli::WeightsRun { high: vec![1], ..own() }),
        ];
        for (name, options) in cases {
            let failure = check_options(&options).expect_err(name);
            assert_eq!(failure.kind, worker::Kind::Usage);
            assert!(failure.message.ends_with(name), "{failure}");
        }
        check_options(&cli::WeightsRun { tolerance: Some(0.1), ..own() }).expect("an option of Cutover's engine");
        let low = vec![1, 2];
        check_options(&cli::WeightsRun { min_duration: Some(1), low, ..library() }).expect("options of the library");
    }
}
