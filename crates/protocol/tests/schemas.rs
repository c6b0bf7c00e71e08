// SPDX-License-Identifier: Apache-2.0
//! Checks that the JSON schemas in `docs/schema` match the types. `UPDATE_SCHEMAS=1` regenerates
//! them.

#![allow(clippy::expect_used, reason = "tests")]

use cutover_protocol::{
    benchmark, block, build, bytes, ci, diff, dry_run, explanation, fork, inspect, keys, manifest, network_proposal,
    prebuilt, proposal, rebuild, referendum, rehearse, release, signers, snapshot, step, support, upgrade, verify,
    weights, workspace, xcm,
};
use schemars::{Schema, schema_for};
use std::{collections::BTreeSet, fs, path::Path};

/// Returns the schema of every published document, with the name of its file.
fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("benchmarks", schema_for!(benchmark::Runs)),
        ("blob-difference", schema_for!(bytes::BlobDifference)),
        ("block", schema_for!(block::BlockReport)),
        ("build", schema_for!(build::BuildReport)),
        ("builder-image", schema_for!(workspace::BuilderImageReport)),
        ("build-digest", schema_for!(build::BuildDigest)),
        ("changed", schema_for!(ci::ChangedReport)),
        ("checks", schema_for!(ci::ChecksReport)),
        ("comment", schema_for!(ci::CommentReport)),
        ("diff", schema_for!(diff::DiffReport)),
        ("dist", schema_for!(prebuilt::DistReport)),
        ("dry-run", schema_for!(dry_run::DryRunReport)),
        ("inspect", schema_for!(inspect::RuntimeFacts)),
        ("error", schema_for!(cutover_protocol::FailureDocument)),
        ("fork", schema_for!(fork::ServedFork)),
        ("fork-pin", schema_for!(fork::Pin)),
        ("installed-workers", schema_for!(prebuilt::InstalledWorkers)),
        ("init", schema_for!(workspace::InitReport)),
        ("list", schema_for!(workspace::ListReport)),
        ("machine", schema_for!(weights::raw::Machine)),
        ("manifest", schema_for!(manifest::Envelope)),
        ("manifest-statement", schema_for!(manifest::Statement)),
        ("matrix", schema_for!(ci::Matrix)),
        ("parameters", schema_for!(diff::ParametersReport)),
        ("post", schema_for!(ci::PostReport)),
        ("proposal", schema_for!(proposal::Proposal)),
        ("call-proposal", schema_for!(proposal::CallProposal)),
        ("network-proposal", schema_for!(network_proposal::NetworkProposal)),
        ("keys", schema_for!(keys::KeysReport)),
        ("public-keys", schema_for!(signers::PublicKeys)),
        ("raw-database", schema_for!(weights::constants::Database)),
        ("raw-overhead", schema_for!(weights::constants::Overhead)),
        ("raw-weights", schema_for!(weights::raw::RawResults)),
        ("explanation", schema_for!(explanation::CallExplanation)),
        ("referendum-verification", schema_for!(referendum::ReferendumVerification)),
        ("rehearsal", schema_for!(rehearse::RehearsalReport)),
        ("diagnosis", schema_for!(support::Diagnosis)),
        ("repair", schema_for!(support::RepairReport)),
        ("support-task", schema_for!(support::TaskReport)),
        ("xcm-explanation", schema_for!(xcm::Explanation)),
        ("release", schema_for!(release::Record)),
        ("release-plan", schema_for!(release::PlanReport)),
        ("release-prepare", schema_for!(release::PrepareReport)),
        ("release-prepare-dry-run", schema_for!(release::PrepareDryRunReport)),
        ("release-publish", schema_for!(release::PublishReport)),
        ("release-sign", schema_for!(release::SignReport)),
        ("setup", schema_for!(workspace::SetupReport)),
        ("sign", schema_for!(verify::Signed)),
        ("sign-message", schema_for!(verify::Message)),
        ("signers", schema_for!(signers::RootFile)),
        ("signers-summary", schema_for!(signers::RootSummary)),
        ("snapshot", schema_for!(snapshot::LiveSnapshot)),
        ("snapshot-genesis", schema_for!(snapshot::GenesisSnapshot)),
        ("snapshot-prune", schema_for!(snapshot::Pruned)),
        ("state", schema_for!(inspect::StateSummary)),
        ("step", step::Step::schema()),
        ("upgrade", schema_for!(upgrade::UpgradeReport)),
        ("verify", schema_for!(verify::Verification)),
        ("verify-build", schema_for!(rebuild::VerifyBuildReport)),
        ("weight-files", schema_for!(weights::Rendered)),
        ("workers", schema_for!(prebuilt::WorkersManifest)),
        ("weights", schema_for!(weights::check::Report)),
        ("weights-checks", schema_for!(weights::check::Checks)),
        ("weights-comparison", schema_for!(weights::compare::Comparison)),
    ]
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    let mut names = BTreeSet::new();
    for (name, schema) in schemas() {
        let path = directory.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::create_dir_all(&directory).expect("the directory");
            fs::write(&path, &text).expect("written");
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(published, text, "docs/schema/{name}.json is outdated: UPDATE_SCHEMAS=1 regenerates it");
        names.insert(path.file_name().map(ToOwned::to_owned));
    }
    for entry in fs::read_dir(&directory).expect("listed") {
        let name = entry.expect("an entry").file_name();
        assert!(names.contains(&Some(name.clone())), "docs/schema/{} belongs to no document", name.display());
    }
}
