// SPDX-License-Identifier: Apache-2.0
//! What the worker is asked to do.

mod render;

pub use render::{Render, RenderedAll, Written, render_all};

use crate::{
    check,
    compare::{self, load},
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use worker::{Failure, Outcome, Reporter, Result};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Two sets of weights ([`compare::Comparison`]).
    Compare {
        old: Side,
        new: Side,
        #[serde(default)]
        options: compare::Options,
    },
    /// Weight files from raw results.
    Render(Box<Render>),
    /// The weights of a runtime ([`check::Report`]).
    Check(Box<check::Request>),
    /// Which pallets of a runtime have weight files of its own ([`check::Measured`]).
    Measured { directory: PathBuf },
}

/// A file or directory, and how it is called in results: a revision's files lie in a temporary directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    pub name: String,
    pub path: PathBuf,
}

pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    let (passed, value) = match request {
        Request::Compare { old, new, options } => {
            reporter.status(format!("comparing {} with {}", old.name, new.name));
            let weights = (load::load(&old.path, &old.name)?, load::load(&new.path, &new.name)?);
            let comparison = compare::compare((&old.name, &new.name), weights.0, weights.1, &options);
            (comparison.passed(), serde_json::to_value(&comparison))
        }
        Request::Render(request) => (true, serde_json::to_value(&render_all(&request, reporter)?)),
        Request::Check(request) => {
            reporter.status(format!("checking the weights of {}", request.runtime));
            let report = check::check(&request)?;
            (report.passed(), serde_json::to_value(&report))
        }
        Request::Measured { directory } => (true, serde_json::to_value(check::measured(&directory)?)),
    };
    let value = value.map_err(|error| Failure::internal("the result is no JSON").found(error.to_string()))?;
    Ok(Outcome { passed, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_xtask_writes_them() {
        let of = |value: serde_json::Value| serde_json::from_value::<Request>(value).expect("a request");
        let side = serde_json::json!({"name": "a", "path": "a.rs"});
        let compare = of(serde_json::json!({"command": "compare", "old": side, "new": side,
            "options": {"method": "exact-worst", "price": {"read": 1, "write": 2}, "threshold": 3.0}}));
        assert!(
            matches!(compare, Request::Compare { options, .. } if options.method == compare::Method::ExactWorst && options.threshold == 3.0)
        );
        let render = of(serde_json::json!({"command": "render", "raw": ["a.json"], "out": "x", "shape": "xcm",
            "header": {"style": "conventional", "date": "d", "hostname": "h", "command": []}}));
        assert!(matches!(render, Request::Render(render) if render.shape == Some(crate::render::Shape::Xcm)));
        let check = of(serde_json::json!({"command": "check", "runtime": "r", "directory": "d", "jump": 30.0}));
        assert!(matches!(check, Request::Check(_)));
    }
}
