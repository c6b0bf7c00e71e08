// SPDX-License-Identifier: Apache-2.0
//! The `weights render` command: makes weight files from raw results.

use super::{call, print, settings::style};
use crate::cli::{self, WeightShape};
use protocol::weights::{RenderRequest, Rendered, Request, Shape};
use worker::Result;
use workspace::context::Context;

/// Runs `weights render`.
pub fn run(context: &Context, options: &cli::WeightsRender) -> Result<bool> {
    let shape = options.shape.map(|shape| match shape {
        WeightShape::Runtime => Shape::Runtime,
        WeightShape::Pallet => Shape::Pallet,
        WeightShape::Xcm => Shape::Xcm,
    });
    let request = RenderRequest {
        raw: options.raw.clone(),
        out: options.output.clone(),
        shape,
        template: options.template.clone(),
        templates: Default::default(),
        header: style(options.header)?,
        preamble: options.header_file.clone(),
        anew: options.anew,
    };
    let outcome = call::<Rendered>(context, &Request::Render(Box::new(request)))?;
    print(context, &outcome.value, || report::weights::rendered(&outcome.value))?;
    Ok(outcome.passed)
}
