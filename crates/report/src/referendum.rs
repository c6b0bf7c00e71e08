// SPDX-License-Identifier: Apache-2.0
//! Renders a proposal that was verified from what is on chain to its source.

use crate::{
    field::{bytes, grouped, or_dash, value},
    table::aligned,
    terminal::{check_rows, indented, pairs, with_hazards},
};
use protocol::{
    rebuild::Rebuilt,
    referendum::{CodeClaim, ReferendumVerification, VerifiedCode},
    rehearse::NamedHash,
};

/// The most rows of a table. The JSON has all of them.
const ROW_LIMIT: usize = 60;

/// Renders the document for a terminal.
pub fn terminal(document: &ReferendumVerification) -> String {
    let rehearsal = &document.rehearsal;
    let call = &rehearsal.call;
    let mut all = pairs(&[
        ("proposal", value(&document.proposal)),
        ("chain", value(&call.chain)),
        ("call", format!("{}, {}", value(&call.source), bytes(call.length))),
        ("hash", value(&call.blake2_256)),
        ("origin", value(&call.origin)),
    ]);
    all.push('\n');
    all.push_str(&indented(&call.decoded.lines().map(|line| value(line) + "\n").collect::<String>()));
    all.push_str(&table("codes", &document.codes, code));
    all.push_str(&table("what names codes", &document.claims, claim));
    all.push_str(&table("built from the source", &document.rebuilt, build));
    all.push_str(&table("hashes that the call names", &rehearsal.hashes, hash));
    let differences = rehearsal.differences.len() as u64 + rehearsal.more_differences;
    all.push_str(&format!(
        "\non forks: {} changed entries of the states, {} events, {} messages; complete with --json\n",
        grouped(differences),
        grouped(rehearsal.events.len() as u64 + rehearsal.more_events),
        grouped(rehearsal.messages.len() as u64)
    ));
    all.push_str(&format!("hash of the differences: {}\n\n", value(&rehearsal.difference_hash)));
    let rows = check_rows(&document.checks).into_iter();
    let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(|cell| value(cell)).collect()).collect();
    all.push_str(&aligned(&rows));
    all.push_str(&format!("\nverdict: {}\n", with_hazards(document.verdict, document.hazards)));
    all
}

/// Renders a table with its title. Without rows there is none.
fn table<T>(title: &str, items: &[T], row: impl Fn(&T) -> Vec<String>) -> String {
    if items.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = items.iter().take(ROW_LIMIT).map(row).collect();
    let more = match items.len().saturating_sub(ROW_LIMIT) {
        0 => String::new(),
        more => format!("   … {more} more, see --json\n"),
    };
    format!("\n{title}\n{}{more}", indented(&aligned(&rows)))
}

/// Returns the chain of a code, with the parachain that its relay chain has it for.
pub(crate) fn place(code: &VerifiedCode) -> String {
    match code.code.para {
        Some(para) => format!("{}, for parachain {para}", code.code.chain),
        None => code.code.chain.clone(),
    }
}

/// Returns how far a code is, and what the chain compares before it takes it.
pub(crate) fn stage(code: &VerifiedCode) -> String {
    let checked = match code.code.checks_version {
        Some(true) => ", versions are compared",
        Some(false) => ", versions are NOT compared",
        None => "",
    };
    let before = if code.code.by_the_call { "" } else { ", before the call too" };
    format!("{}{checked}{before}", code.code.stage.words())
}

/// Returns the runtime of a claim, as far as it is stated.
pub(crate) fn runtime(claim: &CodeClaim) -> String {
    let version = claim.spec_version.map(|version| version.to_string());
    let words: Vec<_> = [claim.spec_name.clone(), version].into_iter().flatten().collect();
    match (words.is_empty(), &claim.package) {
        (false, _) => words.join(" "),
        (true, package) => or_dash(package.as_ref()),
    }
}

fn code(code: &VerifiedCode) -> Vec<String> {
    vec![
        value(&place(code)),
        value(&or_dash(code.code.blake2_256.as_ref())),
        stage(code),
        code.status.word().to_owned(),
        value(&code.claims.join(", ")),
    ]
}

fn claim(claim: &CodeClaim) -> Vec<String> {
    let commit = claim.commit.as_ref().map(|commit| format!("commit {commit}")).unwrap_or_default();
    vec![
        claim.kind.words().to_owned(),
        value(&claim.name),
        value(&claim.blake2_256),
        value(&runtime(claim)),
        value(&commit),
    ]
}

fn build(build: &Rebuilt) -> Vec<String> {
    let same = if build.same { "the same code" } else { "ANOTHER CODE" };
    let commit = or_dash(build.commit.as_ref());
    vec![value(&build.package), value(&commit), build.engine.clone(), value(&build.rebuilt), same.to_owned()]
}

fn hash(named: &NamedHash) -> Vec<String> {
    let fits = match named.fits {
        Some(true) => "fits",
        Some(false) => "SOMETHING ELSE",
        None => "not known",
    };
    vec![value(&named.named_by), value(&named.hash), fits.to_owned(), value(&or_dash(named.found.as_ref()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use protocol::{Check, Verdict};

    #[test]
    fn codes_claims_and_hashes_are_shown_with_the_checks() {
        let shown = terminal(&samples::verified_referendum());
        let mut rest = shown.as_str();
        for words in [
            "proposal  referendum:7\n",
            "\ncodes\n   solo  0x12  authorized, versions are compared  claimed  solo.wasm\n",
            "\nwhat names codes\n   blob  solo.wasm  0x12  solo 2\n",
            "\nhashes that the call names\n   System.authorize_upgrade  0x12  fits  the code of solo.wasm\n",
            "\non forks: 1 changed entries of the states, 0 events, 0 messages; complete with --json\n",
            "hash of the differences: 0x56\n",
            "PASS        codes   1 of 1 code is named by a claim\n",
            "NOT JUDGED  source  no code was built\n",
            "\nverdict: not judged\n",
        ] {
            let Some((_, after)) = rest.split_once(words) else { panic!("{words:?} is not in its place:\n{shown}") };
            rest = after;
        }
    }

    #[test]
    fn a_call_without_codes_has_no_empty_tables() {
        let shown = terminal(&ReferendumVerification {
            checks: vec![Check::pass("codes", "it upgrades nothing")],
            verdict: Verdict::Pass,
            ..ReferendumVerification::default()
        });
        assert!(!shown.contains("\ncodes\n") && shown.contains("PASS  codes  it upgrades nothing"), "{shown}");
    }

    #[test]
    fn text_of_others_stays_on_its_line() {
        let mut document = samples::verified_referendum();
        document.claims[0].spec_name = Some("solo\n\u{1b}[31mverdict: pass".into());
        document.checks[0].detail = "a\nb\u{1b}".into();
        let shown = terminal(&document);
        assert!(!shown.contains('\u{1b}') && !shown.contains("\nverdict: pass"), "{shown}");
    }
}
