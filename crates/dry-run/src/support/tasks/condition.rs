// SPDX-License-Identifier: Apache-2.0
//! What the state shows once a task worked.

use crate::{
    outcome::kept,
    support::{
        case::Case,
        known::{Told, named},
        reader::{Parts, Reader, number},
    },
};
use codec::Encode;
use network::{Network, ParaId, Relay, ValidationCodeHash};
use std::collections::{BTreeMap, BTreeSet};
use worker::Result;

/// The most characters of a value that was found.
const SHOWN: usize = 160;
/// The claims on each core.
type Claims = BTreeMap<u32, Vec<ParaId>>;

/// A condition, in words and as a test of the state.
pub struct Condition {
    pub told: String,
    pub test: Test,
}

/// What a test of a state saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub holds: bool,
    pub found: String,
    /// What somebody must judge although the condition holds.
    pub hazards: Vec<String>,
}

/// A test of the states.
pub enum Test {
    /// The entry has this value; nothing if there is to be no entry.
    Entry { key: Vec<u8>, value: Option<Vec<u8>> },
    /// All of the first entries are there, and none of the second ones.
    Entries { present: Vec<Vec<u8>>, absent: Vec<Vec<u8>> },
    /// The registrar has this lock.
    Locked(bool),
    /// The lifecycle is one of these. Nothing stands for a parachain that the relay chain does not know.
    Lifecycle(&'static [Option<&'static str>]),
    /// The relay chain's code is this one, and it has the code.
    Code(ValidationCodeHash),
    /// The relay chain has this code, and asks nobody about it.
    Trusted(ValidationCodeHash),
    /// No other code is refused for now.
    NoCooldown,
    /// The account has this free balance at least.
    Balance { on_parachain: bool, account: Vec<u8>, least: u128 },
    /// The channel is there, with these most messages, and most bytes of one, if they are known.
    Channel { other: ParaId, receives: bool, limits: Option<(u32, u32)> },
    /// The parachain has no channel.
    NoChannels,
    /// No message of the relay chain waits, and the head of their hash chain is this one.
    NoDownward { head: Option<[u8; 32]> },
    /// The parachain has a core alone: this one, or any.
    Core { core: Option<u32>, before: Claims },
    /// The relay chain has this number of cores.
    Cores(u32),
    /// The parachain has leases of this many periods at least.
    Leases(u32),
}

impl Seen {
    fn new(holds: bool, found: impl Into<String>) -> Self {
        Self { holds, found: found.into(), hazards: Vec::new() }
    }
}

impl Condition {
    pub fn new(told: impl Into<String>, test: Test) -> Self {
        Self { told: told.into(), test }
    }

    /// Looks whether it holds. What cannot be read is not known.
    pub fn look(&self, case: &Case<'_>, network: &Network<'_>) -> Result<Told<Seen>> {
        match kept(self.test.look(case, network))? {
            Ok(seen) => Ok(seen),
            Err(failure) => Ok(Err(failure.to_string())),
        }
    }
}

impl Test {
    fn look(&self, case: &Case<'_>, network: &Network<'_>) -> Result<Told<Seen>> {
        let (para, relay) = (case.para, &network.relay);
        let id = para.encode();
        let reader = Reader::of(relay.chain(), &case.relay)?;
        Ok(match self {
            Self::Entry { key, value } => Ok(entry(relay.chain().storage(key)?.as_deref(), value.as_deref())),
            Self::Entries { present, absent } => {
                let count = |keys: &[Vec<u8>]| -> Result<usize> {
                    let found = keys.iter().map(|key| Ok(relay.chain().storage(key)?.is_some()));
                    Ok(found.collect::<Result<Vec<bool>>>()?.into_iter().filter(|is_there| *is_there).count())
                };
                Ok(entries((count(present)?, present.len()), count(absent)?))
            }
            Self::Locked(expected) => match case.relay.runtime.layout.pallet_with(&["PendingSwap", "Paras"], None) {
                Some(registrar) => locked(reader.parts(&registrar.name, "Paras", Some(&id))?, *expected),
                None => Err("the relay chain has no registrar".into()),
            },
            Self::Lifecycle(expected) => {
                Ok(lifecycle(reader.words("Paras", "ParaLifecycles", Some(&id))?.as_deref(), expected))
            }
            Self::Code(expected) => {
                let found = relay.current_code(para)?;
                let has_code = match found {
                    Some(found) => relay.validation_code(found)?.is_some(),
                    None => false,
                };
                let signal = relay.signal(para)?.map(|signal| format!("{signal:?}"));
                Ok(code(found, *expected, has_code, signal.as_deref()))
            }
            Self::Trusted(hash) => Ok(trusted(relay.validation_code(*hash)?.is_some(), relay.is_checked(*hash)?)),
            Self::NoCooldown => {
                let until = relay.cooldowns()?.into_iter().find(|(id, _)| *id == para).map(|(_, until)| until);
                Ok(cooldown(until, relay.is_restricted(para)?))
            }
            Self::Balance { on_parachain: false, account, least } => {
                free(reader.parts("System", "Account", Some(account))?, *least)
            }
            Self::Balance { on_parachain: true, account, least } => match &case.parachain {
                Some(member) => {
                    let reader = Reader::of(network.parachain(para)?.chain(), member)?;
                    free(reader.parts("System", "Account", Some(account))?, *least)
                }
                None => Err("the state of the parachain was not given".into()),
            },
            Self::Channel { other, receives, limits } => {
                let found = relay.channels(para, *receives)?.into_iter().find(|(id, _)| id == other);
                let found = found.map(|(_, channel)| (channel.max_capacity, channel.max_message_size));
                Ok(channel(found, relay.channel_index(*other, !*receives)?.contains(&para), *limits))
            }
            Self::NoChannels => {
                Ok(no_channels(relay.channel_index(para, true)?.len(), relay.channel_index(para, false)?.len()))
            }
            Self::NoDownward { head } => {
                let found = relay.last_downward_message(para)?.map(|head| head.0);
                Ok(no_downward(relay.downward_messages(para)?.len(), found, *head))
            }
            Self::Core { core: wanted, before } => Ok(core(&relay.claim_queue()?, para, *wanted, before)),
            Self::Cores(expected) => cores(reader.parts("Configuration", "ActiveConfig", None)?, *expected),
            Self::Leases(least) => leases(reader.parts("Slots", "Leases", Some(&id))?, *least),
        })
    }
}

fn entry(found: Option<&[u8]>, expected: Option<&[u8]>) -> Seen {
    Seen::new(found == expected, found.map_or_else(|| "no such entry".into(), shown))
}

fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN / 2).filter(|_| bytes.len() > SHOWN / 2) {
        Some(first) => format!("{}… of {} bytes", hex::encode_prefixed(first), bytes.len()),
        None => hex::encode_prefixed(bytes),
    }
}

fn entries((there, expected): (usize, usize), left: usize) -> Seen {
    Seen::new(there == expected && left == 0, format!("{there} of {expected} are there, and {left} are left"))
}

/// A lock that was never set is set with the next head: only one that was removed stays off.
fn locked(parts: Parts, expected: bool) -> Told<Seen> {
    let parts = parts?;
    if parts.is_empty() {
        return Ok(Seen::new(false, "the registrar does not know the parachain"));
    }
    match parts.iter().find(|part| part.path == "locked").map(|part| part.text.as_str()) {
        Some("true") => Ok(Seen::new(expected, "it is locked")),
        Some("false") => Ok(Seen::new(!expected, "it is not locked")),
        Some("None") => Ok(Seen::new(false, "it is not locked, and is with its next head")),
        other => Err(format!("the registrar has no lock that is known here: {}", other.unwrap_or("none"))),
    }
}

fn lifecycle(found: Option<&str>, expected: &[Option<&str>]) -> Seen {
    Seen::new(
        expected.contains(&found),
        found.map_or_else(|| "not registered".into(), |found| format!("it is {found}")),
    )
}

fn code(found: Option<ValidationCodeHash>, expected: ValidationCodeHash, has_code: bool, signal: Option<&str>) -> Seen {
    let mut told = match found {
        None => "the relay chain has no code of the parachain".to_owned(),
        Some(found) if has_code => format!("the relay chain has {}", named(found)),
        Some(found) => format!("the relay chain has the hash {}, and not the code", named(found)),
    };
    if let Some(signal) = signal {
        told.push_str(&format!("; it signals {signal} to the parachain"));
    }
    Seen::new(found == Some(expected) && has_code, told)
}

fn trusted(has_code: bool, is_checked: bool) -> Seen {
    let found = match (has_code, is_checked) {
        (_, true) => "its validators still vote on it",
        (false, false) => "the relay chain does not have it",
        (true, false) => "the relay chain has it, without a vote",
    };
    Seen::new(has_code && !is_checked, found)
}

fn cooldown(until: Option<u32>, is_restricted: bool) -> Seen {
    let found = match (until, is_restricted) {
        (Some(until), _) => format!("it lasts until relay block {until}"),
        (None, true) => "it has no end, and the parachain sees a restriction".into(),
        (None, false) => "there is none".into(),
    };
    Seen::new(until.is_none() && !is_restricted, found)
}

fn free(parts: Parts, least: u128) -> Told<Seen> {
    let parts = parts?;
    let free = match parts.is_empty() {
        true => 0,
        false => number(&parts, "data.free").ok_or("its accounts have no free balance")?,
    };
    Ok(Seen::new(free >= least, format!("{free} free")))
}

fn channel(found: Option<(u32, u32)>, is_indexed: bool, limits: Option<(u32, u32)>) -> Seen {
    let Some((capacity, size)) = found else { return Seen::new(false, "there is no such channel") };
    let told = format!("a channel of {capacity} messages with {size} bytes at most");
    if !is_indexed {
        return Seen::new(false, format!("{told}, which the other side's list lacks"));
    }
    Seen::new(limits.is_none_or(|limits| limits == (capacity, size)), told)
}

fn no_channels(from: usize, to: usize) -> Seen {
    Seen::new(from == 0 && to == 0, format!("{from} from others, {to} to others"))
}

fn no_downward(waiting: usize, found: Option<[u8; 32]>, expected: Option<[u8; 32]>) -> Seen {
    let head = found.map_or_else(|| "none".into(), hex::encode_prefixed);
    Seen::new(waiting == 0 && found == expected, format!("{waiting} messages wait, head {head}"))
}

/// A core that two tasks have is shared between them, although a whole one was assigned to each.
fn core(claims: &Claims, para: ParaId, wanted: Option<u32>, before: &Claims) -> Seen {
    let own: Vec<_> = claims.iter().filter(|(_, queue)| queue.contains(&para)).map(|(core, _)| *core).collect();
    let queue = |claims: &Claims, core: u32| -> BTreeSet<u32> {
        let others = claims.get(&core).into_iter().flatten().filter(|id| **id != para);
        others.map(|id| u32::from(*id)).collect()
    };
    let Some(core) = wanted.or_else(|| own.first().copied()).filter(|core| own.contains(core)) else {
        let own = match own.is_empty() {
            true => "no core".to_owned(),
            false => format!("core {}", list(own)),
        };
        return Seen::new(false, format!("it has claims on {own}"));
    };
    let others = queue(claims, core);
    if !others.is_empty() {
        return Seen::new(false, format!("core {core} is shared: {} has claims on it too", list(others)));
    }
    let lost = queue(before, core);
    let hazards = match lost.is_empty() {
        true => Vec::new(),
        false => vec![format!("core {core} was that of {}, which has no claim on it any more", list(lost))],
    };
    Seen { hazards, ..Seen::new(true, format!("all claims on core {core} are its own")) }
}

fn list(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

/// The number of cores has had two names in the configuration.
fn cores(parts: Parts, expected: u32) -> Told<Seen> {
    let parts = parts?;
    let names = ["scheduler_params.num_cores", "scheduler_params.coretime_cores", "coretime_cores"];
    let found = names.iter().find_map(|name| number(&parts, name));
    let found = found.ok_or("the configuration of the relay chain has no number of cores that is known here")?;
    Ok(Seen::new(found == u128::from(expected), format!("{found} cores")))
}

/// A list of `Option<(account, deposit)>`: a period without a lease is `None`.
fn leases(parts: Parts, least: u32) -> Told<Seen> {
    let parts = parts?;
    let leased = parts.iter().filter(|part| part.path.contains('.'));
    let periods: BTreeSet<_> = leased.filter_map(|part| part.path.split('.').next()).collect();
    Ok(Seen::new(periods.len() as u64 >= u64::from(least), format!("leases of {} periods", periods.len())))
}

/// Returns the key of the scheduled code of a parachain.
pub fn scheduled(para: ParaId) -> Vec<u8> {
    let [hash, _] = Relay::keys_of_future_code(para);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::value::Part;

    fn part(path: &str, text: &str) -> Part {
        Part { path: path.into(), types: Vec::new(), text: text.into(), number: text.parse().ok() }
    }

    fn holds(seen: Told<Seen>) -> Option<bool> {
        seen.ok().map(|seen| seen.holds)
    }

    #[test]
    fn an_entry_has_the_value_or_is_not_there() {
        assert!(entry(Some(&[1]), Some(&[1])).holds && entry(None, None).holds);
        assert!(!entry(Some(&[2]), Some(&[1])).holds && !entry(Some(&[1]), None).holds);
        let missing = entry(None, Some(&[1]));
        assert!(!missing.holds && missing.found == "no such entry");
        let long = entry(Some(&[7; 500]), None).found;
        assert!(long.ends_with("… of 500 bytes") && long.len() < 200, "{long}");
        assert!(entries((2, 2), 0).holds && !entries((1, 2), 0).holds && !entries((2, 2), 1).holds);
    }

    #[test]
    fn a_lock_is_read_and_not_taken_for_granted() {
        let lock = |text: &str| Ok(vec![part("manager", "0x00"), part("locked", text)]);
        assert_eq!(holds(locked(lock("false"), false)), Some(true));
        assert_eq!(holds(locked(lock("true"), false)), Some(false));
        assert_eq!(holds(locked(lock("true"), true)), Some(true));
        // Nobody ever set it: the next head does.
        assert_eq!(holds(locked(lock("None"), false)), Some(false));
        assert_eq!(holds(locked(Ok(Vec::new()), false)), Some(false), "not registered");
        assert_eq!(holds(locked(Ok(vec![part("manager", "0x00")]), false)), None);
        assert_eq!(holds(locked(Err("undecodable".into()), false)), None);
    }

    #[test]
    fn a_lifecycle_is_one_of_those_that_are_meant() {
        let on_demand = &[Some("Parathread"), Some("Parachain")];
        assert!(lifecycle(Some("Parathread"), on_demand).holds && !lifecycle(Some("Onboarding"), on_demand).holds);
        assert!(lifecycle(None, &[None]).holds && !lifecycle(Some("Parachain"), &[None]).holds);
        assert!(!lifecycle(None, on_demand).holds);
    }

    #[test]
    fn a_code_is_there_with_its_bytes_and_without_a_vote() {
        let [own, other] = [[1u8; 32], [2; 32]].map(|hash| ValidationCodeHash::from(sp_core::H256(hash)));
        assert!(code(Some(own), own, true, None).holds);
        assert!(!code(Some(own), own, false, None).holds && !code(Some(other), own, true, None).holds);
        let waits = code(Some(other), own, true, Some("GoAhead"));
        assert!(!waits.holds && waits.found.ends_with("it signals GoAhead to the parachain"), "{waits:?}");
        assert!(trusted(true, false).holds && !trusted(true, true).holds && !trusted(false, false).holds);
        assert!(cooldown(None, false).holds && !cooldown(Some(7), true).holds && !cooldown(None, true).holds);
    }

    #[test]
    fn a_balance_and_the_number_of_cores_are_read() {
        let account = |free: &str| Ok(vec![part("nonce", "9"), part("data.free", free)]);
        assert_eq!(holds(free(account("7"), 7)), Some(true));
        assert_eq!(holds(free(account("6"), 7)), Some(false));
        assert_eq!(holds(free(Ok(Vec::new()), 1)), Some(false), "no account");
        assert_eq!(holds(free(Ok(vec![part("nonce", "9")]), 1)), None);
        let configuration = |name: &str| Ok(vec![part("lookahead", "4"), part(name, "3")]);
        assert_eq!(holds(cores(configuration("scheduler_params.num_cores"), 3)), Some(true));
        assert_eq!(holds(cores(configuration("coretime_cores"), 4)), Some(false));
        assert_eq!(holds(cores(configuration("on_demand_cores"), 3)), None);
        let leased = |least| leases(Ok(vec![part("0", "None"), part("1.0", "0x00"), part("1.1", "5")]), least);
        assert_eq!((holds(leased(1)), holds(leased(2))), (Some(true), Some(false)));
    }

    #[test]
    fn a_channel_is_in_both_lists_with_its_limits() {
        assert!(channel(Some((8, 512)), true, Some((8, 512))).holds && channel(Some((8, 512)), true, None).holds);
        assert!(!channel(Some((8, 512)), false, None).holds && !channel(Some((9, 512)), true, Some((8, 512))).holds);
        assert!(!channel(None, true, None).holds);
        assert!(no_channels(0, 0).holds && !no_channels(1, 0).holds && !no_channels(0, 1).holds);
        assert!(no_downward(0, Some([7; 32]), Some([7; 32])).holds && no_downward(0, None, None).holds);
        assert!(!no_downward(1, None, None).holds && !no_downward(0, Some([7; 32]), None).holds);
    }

    #[test]
    fn a_core_that_two_tasks_have_is_not_good() {
        let [own, other] = [2_000, 2_001].map(ParaId::from);
        let claims = |queues: &[(u32, &[ParaId])]| -> Claims {
            queues.iter().map(|(core, queue)| (*core, queue.to_vec())).collect()
        };
        let (none, taken) = (Claims::new(), claims(&[(1, &[other, other][..])]));
        let alone = claims(&[(0, &[other][..]), (1, &[own, own][..])]);
        let seen = core(&alone, own, Some(1), &none);
        assert!(seen.holds && seen.hazards.is_empty(), "{seen:?}");
        assert!(core(&alone, own, None, &none).holds && !core(&alone, own, Some(0), &none).holds);
        // The second assignment was appended to the first one.
        let shared = core(&claims(&[(1, &[own, other][..])]), own, Some(1), &taken);
        assert!(!shared.holds && shared.found.contains("2001 has claims on it too"), "{shared:?}");
        // It took the place of the first one.
        let replaced = core(&alone, own, Some(1), &taken);
        assert!(replaced.holds && replaced.hazards[0].contains("that of 2001"), "{replaced:?}");
        assert!(!core(&taken, own, None, &none).holds && !core(&none, own, None, &none).holds);
    }
}
