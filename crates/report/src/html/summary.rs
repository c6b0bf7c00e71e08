// SPDX-License-Identifier: Apache-2.0
//! The summary at the top of the page.

use super::{
    bar,
    element::{class, copied, facts, section, tag, text, verdicts},
};
use crate::{
    Bundle,
    field::{bytes, findings, grouped, or_dash, words},
    steps,
};
use protocol::{Check, Status, dry_run::DryRunReport, inspect::RuntimeFacts};

/// Renders the chain, the old and the new version, and the verdict.
pub fn verdict(bundle: &Bundle) -> String {
    let (status, hazards) = (steps::verdict(bundle), steps::hazards(bundle));
    let class_name = match (status, hazards) {
        (Some(steps::Status::Pass), 0) => "pass",
        (Some(steps::Status::Pass | steps::Status::NotJudged), _) => "warn",
        (Some(_), _) => "fail",
        (None, _) => "skip",
    };
    let rows: Vec<_> =
        steps::steps(bundle).into_iter().map(|step| (step.status, step.name.to_owned(), text(&step.summary))).collect();
    class("p", &format!("verdict {class_name}"), &steps::headline(status, hazards)) + &verdicts(&rows)
}

/// Renders the facts to compare with those on chain before voting.
pub fn subject(bundle: &Bundle) -> String {
    let version = |name: &str, spec: u32, transaction: Option<u32>| {
        text(&format!("{name} {spec}, transaction_version {}", or_dash(transaction)))
    };
    let from = bundle.dry_run.as_ref().map(|report| &report.from);
    let from = from.map(|from| version(&from.spec_name, from.spec_version, from.transaction_version));
    let to = bundle.inspect.as_ref();
    let mut rows = vec![
        ("Current runtime", or_dash(from)),
        ("New runtime", or_dash(to.map(|to| version(&to.spec_name, to.spec_version, to.transaction_version)))),
        ("Code hash, blake2_256", copied("the code's blake2_256", &or_dash(to.map(|to| &to.blake2_256)))),
    ];
    let proposal = bundle.propose.as_ref().and_then(|propose| propose.proposal());
    rows.extend(proposal.iter().flat_map(|proposal| &proposal.calls).map(|call| match &call.preimage {
        Some(preimage) => ("Preimage voted on", copied("the preimage's hash", &preimage.hash)),
        None => ("Hash of the call", copied("the call's hash", &call.hash)),
    }));
    if let Some(report) = bundle.rehearse.as_ref().and_then(|outcome| outcome.report()) {
        rows.push(("All that it changes", copied("the hash of the differences", &report.difference_hash)));
    }
    if let Some(DryRunReport { state, .. }) = &bundle.dry_run {
        let known = match state.verified {
            true => "the state was compared with it",
            false => "computed from the state; its source has none to compare with",
        };
        rows.extend([
            ("Rehearsed on", text(&format!("block {} of {}", state.number, state.source))),
            ("Block hash", copied("the block's hash", &state.block_hash)),
            ("State root", format!("{} {}", copied("the state root", &state.state_root), text(known))),
        ]);
    }
    let command = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS");
    rows.push((
        "Signed by",
        format!("{command} shows the signers: the signatures cover this page, so it cannot contain them"),
    ));
    section("The upgrade", &facts(&rows))
}

/// Renders the section on the blob and its build. Returns `None` if neither is known.
pub fn blob(bundle: &Bundle) -> Option<String> {
    let (blob, build) = (bundle.inspect.as_ref(), bundle.build.as_ref().map(|build| &build.record));
    if blob.is_none() && build.is_none() {
        return None;
    }
    let fact = |of: fn(&RuntimeFacts) -> &String| or_dash(blob.map(of));
    let mut commit = copied("the commit", &or_dash(build.and_then(|build| build.commit.as_ref())));
    if build.is_some_and(|build| build.dirty == Some(true)) {
        commit.push_str(" with uncommitted changes");
    }
    let mut rows = vec![
        ("blake2_256", copied("blake2_256", &fact(|blob| &blob.blake2_256))),
        ("sha256", copied("sha256", &fact(|blob| &blob.sha256))),
        ("IPFS", copied("the IPFS identifier", &fact(|blob| &blob.ipfs_cid))),
        ("Size", or_dash(blob.map(|blob| code_size(bundle, blob)))),
        ("Decompressed", text(&or_dash(blob.map(|blob| bytes(blob.size_decompressed))))),
        ("Package", text(&or_dash(build.map(|build| &build.package)))),
        ("Profile", text(&or_dash(build.map(|build| &build.profile)))),
        ("Features", text(&or_dash(build.map(|build| words(&build.features))))),
        ("Compiler", text(&or_dash(build.map(|build| &build.rustc)))),
        ("Commit", commit),
    ];
    rows.retain(|(_, content)| content != "-");
    Some(section("The blob", &facts(&rows)))
}

/// Formats the size, its change, and the share of the limit in percent.
fn code_size(bundle: &Bundle, blob: &RuntimeFacts) -> String {
    let new = blob.size;
    let mut size_text = bytes(new);
    let compared = bundle.diff.as_ref().and_then(|diff| diff.report()).map(|report| report.old.code_size);
    let rehearsed = bundle.dry_run.as_ref().map(|report| report.from.code_size as u64);
    if let Some(old) = compared.or(rehearsed) {
        let sign = if new < old { "-" } else { "+" };
        size_text.push_str(&format!(", {sign}{} compared with the current code", grouped(new.abs_diff(old))));
    }
    let limit = bundle.build.as_ref().map(|build| build.record.size_limit).filter(|limit| *limit > 0);
    let Some(limit) = limit else { return text(&size_text) };
    let percent = new as f64 * 100.0 / limit as f64;
    size_text.push_str(&format!("; {percent:.1} % of the network's limit of {}", grouped(limit)));
    text(&size_text) + &bar::of_limit(percent)
}

/// Renders the checks with their verdicts.
pub fn checks(dry_run: &DryRunReport) -> String {
    let rows: Vec<_> = dry_run.checks.iter().map(check).collect();
    if rows.is_empty() {
        return String::new();
    }
    section("The checks of the dry run", &verdicts(&rows))
}

/// Returns the row of a check or a rule. The findings are shown if it failed, warned or was not
/// judged. Otherwise they can be unfolded.
pub fn check(check: &Check) -> (steps::Status, String, String) {
    let findings: String = findings(check).iter().map(|finding| tag("li", &text(finding))).collect();
    let mut detail = text(&check.detail);
    if let Some(reason) = &check.allowed {
        detail.push_str(&format!(" <strong>Allowed: {}</strong>", text(reason)));
    }
    let content = match (findings.is_empty(), check.status) {
        (true, _) => detail,
        (false, Status::Fail | Status::Warn | Status::NotJudged) => format!("{detail}<ul>{findings}</ul>"),
        (false, _) => format!("<details><summary>{detail}</summary><ul>{findings}</ul></details>"),
    };
    (check.status.into(), check.name.clone(), content)
}
