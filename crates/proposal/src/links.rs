// SPDX-License-Identifier: Apache-2.0
//! Links under which a browser decodes the calls: whoever votes can look for themselves.

use crate::propose::Call;

/// One for every call whose bytes are shown, by a node of the chain where one is known.
pub(crate) fn links(calls: &[Call], endpoint: Option<&str>) -> Vec<String> {
    let query = endpoint.map(|url| format!("?rpc={}", percent_encoded(url))).unwrap_or_default();
    let shown = calls.iter().map(|call| call.bytes.as_str()).filter(|bytes| !bytes.is_empty());
    shown.map(|bytes| format!("https://polkadot.js.org/apps/{query}#/extrinsics/decode/{bytes}")).collect()
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
