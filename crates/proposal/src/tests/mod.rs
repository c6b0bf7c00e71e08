// SPDX-License-Identifier: Apache-2.0
//! The crate against a runtime that is written down here as Rust types, so that their derived `Encode` is a second
//! opinion on every byte.

pub(crate) mod chain;
mod hostile;
mod real;
mod routes;
mod types;
