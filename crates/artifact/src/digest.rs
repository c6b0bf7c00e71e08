// SPDX-License-Identifier: Apache-2.0
//! The document that srtool writes about a build, which other tools and release processes read.
//!
//! Same fields, two differences on purpose. The hashes at the top are those of the file that is deployed: the
//! compressed one, where there is one. And the hash to authorize an upgrade is that of a call that today's chains have
//! (`system.authorize_upgrade`), with the indices of the runtime's own metadata.

use crate::{
    Blob, Metadata,
    hashes::{Hashes, SystemCalls, blake2_256},
    inspect::version_of,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// What is known of a build beside its blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildContext {
    pub package: String,
    /// The package's own version.
    pub version: String,
    pub runtime_dir: String,
    /// As `rustc --version` says it.
    pub rustc: String,
    pub profile: String,
    /// RFC 3339.
    pub timestamp: String,
    #[serde(default)]
    pub commit: Option<String>,
    #[serde(default)]
    pub tag: Option<String>,
    #[serde(default)]
    pub branch: Option<String>,
    /// The image that built it, where one did.
    #[serde(default)]
    pub image: Option<String>,
    #[serde(default)]
    pub image_tag: Option<String>,
}

/// The files of one build. Their names are written into the document as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    #[serde(default)]
    pub compact: Option<PathBuf>,
    #[serde(default)]
    pub compressed: Option<PathBuf>,
}

/// Builds the document.
pub fn digest(files: &Files, context: &BuildContext) -> Result<Value> {
    let compact = read(files.compact.as_deref())?;
    let compressed = read(files.compressed.as_deref())?;
    if let (Some((path, compact)), Some((other, compressed))) = (&compact, &compressed)
        && compact.wasm != compressed.wasm
    {
        return Err(Failure::input(format!("{} and {} are not the same runtime", path.display(), other.display()))
            .found("different Wasm in the two files")
            .expected("the two files of one build"));
    }
    if let Some((path, blob)) = &compressed
        && !blob.compressed
    {
        return Err(Failure::input(format!("{} is not compressed", path.display()))
            .found("plain Wasm")
            .expected("the *.compact.compressed.wasm file of the build"));
    }
    let Some((deployed_path, deployed)) = compressed.as_ref().or(compact.as_ref()) else {
        return Err(Failure::usage("a digest needs at least one blob"));
    };
    // Both files hold the same Wasm: it is asked once.
    let name = deployed_path.display().to_string();
    let version = version_of(&name, deployed)?;
    let metadata = Metadata::read(&name, deployed)?;
    let calls = SystemCalls::of(&metadata.pallets);
    let core_version = json!({
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": version.apis.iter().map(|api| json!([api.id, api.version])).collect::<Vec<_>>(),
        "transactionVersion": version.transaction_version,
        "stateVersion": version.state_version,
    });
    let entry = |path: &Path, blob: &Blob| runtime(path, blob, &calls, metadata.version, &core_version, context);

    let hashes = Hashes::of(&deployed.deployed, &calls);
    let (set_code_hash, authorize_hash) = call_hashes(&hashes);
    let mut runtimes = serde_json::Map::new();
    for (key, file) in [("compact", &compact), ("compressed", &compressed)] {
        if let Some((path, blob)) = file {
            runtimes.insert(key.into(), entry(path, blob));
        }
    }
    let generator = env!("CARGO_PKG_VERSION");
    Ok(json!({
        "gen": format!("cutover v{generator}"),
        "src": "git",
        "version": context.version,
        "commit": context.commit,
        "tag": context.tag,
        "branch": context.branch,
        "rustc": context.rustc,
        "pkg": context.package,
        "tmsp": context.timestamp,
        "size": deployed.deployed.len().to_string(),
        "prop": set_code_hash,
        "authorize_upgrade_prop": authorize_hash,
        "blake2_256": hex::encode_prefixed(hashes.blake2_256),
        "ipfs": hashes.ipfs_cid,
        "sha256": hex::encode_prefixed(hashes.sha256),
        "wasm": name,
        "info": {
            "generator": {"name": "cutover", "version": generator},
            "src": "git",
            "version": context.version,
            "git": {"commit": context.commit, "tag": context.tag, "branch": context.branch},
            "rustc": context.rustc,
            "pkg": context.package,
            "profile": context.profile,
        },
        "context": {
            "package": context.package,
            "runtime_dir": context.runtime_dir,
            "docker": {"image": context.image, "tag": context.image_tag},
            "profile": context.profile,
        },
        "runtimes": runtimes,
    }))
}

fn runtime(
    path: &Path,
    blob: &Blob,
    calls: &SystemCalls,
    metadata_version: u32,
    core_version: &Value,
    context: &BuildContext,
) -> Value {
    let hashes = Hashes::of(&blob.deployed, calls);
    let (set_code_hash, authorize_hash) = call_hashes(&hashes);
    json!({
        "tmsp": context.timestamp,
        "size": blob.deployed.len().to_string(),
        "prop": set_code_hash,
        "authorize_upgrade_prop": authorize_hash,
        "blake2_256": hex::encode_prefixed(hashes.blake2_256),
        "ipfs": hashes.ipfs_cid,
        "sha256": hex::encode_prefixed(hashes.sha256),
        "wasm": path.display().to_string(),
        "subwasm": {
            "size": blob.deployed.len(),
            "compression": {
                "size_compressed": blob.deployed.len(),
                "size_decompressed": blob.wasm.len(),
                "compressed": blob.compressed,
            },
            "reserved_meta": b"meta",
            "reserved_meta_valid": true,
            "metadata_version": metadata_version,
            "core_version": core_version,
            "proposal_hash": set_code_hash,
            "parachain_authorize_upgrade_hash": authorize_hash,
            "ipfs_hash": hashes.ipfs_cid,
            "blake2_256": hex::encode_prefixed(hashes.blake2_256),
        },
    })
}

/// The hashes of the two calls.
fn call_hashes(hashes: &Hashes) -> (String, String) {
    (hex::encode_prefixed(hashes.set_code), hex::encode_prefixed(blake2_256(&hashes.authorize_upgrade_call)))
}

fn read(path: Option<&Path>) -> Result<Option<(PathBuf, Blob)>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = files::read_bounded(path, crate::blob::FILE_LIMIT)?;
    Ok(Some((path.to_owned(), Blob::parse(&path.display().to_string(), bytes)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_runtime;

    #[test]
    fn the_deployed_file_is_the_one_at_the_top() {
        let directory = tempfile::tempdir().expect("a directory");
        let blob = test_runtime::blob();
        let compact = directory.path().join("r.compact.wasm");
        let compressed = directory.path().join("r.compact.compressed.wasm");
        files::write_whole(&compact, &blob.wasm).expect("written");
        files::write_whole(&compressed, &blob.deployed).expect("written");
        let files = Files { compact: Some(compact.clone()), compressed: Some(compressed.clone()) };
        let context = BuildContext { package: "r".into(), profile: "production".into(), ..Default::default() };
        let digest = digest(&files, &context).expect("made");

        let deployed = hex::encode_prefixed(blake2_256(&blob.deployed));
        assert_eq!(digest["blake2_256"], deployed.as_str());
        assert_eq!(digest["size"], blob.deployed.len().to_string());
        assert_eq!(digest["wasm"], compressed.display().to_string());
        assert_eq!(digest["runtimes"]["compressed"]["subwasm"]["blake2_256"], deployed.as_str());
        assert_eq!(digest["runtimes"]["compact"]["blake2_256"], hex::encode_prefixed(blake2_256(&blob.wasm)));
        assert_eq!(digest["runtimes"]["compact"]["subwasm"]["compression"]["compressed"], false);
        assert_eq!(digest["runtimes"]["compressed"]["subwasm"]["core_version"]["specVersion"], 7);
        assert_eq!(digest["runtimes"]["compressed"]["subwasm"]["reserved_meta"], json!([109, 101, 116, 97]));
        // The metadata puts System at 5: these are hashes of calls that this very runtime understands.
        let call = [&[5u8, 9][..], &blake2_256(&blob.deployed)].concat();
        assert_eq!(digest["authorize_upgrade_prop"], hex::encode_prefixed(blake2_256(&call)));
        assert_eq!(digest["info"]["generator"]["name"], "cutover");

        let failure =
            super::digest(&Files { compressed: Some(compact), compact: None }, &context).expect_err("refused");
        assert!(failure.message.contains("is not compressed"), "{failure}");
    }

    #[test]
    fn files_of_two_builds_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let compact = directory.path().join("r.compact.wasm");
        let compressed = directory.path().join("r.compact.compressed.wasm");
        files::write_whole(&compact, &test_runtime::wasm(false)).expect("written");
        files::write_whole(&compressed, &test_runtime::blob().deployed).expect("written");
        let files = Files { compact: Some(compact), compressed: Some(compressed) };
        let failure = digest(&files, &BuildContext::default()).expect_err("refused");
        assert!(failure.message.contains("not the same runtime"), "{failure}");
    }
}
