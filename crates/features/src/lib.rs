// SPDX-License-Identifier: Apache-2.0
//! Empty: this crate is its list of dependencies.
