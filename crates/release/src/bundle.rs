// SPDX-License-Identifier: Apache-2.0
//! The bundles of a release: unpacked from their archives, and checked before their signatures
//! count.

use crate::{archive, directory::FILE_LIMIT};
use protocol::{
    Verdict,
    release::{Record, ReleasedRuntime},
    verify::Verification,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};

/// A bundle unpacked into a temporary directory, which is removed on drop.
pub struct UnpackedBundle {
    pub directory: PathBuf,
    _temporary: tempfile::TempDir,
}

/// Unpacks the archive of a bundle.
pub fn unpack(archive: &Path) -> Result<UnpackedBundle> {
    let temporary = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    let directory = archive::unpack(&files::read_bounded(archive, FILE_LIMIT)?, temporary.path())
        .map_err(|failure| Failure { message: format!("{}: {}", archive.display(), failure.message), ..failure })?;
    Ok(UnpackedBundle { directory, _temporary: temporary })
}

/// Checks that the bundle of a runtime is undamaged and that its upgrade passed.
pub fn check(name: &str, verified: &Verification) -> Result<()> {
    let passed = verified.predicate.as_ref().is_some_and(|predicate| predicate.verdict == Verdict::Pass);
    if passed && verified.integrity {
        return Ok(());
    }
    let wrong = verified.subjects.iter().filter(|subject| !subject.ok);
    let lines: Vec<_> = wrong.map(|one| format!("{} {}", one.name, one.reason.as_deref().unwrap_or("-"))).collect();
    let found = if lines.is_empty() { "a manifest without the verdict pass".to_owned() } else { lines.join("\n") };
    Err(Failure::check(format!("the bundle of {name} cannot be released"))
        .found(found)
        .expected("an undamaged bundle of an upgrade that passed")
        .hint("cargo xtask release prepare"))
}

/// Checks that there is a file of signers if the release was prepared with one.
pub fn expect_signers(record: &Record, root: Option<&Path>) -> Result<()> {
    match (&record.signers, root) {
        (Some(signers), None) => {
            Err(Failure::usage(format!("it is not known whose signatures on {} count", record.release.tag))
                .found("no file of signers")
                .expected(format!("the one that it was prepared with: {}", signers.file))
                .hint("name it with --root"))
        }
        _ => Ok(()),
    }
}

/// Checks that the file of signers is the one that the release was prepared with, or a later
/// version of it. A file with another lineage is not accepted.
pub fn check_signers(record: &Record, root: Option<&Path>, verified: &Verification) -> Result<()> {
    let prepared = record.signers.as_ref().and_then(|signers| signers.lineage.as_deref());
    let used = verified.agreement.root.lineage.as_deref();
    match (prepared, root) {
        (Some(prepared), Some(root)) if used != Some(prepared) => Err(Failure::check(format!(
            "{} was prepared with another file of signers than {}",
            record.release.tag,
            root.display()
        ))
        .found(used.map_or_else(|| "no lineage".to_owned(), |lineage| format!("the lineage {lineage}")))
        .expected(prepared)
        .hint("name the one that it was prepared with, or a later version of it, with --root")),
        _ => Ok(()),
    }
}

/// Checks that the signed bundle is about the published blob.
pub fn check_blob(record: &Record, released: &ReleasedRuntime, verified: &Verification) -> Result<()> {
    let published = record.assets.iter().find(|asset| asset.name == released.asset).map(|asset| asset.sha256.as_str());
    let signed = verified.predicate.iter().flat_map(|predicate| &predicate.runtimes);
    let signed: Vec<_> = signed.map(|runtime| runtime.sha256.trim_start_matches("0x")).collect();
    match published.is_some_and(|published| signed == [published]) {
        true => Ok(()),
        false => Err(Failure::check(format!(
            "the bundle of {} is about another blob than {}",
            released.name, released.asset
        ))
        .found(format!("sha256 {}", signed.join(", ")))
        .expected(published.unwrap_or("-"))
        .hint("cargo xtask release prepare")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::release::SignersFile;

    #[test]
    fn a_file_of_signers_with_another_lineage_does_not_sign_off_a_release() {
        let record = |lineage: Option<&str>| Record {
            signers: Some(SignersFile { lineage: lineage.map(str::to_owned), ..SignersFile::default() }),
            ..Record::default()
        };
        let under = |lineage: &str| {
            let mut verified = Verification::default();
            verified.agreement.root.lineage = Some(lineage.into());
            verified
        };
        let (root, prepared) = (Some(Path::new("signers.json")), record(Some("0x01")));
        check_signers(&prepared, root, &under("0x01")).expect("a later version has the same lineage");
        let refused = check_signers(&prepared, root, &under("0x02")).expect_err("another lineage");
        assert_eq!((refused.kind, refused.expected.as_deref()), (worker::Kind::Check, Some("0x01")));
        check_signers(&record(None), root, &under("0x02")).expect("not recorded then");
        assert_eq!(expect_signers(&prepared, None).expect_err("no file").kind, worker::Kind::Usage);
    }
}
