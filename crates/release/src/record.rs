// SPDX-License-Identifier: Apache-2.0
//! The record of a prepared release and its entries.

use crate::{names, plan::Plan};
use protocol::{
    Pace,
    build::BuiltRuntime,
    diff::{DiffReport, ParametersReport},
    format,
    inspect::RuntimeFacts,
    release::{
        PlannedRuntime, PreviousComparison, PreviousRuntime, Record, ReleasedBundle, ReleasedRuntime, ReleasedVariant,
        SignersFile,
    },
    upgrade::UpgradedRuntime,
};

/// Returns the record of a release, without its files: `Files::seal` adds them.
pub fn record(
    plan: &Plan,
    runtimes: Vec<ReleasedRuntime>,
    warnings: Vec<String>,
    signers: Option<SignersFile>,
) -> Record {
    Record {
        format: format::RELEASE.into(),
        release: plan.report.release.clone(),
        runtimes,
        warnings,
        verdict: plan.report.verdict,
        signers,
        section_text: plan.section_text.clone(),
        ..Record::default()
    }
}

/// Returns the entry of a runtime, without its variants, comparison and bundle.
pub fn runtime(planned: &PlannedRuntime, built: &BuiltRuntime, facts: RuntimeFacts) -> ReleasedRuntime {
    let build = &built.record;
    ReleasedRuntime {
        name: planned.name.clone(),
        package: planned.package.clone(),
        released: true,
        reason: planned.reason.clone(),
        asset: planned.asset.clone(),
        digest_asset: names::digest(planned),
        spec_name: facts.spec_name,
        impl_name: facts.impl_name,
        spec_version: facts.spec_version,
        impl_version: facts.impl_version,
        transaction_version: facts.transaction_version,
        authoring_version: facts.authoring_version,
        state_version: facts.state_version,
        last_spec_version: planned.last_spec_version,
        size: facts.size,
        size_decompressed: facts.size_decompressed,
        metadata_versions: facts.metadata_versions,
        pace: pace(facts.pace),
        blake2_256: facts.blake2_256,
        sha256: facts.sha256,
        ipfs_cid: facts.ipfs_cid,
        set_code_hash: facts.set_code_hash,
        authorize_upgrade_call: facts.authorize_upgrade_call,
        authorize_upgrade_hash: built.digest.authorize_upgrade_prop.clone(),
        rustc: build.rustc.clone(),
        engine: build.engine.clone(),
        image: build.image.clone(),
        image_digest: build.image_digest.clone(),
        profile: build.profile.clone(),
        features: build.features.clone(),
        variants: Vec::new(),
        compared: None,
        bundle: None,
    }
}

/// Returns the pace as records have it: null if the runtime states none.
pub fn pace(pace: Vec<Pace>) -> Option<Vec<Pace>> {
    (!pace.is_empty()).then_some(pace)
}

/// Returns the entry of a comparison with the previous runtime.
pub fn comparison(planned: &PlannedRuntime, changes: &DiffReport, parameters: &ParametersReport) -> PreviousComparison {
    PreviousComparison::Compared {
        old: PreviousRuntime {
            spec_name: changes.old.spec_name.clone(),
            spec_version: changes.old.spec_version,
            blake2_256: changes.old.blake2_256.clone(),
        },
        changes: changes.changes.len(),
        parameters: parameters.parameters.len(),
        verdict: changes.verdict,
        changes_asset: names::changes(planned),
        parameters_asset: names::parameters(planned),
    }
}

/// Returns the entry of a bundle.
pub fn bundle(planned: &PlannedRuntime, upgraded: UpgradedRuntime) -> ReleasedBundle {
    ReleasedBundle {
        asset: names::bundle(planned),
        from_spec_version: upgraded.from_spec_version,
        verdict: upgraded.verdict,
        signing: upgraded.signing,
        proposal: upgraded.proposal,
    }
}

/// Returns a warning for each variant whose blob equals the production blob: its features had no
/// effect.
pub fn unchanged_variants(name: &str, blake2_256: &str, variants: &[ReleasedVariant]) -> Vec<String> {
    let same = variants.iter().filter_map(|variant| match variant {
        ReleasedVariant::Built { variant, blake2_256: built, .. } if built == blake2_256 => Some(&variant.name),
        _ => None,
    });
    let warning = |variant| {
        format!("{name}: the variant {variant} has the same blob as the production build: its features have no effect")
    };
    same.map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::release::VariantBuild;

    #[test]
    fn a_variant_with_the_production_blob_is_reported() {
        let build = |name: &str| VariantBuild { name: name.into(), ..VariantBuild::default() };
        let built = |name: &str, blake2_256: &str| ReleasedVariant::Built {
            variant: build(name),
            asset: String::new(),
            blake2_256: blake2_256.into(),
            pace: None,
        };
        let failed = ReleasedVariant::Failed { variant: build("x"), asset: (), error: "no such feature".into() };
        let variants = [built("fast", "0x01"), built("trace", "0x02"), failed];
        let warnings = unchanged_variants("paseo", "0x01", &variants);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("variant fast"), "{warnings:?}");
        assert_eq!(unchanged_variants("paseo", "0x03", &variants), [""; 0]);
    }
}
