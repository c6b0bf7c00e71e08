// SPDX-License-Identifier: Apache-2.0
//! Checks the weights of a runtime by its source. The rules are described in `docs/weights.md`.

mod files;
mod wiring;

use crate::{
    compare::{compare, load},
    parse::{Extrinsic, WeightFile, token::Source},
};
use protocol::{
    format::WEIGHTS,
    weights::{
        check::{CheckRequest, Finding, Measured, Report, Rule, Severity, Wire, WireKind},
        compare::{Change, Options, Pair},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use wiring::Wiring;
use worker::{Failure, Result};

/// Pallets whose `()` is a formula by their authors, because their benchmarks measure no weight
/// functions.
const NOT_MEASURED: [&str; 3] = ["pallet_babe", "pallet_grandpa", "pallet_mmr"];
/// The largest lock file that is read, in bytes.
const LOCK_LIMIT: u64 = 64 * 1024 * 1024;

/// Lists the pallets for which the runtime has weight files of its own.
pub fn measured(directory: &Path) -> Result<Vec<Measured>> {
    let (wiring, own) = read_runtime(directory)?;
    let files = wiring.wires.into_iter().filter_map(|wire| match wire.kind {
        WireKind::Own(module) => Some(Measured { pallet: wire.pallet, file: own.get(&module)?.name.clone() }),
        _ => None,
    });
    let sorted: BTreeSet<_> = files.collect();
    Ok(sorted.into_iter().collect())
}

/// Returns the severity of a rule's findings.
fn severity(rule: Rule) -> Severity {
    match rule {
        Rule::UnusedFile
        | Rule::NoWeightFiles
        | Rule::ProofDiffers
        | Rule::NeverFits
        | Rule::Unreadable
        | Rule::Stale => Severity::Warning,
        _ => Severity::Failure,
    }
}

/// Returns a finding about the runtime as a whole.
fn finding(rule: Rule, detail: impl Into<String>) -> Finding {
    let severity = severity(rule);
    Finding { rule, severity, pallet: None, extrinsic: None, file: None, line: None, detail: detail.into() }
}

/// Returns a finding about an extrinsic.
fn finding_at(rule: Rule, detail: impl Into<String>, file: &WeightFile, extrinsic: &Extrinsic) -> Finding {
    Finding {
        pallet: file.pallet(),
        extrinsic: Some(extrinsic.name.clone()),
        file: Some(file.name.clone()),
        line: Some(extrinsic.line),
        ..finding(rule, detail)
    }
}

/// Returns the configured reason for allowing a finding.
fn allowed<'a>(finding: &Finding, allow: &'a BTreeMap<String, String>) -> Option<&'a String> {
    let pallet = finding.pallet.as_ref()?;
    let whole = finding.extrinsic.as_ref().map(|extrinsic| format!("{pallet}::{extrinsic}"));
    whole.and_then(|name| allow.get(&name)).or_else(|| allow.get(pallet))
}

/// Checks the weights of a runtime. Fails if the source configures no pallet.
pub fn check(request: &CheckRequest) -> Result<Report> {
    let (wiring, own) = read_runtime(&request.directory)?;
    if wiring.configured.is_empty() {
        return Err(Failure::input(format!("{} configures no pallet", request.directory.display()))
            .found("no `impl …::Config for Runtime` in its source")
            .expected("the directory of a runtime's package"));
    }
    let mut findings = wiring_findings(&wiring, &own);
    for file in own.values() {
        findings.extend(files::sanity(file, request.price, request.limits));
    }
    findings.extend(files::agreement(&own.values().collect::<Vec<_>>()));
    if let Some(base) = &request.base {
        findings.extend(jump_findings(request, base, &own)?);
    }
    findings.extend(request.age.stale.iter().map(|stale| {
        let (pallet, file) = (Some(stale.pallet.clone()), Some(stale.file.clone()));
        Finding { pallet, file, ..finding(Rule::Stale, stale.detail.clone()) }
    }));
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Failure) {
        if let Some(reason) = allowed(finding, &request.allow) {
            finding.severity = Severity::Allowed;
            finding.detail.push_str(&format!("; allowed: {reason}"));
        }
    }
    for finding in &mut findings {
        // Paths are relative to the runtime's package, so that the report is the same on every
        // machine.
        if let Some(file) = &mut finding.file
            && let Ok(inside) = Path::new(file.as_str()).strip_prefix(&request.directory)
        {
            *file = inside.display().to_string();
        }
    }
    findings.sort_by(|left, right| {
        let key = |one: &Finding| (one.severity, one.rule, one.file.clone(), one.line);
        key(left).cmp(&key(right))
    });
    let failed = findings.iter().any(|finding| finding.severity == Severity::Failure);
    Ok(Report {
        format: WEIGHTS.into(),
        runtime: request.runtime.clone(),
        pallets: wiring.configured.len(),
        wires: wiring.wires,
        files: own.len(),
        extrinsics: own.values().map(|file| file.extrinsics().len()).sum(),
        findings,
        not_checked: request.age.not_checked.clone(),
        verdict: (!failed).into(),
    })
}

/// Reads the wiring and the weight files of a runtime. The files are keyed by the names of their
/// modules.
fn read_runtime(directory: &Path) -> Result<(Wiring, BTreeMap<String, WeightFile>)> {
    let paths = load::walk(&directory.join("src"))?;
    let mut wiring = Wiring::default();
    let mut own = BTreeMap::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if ["tests", "mock"].contains(&stem.as_str()) {
            continue;
        }
        let text = String::from_utf8_lossy(&::files::read_bounded(path, 8 * 1024 * 1024)?).into_owned();
        let name = path.strip_prefix(directory).unwrap_or(path).display().to_string();
        wiring.read(&Source::new(&text, &name)?, &name);
        let file = WeightFile::parse_any(&text, &name)?;
        if !file.implementations.is_empty() {
            own.insert(stem, file);
        }
    }
    Ok((wiring, own))
}

/// Returns the findings about the weights that the runtime gives its pallets.
fn wiring_findings(wiring: &Wiring, own: &BTreeMap<String, WeightFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A runtime whose benchmarks were never run gets warnings, and does not fail.
    let has_no_files = own.is_empty();
    if has_no_files {
        let detail = "the runtime has no weight files of its own: no weight was measured for this runtime";
        findings.push(finding(Rule::NoWeightFiles, detail));
    }
    for wire in &wiring.wires {
        let Wire { weights, associated_type, .. } = wire;
        let mut found = match &wire.kind {
            WireKind::Own(module) if own.contains_key(module) => continue,
            WireKind::Own(module) => finding(Rule::MissingFile, format!("{weights}: no weight file {module}.rs")),
            WireKind::Unit if NOT_MEASURED.contains(&wire.pallet.as_str()) => {
                let detail = format!("{associated_type} = (): a formula of the pallet's authors, not measured");
                Finding { severity: Severity::Warning, ..finding(Rule::UnitWeights, detail) }
            }
            WireKind::Unit => {
                finding(Rule::UnitWeights, format!("{associated_type} = (): not measured for this runtime"))
            }
            WireKind::ForTests => finding(Rule::TestWeights, format!("{weights}: made for tests, measured nowhere")),
            WireKind::OfThePallet => {
                let detail = format!("{weights}: the pallet's own, not measured for this runtime");
                finding(Rule::ForeignWeights, detail)
            }
            // A type of another module of the runtime, or one that is imported: its path is not known.
            WireKind::OfAnother if !weights.contains("::") => {
                finding(Rule::ForeignWeights, format!("{weights}: no path to a weight file of the runtime"))
            }
            WireKind::OfAnother => finding(Rule::ForeignWeights, format!("{weights}: of another crate")),
        };
        if has_no_files && found.rule != Rule::MissingFile {
            found.severity = Severity::Warning;
        }
        let (pallet, file, line) = (Some(wire.pallet.clone()), Some(wire.file.clone()), Some(wire.line));
        findings.push(Finding { pallet, file, line, ..found });
    }
    let used: BTreeSet<&str> = wiring.names.iter().map(String::as_str).collect();
    for (module, file) in own.iter().filter(|(module, _)| !used.contains(module.as_str())) {
        let unused = finding(Rule::UnusedFile, format!("nothing in the runtime names the module {module}"));
        findings.push(Finding { file: Some(file.name.clone()), ..unused });
    }
    findings
}

/// Returns findings about weights that differ from the base by more than the limit. They are
/// failures if the version of the pallet's crate is the same in both lock files, otherwise
/// warnings.
fn jump_findings(request: &CheckRequest, base: &Path, own: &BTreeMap<String, WeightFile>) -> Result<Vec<Finding>> {
    let (_, previous) = read_runtime(base)?;
    let versions =
        |path: &Option<PathBuf>| path.as_deref().map(locked_versions).transpose().map(Option::unwrap_or_default);
    let (before, now) = (versions(&request.base_lock)?, versions(&request.lock)?);
    let options =
        Options { price: request.price, limits: request.limits, threshold: request.jump, ..Default::default() };
    let comparison = compare(("base", "now"), previous, own.clone(), &options);
    let mut findings = Vec::new();
    for compared in comparison.extrinsics.iter().filter(|one| one.change == Change::Changed && one.beyond_threshold) {
        let Some(file) = own.get(&compared.pallet) else { continue };
        let pallet = file.pallet().unwrap_or_else(|| compared.pallet.clone());
        let package = pallet.split("::").next().unwrap_or_default().replace('_', "-");
        let changed = before.get(&package) != now.get(&package);
        let percent = |pair: Pair| pair.percent.map_or("from nothing".into(), |percent| format!("{percent:+.0} %"));
        let detail = format!(
            "ref_time {}, proof_size {} compared with the base, {}",
            percent(compared.by_method.ref_time),
            percent(compared.by_method.proof_size),
            if changed {
                format!("the version of {package} changed")
            } else {
                format!("but the version of {package} is the same")
            },
        );
        let mut found = match load::find_extrinsic(Some(file), &compared.extrinsic) {
            Some(extrinsic) => finding_at(Rule::Jump, detail, file, extrinsic),
            None => finding(Rule::Jump, detail),
        };
        if changed {
            found.severity = Severity::Warning;
        }
        findings.push(found);
    }
    Ok(findings)
}

/// Returns the versions of the packages in a lock file. Several versions of one package are joined.
fn locked_versions(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = String::from_utf8_lossy(&::files::read_bounded(path, LOCK_LIMIT)?).into_owned();
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        let value = |key: &str| line.strip_prefix(key).map(|rest| rest.trim_matches([' ', '=', '"']));
        if let Some(found) = value("name ") {
            name = found;
        } else if let Some(version) = value("version ").filter(|_| !name.is_empty()) {
            let all = versions.entry(name.to_owned()).or_default();
            all.push_str(version);
            all.push(' ');
            name = "";
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests;
