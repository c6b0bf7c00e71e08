// SPDX-License-Identifier: Apache-2.0
//! What a person sees when a command ends.

use crate::{
    field::{findings, grouped, list, milliseconds, number, outcome, short, size, text},
    steps,
    table::aligned,
};
use protocol::inspect::StateSummary;
use serde_json::Value;

pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    aligned(&rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect::<Vec<_>>())
}

pub fn list_runtimes(document: &Value) -> String {
    let mut rows = vec![["NAME", "PACKAGE", "VERSION", "FROM", "STATE"].map(str::to_owned).to_vec()];
    for runtime in list(document, "/runtimes") {
        rows.push(
            ["/name", "/package", "/package_version", "/path", "/state"].map(|pointer| text(runtime, pointer)).to_vec(),
        );
    }
    aligned(&rows)
}

pub fn setup(document: &Value) -> String {
    let mut rows = Vec::new();
    for item in list(document, "/items") {
        rows.push(["/status", "/name", "/detail"].map(|pointer| text(item, pointer)).to_vec());
    }
    aligned(&rows)
}

pub fn build(document: &Value) -> String {
    let mut text_all = String::new();
    for runtime in list(document, "/runtimes") {
        let cached = if text(runtime, "/cached") == "yes" { "nothing changed" } else { "built" };
        text_all.push_str(&pairs(&[
            ("runtime", format!("{} ({})", text(runtime, "/package"), text(runtime, "/profile"))),
            ("blob", text(runtime, "/blob")),
            ("size", size(runtime, "/size")),
            ("blake2_256", text(runtime, "/blake2_256")),
            ("version", format!("{} {}", text(runtime, "/spec_name"), text(runtime, "/spec_version"))),
            ("digest", text(runtime, "/digest_file")),
            ("rustc", text(runtime, "/rustc")),
            ("commit", commit(runtime)),
            ("time", format!("{:.1} s, {cached}", number(runtime, "/seconds").unwrap_or_default())),
        ]));
        text_all.push('\n');
    }
    text_all.trim_end().to_owned() + "\n"
}

fn commit(runtime: &Value) -> String {
    match (text(runtime, "/commit").as_str(), text(runtime, "/dirty").as_str()) {
        ("-", _) => "none: the source is in no git repository".into(),
        (commit, "yes") => format!("{commit} with uncommitted changes"),
        (commit, _) => commit.to_owned(),
    }
}

/// The hash of its metadata that wallets sign.
fn metadata_hash(facts: &Value) -> Vec<(&'static str, String)> {
    let Some(hash) = facts.get("metadata_hash").filter(|hash| hash.is_object()) else { return Vec::new() };
    let given = |name: &str| hash.get(name).and_then(Value::as_str);
    let held = match given("held") {
        Some("no-extension") => return vec![("metadata_hash", "no extension checks one".into())],
        Some("missing") => "none in the blob: transactions that sign one are refused (offline wallets)".into(),
        Some("present") => given("hash").unwrap_or("in the blob; its bytes do not show").to_owned(),
        _ => "it does not show whether the blob has one".into(),
    };
    let mut rows = vec![("metadata_hash", held)];
    if let Some(computed) = given("computed") {
        let token = format!("{} with {} decimals", text(hash, "/token/symbol"), text(hash, "/token/decimals"));
        let judged = match given("hash") {
            Some(hash) if hash == computed => "that is the one",
            Some(_) => "which is another one: another token than the build script has, or another source",
            None => "",
        };
        rows.push(("  for its token", format!("{computed} ({token}) {judged}").trim_end().to_owned()));
        if let Some(other) = given("computed_from_16").filter(|other| *other != computed) {
            rows.push(("  by metadata 16", format!("{other}: who makes it from that is refused")));
        }
    }
    rows.extend(list(hash, "/differences").iter().filter_map(|line| Some(("  15 and 16", line.as_str()?.to_owned()))));
    rows.extend(list(hash, "/unknown").iter().filter_map(|line| Some(("  not known", line.as_str()?.to_owned()))));
    rows
}

pub fn inspect(facts: &Value) -> String {
    let versions = format!(
        "spec {}, implementation {}, transaction {}, state {}",
        text(facts, "/spec_version"),
        text(facts, "/impl_version"),
        text(facts, "/transaction_version"),
        text(facts, "/state_version")
    );
    let compressed = if text(facts, "/compressed") == "yes" { "compressed" } else { "not compressed" };
    let mut rows = vec![
        ("name", text(facts, "/spec_name")),
        ("versions", versions),
        ("size", format!("{} {compressed}, {} decompressed", size(facts, "/size"), size(facts, "/size_decompressed"))),
        ("blake2_256", text(facts, "/blake2_256")),
        ("sha256", text(facts, "/sha256")),
        ("ipfs_cid", text(facts, "/ipfs_cid")),
        ("set_code_hash", text(facts, "/set_code_hash")),
        (
            "authorize_upgrade_call",
            match text(facts, "/authorize_upgrade_call").as_str() {
                "-" => "none: the runtime has no system.authorize_upgrade".into(),
                call => call.to_owned(),
            },
        ),
        ("imports", format!("{} host functions", list(facts, "/imports").len())),
    ];
    if let Some(versions) = facts.get("metadata_versions").and_then(Value::as_array) {
        let versions: Vec<_> = versions.iter().map(Value::to_string).collect();
        rows.push(("metadata_versions", versions.join(", ")));
    }
    for pace in list(facts, "/pace") {
        rows.push(("pace", format!("{} {}", text(pace, "/constant"), text(pace, "/told"))));
    }
    rows.extend(metadata_hash(facts));
    if text(facts, "/block_number") != "-" {
        let block = match facts.get("foreign_header").and_then(Value::as_str) {
            Some(why) => format!(
                "{}; its hash is not known: the headers of the chain are not known here, {why}",
                text(facts, "/block_number")
            ),
            None => format!("{} {}", text(facts, "/block_number"), text(facts, "/block_hash")),
        };
        rows.push(("block", block));
    }
    rows.extend(list(facts, "/code_substitutes").iter().map(|substitute| {
        let version = format!("{} {}", text(substitute, "/spec_name"), text(substitute, "/spec_version"));
        let from = text(substitute, "/at");
        ("code_substitute", format!("from block {from} on, {version}, {}", text(substitute, "/blake2_256")))
    }));
    let mut all = pairs(&rows);
    let pallets = list(facts, "/pallets");
    if !pallets.is_empty() {
        let mut rows = vec![["INDEX", "PALLET", "STORAGE VERSION"].map(str::to_owned).to_vec()];
        rows.extend(
            pallets
                .iter()
                .map(|pallet| ["/index", "/name", "/storage_version"].map(|field| text(pallet, field)).to_vec()),
        );
        all.push('\n');
        all.push_str(&aligned(&rows));
    }
    all
}

/// How the state was taken, where that was from a node.
fn taken(result: &Value) -> String {
    let verified = match result.pointer("/state/verified").and_then(Value::as_bool) {
        Some(true) => "verified",
        _ => "not verified",
    };
    match result.pointer("/rpc/requests").and_then(Value::as_u64) {
        None | Some(0) => String::new(),
        Some(requests) => {
            let (mode, bytes) = (text(result, "/state/mode"), size(result, "/rpc/bytes"));
            format!(" ({mode}, {verified}: {} requests, {bytes})", grouped(requests))
        }
    }
}

/// The checks of a dry run, the worst first within their order, and the blocks behind them.
pub fn dry_run(result: &Value) -> String {
    let mut all = pairs(&[
        ("state", format!("{} at block {}", text(result, "/state/source"), text(result, "/state/number"))),
        ("state root", format!("{}{}", text(result, "/state/state_root"), taken(result))),
        ("from", version(result, "/from")),
        ("to", version(result, "/to")),
    ]);
    all.push('\n');
    let mut rows = Vec::new();
    for check in list(result, "/checks") {
        let mut detail = text(check, "/detail");
        if let Some(measured) = check.get("measured").and_then(Value::as_str) {
            detail.push_str(&format!("; {measured}"));
        }
        rows.push(vec![status_word(check), text(check, "/name"), detail]);
        let findings = findings(check).into_iter();
        rows.extend(findings.map(|finding| vec![String::new(), String::new(), format!("- {finding}")]));
    }
    all.push_str(&aligned(&rows));
    if let Some(left_out) = crate::field::left_out(result) {
        all.push_str(&format!("\n{left_out}\n"));
    }
    let blocks = list(result, "/blocks");
    if !blocks.is_empty() {
        all.push('\n');
        let mut rows = vec![["BLOCK", "PHASE", "REF_TIME", "PROOF_SIZE"].map(str::to_owned).to_vec()];
        rows.extend(blocks.iter().map(|block| {
            vec![
                text(block, "/number"),
                text(block, "/phase"),
                milliseconds(block, "/ref_time"),
                size(block, "/proof_size"),
            ]
        }));
        all.push_str(&aligned(&rows));
    }
    let seconds = number(result, "/seconds").unwrap_or_default();
    all.push_str(&format!("\nverdict: {} ({seconds:.1} s)\n", verdict(result)));
    all
}

/// `PASS`, `NOT JUDGED`.
fn status_word(check: &Value) -> String {
    text(check, "/status").to_uppercase().replace('_', " ")
}

/// The verdict of a dry run: `pass with 2 hazards`, `not judged`.
pub fn verdict(result: &Value) -> String {
    match (text(result, "/verdict").as_str(), number(result, "/hazards").unwrap_or_default()) {
        ("pass_with_hazards", 1.0) => "pass with 1 hazard".into(),
        ("pass_with_hazards", hazards) => format!("pass with {hazards} hazards"),
        (other, _) => other.replace('_', " "),
    }
}

pub(crate) fn version(result: &Value, pointer: &str) -> String {
    let name = text(result, &format!("{pointer}/spec_name"));
    let version = text(result, &format!("{pointer}/spec_version"));
    format!("{name} {version} {}", text(result, &format!("{pointer}/blake2_256")))
}

/// The state that was written.
pub fn snapshot(summary: &Value) -> String {
    let mut rows = vec![
        ("chain", format!("{} {}", text(summary, "/spec_name"), text(summary, "/spec_version"))),
        ("block", format!("{} {}", text(summary, "/number"), text(summary, "/block_hash"))),
        ("state root", text(summary, "/state_root")),
        ("entries", text(summary, "/entries")),
        ("file", format!("{} ({})", text(summary, "/out"), size(summary, "/size"))),
    ];
    if summary.get("requests").is_some() {
        let asked = format!("{} requests, {}", text(summary, "/requests"), size(summary, "/bytes"));
        rows.push((
            "asked for",
            format!("{asked}, {} trie nodes; {} s", text(summary, "/fetched"), text(summary, "/seconds")),
        ));
    }
    for dropped in summary.get("dropped").and_then(Value::as_array).into_iter().flatten() {
        rows.push(("given up", dropped.as_str().unwrap_or_default().to_owned()));
    }
    rows_of(rows)
}

/// What a state file holds.
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
        _ => "its entries have the root that it says; it has no header",
    };
    rows.push(("whole", verdict.into()));
    let children = format!("{} in {} child tries", summary.child_entries, summary.child_tries);
    rows.push(("entries", format!("{}, {children}, {} bytes", summary.entries, grouped(summary.bytes))));
    if let Some(hash) = &summary.code_blake2_256 {
        let size = summary.code_size.map(|size| format!("{} bytes", grouped(size)));
        rows.push(("runtime", format!("{hash} ({})", or_dash(size))));
    }
    rows_of(rows)
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

pub fn pruned(summary: &Value) -> String {
    rows_of(vec![("store", text(summary, "/store")), ("freed", size(summary, "/freed"))])
}

fn rows_of(rows: Vec<(&str, String)>) -> String {
    aligned(&rows.into_iter().map(|(name, value)| vec![name.to_string(), value]).collect::<Vec<_>>())
}

pub fn propose(proposal: &Value) -> String {
    let mut all = pairs(&[
        ("chain", text(proposal, "/chain")),
        ("route", text(proposal, "/route")),
        ("upgrade", format!("{} to {}", text(proposal, "/from_spec_version"), text(proposal, "/to_spec_version"))),
        ("code hash", text(proposal, "/code_hash")),
    ]);
    for (index, call) in list(proposal, "/calls").iter().enumerate() {
        all.push_str(&format!("\n{}. {}\n", index + 1, text(call, "/description")));
        all.push_str(&indented(&call_lines(call)));
    }
    if let Some(apply) = proposal.get("apply").filter(|apply| apply.is_object()) {
        all.push_str(&format!("\nThen: {}\n", text(apply, "/description")));
        all.push_str(&indented(&pairs(&[
            ("call", with_its_pallet(apply)),
            ("hash", text(apply, "/hash")),
            ("length", size(apply, "/length")),
            ("events", list(apply, "/expected_events").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        ])));
    }
    for note in list(proposal, "/notes").iter().filter_map(Value::as_str) {
        all.push_str(&format!("\nnote: {note}\n"));
    }
    all
}

/// `System.apply_authorized_upgrade`: its arguments are the code.
fn with_its_pallet(call: &Value) -> String {
    match text(call, "/decoded").split_whitespace().next() {
        Some(name) if name.contains('.') => name.to_owned(),
        _ => text(call, "/name"),
    }
}

fn call_lines(call: &Value) -> String {
    let mut rows = vec![
        ("on", text(call, "/chain")),
        ("call", text(call, "/decoded")),
        ("bytes", abridged(&text(call, "/bytes"))),
        ("hash", text(call, "/hash")),
        ("length", size(call, "/length")),
    ];
    if call.get("preimage").is_some_and(Value::is_object) {
        rows.push(("preimage", format!("{}, {}", text(call, "/preimage/hash"), size(call, "/preimage/length"))));
    }
    if let Some(file) = list(call, "/files").first().and_then(Value::as_str) {
        rows.push(("file", file.to_owned()));
    }
    pairs(&rows)
}

/// Bytes that nobody reads are in a file.
fn abridged(bytes: &str) -> String {
    if bytes.chars().count() <= 600 {
        bytes.to_owned()
    } else {
        format!("{}… (whole in the file)", bytes.chars().take(200).collect::<String>())
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}

pub fn sign(result: &Value) -> String {
    let mut all = pairs(&[
        ("manifest", text(result, "/manifest")),
        ("payload sha256", text(result, "/payload_sha256")),
        ("steps", steps(result)),
        ("signed by", text(result, "/key_id")),
    ]);
    all.push_str(&agreement(result));
    all.push_str(&warnings(result));
    all
}

pub fn verify(result: &Value) -> String {
    let subjects = list(result, "/subjects");
    let bad: Vec<_> = subjects.iter().filter(|subject| text(subject, "/ok") != "yes").collect();
    let mut all = String::new();
    for subject in &bad {
        all.push_str(&format!("FAIL  {}: {}\n", text(subject, "/name"), text(subject, "/reason")));
    }
    all.push_str(&format!("{} of {} files are what the manifest says\n", subjects.len() - bad.len(), subjects.len()));
    all.push_str(&format!("steps: {}\n", steps(result)));
    all.push_str(&agreement(result));
    for rebuilt in list(result, "/rebuilt/runtimes") {
        let same = if text(rebuilt, "/same") == "yes" { "the same blob" } else { "ANOTHER BLOB" };
        all.push_str(&format!("rebuilt {}: {same} ({})\n", text(rebuilt, "/name"), text(rebuilt, "/blake2_256")));
    }
    all.push_str(&warnings(result));
    if let Some(hint) = result.get("hint").and_then(Value::as_str) {
        all.push_str(&format!("hint: {hint}\n"));
    }
    let is = |pointer: &str| text(result, pointer) == "yes";
    let state = match (is("/integrity"), is("/signed_off")) {
        (true, true) => "undamaged, signed off",
        (true, false) => "undamaged, not signed off",
        (false, _) => "damaged, or not what an upgrade leaves",
    };
    all.push_str(&format!("verdict: {} ({state})\n", outcome(result, "/verdict")));
    all
}

/// Each step of a bundle with its verdict.
fn steps(result: &Value) -> String {
    let steps: Vec<_> = list(result, "/steps")
        .iter()
        .map(|step| format!("{} {}", text(step, "/name"), outcome(step, "/verdict")))
        .collect();
    if steps.is_empty() { "none".into() } else { steps.join(", ") }
}

/// Whose signatures a bundle has, under which file of signers, and whether they are enough.
fn agreement(result: &Value) -> String {
    let mut all = String::new();
    for signature in list(result, "/signatures") {
        all.push_str(&format!("{}\n", signature_line(signature)));
    }
    let Some(needed) = result.get("needed").and_then(Value::as_u64) else {
        all.push_str("signers: no file of signers was named, so no signature counts\n");
        return all;
    };
    let root = |field: &str| text(result, &format!("/root/{field}"));
    let expires = match (root("expires").as_str(), root("expired") == "yes") {
        ("-", _) => String::new(),
        (date, true) => format!(", EXPIRED on {date}"),
        (date, false) => format!(", expires on {date}"),
    };
    all.push_str(&format!(
        "signers: {}, version {}, {needed} of {} must sign{expires}\n",
        root("path"),
        root("version"),
        root("signers"),
    ));
    let counted = text(result, "/counted");
    all.push_str(&format!("threshold: {counted} of {needed} needed, {}", satisfied(result)));
    let missing: Vec<_> = list(result, "/missing").iter().filter_map(Value::as_str).collect();
    match missing.is_empty() {
        true => all.push('\n'),
        false => all.push_str(&format!("; {} is missing\n", missing.join(" or "))),
    }
    all
}

fn warnings(result: &Value) -> String {
    list(result, "/warnings").iter().filter_map(Value::as_str).map(|warning| format!("warning: {warning}\n")).collect()
}

/// A file of signers, and who agreed to it.
pub fn signers(result: &Value) -> String {
    let mut all = pairs(&[
        ("signers", text(result, "/root")),
        ("version", text(result, "/version")),
        ("threshold", format!("{} of {}", text(result, "/threshold"), text(result, "/signers"))),
    ]);
    if let Some(date) = result.get("expires").and_then(Value::as_str) {
        let holds = if text(result, "/expired") == "yes" { "EXPIRED on" } else { "holds through" };
        all.push_str(&format!("{holds} {date}\n"));
    }
    for (title, pointer) in [("", "/signatures"), ("under the version before: ", "/signatures_of_previous")] {
        for signature in list(result, pointer) {
            all.push_str(&format!("{title}{}\n", signature_line(signature)));
        }
    }
    all.push_str(&format!("its own threshold: {}\n", satisfied(result)));
    match text(result, "/satisfied_by_previous").as_str() {
        "yes" => all.push_str("the threshold of the version before: satisfied\n"),
        "no" => all.push_str("the threshold of the version before: not satisfied\n"),
        _ => {}
    }
    all.push_str(&warnings(result));
    all
}

/// The public halves of a key file, and how a signer is named by each.
pub fn key(result: &Value) -> String {
    let mut all = String::new();
    for key in list(result, "/keys") {
        let (kind, public) = (text(key, "/key_type"), text(key, "/public_key"));
        let signer = if kind == "ssh" { format!("'NAME={public}'") } else { format!("NAME={kind}:{public}") };
        let mut rows = vec![("key", kind), ("public key", public), ("key id", text(key, "/key_id"))];
        if key.get("address").is_some() {
            rows.push(("address", text(key, "/address")));
        }
        rows.push(("as a signer", format!("--signer {signer}")));
        all.push_str(&pairs(&rows));
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

fn signature_line(signature: &Value) -> String {
    let signer = match text(signature, "/signer").as_str() {
        "-" if text(signature, "/throw_away") == "yes" => "a throw-away key".to_owned(),
        "-" => "somebody unknown".to_owned(),
        name => name.to_owned(),
    };
    let (valid, counted) = (text(signature, "/valid") == "yes", text(signature, "/counted") == "yes");
    let validity = match (valid, counted) {
        (true, true) => "valid",
        (true, false) => "valid, not counted",
        (false, _) => "NOT VALID",
    };
    let reason = match text(signature, "/reason").as_str() {
        "-" => String::new(),
        reason => format!(": it {reason}"),
    };
    format!("signature by {signer} ({}): {validity}{reason}", text(signature, "/key_id"))
}

fn satisfied(result: &Value) -> &'static str {
    if text(result, "/satisfied") == "yes" { "satisfied" } else { "not satisfied" }
}

/// The end of an upgrade, to be read in ten seconds.
pub fn upgrade(summary: &Value) -> String {
    let mut all = String::new();
    for runtime in list(summary, "/runtimes") {
        let blob = runtime.get("blob").cloned().unwrap_or_default();
        let mut rows = vec![
            (
                "upgrade",
                format!(
                    "{} {} to {}",
                    text(runtime, "/spec_name"),
                    text(runtime, "/from_spec_version"),
                    text(runtime, "/to_spec_version")
                ),
            ),
            ("blob", format!("{}, {}", text(&blob, "/blake2_256"), size(&blob, "/size"))),
        ];
        let checks = list(runtime, "/checks");
        for (status, word) in
            [("fail", "fail"), ("not_judged", "not judged"), ("warn", "warn"), ("skip", "skip"), ("pass", "pass")]
        {
            let names: Vec<_> = checks
                .iter()
                .filter(|check| text(check, "/status") == status)
                .map(|check| text(check, "/name"))
                .collect();
            if !names.is_empty() {
                rows.push((word, names.join(", ")));
            }
        }
        rows.push((
            "proposal",
            format!("{} {}", text(runtime, "/proposal/route"), short(&text(runtime, "/proposal/hash"))),
        ));
        rows.push(("signatures", text(runtime, "/signatures")));
        rows.push(("bundle", text(runtime, "/bundle")));
        rows.push(("verdict", verdict_of_upgrade(runtime)));
        all.push_str(&pairs(&rows));
        for failed in checks.iter().filter(|check| ["fail", "not_judged"].contains(&text(check, "/status").as_str())) {
            all.push_str(&format!("  {}: {}\n", text(failed, "/name"), cut(&text(failed, "/detail"))));
        }
        all.push('\n');
    }
    all.trim_end().to_owned() + "\n"
}

/// Ten seconds are no time for a value of kilobytes: all of it is in the evidence.
fn cut(detail: &str) -> String {
    const SHOWN: usize = 400;
    match detail.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… (whole in report.md)", &detail[..end]),
        None => detail.to_owned(),
    }
}

/// That the checks passed, and whether those whose signatures count agreed: two things, of which nobody shall take one for
/// the other.
fn verdict_of_upgrade(runtime: &Value) -> String {
    if text(runtime, "/verdict") != "pass" {
        return outcome(runtime, "/verdict").to_uppercase();
    }
    let verdict = steps::headline(Some(steps::Status::Pass), steps::hazards(runtime));
    if text(runtime, "/signed_off") != "no" {
        return verdict;
    }
    match text(runtime, "/needed").as_str() {
        "-" => format!("{verdict}, not signed off: no file of signers"),
        needed => format!("{verdict}, not signed off: {} of {needed}", text(runtime, "/counted")),
    }
}

/// The runtimes that a change can affect, the first reasons of each.
pub fn changed_runtimes(document: &Value) -> String {
    const SHOWN: usize = 5;
    let mut all = format!("since {}: {} files differ\n", text(document, "/base"), text(document, "/files"));
    let mut rows = Vec::new();
    for runtime in list(document, "/runtimes") {
        let affected = if text(runtime, "/affected") == "yes" { "affected" } else { "not affected" };
        rows.push(vec![text(runtime, "/name"), affected.to_owned()]);
        let reasons = list(runtime, "/reasons");
        rows.extend(reasons.iter().take(SHOWN).map(|reason| vec![String::new(), text(reason, "/what")]));
        if reasons.len() > SHOWN {
            rows.push(vec![String::new(), format!("and {} more, see --json", reasons.len() - SHOWN)]);
        }
    }
    all.push_str(&aligned(&rows));
    all
}

/// Checks with their findings, and the verdict.
pub fn checks(document: &Value) -> String {
    let mut rows = Vec::new();
    for check in list(document, "/checks") {
        rows.push(vec![status_word(check), text(check, "/name"), text(check, "/detail")]);
        let findings = findings(check).into_iter();
        rows.extend(findings.map(|finding| vec![String::new(), finding]));
    }
    format!("{}verdict  {}\n", aligned(&rows), outcome(document, "/verdict").to_uppercase())
}

/// The jobs of a matrix.
pub fn matrix(document: &Value) -> String {
    if list(document, "/include").is_empty() {
        return "no runtime is affected: there is nothing to do\n".into();
    }
    let mut rows = vec![["RUNTIME", "STAGE", "JOB", "DOES"].map(str::to_owned).to_vec()];
    for job in list(document, "/include") {
        rows.push(["/runtime", "/stage", "/job", "/only"].map(|pointer| text(job, pointer)).to_vec());
    }
    aligned(&rows)
}

/// Some jobs of an upgrade: what each step says.
pub fn part_of_upgrade(summary: &Value) -> String {
    let mut rows = Vec::new();
    for runtime in list(summary, "/runtimes") {
        let name = text(runtime, "/name");
        let steps = list(runtime, "/steps").iter();
        rows.extend(steps.map(|step| vec![name.clone(), text(step, "/name"), outcome(step, "/verdict")]));
        rows.push(vec![name.clone(), "bundle".into(), text(runtime, "/bundle")]);
    }
    aligned(&rows)
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
