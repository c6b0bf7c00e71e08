// SPDX-License-Identifier: Apache-2.0
use super::*;
use protocol::weights::EditOutcome;
use protocol::weights::raw::{Benchmark, ComponentRange, Key, Repetition, StorageItem};

/// Raw results of `time + n · slope` nanoseconds with this spread, with `n` from 1 to 5.
pub(crate) fn results(time: u64, slope: u64, spread: u64) -> RawResults {
    let machine = protocol::weights::raw::Machine { cpu: "A ` CPU\n".into(), ..Default::default() };
    let head = serde_json::json!({
        "format": protocol::format::RAW_WEIGHTS,
        "runtime": {"spec_name": "x", "spec_version": 1, "blob_blake2_256": "0x"},
        "settings": {"steps": 5, "repeat_min": 4, "repeat_max": 4, "tolerance": null, "heap_pages": null,
            "additional_trie_layers": 2, "worst_case_map_values": 1_000_000, "default_pov_mode": "max_encoded_len"},
        "machine": serde_json::to_value(machine).expect("JSON"),
        "pallet": "pallet_x", "instance": "X", "benchmarks": [], "storage": [],
    });
    let mut results: RawResults = serde_json::from_value(head).expect("results");
    results.storage = vec![StorageItem {
        pallet: "X".into(),
        item: "A".into(),
        prefix: vec![7; 32],
        max_values: Some(1),
        max_size: Some(16),
    }];
    let repetition = |n: u32, extrinsic_time: u64| Repetition {
        components: [("n".to_owned(), n), ("u".to_owned(), 3)].into(),
        extrinsic_time,
        reads: 1,
        writes: n,
        proof_size: 100 + n * 10,
        keys: vec![Key { key: vec![7; 32], reads: 1, writes: n, whitelisted: false }],
        ..Repetition::default()
    };
    let range = |name: &str, min, max| ComponentRange { name: name.into(), min, max };
    results.benchmarks = vec![
        Benchmark {
            extrinsic: "with_components".into(),
            components: vec![range("n", 1, 5), range("u", 3, 3)],
            pov_modes: BTreeMap::new(),
            time: (0..40u64)
                .map(|at| repetition(1 + (at % 5) as u32, time + slope * (1 + at % 5) + (at / 5 * 7) % 8 * spread))
                .collect(),
            proof: (1..=5).map(|n| repetition(n, 0)).collect(),
        },
        Benchmark {
            extrinsic: "without".into(),
            components: Vec::new(),
            pov_modes: BTreeMap::new(),
            time: vec![Repetition { extrinsic_time: 1234, ..Default::default() }; 4],
            proof: vec![Repetition::default()],
        },
    ];
    // A component with one value has no median slope, so that the recorded proof needs two values.
    for (at, one) in results.benchmarks[0].proof.iter_mut().enumerate() {
        one.components.insert("u".into(), 3 + at as u32 % 2);
    }
    let mut again = results.benchmarks[0].proof.clone();
    for one in &mut again {
        let other = 7 - one.components["u"];
        one.components.insert("u".into(), other);
    }
    results.benchmarks[0].proof.extend(again);
    results
}

fn rendered(results: &RawResults, shape: Shape) -> String {
    render(results, &Options { shape, ..Options::default() }, None).expect("rendered").text
}

#[test]
fn a_file_is_what_the_conventional_template_makes() {
    let text = rendered(&results(5_000, 100, 0), Shape::Runtime);
    let expected = "\
/// Weight functions for `pallet_x`.
pub struct WeightInfo<T>(PhantomData<T>);
impl<T: frame_system::Config> pallet_x::WeightInfo for WeightInfo<T> {
\t/// Storage: `X::A` (r:1 w:5)
\t/// Proof: `X::A` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
\t/// The range of component `n` is `[1, 5]`.
\t/// The range of component `u` is `[3, 3]`.
\tfn with_components(n: u32, _u: u32, ) -> Weight {
\t\t// Proof Size summary in bytes:
\t\t//  Measured:  `100 + n * (10 ±0)`
\t\t//  Estimated: `1501`
\t\t// Minimum execution time: 5_100_000 picoseconds.
\t\tWeight::from_parts(5_000_000, 0)
\t\t\t.saturating_add(Weight::from_parts(0, 1501))
\t\t\t// Standard Error: 0
\t\t\t.saturating_add(Weight::from_parts(100_000, 0).saturating_mul(n.into()))
\t\t\t.saturating_add(T::DbWeight::get().reads(1))
\t\t\t.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
\t}
\tfn without() -> Weight {
\t\t// Proof Size summary in bytes:
\t\t//  Measured:  `0`
\t\t//  Estimated: `0`
\t\t// Minimum execution time: 1_234_000 picoseconds.
\t\tWeight::from_parts(1_234_000, 0)
\t\t\t.saturating_add(Weight::from_parts(0, 0))
\t}
}
";
    assert!(text.ends_with(expected), "{text}");
    assert!(text.contains("//! CPU: `A   CPU `\n"), "the machine's text ends neither its line nor its code span");
}

#[test]
fn every_shape_is_read_back() {
    let results = results(5_000, 100, 3);
    let expected = extrinsics(&results).expect("analysed");
    for shape in [Shape::Runtime, Shape::Pallet, Shape::Xcm] {
        let text = rendered(&results, shape);
        assert_eq!(text, rendered(&results, shape), "the same bytes each time");
        let file = WeightFile::parse(&text, "x.rs").expect("read");
        assert_eq!(file.implementations.len(), if shape == Shape::Pallet { 2 } else { 1 });
        for implementation in &file.implementations {
            for (read, expected) in implementation.extrinsics.iter().zip(expected.extrinsics()) {
                assert_eq!(
                    (&read.name, &read.components, &read.cost),
                    (&expected.name, &expected.components, &expected.cost)
                );
                assert_eq!(
                    (&read.estimated_proof, &read.measured_proof),
                    (&expected.estimated_proof, &expected.measured_proof)
                );
                assert_eq!(
                    (read.minimum_time, &read.standard_errors),
                    (expected.minimum_time, &expected.standard_errors)
                );
            }
        }
        assert_eq!(file.header.steps.as_deref(), Some("5"));
    }
}

#[test]
fn a_change_within_the_noise_keeps_the_old_file() {
    let old = results(5_000, 100, 30);
    let previous = PreviousFile::parse(rendered(&old, Shape::Runtime), "x.rs", true).expect("read");
    let again = |results: &RawResults| render(results, &Options::default(), Some(&previous)).expect("rendered");

    let near = again(&results(5_010, 101, 30));
    assert_eq!(near.text, rendered(&old, Shape::Runtime), "not even a comment differs");
    let values: Vec<_> = near.kept.iter().map(|kept| (kept.value.as_str(), kept.measured > kept.old)).collect();
    assert_eq!(values, [("base time", true), ("time of n", true)]);

    let far = again(&results(9_000, 101, 30));
    assert!(far.text.contains("time") && !far.text.contains(&near.text[near.text.len() - 600..]));
    assert!(far.kept.iter().all(|kept| kept.value != "base time"), "{:?}", far.kept);
}

#[test]
fn values_of_other_components_are_not_kept() {
    let old =
        rendered(&results(5_000, 100, 30), Shape::Runtime).replace("n: u32", "k: u32").replace("n.into()", "k.into()");
    let previous = PreviousFile::parse(old, "x.rs", true).expect("read");
    let rendered = render(&results(5_010, 101, 30), &Options::default(), Some(&previous)).expect("rendered");
    assert!(rendered.kept.iter().all(|kept| kept.extrinsic != "with_components"), "{:?}", rendered.kept);
}

#[test]
fn the_conventional_header_is_read_back() {
    let header = HeaderStyle::Conventional {
        date: "2026-01-02".into(),
        hostname: "h".into(),
        command: vec!["--steps=5".into(), "a\nfn x() {}".into()],
    };
    let options = Options { header, preamble: "// A licence".into(), ..Options::default() };
    let text = render(&results(5_000, 100, 0), &options, None).expect("rendered").text;
    let file = WeightFile::parse(&text, "x.rs").expect("read");
    assert_eq!((file.header.date.as_deref(), file.header.hostname.as_deref()), (Some("2026-01-02"), Some("h")));
    assert_eq!(file.header.command, ["--steps=5", "a fn x() {}"]);
    assert!(text.starts_with("// A licence\n\n//! Autogenerated"));
}

#[test]
fn names_of_files_and_headers() {
    let name = |several| file_name("pallet_xcm_benchmarks::generic", "FellowshipCore", several);
    assert_eq!(name(false), "pallet_xcm_benchmarks_generic.rs");
    assert_eq!(name(true), "pallet_xcm_benchmarks_generic_fellowship_core.rs");
    assert!(check_preamble("// a\n\n//b\n", "h").is_ok());
    assert!(check_preamble("fn main() {}", "h").is_err());
    assert_eq!([0, 999, 1000, 1234567].map(underscored), ["0", "999", "1_000", "1_234_567"]);
}

/// A benchmark of a call that the runtime always rejects states `Weight::MAX`. The file marks it as
/// `frame-benchmarking-cli` does.
#[test]
fn a_weight_that_a_benchmark_states_is_marked() {
    let mut results = results(1, 1, 0);
    let key = |name: &[u8]| Key { key: name.to_vec(), reads: 0, writes: 0, whitelisted: false };
    let stated =
        Repetition { extrinsic_time: u64::MAX / 1000, keys: vec![key(b"Benchmark Override")], ..Default::default() };
    results.benchmarks = vec![Benchmark {
        extrinsic: "send".into(),
        components: Vec::new(),
        pov_modes: BTreeMap::new(),
        time: vec![stated.clone(); 30],
        proof: vec![stated],
    }];
    let text = rendered(&results, Shape::Runtime);
    assert!(text.contains("\t/// Storage: `Benchmark::Override` (r:0 w:0)\n\t/// Proof: `Benchmark::Override` (`max_values`: None, `max_size`: None, mode: `Measured`)\n"), "{text}");
    let file = WeightFile::parse(&text, "x.rs").expect("read");
    let cost = file.extrinsics()[0].cost.as_ref().expect("readable");
    assert!(cost.time.base >= u64::MAX / 1000 * 1000 && cost.proof.is_zero(), "{text}");
}

/// Renders new results over a file that was edited by hand.
fn again(text: String, results: &RawResults, shape: Shape) -> RenderedFile {
    let previous = PreviousFile::parse(text, "x.rs", true).expect("read");
    render(results, &Options { shape, ..Options::default() }, Some(&previous)).expect("rendered")
}

fn edits_of(rendered: &RenderedFile) -> Vec<(&str, &str, EditOutcome)> {
    rendered.by_hand.iter().map(|one| (one.extrinsic.as_str(), one.text.as_str(), one.fate)).collect()
}

fn cost(text: &str, name: &str) -> Cost {
    let file = WeightFile::parse(text, "x.rs").expect("read");
    file.extrinsics().iter().find(|one| one.name == name).expect(name).cost.clone().expect("a sum")
}

const SHAPES: [Shape; 3] = [Shape::Runtime, Shape::Pallet, Shape::Xcm];

#[test]
fn a_generated_file_has_no_manual_edits() {
    for shape in SHAPES {
        let text = rendered(&results(5_000, 100, 0), shape);
        assert_eq!(edits_of(&again(text, &results(9_000, 300, 0), shape)), [], "{shape:?}");
    }
}

/// The edits are those of a real incident: 100 reads and 130 writes that no benchmark measures,
/// because another pallet's hook makes them.
#[test]
fn reads_and_writes_by_hand_survive_new_measurements() {
    let new = results(9_000, 300, 0);
    for shape in SHAPES {
        let database = "T::DbWeight";
        let reads = format!(".saturating_add({database}::get().reads(100))");
        let writes = format!(".saturating_add({database}::get().writes((130_u64).saturating_mul(u.into())))");
        let text = rendered(&results(5_000, 100, 0), shape);
        let (head, tail) = text.split_once("\t}\n").expect("the first function");
        let added = format!(
            "{head}\t\t\t// Queues that are swept in on_idle.\n\t\t\t{reads} // all of them\n\t\t\t{writes}\n\t}}\n{tail}"
        );
        let added = added.replace("_u: u32", "u: u32");
        let made = again(added, &new, shape);
        let with_comments = format!("// Queues that are swept in on_idle.\n{reads} // all of them");
        let expected = [with_comments.as_str(), &writes].map(|text| ("with_components", text, EditOutcome::Kept));
        assert_eq!(edits_of(&made), expected, "{shape:?}\n{}", made.text);
        let (plain, cost_now) = (cost(&rendered(&new, shape), "with_components"), cost(&made.text, "with_components"));
        assert_eq!(cost_now.reads.base, plain.reads.base + 100);
        assert_eq!((cost_now.writes.slopes["u"], cost_now.time), (130, plain.time));
        assert!(made.text.contains("fn with_components(n: u32, u: u32, )"), "{}", made.text);
        // Rendering again keeps the edits and does not repeat them.
        assert_eq!(again(made.text.clone(), &new, shape).text, made.text, "{shape:?}");
    }
}

#[test]
fn numbers_that_were_raised_in_place_stay_raised() {
    let new = results(9_000, 300, 0);
    let text = rendered(&results(5_000, 100, 0), Shape::Runtime);
    let raised = text.replace("reads(1)", "reads(101)").replace("from_parts(0, 1501)", "from_parts(0, 5501)");
    assert!(raised.contains("reads(101)") && raised.contains("5501"), "{raised}");
    let made = again(raised, &new, Shape::Runtime);
    let now = cost(&made.text, "with_components");
    assert_eq!((now.reads.base, now.proof.base), (101, 5501), "{}", made.text);
    assert_eq!(made.by_hand.len(), 2);
    assert_eq!(again(made.text.clone(), &new, Shape::Runtime).text, made.text);
}

#[test]
fn an_addition_that_is_measured_now_is_not_charged_twice() {
    let mut new = results(9_000, 300, 0);
    for one in &mut new.benchmarks[0].proof {
        one.reads = 101;
    }
    for one in &mut new.benchmarks[0].time {
        one.reads = 101;
    }
    let text = rendered(&results(5_000, 100, 0), Shape::Runtime);
    let (head, tail) = text.split_once("\t}\n").expect("the first function");
    let reads = ".saturating_add(T::DbWeight::get().reads(100))";
    let made = again(format!("{head}\t\t\t{reads}\n\t}}\n{tail}"), &new, Shape::Runtime);
    assert_eq!(edits_of(&made), [("with_components", reads, EditOutcome::Measured)]);
    assert_eq!(cost(&made.text, "with_components").reads.base, 101);
}

#[test]
fn manual_comments_functions_and_lines_are_kept_or_reported() {
    let new = results(9_000, 300, 0);
    for shape in SHAPES {
        let text = rendered(&results(5_000, 100, 0), shape);
        let public = if shape == Shape::Xcm { "pub(crate) " } else { "" };
        let own = format!(
            "\t/// By hand: no benchmark is of it.\n\t{public}fn own(n: u32, ) -> Weight {{\n\t\tOTHER.max(T::DbWeight::get().reads(n.into()))\n\t}}\n"
        );
        let text =
            text.replacen("\tfn with", "\t/// Mind the queue.\n\tfn with", if shape == Shape::Pallet { 0 } else { 1 });
        let text = text.replace("}\n\n// For backwards", &format!("{own}}}\n\n// For backwards"));
        let text = match shape {
            Shape::Pallet => {
                text.replacen("trait WeightInfo {\n", "trait WeightInfo {\n\tfn own(n: u32, ) -> Weight;\n", 1)
            }
            _ => format!("{}{own}}}\n", text.strip_suffix("}\n").expect("an end")),
        };
        let text = format!("{text}\nconst OTHER: Weight = Weight::from_parts(7, 0);\n");
        let made = again(text, &new, shape);
        assert!(made.text.contains(&own), "{}", made.text);
        assert_eq!(made.text.contains("\tfn own(n: u32, ) -> Weight;\n"), shape == Shape::Pallet, "{}", made.text);
        let edits = edits_of(&made);
        assert!(edits.contains(&("own", "fn own(n: u32, ) -> Weight", EditOutcome::Kept)), "{edits:?}");
        assert!(
            edits.contains(&("", "const OTHER: Weight = Weight::from_parts(7, 0);", EditOutcome::Gone)),
            "{edits:?}"
        );
        if shape == Shape::Runtime {
            assert!(made.text.contains("\t/// Mind the queue.\n"), "{}", made.text);
        }
    }
}

#[test]
fn a_function_without_a_benchmark_is_reported_and_one_that_is_no_sum_is_kept() {
    let mut new = results(9_000, 300, 0);
    let text = rendered(&results(5_000, 100, 0), Shape::Runtime);
    let without = new.benchmarks.pop().expect("two");
    let made = again(text.clone(), &new, Shape::Runtime);
    assert_eq!(edits_of(&made), [("without", "fn without() -> Weight", EditOutcome::Gone)]);

    new.benchmarks.push(without);
    let (head, tail) = text.split_once("Weight::from_parts(1_234_000, 0)").expect("the second function");
    let odd = format!("{head}core::cmp::max(Weight::from_parts(1_234_000, 0), Self::other()){tail}");
    let made = again(odd, &new, Shape::Runtime);
    assert_eq!(edits_of(&made), [("without", "fn without() -> Weight", EditOutcome::Kept)]);
    assert!(made.text.contains("core::cmp::max("), "{}", made.text);
}

#[test]
fn a_term_with_a_removed_component_is_reported() {
    let mut new = results(9_000, 300, 0);
    let text = rendered(&results(5_000, 100, 0), Shape::Runtime);
    let (head, tail) = text.split_once("\t}\n").expect("the first function");
    let term = ".saturating_add(T::DbWeight::get().reads((7_u64).saturating_mul(u.into())))";
    let text = format!("{head}\t\t\t{term}\n\t}}\n{tail}").replace("_u: u32", "u: u32");
    let benchmark = &mut new.benchmarks[0];
    benchmark.components.pop();
    benchmark.time.iter_mut().chain(&mut benchmark.proof).for_each(|one| {
        one.components.remove("u");
    });
    let made = again(text, &new, Shape::Runtime);
    assert_eq!(edits_of(&made), [("with_components", term, EditOutcome::Gone)]);
}
