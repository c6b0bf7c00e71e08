// SPDX-License-Identifier: Apache-2.0
//! The programs docker and podman, with the configuration that works on this machine.

use process::{Tool, in_path};
use std::path::PathBuf;
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
        let tool = Tool::new(&self.path);
        match &self.configuration {
            Some(file) => tool.env("CONTAINERS_CONF", file),
            None => tool,
        }
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
