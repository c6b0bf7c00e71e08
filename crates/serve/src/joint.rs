// SPDX-License-Identifier: Apache-2.0
//! A relay chain and its parachains that are served together.
//!
//! All blocks are made in rounds, one for each relay block. The runtime of the relay chain decides which
//! candidates of its parachains are backed and included. A block of a parachain is shown to clients once it
//! is included, since the relay chain can drop it until then.

use crate::blocks::is_refused_for_good;
use codec::Encode;
use fork::Chain;
use network::{Block, CollationOutcome, Network, PENDING, ParaId, Parachain, Relay, Round};
use sp_core::storage::well_known_keys;
use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};
use worker::{Failure, Reporter, Result};

/// The relay blocks in which a parachain gets a block included, if it gets one at all. It waits for its core
/// and for the end of a session.
const PATIENCE: u32 = 16;
/// The most reasons that are told, each once.
const MOST_REASONS: usize = 100;

/// What happened to a chain.
pub enum News {
    /// A block on its head.
    Block(Box<Block>),
    /// A block of a parachain that is backed and not included yet. Its collators know it.
    Backed(Box<Block>),
    /// Other values in the state of its head, under these keys.
    Rewritten(Box<Chain>, Vec<Vec<u8>>),
    /// Extrinsics that no longer wait, as no block could be built with them.
    Dropped(Vec<Vec<u8>>),
}

/// The chains that are served together.
pub struct Joint<'a> {
    network: Network<'a>,
    /// What happened to each chain since its fork last asked: the relay chain's, then those of the
    /// parachains in their order.
    news: Vec<VecDeque<News>>,
    /// What waits in the pool of each chain.
    pools: Vec<Vec<Vec<u8>>>,
    /// The reasons that were told why a parachain has no block.
    told: BTreeSet<(ParaId, String)>,
    reporter: &'a Reporter,
}

/// The place of a chain among those that are served together.
pub struct Seat<'a> {
    joint: Rc<RefCell<Joint<'a>>>,
    /// 0 for the relay chain.
    place: usize,
}

impl<'a> Joint<'a> {
    /// Seats the chains of a network: the relay chain, then its parachains in their order.
    pub fn seats(network: Network<'a>, reporter: &'a Reporter) -> Vec<Seat<'a>> {
        let chains = network.parachains.len().saturating_add(1);
        let joint = Self {
            network,
            news: (0..chains).map(|_| VecDeque::new()).collect(),
            pools: vec![Vec::new(); chains],
            told: BTreeSet::new(),
            reporter,
        };
        let joint = Rc::new(RefCell::new(joint));
        (0..chains).map(|place| Seat { joint: joint.clone(), place }).collect()
    }

    /// Makes the next relay block after skipping slots, with what waits in the pools.
    fn round(&mut self, slots: u64) -> Result<Round> {
        self.network.relay.offer(self.pools[0].clone());
        for (parachain, pool) in self.network.parachains.iter_mut().zip(self.pools.iter().skip(1)) {
            parachain.offer(pool.clone());
        }
        let round = match self.network.advance_after(slots, |_| true) {
            // An extrinsic must not stop all chains. The relay chain was offered its pool once.
            Err(failure) if failure.is_verdict() && !self.pools[0].is_empty() => {
                let Ok(round) = self.network.advance_after(slots, |_| true) else { return Err(failure) };
                let pool = self.pools[0].clone();
                self.drop_extrinsics(0, pool);
                round
            }
            round => round?,
        };
        for place in 1..self.pools.len() {
            let spoiling = self.network.parachains[place - 1].take_spoiling();
            self.drop_extrinsics(place, spoiling);
        }
        self.note(0, round.block.block.clone());
        for (place, parachain) in self.network.parachains.iter().enumerate() {
            let backed = parachain.backed().map(|block| News::Backed(Box::new(block.clone())));
            self.news[place + 1].extend(backed);
        }
        self.follow()?;
        Ok(round)
    }

    /// Notes the blocks of parachains that the relay chain has included.
    fn follow(&mut self) -> Result<()> {
        let mut followed = Ok(());
        for (place, para) in self.parachains() {
            let (relay, parachain) = self.network.both(para)?;
            // A node that fails for one parachain must not lose the blocks of another.
            followed = followed.and(parachain.follow(relay));
            for block in parachain.take_included() {
                self.note(place, block);
            }
        }
        followed
    }

    /// Notes a block of a chain. What it includes no longer waits, nor what its runtime refused for good.
    fn note(&mut self, place: usize, block: Block) {
        let included: Vec<_> = block.extrinsics.iter().map(Encode::encode).collect();
        let refused: Vec<_> = block.refused.iter().filter(|(_, answer)| is_refused_for_good(answer)).collect();
        self.pools[place]
            .retain(|extrinsic| !included.contains(extrinsic) && !refused.iter().any(|(other, _)| other == extrinsic));
        self.news[place].push_back(News::Block(Box::new(block)));
    }

    /// Drops extrinsics with which no block of a chain can be built.
    fn drop_extrinsics(&mut self, place: usize, extrinsics: Vec<Vec<u8>>) {
        if extrinsics.is_empty() {
            return;
        }
        self.pools[place].retain(|extrinsic| !extrinsics.contains(extrinsic));
        let chain = match place.checked_sub(1).and_then(|index| self.network.parachains.get(index)) {
            Some(parachain) => format!("parachain {}", u32::from(parachain.id())),
            None => "the relay chain".to_owned(),
        };
        self.reporter.warning(format!(
            "{} extrinsics of {chain} were dropped: a block could be built without them, and none with them",
            extrinsics.len()
        ));
        self.news[place].push_back(News::Dropped(extrinsics));
    }

    /// Makes relay blocks until the chain at this place has another block. If something waits in its pool, that
    /// block is one that was built with it.
    fn advance(&mut self, place: usize, slots: u64) -> Result<()> {
        let before = self.blocks(place);
        let waiting = self.pools[place].clone();
        // The number of the first block that was built since.
        let mut first = None;
        let mut last = None;
        for round in 0..PATIENCE {
            let mut round = self.round(if round == 0 { slots } else { 0 })?;
            for (at, para) in self.parachains() {
                let outcome = round.take_outcome(para);
                if let (CollationOutcome::Backed { number, .. }, true) = (&outcome, at == place) {
                    first = first.or(Some(*number));
                }
                let why = outcome.reasons().join("; ");
                if why.is_empty() {
                    continue;
                }
                self.tell(para, &why);
                if at == place {
                    last = Some(why);
                }
            }
            let nothing_waits = !waiting.iter().any(|extrinsic| self.pools[place].contains(extrinsic));
            let is_built = place == 0 || nothing_waits || first.is_some_and(|first| self.has_block(place, first));
            if is_built && self.blocks(place) > before {
                return Ok(());
            }
        }
        // What waits for a core is not refused.
        Err(Failure::not_judged(format!(
            "the relay chain includes no block of the parachain in {PATIENCE} relay blocks"
        ))
        .found(last.unwrap_or_else(|| "no claim on a core".to_owned())))
    }

    /// Returns the number of blocks among the news of a chain.
    fn blocks(&self, place: usize) -> usize {
        self.news[place].iter().filter(|news| matches!(news, News::Block(_))).count()
    }

    /// Returns whether a block with this number or a higher one is among the news of a chain.
    fn has_block(&self, place: usize, number: u32) -> bool {
        self.news[place].iter().any(|news| matches!(news, News::Block(block) if block.after.number() >= number))
    }

    /// Reports why a parachain has no block, once for each reason.
    fn tell(&mut self, para: ParaId, why: &str) {
        // Hashes and numbers differ each time.
        let reason = why.split("0x").map(|part| part.trim_start_matches(|one: char| one.is_ascii_hexdigit()));
        let reason: String = reason.flat_map(str::chars).filter(|one| !one.is_ascii_digit()).collect();
        if self.told.len() < MOST_REASONS && self.told.insert((para, reason)) {
            self.reporter.warning(format!("a block of parachain {} is not backed: {why}", u32::from(para)));
        }
    }

    /// Returns the parachains with their places.
    fn parachains(&self) -> Vec<(usize, ParaId)> {
        self.network.parachains.iter().enumerate().map(|(index, parachain)| (index + 1, parachain.id())).collect()
    }

    /// Writes to the state of the head of a chain. For a parachain, the relay chain takes the result for its
    /// head, once nothing is pending of it.
    fn set(&mut self, place: usize, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        let keys: Vec<_> = changes.iter().map(|(key, _)| key.clone()).collect();
        let para = place.checked_sub(1).and_then(|index| self.network.parachains.get(index)).map(Parachain::id);
        let Some(para) = para else {
            self.network.relay.set(changes)?;
            self.rewritten(keys);
            return Ok(());
        };
        let code = [well_known_keys::CODE, well_known_keys::PENDING_CODE];
        if keys.iter().any(|key| code.contains(&key.as_slice())) {
            return Err(Failure::input(
                "the code of a parachain that is served with its relay chain cannot be written",
            )
            .found("the relay chain checks its blocks with the code that it has for it")
            .hint("upgrade the parachain by transactions, or fork it with --code"));
        }
        self.settle(para)?;
        let (relay, parachain) = self.network.both(para)?;
        parachain.set(relay, changes)?;
        let after = parachain.chain().clone();
        self.news[place].push_back(News::Rewritten(Box::new(after), keys));
        self.rewritten(vec![Relay::key_of_head(para)]);
        Ok(())
    }

    /// Notes that values under these keys were written into the state of the relay chain.
    fn rewritten(&mut self, keys: Vec<Vec<u8>>) {
        let relay = self.network.relay.chain().clone();
        self.news[0].push_back(News::Rewritten(Box::new(relay), keys));
    }

    /// Makes relay blocks, without other candidates, until nothing is pending of a parachain.
    fn settle(&mut self, para: ParaId) -> Result<()> {
        self.follow()?;
        for _ in 0..PENDING {
            if self.network.relay.pending(para)? == 0 {
                return Ok(());
            }
            let round = self.network.advance(|_| false)?;
            self.note(0, round.block.block);
            self.follow()?;
        }
        match self.network.relay.pending(para)? {
            0 => Ok(()),
            _ => Err(Failure::check("the relay chain does not include what it backed").found(format!(
                "a block of the parachain {} that is pending for {PENDING} relay blocks",
                u32::from(para)
            ))),
        }
    }
}

impl Seat<'_> {
    /// Returns whether the chain is the relay chain.
    pub fn is_relay_chain(&self) -> bool {
        self.place == 0
    }

    /// Replaces what waits in the chain's pool.
    pub fn offer(&self, pool: Vec<Vec<u8>>) {
        self.joint.borrow_mut().pools[self.place] = pool;
    }

    /// Makes relay blocks until the chain has another block, the first one after skipping slots of the relay
    /// chain.
    pub fn advance(&self, slots: u64) -> Result<()> {
        self.joint.borrow_mut().advance(self.place, slots)
    }

    /// Writes to the state of the chain's head.
    pub fn set(&self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        self.joint.borrow_mut().set(self.place, changes)
    }

    /// Takes what happened to the chain since the last call.
    pub fn take_news(&self) -> Vec<News> {
        self.joint.borrow_mut().news[self.place].drain(..).collect()
    }
}
