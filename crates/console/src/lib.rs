// SPDX-License-Identifier: Apache-2.0
//! Prints results, status and errors, and shows the progress of jobs.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

pub mod jobs;
pub mod printer;
