// SPDX-License-Identifier: Apache-2.0
//! Renders the results of commands for a terminal.

use crate::{
    field::{bytes, findings, grouped, milliseconds, or_dash, short, stated},
    steps,
    table::aligned,
};
use protocol::{
    Check, RuntimeIdentity, Status, Verdict,
    build::{BuildReport, BuiltRuntime},
    ci::{ChangedReport, ChecksReport, Matrix},
    dry_run::DryRunReport,
    inspect::{HeldFacts, PalletFacts, RuntimeFacts, StateSummary},
    manifest::{Predicate, RuntimeBlob, StepSummary},
    prebuilt::{DistReport, InstalledWorkers},
    proposal::{Apply, Call, CallProposal, Proposal, Route},
    signers::{KeyType, PublicKeyInfo, PublicKeys, RootSummary, SignatureCheck},
    snapshot::{GenesisSnapshot, LiveSnapshot, Pruned},
    upgrade::{PartOfUpgrade, RuntimeUpgrade, UpgradeReport, UpgradedRuntime},
    verify::{Signed, SigningStatus, Verification},
    workspace::{ListReport, SetupItem, SetupReport},
};
use std::path::Path;

pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    aligned(&rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect::<Vec<_>>())
}

/// Renders the document of `list`.
pub fn list_runtimes(report: &ListReport) -> String {
    let mut rows = vec![["NAME", "PACKAGE", "VERSION", "FROM", "STATE"].map(str::to_owned).to_vec()];
    for runtime in &report.runtimes {
        let state = or_dash(runtime.state.as_ref());
        let [name, package, version, mut path] =
            [&runtime.name, &runtime.package, &runtime.package_version, &runtime.path].map(Clone::clone);
        if !runtime.shipped {
            path.push_str(" (tests only)");
        }
        rows.push(vec![name, package, version, path, state]);
    }
    aligned(&rows)
}

/// Renders the document of `setup`.
pub fn setup(report: &SetupReport) -> String {
    let row = |item: &SetupItem| vec![item.status.name().to_owned(), item.name.clone(), item.detail.clone()];
    aligned(&report.items.iter().map(row).collect::<Vec<_>>())
}

/// Renders the document of `dist`.
pub fn dist(report: &DistReport) -> String {
    let DistReport { file, size, digest, manifest, .. } = report;
    let mut all = pairs(&[
        ("archive", file.display().to_string()),
        ("size", bytes(*size)),
        ("digest", digest.clone()),
        ("version", manifest.version.clone()),
        ("sources", manifest.sources.clone()),
        ("target", manifest.target.clone()),
    ]);
    all.push_str(&format!("\ncargo xtask setup --workers {} --digest {digest}\n", file.display()));
    all
}

/// Renders the document of `setup --workers`.
pub fn installed_workers(report: &InstalledWorkers) -> String {
    let InstalledWorkers { directory, manifest, .. } = report;
    pairs(&[
        ("workers", manifest.workers.len().to_string()),
        ("directory", directory.display().to_string()),
        ("version", manifest.version.clone()),
        ("target", manifest.target.clone()),
    ])
}

/// Renders the document of `build`.
pub fn build(report: &BuildReport) -> String {
    let mut all = String::new();
    for BuiltRuntime { blob, blake2_256, record, cached, seconds, .. } in &report.runtimes {
        let cached = if *cached { "nothing changed" } else { "built" };
        let version = format!("{} {}", or_dash(record.spec_name.as_ref()), or_dash(record.spec_version));
        all.push_str(&pairs(&[
            ("runtime", format!("{} ({})", record.package, record.profile)),
            ("blob", blob.clone()),
            ("size", bytes(record.size)),
            ("blake2_256", blake2_256.clone()),
            ("version", version),
            ("digest", record.digest_file.clone()),
            ("rustc", record.rustc.clone()),
            ("commit", commit(record.commit.as_deref(), record.dirty)),
            ("time", format!("{seconds:.1} s, {cached}")),
        ]));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

fn commit(commit: Option<&str>, dirty: Option<bool>) -> String {
    match (commit, dirty) {
        (None, _) => "none: the source is not in a git repository".into(),
        (Some(commit), Some(true)) => format!("{commit} with uncommitted changes"),
        (Some(commit), _) => commit.to_owned(),
    }
}

/// Returns rows on the metadata hash, which wallets sign.
fn metadata_hash(facts: &RuntimeFacts) -> Vec<(&'static str, String)> {
    let Some(hash) = &facts.metadata_hash else { return Vec::new() };
    let held = match hash.held {
        HeldFacts::NoExtension => return vec![("metadata_hash", "no extension checks one".into())],
        HeldFacts::Missing => "none in the blob: transactions that sign one are refused (offline wallets)".into(),
        HeldFacts::Present => hash.hash.clone().unwrap_or_else(|| "in the blob; its value is not known".into()),
        HeldFacts::Unseen => "it is not known whether the blob has one".into(),
    };
    let mut rows = vec![("metadata_hash", held)];
    if let Some(computed) = &hash.computed {
        let token = hash.token.as_ref().map(|token| format!("{} with {} decimals", token.symbol, token.decimals));
        let judged = match &hash.hash {
            Some(hash) if hash == computed => "which matches the blob",
            Some(_) => "which does not match the blob: the build script has another token, or the source differs",
            None => "",
        };
        rows.push(("  for its token", format!("{computed} ({}) {judged}", or_dash(token)).trim_end().to_owned()));
        if let Some(other) = hash.computed_from_16.as_ref().filter(|other| *other != computed) {
            rows.push(("  by metadata 16", format!("{other}: transactions that sign this one are refused")));
        }
    }
    rows.extend(hash.differences.iter().map(|line| ("  15 and 16", line.clone())));
    rows.extend(hash.unknown.iter().map(|line| ("  not known", line.clone())));
    rows
}

/// Renders the facts about a runtime.
pub fn inspect(facts: &RuntimeFacts) -> String {
    let versions = format!(
        "spec {}, implementation {}, transaction {}, state {}",
        facts.spec_version,
        facts.impl_version,
        or_dash(facts.transaction_version),
        or_dash(facts.state_version)
    );
    let compressed = if facts.compressed { "compressed" } else { "not compressed" };
    let none = || "none: the runtime has no system.authorize_upgrade".into();
    let mut rows = vec![
        ("name", facts.spec_name.clone()),
        ("versions", versions),
        ("size", format!("{} {compressed}, {} decompressed", bytes(facts.size), bytes(facts.size_decompressed))),
        ("blake2_256", facts.blake2_256.clone()),
        ("sha256", facts.sha256.clone()),
        ("ipfs_cid", facts.ipfs_cid.clone()),
        ("set_code_hash", facts.set_code_hash.clone()),
        ("authorize_upgrade_call", facts.authorize_upgrade_call.clone().unwrap_or_else(none)),
        ("imports", format!("{} host functions", facts.imports.len())),
    ];
    if let Some(versions) = &facts.metadata_versions {
        let versions: Vec<_> = versions.iter().map(u32::to_string).collect();
        rows.push(("metadata_versions", versions.join(", ")));
    }
    rows.extend(facts.pace.iter().map(|pace| ("pace", format!("{} {}", pace.constant, pace.told))));
    rows.extend(metadata_hash(facts));
    if let Some(number) = facts.block_number {
        let block = match &facts.foreign_header {
            Some(why) => {
                format!("{number}; its hash is not known: the headers of the chain are not known here, {why}")
            }
            None => format!("{number} {}", or_dash(facts.block_hash.as_ref())),
        };
        rows.push(("block", block));
    }
    rows.extend(facts.code_substitutes.iter().map(|substitute| {
        let version = format!("{} {}", substitute.spec_name, substitute.spec_version);
        ("code_substitute", format!("from block {} on, {version}, {}", substitute.at, substitute.blake2_256))
    }));
    let mut all = pairs(&rows);
    let pallets = facts.pallets.as_deref().unwrap_or_default();
    if !pallets.is_empty() {
        let mut rows = vec![["INDEX", "PALLET", "STORAGE VERSION"].map(str::to_owned).to_vec()];
        let row =
            |pallet: &PalletFacts| vec![or_dash(pallet.index), pallet.name.clone(), or_dash(pallet.storage_version)];
        rows.extend(pallets.iter().map(row));
        all.push('\n');
        all.push_str(&aligned(&rows));
    }
    all
}

/// Formats how the state was loaded, if it came from a node.
fn state_download(report: &DryRunReport) -> String {
    let verified = if report.state.verified { "verified" } else { "not verified" };
    match report.rpc.requests {
        0 => String::new(),
        requests => {
            let (mode, received) = (report.state.mode.name(), bytes(report.rpc.bytes));
            format!(" ({mode}, {verified}: {} requests, {received})", grouped(requests))
        }
    }
}

/// Renders the checks of a dry run in their order, and the blocks.
pub fn dry_run(report: &DryRunReport) -> String {
    let state = &report.state;
    let mut all = pairs(&[
        ("state", format!("{} at block {}", state.source, state.number)),
        ("state root", format!("{}{}", state.state_root, state_download(report))),
        ("from", version(&report.from)),
        ("to", version(&report.to)),
    ]);
    all.push('\n');
    all.push_str(&aligned(&check_rows(&report.checks)));
    if let Some(left_out) = crate::field::left_out(report) {
        all.push_str(&format!("\n{left_out}\n"));
    }
    if !report.blocks.is_empty() {
        all.push('\n');
        let mut rows = vec![["BLOCK", "PHASE", "REF_TIME", "PROOF_SIZE"].map(str::to_owned).to_vec()];
        rows.extend(report.blocks.iter().map(|block| {
            let phase = block.phase.name().to_owned();
            vec![block.number.to_string(), phase, milliseconds(block.ref_time), bytes(block.proof_size)]
        }));
        all.push_str(&aligned(&rows));
    }
    all.push_str(&format!("\nverdict: {} ({:.1} s)\n", verdict(report), report.seconds));
    all
}

/// Returns the rows of checks with their findings.
pub(crate) fn check_rows(checks: &[Check]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for check in checks {
        let mut detail = check.detail.clone();
        if let Some(measured) = &check.measured {
            detail.push_str(&format!("; {measured}"));
        }
        rows.push(vec![status_word(check), check.name.clone(), detail]);
        let findings = findings(check).into_iter();
        rows.extend(findings.map(|finding| vec![String::new(), String::new(), format!("- {finding}")]));
    }
    rows
}

/// Returns a check's status in capitals: `PASS`, `NOT JUDGED`.
fn status_word(check: &Check) -> String {
    check.status.to_string().to_uppercase()
}

/// Formats the verdict of a dry run: `pass with 2 hazards`, `not judged`.
pub fn verdict(report: &DryRunReport) -> String {
    with_hazards(report.verdict, report.hazards)
}

/// Formats a verdict with the number of hazards.
pub fn with_hazards(verdict: Verdict, hazards: usize) -> String {
    match (verdict, hazards) {
        (Verdict::PassWithHazards, 1) => "pass with 1 hazard".into(),
        (Verdict::PassWithHazards, hazards) => format!("pass with {hazards} hazards"),
        (other, _) => other.to_string(),
    }
}

pub(crate) fn version(runtime: &RuntimeIdentity) -> String {
    format!("{} {} {}", runtime.spec_name, runtime.spec_version, runtime.blake2_256)
}

/// Renders the snapshot of a genesis preset.
pub fn genesis(snapshot: &GenesisSnapshot) -> String {
    rows_of(vec![
        ("chain", format!("{} {}", snapshot.spec_name, snapshot.spec_version)),
        ("block", format!("{} {}", snapshot.number, snapshot.block_hash)),
        ("state root", snapshot.state_root.clone()),
        ("entries", snapshot.entries.to_string()),
        ("file", format!("{} ({})", snapshot.out, bytes(snapshot.size))),
    ])
}

/// Renders a snapshot that was downloaded from nodes.
pub fn snapshot(snapshot: &LiveSnapshot) -> String {
    let downloaded = format!(
        "{} requests, {}, {} trie nodes; {} s",
        snapshot.requests,
        bytes(snapshot.bytes),
        snapshot.fetched,
        snapshot.seconds
    );
    let mut rows = vec![
        ("chain", format!("{} {}", or_dash(snapshot.spec_name.as_ref()), or_dash(snapshot.spec_version))),
        ("block", format!("{} {}", snapshot.number, snapshot.block_hash)),
        ("state root", snapshot.state_root.clone()),
        ("entries", snapshot.entries.to_string()),
        ("file", format!("{} ({})", snapshot.out, bytes(snapshot.size))),
        ("downloaded", downloaded),
    ];
    rows.extend(snapshot.dropped.iter().map(|dropped| ("dropped", dropped.clone())));
    rows_of(rows)
}

/// Renders the facts about a state file.
pub fn state(summary: &StateSummary) -> String {
    let mut rows = Vec::new();
    if let Some(chain) = &summary.chain {
        rows.push(("name", chain.clone()));
    }
    if let Some(name) = &summary.spec_name {
        rows.push(("chain", format!("{name} {}", or_dash(summary.spec_version))));
    }
    if let Some(hash) = &summary.block_hash {
        rows.push(("block", format!("{} {hash}", or_dash(summary.block_number))));
    }
    if let Some(root) = &summary.state_root {
        rows.push(("state root", root.clone()));
    }
    let verdict = match (summary.state_root.is_some(), summary.verified, summary.complete) {
        (false, _, _) => "not known: the file has no root to compare with",
        (_, false, _) => "no: its entries have another root",
        (_, _, Some(false)) => "no: the header of its block has another root",
        (_, _, Some(true)) => "yes: its entries have the root of the block's header",
        _ => "its entries have the recorded root; the file has no header",
    };
    rows.push(("complete", verdict.into()));
    let children = format!("{} in {} child tries", summary.child_entries, summary.child_tries);
    rows.push(("entries", format!("{}, {children}, {} bytes", summary.entries, grouped(summary.bytes))));
    if let Some(hash) = &summary.code_blake2_256 {
        let size = summary.code_size.map(|size| format!("{} bytes", grouped(size)));
        rows.push(("runtime", format!("{hash} ({})", or_dash(size))));
    }
    rows_of(rows)
}

/// Renders the outcome of pruning a store.
pub fn pruned(pruned: &Pruned) -> String {
    rows_of(vec![("store", pruned.store.display().to_string()), ("freed", bytes(pruned.freed))])
}

fn rows_of(rows: Vec<(&str, String)>) -> String {
    aligned(&rows.into_iter().map(|(name, value)| vec![name.to_string(), value]).collect::<Vec<_>>())
}

/// Renders a proposal.
pub fn propose(proposal: &Proposal) -> String {
    let mut all = pairs(&[
        ("chain", proposal.chain.clone()),
        ("route", routes(proposal.route, &proposal.possible_routes)),
        ("upgrade", format!("{} to {}", proposal.from_spec_version, proposal.to_spec_version)),
        ("code hash", proposal.code_hash.clone()),
    ]);
    all.push_str(&calls_of(&proposal.calls));
    if let Some(apply) = &proposal.apply {
        all.push_str(&format!("\nThen: {}\n", apply.description));
        all.push_str(&indented(&pairs(&apply_rows(apply))));
    }
    all.push_str(&notes_of(&proposal.notes));
    all
}

/// Formats the calls of a proposal, numbered.
pub(crate) fn calls_of(calls: &[Call]) -> String {
    let one = |(index, call): (usize, &Call)| {
        format!("\n{}. {}\n{}", index + 1, call.description, indented(&call_lines(call)))
    };
    calls.iter().enumerate().map(one).collect()
}

pub(crate) fn notes_of(notes: &[String]) -> String {
    notes.iter().map(|note| format!("\nnote: {note}\n")).collect()
}

/// Returns the rows of a call that applies code.
pub(crate) fn apply_rows(apply: &Apply) -> Vec<(&'static str, String)> {
    vec![
        ("call", qualified_name(apply)),
        ("hash", apply.hash.clone()),
        ("length", bytes(apply.length as u64)),
        ("events", apply.expected_events.join(", ")),
    ]
}

/// Renders the proposal of a call.
pub fn propose_call(proposal: &CallProposal) -> String {
    let call = &proposal.call;
    let mut all = pairs(&[
        ("chain", call.chain.clone()),
        ("route", routes(proposal.route, &proposal.possible_routes)),
        ("call", call.decoded.clone()),
        ("hash", call.hash.clone()),
    ]);
    all.push_str(&calls_of(&proposal.calls));
    all.push_str(&notes_of(&proposal.notes));
    all
}

/// Formats the chosen route, and the others that `--route` can choose.
pub(crate) fn routes(route: Route, possible: &[Route]) -> String {
    let others: Vec<_> = possible.iter().filter(|other| **other != route).map(|other| other.name()).collect();
    match others.is_empty() {
        true => format!("{route}, the only one that is possible"),
        false => format!("{route}; also possible with --route: {}", others.join(", ")),
    }
}

/// Returns the call with its pallet, such as `System.apply_authorized_upgrade`, without the code in
/// its arguments.
fn qualified_name(apply: &Apply) -> String {
    match apply.decoded.split_whitespace().next() {
        Some(name) if name.contains('.') => name.to_owned(),
        _ => apply.name.clone(),
    }
}

fn call_lines(call: &Call) -> String {
    let shown = Some(&call.bytes).filter(|bytes| !bytes.is_empty());
    let mut rows = vec![
        ("on", call.chain.clone()),
        ("call", call.decoded.clone()),
        ("bytes", abridged(&or_dash(shown))),
        ("hash", call.hash.clone()),
        ("length", bytes(call.length as u64)),
    ];
    if let Some(preimage) = &call.preimage {
        rows.push(("preimage", format!("{}, {}", preimage.hash, bytes(preimage.length as u64))));
    }
    rows.extend(call.files.first().map(|file| ("file", file.clone())));
    pairs(&rows)
}

/// Shortens long bytes. The file of the call has all of them.
fn abridged(bytes: &str) -> String {
    if bytes.chars().count() <= 600 {
        bytes.to_owned()
    } else {
        format!("{}… (complete in the file)", bytes.chars().take(200).collect::<String>())
    }
}

pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}

/// Renders the outcome of signing a bundle.
pub fn sign(signed: &Signed) -> String {
    let mut rows = vec![("manifest", signed.manifest.display().to_string())];
    rows.extend(signed_rows(signed));
    pairs(&rows) + &signatures(signed)
}

/// Renders the outcome of signing a bundle inside an archive.
pub(crate) fn sign_archived(signed: &Signed) -> String {
    indented(&(pairs(&signed_rows(signed)) + &signatures(signed)))
}

/// Returns the rows on what was signed, and by which key.
fn signed_rows(signed: &Signed) -> Vec<(&'static str, String)> {
    let mut rows = vec![("payload sha256", signed.payload_sha256.clone())];
    rows.extend(upgrade_rows(&signed.predicate));
    rows.extend([("steps", steps_of(&signed.steps)), ("signed by", signed.key_id.clone())]);
    rows
}

fn signatures(signed: &Signed) -> String {
    agreement(&signed.agreement) + &warnings(&signed.warnings)
}

/// Returns the rows on what a manifest is about: each runtime that ships, and the commit that it
/// was built from.
fn upgrade_rows(predicate: &Predicate) -> Vec<(&'static str, String)> {
    let runtime = |runtime: &RuntimeBlob| {
        let to = or_dash(runtime.spec_version);
        let name = or_dash(runtime.spec_name.as_ref());
        // The manifest names the former runtime of the first dry run alone.
        let only = predicate.runtimes.len() == 1;
        let previous = predicate.previous.as_ref().filter(|previous| only || previous.spec_name == name);
        let versions = match previous {
            None => format!("{name} {to}"),
            Some(previous) if previous.spec_name == name => format!("{name} {} to {to}", previous.spec_version),
            Some(previous) => format!("{} {} to {name} {to}", previous.spec_name, previous.spec_version),
        };
        ("runtime", format!("{} ({versions}), blake2_256 {}", runtime.name, runtime.blake2_256))
    };
    let source = &predicate.source;
    let mut rows: Vec<_> = predicate.runtimes.iter().map(runtime).collect();
    rows.push(("commit", commit(source.commit.as_deref(), source.dirty)));
    // Signers who rehearse the proposal themselves compare it.
    let hashes = predicate.steps.iter().filter_map(|step| step.difference_hash.clone());
    rows.extend(hashes.map(|hash| ("changes of the proposal", hash)));
    rows
}

/// Renders the verification of a bundle.
pub fn verify(verified: &Verification) -> String {
    let bad: Vec<_> = verified.subjects.iter().filter(|subject| !subject.ok).collect();
    let mut all = String::new();
    for subject in &bad {
        all.push_str(&format!("FAIL  {}: {}\n", subject.name, or_dash(subject.reason.as_ref())));
    }
    let count = verified.subjects.len();
    all.push_str(&format!("{} of {count} files match the manifest\n", count - bad.len()));
    // What a damaged bundle states is not shown as if it were so.
    if let Some(predicate) = verified.predicate.as_ref().filter(|_| verified.integrity) {
        let rows = upgrade_rows(predicate).into_iter();
        all.extend(rows.map(|(name, value)| format!("{name}: {value}\n")));
    }
    all.push_str(&format!("steps: {}\n", steps_of(&verified.steps)));
    all.push_str(&agreement(&verified.agreement));
    for rebuilt in verified.rebuilt.iter().flat_map(|rebuilt| &rebuilt.runtimes) {
        let same = if rebuilt.build.same { "the same blob" } else { "ANOTHER BLOB" };
        all.push_str(&format!("rebuilt {}: {same} ({})\n", rebuilt.name, rebuilt.blake2_256));
    }
    all.push_str(&warnings(&verified.warnings));
    if let Some(hint) = &verified.hint {
        all.push_str(&format!("hint: {hint}\n"));
    }
    let state = match (verified.integrity, verified.signed_off) {
        (true, true) => "undamaged, signed off",
        (true, false) => "undamaged, not signed off",
        (false, _) => "damaged or incomplete",
    };
    all.push_str(&format!("verdict: {} ({state})\n", stated(verified.verdict)));
    all
}

/// Formats the steps of a bundle with their verdicts.
fn steps_of(steps: &[StepSummary]) -> String {
    let steps: Vec<_> = steps.iter().map(|step| format!("{} {}", step.name, stated(step.verdict))).collect();
    if steps.is_empty() { "none".into() } else { steps.join(", ") }
}

/// Formats the signatures of a bundle, the file of signers, and whether the threshold is met.
fn agreement(agreement: &SigningStatus) -> String {
    let mut all: String = agreement.signatures.iter().map(|one| signature_line(one) + "\n").collect();
    let Some(needed) = agreement.needed else {
        all.push_str("signers: no file of signers was named, so no signature counts\n");
        return all;
    };
    let root = &agreement.root;
    let expires = match (&root.expires, root.expired) {
        (None, _) => String::new(),
        (Some(date), true) => format!(", EXPIRED on {date}"),
        (Some(date), false) => format!(", expires on {date}"),
    };
    all.push_str(&format!(
        "signers: {}, version {}, {needed} of {} must sign{expires}\n",
        or_dash(root.path.as_ref().map(|path| path.display())),
        or_dash(root.version),
        or_dash(root.signers),
    ));
    let enough = satisfied(agreement.satisfied);
    all.push_str(&format!("threshold: {} of {needed} needed, {enough}", agreement.counted));
    let missing = agreement.describe_missing().map(|missing| format!("; {missing}")).unwrap_or_default();
    all.push_str(&format!("{missing}\n"));
    all
}

fn warnings(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
}

/// Renders a file of signers and who agreed to it.
pub fn signers(root: &RootSummary) -> String {
    let mut all = pairs(&[
        ("signers", root.root.display().to_string()),
        ("version", root.version.to_string()),
        ("threshold", format!("{} of {}", root.threshold, root.signers)),
    ]);
    if let Some(date) = &root.expires {
        let holds = if root.expired { "EXPIRED on" } else { "valid through" };
        all.push_str(&format!("{holds} {date}\n"));
    }
    for (title, signatures) in [("", &root.signatures), ("under the previous version: ", &root.signatures_of_previous)]
    {
        for signature in signatures {
            all.push_str(&format!("{title}{}\n", signature_line(signature)));
        }
    }
    all.push_str(&format!("its own threshold: {}\n", satisfied(root.satisfied)));
    if let Some(enough) = root.satisfied_by_previous {
        all.push_str(&format!("the threshold of the previous version: {}\n", satisfied(enough)));
    }
    all.push_str(&warnings(&root.warnings));
    all
}

/// Renders the public keys of a key file, and the option that names a signer by each.
pub fn key(keys: &PublicKeys) -> String {
    let mut all = String::new();
    for PublicKeyInfo { key_type, public_key, key_id, address } in &keys.keys {
        let kind = key_type.name();
        let signer = match key_type {
            KeyType::Ssh => format!("'NAME={public_key}'"),
            KeyType::Ed25519 | KeyType::Sr25519 => format!("NAME={kind}:{public_key}"),
        };
        let mut rows = vec![("key", kind.to_owned()), ("public key", public_key.clone()), ("key id", key_id.clone())];
        rows.extend(address.iter().map(|address| ("address", address.clone())));
        rows.push(("as a signer", format!("--signer {signer}")));
        all.push_str(&pairs(&rows));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

fn signature_line(signature: &SignatureCheck) -> String {
    let signer = match &signature.signer {
        None if signature.throw_away => "a throw-away key",
        None => "an unknown signer",
        Some(name) => name,
    };
    let validity = match (signature.valid, signature.counted) {
        (true, true) => "valid",
        (true, false) => "valid, not counted",
        (false, _) => "NOT VALID",
    };
    let reason = signature.reason.as_ref().map(|reason| format!(": it {reason}")).unwrap_or_default();
    format!("signature by {signer} ({}): {validity}{reason}", signature.key_id)
}

fn satisfied(enough: bool) -> &'static str {
    if enough { "satisfied" } else { "not satisfied" }
}

/// Returns the command that adds a signature to what is in a directory. `root` is the file of
/// signers.
pub(crate) fn sign_command(command: &str, directory: &str, root: Option<&Path>) -> String {
    let root = root.map(|root| format!(" --root {}", root.display())).unwrap_or_default();
    let key = "--with KEY";
    format!("cargo xtask {command} {directory} {key}{root}")
}

/// Renders a short summary of an upgrade. `root` is the file of signers.
pub fn upgrade(report: &UpgradeReport, root: Option<&Path>) -> String {
    let mut all = String::new();
    let mut parts = Vec::new();
    for runtime in &report.runtimes {
        match runtime {
            RuntimeUpgrade::Whole(runtime) => {
                all.push_str(&upgraded(runtime, root));
                all.push('\n');
            }
            RuntimeUpgrade::Part(part) => parts.extend(rows_of_part(part)),
        }
    }
    all.push_str(&aligned(&parts));
    all.trim_end().to_owned() + "\n"
}

fn upgraded(runtime: &UpgradedRuntime, root: Option<&Path>) -> String {
    let versions = format!("{} {} to {}", runtime.spec_name, runtime.from_spec_version, runtime.to_spec_version);
    let mut rows =
        vec![("upgrade", versions), ("blob", format!("{}, {}", runtime.blob.blake2_256, bytes(runtime.blob.size)))];
    for (status, word) in [
        (Status::Fail, "fail"),
        (Status::NotJudged, "not judged"),
        (Status::Warn, "warn"),
        (Status::Skip, "skip"),
        (Status::Pass, "pass"),
    ] {
        let with_status = runtime.checks.iter().filter(|check| check.status == status);
        let names: Vec<_> = with_status.map(|check| check.name.as_str()).collect();
        if !names.is_empty() {
            rows.push((word, names.join(", ")));
        }
    }
    let (route, hash) = (or_dash(runtime.proposal.route), or_dash(runtime.proposal.hash.as_deref().map(short)));
    rows.push(("proposal", format!("{route} {hash}")));
    rows.push(("signatures", runtime.signing.signatures.clone()));
    rows.push(("bundle", runtime.bundle.clone()));
    rows.push(("verdict", verdict_of_upgrade(runtime)));
    rows.extend(next_step(runtime, root).map(|next| ("next", next)));
    let mut all = pairs(&rows);
    for check in runtime.checks.iter().filter(|check| matches!(check.status, Status::Fail | Status::NotJudged)) {
        all.push_str(&format!("  {}: {}\n", check.name, shorten(&check.detail)));
    }
    all
}

/// Returns the command that brings a passed upgrade closer to being signed off.
fn next_step(runtime: &UpgradedRuntime, root: Option<&Path>) -> Option<String> {
    if runtime.verdict != Verdict::Pass || runtime.signing.signed_off {
        return None;
    }
    let named = root.unwrap_or(Path::new("SIGNERS"));
    let command = sign_command("sign", &runtime.bundle, Some(named));
    Some(match root {
        Some(_) => command,
        None => format!("{command}; `cargo xtask signers init SIGNERS` makes the file of signers"),
    })
}

/// Shortens a long detail. The evidence has the whole text.
fn shorten(detail: &str) -> String {
    const SHOWN: usize = 400;
    match detail.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… (complete in report.md)", &detail[..end]),
        None => detail.to_owned(),
    }
}

/// Formats the verdict, and separately whether the upgrade is signed off. A passed upgrade without
/// enough signatures must not look signed off.
fn verdict_of_upgrade(runtime: &UpgradedRuntime) -> String {
    if runtime.verdict != Verdict::Pass {
        return stated(runtime.verdict).to_uppercase();
    }
    let verdict = steps::headline(Some(steps::Status::Pass), runtime.hazards);
    match (runtime.signing.signed_off, runtime.signing.needed) {
        (true, _) => verdict,
        (false, None) => format!("{verdict}, not signed off: no file of signers"),
        (false, Some(needed)) => format!("{verdict}, not signed off: {} of {needed}", runtime.signing.counted),
    }
}

/// Renders the runtimes that a change can affect, with the first reasons of each.
pub fn changed_runtimes(report: &ChangedReport) -> String {
    const SHOWN: usize = 5;
    let differ = if report.files == 1 { "file differs" } else { "files differ" };
    let mut all = format!("since {}: {} {differ}\n", report.base, report.files);
    let mut rows = Vec::new();
    for runtime in &report.runtimes {
        let affected = if runtime.affected { "affected" } else { "not affected" };
        rows.push(vec![runtime.name.clone(), affected.to_owned()]);
        let reasons = runtime.reasons.iter();
        rows.extend(reasons.take(SHOWN).map(|reason| vec![String::new(), reason.what.clone()]));
        if runtime.reasons.len() > SHOWN {
            rows.push(vec![String::new(), format!("and {} more, see --json", runtime.reasons.len() - SHOWN)]);
        }
    }
    all.push_str(&aligned(&rows));
    all
}

/// Renders checks with their findings, and the verdict.
pub fn checks(report: &ChecksReport) -> String {
    let mut rows = Vec::new();
    for check in &report.checks {
        rows.push(vec![status_word(check), check.name.clone(), check.detail.clone()]);
        let findings = findings(check).into_iter();
        rows.extend(findings.map(|finding| vec![String::new(), finding]));
    }
    format!("{}verdict  {}\n", aligned(&rows), stated(report.verdict).to_uppercase())
}

/// Renders the jobs of a matrix.
pub fn matrix(matrix: &Matrix) -> String {
    if matrix.include.is_empty() {
        return "no runtime is affected: there is nothing to do\n".into();
    }
    let mut rows = vec![["RUNTIME", "STAGE", "JOB", "DOES"].map(str::to_owned).to_vec()];
    rows.extend(
        matrix.include.iter().map(|job| [&job.runtime, &job.stage, &job.job, &job.only].map(Clone::clone).to_vec()),
    );
    aligned(&rows)
}

/// Returns the rows of one part of an upgrade: what each step reports.
fn rows_of_part(part: &PartOfUpgrade) -> Vec<Vec<String>> {
    let row = |what: &str, report: &str| vec![part.name.clone(), what.to_owned(), report.to_owned()];
    let mut rows: Vec<_> = part.steps.iter().map(|step| row(&step.name, stated(step.verdict))).collect();
    rows.push(row("bundle", &part.bundle));
    rows
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
