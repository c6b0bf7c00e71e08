// SPDX-License-Identifier: Apache-2.0
//! Results of a passed upgrade, which tests change and render.

use crate::{Bundle, weights::tests as weights};
use protocol::{
    Check, RuntimeIdentity, StateIdentity, Verdict, Weight,
    build::{BuildRecord, BuildResult},
    diff::{Audience, Change, ChangeKind, ComparedRuntime, Concerned, DiffOutcome, DiffReport, Parameter, Severity},
    dry_run::{
        Block, CallWeight, CandidateTimeline, Counterpart, DryRunReport, Milestone, ParachainTimeline, Phase,
        StorageChange, Timeline,
    },
    format,
    inspect::RuntimeFacts,
    proposal::{Call, Proposal, ProposeOutcome, Route},
    referendum::{ClaimKind, CodeClaim, CodeStatus, ReferendumVerification, VerifiedCode},
    rehearse::{
        AuthorizedCode, CodeStage, HashSubject, NamedHash, RehearsalReport, RehearseOutcome, RehearsedCall,
        RehearsedChain, RehearsedUpgrade, StateDifference,
    },
    weights::check::{AgainstRelease, Rule, Severity as FindingSeverity, StepResult},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Returns all steps of an upgrade from version 1 to 2.
pub(crate) fn bundle() -> Bundle {
    Bundle {
        name: "standalone".into(),
        build: Some(build()),
        inspect: Some(inspect()),
        dry_run: Some(dry_run()),
        diff: Some(DiffOutcome::Compared(Box::new(diff()))),
        propose: Some(ProposeOutcome::Proposed(Box::new(proposal()))),
        rehearse: Some(RehearseOutcome::Rehearsed(Box::new(rehearsal()))),
        weights: Some(source_weights("v1", "pallet_xcm", "pallet_own")),
    }
}

pub(crate) fn rehearsal() -> RehearsalReport {
    RehearsalReport {
        format: format::REHEARSAL.into(),
        call: RehearsedCall {
            chain: "solo".into(),
            source: "the call sudo of the proposal".into(),
            blake2_256: "0x34".into(),
            length: 37,
            origin: "signed:0x01".into(),
            route: "scheduler".into(),
            ..RehearsedCall::default()
        },
        chains: vec![RehearsedChain {
            identity: Counterpart { chain: "solo".into(), number: 7, ..Counterpart::default() },
            ended: 12,
            absent: None,
        }],
        differences: vec![StateDifference {
            chain: "solo".into(),
            item: "System.AuthorizedUpgrade".into(),
            with: Some("code_hash: 0x12".into()),
            ..StateDifference::default()
        }],
        difference_hash: "0x56".into(),
        upgrades: vec![RehearsedUpgrade {
            chain: "solo".into(),
            blake2_256: "0x12".into(),
            version: "solo 2".into(),
            told: "applied in block 11".into(),
            live: true,
        }],
        checks: vec![Check::pass("dispatch", "dispatched in block 8"), Check::skip("messages", "none")],
        verdict: Verdict::Pass,
        ..RehearsalReport::default()
    }
}

/// Returns a proposal that authorizes the code of the bundle, which a blob is of.
pub(crate) fn verified_referendum() -> ReferendumVerification {
    let code = AuthorizedCode {
        chain: "solo".into(),
        item: "System.AuthorizedUpgrade".into(),
        para: None,
        spec_name: Some("solo".into()),
        blake2_256: Some("0x12".into()),
        stage: CodeStage::Authorized,
        checks_version: Some(true),
        by_the_call: true,
    };
    let claim = CodeClaim {
        kind: ClaimKind::Blob,
        name: "solo.wasm".into(),
        blake2_256: "0x12".into(),
        package: None,
        spec_name: Some("solo".into()),
        spec_version: Some(2),
        commit: None,
    };
    let hashes = vec![NamedHash {
        hash: "0x12".into(),
        named_by: "System.authorize_upgrade".into(),
        subject: HashSubject::Code,
        found: Some("the code of solo.wasm".into()),
        fits: Some(true),
    }];
    ReferendumVerification {
        format: format::REFERENDUM_VERIFICATION.into(),
        proposal: "referendum:7".into(),
        codes: vec![VerifiedCode { code: code.clone(), status: CodeStatus::Claimed, claims: vec!["solo.wasm".into()] }],
        claims: vec![claim],
        rehearsal: RehearsalReport { authorized: vec![code], hashes, ..rehearsal() },
        checks: vec![
            Check::pass("codes", "1 of 1 code is named by a claim"),
            Check::not_judged("source", "no code was built"),
        ],
        verdict: Verdict::NotJudged,
        ..ReferendumVerification::default()
    }
}

pub(crate) fn build() -> BuildResult {
    let record = BuildRecord {
        package: "standalone-runtime".into(),
        profile: "production".into(),
        features: vec!["a".into()],
        commit: Some("abc".into()),
        dirty: Some(false),
        rustc: "rustc 1".into(),
        size_limit: 4000,
        ..BuildRecord::default()
    };
    BuildResult { record, ..BuildResult::default() }
}

pub(crate) fn inspect() -> RuntimeFacts {
    RuntimeFacts {
        spec_name: "solo".into(),
        spec_version: 2,
        transaction_version: Some(3),
        size: 1000,
        blake2_256: "0x12".into(),
        ..RuntimeFacts::default()
    }
}

pub(crate) fn dry_run() -> DryRunReport {
    let runtime = |spec_version, code_size| RuntimeIdentity {
        spec_name: "solo".into(),
        spec_version,
        code_size,
        transaction_version: Some(1),
        ..RuntimeIdentity::default()
    };
    let change = |item: &str, every_block, added, changed| StorageChange {
        item: item.into(),
        every_block,
        added,
        changed,
        removed: 0,
    };
    DryRunReport {
        format: format::DRY_RUN.into(),
        from: runtime(1, 900),
        to: runtime(2, 1000),
        verdict: Verdict::Pass,
        seconds: 5.0,
        state: StateIdentity {
            source: "solo.json".into(),
            number: 3,
            block_hash: "0xb1".into(),
            state_root: "0xa1".into(),
            verified: true,
            ..StateIdentity::default()
        },
        limits: Weight { ref_time: 2_000_000_000_000, proof_size: 5_242_880 },
        checks: vec![
            Check::pass("versions", "1 to 2").with(["a"]),
            Check::pass("code-size", "small|fine"),
            Check::skip("sessions", "no sessions"),
        ],
        blocks: vec![block(4, Phase::Upgrade, 1_000_000_000_000, 100)],
        storage_changes: vec![change("System.Number", true, 0, 1), change("Attestations.ByCode", false, 2, 0)],
        call_weights: Some(vec![CallWeight {
            call: "Balances.transfer".into(),
            old: Weight { ref_time: 4_000_000, proof_size: 7 },
            new: Weight { ref_time: 5_000_000, proof_size: 7 },
        }]),
        timeline: Some(timeline()),
        ..DryRunReport::default()
    }
}

/// Returns the relay blocks 10 to 19 of an upgrade, with three candidates of a parachain.
pub(crate) fn timeline() -> Timeline {
    let candidate = |number, backed, included| CandidateTimeline { number, backed, included };
    let candidates = vec![candidate(4, 11, Some(12)), candidate(5, 13, None), candidate(5, 15, Some(16))];
    Timeline {
        began: 10,
        ended: 19,
        parachains: vec![ParachainTimeline { id: 2000, candidates }],
        milestones: vec![Milestone { block: 15, name: "<go-ahead>".into() }],
    }
}

pub(crate) fn block(number: u32, phase: Phase, ref_time: u64, proof_size: u64) -> Block {
    Block {
        number,
        hash: "0xb2".into(),
        state_root: "0xa2".into(),
        phase,
        ref_time,
        proof_size,
        compact_proof_size: 0,
        declared_proof_size: 0,
        only_inherents: false,
        import_seconds: 0.0,
    }
}

pub(crate) fn diff() -> DiffReport {
    let mut allowed = Check::warn("host-functions", "1 more");
    allowed.allowed = Some("nodes are new".into());
    let side = |spec_version, code_size| ComparedRuntime {
        spec_name: "solo".into(),
        spec_version,
        code_size,
        transaction_version: Some(1),
        ..ComparedRuntime::default()
    };
    let account = Change::new(ChangeKind::StorageValue, Severity::Breaking, &[Audience::Nodes], "Account");
    let limit = Change::new(ChangeKind::ConstantValue, Severity::Notable, &[], "Limit");
    let parameter = |constant: &str, old: Option<&str>, new: Option<&str>, unit: Option<&str>| Parameter {
        pallet: "Balances".into(),
        constant: constant.into(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        unit: unit.map(str::to_owned),
    };
    DiffReport {
        format: format::DIFF.into(),
        old: side(1, 900),
        new: side(2, 1000),
        verdict: Verdict::Pass,
        rules: vec![Check::pass("transaction-version", "rose"), allowed.with(["ext_new"])],
        whom: vec![Concerned {
            who: Audience::IndexersAndFrontEnds,
            label: "indexers and front ends".into(),
            changes: 3,
            breaking: 1,
        }],
        changes: vec![
            account.within("Balances").with(["free: u128 became u64".to_owned()]),
            limit.within("Balances").from_to(1, 2),
        ],
        parameters: Some(vec![
            parameter("Limit", Some("1 PAS"), Some("2 PAS"), Some("an amount")),
            parameter("New", None, Some("5"), None),
        ]),
        untold: vec!["view functions".into()],
        ..DiffReport::default()
    }
}

pub(crate) fn proposal() -> Proposal {
    Proposal {
        route: Route::Sudo,
        possible_routes: vec![Route::Sudo],
        chain: "solo".into(),
        from_spec_version: 1,
        to_spec_version: 2,
        code_hash: "0x12".into(),
        code_length: 1000,
        without_checks: false,
        xcm_version: None,
        calls: vec![Call {
            description: "Do it".into(),
            hash: "0x34".into(),
            decoded: "Sudo.sudo(<x>)".into(),
            length: 9,
            ..Call::default()
        }],
        apply: None,
        notes: Vec::new(),
        links: Vec::new(),
    }
}

/// Returns a check of the source with a finding about one pallet and a weight change of another.
pub(crate) fn source_weights(base: &str, found: &str, changed: &str) -> StepResult {
    let findings = vec![weights::finding(Rule::NeverFits, FindingSeverity::Warning, Some(found), "Weight::MAX")];
    let changed = weights::compared(changed, "f", weights::pair(2_000_000, 1_000_000), weights::pair(5, 5));
    let mut comparison = weights::comparison(vec![changed]);
    comparison.old = base.into();
    StepResult { comparison: Some(AgainstRelease::Compared(Box::new(comparison))), ..weights::passed(findings) }
}

pub(crate) fn dry_run_of(bundle: &mut Bundle) -> &mut DryRunReport {
    bundle.dry_run.as_mut().expect("a dry run")
}

pub(crate) fn diff_of(bundle: &mut Bundle) -> &mut DiffReport {
    match bundle.diff.as_mut().expect("a comparison") {
        DiffOutcome::Compared(report) => report,
        DiffOutcome::NotCompared(_) => panic!("not compared"),
    }
}

/// Returns a bundle in which every text is `text`, as a hostile chain, blob or file could make it.
pub(crate) fn poisoned(text: &str) -> Bundle {
    let bundle = bundle();
    Bundle {
        name: text.into(),
        build: poison(&bundle.build, text),
        inspect: poison(&bundle.inspect, text),
        dry_run: poison(&bundle.dry_run, text),
        diff: poison(&bundle.diff, text),
        propose: poison(&bundle.propose, text),
        rehearse: poison(&bundle.rehearse, text),
        weights: Some(source_weights(text, text, text)),
    }
}

/// The fields with a fixed set of values. A document with another value does not parse.
const CHOICES: [&str; 21] = [
    "status",
    "severity",
    "rank",
    "kind",
    "verdict",
    "who",
    "breaks",
    "route",
    "possible_routes",
    "phase",
    "mode",
    "source_kind",
    "storage_versions_from",
    "size_verdict",
    "version_from",
    "held",
    "set_code",
    "authorize_upgrade",
    "format",
    "code",
    "metadata_hash",
];

pub(crate) fn poison<T: Serialize + DeserializeOwned>(document: &T, text: &str) -> T {
    fn fill(value: &mut Value, text: &str) {
        match value {
            Value::Object(fields) => {
                let free = fields.iter_mut().filter(|(name, _)| !CHOICES.contains(&name.as_str()));
                free.for_each(|(_, value)| fill(value, text));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| fill(value, text)),
            Value::String(old) => *old = text.to_owned(),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(document).expect("JSON");
    fill(&mut value, text);
    serde_json::from_value(value).expect("the same document")
}
