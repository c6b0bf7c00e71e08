// SPDX-License-Identifier: Apache-2.0
//! Names made from templates: `v{version}{suffix}`,
//! `{name}_runtime-v{spec}.compact.compressed.wasm`.

use worker::{Failure, Result};

/// Replaces every `{key}` of the template by its value. An unknown key is an error of the
/// configuration.
pub fn fill(setting: &str, template: &str, values: &[(&str, &str)]) -> Result<String> {
    let known = || values.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    let wrong = |what: String| Failure::input(format!("`{setting}` is not valid")).found(what).expected(known());
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}').ok_or_else(|| wrong(template.to_owned()))?;
        let value = values.iter().find(|(name, _)| *name == key).ok_or_else(|| wrong(format!("{{{key}}}")))?;
        text.push_str(before);
        text.push_str(value.1);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// Returns a spec_version as networks write it: `1_003_004` as `1.3.4`.
pub fn dotted(spec_version: u32) -> String {
    format!("{}.{}.{}", spec_version / 1_000_000, spec_version / 1_000 % 1_000, spec_version % 1_000)
}

/// Returns the spec_version of a dotted version: `1.3.4` as `1_003_004`.
fn undotted(text: &str) -> Option<u32> {
    let number = |part: &str| part.parse::<u32>().ok().filter(|number| number.to_string() == part);
    let mut parts = text.split('.').map(number);
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || minor > 999 || patch > 999 {
        return None;
    }
    major.checked_mul(1_000_000)?.checked_add(minor * 1_000 + patch)
}

/// The template of a workspace's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    template: String,
    suffix: String,
}

const SETTING: &str = "tag of [workspace.metadata.cutover.release]";
const DEFAULT: &str = "v{version}{suffix}";

impl TagRule {
    /// Creates a rule. `suffix` is the suffix of the group, empty without a group.
    pub fn new(template: Option<&str>, suffix: &str) -> Result<Self> {
        let rule = Self { template: template.unwrap_or(DEFAULT).to_owned(), suffix: suffix.to_owned() };
        let versions = ["{version}", "{spec}"].iter().map(|key| rule.template.matches(key).count()).sum::<usize>();
        let tag = rule.tag(1_002_003)?;
        if versions != 1 {
            return Err(Failure::input(format!("`{SETTING}` is not valid"))
                .found(&rule.template)
                .expected("{version} or {spec} in it, once: one tag for each version"));
        }
        if !rule.template.contains("{suffix}") && !suffix.is_empty() {
            return Err(Failure::input(format!("`{SETTING}` has no placeholder for the group"))
                .found(&rule.template)
                .expected("{suffix} in it"));
        }
        check_tag(&tag)?;
        Ok(rule)
    }

    /// Returns the tag of a spec_version.
    pub fn tag(&self, spec_version: u32) -> Result<String> {
        let (version, spec) = (dotted(spec_version), spec_version.to_string());
        fill(SETTING, &self.template, &[("version", &version), ("spec", &spec), ("suffix", &self.suffix)])
    }

    /// Returns the spec_version of a tag. `None` if this rule does not make that tag.
    pub fn version_of(&self, tag: &str) -> Option<u32> {
        let plain = self.template.replace("{suffix}", &self.suffix);
        let (before, after, dots) = match plain.split_once("{version}") {
            Some((before, after)) => (before, after, true),
            None => plain.split_once("{spec}").map(|(before, after)| (before, after, false))?,
        };
        let text = tag.strip_prefix(before)?.strip_suffix(after)?;
        let version = if dots { undotted(text)? } else { text.parse().ok()? };
        // Only the exact spelling counts: `v1.03.4` is another tag.
        (self.tag(version).ok()? == tag).then_some(version)
    }
}

/// Checks that git and GitHub accept a tag, and that no program reads it as an option.
pub fn check_tag(tag: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+/".contains(&byte);
    let wrong = tag.is_empty()
        || tag.len() > 120
        || !tag.bytes().all(plain)
        || tag.starts_with(['-', '.', '/'])
        || tag.ends_with(['.', '/'])
        || tag.ends_with(".lock")
        || ["..", "//", "/."].iter().any(|part| tag.contains(part));
    match wrong {
        false => Ok(()),
        true => Err(Failure::usage(format!("{tag:?} is not a valid tag"))
            .expected("letters, digits and the characters . _ - + / within it")),
    }
}

/// Checks the name of a file of a release. GitHub renames files with other characters.
pub fn check_asset(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    match !name.is_empty() && name.len() <= 200 && name.bytes().all(plain) && !name.starts_with(['.', '-']) {
        true => Ok(()),
        false => Err(Failure::input(format!("{name:?} is not a valid name for a file of a release"))
            .expected("letters, digits and the characters . _ - + within it")
            .hint("see `asset-name` of [workspace.metadata.cutover.release]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    #[test]
    fn versions_are_written_with_dots_and_read_back() {
        for (spec, text) in
            [(1_003_004, "1.3.4"), (2_000_000, "2.0.0"), (104, "0.0.104"), (4_294_967_295, "4294.967.295")]
        {
            assert_eq!(dotted(spec), text);
            assert_eq!(undotted(text), Some(spec));
        }
        for text in ["", "1", "1.2", "1.2.3.4", "1.1000.0", "1.02.3", "a.b.c", "9999.0.0", "-1.0.0", "+1.0.0"] {
            assert_eq!(undotted(text), None, "{text}");
        }
    }

    #[test]
    fn a_tag_is_recognised_by_its_rule() {
        let plain = TagRule::new(None, "").expect("a rule");
        let relay = TagRule::new(None, "-relay").expect("a rule");
        assert_eq!(plain.tag(1_003_004).expect("a tag"), "v1.3.4");
        assert_eq!(relay.tag(1_003_004).expect("a tag"), "v1.3.4-relay");
        assert_eq!((plain.version_of("v1.3.4"), relay.version_of("v1.3.4-relay")), (Some(1_003_004), Some(1_003_004)));
        for tag in ["v1.3.4-relay", "v1.3", "1.3.4", "v1.3.4-rc1", "v01.3.4"] {
            assert_eq!(plain.version_of(tag), None, "{tag}");
        }
        let own = TagRule::new(Some("runtime-{spec}"), "").expect("a rule");
        assert_eq!((own.tag(104).expect("a tag").as_str(), own.version_of("runtime-104")), ("runtime-104", Some(104)));
    }

    #[test]
    fn rules_that_make_no_tags_are_refused() {
        for (template, suffix) in
            [("v1", ""), ("v{version}{spec}", ""), ("v{vresion}", ""), ("v{version", ""), ("v{version}", "-relay")]
        {
            assert_eq!(TagRule::new(Some(template), suffix).expect_err(template).kind, Kind::Input);
        }
        for tag in ["", "-v1", "a b", "a..b", "v1.lock", "v1;x", "$(x)", "v1/"] {
            assert_eq!(check_tag(tag).expect_err(tag).kind, Kind::Usage);
        }
    }

    #[test]
    fn asset_names_cannot_leave_the_directory() {
        check_asset("asset-hub-paseo_runtime-v1003004.compact.compressed.wasm").expect("fine");
        for name in ["", "../x", "a/b", ".x", "-x", "a b", "ä"] {
            check_asset(name).expect_err(name);
        }
    }
}
