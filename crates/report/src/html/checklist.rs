// SPDX-License-Identifier: Apache-2.0
//! What an upgrade takes, step by step, as Paseo's upgrade template lists it: ticked where the evidence says so, open where
//! only people can say.

use super::element::{class, text};
use crate::{
    Bundle,
    field::{list, text as field},
};

/// A step, and the checks that tick it when all of them passed.
const BY_CHECKS: [(&str, &[&str]); 7] = [
    ("The blob is newer than what the chain runs, and small enough", &["versions", "code-size"]),
    ("Nodes can run it", &["host-functions", "runtime-apis", "authorities", "consensus", "validator-preparation"]),
    ("Wallets can sign for it", &["transaction-signing"]),
    (
        "Migrations end, fit into blocks and change nothing a second time",
        &["migrations", "block-limits", "idempotency"],
    ),
    (
        "try-runtime: hooks and invariants hold for the very blob that ships",
        &["pre-post-hooks", "try-state", "equivalence"],
    ),
    ("The chain lives on after them", &["healthy-blocks"]),
    ("Sessions end under the new code", &["sessions"]),
];

/// What no evidence can tick.
const BY_PEOPLE: [&str; 8] = [
    "The proposal was reviewed by someone who did not write it",
    "Messages to and from other chains were tried: a teleport, a reserve transfer",
    "A day on a test instance",
    "Databases were backed up",
    "Stakeholders were told, and the window was agreed on",
    "The hashes above were compared with the preimage on chain, last thing before the vote or the call",
    "After the upgrade: the version on chain is the one above, blocks are made and finalized",
    "The upgrade was announced and looked back on",
];

fn tasks(bundle: &Bundle) -> Vec<(bool, String)> {
    let status = |name: &str| {
        let checks = list(&bundle.dry_run, "/checks");
        checks
            .iter()
            .find(|check| field(check, "/name") == name)
            .map_or_else(|| "-".to_string(), |check| field(check, "/status"))
    };
    let mut tasks = Vec::new();
    let built = !bundle.build.is_null() && field(&bundle.build, "/dirty") != "yes";
    tasks.push((built, "The blob was built from a commit, nothing uncommitted in it".to_string()));
    for (task, checks) in BY_CHECKS {
        // A check that does not apply to this chain holds nothing up; one that was never made does.
        let open: Vec<_> = checks
            .iter()
            .map(|name| (name, status(name)))
            .filter(|(name, status)| match status.as_str() {
                "pass" => false,
                "skip" => ["pre-post-hooks", "try-state", "equivalence"].contains(*name),
                _ => true,
            })
            .map(|(name, status)| format!("{name} {status}"))
            .collect();
        let told = if open.is_empty() { task.to_string() } else { format!("{task} ({})", open.join(", ")) };
        tasks.push((open.is_empty(), told));
    }
    let proposed = !list(&bundle.propose, "/calls").is_empty();
    tasks.push((proposed, "The calls of the proposal are made, and decoded back".to_string()));
    tasks.extend(BY_PEOPLE.map(|task| (false, task.to_string())));
    tasks
}

pub fn section(bundle: &Bundle) -> String {
    let items: String = tasks(bundle)
        .into_iter()
        .map(|(done, task)| {
            let (mark, look) = if done { ("&#9745;", "pass") } else { ("&#9744;", "open") };
            format!("<li><span class=\"{look}\">{mark}</span> {}</li>\n", text(&task))
        })
        .collect();
    super::element::section("What is done, and what people still have to do", &class("ul", "tasks", &items))
}
