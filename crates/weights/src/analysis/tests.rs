// SPDX-License-Identifier: Apache-2.0
use super::*;
use protocol::weights::raw::{ComponentRange, Key, PovMode, StorageItem};

fn of(n: u32, m: u32, value: u64) -> Sample {
    (vec![n, m], value)
}

/// Samples of `10 ms + n · 1 ms + m · 0.1 ms`, in nanoseconds. Each component varies while the
/// other one is fixed.
fn samples() -> Vec<Sample> {
    let points = [(1, 5), (2, 5), (3, 5), (4, 5), (3, 1), (3, 3), (3, 7), (3, 10)];
    points.map(|(n, m)| of(n, m, 10_000_000 + 1_000_000 * u64::from(n) + 100_000 * u64::from(m))).to_vec()
}

#[test]
fn both_methods_find_the_plane_that_was_measured() {
    for method in [least_squares_line, median_slopes] {
        let fit = method(&samples(), &["n", "m"]).expect("fitted");
        assert_eq!(picoseconds(fit.base.value), 10_000_000_000);
        let slopes: Vec<u64> = fit.slopes.iter().map(|slope| picoseconds(slope.value)).collect();
        assert_eq!(slopes, [1_000_000_000, 100_000_000]);
        assert_eq!(fit.minimum, 11_500_000);
    }
}

#[test]
fn outliers_change_nothing_and_their_noise_is_in_the_interval() {
    let quiet: Vec<Sample> =
        (0..80).map(|at| (vec![at % 4], 1000 + u64::from(at % 4) * 10 + u64::from(at / 4) % 3)).collect();
    let mut wild = quiet.clone();
    for (values, value) in wild.iter_mut().take(4) {
        *value += 1_000_000 + u64::from(values[0]);
    }
    let (quiet, wild) =
        (least_squares_line(&quiet, &["n"]).expect("fitted"), least_squares_line(&wild, &["n"]).expect("fitted"));
    assert!((quiet.base.value - wild.base.value).abs() < 1.0, "{quiet:?} {wild:?}");
    assert!(quiet.base.half_width > 2.0 * quiet.base.standard_error, "wider than the error of the trimmed data alone");
    assert!(quiet.base.half_width < 3.0);
}

#[test]
fn a_negative_intercept_is_replaced_by_the_smallest_measurement() {
    let samples: Vec<Sample> = (0..6u64).map(|x| (vec![x as u32], 10 * x * x)).collect();
    let fit = least_squares_line(&samples, &["n"]).expect("fitted");
    assert_eq!(fit.base.value, 0.0);
    // Σxy / Σx² = 10 · Σx³ / Σx² = 10 · 225 / 55.
    assert!((fit.slopes[0].value - 2250.0 / 55.0).abs() < 1e-9);
}

#[test]
fn two_samples_determine_a_line_and_one_value_does_not() {
    let fit = least_squares_line(&[(vec![4], 8), (vec![8], 12)], &["n"]).expect("fitted");
    assert_eq!((rounded(fit.base.value), rounded(fit.slopes[0].value)), (4, 1));
    let failure = least_squares_line(&[(vec![4], 8), (vec![4], 10)], &["n"]).expect_err("no slope");
    assert!(failure.message.contains("one value only"), "{failure}");
    assert!(least_squares_line(&[], &[]).is_err() && median_slopes(&[], &["n"]).is_err());
}

#[test]
fn picoseconds_are_rounded_as_in_weight_files() {
    assert_eq!(picoseconds(2.999_999_999_999), 3000);
    assert_eq!(picoseconds(1.5), 1500);
    assert_eq!((rounded(1.49), rounded(1.5)), (1, 2));
}

fn results(mode: Option<PovMode>, default: PovMode, max_size: Option<u32>, slope: bool) -> RawResults {
    let text = serde_json::json!({
        "format": protocol::format::RAW_WEIGHTS,
        "runtime": {"spec_name": "x", "spec_version": 1, "blob_blake2_256": "0x"},
        "settings": {"steps": 5, "repeat_min": 1, "repeat_max": 1, "tolerance": null, "heap_pages": null,
            "additional_trie_layers": 0, "worst_case_map_values": 1_000_000, "default_pov_mode": "measured"},
        "machine": serde_json::to_value(protocol::weights::raw::Machine::default()).expect("JSON"),
        "pallet": "scheduler", "instance": "Scheduler", "benchmarks": [], "storage": [],
    });
    let mut results: RawResults = serde_json::from_value(text).expect("results");
    results.settings.default_pov_mode = default;
    results.storage = vec![StorageItem {
        pallet: "Scheduler".into(),
        item: "Agenda".into(),
        prefix: b"key".to_vec(),
        max_values: None,
        max_size,
    }];
    let repetition = |s: u32| Repetition {
        components: [("s".to_owned(), s)].into(),
        reads: 1,
        proof_size: s * 1024,
        keys: vec![Key { key: b"key".to_vec(), reads: if slope { s } else { 1 }, writes: 1, whitelisted: false }],
        ..Repetition::default()
    };
    let repetitions: Vec<Repetition> = (0..5).map(repetition).collect();
    results.benchmarks = vec![Benchmark {
        extrinsic: "first".into(),
        components: vec![ComponentRange { name: "s".into(), min: 0, max: 4 }],
        pov_modes: mode.map(|mode| ("Scheduler::Agenda".to_owned(), mode)).into_iter().collect(),
        time: repetitions.clone(),
        proof: repetitions,
    }];
    results
}

fn proof(results: &RawResults) -> (u64, u64) {
    let fit = analyse(results, &results.benchmarks[0]).expect("analysed").estimated_proof;
    (rounded(fit.base.value), rounded(fit.slopes[0].value))
}

/// The values are those of the tests of `frame-benchmarking-cli`: a map of a million values has
/// five layers of 15 hashes of 33 bytes.
#[test]
fn the_proof_size_is_estimated_by_each_mode() {
    use PovMode::*;
    let overhead = 15 * 33 * 5;
    let bounded = Some(1 << 22);
    assert_eq!(proof(&results(Some(MaxEncodedLen), Ignored, bounded, false)), ((1 << 22) + overhead, 0));
    assert_eq!(proof(&results(None, MaxEncodedLen, bounded, true)), (0, (1 << 22) + overhead));
    assert_eq!(proof(&results(Some(Measured), MaxEncodedLen, bounded, true)), (0, 1024 + overhead));
    assert_eq!(proof(&results(None, MaxEncodedLen, None, false)), (overhead, 1024), "without a bound it is measured");
    assert_eq!(proof(&results(None, Ignored, bounded, true)), (0, 0));
    let mut layered = results(Some(MaxEncodedLen), Ignored, bounded, false);
    layered.settings.additional_trie_layers = 2;
    assert_eq!(proof(&layered), ((1 << 22) + overhead + 2 * 15 * 33, 0));
    let unbounded = results(Some(MaxEncodedLen), Measured, None, false);
    let failure = analyse(&unbounded, &unbounded.benchmarks[0]).expect_err("no bound");
    assert!(failure.message.contains("scheduler::first: Scheduler::Agenda has no bound"), "{failure}");
}

#[test]
fn storage_is_named_with_its_bounds() {
    let results = results(None, PovMode::MaxEncodedLen, Some(200), true);
    let storage = analyse(&results, &results.benchmarks[0]).expect("analysed").storage;
    assert_eq!(storage[0].line, "`Scheduler::Agenda` (r:4 w:1)");
    assert_eq!(
        storage[0].proofs,
        ["`Scheduler::Agenda` (`max_values`: None, `max_size`: Some(200), added: 2675, mode: `MaxEncodedLen`)"]
    );
}
