// SPDX-License-Identifier: Apache-2.0
//! Nothing to build: a build script makes Cargo resolve the build dependencies, which are its purpose.
fn main() {}
