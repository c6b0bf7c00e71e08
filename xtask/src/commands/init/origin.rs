// SPDX-License-Identifier: Apache-2.0
//! The source of the dependency on Cutover.

use std::path::Path;
use worker::{Failure, Result};
use workspace::context::Context;

/// The source of the dependency on Cutover: a directory or a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The directory of Cutover's package.
    Path(String),
    Git {
        url: String,
        rev: String,
    },
}

impl Origin {
    pub fn of(context: &Context, given: Option<&str>) -> Result<Self> {
        match given {
            None => Self::path(&context.home),
            Some(text) if text.contains("://") || text.starts_with("git@") => Self::git(text),
            Some(text) => Self::path(Path::new(text)),
        }
    }

    fn path(directory: &Path) -> Result<Self> {
        let package = directory.join("xtask");
        let found = std::fs::canonicalize(&package).ok().filter(|path| path.join("src/lib.rs").is_file());
        let found = found.ok_or_else(|| {
            Failure::input(format!("{} is not Cutover's directory", directory.display()))
                .expected("a checkout of Cutover, or URL@REV with a git repository and a commit")
        })?;
        Ok(Self::Path(super::super::utf8(&found)?.to_owned()))
    }

    fn git(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            // The error does not contain the value, which may contain credentials.
            Failure::usage("--cutover names no commit of a repository")
                .found(what.to_owned())
                .expected("URL@REV, with REV a full commit hash")
        };
        let (url, rev) = text.rsplit_once('@').ok_or_else(|| wrong("no @"))?;
        if rev.len() != 40 || !rev.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            // A branch or tag may move to another commit.
            return Err(wrong("no full commit hash after the @"));
        }
        let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        if authority.is_some_and(|authority| authority.contains('@') && !url.starts_with("ssh://")) {
            return Err(Failure::usage("the address contains credentials")
                .expected("an address without credentials")
                .hint("store them in git's credential helper"));
        }
        if url.contains(['"', '\\', '\n', ' ']) {
            return Err(wrong("an address with invalid characters"));
        }
        // Cargo requires URLs; `git@host:path` is not one.
        let url = match (url.strip_prefix("git@"), url.contains("://")) {
            (Some(rest), false) => format!("ssh://git@{}", rest.replacen(':', "/", 1)),
            _ => url.to_owned(),
        };
        Ok(Self::Git { url, rev: rev.to_owned() })
    }

    /// Returns the value of the dependency in TOML.
    pub fn dependency(&self) -> String {
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        match self {
            Self::Path(path) => format!("{{ package = \"xtask\", path = {} }}", quoted(path)),
            Self::Git { url, rev } => {
                format!("{{ package = \"xtask\", git = {}, rev = {} }}", quoted(url), quoted(rev))
            }
        }
    }

    /// Returns a note for the user, if the dependency works only on this machine.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Path(path) => Some(format!(
                "the dependency is the directory {path}, which only this machine has: for others name a repository, --cutover URL@REV"
            )),
            Self::Git { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_with_a_full_commit_hash() {
        let rev = "0123456789abcdef0123456789abcdef01234567";
        let of = |url: &str| Origin::git(&format!("{url}@{rev}")).map(|origin| origin.dependency());
        assert_eq!(
            of("https://host/a/b").expect("fine"),
            format!("{{ package = \"xtask\", git = \"https://host/a/b\", rev = \"{rev}\" }}")
        );
        assert!(of("git@host:a/b.git").expect("fine").contains("\"ssh://git@host/a/b.git\""));
        assert!(of("ssh://git@host/a/b").is_ok() && of("file:///a/b").is_ok());
        for text in ["https://host/a/b", "https://host/a/b@main", "https://host/a/b@0123456"] {
            assert_eq!(Origin::git(text).expect_err(text).kind, worker::Kind::Usage);
        }
        let failure = of("https://user:word@host/a").expect_err("refused");
        assert!(!format!("{failure} {:?}", failure.hint).contains("word"), "credentials are not repeated");
    }
}
