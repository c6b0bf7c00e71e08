// SPDX-License-Identifier: Apache-2.0
use crate::{
    allowance::{self, Allowed, Denied},
    weight::{self, Weight},
};
use codec::Encode;
use fork::{BuiltBlock, Layout, block_weight, processor::Took};
use serde::Serialize;
use worker::{Failure, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pass,
    /// It saw something break.
    Fail,
    /// It found a hazard, which somebody must judge.
    Warn,
    /// It does not apply, or was not asked for.
    Skip,
    /// It applies, and the tool could not look.
    NotJudged,
}

/// What a finding means for the verdict of its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Known, and no reason to hesitate.
    Note,
    /// What could go wrong, or is for people to know: it warns.
    Hazard,
    /// What the tool could not look at.
    NotJudged,
    /// What was seen to break.
    Seen,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub rank: Rank,
    pub text: String,
}

impl Finding {
    pub fn new(rank: Rank, text: impl Into<String>) -> Self {
        Self { rank, text: text.into() }
    }

    pub fn seen(text: impl Into<String>) -> Self {
        Self::new(Rank::Seen, text)
    }

    pub fn hazard(text: impl Into<String>) -> Self {
        Self::new(Rank::Hazard, text)
    }

    pub fn not_judged(text: impl Into<String>) -> Self {
        Self::new(Rank::NotJudged, text)
    }

    pub fn note(text: impl Into<String>) -> Self {
        Self::new(Rank::Note, text)
    }
}

/// The version of the report's schema. Version 2 has ranked findings, `not_judged`, and hazards in the verdict.
pub const FORMAT: &str = "cutover/dry-run/v2";

/// One question with its own verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub status: Status,
    /// One sentence: what was found.
    pub detail: String,
    /// The findings one by one, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Who answers for it, and why, where it failed and was allowed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What a clock or meter of this machine said. It differs from run to run, so nothing else of a check may tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
}

impl Check {
    pub fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), findings: Vec::new(), allowed: None, measured: None }
    }

    pub fn pass(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Pass, detail)
    }

    pub fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, detail)
    }

    pub fn warn(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, detail)
    }

    pub fn skip(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Skip, detail)
    }

    pub fn not_judged(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::NotJudged, detail)
    }

    /// Returns the check whose status its gravest finding gives; without any it passes.
    pub fn judged(name: &'static str, detail: impl Into<String>, findings: Vec<Finding>) -> Self {
        let status = match findings.iter().map(|finding| finding.rank).max() {
            Some(Rank::Seen) => Status::Fail,
            Some(Rank::NotJudged) => Status::NotJudged,
            Some(Rank::Hazard) => Status::Warn,
            Some(Rank::Note) | None => Status::Pass,
        };
        Self { findings, ..Self::new(name, status, detail) }
    }

    /// Adds findings that are all of the rank that the check's status stands for.
    pub fn with(mut self, findings: Vec<String>) -> Self {
        let rank = match self.status {
            Status::Fail => Rank::Seen,
            Status::Warn => Rank::Hazard,
            Status::NotJudged => Rank::NotJudged,
            Status::Pass | Status::Skip => Rank::Note,
        };
        self.findings.extend(findings.into_iter().map(|text| Finding::new(rank, text)));
        self
    }

    pub fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured = Some(measured.into());
        self
    }

    /// What came of a check, unless the tool came to a limit of its own on the way.
    pub fn or_not_judged(name: &'static str, check: worker::Result<Self>) -> worker::Result<Self> {
        match check {
            Err(failure) if failure.kind == Kind::NotJudged => Ok(Self::not_judged(name, failure.to_string())),
            check => check,
        }
    }

    /// Facts beside the findings, which change nothing of the verdict.
    pub fn noting(mut self, notes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.findings.extend(notes.into_iter().map(Finding::note));
        self
    }

    /// The runtime's own failure is a verdict, and so is a limit of the tool; anything else is an error of the run.
    pub fn from_failure(name: &'static str, failure: Failure) -> worker::Result<Self> {
        match failure.kind {
            Kind::Check => Ok(Self::fail(name, failure.to_string()).with(errors_logged())),
            Kind::NotJudged => Ok(Self::not_judged(name, failure.to_string())),
            _ => Err(failure),
        }
    }
}

/// What the runtime itself said went wrong since the last question.
pub fn errors_logged() -> Vec<String> {
    let mut lines: Vec<_> = fork::runtime_log::take()
        .into_iter()
        .filter(|(level, _)| *level <= log::Level::Error)
        .map(|(_, line)| line)
        .collect();
    lines.truncate(20);
    lines
}

/// When in the life of the upgrade a block was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// By the old code, up to the one that puts the new code in place.
    Enactment,
    /// The first block of the new code: single-block migrations run in it.
    Upgrade,
    /// A step of the multi-block migrations.
    Migration,
    /// After the migrations.
    Healthy,
}

#[derive(Clone, Debug, Serialize)]
pub struct Block {
    pub number: u32,
    pub hash: String,
    pub state_root: String,
    pub phase: Phase,
    /// What the block declares, in picoseconds.
    pub ref_time: u64,
    /// The storage proof its import needs, measured, in bytes.
    pub proof_size: u64,
    /// The same in the compact form that travels between nodes.
    pub compact_proof_size: u64,
    /// The proof size that the block declares.
    pub declared_proof_size: u64,
    pub only_inherents: bool,
    pub import_seconds: f64,
    /// The same with the processor time, for who judges it.
    #[serde(skip)]
    pub took: Took,
}

impl Block {
    /// `layout` is that of the code which built the block.
    pub fn of(built: &BuiltBlock, phase: Phase, layout: &Layout) -> Self {
        let Weight { ref_time, proof_size } = weight::declared(layout, block_weight(&built.changes));
        Self {
            number: built.header.number,
            hash: hex::encode_prefixed(built.hash().as_bytes()),
            state_root: hex::encode_prefixed(built.header.state_root.as_bytes()),
            phase,
            ref_time,
            proof_size: built.proof_size,
            compact_proof_size: built.proof.encoded_size() as u64,
            declared_proof_size: proof_size,
            only_inherents: built.only_inherents,
            import_seconds: (built.took.clock * 1e6).round() / 1e6,
            took: built.took,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// A node as it may be shown: without what is behind its host.
    pub source: String,
    /// The chain, by the hash of its first block. Some state does not tell.
    pub genesis_hash: Option<String>,
    pub block_hash: String,
    pub number: u32,
    pub state_root: String,
    /// What took the place of the state's own code, as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the state was held against a root that its source gave apart from it.
    pub verified: bool,
    /// Whether the block is known to be final; files do not tell.
    pub finalized: Option<bool>,
    /// `full`, or `lazy`: only what was read was taken.
    pub mode: &'static str,
    /// Nobody knows how many there are where only a part was taken.
    pub entries: Option<usize>,
}

/// Another chain that took part.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// `parachain 1000 (asset-hub-paseo)`.
    pub chain: String,
    pub spec_version: u32,
    pub blake2_256: String,
    pub block_hash: String,
    pub number: u32,
    pub state_root: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    pub spec_name: String,
    pub spec_version: u32,
    pub transaction_version: Option<u32>,
    pub state_version: u8,
    pub code_size: usize,
    pub blake2_256: String,
}

/// How many keys of a storage item the upgrade added, changed and removed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StorageChange {
    pub item: String,
    /// Whether every block writes these keys, with an upgrade or without.
    pub every_block: bool,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

/// A call whose weight is another after the upgrade, with the plainest arguments.
#[derive(Clone, Debug, Serialize)]
pub struct CallWeight {
    /// `Balances.transfer_allow_death`.
    pub call: String,
    pub old: Weight,
    pub new: Weight,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Rpc {
    pub requests: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub format: &'static str,
    pub state: State,
    pub from: Identity,
    pub to: Identity,
    pub try_runtime: Option<String>,
    /// Chains that messages were delivered to.
    pub with: Vec<Beside>,
    pub checks: Vec<Check>,
    pub blocks: Vec<Block>,
    pub limits: Weight,
    pub storage_changes: Vec<StorageChange>,
    /// Null where the runtimes were not asked.
    pub call_weights: Option<Vec<CallWeight>>,
    pub rpc: Rpc,
    pub seconds: f64,
    pub verdict: Verdict,
    /// Checks that warn and that nobody has answered for.
    pub hazards: usize,
}

impl Report {
    /// Returns the report with what its checks come to, given what somebody answers for and which hazards are denied.
    pub fn judged(mut self, allowed: &Allowed, denied: &Denied<'_>) -> Self {
        allowance::apply(&mut self.checks, allowed, denied);
        self.verdict = Verdict::of(&self.checks);
        self.hazards = hazards(&self.checks);
        self
    }
}

/// What all checks come to. A hazard that somebody answered for is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    PassWithHazards,
    /// A check saw something break.
    Fail,
    /// Nothing was seen to break, and at least one check that applies could not look.
    NotJudged,
}

impl Verdict {
    pub fn of(checks: &[Check]) -> Self {
        let any = |status: Status| checks.iter().any(|check| check.status == status);
        match (any(Status::Fail), any(Status::NotJudged), hazards(checks)) {
            (true, _, _) => Self::Fail,
            (false, true, _) => Self::NotJudged,
            (false, false, 0) => Self::Pass,
            (false, false, _) => Self::PassWithHazards,
        }
    }

    pub fn passed(self) -> bool {
        matches!(self, Self::Pass | Self::PassWithHazards)
    }
}

fn hazards(checks: &[Check]) -> usize {
    checks.iter().filter(|check| check.status == Status::Warn && check.allowed.is_none()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_finding_decides() {
        let status = |ranks: &[Rank]| {
            let findings = ranks.iter().map(|rank| Finding::new(*rank, "x")).collect();
            Check::judged("weights", "", findings).status
        };
        assert_eq!(status(&[]), Status::Pass);
        assert_eq!(status(&[Rank::Note]), Status::Pass);
        assert_eq!(status(&[Rank::Note, Rank::Hazard]), Status::Warn);
        assert_eq!(status(&[Rank::Hazard, Rank::NotJudged]), Status::NotJudged);
        assert_eq!(status(&[Rank::NotJudged, Rank::Seen, Rank::Hazard]), Status::Fail);
    }

    #[test]
    fn a_verdict_passes_only_what_was_looked_at() {
        let (pass, skip) = (Check::pass("versions", ""), Check::skip("sessions", ""));
        let (warn, not) = (Check::warn("weights", ""), Check::not_judged("migrations", ""));
        let of = |checks: &[&Check]| Verdict::of(&checks.iter().map(|check| (*check).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&pass, &skip]), Verdict::Pass);
        assert_eq!(of(&[&pass, &warn]), Verdict::PassWithHazards);
        assert_eq!(of(&[&pass, &warn, &not]), Verdict::NotJudged);
        assert_eq!(of(&[&not, &Check::fail("versions", "")]), Verdict::Fail);
        let answered = Check { allowed: Some("ana knows".into()), ..warn };
        assert_eq!(of(&[&answered]), Verdict::Pass, "somebody answered for it");
    }
}
