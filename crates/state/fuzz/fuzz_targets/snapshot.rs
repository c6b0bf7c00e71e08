// SPDX-License-Identifier: Apache-2.0
#![no_main]

#[allow(dead_code, reason = "each target calls one of them")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::snapshot(bytes));
