// SPDX-License-Identifier: Apache-2.0
//! The repairs that may help a parachain, by what is wrong with it. The safest one of each cause comes first.

use super::{case::Case, queue};
use crate::dispatch::stage::Member;
use artifact::pace::counted;
use codec::{Decode, Encode};
use fork::{Code, Header};
use network::{Relay, UpgradeGoAhead, upgrade::code_hash};
use proposal::decode;
use protocol::support::{Cause, CauseKind, REPLACE_CODE};
use worker::Result;

/// The relay blocks for which an authorized code may be submitted: a day.
const VALID_PERIOD: u32 = 14_400;
/// What writes to the storage have in common.
pub const WRITES: &str = "it writes storage by its key: a proxy that may not do this is refused";

/// A repair, or several of them together.
#[derive(Clone)]
pub struct Plan {
    /// The names of the repairs.
    pub names: Vec<&'static str>,
    pub told: String,
    pub costs: Vec<String>,
    pub actions: Vec<Action>,
}

/// A step of a repair.
#[derive(Clone)]
pub enum Action {
    /// The relay chain's root dispatches these calls in one block.
    Calls(Vec<Vec<u8>>),
    /// Any account submits this call.
    Submit(Vec<u8>),
    /// The account that submits calls here gets funds, on the fork alone.
    Fund,
    /// Its root registers the parachain and gives it a core.
    Register,
    /// Its root gives the parachain a core.
    AssignCore,
    /// The parachain's nodes execute this code in place of the one in its state.
    Substitute(Code),
    /// Sessions of the relay chain end, and a scheduled code gets its go-ahead.
    Wait,
}

impl Plan {
    pub fn of(name: &'static str, told: impl Into<String>, costs: Vec<String>, actions: Vec<Action>) -> Self {
        Self { names: vec![name], told: told.into(), costs, actions }
    }

    /// Returns a repair that only the relay chain's root can dispatch; nothing if the relay chain does not offer its calls.
    pub fn by_root(
        name: &'static str,
        told: impl Into<String>,
        costs: Vec<String>,
        calls: Option<Vec<Vec<u8>>>,
    ) -> Option<Self> {
        let costs = [vec!["only the relay chain's root can dispatch it".to_owned()], costs].concat();
        Some(Self::of(name, told, costs, vec![Action::Calls(calls?)]))
    }

    /// Returns the name of the repair.
    pub fn name(&self) -> String {
        self.names.join("-and-")
    }
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
        plans.extend(plan.filter(|plan| plans.iter().all(|known| known.names != plan.names)));
    }
    Ok(plans)
}

/// Returns the order in which repairs are tried. Without the head of the parachain's state no other one can work.
pub fn in_order(mut plans: Vec<Plan>) -> Vec<Plan> {
    let Some(place) = plans.iter().position(|plan| plan.names == [SET_HEAD]) else { return plans };
    let first = plans.remove(place);
    let others = plans.iter().map(|plan| all(&[first.clone(), plan.clone()]));
    std::iter::once(first.clone()).chain(others).collect()
}

/// Returns a repair with the steps of all of these, each repair once.
pub fn all(plans: &[Plan]) -> Plan {
    let mut together = Plan { names: Vec::new(), told: String::new(), costs: Vec::new(), actions: Vec::new() };
    for plan in plans {
        if plan.names.iter().all(|name| together.names.contains(name)) {
            continue;
        }
        together.names.extend(&plan.names);
        together
            .costs
            .extend(plan.costs.iter().filter(|cost| !together.costs.contains(cost)).cloned().collect::<Vec<_>>());
        together.actions.extend(plan.actions.clone());
    }
    together.told = format!("all of them together: {}", together.names.join(", "));
    together
}

const SET_HEAD: &str = "set-head";

/// Returns the repair of a cause; nothing if none is known, or the relay chain does not offer its calls.
pub fn for_cause(case: &mut Case<'_>, kind: CauseKind, mend: Option<&Mend>) -> Result<Option<Plan>> {
    let para = case.para;
    Ok(match kind {
        CauseKind::NotRegistered => Some(Plan::of(
            "register",
            "the root registers the parachain with the head and the code of its state, and gives it a core",
            vec![
                "the call names no manager of yours: Registrar.force_register names an account that nobody has the key of, \
                 and ParasSudoWrapper names none. Put the manager's account and a deposit in their place before it is signed"
                    .into(),
            ],
            vec![Action::Register],
        )),
        CauseKind::LifecycleChanges | CauseKind::UpgradePending => Some(Plan::of(
            "wait",
            "nothing is dispatched: sessions of the relay chain end, and a scheduled code gets its go-ahead",
            vec!["validators have to accept a scheduled code: here they do".into()],
            vec![Action::Wait],
        )),
        CauseKind::NoCore => Some(Plan::of(
            "assign-core",
            "the root assigns a whole core to the parachain",
            vec![
                "the core is taken from those that nobody uses; the Coretime chain overwrites it at its next sale, unless it \
                 reserves the core too"
                    .into(),
            ],
            vec![Action::AssignCore],
        )),
        CauseKind::Frozen => Plan::by_root(
            "unfreeze",
            "the root ends the freeze after a dispute",
            vec!["look into the dispute first: it was about a candidate that validators found to be invalid".into()],
            calls(call(&case.relay, "force_unfreeze", ())),
        ),
        CauseKind::OtherHead => {
            let head = case.network.parachain(para)?.head();
            Plan::by_root(
                SET_HEAD,
                "the root sets the relay chain's head to the block of the parachain's state",
                costs_of_head(case)?,
                calls(call(&case.relay, "force_set_current_head", (para, head))),
            )
        }
        CauseKind::OtherCode | CauseKind::CodeMissing => {
            let code = case.network.parachain(para)?.chain().next_code()?;
            set_code(case, "set-code", "the root sets the relay chain's code to that of the parachain's state", &code)?
        }
        CauseKind::UpgradeSignal => signal(case)?,
        CauseKind::DownwardMessages => downward(case)?,
        CauseKind::ChannelMessages => {
            // The relay chain compares the numbers with its lists, which may name a channel that is missing.
            let (from, to) = (case.network.relay.channel_index(para, true)?, case.network.relay.channel_index(para, false)?);
            let named = |others: &[network::ParaId]| {
                let ids: Vec<_> = others.iter().map(|id| u32::from(*id).to_string()).collect();
                if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
            };
            Plan::by_root(
                "close-channels",
                "the root closes all channels of the parachain",
                vec![format!(
                    "the channels from {} and those to {} are closed, and the messages in them are lost; both sides open \
                     them again",
                    named(&from),
                    named(&to)
                )],
                calls(call(&case.relay, "force_clean_hrmp", (para, from.len() as u32, to.len() as u32))),
            )
        }
        CauseKind::RelayBlock => {
            let number = case.network.relay.chain().number();
            Plan::by_root(
                "set-context",
                "the root sets the relay block on which the head was built to the present one",
                Vec::new(),
                calls(call(&case.relay, "force_set_most_recent_context", (para, number))),
            )
        }
        CauseKind::BlockFails | CauseKind::ValidationFails | CauseKind::CandidateRefused => {
            let Some(mend) = mend else { return Ok(None) };
            let told = "the root sets the relay chain's code to the given blob, and the parachain's nodes execute it too";
            set_code(case, REPLACE_CODE, told, &mend.code)?.map(|mut plan| {
                plan.costs.extend([
                    "each node of the parachain needs the code substitute in its chain spec, and a restart".to_owned(),
                    "the state keeps its code: upgrade the parachain to this blob with a higher spec_version, and then \
                     remove the substitute"
                        .to_owned(),
                ]);
                plan.actions.push(Action::Substitute(mend.code.clone()));
                plan
            })
        }
        // No call of the relay chain empties the queue: its own messages must be executed.
        CauseKind::UpwardQueue => None,
    })
}

/// Returns what it costs to set the relay chain's head.
fn costs_of_head(case: &Case<'_>) -> Result<Vec<String>> {
    let own = case.network.parachain(case.para)?.chain().number();
    let stored = case.network.relay.head_of(case.para)?;
    let relay = stored.and_then(|head| Header::decode(&mut &head[..]).ok()).map(|header| header.number);
    Ok(vec![
        lost_blocks(own, relay),
        "messages that those blocks received or sent are lost, or arrive once more".into(),
        "be sure that the parachain stands: if its nodes only lag behind, there is nothing to set".into(),
    ])
}

/// Says which blocks are concerned.
pub fn lost_blocks(own: u32, relay: Option<u32>) -> String {
    match relay {
        Some(relay) if relay > own => {
            format!("the relay chain forgets {}, up to block {relay}", counted((relay - own).into(), "block"))
        }
        Some(relay) if relay < own => {
            format!("validators never checked the {} up to block {own}", counted((own - relay).into(), "block"))
        }
        Some(relay) => format!("the relay chain forgets its own block {relay}"),
        None => "the relay chain's head is no block that could be compared".into(),
    }
}

/// Returns the repair that sets the relay chain's code: by its hash, if the relay chain offers that. Such a call is short
/// enough for a message of another chain.
pub fn set_code(case: &Case<'_>, name: &'static str, told: &str, code: &Code) -> Result<Option<Plan>> {
    let para = case.para;
    let mut costs = vec!["validators take it without a vote".to_owned()];
    if let Some(at) = case.network.relay.foretold(para)? {
        costs.push(format!("another code is scheduled, and takes its place after relay block {at}"));
    }
    let hash = (para, code_hash(code), VALID_PERIOD);
    let authorize = call(&case.relay, "authorize_force_set_current_code_hash", hash);
    let apply = call(&case.relay, "apply_authorized_force_set_current_code", (para, code.bytes()));
    let Some((authorize, apply)) = authorize.zip(apply) else {
        return Ok(Plan::by_root(
            name,
            told,
            costs,
            calls(call(&case.relay, "force_set_current_code", (para, code.bytes()))),
        ));
    };
    costs.push(format!(
        "the root authorizes the hash, and any account submits the code within {VALID_PERIOD} relay blocks"
    ));
    Ok(Plan::by_root(name, told, costs, Some(vec![authorize])).map(|mut plan| {
        plan.actions.push(Action::Submit(apply));
        plan
    }))
}

/// Returns the repair where the relay chain's signal and the code that waits do not fit.
fn signal(case: &Case<'_>) -> Result<Option<Plan>> {
    let (para, relay) = (case.para, &case.network.relay);
    let key = Relay::key_of_signal(para);
    if relay.signal(para)?.is_none() {
        // The parachain gives up the code, and the relay chain removes the signal with the next head.
        return Ok(Plan::by_root(
            "abort-upgrade",
            "the root signals to the parachain to give up the code that waits there",
            vec![WRITES.into(), "that code is lost: its upgrade is to be authorized again".into()],
            calls(call(&case.relay, "set_storage", vec![(key, UpgradeGoAhead::Abort.encode())])),
        ));
    }
    let mut keys = vec![key];
    for key in Relay::keys_of_future_code(para) {
        // Else the relay chain takes the scheduled code for the current one with the next head.
        if relay.chain().storage(&key)?.is_some() {
            keys.push(key);
        }
    }
    let mut costs = vec![WRITES.to_owned()];
    if keys.len() > 1 {
        costs.push("the code that is scheduled is given up; the relay chain keeps its blob".into());
    }
    let told = "the root removes the signal about a code that nobody waits for";
    Ok(Plan::by_root("clear-signal", told, costs, calls(call(&case.relay, "kill_storage", keys))))
}

/// Returns the repair of the messages from the relay chain.
fn downward(case: &mut Case<'_>) -> Result<Option<Plan>> {
    let Some(queue::Mended { calls, received, kept }) = queue::mend(case)? else { return Ok(None) };
    let kept = format!("{} wait after it", counted(kept as u128, "message"));
    Ok(match received {
        0 => Plan::by_root(
            "set-downward-head",
            "the root sets the head of the messages to the parachain to what it is after those that wait",
            vec![
                WRITES.into(),
                format!("{kept}; others that the relay chain has removed, and this state has not received, are lost"),
            ],
            Some(calls),
        ),
        received => Plan::by_root(
            "drop-received-messages",
            "the root removes the messages that the parachain has received from its queue",
            vec![
                WRITES.into(),
                format!(
                    "{} removed: the parachain would execute them once more; {kept}",
                    counted(received as u128, "message")
                ),
            ],
            Some(calls),
        ),
    })
}

/// Returns a call as the only one of its block.
pub fn calls(call: Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    call.map(|call| vec![call])
}

/// Encodes a call; nothing if no pallet of the chain has one of this name with these arguments.
pub fn call(member: &Member, name: &str, arguments: impl Encode) -> Option<Vec<u8>> {
    let arguments = arguments.encode();
    let offered = member.runtime.layout.pallets.iter().filter_map(|pallet| pallet.call(name));
    let mut encoded = offered.map(|indices| [&indices[..], &arguments].concat());
    encoded.find(|bytes| decode::call(member.target.types(), bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &'static str, action: Action) -> Plan {
        Plan::of(name, "", vec![name.into(), "root".into()], vec![action])
    }

    #[test]
    fn all_repairs_together_are_one_in_their_order() {
        let (head, core) = (plan(SET_HEAD, Action::Calls(vec![vec![1]])), plan("assign-core", Action::AssignCore));
        let both = all(&[head.clone(), core.clone()]);
        assert_eq!(
            (both.name().as_str(), both.told.as_str()),
            ("set-head-and-assign-core", "all of them together: set-head, assign-core")
        );
        assert_eq!(both.costs, ["set-head", "root", "assign-core"]);
        assert!(matches!(both.actions[..], [Action::Calls(_), Action::AssignCore]));
        // What is in it already is not done once more.
        assert_eq!(all(&[both, core, head]).actions.len(), 2);
    }

    #[test]
    fn the_head_is_set_before_anything_else_is_tried() {
        let (core, head) = (plan("assign-core", Action::AssignCore), plan(SET_HEAD, Action::Calls(Vec::new())));
        let names = |plans: Vec<Plan>| in_order(plans).iter().map(Plan::name).collect::<Vec<_>>();
        assert_eq!(names(vec![core.clone(), head]), ["set-head", "set-head-and-assign-core"]);
        assert_eq!(names(vec![core]), ["assign-core"]);
    }

    #[test]
    fn what_a_set_head_costs_depends_on_its_direction() {
        assert_eq!(lost_blocks(7, Some(10)), "the relay chain forgets 3 blocks, up to block 10");
        assert_eq!(lost_blocks(10, Some(9)), "validators never checked the 1 block up to block 10");
        assert_eq!(lost_blocks(7, Some(7)), "the relay chain forgets its own block 7");
        assert!(lost_blocks(7, None).contains("no block"));
    }
}
