// SPDX-License-Identifier: Apache-2.0
//! Runs one container, from its command line to its removal.

use super::{
    super::Image,
    answer::{BuilderResult, ResultReader},
    program::Program,
};
use console::printer::Task;
use process::interrupt;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};
use worker::{Failure, Result};

/// The user id of the builder in srtool's images.
const BUILDER: u32 = 1001;
const CARGO_HOME: &str = "/home/builder/cargo";

/// A build in one container.
pub struct Run<'run> {
    pub program: &'run Program,
    pub image: &'run Image,
    pub package: &'run str,
    /// The directory of the package that is built, relative to the sources.
    pub directory: &'run Path,
    pub profile: &'run str,
    pub options: &'run str,
    pub sources: &'run Path,
    /// The target directory, and its mount point relative to the sources.
    pub target: (&'run Path, &'run Path),
    pub out: &'run Path,
    pub cargo_home: &'run Path,
    /// The directory into which the container unpacks the registry's archives, kept between builds.
    pub unpacked: &'run Path,
}

impl Run<'_> {
    /// Runs the container and reads its result.
    pub fn execute(&self, task: &Task, log: &Path) -> Result<BuilderResult> {
        let name = unique_name(self.package);
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::environment("cannot make a temporary directory").found(error.to_string()))?;
        let id = directory.path().join("id");
        let tool = self.program.tool().args(self.arguments(&name, &id)?);
        let mut listener = ResultReader::default();
        let mut compiled = 0;
        let ended = {
            let _removed = ContainerRemoved::when_dropped(self.program, &name, id);
            tool.logged_status(log, |line| {
                listener.line(line);
                if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
                    compiled += 1;
                    task.tick(&format!("{compiled} crates compiled, now {package}"));
                }
            })?
        };
        if ended.status.success() {
            return listener.result(&format!("the image {}", self.image.reference));
        }
        if let Some(failure) = self.program.ended_during(self.package) {
            return Err(failure);
        }
        Err(self.failure(ended.status.code(), &ended.last_lines, ended.failure(log)))
    }

    /// Returns the arguments of the container engine. No shell is used, so nothing is quoted.
    pub fn arguments(&self, name: &str, id: &Path) -> Result<Vec<OsString>> {
        let mut words: Vec<OsString> = ["run", "--rm", "--name", name, "--pull=never"].map(OsString::from).into();
        words.extend(["--cidfile".into(), id.into()]);
        words.extend(["--network=none", "--cap-drop=all", "--security-opt=no-new-privileges"].map(OsString::from));
        words.extend(self.user(rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()));
        let build = Path::new("/build");
        let registry = self.cargo_home.join("registry");
        let (index, cache, git) = (registry.join("index"), registry.join("cache"), self.cargo_home.join("git"));
        let mut mounts = vec![
            (self.sources, build.to_path_buf(), true),
            (self.target.0, build.join(self.target.1), false),
            (self.out, PathBuf::from("/out"), false),
            // The container unpacks them itself. Archives may hold files that only their owner can
            // read, and files that were unpacked on this machine may have been changed.
            (self.unpacked, Path::new(CARGO_HOME).join("registry/src"), false),
        ];
        // The whole home would include credentials, and would hide the image's: srtool's has its
        // cargo there.
        for directory in [&index, &cache, &git] {
            if directory.is_dir() {
                let within = directory.strip_prefix(self.cargo_home).unwrap_or(directory);
                mounts.push((directory, Path::new(CARGO_HOME).join(within), true));
            }
        }
        for (from, to, read_only) in mounts {
            words.extend([OsString::from("--mount"), mount(from, &to, read_only)?]);
        }
        for (name, value) in self.environment() {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            words.extend([OsString::from("--env"), word]);
        }
        // The resolved image runs even if the tag has moved.
        words.push(self.image.pin.clone().into());
        words.extend(["build", "--app", "--json"].map(OsString::from));
        Ok(words)
    }

    /// Returns the user options, so that the caller owns or can remove the files that the container
    /// writes.
    fn user(&self, uid: u32, gid: u32) -> Vec<OsString> {
        match (self.program.name, uid) {
            // The directories belong to the image's user, see `open_to_container`.
            (_, 0) => Vec::new(),
            ("podman", _) => vec!["--userns=keep-id".into()],
            _ => vec!["--user".into(), format!("{uid}:{gid}").into()],
        }
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let directory = if self.directory.as_os_str().is_empty() { Path::new(".") } else { self.directory };
        let mut variables: Vec<(&str, OsString)> = vec![
            ("PACKAGE", self.package.into()),
            ("RUNTIME_DIR", directory.into()),
            ("BUILD_OPTS", self.options.into()),
            ("PROFILE", self.profile.into()),
            ("CARGO_HOME", CARGO_HOME.into()),
            ("CARGO_NET_OFFLINE", "true".into()),
            ("CARGO_TERM_COLOR", "never".into()),
            ("WASM_BUILD_NO_COLOR", "1".into()),
            ("WASM_BUILD_WORKSPACE_HINT", "/build".into()),
            // The script must run even if cargo sees no change: the last build may have been
            // another variant.
            ("FORCE_WASM_BUILD", nonce().into()),
            ("LANG", "C".into()),
            ("LC_ALL", "C".into()),
            ("TZ", "UTC".into()),
        ];
        if let Some(jobs) = std::env::var_os("CARGO_BUILD_JOBS") {
            variables.push(("CARGO_BUILD_JOBS", jobs));
        }
        variables
    }

    /// Returns the failure for an exit status of the container engine.
    fn failure(&self, code: Option<i32>, last_lines: &str, failure: Failure) -> Failure {
        let image = &self.image.reference;
        let has = |words: &[&str]| words.iter().any(|word| last_lines.contains(word));
        let hint = failure.hint.clone();
        let failure = if has(&["No space left on device"]) {
            Failure::environment(format!("the disk is full: {} was not built", self.package)).found(last_lines)
        } else if has(&[
            "Could not resolve host",
            "Couldn't resolve host",
            "Temporary failure in name resolution",
            "Network is unreachable",
            "network cannot be reached",
            "you're using offline mode",
            "but --offline was specified",
        ]) {
            Failure::input(format!("the build of {} needs the network, which is disabled", self.package))
                .found(last_lines)
                .expected("a build from the sources that its lock file names")
        } else {
            match code {
                Some(125) => Failure::environment(format!("{} cannot run the image {image}", self.program.name))
                    .found(last_lines),
                Some(126 | 127) => Failure::input(format!("the image {image} does not have the interface of srtool"))
                    .found(last_lines)
                    .expected("an executable `build` in its PATH"),
                Some(137) | None => {
                    Failure::environment(format!("the container that built {} was killed", self.package))
                        .found(last_lines)
                        .expected("a container that runs to its end, with enough memory")
                }
                _ => return failure,
            }
        };
        Failure { hint, ..failure }
    }
}

/// Creates a directory that the container's user can write to.
pub fn open_to_container(directory: &Path) -> Result<()> {
    let io = |error: std::io::Error| Failure::io("make", directory, &error);
    std::fs::create_dir_all(directory).map_err(io)?;
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(directory, Some(BUILDER), Some(BUILDER)).map_err(io)?;
    }
    Ok(())
}

/// Returns a mount option `type=bind,…`. Paths with commas are refused, because a comma starts the
/// next field.
fn mount(from: &Path, to: &Path, read_only: bool) -> Result<OsString> {
    let bad = |path: &&&Path| path.as_os_str().as_encoded_bytes().iter().any(|byte| b",\"\n".contains(byte));
    if let Some(path) = [from, to].iter().find(bad) {
        return Err(Failure::environment(format!("{} cannot be mounted in a container", path.display()))
            .expected("a path without commas and quotes")
            .hint("move the workspace, or set CUTOVER_CACHE to another directory"));
    }
    let mut word = OsString::from("type=bind,source=");
    word.push(from);
    word.push(",target=");
    word.push(to);
    if read_only {
        word.push(",readonly");
    }
    Ok(word)
}

/// Returns a unique container name, as several containers may run at once.
fn unique_name(package: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let plain: String =
        package.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    format!("cutover-{plain}-{}-{count}-{:x}", std::process::id(), now().subsec_nanos())
}

fn nonce() -> String {
    format!("{}-{}", now().as_nanos(), std::process::id())
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Stops and removes the container at an interruption, and in any case when dropped. Neither the end
/// of the client nor that of docker's daemon ends a container.
pub struct ContainerRemoved {
    program: Program,
    name: String,
    /// The file with the container's id, once it is started.
    id: PathBuf,
    done: Option<std::sync::mpsc::Sender<()>>,
    watcher: Option<std::thread::JoinHandle<()>>,
}

impl ContainerRemoved {
    /// Returns the guard of a container that will be started with the name. `id` is the path of
    /// a file that gets its id.
    pub fn when_dropped(program: &Program, name: &str, id: PathBuf) -> Self {
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        let (own, own_name, own_id) = (program.clone(), name.to_owned(), id.clone());
        let watcher = std::thread::spawn(move || {
            loop {
                let over = waiting.recv_timeout(Duration::from_millis(100));
                if interrupt::happened() {
                    remove(&own, &own_name, &own_id);
                    return;
                }
                if over != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { program: program.clone(), name: name.into(), id, done: Some(done), watcher: Some(watcher) }
    }
}

impl Drop for ContainerRemoved {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        // `--rm` has removed it already, unless the client was killed.
        remove(&self.program, &self.name, &self.id);
    }
}

fn remove(program: &Program, name: &str, id: &Path) {
    let limit = Duration::from_secs(30);
    let removed = [["kill", name].as_slice(), &["rm", "--force", name]].map(|arguments| {
        let removed = program.tool().args(arguments).for_cleanup().timeout(limit).capture();
        removed.is_ok_and(|removed| removed.status.success())
    });
    if !removed[1]
        && let Ok(id) = std::fs::read_to_string(id)
    {
        kill_processes(id.trim());
    }
}

/// Kills the processes of a container without its daemon, which would let them run on. They are
/// recognized by their control group, whose path contains the container's id. The daemon removes
/// what else is left when it starts again.
fn kill_processes(id: &str) {
    if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return;
    }
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let groups = std::fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if let Some(process) = process
            && groups.contains(id)
        {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<'run>(image: &'run Image, options: &'run str, engine: &'static str) -> Run<'run> {
        Run {
            program: Box::leak(Box::new(Program::fake(engine))),
            image,
            package: "tiny-runtime",
            directory: Path::new("runtimes/tiny"),
            profile: "production",
            options,
            sources: Path::new("/cache/sources/a b"),
            target: (Path::new("/cache/target"), Path::new("runtimes/tiny/target")),
            out: Path::new("/cache/out"),
            cargo_home: Path::new("/nowhere"),
            unpacked: Path::new("/cache/unpacked"),
        }
    }

    fn image() -> Image {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let reference = format!("r/srtool@{digest}");
        Image { reference: reference.clone(), name: "r/srtool".into(), tag: None, digest, pin: reference }
    }

    fn words(run: &Run<'_>) -> Vec<String> {
        let words = run.arguments("a-name", Path::new("/tmp/id")).expect("arguments");
        words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_container_is_isolated() {
        let image = image();
        let words = words(&run(&image, "", "podman"));
        for word in ["--network=none", "--cap-drop=all", "--security-opt=no-new-privileges", "--rm", "--pull=never"] {
            assert!(words.contains(&word.to_owned()), "{word}: {words:?}");
        }
        assert!(words.contains(&"type=bind,source=/cache/sources/a b,target=/build,readonly".to_owned()), "{words:?}");
        assert!(words.contains(&"type=bind,source=/cache/target,target=/build/runtimes/tiny/target".to_owned()));
        let end = words.iter().rev().take(4).rev().cloned().collect::<Vec<_>>();
        assert_eq!(end, [image.reference.as_str(), "build", "--app", "--json"]);
    }

    // srtool-cli passes a string to a shell, which splits `--build-opts "--features x"`.
    #[test]
    fn options_with_spaces_and_quotes_stay_one_word() {
        let image = image();
        let options = r#"--features a,b --config x="y z""#;
        let words = words(&run(&image, options, "podman"));
        assert!(words.contains(&format!("BUILD_OPTS={options}")), "{words:?}");
    }

    // srtool-cli mounts the cache at a path that cargo in the image does not use.
    #[test]
    fn cargos_cache_is_mounted_where_cargo_looks_for_it() {
        let home = tempfile::tempdir().expect("a directory");
        for directory in ["index", "cache", "src"] {
            std::fs::create_dir_all(home.path().join("registry").join(directory)).expect("made");
        }
        std::fs::write(home.path().join("credentials.toml"), "secret").expect("written");
        let image = image();
        let words = words(&Run { cargo_home: home.path(), ..run(&image, "", "docker") });
        for directory in ["index", "cache"] {
            let source = home.path().join("registry").join(directory);
            let target = format!("target=/home/builder/cargo/registry/{directory},readonly");
            assert!(words.contains(&format!("type=bind,source={},{target}", source.display())), "{words:?}");
        }
        // The container unpacks the archives itself.
        let unpacked = "type=bind,source=/cache/unpacked,target=/home/builder/cargo/registry/src";
        assert!(words.contains(&unpacked.to_owned()), "{words:?}");
        assert!(words.contains(&"CARGO_HOME=/home/builder/cargo".to_owned()));
        // The programs `cargo` and `rustc` of srtool's images are in `/home/builder/cargo/bin`.
        assert!(!words.iter().any(|word| word.ends_with("=/home/builder/cargo,readonly")), "{words:?}");
        assert!(!words.iter().any(|word| word.starts_with("/home/builder/cargo:")), "{words:?}");
        assert!(
            !words.iter().any(|word| word.contains(&format!("source={},", home.path().display()))),
            "the whole home"
        );
    }

    // srtool-cli calls every container `srtool`.
    #[test]
    fn two_containers_have_two_names() {
        let names: std::collections::BTreeSet<_> = (0..100).map(|_| unique_name("a_b runtime")).collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| name.starts_with("cutover-a-b-runtime-")));
    }

    // srtool fails under rootless podman, where it may not write.
    #[test]
    fn what_is_written_belongs_to_the_caller() {
        let image = image();
        assert_eq!(run(&image, "", "podman").user(1000, 100), ["--userns=keep-id"]);
        assert_eq!(run(&image, "", "docker").user(1000, 100), ["--user", "1000:100"]);
        assert!(run(&image, "", "docker").user(0, 0).is_empty());
    }

    #[test]
    fn a_path_that_would_end_the_mount_is_refused() {
        assert!(mount(Path::new("/a,readonly=false"), Path::new("/build"), true).is_err());
    }

    #[test]
    fn exit_statuses_give_different_failures() {
        let image = image();
        let run = run(&image, "", "podman");
        let kind = |code, said: &str| {
            let failure = run.failure(code, said, Failure::environment("`podman` failed"));
            (failure.kind, failure.message)
        };
        use worker::Kind::{Environment, Input};
        assert_eq!(kind(Some(125), "no such thing").0, Environment);
        assert!(kind(Some(127), "build: not found").1.contains("interface of srtool"));
        assert!(kind(Some(137), "").1.contains("was killed"));
        assert_eq!(kind(Some(101), "write: No space left on device").0, Environment);
        assert_eq!(kind(Some(101), "Could not resolve host: crates.io").0, Input);
        assert!(kind(Some(101), "Could not resolve host: crates.io").1.contains("needs the network"));
        assert_eq!(kind(Some(101), "error: no Vec").1, "`podman` failed");
    }
}
