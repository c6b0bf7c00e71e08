// SPDX-License-Identifier: Apache-2.0
//! Weights of a runtime's extrinsics: the raw results of benchmarks, the weight files made from
//! them, and the comparison of two sets of weights.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod analysis;
pub mod check;
pub mod compare;
pub mod constants;
pub mod formula;
pub mod parse;
pub mod raw;
pub mod render;
pub mod request;
pub mod statistics;
