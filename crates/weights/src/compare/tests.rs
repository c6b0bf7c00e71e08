// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::parse::WeightFile;
use protocol::weights::compare::{DatabasePrice, Limits};

/// Builds a weight file from functions, each given as ranges, name, arguments and body.
fn weights(functions: &[(&str, &str, &str, &str)]) -> Weights {
    let mut text = String::from("impl<T> pallet_x::WeightInfo for WeightInfo<T> {\n");
    for (ranges, name, arguments, body) in functions {
        for range in ranges.split(';').filter(|range| !range.is_empty()) {
            let (component, inside) = range.split_once('=').expect("a range");
            text.push_str(&format!("/// The range of component `{component}` is `[{inside}]`.\n"));
        }
        text.push_str(&format!("fn {name}({arguments}) -> Weight {{ {body} }}\n"));
    }
    text.push_str("}\n");
    Weights::from([("pallet_x".into(), WeightFile::parse(&text, "x.rs").expect("read"))])
}

fn compared(old: &Weights, new: &Weights, method: Method) -> Compared {
    let options = Options { method, price: DatabasePrice { read: 10, write: 100 }, ..Options::default() };
    compare(("old", "new"), old.clone(), new.clone(), &options).extrinsics.remove(0)
}

fn values(pair: Pair) -> (u64, u64) {
    (pair.old.expect("old"), pair.new.expect("new"))
}

/// Old: 1000 + 10 n + 1 read + n writes = 1010 + 110 n. New: 500 + 40 n + 3 writes = 800 + 40 n.
/// The proof size is 50 + n and 50 + 3 n.
fn pair() -> (Weights, Weights) {
    let old = "Weight::from_parts(1000, 50).saturating_add(Weight::from_parts(10, 1).saturating_mul(n.into())).saturating_add(T::DbWeight::get().reads(1)).saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))";
    let new = "Weight::from_parts(500, 50).saturating_add(Weight::from_parts(40, 3).saturating_mul(n.into())).saturating_add(T::DbWeight::get().writes(3))";
    (weights(&[("n=1, 10", "f", "n: u32", old)]), weights(&[("n=1, 10", "f", "n: u32", new)]))
}

#[test]
fn every_method_gives_what_is_computed_by_hand() {
    let (old, new) = pair();
    // At n = 1: time 1120 and 840 (−25 %), proof size 51 and 53.
    // At n = 10: time 2110 and 1200 (−43 %), proof size 60 and 80.
    for (method, time, proof) in [
        (Method::Base, (1120, 840), (51, 53)),
        (Method::ExactWorst, (1120, 840), (60, 80)),
        (Method::GuessWorst, (1120, 840), (60, 80)),
        (Method::ExactAsymptotic, (2110, 1200), (60, 80)),
        (Method::Asymptotic, (2110, 1200), (60, 80)),
    ] {
        let compared = compared(&old, &new, method);
        assert_eq!(
            (values(compared.by_method.ref_time), values(compared.by_method.proof_size)),
            (time, proof),
            "{method:?}"
        );
        assert_eq!((compared.change, compared.beyond_threshold), (Change::Changed, true));
    }
    let compared = compared(&old, &new, Method::Base);
    assert_eq!(compared.by_method.ref_time.percent, Some(-25.0));
    assert_eq!((values(compared.base.ref_time), values(compared.slopes["n"].ref_time)), ((1010, 800), (110, 40)));
    assert_eq!(
        (values(compared.greatest.ref_time), values(compared.reads), values(compared.writes)),
        ((2110, 1200), (1, 0), (10, 3))
    );
}

#[test]
fn different_or_missing_ranges_are_guessed_or_refused() {
    let body = "Weight::from_parts(100, 0).saturating_add(Weight::from_parts(1, 0).saturating_mul(n.into()))";
    let with = |range: &str| weights(&[(range, "f", "n: u32", body)]);
    let (narrow, wide, none) = (with("n=2, 10"), with("n=0, 20"), with(""));
    assert_eq!(values(compared(&narrow, &wide, Method::Asymptotic).by_method.ref_time), (120, 120));
    assert_eq!(values(compared(&narrow, &wide, Method::Base).by_method.ref_time), (100, 100));
    assert_eq!(values(compared(&none, &none, Method::GuessWorst).by_method.ref_time), (200, 200));
    assert_eq!(values(compared(&narrow, &none, Method::ExactAsymptotic).by_method.ref_time), (110, 110));
    for (old, new) in [(&narrow, &wide), (&none, &none)] {
        let compared = compared(old, new, Method::ExactWorst);
        assert_eq!(compared.change, Change::Incomparable);
        assert!(compared.problem.expect("a reason").contains("guess-worst"));
    }
}

#[test]
fn two_components_are_compared_at_every_corner() {
    let body = |n: u32, m: u32| {
        format!(
            "Weight::from_parts(100, 0).saturating_add(Weight::from_parts({n}, 0).saturating_mul(n.into())).saturating_add(Weight::from_parts({m}, 0).saturating_mul(m.into()))"
        )
    };
    let with = |body: &str| weights(&[("n=0, 10;m=0, 10", "f", "n: u32, m: u32", body)]);
    // It increases with n and decreases with m: the worst case is n = 10 and m = 0, with 200 and 400.
    let compared = compared(&with(&body(10, 10)), &with(&body(30, 1)), Method::ExactWorst);
    assert_eq!((values(compared.by_method.ref_time), compared.by_method.ref_time.percent), ((200, 400), Some(100.0)));
}

#[test]
fn new_removed_unchanged_and_unreadable_are_distinguished() {
    let old = weights(&[
        ("", "a", "", "Weight::from_parts(1, 1)"),
        ("", "b", "", "Weight::from_parts(1, 1)"),
        ("", "d", "", "Weight::zero()"),
    ]);
    let new = weights(&[
        ("", "a", "", "Weight::from_parts(1, 1)"),
        ("", "c", "", "Weight::from_parts(1, 1)"),
        ("", "d", "", "Self::a()"),
    ]);
    let comparison = compare(("old", "new"), old, new, &Options::default());
    let changes: Vec<_> = comparison.extrinsics.iter().map(|one| (one.extrinsic.as_str(), one.change)).collect();
    use Change::*;
    assert_eq!(changes, [("a", Unchanged), ("b", Removed), ("c", New), ("d", Incomparable)]);
    assert_eq!(comparison.verdict, Verdict::NotJudged);
    let problem = comparison.extrinsics[3].problem.clone().expect("a reason");
    assert!(problem.contains("the new weight") && problem.contains("line 4"), "{problem}");
}

#[test]
fn what_was_not_compared_does_not_pass() {
    let of = |names: &[&str], body: &str| {
        let functions: Vec<_> = names.iter().map(|name| ("", *name, "", body)).collect();
        weights(&functions)
    };
    let (known, other) = ("Weight::from_parts(1, 1)", "Self::other()");
    let verdict = |old: Weights, new: Weights| compare(("", ""), old, new, &Options::default()).verdict;
    assert_eq!(verdict(of(&["a", "b"], known), of(&["a", "c"], known)), Verdict::Pass, "one is compared");
    assert_eq!(verdict(of(&["a", "b"], known), of(&["c"], known)), Verdict::NotJudged, "none is");
    assert_eq!(verdict(of(&["a", "b"], other), of(&["a", "b"], other)), Verdict::NotJudged, "none is readable");
    let large = "Weight::from_parts(9, 1)";
    let both = |first: &str| weights(&[("", "a", "", first), ("", "b", "", other)]);
    assert_eq!(verdict(both(known), both(known)), Verdict::NotJudged, "one is unreadable");
    assert_eq!(verdict(both(known), both(large)), Verdict::Fail, "one is unreadable, and one is beyond the threshold");
}

#[test]
fn a_threshold_counts_both_ways_and_from_nothing() {
    let of = |time: u64, proof: u64| weights(&[("", "a", "", &format!("Weight::from_parts({time}, {proof})"))]);
    let passed = |old: &Weights, new: &Weights| {
        compare(("", ""), old.clone(), new.clone(), &Options::default()).verdict.passed()
    };
    assert!(passed(&of(100, 100), &of(105, 95)), "five percent is not more than five");
    assert!(!passed(&of(100, 100), &of(106, 100)));
    assert!(!passed(&of(100, 100), &of(100, 94)));
    assert!(!passed(&of(100, 0), &of(100, 1)), "from nothing");
    assert!(!passed(&of(100, 9), &of(100, 0)), "to nothing");
}

#[test]
fn a_weight_that_no_longer_fits_in_a_block_fails_even_if_it_is_new() {
    let of = |time: u64| weights(&[("", "a", "", &format!("Weight::from_parts({time}, 0)"))]);
    let limits = Limits { ref_time: 1000, proof_size: 1000 };
    let compared = |old: u64, new: u64| {
        let options = Options { limits, threshold: 1e9, ..Options::default() };
        let comparison = compare(("", ""), of(old), of(new), &options);
        (comparison.verdict.passed(), comparison.extrinsics[0].no_longer_fits.clone())
    };
    assert_eq!(compared(1000, 1001), (false, vec!["ref_time".to_owned()]));
    assert_eq!(compared(1001, 1002), (true, vec![]), "it did not fit before");
    let other = weights(&[("", "b", "", "Weight::from_parts(0, 2000)")]);
    let comparison = compare(("", ""), of(1), other, &Options { limits, ..Options::default() });
    assert_eq!(comparison.extrinsics[1].no_longer_fits, ["proof_size"]);
}

#[test]
fn single_files_are_compared_and_directories_are_matched_by_name() {
    let (old, new) = pair();
    let renamed: Weights = new.into_values().map(|file| ("other".to_owned(), file)).collect();
    assert_eq!(compare(("", ""), old.clone(), renamed.clone(), &Options::default()).summary.changed, 1);
    let mut two = old.clone();
    two.extend(renamed);
    let summary = compare(("", ""), old, two, &Options::default()).summary;
    assert_eq!((summary.unchanged, summary.new), (1, 1));
}

#[test]
fn directories_are_loaded_and_invalid_ones_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("xcm")).expect("made");
    let text = "impl<T> WeightInfo<T> { fn a() -> Weight { Weight::zero() } }";
    std::fs::write(at("mod.rs"), "pub mod pallet_a;").expect("written");
    std::fs::write(at("pallet_a.rs"), text).expect("written");
    std::fs::write(at("xcm/generic.rs"), text).expect("written");
    std::fs::write(at("notes.json"), "{}").expect("written");
    let weights = load::load(directory.path(), "there").expect("loaded");
    assert_eq!(weights.keys().collect::<Vec<_>>(), ["generic", "pallet_a"]);
    std::fs::write(at("xcm/pallet_a.rs"), text).expect("written");
    assert!(load::load(directory.path(), "there").expect_err("twice").message.contains("twice"));
    let empty = tempfile::tempdir().expect("a directory");
    assert!(load::load(empty.path(), "there").expect_err("nothing").message.contains("no weight file"));
    assert!(load::load(&at("mod.rs"), "there").expect_err("no weights").message.contains("no weight file"));
    assert!(load::load(&at("nothing.rs"), "there").is_err());
    std::fs::write(at("pallet_b.json"), "{\"format\": \"cutover/raw-overhead/v1\"}").expect("written");
    std::fs::remove_file(at("xcm/pallet_a.rs")).expect("removed");
    assert_eq!(load::load(directory.path(), "there").expect("what is of no pallet is passed over").len(), 2);
    std::fs::write(at("raw.json"), "{\"format\": \"cutover/raw-weights/v9\"}").expect("written");
    assert!(load::load(directory.path(), "there").expect_err("another").message.contains("another version"));
    assert!(load::load(&at("raw.json"), "there").expect_err("another").message.contains("another version"));
}

/// Worst cases of real shapes, computed by hand. A read costs 10 and a write costs 100.
#[test]
fn hand_computed_worst_cases_of_every_shape_of_weight() {
    let ranged = |ranges: &str, arguments: &str, body: &str| weights(&[(ranges, "f", arguments, body)]);
    let term = |time: u64, proof: u64, name: &str| {
        format!(".saturating_add(Weight::from_parts({time}, {proof}).saturating_mul({name}.into()))")
    };
    let by = |what: &str, count: u64, name: &str| {
        format!(".saturating_add(T::DbWeight::get().{what}(({count}_u64).saturating_mul({name}.into())))")
    };
    for (ranges, arguments, old, new, time, proof) in [
        // 7 + 2 reads + 3 writes = 327, and 9 + 1 read = 19.
        (
            "",
            "",
            "Weight::from_parts(7, 1).saturating_add(T::DbWeight::get().reads_writes(2, 3))".to_owned(),
            "Weight::from_parts(9, 1).saturating_add(T::DbWeight::get().reads(1_u64))".to_owned(),
            (327, 19),
            (1, 1),
        ),
        // n from 0 to 1000. Both are zero at 0, so that the maximum counts: 1000 · 2 and 1000 · 3.
        (
            "n=0, 1000",
            "n: u32",
            format!("Weight::zero(){}", term(2, 5, "n")),
            format!("Weight::zero(){}", term(3, 5, "n")),
            (2000, 3000),
            (5000, 5000),
        ),
        // n from 5 to 50, m from 1 to 9. The largest increase is at n = 5 and m = 9, with 2 · 5 reads
        // on both sides: 100 + 5 · 3 + 9 · 10 + 100 = 305 and 100 + 5 · 4 + 9 · 100 + 100 = 1120
        // (at n = 50: 1340 and 2200). The proof size there is 5 + 9 · 2 = 23 and 5 + 9 · 3 = 32
        // (at n = 50: 68 and 77).
        (
            "n=5, 50;m=1, 9",
            "n: u32, m: u32",
            format!("Weight::from_parts(100, 0){}{}{}", term(3, 1, "n"), term(10, 2, "m"), by("reads", 2, "n")),
            format!("Weight::from_parts(100, 0){}{}{}", term(4, 1, "n"), term(100, 3, "m"), by("reads", 2, "n")),
            (305, 1120),
            (23, 32),
        ),
        // A new component: `exact` uses the range of the new side. 100 and 100 + 10 · 7 writes of 100.
        (
            "n=1, 10",
            "n: u32",
            "Weight::from_parts(100, 9)".to_owned(),
            format!("Weight::from_parts(100, 9){}", by("writes", 7, "n")),
            (100, 7100),
            (9, 9),
        ),
        // Every point decreases, and the smallest decrease counts. Old: 1000 + 10 · n, new: 500.
        // At n = 1: 1010 and 500 (−50.5 %). At n = 10: 1100 and 500 (−54.5 %).
        (
            "n=1, 10",
            "n: u32",
            format!("Weight::from_parts(1000, 0){}", term(10, 0, "n")),
            "Weight::from_parts(500, 0)".to_owned(),
            (1010, 500),
            (0, 0),
        ),
    ] {
        let compared = compared(&ranged(ranges, arguments, &old), &ranged(ranges, arguments, &new), Method::ExactWorst);
        let found = (values(compared.by_method.ref_time), values(compared.by_method.proof_size));
        assert_eq!(found, (time, proof), "{old}\n{new}");
    }
}

#[test]
fn too_many_components_are_refused() {
    let names: Vec<String> = (0..13).map(|at| format!("c{at}")).collect();
    let arguments: Vec<String> = names.iter().map(|name| format!("{name}: u32")).collect();
    let body: String = names
        .iter()
        .map(|name| format!(".saturating_add(Weight::from_parts(1, 0).saturating_mul({name}.into()))"))
        .collect();
    let weights = weights(&[("", "f", &arguments.join(", "), &format!("Weight::zero(){body}"))]);
    let compared = compared(&weights, &weights, Method::GuessWorst);
    assert_eq!(compared.change, Change::Incomparable);
    assert!(compared.problem.expect("a reason").contains("13 components"));
}
