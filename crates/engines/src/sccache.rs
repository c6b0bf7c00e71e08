// SPDX-License-Identifier: Apache-2.0
//! Shares compiled crates through sccache: a crate that one machine compiled is reused by others
//! with the same paths.
//!
//! The sccache server is started here and not by the build. So only the server has the credentials
//! of a shared cache. Build scripts see its address and nothing more.

use process::{Tool, in_path};
use std::{path::PathBuf, time::Duration};
use worker::{Failure, Result};

/// The variables with the server's address, which clients read.
pub const CLIENT: [&str; 2] = ["SCCACHE_SERVER_PORT", "SCCACHE_SERVER_UDS"];
const TIMEOUT: Duration = Duration::from_secs(60);

/// An installed sccache whose server runs.
#[derive(Clone, Debug)]
pub struct Sccache {
    pub program: PathBuf,
    /// `sccache 0.16.0`
    pub version: String,
}

impl Sccache {
    /// Finds the program and starts its server.
    pub fn start() -> Result<Self> {
        let program = in_path("sccache").ok_or_else(|| {
            Failure::environment("sccache is not installed")
                .expected("a program of that name in PATH")
                .hint("cargo install --locked sccache; or leave --sccache out to compile everything here")
        })?;
        let tool = || Tool::new(&program).timeout(TIMEOUT);
        let version = tool().arg("--version").output()?.trim().to_owned();
        // This starts the server if none runs. `--start-server` would replace a server that listens
        // on a socket, and the old one would keep running unused.
        tool().arg("--show-stats").output().map_err(|failure| {
            failure.hint(
                "run sccache --stop-server, then try again; sccache's own configuration says where it stores its cache",
            )
        })?;
        Ok(Self { program, version })
    }
}
