// SPDX-License-Identifier: Apache-2.0
//! The `propose` command: writes the calls that propose an upgrade.

use super::target;
use crate::{
    cli::{self, RouteOptions},
    sources::{self, SourceLocation},
};
use protocol::{
    Source,
    proposal::{BrowserNodes, Enactment, Proposal, ProposalRequest, ProposeRequest, Route, UnknownRoute},
};
use std::path::Path;
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::Propose) -> Result<bool> {
    let cli::ProposeCommand::Upgrade(options) = &options.command;
    target::check_path(&options.runtime)?;
    let target = target::resolve(context, Some(&options.runtime), false)?;
    let mut route = options.route.clone();
    route.relay = route.relay.or(target.relay);
    route.para_id = route.para_id.or(target.para_id);
    route.route = route.route.or(target.route);
    let relay = route.relay.as_deref().map(|relay| sources::source(context, relay)).transpose()?;
    let chain = sources::source(context, &options.target)?;
    let mut request = request(&target.blob, &chain, relay.as_ref(), &route, options.out.as_deref())?;
    // The output is for the user, who named these nodes. Evidence contains only public nodes.
    request.browser = BrowserNodes { target: browser_node(&chain), relay: relay.as_ref().and_then(browser_node) };
    let request = ProposalRequest::Propose(request);
    let task = context.printer.task("propose");
    let outcome: Outcome<Proposal> = workers::ask(context, Worker::Proposal, &request, &task, &context.log("propose"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::propose(&outcome.value))?;
    Ok(outcome.passed)
}

/// Returns the node for browser links. `None` if its address contains secrets.
fn browser_node(place: &SourceLocation) -> Option<String> {
    let SourceLocation::Live(live) = place else { return None };
    let node = live.nodes.first()?;
    (node.to_string() == node.expose().trim_end_matches('/')).then(|| node.to_string())
}

/// Returns the request for a proposal.
pub fn request(
    runtime: &Path,
    chain: &SourceLocation,
    relay: Option<&SourceLocation>,
    route: &RouteOptions,
    out: Option<&Path>,
) -> Result<ProposeRequest> {
    let enactment = match (route.enact_after, route.enact_at) {
        (Some(blocks), _) => Enactment::After(blocks),
        (_, Some(block)) => Enactment::At(block),
        _ => Enactment::default(),
    };
    let governed_by = route.route.as_deref().map(|name| {
        name.parse::<Route>().map_err(|unknown| {
            Failure::usage("unknown route").found(format!("{:?}", unknown.0)).expected(UnknownRoute::expected())
        })
    });
    Ok(ProposeRequest {
        runtime: Source::File(runtime.to_owned()),
        target: chain.source(),
        relay: relay.map(SourceLocation::source),
        para_id: route.para_id,
        route: governed_by.transpose()?,
        enactment,
        without_checks: route.without_checks,
        note_preimage: route.note_preimage,
        referendum_index: route.referendum_index,
        out: out.map(Path::to_owned),
        browser: BrowserNodes::default(),
    })
}
