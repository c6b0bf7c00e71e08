// SPDX-License-Identifier: Apache-2.0
//! The requests of the worker.

use artifact::diff_bytes::diff_bytes;
use protocol::{Source, inspect::Request};
use serde::Serialize;
use source::ReadSource;
use state::StateFile;
use worker::{Failure, Outcome, Reporter, Result};

/// Runs a request and returns its result as JSON.
pub fn handle(request: Request, reporter: &Reporter) -> Result<Outcome<serde_json::Value>> {
    let value = match request {
        Request::Inspect { source, metadata, token } => {
            reporter.status(format!("inspecting {source}"));
            source::check_root(&source, reporter)?;
            let token = token.map(|token| token.parse()).transpose()?;
            to_value(&crate::inspect(&source, metadata, token)?)?
        }
        Request::MetadataHash { source } => {
            to_value(&crate::metadata_hash_status(&source.to_string(), &source.blob()?))?
        }
        Request::Digest { files, context, out } => {
            reporter.status(format!("digesting {}", context.package));
            let digest = crate::digest::digest(&files, &context)?;
            let mut text = serde_json::to_vec_pretty(&digest).map_err(not_json)?;
            text.push(b'\n');
            files::write_whole(&out, &text)?;
            to_value(&digest)?
        }
        Request::DiffBytes { old, new, old_build, new_build, features } => {
            reporter.status(format!("comparing {old} with {new}"));
            let (old_name, new_name) = (old.to_string(), new.to_string());
            let (old, new) = (old.blob()?, new.blob()?);
            let facts = (&*old_build, &*new_build);
            let difference = diff_bytes((&old_name, &old), (&new_name, &new), facts, &features)?;
            return Ok(Outcome { passed: difference.same, value: to_value(&difference)? });
        }
        Request::State { source } => {
            reporter.status(format!("reading {source}"));
            let streamed = match &source {
                Source::File(path) => StateFile::summary(path)?,
                _ => None,
            };
            match streamed {
                Some(summary) => to_value(&summary)?,
                None => to_value(&source.state()?.summary())?,
            }
        }
        Request::Pin { source } => {
            reporter.status(format!("resolving the state of {source}"));
            source::check_root(&source, reporter)?;
            to_value(&source::pin(&source)?)?
        }
    };
    Ok(Outcome::passed(value))
}

fn to_value(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::internal("a result cannot be written as JSON").found(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_the_documentation_says() {
        let request = r#"{"command":"inspect","source":"ws://127.0.0.1:1"}"#;
        let request: Request = serde_json::from_str(request).expect("a request");
        let source = Source::Node("ws://127.0.0.1:1".parse().expect("an address"));
        assert_eq!(request, Request::Inspect { source, metadata: true, token: None });
        let digest = r#"{"command":"digest","compressed":"a.wasm","out":"a.json","context":{"package":"a",
            "version":"1","runtime_dir":"a","rustc":"rustc 1","profile":"production","timestamp":"t"}}"#;
        assert!(matches!(serde_json::from_str(digest), Ok(Request::Digest { .. })));
    }

    #[test]
    fn a_digest_is_written_and_returned() {
        let directory = tempfile::tempdir().expect("a directory");
        let compressed = directory.path().join("r.wasm");
        files::write_whole(&compressed, &test_runtime::deployed()).expect("written");
        let out = directory.path().join("r.json");
        let files = protocol::inspect::DigestFiles { compact: None, compressed: Some(compressed) };
        let request = Request::Digest { files, context: Box::default(), out: out.clone() };
        let outcome = handle(request, &Reporter::silent()).expect("made");
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).expect("written")).expect("JSON");
        assert_eq!(written, outcome.value);
    }
}
