// SPDX-License-Identifier: Apache-2.0
//! `setup --builder-image` makes a builder image from the distribution's packages, with the same
//! interface as srtool's image. Its programs are in `scripts/builder`.
//!
//! The image has one layer, which mmdebstrap writes, and a configuration. Both have fixed time
//! stamps and are made without a container engine, so the same packages give the same image in
//! every engine.

use crate::cli::ImageEngine;
use console::printer::Task;
use engines::{
    container::{
        image,
        program::{self, Program},
    },
    toolchain::{distribution, rustup, verbose_version},
};
use process::{Tool, in_path};
use protocol::{format, workspace::BuilderImageReport};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};
use workspace::context::Context;

/// The time stamp of all files and of the image, in seconds since 1970.
const EPOCH: &str = "1767225600";
/// The same time in the image's configuration.
const CREATED: &str = "2026-01-01T00:00:00Z";
const PACKAGES: &str = "rustc-web,cargo-web,rust-web-src,gcc,g++,libc6-dev,git,ca-certificates";
const MIRROR: &str = "http://deb.debian.org";
const NAME: &str = "localhost/cutover-builder";
const TAG: &str = "1";
/// The time limit for a container that prints its version. Docker's storage driver `vfs` copies the
/// whole image for it, twice.
const START_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// The programs of the image, in its directory `/srtool`.
const PROGRAMS: [&str; 4] = ["build", "info", "lib.sh", "version"];
/// What mmdebstrap does after it installed the packages. The words are a special hook of
/// mmdebstrap or a command for a shell, with the root directory as `$1`.
const HOOKS: [&str; 4] = [
    "copy-in lld /opt",
    "copy-in srtool /",
    "copy-in install /tmp",
    r#"chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /tmp/install"#,
];

pub fn run(context: &Context, engine: ImageEngine) -> Result<bool> {
    let task = context.printer.task("builder image");
    let log = context.log("builder-image");
    let _ = std::fs::remove_file(&log);
    let (name, needed): (_, &[&str]) = match engine {
        ImageEngine::Docker => ("docker", &["mmdebstrap"]),
        ImageEngine::Podman => ("podman", &["podman", "runc", "mmdebstrap"]),
    };
    if engine == ImageEngine::Docker {
        // Its daemon has to be set up first. The packages take minutes.
        Program::find(context, name)?.check()?;
    }
    let missing: Vec<String> =
        needed.iter().filter(|program| in_path(program).is_none()).map(|program| (*program).to_owned()).collect();
    if !missing.is_empty() {
        distribution::install(&missing, &log, &task)?;
    }
    let directory = context.cache.join("builder");
    prepare_directory(context, &directory, &log, &task)?;
    let archive = write_archive(&directory, &log, &task)?;
    task.say(&format!("loading {NAME}:{TAG} into {name} (log in {})", log.display()));
    let document = match load_and_run(context, name, &archive, &log, &task) {
        Ok(document) => document,
        Err(failure) => {
            let configuration = program::configuration(context);
            let text_of_log = std::fs::read_to_string(&log).unwrap_or_default() + &failure.to_string();
            let cannot_run = ["crun", "rlimit", "cgroup", "OCI"].iter().any(|word| text_of_log.contains(word));
            if engine == ImageEngine::Docker || !cannot_run || configuration.exists() {
                return Err(failure);
            }
            task.warning("podman cannot run a container as it is configured; trying with runc and lower limits");
            let text = files::read_bounded(&context.home.join("scripts/builder/containers.conf"), 64 * 1024)?;
            files::write_whole(&configuration, &text)?;
            match load_and_run(context, name, &archive, &log, &task) {
                Ok(document) => document,
                Err(again) => {
                    let _ = std::fs::remove_file(&configuration);
                    return Err(again);
                }
            }
        }
    };
    // The engine has its own copy of it.
    let _ = std::fs::remove_file(&archive);
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

/// Collects the parts of the image in one directory, and writes its layer to `root.tar` there.
fn prepare_directory(context: &Context, directory: &Path, log: &Path, task: &Task) -> Result<()> {
    let scripts = context.home.join("scripts/builder");
    for program in PROGRAMS {
        copy(&scripts.join(program), &directory.join("srtool").join(program))?;
    }
    copy(&scripts.join("install"), &directory.join("install"))?;
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
    tool = tool.args(HOOKS.map(|hook| format!("--customize-hook={hook}")));
    tool = tool.arg("bookworm").arg(&partial).args([
        line("debian", "bookworm"),
        line("debian", "bookworm-updates"),
        line("debian-security", "bookworm-security"),
    ]);
    // The hooks name the parts relative to the directory.
    tool.directory(directory).env("SOURCE_DATE_EPOCH", EPOCH).logged(log, |line| task.tick(line))?;
    std::fs::rename(&partial, &root).map_err(|error| Failure::io("put in place", &root, &error))
}

/// Writes the image as an archive that `docker load` and `podman load` read: the layer `root.tar`,
/// the configuration, and a list of both.
#[expect(clippy::disallowed_macros, reason = "docker's own format")]
fn write_archive(directory: &Path, log: &Path, task: &Task) -> Result<PathBuf> {
    let layer = "root.tar";
    let configuration = configuration(&sha256(&directory.join(layer))?);
    let configuration = serde_json::to_vec(&configuration).map_err(not_json)?;
    files::write_whole(&directory.join("config.json"), &configuration)?;
    let manifest = json!([{"Config": "config.json", "RepoTags": [format!("{NAME}:{TAG}")], "Layers": [layer]}]);
    files::write_whole(&directory.join("manifest.json"), &serde_json::to_vec(&manifest).map_err(not_json)?)?;
    let archive = directory.join("image.tar");
    let tool = Tool::new("tar").args(["--create", "--format=ustar", "--file"]).arg(&archive);
    let tool = tool.arg("--directory").arg(directory).args(["manifest.json", "config.json", layer]);
    tool.logged(log, |line| task.tick(line))?;
    // Each copy of the layer has a gigabyte and a half.
    let _ = std::fs::remove_file(directory.join(layer));
    Ok(archive)
}

/// Returns the configuration of the image in docker's format. Its SHA-256 is the image's id.
#[expect(clippy::disallowed_macros, reason = "docker's own format")]
fn configuration(layer: &str) -> serde_json::Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "architecture": architecture,
        "config": {
            "Cmd": ["/srtool/build"],
            "Env": ["PATH=/srtool:/usr/local/bin:/usr/bin:/bin", "CARGO_HOME=/home/builder/cargo"],
            "User": "1001:1001",
            "WorkingDir": "/build",
        },
        "created": CREATED,
        "history": [{"created": CREATED, "created_by": "cargo xtask setup --builder-image"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
    })
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::internal("the image's configuration cannot be written").found(error.to_string())
}

/// Returns the SHA-256 hash of a file, in hex.
fn sha256(path: &Path) -> Result<String> {
    let io = |error: std::io::Error| Failure::io("read", path, &error);
    let mut hasher = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path).map_err(io)?, &mut hasher).map_err(io)?;
    Ok(hex::encode(hasher.finalize()))
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

/// Loads the image and runs it once. On some machines podman can load an image but not run it.
fn load_and_run(
    context: &Context,
    name: &'static str,
    archive: &Path,
    log: &Path,
    task: &Task,
) -> Result<BuilderImageReport> {
    let program = Program::find(context, name)?;
    program.tool().args(["load", "--input"]).arg(archive).logged(log, |line| task.tick(line))?;
    let image = image::local(&program, NAME, TAG)?;
    let version = program.tool().args(["run", "--rm", "--network=none", &image.pin, "version"]);
    let version = version.timeout(START_TIMEOUT).output()?;
    let version: ImageVersion = serde_json::from_str(version.trim())
        .map_err(|error| Failure::internal("the image does not report its version").found(error.to_string()))?;
    Ok(BuilderImageReport {
        format: format::BUILDER_IMAGE.into(),
        image: image.reference,
        pin: image.pin,
        digest: image.digest,
        rustc: version.rustc,
    })
}

/// The output of the image's program `version`.
#[derive(Deserialize)]
struct ImageVersion {
    #[serde(default)]
    rustc: Option<String>,
}
