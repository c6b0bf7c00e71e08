// SPDX-License-Identifier: Apache-2.0
//! The worker behind `weights compare`, `weights check` and `weights render`.

fn main() {}
