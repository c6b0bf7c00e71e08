// SPDX-License-Identifier: Apache-2.0
//! The `propose` command: writes the calls that propose an upgrade.

mod explain;
mod keys;
mod network;

use super::{expect_source, target, upgrade::bundle::pretty};
use crate::{
    cli::{self, ReferendumOptions, RouteOptions},
    sources::{self, SourceLocation},
};
use protocol::{
    Source, Verdict,
    proposal::{
        BrowserNodes, CallProposal, CallRequest, Enactment, GivenCall, Proposal, ProposalRequest, ProposeRequest,
        Route, UnknownRoute,
    },
    rehearse::Proposed,
};
use serde::de::DeserializeOwned;
use std::path::Path;
use worker::{Failure, Kind, Outcome, Result};
use workers::Worker;
use workspace::context::Context;

/// The document in the directory of `--out`.
pub const DOCUMENT: &str = "proposal.json";

pub fn run(context: &Context, options: &cli::Propose) -> Result<Verdict> {
    match &options.command {
        cli::ProposeCommand::Upgrade(options) => upgrade(context, options).map(Verdict::from),
        cli::ProposeCommand::Network(options) => network::run(context, options).map(Verdict::from),
        cli::ProposeCommand::Call(options) => call(context, options).map(Verdict::from),
        cli::ProposeCommand::Keys(options) => keys::run(context, options),
        cli::ProposeCommand::Explain(options) => explain::run(context, options),
    }
}

fn upgrade(context: &Context, options: &cli::ProposeUpgrade) -> Result<bool> {
    // All that can be checked without the blob is checked before it is built.
    target::check_path(&options.runtime)?;
    self::route(&options.route)?;
    for source in options.route.relay.iter().chain([&options.target]) {
        expect_source(context, source)?;
    }
    let route = target::with_configured_route(context, &options.runtime, &options.route)?;
    let relay = route.relay.as_deref().map(|relay| sources::source(context, relay)).transpose()?;
    let chain = sources::source(context, &options.target)?;
    if !target::is_file(&options.runtime) {
        check_route(context, &chain, relay.as_ref(), &route)?;
    }
    let target = target::resolve(context, Some(&options.runtime), false)?;
    let runtime = Source::File(target.blob);
    let mut request = request(runtime, &chain, relay.as_ref(), &route, options.without_checks)?;
    request.out.clone_from(&options.out);
    // The output is for the user, who named these nodes. Evidence contains only public nodes.
    request.browser = BrowserNodes { target: browser_node(&chain), relay: relay.as_ref().and_then(browser_node) };
    let outcome = ask(context, request)?;
    if let Some(out) = &options.out {
        files::write_whole(&out.join(DOCUMENT), &pretty(&outcome.value)?)?;
    }
    context.printer.result(&outcome.value, || report::terminal::propose(&outcome.value))?;
    Ok(outcome.passed)
}

/// Proposes any call.
fn call(context: &Context, options: &cli::ProposeCall) -> Result<bool> {
    let RouteOptions { relay, para_id, referendum, .. } = &options.route;
    let named = given(options)?;
    let route = self::route(&options.route)?;
    for source in relay.iter().chain([&options.target]) {
        expect_source(context, source)?;
    }
    let relay = relay.as_deref().map(|relay| sources::source(context, relay)).transpose()?;
    let chain = sources::source(context, &options.target)?;
    let request = ProposalRequest::Call(CallRequest {
        target: chain.source(),
        call: named,
        relay: relay.as_ref().map(SourceLocation::source),
        para_id: *para_id,
        route,
        origin: options.origin.clone(),
        enactment: enactment(referendum),
        note_preimage: referendum.note_preimage,
        referendum_index: referendum.referendum_index,
        out: options.out.clone(),
        browser: BrowserNodes { target: browser_node(&chain), relay: relay.as_ref().and_then(browser_node) },
    });
    let outcome: Outcome<CallProposal> = ask_worker(context, &request)?;
    if let Some(out) = &options.out {
        files::write_whole(&out.join(DOCUMENT), &pretty(&outcome.value)?)?;
    }
    context.printer.result(&outcome.value, || report::terminal::propose_call(&outcome.value))?;
    Ok(outcome.passed)
}

/// Returns the call of the command line.
fn given(options: &cli::ProposeCall) -> Result<GivenCall> {
    let text = &options.call;
    let is_encoded = text.starts_with("0x") || Path::new(text).exists();
    match (is_encoded, &options.args) {
        (true, None) => match super::rehearse::proposal::read(text)?.proposed {
            Proposed::Call(call) => Ok(GivenCall::Encoded(call)),
            Proposed::Preimage(_) | Proposed::Referendum(_) => Err(Failure::internal("a file with no call")),
        },
        (true, Some(_)) => Err(Failure::usage("an encoded call has its arguments").hint("leave --args out")),
        (false, args) => {
            let arguments = serde_json::from_str(args.as_deref().unwrap_or("{}")).map_err(|error| {
                Failure::usage("--args is no JSON")
                    .found(error.to_string())
                    .expected(r#"an object with the arguments, such as {"remark": "0x00"}"#)
            })?;
            Ok(GivenCall::Named { name: text.clone(), arguments })
        }
    }
}

fn ask(context: &Context, request: ProposeRequest) -> Result<Outcome<Proposal>> {
    ask_worker(context, &ProposalRequest::Propose(request))
}

fn ask_worker<T: DeserializeOwned>(context: &Context, request: &ProposalRequest) -> Result<Outcome<T>> {
    let task = context.printer.task("propose");
    workers::ask(context, Worker::Proposal, request, &task, &context.log("propose"))
}

/// Checks the options of the route against the chain's own route, before the runtime is built.
fn check_route(
    context: &Context,
    chain: &SourceLocation,
    relay: Option<&SourceLocation>,
    route: &RouteOptions,
) -> Result<()> {
    // The chain's own code takes the place of the new one, so the versions do not fit.
    let request = request(chain.source(), chain, relay, route, true)?;
    // A named route was checked, and without such an option there is nothing to check.
    let (enactment, index) = (request.enactment, request.referendum_index);
    if request.route.is_some() || Route::Sudo.check_options(enactment, request.note_preimage, index).is_ok() {
        return Ok(());
    }
    match ask(context, request) {
        Err(failure) if failure.kind == Kind::Usage => Err(failure),
        _ => Ok(()),
    }
}

/// Returns the named route. Fails if there is no such route, or if a given option does not apply to
/// it.
pub fn route(options: &RouteOptions) -> Result<Option<Route>> {
    named_route(options.route.as_deref(), &options.referendum)
}

fn named_route(name: Option<&str>, options: &ReferendumOptions) -> Result<Option<Route>> {
    let Some(name) = name else { return Ok(None) };
    let route: Route = name.parse().map_err(|unknown: UnknownRoute| {
        Failure::usage("unknown route").found(format!("{:?}", unknown.0)).expected(UnknownRoute::expected())
    })?;
    route.check_options(enactment(options), options.note_preimage, options.referendum_index)?;
    Ok(Some(route))
}

fn enactment(options: &ReferendumOptions) -> Enactment {
    match (options.enact_after, options.enact_at) {
        (Some(blocks), _) => Enactment::After(blocks),
        (_, Some(block)) => Enactment::At(block),
        _ => Enactment::default(),
    }
}

/// Returns the node for browser links. `None` if its address contains secrets.
fn browser_node(place: &SourceLocation) -> Option<String> {
    let SourceLocation::Live(live) = place else { return None };
    let node = live.nodes.first()?;
    (node.to_string() == node.expose().trim_end_matches('/')).then(|| node.to_string())
}

/// Returns the request for a proposal.
pub fn request(
    runtime: Source,
    chain: &SourceLocation,
    relay: Option<&SourceLocation>,
    route: &RouteOptions,
    without_checks: bool,
) -> Result<ProposeRequest> {
    Ok(ProposeRequest {
        runtime,
        target: chain.source(),
        relay: relay.map(SourceLocation::source),
        para_id: route.para_id,
        route: self::route(route)?,
        enactment: enactment(&route.referendum),
        without_checks,
        note_preimage: route.referendum.note_preimage,
        referendum_index: route.referendum.referendum_index,
        out: None,
        browser: BrowserNodes::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_route_and_its_options_are_checked_before_a_build() {
        let named = |name: &str| RouteOptions { route: Some(name.into()), ..RouteOptions::default() };
        assert_eq!(route(&RouteOptions::default()), Ok(None));
        assert_eq!(route(&named("sudo")), Ok(Some(Route::Sudo)));
        let unknown = route(&named("foo")).expect_err("no such route");
        assert!(unknown.kind == Kind::Usage && unknown.expected.is_some_and(|names| names.contains("root-referendum")));
        for given in [
            ReferendumOptions { note_preimage: true, ..ReferendumOptions::default() },
            ReferendumOptions { enact_after: Some(10), ..ReferendumOptions::default() },
            ReferendumOptions { enact_at: Some(10), ..ReferendumOptions::default() },
            ReferendumOptions { referendum_index: Some(1), ..ReferendumOptions::default() },
        ] {
            let by = |name: &str| named_route(Some(name), &given);
            assert_eq!(by("relay-superuser-sudo").expect_err("no referendum").kind, Kind::Usage);
            by("root-referendum").expect("a referendum");
        }
    }
}
