// SPDX-License-Identifier: Apache-2.0
//! The `weights compare` command: compares two sets of weights.

use super::{super::utf8, call, limits, print};
use crate::cli::{self, CompareFormat, CompareMethod};
use protocol::{
    Verdict,
    weights::{
        CompareRequest, Request, Side,
        compare::{Comparison, Method, Options},
    },
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use worker::{Failure, Result};
use workspace::{context::Context, git, revision};

/// Runs `weights compare` and returns the verdict of the comparison.
pub fn run(context: &Context, options: &cli::WeightsCompare) -> Result<Verdict> {
    if !options.threshold.is_finite() || options.threshold < 0.0 {
        return Err(Failure::usage("the threshold is not a percentage")
            .found(options.threshold.to_string())
            .expected("a number of percent that is not negative"));
    }
    let old = resolve_side(&options.old, &options.new)?;
    let new = resolve_side(&options.new, &options.old)?;
    let method = match options.method {
        CompareMethod::Base => Method::Base,
        CompareMethod::ExactWorst => Method::ExactWorst,
        CompareMethod::GuessWorst => Method::GuessWorst,
        CompareMethod::ExactAsymptotic => Method::ExactAsymptotic,
        CompareMethod::Asymptotic => Method::Asymptotic,
    };
    let (price, limits) = limits(&options.limits);
    let request = CompareRequest {
        old: Side { name: options.old.clone(), path: old.path.clone() },
        new: Side { name: options.new.clone(), path: new.path.clone() },
        options: Options { method, price, threshold: options.threshold, limits },
    };
    let outcome = call::<Comparison>(context, &Request::Compare(Box::new(request)))?;
    let comparison = &outcome.value;
    let text = match options.format {
        Some(CompareFormat::Markdown) => report::weights::markdown(comparison),
        Some(CompareFormat::Csv) => report::weights::csv(comparison),
        Some(CompareFormat::Svg) => report::weights_picture::svg(comparison),
        None => report::weights::terminal(comparison),
    };
    match &options.output {
        Some(path) => {
            files::write_whole(path, text.as_bytes())?;
            print(context, comparison, || report::weights::summary(comparison))?;
        }
        None => print(context, comparison, || text)?,
    }
    Ok(comparison.verdict)
}

/// One side of a comparison on disk. The files of a revision are removed when this value is
/// dropped.
struct ResolvedSide {
    path: PathBuf,
    _extracted: Option<TempDir>,
}

/// Resolves one side of a comparison: an existing path, a revision with a path, or a revision with
/// the path of the `other` side.
fn resolve_side(name: &str, other: &str) -> Result<ResolvedSide> {
    if Path::new(name).exists() {
        return Ok(ResolvedSide { path: PathBuf::from(name), _extracted: None });
    }
    let here = Path::new(".");
    let Some(root) = git::root(here) else {
        return Err(Failure::input(format!("{name} does not exist"))
            .expected("a file or a directory, because revisions are known only inside of a git repository"));
    };
    let (revision, path) = match name.split_once(':') {
        Some((revision, path)) => (revision, path.to_owned()),
        None => (name, same_path(name, other, &root)?),
    };
    let commit = revision::commit(&root, revision)?;
    let (directory, path) = revision::extract(&root, &commit, &path, &[".rs", ".json"])?;
    Ok(ResolvedSide { path, _extracted: Some(directory) })
}

/// Returns the path of the other side, relative to the root of the repository.
fn same_path(name: &str, other: &str, root: &Path) -> Result<String> {
    let none = || {
        Failure::input(format!("{name} is neither a file nor a directory, and gives no path in a revision"))
            .hint(format!("add the path: {name}:PATH"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_side_is_bad_input() {
        for name in ["no-such-file.rs", "no-such-revision:path"] {
            let failure = resolve_side(name, "also-nothing").err().expect("refused");
            assert_eq!(failure.kind, worker::Kind::Input, "{failure}");
        }
    }
}
