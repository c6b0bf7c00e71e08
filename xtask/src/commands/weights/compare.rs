// SPDX-License-Identifier: Apache-2.0
use super::{super::utf8, call, limits};
use crate::{
    cli::{self, CompareFormat, CompareMethod},
    context::Context,
    git, revision,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use worker::{Failure, Result};

pub fn run(context: &Context, options: &cli::WeightsCompare) -> Result<bool> {
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
            files::write_whole(path, text.as_bytes())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_is_nothing_is_bad_input() {
        for name in ["no-such-file.rs", "no-such-revision:path"] {
            let failure = side(name, "also-nothing").err().expect("refused");
            assert_eq!(failure.kind, worker::Kind::Input, "{failure}");
        }
    }
}
