// SPDX-License-Identifier: Apache-2.0
//! Resolves the builder image to its digest, because a tag may move.

use super::{super::Image, program::Program};
use crate::options::EngineOptions;
use console::printer::Task;
use serde::Deserialize;
use std::time::Duration;
use worker::{Failure, Result};
use workspace::{
    context::Context,
    runtimes::Workspace,
    toolchain_file::{self, NamedToolchain},
};

/// The architecture of srtool's images, as container engines name it.
const ARCHITECTURE: &str = "amd64";
/// The name of srtool's image.
pub const SRTOOL: &str = "docker.io/paritytech/srtool";
/// The time limit for pulling an image, which has a gigabyte or more.
const PULL_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Returns the image reference of the command line, else of the configuration, else srtool's image
/// for the workspace's compiler.
fn reference(context: &Context, workspace: &Workspace, options: &EngineOptions) -> Result<String> {
    if let Some(image) = options.image.as_ref().or(workspace.config.image.as_ref()) {
        return Ok(image.clone());
    }
    srtool_image(toolchain_file::find(&context.workspace).as_ref())
}

/// Returns srtool's image for a workspace's compiler. Its images are named by full versions.
pub fn srtool_image(named: Option<&NamedToolchain>) -> Result<String> {
    if let Some(version) = named.and_then(|named| version(without_host(&named.channel))) {
        return Ok(format!("{SRTOOL}:{version}"));
    }
    let failure = Failure::usage("no builder image is given")
        .expected("a toolchain file with a full version, for which srtool has an image, for example 1.90.0");
    let own = "or make an image with this machine's compiler: cargo xtask setup --builder-image";
    Err(match named {
        None => failure
            .found("no toolchain file that names a channel")
            .hint(format!("give an image with --image, or set `image` in [workspace.metadata.cutover]; {own}")),
        Some(NamedToolchain { file, channel }) => {
            let failure = failure.found(format!("{} names {channel}", file.display()));
            match version(&format!("{channel}.0")) {
                Some(first) => failure.hint(format!(
                    "{channel} stands for its newest patch release: name that in the file, or give --image {SRTOOL}:{first}; {own}"
                )),
                None => failure.hint(format!("srtool has no image for {channel}: give one with --image, {own}")),
            }
        }
    })
}

/// Returns a channel without the host that may follow it: `1.90.0-x86_64-unknown-linux-gnu`.
fn without_host(channel: &str) -> &str {
    channel
        .split_once('-')
        .map_or(channel, |(version, host)| if host.matches('-').count() > 1 { version } else { channel })
}

/// Returns the name of a toolchain if it is a full version of Rust.
fn version(channel: &str) -> Option<String> {
    let is_version = channel.split('.').count() == 3 && channel.split('.').all(|part| part.parse::<u32>().is_ok());
    is_version.then(|| channel.to_owned())
}

/// Splits a reference into `name`, `tag` and `digest`.
pub fn split(reference: &str) -> (String, Option<String>, Option<String>) {
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (reference, None),
    };
    match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), Some(tag.to_owned()), digest),
        _ => (rest.to_owned(), None, digest),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Resolves the image to its digest, and pulls it if it is missing.
pub fn resolve(
    context: &Context,
    workspace: &Workspace,
    program: &Program,
    options: &EngineOptions,
    task: &Task,
) -> Result<Image> {
    let reference = reference(context, workspace, options)?;
    let (name, tag, pinned) = split(&reference);
    let by_id = is_digest(&reference);
    if let Some(digest) = &pinned
        && !is_digest(digest)
    {
        return Err(Failure::usage(format!("{reference} is not a valid image reference"))
            .found(format!("digest {digest}"))
            .expected("sha256: and 64 hex digits"));
    }
    let image = present(program, &reference, task)?;
    let (digest, pin) = match (&pinned, by_id) {
        (Some(digest), _) => (digest.clone(), format!("{name}@{digest}")),
        (None, true) => (reference.clone(), reference.clone()),
        (None, false) => image.pin(&name).ok_or_else(|| without_digest(&reference))?,
    };
    if pinned.is_none() && !by_id && !options.allow_moving_tag {
        return Err(Failure::usage(format!("{reference} is a tag, which may move to another image"))
            .expected("an image with its digest")
            .hint(format!(
                "set `image = \"{pin}\"`, its current digest, in [workspace.metadata.cutover], or give that with --image; or add --allow-moving-tag"
            )));
    }
    check_architecture(program, &reference, &image)?;
    Ok(Image { reference, name, tag, digest, pin })
}

/// Checks that an image is for the architecture of srtool's images. Symbols depend on the compiler's
/// host, so another one would build another blob.
fn check_architecture(program: &Program, reference: &str, image: &ImageDescription) -> Result<()> {
    match image.architecture.as_deref() {
        Some(found) if found != ARCHITECTURE => {
            Err(Failure::environment(format!("the image {reference} is for another architecture"))
                .found(found)
                .expected(format!("{ARCHITECTURE}, as srtool's images: another one would build another blob"))
                .hint(format!("{} pull --platform linux/{ARCHITECTURE} {reference}", program.name)))
        }
        _ => Ok(()),
    }
}

/// Returns the image that srtool-cli runs: it adds the tag to the name, and takes no digest.
pub fn tagged(program: &Program, name: &str, tag: &str, task: &Task) -> Result<Image> {
    let reference = format!("{name}:{tag}");
    let image = present(program, &reference, task)?;
    check_architecture(program, &reference, &image)?;
    let (digest, pin) = image.pin(name).ok_or_else(|| without_digest(&reference))?;
    Ok(Image { reference, name: name.to_owned(), tag: Some(tag.to_owned()), digest, pin })
}

/// Returns the image with the given name and tag. Fails if the engine does not have it.
pub fn local(program: &Program, name: &str, tag: &str) -> Result<Image> {
    let reference = format!("{name}:{tag}");
    let image =
        inspect(program, &reference)?.ok_or_else(|| missing(program, &reference, "it does not exist locally"))?;
    let (digest, pin) = image.pin(name).ok_or_else(|| without_digest(&reference))?;
    Ok(Image { reference, name: name.to_owned(), tag: Some(tag.to_owned()), digest, pin })
}

fn without_digest(reference: &str) -> Failure {
    Failure::environment(format!("the image {reference} has no digest"))
}

/// Returns the description of an image, which is pulled if it is missing.
fn present(program: &Program, reference: &str, task: &Task) -> Result<ImageDescription> {
    if let Some(found) = inspect(program, reference)? {
        return Ok(found);
    }
    if reference.starts_with("localhost/") || is_digest(reference) {
        return Err(missing(program, reference, "it does not exist locally, and no registry has it"));
    }
    task.say(&format!("fetching the image {reference}"));
    program.tool().args(["pull", "--quiet", reference]).timeout(PULL_TIMEOUT).output().map_err(|failure| {
        match process::interrupt::happened() {
            true => failure,
            false => missing(program, reference, &failure.found.unwrap_or_default()),
        }
    })?;
    inspect(program, reference)?.ok_or_else(|| missing(program, reference, "it was pulled and is still missing"))
}

fn missing(program: &Program, reference: &str, found: &str) -> Failure {
    Failure::environment(format!("there is no image {reference}")).found(found).hint(
        if reference.starts_with("localhost/") {
            "cargo xtask setup --builder-image".to_owned()
        } else if let Some(version) = reference.strip_prefix(SRTOOL).and_then(|rest| rest.strip_prefix(':')) {
            format!(
                "{} pull {reference}; where srtool has no image for {version}, or no registry can be reached: cargo xtask setup --builder-image",
                program.name
            )
        } else {
            format!(
                "{} pull {reference}; where no registry can be reached: cargo xtask setup --builder-image",
                program.name
            )
        },
    )
}

/// The description of an image by the container engine.
#[derive(Debug, Default, PartialEq, Eq)]
struct ImageDescription {
    id: String,
    digests: Vec<String>,
    architecture: Option<String>,
}

impl ImageDescription {
    /// Returns the digest for this name, else any digest, else the id, and the reference with it.
    /// An image in docker that was neither pulled nor pushed has only an id.
    fn pin(&self, name: &str) -> Option<(String, String)> {
        let of = |entry: &String| entry.rsplit_once('@').map(|(_, digest)| digest.to_owned());
        let named = self.digests.iter().find(|entry| entry.split('@').next() == Some(name));
        let pinned = named.or(self.digests.first()).and_then(of).map(|digest| {
            let pin = format!("{name}@{digest}");
            (digest, pin)
        });
        pinned.or_else(|| Some((self.id.clone(), self.id.clone()))).filter(|(digest, _)| is_digest(digest))
    }
}

fn inspect(program: &Program, reference: &str) -> Result<Option<ImageDescription>> {
    let captured = program.tool().args(["image", "inspect", reference]).timeout(Duration::from_secs(60)).capture()?;
    process::interrupt::check()?;
    if !captured.status.success() {
        return Ok(None);
    }
    parse(&captured.stdout).map(Some).ok_or_else(|| {
        Failure::environment(format!("`{} image inspect {reference}` returned an unknown result", program.name))
            .expected("a JSON array of one image with `Id` and `RepoDigests`")
    })
}

fn parse(text: &[u8]) -> Option<ImageDescription> {
    let images: Vec<Inspected> = serde_json::from_slice(text).ok()?;
    let Inspected { id, digests, architecture } = images.into_iter().next()?;
    let id = if id.starts_with("sha256:") { id } else { format!("sha256:{id}") };
    Some(ImageDescription { id, digests: digests.unwrap_or_default(), architecture })
}

/// What docker and podman say of an image.
#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "RepoDigests", default)]
    digests: Option<Vec<String>>,
    /// `amd64`, `arm64`. Mocks and old engines may leave it out.
    #[serde(rename = "Architecture", default)]
    architecture: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (reference, name, tag, pinned) in [
            ("srtool", "srtool", None, None),
            ("host:5000/a/srtool", "host:5000/a/srtool", None, None),
            ("host:5000/srtool:1.93.0", "host:5000/srtool", Some("1.93.0"), None),
            (&format!("a/srtool:1.93.0@{digest}"), "a/srtool", Some("1.93.0"), Some(digest.as_str())),
        ] {
            assert_eq!(split(reference), (name.into(), tag.map(Into::into), pinned.map(Into::into)), "{reference}");
        }
        assert!(is_digest(&digest) && !is_digest("sha256:12") && !is_digest(&"0".repeat(64)));
    }

    #[test]
    fn the_tag_is_that_of_the_workspaces_compiler() {
        let of = |channel: &str| {
            srtool_image(Some(&NamedToolchain { file: "/w/rust-toolchain".into(), channel: channel.into() }))
        };
        for channel in ["1.95.0", "1.95.0-x86_64-unknown-linux-gnu"] {
            assert_eq!(of(channel).as_deref(), Ok("docker.io/paritytech/srtool:1.95.0"));
        }
        for (channel, hint) in [
            ("1.90", "1.90 stands for its newest patch release"),
            ("stable", "srtool has no image for stable"),
            ("nightly-2025-03-10", "srtool has no image for nightly-2025-03-10"),
        ] {
            let failure = of(channel).expect_err(channel);
            assert_eq!(failure.kind, worker::Kind::Usage, "{channel}");
            assert_eq!(failure.found, Some(format!("/w/rust-toolchain names {channel}")));
            let mend = failure.hint.unwrap_or_default();
            assert!(mend.starts_with(hint) && mend.ends_with("cargo xtask setup --builder-image"), "{mend}");
        }
        assert!(of("1.90").expect_err("a patch").hint.unwrap_or_default().contains("srtool:1.90.0"));
        let none = srtool_image(None).expect_err("no file");
        assert_eq!(none.found.as_deref(), Some("no toolchain file that names a channel"));
        assert!(none.hint.unwrap_or_default().contains("setup --builder-image"));
    }

    #[test]
    fn descriptions_of_both_engines_are_read() {
        let hex = "ab".repeat(32);
        let podman =
            format!(r#"[{{"Id":"{hex}","Digest":"sha256:{hex}","RepoDigests":["localhost/b@sha256:{hex}"]}}]"#);
        let known = parse(podman.as_bytes()).expect("podman");
        assert_eq!(known.pin("localhost/b"), Some((format!("sha256:{hex}"), format!("localhost/b@sha256:{hex}"))));
        let docker = format!(r#"[{{"Id":"sha256:{hex}","RepoDigests":[]}}]"#);
        let id = format!("sha256:{hex}");
        assert_eq!(parse(docker.as_bytes()).expect("docker").pin("b"), Some((id.clone(), id)));
        assert_eq!(parse(b"[]"), None);
        assert_eq!(parse(b"[{\"Id\":"), None);
    }
}
