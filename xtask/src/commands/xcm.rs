// SPDX-License-Identifier: Apache-2.0
//! The `xcm` commands: what a chain does with a message, and why it fails.

use super::{dry_run, expect_source, upgrade::bundle::pretty};
use crate::{cli, sources};
use protocol::{
    Source, Verdict,
    dry_run::Request,
    xcm::{ExplainRequest, ExplainSubject, Explanation, MessageSender},
};
use std::path::{Path, PathBuf};
use worker::{Failure, Kind, Result};
use workers::Worker;
use workspace::context::Context;

/// The greatest size of a file with a message or a call, in bytes.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;
/// The forms of an origin that are no source.
const LOCATIONS: [&str; 3] = ["para:", "sibling:", "child:"];

pub fn run(context: &Context, command: &cli::Xcm) -> Result<Verdict> {
    match command {
        cli::Xcm::Explain(options) => explain(context, options),
    }
}

fn explain(context: &Context, options: &cli::XcmExplain) -> Result<Verdict> {
    // All that can be checked at once is checked before a state is read.
    let chain =
        options.to.as_ref().or(options.on.as_ref()).ok_or_else(|| {
            Failure::usage("no chain is given").hint("name the one that executes the message with --to")
        })?;
    let named = subject(options)?;
    let sender = options.from.as_ref().filter(|from| !is_location(from));
    for source in [chain].into_iter().chain(sender).chain(&options.with) {
        expect_source(context, source)?;
    }
    let given = [&options.message, &options.extrinsic, &options.call].into_iter().flatten();
    let inputs: Vec<_> = given.chain([chain]).chain(sender).chain(&options.with).map(PathBuf::from).collect();
    let reports: Vec<&Path> = options.out.iter().map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &inputs)?;
    for earlier in &reports {
        dry_run::remove(earlier)?;
    }
    let source = |text: &str| -> Result<Source> { Ok(sources::source(context, text)?.source()) };
    let subject = match named {
        Named::Message(bytes, from) => ExplainSubject::Message {
            bytes,
            from: match is_location(&from) {
                true => MessageSender::Location(from),
                false => MessageSender::Chain { source: source(&from)? },
            },
        },
        Named::Other(subject) => subject,
    };
    let request = Request::Explain(Box::new(ExplainRequest {
        subject,
        chain: sources::source_at(context, chain, options.at.as_deref())?.source(),
        at: options.at.clone(),
        with: options.with.iter().map(|text| source(text)).collect::<Result<_>>()?,
        cache: Some(context.cache.join("executor")),
        nodes: Some(context.nodes.clone()),
    }));
    let task = context.printer.task("explain");
    let explanation: Explanation =
        workers::ask(context, Worker::DryRun, &request, &task, &context.log("explain"))?.value;
    drop(task);
    if let Some(out) = &options.out {
        files::write_whole(out, &pretty(&explanation)?)?;
    }
    context.printer.result(&explanation, || report::xcm::terminal(&explanation))?;
    Ok(dry_run::verdict(explanation.verdict))
}

/// What the command line names.
#[derive(Debug)]
enum Named {
    /// A message with its origin.
    Message(String, String),
    Other(ExplainSubject),
}

fn subject(options: &cli::XcmExplain) -> Result<Named> {
    let hex = |text: &str, what: &str| Ok::<_, Failure>(hex::encode_prefixed(bytes_of(text, what)?));
    match (&options.message, &options.from, &options.extrinsic, &options.call) {
        (Some(message), Some(from), ..) => Ok(Named::Message(hex(message, "the message")?, from.clone())),
        (_, _, Some(extrinsic), _) => {
            Ok(Named::Other(ExplainSubject::Extrinsic { bytes: hex(extrinsic, "the extrinsic")? }))
        }
        (_, _, _, Some(call)) => {
            let signed = options.signed.as_ref().map(|account| format!("signed:{account}"));
            let origin = signed.or_else(|| options.origin.clone()).ok_or_else(|| {
                Failure::usage("the call has no origin").hint("name it with --signed 0xACCOUNT, or with --origin root")
            })?;
            Ok(Named::Other(ExplainSubject::Call { bytes: hex(call, "the call")?, origin }))
        }
        _ => Err(Failure::usage("nothing is to be explained").hint("give a message with --to and --from")),
    }
}

fn is_location(origin: &str) -> bool {
    let origin = origin.trim();
    origin == "parent" || origin.starts_with('{') || LOCATIONS.iter().any(|form| origin.starts_with(form))
}

/// Returns bytes that are given in hex, or by a file with hex or with the bytes themselves.
fn bytes_of(text: &str, what: &str) -> Result<Vec<u8>> {
    let in_hex = |kind: Kind, digits: &str| {
        hex::decode(digits).map_err(|error| {
            Failure::new(kind, format!("{what} is not in hex")).found(error.to_string()).expected("0x and hex digits")
        })
    };
    if text.starts_with("0x") {
        return in_hex(Kind::Usage, text);
    }
    let path = Path::new(text);
    if !path.is_file() {
        return Err(Failure::input(format!("there is no file {}", protocol::hide_addresses(text)))
            .expected(format!("{what} in hex (0x…), or a file with it")));
    }
    let content = files::read_bounded(path, FILE_LIMIT)?;
    match std::str::from_utf8(&content).map(str::trim) {
        Ok(digits) if digits.starts_with("0x") => in_hex(Kind::Input, digits),
        Ok(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            in_hex(Kind::Input, digits)
        }
        _ => Ok(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn is_valid(words: &[&str]) -> bool {
        Cli::try_parse_from(["cargo xtask", "xcm", "explain"].iter().chain(words)).is_ok()
    }

    #[test]
    fn a_message_has_a_receiver_and_an_origin_and_a_call_a_chain() {
        assert!(is_valid(&["0x0500", "--to", "a.json", "--from", "parent", "--at", "5"]));
        assert!(is_valid(&["--call", "0x00", "--on", "a.json", "--signed", "0x01", "--with", "b.json"]));
        assert!(is_valid(&["--extrinsic", "0x00", "--on", "a.json"]));
        for words in [
            &["0x0500", "--to", "a.json"][..],
            &["0x0500", "--from", "parent"],
            &["--call", "0x00", "--signed", "0x01"],
            &["--extrinsic", "0x00", "--on", "a.json", "--signed", "0x01"],
            &["--call", "0x00", "--on", "a.json", "--signed", "0x01", "--origin", "root"],
            &["0x0500", "--call", "0x00", "--on", "a.json", "--origin", "root"],
            &[],
        ] {
            assert!(!is_valid(words), "{words:?}");
        }
    }

    #[test]
    fn origins_are_locations_or_sources() {
        for location in ["parent", "para:2000", "child:1", "sibling:7", r#" {"parents": 1}"#] {
            assert!(is_location(location), "{location}");
        }
        for source in ["paseo/people", "wss://node", "state.json", "parents"] {
            assert!(!is_location(source), "{source}");
        }
    }

    #[test]
    fn files_have_hex_or_bytes() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("message");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).expect("written");
            bytes_of(path.to_str().expect("UTF-8"), "the message")
        };
        for content in [&b"0x0504\n"[..], b"0504", &[5, 4]] {
            assert_eq!(read(content).expect("bytes"), [5, 4]);
        }
        assert_eq!(read(b"0x05z").expect_err("no hex").kind, Kind::Input);
        assert_eq!(bytes_of("0x5", "the message").expect_err("half a byte").kind, Kind::Usage);
        assert_eq!(bytes_of("/no/such/file", "the message").expect_err("no file").kind, Kind::Input);
    }
}
