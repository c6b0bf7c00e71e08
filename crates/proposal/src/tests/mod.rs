// SPDX-License-Identifier: Apache-2.0
//! Compares the encoder with the derived `Encode` of a runtime that is defined here as Rust types.

pub(crate) mod chain;
mod hostile;
mod network;
mod real;
mod routes;
mod types;
