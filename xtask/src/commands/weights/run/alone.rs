// SPDX-License-Identifier: Apache-2.0
//! What costs something without any pallet: a block, an extrinsic, the database.

use super::{
    super::super::{build, utf8},
    Run,
};
use crate::{cli::Profile, networks::Place};
use serde_json::{Map, Value, json};
use worker::{Failure, Result};

impl Run<'_> {
    /// The verdict and what is said of those that were asked for.
    pub fn alone(&self) -> Result<(bool, Value)> {
        let raw = self.raw();
        let mut document =
            Map::from_iter([("runtime".to_owned(), json!(self.runtime.name)), ("raw".to_owned(), json!(raw))]);
        let mut passed = true;
        let mut files = Vec::new();
        if self.options.overhead {
            let request = self.of_overhead()?;
            let outcome = self.measure(&request)?;
            passed &= outcome.passed;
            files.push(outcome.value.clone());
            document.insert("overhead".into(), outcome.value);
        }
        if let Some(state) = &self.options.database {
            let request = self.of_database(state)?;
            let outcome = self.measure(&request)?;
            passed &= outcome.passed;
            files.push(outcome.value.clone());
            document.insert("database".into(), outcome.value);
        }
        let paths = files.iter().map(|one| one["path"].clone()).collect();
        // The machine is the same one, and was measured each time.
        let worst = files.iter().find(|one| one.pointer("/machine/within_profile") == Some(&Value::Bool(false)));
        let (good, files) = self.render(worst.unwrap_or(&Value::Null), paths)?;
        document.insert("files".into(), files);
        Ok((passed && good, Value::Object(document)))
    }

    /// Blocks are those of the blob that ships: what benchmarks need is not in it.
    fn of_overhead(&self) -> Result<Value> {
        let blob = match &self.options.blob {
            Some(blob) => blob.clone(),
            None => self.build(&build::release_variant(self.runtime, Profile::Production), "overhead")?,
        };
        let settings = self.settings();
        let mut request = json!({
            "command": "overhead",
            "runtime": utf8(&blob)?,
            "out": utf8(&self.raw())?,
            "settings": settings.of_overhead(),
            "machine": self.machine()?,
            "cache": utf8(&self.context.cache.join("executor"))?,
        });
        if let Some(preset) = settings.preset() {
            request["preset"] = json!(preset);
        }
        Ok(request)
    }

    fn of_database(&self, state: &str) -> Result<Value> {
        let state = Place::parse(state)?;
        if let Place::Live(live) = &state {
            return Err(Failure::usage("a database is measured on a state in a file")
                .found(live.to_string())
                .expected("a raw chain spec or a snapshot")
                .hint("`cargo xtask snapshot create NODE --out FILE` takes one of a node"));
        }
        Ok(json!({
            "command": "database",
            "state": state.handed(),
            "out": utf8(&self.raw())?,
            "settings": self.settings().of_database(),
            "machine": self.machine()?,
        }))
    }
}
