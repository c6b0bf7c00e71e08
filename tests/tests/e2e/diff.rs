// SPDX-License-Identifier: Apache-2.0
//! The command `diff`: exit codes, allowances, parameters, bad input.

use cutover_tests::{Output, Runtime, Xtask, snapshot};
use serde_json::Value;

fn release(runtime: Runtime) -> String {
    snapshot(runtime).display().to_string()
}

fn diff(arguments: &[&str]) -> Output {
    Xtask::new([&["diff", "--quiet"], arguments].concat()).run()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("one JSON document")
}

#[test]
fn a_runtime_compared_with_itself_has_no_differences() {
    let standalone = release(Runtime::Standalone);
    let output = diff(&["--json", &standalone, &standalone]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let document = json(&output);
    assert_eq!((&document["format"], &document["same"]), (&"cutover/diff/v2".into(), &true.into()));
    assert_eq!(document["changes"].as_array().map(Vec::len), Some(0));
    let parameters = diff(&["--parameters", &standalone, &standalone]);
    assert!(parameters.stdout.ends_with("No constant of the runtime changes.\n"), "{}", parameters.stdout);
}

#[test]
fn another_chains_runtime_breaks_rules_that_can_be_allowed() {
    let (old, new) = (release(Runtime::Standalone), release(Runtime::Parachain));
    let output = diff(&[&old, &new]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stdout.contains("FAIL") && output.stdout.contains("another chain's runtime"), "{}", output.stdout);
    let broken: Vec<String> = json(&diff(&["--json", &old, &new]))["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter(|rule| rule["status"] == "fail")
        .map(|rule| format!("--allow={}=on purpose", rule["name"].as_str().expect("a name")))
        .collect();
    assert!(broken.len() > 1, "{broken:?}");
    let mut arguments = vec![old.as_str(), new.as_str()];
    arguments.extend(broken.iter().map(String::as_str));
    let allowed = diff(&arguments);
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
    assert!(allowed.stdout.contains("; allowed: on purpose"), "{}", allowed.stdout);
}

#[test]
fn wrong_usage_and_bad_input_have_their_exit_codes() {
    let standalone = release(Runtime::Standalone);
    let unknown = diff(&[&standalone, &standalone, "--allow", "nonsense"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("storage-migration"), "{}", unknown.stderr);
    assert_eq!(diff(&["-", "-"]).code, Some(2));
    assert_eq!(diff(&[&standalone, "nowhere.wasm"]).code, Some(4));
}
