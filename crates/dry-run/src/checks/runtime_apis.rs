// SPDX-License-Identifier: Apache-2.0
//! Do the functions that nodes and collators call still answer? They are called with the new code
//! on the state before its migrations, as every node does for the first new block, and on the
//! migrated state. The answers of the old code on the same state are the reference.

use crate::{
    ask::{Answer, ask},
    input::Runtime,
    outcome::errors_logged,
    rehearsal::Rehearsal,
    types::{Differences, Interface, compare, interface::Method, read},
};
use compat::changes::needed_by;
use fork::{Chain, Executor};
use protocol::{CheckOutcome, Finding, Rank};
use validator::time_limit;
use worker::Result;

/// In seconds: a node that waits this long misses its slot.
const SLOW: f64 = 2.0;
/// How often a slow call is repeated.
const REPEATS: u32 = 3;

/// Not called: they execute blocks, which other checks do, or serve building, testing and
/// simulating.
const LEFT_OUT: [&str; 11] = [
    "Core",
    "Metadata",
    "BlockBuilder",
    "TaggedTransactionQueue",
    "OffchainWorkerApi",
    "GenesisBuilder",
    "Benchmark",
    "TryRuntime",
    "DryRunApi",
    "RuntimeViewFunction",
    "TransactionPaymentCallApi",
];

/// Functions that need a node's keys or its transaction pool.
const WRITES: [&str; 3] = ["generate_", "submit_", "dry_run_"];

/// Functions without arguments, for metadata without APIs.
const KNOWN: [(&str, &[&str]); 7] = [
    ("AuraApi", &["slot_duration", "authorities"]),
    ("BabeApi", &["configuration", "current_epoch", "next_epoch", "current_epoch_start"]),
    ("GrandpaApi", &["grandpa_authorities", "current_set_id"]),
    ("BeefyApi", &["validator_set"]),
    ("AuthorityDiscoveryApi", &["authorities"]),
    (
        "ParachainHost",
        &[
            "validators",
            "validator_groups",
            "availability_cores",
            "session_index_for_child",
            "disabled_validators",
            "async_backing_params",
            "node_features",
            "claim_queue",
            "approval_voting_params",
            "minimum_backing_votes",
            "on_chain_votes",
            "candidate_events",
            "unapplied_slashes",
            "pvfs_require_precheck",
        ],
    ),
    ("GetParachainInfo", &["parachain_id"]),
];

#[derive(Default)]
struct Findings {
    /// Seen to break.
    failed: Vec<String>,
    /// Hazards.
    odd: Vec<String>,
    called: usize,
}

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, executor, .. } = rehearsal;
    let (enacted, migrated) = (rehearsal.enacted()?, rehearsal.migrated()?);
    let (old, new) = (from.interface(), to.interface());
    let mut findings = Findings::default();
    versions(from, to, [&old, &new], &mut findings);
    if let (Some(old), Some(new)) = (&old, &new) {
        types(from, to, old, new, &mut findings);
    }
    for call in calls(old.as_ref(), new.as_ref()) {
        on_both_states(&call, from, to, enacted, migrated, executor, &mut findings)?;
    }
    let Findings { failed, odd, called } = findings;
    if called == 0 && failed.is_empty() && odd.is_empty() {
        return Ok(CheckOutcome::skip("the runtime has none of the functions that nodes call without more to go on"));
    }
    let detail = match (failed.len(), odd.len()) {
        (0, 0) => {
            format!("{called} functions answer on the state before the migrations and after, in types that nodes know")
        }
        (0, _) => format!("{called} functions answer; some of it needs newer nodes or clients"),
        (failed, _) => format!("{failed} of what nodes rely on is broken; {called} functions called"),
    };
    let mut told: Vec<_> = failed.into_iter().map(Finding::seen).collect();
    told.extend(odd.into_iter().map(Finding::hazard));
    told.truncate(40);
    Ok(CheckOutcome::judged(detail, told))
}

/// Compares the APIs of the runtimes, by the name that the metadata of either gives.
fn versions(from: &Runtime, to: &Runtime, metadata: [&Option<Interface<'_>>; 2], findings: &mut Findings) {
    for old in &from.version.apis {
        let named = metadata.into_iter().flatten().find_map(|interface| interface.api_name(&old.id));
        let name = named.map(str::to_owned).or_else(|| old.name.clone()).unwrap_or_else(|| old.id.clone());
        let nodes = needed_by(&name);
        match to.version.apis.iter().find(|new| new.id == old.id) {
            None => {
                let told = format!("{name} is gone: it is missed by {}", nodes.unwrap_or("those who call it"));
                if nodes.is_some() { findings.failed.push(told) } else { findings.odd.push(told) }
            }
            Some(new) if new.version < old.version => {
                let told = format!("{name} went from version {} back to {}", old.version, new.version);
                if nodes.is_some() { findings.failed.push(told) } else { findings.odd.push(told) }
            }
            _ => {}
        }
    }
}

/// Compares the types of arguments and answers, function by function. While the version of the API
/// stays, deployed nodes must be able to decode by the old type. With a higher version, older nodes
/// must be updated.
fn types(from: &Runtime, to: &Runtime, old: &Interface<'_>, new: &Interface<'_>, findings: &mut Findings) {
    for new_api in new.apis.iter().filter(|api| !LEFT_OUT.contains(&api.name)) {
        let raised = from.version.api(new_api.name) < to.version.api(new_api.name);
        let Some(old_api) = old.apis.iter().find(|api| api.name == new_api.name) else { continue };
        for old_method in &old_api.methods {
            let function = format!("{}_{}", new_api.name, old_method.name);
            let Some(new_method) = new_api.methods.iter().find(|method| method.name == old_method.name) else {
                let told = format!("{function} is gone");
                if needed_by(new_api.name).is_some() && !raised {
                    findings.failed.push(format!("{told}, although the API's version is the same"));
                } else {
                    findings.odd.push(told);
                }
                continue;
            };
            let nodes = needed_by(new_api.name);
            for told in differences(old, old_method, new, new_method) {
                match (nodes, raised) {
                    (Some(nodes), false) => {
                        findings.failed.push(format!("{function}, same API version: {told}; {nodes} cannot decode it"));
                    }
                    (Some(nodes), true) => findings.odd.push(format!(
                        "{function}: {told}; {nodes} must know version {} of {} by then",
                        to.version.api(new_api.name).unwrap_or_default(),
                        new_api.name
                    )),
                    (None, _) => findings.odd.push(format!("{function}: {told}")),
                }
            }
        }
    }
}

fn differences(
    old: &Interface<'_>,
    old_method: &Method<'_>,
    new: &Interface<'_>,
    new_method: &Method<'_>,
) -> Vec<String> {
    let mut told = Vec::new();
    if old_method.inputs.len() != new_method.inputs.len() {
        told.push(format!("{} arguments became {}", old_method.inputs.len(), new_method.inputs.len()));
    } else {
        for (old_id, new_id) in old_method.inputs.iter().zip(&new_method.inputs) {
            let found = compare(old, *old_id, new, *new_id);
            if found.breaking() {
                told.push(format!("an argument changed: {}", found.summary()));
            }
        }
    }
    let found: Differences = compare(old, old_method.output, new, new_method.output);
    if found.breaking() {
        told.push(format!("the answer's type changed: {}", found.summary()));
    }
    told
}

/// A function to call with plain arguments, and the types of its answer.
struct Call<'a> {
    function: String,
    api: String,
    old_arguments: Vec<u8>,
    new_arguments: Vec<u8>,
    old_output: Option<(&'a Interface<'a>, u32)>,
    new_output: Option<(&'a Interface<'a>, u32)>,
}

fn calls<'a>(old: Option<&'a Interface<'a>>, new: Option<&'a Interface<'a>>) -> Vec<Call<'a>> {
    let Some(new) = new.filter(|new| !new.apis.is_empty()) else {
        return KNOWN
            .iter()
            .flat_map(|(api, methods)| methods.iter().map(move |method| (*api, *method)))
            .map(|(api, method)| Call {
                function: format!("{api}_{method}"),
                api: api.into(),
                old_arguments: Vec::new(),
                new_arguments: Vec::new(),
                old_output: None,
                new_output: None,
            })
            .collect();
    };
    let mut calls = Vec::new();
    for api in new.apis.iter().filter(|api| !LEFT_OUT.contains(&api.name)) {
        for method in api.methods.iter().filter(|method| !WRITES.iter().any(|verb| method.name.starts_with(verb))) {
            let Some(new_arguments) = plainest(new, method) else { continue };
            let known = old.and_then(|old| Some((old, old.method(api.name, method.name)?)));
            let old_arguments = known.and_then(|(old, method)| plainest(old, method));
            calls.push(Call {
                function: format!("{}_{}", api.name, method.name),
                api: api.name.to_owned(),
                old_arguments: old_arguments.unwrap_or_else(|| new_arguments.clone()),
                new_arguments,
                old_output: known.map(|(old, method)| (old, method.output)),
                new_output: Some((new, method.output)),
            });
        }
    }
    calls
}

/// Returns arguments of zeros and empty lists, enough for functions that only read.
fn plainest(interface: &Interface<'_>, method: &Method<'_>) -> Option<Vec<u8>> {
    let parts = method.inputs.iter().map(|input| read::default_value(interface.types, *input));
    parts.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
}

fn on_both_states(
    call: &Call<'_>,
    from: &Runtime,
    to: &Runtime,
    enacted: &Chain,
    migrated: Option<&Chain>,
    executor: &Executor,
    findings: &mut Findings,
) -> Result<()> {
    let function = &call.function;
    let nodes = needed_by(&call.api);
    let _ = errors_logged(executor.log());
    let normal = match ask(from, enacted, executor, function, &call.old_arguments)? {
        Answer::Value(..) => true,
        // The old code fails with these arguments: nothing can be concluded.
        Answer::Trap(_) => return Ok(()),
        Answer::Absent => false,
    };
    let corrupted_before = corrupted(executor);
    for (state, chain) in [("before the migrations", Some(enacted)), ("after the migrations", migrated)] {
        let Some(chain) = chain else { continue };
        match ask(to, chain, executor, function, &call.new_arguments)? {
            Answer::Absent => return Ok(()),
            Answer::Trap(why) => {
                let told = format!("{function} fails on the state {state}: {why}");
                match (normal, nodes) {
                    (true, Some(nodes)) => findings.failed.push(format!("{told}; called by {nodes}")),
                    (true, None) if state.starts_with("after") => findings.failed.push(told),
                    (false, Some(nodes)) if call.new_arguments.is_empty() => {
                        findings.failed.push(format!("{told}; called by {nodes}"));
                    }
                    (true, None) => findings.odd.push(told),
                    // A new function, which may not accept these arguments.
                    (false, _) => {}
                }
                let _ = errors_logged(executor.log());
                continue;
            }
            Answer::Value(answer, mut took) => {
                findings.called += 1;
                // The first call may compile the code.
                for _ in 0..REPEATS {
                    if time_limit::judge(took, SLOW).is_none() {
                        break;
                    }
                    if let Answer::Value(_, again) = ask(to, chain, executor, function, &call.new_arguments)? {
                        took = again;
                    }
                }
                if let Some(rank) = time_limit::judge(took, SLOW) {
                    let told = format!(
                        "{function} takes {} that a node waits, on the state {state}",
                        time_limit::excess(rank, SLOW)
                    );
                    let broken = rank == Rank::Seen && nodes.is_some();
                    if broken { findings.failed.push(told) } else { findings.odd.push(told) }
                }
                decodes(call, from, to, &answer, state, nodes, findings);
            }
        }
        if corrupted(executor) && !corrupted_before {
            findings.odd.push(format!("{function} meets values that it cannot decode, on the state {state}"));
        }
    }
    Ok(())
}

/// Returns whether the runtime read a value that is not of its type. It continues with a default
/// then.
fn corrupted(executor: &Executor) -> bool {
    errors_logged(executor.log()).iter().any(|line| line.contains("Corrupted state"))
}

/// Checks that an answer is of the type that the runtime gives, and of the type by which deployed
/// nodes decode it.
fn decodes(
    call: &Call<'_>,
    from: &Runtime,
    to: &Runtime,
    answer: &[u8],
    state: &str,
    nodes: Option<&str>,
    findings: &mut Findings,
) {
    let function = &call.function;
    if let Some((interface, output)) = call.new_output
        && let Err(why) = read::validate(interface.types, output, answer)
    {
        findings
            .failed
            .push(format!("{function} answers with what is not of its own type, on the state {state}: {why}"));
        return;
    }
    if let (Some((interface, output)), Some(nodes)) = (call.old_output, nodes)
        && let Err(why) = read::validate(interface.types, output, answer)
    {
        // Nodes that know the higher version notice it; others decode by the old type all the same.
        let version = |runtime: &Runtime| runtime.version.api(&call.api).unwrap_or_default();
        let told = format!(
            "{function} answers with what deployed nodes cannot decode, on the state {state}: {why}; called by {nodes}"
        );
        if version(from) == version(to) {
            findings.failed.push(told);
        } else {
            // No state tells which nodes are deployed.
            findings.odd.push(format!(
                "{told}; where all of them know version {} of {}, --allow runtime-apis=REASON",
                version(to),
                call.api
            ));
        }
    }
}
