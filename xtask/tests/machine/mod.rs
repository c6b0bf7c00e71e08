// SPDX-License-Identifier: Apache-2.0
//! A machine made of a directory, on which the built program meets stand-ins for other programs.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

pub const TARGET: &str = "wasm32v1-none";

/// A machine made of a directory: its programs, its home, a workspace.
pub struct Machine {
    pub directory: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self { directory: tempfile::tempdir().expect("a directory") };
        for directory in ["bin", "home", "workspace/src", "cache"] {
            std::fs::create_dir_all(machine.path(directory)).expect("made");
        }
        let manifest = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";
        machine.write("workspace/Cargo.toml", manifest);
        machine.write("workspace/src/lib.rs", "");
        for program in ["cc", "c++", "git"] {
            machine.program(program, "exit 1");
        }
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// A stand-in: a shell script, for which the real shell's own directory is in no PATH.
    pub fn program(&self, name: &str, script: &str) {
        self.script(&format!("bin/{name}"), script);
    }

    /// An executable shell script.
    pub fn script(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    /// A rustup with one toolchain, whose compiler says a version. `add` is what it does when a target is to be added.
    pub fn rustup(&self, add: &str) {
        let toolchain = self.path("home/.rustup/toolchains/1.95.0-here");
        self.write("home/.rustup/toolchains/1.95.0-here/lib/rustlib/multirust-channel-manifest.toml", "");
        std::fs::create_dir_all(toolchain.join("bin")).expect("made");
        let rustc = toolchain.join("bin/rustc");
        std::fs::write(
            &rustc,
            "#!/bin/sh\necho 'rustc 1.95.0 (stand-in)'\necho 'host: here'\necho 'release: 1.95.0'\n",
        )
        .expect("written");
        std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).expect("executable");
        self.program("rustup", &format!("case \"$1 $2\" in\n'show active-toolchain') echo '1.95.0-here (default)';;\n'target add') {add};;\n*) exit 9;;\nesac"));
    }

    /// What `rustup target add` makes.
    pub fn libraries(&self) -> String {
        let directory = self.path("home/.rustup/toolchains/1.95.0-here/lib/rustlib").join(TARGET).join("lib");
        let directory = directory.display();
        format!(
            "/bin/mkdir -p '{directory}'; : > '{directory}/libcore-1.rlib'; : > '{directory}/liballoc-1.rlib'; : > '{directory}/libcompiler_builtins-1.rlib'"
        )
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("CUTOVER_CACHE", self.path("cache"))
            .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:1")
            .stdin(Stdio::null());
        command
    }

    pub fn in_workspace(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--workspace").arg(self.path("workspace"));
        command
    }

    /// Exit code, standard output and standard error, with the machine's directory called `MACHINE`.
    pub fn seen(&self, mut command: Command) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = command.output().expect("it runs");
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("text");
            let real = std::fs::canonicalize(self.directory.path()).expect("a path");
            text.replace(&real.display().to_string(), "MACHINE")
                .replace(&self.directory.path().display().to_string(), "MACHINE")
        };
        (status.code(), text(stdout), text(stderr))
    }
}

pub fn wait_for(path: &Path) {
    for _ in 0..600 {
        if path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{} did not appear", path.display());
}
