// SPDX-License-Identifier: Apache-2.0
//! The `setup` command: checks what the machine needs and installs what is missing.

mod builder_image;
mod workers;

use crate::{browser, cli};
use engines::toolchain::{self, Plan, State, TARGET, distribution};
use process::{Tool, in_path};
use protocol::{
    format,
    workspace::{SetupItem, SetupReport, SetupStatus as Status},
};
use std::time::Duration;
use worker::{Failure, Result};
use workspace::context::Context;

/// A requirement of the machine.
#[derive(Clone, Debug)]
struct Item {
    name: &'static str,
    status: Status,
    detail: String,
    /// What `setup` does if the item is missing.
    action: Option<String>,
    packages: &'static [&'static str],
}

pub fn run(context: &Context, options: &cli::Setup) -> Result<bool> {
    if options.builder_image {
        return builder_image::run(context, options.engine);
    }
    if let (Some(archive), Some(digest)) = (&options.workers, &options.digest) {
        return workers::run(context, archive, digest);
    }
    let items = examine(context)?;
    let missing: Vec<_> = items.iter().filter(|item| item.status == Status::Missing).cloned().collect();
    if options.check || missing.is_empty() {
        show(context, &items, false)?;
        return match missing.as_slice() {
            [] => Ok(true),
            missing => Err(Failure::environment(format!("missing: {}", names(missing))).hint("cargo xtask setup")),
        };
    }
    context.printer.status("setup will:");
    for item in &missing {
        context.printer.status(&format!("  {}: {}", item.name, item.action.as_deref().unwrap_or("nothing")));
    }
    let packages: Vec<String> = missing.iter().flat_map(|item| item.packages).map(|name| (*name).to_owned()).collect();
    if !packages.is_empty() {
        let task = context.printer.task("setup");
        distribution::refresh_lists(&context.log("setup"), &task)?;
        distribution::install(&packages, &context.log("setup"), &task)?;
    }
    // Checked again: an installed package may contain the target.
    if let State::Missing { active, plan } = toolchain::probe(context)? {
        let task = context.printer.task("setup");
        toolchain::make(context, &active, &plan, &task)?;
    }
    let items = examine(context)?;
    show(context, &items, true)?;
    match items.iter().find(|item| item.status == Status::Missing) {
        None => Ok(true),
        Some(item) => Err(Failure::environment(format!("still missing: {}", item.name)).found(item.detail.clone())),
    }
}

fn names(items: &[Item]) -> String {
    items.iter().map(|item| item.name).collect::<Vec<_>>().join(", ")
}

/// Prints the requirements.
fn show(context: &Context, items: &[Item], changed: bool) -> Result<()> {
    let setup_item = |item: &Item| SetupItem {
        name: item.name.to_owned(),
        status: item.status,
        detail: item.detail.clone(),
        action: item.action.clone(),
    };
    let report = SetupReport { format: format::SETUP.into(), items: items.iter().map(setup_item).collect(), changed };
    context.printer.result(&report, || report::terminal::setup(&report))
}

/// Checks all requirements without changing anything.
fn examine(context: &Context) -> Result<Vec<Item>> {
    Ok(vec![
        program("cc", "the linker of host programs", &["gcc", "libc6-dev"]),
        program("c++", "compiles wasm-opt, which shrinks blobs", &["g++"]),
        program("git", "provides the commit of a build", &["git"]),
        wasm_target(context)?,
        container_engine(),
        chromium(),
    ])
}

/// Checks that a program is in PATH. `packages` are the packages that contain it.
fn program(name: &'static str, purpose: &str, packages: &'static [&'static str]) -> Item {
    match in_path(name) {
        Some(path) => item(name, Status::Ok, path.display().to_string(), None),
        None => Item {
            packages,
            ..item(
                name,
                Status::Missing,
                format!("not in PATH; {purpose}"),
                Some(format!("install {} with apt-get", packages.join(", "))),
            )
        },
    }
}

fn item(name: &'static str, status: Status, detail: String, action: Option<String>) -> Item {
    Item { name, status, detail, action, packages: &[] }
}

/// Checks that the toolchain can compile for WebAssembly.
fn wasm_target(context: &Context) -> Result<Item> {
    Ok(match toolchain::probe(context)? {
        State::Ready(toolchain) => {
            let by = match toolchain.by {
                toolchain::Origin::Rustup => "rustup",
                toolchain::Origin::Distribution => "the distribution",
            };
            item(TARGET, Status::Ok, format!("{} by {by}, toolchain {}", toolchain.version(), toolchain.name), None)
        }
        State::Missing { active, plan } => {
            let detail = match &plan {
                Plan::Impossible { why } => why.join("; "),
                _ => format!("the toolchain {} cannot compile for it", active.name),
            };
            item(TARGET, Status::Missing, detail, Some(plan.describe(&active)))
        }
    })
}

/// Checks for Chromium. It is optional: only the tests need it, and `test` installs it.
fn chromium() -> Item {
    match browser::program() {
        Some(path) => item("chromium", Status::Ok, path.display().to_string(), None),
        None => {
            let detail = "not in PATH; the tests open report.html in it; `cargo xtask test` installs it";
            item("chromium", Status::Optional, detail.into(), None)
        }
    }
}

/// Checks for a container engine that runs.
fn container_engine() -> Item {
    for engine in ["podman", "docker"] {
        let output = in_path(engine).map(|path| Tool::new(path).arg("info").timeout(Duration::from_secs(10)).capture());
        if let Some(Ok(captured)) = output
            && captured.status.success()
        {
            return item("container engine", Status::Ok, engine.into(), None);
        }
    }
    item(
        "container engine",
        Status::Optional,
        "none runs; only `build --engine docker` and `podman` need one".into(),
        None,
    )
}
