// SPDX-License-Identifier: Apache-2.0
//! The programs docker and podman, with the configuration that works on this machine.

use process::{Tool, in_path};
use std::{
    io::ErrorKind,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Failure, Result};
use workspace::context::Context;

/// An installed docker or podman.
#[derive(Clone, Debug)]
pub struct Program {
    /// The name of the program: `docker` or `podman`.
    pub name: &'static str,
    path: PathBuf,
    /// Cutover's own configuration, which `setup` writes if podman's cannot run a container.
    configuration: Option<PathBuf>,
}

impl Program {
    /// Returns the program from PATH. Fails if it is not installed.
    pub fn find(context: &Context, name: &'static str) -> Result<Self> {
        let path = in_path(name).ok_or_else(|| {
            Failure::environment(format!("{name} is not installed"))
                .found(format!("no {name} in PATH"))
                .hint(format!("install {name}, or build with --engine host"))
        })?;
        let own = configuration(context);
        let chosen = std::env::var_os("CONTAINERS_CONF").is_some_and(|value| !value.is_empty());
        Ok(Self { name, path, configuration: (!chosen && name == "podman" && own.is_file()).then_some(own) })
    }

    /// Returns the program without arguments, with the configuration that works.
    pub fn tool(&self) -> Tool {
        self.environment(Tool::new(&self.path))
    }

    /// Adds the configuration to a program that calls this one.
    pub fn environment(&self, tool: Tool) -> Tool {
        match &self.configuration {
            Some(file) => tool.env("CONTAINERS_CONF", file),
            None => tool,
        }
    }

    /// Checks that the program works. Fails with the reason if docker's daemon cannot be reached.
    pub fn check(&self) -> Result<()> {
        let info = self.tool().arg("info").timeout(Duration::from_secs(60)).capture()?;
        process::interrupt::check()?;
        if info.status.success() {
            return Ok(());
        }
        if let Some(failure) = self.unreachable() {
            return Err(failure);
        }
        let name = self.name;
        let said = info.stderr.lines().rev().take(3).collect::<Vec<_>>();
        let said = said.into_iter().rev().collect::<Vec<_>>().join("\n");
        Err(Failure::environment(format!("{name} is installed but does not work"))
            .found(if said.is_empty() { info.status.to_string() } else { said })
            .expected(format!("`{name} info` to succeed"))
            .hint(if name == "docker" { "start its daemon: systemctl start docker" } else { "podman info" }))
    }

    /// Returns the failure of a build if docker's daemon cannot be reached after it.
    pub fn ended_during(&self, package: &str) -> Option<Failure> {
        let unreachable = self.unreachable()?;
        let hint = unreachable.hint.unwrap_or_default();
        let failure = Failure::environment(format!("the docker daemon ended while {package} was built"))
            .expected("a daemon that runs until the container has ended")
            .hint(format!("{hint}; then run the command again: it continues with what was compiled"));
        Some(Failure { found: unreachable.found, ..failure })
    }

    /// Returns the failure if the socket of docker's daemon on this machine cannot be opened.
    /// `None` for podman, which has no daemon, and for a daemon on another machine.
    pub fn unreachable(&self) -> Option<Failure> {
        if self.name != "docker" {
            return None;
        }
        let limit = Duration::from_secs(30);
        let endpoint = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
        let endpoint = self.tool().args(endpoint).for_cleanup().timeout(limit).capture().ok()?;
        let endpoint = String::from_utf8(endpoint.stdout).ok()?;
        let socket = Path::new(endpoint.trim().strip_prefix("unix://")?);
        let error = UnixStream::connect(socket).err()?;
        Some(unreachable(socket, error.kind(), &error.to_string()))
    }

    #[cfg(test)]
    pub fn fake(name: &'static str) -> Self {
        Self { name, path: name.into(), configuration: None }
    }
}

/// Returns the path of Cutover's own configuration of podman. The file may not exist.
pub fn configuration(context: &Context) -> PathBuf {
    context.cache.join("containers.conf")
}

/// Returns the failure for an error when docker's socket is opened.
fn unreachable(socket: &Path, kind: ErrorKind, error: &str) -> Failure {
    let socket = socket.display();
    match kind {
        ErrorKind::PermissionDenied => Failure::environment("this user may not use the docker daemon")
            .found(format!("{socket}: {error}"))
            .expected("the permission to read and write its socket")
            .hint("add the user to the group `docker` and log in again, or build with --engine podman"),
        _ => Failure::environment("the docker daemon does not run")
            .found(format!("{socket}: {error}"))
            .expected("a daemon that listens at this socket")
            .hint("start it: systemctl start docker; or name the socket of another one in DOCKER_HOST"),
    }
}
