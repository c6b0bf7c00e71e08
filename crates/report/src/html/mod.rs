// SPDX-License-Identifier: Apache-2.0
//! `report.html`: the evidence of an upgrade as one page that asks nobody for anything.
//!
//! All text comes from chains, blobs and files that someone else made: it goes through [`element::text`] and nowhere past
//! it, and the page's own policy lets nothing run but the script that is written here.

mod bar;
mod blocks;
mod changes;
mod checklist;
mod element;
mod proposal;
mod sections;
mod summary;
mod weights;

use crate::{Bundle, field::text as field};
use element::{tag, text};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Of [`SCRIPT`], as a content security policy names it; a test holds them together.
const SCRIPT_HASH: &str = "sha256-434tVQALdoNtlNKbyUnnuLmO55CJ+Qgx1N5g0vcwM/M=";

/// The same evidence gives the same bytes: nothing here says when or how long.
pub fn report(bundle: &Bundle) -> String {
    let from = field(&bundle.dry_run, "/from/spec_version");
    let to = field(&bundle.inspect, "/spec_version");
    let title = text(&format!("Upgrade of {} from {from} to {to}", bundle.name));
    let mut body = tag("h1", &title);
    for section in [
        summary::verdict(bundle),
        summary::subject(bundle),
        summary::checks(&bundle.dry_run),
        changes::changes(&bundle.diff),
        blocks::blocks(&bundle.dry_run),
        sections::storage(&bundle.dry_run),
        weights::of_calls(&bundle.dry_run),
        weights::in_source(bundle.weights.as_ref()),
        changes::parameters(&bundle.diff),
        summary::blob(bundle),
        proposal::proposal(&bundle.propose),
        checklist::section(bundle),
        sections::verifying(),
        element::class(
            "p",
            "soft",
            "This page is a rendering of the evidence files beside it; where they differ, those files count.",
        ),
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
