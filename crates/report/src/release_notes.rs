// SPDX-License-Identifier: Apache-2.0
//! Renders `notes.md`, the text of a published release. The same release gives the same bytes.

use crate::{
    field::{bytes, grouped, or_dash, stated, words},
    steps::counted,
    table::{escape, markdown},
};
use protocol::release::{PreviousComparison, Record, Release, ReleasedRuntime, ReleasedVariant};

/// Renders the notes from the record of a release.
pub fn notes(record: &Record) -> String {
    let mut all = format!("Built from commit {}.\n", escape(&record.release.commit));
    if record.release.dirty {
        all.push_str("\n**The work tree had uncommitted changes: nobody else can build these blobs.**\n");
    }
    all.push_str("\n## Changes\n");
    // The section is Markdown already.
    if let Some(section) = record.section_text.as_ref().filter(|section| !section.is_empty()) {
        all.push_str(&format!("\n{section}\n"));
    }
    all.push_str(&commits(&record.release));
    all.push_str("\n## Runtimes\n");
    for runtime in &record.runtimes {
        all.push_str(&of_runtime(runtime));
    }
    all.push_str(&variants(&record.runtimes));
    all.push_str("\n## How to check the files\n\n    sha256sum --check SHA256SUMS\n");
    all.push_str(&checking_bundles(record));
    all
}

/// Renders how the signatures of the bundles are checked.
fn checking_bundles(record: &Record) -> String {
    let archives: Vec<_> = record.runtimes.iter().filter_map(|runtime| Some(&runtime.bundle.as_ref()?.asset)).collect();
    if archives.is_empty() {
        return String::new();
    }
    let (how, option) = match &record.signers {
        Some(signers) => {
            let file = &signers.file;
            let how = format!(
                "To check the evidence and who signed it, with the file of signers `{}` (sha256 {}) or a later \
                 version of it, from the repository:",
                file.replace('`', "'"),
                escape(&signers.sha256)
            );
            (how, format!("--root {file}"))
        }
        None => ("To check the evidence:".to_owned(), "--integrity-only".to_owned()),
    };
    let commands = archives.iter().flat_map(|archive| {
        let directory = archive.strip_suffix(".tar").unwrap_or(archive);
        [format!("    tar xf {archive}\n"), format!("    cargo xtask verify {directory} {option}\n")]
    });
    format!("\n{how}\n\n{}", commands.collect::<String>())
}

fn commits(release: &Release) -> String {
    let Some(last) = &release.last else { return "\nThe first release.\n".into() };
    let commits = counted(release.commit_count as usize, "commit");
    let mut all = format!("\n{commits} since {}, merges included.\n\n", escape(&last.tag));
    for commit in &release.commits {
        all.push_str(&format!("- {} {}\n", escape(&commit.hash), escape(&commit.subject)));
    }
    all
}

fn of_runtime(runtime: &ReleasedRuntime) -> String {
    let ratio = match (runtime.size, runtime.size_decompressed) {
        (small, large) if large > 0 && small < large => {
            format!(", compressed to {} % of {} bytes", small * 100 / large, grouped(large))
        }
        _ => ", not compressed".into(),
    };
    let core = format!(
        "{}-{} ({}-{}.tx{}.au{})",
        runtime.spec_name,
        runtime.spec_version,
        runtime.impl_name,
        runtime.impl_version,
        or_dash(runtime.transaction_version),
        runtime.authoring_version
    );
    let metadata: Vec<_> = runtime.metadata_versions.iter().flatten().map(|version| format!("V{version}")).collect();
    let mut rows = vec![
        ("File", runtime.asset.clone()),
        ("Why", runtime.reason.clone()),
        ("Size", format!("{}{ratio}", bytes(runtime.size))),
        ("Core version", core),
        ("Metadata versions", metadata.join(", ")),
        ("blake2-256", runtime.blake2_256.clone()),
        ("sha256", runtime.sha256.clone()),
        ("IPFS", runtime.ipfs_cid.clone()),
        ("system.set_code hash", runtime.set_code_hash.clone()),
        ("system.authorize_upgrade hash", runtime.authorize_upgrade_hash.clone()),
        ("system.authorize_upgrade call", or_dash(runtime.authorize_upgrade_call.as_ref())),
        ("Compiler", runtime.rustc.clone()),
        ("Profile, features", format!("{}, {}", runtime.profile, words(&runtime.features))),
    ];
    if let Some(image) = &runtime.image {
        rows.push(("Builder image", format!("{image} {}", or_dash(runtime.image_digest.as_ref()))));
    }
    if let Some(compared) = &runtime.compared {
        rows.push(("Compared with the previous runtime", self::compared(compared)));
    }
    if let Some(bundle) = &runtime.bundle {
        let (from, verdict, asset) = (bundle.from_spec_version, stated(bundle.verdict), &bundle.asset);
        rows.push(("Upgrade rehearsed", format!("from {from}: {verdict}; the evidence is in {asset}")));
        rows.push(("Signatures", bundle.signing.signatures.clone()));
    }
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    let commands = [
        "git checkout COMMIT".to_owned(),
        format!(
            "cargo xtask verify build --runtime {} --digest {}{}",
            runtime.name,
            runtime.digest_asset,
            engine(runtime)
        ),
    ];
    format!(
        "\n### {}\n\n{}\nTo build it again and compare, with the COMMIT above:\n\n    {}\n",
        escape(&runtime.name),
        markdown(&["", ""], &rows),
        commands.join("\n    ")
    )
}

fn engine(runtime: &ReleasedRuntime) -> String {
    match (runtime.engine.as_str(), &runtime.image) {
        ("host", _) => String::new(),
        (engine, None) => format!(" --engine {engine}"),
        (engine, Some(image)) => format!(" --engine {engine} --image {image}"),
    }
}

fn compared(compared: &PreviousComparison) -> String {
    match compared {
        PreviousComparison::Compared { old, changes, parameters, verdict, changes_asset, parameters_asset } => {
            format!(
                "{} {}: {} ({changes_asset}), {} ({parameters_asset}); the rules of versions: {}",
                old.spec_name,
                old.spec_version,
                counted(*changes, "change"),
                counted(*parameters, "parameter"),
                verdict.name()
            )
        }
        PreviousComparison::NotCompared { error } => format!("not done: {error}"),
    }
}

fn variants(runtimes: &[ReleasedRuntime]) -> String {
    let mut rows = Vec::new();
    for runtime in runtimes {
        for variant in &runtime.variants {
            let (variant, file) = match variant {
                ReleasedVariant::Built { variant, asset, .. } => (variant, asset.clone()),
                ReleasedVariant::Failed { variant, error, .. } => (variant, format!("not built: {error}")),
            };
            rows.push(vec![runtime.name.clone(), variant.name.clone(), words(&variant.features), file]);
        }
    }
    match rows.is_empty() {
        true => String::new(),
        false => {
            let table = markdown(&["Runtime", "Variant", "Features", "File"], &rows);
            format!("\n## Variants, which do not go on chain\n\n{table}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Verdict,
        release::{Commit, LastRelease, ReleasedBundle, SignersFile, VariantBuild},
    };

    fn record() -> Record {
        let runtime = ReleasedRuntime {
            name: "solo".into(),
            asset: "solo_runtime-v2.wasm".into(),
            digest_asset: "solo-srtool-digest.json".into(),
            spec_name: "solo".into(),
            impl_name: "solo-node".into(),
            spec_version: 2,
            transaction_version: Some(1),
            authoring_version: 1,
            size: 250,
            size_decompressed: 1000,
            metadata_versions: Some(vec![14, 15]),
            engine: "podman".into(),
            image: Some("r/b@sha256:aa".into()),
            variants: vec![ReleasedVariant::Failed {
                variant: VariantBuild {
                    name: "fast-runtime".into(),
                    features: vec!["fast-runtime".into()],
                    ..VariantBuild::default()
                },
                asset: (),
                error: "no such feature".into(),
            }],
            bundle: Some(ReleasedBundle {
                asset: "solo-upgrade-v2.tar".into(),
                from_spec_version: 1,
                verdict: Verdict::Pass,
                ..ReleasedBundle::default()
            }),
            ..ReleasedRuntime::default()
        };
        Record {
            release: Release {
                commit: "abc".into(),
                last: Some(LastRelease { tag: "v1.0.0".into(), ..LastRelease::default() }),
                commits: vec![Commit { hash: "0123456789".into(), subject: "Fix [x](http://evil) <b>".into() }],
                commit_count: 2,
                ..Release::default()
            },
            runtimes: vec![runtime],
            section_text: Some("### Added\n\n- a".into()),
            ..Record::default()
        }
    }

    #[test]
    fn the_notes_say_what_a_voter_and_a_builder_need() {
        let text = notes(&record());
        for wanted in [
            "- a\n",
            "2 commits since v1.0.0",
            "| Size | 250 bytes, compressed to 25 % of 1,000 bytes |",
            "| Core version | solo-2 (solo-node-0.tx1.au1) |",
            "| Metadata versions | V14, V15 |",
            "cargo xtask verify build --runtime solo --digest solo-srtool-digest.json --engine podman --image r/b@sha256:aa",
            "from 1: passed; the evidence is in solo-upgrade-v2.tar",
            "| solo | fast-runtime | fast-runtime | not built: no such feature |",
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
    }

    #[test]
    fn the_notes_say_how_the_signatures_are_checked() {
        let mut record = record();
        let checking = "    tar xf solo-upgrade-v2.tar\n    cargo xtask verify solo-upgrade-v2 ";
        let text = notes(&record);
        assert!(text.ends_with(&format!("{checking}--integrity-only\n")), "{text}");
        record.signers = Some(SignersFile { file: "signers.json".into(), sha256: "ab".into(), lineage: None });
        let text = notes(&record);
        assert!(text.contains("(sha256 ab)") && text.ends_with(&format!("{checking}--root signers.json\n")), "{text}");
        record.runtimes[0].bundle = None;
        assert!(notes(&record).ends_with("    sha256sum --check SHA256SUMS\n"));
    }

    #[test]
    fn the_subject_of_a_commit_is_escaped() {
        let text = notes(&record());
        assert!(text.contains("Fix \\[x\\](http://evil) \\<b\\>"), "{text}");
    }
}
