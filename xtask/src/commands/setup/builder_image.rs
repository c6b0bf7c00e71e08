// SPDX-License-Identifier: Apache-2.0
//! `setup --builder-image` makes a builder image from the distribution's packages, with the same
//! interface as srtool's image. Its parts are in `scripts/builder`. All time stamps are fixed, so
//! that the same packages give the same digest.

use crate::cli::ImageEngine;
use console::printer::Task;
use engines::{
    container::program::{self, Program},
    toolchain::{distribution, rustup, verbose_version},
};
use process::{Tool, in_path};
use protocol::{format, workspace::BuilderImageReport};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};
use workspace::context::Context;

/// The time stamp of all files and of the image: 2026-01-01, in seconds since 1970.
const EPOCH: &str = "1767225600";
const PACKAGES: &str = "rustc-web,cargo-web,rust-web-src,gcc,g++,libc6-dev,git,ca-certificates";
const MIRROR: &str = "http://deb.debian.org";
const NAME: &str = "localhost/cutover-builder";
const FILES: [&str; 5] = ["Containerfile", "build", "info", "install", "version"];

pub fn run(context: &Context, engine: ImageEngine) -> Result<bool> {
    let ImageEngine::Podman = engine;
    let task = context.printer.task("builder image");
    let log = context.log("builder-image");
    let _ = std::fs::remove_file(&log);
    let missing: Vec<String> = [("podman", "podman"), ("runc", "runc"), ("mmdebstrap", "mmdebstrap")]
        .iter()
        .filter(|(program, _)| in_path(program).is_none())
        .map(|(_, package)| (*package).to_owned())
        .collect();
    if !missing.is_empty() {
        distribution::install(&missing, &log, &task)?;
    }
    let directory = context.cache.join("builder");
    prepare_directory(context, &directory, &log, &task)?;
    let reference = format!("{NAME}:1");
    task.say(&format!("building {reference} (log in {})", log.display()));
    let document = match build_and_run(context, &directory, &reference, &log, &task) {
        Ok(document) => document,
        Err(failure) => {
            let configuration = program::configuration(context);
            let text_of_log = std::fs::read_to_string(&log).unwrap_or_default() + &failure.to_string();
            let cannot_run = ["crun", "rlimit", "cgroup", "OCI"].iter().any(|word| text_of_log.contains(word));
            if !cannot_run || configuration.exists() {
                return Err(failure);
            }
            task.warning("podman cannot run a container as it is configured; trying with runc and lower limits");
            let text = files::read_bounded(&context.home.join("scripts/builder/containers.conf"), 64 * 1024)?;
            files::write_whole(&configuration, &text)?;
            match build_and_run(context, &directory, &reference, &log, &task) {
                Ok(document) => document,
                Err(again) => {
                    let _ = std::fs::remove_file(&configuration);
                    return Err(again);
                }
            }
        }
    };
    task.done("made");
    context.printer.result(&document, || {
        format!(
            "image   {}\ndigest  {}\nrustc   {}\n\nin [workspace.metadata.cutover]:\nimage = \"{}\"\n",
            document.image,
            document.digest,
            document.rustc.as_deref().unwrap_or("-"),
            document.pin
        )
    })?;
    Ok(true)
}

/// Collects the parts of the image in one directory.
fn prepare_directory(context: &Context, directory: &Path, log: &Path, task: &Task) -> Result<()> {
    for file in FILES {
        let from = context.home.join("scripts/builder").join(file);
        copy(&from, &directory.join(file))?;
    }
    copy_linker(context, &directory.join("lld"))?;
    task.say(&format!("fetching the distribution's packages (log in {})", log.display()));
    let root = directory.join("root.tar");
    let partial = directory.join("root.partial.tar");
    let line = |path: &str, suite: &str| format!("deb {MIRROR}/{path} {suite} main");
    let mut tool = Tool::new("mmdebstrap").args(["--variant=minbase", "--include"]).arg(PACKAGES);
    // Manuals and translations are not needed, and would make the image larger.
    for excluded in ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*"] {
        tool = tool.arg(format!("--dpkgopt=path-exclude={excluded}"));
    }
    tool = tool.arg("bookworm").arg(&partial).args([
        line("debian", "bookworm"),
        line("debian", "bookworm-updates"),
        line("debian-security", "bookworm-security"),
    ]);
    tool.env("SOURCE_DATE_EPOCH", EPOCH).logged(log, |line| task.tick(line))?;
    std::fs::rename(&partial, &root).map_err(|error| Failure::io("put in place", &root, &error))
}

/// Copies the linker of rustup's toolchain, which host builds use. The distribution's linker is
/// older than its Rust.
fn copy_linker(context: &Context, directory: &Path) -> Result<()> {
    let active = rustup::active(context)?;
    let rustc = verbose_version(&active.directory.join("bin/rustc"))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    let within = PathBuf::from("lib/rustlib").join(host).join("bin/rust-lld");
    copy(&active.directory.join(&within), &directory.join(&within))?;
    let libraries = active.directory.join("lib");
    let entries = std::fs::read_dir(&libraries).map_err(|error| Failure::io("list", &libraries, &error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("libLLVM") && name.contains(".so") {
            copy(&path, &directory.join("lib").join(&name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("copy", from, &error);
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    std::fs::copy(from, to).map(drop).map_err(io)
}

/// Builds the image and runs it once. On some machines podman can build an image but not run it.
fn build_and_run(
    context: &Context,
    directory: &Path,
    reference: &str,
    log: &Path,
    task: &Task,
) -> Result<BuilderImageReport> {
    let podman = Program::find(context, "podman")?;
    let fixed = ["build", "--layers", "--network=none", "--timestamp", EPOCH, "--tag", reference];
    podman.tool().args(fixed).arg(directory).logged(log, |line| task.tick(line))?;
    let limit = Duration::from_secs(120);
    let inspected =
        podman.tool().args(["image", "inspect", "--format", "{{.Digest}}", reference]).timeout(limit).output()?;
    let digest = inspected.trim().to_owned();
    let version =
        podman.tool().args(["run", "--rm", "--network=none", reference, "version"]).timeout(limit).output()?;
    let version: ImageVersion = serde_json::from_str(version.trim())
        .map_err(|error| Failure::internal("the image does not report its version").found(error.to_string()))?;
    Ok(BuilderImageReport {
        format: format::BUILDER_IMAGE.into(),
        image: reference.to_owned(),
        pin: format!("{NAME}@{digest}"),
        digest,
        rustc: version.rustc,
    })
}

/// The output of the image's program `version`.
#[derive(Deserialize)]
struct ImageVersion {
    #[serde(default)]
    rustc: Option<String>,
}
