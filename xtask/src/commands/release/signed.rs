// SPDX-License-Identifier: Apache-2.0
//! The signatures of a release's bundles. They are read from the bundles' archives, not from the
//! record, which only informs people.

use crate::commands::{signing::BundleSignatures, verify};
use console::printer::Task;
use protocol::{
    release::{Record, SignedBundle},
    verify::Verification,
};
use release::bundle;
use std::path::Path;
use worker::{Failure, Result};
use workspace::context::Context;

/// Returns the signatures of a bundle. Returns an error if the bundle is damaged or its upgrade did
/// not pass.
pub fn signing(
    context: &Context,
    name: &str,
    directory: &Path,
    root: Option<&Path>,
    task: &Task,
) -> Result<(BundleSignatures, Verification)> {
    let verified = verify::verify(context, directory, root, task, &context.log("release"))?.value;
    bundle::check(name, &verified)?;
    Ok((BundleSignatures::of(&verified.agreement, verified.signed_off), verified))
}

/// Checks that every bundle has enough counting signatures. Below the threshold nothing is
/// published. Returns the signatures of each runtime.
pub fn expect_signed_off(
    context: &Context,
    record: &Record,
    directory: &Path,
    root: Option<&Path>,
) -> Result<Vec<SignedBundle>> {
    bundle::expect_signers(record, root)?;
    let task = context.printer.task("signatures");
    let (mut bundles, mut lacking) = (Vec::new(), Vec::new());
    for released in &record.runtimes {
        let Some(released_bundle) = &released.bundle else {
            if root.is_some() {
                context.printer.warning(&format!("{} has no bundle and so no signatures", released.name));
            }
            continue;
        };
        let unpacked = bundle::unpack(&directory.join(&released_bundle.asset))?;
        let (signing, verified) = signing(context, &released.name, &unpacked.directory, root, &task)?;
        bundle::check_blob(record, released, &verified)?;
        bundle::check_signers(record, root, &verified)?;
        let signed = SignedBundle { name: released.name.clone(), signing: signing.summary(true) };
        let line = format!("{}: {}", signed.name, signed.signing.signatures);
        if root.is_none() {
            context.printer.warning(&format!("not signed off: there is no file of signers, see --root; {line}"));
        } else if !signing.signed_off {
            lacking.push(line);
        }
        bundles.push(signed);
    }
    match (lacking.is_empty(), root) {
        (false, Some(root)) => Err(Failure::check(format!("{} is not signed off", record.release.tag))
            .found(lacking.join("\n"))
            .expected(format!("as many signatures as {} requires", root.display()))
            .hint(report::release::sign_command(&directory.display().to_string(), Some(root)))),
        _ => Ok(bundles),
    }
}
