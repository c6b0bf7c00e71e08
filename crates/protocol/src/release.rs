// SPDX-License-Identifier: Apache-2.0
//! The documents of releases: the plan, the record of a prepared release, and what the commands of
//! `release` print.

use crate::{
    Pace, Verdict, format,
    upgrade::{ProposalSummary, SigningSummary},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the documents that the commands of `release` print.
pub const VERSION: u32 = 1;

/// A part of a network. Each part has its own tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Relay chains and solo chains.
    #[default]
    Relay,
    /// Parachains.
    Parachains,
}

impl Group {
    /// Returns the name in documents and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Parachains => "parachains",
        }
    }
}

/// The facts of a release that are known before anything is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// The release's git tag.
    pub tag: String,
    /// The release's title on GitHub.
    pub title: String,
    /// The part of the network that is released. Null if parts are not released separately.
    pub group: Option<Group>,
    /// The highest spec_version of the released runtimes.
    #[serde(default)]
    pub spec_version: u32,
    /// The previous release. Null for the first release.
    pub last: Option<LastRelease>,
    /// The commit that is released: all hex digits.
    pub commit: String,
    /// Whether the work tree differs from the commit.
    pub dirty: bool,
    /// The changelog's path in the workspace. Null if there is no changelog.
    pub changelog: Option<String>,
    /// The heading of the changelog's section about this release. Null if there is no section.
    pub section: Option<String>,
    /// The latest commits since the previous release, newest first, without merges.
    #[serde(default)]
    pub commits: Vec<Commit>,
    /// The number of all commits since the previous release, with merges.
    #[serde(default)]
    pub commit_count: u64,
}

/// The previous release, found by its tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRelease {
    /// Its git tag.
    pub tag: String,
    /// The commit of the tag: all hex digits.
    pub commit: String,
    /// The spec_version that the tag states.
    pub spec_version: u32,
}

/// A commit of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// The first ten digits.
    pub hash: String,
    /// The first line of its message, at most 200 characters.
    pub subject: String,
}

/// What `release plan` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// 1, the version of this document.
    pub version: u32,
    /// The facts of the release.
    #[serde(flatten)]
    pub release: Release,
    /// The selected runtimes, whether they are released or not.
    pub runtimes: Vec<PlannedRuntime>,
    /// What somebody should look at. It does not stop the release.
    pub warnings: Vec<String>,
    /// The reasons why the release cannot be made.
    pub problems: Vec<String>,
    /// Fails if there are problems.
    pub verdict: Verdict,
}

impl PlanReport {
    /// Returns the report, which fails if there are problems.
    pub fn new(release: Release, runtimes: Vec<PlannedRuntime>, warnings: Vec<String>, problems: Vec<String>) -> Self {
        let verdict = problems.is_empty().into();
        Self { version: VERSION, release, runtimes, warnings, problems, verdict }
    }

    /// Returns whether the release can be made.
    pub fn passed(&self) -> bool {
        self.verdict.passed()
    }

    /// Returns the runtimes that are released.
    pub fn released(&self) -> impl Iterator<Item = &PlannedRuntime> {
        self.runtimes.iter().filter(|planned| planned.released)
    }
}

/// A runtime of the workspace, and whether it is released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRuntime {
    /// Its name in the workspace.
    pub name: String,
    /// Its cargo package.
    pub package: String,
    /// The part of the network that it belongs to.
    pub group: Group,
    /// The spec_version that its source states.
    pub spec_version: u32,
    /// The spec_version at the previous release. Null for the first release.
    pub last_spec_version: Option<u32>,
    /// Whether it is released.
    pub released: bool,
    /// Why it is released, or why not.
    pub reason: String,
    /// The number of commits since the previous release that changed the runtime's packages in the
    /// workspace.
    pub commits: u64,
    /// The number of files of these packages that changed since the previous release.
    pub files_changed: usize,
    /// The file name of the blob.
    pub asset: String,
    /// The variants of the blob, by name.
    pub variants: BTreeMap<String, PlannedVariant>,
}

/// A further blob of a runtime, which does not go on chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedVariant {
    /// The file name of the blob.
    pub asset: String,
    /// Exactly these features of the package.
    pub features: Vec<String>,
    /// `production`, `release` or `dev`. Left out for `production` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether there is no release without this variant.
    pub required: bool,
}

/// What `release prepare --dry-run` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrepareDryRunReport {
    /// The plan of the release.
    #[serde(flatten)]
    pub plan: PlanReport,
    /// Always true.
    pub dry_run: bool,
    /// The directory that the release would have.
    pub directory: String,
    /// The names of the files that would be written. Empty if the release cannot be made.
    pub files: Vec<String>,
}

/// A file of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Its file name.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// In hex digits, without 0x.
    pub sha256: String,
}

/// The record of a prepared release: `release.json`. The notes are rendered from it, and `release
/// publish` compares the other files with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The format of the document: `cutover/release/v1`.
    #[schemars(schema_with = "format::release")]
    pub format: String,
    /// The facts of the release.
    #[serde(flatten)]
    pub release: Release,
    /// The released runtimes.
    #[serde(default)]
    pub runtimes: Vec<ReleasedRuntime>,
    /// The warnings of the plan and of the builds.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The verdict of the plan.
    #[serde(default)]
    pub verdict: Verdict,
    /// The file of signers that the release was prepared with. Null without such a file.
    pub signers: Option<SignersFile>,
    /// The changelog's section about this release, in Markdown. Null if there is no section.
    pub section_text: Option<String>,
    /// The published files.
    pub assets: Vec<Asset>,
    /// The text of the release on GitHub.
    pub notes: Asset,
}

impl Record {
    /// Sets the signatures of the named runtimes' bundles.
    pub fn set_signing(&mut self, bundles: &[SignedBundle]) {
        for runtime in &mut self.runtimes {
            let signed = bundles.iter().find(|signed| signed.name == runtime.name);
            if let (Some(bundle), Some(signed)) = (&mut runtime.bundle, signed) {
                bundle.signing = signed.signing.clone();
            }
        }
    }
}

/// The file of signers that a release was prepared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignersFile {
    /// Its name.
    pub file: String,
    /// In hex digits, without 0x.
    pub sha256: String,
    /// The identifier that all versions of the file share. Null if the file has none.
    pub lineage: Option<String>,
}

/// A runtime of a prepared release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleasedRuntime {
    /// Its name in the workspace.
    pub name: String,
    /// Its cargo package.
    pub package: String,
    /// Always true.
    pub released: bool,
    /// Why it is released.
    pub reason: String,
    /// The file name of the blob.
    pub asset: String,
    /// The file name of the build digest.
    pub digest_asset: String,
    /// The spec_name of the blob's version.
    pub spec_name: String,
    /// The impl_name of the blob's version.
    pub impl_name: String,
    /// The spec_version of the blob's version.
    pub spec_version: u32,
    /// The impl_version of the blob's version.
    pub impl_version: u32,
    /// Null in older runtimes.
    pub transaction_version: Option<u32>,
    /// The authoring_version of the blob's version.
    pub authoring_version: u32,
    /// Null in older runtimes.
    pub state_version: Option<u8>,
    /// The spec_version at the previous release. Null for the first release.
    pub last_spec_version: Option<u32>,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The size of the blob after decompression, in bytes.
    pub size_decompressed: u64,
    /// The metadata versions that the runtime supports. Null if it was not executed.
    pub metadata_versions: Option<Vec<u32>>,
    /// The durations of slots, epochs and the like. Null if the runtime states none.
    pub pace: Option<Vec<Pace>>,
    /// The blob's BLAKE2b-256, `0x` and hex digits.
    pub blake2_256: String,
    /// The blob's SHA-256, `0x` and hex digits.
    pub sha256: String,
    /// The blob's content identifier in IPFS.
    pub ipfs_cid: String,
    /// The hash of the call `system.set_code` with the code.
    pub set_code_hash: String,
    /// The encoded call `system.authorize_upgrade` with the hash of the code. Null if the runtime
    /// has no such call.
    pub authorize_upgrade_call: Option<String>,
    /// The hash of that call.
    pub authorize_upgrade_hash: String,
    /// The compiler's version line.
    pub rustc: String,
    /// The engine that built the blob.
    pub engine: String,
    /// The container image, as requested. Null if the blob was built without an image.
    pub image: Option<String>,
    /// `sha256:` and hex. Null if the blob was built without an image.
    pub image_digest: Option<String>,
    /// The profile of the build: `production`, `release` or `dev`.
    pub profile: String,
    /// The features that the blob was built with.
    pub features: Vec<String>,
    /// The further blobs of the runtime.
    pub variants: Vec<ReleasedVariant>,
    /// The comparison with the previous runtime. Null if no previous runtime is known.
    pub compared: Option<PreviousComparison>,
    /// The bundle of the runtime's upgrade. Null if the upgrade was not rehearsed.
    pub bundle: Option<ReleasedBundle>,
}

/// A variant of a released runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReleasedVariant {
    /// A variant that was built.
    Built {
        /// How it was built.
        #[serde(flatten)]
        variant: VariantBuild,
        /// The file name of the blob.
        asset: String,
        /// The blob's BLAKE2b-256, `0x` and hex digits.
        blake2_256: String,
        /// The durations of slots, epochs and the like. Null if the runtime states none.
        pace: Option<Vec<Pace>>,
    },
    /// A variant whose build failed.
    Failed {
        /// How it was to be built.
        #[serde(flatten)]
        variant: VariantBuild,
        /// Always null.
        asset: (),
        /// Why the variant was not built.
        error: String,
    },
}

/// How a variant is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariantBuild {
    /// The variant's name.
    pub name: String,
    /// Exactly these features of the package.
    pub features: Vec<String>,
    /// The profile of the build: `production`, `release` or `dev`.
    pub profile: String,
    /// Whether there is no release without this variant.
    pub required: bool,
}

/// The comparison of a released runtime with the previous runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PreviousComparison {
    /// The runtimes were compared.
    Compared {
        /// The previous runtime.
        old: PreviousRuntime,
        /// The number of changes.
        changes: usize,
        /// The number of changed parameters.
        parameters: usize,
        /// The verdict of the rules of versions.
        verdict: Verdict,
        /// The name of the file with the changes.
        changes_asset: String,
        /// The name of the file with the changed parameters.
        parameters_asset: String,
    },
    /// The runtimes could not be compared.
    NotCompared {
        /// Why the runtimes cannot be compared.
        error: String,
    },
}

/// The runtime that a released runtime is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousRuntime {
    /// Its spec_name.
    pub spec_name: String,
    /// Its spec_version.
    pub spec_version: u32,
    /// Its blob's BLAKE2b-256, `0x` and hex digits.
    pub blake2_256: String,
}

/// The bundle of a released runtime's upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleasedBundle {
    /// The file name of the bundle's archive.
    pub asset: String,
    /// The spec_version of the state that the upgrade was rehearsed on.
    pub from_spec_version: u32,
    /// The verdict of the upgrade.
    pub verdict: Verdict,
    /// The signatures of the bundle.
    #[serde(flatten)]
    pub signing: SigningSummary,
    /// The calls that the bundle proposes.
    pub proposal: ProposalSummary,
}

/// What `release prepare` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrepareReport {
    /// 1, the version of this document.
    pub version: u32,
    /// The release's git tag.
    pub tag: String,
    /// The release's directory. Null if the release failed: it is then not written.
    pub directory: Option<String>,
    /// Whether an earlier run wrote the same files.
    pub unchanged: bool,
    /// The files of the release.
    pub assets: Vec<Asset>,
    /// The released runtimes.
    pub runtimes: Vec<ReleasedRuntime>,
    /// What somebody should look at. It does not stop the release.
    pub warnings: Vec<String>,
    /// The reasons why the release failed.
    pub problems: Vec<String>,
    /// Fails if there are problems.
    pub verdict: Verdict,
}

/// What `release sign` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignReport {
    /// 1, the version of this document.
    pub version: u32,
    /// The release's git tag.
    pub tag: String,
    /// The release's directory.
    pub directory: String,
    /// The bundles with their signatures.
    pub bundles: Vec<SignedBundle>,
    /// Whether all bundles have enough signatures.
    pub signed_off: bool,
}

/// The signatures of a runtime's bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedBundle {
    /// The runtime's name in the workspace.
    pub name: String,
    /// The signatures of the bundle.
    #[serde(flatten)]
    pub signing: SigningSummary,
}

/// What `release publish` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishReport {
    /// 1, the version of this document.
    pub version: u32,
    /// The release's git tag.
    pub tag: String,
    /// The state of the release on GitHub after the command.
    pub state: PublishState,
    /// The release's address on GitHub. Null in a dry run.
    pub url: Option<String>,
    /// Empty in a dry run.
    pub assets: Vec<PublishedAsset>,
    /// The signatures of each bundle.
    pub signatures: Vec<PublishedBundle>,
    /// Whether nothing was done on GitHub.
    pub dry_run: bool,
    /// The commands that would be run. Left out unless this is a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// The state of a release on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublishState {
    /// This is a dry run.
    #[serde(rename = "nothing was done")]
    NothingDone,
    /// A draft, which only the maintainers see.
    #[serde(rename = "draft")]
    Draft,
    /// This run published it.
    #[serde(rename = "published")]
    Published,
    /// An earlier run published it.
    #[serde(rename = "was published before")]
    PublishedBefore,
}

impl PublishState {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingDone => "nothing was done",
            Self::Draft => "draft",
            Self::Published => "published",
            Self::PublishedBefore => "was published before",
        }
    }
}

/// A file of a release on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedAsset {
    /// The file.
    #[serde(flatten)]
    pub asset: Asset,
    /// What was done with it.
    pub action: UploadAction,
}

/// What was done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UploadAction {
    /// An earlier run uploaded the same file.
    #[serde(rename = "there already")]
    AlreadyThere,
    /// The file was not there.
    #[serde(rename = "uploaded")]
    Uploaded,
    /// A different or incomplete file was there.
    #[serde(rename = "replaced")]
    Replaced,
}

impl UploadAction {
    /// Returns the name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::AlreadyThere => "there already",
            Self::Uploaded => "uploaded",
            Self::Replaced => "replaced",
        }
    }
}

/// The signatures of a runtime's bundle, counted before the release is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedBundle {
    /// The runtime's name in the workspace.
    pub name: String,
    /// One sentence.
    pub signatures: String,
    /// Whether enough signatures count.
    pub signed_off: bool,
}

impl From<&SignedBundle> for PublishedBundle {
    fn from(signed: &SignedBundle) -> Self {
        Self {
            name: signed.name.clone(),
            signatures: signed.signing.signatures.clone(),
            signed_off: signed.signing.signed_off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn signatures_are_set_by_the_name_of_the_runtime() {
        let runtime = |name: &str, bundle| ReleasedRuntime { name: name.into(), bundle, ..ReleasedRuntime::default() };
        let bundle = Some(ReleasedBundle::default());
        let mut record = Record {
            runtimes: vec![runtime("a", bundle.clone()), runtime("b", bundle), runtime("c", None)],
            ..Record::default()
        };
        let signing = SigningSummary { counted: 2, ..SigningSummary::default() };
        let signed = |name: &str| SignedBundle { name: name.into(), signing: signing.clone() };
        record.set_signing(&[signed("c"), signed("b")]);
        let counted = record.runtimes.iter().map(|one| one.bundle.as_ref().map(|bundle| bundle.signing.counted));
        assert_eq!(counted.collect::<Vec<_>>(), [Some(0), Some(2), None]);
    }

    /// Asserts that a document is read and written again without a change.
    fn expect_same<T: Serialize + serde::de::DeserializeOwned>(document: &Value) -> T {
        let read: T = serde_json::from_value(document.clone()).expect("the document is of this type");
        assert_eq!(serde_json::to_value(&read).expect("JSON"), *document);
        read
    }

    #[test]
    fn a_plan_keeps_its_null_fields_and_leaves_out_profiles() {
        let plan: PlanReport = expect_same(&json!({
            "version": 1, "tag": "v1.0.0", "title": "t", "group": null, "spec_version": 1_000_000, "last": null,
            "commit": "c", "dirty": false, "changelog": null, "section": null, "commits": [], "commit_count": 0,
            "runtimes": [{
                "name": "solo", "package": "solo-runtime", "group": "parachains", "spec_version": 1_000_000,
                "last_spec_version": null, "released": true, "reason": "r", "commits": 0, "files_changed": 0,
                "asset": "solo.wasm", "variants": {"fast": {"asset": "f.wasm", "features": ["x"], "required": false}},
            }],
            "warnings": [], "problems": [], "verdict": "pass",
        }));
        assert_eq!((plan.passed(), plan.released().count()), (true, 1));
    }

    #[test]
    fn a_record_keeps_the_form_of_each_variant_comparison_and_bundle() {
        let runtime = |name: &str, variants: Value, compared: Value, bundle: Value| {
            json!({
                "name": name, "package": "p", "released": true, "reason": "r", "asset": "a.wasm", "digest_asset": "d",
                "spec_name": "s", "impl_name": "i", "spec_version": 2, "impl_version": 0, "transaction_version": null,
                "authoring_version": 1, "state_version": 1, "last_spec_version": 1, "size": 3, "size_decompressed": 4,
                "metadata_versions": [14, 15], "pace": null, "blake2_256": "0x01", "sha256": "0x02", "ipfs_cid": "Qm",
                "set_code_hash": "0x03", "authorize_upgrade_call": null, "authorize_upgrade_hash": "0x04",
                "rustc": "rustc 1", "engine": "host", "image": null, "image_digest": null, "profile": "production",
                "features": ["x"], "variants": variants, "compared": compared, "bundle": bundle,
            })
        };
        let pace = json!([{"constant": "Babe.EpochDuration", "told": "20 slots", "milliseconds": null}]);
        let common = |mut variant: Value, name: &str| {
            for (key, value) in [("name", json!(name)), ("features", json!(["x"])), ("required", json!(false))] {
                variant[key] = value;
            }
            variant["profile"] = json!("production");
            variant
        };
        let variants = json!([
            common(json!({"asset": "f.wasm", "blake2_256": "0x05", "pace": pace}), "fast"),
            common(json!({"asset": "g.wasm", "blake2_256": "0x06", "pace": null}), "trace"),
            common(json!({"asset": null, "error": "no such feature"}), "broken"),
        ]);
        let compared = json!({
            "old": {"spec_name": "s", "spec_version": 1, "blake2_256": "0x00"}, "changes": 2, "parameters": 0,
            "verdict": "pass_with_hazards", "changes_asset": "c.json", "parameters_asset": "p.md",
        });
        let bundle = json!({
            "asset": "b.tar", "from_spec_version": 1, "verdict": "pass", "signatures": "1 of 2", "signed_off": false,
            "needed": 2, "counted": 1, "missing": ["bob"], "proposal": {"route": "sudo", "hash": "0x07"},
        });
        let asset = json!({"name": "SHA256SUMS", "size": 1, "sha256": "aa"});
        let record: Record = expect_same(&json!({
            "format": format::RELEASE, "tag": "v1.0.0", "title": "t", "group": "relay", "spec_version": 2,
            "last": {"tag": "v0.9.0", "commit": "b", "spec_version": 1}, "commit": "c", "dirty": false,
            "changelog": "CHANGELOG.md", "section": "1.0.0", "section_text": "- a",
            "commits": [{"hash": "0123456789", "subject": "s"}], "commit_count": 1,
            "runtimes": [
                runtime("one", variants, compared, bundle),
                runtime("two", json!([]), json!({"error": "old metadata"}), Value::Null),
                runtime("three", json!([]), Value::Null, Value::Null),
            ],
            "warnings": ["w"], "verdict": "pass", "signers": {"file": "f", "sha256": "bb", "lineage": null},
            "assets": [asset], "notes": asset,
        }));
        let built = |variant: &ReleasedVariant| matches!(variant, ReleasedVariant::Built { .. });
        assert_eq!(record.runtimes[0].variants.iter().map(built).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn names_are_those_of_documents() {
        for group in [Group::Relay, Group::Parachains] {
            assert_eq!(json!(group), group.name());
        }
        for state in
            [PublishState::NothingDone, PublishState::Draft, PublishState::Published, PublishState::PublishedBefore]
        {
            assert_eq!(json!(state), state.name());
        }
        for action in [UploadAction::AlreadyThere, UploadAction::Uploaded, UploadAction::Replaced] {
            assert_eq!(json!(action), action.name());
        }
    }
}
