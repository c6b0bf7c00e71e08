// SPDX-License-Identifier: Apache-2.0
//! What `upgrade` prints.

use crate::{Check, Verdict, format, proposal::Route};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The upgrades of all runtimes that were selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeReport {
    #[schemars(schema_with = "format::upgrade")]
    pub format: String,
    /// All of them whole, or parts of each.
    pub runtimes: Vec<RuntimeUpgrade>,
    pub verdict: Verdict,
    /// How long it took, by the clock.
    pub seconds: f64,
}

/// The upgrade of a runtime, or the jobs of it that were asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RuntimeUpgrade {
    Whole(Box<UpgradedRuntime>),
    Part(PartOfUpgrade),
}

/// A runtime whose bundle is finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradedRuntime {
    /// Its name in the workspace.
    pub name: String,
    pub package: String,
    pub spec_name: String,
    pub from_spec_version: u32,
    pub to_spec_version: u32,
    pub blob: UpgradeBlob,
    /// Those of the dry run, then one each for the proposal that was refused, the comparison and the weights that fail.
    pub checks: Vec<Check>,
    /// How many checks of the dry run are hazards that nobody answers for.
    pub hazards: usize,
    pub proposal: ProposalSummary,
    #[serde(flatten)]
    pub signing: SigningSummary,
    /// The bundle's directory.
    pub bundle: String,
    /// The directory of the logs.
    pub logs: String,
    pub jobs: Vec<JobReport>,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeBlob {
    pub path: String,
    pub blake2_256: String,
    /// In bytes.
    pub size: u64,
}

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
    pub package: String,
    /// The steps that were asked for.
    pub steps: Vec<StepVerdict>,
    /// The bundle's directory.
    pub bundle: String,
    /// The directory of the logs.
    pub logs: String,
    pub jobs: Vec<JobReport>,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepVerdict {
    pub name: String,
    pub verdict: Verdict,
}

/// A job that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobReport {
    pub name: String,
    /// Whether an earlier run had done it.
    pub unchanged: bool,
    /// By the clock.
    pub seconds: f64,
}
