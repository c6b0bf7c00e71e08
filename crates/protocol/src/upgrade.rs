// SPDX-License-Identifier: Apache-2.0
//! What `upgrade` prints.

use crate::{Check, Verdict, format, proposal::Route};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The upgrades of all runtimes that were selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeReport {
    /// The format of the document: `cutover/upgrade/v1`.
    #[schemars(schema_with = "format::upgrade")]
    pub format: String,
    /// All of them whole, or parts of each.
    pub runtimes: Vec<RuntimeUpgrade>,
    /// The combined verdict of all runtimes.
    pub verdict: Verdict,
    /// How long it took, by the clock.
    pub seconds: f64,
}

/// The upgrade of a runtime, or the jobs of it that were asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RuntimeUpgrade {
    /// All jobs of the upgrade were requested.
    Whole(Box<UpgradedRuntime>),
    /// Only some jobs were requested, with `upgrade --only`.
    Part(PartOfUpgrade),
}

/// A runtime whose bundle is finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradedRuntime {
    /// Its name in the workspace.
    pub name: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// The name in the version of the new runtime.
    pub spec_name: String,
    /// The `spec_version` of the runtime in the state, before the upgrade.
    pub from_spec_version: u32,
    /// The `spec_version` of the new runtime.
    pub to_spec_version: u32,
    /// The blob of the new runtime in the bundle.
    pub blob: UpgradeBlob,
    /// Those of the dry run, then one each for the proposal that was refused, the comparison and the weights that fail.
    pub checks: Vec<Check>,
    /// How many checks of the dry run are hazards that nobody answers for.
    pub hazards: usize,
    /// The call to vote on. Its fields are null if the chain would refuse the upgrade.
    pub proposal: ProposalSummary,
    /// The signatures of the bundle, compared with the signers that the upgrade needs.
    #[serde(flatten)]
    pub signing: SigningSummary,
    /// The bundle's directory.
    pub bundle: String,
    /// The directory of the logs.
    pub logs: String,
    /// The jobs of this runtime that succeeded.
    pub jobs: Vec<JobReport>,
    /// The combined verdict of all steps. It fails, too, if a file of the bundle does not match the
    /// manifest. Missing signatures do not change it.
    pub verdict: Verdict,
}

/// The blob of a new runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeBlob {
    /// The file of the blob in the bundle's directory.
    pub path: String,
    /// The BLAKE2-256 hash of the file, `0x` and hex.
    pub blake2_256: String,
    /// In bytes.
    pub size: u64,
}

/// The route of a proposal, and the hash that identifies it on the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalSummary {
    /// Null where the chain would refuse the upgrade.
    pub route: Option<Route>,
    /// Of the preimage that is voted on, else of the first call. Null where the chain would refuse the upgrade.
    pub hash: Option<String>,
}

/// Who signed a bundle, and whether that is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningSummary {
    /// One sentence.
    pub signatures: String,
    /// Whether enough of those whose signatures count signed.
    pub signed_off: bool,
    /// How many distinct signers it takes. Null without a file of signers.
    pub needed: Option<u32>,
    /// How many of them signed.
    pub counted: u32,
    /// Who could still sign.
    pub missing: Vec<String>,
}

/// What some jobs of an upgrade left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartOfUpgrade {
    /// The runtime's name in the workspace.
    pub name: String,
    /// The cargo package of the runtime.
    pub package: String,
    /// The steps that were asked for.
    pub steps: Vec<StepVerdict>,
    /// The bundle's directory.
    pub bundle: String,
    /// The directory of the logs.
    pub logs: String,
    /// The jobs of this runtime that succeeded.
    pub jobs: Vec<JobReport>,
    /// The combined verdict of the requested steps.
    pub verdict: Verdict,
}

/// A step of an upgrade, and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepVerdict {
    /// The name of the step, such as `dry-run`.
    pub name: String,
    /// The verdict that the evidence of the step states.
    pub verdict: Verdict,
}

/// A job that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobReport {
    /// The name of the job, as `upgrade --only` takes it: `build-try-runtime`.
    pub name: String,
    /// Whether an earlier run had done it.
    pub unchanged: bool,
    /// By the clock.
    pub seconds: f64,
}
