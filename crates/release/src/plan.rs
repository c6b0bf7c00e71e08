// SPDX-License-Identifier: Apache-2.0
//! Plans a release: which runtimes are released, and why. The plan needs only the sources and git's
//! history; nothing is compiled.

use crate::{
    changelog::{self, Section},
    source,
    template::{TagRule, check_asset, check_tag, dotted, fill},
};
use protocol::release::{Commit, LastRelease, PlanReport, PlannedRuntime, PlannedVariant, Release};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use worker::{Failure, Result};
use workspace::{
    git, inputs,
    runtimes::{
        Runtime, Workspace,
        release::{Group, Variant},
    },
};

/// The number of commits that a plan lists. `commit_count` counts all of them.
const MAX_COMMITS: usize = 300;
/// The length of a commit's subject, in characters.
const MAX_SUBJECT: usize = 200;
/// The default template of a blob's file name.
const ASSET: &str = "{name}_runtime-v{spec}{variant}.compact.compressed.wasm";

/// The selection of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The names of the runtimes. Empty selects all whose spec_version increased.
    pub runtimes: Vec<String>,
    /// The part of the network that is released.
    pub group: Option<Group>,
    /// The tag, if it is not made from the spec_version.
    pub tag: Option<String>,
    /// Whether the tag exists already.
    pub tagged: bool,
}

/// The plan of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub report: PlanReport,
    /// The text of the changelog's section about this release.
    pub section_text: Option<String>,
}

impl Plan {
    /// Returns the released runtimes, each with its runtime in the workspace.
    pub fn released<'a>(&'a self, workspace: &'a Workspace) -> Result<Vec<(&'a PlannedRuntime, &'a Runtime)>> {
        self.report.released().map(|planned| Ok((planned, workspace.find(&planned.name)?))).collect()
    }
}

/// Returns the variant of the build that makes a planned variant's blob.
pub fn build_variant(name: &str, planned: &PlannedVariant) -> Result<inputs::Variant> {
    let PlannedVariant { features, profile, required, .. } = planned.clone();
    let variant = Variant { features, profile, required };
    let profile = variant.profile(name)?.name();
    Ok(inputs::Variant { profile, features: variant.features, default_features: true, native: false })
}

/// Plans a release from the workspace in the directory `root` and its tags.
pub fn make(root: &Path, workspace: &Workspace, selection: &Selection) -> Result<Plan> {
    let state = git::source(root);
    let commit = state.commit.ok_or_else(|| {
        Failure::input(format!("{} is not in a git repository with a commit", root.display()))
            .expected("a git history with the tags of earlier releases")
    })?;
    let selected = select(workspace, selection)?;
    let versions = selected.iter().map(|runtime| source::stated(runtime)).collect::<Result<Vec<_>>>()?;
    let suffix = selection.group.map(|group| format!("-{}", group.name())).unwrap_or_default();
    let rule = TagRule::new(workspace.config.release.tag.as_deref(), &suffix)?;
    let last = last(root, &rule, selection.tag.as_deref(), selection.tagged)?;

    let mut runtimes = Vec::new();
    for (runtime, version) in selected.iter().zip(versions) {
        runtimes.push(planned(root, workspace, runtime, version, last.as_ref())?);
    }
    let mut problems = judge(&mut runtimes, &selection.runtimes, last.as_ref(), &commit);
    let risen: BTreeSet<u32> = runtimes.iter().filter(|one| one.released).map(|one| one.spec_version).collect();
    let highest = runtimes.iter().filter(|one| one.released || risen.is_empty()).map(|one| one.spec_version).max();
    let spec_version = highest.unwrap_or_default();
    if risen.len() > 1 && selection.tag.is_none() {
        let those = runtimes.iter().filter(|one| one.released);
        let those: Vec<_> = those.map(|one| format!("{} {}", one.name, one.spec_version)).collect();
        return Err(Failure::input(format!(
            "the runtimes of the release have {} different spec_versions",
            risen.len()
        ))
        .found(those.join(", "))
        .expected("one, as there is one tag for each version")
        .hint("choose some with --runtime or --group, or name the tag with --tag"));
    }
    let tag = match &selection.tag {
        Some(tag) => tag.clone(),
        None => rule.tag(spec_version)?,
    };
    check_tag(&tag)?;
    // If nothing is released, no tag is made, and the existing tag is no conflict.
    if !risen.is_empty() {
        check_free(root, &tag, &commit, selection.tagged)?;
    }
    let commits = match &last {
        Some(last) => log(root, &last.commit, &[])?,
        None => Vec::new(),
    };
    let range = last.as_ref().map_or_else(|| "HEAD".to_owned(), |last| format!("{}..HEAD", last.commit));
    let file = changelog::file(root, workspace.config.release.changelog.as_deref())?;
    let found = section(file.as_deref(), &tag, spec_version)?;
    let mut warnings = Vec::new();
    if found.is_none() {
        let changelog_name = file.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let changelog_name = changelog_name.unwrap_or_else(|| "CHANGELOG.md".into());
        warnings.push(format!("{changelog_name} has no section about {}", dotted(spec_version)));
    }
    let dirty = state.dirty.unwrap_or_default();
    if dirty {
        warnings.push("the work tree differs from its commit".into());
    }
    for one in runtimes.iter().filter(|one| !one.released && one.commits > 0) {
        warnings.push(format!(
            "{}: {} changed {} of it, and its spec_version is still {}",
            one.name,
            report::counted(one.commits as usize, "commit"),
            report::counted(one.files_changed, "file"),
            one.spec_version
        ));
    }
    if let Some(last) = &last {
        let above = |one: &&PlannedRuntime| one.last_spec_version.is_some_and(|stated| stated > last.spec_version);
        warnings.extend(runtimes.iter().filter(above).map(|one| {
            let stated = one.last_spec_version.unwrap_or_default();
            format!(
                "{}: at {} its source states spec_version {stated}, which is not that of the tag",
                one.name, last.tag
            )
        }));
    }
    problems.sort();
    let title = workspace.config.release.title.as_deref().unwrap_or("Runtimes {tag}");
    let version = dotted(spec_version);
    let title = fill(
        "title of [workspace.metadata.cutover.release]",
        title,
        &[("tag", &tag), ("version", &version), ("spec", &spec_version.to_string())],
    )?;
    let release = Release {
        title,
        tag,
        group: selection.group.map(Into::into),
        spec_version,
        last,
        commit,
        dirty,
        changelog: file.map(|path| path.strip_prefix(root).unwrap_or(&path).display().to_string()),
        section: found.as_ref().map(|found| found.heading.clone()),
        commits,
        commit_count: git::ask(root, &["rev-list", "--count", &range])?.trim().parse().unwrap_or_default(),
    };
    Ok(Plan {
        report: PlanReport::new(release, runtimes, warnings, problems),
        section_text: found.map(|found| found.text),
    })
}

/// Returns the selected runtimes: those named, limited to the group.
fn select<'a>(workspace: &'a Workspace, selection: &Selection) -> Result<Vec<&'a Runtime>> {
    let mut selected = workspace.select(&selection.runtimes)?;
    let Some(group) = selection.group else { return Ok(selected) };
    for (index, runtime) in selected.iter().enumerate() {
        if workspace.group(runtime)? != group && !selection.runtimes.is_empty() {
            let name = selection.runtimes.get(index).unwrap_or(&runtime.name);
            return Err(Failure::usage(format!("{name} is not in the group {}", group.name()))
                .hint("leave --group out, or set `group` in its [package.metadata.cutover.release]"));
        }
    }
    let groups = selected.iter().map(|runtime| workspace.group(runtime)).collect::<Result<Vec<_>>>()?;
    let mut groups = groups.into_iter();
    selected.retain(|_| groups.next() == Some(group));
    match selected.is_empty() {
        false => Ok(selected),
        true => Err(Failure::input(format!("the workspace has no runtime of the group {}", group.name()))
            .hint("set `group` in the runtime's [package.metadata.cutover.release]")),
    }
}

/// Returns the release with the highest version among the tags of the rule in this commit's
/// history.
fn last(root: &Path, rule: &TagRule, named: Option<&str>, tagged: bool) -> Result<Option<LastRelease>> {
    let merged = git::ask(root, &["tag", "--list", "--merged", "HEAD"])?;
    let here = git::ask(root, &["tag", "--list", "--points-at", "HEAD"])?;
    let of_this = |tag: &str| named == Some(tag) || (tagged && here.lines().any(|line| line == tag));
    let all = merged.lines().filter(|tag| !of_this(tag)).filter_map(|tag| Some((rule.version_of(tag)?, tag)));
    let Some((spec_version, tag)) = all.max() else { return Ok(None) };
    let commit = git::commit(root, &format!("refs/tags/{tag}"))
        .ok_or_else(|| Failure::input(format!("the tag {tag} does not point to a commit")))?;
    Ok(Some(LastRelease { tag: tag.to_owned(), commit, spec_version }))
}

/// Returns the latest release before the workspace's commit. Tags of all runtimes and tags of this
/// runtime's group count.
pub fn before(workspace: &Workspace, root: &Path, runtime: &Runtime) -> Result<Option<LastRelease>> {
    let mut found = Vec::new();
    for suffix in [String::new(), format!("-{}", workspace.group(runtime)?.name())] {
        let rule = TagRule::new(workspace.config.release.tag.as_deref(), &suffix)?;
        found.extend(last(root, &rule, None, true)?);
    }
    Ok(found.into_iter().max_by_key(|last| last.spec_version))
}

/// Checks that the tag does not exist yet, or with `tagged`, that it points to this commit. A tag
/// that users have fetched must not move.
fn check_free(root: &Path, tag: &str, commit: &str, tagged: bool) -> Result<()> {
    let existing = git::commit(root, &format!("refs/tags/{tag}"));
    match (existing, tagged) {
        (None, false) => Ok(()),
        (None, true) => {
            Err(Failure::input(format!("there is no tag {tag}")).hint("leave --tagged out, or git fetch --tags"))
        }
        (Some(existing), true) if existing == commit => Ok(()),
        (Some(existing), true) => Err(Failure::input(format!("the tag {tag} points to another commit"))
            .found(format!("at commit {existing}"))
            .expected(commit)
            .hint(format!("git checkout {tag}, and run the command there"))),
        (Some(existing), false) => {
            let failure =
                Failure::input(format!("the tag {tag} exists already")).found(format!("at commit {existing}"));
            let failure = failure.expected("a tag without a release");
            Err(match existing == commit {
                true => failure.hint("if the release is to be made from this tag, add --tagged"),
                false => failure.hint("raise spec_version, or name another tag with --tag"),
            })
        }
    }
}

/// Returns the runtime's entry in the plan. `judge` decides whether it is released.
fn planned(
    root: &Path,
    workspace: &Workspace,
    runtime: &Runtime,
    spec_version: u32,
    last: Option<&LastRelease>,
) -> Result<PlannedRuntime> {
    let directories = inputs::path_packages(&workspace.metadata, &runtime.id);
    let mut paths: Vec<String> = Vec::new();
    for directory in &directories {
        // Git knows only the packages of this repository.
        if let Ok(inside) = directory.strip_prefix(root) {
            let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
            paths.push(files::utf8(inside)?.to_owned());
        }
    }
    let (commits, files_changed) = match last {
        Some(last) if !paths.is_empty() => {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            (log(root, &last.commit, &paths)?.len() as u64, changed(root, &last.commit, &paths)?)
        }
        _ => (0, 0),
    };
    let variants = workspace.variants(runtime);
    let asset = |variant: &str| asset(workspace, runtime, spec_version, variant);
    let variants = variants
        .into_iter()
        .map(|(name, variant)| {
            variant.profile(&name)?;
            let asset = asset(&name)?;
            let Variant { features, profile, required } = variant;
            Ok((name, PlannedVariant { asset, features, profile, required }))
        })
        .collect::<Result<_>>()?;
    Ok(PlannedRuntime {
        name: runtime.name.clone(),
        package: runtime.package.clone(),
        group: workspace.group(runtime)?.into(),
        spec_version,
        last_spec_version: last.map(|last| source::stated_at(root, &last.commit, runtime).unwrap_or(last.spec_version)),
        released: false,
        reason: String::new(),
        commits,
        files_changed,
        asset: asset("")?,
        variants,
    })
}

/// Returns the file name of a blob in the release. `variant` is empty for the production blob.
fn asset(workspace: &Workspace, runtime: &Runtime, spec_version: u32, variant: &str) -> Result<String> {
    let template = workspace.config.release.asset_name.as_deref().unwrap_or(ASSET);
    let variant = if variant.is_empty() { String::new() } else { format!(".{variant}") };
    let setting = "asset-name of [workspace.metadata.cutover.release]";
    if !template.contains("{variant}") && !variant.is_empty() {
        return Err(Failure::input(format!("`{setting}` has no placeholder for the variant"))
            .found(template)
            .expected("{variant} in it"));
    }
    let (version, spec) = (dotted(spec_version), spec_version.to_string());
    let name = fill(
        setting,
        template,
        &[
            ("name", &runtime.name),
            ("package", &runtime.package),
            ("library", &runtime.library),
            ("version", &version),
            ("spec", &spec),
            ("variant", &variant),
        ],
    )?;
    check_asset(&name)?;
    Ok(name)
}

/// Sets for each runtime whether it is released and why. Returns the problems that stop the
/// release.
fn judge(runtimes: &mut [PlannedRuntime], named: &[String], last: Option<&LastRelease>, commit: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for one in runtimes.iter_mut() {
        let now = one.spec_version;
        (one.released, one.reason) = match (one.last_spec_version, last) {
            (Some(before), _) if now > before => (true, format!("spec_version rises from {before} to {now}")),
            (Some(before), Some(last)) if now == before => {
                // Other runtimes did not rise with that tag, so --tagged does not release them.
                let tagged = last.commit == commit && last.spec_version == now;
                let here = if tagged { ", which is at this commit: --tagged releases it" } else { "" };
                (false, format!("spec_version is {now}, as it was in {}{here}", last.tag))
            }
            (Some(before), Some(last)) => {
                (false, format!("spec_version falls to {now}: it was {before} in {}", last.tag))
            }
            _ => (true, "no release was tagged before".into()),
        };
        let fell = one.last_spec_version.is_some_and(|before| now < before);
        if !one.released && (fell || !named.is_empty()) {
            problems.push(format!("{}: {}", one.name, one.reason));
        }
    }
    if problems.is_empty() && !runtimes.iter().any(|one| one.released) {
        problems.extend(runtimes.iter().map(|one| format!("{}: {}", one.name, one.reason)));
    }
    let mut assets: BTreeMap<&str, &str> = BTreeMap::new();
    for one in runtimes.iter().filter(|one| one.released) {
        for asset in std::iter::once(&one.asset).chain(one.variants.values().map(|variant| &variant.asset)) {
            if let Some(other) = assets.insert(asset, &one.name) {
                problems.push(format!("{other} and {} would both be the file {asset}", one.name));
            }
        }
    }
    problems
}

/// Returns the commits since another one, newest first, without merges.
fn log(root: &Path, since: &str, paths: &[&str]) -> Result<Vec<Commit>> {
    let (range, most) = (format!("{since}..HEAD"), format!("--max-count={MAX_COMMITS}"));
    let fixed = ["--literal-pathspecs", "log", "--no-merges", "--format=%h%x09%s", "--abbrev=10", &most, &range, "--"];
    let text = git::ask(root, &[&fixed, paths].concat())?;
    let split = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(split
        .map(|(hash, subject)| Commit { hash: hash.to_owned(), subject: subject.chars().take(MAX_SUBJECT).collect() })
        .collect())
}

/// Returns the number of files that changed since a commit.
fn changed(root: &Path, since: &str, paths: &[&str]) -> Result<usize> {
    let fixed = ["--literal-pathspecs", "diff", "--name-only", "-z", since, "HEAD", "--"];
    let text = git::ask(root, &[&fixed, paths].concat())?;
    Ok(text.split('\0').filter(|name| !name.is_empty()).count())
}

/// Returns the section of the changelog about this release, if any.
fn section(file: Option<&Path>, tag: &str, spec_version: u32) -> Result<Option<Section>> {
    let Some(file) = file else { return Ok(None) };
    let (version, spec) = (dotted(spec_version), spec_version.to_string());
    changelog::section(file, &[tag, &version, &format!("v{version}"), &spec])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, before: Option<u32>, now: u32) -> PlannedRuntime {
        PlannedRuntime {
            name: name.into(),
            package: format!("{name}-runtime"),
            spec_version: now,
            last_spec_version: before,
            asset: format!("{name}.wasm"),
            ..PlannedRuntime::default()
        }
    }

    fn last_release() -> LastRelease {
        LastRelease { tag: "v1.0.0".into(), commit: "c".into(), spec_version: 1_000_000 }
    }

    #[test]
    fn a_runtime_is_released_if_its_spec_version_rose() {
        let mut all = [one("a", Some(1_000_000), 1_000_001), one("b", Some(1_000_000), 1_000_000)];
        assert_eq!(judge(&mut all, &[], Some(&last_release()), "the head"), [""; 0]);
        assert_eq!((all[0].released, all[1].released), (true, false));
        assert_eq!(all[1].reason, "spec_version is 1000000, as it was in v1.0.0");
        let named = judge(&mut all, &["b".into()], Some(&last_release()), "the head");
        assert_eq!(named, ["b: spec_version is 1000000, as it was in v1.0.0"]);
    }

    #[test]
    fn a_release_needs_a_risen_version_and_no_fallen_one() {
        let mut all = [one("a", Some(5), 5)];
        assert_eq!(judge(&mut all, &[], Some(&last_release()), "the head").len(), 1);
        let mut all = [one("a", Some(5), 6), one("b", Some(5), 4)];
        assert_eq!(
            judge(&mut all, &[], Some(&last_release()), "the head"),
            ["b: spec_version falls to 4: it was 5 in v1.0.0"]
        );
    }

    #[test]
    fn only_a_runtime_of_the_tag_at_this_commit_is_released_by_it() {
        let mut all = [one("a", Some(1_000_000), 1_000_000), one("b", Some(999_999), 999_999)];
        assert_eq!(
            judge(&mut all, &[], Some(&last_release()), "c"),
            [
                "a: spec_version is 1000000, as it was in v1.0.0, which is at this commit: --tagged releases it",
                "b: spec_version is 999999, as it was in v1.0.0"
            ]
        );
    }

    #[test]
    fn two_blobs_with_the_same_file_name_stop_a_release() {
        let mut all = [one("a", None, 1), one("b", None, 1)];
        all[1].asset = "a.wasm".into();
        assert_eq!(judge(&mut all, &[], None, "the head"), ["a and b would both be the file a.wasm"]);
    }
}
