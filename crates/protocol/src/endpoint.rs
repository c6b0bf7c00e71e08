// SPDX-License-Identifier: Apache-2.0
//! Addresses of nodes. They may contain keys: providers put them into the path, the query or before
//! the host.
//!
//! An [`Endpoint`] is always printed with its scheme, host and port only. The whole address is only
//! for the transport and for a worker's standard input.

use crate::Failure;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;
use std::{borrow::Cow, fmt, str::FromStr};

const SCHEMES: [&str; 4] = ["ws", "wss", "http", "https"];
/// The shortest part of an address that is hidden. Shorter parts are not keys, and hiding them
/// would make messages unreadable.
const SHORTEST_KEY: usize = 6;
const HIDDEN: &str = "…";
/// The most characters of a node's message that are shown.
const LONGEST_MESSAGE: usize = 500;

/// The address of a node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    whole: String,
    scheme: String,
    /// The host, with the port if the address has one.
    host: String,
}

impl Endpoint {
    /// Returns the whole address, for the transport only. Everything else prints the endpoint
    /// itself.
    pub fn expose(&self) -> &str {
        &self.whole
    }

    /// Returns the host and the port to connect to.
    pub fn host_and_port(&self) -> (&str, u16) {
        let default = if self.is_encrypted() { 443 } else { 80 };
        let (host, port) = split_port(&self.host);
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(default);
        (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
    }

    /// Returns whether the scheme is `ws` or `wss`.
    pub fn is_websocket(&self) -> bool {
        self.scheme.starts_with("ws")
    }

    /// Returns whether the scheme is `wss` or `https`.
    pub fn is_encrypted(&self) -> bool {
        self.scheme.ends_with('s') && self.scheme != "ws"
    }

    /// Hides the parts of this address that may be keys in a text of a transport or a node. Both
    /// repeat addresses in their errors.
    pub fn hide(&self, text: &str) -> String {
        let text = text.replace(&self.whole, &self.to_string());
        let rest = self.whole.get(self.scheme.len() + 3..).unwrap_or_default();
        let mut parts: Vec<String> =
            rest.split(['/', '?', '#', '&', '=', '@', ':', ';', ',']).map(str::to_owned).collect();
        // Also decoded, as servers read them, and in base64, as a client sends a name and password.
        parts.extend(parts.iter().map(|part| percent_decoded(part).into_owned()).collect::<Vec<_>>());
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some((name_and_password, _)) = authority.rsplit_once('@') {
            parts.push(BASE64_STANDARD.encode(percent_decoded(name_and_password).as_bytes()));
        }
        parts.retain(|part| part.len() >= SHORTEST_KEY && !self.host.contains(part.as_str()));
        // Replace longer parts first: one may be contained in another.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let text = parts.into_iter().fold(text, |text, part| text.replace(&part, HIDDEN));
        let mut text = hide_addresses(&text);
        // Real messages have a few lines, but a node may send any length.
        if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
            text.truncate(end);
            text.push('…');
        }
        text
    }
}

impl FromStr for Endpoint {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Failure::usage("the address of a node is invalid")
                .expected("ws://, wss://, http:// or https:// and a host"));
        };
        // If the host cannot be recognized, any part of the address may be a key.
        let wrong = |found: &str| {
            Failure::usage("the address of a node is malformed")
                .found(match SCHEMES.contains(&scheme) {
                    true => format!("{scheme}://…, {found}"),
                    false => found.to_owned(),
                })
                .expected("ws://, wss://, http:// or https://, a host, and the path of the provider")
        };
        if !SCHEMES.contains(&scheme) {
            return Err(wrong("an unknown scheme"));
        }
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(wrong("with a space in it"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (name, port) = split_port(host);
        let plain = |character: char| character.is_ascii_alphanumeric() || "-._[]:%".contains(character);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(wrong("without a host"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(wrong("with a port that is not a number"));
        }
        Ok(Self { whole: text.to_owned(), scheme: scheme.to_owned(), host: host.to_owned() })
    }
}

/// Returns the text with percent-encoding decoded.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// Splits the port off a host such as `[::1]:80`, `host:80` or `host`.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Serializes the endpoint as it is printed. Fields of requests use the module `exposed` instead.
impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().map_err(D::Error::custom),
            _ => Err(D::Error::custom("the address of a node is not a string")),
        }
    }
}

/// The nodes of a live chain, and a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Live {
    /// The nodes, in the order of use; at least one.
    pub nodes: Vec<Endpoint>,
    /// The block: a number, a hash or `finalized`, which is the default.
    pub at: Option<String>,
}

impl Live {
    /// Returns whether a text is meant as addresses of nodes, even if they are malformed.
    pub fn is_meant_by(text: &str) -> bool {
        let text = text.trim_start();
        lacks_scheme(text)
            || text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            || SCHEMES.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| rest.starts_with([':', '/'])))
    }

    /// Returns the block, or the default.
    pub fn block(&self) -> &str {
        self.at.as_deref().unwrap_or("finalized")
    }
}

/// Returns whether a text is an address without its scheme: `//host/key`, or a host with a port and
/// a path or query, `host:9944/?key`.
fn lacks_scheme(text: &str) -> bool {
    let (authority, more) = text.split_once(['/', '?']).unwrap_or((text, ""));
    let has_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    text.starts_with("//") || (has_port && !more.is_empty())
}

/// Parses one address, or several addresses of one chain, separated by commas.
impl FromStr for Live {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        Ok(Self { nodes: addresses(text).map(str::parse).collect::<Result<_, _>>()?, at: None })
    }
}

/// Splits a text at the commas between addresses. A comma may also be a part of an address; a
/// separator is followed by a scheme.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let begins = |rest: &str| {
            SCHEMES.iter().any(|scheme| rest.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")))
        };
        let end =
            text.match_indices(',').find(|(at, _)| text.get(at + 1..).is_some_and(|rest| begins(rest.trim_start())));
        let (one, more) = match end {
            Some((at, _)) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = more;
        Some(one.trim())
    })
}

impl fmt::Display for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<_> = self.nodes.iter().map(Endpoint::to_string).collect();
        formatter.write_str(&nodes.join(","))
    }
}

impl<'de> Deserialize<'de> for Live {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            nodes: Vec<Endpoint>,
            at: Option<String>,
        }
        let Given { nodes, at } = Given::deserialize(deserializer)?;
        if nodes.is_empty() {
            return Err(D::Error::custom("the list of nodes is empty"));
        }
        Ok(Self { nodes, at })
    }
}

/// Returns the text with every address reduced to its scheme, host and port.
pub fn hide_addresses(text: &str) -> String {
    const ENDS: &[char] = &['"', '\'', '`', '<', '>', '\\', '(', ')', '{', '}', '|'];
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at + 3);
        shown.push_str(before);
        let end =
            from.find(|character: char| character.is_whitespace() || ENDS.contains(&character)).unwrap_or(from.len());
        let (address, after) = from.split_at(end);
        let address = addresses(address).next().unwrap_or(address);
        let (_, after_this) = from.split_at(address.len());
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        shown.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        // Keep the punctuation after the address.
        if authority.len() < address.len() {
            let bare = address.trim_end_matches(['.', ',', ':', ';']);
            shown.push_str(address.get(bare.len().max(authority.len())..).unwrap_or_default());
        }
        rest = if address.len() == end { after } else { after_this };
    }
    shown.push_str(rest);
    shown
}

/// Returns the document with [`hide_addresses`] applied to all strings, so that a request can be
/// logged.
pub fn without_addresses(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(hide_addresses(text)),
        Value::Array(items) => items.iter().map(without_addresses).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (hide_addresses(name), without_addresses(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposed::Exposed as _;
    use serde_json::json;

    #[test]
    fn keys_are_hidden_in_all_encodings() {
        let endpoint: Endpoint =
            "https://alice99:s3cretPASS@node.example.org/?apikey=ZZtop%2Fsecret99".parse().expect("one");
        let spelt = "Basic YWxpY2U5OTpzM2NyZXRQQVNT, ZZtop/secret99, ZZtop%2Fsecret99, s3cretPASS";
        let shown = endpoint.hide(spelt);
        for key in ["YWxp", "secret", "s3cret"] {
            assert!(!shown.contains(key), "{shown}");
        }
        assert!(endpoint.hide(&"x".repeat(100_000)).len() < 2_000, "long messages are truncated");
    }

    #[test]
    fn an_address_without_its_scheme_is_not_taken_for_a_file() {
        for text in ["127.0.0.1:9944/?apikey=keyTOK", "//127.0.0.1/keyTOK", "host:9944/v1/keyTOK"] {
            assert!(Live::is_meant_by(text), "{text}");
            let refused = text.parse::<Live>().expect_err("invalid").to_string();
            assert!(!refused.contains("keyTOK"), "{refused}");
        }
        assert!(Live::is_meant_by(" ws://127.0.0.1:1/keyTOK"), "a leading space is ignored");
        for text in ["paseo.json", "dir/paseo.json", "C:/paseo.json", "paseo/people", "a:1", "-"] {
            assert!(!Live::is_meant_by(text), "{text}");
        }
    }

    const TOKEN: &str = "0123456789abcdef";

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap_or_else(|failure| panic!("{text}: {failure}"))
    }

    fn with_token() -> [String; 5] {
        [
            format!("wss://host/{TOKEN}"),
            format!("https://host:8443/v1?apikey={TOKEN}&x=1"),
            format!("http://{TOKEN}:word@host"),
            format!("ws://user:{TOKEN}@[::1]:9944/a,b"),
            format!("wss://host?k#{TOKEN}"),
        ]
    }

    #[test]
    fn only_scheme_and_host_are_printed() {
        let shown = ["wss://host", "https://host:8443", "http://host", "ws://[::1]:9944", "wss://host"];
        for (text, shown) in with_token().iter().zip(shown) {
            let endpoint = endpoint(text);
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(format!("{endpoint:?} {endpoint:#?}"), format!("{shown} {shown}"));
            assert_eq!(json!(endpoint), json!(shown));
            assert_eq!(endpoint.expose(), text);
            let live: Live = text.parse().expect("one");
            assert!(!format!("{live} {live:?} {}", json!(live)).contains(TOKEN), "{text}");
            let whole = json!(live.exposed());
            assert!(whole.to_string().contains(TOKEN));
            let again: Live = serde_json::from_value(whole).expect("as a worker reads it");
            assert_eq!(again, live);
        }
    }

    #[test]
    fn host_and_port_are_parsed() {
        for (text, expected) in [
            ("wss://rpc.ibp.network/paseo", ("rpc.ibp.network", 443)),
            ("ws://127.0.0.1:9944", ("127.0.0.1", 9944)),
            ("http://[::1]:80/x", ("::1", 80)),
            ("http://[::1]", ("::1", 80)),
            ("https://user:word@host?key=1", ("host", 443)),
        ] {
            assert_eq!(endpoint(text).host_and_port(), expected, "{text}");
        }
        assert!(endpoint("ws://a").is_websocket() && !endpoint("ws://a").is_encrypted());
        assert!(endpoint("wss://a").is_encrypted() && endpoint("https://a").is_encrypted());
        assert!(!endpoint("http://a").is_encrypted());
    }

    #[test]
    fn malformed_addresses_are_rejected_without_being_printed() {
        for text in ["ftp://host/", "ws://:", "ws://host:port/", "wss:host/", "http://:80/", "ws://a b/", "https:///"] {
            let failure = format!("{text}{TOKEN}").parse::<Endpoint>().expect_err(text);
            assert!(!format!("{failure} {failure:?}").contains(TOKEN), "{failure:?}");
            let read = serde_json::from_value::<Endpoint>(json!(format!("{text}{TOKEN}"))).expect_err(text);
            assert!(!read.to_string().contains(TOKEN), "{read}");
        }
        let read = serde_json::from_value::<Vec<Endpoint>>(json!([{"url": TOKEN}])).expect_err("no string");
        assert!(!read.to_string().contains(TOKEN), "{read}");
        assert!(serde_json::from_value::<Live>(json!({"nodes": []})).is_err());
    }

    #[test]
    fn separators_are_distinguished_from_commas_in_an_address() {
        let live: Live = "ws://a/x,y,wss://b, http://c:1".parse().expect("three");
        let nodes: Vec<_> = live.nodes.iter().map(Endpoint::expose).collect();
        assert_eq!(nodes, ["ws://a/x,y", "wss://b", "http://c:1"]);
        assert_eq!((live.to_string().as_str(), live.block()), ("ws://a,wss://b,http://c:1", "finalized"));
        assert!("ws://a,b".parse::<Live>().is_err(), "a host has no comma");
        for (text, meant) in [("ws://a", true), ("wss:/a", true), ("htps://a", true), ("a.wasm", false), ("-", false)] {
            assert_eq!(Live::is_meant_by(text), meant, "{text}");
        }
    }

    #[test]
    fn keys_are_hidden_in_any_address_of_a_text() {
        for address in with_token() {
            let text = hide_addresses(&format!("cannot reach {address}: refused, nor \"{address}\"."));
            assert!(!text.contains(TOKEN), "{text}");
            assert!(
                text.starts_with("cannot reach ") && text.contains(": refused, nor \"") && text.ends_with("\"."),
                "{text}"
            );
        }
        let two = hide_addresses(&format!("ws://a/{TOKEN},wss://b/{TOKEN} and more"));
        assert_eq!(two, "ws://a,wss://b and more");
        assert_eq!(hide_addresses("a/b.wasm, {\"c\": 1}"), "a/b.wasm, {\"c\": 1}");
        assert_eq!(hide_addresses("x://"), "x://");
        let request = json!({"state": {"nodes": [format!("ws://a/{TOKEN}")]}, format!("ws://a/{TOKEN}"): 1, "n": null});
        assert_eq!(without_addresses(&request), json!({"state": {"nodes": ["ws://a"]}, "ws://a": 1, "n": null}));
    }

    #[test]
    fn keys_of_the_address_are_hidden_in_messages_of_nodes() {
        for address in with_token() {
            let endpoint = endpoint(&address);
            for text in [format!("invalid key {TOKEN}"), format!("GET {address} gave 403"), format!("/{TOKEN}?x")] {
                let hidden = endpoint.hide(&text);
                assert!(!hidden.contains(TOKEN), "{hidden}");
            }
            assert_eq!(endpoint.hide("connection refused by host"), "connection refused by host");
        }
    }
}
