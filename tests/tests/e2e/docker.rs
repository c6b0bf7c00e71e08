// SPDX-License-Identifier: Apache-2.0
//! Builds with a real Docker daemon and a real srtool-cli. The everyday tests use images of some
//! megabytes that copy a blob; the ignored one compiles in the builder image.

use cutover_tests::{
    Output, Tiny, Xtask,
    daemon::{Daemon, is_root},
};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

const BLOB: &str = "tiny_runtime.compact.compressed.wasm";
/// Copies the blob of the image to the place of results.
const COPY: &str = "cp /blob.wasm /out/tiny_runtime.compact.compressed.wasm";

/// A copy of the small runtime, and a cache that nothing else uses.
struct Workspace {
    directory: tempfile::TempDir,
    tiny: Tiny,
}

impl Workspace {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tiny = Tiny::copy(&directory.path().join("w"), 0);
        fs::create_dir(directory.path().join("cache")).expect("made");
        Self { directory, tiny }
    }

    fn cache(&self) -> String {
        self.directory.path().join("cache").display().to_string()
    }

    fn build(&self, host: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let cache = self.cache();
        let variables = [&[("DOCKER_HOST", host), ("CUTOVER_CACHE", &cache)], variables].concat();
        self.tiny.try_build(&[&["--allow-dirty"], arguments].concat(), &variables)
    }

    fn in_docker(&self, host: &str, image: &str) -> Output {
        self.build(host, &["--engine", "docker", "--image", image], &[])
    }

    /// Asserts that there are no results, no copies of sources and no blob.
    fn expect_nothing_half_written(&self) {
        let count = |path: PathBuf| fs::read_dir(path).map(Iterator::count).unwrap_or_default();
        assert_eq!(count(self.tiny.out().to_owned()), 0, "results");
        let cache = PathBuf::from(self.cache());
        assert_eq!((count(cache.join("sources")), count(cache.join("blobs"))), (0, 0), "in the cache");
    }
}

/// The blob that this machine's compilers make of the small runtime, and their version.
fn blob() -> (Vec<u8>, Value) {
    let directory = tempfile::tempdir().expect("a directory");
    let tiny = Tiny::copy(&directory.path().join("w"), 0);
    let built = tiny.build(&[], &[]);
    (fs::read(built["blob"].as_str().expect("a path")).expect("read"), built)
}

fn has_docker() -> bool {
    let found = Command::new("docker").arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(std::io::stderr(), "SKIPPED: docker is not installed");
    }
    found
}

fn any_image() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

#[test]
fn a_docker_daemon_that_does_not_run_is_reported() {
    if !has_docker() {
        return;
    }
    let workspace = Workspace::new();
    let socket = workspace.directory.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let hint = "hint: start it: systemctl start docker; or name the socket of another one in DOCKER_HOST";
    let missing = format!("found: {}: No such file or directory", socket.display());
    let error = "error: the docker daemon does not run\n";
    workspace.in_docker(&host, &any_image()).expect_code(3).mentions(&[error, &missing, hint]);
    // A daemon that was killed leaves its socket.
    drop(UnixListener::bind(&socket).expect("bound"));
    let refused = format!("found: {}: Connection refused", socket.display());
    workspace.in_docker(&host, &any_image()).expect_code(3).mentions(&[error, &refused, hint]);
    let setup = Xtask::new(["setup", "--builder-image", "--engine", "docker"]).env("DOCKER_HOST", &host);
    setup.env("CUTOVER_CACHE", workspace.cache()).run().expect_code(3).mentions(&[error]);
    workspace.expect_nothing_half_written();
}

#[test]
fn a_docker_socket_of_another_user_is_reported() {
    if !has_docker() {
        return;
    }
    let workspace = Workspace::new();
    let socket = workspace.directory.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("bound");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).expect("closed");
    let (workspace_path, image) = (workspace.tiny.workspace.display().to_string(), any_image());
    let options = ["build", "--engine", "docker", "--image", &image, "--allow-dirty", "--workspace", &workspace_path];
    let arguments = options.map(str::to_owned).to_vec();
    // Root without its capabilities is a user as others are.
    let xtask = match is_root() {
        true => Xtask::behind("setpriv", ["--inh-caps=-all", "--bounding-set=-all"].map(str::to_owned), arguments),
        false => Xtask::new(arguments),
    };
    let xtask =
        xtask.env("DOCKER_HOST", format!("unix://{}", socket.display())).env("CUTOVER_CACHE", workspace.cache());
    xtask.run().expect_code(3).mentions(&[
        "error: this user may not use the docker daemon\n",
        &format!("found: {}: Permission denied", socket.display()),
        "hint: add the user to the group `docker`",
    ]);
    workspace.expect_nothing_half_written();
}

/// Returns the ids of the processes whose command line contains the word.
fn processes(word: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("listed").flatten();
    let found = entries.filter(|entry| {
        fs::read(entry.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(word))
    });
    found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !happened() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_daemon_killed_during_a_build_leaves_nothing_behind() {
    let Some(mut daemon) = Daemon::start() else { return };
    // Its arguments tell this test's process from all others.
    let seconds = format!("9{}", Tiny::nonce());
    let image = daemon.image("sleeps", &format!("echo Compiling x v1; sleep {seconds}"), &[]);
    let workspace = Workspace::new();
    let host = daemon.host();
    let output = std::thread::scope(|scope| {
        let build = scope.spawn(|| workspace.in_docker(&host, &image));
        wait_until("the container's start", || !processes(&seconds).is_empty());
        daemon.kill();
        build.join().expect("it ended")
    });
    output.expect_code(3).mentions(&[
        "error: the docker daemon ended while tiny-runtime was built\n",
        "Connection refused",
        "hint: start it: systemctl start docker",
        "it continues with what was compiled",
    ]);
    workspace.expect_nothing_half_written();
    // Docker lets the processes of a container run on without its daemon.
    wait_until("the end of the container's processes", || processes(&seconds).is_empty());
    daemon.restart();
    assert_eq!(daemon.output(&["ps", "--all", "--quiet"]), "", "containers");
}

#[test]
fn an_interruption_removes_the_container_from_the_daemon() {
    let Some(daemon) = Daemon::start() else { return };
    let seconds = format!("9{}", Tiny::nonce());
    let image = daemon.image("sleeps", &format!("echo Compiling x v1; sleep {seconds}"), &[]);
    let workspace = Workspace::new();
    let out = workspace.tiny.out().display().to_string();
    let arguments = ["build", "--allow-dirty", "--engine", "docker", "--image", &image, "--out", &out];
    let xtask = workspace.tiny.xtask(&arguments).env("DOCKER_HOST", daemon.host());
    let mut build = xtask.env("CUTOVER_CACHE", workspace.cache()).spawn_group();
    wait_until("the container's start", || !processes(&seconds).is_empty());
    let interrupted = Command::new("kill").args(["-INT", &build.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(build.wait().expect("it ends").code(), Some(130));
    assert_eq!(daemon.output(&["ps", "--all", "--quiet"]), "", "containers");
    assert!(processes(&seconds).is_empty(), "processes");
    workspace.expect_nothing_half_written();
}

#[test]
fn an_image_that_lies_about_its_compiler_is_refused() {
    let Some(daemon) = Daemon::start() else { return };
    let (wasm, built) = blob();
    let says = |rustc: &str| format!("{COPY}\necho '{{\"rustc\":\"{rustc}\"}}'");
    let workspace = Workspace::new();
    let lie = "rustc 1.50.0 (cb75ad5db 2021-02-10)";
    let image = daemon.image("lies", &says(lie), &[("blob.wasm", &wasm)]);
    workspace.in_docker(&daemon.host(), &image).expect_code(4).mentions(&[
        &format!("error: the image {image} compiled with another rustc than it reports\n"),
        &format!("found: {}", built["rustc"].as_str().expect("a version")),
        &format!("expected: {lie}"),
    ]);
    workspace.expect_nothing_half_written();
    // As in srtool's images: the directory that a build's registry is mounted in holds the programs.
    let environment = "home/builder/cargo/env";
    let script = format!(". \"$CARGO_HOME/env\"\n{}", says("$compiler"));
    let script = script.replace("'{\"rustc\":\"$compiler\"}'", "\"{\\\"rustc\\\":\\\"$compiler\\\"}\"");
    let compiler = format!("compiler='{}'\n", built["rustc"].as_str().expect("a version"));
    let image = daemon.image("honest", &script, &[("blob.wasm", &wasm), (environment, compiler.as_bytes())]);
    let document = workspace.in_docker(&daemon.host(), &image).expect_code(0).json();
    let runtime = &document["runtimes"][0];
    assert_eq!((&runtime["blake2_256"], &runtime["image_digest"]), (&built["blake2_256"], &image.into()));
    assert_eq!(daemon.output(&["ps", "--all", "--quiet"]), "", "containers");
}

/// Returns the directory of an installed srtool-cli for the search path.
fn srtool() -> Option<PathBuf> {
    let given = std::env::var_os("CUTOVER_SRTOOL").filter(|program| !program.is_empty()).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        given.into_iter().chain(std::env::split_paths(&path).map(|directory| directory.join("srtool")));
    let found = candidates.find(|program| program.is_file());
    if found.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no srtool in PATH or CUTOVER_SRTOOL; cargo install --locked srtool-cli@0.13.2"
        );
    }
    found.and_then(|program| program.parent().map(Path::to_path_buf))
}

fn in_front(directory: &Path) -> String {
    format!("{}:{}", directory.display(), std::env::var("PATH").expect("a PATH"))
}

#[test]
fn a_real_srtool_builds_with_the_image_of_the_options() {
    let (Some(srtool), Some(daemon)) = (srtool(), Daemon::start()) else { return };
    let (wasm, built) = blob();
    let script = format!(
        r#"[ "$*" = "build --app --json" ] || echo "arguments $*"
out=/build/$RUNTIME_DIR/target/srtool/$PROFILE/wbuild/$PACKAGE
mkdir -p "$out" && cp /blob.wasm "$out/{BLOB}" || exit 1
echo '{{"rustc":"{}"}}'"#,
        built["rustc"].as_str().expect("a version")
    );
    let image = daemon.image("localhost/copies:7", &script, &[("blob.wasm", &wasm)]);
    let workspace = Workspace::new();
    let path = in_front(&srtool);
    let variables = [("PATH", path.as_str()), ("ENGINE", "docker")];
    let arguments = ["--engine", "srtool", "--image", "localhost/copies:7"];
    let document = workspace.build(&daemon.host(), &arguments, &variables).expect_code(0).json();
    let runtime = &document["runtimes"][0];
    assert_eq!((&runtime["blake2_256"], &runtime["engine"]), (&built["blake2_256"], &"srtool".into()));
    assert_eq!((&runtime["image"], &runtime["image_digest"]), (&"localhost/copies:7".into(), &image.into()));
    assert_eq!(daemon.output(&["ps", "--all", "--quiet"]), "", "containers");

    // Each container of srtool-cli has the same name. One of another build is left alone.
    let other = daemon.output(&["run", "--detach", "--name", "srtool", "localhost/copies:7", "sleep", "600"]);
    workspace
        .build(&daemon.host(), &arguments, &variables)
        .expect_code(3)
        .mentions(&["error: a container of srtool exists already\n", &other]);
    assert_eq!(daemon.output(&["ps", "--quiet", "--no-trunc"]), other);
    daemon.output(&["rm", "--force", "srtool"]);
}

/// The builder image, made with `setup` in docker or podman.
fn builder_image(engine: &str, host: &str) -> Value {
    let setup = Xtask::new(["setup", "--builder-image", "--engine", engine, "--json", "--quiet"]);
    setup.env("DOCKER_HOST", host).run().expect_code(0).json()
}

/// Copies cargo's index and archives to where srtool-cli mounts its cache from, so that its
/// container needs no network.
fn downloads(directory: &Path) {
    let home = std::env::var_os("HOME").map(PathBuf::from).expect("a home");
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let to = directory.join("cargo/registry");
    fs::create_dir_all(&to).expect("made");
    for part in ["index", "cache"] {
        let copied = Command::new("cp").arg("-r").arg(cargo.join("registry").join(part)).arg(&to).status();
        assert!(copied.expect("cp runs").success(), "{part}");
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("opened");
}

// The compilers in the image compile all tools of the build, C++ included.
#[test]
#[ignore = "an hour, with the packages of an image from Debian and a container that compiles wasm-opt"]
fn docker_podman_and_srtool_give_one_blob() {
    let daemon = Daemon::start().expect("root, docker and dockerd");
    let srtool = srtool().expect("srtool-cli");
    let host = daemon.host();
    let (docker, podman) = (builder_image("docker", &host), builder_image("podman", &host));
    assert_eq!(docker["rustc"], podman["rustc"]);
    let directory = tempfile::tempdir().expect("a directory");
    let tiny = Tiny::copy(&directory.path().join("w"), Tiny::nonce());
    let build = |engine: &str, image: &Value, variables: &[(&str, &str)]| {
        let image = image.as_str().expect("a reference");
        let variables = [&[("DOCKER_HOST", host.as_str())], variables].concat();
        let runtime = tiny.build(&["--allow-dirty", "--engine", engine, "--image", image], &variables);
        runtime["blake2_256"].as_str().expect("a hash").to_owned()
    };
    let blob = build("docker", &docker["pin"], &[]);
    assert_eq!(build("podman", &podman["pin"], &[]), blob);
    let temporary = directory.path().join("temporary");
    downloads(&temporary);
    let (path, temporary) = (in_front(&srtool), temporary.display().to_string());
    let variables = [("PATH", path.as_str()), ("ENGINE", "docker"), ("TMPDIR", &temporary)];
    assert_eq!(build("srtool", &docker["image"], &variables), blob);
    assert_eq!(daemon.output(&["ps", "--all", "--quiet"]), "", "containers");
}
