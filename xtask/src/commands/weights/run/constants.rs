// SPDX-License-Identifier: Apache-2.0
//! Measures the weights that belong to no pallet: those of a block, of an extrinsic and of the
//! database.

use super::{
    super::super::{build, utf8},
    Run,
};
use crate::{cli::Profile, sources::SourceLocation};
use protocol::{
    benchmark::{self, DatabaseRequest, DatabaseSummary, OverheadRequest, OverheadSummary, Request},
    weights::raw::Machine,
};
use worker::{Failure, Outcome, Result};

impl Run<'_> {
    /// Measures the requested constants. Returns whether the run passed, and its document.
    pub fn constants(&self) -> Result<(bool, benchmark::Run)> {
        let mut run =
            benchmark::Run { runtime: self.runtime.name.clone(), raw: Some(self.raw()), ..benchmark::Run::default() };
        let mut passed = true;
        if self.options.overhead {
            let outcome: Outcome<OverheadSummary> = self.measure(&self.of_overhead()?)?;
            passed &= outcome.passed;
            run.overhead = Some(outcome.value);
        }
        if let Some(state) = &self.options.database {
            let outcome: Outcome<DatabaseSummary> = self.measure(&self.of_database(state)?)?;
            passed &= outcome.passed;
            run.database = Some(outcome.value);
        }
        let overhead = run.overhead.as_ref().map(|found| (&found.path, &found.machine));
        let database = run.database.as_ref().map(|found| (&found.path, &found.machine));
        let found = || overhead.into_iter().chain(database);
        let paths = found().map(|(path, _)| path.clone()).collect();
        // The same machine was measured each time: one mismatch is enough.
        let outside = |machine: &&Machine| machine.within_profile == Some(false);
        let (good, files) = self.render(found().map(|(_, machine)| machine).find(outside), paths)?;
        run.files = Some(files);
        Ok((passed && good, run))
    }

    /// Returns the request for blocks and extrinsics. They are measured with the released blob,
    /// which has no benchmarks.
    fn of_overhead(&self) -> Result<Request> {
        let blob = match &self.options.blob {
            Some(blob) => blob.clone(),
            None => self.build(&build::release_variant(self.runtime, Profile::Production), "overhead")?,
        };
        Ok(Request::Overhead(OverheadRequest {
            runtime: utf8(&blob)?.to_owned(),
            out: self.raw(),
            preset: self.preset(),
            settings: self.settings().of_overhead()?,
            machine: self.machine(),
            cache: Some(self.context.cache.join("executor")),
        }))
    }

    /// Returns the request for a database with this state.
    fn of_database(&self, state: &str) -> Result<Request> {
        let file = match SourceLocation::parse(state)? {
            SourceLocation::File(path) => path,
            SourceLocation::Live(live) => {
                return Err(Failure::usage("a database can be measured only with a state in a file")
                    .found(live.to_string())
                    .expected("a raw chain spec or a snapshot")
                    .hint("`cargo xtask snapshot create NODE --out FILE` writes the snapshot of a node"));
            }
        };
        Ok(Request::Database(DatabaseRequest {
            state: file,
            out: self.raw(),
            settings: self.settings().of_database()?,
            machine: self.machine(),
        }))
    }
}
