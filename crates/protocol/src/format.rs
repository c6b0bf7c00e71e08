// SPDX-License-Identifier: Apache-2.0
//! The names of the document formats: `cutover/<document>/v<version>`.
//!
//! The first field of a document is its format. A reader rejects formats that it does not support.
//! The version increases when a field is renamed, removed or changes its meaning, but not for new
//! fields.

use schemars::{Schema, SchemaGenerator, json_schema};

macro_rules! formats {
    ($($(#[$doc:meta])* $constant:ident $schema:ident $name:literal)*) => {
        $(
            $(#[$doc])*
            pub const $constant: &str = $name;

            /// Returns the schema of a field with the name of this format.
            pub(crate) fn $schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "const": $name})
            }
        )*

        /// All formats.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

formats! {
    /// The report of a dry run.
    DRY_RUN dry_run "cutover/dry-run/v2"
    /// The report of a block that was executed again.
    BLOCK block "cutover/block/v1"
    /// What a proposal did on forks.
    REHEARSAL rehearsal "cutover/rehearsal/v1"
    /// A proposal that was decoded, and what its calls are for.
    EXPLANATION explanation "cutover/explanation/v1"
    /// A proposal that was verified from what is on chain to its source.
    REFERENDUM_VERIFICATION referendum_verification "cutover/referendum-verification/v1"
    /// What is wrong with a parachain.
    DIAGNOSIS diagnosis "cutover/diagnosis/v1"
    /// Repairs of a parachain that were tried on forks.
    REPAIR repair "cutover/repair/v1"
    /// A support task that was tried on forks.
    SUPPORT_TASK support_task "cutover/support-task/v1"
    /// What a chain does with XCM messages.
    XCM_EXPLANATION xcm_explanation "cutover/xcm-explanation/v1"
    /// The calls by which a call is dispatched.
    CALL_PROPOSAL call_proposal "cutover/call-proposal/v1"
    /// The calls by which a chain's root authorizes the upgrades of several chains.
    NETWORK_PROPOSAL network_proposal "cutover/network-proposal/v1"
    /// The keys that suffice for a call of Sudo.
    KEYS keys "cutover/keys/v1"
    /// The comparison of two runtimes. In version 2 the rules have the form of checks.
    DIFF diff "cutover/diff/v2"
    /// The changed constants of two runtimes, in human units.
    PARAMETERS parameters "cutover/parameters/v1"
    /// The byte-by-byte comparison of two blobs.
    BLOB_DIFFERENCE blob_difference "cutover/blob-difference/v1"
    /// The raw results of a pallet's benchmarks.
    RAW_WEIGHTS raw_weights "cutover/raw-weights/v1"
    /// The raw results of blocks and extrinsics.
    RAW_OVERHEAD raw_overhead "cutover/raw-overhead/v1"
    /// The raw results of a database.
    RAW_DATABASE raw_database "cutover/raw-database/v1"
    /// The check of a runtime's weights.
    WEIGHTS weights "cutover/weights/v1"
    /// The checks of several runtimes' weights.
    WEIGHTS_CHECKS weights_checks "cutover/weights-checks/v1"
    /// The comparison of two sets of weights.
    WEIGHTS_COMPARISON weights_comparison "cutover/weights-comparison/v1"
    /// The weight files that were generated from raw results.
    WEIGHT_FILES weight_files "cutover/weight-files/v1"
    /// The results of benchmarks for each runtime.
    BENCHMARKS benchmarks "cutover/benchmarks/v1"
    /// Runtimes that were built.
    BUILD build "cutover/build/v1"
    /// What `upgrade` prints.
    UPGRADE upgrade "cutover/upgrade/v1"
    /// The comment of a pull request.
    COMMENT comment "cutover/comment/v1"
    /// Checks of a workspace by tools that others made.
    CHECKS checks "cutover/checks/v1"
    /// The runtimes that a change can affect.
    CHANGED changed "cutover/changed/v1"
    /// A comment that was put under a pull request.
    POST post "cutover/post/v1"
    /// The runtimes of a workspace.
    LIST list "cutover/list/v1"
    /// The tools that commands need.
    SETUP setup "cutover/setup/v1"
    /// The image that runtimes are built in.
    BUILDER_IMAGE builder_image "cutover/builder-image/v1"
    /// What `init` makes of a workspace.
    INIT init "cutover/init/v1"
    /// The evidence of a step.
    STEP step "cutover/step/v1"
    /// The file of signers.
    SIGNERS signers "cutover/signers/v1"
    /// The record of a prepared release.
    RELEASE release "cutover/release/v1"
    /// What the workers of an archive were built from.
    WORKERS workers "cutover/workers/v1"
    /// An archive of workers that was written.
    DIST dist "cutover/dist/v1"
    /// Workers of an archive that were installed.
    INSTALLED_WORKERS installed_workers "cutover/installed-workers/v1"
    /// A blob, built again and compared.
    VERIFY_BUILD verify_build "cutover/verify-build/v1"
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
