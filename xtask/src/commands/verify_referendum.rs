// SPDX-License-Identifier: Apache-2.0
//! The `verify referendum` command: from the proposal on chain to the source of the codes that it authorizes.

mod checks;
mod claims;

use super::{
    dry_run,
    rebuild::{RebuildRequest, Sources, rebuild},
    rehearse::{self, Rehearsal, proposal},
    root_file,
    upgrade::bundle::pretty,
    verify,
};
use crate::cli::{self, EngineOptions};
use claims::Claims;
use console::printer::Task;
use protocol::{
    Verdict, format, hazards,
    rebuild::Rebuilt,
    referendum::{ClaimKind, CodeClaim, ReferendumVerification, verified},
    rehearse::AuthorizedCode,
    verify::Verification,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workspace::{context::Context, inputs::Variant};

pub fn run(context: &Context, options: &cli::VerifyReferendum) -> Result<Verdict> {
    if !options.rebuild && options.engine != EngineOptions::default() {
        return Err(Failure::usage("an option of the build is given without --rebuild").hint("add --rebuild"));
    }
    if options.rebuild && options.runtime.is_empty() && options.bundle.is_empty() {
        return Err(Failure::usage("--rebuild names nothing to build")
            .expected("a runtime of the workspace, or a bundle")
            .hint("name it with --runtime or --bundle"));
    }
    if options.out.is_some() && options.out == options.page {
        return Err(Failure::usage("--out and --page name the same file").expected("two files"));
    }
    rehearse::expect_blobs(&options.blob)?;
    let name = named(&options.proposal);
    let given = proposal::read(&name)?;
    let reports: Vec<&Path> = options.out.iter().chain(&options.page).map(PathBuf::as_path).collect();
    dry_run::check_reports(&reports, &[&options.digest[..], &options.blob].concat())?;

    let task = context.printer.task("verify");
    let log = context.log("verify-referendum");
    let root = root_file(context, options.root.as_deref())?;
    let mut found = claims::read(context, options, given.blob.as_deref(), root.as_deref(), (&task, &log))?;
    drop(task);

    let rehearsal = rehearse::dispatch(
        context,
        &Rehearsal {
            given: &given,
            chains: &options.chains,
            codes: Vec::new(),
            known_codes: found.blobs.iter().map(|(path, _)| path.clone()).collect(),
            blocks: 0,
            sessions: 0,
        },
        &reports,
    )?;
    let mut rebuilt = Vec::new();
    let is_own = |code: &&AuthorizedCode| checks::is_of_the_call(&rehearsal, code) && code.blake2_256.is_some();
    let own: Vec<_> = rehearsal.authorized.iter().filter(is_own).cloned().collect();
    if options.rebuild && !own.is_empty() {
        let task = context.printer.task("rebuild");
        rebuild_bundles(context, options, &own, &mut found.bundles, (&task, &log))?;
        rebuilt = rebuild_runtimes(context, options, &own, &found, (&task, &log))?;
        found.claims.extend(rebuilt.iter().filter(|build| build.same).map(of_build));
    }
    let Claims { claims, bundles, .. } = found;
    let codes = verified(&rehearsal.authorized, &claims);
    let checks = checks::all(&checks::Seen {
        proposed: &given.proposed,
        rehearsal: &rehearsal,
        codes: &codes,
        claims: &claims,
        bundles: &bundles,
        rebuilt: &rebuilt,
        rebuilds: options.rebuild,
    });
    let document = ReferendumVerification {
        format: format::REFERENDUM_VERIFICATION.into(),
        proposal: protocol::hide_addresses(&shown(&name)),
        codes,
        claims,
        bundles,
        rebuilt,
        rehearsal,
        verdict: Verdict::of(&checks),
        hazards: hazards(&checks),
        checks,
    };
    if let Some(out) = &options.out {
        files::write_whole(out, &pretty(&document)?)?;
    }
    if let Some(page) = &options.page {
        files::write_whole(page, report::html::referendum(&document).as_bytes())?;
    }
    context.printer.result(&document, || report::referendum::terminal(&document))?;
    Ok(dry_run::verdict(document.verdict))
}

/// Returns the proposal in a form of `rehearse`: a number alone is that of a referendum, if no file has this name.
fn named(text: &str) -> String {
    match text.parse::<u32>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit()) && !Path::new(text).exists() {
        true => format!("referendum:{text}"),
        false => text.to_owned(),
    }
}

/// Returns the name of a proposal for the document. An encoded call may have megabytes.
fn shown(name: &str) -> String {
    const MOST: usize = 200;
    match name.char_indices().nth(MOST) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}

/// Rebuilds the bundles that name a code of the call. A damaged bundle is not rebuilt.
fn rebuild_bundles(
    context: &Context,
    options: &cli::VerifyReferendum,
    own: &[AuthorizedCode],
    bundles: &mut [Verification],
    (task, log): (&Task, &Path),
) -> Result<()> {
    for bundle in bundles.iter_mut().filter(|bundle| bundle.integrity) {
        let mut shipped = bundle.predicate.iter().flat_map(|predicate| &predicate.runtimes);
        if shipped.any(|blob| own.iter().any(|code| is(code, &blob.blake2_256))) {
            let directory = bundle.bundle.clone();
            let (_, again) = verify::rebuild_all(context, &directory, bundle, &options.engine, task, log)?;
            bundle.rebuilt = Some(again);
        }
    }
    Ok(())
}

/// Rebuilds the runtimes that the command line names. Each is expected to give one of the codes.
fn rebuild_runtimes(
    context: &Context,
    options: &cli::VerifyReferendum,
    own: &[AuthorizedCode],
    Claims { claims, blobs, .. }: &Claims,
    (task, log): (&Task, &Path),
) -> Result<Vec<Rebuilt>> {
    if options.runtime.is_empty() {
        return Ok(Vec::new());
    }
    let digest = claims.iter().find(|claim| claim.kind == ClaimKind::Digest);
    let stated = digest.and_then(|digest| digest.commit.as_deref());
    let sources = Sources::open(context, options.commit.as_deref(), stated, task)?;
    let engine = sources.engine(&options.engine)?;
    let mut all = Vec::new();
    for name in &options.runtime {
        let runtime = sources.workspace.find(name)?;
        let variant: Variant = super::build::variant(
            runtime,
            &cli::BuildOptions { engine: options.engine.clone(), ..cli::BuildOptions::default() },
        );
        // Which of several codes is that of this runtime is not known before it is built.
        let expected = own.first().and_then(|code| code.blake2_256.clone()).unwrap_or_default();
        let blob = blobs.iter().find(|(_, hash)| own.len() == 1 && *hash == expected);
        let request = RebuildRequest {
            runtime,
            variant: &variant,
            blake2_256: &expected,
            blob: blob
                .map(|(path, _)| Ok::<_, Failure>(protocol::Source::File(super::utf8(path)?.into())))
                .transpose()?,
            stated: None,
        };
        let mut built = rebuild(&*engine, &sources, &request, task, log)?;
        if own.iter().any(|code| is(code, &built.rebuilt)) {
            (built.expected, built.same) = (built.rebuilt.clone(), true);
        }
        all.push(built);
    }
    Ok(all)
}

/// Returns whether a code has this hash.
fn is(code: &AuthorizedCode, hash: &str) -> bool {
    code.blake2_256.as_deref() == Some(hash)
}

/// Returns the claim of a build from the source.
fn of_build(build: &Rebuilt) -> CodeClaim {
    CodeClaim {
        kind: ClaimKind::Build,
        name: format!("the build of {}", build.package),
        blake2_256: build.rebuilt.clone(),
        package: Some(build.package.clone()),
        spec_name: None,
        spec_version: None,
        commit: build.commit.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_a_referendum() {
        assert_eq!(named("1600"), "referendum:1600");
        for other in ["referendum:7", "0x0000", "-1", "+7", "99999999999", "target/upgrade/standalone"] {
            assert_eq!(named(other), other);
        }
    }

    #[test]
    fn a_long_call_is_cut_in_the_document() {
        assert_eq!(shown("referendum:7"), "referendum:7");
        assert_eq!(shown(&"0".repeat(500)).chars().count(), 201);
    }
}
