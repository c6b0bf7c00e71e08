// SPDX-License-Identifier: Apache-2.0
//! The names of a release's files, except those of blobs, which the workspace configures.

use protocol::release::{PlanReport, PlannedRuntime};

pub const RECORD: &str = "release.json";
pub const NOTES: &str = "notes.md";
pub const SUMS: &str = "SHA256SUMS";

/// Returns the name of a runtime's build digest.
pub fn digest(planned: &PlannedRuntime) -> String {
    format!("{}-srtool-digest.json", planned.name)
}

/// Returns the name of a bundle's directory in its archive.
pub fn bundle_top(planned: &PlannedRuntime) -> String {
    format!("{}-upgrade-v{}", planned.name, planned.spec_version)
}

/// Returns the name of a bundle's archive.
pub fn bundle(planned: &PlannedRuntime) -> String {
    format!("{}.tar", bundle_top(planned))
}

/// Returns the name of the file with the changes since the previous runtime.
pub fn changes(planned: &PlannedRuntime) -> String {
    format!("{}-changes-v{}.json", planned.name, planned.spec_version)
}

/// Returns the name of the file with the parameters that differ from those of the previous runtime.
pub fn parameters(planned: &PlannedRuntime) -> String {
    format!("{}-parameters-v{}.md", planned.name, planned.spec_version)
}

/// The files of a released runtime that depend on what is known about its chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalFiles {
    /// Whether a state is known to rehearse the upgrade on.
    pub bundle: bool,
    /// Whether a previous runtime is known to compare with.
    pub comparison: bool,
}

/// Returns the names of all files of a release, sorted. `optional` has an entry for each released
/// runtime, in the order of the plan.
pub fn all(plan: &PlanReport, optional: impl IntoIterator<Item = OptionalFiles>) -> Vec<String> {
    let mut files = vec![SUMS.to_owned(), NOTES.to_owned(), RECORD.to_owned()];
    for (planned, optional) in plan.released().zip(optional) {
        files.extend([planned.asset.clone(), digest(planned)]);
        files.extend(planned.variants.values().map(|variant| variant.asset.clone()));
        if optional.bundle {
            files.push(bundle(planned));
        }
        if optional.comparison {
            files.extend([changes(planned), parameters(planned)]);
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::release::{PlannedVariant, Release};

    #[test]
    fn the_files_depend_on_what_is_known_about_the_chain() {
        let one = |name: &str, released| PlannedRuntime {
            name: name.into(),
            spec_version: 2,
            released,
            asset: format!("{name}.wasm"),
            ..PlannedRuntime::default()
        };
        let mut solo = one("solo", true);
        solo.variants.insert("fast".into(), PlannedVariant { asset: "fast.wasm".into(), ..PlannedVariant::default() });
        let runtimes = vec![one("left", false), solo, one("para", true)];
        let plan = PlanReport::new(Release::default(), runtimes, Vec::new(), Vec::new());
        let optional = [OptionalFiles::default(), OptionalFiles { bundle: true, comparison: true }];
        let expected = "SHA256SUMS fast.wasm notes.md para-changes-v2.json para-parameters-v2.md \
            para-srtool-digest.json para-upgrade-v2.tar para.wasm release.json solo-srtool-digest.json solo.wasm";
        assert_eq!(all(&plan, optional).join(" "), expected);
    }
}
