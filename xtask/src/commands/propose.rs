// SPDX-License-Identifier: Apache-2.0
use super::{target, utf8};
use crate::{
    cli::{self, RouteOptions},
    context::Context,
    networks, workers,
    workers::Worker,
};
use serde_json::{Value, json};
use std::path::Path;
use worker::Result;

pub fn run(context: &Context, options: &cli::Propose) -> Result<bool> {
    let cli::Proposal::Upgrade(options) = &options.what;
    target::check_path(&options.runtime)?;
    let target = target::resolve(context, Some(&options.runtime), false)?;
    let mut route = options.route.clone();
    route.relay = route.relay.or(target.relay);
    route.para_id = route.para_id.or(target.para_id);
    route.route = route.route.or(target.route);
    if let Some(name) = route.relay.take() {
        route.relay = Some(networks::source(context, &name)?);
    }
    let chain = networks::source(context, &options.target)?;
    let request = request(&target.blob, &chain, &route, options.out.as_deref())?;
    let task = context.printer.task("propose");
    let outcome = workers::call(context, Worker::Proposal, &request, &task, &context.log("propose"))?;
    drop(task);
    context.printer.result(&outcome.value, || report::terminal::propose(&outcome.value))?;
    Ok(outcome.passed)
}

pub fn request(runtime: &Path, chain: &str, route: &RouteOptions, out: Option<&Path>) -> Result<Value> {
    let enactment = match (route.enact_after, route.enact_at) {
        (Some(blocks), _) => Some(json!({"after": blocks})),
        (_, Some(block)) => Some(json!({"at": block})),
        _ => None,
    };
    let mut request = json!({
        "command": "propose",
        "runtime": utf8(runtime)?,
        "target": chain,
        "relay": route.relay,
        "para_id": route.para_id,
        "route": route.route,
        "without_checks": route.without_checks,
        "note_preimage": route.note_preimage,
        "referendum_index": route.referendum_index,
        "out": out.map(utf8).transpose()?,
    });
    if let (Some(enactment), Some(fields)) = (enactment, request.as_object_mut()) {
        fields.insert("enactment".into(), enactment);
    }
    Ok(request)
}
