// SPDX-License-Identifier: Apache-2.0
//! Checks a bundle that came from anywhere: its files, its steps, its signatures, and whether enough signers agreed.

use crate::{
    MANIFEST, bundle,
    digest::Digests,
    envelope::Manifest,
    keys::{self, Checked, KeyType},
    root::Root,
    statement::{Predicate, SubjectDigest, check_blobs},
    step::{self, Step, Verdict},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Kind, Outcome, Reporter, Result};

#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    pub bundle: PathBuf,
    /// Whether everything below is well.
    pub verdict: Verdict,
    pub subjects: Vec<SubjectCheck>,
    pub signatures: Vec<SignatureCheck>,
    /// How many distinct signers it takes; unknown without a root.
    pub threshold: Option<u32>,
    /// Whether that many of the root's signers signed.
    pub satisfied: bool,
    pub root: RootUsed,
    /// What the manifest states, to rebuild by. Only worth something if the rest is well.
    pub predicate: Option<Predicate>,
    /// Filled in by whoever rebuilds.
    pub rebuilt: Option<serde_json::Value>,
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A file of the bundle, or one that should be there.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectCheck {
    pub name: String,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digests found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake2_256: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SignatureCheck {
    /// The name that the root gives to the key.
    pub signer: Option<String>,
    pub key_type: Option<KeyType>,
    pub key_id: String,
    /// Whether the key made this signature of this manifest.
    pub valid: bool,
    /// Whether it counts towards the threshold.
    pub counted: bool,
    pub throw_away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RootUsed {
    pub source: RootSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RootSource {
    File,
    /// The key that the bundle brings along.
    ThrowAway,
    None,
}

/// Verifies a bundle. A bundle that fails is an outcome; a bundle that is not there is an error.
pub fn verify(bundle: &Path, root: Option<&Path>, reporter: &Reporter) -> Result<Outcome<Verification>> {
    let given = root.map(Root::read).transpose()?;
    let manifest_path = bundle.join(MANIFEST);
    let mut subjects = Vec::new();
    let mut manifest = None;
    match Manifest::read(&manifest_path) {
        Ok(read) => {
            subjects = check_files(bundle, &read, reporter)?;
            manifest = Some(read);
        }
        // A manifest that is there and is none was damaged: that is a finding, not a mistake of who runs this.
        Err(failure) if failure.kind == Kind::Input && std::fs::symlink_metadata(&manifest_path).is_ok() => {
            subjects.push(SubjectCheck::wrong(MANIFEST, failure.to_string()));
        }
        Err(failure) => return Err(failure),
    }

    let signatures = manifest.as_ref().map(check_signatures).unwrap_or_default();
    let root = match &given {
        Some(_) => given,
        None => Root::of_throw_away(&signatures),
    };
    let mut verification = count(&signatures, root.as_ref(), SystemTime::now());
    verification.bundle = bundle.to_path_buf();
    if let (RootSource::File, Some(path)) = (verification.root.source, root_path(root.as_ref(), given_path(root_arg(root.as_ref())))) {
        verification.root.path = Some(path);
    }
    verification.subjects = subjects;
    verification.predicate = manifest.map(|manifest| manifest.statement.predicate);
    Ok(verification.conclude())
}
