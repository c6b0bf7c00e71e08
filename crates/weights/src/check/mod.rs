// SPDX-License-Identifier: Apache-2.0
//! Whether a runtime's weights can be trusted, as far as its source tells: see `docs/weights.md` for the rules.

mod files;
mod wiring;

use crate::{
    compare::{self, Change, Limits, load},
    formula::DatabasePrice,
    parse::{Extrinsic, WeightFile, token::Source},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use wiring::{Wire, WireKind, Wiring};
use worker::{Failure, Result};

/// Pallets whose `()` is a formula that their authors wrote, as their benchmarks measure no weight functions.
const NOT_MEASURED: [&str; 3] = ["pallet_babe", "pallet_grandpa", "pallet_mmr"];
const LOCK_LIMIT: u64 = 64 * 1024 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// How the runtime is called.
    pub runtime: String,
    /// Where its manifest is.
    pub directory: PathBuf,
    #[serde(default)]
    pub price: DatabasePrice,
    #[serde(default)]
    pub limits: Limits,
    /// Percent by which a weight may differ from that of `base` without a cause.
    pub jump: f64,
    /// The runtime's directory in another revision.
    #[serde(default)]
    pub base: Option<PathBuf>,
    /// The lock files of this state and of that revision.
    #[serde(default)]
    pub lock: Option<PathBuf>,
    #[serde(default)]
    pub base_lock: Option<PathBuf>,
    /// What may stay as it is, by `pallet` or `pallet::extrinsic`, with the reason.
    #[serde(default)]
    pub allow: BTreeMap<String, String>,
    /// What version control tells of the code that was measured.
    #[serde(default)]
    pub age: Age,
}

/// Weight files and the code they are of, as version control knows them. It is asked by who calls: no tool is run here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Age {
    pub stale: Vec<Stale>,
    /// Why it could not be told of all or of some.
    pub not_checked: Vec<String>,
}

/// A weight file that is older than the code it was measured of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    pub pallet: String,
    /// Relative to the runtime's directory.
    pub file: String,
    pub detail: String,
}

/// A pallet and the weight file of the runtime's own that it is given, relative to the runtime's directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Measured {
    pub pallet: String,
    pub file: String,
}

/// The pallets of a runtime that have weight files of its own.
pub fn measured(directory: &Path) -> Result<Vec<Measured>> {
    let (wiring, own) = read_runtime(directory)?;
    let files = wiring.wires.into_iter().filter_map(|wire| match wire.kind {
        WireKind::Own(module) => Some(Measured { pallet: wire.pallet, file: own.get(&module)?.name.clone() }),
        _ => None,
    });
    let sorted: BTreeSet<_> = files.collect();
    Ok(sorted.into_iter().collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A pallet has `()` for weights.
    UnitWeights,
    /// A pallet has weights that were made for tests.
    TestWeights,
    /// A pallet has weights that were measured for another runtime.
    ForeignWeights,
    /// A pallet is given a module of weights that is not there.
    MissingFile,
    /// A weight file is used by nothing.
    UnusedFile,
    /// The runtime has no weight files of its own.
    NoWeightFiles,
    ZeroProof,
    NoReads,
    NoWrites,
    ProofDiffers,
    TooHeavy,
    /// Its weight is the largest there is: switched off, or measured as impossible.
    NeverFits,
    /// A weight function that is no sum.
    Unreadable,
    OtherMachine,
    OtherSettings,
    /// A weight is far from that of the former revision, and the pallet is the same.
    Jump,
    /// The code was changed after it was measured.
    Stale,
}

impl Rule {
    fn severity(self) -> Severity {
        match self {
            Self::UnusedFile
            | Self::NoWeightFiles
            | Self::ProofDiffers
            | Self::NeverFits
            | Self::Unreadable
            | Self::Stale => Severity::Warning,
            _ => Severity::Failure,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Failure,
    Warning,
    /// A failure that the workspace's configuration lets pass, with its reason.
    Allowed,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    pub pallet: Option<String>,
    pub extrinsic: Option<String>,
    pub file: Option<String>,
    pub line: Option<usize>,
    pub detail: String,
}

impl Finding {
    fn new(rule: Rule, detail: impl Into<String>) -> Self {
        let severity = rule.severity();
        Self { rule, severity, pallet: None, extrinsic: None, file: None, line: None, detail: detail.into() }
    }

    fn at(mut self, file: &WeightFile, extrinsic: &Extrinsic) -> Self {
        self.pallet = file.pallet();
        self.extrinsic = Some(extrinsic.name.clone());
        self.file = Some(file.name.clone());
        self.line = Some(extrinsic.line);
        self
    }

    fn allowed_by<'a>(&self, allow: &'a BTreeMap<String, String>) -> Option<&'a String> {
        let pallet = self.pallet.as_ref()?;
        let whole = self.extrinsic.as_ref().map(|extrinsic| format!("{pallet}::{extrinsic}"));
        whole.and_then(|name| allow.get(&name)).or_else(|| allow.get(pallet))
    }

    fn of(mut self, wire: &Wire) -> Self {
        self.pallet = Some(wire.pallet.clone());
        self.file = Some(wire.file.clone());
        self.line = Some(wire.line);
        self
    }

    fn only_warns(mut self, when: bool) -> Self {
        if when {
            self.severity = Severity::Warning;
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub version: u32,
    pub runtime: String,
    /// Pallets that the runtime configures.
    pub pallets: usize,
    pub wires: Vec<Wire>,
    /// Weight files of the runtime, and the extrinsics in them.
    pub files: usize,
    pub extrinsics: usize,
    pub findings: Vec<Finding>,
    /// Rules that could not be asked, with why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
    pub verdict: &'static str,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.verdict == "passed"
    }
}

pub fn check(request: &Request) -> Result<Report> {
    let (wiring, own) = read_runtime(&request.directory)?;
    if wiring.configured.is_empty() {
        return Err(Failure::input(format!("{} configures no pallet", request.directory.display()))
            .found("no `impl …::Config for Runtime` in its source")
            .expected("the directory of a runtime's package"));
    }
    let mut findings = of_wiring(&wiring, &own);
    for file in own.values() {
        findings.extend(files::sanity(file, request.price, request.limits));
    }
    findings.extend(files::agreement(&own.values().collect::<Vec<_>>()));
    if let Some(base) = &request.base {
        findings.extend(jumps(request, base, &own)?);
    }
    findings.extend(request.age.stale.iter().map(|stale| {
        let mut finding = Finding::new(Rule::Stale, stale.detail.clone());
        (finding.pallet, finding.file) = (Some(stale.pallet.clone()), Some(stale.file.clone()));
        finding
    }));
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Failure) {
        if let Some(reason) = finding.allowed_by(&request.allow) {
            finding.severity = Severity::Allowed;
            finding.detail.push_str(&format!("; allowed: {reason}"));
        }
    }
    for finding in &mut findings {
        // Paths as they are in the runtime's package, whatever machine this is.
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
        version: 1,
        runtime: request.runtime.clone(),
        pallets: wiring.configured.len(),
        wires: wiring.wires,
        files: own.len(),
        extrinsics: own.values().map(|file| file.extrinsics().len()).sum(),
        findings,
        not_checked: request.age.not_checked.clone(),
        verdict: if failed { "failed" } else { "passed" },
    })
}

/// The wiring and the weight files of a runtime, the files by the names of their modules.
fn read_runtime(directory: &Path) -> Result<(Wiring, BTreeMap<String, WeightFile>)> {
    let mut paths = Vec::new();
    load::walk(&directory.join("src"), 12, &mut paths)?;
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

fn of_wiring(wiring: &Wiring, own: &BTreeMap<String, WeightFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A runtime whose first benchmarks have not been run yet is told so, and not refused.
    let none = own.is_empty();
    if none {
        let detail = "the runtime has no weight files of its own: every weight was measured elsewhere, or never";
        findings.push(Finding::new(Rule::NoWeightFiles, detail));
    }
    for wire in &wiring.wires {
        let Wire { weights, associated_type, .. } = wire;
        let finding = match &wire.kind {
            WireKind::Own(module) if own.contains_key(module) => continue,
            WireKind::Own(module) => Finding::new(Rule::MissingFile, format!("{weights}: no weight file {module}.rs")),
            WireKind::Unit if NOT_MEASURED.contains(&wire.pallet.as_str()) => {
                let detail = format!("{associated_type} = (): a formula of the pallet's authors, not measured");
                Finding::new(Rule::UnitWeights, detail).only_warns(true)
            }
            WireKind::Unit => {
                Finding::new(Rule::UnitWeights, format!("{associated_type} = (): not measured for this runtime"))
            }
            WireKind::ForTests => {
                Finding::new(Rule::TestWeights, format!("{weights}: made for tests, measured nowhere"))
            }
            WireKind::OfThePallet => {
                let detail = format!("{weights}: the pallet's own, not measured for this runtime");
                Finding::new(Rule::ForeignWeights, detail)
            }
            WireKind::OfAnother => Finding::new(Rule::ForeignWeights, format!("{weights}: of another crate")),
        };
        let missing = finding.rule == Rule::MissingFile;
        findings.push(finding.of(wire).only_warns(none && !missing));
    }
    let used: BTreeSet<&str> = wiring.names.iter().map(String::as_str).collect();
    for (module, file) in own.iter().filter(|(module, _)| !used.contains(module.as_str())) {
        let mut finding = Finding::new(Rule::UnusedFile, format!("nothing in the runtime names the module {module}"));
        finding.file = Some(file.name.clone());
        findings.push(finding);
    }
    findings
}

/// Weights that are far from what they were, while the pallet's crate is the same by both lock files.
fn jumps(request: &Request, base: &Path, own: &BTreeMap<String, WeightFile>) -> Result<Vec<Finding>> {
    let (_, former) = read_runtime(base)?;
    let versions = |path: &Option<PathBuf>| path.as_deref().map(locked).transpose().map(Option::unwrap_or_default);
    let (before, now) = (versions(&request.base_lock)?, versions(&request.lock)?);
    let options = compare::Options {
        price: request.price,
        limits: request.limits,
        threshold: request.jump,
        ..Default::default()
    };
    let comparison = compare::compare(("base", "now"), former, own.clone(), &options);
    let mut findings = Vec::new();
    for compared in comparison.extrinsics.iter().filter(|one| one.change == Change::Changed && one.beyond_threshold) {
        let Some(file) = own.get(&compared.pallet) else { continue };
        let pallet = file.pallet().unwrap_or_else(|| compared.pallet.clone());
        let package = pallet.split("::").next().unwrap_or_default().replace('_', "-");
        let changed = before.get(&package) != now.get(&package);
        let percent =
            |pair: compare::Pair| pair.percent.map_or("from nothing".into(), |percent| format!("{percent:+.0} %"));
        let detail = format!(
            "ref_time {}, proof_size {} against the base, {}",
            percent(compared.by_method.ref_time),
            percent(compared.by_method.proof_size),
            if changed { format!("{package} is another version") } else { format!("and {package} is the same") },
        );
        let extrinsic = load::find(Some(file), &compared.extrinsic);
        let finding = Finding::new(Rule::Jump, detail).only_warns(changed);
        findings.push(match extrinsic {
            Some(extrinsic) => finding.at(file, extrinsic),
            None => finding,
        });
    }
    Ok(findings)
}

/// The versions of the packages in a lock file; several of one name are joined.
fn locked(path: &Path) -> Result<BTreeMap<String, String>> {
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
