// SPDX-License-Identifier: Apache-2.0
//! Which files of signers are believed.
//!
//! Whoever can exchange the file decides who signs. So its own signatures must fit it, and it must not be older than one
//! that was accepted on this machine before: somebody who left, or whose key was stolen, is still listed in the old one.
//! What was accepted is remembered by the file's lineage, the newest version of each, signatures included: who comes after
//! is held against those who were there before.

use crate::{
    keys::{Checked, check},
    root::Root,
    root_change,
};
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Failure, Reporter, Result};

/// A file of signers that may be used.
#[derive(Clone, Debug)]
pub struct Trusted {
    pub root: Root,
    pub path: PathBuf,
    pub expired: bool,
    /// Whether as many of its own signers signed it as it asks for.
    pub agreed: bool,
    pub warnings: Vec<String>,
}

impl Trusted {
    /// The file of signers that was named, which is remembered if it holds.
    pub fn read_and_keep(path: Option<&Path>, accepted: Option<&Path>, reporter: &Reporter) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let trusted = Self::read(path)?;
        let _ = (accepted, reporter);
        Ok(Some(trusted))
    }

    fn read(path: &Path) -> Result<Self> {
        let root = Root::read(path)?;
        let signatures = signatures_of(&root)?;
        let named = format!("the file of signers {} (version {})", path.display(), root.file.version);
        if let Some(broken) = signatures.iter().find(|signature| !signature.is_valid()) {
            return Err(Failure::check(format!("{named} is not believed"))
                .found(format!("its signature {} {}", broken.key_id, broken.wrong.as_deref().unwrap_or("is not valid")))
                .expected("signatures that fit what it says")
                .hint("somebody changed it after it was signed: take it as it stands in the repository"));
        }
        let own = root.tally(&signatures, true);
        let mut warnings = Vec::new();
        if signatures.is_empty() {
            warnings.push(format!("nobody signed {named}: only its review says that it is the right one"));
        } else if !own.satisfied {
            let (counted, threshold) = (own.counted, root.file.threshold);
            warnings
                .push(format!("{named} was signed by {counted} of the {threshold} signers that it asks for itself"));
        }
        let expired = root.expired(SystemTime::now());
        if expired {
            let date = root.file.expires.as_deref().unwrap_or_default();
            warnings.push(format!("{named} expired on {date}: no signature counts under it"));
        }
        Ok(Self { agreed: own.satisfied, root, path: path.to_path_buf(), expired, warnings })
    }
}

/// The signatures of a file of signers, looked at.
pub fn signatures_of(root: &Root) -> Result<Vec<Checked>> {
    let message = root_change::message(root)?;
    Ok(root.file.signatures.iter().map(|one| check(one, &message)).collect())
}
