// SPDX-License-Identifier: Apache-2.0
//! The results of the steps of an upgrade, from which reports are rendered.

use crate::field::or_dash;
use protocol::{
    build::BuildResult, diff::DiffOutcome, dry_run::DryRunReport, inspect::RuntimeFacts, proposal::ProposeOutcome,
    rehearse::RehearseOutcome, weights::check::StepResult,
};

/// The results of the steps of an upgrade. The result of a step that did not run is `None`.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// The name of the runtime.
    pub name: String,
    /// The result of the build.
    pub build: Option<BuildResult>,
    /// The facts of the new blob.
    pub inspect: Option<RuntimeFacts>,
    /// The report of the dry run.
    pub dry_run: Option<DryRunReport>,
    /// The comparison with the runtime in the state, or the reason for none.
    pub diff: Option<DiffOutcome>,
    /// The calls of the proposal, or the reason for none.
    pub propose: Option<ProposeOutcome>,
    /// What the proposal did on forks, or the reason why it was not dispatched.
    pub rehearse: Option<RehearseOutcome>,
    /// `None` for a runtime whose source is not checked.
    pub weights: Option<StepResult>,
}

impl Bundle {
    /// Returns the spec versions before and after the upgrade.
    pub(crate) fn versions(&self) -> (String, String) {
        let from = self.dry_run.as_ref().map(|report| report.from.spec_version);
        let to = self.inspect.as_ref().map(|facts| facts.spec_version);
        (or_dash(from), or_dash(to))
    }
}
