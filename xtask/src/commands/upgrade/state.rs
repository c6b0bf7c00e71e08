// SPDX-License-Identifier: Apache-2.0
//! The step `state`: the chain state that the upgrade starts from. It is resolved once, before all
//! other steps. They use the same state, also on other machines.

use super::bundle::Bundle;
use crate::{
    cli::{self, UpgradeJob},
    sources::{self, PinnedState, SourceLocation},
};
use evidence::step;
use protocol::{
    Verdict,
    inspect::StatePin,
    step::{Input, StepResult},
};
use std::path::Path;
use worker::{Failure, Result};
use workspace::{context::Context, inputs::file_digest, runtimes::Runtime};

pub const STEP: &str = StatePin::STEP;

/// Resolves a state given as text. With `--only`, it must be the state that the first run resolved.
pub fn pinned(
    context: &Context,
    runtime: &Runtime,
    text: &str,
    bundle: &Bundle,
    options: &cli::Upgrade,
) -> Result<PinnedState> {
    let previous = match options.only.is_empty() {
        true => None,
        false => carried(bundle)?,
    };
    let uses_state = options.only.is_empty() || options.only.iter().copied().any(UpgradeJob::takes_state);
    if !uses_state {
        return Ok(PinnedState { place: SourceLocation::File(text.to_owned()), pin: previous.unwrap_or_default() });
    }
    let at = options.at.as_deref().or(previous.as_ref().and_then(|pin| pin.block_hash.as_deref()));
    let pinned = sources::pinned(context, text, at)?;
    if let Some(previous) = &previous {
        sources::expect_same(&pinned.pin, previous, &pinned.place.to_string())?;
    }
    // Whether the block was finalized at the time does not identify the state.
    let pin = StatePin { finalized: None, ..pinned.pin.clone() };
    let step = step::of(Verdict::Pass, &pin)?.of_runtime(&runtime.name).input("state", pinned.input()?);
    bundle.write_step(step, &[])?;
    Ok(pinned)
}

/// Returns the state that another run resolved, if any.
fn carried(bundle: &Bundle) -> Result<Option<StatePin>> {
    match bundle.path(&format!("{STEP}.json")).is_file() {
        true => bundle.result().map(Some),
        false => Ok(None),
    }
}

impl PinnedState {
    /// Returns the state as an input of a step, identified by its content and not by its source.
    pub fn input(&self) -> Result<Input> {
        let digest = match (&self.pin.state_root, &self.place) {
            (Some(root), _) => root.clone(),
            (None, SourceLocation::File(path)) => file_digest(Path::new(path))?,
            (None, SourceLocation::Live(_)) => return Err(Failure::internal("a node's state has no root")),
        };
        Ok(Input::state(digest, &self.pin))
    }
}
