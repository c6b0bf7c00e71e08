// SPDX-License-Identifier: Apache-2.0
//! Reads the result of a builder: one JSON document on the last line, after progress messages.

use console::printer::Task;
use protocol::{
    Source,
    inspect::{Producer, Request, RuntimeFacts},
};
use serde_json::Value;
use std::path::Path;
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

/// The length limit of the document, in bytes. srtool's documents have some kilobytes. A longer
/// line was cut by its reader and is not valid JSON.
const LIMIT: usize = 1024 * 1024;

/// Keeps the last line that may be the JSON document.
#[derive(Default)]
pub struct ResultReader {
    last: Option<String>,
}

/// The used parts of the document. The blob itself is hashed by Cutover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuilderResult {
    pub rustc: String,
    /// The hash of the compressed blob, as the builder reports it.
    pub blake2_256: Option<String>,
}

impl ResultReader {
    /// Reads a line of the builder's output.
    pub fn line(&mut self, line: &str) {
        if line.trim_start().starts_with('{') && line.len() <= LIMIT {
            self.last = Some(line.trim().to_owned());
        }
    }

    /// Parses the document. `who` names the builder in errors.
    pub fn result(&self, who: &str) -> Result<BuilderResult> {
        let expected = "one JSON document on its last line, as `build --app --json` of srtool writes it";
        let Some(line) = &self.last else {
            return Err(Failure::input(format!("{who} ended without a result"))
                .found("no line with a JSON document")
                .expected(expected));
        };
        #[expect(clippy::disallowed_methods, reason = "a document of srtool, whose versions differ")]
        let text =
            |document: &Value, pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let document: Value = serde_json::from_str(line).map_err(|error| {
            let what = if error.is_eof() { "is cut short" } else { "is not JSON" };
            Failure::input(format!("the result of {who} {what}")).found(error.to_string()).expected(expected)
        })?;
        let text = |pointer: &str| text(&document, pointer);
        Ok(BuilderResult {
            rustc: text("/rustc").or_else(|| text("/info/rustc")).unwrap_or_default(),
            blake2_256: text("/runtimes/compressed/blake2_256")
                .or_else(|| text("/runtimes/compressed/subwasm/blake2_256"))
                .filter(|hash| hash.len() == 66 && hash.starts_with("0x")),
        })
    }
}

impl BuilderResult {
    /// Fails if the reported hash differs from the blob's.
    pub fn check(&self, who: &str, hash: &str) -> Result<()> {
        match &self.blake2_256 {
            Some(stated) if !stated.eq_ignore_ascii_case(hash) => {
                Err(Failure::input(format!("the blob of {who} differs from the hash that it reports"))
                    .found(format!("a blob with blake2-256 {hash}"))
                    .expected(format!("{stated}, as its result states")))
            }
            _ => Ok(()),
        }
    }

    /// Fails if the compiler that the blob names differs from the reported one.
    pub fn check_compiler(&self, who: &str, context: &Context, blob: &Path, task: &Task, log: &Path) -> Result<()> {
        let source = Source::File(blob.to_path_buf());
        let request = Request::Inspect { source, metadata: false, token: None };
        let facts: RuntimeFacts = workers::ask(context, Worker::Inspect, &request, task, log)?.value;
        self.compare_compiler(who, &facts.producers)
    }

    /// Fails if a rustc of the section `producers` differs from the reported one. A blob without
    /// the section does not tell.
    fn compare_compiler(&self, who: &str, producers: &[Producer]) -> Result<()> {
        let reported = self.rustc.strip_prefix("rustc ").unwrap_or(&self.rustc).trim();
        let is_rustc = |producer: &&Producer| producer.field == "processed-by" && producer.name == "rustc";
        // A version without the commit is enough.
        let same =
            |version: &str| version.strip_prefix(reported).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        match producers.iter().find(|producer| is_rustc(producer) && !same(&producer.version)) {
            Some(producer) if !reported.is_empty() => {
                Err(Failure::input(format!("{who} compiled with another rustc than it reports"))
                    .found(format!("rustc {} in the blob's section `producers`", producer.version))
                    .expected(format!("rustc {reported}, as its result states"))
                    .hint("use an image whose `rustc` is the one that compiles the Wasm"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(lines: &[&str]) -> ResultReader {
        let mut listener = ResultReader::default();
        lines.iter().for_each(|line| listener.line(line));
        listener
    }

    #[test]
    fn text_around_the_document_is_ignored() {
        let hash = format!("0x{}", "ab".repeat(32));
        let document = format!(r#"{{"rustc":"rustc 1.96.0","runtimes":{{"compressed":{{"blake2_256":"{hash}"}}}}}}"#);
        let answer =
            listen(&["Found image tag 1.93.0", "{ not this one", &document, "bye"]).result("it").expect("read");
        assert_eq!(answer, BuilderResult { rustc: "rustc 1.96.0".into(), blake2_256: Some(hash.clone()) });
        answer.check("it", &hash).expect("the same");
        let failure = answer.check("it", "0x00").expect_err("another");
        assert_eq!(failure.message, "the blob of it differs from the hash that it reports");
    }

    #[test]
    fn another_compiler_than_the_reported_one_is_refused() {
        let of = |rustc: &str| BuilderResult { rustc: rustc.into(), blake2_256: None };
        let version = "1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)";
        let producer =
            |field: &str, name: &str| Producer { field: field.into(), name: name.into(), version: version.into() };
        let producers = [producer("language", "Rust"), producer("processed-by", "rustc")];
        of(&format!("rustc {version}")).compare_compiler("it", &producers).expect("the same");
        of("rustc 1.96.0").compare_compiler("it", &producers).expect("the same, without the commit");
        of("rustc 1.9").compare_compiler("it", &producers).expect_err("another");
        of("").compare_compiler("it", &producers).expect("nothing is reported");
        of("rustc 1.95.0").compare_compiler("it", &[]).expect("the blob does not tell");
        let failure =
            of("rustc 1.95.0 (0123abcde 2026-01-01)").compare_compiler("it", &producers).expect_err("another");
        assert_eq!(failure.message, "it compiled with another rustc than it reports");
        assert_eq!(failure.found, Some(format!("rustc {version} in the blob's section `producers`")));
    }

    #[test]
    fn missing_and_truncated_documents_give_different_errors() {
        let none = listen(&["Compiling", "Finished"]).result("the image").expect_err("nothing");
        assert_eq!(none.message, "the image ended without a result");
        let half = listen(&[r#"{"rustc":"rustc 1.9"#]).result("the image").expect_err("half");
        assert_eq!(half.message, "the result of the image is cut short");
        let broken = listen(&["{rustc}"]).result("the image").expect_err("broken");
        assert_eq!(broken.message, "the result of the image is not JSON");
    }
}
