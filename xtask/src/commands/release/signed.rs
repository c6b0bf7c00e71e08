// SPDX-License-Identifier: Apache-2.0
//! The signatures of a release's bundles. They are read from the bundles' archives, not from the
//! record, which only informs people.

use super::{
    archive,
    directory::{FILE_LIMIT, Record, Released},
};
use crate::commands::{signing::BundleSignatures, verify};
use console::printer::Task;
use protocol::{Verdict, verify::Verification};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::context::Context;

/// A bundle unpacked into a temporary directory, which is removed on drop.
pub struct Unpacked {
    pub directory: PathBuf,
    _temporary: tempfile::TempDir,
}

/// Unpacks the archive of a bundle.
pub fn unpack(archive: &Path) -> Result<Unpacked> {
    let temporary = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    let directory = archive::unpack(&files::read_bounded(archive, FILE_LIMIT)?, temporary.path())
        .map_err(|failure| Failure { message: format!("{}: {}", archive.display(), failure.message), ..failure })?;
    Ok(Unpacked { directory, _temporary: temporary })
}

/// Returns the signatures of a bundle. Returns an error if the bundle is damaged or its upgrade did
/// not pass.
pub fn signing(
    context: &Context,
    name: &str,
    bundle: &Path,
    root: Option<&Path>,
    task: &Task,
) -> Result<(BundleSignatures, Verification)> {
    let verified = verify::verify(context, bundle, root, task, &context.log("release"))?.value;
    let passed = verified.predicate.as_ref().is_some_and(|predicate| predicate.verdict == Verdict::Pass);
    if !passed || !verified.integrity {
        let wrong = verified.subjects.iter().filter(|subject| !subject.ok);
        let lines: Vec<_> = wrong.map(|one| format!("{} {}", one.name, one.reason.as_deref().unwrap_or("-"))).collect();
        let found = if lines.is_empty() { "a manifest without the verdict pass".to_owned() } else { lines.join("\n") };
        return Err(Failure::check(format!("the bundle of {name} cannot be released"))
            .found(found)
            .expected("an undamaged bundle of an upgrade that passed")
            .hint("cargo xtask release prepare"));
    }
    Ok((BundleSignatures::of(&verified.agreement, verified.signed_off), verified))
}

/// Checks that every bundle has enough counting signatures. Below the threshold nothing is
/// published. Returns the signatures of each runtime.
pub fn expect_signed_off(
    context: &Context,
    record: &Record,
    directory: &Path,
    root: Option<&Path>,
) -> Result<Vec<Value>> {
    if root.is_none()
        && let Some(signers) = &record.signers
    {
        return Err(Failure::usage(format!("it is not known whose signatures on {} count", record.tag))
            .found("no file of signers")
            .expected(format!("the one that it was prepared with: {}", signers["file"].as_str().unwrap_or("-")))
            .hint("name it with --root"));
    }
    let task = context.printer.task("signatures");
    let (mut signatures, mut lacking) = (Vec::new(), Vec::new());
    for released in &record.runtimes {
        let Some(bundle) = &released.bundle else {
            if root.is_some() {
                context.printer.warning(&format!("{} has no bundle and so no signatures", released.name));
            }
            continue;
        };
        let unpacked = unpack(&directory.join(&bundle.asset))?;
        let (signing, verified) = signing(context, &released.name, &unpacked.directory, root, &task)?;
        check_blob(record, released, &verified)?;
        check_signers(record, root, &verified)?;
        let line = format!("{}: {}", released.name, signing.describe(true));
        if root.is_some() && !signing.signed_off {
            lacking.push(line.clone());
        }
        signatures.push(
            json!({"name": released.name, "signatures": signing.describe(true), "signed_off": signing.signed_off}),
        );
        if root.is_none() {
            context.printer.warning(&format!("not signed off: there is no file of signers, see --root; {line}"));
        }
    }
    match (lacking.is_empty(), root) {
        (false, Some(root)) => Err(Failure::check(format!("{} is not signed off", record.tag))
            .found(lacking.join("\n"))
            .expected(format!("as many signatures as {} requires", root.display()))
            .hint(format!("cargo xtask release sign {} --with KEY", directory.display()))),
        _ => Ok(signatures),
    }
}

/// Checks that the file of signers is the one that the release was prepared with, or a later
/// version of it. A file with another lineage is not accepted.
fn check_signers(record: &Record, root: Option<&Path>, verified: &Verification) -> Result<()> {
    let prepared = record.signers.as_ref().and_then(|signers| signers["lineage"].as_str());
    let used = verified.agreement.root.lineage.as_deref();
    match (prepared, root) {
        (Some(prepared), Some(root)) if used != Some(prepared) => Err(Failure::check(format!(
            "{} was prepared with another file of signers than {}",
            record.tag,
            root.display()
        ))
        .found(used.map_or_else(|| "no lineage".to_owned(), |lineage| format!("the lineage {lineage}")))
        .expected(prepared)
        .hint("name the one that it was prepared with, or a later version of it, with --root")),
        _ => Ok(()),
    }
}

/// Checks that the signed bundle is about the published blob.
fn check_blob(record: &Record, released: &Released, verified: &Verification) -> Result<()> {
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

    #[test]
    fn a_file_of_signers_with_another_lineage_does_not_sign_off_a_release() {
        let record = |signers: Value| {
            let notes = json!({"name": "notes.md", "size": 0, "sha256": ""});
            let record = json!({"format": "", "tag": "v1", "title": "", "commit": "", "dirty": false, "assets": [],
                "notes": notes, "signers": signers});
            serde_json::from_value::<Record>(record).expect("a record")
        };
        let under = |lineage: &str| {
            let mut verified = Verification::default();
            verified.agreement.root.lineage = Some(lineage.into());
            verified
        };
        let (root, prepared) = (Some(Path::new("signers.json")), record(json!({"lineage": "0x01"})));
        check_signers(&prepared, root, &under("0x01")).expect("a later version has the same lineage");
        let refused = check_signers(&prepared, root, &under("0x02")).expect_err("another lineage");
        assert_eq!((refused.kind, refused.expected.as_deref()), (worker::Kind::Check, Some("0x01")));
        check_signers(&record(json!({"file": "old.json"})), root, &under("0x02")).expect("not recorded then");
    }
}
