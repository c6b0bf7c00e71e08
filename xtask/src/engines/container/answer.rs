// SPDX-License-Identifier: Apache-2.0
//! What a builder says when it ends: one JSON document on the last line, with progress and chatter before it.

use serde_json::Value;
use worker::{Failure, Result};

/// The documents of srtool have some kilobytes. A longer one is cut by whoever reads the lines, and then no JSON.
const LIMIT: usize = 1024 * 1024;

/// Keeps the last line that may be the document.
#[derive(Default)]
pub struct Listener {
    last: Option<String>,
}

/// What of the document is of use: the blob itself is hashed by us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub rustc: String,
    /// What the builder says the hash of the compressed blob is.
    pub blake2_256: Option<String>,
}

impl Listener {
    pub fn line(&mut self, line: &str) {
        if line.trim_start().starts_with('{') && line.len() <= LIMIT {
            self.last = Some(line.trim().to_owned());
        }
    }

    /// The document, which `who` has to have written.
    pub fn answer(&self, who: &str) -> Result<Answer> {
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
            let what = if error.is_eof() { "is cut short" } else { "is no JSON" };
            Failure::input(format!("the result of {who} {what}")).found(error.to_string()).expected(expected)
        })?;
        let text = |pointer: &str| text(&document, pointer);
        Ok(Answer {
            rustc: text("/rustc").or_else(|| text("/info/rustc")).unwrap_or_default(),
            blake2_256: text("/runtimes/compressed/blake2_256")
                .or_else(|| text("/runtimes/compressed/subwasm/blake2_256"))
                .filter(|hash| hash.len() == 66 && hash.starts_with("0x")),
        })
    }
}

impl Answer {
    /// A builder that says one hash and leaves another blob has mixed something up, or is lying.
    pub fn check(&self, who: &str, hash: &str) -> Result<()> {
        match &self.blake2_256 {
            Some(stated) if !stated.eq_ignore_ascii_case(hash) => {
                Err(Failure::input(format!("{who} left another blob than it says"))
                    .found(format!("a blob with blake2-256 {hash}"))
                    .expected(format!("{stated}, as its result says")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(lines: &[&str]) -> Listener {
        let mut listener = Listener::default();
        lines.iter().for_each(|line| listener.line(line));
        listener
    }

    #[test]
    fn text_around_the_document_does_no_harm() {
        let hash = format!("0x{}", "ab".repeat(32));
        let document = format!(r#"{{"rustc":"rustc 1.96.0","runtimes":{{"compressed":{{"blake2_256":"{hash}"}}}}}}"#);
        let answer =
            listen(&["Found image tag 1.93.0", "{ not this one", &document, "bye"]).answer("it").expect("read");
        assert_eq!(answer, Answer { rustc: "rustc 1.96.0".into(), blake2_256: Some(hash.clone()) });
        answer.check("it", &hash).expect("the same");
        let failure = answer.check("it", "0x00").expect_err("another");
        assert_eq!(failure.message, "it left another blob than it says");
    }

    #[test]
    fn no_document_and_half_of_one_are_told_apart() {
        let none = listen(&["Compiling", "Finished"]).answer("the image").expect_err("nothing");
        assert_eq!(none.message, "the image ended without a result");
        let half = listen(&[r#"{"rustc":"rustc 1.9"#]).answer("the image").expect_err("half");
        assert_eq!(half.message, "the result of the image is cut short");
        let broken = listen(&["{rustc}"]).answer("the image").expect_err("broken");
        assert_eq!(broken.message, "the result of the image is no JSON");
    }
}
