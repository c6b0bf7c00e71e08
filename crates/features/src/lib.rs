// SPDX-License-Identifier: Apache-2.0
//! Empty: this crate is its list of dependencies.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]
