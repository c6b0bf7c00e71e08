// SPDX-License-Identifier: Apache-2.0
//! `report.html`: the evidence of an upgrade as one page that asks nobody for anything.
//!
//! All text comes from chains, blobs and files that someone else made: it goes through [`element::text`] and nowhere past
//! it, and the page's own policy lets nothing run but the script that is written here.

mod chart;
mod checklist;
mod element;
mod sections;

use crate::{Bundle, field::text as field};
use element::{tag, text};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Of [`SCRIPT`], as a content security policy names it; a test holds them together.
const SCRIPT_HASH: &str = "sha256-1X+BSWJdIjRYD96MkoSctc1Fm6BiCIbdT5lhI3tts84=";

/// The same evidence gives the same bytes: nothing here says when or how long.
pub fn report(bundle: &Bundle) -> String {
    let from = field(&bundle.dry_run, "/from/spec_version");
    let to = field(&bundle.inspect, "/spec_version");
    let title = text(&format!("Upgrade of {} from {from} to {to}", bundle.name));
    let mut body = tag("h1", &title);
    for section in [
        sections::verdict(bundle),
        sections::hashes(bundle),
        sections::checks(&bundle.dry_run),
        sections::changes(&bundle.diff),
        sections::weights(&bundle.weights),
        sections::blocks(&bundle.dry_run),
        sections::storage(&bundle.dry_run),
        sections::proposal(&bundle.propose),
        checklist::section(bundle),
        sections::verifying(),
    ] {
        body.push_str(&section);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests;
