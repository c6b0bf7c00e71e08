// SPDX-License-Identifier: Apache-2.0
//! Weights of a runtime's extrinsics: what benchmarks measured, the files made from it, and how two of them differ.

mod hexadecimal;
pub mod raw;
