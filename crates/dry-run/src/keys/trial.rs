// SPDX-License-Identifier: Apache-2.0
//! A call that an account signs on a fork, and whether Sudo dispatched it.

use crate::{
    block::records::{self, Record},
    dispatch::stage::Member,
    transaction::{self, Sent},
};
use fork::{Author, Chain};
use worker::Result;

/// A fork on which accounts sign calls. A known seal takes the place of their signatures.
pub struct Trial<'t, 'a> {
    pub member: &'t Member,
    pub author: Author<'a>,
}

/// What was seen of a call.
pub enum Seen {
    /// Sudo dispatched it.
    Dispatched {
        /// The error that the call of root ended with.
        error: Option<String>,
        /// The chain after the block. Only tests have none.
        chain: Option<Box<Chain>>,
    },
    /// It was dispatched and did not get as far as Sudo.
    Missed {
        told: String,
        chain: Option<Box<Chain>>,
    },
    /// The chain refused it.
    Refused(String),
    NotJudged(String),
}

impl Seen {
    /// Returns whether the account's signature is enough for Sudo.
    pub fn suffices(&self) -> Option<bool> {
        match self {
            Self::Dispatched { .. } => Some(true),
            Self::Missed { .. } | Self::Refused(_) => Some(false),
            Self::NotJudged(_) => None,
        }
    }

    /// Returns the chain after the block of the call.
    pub fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Dispatched { chain, .. } | Self::Missed { chain, .. } => chain.as_deref(),
            Self::Refused(_) | Self::NotJudged(_) => None,
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dispatched { error: None, .. } => out.write_str("Sudo dispatches the call"),
            Self::Dispatched { error: Some(error), .. } => {
                write!(out, "Sudo dispatches the call, which ends with {error}")
            }
            Self::Missed { told, .. } => write!(out, "the call does not reach Sudo: {told}"),
            Self::Refused(why) => write!(out, "the chain refuses it: {why}"),
            Self::NotJudged(why) => out.write_str(why),
        }
    }
}

impl Trial<'_, '_> {
    /// Has an account sign a call in the next block of a copy of the chain. The account gets funds before.
    pub fn sign(&mut self, chain: &Chain, account: &[u8], call: &[u8]) -> Result<Seen> {
        let Ok(account) = <[u8; 32]>::try_from(account) else {
            return Ok(Seen::NotJudged(format!("an account of {} bytes does not sign here", account.len())));
        };
        let interface = self.member.interface()?;
        let runtime = &self.member.runtime;
        Ok(match transaction::send(runtime, &interface, chain, &mut self.author, account, call)? {
            Sent::Refused(why) => Seen::Refused(why),
            Sent::NotKnown(why) => Seen::NotJudged(why),
            Sent::Dispatched(after) => match records::whole(&after, &interface)? {
                Some(records) => seen(&records, after),
                None => Seen::NotJudged("the events of the chain cannot be decoded by its metadata".into()),
            },
        })
    }
}

fn seen(records: &[Record], chain: Box<Chain>) -> Seen {
    match reached(records) {
        Ok(error) => Seen::Dispatched { error, chain: Some(chain) },
        Err(told) => Seen::Missed { told, chain: Some(chain) },
    }
}

/// Returns the error of the call that Sudo dispatched.
///
/// # Errors
///
/// What stopped the call before that.
fn reached(records: &[Record]) -> std::result::Result<Option<String>, String> {
    if let Some(sudid) = records.iter().find(|record| record.pallet == "Sudo") {
        // Sudo succeeds with a call of which a part failed: another event of the same transaction tells that.
        let failed = records.iter().filter(|record| record.extrinsic == sudid.extrinsic).find_map(error_of);
        return Ok(sudid.error.clone().or(failed));
    }
    Err(records.iter().find_map(error_of).unwrap_or_else(|| "no event of Sudo".to_owned()))
}

fn error_of(record: &Record) -> Option<String> {
    let error = record.error.as_ref()?;
    Some(format!("{}.{}: {error}", record.pallet, record.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pallet: &str, name: &str, error: Option<&str>) -> Record {
        Record {
            phase: "ApplyExtrinsic".into(),
            extrinsic: Some(1),
            pallet: pallet.into(),
            name: name.into(),
            error: error.map(str::to_owned),
            class: None,
            fields: Vec::new(),
        }
    }

    #[test]
    fn the_event_of_sudo_tells_and_that_of_a_proxy_does_not() {
        let proxy = |error| record("Proxy", "ProxyExecuted", error);
        assert_eq!(reached(&[record("Sudo", "Sudid", None), proxy(None)]), Ok(None));
        let inner = Some("BadOrigin".to_owned());
        assert_eq!(reached(&[record("Sudo", "Sudid", Some("BadOrigin")), proxy(None)]), Ok(inner.clone()));
        // The extrinsic succeeds, and the filter of the proxy type refused the call.
        let filtered = [proxy(Some("System.CallFiltered")), record("System", "ExtrinsicSuccess", None)];
        assert_eq!(reached(&filtered), Err("Proxy.ProxyExecuted: System.CallFiltered".to_owned()));
        assert_eq!(reached(&[record("Multisig", "NewMultisig", None)]), Err("no event of Sudo".to_owned()));
        // Root's batch stops, and Sudo succeeds. What happened outside of the transaction is not of the call.
        let batch = record("Utility", "BatchInterrupted", inner.as_deref());
        let stopped = Some("Utility.BatchInterrupted: BadOrigin".to_owned());
        assert_eq!(reached(&[batch.clone(), record("Sudo", "Sudid", None)]), Ok(stopped));
        let apart = Record { extrinsic: None, ..batch };
        assert_eq!(reached(&[apart, record("Sudo", "Sudid", None)]), Ok(None));
    }
}
