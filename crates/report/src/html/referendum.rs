// SPDX-License-Identifier: Apache-2.0
//! The page of a verified proposal, for those who vote on it.

use super::{
    element::{class, copied, facts, folded, pairs, section, tag, text, verdicts},
    rehearsed, summary,
};
use crate::{
    field::{bytes, or_dash},
    referendum::{place, runtime, stage},
    steps::{self, headline},
};
use protocol::{
    Verdict,
    referendum::{CodeClaim, ReferendumVerification, VerifiedCode},
    rehearse::{NamedHash, RehearsedCall},
};

/// The most characters of a call that is not folded.
const SHORT: usize = 2_000;

/// Returns the title of the page, as text.
pub fn title(document: &ReferendumVerification) -> String {
    format!("{} of {}", document.proposal, document.rehearsal.call.chain)
}

/// Renders the content of the page.
pub fn body(document: &ReferendumVerification) -> String {
    let mut all = tag("h1", &text(&title(document)));
    let class_name = match document.verdict {
        Verdict::Pass => "pass",
        Verdict::PassWithHazards | Verdict::NotJudged | Verdict::Skip => "warn",
        Verdict::Fail => "fail",
    };
    let status = steps::Status::from(document.verdict);
    all.push_str(&class("p", &format!("verdict {class_name}"), &headline(Some(status), document.hazards)));
    all.push_str(&verdicts(&document.checks.iter().map(summary::check).collect::<Vec<_>>()));
    all.push_str(&call(&document.rehearsal.call));
    all.push_str(&codes(&document.codes));
    all.push_str(&claims(&document.claims));
    all.push_str(&hashes(&document.rehearsal.hashes));
    let introduction = format!(
        "{} dispatched it on forks by {}. Everybody who does the same on the same blocks gets the same hash of all \
         differences.",
        document.rehearsal.call.chain, document.rehearsal.call.origin
    );
    let hash =
        facts(&[("All differences", copied("the hash of the differences", &document.rehearsal.difference_hash))]);
    let content = rehearsed::content(&document.rehearsal, "the document of this page");
    all.push_str(&section("What the proposal does", &format!("{}{hash}{content}", tag("p", &text(&introduction)))));
    all.push_str(&again());
    all
}

/// Renders the call that is voted on.
fn call(call: &RehearsedCall) -> String {
    let lines: Vec<_> = call.decoded.lines().map(text).collect();
    let decoded = format!("<code class=\"call\">{}</code>", lines.join("\n"));
    let decoded = if call.decoded.len() > SHORT { folded("The whole call", &decoded) } else { decoded };
    let rows = [
        ("On", text(&call.chain)),
        ("Where it is from", text(&call.source)),
        ("Origin", text(&call.origin)),
        ("Call hash", copied("the call's hash", &call.blake2_256)),
        ("Length", text(&bytes(call.length))),
        ("Call", decoded),
    ];
    section("The call", &facts(&rows))
}

/// Renders the codes with what names each.
fn codes(codes: &[VerifiedCode]) -> String {
    let of = |code: &VerifiedCode| {
        let rows = [
            ("Code hash, blake2_256", copied("the code's blake2_256", &or_dash(code.code.blake2_256.as_ref()))),
            ("How far", text(&stage(code))),
            ("In", text(&code.code.item)),
            ("Named", text(code.status.word())),
            ("By", text(&if code.claims.is_empty() { "-".to_owned() } else { code.claims.join(", ") })),
        ];
        tag("h3", &text(&place(code))) + &facts(&rows)
    };
    match codes.is_empty() {
        true => section("The codes", &tag("p", "It authorizes no code and puts none in place.")),
        false => section("The codes", &codes.iter().map(of).collect::<String>()),
    }
}

fn claims(claims: &[CodeClaim]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let of = |claim: &CodeClaim| {
        let commit = claim.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
        [
            text(&format!("{} {}", claim.kind.words(), claim.name)),
            copied("the code's blake2_256", &claim.blake2_256),
            text(&format!("{}{commit}", runtime(claim))),
        ]
    };
    let rows: Vec<_> = claims.iter().map(of).collect();
    section("What names codes", &pairs(["Claim", "Code", "Runtime"], &rows))
}

fn hashes(hashes: &[NamedHash]) -> String {
    if hashes.is_empty() {
        return String::new();
    }
    let of = |named: &NamedHash| {
        let found = or_dash(named.found.as_ref());
        let found = match named.fits {
            Some(false) => format!("<strong>something else: {}</strong>", text(&found)),
            Some(true) => text(&found),
            None => "nothing that is known has this hash".to_owned(),
        };
        [text(&named.named_by), copied("the hash", &named.hash), found]
    };
    let rows: Vec<_> = hashes.iter().map(of).collect();
    section("Hashes that the call names", &pairs(["Named by", "Hash", "Of"], &rows))
}

/// Renders how to do the same.
fn again() -> String {
    let all = copied("the command", "cargo xtask verify referendum PROPOSAL --network NETWORK --bundle DIR --rebuild");
    let build = copied("the command", "cargo xtask verify build --code-hash HASH --runtime NAME --commit COMMIT");
    let rows = [
        ("Everything, in one command", format!("{all} in a checkout of the source")),
        ("A code alone", format!("{build} builds it from the source")),
        ("Immediately before the vote", "compare the call hash above with the one on chain".to_owned()),
    ];
    section("How to check this page", &facts(&rows))
}

#[cfg(test)]
mod tests {
    use super::super::referendum;
    use crate::samples;
    use protocol::{Verdict, referendum::CodeStatus};

    #[test]
    fn the_page_shows_the_verdict_the_codes_and_what_names_them() {
        let page = referendum(&samples::verified_referendum());
        for part in [
            "<title>referendum:7 of solo</title>",
            "<p class=\"verdict warn\">NOT JUDGED</p>",
            "<code data-copy=\"the call&#39;s hash\">0x34</code>",
            "<h3>solo</h3>",
            "<code data-copy=\"the code&#39;s blake2_256\">0x12</code>",
            "authorized, versions are compared",
            "<th scope=\"row\">Named</th><td>claimed</td>",
            "blob solo.wasm",
            "<code data-copy=\"the hash of the differences\">0x56</code>",
            "cargo xtask verify referendum PROPOSAL",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        for part in ["http:", "https:", "src=", "href=", "style=\""] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn a_call_without_codes_says_so_and_a_hash_of_something_else_is_named() {
        let mut document = samples::verified_referendum();
        (document.codes, document.claims, document.verdict) = (Vec::new(), Vec::new(), Verdict::Fail);
        document.rehearsal.hashes[0].fits = Some(false);
        let page = referendum(&document);
        assert!(page.contains("It authorizes no code and puts none in place.") && page.contains("verdict fail"));
        assert!(page.contains("<strong>something else: the code of solo.wasm</strong>"));
    }

    #[test]
    fn text_of_others_is_escaped() {
        let evil = "</code><script>alert(1)</script>\u{202e}";
        let mut document = samples::verified_referendum();
        document.proposal = evil.into();
        document.checks[0].detail = evil.into();
        let code = &mut document.codes[0];
        (code.status, code.claims) = (CodeStatus::Mismatching, vec![evil.into()]);
        (code.code.chain, code.code.item) = (evil.into(), evil.into());
        code.code.blake2_256 = Some(evil.into());
        let claim = &mut document.claims[0];
        (claim.name, claim.commit) = (evil.into(), Some(evil.into()));
        let call = &mut document.rehearsal.call;
        (call.decoded, call.source, call.origin) = (evil.into(), evil.into(), evil.into());
        let hash = &mut document.rehearsal.hashes[0];
        (hash.named_by, hash.found) = (evil.into(), Some(evil.into()));
        let page = referendum(&document);
        assert_eq!((page.matches("<script>").count(), page.contains('\u{202e}')), (1, false), "{page}");
    }
}
