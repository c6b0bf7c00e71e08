// SPDX-License-Identifier: Apache-2.0
//! The command `release publish`.

use super::signed;
use crate::{cli::ReleasePublish, commands::root_file};
use release::publication::Publication;
use worker::Result;
use workspace::context::Context;

pub fn run(context: &Context, options: &ReleasePublish) -> Result<bool> {
    let publish = options.publish();
    let mut publication = Publication::open(context, &options.directory, &publish)?;
    let root = root_file(context, options.root.as_deref())?;
    let (record, directory) = (publication.record(), publication.directory());
    let bundles = signed::expect_signed_off(context, record, directory, root.as_deref())?;
    let report = publication.run(&bundles)?;
    context.printer.result(&report, || report::release::published(&report))?;
    Ok(true)
}
