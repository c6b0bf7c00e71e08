// SPDX-License-Identifier: Apache-2.0
//! The causes of differences between two builds of one runtime, each with its evidence.

use protocol::bytes::{BlobDifference, BlobSide, BuildFacts, Cause, Certainty, ListDifference};
use std::collections::{BTreeMap, BTreeSet};

use Certainty::{Certain, Likely, Possible};

/// The source paths in the old and in the new blob.
type Paths<'paths> = (&'paths BTreeSet<String>, &'paths BTreeSet<String>);

/// Returns the causes that have evidence, the most certain ones first.
pub fn rank(
    difference: &BlobDifference,
    paths: Paths<'_>,
    facts: (&BuildFacts, &BuildFacts),
    features: &[String],
) -> Vec<Cause> {
    if difference.same {
        return Vec::new();
    }
    if difference.same_wasm {
        return vec![compression(difference)];
    }
    let found = [
        other_compiler(difference, paths, facts),
        other_features(difference, facts, features),
        other_lock_file(paths, facts),
        other_version(difference),
        other_pace(difference),
        other_profile(difference, facts),
        paths_not_remapped(paths),
        other_symbols(difference),
        other_commit(difference, facts),
    ];
    let mut causes: Vec<Cause> = found.into_iter().flatten().collect();
    if causes.is_empty() {
        causes.push(other_source(difference));
    }
    // Causes of the same certainty stay in the order above: an earlier one may explain a later one.
    causes.sort_by_key(|cause| cause.certainty);
    causes
}

fn cause(cause: &'static str, certainty: Certainty, evidence: Vec<String>) -> Cause {
    Cause { cause: cause.to_owned(), certainty, evidence }
}

fn compression(difference: &BlobDifference) -> Cause {
    let (old, new) = (&difference.old, &difference.new);
    let form = |side: &BlobSide| {
        if side.compressed { format!("{} bytes compressed", side.size) } else { "not compressed".into() }
    };
    cause(
        "compression",
        Certain,
        vec![
            format!("the decompressed bytes are the same: blake2-256 {}", old.wasm_blake2_256),
            format!("{} and {}: another level, another version of the compressor, or none", form(old), form(new)),
        ],
    )
}

/// Returns the compilers in the paths of the standard library, by commit or version.
fn compilers(paths: &BTreeSet<String>) -> BTreeSet<String> {
    let names = paths.iter().filter_map(|path| {
        if let Some(rest) = path.strip_prefix("/rustc/") {
            return Some(format!("rustc commit {}", rest.split('/').next()?));
        }
        let rest = path.split_once("/usr/src/rustc-").map(|(_, rest)| rest)?;
        Some(format!("rustc {}", rest.split('/').next()?))
    });
    names.collect()
}

fn other_compiler(difference: &BlobDifference, paths: Paths<'_>, facts: (&BuildFacts, &BuildFacts)) -> Option<Cause> {
    let mut evidence = Vec::new();
    let (old, new) = (compilers(paths.0), compilers(paths.1));
    let mut certainty = Possible;
    if old != new && !old.is_empty() && !new.is_empty() {
        evidence.push(format!("paths of the standard library: {} and {}", list(&old), list(&new)));
        certainty = Certain;
    }
    if !difference.producers.same {
        let (old, new) = only_as_text(&difference.producers);
        evidence.push(format!("producers: {old} and {new}"));
        certainty = certainty.min(if old == "none" || new == "none" { Possible } else { Certain });
    }
    if let (Some(old), Some(new)) = (&facts.0.rustc, &facts.1.rustc)
        && !old.is_empty()
        && !new.is_empty()
        && !same_compiler(old, new)
    {
        evidence.push(format!("reported by the builds: {old} and {new}"));
        certainty = certainty.min(Likely);
    }
    (!evidence.is_empty()).then(|| cause("another compiler", certainty, evidence))
}

/// Compares two versions of rustc. Distributions append their own words.
fn same_compiler(old: &str, new: &str) -> bool {
    let words = |text: &str| text.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
    words(old) == words(new)
}

/// Returns the first entries that only the old blob has, and those that only the new blob has, each
/// as one line.
fn only_as_text(only: &ListDifference) -> (String, String) {
    let text = |all: &[String]| match all {
        [] => "none".to_owned(),
        all => all.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
    };
    (text(&only.only_old), text(&only.only_new))
}

fn list(all: &BTreeSet<String>) -> String {
    all.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
}

fn other_features(
    difference: &BlobDifference,
    facts: (&BuildFacts, &BuildFacts),
    features: &[String],
) -> Option<Cause> {
    let mut evidence = Vec::new();
    let mut certainty = Possible;
    if let (Some(old), Some(new)) = (&facts.0.features, &facts.1.features) {
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
        if old != new {
            let text = |all: &BTreeSet<&String>| {
                if all.is_empty() {
                    "none".into()
                } else {
                    all.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
                }
            };
            evidence.push(format!("reported by the builds: {} and {}", text(&old), text(&new)));
            certainty = Certain;
        }
    }
    let extra = [
        ("old", &difference.exports.only_old, &difference.functions.only_old),
        ("new", &difference.exports.only_new, &difference.functions.only_new),
    ];
    // The features that any runtime may have, for a comparison without the runtime's workspace.
    let known = ["try-runtime", "runtime-benchmarks"].map(str::to_owned);
    for (side, exports, functions) in extra {
        let named: BTreeSet<&String> = features
            .iter()
            .chain(&known)
            .filter(|feature| exports.iter().chain(functions).any(|name| names_feature(name, feature)))
            .collect();
        for feature in named {
            let example = exports.iter().chain(functions).find(|name| names_feature(name, feature));
            evidence.push(format!(
                "only the {side} blob has {}: the feature `{feature}`",
                example.map_or("code", String::as_str)
            ));
            certainty = certainty.min(Likely);
        }
    }
    if evidence.is_empty() && !difference.exports.same {
        let (old, new) = only_as_text(&difference.exports);
        evidence.push(format!("functions exported only by the old blob: {old}; only by the new one: {new}"));
    }
    if evidence.is_empty() && !difference.imports.same {
        let (old, new) = only_as_text(&difference.imports);
        evidence.push(format!("host functions imported only by the old blob: {old}; only by the new one: {new}"));
    }
    (!evidence.is_empty()).then(|| cause("other features", certainty, evidence))
}

/// Returns whether the name of a function or export contains the name of a feature, without a final
/// `s`.
fn names_feature(name: &str, feature: &str) -> bool {
    let plain =
        |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase() };
    let name = plain(name);
    let whole = plain(feature);
    let last =
        feature.rsplit(['-', '_']).next().map(|word| plain(word).trim_end_matches('s').to_owned()).unwrap_or_default();
    !["std", "default", "runtime"].contains(&whole.as_str())
        && (whole.len() > 3 && name.contains(&whole) || feature.contains("benchmark") && name.contains(&last))
}

/// Returns the versions of the packages from registries, by name.
fn package_versions(paths: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let Some((_, rest)) = path.split_once("/registry/src/") else { continue };
        let Some(directory) = rest.split('/').nth(1) else { continue };
        let mut dashes = directory.match_indices('-').map(|(index, _)| index);
        let at = dashes.find(|index| directory[index + 1..].starts_with(|letter: char| letter.is_ascii_digit()));
        if let Some(at) = at {
            all.entry(directory[..at].to_owned()).or_default().insert(directory[at + 1..].to_owned());
        }
    }
    all
}

fn other_lock_file(paths: Paths<'_>, facts: (&BuildFacts, &BuildFacts)) -> Option<Cause> {
    let (old, new) = (package_versions(paths.0), package_versions(paths.1));
    let changed = old.iter().filter_map(|(name, versions)| {
        let other = new.get(name)?;
        (other != versions).then(|| format!("{name} {} and {}", list(versions), list(other)))
    });
    let mut evidence: Vec<String> = changed.take(10).collect();
    let mut certainty = if evidence.is_empty() { Possible } else { Certain };
    if let (Some(old), Some(new)) = (&facts.0.lock_file, &facts.1.lock_file)
        && old != new
    {
        evidence.push(format!("digests of Cargo.lock: {old} and {new}"));
        certainty = Certain;
    }
    (!evidence.is_empty()).then(|| cause("another lock file", certainty, evidence))
}

fn other_version(difference: &BlobDifference) -> Option<Cause> {
    let (old, new) = (&difference.old, &difference.new);
    let differs = (&old.spec_name, old.spec_version) != (&new.spec_name, new.spec_version);
    let text = |side: &BlobSide| {
        let name = side.spec_name.as_deref().unwrap_or("none");
        format!("{name} {}", side.spec_version.map_or("without a version".into(), |version| version.to_string()))
    };
    differs.then(|| {
        cause(
            "another version of the source",
            Certain,
            vec![format!("runtime versions: {} and {}", text(old), text(new))],
        )
    })
}

/// A build with short periods (`fast-runtime`) has the name and version of the production build.
fn other_pace(difference: &BlobDifference) -> Option<Cause> {
    let (old, new) = (&difference.old.pace, &difference.new.pace);
    let changed = old.iter().filter_map(|was| {
        let is = new.iter().find(|is| is.constant == was.constant && is.told != was.told)?;
        Some(format!("{}: {} and {}", was.constant, was.told, is.told))
    });
    let evidence: Vec<_> = changed.collect();
    (!evidence.is_empty()).then(|| cause("another pace, as a build for quick rehearsals has it", Certain, evidence))
}

fn other_profile(difference: &BlobDifference, facts: (&BuildFacts, &BuildFacts)) -> Option<Cause> {
    let mut evidence = Vec::new();
    let mut certainty = Possible;
    if let (Some(old), Some(new)) = (&facts.0.profile, &facts.1.profile)
        && old != new
    {
        evidence.push(format!("reported by the builds: {old} and {new}"));
        certainty = Certain;
    }
    if difference.old.names != difference.new.names {
        let with = if difference.old.names { "old" } else { "new" };
        evidence.push(format!("only the {with} blob has the names of its functions, as builds of the profile dev do"));
        certainty = certainty.min(Likely);
    }
    let functions = &difference.functions;
    let (less, more) = (functions.old.min(functions.new), functions.old.max(functions.new));
    let same_surface = difference.exports.same && difference.imports.same && difference.paths.same;
    if same_surface && less > 0 && more * 100 > less * 105 {
        evidence.push(format!(
            "{} and {} functions with the same imports, exports and sources: other inlining",
            functions.old, functions.new
        ));
        certainty = certainty.min(Likely);
    }
    (!evidence.is_empty()).then(|| cause("another profile", certainty, evidence))
}

/// Returns a path without the folder of the build: the part after the parent of the packages.
fn path_suffix(path: &str) -> String {
    if let Some((_, rest)) = path.split_once("/registry/src/") {
        return format!("registry/{}", rest.split_once('/').map_or(rest, |(_, rest)| rest));
    }
    if let Some((_, rest)) = path.split_once("/library/") {
        return format!("library/{rest}");
    }
    let parts: Vec<_> = path.split('/').collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}

fn paths_not_remapped((old, new): Paths<'_>) -> Option<Cause> {
    let only_new: BTreeMap<String, &String> = new.difference(old).map(|path| (path_suffix(path), path)).collect();
    let moved = old.difference(new).filter_map(|path| Some((path, *only_new.get(&path_suffix(path))?)));
    // A file of the standard library under another commit is due to another compiler.
    let moved = moved.filter(|(old, new)| !(old.starts_with("/rustc/") && new.starts_with("/rustc/")));
    let evidence: Vec<String> =
        moved.take(5).map(|(old, new)| format!("one file under two names: {old} and {new}")).collect();
    (!evidence.is_empty()).then(|| cause("paths that were not remapped", Certain, evidence))
}

fn other_symbols(difference: &BlobDifference) -> Option<Cause> {
    let functions = &difference.functions;
    let all_match = functions.only_old_count == 0 && functions.only_new_count == 0;
    (all_match && !functions.same_order).then(|| {
        cause(
            "other symbols",
            Likely,
            vec![
                format!("all {} functions are in both blobs, in another order", functions.old),
                "the order depends on symbol names, which depend on the paths of packages outside of registries and on the \
                 compiler's version: build at the same path, or with Cutover, which makes symbols independent of paths"
                    .into(),
            ],
        )
    })
}

fn other_commit(difference: &BlobDifference, facts: (&BuildFacts, &BuildFacts)) -> Option<Cause> {
    let (Some(old), Some(new)) = (&facts.0.commit, &facts.1.commit) else { return None };
    let functions = &difference.functions;
    (old != new).then(|| {
        let counts = format!(
            "{} functions are only in the old blob, {} only in the new one",
            functions.only_old_count, functions.only_new_count
        );
        cause("another commit", Likely, vec![format!("reported by the builds: {old} and {new}"), counts])
    })
}

fn other_source(difference: &BlobDifference) -> Cause {
    let functions = &difference.functions;
    let mut evidence = vec![format!(
        "compiler, features, packages and paths show no difference; {} of {} functions match, {} are only in the old blob ({} bytes), {} only in the new one ({} bytes)",
        functions.identical + functions.same_shape,
        functions.old,
        functions.only_old_count,
        functions.only_old_bytes,
        functions.only_new_count,
        functions.only_new_bytes
    )];
    if functions.only_old_count == 0 && functions.only_new_count == 0 {
        let only_data = functions.identical == functions.old && functions.same_order;
        let what = match only_data {
            true => "the code is identical and data differs: line numbers of panics, texts, or other constants",
            false => "numbers in the code or data differ",
        };
        evidence.push(what.into());
    }
    cause("another source", Possible, evidence)
}
