// SPDX-License-Identifier: Apache-2.0
//! Types as a runtime's metadata describes them: those of the comparison of runtimes.

pub use compat::{Differences, Interface, account::Accounts, compare, compare::compare, interface, read};
