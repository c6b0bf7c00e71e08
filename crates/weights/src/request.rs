// SPDX-License-Identifier: Apache-2.0
//! The requests of the worker. Those for weight files are handled here: files are made from raw
//! results of pallets, blocks, extrinsics and databases, or taken from another engine.

use crate::{
    check,
    compare::{compare, load},
    constants::{ConstantsFile, database, overhead},
    parse::WeightFile,
    raw,
    render::{self, PreviousFile, Template},
};
use protocol::{
    format::{RAW_DATABASE, RAW_OVERHEAD, WEIGHT_FILES},
    weights::{
        EditOutcome, PlaceRequest, RenderRequest, Rendered, Request, Written,
        constants::{Database, Overhead},
        raw::RawResults,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Outcome, Reporter, Result};

/// The largest preamble that is read, in bytes.
const PREAMBLE_LIMIT: u64 = 1024 * 1024;

/// Handles one request and returns its result with the verdict.
pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    match request {
        Request::Compare(request) => {
            let (old, new) = (&request.old, &request.new);
            reporter.status(format!("comparing {} with {}", old.name, new.name));
            let weights = (load::load(&old.path, &old.name)?, load::load(&new.path, &new.name)?);
            let comparison = compare((&old.name, &new.name), weights.0, weights.1, &request.options);
            outcome(comparison.verdict.passed(), &comparison)
        }
        Request::Render(request) => outcome(true, &render_all(&request, reporter)?),
        Request::Place(request) => outcome(true, &place_all(&request, reporter)?),
        Request::Check(request) => {
            reporter.status(format!("checking the weights of {}", request.runtime));
            let report = check::check(&request)?;
            outcome(report.verdict.passed(), &report)
        }
        Request::Measured(request) => outcome(true, &check::measured(&request.directory)?),
    }
}

fn outcome(passed: bool, result: &impl Serialize) -> Result<Outcome<serde_json::Value>> {
    let value = serde_json::to_value(result)
        .map_err(|error| Failure::internal("the result cannot be written as JSON").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}

/// Raw results of one of the formats.
enum Raw {
    Pallet(RawResults),
    Overhead(Overhead),
    Database(Database),
}

impl Raw {
    fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let name = path.display().to_string();
        let text = files::read_bounded(path, raw::SIZE_LIMIT)?;
        let format = serde_json::from_slice::<Head>(&text).map(|head| head.format).unwrap_or_default();
        Ok(match format.as_str() {
            RAW_OVERHEAD | overhead::LEGACY_FORMAT => Self::Overhead(overhead::parse(&text, &name)?),
            RAW_DATABASE | database::LEGACY_FORMAT => Self::Database(database::parse(&text, &name)?),
            // `raw::parse` refuses unknown formats and names them.
            _ => Self::Pallet(raw::parse(&text, &name)?),
        })
    }
}

/// Renders all files of the request and writes those that changed. All files are rendered before
/// the first one is written, so that an error in any of the results leaves all files unchanged.
fn render_all(request: &RenderRequest, reporter: &Reporter) -> Result<Rendered> {
    let preamble = match &request.preamble {
        None => String::new(),
        Some(path) => {
            let text = String::from_utf8_lossy(&files::read_bounded(path, PREAMBLE_LIMIT)?).into_owned();
            render::check_preamble(&text, &path.display().to_string())?;
            text
        }
    };
    let template = request.template.as_deref().map(Template::read).transpose()?;
    let templates = request.templates.iter().map(|(pallet, path)| Ok((pallet.as_str(), Template::read(path)?)));
    let templates = templates.collect::<Result<BTreeMap<_, _>>>()?;
    let options = |pallet: &str| render::Options {
        shape: request.shape.unwrap_or_else(|| render::shape_of(pallet)),
        header: request.header.clone(),
        preamble: preamble.clone(),
        template: templates.get(pallet).or(template.as_ref()).cloned(),
    };
    let all = request.raw.iter().map(|path| Raw::read(path)).collect::<Result<Vec<_>>>()?;
    let is_file = request.out.extension().is_some_and(|extension| extension == "rs");
    if is_file && !matches!(all.as_slice(), [Raw::Pallet(_)]) {
        return Err(Failure::usage(format!("the output {} is a single file", request.out.display()))
            .found("raw results for several files")
            .expected("the raw results of one pallet, or a directory as the output"));
    }
    let mut files: Vec<Written> = Vec::new();
    let mut texts = Vec::new();
    for one in &all {
        let rendered = match one {
            Raw::Pallet(results) => {
                reporter.status(format!("rendering {}", results.pallet));
                let of_pallet = |other: &&Raw| matches!(other, Raw::Pallet(other) if other.pallet == results.pallet);
                let several = all.iter().filter(of_pallet).count() > 1;
                let path = render::relative_path(&results.pallet, &results.instance, several);
                let file = if is_file { request.out.clone() } else { request.out.join(path) };
                vec![render_pallet(results, &options(&results.pallet), file, request.anew)?]
            }
            Raw::Overhead(results) => render_constants(&overhead::files(results, &options("")), request)?,
            Raw::Database(results) => render_constants(&database::files(results, &options("")), request)?,
        };
        for (written, text) in rendered {
            if let Some(other) = files.iter().find(|other| other.file == written.file) {
                return Err(Failure::input(format!("two raw results are of {}", written.pallet))
                    .found(format!("the instances {:?} and {:?}", other.instance, written.instance))
                    .expected("each pallet and instance once"));
            }
            files.push(written);
            texts.push(text);
        }
    }
    write_all(files, texts, reporter)
}

/// Puts weight files of another engine into the directory of a runtime, under the same names as
/// those of [`render_all`]. The manual edits of the previous files are kept. All files are read
/// before the first one is written.
fn place_all(request: &PlaceRequest, reporter: &Reporter) -> Result<Rendered> {
    let (mut files, mut texts) = (Vec::new(), Vec::new());
    for one in &request.files {
        let several = request.files.iter().filter(|other| other.pallet == one.pallet).count() > 1;
        let file = request.out.join(render::relative_path(&one.pallet, &one.instance, several));
        let text = WeightFile::text(&one.path)?;
        let extrinsics = WeightFile::parse(&text, &one.path.display().to_string())?.extrinsics().len();
        let (text, by_hand) = match previous_file(&file, request.anew)? {
            Some(previous) => previous.apply_manual_edits(text)?,
            None => (text, Vec::new()),
        };
        files.push(Written {
            pallet: one.pallet.clone(),
            instance: one.instance.clone(),
            extrinsics,
            changed: is_changed(&file, &text),
            file,
            kept: Vec::new(),
            by_hand,
        });
        texts.push(text);
    }
    write_all(files, texts, reporter)
}

/// Writes the files that changed, and warns of lost manual edits.
fn write_all(files: Vec<Written>, texts: Vec<String>, reporter: &Reporter) -> Result<Rendered> {
    for (file, text) in files.iter().zip(texts).filter(|(file, _)| file.changed) {
        files::write_whole(&file.file, text.as_bytes())?;
    }
    for file in &files {
        let mut lost = file.by_hand.iter().filter(|one| one.fate == EditOutcome::Gone);
        if let Some(first) = lost.next() {
            let (name, count) = (file.file.display(), 1 + lost.count());
            reporter.warning(format!(
                "{name}: {count} lines of the previous file are not in the new file; the first is line {}: {}",
                first.line, first.text
            ));
        }
    }
    Ok(Rendered { format: WEIGHT_FILES.into(), files })
}

fn render_pallet(
    results: &RawResults,
    options: &render::Options,
    file: PathBuf,
    anew: bool,
) -> Result<(Written, String)> {
    let previous = previous_file(&file, anew)?;
    let rendered = render::render(results, options, previous.as_ref())?;
    let written = Written {
        pallet: results.pallet.clone(),
        instance: results.instance.clone(),
        extrinsics: results.benchmarks.len(),
        changed: is_changed(&file, &rendered.text),
        file,
        kept: rendered.kept,
        by_hand: rendered.by_hand,
    };
    Ok((written, rendered.text))
}

fn render_constants(files: &[ConstantsFile], request: &RenderRequest) -> Result<Vec<(Written, String)>> {
    let mut all = Vec::new();
    for new in files {
        let file = request.out.join(new.name);
        let previous = if request.anew { None } else { new.previous_text(&file)? };
        let kept = previous.as_deref().map(|previous| new.kept(previous)).unwrap_or_default();
        // If all values are kept, the comments about them are kept as well.
        let text = previous.filter(|_| !kept.is_empty()).unwrap_or_else(|| new.text.clone());
        let written = Written {
            pallet: new.constants.iter().map(|one| one.name).collect::<Vec<_>>().join(", "),
            instance: String::new(),
            extrinsics: new.constants.len(),
            changed: is_changed(&file, &text),
            file,
            // A value that was measured exactly as before is not reported as kept.
            kept: kept.into_iter().filter(|kept| kept.old != kept.measured).collect(),
            by_hand: Vec::new(),
        };
        all.push((written, text));
    }
    Ok(all)
}

fn is_changed(file: &Path, text: &str) -> bool {
    !std::fs::read(file).is_ok_and(|previous| previous == text.as_bytes())
}

/// Reads the weight file that will be replaced, if there is one. Fails if the file is not a weight
/// file, unless `anew` is set.
fn previous_file(file: &Path, anew: bool) -> Result<Option<PreviousFile>> {
    if !file.exists() {
        return Ok(None);
    }
    match WeightFile::text(file).and_then(|text| PreviousFile::parse(text, &file.display().to_string(), !anew)) {
        Ok(previous) => Ok(Some(previous)),
        Err(_) if anew => Ok(None),
        Err(failure) => Err(failure.hint("the file was not overwritten: remove it, or use --anew")),
    }
}

#[cfg(test)]
mod tests;
