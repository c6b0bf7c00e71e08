// SPDX-License-Identifier: Apache-2.0
//! The settings of a runtime's weights: from the command line, otherwise from the runtime's
//! manifest, otherwise from the workspace's matrix.

use crate::cli::{self, WeightHeader};
use process::tool;
use protocol::{
    benchmark::{self, OverheadSettings},
    weights::{HeaderStyle, constants::DatabaseSettings},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workspace::runtimes::{Runtime, Weights};

/// The settings of one runtime.
pub struct Settings<'a> {
    pub runtime: &'a Runtime,
    /// The root of the workspace. Paths in the matrix are relative to it.
    pub workspace: &'a Path,
    pub options: &'a cli::WeightsRun,
}

impl Settings<'_> {
    fn config(&self) -> &Weights {
        &self.runtime.config.weights
    }

    /// Resolves a path in the manifest.
    fn own(&self, path: &Path) -> PathBuf {
        self.runtime.directory.join(path)
    }

    /// Returns the hardware profile.
    pub fn profile(&self) -> Option<PathBuf> {
        let configured = self.config().profile.as_ref().map(|path| self.own(path));
        self.options.profile.clone().or(configured)
    }

    /// Returns the genesis preset.
    pub fn preset(&self) -> Option<&String> {
        self.options.preset.as_ref().or(self.config().preset.as_ref())
    }

    /// Returns the directory of the weight files.
    pub fn directory(&self) -> PathBuf {
        let configured = self.config().directory.as_deref().unwrap_or(Path::new("src/weights"));
        self.options.output.clone().unwrap_or_else(|| self.own(configured))
    }

    /// Returns the pallets and benchmarks that are not measured.
    pub fn excluded(&self) -> Vec<String> {
        let matrix = self.runtime.matrix.as_ref().and_then(|matrix| matrix.benchmarks_exclude_extrinsics.as_ref());
        let of_matrix = matrix.into_iter().flatten();
        let of_matrix = of_matrix.flat_map(|(pallet, names)| names.iter().map(move |name| format!("{pallet}::{name}")));
        self.options.exclude.iter().chain(&self.config().exclude).cloned().chain(of_matrix).collect()
    }

    /// Returns the file with the header of each weight file.
    pub fn header(&self) -> Option<PathBuf> {
        let matrix = || self.runtime.matrix.as_ref()?.header.as_ref().map(|path| self.workspace.join(path));
        self.config().header.as_ref().map(|path| self.own(path)).or_else(matrix)
    }

    /// Returns the template of all pallets.
    pub fn template(&self) -> Option<PathBuf> {
        let matrix = || self.runtime.matrix.as_ref()?.template.as_ref().map(|path| self.workspace.join(path));
        self.config().template.as_ref().map(|path| self.own(path)).or_else(matrix)
    }

    /// Returns the templates of single pallets, by name.
    pub fn templates(&self) -> BTreeMap<String, PathBuf> {
        let matrix = self.runtime.matrix.as_ref().and_then(|matrix| matrix.benchmarks_templates.as_ref());
        let of_matrix = matrix.into_iter().flatten().map(|(pallet, path)| (pallet.clone(), self.workspace.join(path)));
        let own = self.config().templates.iter().map(|(pallet, path)| (pallet.clone(), self.own(path)));
        of_matrix.chain(own).collect()
    }

    /// Returns the settings of the manifest, overridden by those of the command line.
    pub fn of_all(&self) -> Result<benchmark::Settings> {
        let mut settings = overlaid(&benchmark::Settings::default(), &self.config().settings, "settings")?;
        let options = self.options;
        settings.steps = options.steps.unwrap_or(settings.steps);
        if let Some(repeat) = options.repeat {
            (settings.repeat_min, settings.repeat_max) = (repeat.min(3), repeat);
        }
        settings.tolerance = options.tolerance.unwrap_or(settings.tolerance);
        Ok(settings)
    }

    /// Returns the settings of pallets that have their own, which override all others.
    pub fn per_pallet(&self) -> Result<BTreeMap<String, benchmark::Settings>> {
        let all = self.of_all()?;
        let own = self.config().per_pallet.iter();
        own.map(|(pallet, own)| Ok((pallet.clone(), overlaid(&all, own, &format!("per-pallet.{pallet}"))?))).collect()
    }

    /// Returns the settings for blocks and extrinsics.
    pub fn of_overhead(&self) -> Result<OverheadSettings> {
        let mut settings = overlaid(&OverheadSettings::default(), &self.config().overhead, "overhead")?;
        let options = self.options;
        if let Some(repeat) = options.repeat {
            (settings.repeat_min, settings.repeat_max) = (repeat.min(100), repeat);
        }
        settings.tolerance = options.tolerance.unwrap_or(settings.tolerance);
        settings.max_extrinsics = options.max_extrinsics.or(settings.max_extrinsics);
        Ok(settings)
    }

    /// Returns the settings for a database.
    pub fn of_database(&self) -> Result<DatabaseSettings> {
        overlaid(&DatabaseSettings::default(), &self.config().database, "database")
    }
}

/// Returns the style of a weight file's header.
pub fn style(header: WeightHeader) -> Result<HeaderStyle> {
    Ok(match header {
        WeightHeader::Stable => HeaderStyle::Stable,
        WeightHeader::Conventional => HeaderStyle::Conventional {
            date: today()?,
            hostname: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        },
    })
}

/// Returns today's date in UTC: `2026-11-22`.
fn today() -> Result<String> {
    Ok(tool!("date -u +%F")?.output()?.trim().to_owned())
}

/// Returns settings overridden by those of a manifest. `name` is the name of the manifest's table
/// in messages.
fn overlaid<T: Serialize + DeserializeOwned>(settings: &T, manifest: &Map<String, Value>, name: &str) -> Result<T> {
    let broken = |error: serde_json::Error| {
        Failure::input(format!("`{name}` in [package.metadata.cutover.weights] is not a table of benchmark settings"))
            .found(error.to_string())
            .expected("the settings in docs/weights.md")
    };
    let mut merged: Map<String, Value> =
        serde_json::from_value(serde_json::to_value(settings).map_err(broken)?).map_err(broken)?;
    merged.extend(keys(manifest));
    serde_json::from_value(Value::Object(merged)).map_err(broken)
}

/// Replaces the hyphens in the keys of a manifest with underscores.
fn keys(settings: &Map<String, Value>) -> Map<String, Value> {
    settings.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use workspace::runtimes::{Config, Matrix};

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
            network: None,
            shares_package: false,
        }
    }

    fn with<T>(options: cli::WeightsRun, read: impl FnOnce(&Settings<'_>) -> T) -> T {
        read(&Settings { runtime: &runtime(), workspace: Path::new("/w"), options: &options })
    }

    #[test]
    fn the_matrix_supplies_what_the_manifest_omits() {
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
    fn the_command_line_overrides_the_manifest_and_pallets_override_both() {
        with(cli::WeightsRun { repeat: Some(2), ..Default::default() }, |settings| {
            let all = benchmark::Settings { repeat_min: 2, repeat_max: 2, steps: 7, ..Default::default() };
            assert_eq!(settings.of_all().expect("settings"), all);
            assert_eq!(settings.per_pallet().expect("settings")["pallet_d"], benchmark::Settings { steps: 3, ..all });
            let overhead =
                OverheadSettings { repeat_min: 2, repeat_max: 2, record_proof: Some(true), ..Default::default() };
            assert_eq!(settings.of_overhead().expect("settings"), overhead);
            assert_eq!(settings.of_database().expect("settings"), DatabaseSettings { batch: 10, ..Default::default() });
        });
        with(cli::WeightsRun::default(), |settings| {
            let all = benchmark::Settings { repeat_max: 9, steps: 7, ..Default::default() };
            assert_eq!(settings.of_all().expect("settings"), all);
        });
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_name_of_its_table() {
        let manifest = Map::from_iter([("repeats".to_owned(), Value::from(3))]);
        let failure = overlaid(&OverheadSettings::default(), &manifest, "overhead").expect_err("refused");
        assert!(failure.message.contains("`overhead`"), "{failure}");
        assert!(failure.found.is_some_and(|found| found.contains("repeats")));
    }
}
