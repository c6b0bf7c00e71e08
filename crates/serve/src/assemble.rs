// SPDX-License-Identifier: Apache-2.0
//! Reads a relay chain and parachains for a network whose chains are served together.

use crate::{
    dev_accounts::{Grant, grant},
    pin::Pins,
    request::Original,
};
use codec::Encode;
use fork::{Author, Executor, LoadOptions};
use network::{Network, ParaId, Parachain, Relay, control, onboard};
use protocol::{Source, fork::ServeRequest};
use worker::{Failure, Reporter, Result};

/// Reads the parachains that the request names and puts them into one network with their relay chain. Returns
/// the network, and its chains at the blocks that they are served from.
///
/// What is pending on the relay chain is included first. Then a candidate of each parachain is, which shows
/// that the network goes on. If none is, a warning says why, and the parachain is served all the same.
///
/// # Errors
///
/// If a chain is of another kind, if the relay chain does not know a parachain, or if the two are at blocks
/// that do not belong together.
pub fn assemble<'a>(
    request: &ServeRequest,
    mut first: Original,
    (own, others): (&'a Executor, &'a [Executor]),
    how: LoadOptions<'_>,
    pins: &mut Pins<'_>,
    reporter: &Reporter,
) -> Result<(Network<'a>, Vec<Original>)> {
    let mut author = Author::new(own);
    if author.layout(&first.chain)?.pallet_with(&["OnChainVotes"], None).is_none() {
        return Err(Failure::input(format!("{} is no relay chain", request.state))
            .found("no pallet of a relay chain that takes candidates of parachains")
            .expected("a relay chain, and its parachains with --with"));
    }
    let mut relay = Relay::new(author, first.chain.clone());
    relay.accept_all_codes();
    let mut network = Network { relay, parachains: Vec::new() };
    let mut originals = Vec::new();
    for (source, executor) in request.with.iter().zip(others) {
        let (parachain, original) = join(&mut network, source, request, executor, how, pins, reporter)?;
        network.parachains.push(parachain);
        originals.push(original);
    }
    if request.dev {
        endow(&mut network, (&mut first, &mut originals), (own, others), reporter)?;
    }
    let paras: Vec<_> = network.parachains.iter().map(Parachain::id).collect();
    for para in paras {
        match control(&mut network, para, reporter) {
            Ok(()) => {}
            Err(failure) if failure.is_verdict() => {
                reporter.warning(format!("parachain {} gets no blocks: {failure}", u32::from(para)));
            }
            Err(failure) => return Err(failure),
        }
        network.follow(para)?;
    }
    network.parachains.iter_mut().for_each(Parachain::keep_included);
    for (parachain, original) in network.parachains.iter().zip(&mut originals) {
        original.chain = parachain.chain().clone();
    }
    first.chain = network.relay.chain().clone();
    originals.insert(0, first);
    Ok((network, originals))
}

/// Reads a parachain at the head that the relay chain has of it, or onboards it.
fn join<'a>(
    network: &mut Network<'_>,
    source: &Source,
    request: &ServeRequest,
    executor: &'a Executor,
    how: LoadOptions<'_>,
    pins: &mut Pins<'_>,
    reporter: &Reporter,
) -> Result<(Parachain<'a>, Original)> {
    let is_pinned = pins.block(source).is_some();
    let mut original = Original::read_pinned(source, how, pins, reporter)?;
    let mut author = Author::new(executor);
    let code = original.chain.next_code()?;
    let id = author.layout(&original.chain)?.parachain_id(&original.chain, executor, &code)?;
    let Some(id) = id.map(ParaId::from) else {
        return Err(Failure::input(format!("{source} is no parachain"))
            .found("no number of it at a relay chain")
            .expected("a parachain"));
    };
    if network.parachains.iter().any(|other| other.id() == id) {
        return Err(Failure::input(format!("parachain {} is named twice", u32::from(id))).found(source.to_string()));
    }
    let relay = &mut network.relay;
    if relay.head_of(id)?.is_some() {
        relay.settle(id)?;
    }
    let head = relay.head_of(id)?;
    let is_elsewhere = |original: &Original| head.as_ref().filter(|head| **head != original.chain.header().encode());
    if let (Some(head), Source::Node(_), false) = (is_elsewhere(&original), source, is_pinned) {
        // A live parachain is ahead of what its relay chain has included.
        let hash = hex::encode_prefixed(artifact::hashes::blake2_256(head));
        original = Original::read(source, LoadOptions { at: Some(&hash), ..how }, reporter)?;
    }
    pins.note(&original.chain)?;
    if let Some(head) = is_elsewhere(&original) {
        return Err(Relay::other_head(head, &original.chain, source)
            .hint("take a snapshot of that block, or choose the block of the relay chain with --at"));
    }
    let parachain = Parachain::new(id, author, original.chain.clone(), request.cache.clone());
    if head.is_none() {
        if !request.onboard {
            return Err(Failure::input(format!("{} does not know the parachain {}", request.state, u32::from(id)))
                .found("no head of it")
                .hint("name its own relay chain, or onboard it on the fork with --onboard"));
        }
        onboard::onboard(relay, &parachain, reporter)?;
    }
    Ok((parachain, original))
}

/// Gives development accounts funds and sudo on each chain. Nothing may be pending: the relay chain takes the
/// parachains after it for their heads.
fn endow(
    network: &mut Network<'_>,
    (first, originals): (&mut Original, &mut [Original]),
    (own, others): (&Executor, &[Executor]),
    reporter: &Reporter,
) -> Result<()> {
    let Network { relay, parachains } = network;
    let Grant { changes, accounts, .. } = grant(relay.chain(), own, &first.source, reporter)?;
    relay.set(changes)?;
    first.dev = Some(accounts);
    for ((parachain, original), executor) in parachains.iter_mut().zip(originals).zip(others) {
        let Grant { changes, accounts, .. } = grant(parachain.chain(), executor, &original.source, reporter)?;
        parachain.set(relay, changes)?;
        original.dev = Some(accounts);
    }
    Ok(())
}
