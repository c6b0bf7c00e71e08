// SPDX-License-Identifier: Apache-2.0
//! The two passes in which `substrate-wasm-builder` compiles a blob with the hash of its metadata.
//!
//! The first pass serves only to read the metadata. The second one compiles the runtime again, with
//! the hash in `RUNTIME_METADATA_HASH`, and gives the blob. So the first pass is compiled with less
//! optimisation: the metadata is the same. The compiler's wrapper records the pass of each
//! compilation. A blob is refused unless all that was compiled for a first pass was compiled for a
//! second one afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};
use worker::{Failure, Result};

/// The variable with the package of a runtime that is compiled in two passes. Without it, nothing
/// is compiled with less optimisation.
pub const TWO_PASSES: &str = "CUTOVER_TWO_PASSES";
/// The variable with the record of the passes.
pub const RECORD: &str = "CUTOVER_PASSES";
/// The variable that the builder sets for the second pass.
const HASH: &str = "RUNTIME_METADATA_HASH";
/// What the builder appends to the name of the runtime's package for the project of the blob.
const PROJECT: &str = "-blob";
const RECORD_LIMIT: u64 = 1 << 20;

/// The record of the passes of the build under way. It lies beside the compiled code of all
/// runtimes. It is removed when a build was complete, so one that is found before a build tells what
/// an interrupted or refused build left behind.
pub struct Passes {
    record: PathBuf,
}

impl Passes {
    /// Returns the record of a target directory.
    pub fn of(target: &Path) -> Self {
        Self { record: target.join(".cutover.passes") }
    }

    /// Returns the file of the record.
    pub fn record(&self) -> &Path {
        &self.record
    }

    /// Returns the packages of which compiled code for a first pass may be left.
    pub fn packages(&self) -> Result<BTreeSet<String>> {
        Ok(self.lines()?.into_iter().map(|line| line.package).collect())
    }

    /// Returns whether a second pass compiled everything that a first one had compiled, for each of
    /// the `blobs` that the builder wrote.
    pub fn are_complete(&self, blobs: usize) -> Result<bool> {
        let lines = self.lines()?;
        let full = lines.iter().filter(|line| line.package.ends_with(PROJECT) && line.pass == Pass::Full).count();
        let last: BTreeMap<_, _> = lines.iter().map(|line| (&line.unit, line.pass)).collect();
        Ok(lines.is_empty() || full >= blobs && last.values().all(|pass| *pass == Pass::Full))
    }

    /// Returns whether a first pass made its blob and no second one began: the builder could not
    /// read the metadata.
    pub fn ended_with_the_first(&self) -> Result<bool> {
        let lines = self.lines()?;
        let linked = lines.iter().any(|line| line.package.ends_with(PROJECT));
        Ok(linked && lines.iter().all(|line| line.pass == Pass::Light))
    }

    /// Removes the record.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io("remove", &self.record, &error)),
            _ => Ok(()),
        }
    }

    fn lines(&self) -> Result<Vec<Line>> {
        if !self.record.exists() {
            return Ok(Vec::new());
        }
        let text = files::read_bounded(&self.record, RECORD_LIMIT)?;
        Ok(String::from_utf8_lossy(&text).lines().map(Line::parse).collect())
    }
}

/// A compilation in the record.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    pass: Pass,
    package: String,
    /// What tells a compiled crate from its other variants: its name, and what cargo appends to the
    /// names of its files.
    unit: String,
}

impl Line {
    /// Reads a line. One that was cut counts as a first pass: nothing is known of a second one.
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ').map(str::to_owned);
        let pass = if words.next().is_some_and(|word| word == Pass::Full.name()) { Pass::Full } else { Pass::Light };
        let mut next = || words.next().unwrap_or_default();
        Self { pass, package: next(), unit: next() }
    }
}

/// How a crate is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// To read the metadata.
    Light,
    /// As the workspace wants it.
    Full,
}

impl Pass {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Full => "full",
        }
    }
}

/// Returns the arguments of the compiler for a package in the pass under way, and records the pass.
///
/// Only the runtime and the project that makes a blob of it are compiled with less optimisation.
/// Other packages are not compiled again in the second pass, and neither are build scripts.
pub fn arguments(
    arguments: Vec<OsString>,
    package: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> io::Result<Vec<OsString>> {
    let (Some(runtime), Some(record)) = (variable(TWO_PASSES), variable(RECORD)) else { return Ok(arguments) };
    let is_runtime = package == runtime || package.strip_suffix(PROJECT).is_some_and(|name| name == runtime);
    let Some(unit) = is_runtime.then(|| unit(&arguments)).flatten() else { return Ok(arguments) };
    let pass = if variable(HASH).is_some() { Pass::Full } else { Pass::Light };
    let mut file = File::options().create(true).append(true).open(record)?;
    file.write_all(format!("{} {package} {unit}\n", pass.name()).as_bytes())?;
    Ok(match pass {
        Pass::Light => lighten(arguments),
        Pass::Full => arguments,
    })
}

/// Returns the compiled unit, if a crate is compiled for Wasm: cargo also asks the compiler for the
/// names of files.
fn unit(arguments: &[OsString]) -> Option<String> {
    let after = |flag: &str, prefix: &str| {
        let mut words = arguments.windows(2).filter(|pair| pair[0] == flag);
        words.find_map(|pair| Some(pair[1].to_str()?.strip_prefix(prefix)?.to_owned()))
    };
    let is_query = arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--print"));
    if is_query || !after("--target", "").is_some_and(|target| target.starts_with("wasm32")) {
        return None;
    }
    let suffix = after("-C", "extra-filename=").unwrap_or_default();
    Some(format!("{}{suffix}", after("--crate-name", "")?))
}

/// Optimises less, and on all cores. The linker still gets what the dependencies were compiled to.
fn lighten(mut arguments: Vec<OsString>) -> Vec<OsString> {
    for index in 1..arguments.len() {
        let lighter = match arguments[index].to_str().filter(|_| arguments[index - 1] == "-C") {
            Some("lto" | "lto=fat") => "lto=thin",
            Some(setting) if setting.starts_with("opt-level=") => "opt-level=1",
            Some(setting) if setting.starts_with("codegen-units=") => "codegen-units=16",
            _ => continue,
        };
        arguments[index] = lighter.into();
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    /// As cargo calls the compiler. The blob of a target has no suffix.
    const BLOB: &str =
        "--crate-name solo --crate-type cdylib -C opt-level=3 -C lto -C codegen-units=1 --target wasm32v1-none";
    const LIBRARY: &str = "--crate-name solo --crate-type lib -C opt-level=s -C linker-plugin-lto -C codegen-units=1 -C extra-filename=-34 --target wasm32v1-none";
    const SCRIPT: &str = "--crate-name build_script_build --crate-type bin -C extra-filename=-56";
    const PROBE: &str = "- --crate-name ___ --print=file-names --crate-type cdylib --target wasm32v1-none";

    struct Build {
        directory: tempfile::TempDir,
    }

    impl Build {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().expect("a directory") }
        }

        fn passes(&self) -> Passes {
            Passes::of(self.directory.path())
        }

        fn is_complete(&self, blobs: usize) -> bool {
            self.passes().are_complete(blobs).expect("read")
        }

        /// Compiles a crate in the first pass, or in the second one.
        fn compile(&self, package: &str, text: &str, second: bool) -> String {
            let variable = |name: &str| match name {
                TWO_PASSES => Some("solo-runtime".into()),
                RECORD => Some(self.passes().record().into()),
                HASH if second => Some("0x12".into()),
                _ => None,
            };
            let changed = arguments(words(text), package, variable).expect("recorded");
            changed.join(" ".as_ref()).into_string().expect("UTF-8")
        }

        /// Makes a blob as the builder does. Cargo probes and builds the script only once.
        fn blob(&self, with_hash: bool) {
            self.compile("solo-runtime", PROBE, false);
            self.compile("solo-runtime", SCRIPT, false);
            for second in [false, true].into_iter().take(1 + usize::from(with_hash)) {
                self.compile("solo-runtime", LIBRARY, second);
                self.compile("solo-runtime-blob", BLOB, second);
            }
        }
    }

    #[test]
    fn the_first_pass_is_optimised_less_and_the_second_one_as_wanted() {
        let build = Build::new();
        assert_eq!(
            build.compile("solo-runtime-blob", BLOB, false),
            "--crate-name solo --crate-type cdylib -C opt-level=1 -C lto=thin -C codegen-units=16 --target wasm32v1-none"
        );
        let library = build.compile("solo-runtime", LIBRARY, false);
        assert!(library.contains("-C opt-level=1 -C linker-plugin-lto -C codegen-units=16"), "{library}");
        assert_eq!(build.compile("solo-runtime-blob", BLOB, true), BLOB);
        assert_eq!(build.compile("solo-runtime", LIBRARY, true), LIBRARY);
    }

    #[test]
    fn what_the_second_pass_does_not_compile_again_is_compiled_as_wanted() {
        let build = Build::new();
        for (package, text) in
            [("sp-io", BLOB), ("solo-runtime", SCRIPT), ("solo-runtime", PROBE), ("solo-runtime", "-vV")]
        {
            assert_eq!(build.compile(package, text, false), text);
        }
        assert_eq!(arguments(words(BLOB), "solo-runtime", |_| None).expect("unchanged"), words(BLOB));
        assert!(!build.passes().record().exists());
    }

    #[test]
    fn a_first_build_is_complete() {
        let build = Build::new();
        assert!(build.is_complete(1), "nothing was compiled");
        build.blob(true);
        assert!(build.is_complete(1));
        // A second blob by the same script, with the hash.
        build.blob(true);
        assert!(build.is_complete(2));
        build.passes().remove().expect("removed");
        assert!(build.passes().packages().expect("read").is_empty());
        build.passes().remove().expect("it is gone");
    }

    #[test]
    fn a_blob_of_the_first_pass_is_not_complete() {
        let build = Build::new();
        build.blob(false);
        assert!(!build.is_complete(1));
        let left = build.passes().packages().expect("read");
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["solo-runtime", "solo-runtime-blob"]);
        build.compile("solo-runtime-blob", BLOB, true);
        assert!(!build.is_complete(1), "the library is still that of the first pass");
        build.compile("solo-runtime", LIBRARY, true);
        assert!(build.is_complete(1));
        assert!(!build.is_complete(2), "the other blob was taken from the first pass");
    }

    #[test]
    fn metadata_that_cannot_be_read_is_told_from_code_that_does_not_compile() {
        let build = Build::new();
        build.compile("solo-runtime", LIBRARY, false);
        assert!(!build.passes().ended_with_the_first().expect("read"), "the library did not compile");
        build.compile("solo-runtime-blob", BLOB, false);
        assert!(build.passes().ended_with_the_first().expect("read"));
        build.compile("solo-runtime", LIBRARY, true);
        assert!(!build.passes().ended_with_the_first().expect("read"));
    }

    #[test]
    fn a_record_that_was_cut_is_not_complete() {
        let build = Build::new();
        for text in ["ful", "full", "full solo-runtime-blob solo\nlig"] {
            std::fs::write(build.passes().record(), text).expect("written");
            assert!(!build.is_complete(1), "{text}");
        }
    }
}
