// SPDX-License-Identifier: Apache-2.0
//! The repairs that may help a parachain, by what is wrong with it. The safest one of each cause comes first.

use super::case::Case;
use crate::dispatch::stage::Member;
use artifact::pace::counted;
use codec::Encode;
use fork::Code;
use network::Relay;
use proposal::decode;
use protocol::support::{Cause, CauseKind};
use worker::Result;

/// A repair.
pub struct Plan {
    pub name: &'static str,
    pub told: String,
    pub costs: Vec<String>,
    pub actions: Vec<Action>,
}

/// A step of a repair.
#[derive(Clone)]
pub enum Action {
    /// The relay chain's root dispatches these calls in one block.
    Calls(Vec<Vec<u8>>),
    /// Its root registers the parachain and gives it a core.
    Register,
    /// Its root gives the parachain a core.
    AssignCore,
    /// The parachain's nodes execute this code in place of the one in its state.
    Substitute(Code),
    /// Sessions of the relay chain end.
    Wait,
}

impl Action {
    /// Returns the code that nodes execute.
    pub fn substitute(&self) -> Option<&Code> {
        match self {
            Self::Substitute(code) => Some(code),
            _ => None,
        }
    }
}

/// A blob that mends the parachain, with its spec_version.
pub struct Mend {
    pub code: Code,
    pub spec_version: u32,
}

/// Returns the repairs for these causes, each once and in the order of the causes. A repair whose calls the relay chain
/// does not offer is left out.
pub fn of(case: &mut Case<'_>, causes: &[Cause], mend: Option<&Mend>) -> Result<Vec<Plan>> {
    let mut plans: Vec<Plan> = Vec::new();
    for cause in causes {
        let plan = for_cause(case, cause.kind, mend)?;
        plans.extend(plan.filter(|plan| plans.iter().all(|known| known.name != plan.name)));
    }
    Ok(plans)
}

/// Returns a repair with the steps of all of these.
pub fn all(plans: &[Plan]) -> Plan {
    let names: Vec<_> = plans.iter().map(|plan| plan.name).collect();
    Plan {
        name: "all",
        told: format!("all of them together: {}", names.join(", ")),
        costs: plans.iter().flat_map(|plan| plan.costs.clone()).collect(),
        actions: plans.iter().flat_map(|plan| plan.actions.clone()).collect(),
    }
}

fn for_cause(case: &mut Case<'_>, kind: CauseKind, mend: Option<&Mend>) -> Result<Option<Plan>> {
    let para = case.para;
    Ok(match kind {
        CauseKind::NotRegistered => Some(Plan {
            name: "register",
            told: "the root registers the parachain with the head and the code of its state, and gives it a core".into(),
            costs: vec!["the registrar's deposit and manager are to be chosen: here no deposit is taken".into()],
            actions: vec![Action::Register],
        }),
        CauseKind::LifecycleChanges | CauseKind::UpgradePending => Some(Plan {
            name: "wait",
            told: "nothing is dispatched: sessions of the relay chain end".into(),
            costs: Vec::new(),
            actions: vec![Action::Wait],
        }),
        CauseKind::NoCore => Some(Plan {
            name: "assign-core",
            told: "the root assigns a whole core to the parachain".into(),
            costs: vec![
                "the core is taken from those that nobody uses; the Coretime chain overwrites it at its next sale, unless it \
                 reserves the core too"
                    .into(),
            ],
            actions: vec![Action::AssignCore],
        }),
        CauseKind::Frozen => calls(
            "unfreeze",
            "the root ends the freeze after a dispute",
            vec!["look into the dispute first: it was about a candidate that validators found to be invalid".into()],
            call(&case.relay, "force_unfreeze", ()),
        ),
        CauseKind::OtherHead => {
            let head = case.network.parachain(para)?.head();
            calls(
                "set-head",
                "the root sets the relay chain's head to the block of the parachain's state",
                vec!["the relay chain forgets the blocks after it, and messages that they received or sent".into()],
                call(&case.relay, "force_set_current_head", (para, head)),
            )
        }
        CauseKind::OtherCode | CauseKind::CodeMissing => {
            let code = case.network.parachain(para)?.chain().next_code()?;
            calls(
                "set-code",
                "the root sets the relay chain's code to that of the parachain's state",
                vec!["validators take it without a vote".into()],
                call(&case.relay, "force_set_current_code", (para, code.bytes())),
            )
        }
        CauseKind::UpgradeSignal => calls(
            "clear-signal",
            "the root removes the signal about a code that nobody waits for",
            vec!["it writes storage by its key: a proxy that may not do this is refused".into()],
            call(&case.relay, "kill_storage", vec![Relay::key_of_signal(para)]),
        ),
        CauseKind::DownwardMessages => {
            let waiting = case.network.relay.downward_messages(para)?;
            let (_, parachain) = case.network.both(para)?;
            // The messages that wait stay: their chain begins at the last one that the parachain received.
            let head = parachain.last_downward_message(&waiting)?.unwrap_or_default();
            calls(
                "set-downward-head",
                "the root sets the head of the messages to the parachain to what it is after those that wait",
                vec!["it writes storage by its key: a proxy that may not do this is refused".into()],
                call(&case.relay, "set_storage", vec![(Relay::key_of_downward_head(para), head.encode())]),
            )
        }
        CauseKind::ChannelMessages => {
            let count = |receives| -> Result<u32> { Ok(case.network.relay.channels(para, receives)?.len() as u32) };
            let (receives, sends) = (count(true)?, count(false)?);
            calls(
                "close-channels",
                "the root closes all channels of the parachain",
                vec![format!(
                    "{} to it and {sends} from it are closed, and the messages in them are lost; both sides open them again",
                    counted(receives.into(), "channel")
                )],
                call(&case.relay, "force_clean_hrmp", (para, receives, sends)),
            )
        }
        CauseKind::RelayBlock => {
            let number = case.network.relay.chain().number();
            calls(
                "set-context",
                "the root sets the relay block on which the head was built to the present one",
                Vec::new(),
                call(&case.relay, "force_set_most_recent_context", (para, number)),
            )
        }
        CauseKind::BlockFails | CauseKind::ValidationFails | CauseKind::CandidateRefused => {
            let Some(mend) = mend else { return Ok(None) };
            let mut plan = calls(
                "replace-code",
                "the root sets the relay chain's code to the given blob, and the parachain's nodes execute it too",
                vec![
                    "validators take it without a vote".into(),
                    "each node of the parachain needs the code substitute in its chain spec, and a restart".into(),
                    "the state keeps its code: upgrade the parachain to this blob with a higher spec_version, and then \
                     remove the substitute"
                        .into(),
                ],
                call(&case.relay, "force_set_current_code", (para, mend.code.bytes())),
            );
            plan.iter_mut().for_each(|plan| plan.actions.push(Action::Substitute(mend.code.clone())));
            plan
        }
        // No call of the relay chain empties the queue: its own messages must be executed.
        CauseKind::UpwardQueue => None,
    })
}

fn calls(name: &'static str, told: &str, costs: Vec<String>, call: Option<Vec<u8>>) -> Option<Plan> {
    let costs = [vec!["only the relay chain's root can dispatch it".to_owned()], costs].concat();
    call.map(|call| Plan { name, told: told.to_owned(), costs, actions: vec![Action::Calls(vec![call])] })
}

/// Encodes a call; nothing if no pallet of the chain has one of this name with these arguments.
fn call(member: &Member, name: &str, arguments: impl Encode) -> Option<Vec<u8>> {
    let indices = member.runtime.layout.pallets.iter().find_map(|pallet| pallet.call(name))?;
    let bytes = [indices.to_vec(), arguments.encode()].concat();
    decode::call(member.target.types(), &bytes).is_ok().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_repairs_together_are_one_in_their_order() {
        let plan = |name, action| Plan { name, told: String::new(), costs: vec![name.into()], actions: vec![action] };
        let both = all(&[plan("set-head", Action::Calls(vec![vec![1]])), plan("assign-core", Action::AssignCore)]);
        assert_eq!(both.told, "all of them together: set-head, assign-core");
        assert_eq!(both.costs, ["set-head", "assign-core"]);
        assert!(matches!(both.actions[..], [Action::Calls(_), Action::AssignCore]));
    }
}
