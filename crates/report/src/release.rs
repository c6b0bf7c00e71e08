// SPDX-License-Identifier: Apache-2.0
//! Renders the documents of the release commands: the plan, the prepared release and the published
//! release.

use crate::{
    field::{bytes, or_dash, stated},
    table::aligned,
    terminal,
};
use protocol::{
    Verdict,
    release::{PlanReport, PrepareDryRunReport, PrepareReport, PublishReport, Release, SignReport},
    verify::Signed,
};
use std::path::Path;

/// Renders the document of `release plan`.
pub fn plan(plan: &PlanReport) -> String {
    let mut all = heading(&plan.release);
    let mut table =
        vec![["", "RUNTIME", "GROUP", "SPEC_VERSION", "COMMITS", "FILES", "WHY"].map(str::to_owned).to_vec()];
    for runtime in &plan.runtimes {
        table.push(vec![
            if runtime.released { "release" } else { "leave" }.to_owned(),
            runtime.name.clone(),
            runtime.group.name().to_owned(),
            runtime.spec_version.to_string(),
            runtime.commits.to_string(),
            runtime.files_changed.to_string(),
            runtime.reason.clone(),
        ]);
    }
    all.push('\n');
    all.push_str(&aligned(&table));
    let mut files = Vec::new();
    for runtime in plan.released() {
        files.push(vec![runtime.asset.clone(), "goes on chain".into()]);
        for (name, variant) in &runtime.variants {
            let required = if variant.required { "required" } else { "optional" };
            files.push(vec![variant.asset.clone(), format!("{name}, {required}: {}", variant.features.join(", "))]);
        }
    }
    if !files.is_empty() {
        all.push('\n');
        all.push_str(&aligned(&files));
    }
    all.push_str(&ending(&plan.warnings, &plan.problems, plan.verdict));
    all
}

fn heading(release: &Release) -> String {
    let last = match &release.last {
        None => "none: this is the first".to_owned(),
        Some(last) => format!("{}, spec_version {}", last.tag, last.spec_version),
    };
    let changes = match &release.section {
        None => "no section".to_owned(),
        Some(heading) => format!("{}, {heading:?}", or_dash(release.changelog.as_ref())),
    };
    let commit = if release.dirty { format!("{} with changes", release.commit) } else { release.commit.clone() };
    rows(&[
        ("release", format!("{}, {:?}", release.tag, release.title)),
        ("last release", last),
        ("commit", commit),
        (if release.last.is_none() { "commits" } else { "commits since" }, release.commit_count.to_string()),
        ("changelog", changes),
    ])
}

fn rows(rows: &[(&str, String)]) -> String {
    aligned(&rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect::<Vec<_>>())
}

/// Renders the end of a text: warnings, problems and the verdict.
fn ending(warnings: &[String], problems: &[String], verdict: Verdict) -> String {
    format!("{}{}\nverdict: {}\n", notes(warnings, "warning"), notes(problems, "problem"), stated(verdict))
}

fn notes(notes: &[String], label: &str) -> String {
    let text: String = notes.iter().map(|note| format!("{label}: {note}\n")).collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Returns the command that adds a signature to a release. `root` is the file of signers.
pub fn sign_command(directory: &str, root: Option<&Path>) -> String {
    terminal::sign_command("release sign", directory, root)
}

/// Renders the document of `release prepare`. `root` is the file of signers.
pub fn prepared(report: &PrepareReport, root: Option<&Path>) -> String {
    let directory = or_dash(report.directory.as_ref());
    let mut all = rows(&[
        ("release", report.tag.clone()),
        ("directory", directory.clone()),
        ("files", if report.unchanged { "nothing changed".into() } else { "written".to_owned() }),
    ]);
    let bundles = report.runtimes.iter().filter_map(|runtime| Some((&runtime.name, &runtime.bundle.as_ref()?.signing)));
    all.push_str(&signatures(bundles.clone().map(|(name, signing)| (name, &signing.signatures))));
    if bundles.into_iter().any(|(_, signing)| !signing.signed_off && signing.needed.is_some()) {
        all.push_str(&format!("not signed off yet: {}\n", sign_command(&directory, root)));
    }
    let table = report.assets.iter().map(|asset| vec![asset.name.clone(), bytes(asset.size), asset.sha256.clone()]);
    all.push('\n');
    all.push_str(&aligned(&table.collect::<Vec<_>>()));
    all.push_str(&ending(&report.warnings, &report.problems, report.verdict));
    all
}

/// Renders the document of `release sign`. `bundles` are what was signed, in the order of the
/// document; `root` is the file of signers.
pub fn signed(report: &SignReport, bundles: &[Signed], root: Option<&Path>) -> String {
    let mut all = rows(&[("release", report.tag.clone()), ("directory", report.directory.clone())]);
    for (bundle, signed) in report.bundles.iter().zip(bundles) {
        all.push_str(&format!("\nbundle of {}\n{}", bundle.name, terminal::sign_archived(signed)));
    }
    all.push('\n');
    all.push_str(&signatures(report.bundles.iter().map(|one| (&one.name, &one.signing.signatures))));
    if report.signed_off {
        all.push_str("\nsigned off: it can be published\n");
    } else if root.is_some() {
        all.push_str(&format!("\nnot signed off yet: {}\n", sign_command(&report.directory, root)));
    }
    all
}

/// Renders the signatures of each runtime's bundle, one line for each.
fn signatures<'a>(bundles: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let rows = bundles.map(|(name, signatures)| vec!["signatures".to_owned(), name.clone(), signatures.clone()]);
    aligned(&rows.collect::<Vec<_>>())
}

/// Renders what `release prepare --dry-run` would do.
pub fn intended(report: &PrepareDryRunReport) -> String {
    let mut all = plan(&report.plan);
    if report.files.is_empty() {
        return all + "\nnothing was done, and nothing would be done\n";
    }
    all.push_str(&format!("\nnothing was done; these would be the files of {}\n", report.directory));
    for name in &report.files {
        all.push_str(&format!("  {name}\n"));
    }
    all
}

/// Renders the document of `release publish`.
pub fn published(report: &PublishReport) -> String {
    let mut all = rows(&[
        ("release", report.tag.clone()),
        ("state", report.state.name().to_owned()),
        ("address", or_dash(report.url.as_ref())),
    ]);
    all.push_str(&signatures(report.signatures.iter().map(|one| (&one.name, &one.signatures))));
    let table = report.assets.iter().map(|published| {
        let asset = &published.asset;
        vec![published.action.name().to_owned(), asset.name.clone(), bytes(asset.size)]
    });
    all.push('\n');
    all.push_str(&aligned(&table.collect::<Vec<_>>()));
    for command in &report.commands {
        all.push_str(&format!("$ {command}\n"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        release::{SignedBundle, VERSION},
        upgrade::SigningSummary,
    };

    #[test]
    fn the_command_for_the_next_signer_names_the_file_of_signers() {
        let signing =
            SigningSummary { signatures: "1 of 2 needed".into(), needed: Some(2), ..SigningSummary::default() };
        let mut report = SignReport {
            version: VERSION,
            tag: "v1.0.0".into(),
            directory: "out".into(),
            bundles: vec![SignedBundle { name: "solo".into(), signing }],
            signed_off: false,
        };
        let root = Some(Path::new("signers.json"));
        let text = signed(&report, &[], root);
        assert!(text.ends_with("yet: cargo xtask release sign out --with KEY --root signers.json\n"), "{text}");
        assert!(!signed(&report, &[], None).contains("not signed off"), "nobody knows who has to sign");
        report.signed_off = true;
        assert!(signed(&report, &[], root).ends_with("signed off: it can be published\n"));
    }
}
