// SPDX-License-Identifier: Apache-2.0
//! `setup --workers` installs prebuilt workers.

use process::{Tool, in_path, interrupt};
use protocol::{format, prebuilt::InstalledWorkers};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use worker::{Failure, Result};
use workers::prebuilt;
use workspace::context::Context;

/// The limit of a download, in bytes.
const SIZE_LIMIT: &str = "536870912";
/// The limit of the time of a download, in seconds.
const TIME_LIMIT: &str = "3600";

pub fn run(context: &Context, archive: &str, digest: &str) -> Result<bool> {
    let is_digest = digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    if !is_digest {
        return Err(Failure::usage(format!("--digest {digest} is no digest"))
            .expected("sha256: and 64 hex digits, as `cargo xtask dist` prints them"));
    }
    let task = context.printer.task("workers");
    let download = tempfile::tempdir()
        .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
    let file = match archive.contains("://") {
        true => fetch(archive, download.path(), &mut |line| task.say(line))?,
        false => PathBuf::from(archive),
    };
    task.say("checking the archive");
    let (directory, manifest) = prebuilt::install(context, &file, digest)?;
    let report = InstalledWorkers { format: format::INSTALLED_WORKERS.into(), directory, manifest };
    context.printer.result(&report, || report::terminal::installed_workers(&report))?;
    Ok(true)
}

/// Downloads an archive with curl. The address is an argument of curl, which other users of this
/// machine see, so it must contain no secret.
fn fetch(address: &str, into: &Path, say: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let host = address.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || host.contains('@') || address.contains(['?', '#']) {
        return Err(Failure::usage("--workers names no public https address")
            .expected("https://HOST/PATH without a user, a query and a fragment")
            .hint("download the archive by other means, and name the file"));
    }
    if in_path("curl").is_none() {
        return Err(Failure::environment("curl is not installed")
            .expected("curl, to download the archive")
            .hint("apt-get install curl, or download the archive by other means and name the file"));
    }
    say(&format!("downloading the archive from {host}"));
    let file = into.join("workers.tar.gz");
    let fixed = ["--fail", "--silent", "--show-error", "--location", "--globoff", "--proto", "=https"];
    let limits = ["--max-time", TIME_LIMIT, "--max-filesize", SIZE_LIMIT];
    let tool = Tool::new("curl").args(fixed).args(limits).args(["--", address]);
    let io = |error: std::io::Error| Failure::io("write", &file, &error);
    let log = File::create(into.join("curl.log")).map_err(io)?;
    let (mut child, group) = tool.spawn_piped(Some(log))?;
    // Older versions of curl do not limit an answer that does not state its length.
    let mut answer = child.stdout.take().map(|stdout| stdout.take(prebuilt::ARCHIVE_LIMIT + 1));
    let copied = match &mut answer {
        Some(answer) => std::io::copy(answer, &mut File::create(&file).map_err(io)?),
        None => Ok(0),
    };
    drop(answer);
    let status = child.wait().map_err(io)?;
    drop(group);
    interrupt::check()?;
    if copied.map_err(io)? > prebuilt::ARCHIVE_LIMIT {
        return Err(
            Failure::input("the archive of workers is too large").expected(format!("at most {SIZE_LIMIT} bytes"))
        );
    }
    if !status.success() {
        let said = files::read_bounded(&into.join("curl.log"), 64 << 10).unwrap_or_default();
        return Err(Failure::environment("the archive of workers was not downloaded")
            .found(format!("{status}: {}", String::from_utf8_lossy(&said).trim()))
            .hint("download the archive by other means, and name the file"));
    }
    Ok(file)
}
