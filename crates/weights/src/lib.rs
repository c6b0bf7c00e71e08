// SPDX-License-Identifier: Apache-2.0
//! Weights of a runtime's extrinsics: what benchmarks measured, the files made from it, and how two of them differ.

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
