// SPDX-License-Identifier: Apache-2.0
use crate::{
    allowance::{self, Denied},
    checks::{self, message_delivery},
    enactment::{self, Enacted},
    input::Runtime,
    messages::{Counterpart, outbound},
    rehearsal::{self, Rehearsal, Routine},
    result,
    validator::{Preparation, Validator},
    verdicts::Verdicts,
    weight,
};
use fork::{Author, Chain, Executor, LoadOptions, LoadedChain, Store, watchdog::TimeoutHandler};
use protocol::{
    Check, RpcUsage, Source, StateIdentity, Status, Verdict,
    dry_run::{DryRunReport, DryRunRequest},
    format,
};
use source::ReadSource;
use std::{path::Path, time::Instant};
use worker::{Event, Failure, Kind, Reporter, Result};

pub fn dry_run(request: &DryRunRequest, reporter: &Reporter) -> Result<DryRunReport> {
    let began = Instant::now();
    allowance::expect_checks(&request.allow)?;
    let denied = Denied { all: request.strict, named: &request.deny };
    denied.expect_checks()?;
    let executor = Executor::new(request.cache.as_deref());

    let name = request.state.to_string();
    reporter.status(format!("reading the state of {name}"));
    let store = Store::new(request.nodes.as_deref());
    let how = LoadOptions {
        at: request.at.as_deref(),
        mode: request.state_mode,
        unverified: request.unverified,
        store: Some(&store),
    };
    let mut loaded = fork::load(&request.state, how, reporter)?;
    let mut chain = loaded.chain.clone();
    if let Some(named) = &request.code {
        chain.put_code(&request.state.code(named)?)?;
    }

    reporter.status("reading the runtimes");
    let old_code = chain.next_code()?;
    let old_blob = artifact::blob::Blob::from_deployed(&name, old_code.bytes().to_vec())?;
    let from = Runtime::read(&name, old_blob, &chain, &executor)?;
    chain.set_state_version(from.version.effective_state_version());
    let new_blob = request.runtime.parse::<Source>()?.blob()?;
    // Begun now, beside everything else: it takes as long as the rest.
    let preparation = from.layout.parachain_system().map(|_| Preparation::begin(new_blob.deployed.clone()));
    let to = match Runtime::read(&request.runtime, new_blob.clone(), &chain, &executor) {
        Ok(to) => to,
        Err(failure) if failure.kind == Kind::Check => {
            let Some(to) = Runtime::unrun(&request.runtime, new_blob)? else { return Err(failure) };
            let prepared = preparation.map(Preparation::finish);
            return unusable(began, state(request, &chain, &loaded)?, &loaded, &from, &to, failure, prepared, &chain)
                .and_then(|report| write(request.out.as_deref(), report));
        }
        Err(failure) => return Err(failure),
    };
    let tested = match &request.try_runtime {
        Some(name) => {
            let tested = Runtime::read(name, name.parse::<Source>()?.blob()?, &chain, &executor)?;
            tested.expect_try_runtime_of(&to)?;
            Some(tested)
        }
        None => None,
    };
    chain.prefetch(known_keys(&[&from, &to]))?;
    // Each as its source has it now: a block of this chain says nothing of theirs.
    let beside = LoadOptions { at: None, ..how };
    let counterparts = request.with.iter().map(|source| Counterpart::load(source, beside, &executor, reporter));
    let counterparts = counterparts.collect::<Result<Vec<_>>>()?;

    let checks = Verdicts::default();
    let _rescue = rescue(request, began, &checks, &chain, &loaded, &from, &to, tested.as_ref(), &counterparts)?;
    checks.extend([
        checks::versions::versions(&from, &to),
        checks::versions::code_size(&from, &to, &chain)?,
        checks::host_functions::host_functions(&from, &to),
    ]);
    checks.begin("transaction-signing");
    let mut author = Author::new(&executor);
    author.probe(&chain)?;
    checks.push(checks::signing::signing(&from, &to, &chain, &mut author)?);
    checks.push(checks::metadata_hash::metadata_hash(&from, &to, &chain, &executor));
    checks.begin("enactment");
    let Enacted { chain: enacted, mut blocks, check, by_the_chain } =
        enactment::enact(&chain, &mut author, &to.code, reporter)?;
    checks.push(check);

    checks.begin("migrations");
    reporter.status("building blocks with the new code");
    let mut enacted = enacted;
    enacted.set_state_version(to.version.effective_state_version());
    let mut shipping = rehearsal::migrate(
        &enacted,
        &mut author,
        &to.code,
        &to.layout,
        request.migration_blocks,
        "migration blocks",
        reporter,
    )?;
    checks.push(checks::blocks::migrations(&mut shipping, &to.layout)?);
    let ended = shipping.failure.is_none();
    let migrated = ended.then_some(&shipping.migrated);
    // Where the migrations did not end, what they did until then may say why.
    let reached = (!shipping.blocks.is_empty()).then_some(&shipping.migrated);
    reporter.status("asking what nodes ask, before and after the migrations");
    checks.begin("consensus");
    checks.push(checks::consensus::consensus(&from, &to, &enacted, reached, &executor)?);
    checks.begin("node-demands");
    checks.push(checks::node_demands::node_demands(&from, &to, &enacted, reached, &executor)?);
    checks.begin("authorities");
    checks.push(checks::authorities::authorities(&from, &to, &enacted, reached, &executor)?);
    checks.begin("runtime-apis");
    checks.push(checks::runtime_apis::runtime_apis(&from, &to, &enacted, migrated, &executor)?);
    checks.begin("migration-failure");
    reporter.status("making the migrations fail");
    // Where no block of the new code was built, nothing is known of its blocks.
    let built = !shipping.blocks.is_empty();
    checks.push(if built {
        let failing = checks::migration_failure::migration_failure(&enacted, &shipping, &mut author, &to);
        result::or_not_judged("migration-failure", failing)?
    } else {
        unreached("migration-failure")
    });
    let mut routine = Routine::of(&from, &enacted, &mut author.fresh())?;
    checks.begin("healthy-blocks");
    let mut alive = shipping.migrated.clone();
    let (healthy, failure) = match ended {
        true => rehearsal::live_on(&mut alive, &mut author, &to.layout, request.blocks, &mut shipping.sent, reporter)?,
        false => (Vec::new(), None),
    };
    blocks.extend(shipping.blocks.iter().cloned());
    blocks.extend(healthy.iter().cloned());
    checks.begin("block-limits");
    let limits = weight::block_limit(&to.layout);
    let pace = checks::blocks::Pace::of(&to, &enacted, &executor)?;
    checks.push(if built { checks::blocks::fit(&blocks, limits, pace) } else { unreached("block-limits") });
    checks.push(checks::blocks::healthy(request.blocks, &healthy, failure, ended)?);
    checks.begin("message-delivery");
    checks.extend(match ended {
        true => between_chains(&from, &to, &enacted, &alive, &shipping.sent, &counterparts, &executor, reporter)?,
        false => ["message-queues", "message-delivery"].map(unreached),
    });
    checks.begin("storage-versions");
    checks.push(if ended {
        checks::storage_versions::storage_versions(&enacted, &shipping.migrated, &to.layout)?
    } else {
        unreached("storage-versions")
    });
    checks.begin("next-upgrade");
    checks.push(match migrated {
        Some(migrated) => {
            reporter.status("trying the ways to the next upgrade");
            // Here, where nobody has a key, the seal of a fork stands for signatures.
            let sides = [(&from, &chain), (&to, migrated)];
            let next = checks::next_upgrade::next_upgrade(sides, by_the_chain, &mut author, &executor);
            result::or_not_judged("next-upgrade", next)?
        }
        None => unreached("next-upgrade"),
    });
    checks.begin("sessions");
    checks.push(match migrated {
        Some(migrated) => {
            reporter.status("ending sessions");
            let ended = checks::sessions::sessions(&from, &to, &chain, migrated, &executor, &mut author);
            result::or_not_judged("sessions", ended)?
        }
        None => unreached("sessions"),
    });
    checks.begin("async-backing");
    reporter.status("building blocks on blocks that are not included yet");
    let backing = checks::async_backing::async_backing(&from, &to, &chain, &enacted, migrated, &executor, &mut author);
    checks.push(result::or_not_judged("async-backing", backing)?);
    checks.begin("storage-layout");
    checks.extend(match migrated {
        Some(migrated) => what_is_stored(&from, &to, &enacted, migrated, &shipping, &routine)?,
        None => ["storage-layout", "kept-fields", "leftovers"].into_iter().map(unreached).collect(),
    });
    checks.begin("weights");
    let (check, call_weights) = match migrated {
        Some(migrated) => checks::weights::weights(&from, &to, &enacted, migrated, &executor)?,
        None => (unreached("weights"), None),
    };
    checks.push(check);
    checks.begin("idempotency");
    checks.push(if ended {
        reporter.status("running the migrations once more");
        checks::idempotency::idempotency(&enacted, &shipping.migrated, &mut author, &executor, &to.code, &to.layout)?
    } else {
        unreached("idempotency")
    });
    checks.begin("try-state");
    checks.extend(match &tested {
        Some(tested) => {
            // Its invariants read every entry.
            loaded.fetch_all(reporter);
            let author = author.fresh();
            with_try_runtime(&enacted, &shipping, &to, tested, author, &executor, request.migration_blocks, reporter)?
        }
        None => ["pre-post-hooks", "try-state", "equivalence"]
            .into_iter()
            .map(|name| Check::skip(name, "no try-runtime build was given"))
            .collect(),
    });
    checks.begin("validator-preparation");
    let prepared = preparation.map(Preparation::finish);
    checks.push(checks::preparation::preparation(&to, prepared.as_ref())?);
    checks.begin("validator-execution");
    checks.push(match &prepared {
        Some(Ok(validator)) => {
            reporter.status("validating blocks as the relay chain's validators do");
            let alive = ended.then_some(&alive);
            checks::validator_execution::validator_execution(
                &from,
                &to,
                &chain,
                &enacted,
                alive,
                validator,
                &mut author,
            )?
        }
        Some(Err(_)) => Check::skip("validator-execution", "validators do not get the code prepared"),
        None => Check::skip("validator-execution", "no parachain: no validator of another chain executes its blocks"),
    });
    if let Some(migrated) = migrated {
        // Items that the new code writes with every block, and the old one did not have.
        routine.join(Routine::of(&to, migrated, &mut author)?);
    }
    for (level, line) in fork::runtime_log::take() {
        reporter.log(format!("{level} {line}"));
    }

    // A part of the state that could not be had makes every verdict void, whatever took it for an answer.
    chain.checked(Ok(()))?;
    for warning in chain.take_warnings() {
        reporter.warning(warning);
    }
    let traffic = loaded.traffic();
    let mut checks = checks.all();
    if let Some(check) = checks.iter_mut().find(|check| check.name == "enactment") {
        *check = check.clone().noting(author.notes());
    }
    let report = DryRunReport {
        format: format::DRY_RUN.into(),
        state: state(request, &chain, &loaded)?,
        from: from.identity(),
        to: to.identity(),
        try_runtime: tested.as_ref().map(|tested| hex::encode_prefixed(tested.code.hash())),
        with: counterparts.iter().map(Counterpart::identity).collect(),
        checks,
        blocks: blocks.into_iter().map(|timed| timed.block).collect(),
        limits: limits.unwrap_or_default(),
        storage_changes: rehearsal::storage_changes(&shipping, &routine, &to.layout, &from.layout),
        call_weights,
        rpc: RpcUsage { requests: traffic.requests, bytes: traffic.bytes },
        seconds: seconds(began),
        verdict: Verdict::Fail,
        hazards: 0,
    };
    let report = allowance::judged(report, &request.allow, &denied);
    write(request.out.as_deref(), report)
}

/// Has a call that does not end leave the report of what was judged until then.
#[allow(clippy::too_many_arguments, reason = "all of them go into the report")]
fn rescue(
    request: &DryRunRequest,
    began: Instant,
    checks: &Verdicts,
    chain: &Chain,
    loaded: &LoadedChain,
    from: &Runtime,
    to: &Runtime,
    tested: Option<&Runtime>,
    counterparts: &[Counterpart],
) -> Result<TimeoutHandler> {
    let checks = checks.clone();
    let new: Vec<_> = [Some(to), tested].into_iter().flatten().map(|runtime| runtime.code.hash().to_vec()).collect();
    let (allow, deny, strict, out) = (request.allow.clone(), request.deny.clone(), request.strict, request.out.clone());
    let mut report = DryRunReport {
        format: format::DRY_RUN.into(),
        state: state(request, chain, loaded)?,
        from: from.identity(),
        to: to.identity(),
        try_runtime: tested.map(|tested| hex::encode_prefixed(tested.code.hash())),
        with: counterparts.iter().map(Counterpart::identity).collect(),
        checks: Vec::new(),
        blocks: Vec::new(),
        limits: Default::default(),
        storage_changes: Vec::new(),
        call_weights: None,
        rpc: RpcUsage::default(),
        seconds: 0.0,
        verdict: Verdict::Fail,
        hazards: 0,
    };
    Ok(TimeoutHandler::install(move |overdue| {
        report.checks = checks.ended_by(&overdue, &new);
        report.seconds = seconds(began);
        let report = allowance::judged(report, &allow, &Denied { all: strict, named: &deny });
        match write(out.as_deref(), report).and_then(crate::value) {
            Ok(value) => Event::Done { passed: false, value },
            Err(failure) => Event::Failed(failure),
        }
    }))
}

/// A check of the migrated state, where there is none.
fn unreached(name: &'static str) -> Check {
    Check::not_judged(name, checks::UNREACHED)
}

fn seconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

fn state(request: &DryRunRequest, chain: &Chain, loaded: &LoadedChain) -> Result<StateIdentity> {
    Ok(StateIdentity {
        source: request.state.to_string(),
        genesis_hash: chain.genesis_hash()?.map(|hash| hex::encode_prefixed(hash.as_bytes())),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        number: chain.number(),
        // As its source has it, whatever code takes the place of its own.
        state_root: hex::encode_prefixed(loaded.chain.root().as_bytes()),
        code: request.code.clone(),
        verified: loaded.verified,
        finalized: loaded.finalized,
        mode: loaded.mode,
        entries: loaded.entries,
    })
}

/// The report where the new code cannot even tell its metadata: what is known without running it, and why.
#[allow(clippy::too_many_arguments, reason = "all of them go into the report")]
fn unusable(
    began: Instant,
    state: StateIdentity,
    loaded: &LoadedChain,
    from: &Runtime,
    to: &Runtime,
    failure: Failure,
    prepared: Option<Result<Validator>>,
    chain: &Chain,
) -> Result<DryRunReport> {
    let mut findings = vec![failure.to_string()];
    findings.extend(prepared.and_then(Result::err).map(|failure| failure.to_string()));
    let checks = vec![
        checks::versions::versions(from, to),
        checks::versions::code_size(from, to, chain)?,
        checks::host_functions::host_functions(from, to),
        Check::fail("validator-preparation", "the code cannot be run: every node stops at it").with(findings),
    ];
    Ok(DryRunReport {
        format: format::DRY_RUN.into(),
        state,
        from: from.identity(),
        to: to.identity(),
        try_runtime: None,
        with: Vec::new(),
        checks,
        blocks: Vec::new(),
        limits: Default::default(),
        storage_changes: Vec::new(),
        call_weights: None,
        rpc: RpcUsage { requests: loaded.traffic().requests, bytes: loaded.traffic().bytes },
        seconds: seconds(began),
        verdict: Verdict::Fail,
        hazards: 0,
    })
}

/// Writes the report where it is wanted as well.
fn write(out: Option<&Path>, report: DryRunReport) -> Result<DryRunReport> {
    if let Some(out) = out {
        let json = serde_json::to_vec_pretty(&report)
            .map_err(|error| Failure::internal("the report is no JSON").found(error.to_string()))?;
        files::write_whole(out, &json)?;
    }
    Ok(report)
}

/// Where every pallet keeps what: plain values are read by some block or check, and before the keys of maps stands what
/// leads to them.
pub fn known_keys(runtimes: &[&Runtime]) -> Vec<Vec<u8>> {
    let pallets = runtimes.iter().flat_map(|runtime| runtime.layout.pallets.iter());
    let mut keys: Vec<_> = pallets
        .flat_map(|pallet| {
            let items = pallet.items.iter().map(|item| pallet.key(item));
            items.chain([pallet.storage_version_key()]).collect::<Vec<_>>()
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// What the upgrade says to other chains, and whether they understand it.
#[allow(clippy::too_many_arguments, reason = "both sides of the upgrade and everybody it speaks to")]
fn between_chains(
    from: &Runtime,
    to: &Runtime,
    enacted: &Chain,
    alive: &Chain,
    left: &outbound::Queues,
    counterparts: &[Counterpart],
    executor: &Executor,
    reporter: &Reporter,
) -> Result<[Check; 2]> {
    let mut sent = left.clone();
    outbound::join(&mut sent, outbound::waiting(&to.layout, alive)?);
    outbound::without(&mut sent, &outbound::waiting(&from.layout, enacted)?);
    if !counterparts.is_empty() {
        reporter.status("delivering messages to the other chains");
    }
    let sides = message_delivery::Sides { from: (from, enacted), to: (to, alive), sent: &sent };
    Ok([
        checks::message_queues::message_queues(from, to, enacted, alive)?,
        message_delivery::message_delivery(&sides, counterparts, executor)?,
    ])
}

/// What the migrations left in the state, read as the new code reads it.
fn what_is_stored(
    from: &Runtime,
    to: &Runtime,
    enacted: &Chain,
    migrated: &Chain,
    shipping: &Rehearsal,
    routine: &Routine,
) -> Result<Vec<Check>> {
    Ok(vec![
        checks::storage_layout::storage_layout(from, to, enacted, migrated, &shipping.touched, routine)?,
        checks::kept_fields::kept_fields(from, to, enacted, migrated, routine)?,
        checks::leftovers::leftovers(from, to, migrated)?,
    ])
}

/// The try-runtime build from the same state, in a chain of its own.
#[allow(clippy::too_many_arguments, reason = "both builds of the new code, and what came of the first")]
fn with_try_runtime(
    enacted: &Chain,
    shipping: &Rehearsal,
    to: &Runtime,
    tested: &Runtime,
    mut author: Author<'_>,
    executor: &Executor,
    limit: u32,
    reporter: &Reporter,
) -> Result<Vec<Check>> {
    reporter.status("running the hooks of the try-runtime build");
    let hooks = checks::try_runtime::hooks(enacted, executor, tested)?;
    let before = checks::try_runtime::before(enacted, &mut author, executor, tested, reporter);
    reporter.status("building the same blocks with the try-runtime build");
    let mut rehearsal = rehearsal::migrate(
        enacted,
        &mut author,
        &tested.code,
        &tested.layout,
        limit,
        "blocks of the try-runtime build",
        reporter,
    )?;
    let hooks = match rehearsal.failure.take() {
        // The hooks of multi-block migrations run inside the blocks and stop them.
        Some(failure) if hooks.status == Status::Pass && shipping.failure.is_none() => {
            rehearsal.failure = Some(failure.clone());
            result::from_failure("pre-post-hooks", failure)?
        }
        failure => {
            rehearsal.failure = failure;
            let raised_later = rehearsal.failure.is_none() && rehearsal.steps > 0;
            if raised_later && checks::try_runtime::only_versions_behind(&hooks) {
                checks::try_runtime::after_all(hooks, &rehearsal.migrated, executor, tested)?
            } else {
                hooks
            }
        }
    };
    let try_state = match (&rehearsal.failure, before) {
        (Some(_), _) => Check::not_judged("try-state", "the migrations of the try-runtime build did not end"),
        (None, Ok(before)) => {
            checks::try_runtime::after(before, &rehearsal.migrated, &mut author, executor, tested, reporter)?
        }
        // The new code cannot build a block on the old state: then nothing is known of before.
        (None, Err(_)) => checks::try_runtime::after(
            Default::default(),
            &rehearsal.migrated,
            &mut author,
            executor,
            tested,
            reporter,
        )?,
    };
    let control = || {
        reporter.status("building them once more with the shipping blob, to see what headers alone change");
        let mut chain = enacted.clone();
        chain.set(vec![(checks::equivalence::STRAY.to_vec(), Some(Vec::new()))])?;
        rehearsal::migrate(&chain, &mut Author::new(executor), &to.code, &to.layout, limit, "blocks", reporter)
    };
    let equivalence = checks::equivalence::equivalence(shipping, &rehearsal, &tested.layout, control)?;
    Ok(vec![hooks, try_state, equivalence])
}
