// SPDX-License-Identifier: Apache-2.0
//! Runs rustup: finds the active toolchain, adds a target, and links a directory as a toolchain.

use super::TARGET;
use blake2::{Blake2b, Digest, digest::consts::U32};
use console::printer::Task;
use process::{Tool, tool};
use std::{
    net::{TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};
use worker::{Code, Failure, Result};
use workspace::{cargo, context::Context, toolchain_file};

/// The time limit for a connection to a toolchain server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// The time limit for downloading a target, about twenty megabytes.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const LINK_NAME: &str = "cutover-wasm";

/// The toolchain of the workspace's own cargo commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveToolchain {
    /// The name in rustup: `stable-x86_64-unknown-linux-gnu`.
    pub name: String,
    /// The directory in rustup's home, with links not resolved.
    pub directory: PathBuf,
}

/// Returns the active toolchain of the workspace.
pub fn active(context: &Context) -> Result<ActiveToolchain> {
    let mut tool = tool!("rustup show active-toolchain")?.directory(&context.workspace);
    if context.foreign() {
        // The variable is set by the cargo that runs this program. It would override the other
        // workspace's own choice.
        tool = tool.env_remove("RUSTUP_TOOLCHAIN");
    }
    let output = tool.timeout(Duration::from_secs(60)).output().map_err(|failure| {
        if failure.is(Code::ProgramFailed)
            && let Some(missing) = toolchains().ok().and_then(|toolchains| missing(context, &toolchains))
        {
            return missing;
        }
        match failure.hint {
            Some(_) => failure,
            None => failure.hint("Cutover finds compilers through rustup: https://rustup.rs"),
        }
    })?;
    let name = output.split_whitespace().next().unwrap_or_default().to_owned();
    let directory = toolchains()?.join(&name);
    if name.is_empty() || !directory.is_dir() {
        return Err(Failure::environment("there is no active Rust toolchain")
            .found(format!("`rustup show active-toolchain` says {:?}", output.trim()))
            .hint("rustup toolchain install stable"));
    }
    Ok(ActiveToolchain { name, directory })
}

/// Returns the failure for a workspace that names a toolchain that is not installed.
fn missing(context: &Context, toolchains: &Path) -> Option<Failure> {
    let variable = std::env::var("RUSTUP_TOOLCHAIN").ok().filter(|_| !context.foreign());
    let (name, by) = match variable {
        Some(name) => (name, "RUSTUP_TOOLCHAIN".to_owned()),
        None => {
            let named = toolchain_file::find(&context.workspace)?;
            (named.channel, named.file.display().to_string())
        }
    };
    let names = std::fs::read_dir(toolchains).into_iter().flatten().flatten();
    if names.into_iter().any(|entry| is_toolchain(&entry.file_name().to_string_lossy(), &name)) {
        return None;
    }
    let failure = Failure::environment(format!("the toolchain {name} is not installed"))
        .found(format!("{by} names it, and rustup does not have it"));
    Some(match toolchain_file::is_released(&name) {
        true => failure.hint(format!("rustup toolchain install {name}")),
        false => failure.hint(format!("rustup toolchain link {name} DIRECTORY")),
    })
}

/// Returns whether rustup's directory is that of the named toolchain, with or without its host.
fn is_toolchain(directory: &str, name: &str) -> bool {
    let rest = directory.strip_prefix(name);
    // After `nightly` may follow a host, but not the date of another nightly.
    rest.is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}

fn toolchains() -> Result<PathBuf> {
    Ok(cargo::rustup_home()?.join("toolchains"))
}

/// Checks whether `rustup target add` is safe and can work; otherwise returns the reason.
///
/// If the toolchain is a link, rustup was seen to install the whole toolchain again through the
/// link. An interruption then leaves it without a compiler.
pub fn can_add_target(active: &ActiveToolchain) -> std::result::Result<(), String> {
    let is_link = std::fs::symlink_metadata(&active.directory).is_ok_and(|metadata| metadata.is_symlink());
    if is_link {
        return Err(format!("the toolchain {} is a link", active.name));
    }
    if !active.directory.join("lib/rustlib/multirust-channel-manifest.toml").is_file() {
        return Err(format!("the toolchain {} was not installed by rustup", active.name));
    }
    if std::env::var("RUSTUP_AUTO_INSTALL").is_ok_and(|value| value == "0") {
        return Err("RUSTUP_AUTO_INSTALL=0 forbids installing".into());
    }
    let server = std::env::var("RUSTUP_DIST_SERVER").unwrap_or_else(|_| "https://static.rust-lang.org".into());
    let proxy =
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"].iter().find_map(|name| std::env::var(name).ok());
    let address = address(proxy.as_deref().filter(|proxy| !proxy.is_empty()).unwrap_or(&server));
    reachable(&address, CONNECT_TIMEOUT).map_err(|error| format!("{address} cannot be reached: {error}"))
}

/// Returns `host:port` of a URL.
fn address(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, scheme) {
        (true, _) => host.to_owned(),
        (false, "https") => format!("{host}:443"),
        (false, scheme) if scheme.starts_with("socks") => format!("{host}:1080"),
        (false, _) => format!("{host}:80"),
    }
}

/// Checks whether a TCP connection is accepted within the timeout. Resolving a name has no timeout
/// of its own, so both run on a thread that is abandoned after that time.
fn reachable(address: &str, timeout: Duration) -> std::result::Result<(), String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let wanted = address.to_owned();
    std::thread::spawn(move || {
        let addresses = wanted.to_socket_addrs().map_err(|error| error.to_string());
        let outcome = addresses.and_then(|mut addresses| {
            let address = addresses.next().ok_or_else(|| "the name has no address".to_owned())?;
            TcpStream::connect_timeout(&address, timeout).map(drop).map_err(|error| error.to_string())
        });
        let _ = sender.send(outcome);
    });
    receiver.recv_timeout(timeout).unwrap_or_else(|_| Err(format!("no answer in {} s", timeout.as_secs())))
}

/// Adds the target. The first Ctrl-C does not end rustup, because an incomplete change would make
/// the toolchain useless.
pub fn add_target(active: &ActiveToolchain, log: &Path, task: &Task) -> Result<()> {
    Tool::new("rustup")
        .args(["target", "add", TARGET, "--toolchain", &active.name])
        .uninterruptible()
        .timeout(DOWNLOAD_TIMEOUT)
        .logged(log, |line| task.tick(line))
}

/// Returns the name under which rustup has linked this directory.
pub fn linked_name(directory: &Path) -> Option<String> {
    let toolchains = toolchains().ok()?;
    names(directory).into_iter().find(|name| std::fs::read_link(toolchains.join(name)).is_ok_and(|to| to == directory))
}

/// Returns the short name for a link, and the one to use if another directory has that name.
fn names(directory: &Path) -> [String; 2] {
    let hash = Blake2b::<U32>::digest(directory.as_os_str().as_encoded_bytes());
    let short = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>();
    [LINK_NAME.into(), format!("{LINK_NAME}-{short}")]
}

/// Links the directory as a rustup toolchain. This only adds a link in rustup's home.
pub fn link(directory: &Path, log: &Path) -> Result<()> {
    if linked_name(directory).is_some() {
        return Ok(());
    }
    let toolchains = toolchains()?;
    let free = |name: &String| std::fs::symlink_metadata(toolchains.join(name)).is_err();
    let name = names(directory).into_iter().find(free).ok_or_else(|| {
        Failure::environment(format!("rustup has other toolchains with the names for {}", directory.display()))
            .found(names(directory).join(", "))
            .hint(format!("rustup toolchain uninstall {}", names(directory)[1]))
    })?;
    tool!("rustup toolchain link {name} {directory}")?.logged(log, |_| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_urls() {
        for (url, expected) in [
            ("https://static.rust-lang.org", "static.rust-lang.org:443"),
            ("http://mirror:8080/rust/", "mirror:8080"),
            ("https://user:word@mirror/x", "mirror:443"),
            ("proxy:3128", "proxy:3128"),
            ("socks5h://proxy", "proxy:1080"),
            ("http://[::1]:99/", "[::1]:99"),
        ] {
            assert_eq!(address(url), expected);
        }
    }

    #[test]
    fn a_port_that_listens_is_reachable_and_one_that_does_not_is_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        reachable(&address, Duration::from_secs(60)).expect("reachable");
        // No program listens on that port, and no other test uses it.
        assert!(reachable("127.0.0.1:1", CONNECT_TIMEOUT).is_err());
    }

    #[test]
    fn a_linked_toolchain_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let real = directory.path().join("real");
        std::fs::create_dir_all(real.join("lib/rustlib")).expect("made");
        std::fs::write(real.join("lib/rustlib/multirust-channel-manifest.toml"), "").expect("written");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        let active = |directory: PathBuf| ActiveToolchain { name: "1.2.3".into(), directory };
        assert!(can_add_target(&active(link)).expect_err("a link").contains("is a link"));
        std::fs::remove_file(real.join("lib/rustlib/multirust-channel-manifest.toml")).expect("removed");
        assert!(can_add_target(&active(real)).expect_err("not rustup's").contains("not installed by rustup"));
    }

    #[test]
    fn another_directory_gets_another_name() {
        let [short, one] = names(Path::new("/one"));
        let [_, two] = names(Path::new("/two"));
        assert_eq!(short, "cutover-wasm");
        assert!(one != two && one.starts_with("cutover-wasm-") && one.len() == "cutover-wasm-".len() + 8);
    }

    #[test]
    fn a_toolchain_is_known_with_or_without_its_host() {
        for (directory, name) in [
            ("1.90-x86_64-unknown-linux-gnu", "1.90"),
            ("1.90-x86_64-unknown-linux-gnu", "1.90-x86_64-unknown-linux-gnu"),
            ("nightly-2025-03-10-aarch64-apple-darwin", "nightly-2025-03-10"),
            ("own", "own"),
        ] {
            assert!(is_toolchain(directory, name), "{directory} {name}");
        }
        for (directory, name) in [
            ("1.90.0-x86_64-unknown-linux-gnu", "1.90"),
            ("nightly-2025-03-10-x86_64-unknown-linux-gnu", "nightly"),
            ("own-wasm", "owner"),
        ] {
            assert!(!is_toolchain(directory, name), "{directory} {name}");
        }
    }
}
