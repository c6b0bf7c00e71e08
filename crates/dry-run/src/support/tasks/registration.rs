// SPDX-License-Identifier: Apache-2.0
//! Tasks about the registration of a parachain: its lock, its manager, and its lifecycle.

use super::{
    Job, Wait, account, balance, code,
    condition::{Condition, Test},
    lacks,
};
use crate::support::{
    case::Case,
    plans::{Plan, call, calls},
};
use codec::Encode;
use network::Relay;
use proposal::decode;
use worker::Result;

/// The sessions in which a lifecycle changes: a code may have to be voted on first.
const SESSIONS: u32 = 4;
/// The lifecycles of a parachain that is registered, and not about to change.
const REGISTERED: &[Option<&str>] = &[Some("Parathread"), Some("Parachain")];
const PARACHAIN: &[Option<&str>] = &[Some("Parachain")];
const PARATHREAD: &[Option<&str>] = &[Some("Parathread")];
const NONE: &[Option<&str>] = &[None];
const FINAL: &[Option<&str>] = &[None, Some("Parathread"), Some("Parachain")];

/// Encodes a call of the registrar, whatever its pallet is called. Other pallets may have calls of these names.
fn of_registrar(case: &Case<'_>, name: &str, arguments: impl Encode) -> Option<Vec<u8>> {
    let indices = case.relay.runtime.layout.pallet_with(&["PendingSwap", "Paras"], Some(name))?.call(name)?;
    let call = [&indices[..], &arguments.encode()].concat();
    decode::call(case.relay.target.types(), &call).is_ok().then_some(call)
}

/// Returns the key of what the registrar has of the parachain.
fn registrar_entry(case: &Case<'_>) -> Result<Option<Vec<u8>>> {
    let Some(registrar) = case.relay.runtime.layout.pallet_with(&["PendingSwap", "Paras"], None) else {
        return Ok(None);
    };
    let interface = case.relay.interface()?;
    Ok(interface.pallet(&registrar.name).and_then(|pallet| pallet.entry("Paras", &case.para.encode())))
}

fn lifecycle(told: &str, expected: &'static [Option<&'static str>]) -> Condition {
    Condition::new(told, Test::Lifecycle(expected))
}

/// Returns the manager's lock taken away, or set.
pub fn lock(case: &Case<'_>, locks: bool) -> Result<Job> {
    let (name, task, told, condition) = match locks {
        true => ("add_lock", "lock", "the root sets the lock of the parachain", "the registrar has it locked"),
        false => {
            ("remove_lock", "unlock", "the root removes the lock of the parachain", "the registrar has it unlocked")
        }
    };
    let costs = match locks {
        true => vec!["its manager can change nothing any more: only the root and the parachain itself can".into()],
        false => vec![
            "its manager can set its head and code, swap it and remove it, until somebody locks it again".to_owned(),
        ],
    };
    let plan = Plan::by_root(task, told, costs, calls(of_registrar(case, name, case.para)));
    let plan = plan.ok_or_else(|| lacks(case, &format!("Registrar.{name}")))?;
    Ok(Job::new(plan, vec![Condition::new(condition, Test::Locked(locks))], Wait::Nothing))
}

/// Returns what is known once a registration worked. The head is that of the parachain's state by default.
fn registered(
    case: &Case<'_>,
    (blob, head): (&str, Option<&str>),
    expected: &'static [Option<&'static str>],
) -> Result<(fork::Code, Vec<u8>, Vec<Condition>)> {
    let head = code::head(case, head)?;
    let code = code::read(blob)?;
    let conditions = vec![
        lifecycle("the relay chain has registered it", expected),
        Condition::new(
            "the relay chain has this head",
            Test::Entry { key: Relay::key_of_head(case.para), value: Some(head.encode()) },
        ),
        Condition::new("the relay chain has this code", Test::Code(network::upgrade::code_hash(&code))),
    ];
    Ok((code, head, conditions))
}

/// Returns the registration as an on-demand parachain with a manager.
pub fn register(case: &Case<'_>, what: (&str, Option<&str>), manager: &str, deposit: &str) -> Result<Job> {
    let account = account(manager, "the account of the manager")?;
    let deposit = balance(deposit, "the deposit")?;
    let (code, head, conditions) = registered(case, what, REGISTERED)?;
    let hazards = code::no_header(&head).into_iter().collect();
    let arguments = (account, deposit, case.para, head, code.bytes());
    let plan = Plan::by_root(
        "register",
        "the root registers the parachain as an on-demand one, with this manager",
        vec![
            "the deposit is reserved on the account of the manager, which must have it".into(),
            "validators vote on the code: here they accept it".into(),
            "it has no core: a core is assigned, bought or ordered after it".into(),
        ],
        calls(of_registrar(case, "force_register", arguments)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Registrar.force_register"))?;
    let ends = Some("it has no core with its registration: support assign-core gives it one");
    Ok(Job { ends, hazards, ..Job::new(plan, conditions, Wait::Sessions(SESSIONS)) })
}

/// Returns the registration without a manager, by the pallet that relay chains for tests have.
pub fn onboard(case: &Case<'_>, what: (&str, Option<&str>), on_demand: bool) -> Result<Job> {
    let (code, head, conditions) = registered(case, what, if on_demand { PARATHREAD } else { PARACHAIN })?;
    // `ParaGenesisArgs`, whose last field says that it is no on-demand parachain.
    let hazards = code::no_header(&head).into_iter().collect();
    let arguments = (case.para, head, code.bytes(), !on_demand);
    let mut costs = vec![
        "nobody is its manager, and there is no deposit: the registrar does not know it".to_owned(),
        "validators vote on the code: here they accept it".to_owned(),
    ];
    if !on_demand {
        costs.push("newer relay chains also assign a core, and have one core more for it after two sessions".into());
    }
    let plan = Plan::by_root(
        "onboard",
        "the root registers the parachain without a manager",
        costs,
        calls(call(&case.relay, "sudo_schedule_para_initialize", arguments)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "ParasSudoWrapper.sudo_schedule_para_initialize"))?;
    let ends = on_demand.then_some("an on-demand parachain has no core");
    Ok(Job { ends, hazards, ..Job::new(plan, conditions, Wait::Sessions(SESSIONS)) })
}

/// Returns the end of an on-demand parachain, with its deposit.
pub fn deregister(case: &Case<'_>) -> Result<Job> {
    let plan = Plan::by_root(
        "deregister",
        "the root removes the parachain, and returns the deposit",
        of_end(),
        calls(of_registrar(case, "deregister", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Registrar.deregister"))?;
    let mut job = Job::new(plan, vec![lifecycle("the relay chain does not know it", NONE)], Wait::Sessions(SESSIONS));
    if let Some(key) = registrar_entry(case)? {
        job.conditions.push(Condition::new("the registrar does not know it", Test::Entry { key, value: None }));
    }
    Ok(Job { ends: Some(ENDED), ..job })
}

/// Returns the end of a parachain, whatever the registrar has of it.
pub fn offboard(case: &Case<'_>) -> Result<Job> {
    let mut costs = of_end();
    costs.push("the registrar keeps its entry with the deposit".into());
    let plan = Plan::by_root(
        "offboard",
        "the root removes the parachain",
        costs,
        calls(call(&case.relay, "sudo_schedule_para_cleanup", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "ParasSudoWrapper.sudo_schedule_para_cleanup"))?;
    let conditions = vec![lifecycle("the relay chain does not know it", NONE)];
    Ok(Job { ends: Some(ENDED), ..Job::new(plan, conditions, Wait::Sessions(SESSIONS)) })
}

const ENDED: &str = "the parachain ends with it";

fn of_end() -> Vec<String> {
    vec![
        "the relay chain forgets its head and code, its channels, and the messages that wait".into(),
        "no message to the relay chain may wait, and no vote on a code of it may go on".into(),
    ]
}

pub fn to_parachain(case: &Case<'_>) -> Result<Job> {
    let plan = Plan::by_root(
        "to-parachain",
        "the root makes an on-demand parachain one that holds leases",
        vec!["it has no core by that: cores are assigned apart from it".into()],
        calls(call(&case.relay, "sudo_schedule_parathread_upgrade", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "ParasSudoWrapper.sudo_schedule_parathread_upgrade"))?;
    Ok(Job::new(plan, vec![lifecycle("it is one that holds leases", PARACHAIN)], Wait::Sessions(SESSIONS)))
}

pub fn to_parathread(case: &Case<'_>) -> Result<Job> {
    let plan = Plan::by_root(
        "to-parathread",
        "the root makes a parachain that holds leases an on-demand one",
        vec!["older relay chains take its core away; newer ones let it have the cores that are assigned to it".into()],
        calls(call(&case.relay, "sudo_schedule_parachain_downgrade", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "ParasSudoWrapper.sudo_schedule_parachain_downgrade"))?;
    Ok(Job::new(plan, vec![lifecycle("it is an on-demand one", PARATHREAD)], Wait::Sessions(SESSIONS)))
}

/// Returns the call that queues a change of the lifecycle for the next session. Without one it does nothing.
pub fn queue_action(case: &Case<'_>) -> Result<Job> {
    let plan = Plan::by_root(
        "queue-action",
        "the root queues the change of the lifecycle for the next session",
        vec!["a vote on the code that still goes on is not waited for".into()],
        calls(call(&case.relay, "force_queue_action", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Paras.force_queue_action"))?;
    Ok(Job::new(plan, vec![lifecycle("its lifecycle is one that does not change", FINAL)], Wait::Sessions(1)))
}
