// SPDX-License-Identifier: Apache-2.0
//! The names of formats: `cutover/<document>/v<version>`, in one scheme, each in one place.
//!
//! A document says its format first. A reader takes the formats that it knows and refuses others by name. The version goes up
//! when a field is renamed, removed or means something else; new fields do not raise it.

use schemars::{Schema, SchemaGenerator, json_schema};

macro_rules! formats {
    ($($(#[$doc:meta])* $constant:ident $schema:ident $name:literal)*) => {
        $(
            $(#[$doc])*
            pub const $constant: &str = $name;

            /// Returns the schema of a field that holds the name of this format and no other.
            pub(crate) fn $schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "const": $name})
            }
        )*

        /// Every format there is.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

formats! {
    /// The report of a dry run.
    DRY_RUN dry_run "cutover/dry-run/v2"
    /// A block of a chain, executed once more.
    BLOCK block "cutover/block/v1"
    /// Two runtimes compared. Version 2 has rules in the form of checks.
    DIFF diff "cutover/diff/v2"
    /// The constants that changed between two runtimes, in human units.
    PARAMETERS parameters "cutover/parameters/v1"
    /// Two blobs compared byte by byte.
    BLOB_DIFFERENCE blob_difference "cutover/blob-difference/v1"
    /// What was measured of a pallet.
    RAW_WEIGHTS raw_weights "cutover/raw-weights/v1"
    /// What was measured of blocks and extrinsics.
    RAW_OVERHEAD raw_overhead "cutover/raw-overhead/v1"
    /// What was measured of a database.
    RAW_DATABASE raw_database "cutover/raw-database/v1"
    /// Whether the weights of a runtime can be trusted.
    WEIGHTS weights "cutover/weights/v1"
    /// The same of several runtimes.
    WEIGHTS_CHECKS weights_checks "cutover/weights-checks/v1"
    /// Two sets of weights, compared.
    WEIGHTS_COMPARISON weights_comparison "cutover/weights-comparison/v1"
    /// The weight files that were made from raw results.
    WEIGHT_FILES weight_files "cutover/weight-files/v1"
    /// What a run of benchmarks made of each runtime.
    BENCHMARKS benchmarks "cutover/benchmarks/v1"
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_format_is_named_by_the_one_scheme() {
        for name in super::ALL {
            let parts: Vec<_> = name.split('/').collect();
            let [cutover, document, version] = parts[..] else { panic!("{name}") };
            assert_eq!(cutover, "cutover");
            assert!(document.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            assert!(version.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok()), "{name}");
        }
    }
}
