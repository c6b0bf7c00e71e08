// SPDX-License-Identifier: Apache-2.0
//! What names codes: bundles, digests of builds, and blobs.

use super::super::{bundle_directory, utf8, verify, verify_build};
use crate::cli;
use console::printer::Task;
use protocol::{
    inspect::{Request, RuntimeFacts},
    referendum::{ClaimKind, CodeClaim},
    verify::Verification,
};
use std::path::{Path, PathBuf};
use worker::Result;
use workers::Worker;
use workspace::{context::Context, inputs::file_digest};

/// Everything that names codes.
#[derive(Debug, Default)]
pub struct Claims {
    pub claims: Vec<CodeClaim>,
    /// The bundles, each verified.
    pub bundles: Vec<Verification>,
    /// The blobs that are at hand, with their hashes. Each is there once.
    pub blobs: Vec<(PathBuf, String)>,
}

/// Reads the claims that the command line names, and the blob of the bundle that the proposal is in.
pub fn read(
    context: &Context,
    options: &cli::VerifyReferendum,
    own: Option<&Path>,
    root: Option<&Path>,
    (task, log): (&Task, &Path),
) -> Result<Claims> {
    let mut found = Claims::default();
    for directory in &options.bundle {
        let verified = verify::verify(context, bundle_directory(directory)?, root, task, log)?.value;
        found.bundle(directory, &verified)?;
        found.bundles.push(verified);
    }
    for path in &options.digest {
        let verify_build::Expected { blake2_256, source, digest } = verify_build::read_digest(path)?;
        let digest = digest.unwrap_or_default();
        found.claims.push(CodeClaim {
            kind: ClaimKind::Digest,
            name: path.display().to_string(),
            blake2_256: blake2_256.clone(),
            package: digest.package,
            spec_name: digest.spec_name,
            spec_version: digest.spec_version,
            commit: digest.commit,
        });
        // The blob beside the digest has the hash that the digest states.
        if let Some(source) = source {
            found.blob(PathBuf::from(source), blake2_256);
        }
    }
    for path in own.into_iter().chain(options.blob.iter().map(PathBuf::as_path)) {
        let request = Request::Inspect { source: utf8(path)?.parse()?, metadata: false, token: None };
        let facts: RuntimeFacts = workers::ask(context, Worker::Inspect, &request, task, log)?.value;
        found.claims.push(CodeClaim {
            kind: ClaimKind::Blob,
            name: path.display().to_string(),
            blake2_256: facts.blake2_256.clone(),
            package: None,
            spec_name: Some(facts.spec_name),
            spec_version: Some(facts.spec_version),
            commit: None,
        });
        found.blob(path.to_owned(), facts.blake2_256);
    }
    Ok(found)
}

impl Claims {
    /// Adds the runtimes of a bundle. What a damaged bundle states is no claim.
    fn bundle(&mut self, directory: &Path, verified: &Verification) -> Result<()> {
        let Some(predicate) = verified.predicate.as_ref().filter(|_| verified.integrity) else { return Ok(()) };
        for shipped in &predicate.runtimes {
            let path = directory.join(&shipped.file);
            self.claims.push(CodeClaim {
                kind: ClaimKind::Bundle,
                name: path.display().to_string(),
                blake2_256: shipped.blake2_256.clone(),
                package: shipped.package.clone(),
                spec_name: shipped.spec_name.clone(),
                spec_version: shipped.spec_version,
                commit: predicate.source.commit.clone(),
            });
            // The bundle may have changed since it was verified.
            if file_digest(&path)? == shipped.blake2_256 {
                self.blob(path, shipped.blake2_256.clone());
            }
        }
        Ok(())
    }

    fn blob(&mut self, path: PathBuf, hash: String) {
        if self.blobs.iter().all(|(_, known)| *known != hash) {
            self.blobs.push((path, hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        Verdict,
        manifest::{Predicate, RuntimeBlob, SourceIdentity, ToolVersions},
    };

    fn verified(directory: &Path, integrity: bool) -> Verification {
        let hash = file_digest(&directory.join("solo.wasm")).expect("a digest");
        let runtimes = vec![RuntimeBlob {
            name: "solo".into(),
            file: "solo.wasm".into(),
            blake2_256: hash,
            sha256: String::new(),
            package: Some("solo-runtime".into()),
            spec_name: Some("solo".into()),
            spec_version: Some(2),
        }];
        let predicate = Predicate {
            verdict: Verdict::Pass,
            steps: Vec::new(),
            runtimes,
            source: SourceIdentity::default(),
            chain: None,
            versions: ToolVersions::default(),
            previous: None,
        };
        Verification { integrity, predicate: Some(predicate), ..Verification::default() }
    }

    #[test]
    fn only_an_undamaged_bundle_names_codes() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("solo.wasm"), b"code").expect("written");
        for (integrity, count) in [(true, 1), (false, 0)] {
            let mut found = Claims::default();
            found.bundle(directory.path(), &verified(directory.path(), integrity)).expect("read");
            assert_eq!((found.claims.len(), found.blobs.len()), (count, count), "{found:?}");
            assert!(found.claims.iter().all(|claim| claim.spec_name.as_deref() == Some("solo")));
        }
    }

    #[test]
    fn a_blob_is_there_once() {
        let mut found = Claims::default();
        for (path, hash) in [("a.wasm", "0x01"), ("b.wasm", "0x01"), ("c.wasm", "0x02")] {
            found.blob(path.into(), hash.into());
        }
        let paths: Vec<_> = found.blobs.iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(paths, ["a.wasm", "c.wasm"]);
    }
}
