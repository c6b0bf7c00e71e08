// SPDX-License-Identifier: Apache-2.0
//! sccache between cargo and rustc: what one machine compiled, the next one of the same layout takes as it is.
//!
//! Its server is started here and not by the build, so that the credentials of a shared cache are in the environment of
//! the server alone: build scripts see where it listens, nothing more.

use crate::{process::Tool, toolchain::in_path};
use std::{path::PathBuf, time::Duration};
use worker::{Failure, Result};

/// How its clients find the server.
pub const CLIENT: [&str; 2] = ["SCCACHE_SERVER_PORT", "SCCACHE_SERVER_UDS"];
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Sccache {
    pub program: PathBuf,
    /// `sccache 0.16.0`
    pub version: String,
}

impl Sccache {
    /// Finds the program and sees to it that its server runs.
    pub fn start() -> Result<Self> {
        let program = in_path("sccache").ok_or_else(|| {
            Failure::environment("sccache is not installed")
                .expected("a program of that name in PATH")
                .hint("cargo install --locked sccache; or leave --sccache out: everything is then compiled here")
        })?;
        let tool = || Tool::new(&program).timeout(LIMIT);
        let version = tool().arg("--version").output()?.trim().to_owned();
        // It starts the server where none answers. `--start-server` would put a second one in the place of one that listens on a
        // socket, which then runs on with nobody to ask it.
        tool().arg("--show-stats").output().map_err(|failure| {
            failure.hint("sccache --stop-server, then again; what it keeps where is in its own configuration")
        })?;
        Ok(Self { program, version })
    }
}
