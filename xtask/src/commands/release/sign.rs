// SPDX-License-Identifier: Apache-2.0
//! Adds a signature to each bundle of a prepared release, and updates the checksums, the notes and
//! the record.

use super::{
    archive,
    directory::{self, Files},
    signed,
};
use crate::{
    cli::ReleaseSign,
    commands::{
        root_file,
        sign::{check_reports, expect_keys, parse_key, sign},
        utf8,
    },
};
use serde_json::{Value, json};
use worker::{Failure, Result};
use workspace::context::Context;

pub fn run(context: &Context, options: &ReleaseSign) -> Result<bool> {
    let keys = options.keys.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
    expect_keys(context, &keys)?;
    let root = root_file(context, options.root.as_deref())?;
    // Locked, so that two signers at the same time do not lose a signature.
    let place =
        std::fs::File::open(&options.directory).map_err(|error| Failure::io("open", &options.directory, &error))?;
    let _ = place.lock();
    let (record, directory) = directory::read(&options.directory)?;
    let mut document = directory::document(&directory)?;
    let mut files = Files::of(&record, &directory)?;
    let task = context.printer.task("sign");
    let mut bundles = Vec::new();
    let mut signed_off = true;
    for (index, released) in record.runtimes.iter().enumerate() {
        let Some(bundle) = &released.bundle else { continue };
        let unpacked = signed::unpack(&directory.join(&bundle.asset))?;
        check_reports(context, &unpacked.directory, &task, &context.log("release"))?;
        sign(context, &unpacked.directory, &keys, root.as_deref(), &task, &context.log("release"))?;
        let (signing, _) = signed::signing(context, &released.name, &unpacked.directory, root.as_deref(), &task)?;
        let top = unpacked.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.replace(&bundle.asset, archive::tar(&unpacked.directory, &top)?)?;
        signed_off &= signing.signed_off;
        let mut summary = json!(signing.summary(true));
        if let Some(Value::Object(fields)) = document.pointer_mut(&format!("/runtimes/{index}/bundle")) {
            fields.extend(summary.as_object().cloned().unwrap_or_default());
        }
        summary["name"] = json!(released.name);
        bundles.push(summary);
    }
    drop(task);
    if bundles.is_empty() {
        return Err(Failure::input(format!("{} has no bundle to sign", directory.display()))
            .hint("prepare it with a state to rehearse the upgrade on"));
    }
    files.seal(&mut document)?;
    files.place(&directory)?;
    let summary = json!({"version": 1, "tag": record.tag, "directory": utf8(&directory)?, "bundles": bundles,
        "signed_off": signed_off});
    context.printer.result(&summary, || report::release::signed(&summary))?;
    Ok(true)
}
