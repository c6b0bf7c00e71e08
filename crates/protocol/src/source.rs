// SPDX-License-Identifier: Apache-2.0
//! The source of a runtime or a state, in the same form for every command.

use crate::{Failure, Live, hide_addresses};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, path::PathBuf, str::FromStr};

/// A file, standard input or a node. The kind of a file is detected by its content, never by its
/// name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The nodes of a live chain.
    Node(Live),
}

impl FromStr for Source {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "-" => Ok(Self::Stdin),
            "" => Err(Failure::usage("a source is empty").expected("a file, a node's address, or -")),
            _ if Live::is_meant_by(text) => text.parse().map(Self::Node).map_err(|error: Failure| Failure {
                message: format!("{} is not a source: {}", without_keys(text), error.message),
                ..error
            }),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

/// Hides the parts of a malformed address that may be keys: everything after the scheme, if the
/// host cannot be recognized.
fn without_keys(text: &str) -> String {
    match text.split_once(':') {
        Some((scheme, _)) if !text.contains("://") => format!("{scheme}:…"),
        None => "an address without its scheme".to_owned(),
        _ => hide_addresses(text),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdin => formatter.write_str("-"),
            Self::Node(live) => live.fmt(formatter),
        }
    }
}

/// Serializes the source as it is printed, without the whole address of a node. Fields of requests
/// use the module `exposed` instead.
impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Deserializes a string of the command line, or nodes at a block.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map_err(Error::custom),
            live => Live::deserialize(live).map(Self::Node).map_err(Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposed;

    #[derive(Serialize, Deserialize)]
    struct Request {
        #[serde(serialize_with = "exposed::one")]
        source: Source,
    }

    #[test]
    fn sources_are_parsed() {
        assert_eq!("-".parse(), Ok(Source::Stdin));
        assert_eq!("wss://host:443/path".parse(), Ok(Source::Node("wss://host:443/path".parse().expect("an address"))));
        assert_eq!("a/b.wasm".parse(), Ok(Source::File("a/b.wasm".into())));
        for bad in ["", "ftp://host", "ws://", "wss:/host"] {
            assert!(bad.parse::<Source>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nodes_are_exposed_in_requests_and_printed_without_keys() {
        let source: Source = "wss://host/0123456789abcdef,ws://other?key=0123456789abcdef".parse().expect("two nodes");
        let Source::Node(live) = &source else { panic!("{source}") };
        let with_block = Source::Node(Live { at: Some("0x12".into()), ..live.clone() });
        let text = serde_json::to_string(&Request { source: with_block.clone() }).expect("written");
        assert!(text.contains("wss://host/0123456789abcdef"), "{text}");
        let read: Request = serde_json::from_str(&text).expect("as a worker reads it");
        assert_eq!(read.source, with_block);
        let shown = format!("{source} {source:?} {}", serde_json::json!(source));
        assert!(!shown.contains("0123456789abcdef") && shown.contains("wss://host,ws://other"), "{shown}");
        for malformed in ["wss:/host/0123456789abcdef", "//host/0123456789abcdef", "host:9944/?key=0123456789abcdef"] {
            let error = malformed.parse::<Source>().expect_err("no address");
            assert!(!format!("{error:?}").contains("0123456789abcdef"), "{error}");
        }
    }

    #[test]
    fn files_and_standard_input_are_serialized_as_given() {
        for text in ["a/b.wasm", "-"] {
            let source = text.parse().expect("a source");
            let written = serde_json::to_value(Request { source }).expect("written");
            assert_eq!(written, serde_json::json!({"source": text}));
        }
    }
}
