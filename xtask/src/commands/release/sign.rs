// SPDX-License-Identifier: Apache-2.0
//! Adds a signature to each bundle of a prepared release, and updates the checksums, the notes and
//! the record.

use super::signed;
use crate::{
    cli::ReleaseSign,
    commands::{
        root_file,
        sign::{check_reports, expect_keys, parse_key, sign},
        utf8,
    },
};
use protocol::release::{SignReport, SignedBundle, VERSION};
use release::{
    archive, bundle,
    directory::{self, Files, UnknownFields},
};
use worker::{Failure, Result};
use workspace::context::Context;

pub fn run(context: &Context, options: &ReleaseSign) -> Result<bool> {
    let keys = options.keys.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
    expect_keys(context, &keys)?;
    let root = root_file(context, options.root.as_deref())?;
    let _turn = directory::lock(&options.directory)?;
    let (mut record, directory) = directory::read(&options.directory)?;
    bundle::expect_signers(&record, root.as_deref())?;
    let unknown = UnknownFields::read(&directory)?;
    let mut files = Files::of(&record, &directory)?;
    let task = context.printer.task("sign");
    let (mut bundles, mut signed_bundles) = (Vec::new(), Vec::new());
    for released in &record.runtimes {
        let Some(released_bundle) = &released.bundle else { continue };
        let unpacked = bundle::unpack(&directory.join(&released_bundle.asset))?;
        check_reports(context, &unpacked.directory, &task, &context.log("release"))?;
        // Checked before anything is signed: the signers, and what they sign.
        let (_, verified) = signed::signing(context, &released.name, &unpacked.directory, root.as_deref(), &task)?;
        bundle::check_signers(&record, root.as_deref(), &verified)?;
        bundle::check_blob(&record, released, &verified)?;
        let signed = sign(context, &unpacked.directory, &keys, root.as_deref(), &task, &context.log("release"))?;
        signed_bundles.extend(signed);
        let (signing, _) = signed::signing(context, &released.name, &unpacked.directory, root.as_deref(), &task)?;
        let top = unpacked.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.replace(&released_bundle.asset, archive::tar(&unpacked.directory, &top)?)?;
        bundles.push(SignedBundle { name: released.name.clone(), signing: signing.summary(true) });
    }
    drop(task);
    if bundles.is_empty() {
        return Err(Failure::input(format!("{} has no bundle to sign", directory.display()))
            .hint("prepare it with a state to rehearse the upgrade on"));
    }
    record.set_signing(&bundles);
    files.seal(&mut record, &unknown)?;
    files.place(&directory)?;
    let report = SignReport {
        version: VERSION,
        tag: record.release.tag,
        directory: utf8(&directory)?.to_owned(),
        signed_off: bundles.iter().all(|bundle| bundle.signing.signed_off),
        bundles,
    };
    context.printer.result(&report, || report::release::signed(&report, &signed_bundles, root.as_deref()))?;
    Ok(true)
}
