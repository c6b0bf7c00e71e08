// SPDX-License-Identifier: Apache-2.0
//! The digest of a build, in the format of srtool, which other tools and release processes read.
//!
//! It has the same fields and two intended differences. The hashes at the top are those of the
//! deployed file: the compressed one, if there is one. The hash to authorize an upgrade is that of
//! the call `system.authorize_upgrade`, with the indices of the runtime's own metadata.

use artifact::{
    Blob, Metadata,
    code_hashes::{Hashes, SystemCalls},
    hashes::blake2_256,
    version_of,
};
use protocol::{
    build::{
        BuildDigest, Compression, CoreVersion, DigestInfo, DigestedContext, DigestedImage, DigestedRuntime,
        DigestedRuntimes, Generator, GitRevision, SubwasmFacts,
    },
    inspect::{DigestContext, DigestFiles},
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// The value of srtool's field `src`.
const SOURCE: &str = "git";

/// Returns the digest of a build.
///
/// Fails if the two files contain different Wasm.
pub fn digest(files: &DigestFiles, context: &DigestContext) -> Result<BuildDigest> {
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
    // Both files contain the same Wasm.
    let name = deployed_path.display().to_string();
    let version = version_of(&name, deployed)?;
    let metadata = Metadata::read(&name, deployed)?;
    let calls = SystemCalls::of(&metadata.pallets);
    let core_version = CoreVersion {
        spec_name: version.spec_name,
        impl_name: version.impl_name,
        authoring_version: version.authoring_version,
        spec_version: version.spec_version,
        impl_version: version.impl_version,
        apis: version.apis.into_iter().map(|api| (api.id, api.version)).collect(),
        transaction_version: version.transaction_version,
        state_version: version.state_version,
    };
    let entry = |file: &Option<(PathBuf, Blob)>| {
        let file = file.as_ref();
        file.map(|(path, blob)| runtime(path, blob, &calls, metadata.version, &core_version, context))
    };
    let hashes = Hashes::of(&deployed.deployed, &calls);
    let (set_code_hash, authorize_hash) = call_hashes(&hashes);
    let generator = env!("CARGO_PKG_VERSION");
    let DigestContext { package, version, runtime_dir, rustc, profile, timestamp, .. } = context.clone();
    let DigestContext { commit, tag, branch, image, image_tag, .. } = context.clone();
    Ok(BuildDigest {
        generator: format!("cutover v{generator}"),
        src: SOURCE.to_owned(),
        version: version.clone(),
        commit: commit.clone(),
        tag: tag.clone(),
        branch: branch.clone(),
        rustc: rustc.clone(),
        pkg: package.clone(),
        tmsp: timestamp,
        size: deployed.deployed.len().to_string(),
        prop: set_code_hash,
        authorize_upgrade_prop: authorize_hash,
        blake2_256: hex::encode_prefixed(hashes.blake2_256),
        ipfs: hashes.ipfs_cid,
        sha256: hex::encode_prefixed(hashes.sha256),
        wasm: name,
        info: DigestInfo {
            generator: Generator { name: "cutover".to_owned(), version: generator.to_owned() },
            src: SOURCE.to_owned(),
            version,
            git: GitRevision { commit, tag, branch },
            rustc,
            pkg: package.clone(),
            profile: profile.clone(),
        },
        context: DigestedContext { package, runtime_dir, docker: DigestedImage { image, tag: image_tag }, profile },
        runtimes: DigestedRuntimes { compact: entry(&compact), compressed: entry(&compressed) },
    })
}

/// Returns the facts of one file.
fn runtime(
    path: &Path,
    blob: &Blob,
    calls: &SystemCalls,
    metadata_version: u32,
    core_version: &CoreVersion,
    context: &DigestContext,
) -> DigestedRuntime {
    let hashes = Hashes::of(&blob.deployed, calls);
    let (set_code_hash, authorize_hash) = call_hashes(&hashes);
    let blake2_256 = hex::encode_prefixed(hashes.blake2_256);
    DigestedRuntime {
        tmsp: context.timestamp.clone(),
        size: blob.deployed.len().to_string(),
        prop: set_code_hash.clone(),
        authorize_upgrade_prop: authorize_hash.clone(),
        blake2_256: blake2_256.clone(),
        ipfs: hashes.ipfs_cid.clone(),
        sha256: hex::encode_prefixed(hashes.sha256),
        wasm: path.display().to_string(),
        subwasm: SubwasmFacts {
            size: blob.deployed.len(),
            compression: Compression {
                size_compressed: blob.deployed.len(),
                size_decompressed: blob.wasm.len(),
                compressed: blob.compressed,
            },
            reserved_meta: *b"meta",
            reserved_meta_valid: true,
            metadata_version,
            core_version: core_version.clone(),
            proposal_hash: set_code_hash,
            parachain_authorize_upgrade_hash: authorize_hash,
            ipfs_hash: hashes.ipfs_cid,
            blake2_256,
        },
    }
}

/// Returns the hashes of the calls `set_code` and `authorize_upgrade`, in hex.
fn call_hashes(hashes: &Hashes) -> (String, String) {
    (hex::encode_prefixed(hashes.set_code), hex::encode_prefixed(blake2_256(&hashes.authorize_upgrade_call)))
}

fn read(path: Option<&Path>) -> Result<Option<(PathBuf, Blob)>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = files::read_bounded(path, artifact::blob::FILE_LIMIT)?;
    Ok(Some((path.to_owned(), Blob::parse(&path.display().to_string(), bytes)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_at_the_top_are_of_the_deployed_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        let compact = directory.path().join("r.compact.wasm");
        let compressed = directory.path().join("r.compact.compressed.wasm");
        files::write_whole(&compact, &blob.wasm).expect("written");
        files::write_whole(&compressed, &blob.deployed).expect("written");
        let files = DigestFiles { compact: Some(compact.clone()), compressed: Some(compressed.clone()) };
        let context = DigestContext { package: "r".into(), profile: "production".into(), ..Default::default() };
        let digest = serde_json::json!(digest(&files, &context).expect("made"));

        let deployed = hex::encode_prefixed(blake2_256(&blob.deployed));
        assert_eq!(digest["blake2_256"], deployed.as_str());
        assert_eq!(digest["size"], blob.deployed.len().to_string());
        assert_eq!(digest["wasm"], compressed.display().to_string());
        assert_eq!(digest["runtimes"]["compressed"]["subwasm"]["blake2_256"], deployed.as_str());
        assert_eq!(digest["runtimes"]["compact"]["blake2_256"], hex::encode_prefixed(blake2_256(&blob.wasm)));
        assert_eq!(digest["runtimes"]["compact"]["subwasm"]["compression"]["compressed"], false);
        assert_eq!(digest["runtimes"]["compressed"]["subwasm"]["core_version"]["specVersion"], 7);
        assert_eq!(
            digest["runtimes"]["compressed"]["subwasm"]["reserved_meta"],
            serde_json::json!([109, 101, 116, 97])
        );
        // In this runtime's metadata, System has the index 5.
        let call = [&[5u8, 9][..], &blake2_256(&blob.deployed)].concat();
        assert_eq!(digest["authorize_upgrade_prop"], hex::encode_prefixed(blake2_256(&call)));
        assert_eq!(digest["info"]["generator"]["name"], "cutover");

        let failure =
            super::digest(&DigestFiles { compressed: Some(compact), compact: None }, &context).expect_err("refused");
        assert!(failure.message.contains("is not compressed"), "{failure}");
    }

    #[test]
    fn files_of_two_builds_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let compact = directory.path().join("r.compact.wasm");
        let compressed = directory.path().join("r.compact.compressed.wasm");
        files::write_whole(&compact, &test_runtime::wasm(false)).expect("written");
        files::write_whole(&compressed, &test_runtime::deployed()).expect("written");
        let files = DigestFiles { compact: Some(compact), compressed: Some(compressed) };
        let failure = digest(&files, &DigestContext::default()).expect_err("refused");
        assert!(failure.message.contains("not the same runtime"), "{failure}");
    }
}
