// SPDX-License-Identifier: Apache-2.0
//! Tasks about cores and leases. The Coretime chain, which sells them, is another chain.

use super::{
    Job, Wait, account,
    condition::{Condition, Test},
    lacks,
};
use crate::support::{
    case::Case,
    plans::{Action, Plan, call, calls},
    reader::WHOLE,
};
use codec::Encode;
use network::ParaId;
use std::collections::{BTreeMap, BTreeSet};
use worker::{Failure, Result};

/// The sessions in which the number of cores changes, and those in which an assigned core is claimed.
const SESSIONS: u32 = 3;

const OVERWRITTEN: &str = "the Coretime chain overwrites it at its next sale, unless it reserves the core too";

pub fn assign(case: &Case<'_>, given: Option<u16>) -> Result<Job> {
    let para = case.para;
    let relay = &case.network.relay;
    let before = relay.claim_queue()?;
    let core = match given {
        Some(core) => Some(core),
        None => relay.free_core()?,
    };
    let encoded = core.and_then(|core| {
        let begin = relay.chain().number().saturating_add(1);
        // `CoreAssignment::Task`, with all parts of the core.
        let assignment = vec![((2u8, para), WHOLE as u16)];
        call(&case.relay, "assign_core", (core, begin, assignment, None::<u32>))
    });
    let is_offered =
        case.relay.runtime.layout.pallet("Coretime").is_some_and(|pallet| pallet.call("assign_core").is_some());
    let (told, actions) = match (core, encoded) {
        (Some(core), Some(call)) => {
            (format!("the root assigns the whole of core {core} to the parachain"), vec![Action::Calls(vec![call])])
        }
        (None, _) if is_offered => (
            "the root adds a core, as nobody leaves one free, and assigns the whole of it to the parachain".to_owned(),
            vec![Action::AssignCore],
        ),
        _ => return Err(lacks(case, "Coretime.assign_core")),
    };
    let costs = vec!["only the relay chain's root can dispatch it".to_owned(), OVERWRITTEN.to_owned()];
    let plan = Plan::of("assign-core", told, costs, actions);
    let core = core.map(u32::from);
    let mut hazards = Vec::new();
    let own: Vec<_> = before.iter().filter(|(_, queue)| queue.contains(&para)).map(|(core, _)| *core).collect();
    hazards
        .extend(own.iter().filter(|own| Some(**own) != core).map(|own| format!("it has claims on core {own} already")));
    let others = core.and_then(|core| before.get(&core)).map(|queue| others(queue, para)).unwrap_or_default();
    if let (Some(core), false) = (core, others.is_empty()) {
        hazards.push(format!("core {core} is that of {} now", others.join(", ")));
    }
    let told = match core {
        Some(core) => format!("all claims on core {core} are those of the parachain"),
        None => "all claims on a core are those of the parachain".to_owned(),
    };
    let condition = Condition::new(told, Test::Core { core, before });
    Ok(Job { hazards, ..Job::new(plan, vec![condition], Wait::Sessions(SESSIONS)) })
}

fn others(queue: &[ParaId], para: ParaId) -> Vec<String> {
    ids(queue.iter().filter(|id| **id != para))
}

/// Returns each of the parachains once.
fn ids<'i>(queue: impl IntoIterator<Item = &'i ParaId>) -> Vec<String> {
    let ids: BTreeSet<_> = queue.into_iter().map(|id| u32::from(*id)).collect();
    ids.into_iter().map(|id| id.to_string()).collect()
}

pub fn set_cores(case: &Case<'_>, cores: u32) -> Result<Job> {
    let by_configuration = call(&case.relay, "set_coretime_cores", cores);
    let encoded = by_configuration.or_else(|| {
        let cores = u16::try_from(cores).ok()?;
        call(&case.relay, "request_core_count", cores)
    });
    let plan = Plan::by_root(
        "set-cores",
        format!("the root sets the number of cores to {cores}"),
        vec![
            "validators are divided among the cores: with too many, a core has too few to back a candidate".into(),
            "with fewer, parachains on the last cores lose them; the Coretime chain sells cores by its own number"
                .into(),
        ],
        calls(encoded),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Configuration.set_coretime_cores, or Coretime.request_core_count"))?;
    let condition = Condition::new(format!("the relay chain has {cores} cores"), Test::Cores(cores));
    let hazards = lost(&case.network.relay.claim_queue()?, cores);
    Ok(Job { hazards, ..Job::new(plan, vec![condition], Wait::Sessions(SESSIONS)) })
}

/// Returns the cores that there are no longer, with those who have claims on them.
fn lost(claims: &BTreeMap<u32, Vec<ParaId>>, cores: u32) -> Vec<String> {
    let claimed = claims.range(cores..).filter(|(_, queue)| !queue.is_empty());
    claimed.map(|(core, queue)| format!("the claims of {} on core {core} are lost", ids(queue).join(", "))).collect()
}

pub fn lease(case: &mut Case<'_>, periods: u32, leaser: &str) -> Result<Job> {
    let account = account(leaser, "the account of the leaser")?;
    let first = case.network.relay.lease_period()?;
    let plan = Plan::by_root(
        "lease",
        format!("the root leases a slot to the parachain for {periods} periods, from period {first} on"),
        vec!["nothing is reserved for it, so nothing is returned at its end".into()],
        calls(call(&case.relay, "force_lease", (case.para, account, 0u128, first, periods))),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Slots.force_lease"))?;
    let conditions = vec![
        Condition::new(format!("it has leases of {periods} periods"), Test::Leases(periods)),
        // The call hides that a lifecycle cannot change.
        Condition::new("it is a parachain that holds leases", Test::Lifecycle(&[Some("Parachain")])),
    ];
    Ok(Job::new(plan, conditions, Wait::Sessions(SESSIONS)))
}

pub fn clear_leases(case: &Case<'_>) -> Result<Job> {
    let plan = Plan::by_root(
        "clear-leases",
        "the root ends all leases of the parachain, and returns what was reserved for them",
        vec!["it becomes an on-demand parachain when its present period ends".into()],
        calls(call(&case.relay, "clear_all_leases", case.para)),
    );
    let plan = plan.ok_or_else(|| lacks(case, "Slots.clear_all_leases"))?;
    let interface = case.relay.interface()?;
    let key = interface.pallet("Slots").and_then(|slots| slots.entry("Leases", &case.para.encode()));
    let key =
        key.ok_or_else(|| Failure::not_judged("the leases of the relay chain have a form that is not known here"))?;
    let condition = Condition::new("it has no lease", Test::Entry { key, value: None });
    Ok(Job::new(plan, vec![condition], Wait::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_tasks_of_a_core_are_named_once() {
        let queue = [2_001, 2_000, 2_001, 1_000].map(ParaId::from);
        assert_eq!(others(&queue, ParaId::from(2_000)), ["1000", "2001"]);
        assert!(others(&queue[..1], ParaId::from(2_001)).is_empty());
    }

    #[test]
    fn those_who_lose_their_cores_are_named() {
        let [one, other] = [2_000, 2_001].map(ParaId::from);
        let claims = BTreeMap::from([(0, vec![one]), (1, Vec::new()), (2, vec![other, other, one])]);
        assert_eq!(lost(&claims, 1), ["the claims of 2000, 2001 on core 2 are lost"]);
        assert!(lost(&claims, 3).is_empty());
        assert_eq!(lost(&claims, 0).len(), 2);
    }
}
