// SPDX-License-Identifier: Apache-2.0
//! How a runtime's weights are measured and kept: by the command line, else its manifest, else the workspace's matrix.

use crate::{
    cli::{self, WeightHeader},
    runtimes::{Runtime, Weights},
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub struct Settings<'a> {
    pub runtime: &'a Runtime,
    /// The workspace, which the matrix names files relative to.
    pub workspace: &'a Path,
    pub options: &'a cli::WeightsRun,
}

impl Settings<'_> {
    fn config(&self) -> &Weights {
        &self.runtime.config.weights
    }

    /// A file that the manifest names.
    fn own(&self, path: &Path) -> PathBuf {
        self.runtime.directory.join(path)
    }

    pub fn profile(&self) -> Option<PathBuf> {
        let configured = self.config().profile.as_ref().map(|path| self.own(path));
        self.options.profile.clone().or(configured)
    }

    pub fn preset(&self) -> Option<&String> {
        self.options.preset.as_ref().or(self.config().preset.as_ref())
    }

    /// Where the weight files are.
    pub fn directory(&self) -> PathBuf {
        let configured = self.config().directory.as_deref().unwrap_or(Path::new("src/weights"));
        self.options.output.clone().unwrap_or_else(|| self.own(configured))
    }

    /// Pallets and benchmarks that are not measured.
    pub fn excluded(&self) -> Vec<String> {
        let matrix = self.runtime.matrix.as_ref().and_then(|matrix| matrix.benchmarks_exclude_extrinsics.as_ref());
        let of_matrix = matrix.into_iter().flatten();
        let of_matrix = of_matrix.flat_map(|(pallet, names)| names.iter().map(move |name| format!("{pallet}::{name}")));
        self.options.exclude.iter().chain(&self.config().exclude).cloned().chain(of_matrix).collect()
    }

    /// The file that stands at the top of each weight file.
    pub fn header(&self) -> Option<PathBuf> {
        let matrix = || self.runtime.matrix.as_ref()?.header.as_ref().map(|path| self.workspace.join(path));
        self.config().header.as_ref().map(|path| self.own(path)).or_else(matrix)
    }

    /// The template of all pallets.
    pub fn template(&self) -> Option<PathBuf> {
        let matrix = || self.runtime.matrix.as_ref()?.template.as_ref().map(|path| self.workspace.join(path));
        self.config().template.as_ref().map(|path| self.own(path)).or_else(matrix)
    }

    /// Those of single pallets.
    pub fn templates(&self) -> BTreeMap<String, PathBuf> {
        let matrix = self.runtime.matrix.as_ref().and_then(|matrix| matrix.benchmarks_templates.as_ref());
        let of_matrix = matrix.into_iter().flatten().map(|(pallet, path)| (pallet.clone(), self.workspace.join(path)));
        let own = self.config().templates.iter().map(|(pallet, path)| (pallet.clone(), self.own(path)));
        of_matrix.chain(own).collect()
    }

    /// The manifest's settings under those of the command line.
    pub fn of_all(&self) -> Value {
        let options = self.options;
        let given = [
            ("steps", options.steps.map(Value::from)),
            ("repeat_max", options.repeat.map(Value::from)),
            ("repeat_min", options.repeat.map(|repeat| Value::from(repeat.min(3)))),
            ("tolerance", options.tolerance.map(Value::from)),
        ];
        merged(&self.config().settings, given)
    }

    pub fn per_pallet(&self) -> Value {
        let all = self.of_all();
        let merged = self.config().per_pallet.iter().map(|(pallet, own)| {
            let mut merged = all.clone();
            if let Some(merged) = merged.as_object_mut() {
                merged.extend(keys(own));
            }
            (pallet.clone(), merged)
        });
        Value::Object(merged.collect())
    }

    pub fn of_overhead(&self) -> Value {
        let options = self.options;
        let given = [
            ("repeat_max", options.repeat.map(Value::from)),
            ("repeat_min", options.repeat.map(|repeat| Value::from(repeat.min(100)))),
            ("tolerance", options.tolerance.map(Value::from)),
            ("max_extrinsics", options.max_extrinsics.map(Value::from)),
        ];
        merged(&self.config().overhead, given)
    }

    pub fn of_database(&self) -> Value {
        merged(&self.config().database, [])
    }
}

/// The style of the lines at the top.
pub fn style(header: WeightHeader) -> Value {
    match header {
        WeightHeader::Stable => json!({"style": "stable"}),
        WeightHeader::Conventional => json!({
            "style": "conventional",
            "date": super::render::today(),
            "hostname": std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim(),
            "command": std::env::args().collect::<Vec<_>>(),
        }),
    }
}

fn merged<const N: usize>(config: &Map<String, Value>, given: [(&str, Option<Value>); N]) -> Value {
    let mut settings = keys(config);
    settings.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
    Value::Object(settings)
}

/// Keys stand in manifests with hyphens, as in all of the configuration.
fn keys(settings: &Map<String, Value>) -> Map<String, Value> {
    settings.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtimes::{Config, Matrix};

    fn runtime() -> Runtime {
        let matrix = json!({"name": "x", "package": "x-runtime", "header": "scripts/header.txt", "template": "all.hbs",
            "benchmarks_templates": {"pallet_xcm_benchmarks::generic": "templates/xcm.hbs", "pallet_a": "a.hbs"},
            "benchmarks_exclude_extrinsics": {"pallet_b": ["one", "two"]}});
        let config = json!({"weights": {"templates": {"pallet_a": "own.hbs"}, "exclude": ["pallet_c"],
            "settings": {"repeat-max": 9, "steps": 7}, "per-pallet": {"pallet_d": {"steps": 3}},
            "overhead": {"repeat-min": 5, "record-proof": true}, "database": {"batch": 10}}});
        Runtime {
            name: "x".into(),
            package: "x-runtime".into(),
            version: "1.0.0".into(),
            id: cargo_metadata::PackageId { repr: "x".into() },
            directory: "/w/x".into(),
            library: "x_runtime".into(),
            features: Default::default(),
            hash_features: Default::default(),
            through: None,
            config: serde_json::from_value::<Config>(config).expect("a configuration"),
            matrix: Some(serde_json::from_value::<Matrix>(matrix).expect("an entry of a matrix")),
        }
    }

    fn with<T>(options: cli::WeightsRun, read: impl FnOnce(&Settings<'_>) -> T) -> T {
        read(&Settings { runtime: &runtime(), workspace: Path::new("/w"), options: &options })
    }

    #[test]
    fn the_matrix_says_what_the_manifest_does_not() {
        with(cli::WeightsRun { exclude: vec!["pallet_e".into()], ..Default::default() }, |settings| {
            assert_eq!(settings.header(), Some("/w/scripts/header.txt".into()));
            assert_eq!(settings.template(), Some("/w/all.hbs".into()));
            let expected = [("pallet_a", "/w/x/own.hbs"), ("pallet_xcm_benchmarks::generic", "/w/templates/xcm.hbs")];
            let expected = expected.map(|(pallet, path)| (pallet.to_owned(), PathBuf::from(path)));
            assert_eq!(settings.templates(), BTreeMap::from(expected));
            assert_eq!(settings.excluded(), ["pallet_e", "pallet_c", "pallet_b::one", "pallet_b::two"]);
            assert_eq!(settings.directory(), Path::new("/w/x/src/weights"));
        });
    }

    #[test]
    fn the_command_line_overrules_the_manifest_and_pallets_overrule_both() {
        with(cli::WeightsRun { repeat: Some(2), ..Default::default() }, |settings| {
            assert_eq!(settings.of_all(), json!({"repeat_max": 2, "repeat_min": 2, "steps": 7}));
            assert_eq!(settings.per_pallet()["pallet_d"], json!({"repeat_max": 2, "repeat_min": 2, "steps": 3}));
            assert_eq!(settings.of_overhead(), json!({"repeat_max": 2, "repeat_min": 2, "record_proof": true}));
            assert_eq!(settings.of_database(), json!({"batch": 10}));
        });
        with(cli::WeightsRun::default(), |settings| {
            assert_eq!(settings.of_all(), json!({"repeat_max": 9, "steps": 7}))
        });
    }
}
