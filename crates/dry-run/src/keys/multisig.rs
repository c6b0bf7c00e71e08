// SPDX-License-Identifier: Apache-2.0
//! A multisig that is the key of Sudo, or acts for it: what each signatory submits, signed on a fork one after the other.

use super::{
    LONGEST, Tried, not_judged,
    proxies::{self, encoded},
    trial::{Seen, Trial},
};
use crate::{
    account::{address, parse},
    dispatch::stage::Member,
    types::Accounts,
    weight::{Form, charged},
};
use artifact::{hashes::blake2_256, pace::counted};
use codec::Encode;
use fork::Chain;
use proposal::{Value, decode};
use protocol::{
    Check, CheckOutcome, Finding, Weight,
    keys::{MultisigCalls, MultisigRequest, PendingMultisig, SignatoryCall},
};
use serde::Serialize;
use std::path::Path;
use worker::{Failure, Result};

/// What the account of a multisig is derived from, before its signatories and threshold (`multi_account_id` of
/// pallet-multisig).
const DERIVED_FROM: &[u8; 16] = b"modlpy/utilisuba";
/// The call of the only signatory who is needed.
const ALONE: &str = "Multisig.as_multi_threshold_1";
/// The call of one of several.
const TOGETHER: &str = "Multisig.as_multi";
/// The most signatories, each of whom gets a copy of the call. `MaxSignatories` of known chains is 100.
const MOST: usize = 128;
/// The weight of a call whose weight the runtime does not tell: 10 ms and 256 KiB.
const FALLBACK: Weight = Weight { ref_time: 10_000_000_000, proof_size: 256 * 1024 };

/// An account of several signatories.
pub struct Multisig {
    account: Vec<u8>,
    threshold: u16,
    /// In the order of their bytes, as the pallet wants them.
    signatories: Vec<Vec<u8>>,
}

/// The calls of the signatories, with their bytes.
pub struct Made {
    pub document: MultisigCalls,
    calls: Vec<Vec<u8>>,
}

/// A call that waits for approvals.
struct Pending {
    height: u32,
    index: u32,
    depositor: Vec<u8>,
    approvals: Vec<Vec<u8>>,
}

/// The arguments of [`ALONE`].
#[derive(Serialize)]
struct AloneArguments {
    other_signatories: Vec<String>,
    call: String,
}

/// The arguments of [`TOGETHER`].
#[derive(Serialize)]
struct TogetherArguments {
    threshold: u16,
    other_signatories: Vec<String>,
    maybe_timepoint: Option<Timepoint>,
    call: String,
    max_weight: Weight,
}

/// The block and the extrinsic of the first approval.
#[derive(Serialize)]
struct Timepoint {
    height: u32,
    index: u32,
}

/// The call that a multisig dispatches.
struct Wrapped {
    bytes: Vec<u8>,
    hash: [u8; 32],
    max_weight: Weight,
}

impl Multisig {
    /// Reads the signatories of a request.
    ///
    /// # Errors
    ///
    /// If one is no account or is named twice, or if they are fewer than the threshold.
    pub fn read(request: &MultisigRequest) -> Result<Self> {
        let all = request.signatories.len();
        if all > MOST {
            return Err(Failure::usage("too many signatories")
                .found(all.to_string())
                .expected(format!("at most {MOST}")));
        }
        let mut signatories = request.signatories.iter().map(|text| parse(text)).collect::<Result<Vec<_>>>()?;
        signatories.sort();
        signatories.dedup();
        if signatories.len() != all {
            return Err(Failure::usage("a signatory is named twice"));
        }
        if signatories.iter().any(|account| account.len() != signatories.first().map_or(0, Vec::len)) {
            return Err(Failure::usage("the signatories are accounts of different chains").expected("all of 32 bytes"));
        }
        if !(1..=all).contains(&usize::from(request.threshold)) {
            return Err(Failure::usage("the threshold does not fit the signatories")
                .found(format!("{} of {all}", request.threshold))
                .expected(format!("1 to {all}")));
        }
        let account = derived(&signatories, request.threshold);
        Ok(Self { account, threshold: request.threshold, signatories })
    }

    /// Makes the calls of the signatories, and signs them on a fork. Returns the checks, and the calls if the multisig is
    /// a key that suffices. `unread` says why the proxies of the key are not known.
    pub fn sign(
        &self,
        trial: &mut Trial<'_, '_>,
        chain: &Chain,
        (key, call, tried): (&[u8], &[u8], &[Tried]),
        (unread, prefix): (Option<&String>, u16),
    ) -> Result<(Vec<Check>, Option<Made>)> {
        let member = trial.member;
        if member.interface()?.pallet("Multisig").is_none() {
            return Ok((vec![not_judged("multisig", format!("{} has no pallet Multisig", member.name))], None));
        }
        let suffices = |tried: &&Tried| tried.account == self.account && tried.seen.suffices() == Some(true);
        // An account may be a proxy in several ways: at best in one without a delay.
        let own = tried.iter().filter(suffices).min_by_key(|tried| tried.delegate.as_ref().map(|own| own.delay));
        let proxy_of = own.and_then(|tried| tried.delegate.as_ref()).map(|_| key);
        let unknown = match own {
            Some(_) => None,
            None => proxies::unknown(member, chain, &self.account, (tried, unread), prefix)?,
        };
        let check = self.of_account(own, tried, unknown, prefix).named("multisig");
        let Some(own) = own else { return Ok((vec![check], None)) };
        if let Some(delay) = own.delegate.as_ref().map(|delegate| delegate.delay).filter(|delay| *delay > 0) {
            let why =
                format!("the multisig has to announce the call {delay} blocks before: no calls are made here for that");
            return Ok((vec![check, not_judged("executed", why)], None));
        }
        let bytes = match (proxy_of, &own.delegate) {
            (Some(key), Some(delegate)) => {
                let named = proxies::forced(delegate, tried.iter().filter_map(|tried| tried.delegate.as_ref()));
                proxies::call(&member.target, named, key, call)?
            }
            _ => call.to_vec(),
        };
        let wrapped = Wrapped { hash: blake2_256(&bytes), max_weight: allowed(trial, chain, &bytes)?, bytes };
        let pending = self.pending(member, chain, &wrapped.hash)?;
        let open = open(&self.signatories, self.threshold, pending.as_ref());
        let calls = open
            .iter()
            .map(|signatory| self.call(member, signatory, pending.as_ref(), &wrapped))
            .collect::<Result<Vec<_>>>()?;
        let deposit = self.deposit(member)?;
        let checks = vec![
            check,
            self.executed(trial, chain, &open, &wrapped)?.named("executed"),
            self.deposits(member, chain, deposit, &open, (pending.as_ref(), prefix))?.named("deposit"),
        ];
        let shown = |account: &Vec<u8>| address(account, prefix);
        let name = if self.threshold == 1 { ALONE } else { TOGETHER };
        let document = MultisigCalls {
            account: shown(&self.account),
            account_id: hex::encode_prefixed(&self.account),
            threshold: self.threshold,
            signatories: self.signatories.iter().map(shown).collect(),
            proxy_of: proxy_of.map(|key| address(key, prefix)),
            call: decode::call(member.target.types(), &wrapped.bytes)?.to_string(),
            bytes: short(&wrapped.bytes),
            call_hash: hex::encode_prefixed(wrapped.hash),
            max_weight: wrapped.max_weight,
            deposit: deposit.filter(|_| pending.is_none() && self.threshold > 1).map(|deposit| deposit.to_string()),
            pending: pending.map(|pending| PendingMultisig {
                height: pending.height,
                index: pending.index,
                depositor: shown(&pending.depositor),
                approvals: pending.approvals.iter().map(shown).collect(),
            }),
            calls: open
                .iter()
                .zip(&calls)
                .map(|(signatory, bytes)| SignatoryCall {
                    signatory: shown(signatory),
                    signatory_id: hex::encode_prefixed(signatory),
                    name: name.into(),
                    bytes: short(bytes),
                    length: bytes.len() as u64,
                    hash: hex::encode_prefixed(blake2_256(bytes)),
                    files: Vec::new(),
                })
                .collect(),
        };
        Ok((checks, Some(Made { document, calls })))
    }

    /// Is the multisig the key of Sudo, or an account that acts for it? `unknown` says why that is not known.
    fn of_account(&self, own: Option<&Tried>, tried: &[Tried], unknown: Option<String>, prefix: u16) -> CheckOutcome {
        let account = address(&self.account, prefix);
        if let (None, Some(why)) = (own, unknown) {
            return CheckOutcome::not_judged(format!("whether {account} reaches Sudo is not known: {why}"));
        }
        match own {
            Some(Tried { delegate: None, .. }) => CheckOutcome::pass(format!("{account} is the key of Sudo")),
            Some(Tried { delegate: Some(delegate), .. }) => {
                CheckOutcome::pass(format!("{account} acts for the key of Sudo, as {}", delegate.proxy_type))
            }
            None => {
                let known = tried.iter().filter(|tried| tried.seen.suffices() == Some(true));
                let known: Vec<_> = known.map(|tried| address(&tried.account, prefix)).collect();
                let suffice = if known.is_empty() { "no account".to_owned() } else { known.join(", ") };
                CheckOutcome::fail(format!(
                    "{} of these signatories are {account}, which does not reach Sudo; these do: {suffice}",
                    self.threshold
                ))
            }
        }
    }

    /// Returns the call of a signatory.
    fn call(&self, member: &Member, signatory: &[u8], pending: Option<&Pending>, wrapped: &Wrapped) -> Result<Vec<u8>> {
        let others: Vec<_> =
            self.signatories.iter().filter(|other| *other != signatory).map(hex::encode_prefixed).collect();
        let call = hex::encode_prefixed(&wrapped.bytes);
        if self.threshold == 1 {
            return encoded(&member.target, ALONE, &AloneArguments { other_signatories: others, call });
        }
        let arguments = TogetherArguments {
            threshold: self.threshold,
            other_signatories: others,
            maybe_timepoint: pending.map(|pending| Timepoint { height: pending.height, index: pending.index }),
            call,
            max_weight: wrapped.max_weight,
        };
        encoded(&member.target, TOGETHER, &arguments)
    }

    /// Do as many signatories as are needed get the call dispatched, one after the other?
    fn executed(
        &self,
        trial: &mut Trial<'_, '_>,
        chain: &Chain,
        open: &[&Vec<u8>],
        wrapped: &Wrapped,
    ) -> Result<CheckOutcome> {
        let member = trial.member;
        let mut chain = chain.clone();
        let mut signed = 0u128;
        for signatory in open {
            let pending = self.pending(member, &chain, &wrapped.hash)?;
            let call = self.call(member, signatory, pending.as_ref(), wrapped)?;
            let seen = trial.sign(&chain, signatory, &call)?;
            signed += 1;
            match &seen {
                Seen::Dispatched { error: None, .. } => {
                    return Ok(CheckOutcome::pass(format!(
                        "Sudo dispatches the call after {}",
                        counted(signed, "more approval")
                    )));
                }
                Seen::Dispatched { error: Some(_), .. } => return Ok(CheckOutcome::fail(seen.to_string())),
                Seen::NotJudged(why) => return Ok(CheckOutcome::not_judged(why.clone())),
                Seen::Refused(why) => {
                    return Ok(CheckOutcome::fail(format!("the chain refuses approval {signed}: {why}")));
                }
                Seen::Missed { .. } => {}
            }
            let Some(after) = seen.chain() else { break };
            chain = after.clone();
            if self.pending(member, &chain, &wrapped.hash)?.is_none() {
                return Ok(CheckOutcome::fail(format!("the multisig used the approvals up: {seen}")));
            }
        }
        Ok(CheckOutcome::fail(format!("all {signed} signatories approved, and Sudo did not dispatch the call")))
    }

    /// Returns the approvals of a call that the state has.
    ///
    /// # Errors
    ///
    /// A form that is not known is not judged.
    fn pending(&self, member: &Member, chain: &Chain, hash: &[u8; 32]) -> Result<Option<Pending>> {
        let unknown = || {
            Failure::not_judged("the chain keeps the approvals of multisigs in a form that is not known here")
                .expected("Multisig.Multisigs with a timepoint, a depositor and approvals")
        };
        let interface = member.interface()?;
        let pallet = interface.pallet("Multisig").ok_or_else(unknown)?;
        let item = pallet.item("Multisigs").ok_or_else(unknown)?;
        let key = pallet.entry_of("Multisigs", &[self.account.clone(), hash.to_vec()]).ok_or_else(unknown)?;
        let Some(bytes) = chain.storage(&key)? else { return Ok(None) };
        let value = decode::value(member.target.types(), item.value, &bytes).map_err(|_| unknown())?;
        pending(&value).map(Some).ok_or_else(unknown)
    }

    /// Returns the deposit of the signatory who begins: the base, and the factor for each that must approve.
    fn deposit(&self, member: &Member) -> Result<Option<u128>> {
        let interface = member.interface()?;
        let constants = interface.pallet("Multisig").map(|pallet| &pallet.constants);
        let amount = |name: &str| -> Option<u128> {
            let constant = constants?.iter().find(|constant| constant.name == name)?;
            match decode::value(member.target.types(), constant.ty, constant.value).ok()? {
                Value::Number(amount) => Some(amount),
                _ => None,
            }
        };
        Ok(amount("DepositFactor")
            .and_then(|factor| factor.checked_mul(self.threshold.into()))
            .and_then(|deposit| deposit.checked_add(amount("DepositBase")?)))
    }

    /// Can one who begins reserve the deposit?
    fn deposits(
        &self,
        member: &Member,
        chain: &Chain,
        deposit: Option<u128>,
        open: &[&Vec<u8>],
        (pending, prefix): (Option<&Pending>, u16),
    ) -> Result<CheckOutcome> {
        if self.threshold == 1 || pending.is_some() {
            return Ok(CheckOutcome::pass("nobody has to reserve a deposit any more"));
        }
        let interface = member.interface()?;
        let (Some(deposit), Some(accounts)) = (deposit, Accounts::of(&interface)) else {
            return Ok(CheckOutcome::not_judged("the deposit, or the balances of accounts, are not known here"));
        };
        let mut findings = Vec::new();
        for signatory in open {
            let entry = chain.storage(&accounts.key(signatory))?;
            let free = entry.and_then(|entry| accounts.free(&entry)).unwrap_or_default();
            // Fees are paid besides, and an account keeps the existential deposit.
            if free <= deposit {
                let signatory = address(signatory, prefix);
                findings.push(Finding::note(format!("{signatory} cannot begin: it has {free}")));
            }
        }
        let detail = format!("whoever begins reserves {deposit}, and pays fees");
        Ok(match findings.len() == open.len() {
            true => CheckOutcome { findings, ..CheckOutcome::warn(format!("{detail}: no signatory has as much")) },
            false => CheckOutcome { findings, ..CheckOutcome::pass(detail) },
        })
    }
}

impl Made {
    /// Writes the call of each signatory, in hex and in bytes.
    pub fn write(&mut self, out: &Path) -> Result<()> {
        std::fs::create_dir_all(out).map_err(|error| Failure::io("make", out, &error))?;
        for (position, (call, bytes)) in self.document.calls.iter_mut().zip(&self.calls).enumerate() {
            let name = format!("{:02}-{}", position + 1, call.signatory);
            let text = format!("{}\n", hex::encode_prefixed(bytes));
            for (extension, content) in [("hex", text.as_bytes()), ("scale", bytes)] {
                let file = format!("{name}.{extension}");
                files::write_whole(&out.join(&file), content)?;
                call.files.push(file);
            }
        }
        Ok(())
    }
}

/// Returns the account of a multisig.
fn derived(signatories: &[Vec<u8>], threshold: u16) -> Vec<u8> {
    let length = codec::Compact(signatories.len() as u32).encode();
    let entropy = [&DERIVED_FROM[..], &length, &signatories.concat(), &threshold.encode()].concat();
    let account = blake2_256(&entropy).to_vec();
    // An account of fewer bytes is the beginning (`TrailingZeroInput`).
    account.into_iter().take(signatories.first().map_or(0, Vec::len)).collect()
}

/// Reads `Multisig { when: Timepoint { height, index }, deposit, depositor, approvals }`.
fn pending(value: &Value) -> Option<Pending> {
    let when = value.field("when")?;
    let number = |name: &str| match when.field(name)? {
        Value::Number(number) => u32::try_from(*number).ok(),
        _ => None,
    };
    let account = |value: &Value| match value {
        Value::Bytes(account) => Some(account.clone()),
        _ => None,
    };
    let Value::List(approvals) = value.field("approvals")? else { return None };
    Some(Pending {
        height: number("height")?,
        index: number("index")?,
        depositor: account(value.field("depositor")?)?,
        approvals: approvals.iter().map(account).collect::<Option<_>>()?,
    })
}

/// Returns the signatories who have a call to submit: those who have not approved. Approvals by the hash alone never
/// execute the call, so if enough have approved, any signatory submits it once more.
fn open<'s>(signatories: &'s [Vec<u8>], threshold: u16, pending: Option<&Pending>) -> Vec<&'s Vec<u8>> {
    let approvals = pending.map_or(&[][..], |pending| pending.approvals.as_slice());
    let suffice = approvals.len() >= usize::from(threshold);
    signatories.iter().filter(|account| suffice || !approvals.contains(account)).collect()
}

/// Returns the weight that a multisig allows a call: a quarter more than it is charged now.
fn allowed(trial: &Trial<'_, '_>, chain: &Chain, call: &[u8]) -> Result<Weight> {
    let runtime = &trial.member.runtime;
    let Some(form) = Form::of(&runtime.layout) else { return Ok(FALLBACK) };
    let now = charged(runtime, form, chain, trial.author.executor(), call)?;
    Ok(now.map_or(FALLBACK, |now| Weight { ref_time: more(now.ref_time), proof_size: more(now.proof_size) }))
}

fn more(number: u64) -> u64 {
    number.saturating_add(number / 4)
}

/// Returns bytes as documents have them: none of long ones.
fn short(bytes: &[u8]) -> String {
    if bytes.len() <= LONGEST { hex::encode_prefixed(bytes) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use worker::Kind;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";

    fn read(threshold: u16, signatories: &[&str]) -> Result<Multisig> {
        let signatories = signatories.iter().map(|text| (*text).to_owned()).collect();
        Multisig::read(&MultisigRequest { threshold, signatories })
    }

    #[test]
    fn the_account_is_the_one_that_wallets_derive() {
        // As polkadot.js derives it (`createKeyMulti`).
        let account = |signatories: &[&str]| read(2, signatories).expect("a multisig").account;
        let expected = "5DjYJStmdZ2rcqXbXGX7TW85JsrW6uG4y9MUcLq2BoPMpRA7";
        assert_eq!(address(&account(&[ALICE, BOB, CHARLIE]), 42), expected);
        assert_eq!(account(&[CHARLIE, ALICE, BOB]), account(&[ALICE, BOB, CHARLIE]));
        assert_ne!(read(3, &[ALICE, BOB, CHARLIE]).expect("a multisig").account, account(&[ALICE, BOB, CHARLIE]));
        let short = [&*format!("0x{}", "07".repeat(20)), &*format!("0x{}", "08".repeat(20))];
        assert_eq!(read(2, &short).expect("of another chain").account.len(), 20);
    }

    #[test]
    fn a_multisig_that_could_not_be_tried_is_not_said_to_fail() {
        use protocol::Status;
        let own = read(2, &[ALICE, BOB]).expect("a multisig");
        let tried = |account: &[u8], seen: Seen| Tried { account: account.to_vec(), delegate: None, seen };
        let of = |all: &[Tried]| {
            let suffices = all.iter().find(|tried| tried.account == own.account && tried.seen.suffices() == Some(true));
            own.of_account(suffices, all, proxies::untried(&own.account, all).cloned(), 42)
        };
        let dispatched = || Seen::Dispatched { error: None, chain: None };
        let unknown = || Seen::NotJudged("an account of another length".into());
        let (key, other): (&[u8], &[u8]) = (&own.account, &[7; 32]);
        assert_eq!(of(&[tried(key, dispatched())]).status, Status::Pass);
        assert_eq!(of(&[tried(key, unknown())]).status, Status::NotJudged);
        // It is another account than the key, so nothing of it had to be tried.
        assert_eq!(of(&[tried(other, dispatched())]).status, Status::Fail);
        assert_eq!(of(&[tried(other, unknown())]).status, Status::Fail);
        let refused = Seen::Refused("no".into());
        assert_eq!(of(&[tried(key, refused)]).status, Status::Fail);
        // The accounts that act for the key are not known.
        let unread = own.of_account(None, &[], Some("of another form".into()), 42);
        assert_eq!(unread.status, Status::NotJudged);
        assert!(unread.detail.contains("of another form"), "{unread:?}");
    }

    #[test]
    fn signatories_that_cannot_be_are_refused() {
        for (threshold, signatories) in [
            (0, &[ALICE, BOB][..]),
            (3, &[ALICE, BOB]),
            (2, &[ALICE, BOB, ALICE]),
            (1, &[]),
            (2, &[ALICE, "0x0707070707070707070707070707070707070707"]),
            (2, &[ALICE, "nobody"]),
            (2, &[ALICE; MOST + 1]),
        ] {
            let failure = read(threshold, signatories).err().expect("refused");
            assert_eq!(failure.kind, Kind::Usage, "{threshold} of {signatories:?}");
        }
    }

    #[test]
    fn approvals_are_read_with_their_timepoint() {
        use proposal::named;
        let when = Value::Fields(vec![named("height", Value::Number(12)), named("index", Value::Number(2))]);
        let approvals = Value::List(vec![Value::bytes([1; 32]), Value::bytes([2; 32])]);
        let stored = |when: Value| {
            Value::Fields(vec![
                named("when", when),
                named("deposit", Value::Number(5)),
                named("depositor", Value::bytes([1; 32])),
                named("approvals", approvals.clone()),
            ])
        };
        let found = pending(&stored(when)).expect("read");
        assert_eq!((found.height, found.index, found.depositor.clone()), (12, 2, vec![1; 32]));
        let all = [1u8, 2, 3].map(|byte| vec![byte; 32]).to_vec();
        assert_eq!(open(&all, 3, Some(&found)), [&all[2]]);
        assert_eq!(open(&all, 2, None), all.iter().collect::<Vec<_>>());
        // Two approved by the hash alone: whoever submits the call executes it.
        assert_eq!(open(&all, 2, Some(&found)).len(), 3);
        assert!(pending(&stored(Value::Number(7))).is_none());
        assert!(pending(&Value::Number(7)).is_none());
    }
}
