// SPDX-License-Identifier: Apache-2.0
mod machine;
mod run;

use crate::{
    cli::{self, WeightsWhat},
    context::Context,
};
use worker::Result;

pub fn run(context: &Context, options: &cli::Weights) -> Result<bool> {
    match &options.what {
        WeightsWhat::Run(options) => run::run(context, options),
        WeightsWhat::Machine(options) => machine::run(context, options),
    }
}
