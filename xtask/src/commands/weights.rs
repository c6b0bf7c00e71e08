// SPDX-License-Identifier: Apache-2.0
use super::utf8;
use crate::{
    cli::{self, CompareFormat, CompareMethod, WeightHeader, WeightLimits, WeightShape, WeightsCommand},
    context::Context,
    git, revision,
    runtimes::{Runtime, Workspace},
    workers::{self, Worker},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use worker::{Failure, Outcome, Result};

pub fn run(context: &Context, options: &cli::Weights) -> Result<bool> {
    match &options.what {
        WeightsCommand::Compare(options) => compare(context, options),
        WeightsCommand::Check(options) => check(context, options),
        WeightsCommand::Render(options) => render(context, options),
    }
}

fn call(context: &Context, request: &Value) -> Result<Outcome<Value>> {
    let task = context.printer.task("weights");
    workers::call(context, Worker::Weights, request, &task, &context.log("weights"))
}

fn compare(context: &Context, options: &cli::WeightsCompare) -> Result<bool> {
    if !options.threshold.is_finite() || options.threshold < 0.0 {
        return Err(Failure::usage("the threshold is no percentage").found(options.threshold.to_string()));
    }
    let old = side(&options.old, &options.new)?;
    let new = side(&options.new, &options.old)?;
    let method = match options.method {
        CompareMethod::Base => "base",
        CompareMethod::ExactWorst => "exact-worst",
        CompareMethod::GuessWorst => "guess-worst",
        CompareMethod::ExactAsymptotic => "exact-asymptotic",
        CompareMethod::Asymptotic => "asymptotic",
    };
    let (price, limits) = limits(&options.limits);
    let request = json!({
        "command": "compare",
        "old": {"name": options.old, "path": utf8(&old.path)?},
        "new": {"name": options.new, "path": utf8(&new.path)?},
        "options": {"method": method, "threshold": options.threshold, "price": price, "limits": limits},
    });
    let outcome = call(context, &request)?;
    let value = &outcome.value;
    let text = match options.format {
        Some(CompareFormat::Markdown) => report::weights::markdown(value),
        Some(CompareFormat::Csv) => report::weights::csv(value),
        Some(CompareFormat::Svg) => report::weights_picture::svg(value),
        None => report::weights::terminal(value),
    };
    match &options.output {
        Some(path) => {
            worker::write_whole(path, text.as_bytes())?;
            context.printer.result(value, || report::weights::summary(value))?;
        }
        None => context.printer.result(value, || text)?,
    }
    Ok(outcome.passed)
}

/// One side of a comparison on disk. A revision's files are there for as long as this is.
struct Side {
    path: PathBuf,
    _extracted: Option<TempDir>,
}

/// What exists is a path; else it is a revision with a path, or a revision in which the `other` side's path is meant.
fn side(name: &str, other: &str) -> Result<Side> {
    if Path::new(name).exists() {
        return Ok(Side { path: PathBuf::from(name), _extracted: None });
    }
    let here = Path::new(".");
    let Some(root) = git::root(here) else {
        return Err(Failure::input(format!("there is no {name}"))
            .expected("a file or a directory: no revision can be meant outside of a git repository"));
    };
    let (revision, path) = match name.split_once(':') {
        Some((revision, path)) => (revision, path.to_owned()),
        None => (name, same_path(name, other, &root)?),
    };
    let commit = revision::commit(&root, revision)?;
    let (directory, path) = revision::extract(&root, &commit, &path, &[".rs", ".json"])?;
    Ok(Side { path, _extracted: Some(directory) })
}

/// The path of the other side, relative to the repository's root.
fn same_path(name: &str, other: &str, root: &Path) -> Result<String> {
    let none = || {
        Failure::input(format!("{name} is neither a file nor a directory, and as a revision it has no path"))
            .hint(format!("name one: {name}:PATH"))
    };
    if !Path::new(other).exists() {
        return match other.split_once(':') {
            Some((_, path)) => Ok(path.to_owned()),
            None => Err(none()),
        };
    }
    let other = std::fs::canonicalize(other).map_err(|error| Failure::io("open", Path::new(other), &error))?;
    let inside = other.strip_prefix(root).map_err(|_| none())?;
    Ok(utf8(inside)?.to_owned())
}

fn limits(limits: &WeightLimits) -> (Value, Value) {
    (
        json!({"read": limits.read_weight, "write": limits.write_weight}),
        json!({"ref_time": limits.block_ref_time, "proof_size": limits.block_proof_size}),
    )
}

fn check(context: &Context, options: &cli::WeightsCheck) -> Result<bool> {
    let workspace = Workspace::load(context)?;
    let mut passed = true;
    let mut reports = Vec::new();
    for runtime in workspace.select(&options.runtimes)? {
        let (price, limits) = limits(&options.limits);
        let mut request = check_request(runtime)?;
        let base = options.base.as_deref().map(|base| Base::of(context, runtime, base)).transpose()?;
        if let Some(fields) = request.as_object_mut() {
            fields.extend([("price".into(), price), ("limits".into(), limits), ("jump".into(), json!(options.jump))]);
            if let Some(base) = &base {
                fields.insert("base".into(), json!(utf8(&base.directory)?));
                fields.insert("base_lock".into(), json!(base.lock.as_deref().map(utf8).transpose()?));
                fields.insert("lock".into(), json!(utf8(&context.workspace.join("Cargo.lock"))?));
            }
        }
        let outcome = call(context, &request)?;
        passed &= outcome.passed;
        reports.push(outcome.value);
    }
    let document = json!({"version": 1, "runtimes": reports, "verdict": if passed { "passed" } else { "failed" }});
    context.printer.result(&document, || report::weights::checked(&document))?;
    Ok(passed)
}

/// The request that checks a runtime's weights by themselves.
pub fn check_request(runtime: &Runtime) -> Result<Value> {
    Ok(json!({"command": "check", "runtime": runtime.name, "directory": utf8(&runtime.directory)?, "jump": 30.0}))
}

/// A runtime's source and the workspace's lock file in another revision.
struct Base {
    directory: PathBuf,
    lock: Option<PathBuf>,
    _extracted: Vec<TempDir>,
}

impl Base {
    fn of(context: &Context, runtime: &Runtime, name: &str) -> Result<Self> {
        let root = git::root(&runtime.directory).ok_or_else(|| {
            Failure::input(format!("the runtime {} is in no git repository", runtime.name))
                .found(runtime.directory.display().to_string())
        })?;
        let commit = revision::commit(&root, name)?;
        let inside = |path: &Path| -> Result<String> {
            let path = std::fs::canonicalize(path).map_err(|error| Failure::io("open", path, &error))?;
            let inside = path.strip_prefix(&root).unwrap_or(&path);
            Ok(utf8(inside)?.to_owned())
        };
        let (source, directory) = revision::extract(&root, &commit, &inside(&runtime.directory)?, &[".rs"])?;
        // A lock file that is not under version control leaves the cause of a jump unknown.
        let lock = inside(&context.workspace.join("Cargo.lock"))
            .and_then(|path| revision::extract(&root, &commit, &path, &["Cargo.lock"]))
            .ok();
        let (lock_directory, lock) = lock.unzip();
        Ok(Self { directory, lock, _extracted: std::iter::once(source).chain(lock_directory).collect() })
    }
}

fn render(context: &Context, options: &cli::WeightsRender) -> Result<bool> {
    let header = match options.header {
        WeightHeader::Stable => json!({"style": "stable"}),
        WeightHeader::Conventional => json!({
            "style": "conventional",
            "date": today(),
            "hostname": std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim(),
            "command": std::env::args().collect::<Vec<_>>(),
        }),
    };
    let shape = match options.shape {
        WeightShape::Runtime => "runtime",
        WeightShape::Pallet => "pallet",
        WeightShape::Xcm => "xcm",
    };
    let request = json!({
        "command": "render",
        "raw": options.raw.iter().map(|path| utf8(path)).collect::<Result<Vec<_>>>()?,
        "out": utf8(&options.output)?,
        "shape": shape,
        "header": header,
        "preamble": options.header_file.as_deref().map(utf8).transpose()?,
        "anew": options.anew,
    });
    let outcome = call(context, &request)?;
    context.printer.result(&outcome.value, || report::weights::rendered(&outcome.value))?;
    Ok(outcome.passed)
}

/// The day in UTC, `2026-11-22`.
fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date of a day counted from 1970, by the civil calendar's cycle of 400 years.
fn date(days: u64) -> String {
    // Counted from the first of March of year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (in_month, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{in_month:02}", cycle * 400 + year + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_779, "2026-11-22")]
        {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn a_side_that_is_nothing_is_bad_input() {
        for name in ["no-such-file.rs", "no-such-revision:path"] {
            let failure = side(name, "also-nothing").err().expect("refused");
            assert_eq!(failure.kind, worker::Kind::Input, "{failure}");
        }
    }
}
