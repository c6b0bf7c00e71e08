// SPDX-License-Identifier: Apache-2.0
//! Decides which files of signers are trusted.
//!
//! Whoever can replace the file decides who signs. So its own signatures must be valid, and it must
//! not be older than the version that was accepted on this machine before. An old version may still
//! list a person who left, or a stolen key.
//!
//! The newest accepted version of each file is stored under the file's lineage, with its
//! signatures. A newer version must be agreed to by the signers of the stored one.

use crate::{
    keys::{CheckedSignature, check},
    root::{self, Root},
};
use protocol::verify::missing_signers;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::SystemTime,
};
use worker::{Failure, Reporter, Result};

/// A trusted file of signers.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The validated file of signers.
    pub root: Root,
    /// The path that it was read from.
    pub path: PathBuf,
    /// Whether its expiry date has passed. No signature counts under an expired file.
    pub expired: bool,
    /// Whether the file's own signers agreed to it, as many as its threshold requires.
    pub agreed: bool,
    /// Sentences about what reduces the trust in the file: its age, its lineage, its own
    /// signatures.
    pub warnings: Vec<String>,
}

impl Trusted {
    /// Reads a file of signers, compares it with the version accepted before, and records it as
    /// accepted unless it has expired.
    pub fn read_and_record(path: Option<&Path>, accepted: Option<&Path>, reporter: &Reporter) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let mut trusted = Self::read(path)?;
        match AcceptedRoot::open(accepted, &trusted.root)? {
            Some(accepted_root) => {
                accepted_root.check_successor(&trusted.root, path)?;
                trusted.warnings.extend(accepted_root.unknown_lineage_warning(path));
                if !trusted.expired {
                    accepted_root.record(&trusted.root, reporter);
                }
            }
            None if accepted.is_some() => trusted.warnings.push(format!(
                "{} has no lineage: an older version of it cannot be recognized; \
                 `cargo xtask signers init --previous` writes its lineage",
                path.display()
            )),
            None => {}
        }
        Ok(Some(trusted))
    }

    fn read(path: &Path) -> Result<Self> {
        let root = Root::read(path)?;
        let signatures = valid_signatures(&root, path)?;
        let named = named(&root, path);
        let own = root.tally(&signatures, true);
        let mut warnings = Vec::new();
        if signatures.is_empty() {
            warnings.push(format!("{named} is not signed: only its review shows that it is correct"));
        } else if !own.satisfied {
            let (counted, threshold) = (own.counted, root.file.threshold);
            warnings
                .push(format!("{named} was signed by {counted} of the {threshold} signers that it requires itself"));
        }
        let expired = root.expired(SystemTime::now());
        if expired {
            let date = root.file.expires.as_deref().unwrap_or_default();
            warnings.push(format!("{named} expired on {date}: no signature counts under it"));
        }
        Ok(Self { agreed: own.satisfied, root, path: path.to_path_buf(), expired, warnings })
    }
}

fn named(root: &Root, path: &Path) -> String {
    format!("the file of signers {} (version {})", path.display(), root.file.version)
}

/// Returns the signatures of a file of signers. Refuses the file if one of them is invalid.
pub fn valid_signatures(root: &Root, path: &Path) -> Result<Vec<CheckedSignature>> {
    let signatures = signatures_of(root)?;
    match signatures.iter().find(|signature| !signature.is_valid()) {
        None => Ok(signatures),
        Some(invalid) => Err(Failure::check(format!("{} is not trusted", named(root, path)))
            .found(format!(
                "its signature {} {}",
                invalid.key_id,
                invalid.invalid_reason.as_deref().unwrap_or("is not valid")
            ))
            .expected("signatures that match its content")
            .hint("somebody changed it after it was signed: take the version in the repository")),
    }
}

/// Returns the verified signatures of a file of signers.
pub fn signatures_of(root: &Root) -> Result<Vec<CheckedSignature>> {
    let message = root.signed_bytes()?;
    Ok(root.file.signatures.iter().map(|one| check(one, &message)).collect())
}

/// The newest version of a file of signers that was accepted on this machine.
pub struct AcceptedRoot {
    path: PathBuf,
    newest: Option<Root>,
}

impl AcceptedRoot {
    /// Opens the record of a file of signers. Returns `None` if the file has no lineage.
    pub fn open(directory: Option<&Path>, root: &Root) -> Result<Option<Self>> {
        let (Some(directory), Some(lineage)) = (directory, root.lineage()?) else { return Ok(None) };
        let path = directory.join(format!("{}.json", lineage.trim_start_matches("0x")));
        let missing = std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let newest = if missing { None } else { Some(Root::read(&path)?) };
        Ok(Some(Self { path, newest }))
    }

    /// Refuses a file that is older than the accepted one, a different file of the same version,
    /// and a newer one that the signers of the accepted one did not agree to.
    pub fn check_successor(&self, root: &Root, path: &Path) -> Result<()> {
        let Some(newest) = &self.newest else { return Ok(()) };
        let (version, accepted) = (root.file.version, newest.file.version);
        let refused = |what: String| {
            Failure::check(format!("the file of signers {} {what}", path.display()))
                .found(format!("version {version}"))
                .hint(format!("the accepted version is stored in {}", self.path.display()))
        };
        if version < accepted {
            return Err(refused("is older than the one that was accepted on this machine before".into())
                .expected(format!("version {accepted} or later: take the newest one from the repository")));
        }
        if version == accepted && root.signed_bytes()? != newest.signed_bytes()? {
            return Err(refused("is not the one of this version that was accepted on this machine before".into())
                .expected(format!("the version {accepted} that was accepted, or the next")));
        }
        // A file that was never signed is trusted by review alone, and so are its next versions.
        let was_agreed = newest.tally(&signatures_of(newest)?, true).satisfied;
        let agreed = newest.tally(&signatures_of(root)?, true);
        if version > accepted && was_agreed && !agreed.satisfied {
            let needed = newest.file.threshold;
            let missing = missing_signers(needed, agreed.counted, &agreed.missing).unwrap_or_default();
            return Err(refused(format!("was not agreed to by the signers of version {accepted}, which was accepted before"))
                .found(format!("{} of their signatures", agreed.counted))
                .expected(format!("{needed}; {missing}"))
                .hint(format!(
                    "have them sign it; if there are versions in between, run `cargo xtask signers verify NEXT --previous FILE` for \
                     each; the accepted version is stored in {}",
                    self.path.display()
                )));
        }
        Ok(())
    }

    /// Returns a warning if other files of signers were accepted on this machine, but none of this
    /// lineage. Whoever starts a new lineage decides alone who signs.
    fn unknown_lineage_warning(&self, path: &Path) -> Option<String> {
        let directory = self.path.parent()?;
        let others = std::fs::read_dir(directory).ok()?.flatten();
        let others =
            others.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json")).count();
        (self.newest.is_none() && others > 0).then(|| {
            format!(
                "the file of signers {} has a lineage that was not accepted on this machine before ({} other(s) were): \
                 it decides alone who signs; compare it with the one in the repository",
                path.display(),
                others
            )
        })
    }

    /// Records a file that passed `check_successor`. A failure to write, such as a full disk, is
    /// only a warning.
    pub fn record(&self, root: &Root, reporter: &Reporter) {
        let known = |newest: &Root| {
            (newest.file.version, newest.file.signatures.len()) >= (root.file.version, root.file.signatures.len())
        };
        if !self.newest.as_ref().is_some_and(known)
            && let Err(failure) = root::write(&self.path, &root.file)
        {
            reporter.warning(format!("the file of signers cannot be recorded as accepted: {failure}"));
        }
    }
}
