// SPDX-License-Identifier: Apache-2.0
//! `report.html` in a browser: rendered from the evidence of a real upgrade, from the same evidence
//! with hostile names, and with every fault that the checks look for.

use cutover_tests::{Xtask, bundle};
use protocol::step::{Step, StepResult};
use report::Bundle;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

const CHECKS: [&str; 7] = ["renders", "width", "letters", "console", "requests", "markup", "copying"];

/// Returns the failed checks of a page in a browser, with their findings. `None` without a browser.
fn faults(page: &Path) -> Option<Vec<(String, String)>> {
    let output = Xtask::new(["ci", "page", "--json", &page.display().to_string()]).run();
    let document = output.json();
    let checks = document["checks"].as_array().expect("checks");
    if checks[0]["status"] == "skip" {
        // The output of `eprintln!` is captured if a test passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: the page was not looked at: {}", output.stderr);
        return None;
    }
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().expect("a name")).collect();
    assert_eq!(names, CHECKS);
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| check["status"] != "pass")
        .map(|check| (check["name"].as_str().expect("a name").to_owned(), check["findings"].to_string()))
        .collect();
    output.expect_code(i32::from(!failed.is_empty()));
    Some(failed)
}

fn expect_none(page: &Path) {
    if let Some(faults) = faults(page) {
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// Returns the evidence from which a bundle's page is rendered.
fn evidence(bundle: &Path) -> Bundle {
    fn result<T: StepResult>(bundle: &Path) -> Option<T> {
        let text = fs::read(bundle.join(format!("{}.json", T::STEP))).expect("read");
        let step: Step = serde_json::from_slice(&text).expect("a step");
        Some(step.result().expect("the step's result"))
    }
    Bundle {
        name: "standalone".into(),
        build: result(bundle),
        inspect: result(bundle),
        dry_run: result(bundle),
        diff: result(bundle),
        propose: result(bundle),
        rehearse: result(bundle),
        weights: result(bundle),
    }
}

fn written(page: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("report.html");
    fs::write(&path, page).expect("written");
    (directory, path)
}

#[test]
fn the_page_of_an_upgrade_fits_phones_desktops_and_paper() {
    expect_none(&bundle().join("report.html"));
}

#[test]
fn the_page_is_rendered_from_the_evidence() {
    let bundle = bundle();
    let page = fs::read_to_string(bundle.join("report.html")).expect("read");
    assert_eq!(page, report::html::report(&evidence(&bundle)));
    // Each part has a section, so the test above checked all of them.
    for part in [
        "The upgrade",
        "The checks of the dry run",
        "What changed, and who is affected",
        "Migrations: the blocks they took",
        "Storage that the upgrade changed",
        "Weights of calls that changed",
        "Weights in the source",
        "The blob",
        "The proposal",
        "What is done, and what people still have to do",
        "How to verify this bundle",
    ] {
        assert!(page.contains(&format!("<h2>{part}</h2>")), "{part}");
    }
}

const HOSTILE: [&str; 10] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\" onmouseover=\"alert(3)\" style=\"position:fixed;inset:0\" x=\"",
    "' autofocus onfocus='alert(4)",
    "</title></style><svg onload=alert(5)><a href=\"javascript:alert(6)\">",
    "--><!-- <iframe src=\"https://evil.example/\"></iframe>",
    "</code><button onclick=alert(7)>copy</button><form action=\"https://evil.example/\">",
    "{{constructor.constructor('alert(8)')()}} ${alert(9)} `alert(10)`",
    "0x12\u{202e}43x0 \u{0}\u{7}\r\n\u{feff}<math><mtext><table><mglyph><style><img src=x onerror=alert(11)>",
    "&lt;script&gt;alert(12)&lt;/script&gt;&#x3c;script&#x3e;",
];

/// Fields with a fixed set of values. With another value the document cannot be read.
const CHOICES: [&str; 22] = [
    "status",
    "severity",
    "rank",
    "kind",
    "verdict",
    "who",
    "breaks",
    "route",
    "possible_routes",
    "phase",
    "mode",
    "source_kind",
    "storage_versions_from",
    "size_verdict",
    "version_from",
    "held",
    "set_code",
    "authorize_upgrade",
    "format",
    "code",
    "stage",
    "subject",
];

/// Replaces names and texts by hostile text. The values of [`CHOICES`] stay, so that every section
/// is rendered.
fn insert_hostile_text(value: &mut Value, place: &mut usize) {
    match value {
        Value::Object(fields) => {
            let foreign = fields.iter_mut().filter(|(name, _)| !CHOICES.contains(&name.as_str()));
            foreign.for_each(|(_, value)| insert_hostile_text(value, place));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| insert_hostile_text(item, place)),
        Value::String(text) => {
            *place += 1;
            *text = match HOSTILE.get(*place % (HOSTILE.len() + 1)) {
                Some(hostile) => (*hostile).to_owned(),
                None => "without-an-end".repeat(40),
            };
        }
        _ => {}
    }
}

/// Inserts hostile text into a document of any type.
fn make_hostile<T: Serialize + DeserializeOwned>(document: &mut T, place: &mut usize) {
    let mut value = serde_json::to_value(&*document).expect("JSON");
    insert_hostile_text(&mut value, place);
    *document = serde_json::from_value(value).expect("the same document");
}

#[test]
fn hostile_names_are_shown_as_text_and_not_executed() {
    let mut evil = evidence(&bundle());
    let mut place = 0;
    make_hostile(&mut evil.build, &mut place);
    make_hostile(&mut evil.inspect, &mut place);
    make_hostile(&mut evil.dry_run, &mut place);
    make_hostile(&mut evil.diff, &mut place);
    make_hostile(&mut evil.propose, &mut place);
    make_hostile(&mut evil.rehearse, &mut place);
    for finding in evil.weights.iter_mut().flat_map(|weights| &mut weights.check.findings) {
        let placed = finding.pallet.iter_mut().chain(&mut finding.extrinsic).chain(&mut finding.file);
        for text in placed.chain([&mut finding.detail]) {
            let mut value = Value::from(std::mem::take(text));
            insert_hostile_text(&mut value, &mut place);
            *text = value.as_str().expect("a text").to_owned();
        }
    }
    assert!(place > 100, "only {place} texts");
    evil.name = HOSTILE[0].to_owned();
    let (_directory, page) = written(&report::html::report(&evil));
    expect_none(&page);
}

#[test]
fn faults_of_a_page_are_found() {
    let good = fs::read_to_string(bundle().join("report.html")).expect("read");
    let (policy, rest) = good.split_once("<meta http-equiv").expect("a policy");
    let (_, rest) = rest.split_once(">\n").expect("its end");
    let without_policy = format!("{policy}{rest}");
    let broken = without_policy
        .replace("<h1>", "<h2>")
        .replace("--soft: #5d5a55", "--soft: #dddddd")
        .replace("writeText(code.textContent)", "writeText(code.textContent.slice(1))")
        .replace(
            "</body>",
            "<p style=\"width: 3000px\">wide</p><img src=\"other.png\"><script>alert(1); console.error(2)</script></body>",
        );
    let (_directory, page) = written(&broken);
    let Some(faults) = faults(&page) else { return };
    let names: Vec<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, CHECKS, "{faults:#?}");
    let told = |check: &str| &faults.iter().find(|(name, _)| name == check).expect("failed").1;
    for (check, words) in [
        ("renders", "headings of the first rank"),
        ("width", "the screen 360"),
        ("letters", "a contrast of 1."),
        ("console", "a dialog: 1"),
        ("requests", "other.png"),
        ("markup", "an element img"),
        ("markup", "no policy"),
        ("copying", "instead of"),
    ] {
        assert!(told(check).contains(words), "{check}: {}", told(check));
    }
}

#[test]
fn without_a_browser_the_skipped_test_is_reported() {
    let (directory, page) = written("<!doctype html>");
    let look = |page: &Path| {
        Xtask::new(["ci", "page", &page.display().to_string()]).env("PATH", directory.path().join("nothing")).run()
    };
    let skipped = look(&page).expect_code(0).mentions(&["report.html is SKIPPED", "no Chromium", "apt-get install"]);
    assert!(skipped.stdout.contains("SKIP"), "{}", skipped.stdout);
    look(&directory.path().join("none.html")).expect_code(4).mentions(&["none.html"]);
}
