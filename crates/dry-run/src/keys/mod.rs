// SPDX-License-Identifier: Apache-2.0
//! The keys that suffice for a call of the pallet Sudo: the key itself, the accounts that act for it, and a multisig.
//!
//! Each is tried on a fork: it signs the call, and the event of Sudo tells whether it got there. The filters of proxy
//! types are the runtime's own.

mod multisig;
mod proxies;
mod trial;

use crate::{
    account::{GENERIC, address},
    dispatch::{
        call::Call,
        origin::Origin,
        stage::Member,
        value::{self, pretty},
    },
    messages::Present,
};
use artifact::hashes::blake2_256;
use fork::{Author, Executor, LoadOptions, Store};
use multisig::Multisig;
use proposal::{Value, decode, files::remove_others};
use protocol::{
    Check, CheckOutcome, Finding, RpcUsage, Verdict, format, hazards,
    keys::{KeysReport, KeysRequest, TriedKey},
};
use proxies::{Delegate, Proxies};
use std::time::Instant;
use trial::{Seen, Trial};
use worker::{Failure, Reporter, Result};

/// The longest call that a document holds, in bytes.
const LONGEST: usize = 64 * 1024;

/// An account that was tried, with what was seen.
struct Tried {
    account: Vec<u8>,
    /// Nothing for the key of Sudo itself.
    delegate: Option<Delegate>,
    seen: Seen,
}

/// Finds the keys that suffice for a call of Sudo, and makes the calls of a multisig's signatories.
pub fn keys(request: &KeysRequest, reporter: &Reporter) -> Result<KeysReport> {
    let began = Instant::now();
    let multisig = request.multisig.as_ref().map(Multisig::read).transpose()?;
    // Nobody is to sign the calls of an earlier run, however this one ends.
    if let Some(out) = request.out.as_deref().filter(|out| out.is_dir()) {
        remove_others(out, &[])?;
    }
    let executor = Executor::new(request.cache.as_deref());
    let store = Store::new(request.nodes.as_deref());
    let how = LoadOptions { at: request.at.as_deref(), store: Some(&store), ..LoadOptions::default() };
    let present = Present::load(&request.state, how, &executor, reporter)?;
    let (member, chain) = Member::of(&request.state, present)?;
    let call = Call::read(&request.proposal, None, &chain, &member)?;
    let decoded = decode::call(member.target.types(), &call.bytes)?;
    let key = signed_by_sudo(&call, &decoded)?;
    let mut author = Author::new(&executor);
    author.probe(&chain)?;
    let prefix = member.runtime.layout.address_prefix().unwrap_or(GENERIC);
    let mut trial = Trial { member: &member, author };

    reporter.status("trying the key of Sudo");
    let mut tried = vec![Tried { seen: trial.sign(&chain, &key, &call.bytes)?, account: key.clone(), delegate: None }];
    let proxies = Proxies::of(&member, &chain, &key)?;
    if let Ok(Some(proxies)) = &proxies {
        let chain = proxies.without_delays(&member, &chain)?;
        for delegate in &proxies.delegates {
            let named = proxies::forced(delegate, proxies.delegates.iter());
            let wrapped = proxies::call(&member.target, named, &key, &call.bytes)?;
            reporter.status(format!("trying the proxy {}", address(&delegate.account, prefix)));
            let seen = trial.sign(&chain, &delegate.account, &wrapped)?;
            tried.push(Tried { account: delegate.account.clone(), delegate: Some(delegate.clone()), seen });
        }
    }
    let of_proxies = of_proxies(&tried, proxies.as_ref().err(), prefix);
    let mut checks = vec![of_key(&tried).named("key"), of_proxies.named("proxies")];
    let mut calls = None;
    if let Some(multisig) = &multisig {
        reporter.status("trying the signatories of the multisig");
        let unread = proxies.as_ref().err();
        let (more, made) = multisig.sign(&mut trial, &chain, (&key, &call.bytes, &tried), (unread, prefix))?;
        checks.extend(more);
        calls = made;
    }
    let verdict = Verdict::of(&checks);
    // A part of the state that could not be read makes every verdict void.
    chain.checked(Ok(()))?;
    if let (Some(out), Some(made), true) = (&request.out, &mut calls, verdict.passed()) {
        made.write(out)?;
    }
    let traffic = chain.traffic();
    Ok(KeysReport {
        format: format::KEYS.into(),
        chain: member.identity.clone(),
        call: pretty(&value::explained(&decoded, &member, std::slice::from_ref(&member))),
        blake2_256: hex::encode_prefixed(blake2_256(&call.bytes)),
        length: call.bytes.len() as u64,
        keys: tried.iter().map(|tried| tried.told(prefix)).collect(),
        multisig: calls.map(|made| made.document),
        verdict,
        hazards: hazards(&checks),
        checks,
        rpc: RpcUsage { requests: traffic.requests, bytes: traffic.bytes },
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

/// Returns the key of Sudo.
///
/// # Errors
///
/// If the call is none of the pallet Sudo, or if the chain has no key.
fn signed_by_sudo(call: &Call, decoded: &Value) -> Result<Vec<u8>> {
    match &call.origin {
        Origin::Signed(key) => Ok(key.clone()),
        _ => {
            let found = match decoded {
                Value::Call { pallet, .. } if pallet == "Sudo" => {
                    return Err(Failure::input("the chain has no key of Sudo")
                        .found("no Sudo.Key in its state")
                        .expected("a chain whose key of Sudo was not removed"));
                }
                Value::Call { pallet, name, .. } => format!("{pallet}.{name}"),
                _ => "no call".to_owned(),
            };
            Err(Failure::input("the key of Sudo signs no such call on this chain")
                .found(found)
                .expected("a call of the pallet Sudo, on a chain that has a key of it")
                .hint("`cargo xtask propose call` and `propose upgrade` make one by the routes with Sudo"))
        }
    }
}

impl Tried {
    fn told(&self, prefix: u16) -> TriedKey {
        TriedKey {
            account: address(&self.account, prefix),
            account_id: hex::encode_prefixed(&self.account),
            proxy_type: self.delegate.as_ref().map(|delegate| delegate.proxy_type.clone()),
            delay: self.delegate.as_ref().map(|delegate| delegate.delay).filter(|delay| *delay > 0),
            suffices: self.seen.suffices(),
            told: self.seen.to_string(),
        }
    }
}

/// Does Sudo dispatch the call if its key signs it?
fn of_key(tried: &[Tried]) -> CheckOutcome {
    match tried.first().map(|tried| &tried.seen) {
        Some(Seen::Dispatched { error: None, .. }) => CheckOutcome::pass("the key of Sudo dispatches the call"),
        Some(Seen::NotJudged(why)) => CheckOutcome::not_judged(why.clone()),
        Some(seen) => CheckOutcome::fail(format!("the key of Sudo signs it: {seen}")),
        None => CheckOutcome::not_judged("no key was tried"),
    }
}

/// Do only accounts with all rights of the key act for it?
fn of_proxies(tried: &[Tried], unread: Option<&String>, prefix: u16) -> CheckOutcome {
    if let Some(why) = unread {
        return CheckOutcome::not_judged(why.clone());
    }
    let delegates: Vec<_> = tried.iter().filter_map(|tried| Some((tried, tried.delegate.as_ref()?))).collect();
    let findings = delegates.iter().filter_map(|(tried, delegate)| {
        let told = |what: &str| format!("{} as {}: {what}", address(&tried.account, prefix), delegate.proxy_type);
        match (&tried.seen, delegate.proxy_type.as_str()) {
            (Seen::NotJudged(why), _) => Some(Finding::not_judged(told(why))),
            (seen, "Any") if seen.suffices() == Some(false) => Some(Finding::note(told("it does not reach Sudo"))),
            (seen, restricted) if restricted != "Any" && seen.suffices() == Some(true) => Some(Finding::hazard(told(
                "a restricted proxy type reaches Sudo, so its holder has all rights of the chain's root",
            ))),
            _ => None,
        }
    });
    let findings: Vec<_> = findings.collect();
    let suffice = delegates.iter().filter(|(tried, _)| tried.seen.suffices() == Some(true)).count();
    CheckOutcome::judged(
        match delegates.len() {
            0 => "no account acts for the key".to_owned(),
            all => format!("{suffice} of {all} accounts that act for the key reach Sudo"),
        },
        findings,
    )
}

/// Returns a check that could not be made.
fn not_judged(name: &str, why: impl Into<String>) -> Check {
    CheckOutcome::not_judged(why).named(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    fn tried(proxy_type: Option<&str>, seen: Seen) -> Tried {
        let delegate = proxy_type.map(|name| Delegate { account: vec![7; 32], proxy_type: name.into(), delay: 0 });
        Tried { account: vec![7; 32], delegate, seen }
    }

    fn reached(error: Option<&str>) -> Seen {
        Seen::Dispatched { error: error.map(str::to_owned), chain: None }
    }

    fn missed() -> Seen {
        Seen::Missed { told: "System.CallFiltered".into(), chain: None }
    }

    #[test]
    fn a_call_that_fails_fails_for_the_key_and_suffices_for_the_proxy() {
        assert_eq!(of_key(&[tried(None, reached(None))]).status, Status::Pass);
        let failed = of_key(&[tried(None, reached(Some("BadOrigin")))]);
        assert_eq!(failed.status, Status::Fail);
        assert!(failed.detail.contains("BadOrigin"), "{failed:?}");
        assert_eq!(of_key(&[tried(None, missed())]).status, Status::Fail);
        assert_eq!(of_key(&[tried(None, Seen::NotJudged("no".into()))]).status, Status::NotJudged);
        assert_eq!(reached(Some("BadOrigin")).suffices(), Some(true));
    }

    #[test]
    fn a_restricted_proxy_that_reaches_sudo_is_a_hazard() {
        let of = |all: Vec<Tried>| of_proxies(&all, None, 42);
        assert_eq!(of(vec![tried(None, reached(None))]).detail, "no account acts for the key");
        let good = of(vec![tried(Some("Any"), reached(None)), tried(Some("Staking"), missed())]);
        assert_eq!((good.status, &*good.detail), (Status::Pass, "1 of 2 accounts that act for the key reach Sudo"));
        assert_eq!(of(vec![tried(Some("Staking"), reached(None))]).status, Status::Warn);
        assert_eq!(of(vec![tried(Some("Any"), Seen::NotJudged("announced".into()))]).status, Status::NotJudged);
        assert_eq!(of_proxies(&[], Some(&"of another form".into()), 42).status, Status::NotJudged);
    }
}
