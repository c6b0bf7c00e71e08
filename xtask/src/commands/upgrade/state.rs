// SPDX-License-Identifier: Apache-2.0
//! The step `state`: which state of which chain the upgrade starts from, resolved once, before anything else. All other steps
//! take it, on whatever machine they run.

use super::{
    bundle::{Bundle, Step},
    result_of,
};
use crate::{
    cli::{self, UpgradeJob},
    context::Context,
    inputs::file_digest,
    networks::{self, Pin, Pinned, Place},
    runtimes::Runtime,
};
use protocol::Verdict;
use serde_json::{Value, json};
use std::path::Path;
use worker::{Failure, Result};

pub const STEP: &str = "state";

/// Resolves the state that a text stands for. In a run of some jobs it is the one that the first of them found.
pub fn pinned(
    context: &Context,
    runtime: &Runtime,
    text: &str,
    bundle: &Bundle,
    options: &cli::Upgrade,
) -> Result<Pinned> {
    let former = match options.only.is_empty() {
        true => None,
        false => carried(bundle)?,
    };
    let takes_it = options.only.is_empty() || options.only.iter().copied().any(UpgradeJob::takes_state);
    if !takes_it {
        return Ok(Pinned { place: Place::File(text.to_owned()), pin: former.unwrap_or_default() });
    }
    let at = options.at.as_deref().or(former.as_ref().and_then(|pin| pin.block_hash.as_deref()));
    let pinned = networks::pinned(context, text, at)?;
    if let Some(former) = &former {
        pinned.pin.expect(former, &pinned.place.to_string())?;
    }
    bundle.write_step(Step {
        name: STEP,
        runtime: &runtime.name,
        inputs: json!({"state": pinned.input()?}),
        result: serde_json::to_value(&pinned.pin)
            .map_err(|error| Failure::internal("a state cannot be written as JSON").found(error.to_string()))?,
        verdict: Verdict::Pass,
        outputs: Vec::new(),
    })?;
    Ok(pinned)
}

/// What another run left.
fn carried(bundle: &Bundle) -> Result<Option<Pin>> {
    if !bundle.path(&format!("{STEP}.json")).is_file() {
        return Ok(None);
    }
    let pin = serde_json::from_value(result_of(&bundle.read_step(STEP)?));
    pin.map(Some).map_err(|error| {
        Failure::input(format!("{STEP}.json in {} tells no state", bundle.directory.display())).found(error.to_string())
    })
}

impl Pinned {
    /// As the evidence of a step names it: by what it is, not by where it was taken from.
    pub fn input(&self) -> Result<Value> {
        let not_json =
            |error: serde_json::Error| Failure::internal("a state cannot be written as JSON").found(error.to_string());
        let mut input = serde_json::to_value(&self.pin).map_err(not_json)?;
        let digest = match (&self.pin.state_root, &self.place) {
            (Some(root), _) => root.clone(),
            (None, Place::File(path)) => file_digest(Path::new(path))?,
            (None, Place::Live(_)) => return Err(Failure::internal("a node's state has no root")),
        };
        if let Some(fields) = input.as_object_mut() {
            fields.insert("digest".into(), json!(digest));
        }
        Ok(input)
    }
}
