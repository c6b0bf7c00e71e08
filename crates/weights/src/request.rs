// SPDX-License-Identifier: Apache-2.0
//! What the worker is asked to do.

use crate::{
    check,
    compare::{self, load},
    parse::WeightFile,
    raw::RawResults,
    render::{self, Kept},
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use worker::{Failure, Outcome, Reporter, Result};

const PREAMBLE_LIMIT: u64 = 1024 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Two sets of weights ([`compare::Comparison`]).
    Compare {
        old: Side,
        new: Side,
        #[serde(default)]
        options: compare::Options,
    },
    /// Weight files from raw results.
    Render(Box<Render>),
    /// The weights of a runtime ([`check::Report`]).
    Check(Box<check::Request>),
}

/// A file or directory, and how it is called in results: a revision's files lie in a temporary directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    pub name: String,
    pub path: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Render {
    pub raw: Vec<PathBuf>,
    /// A directory, or a file ending with `.rs` for the results of one pallet.
    pub out: PathBuf,
    #[serde(default)]
    pub shape: render::Shape,
    #[serde(default)]
    pub header: render::HeaderStyle,
    /// A file whose text stands before everything else.
    #[serde(default)]
    pub preamble: Option<PathBuf>,
    /// Write what was measured, also where a former file's value is within the noise.
    #[serde(default)]
    pub anew: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Written {
    pallet: String,
    instance: String,
    file: PathBuf,
    extrinsics: usize,
    /// Whether the file is another one than before.
    changed: bool,
    kept: Vec<Kept>,
}

pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    let (passed, value) = match request {
        Request::Compare { old, new, options } => {
            reporter.status(format!("comparing {} with {}", old.name, new.name));
            let weights = (load::load(&old.path, &old.name)?, load::load(&new.path, &new.name)?);
            let comparison = compare::compare((&old.name, &new.name), weights.0, weights.1, &options);
            (comparison.passed(), serde_json::to_value(&comparison))
        }
        Request::Render(request) => (true, serde_json::to_value(&render_all(&request, reporter)?)),
        Request::Check(request) => {
            reporter.status(format!("checking the weights of {}", request.runtime));
            let report = check::check(&request)?;
            (report.passed(), serde_json::to_value(&report))
        }
    };
    let value = value.map_err(|error| Failure::internal("the result is no JSON").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}

#[derive(Serialize)]
struct RenderedAll {
    version: u32,
    files: Vec<Written>,
}

/// All files are rendered before the first is written: a mistake in the last results changes nothing.
fn render_all(request: &Render, reporter: &Reporter) -> Result<RenderedAll> {
    let preamble = match &request.preamble {
        None => String::new(),
        Some(path) => {
            let text = String::from_utf8_lossy(&worker::read_bounded(path, PREAMBLE_LIMIT)?).into_owned();
            render::check_preamble(&text, &path.display().to_string())?;
            text
        }
    };
    let options = render::Options { shape: request.shape, header: request.header.clone(), preamble };
    let all = request.raw.iter().map(|path| RawResults::read(path)).collect::<Result<Vec<_>>>()?;
    let is_file = request.out.extension().is_some_and(|extension| extension == "rs");
    if is_file && all.len() != 1 {
        return Err(Failure::usage(format!("{} is one file", request.out.display()))
            .found(format!("the results of {} pallets", all.len()))
            .hint("name a directory"));
    }
    let mut texts = Vec::new();
    let mut files: Vec<Written> = Vec::new();
    for results in &all {
        reporter.status(format!("rendering {}", results.pallet));
        let several = all.iter().filter(|other| other.pallet == results.pallet).count() > 1;
        let file = if is_file { request.out.clone() } else { request.out.join(render::file_name(results, several)) };
        if let Some(other) = files.iter().find(|other| other.file == file) {
            return Err(Failure::input(format!("two results are of {}", results.pallet))
                .found(format!("the instances {} and {}", other.instance, results.instance))
                .expected("each pallet and instance once"));
        }
        let former = match request.anew {
            true => None,
            false => former(&file)?,
        };
        let rendered = render::render(results, &options, former.as_ref())?;
        let changed = !std::fs::read(&file).is_ok_and(|text| text == rendered.text.as_bytes());
        files.push(Written {
            pallet: results.pallet.clone(),
            instance: results.instance.clone(),
            file,
            extrinsics: results.benchmarks.len(),
            changed,
            kept: rendered.kept,
        });
        texts.push(rendered.text);
    }
    for (file, text) in files.iter().zip(texts).filter(|(file, _)| file.changed) {
        worker::write_whole(&file.file, text.as_bytes())?;
    }
    Ok(RenderedAll { version: 1, files })
}

/// The weight file that will be replaced; what is something else is not written over.
fn former(file: &Path) -> Result<Option<WeightFile>> {
    if !file.exists() {
        return Ok(None);
    }
    WeightFile::read(file)
        .map(Some)
        .map_err(|failure| failure.hint("it is not written over; remove it, or take --anew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_xtask_writes_them() {
        let of = |value: serde_json::Value| serde_json::from_value::<Request>(value).expect("a request");
        let side = serde_json::json!({"name": "a", "path": "a.rs"});
        let compare = of(serde_json::json!({"command": "compare", "old": side, "new": side,
            "options": {"method": "exact-worst", "price": {"read": 1, "write": 2}, "threshold": 3.0}}));
        assert!(
            matches!(compare, Request::Compare { options, .. } if options.method == compare::Method::ExactWorst && options.threshold == 3.0)
        );
        let render = of(serde_json::json!({"command": "render", "raw": ["a.json"], "out": "x", "shape": "xcm",
            "header": {"style": "conventional", "date": "d", "hostname": "h", "command": []}}));
        assert!(matches!(render, Request::Render(render) if render.shape == render::Shape::Xcm));
        let check = of(serde_json::json!({"command": "check", "runtime": "r", "directory": "d", "jump": 30.0}));
        assert!(matches!(check, Request::Check(_)));
    }

    #[test]
    fn nothing_is_written_where_one_of_the_results_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("no.json"), "{}").expect("written");
        std::fs::write(at("not-weights.rs"), "fn main() {}").expect("written");
        let request = |raw: &[&str], out: &str| Render {
            raw: raw.iter().map(|name| at(name)).collect(),
            out: at(out),
            shape: render::Shape::Runtime,
            header: render::HeaderStyle::Stable,
            preamble: None,
            anew: false,
        };
        assert!(render_all(&request(&["no.json"], "out"), &Reporter::silent()).is_err());
        assert!(!at("out").exists());
        let failure = former(&at("not-weights.rs")).expect_err("no weights");
        assert!(failure.hint.expect("a hint").contains("--anew"));
        let mut with_code = request(&[], "out");
        with_code.preamble = Some(at("not-weights.rs"));
        assert!(render_all(&with_code, &Reporter::silent()).is_err());
    }
}
