// SPDX-License-Identifier: Apache-2.0
//! The checks of `verify referendum`. A code that nothing names is not judged. A code that something else is claimed for
//! fails.

use protocol::{
    Check, CheckOutcome, Finding, Status, Verdict,
    rebuild::Rebuilt,
    referendum::{ClaimKind, CodeClaim, CodeStatus, VerifiedCode},
    rehearse::{AuthorizedCode, CodeStage, HashSubject, NamedHash, Proposed, RehearsalReport},
    verify::Verification,
};

/// The check of a rehearsal that says whether the call was dispatched.
const DISPATCH: &str = "dispatch";
/// The storage item of the scheduler that has its tasks.
const TASKS: &str = ".Agenda";

/// What was found out about a proposal.
pub struct Seen<'s> {
    pub proposed: &'s Proposed,
    pub rehearsal: &'s RehearsalReport,
    pub codes: &'s [VerifiedCode],
    pub claims: &'s [CodeClaim],
    pub bundles: &'s [Verification],
    pub rebuilt: &'s [Rebuilt],
    /// Whether builds were asked for.
    pub rebuilds: bool,
}

/// Makes all checks, in their order.
pub fn all(seen: &Seen<'_>) -> Vec<Check> {
    vec![
        call(seen).named("call"),
        rehearsed(seen).named("rehearsed"),
        codes(seen).named("codes"),
        hashes(seen).named("hash-of-something-else"),
        source(seen).named("source"),
        signatures(seen).named("signatures"),
    ]
}

impl Seen<'_> {
    /// Returns the codes that the call authorizes or puts in place.
    fn own(&self) -> impl Iterator<Item = &VerifiedCode> {
        self.codes.iter().filter(move |code| is_of_the_call(self.rehearsal, &code.code))
    }

    /// Returns why codes may be authorized that were not seen.
    fn unseen(&self) -> Vec<String> {
        let mut all = Vec::new();
        let dispatch = self.rehearsal.checks.iter().find(|check| check.name == DISPATCH);
        if dispatch.is_none_or(|check| check.status != Status::Pass) {
            all.push("the call was not dispatched without an error".to_owned());
        }
        let elsewhere = self.rehearsal.messages.iter().filter(|message| !message.followed);
        all.extend(elsewhere.map(|message| {
            format!(
                "{} sends a message to {}, which takes no part (--with): what it authorizes there is not known",
                message.from, message.to
            )
        }));
        let tasks = self.rehearsal.differences.iter().filter(|it| it.item.ends_with(TASKS) && it.with.is_some());
        all.extend(
            tasks.map(|it| {
                format!("a task waits in {} of {}: what it authorizes later is not known", it.item, it.chain)
            }),
        );
        if self.rehearsal.more_differences > 0 {
            let more = self.rehearsal.more_differences;
            all.push(format!("{more} differences of the states are not listed, and tasks may be among them"));
        }
        if self.rehearsal.more_hashes > 0 {
            all.push(format!("{} hashes that the call names were not looked up", self.rehearsal.more_hashes));
        }
        let absent = self.rehearsal.chains.iter().filter(|chain| chain.absent.is_some());
        all.extend(absent.map(|chain| format!("{} takes no part", chain.identity.chain)));
        let is_authorized = |hash: &str| self.codes.iter().any(|code| code.code.blake2_256.as_deref() == Some(hash));
        let named = self.rehearsal.hashes.iter().filter(|named| named.subject == HashSubject::Code);
        all.extend(named.filter(|named| !is_authorized(&named.hash)).map(|named| {
            format!("{} names the code {}, which no chain authorizes in the end", named.named_by, named.hash)
        }));
        all
    }
}

/// Returns whether a code is authorized or put in place by the call. One that the call authorizes again is too.
pub fn is_of_the_call(rehearsal: &RehearsalReport, code: &AuthorizedCode) -> bool {
    let names = |named: &NamedHash| {
        named.subject == HashSubject::Code && code.blake2_256.as_deref() == Some(named.hash.as_str())
    };
    code.by_the_call || rehearsal.hashes.iter().any(names)
}

/// Is the call the one that is voted on, and does it decode?
fn call(seen: &Seen<'_>) -> CheckOutcome {
    let call = &seen.rehearsal.call;
    let told = format!("{} bytes with the hash {}, which decode whole", call.length, call.blake2_256);
    match seen.proposed {
        Proposed::Referendum(index) => {
            CheckOutcome::pass(format!("referendum {index} of {} votes on {told}", call.chain))
        }
        Proposed::Preimage(_) => CheckOutcome::pass(format!("{} has this preimage: {told}", call.chain)),
        Proposed::Call(_) => CheckOutcome::pass(told)
            .noting(["the call was given as bytes: compare its hash with the one that is voted on"]),
    }
}

/// What did it do on forks?
fn rehearsed(seen: &Seen<'_>) -> CheckOutcome {
    let rehearsal = seen.rehearsal;
    let of = |check: &Check| {
        let text = format!("{}: {}", check.name, check.detail);
        match check.status {
            Status::Fail => Some(Finding::seen(text)),
            Status::NotJudged => Some(Finding::not_judged(text)),
            Status::Warn if check.allowed.is_none() => Some(Finding::hazard(text)),
            Status::Warn | Status::Pass | Status::Skip => None,
        }
    };
    let findings: Vec<_> = rehearsal.checks.iter().filter_map(of).collect();
    let detail = format!(
        "by {} on {}: {}, hash of the differences {}",
        rehearsal.call.origin, rehearsal.call.chain, rehearsal.verdict, rehearsal.difference_hash
    );
    let outcome = CheckOutcome::judged(detail, findings);
    // The report's own verdict counts, whatever its checks say.
    let worst = match rehearsal.verdict {
        Verdict::Fail => Status::Fail,
        Verdict::NotJudged | Verdict::Skip => Status::NotJudged,
        Verdict::PassWithHazards => Status::Warn,
        Verdict::Pass => Status::Pass,
    };
    match worst.rank() > outcome.status.rank() {
        true => CheckOutcome { status: worst, ..outcome },
        false => outcome,
    }
}

/// Is each code that it authorizes the one that something names?
fn codes(seen: &Seen<'_>) -> CheckOutcome {
    let mut findings: Vec<_> = seen.own().map(|code| of_code(code, seen.claims)).collect();
    findings.extend(seen.own().filter_map(|code| of_another_chain(code, seen.claims)));
    let unchecked = seen.own().filter(|code| code.code.checks_version == Some(false));
    findings.extend(unchecked.map(|code| {
        let (hash, chain) = (hash(code), &code.code.chain);
        Finding::hazard(format!("{chain} takes {hash} without a look at spec_name and spec_version"))
    }));
    let direct = seen.own().filter(|code| code.code.stage != CodeStage::Authorized);
    findings.extend(direct.map(|code| {
        let (hash, chain) = (hash(code), &code.code.chain);
        Finding::hazard(format!("{chain}: the call itself puts {hash} there, it is {}", code.code.stage.words()))
    }));
    let before = seen.codes.iter().filter(|code| !is_of_the_call(seen.rehearsal, &code.code));
    findings
        .extend(before.map(|code| {
            Finding::note(format!("{} authorized {} before, and still does", code.code.chain, hash(code)))
        }));
    // A claim that a mismatch names was told.
    let is_told =
        |claim: &CodeClaim| seen.own().any(|code| claim.names(&code.code) || code.claims.contains(&claim.name));
    findings.extend(seen.claims.iter().filter(|claim| !is_told(claim)).map(|claim| {
        Finding::hazard(format!("{} names {}, which the call does not authorize", title(claim), claim.blake2_256))
    }));
    findings.extend(seen.unseen().into_iter().map(Finding::not_judged));
    let (all, claimed) = (seen.own().count(), seen.own().filter(|code| code.status == CodeStatus::Claimed).count());
    let detail = match all {
        0 => {
            "it upgrades nothing: no chain that takes part has another code or authorization than without it".to_owned()
        }
        1 => format!("{claimed} of 1 code is named by a claim"),
        all => format!("{claimed} of {all} codes are named by a claim"),
    };
    CheckOutcome::judged(detail, findings)
}

fn of_code(code: &VerifiedCode, claims: &[CodeClaim]) -> Finding {
    let (hash, chain) = (hash(code), &code.code.chain);
    let para = code.code.para.map(|para| format!(" for parachain {para}")).unwrap_or_default();
    let at = format!("{chain}{para}: {hash}, {} ({})", code.code.stage.words(), code.code.item);
    if code.code.blake2_256.is_none() {
        return Finding::not_judged(format!("{at}: the state has it in a form that is not known"));
    }
    let named = |names_it: bool| {
        let of = claims.iter().filter(|claim| code.claims.contains(&claim.name) && claim.names(&code.code) == names_it);
        of.map(|claim| if names_it { title(claim) } else { format!("{} names {}", title(claim), claim.blake2_256) })
            .collect::<Vec<_>>()
            .join(", ")
    };
    match code.status {
        CodeStatus::Claimed => Finding::note(format!("{at}: {}", named(true))),
        CodeStatus::Mismatching => Finding::seen(format!("{at}: mismatching, {}", named(false))),
        CodeStatus::Missing => Finding::not_judged(format!(
            "{at}: missing, nothing that was given names it. Somebody must say what it is before anybody votes"
        )),
    }
}

/// Returns that a code is claimed to be that of another runtime than its chain has, if no claim says otherwise, or that
/// the runtime of its chain is not known.
fn of_another_chain(code: &VerifiedCode, claims: &[CodeClaim]) -> Option<Finding> {
    let mut naming = claims.iter().filter(|claim| claim.names(&code.code) && claim.spec_name.is_some()).peekable();
    let other = *naming.peek()?;
    let Some(own) = code.code.spec_name.as_ref() else {
        let para = code.code.para.map(|para| format!(" for parachain {para}")).unwrap_or_default();
        return Some(Finding::not_judged(format!(
            "{}: {}{para} is {}, and which runtime that chain has is not known, as it takes no part (--with)",
            code.code.chain,
            hash(code),
            title(other)
        )));
    };
    if naming.any(|claim| claim.is_about(&code.code)) {
        return None;
    }
    let told =
        format!("{}: {} is {}, and the runtime of the chain is {own}", code.code.chain, hash(code), title(other));
    Some(match code.code.checks_version {
        Some(true) => Finding::seen(format!("{told}: the chain will refuse it")),
        _ => Finding::hazard(told),
    })
}

fn hash(code: &VerifiedCode) -> &str {
    code.code.blake2_256.as_deref().unwrap_or("a code")
}

/// Returns a claim in words.
fn title(claim: &CodeClaim) -> String {
    let version = match (&claim.spec_name, claim.spec_version) {
        (Some(name), Some(version)) => format!(" ({name} {version})"),
        _ => String::new(),
    };
    let commit = claim.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("{} {}{version}{commit}", claim.kind.words(), claim.name)
}

/// Is each hash that it names that of a call or of a code, as it has to be?
fn hashes(seen: &Seen<'_>) -> CheckOutcome {
    let all = &seen.rehearsal.hashes;
    if all.is_empty() {
        return CheckOutcome::skip("it names no hash of a call or of a code");
    }
    let mut findings = Vec::new();
    if seen.rehearsal.more_hashes > 0 {
        let told = format!("{} more hashes were not looked up: there are too many", seen.rehearsal.more_hashes);
        findings.push(Finding::not_judged(told));
    }
    for named in all {
        let at = format!("{}: {}", named.named_by, named.hash);
        let expected = named.subject.words();
        findings.extend(match (named.fits, &named.found, named.subject) {
            (Some(true), Some(found), _) => Some(Finding::note(format!("{at} is {found}"))),
            (Some(false), Some(found), _) => {
                Some(Finding::seen(format!("{at} has to be that of {expected}, and it is {found}")))
            }
            // Whether a code is known is told by `codes`.
            (_, _, HashSubject::Code) => None,
            (_, _, HashSubject::Call) => Some(Finding::not_judged(format!(
                "{at} has to be that of {expected}, and nothing that is known here has this hash"
            ))),
        });
    }
    let fitting = all.iter().filter(|named| named.fits == Some(true)).count();
    CheckOutcome::judged(format!("{fitting} of {} hashes are those of what they have to be", all.len()), findings)
}

/// Is each code what its source gives?
fn source(seen: &Seen<'_>) -> CheckOutcome {
    if seen.own().next().is_none() {
        return CheckOutcome::skip("it upgrades nothing");
    }
    if !seen.rebuilds {
        return CheckOutcome::not_judged("no code was built from its source (--rebuild)");
    }
    let of_bundles = seen.bundles.iter().flat_map(|bundle| &bundle.rebuilt).flat_map(|rebuilt| &rebuilt.runtimes);
    let builds: Vec<_> = of_bundles.map(|runtime| &runtime.build).chain(seen.rebuilt).collect();
    let mut findings = Vec::new();
    for build in &builds {
        let commit = build.commit.as_deref().unwrap_or("no commit");
        let changed = if build.dirty == Some(true) { " with uncommitted changes" } else { "" };
        let told = format!("{} at {commit}{changed}", build.package);
        findings.push(match build.same {
            true => Finding::note(format!("{told} gives {}", build.rebuilt)),
            false => Finding::seen(format!("{told} gives {}, and not {}", build.rebuilt, build.expected)),
        });
        if build.same && build.dirty == Some(true) {
            findings.push(Finding::hazard(format!("{}: the source is in no commit", build.package)));
        }
    }
    let is_built = |code: &VerifiedCode| {
        builds.iter().any(|build| build.same && code.code.blake2_256.as_deref() == Some(build.rebuilt.as_str()))
    };
    let missing = seen.own().filter(|code| !is_built(code));
    findings
        .extend(missing.map(|code| Finding::not_judged(format!("{}: {} was not built", code.code.chain, hash(code)))));
    let (all, built) = (seen.own().count(), seen.own().filter(|code| is_built(code)).count());
    CheckOutcome::judged(format!("{built} of {all} codes were built from the source"), findings)
}

/// Did enough people sign?
fn signatures(seen: &Seen<'_>) -> CheckOutcome {
    if seen.bundles.is_empty() {
        return match seen.own().next() {
            None => CheckOutcome::skip("it upgrades nothing"),
            Some(_) => CheckOutcome::not_judged("no bundle with signatures was given (--bundle)"),
        };
    }
    let mut findings: Vec<_> = seen.bundles.iter().map(of_bundle).collect();
    // A signature is for the codes of its bundle alone.
    let is_in_bundle = |code: &VerifiedCode| {
        seen.claims.iter().any(|claim| claim.kind == ClaimKind::Bundle && claim.names(&code.code))
    };
    let unsigned = seen.own().filter(|code| !is_in_bundle(code));
    findings.extend(unsigned.map(|code| {
        Finding::not_judged(format!("{}: {} is in no bundle, so nobody signed it", code.code.chain, hash(code)))
    }));
    let signed = seen.bundles.iter().filter(|bundle| bundle.signed_off).count();
    CheckOutcome::judged(format!("{signed} of {} bundles are signed off", seen.bundles.len()), findings)
}

fn of_bundle(bundle: &Verification) -> Finding {
    let name = bundle.bundle.display();
    let counted = bundle.agreement.counted;
    if !bundle.integrity {
        return Finding::seen(format!("{name} is damaged or incomplete"));
    }
    match bundle.agreement.needed {
        None => Finding::not_judged(format!("{name}: no file of signers was named (--root), so no signature counts")),
        Some(needed) if !bundle.agreement.satisfied => {
            Finding::seen(format!("{name}: {counted} of {needed} signatures that are needed"))
        }
        Some(needed) if !bundle.signed_off => {
            Finding::seen(format!("{name}: {counted} of {needed} signed, and a step did not pass"))
        }
        Some(needed) => Finding::note(format!("{name}: {counted} of {needed} signed")),
    }
}

#[cfg(test)]
mod tests;
