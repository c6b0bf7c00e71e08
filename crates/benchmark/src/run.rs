// SPDX-License-Identifier: Apache-2.0
//! Runs the selected benchmarks, pallet by pallet. The raw results of each pallet are written when
//! the pallet is complete, so that an interrupted run continues with the next pallet.

use crate::{
    machine,
    runtime::{BenchmarkCall, BenchmarkExecutor, Runtime},
    select::{self, Benchmark, Pallet, points},
};
use frame_benchmarking::{BenchmarkBatch, BenchmarkParameter, BenchmarkResult};
use frame_support::traits::StorageInfo;
use protocol::{
    benchmark::{self, Failed, Measured, RunRequest, RunSummary, Settings},
    format::RAW_WEIGHTS,
    weights::raw::{self, Key, RawResults, Repetition, StorageItem},
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use weights::statistics;
use worker::{Failure, Reporter, Result};

/// The minimum number of samples of a benchmark. A confidence interval of fewer samples is not
/// reliable.
const MIN_SAMPLES: u32 = 30;

/// Adds each pallet without any measured benchmark to the failures, because no weight file can be
/// made of it. Such a pallet can be excluded explicitly.
pub fn fail_without_results(summary: &mut RunSummary) {
    for pallet in summary.pallets.iter().filter(|pallet| pallet.benchmarks == 0) {
        let failed = summary.failed.iter().any(|failed| failed.pallet == pallet.pallet);
        if !failed {
            summary.failed.push(Failed {
                pallet: pallet.pallet.clone(),
                extrinsic: "*".into(),
                why: format!(
                    "the runtime skips all of its benchmarks, so there is no weight file: {}",
                    pallet.skipped.join(", ")
                ),
            });
        }
    }
}

/// Lists the selected benchmarks without running them.
pub fn list(request: &RunRequest) -> Result<Vec<benchmark::Pallet>> {
    let runtime = Runtime::load(&request.runtime, &request.preset, request.cache.as_deref())?;
    let bench = runtime.benchmark_executor(&request.settings, request.cache.as_deref())?;
    let listed = |pallet: Pallet| benchmark::Pallet {
        benchmarks: pallet
            .benchmarks
            .into_iter()
            .map(|one| benchmark::Benchmark { extrinsic: one.extrinsic })
            .collect(),
        pallet: pallet.pallet,
        instance: pallet.instance,
    };
    Ok(select::select(bench.list(request.extra)?.0, request)?.into_iter().map(listed).collect())
}

/// Runs the selected benchmarks and writes their raw results. Results of the same blob, settings
/// and machine are reused.
pub fn run(request: &RunRequest, reporter: &Reporter) -> Result<RunSummary> {
    check_all_settings(request)?;
    reporter.status("reading the runtime");
    let runtime = Runtime::load(&request.runtime, &request.preset, request.cache.as_deref())?;
    let bench = runtime.benchmark_executor(&request.settings, request.cache.as_deref())?;
    let (list, storage) = bench.list(request.extra)?;
    drop(bench);
    let everything = list.clone();
    let selected = select::select(list, request)?;
    let machine = machine::measure(&request.machine, reporter)?;
    std::fs::create_dir_all(&request.out).map_err(|error| Failure::io("create", &request.out, &error))?;

    let mut summary = RunSummary {
        spec_name: runtime.version.spec_name.clone(),
        spec_version: runtime.version.spec_version,
        blob_blake2_256: hex::encode_prefixed(runtime.hash),
        engine: None,
        machine: machine.clone(),
        pallets: Vec::new(),
        failed: Vec::new(),
    };
    let mut progress = RunProgress::new(&selected, reporter);
    for (index, pallet) in selected.iter().enumerate() {
        let began = Instant::now();
        let settings = request.per_pallet.get(&pallet.pallet).unwrap_or(&request.settings);
        let path = request.out.join(file_name(pallet));
        let mut results = RawResults {
            format: RAW_WEIGHTS.into(),
            runtime: raw::Runtime {
                spec_name: summary.spec_name.clone(),
                spec_version: summary.spec_version,
                blob_blake2_256: summary.blob_blake2_256.clone(),
            },
            settings: recorded_settings(settings),
            machine: machine.clone(),
            pallet: pallet.pallet.clone(),
            instance: pallet.instance.clone(),
            benchmarks: Vec::new(),
            storage: storage.iter().filter_map(storage_item).collect(),
        };
        let before = reusable_results(&path, &results);
        let is_measured = |benchmark: &Benchmark| before.iter().any(|one| one.extrinsic == benchmark.extrinsic);
        let unchanged = !request.anew && pallet.benchmarks.iter().all(is_measured);
        let mut skipped = Vec::new();
        if unchanged {
            results.benchmarks = before;
            progress.skip(pallet.benchmarks.len());
        } else {
            let bench = runtime.benchmark_executor(settings, request.cache.as_deref())?;
            // Benchmarks that were measured under the same conditions and are not selected now are
            // kept.
            results.benchmarks = before
                .into_iter()
                .filter(|one| !pallet.benchmarks.iter().any(|new| new.extrinsic == one.extrinsic))
                .collect();
            for benchmark in &pallet.benchmarks {
                let name = format!("{}::{}", pallet.pallet, benchmark.extrinsic);
                progress.begin(index, selected.len(), &name);
                match measure(&bench, pallet, benchmark, settings) {
                    Ok(Some(measured)) => results.benchmarks.push(measured),
                    Ok(None) => skipped.push(benchmark.extrinsic.clone()),
                    Err(failure) if request.continue_on_fail && failure.kind == worker::Kind::Check => {
                        summary.failed.push(Failed {
                            pallet: pallet.pallet.clone(),
                            extrinsic: benchmark.extrinsic.clone(),
                            why: failure.found.clone().unwrap_or_else(|| failure.message.clone()),
                        });
                        reporter.warning(failure.to_string());
                    }
                    Err(failure) => return Err(failure),
                }
                progress.end();
            }
        }
        let names = everything.iter().find(|list| list.pallet == pallet.pallet.as_bytes()).map(|list| &list.benchmarks);
        let missing = names.into_iter().flatten().any(|name| {
            let measured = results.benchmarks.iter().any(|one| one.extrinsic.as_bytes() == name.name);
            !measured && !skipped.iter().any(|skipped| skipped.as_bytes() == name.name)
        });
        // The benchmarks are written in the order of the runtime.
        let position = |one: &raw::Benchmark| {
            names.and_then(|names| names.iter().position(|name| name.name == one.extrinsic.as_bytes()))
        };
        results.benchmarks.sort_by_key(position);
        if !unchanged && !results.benchmarks.is_empty() {
            weights::raw::write(&results, &path)?;
        }
        summary.pallets.push(Measured {
            pallet: pallet.pallet.clone(),
            instance: pallet.instance.clone(),
            path,
            weight_file: None,
            benchmarks: results.benchmarks.len(),
            complete: !missing,
            unchanged,
            skipped,
            seconds: began.elapsed().as_secs_f64(),
        });
    }
    fail_without_results(&mut summary);
    Ok(summary)
}

/// Checks that all settings of a request are in their ranges.
pub fn check_all_settings(request: &RunRequest) -> Result<()> {
    std::iter::once(&request.settings).chain(request.per_pallet.values()).try_for_each(check_settings)
}

fn check_settings(settings: &Settings) -> Result<()> {
    let broken = |what: &str, expected: &str| Err(Failure::usage(what.to_string()).expected(expected.to_string()));
    if settings.steps < 2 {
        return broken("`steps` is less than 2", "at least two values, because a slope needs two points");
    }
    if settings.repeat_min == 0 || settings.repeat_max < settings.repeat_min {
        return broken(
            "the numbers of repetitions are invalid",
            "`repeat_min` of at least 1, and `repeat_max` of at least `repeat_min`",
        );
    }
    if !(0.0..1.0).contains(&settings.tolerance) {
        return broken(
            "`tolerance` is not between 0 and 1",
            "0.02 for two percent, or 0 to always repeat `repeat_max` times",
        );
    }
    Ok(())
}

/// Returns the settings in the form of raw results.
fn recorded_settings(settings: &Settings) -> raw::Settings {
    raw::Settings {
        steps: settings.steps,
        repeat_min: settings.repeat_min,
        repeat_max: settings.repeat_max,
        external_repeat: None,
        tolerance: (settings.tolerance > 0.0).then_some(settings.tolerance),
        heap_pages: settings.heap_pages.map(u64::from),
        additional_trie_layers: settings.additional_trie_layers,
        worst_case_map_values: settings.worst_case_map_values,
        default_pov_mode: settings.default_pov_mode,
    }
}

/// Returns the name of the raw results' file. Each instance of a pallet has its own file.
fn file_name(pallet: &Pallet) -> String {
    let plain =
        |name: &str| name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect::<String>();
    format!("{}.{}.json", plain(&pallet.pallet), plain(&pallet.instance))
}

/// Returns the earlier results of the same blob with the same settings on the same machine. All
/// other results are ignored.
fn reusable_results(path: &Path, now: &RawResults) -> Vec<raw::Benchmark> {
    let Ok(before) = weights::raw::read(path) else { return Vec::new() };
    let machine = |raw: &RawResults| {
        (raw.machine.cpu.clone(), raw.machine.cores, raw.machine.memory_bytes, raw.machine.profile.clone())
    };
    let same = before.runtime == now.runtime
        && before.settings == now.settings
        && before.pallet == now.pallet
        && before.instance == now.instance
        && machine(&before) == machine(now);
    if same { before.benchmarks } else { Vec::new() }
}

/// Measures one benchmark. Returns `None` if the runtime reports that it cannot be run.
fn measure(
    bench: &BenchmarkExecutor<'_>,
    pallet: &Pallet,
    benchmark: &Benchmark,
    settings: &Settings,
) -> Result<Option<raw::Benchmark>> {
    let points = points(&benchmark.components, settings);
    let case = |components| BenchmarkCall {
        pallet: &pallet.pallet,
        instance: &pallet.instance,
        extrinsic: &benchmark.extrinsic,
        components,
    };
    let mut proof = Vec::new();
    for point in &points {
        bench.verify(&case(point))?;
        collect_repetitions(&mut proof, bench.track(&case(point))?, pallet, point)?;
    }
    if proof.is_empty() {
        return Ok(None);
    }
    check_proof(bench, pallet, benchmark, settings, &case, &points, &proof)?;

    let components = benchmark.components.iter().map(|(name, min, max)| raw::ComponentRange {
        name: name.to_string(),
        min: *min,
        max: *max,
    });
    let components: Vec<_> = components.collect();
    let mut time = Vec::new();
    let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
    // A benchmark with fewer points takes more samples of each.
    let most = settings.repeat_max.max(settings.repeat_max.saturating_mul(settings.steps) / count);
    let mut next = settings.repeat_min.max(MIN_SAMPLES.div_ceil(count)).min(most);
    let mut done = 0;
    while done < most {
        for point in &points {
            collect_repetitions(&mut time, bench.time(&case(point), next)?, pallet, point)?;
        }
        done += next;
        if settings.tolerance > 0.0 && statistics::is_precise_enough(&time, &components, settings.tolerance) {
            break;
        }
        // The number of repetitions doubles, because the interval narrows with the square root of
        // their number.
        next = done.min(most - done);
    }
    Ok(Some(raw::Benchmark {
        extrinsic: benchmark.extrinsic.clone(),
        components,
        pov_modes: benchmark.pov_modes.clone(),
        time,
        proof,
    }))
}

/// Checks that the proof fits in a block, and that a second run gives the same reads, writes and
/// proof size.
fn check_proof<'a>(
    bench: &BenchmarkExecutor<'_>,
    pallet: &Pallet,
    benchmark: &Benchmark,
    settings: &Settings,
    case: &dyn Fn(&'a [(BenchmarkParameter, u32)]) -> BenchmarkCall<'a>,
    points: &'a [Vec<(BenchmarkParameter, u32)>],
    proof: &[Repetition],
) -> Result<()> {
    let name = || format!("{}::{}", pallet.pallet, benchmark.extrinsic);
    if let Some(too_large) = proof.iter().find(|one| u64::from(one.proof_size) > settings.block_proof_size) {
        return Err(Failure::check(format!("the proof of {} does not fit in a block", name()))
            .found(format!("{} bytes", too_large.proof_size))
            .expected(format!("at most {} bytes", settings.block_proof_size)));
    }
    let (Some(point), Some(first)) = (points.last(), proof.last()) else { return Ok(()) };
    let mut again = Vec::new();
    collect_repetitions(&mut again, bench.track(&case(point))?, pallet, point)?;
    let counts =
        |one: &Repetition| format!("{} reads, {} writes, {} bytes of proof", one.reads, one.writes, one.proof_size);
    match again.last() {
        Some(second) if counts(second) != counts(first) => {
            Err(Failure::check(format!("{} gives different results each time it is run", name()))
                .found(format!("first {}; then {}", counts(first), counts(second)))
                .expected("the same reads, writes and proof for the same components")
                .hint("its setup may depend on the time, on randomness, or on benchmarks that ran before"))
        }
        _ => Ok(()),
    }
}

/// Adds the results of one instance to `into`.
fn collect_repetitions(
    into: &mut Vec<Repetition>,
    batches: Vec<BenchmarkBatch>,
    pallet: &Pallet,
    point: &[(BenchmarkParameter, u32)],
) -> Result<()> {
    // An API without instances returns the results of all instances.
    for result in
        batches.into_iter().filter(|batch| batch.instance == pallet.instance.as_bytes()).flat_map(|one| one.results)
    {
        let mut repetition = repetition(result);
        // A benchmark that states its weight instead of being run gives no components. The weight
        // applies to these.
        if repetition.components.is_empty() {
            repetition.components = point.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        }
        into.push(repetition);
    }
    Ok(())
}

fn repetition(result: BenchmarkResult) -> Repetition {
    let nanoseconds = |time: u128| u64::try_from(time).unwrap_or(u64::MAX);
    Repetition {
        components: result.components.into_iter().map(|(name, value)| (name.to_string(), value)).collect(),
        extrinsic_time: nanoseconds(result.extrinsic_time),
        storage_root_time: nanoseconds(result.storage_root_time),
        reads: result.reads,
        repeat_reads: result.repeat_reads,
        writes: result.writes,
        repeat_writes: result.repeat_writes,
        proof_size: result.proof_size,
        keys: result
            .keys
            .into_iter()
            .map(|(key, reads, writes, whitelisted)| Key { key, reads, writes, whitelisted })
            .collect(),
    }
}

fn storage_item(info: &StorageInfo) -> Option<StorageItem> {
    Some(StorageItem {
        pallet: String::from_utf8(info.pallet_name.clone()).ok()?,
        item: String::from_utf8(info.storage_name.clone()).ok()?,
        prefix: info.prefix.clone(),
        max_values: info.max_values,
        max_size: info.max_size,
    })
}

/// The progress of the run, with an estimate of the remaining time.
pub struct RunProgress<'a> {
    reporter: &'a Reporter,
    began: Instant,
    total: usize,
    done: usize,
    /// The number of benchmarks that were run and not reused.
    run: usize,
}

impl<'a> RunProgress<'a> {
    pub fn new(selected: &[Pallet], reporter: &'a Reporter) -> Self {
        let total = selected.iter().map(|pallet| pallet.benchmarks.len()).sum();
        Self { reporter, began: Instant::now(), total, done: 0, run: 0 }
    }

    /// Shows the name of a benchmark and the estimate. `index` is that of its pallet, out of
    /// `pallets`.
    pub fn begin(&self, index: usize, pallets: usize, name: &str) {
        let left = match self.run {
            0 => String::new(),
            run => {
                let each = self.began.elapsed() / u32::try_from(run).unwrap_or(u32::MAX);
                let rest = each * u32::try_from(self.total - self.done).unwrap_or(u32::MAX);
                format!(", about {} left", format_duration(rest))
            }
        };
        self.reporter.status(format!("pallet {} of {pallets}: {name}{left}", index + 1));
        self.reporter.progress("benchmarks", self.done as u64, Some(self.total as u64), "benchmarks");
    }

    pub fn end(&mut self) {
        self.done += 1;
        self.run += 1;
        self.reporter.progress("benchmarks", self.done as u64, Some(self.total as u64), "benchmarks");
    }

    fn skip(&mut self, count: usize) {
        self.done += count;
    }
}

/// Formats a duration in seconds, or in minutes if it is long.
fn format_duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pallet_without_measurements_fails_by_name() {
        let pallet = |name: &str, benchmarks: usize, skipped: &[&str]| Measured {
            pallet: name.into(),
            instance: "X".into(),
            path: Default::default(),
            weight_file: None,
            benchmarks,
            complete: true,
            unchanged: false,
            skipped: skipped.iter().map(|name| (*name).into()).collect(),
            seconds: 0.0,
        };
        let mut summary = RunSummary {
            spec_name: "x".into(),
            spec_version: 1,
            blob_blake2_256: "0x".into(),
            engine: None,
            machine: raw::Machine::default(),
            pallets: vec![
                pallet("some", 2, &["third"]),
                pallet("none", 0, &["first", "second"]),
                pallet("trapped", 0, &[]),
            ],
            failed: vec![Failed { pallet: "trapped".into(), extrinsic: "first".into(), why: "a panic".into() }],
        };
        fail_without_results(&mut summary);
        let failed: Vec<_> = summary.failed.iter().map(|one| one.pallet.as_str()).collect();
        assert_eq!(failed, ["trapped", "none"], "a failure is not reported twice");
        assert!(summary.failed[1].why.ends_with("first, second"), "{}", summary.failed[1].why);
    }
}
