// SPDX-License-Identifier: Apache-2.0
//! Runs a build with the workspace mounted at `/build`, where srtool's images have it.
//!
//! Cargo's hash of a package that is known by its path contains this path, and symbols contain the
//! hash. So only a build at the same path gives the blob that srtool builds. This program, under
//! another name, creates a mount namespace in which the workspace is at `/build`, and starts cargo
//! there. The other directories keep their paths. Nothing is mounted outside of the namespace, and
//! nothing is left of it when cargo ends. The build has no network either.

use crate::part::{Part, install};
use process::Tool;
use std::{
    ffi::OsString,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};
use worker::Result;

/// The directory of the workspace in srtool's images.
pub const WORKSPACE: &str = "/build";
/// The name of no program, to try whether the namespace can be created.
const NOTHING: &str = "-";
/// The exit code if the namespace cannot be created. Cargo exits with other codes.
const NOT_ENTERED: u8 = 125;

/// A machine that can mount a workspace at `/build`.
#[derive(Clone, Debug)]
pub struct BuildRoot {
    /// The path of this program under its name as a part of builds.
    program: PathBuf,
    /// An empty directory, at which the namespace gets its root.
    mount_point: PathBuf,
}

impl BuildRoot {
    /// Returns the way to mount a workspace at `/build`, or the reason why this machine has none.
    pub fn find(cache: &Path, workspace: &Path) -> Result<std::result::Result<Self, String>> {
        if !cfg!(target_os = "linux") {
            return Ok(Err("only Linux has mount namespaces".into()));
        }
        let mount_point = cache.join("build-root");
        std::fs::create_dir_all(&mount_point).map_err(|error| worker::Failure::own_io("make", &mount_point, &error))?;
        let own = Self { program: install(cache, Part::BuildRoot)?, mount_point };
        let attempt = own.run(workspace, NOTHING).timeout(Duration::from_secs(60)).capture()?;
        Ok(match attempt.status.success() {
            true => Ok(own),
            false => Err(attempt.stderr.trim().to_owned()),
        })
    }

    /// Returns a call of `program`, which runs in `/build` and finds all other directories as they
    /// are.
    pub fn run(&self, workspace: &Path, program: &str) -> Tool {
        Tool::new(&self.program).arg(workspace).arg(&self.mount_point).arg(program)
    }
}

/// Creates the namespace and becomes the program of the arguments.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let [workspace, mount_point, program, rest @ ..] = arguments.as_slice() else {
        return ExitCode::from(worker::Kind::Usage.exit_code());
    };
    let message = match enter(Path::new(workspace), Path::new(mount_point)) {
        Err(message) => message,
        Ok(()) if program == NOTHING => return ExitCode::SUCCESS,
        Ok(()) => {
            let error = Command::new(program).args(rest).exec();
            format!("cannot start {}: {error}", Path::new(program).display())
        }
    };
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(NOT_ENTERED)
}

#[cfg(not(target_os = "linux"))]
fn enter(_workspace: &Path, _mount_point: &Path) -> std::result::Result<(), String> {
    Err("only Linux has mount namespaces".into())
}

/// Moves this process into a namespace with the workspace at `/build`.
#[cfg(target_os = "linux")]
fn enter(workspace: &Path, mount_point: &Path) -> std::result::Result<(), String> {
    use nix::{
        mount::{MsFlags, mount},
        sched::{CloneFlags, unshare},
        unistd::{getegid, geteuid},
    };
    let flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    let (user, group) = (geteuid(), getegid());
    if unshare(flags).is_err() {
        // Without privileges, a namespace of users is needed too. The user keeps its number.
        unshare(flags | CloneFlags::CLONE_NEWUSER)
            .map_err(|error| format!("the system allows no mount namespace: {error}"))?;
        for (name, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{user} {user} 1")),
            ("gid_map", format!("{group} {group} 1")),
        ] {
            let path = format!("/proc/self/{name}");
            std::fs::write(&path, text).map_err(|error| format!("cannot write {path}: {error}"))?;
        }
    }
    let none = None::<&str>;
    let bind = |from: &Path, to: &Path| {
        mount(Some(from), to, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
            .map_err(|error| format!("cannot mount {} at {}: {error}", from.display(), to.display()))
    };
    // Mounts of the namespace must not appear outside of it.
    mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none)
        .map_err(|error| format!("cannot separate the mounts: {error}"))?;
    let build = Path::new(WORKSPACE);
    if workspace.starts_with(build) && workspace != build {
        return Err(format!("the workspace {} is below {WORKSPACE}", workspace.display()));
    }
    if build.is_dir() && !build.is_symlink() {
        bind(workspace, build)?;
    } else {
        mount(Some("tmpfs"), mount_point, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
            .map_err(|error| format!("cannot mount a file system in memory: {error}"))?;
        mirror(Path::new("/"), mount_point, &bind)?;
        let inside = mount_point.join(build.file_name().unwrap_or_default());
        std::fs::create_dir(&inside).map_err(|error| format!("cannot make {}: {error}", inside.display()))?;
        bind(workspace, &inside)?;
        std::os::unix::fs::chroot(mount_point).map_err(|error| format!("cannot change the root: {error}"))?;
    }
    std::env::set_current_dir(build).map_err(|error| format!("cannot enter {WORKSPACE}: {error}"))
}

/// Shows the directories and links of `root` in `copy`, without `/build`. Files in a root directory
/// are not needed for a build.
#[cfg(target_os = "linux")]
fn mirror(
    root: &Path,
    copy: &Path,
    bind: &impl Fn(&Path, &Path) -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot copy the root directory: {error}");
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        let kind = entry.file_type().map_err(failed)?;
        if from == Path::new(WORKSPACE) {
            continue;
        }
        if kind.is_symlink() {
            let target = std::fs::read_link(&from).map_err(failed)?;
            std::os::unix::fs::symlink(target, &to).map_err(failed)?;
        } else if kind.is_dir() {
            std::fs::create_dir(&to).map_err(failed)?;
            bind(&from, &to)?;
        }
    }
    Ok(())
}
