// SPDX-License-Identifier: Apache-2.0
use super::*;

fn module(text: &str) -> Blob {
    Blob::parse("module", wat::parse_str(format!("(module {text})")).expect("a module")).expect("a blob")
}

fn diff(old: &Blob, new: &Blob) -> BlobDifference {
    let facts = BuildFacts::default();
    let features = ["std", "try-runtime", "runtime-benchmarks", "extra"].map(str::to_owned);
    diff_bytes(("old", old), ("new", new), (&facts, &facts), &features).expect("compared")
}

fn causes(old: &Blob, new: &Blob) -> Vec<String> {
    diff(old, new).causes.iter().map(|cause| cause.cause.clone()).collect()
}

fn with_paths(paths: &[&str]) -> Blob {
    let text = paths.join("\\00");
    module(&format!(r#"(memory 1) (data (i32.const 0) "{text}") (func (export "f"))"#))
}

#[test]
fn one_blob_has_no_difference() {
    let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
    let difference = diff(&blob, &blob);
    assert!(difference.same && difference.first_difference.is_none() && difference.causes.is_empty());
    assert!(difference.sections.iter().all(|section| section.same));
}

#[test]
fn only_the_compression_differs() {
    let wasm = test_runtime::wasm(true);
    let weakly = sp_maybe_compressed_blob::compress_weakly(&wasm, crate::blob::CODE_LIMIT).expect("compressed");
    let weakly = Blob::parse("b", weakly).expect("a blob");
    let difference = diff(&weakly, &weakly.to_compressed().expect("compressed"));
    assert!(!difference.same && difference.same_wasm);
    assert_eq!(difference.causes.len(), 1);
    assert_eq!(
        (difference.causes[0].cause.as_str(), difference.causes[0].certainty),
        ("compression", protocol::bytes::Certainty::Certain)
    );
}

#[test]
fn a_fast_build_is_found_by_its_durations() {
    let mut difference = diff(&module("(func (export \"f\"))"), &module("(func (export \"f\") (nop))"));
    let epoch = |told: &str| {
        vec![protocol::Pace { constant: "Babe.EpochDuration".into(), told: told.into(), milliseconds: None }]
    };
    let mut causes = |old: Vec<protocol::Pace>, new: Vec<protocol::Pace>| {
        (difference.old.pace, difference.new.pace) = (old, new);
        let none = BuildFacts::default();
        causes::rank(&difference, (&BTreeSet::new(), &BTreeSet::new()), (&none, &none), &[])
    };
    let found = causes(epoch("2,400 slots = 4 h"), epoch("20 slots = 2 min"));
    assert!(found[0].cause.starts_with("another pace"), "{found:?}");
    assert_eq!(found[0].evidence, ["Babe.EpochDuration: 2,400 slots = 4 h and 20 slots = 2 min"]);
    assert_eq!(causes(epoch("2,400 slots = 4 h"), epoch("2,400 slots = 4 h"))[0].cause, "another source");
}

#[test]
fn the_first_difference_is_found_with_section_and_function() {
    let text =
        |number: u32| format!(r#"(import "env" "g" (func)) (func) (func (export "f") (drop (i32.const {number})))"#);
    let difference = diff(&module(&text(1)), &module(&text(2)));
    let place = difference.first_difference.expect("a difference");
    assert_eq!(place.old, "code, function 2 f");
    assert_ne!(place.old_bytes, place.new_bytes);
    let changed: Vec<_> =
        difference.sections.iter().filter(|section| !section.same).map(|section| &section.name).collect();
    assert_eq!(changed, ["code"]);
    assert_eq!((difference.functions.identical, difference.functions.same_shape), (1, 1));
    assert_eq!(difference.causes[0].cause, "another source");
}

#[test]
fn a_feature_is_found_by_its_code() {
    let plain = module(r#"(func (export "Core_version"))"#);
    let tried =
        module(r#"(func (export "Core_version")) (func (export "TryRuntime_execute_block") (drop (i32.const 1)))"#);
    let difference = diff(&plain, &tried);
    assert_eq!(difference.causes[0].cause, "other features");
    assert!(difference.causes[0].evidence[0].contains("`try-runtime`"), "{:?}", difference.causes);
    let measured = module(r#"(func (export "Core_version")) (func (export "Benchmark_dispatch_benchmark"))"#);
    assert!(
        diff(&measured, &plain).causes[0].evidence[0]
            .contains("only the old blob has Benchmark_dispatch_benchmark: the feature `runtime-benchmarks`")
    );
    assert_eq!(difference.functions.only_new, ["function 1 TryRuntime_execute_block"]);
}

#[test]
fn another_compiler_is_found_by_the_paths_of_the_standard_library() {
    let old = with_paths(&["/rustc/aaaa/library/core/src/fmt.rs"]);
    let new = with_paths(&["/rustc/bbbb/library/core/src/fmt.rs"]);
    let difference = diff(&old, &new);
    assert_eq!(difference.causes[0].cause, "another compiler");
    assert!(difference.causes[0].evidence[0].contains("rustc commit aaaa and rustc commit bbbb"));
    assert!(!causes(&old, &new).iter().any(|cause| cause == "paths that were not remapped"));
}

#[test]
fn another_lock_file_is_found_by_the_versions_in_paths() {
    let at =
        |version: &str| with_paths(&[&format!("/home/builder/cargo/registry/src/i-1/serde-core-{version}/src/lib.rs")]);
    let difference = diff(&at("1.0.1"), &at("1.0.2"));
    assert_eq!(difference.causes[0].cause, "another lock file");
    assert_eq!(difference.causes[0].evidence, ["serde-core 1.0.1 and 1.0.2"]);
}

#[test]
fn a_path_that_was_not_remapped_is_found() {
    let old = with_paths(&["/build/runtime/src/lib.rs"]);
    let new = with_paths(&["/home/me/work/runtime/src/lib.rs"]);
    let difference = diff(&old, &new);
    assert_eq!(difference.causes[0].cause, "paths that were not remapped");
    assert!(
        difference.causes[0].evidence[0].ends_with("/build/runtime/src/lib.rs and /home/me/work/runtime/src/lib.rs")
    );
}

#[test]
fn functions_in_another_order_are_due_to_symbols() {
    let one = "(func (drop (i32.const 1)))";
    let two = "(func (drop (f64.const 2)) (drop (i64.const 2)))";
    let exported = r#"(func (export "f"))"#;
    let difference = diff(&module(&format!("{one}{two}{exported}")), &module(&format!("{two}{one}{exported}")));
    assert_eq!(difference.causes[0].cause, "other symbols");
}

#[test]
fn another_version_and_other_facts_are_causes_too() {
    let old = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
    let difference = diff(&old, &module(r#"(func (export "f"))"#));
    assert!(difference.causes.iter().any(|cause| cause.cause == "another version of the source"));
    let facts = |profile: &str, rustc: &str| BuildFacts {
        profile: Some(profile.into()),
        rustc: Some(rustc.into()),
        features: Some(vec![profile.into()]),
        commit: Some(profile.into()),
        lock_file: Some(profile.into()),
        image: None,
    };
    let (one, other) = (module("(func)"), module("(func nop)"));
    let facts = (&facts("release", "rustc 1.95.0 (a b)"), &facts("production", "rustc 1.96.0 (c d)"));
    let causes = diff_bytes(("old", &one), ("new", &other), facts, &[]).expect("compared").causes;
    let names: Vec<_> = causes.iter().map(|cause| cause.cause.as_str()).collect();
    assert_eq!(names, ["other features", "another lock file", "another profile", "another compiler", "another commit"]);
}

#[test]
fn a_line_number_is_not_other_code() {
    let at =
        |line: &str| module(&format!(r#"(memory 1) (func (export "f") nop) (data (i32.const 0) "/build/a.rs{line}")"#));
    let difference = diff(&at("\\5d\\00"), &at("\\5b\\00"));
    assert!(difference.causes[0].evidence[1].starts_with("the code is identical"), "{:?}", difference.causes);
    assert_eq!((difference.data.len(), difference.data[0].first_difference), (1, Some(11)));
}

#[test]
fn a_truncated_module_is_refused() {
    let mut whole = module(r#"(func (export "f") nop)"#);
    whole.wasm.truncate(whole.wasm.len() - 2);
    let facts = BuildFacts::default();
    assert!(diff_bytes(("a", &whole), ("b", &whole), (&facts, &facts), &[]).is_err());
}
