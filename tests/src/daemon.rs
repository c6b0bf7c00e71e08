// SPDX-License-Identifier: Apache-2.0
//! A real Docker daemon of a test, with its own directories and socket.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Copies this machine's shell and a few programs, with their libraries, into the directory `$1`,
/// and writes it as an archive to standard output.
const ROOT: &str = r#"
set -e
cd "$1"
mkdir -p bin build out tmp home/builder/cargo srtool
chmod 1777 out tmp home/builder/cargo
for program in sh cat cp mkdir sleep; do
    file=$(readlink -f "$(command -v $program)")
    cp "$file" bin/$program
    for library in $(ldd "$file" | grep -o '/[^ ]*'); do
        mkdir -p ".${library%/*}"
        cp -L "$library" ".$library"
    done
done
tar --create .
"#;

/// A running daemon. When dropped, it is ended and its directory removed.
pub struct Daemon {
    directory: tempfile::TempDir,
    child: Child,
}

impl Daemon {
    /// Starts a daemon. Returns `None`, and says why, where none can be started.
    pub fn start() -> Option<Self> {
        Self::start_in(tempfile::tempdir().expect("a directory"))
    }

    fn start_in(directory: tempfile::TempDir) -> Option<Self> {
        let installed =
            |name: &str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
        let why = match (installed("docker"), installed("dockerd"), is_root()) {
            (false, _, _) => Some("docker is not installed"),
            (_, false, _) => Some("dockerd is not installed"),
            (_, _, false) => Some("only root can start a Docker daemon"),
            _ => None,
        };
        if let Some(why) = why {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {why}, so that no real Docker daemon is tested");
            return None;
        }
        let child = run(directory.path());
        let mut daemon = Self { directory, child };
        daemon.wait();
        Some(daemon)
    }

    /// Waits until the daemon answers. On a busy machine it gives up because its containerd starts
    /// too slowly. It is then started again.
    fn wait(&mut self) {
        let until = Instant::now() + Duration::from_secs(180);
        while !self.docker(&["info"]).output().is_ok_and(|output| output.status.success()) {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "the daemon does not answer:\n{log}");
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                self.child = run(self.directory.path());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns the value of `DOCKER_HOST` for the daemon.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Returns the path of the daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// Returns a command of the client.
    pub fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", self.host()).stdin(Stdio::null());
        command
    }

    /// Returns the standard output of a command of the client, which must succeed.
    pub fn output(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Makes an image with the tag `name`, whose program `build` is the script, with more files at
    /// its root. Returns the image's id.
    pub fn image(&self, name: &str, build: &str, files: &[(&str, &[u8])]) -> String {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("bin")).expect("made");
        let script = root.path().join("bin/build");
        fs::write(&script, format!("#!/bin/sh\n{build}\n")).expect("written");
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
        for (path, bytes) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(&path, bytes).expect("written");
        }
        let archive = Command::new("sh").args(["-c", ROOT, "sh"]).arg(root.path()).output().expect("sh runs");
        assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
        let file = root.path().join("image.tar");
        fs::write(&file, archive.stdout).expect("written");
        let file = file.to_str().expect("UTF-8");
        let changes = ["--change", "ENV PATH=/bin", "--change", "USER 1001:1001", "--change", "WORKDIR /build"];
        self.output(&[&["import"], &changes[..], &[file, name]].concat())
    }

    /// Kills the daemon without letting it end its containers.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Starts the daemon again after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        self.child = run(self.directory.path());
        self.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It unmounts what it mounted before it ends.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
        // It mounts its data onto itself, once more after a kill.
        let data = self.directory.path().join("data");
        while Command::new("umount").arg(&data).output().is_ok_and(|output| output.status.success()) {}
    }
}

fn run(directory: &Path) -> Child {
    let log = File::options().create(true).append(true).open(directory.join("log")).expect("opened");
    let at = |name: &str| directory.join(name).display().to_string();
    let mut command = Command::new("dockerd");
    command
        .args(["--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"])
        .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
        .arg("--host")
        .arg(format!("unix://{}", at("docker.sock")))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .process_group(0);
    let _ = fs::remove_file(directory.join("pid"));
    command.spawn().expect("dockerd starts")
}

/// Returns whether the test runs as root.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}
