// SPDX-License-Identifier: Apache-2.0
//! Renders `report.html`: the evidence of an upgrade as one page that loads nothing from the
//! network.
//!
//! All text comes from chains, blobs and files of other people. It is always escaped by
//! [`element::text`]. The page's content security policy allows only the script in this directory.

mod bar;
mod blocks;
mod changes;
mod checklist;
mod element;
mod proposal;
mod referendum;
mod rehearsed;
mod summary;
mod timeline;
mod weights;

use crate::{Bundle, storage};
use element::{copied, facts, numbers, section, tag, text};
use protocol::{diff::DiffOutcome, dry_run::DryRunReport, referendum::ReferendumVerification};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The hash of [`SCRIPT`] for the content security policy. A test compares them.
const SCRIPT_HASH: &str = "sha256-434tVQALdoNtlNKbyUnnuLmO55CJ+Qgx1N5g0vcwM/M=";

/// Renders the page. The same evidence gives the same bytes, so the page has no dates and
/// durations.
pub fn report(bundle: &Bundle) -> String {
    let (from, to) = bundle.versions();
    let title = text(&format!("Upgrade of {} from {from} to {to}", bundle.name));
    let mut body = tag("h1", &title);
    let (dry_run, diff) = (bundle.dry_run.as_ref(), bundle.diff.as_ref());
    for section in [
        Some(summary::verdict(bundle)),
        Some(summary::subject(bundle)),
        dry_run.map(summary::checks),
        diff.map(changes::changes),
        dry_run.map(blocks::blocks),
        dry_run.map(timeline::timeline),
        dry_run.map(changed_storage),
        dry_run.map(weights::of_calls),
        bundle.weights.as_ref().map(weights::in_source),
        diff.and_then(DiffOutcome::report).map(changes::parameters),
        summary::blob(bundle),
        bundle.propose.as_ref().map(proposal::proposal),
        bundle.rehearse.as_ref().map(rehearsed::rehearsed),
        Some(checklist::section(bundle)),
        Some(verifying()),
        Some(element::class(
            "p",
            "soft",
            "This page is rendered from the evidence files beside it. If it differs from them, the files are right.",
        )),
    ] {
        body.push_str(&section.unwrap_or_default());
    }
    page(&title, &body)
}

/// Renders the page of a verified proposal. Like the other page, it has no dates and durations.
pub fn referendum(document: &ReferendumVerification) -> String {
    page(&text(&referendum::title(document)), &referendum::body(document))
}

/// Puts content into a page. The title is content too.
fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Renders the section on changed storage.
fn changed_storage(dry_run: &DryRunReport) -> String {
    let (changes, others) = storage::of_the_upgrade(dry_run);
    let rows: Vec<_> = changes.into_iter().map(storage::row).collect();
    let table =
        if rows.is_empty() { String::new() } else { numbers(&["Keys of", "added", "changed", "removed"], &rows) };
    let others = others.map(|others| tag("p", &text(&others))).unwrap_or_default();
    section("Storage that the upgrade changed", &format!("{table}{others}"))
}

/// Renders the section on how to verify the bundle.
fn verifying() -> String {
    let all = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS --rebuild");
    let quick = copied("the command", "cargo xtask verify BUNDLE --root SIGNERS");
    let rows = [
        (
            "Everything, in one command",
            format!(
                "{all} in a checkout of the commit above: digests, signatures, threshold, and a rebuild of the blob"
            ),
        ),
        ("Without building", quick),
        ("BUNDLE", "the directory of this page".to_owned()),
        ("SIGNERS", "the file of signers; take it from a source other than this bundle".to_owned()),
    ];
    section("How to verify this bundle", &facts(&rows))
}

#[cfg(test)]
mod tests;
