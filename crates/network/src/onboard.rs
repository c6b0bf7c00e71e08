// SPDX-License-Identifier: Apache-2.0
//! Onboards a parachain on the fork of a relay chain that does not know it, by the relay chain's own
//! rules: its root registers the parachain, its validators check the code, sessions pass, and it gets
//! a core.

use crate::{
    Parachain,
    relay::Relay,
    schedule::{self, Task},
};
use artifact::hashes::blake2_256;
use codec::{Decode, Encode};
use cumulus_primitives_core::ParaId;
use sp_core::H256;
use worker::{Failure, Reporter, Result};

/// The most relay blocks until the parachain is known and has a core. Each may end a session.
const MOST_BLOCKS: u32 = 24;
/// A whole core (`PartsOf57600` of pallet-broker).
const WHOLE: u16 = 57_600;
/// The account that is named for the registration and the lease, and that submits what any account may. Nobody has its
/// key.
pub const MANAGER: [u8; 32] = *b"a parachain that a fork onboards";

/// What was dispatched on the relay chain.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// The encoded calls, in their order.
    pub calls: Vec<(Dispatcher, Vec<u8>)>,
    /// The sessions that ended until they had their effect.
    pub sessions: u32,
}

/// Who dispatches a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatcher {
    /// The root of the relay chain.
    Root,
    /// Any account. On the fork it is one that nobody has the key of.
    Anyone,
}

/// Onboards a parachain at its present block, with the code that its next block runs.
///
/// # Errors
///
/// A relay chain whose root has no known way to register a parachain or to give it a core is not
/// judged.
pub fn onboard(relay: &mut Relay<'_>, parachain: &Parachain<'_>, reporter: &Reporter) -> Result<Dispatched> {
    let present = parachain.chain().next_code()?;
    let (para, head) = (parachain.id(), parachain.head());
    let mut done = Dispatched::default();
    register(relay, para, &head, present.bytes(), &mut done, reporter)?;
    // Relay chains for tests assign a core with the registration.
    if !relay.has_core(para)? {
        assign(relay, para, &mut done)?;
    }
    Ok(done)
}

/// Gives a parachain a whole core that nobody claims. If there is none, the relay chain's root adds one.
///
/// # Errors
///
/// A relay chain whose root has no known way to give it a core is not judged.
pub fn assign_core(relay: &mut Relay<'_>, para: ParaId) -> Result<Dispatched> {
    let mut done = Dispatched::default();
    assign(relay, para, &mut done)?;
    Ok(done)
}

/// Registers a parachain with this head and code.
fn register(
    relay: &mut Relay<'_>,
    para: ParaId,
    head: &[u8],
    code: &[u8],
    done: &mut Dispatched,
    reporter: &Reporter,
) -> Result<()> {
    reporter.status(format!("onboarding parachain {} on the relay chain", u32::from(para)));
    let register = match relay.call("ParasSudoWrapper", "sudo_schedule_para_initialize")? {
        // `ParaGenesisArgs`, whose last field says that it is no on-demand parachain.
        Some(call) => [call.to_vec(), (para, head, code, true).encode()].concat(),
        None => match relay.call("Registrar", "force_register")? {
            Some(call) => [call.to_vec(), (MANAGER, 0u128, para, head, code).encode()].concat(),
            None => return Err(no_way("to register a parachain", "Registrar.force_register")),
        },
    };
    relay.accept_code(H256(blake2_256(code)).into());
    dispatch(relay, Dispatcher::Root, register, done)?;
    let lifecycle = |relay: &Relay<'_>| relay.chain().storage(&crate::relay::paras_key("ParaLifecycles", para));
    if lifecycle(relay)?.is_none() {
        return Err(Failure::not_judged("the relay chain's root could not register the parachain")
            .found("no lifecycle of it after the call")
            .expected("a head and a code within the limits of the relay chain"));
    }
    // `Onboarding` is the first of the lifecycles.
    pass_sessions(
        relay,
        done,
        |relay| Ok(lifecycle(relay)?.is_some_and(|state| state != [0])),
        || {
            Failure::not_judged("the relay chain does not onboard the parachain")
                .found(format!("no parachain {} after {MOST_BLOCKS} sessions", u32::from(para)))
                .expected("a parachain whose code its validators accepted")
        },
    )
}

fn assign(relay: &mut Relay<'_>, para: ParaId, done: &mut Dispatched) -> Result<()> {
    if let Some(call) = relay.call("Coretime", "assign_core")? {
        let core = core_for_one_more(relay, done)?;
        let begin = relay.chain().number().saturating_add(1);
        // `CoreAssignment::Task`
        let assignment = vec![((2u8, para), WHOLE)];
        let call = [call.to_vec(), (core, begin, assignment, None::<u32>).encode()].concat();
        dispatch(relay, Dispatcher::Root, call, done)?;
    } else if let (Some(lease), Some(onboard)) =
        (relay.call("Slots", "force_lease")?, relay.call("Slots", "trigger_onboard")?)
    {
        let first = relay.lease_period()?;
        let periods = 8u32;
        let lease = [lease.to_vec(), (para, MANAGER, 0u128, first, periods).encode()].concat();
        dispatch(relay, Dispatcher::Root, lease, done)?;
        dispatch(relay, Dispatcher::Anyone, [onboard.to_vec(), para.encode()].concat(), done)?;
    } else {
        return Err(no_way("to give a parachain a core", "Coretime.assign_core"));
    }
    pass_sessions(
        relay,
        done,
        |relay| relay.has_core(para),
        || {
            Failure::not_judged("the relay chain gives the parachain no core")
                .found(format!("none after {MOST_BLOCKS} sessions"))
                .expected("a core by Coretime.assign_core or by a lease")
        },
    )
}

/// Returns a core that nobody claims. If there is none, the relay chain's root adds one.
fn core_for_one_more(relay: &mut Relay<'_>, done: &mut Dispatched) -> Result<u16> {
    if let Some(core) = relay.free_core()? {
        return Ok(core);
    }
    let cores = relay.number_of_cores()?;
    let call = relay.call("Configuration", "set_coretime_cores")?;
    let call = call.ok_or_else(|| no_way("to add a core", "Configuration.set_coretime_cores"))?;
    dispatch(relay, Dispatcher::Root, [call.to_vec(), cores.saturating_add(1).encode()].concat(), done)?;
    let none = || {
        Failure::not_judged("the relay chain has no free core for the parachain")
            .found(format!("{cores} cores, and no other {MOST_BLOCKS} sessions after its root added one"))
            .expected("a core without claims, and validators for it")
    };
    pass_sessions(relay, done, |relay| Ok(relay.free_core()?.is_some()), none)?;
    relay.free_core()?.ok_or_else(none)
}

fn no_way(what: &str, expected: &str) -> Failure {
    Failure::not_judged(format!("the root of the relay chain has no known call {what}")).expected(expected)
}

/// Ends one session after another until `done` holds, and counts them.
fn pass_sessions(
    relay: &mut Relay<'_>,
    dispatched: &mut Dispatched,
    done: impl Fn(&Relay<'_>) -> Result<bool>,
    overdue: impl FnOnce() -> Failure,
) -> Result<()> {
    // The votes of the validators need a block of their own.
    relay.build(Vec::new(), 0)?;
    let epoch = relay.epoch()?;
    for _ in 0..MOST_BLOCKS {
        if done(relay)? {
            return Ok(());
        }
        relay.build(Vec::new(), epoch)?;
        relay.build(Vec::new(), 0)?;
        dispatched.sessions += 1;
    }
    Err(overdue())
}

/// Has the relay chain's scheduler dispatch a call in the next block, which is built.
fn dispatch(relay: &mut Relay<'_>, dispatcher: Dispatcher, call: Vec<u8>, done: &mut Dispatched) -> Result<()> {
    schedule(relay, dispatcher, std::slice::from_ref(&call))?;
    done.calls.push((dispatcher, call));
    relay.build(Vec::new(), 0).map(drop)
}

/// Has the relay chain's scheduler dispatch calls in the next block, before the tasks that are due in it.
fn schedule(relay: &mut Relay<'_>, dispatcher: Dispatcher, calls: &[Vec<u8>]) -> Result<()> {
    let origin = match dispatcher {
        Dispatcher::Root => schedule::ROOT.to_vec(),
        // `RawOrigin::Signed`
        Dispatcher::Anyone => [vec![0, 1], MANAGER.to_vec()].concat(),
    };
    let tasks: Vec<_> = calls.iter().map(|call| Task { call, origin: &origin }).collect();
    let next = relay.chain().number().saturating_add(1);
    let changes = schedule::changes(relay.chain(), next, &tasks)?;
    relay.set(changes)
}

impl Relay<'_> {
    /// Has the relay chain's root dispatch calls in the next block. Each is a task of the scheduler's agenda for that
    /// block, in the order of the calls.
    pub fn schedule_as_root(&mut self, calls: &[Vec<u8>]) -> Result<()> {
        schedule(self, Dispatcher::Root, calls)
    }

    /// Has calls dispatched in the next block in the same way, by whom they are to be.
    pub fn schedule_by(&mut self, dispatcher: Dispatcher, calls: &[Vec<u8>]) -> Result<()> {
        schedule(self, dispatcher, calls)
    }

    /// Returns the slots of an epoch.
    fn epoch(&self) -> Result<u64> {
        let answer = self.run_at(self.chain(), "BabeApi_configuration", &[])?;
        <(u64, u64)>::decode(&mut &answer[..]).map(|(_, slots)| slots).map_err(|error| {
            Failure::not_judged("the relay chain does not say how long its epochs are").found(error.to_string())
        })
    }

    /// Returns the present period of leases.
    pub fn lease_period(&mut self) -> Result<u32> {
        let layout = self.layout()?;
        let constant = |name| layout.constant("Slots", name).and_then(|bytes| u32::decode(&mut &bytes[..]).ok());
        let (period, offset) = (constant("LeasePeriod").unwrap_or(0), constant("LeaseOffset").unwrap_or(0));
        Ok(self.chain().number().saturating_sub(offset).checked_div(period).unwrap_or(0))
    }
}
