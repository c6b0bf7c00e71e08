// SPDX-License-Identifier: Apache-2.0
//! Runs benchmarks with the library `frame-benchmarking-cli`.
//!
//! The library is in a program of its own (`programs/frame-benchmarking-cli`), which is started once
//! for each pallet. Its JSON omits the keys of each repetition, so it cannot be converted to
//! Cutover's raw results. The files of the library are kept as they are.

#[cfg(test)]
mod tests;

use crate::{
    machine,
    run::{self, RunProgress},
    runtime::Runtime,
    select::{self, Pallet},
};
use files::WholeFile;
use frame_benchmarking::BenchmarkList;
use protocol::{
    benchmark::{Engine, Failed, LibraryRequest, Measured, RunSummary, Settings},
    weights::{Shape, raw::PovMode},
};
use serde::{Deserialize, de::IgnoredAny};
use std::{
    collections::{BTreeSet, VecDeque},
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Instant,
};
use weights::{parse::WeightFile, render};
use worker::{Failure, Reporter, Result};

/// The name of the library's crate, and of its process.
const NAME: &str = "frame-benchmarking-cli";
/// The files of the process, relative to its working directory. Weight files contain the arguments,
/// so they name no path of this machine.
const BLOB: &str = "runtime.wasm";
const PREAMBLE: &str = "header.txt";
const TEMPLATE: &str = "template.hbs";
const RESULTS: &str = "results.json";
/// The largest preamble or template, in bytes.
const TEXT_LIMIT: u64 = 1 << 20;
/// The bytes of an output line that are read at once, and the number of error lines that are kept.
const LINE_LIMIT: u64 = 16 << 10;
const ERRORS: usize = 20;
/// The exit codes of the program: a failure of the library, and of the file system.
const LIBRARY_FAILED: i32 = 1;
const FILES_FAILED: i32 = 3;

/// Runs the selected benchmarks. Writes the results and the weight file of each pallet to the
/// directory of the request.
pub fn run(request: &LibraryRequest, reporter: &Reporter) -> Result<RunSummary> {
    let all = &request.run;
    run::check_all_settings(all)?;
    reporter.status("reading the runtime");
    let runtime = Runtime::load(&all.runtime, &all.preset, all.cache.as_deref())?;
    let (list, _) = runtime.benchmark_executor(&all.settings, all.cache.as_deref())?.list(all.extra)?;
    let selected = select::select(list.clone(), all)?;
    check_templates(request, &selected)?;
    check_ranges(request, &selected)?;
    let library = Library { request, blob: runtime.blob(), program: program(&request.program)? };
    let engine = Engine { name: NAME.into(), version: library.version()? };
    if std::iter::once(&all.settings)
        .chain(all.per_pallet.values())
        .any(|one| one.tolerance != Settings::default().tolerance)
    {
        reporter
            .warning(format!("{NAME} does not have the setting `tolerance`: it repeats each value `repeat-max` times"));
    }
    let machine = machine::measure(&all.machine, reporter)?;
    std::fs::create_dir_all(&all.out).map_err(|error| Failure::io("create", &all.out, &error))?;

    let mut summary = RunSummary {
        spec_name: runtime.version.spec_name.clone(),
        spec_version: runtime.version.spec_version,
        blob_blake2_256: hex::encode_prefixed(runtime.hash),
        engine: Some(engine),
        machine,
        pallets: Vec::new(),
        failed: Vec::new(),
    };
    let pallets = by_name(&selected);
    let mut progress = RunProgress::new(&selected, reporter);
    for (index, (name, instances)) in pallets.iter().enumerate() {
        let mut begun = 0;
        let measured = library.measure(name, instances, &list, &mut |line| {
            reporter.log(line);
            if let Some(benchmark) = started_benchmark(line) {
                if begun > 0 {
                    progress.end();
                }
                begun += 1;
                progress.begin(index, pallets.len(), benchmark);
            }
        });
        if begun > 0 {
            progress.end();
        }
        match measured {
            Ok(measured) => summary.pallets.extend(measured),
            Err(failure) if all.continue_on_fail && failure.kind == worker::Kind::Check => {
                summary.failed.push(Failed {
                    pallet: (*name).to_owned(),
                    extrinsic: "*".into(),
                    why: failure.found.clone().unwrap_or_else(|| failure.message.clone()),
                });
                reporter.warning(failure.to_string());
            }
            Err(failure) => return Err(failure),
        }
    }
    run::fail_without_results(&mut summary);
    Ok(summary)
}

/// Checks that each pallet of XCM instructions has a template. The library's own template writes an
/// implementation of a trait, and these pallets have none.
fn check_templates(request: &LibraryRequest, selected: &[Pallet]) -> Result<()> {
    let lacks = |pallet: &&Pallet| {
        render::shape_of(&pallet.pallet) == Shape::Xcm && request.template_of(&pallet.pallet).is_none()
    };
    match selected.iter().find(lacks) {
        None => Ok(()),
        Some(pallet) => Err(Failure::input(format!("{NAME} has no template for {}", pallet.pallet))
            .found("a pallet of XCM instructions, which has no trait of weights")
            .expected("a Handlebars template for it: `templates` in [package.metadata.cutover.weights]")
            .hint(format!("or leave it out: `--exclude {}`", pallet.pallet))),
    }
}

/// Checks that no range of the request is empty. The library would report it only when it comes to
/// that benchmark.
fn check_ranges(request: &LibraryRequest, selected: &[Pallet]) -> Result<()> {
    for pallet in selected {
        for benchmark in &pallet.benchmarks {
            for (index, (component, low, high)) in benchmark.components.iter().enumerate() {
                let low = request.low.get(index).unwrap_or(low);
                let high = request.high.get(index).unwrap_or(high);
                if low > high {
                    return Err(Failure::usage(format!(
                        "the range of {component} in {}::{} is empty",
                        pallet.pallet, benchmark.extrinsic
                    ))
                    .found(format!("{low} to {high}"))
                    .hint("--low and --high apply to every benchmark; select those with --pallet and --extrinsic"));
                }
            }
        }
    }
    Ok(())
}

/// Returns the instances of each selected pallet, in the order of the runtime. The library selects
/// pallets by their names alone.
fn by_name(selected: &[Pallet]) -> Vec<(&str, Vec<&Pallet>)> {
    let mut pallets: Vec<(&str, Vec<&Pallet>)> = Vec::new();
    for pallet in selected {
        match pallets.iter_mut().find(|(name, _)| *name == pallet.pallet) {
            Some((_, instances)) => instances.push(pallet),
            None => pallets.push((&pallet.pallet, vec![pallet])),
        }
    }
    pallets
}

/// Returns the benchmark whose start the library logs in this line. It is for the display only.
fn started_benchmark(line: &str) -> Option<&str> {
    line.strip_prefix("info: ")?.split_once("Starting benchmark: ").map(|(_, name)| name)
}

/// The library's program, with what it measures.
struct Library<'a> {
    request: &'a LibraryRequest,
    /// The blob with benchmarks.
    blob: &'a [u8],
    program: PathBuf,
}

impl Library<'_> {
    /// Returns the version of the library.
    fn version(&self) -> Result<String> {
        let failed = |found: String| {
            Failure::environment(format!("{} does not run", self.program.display()))
                .found(found)
                .expected(format!("the program of programs/{NAME}"))
        };
        let output = Command::new(&self.program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.split_whitespace().last() {
            Some(version) if output.status.success() => Ok(version.to_owned()),
            _ => Err(failed(format!("{}, and {text:?} for --version", output.status))),
        }
    }

    /// Measures a pallet, and keeps the library's files. `said` is called with each line that the
    /// library logs.
    fn measure(
        &self,
        name: &str,
        instances: &[&Pallet],
        list: &[BenchmarkList],
        said: &mut dyn FnMut(&str),
    ) -> Result<Vec<Measured>> {
        let began = Instant::now();
        let out = &self.request.run.out;
        let weight_file =
            |pallet: &Pallet| out.join(render::relative_path(&pallet.pallet, &pallet.instance, instances.len() > 1));
        let raw = out.join(format!("{}.json", name.replace("::", "_")));
        // Files of an earlier run would look like those of this one if it fails.
        for path in instances.iter().map(|pallet| weight_file(pallet)).chain([raw.clone()]) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::io("remove", &path, &error));
                }
                _ => {}
            }
        }
        let scratch = tempfile::Builder::new()
            .prefix(".partial-")
            .tempdir_in(out)
            .map_err(|error| Failure::io("create a directory in", out, &error))?;
        let scratch = scratch.path();
        files::write_whole(&scratch.join(BLOB), self.blob)?;
        let template = self.request.template_of(name);
        for (from, to) in [(self.request.preamble.as_ref(), PREAMBLE), (template, TEMPLATE)] {
            if let Some(from) = from {
                files::write_whole(&scratch.join(to), &files::read_bounded(from, TEXT_LIMIT)?)?;
            }
        }
        let (status, errors) = self.execute(&arguments(self.request, name, instances, list), scratch, said)?;
        check_status(name, status, &errors, scratch.join(RESULTS).is_file())?;

        let results = Batch::read_all(&scratch.join(RESULTS))?;
        copy(&scratch.join(RESULTS), &raw)?;
        let measured = |pallet: &Pallet| -> BTreeSet<&str> {
            let of_instance = results.iter().filter(|one| one.pallet == name && one.instance == pallet.instance);
            of_instance.filter(|one| !one.time_results.is_empty()).map(|one| one.benchmark.as_str()).collect()
        };
        let several = instances.iter().filter(|pallet| !measured(pallet).is_empty()).count() > 1;
        let seconds = began.elapsed().as_secs_f64() / instances.len() as f64;
        let of = |pallet: &&Pallet| -> Result<Measured> {
            let names = measured(pallet);
            let written = match names.is_empty() {
                true => None,
                false => {
                    let path = weight_file(pallet);
                    let found = find_weight_file(scratch, pallet, several)?;
                    let text = checked_weight_file(&found, pallet, &names)?;
                    files::write_whole(&path, text.as_bytes())?;
                    Some(path)
                }
            };
            let is_skipped = |name: &str| !names.contains(name);
            let skipped: Vec<String> =
                pallet.benchmarks.iter().map(|one| one.extrinsic.clone()).filter(|name| is_skipped(name)).collect();
            Ok(Measured {
                pallet: pallet.pallet.clone(),
                instance: pallet.instance.clone(),
                path: raw.clone(),
                weight_file: written,
                benchmarks: names.len(),
                complete: is_whole(pallet, list),
                unchanged: false,
                skipped,
                seconds,
            })
        };
        instances.iter().map(of).collect()
    }

    /// Runs the program in a directory. Returns its status and the last errors that it logged.
    fn execute(
        &self,
        arguments: &[String],
        directory: &Path,
        said: &mut dyn FnMut(&str),
    ) -> Result<(ExitStatus, String)> {
        let failed = |error: std::io::Error| {
            Failure::environment(format!("cannot run {}", self.program.display())).found(error.to_string())
        };
        let mut child = Command::new(&self.program)
            .arg0(NAME)
            .args(arguments)
            .current_dir(directory)
            // Formatting what a runtime logs would be measured.
            .env("RUNTIME_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut errors = VecDeque::new();
        if let Some(output) = child.stderr.take() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while (&mut output).take(LINE_LIMIT).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end();
                said(text);
                if let Some(error) = text.strip_prefix("error: ") {
                    errors.push_back(error.chars().take(500).collect::<String>());
                    if errors.len() > ERRORS {
                        errors.pop_front();
                    }
                }
                line.clear();
            }
        }
        let status = child.wait().map_err(failed)?;
        Ok((status, errors.make_contiguous().join("\n")))
    }
}

/// Returns the path of the program, independent of the working directory.
fn program(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))
}

/// Returns the arguments of the program for a pallet.
fn arguments(request: &LibraryRequest, name: &str, instances: &[&Pallet], list: &[BenchmarkList]) -> Vec<String> {
    let settings = request.run.per_pallet.get(name).unwrap_or(&request.run.settings);
    let extrinsics = match instances.iter().all(|pallet| is_whole(pallet, list)) {
        true => "*".to_owned(),
        false => {
            let names = instances.iter().flat_map(|pallet| &pallet.benchmarks).map(|one| one.extrinsic.as_str());
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
        }
    };
    let mode = match settings.default_pov_mode {
        PovMode::MaxEncodedLen => "max-encoded-len",
        PovMode::Measured => "measured",
        PovMode::Ignored => "ignored",
    };
    let mut arguments = vec![
        format!("--runtime={BLOB}"),
        format!("--pallet={name}"),
        format!("--extrinsic={extrinsics}"),
        format!("--steps={}", settings.steps),
        format!("--repeat={}", settings.repeat_max),
        format!("--genesis-builder-preset={}", request.run.preset),
        format!("--map-size={}", settings.worst_case_map_values),
        format!("--additional-trie-layers={}", settings.additional_trie_layers),
        format!("--default-pov-mode={mode}"),
        format!("--json-file={RESULTS}"),
        "--output=.".to_owned(),
        "--quiet".to_owned(),
    ];
    let listed = |values: &[u32]| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let optional = [
        settings.heap_pages.map(|pages| format!("--heap-pages={pages}")),
        (!settings.record_proof).then(|| "--disable-proof-recording".to_owned()),
        request.run.extra.then(|| "--extra".to_owned()),
        request.min_duration.map(|seconds| format!("--min-duration={seconds}")),
        (!request.low.is_empty()).then(|| format!("--low={}", listed(&request.low))),
        (!request.high.is_empty()).then(|| format!("--high={}", listed(&request.high))),
        request.preamble.is_some().then(|| format!("--header={PREAMBLE}")),
        request.template_of(name).map(|_| format!("--template={TEMPLATE}")),
        (!request.hostname).then(|| "--hostname-override=-".to_owned()),
    ];
    arguments.extend(optional.into_iter().flatten());
    arguments
}

/// Returns whether all benchmarks of the pallet are selected.
fn is_whole(pallet: &Pallet, list: &[BenchmarkList]) -> bool {
    let listed =
        list.iter().filter(|one| one.pallet == pallet.pallet.as_bytes() && one.instance == pallet.instance.as_bytes());
    let is_selected = |name: &[u8]| pallet.benchmarks.iter().any(|one| one.extrinsic.as_bytes() == name);
    listed.flat_map(|one| &one.benchmarks).all(|one| is_selected(&one.name))
}

/// Checks how the program ended. `has_results` is whether it wrote results: the library writes them
/// after the last benchmark and before the weight files.
fn check_status(name: &str, status: ExitStatus, errors: &str, has_results: bool) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(match status.code() {
        Some(FILES_FAILED) => {
            Failure::environment(format!("{NAME} cannot read or write the files of {name}")).found(errors)
        }
        Some(LIBRARY_FAILED) if has_results => Failure::input(format!("{NAME} cannot make the weight file of {name}"))
            .found(errors)
            .expected("benchmarks whose times can be fitted, and a template with the names and helpers of the library"),
        Some(LIBRARY_FAILED) => Failure::check(format!("the benchmarks of {name} failed in {NAME}"))
            .found(errors)
            .hint("`--continue-on-fail` continues with the other pallets"),
        _ => Failure::environment(format!("{NAME} ended while it measured {name}"))
            .found(format!("{status}\n{errors}").trim_end())
            .hint("its output is in the log of `weights`"),
    })
}

/// The results of a benchmark in the library's JSON.
#[derive(Debug, Deserialize)]
struct Batch {
    pallet: String,
    instance: String,
    benchmark: String,
    /// The repetitions. There is none if the runtime skips the benchmark.
    time_results: Vec<IgnoredAny>,
}

impl Batch {
    /// Reads the results of all benchmarks. The file can have hundreds of megabytes.
    fn read_all(path: &Path) -> Result<Vec<Self>> {
        let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
        serde_json::from_reader(BufReader::new(file)).map_err(|error| {
            Failure::internal(format!("the results of {NAME} cannot be read")).found(error.to_string())
        })
    }
}

/// Copies a file atomically.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(|error| Failure::io("open", from, &error))?;
    let mut file = WholeFile::create(to)?;
    std::io::copy(&mut source, &mut file).map_err(|error| Failure::io("write", to, &error))?;
    file.commit().map(drop)
}

/// Finds the weight file that the library wrote for an instance. Its name is the pallet's, with the
/// instance if `several` have results. The library writes both in snake case.
fn find_weight_file(directory: &Path, pallet: &Pallet, several: bool) -> Result<PathBuf> {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let wanted = plain(&pallet.pallet) + &if several { plain(&pallet.instance) } else { String::new() };
    for entry in files::below(directory).max_depth(1).sort_by_file_name() {
        let path = files::listed(entry)?.into_path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension() == Some(OsStr::new("rs")) && plain(&stem) == wanted {
            return Ok(path);
        }
    }
    Err(Failure::internal(format!("{NAME} wrote no weight file of {} ({})", pallet.pallet, pallet.instance)))
}

/// Reads a weight file, and checks that it has a function for each measured benchmark.
fn checked_weight_file(path: &Path, pallet: &Pallet, measured: &BTreeSet<&str>) -> Result<String> {
    let text = WeightFile::text(path)?;
    let file = WeightFile::parse(&text, &format!("the file that {NAME} wrote for {}", pallet.pallet))?;
    match measured.iter().find(|name| !file.extrinsics().iter().any(|one| one.name == **name)) {
        None => Ok(text),
        Some(missing) => Err(Failure::input(format!("the template makes an incomplete file for {}", pallet.pallet))
            .found(format!("no function {missing}"))
            .expected("a function for each benchmark; use `exclude` to omit one")),
    }
}
