// SPDX-License-Identifier: Apache-2.0
//! The upgrades of a parachain and of its relay chain in one run, in each order.

use crate::{
    enactment::{self, Application},
    input::Runtime,
    outcome::kept,
    parachains::Step,
};
use fork::{Author, Code, Executor};
use network::{
    Network, ParaId,
    orders::{self, Order, Outcome, Upgrades},
    relay_upgrade,
    upgrade::{self, not_of_the_parachain},
};
use protocol::{CheckOutcome, Finding};
use worker::{Failure, Kind, Reporter, Result};

/// Candidates that must be included in each order under both new codes. `ten-heads` asks for more of each.
const HEADS: u32 = 3;

/// What both upgrades need to be rehearsed.
pub struct BothUpgrades<'a> {
    /// The network before them, with no candidate pending.
    pub network: Network<'a>,
    /// That of the relay chain.
    pub executor: &'a Executor,
    pub id: ParaId,
    /// The relay chain's new runtime, or why it cannot be rehearsed.
    pub relay_to: Result<Runtime>,
    /// What applies the parachain's upgrade.
    pub application: Application,
}

/// What came of both upgrades.
pub struct Orders {
    /// In each order.
    steps: Vec<(Order, Step)>,
    /// The relay chain's new runtime in words, if it could be read.
    relay_to: Option<String>,
}

impl BothUpgrades<'_> {
    /// Rehearses both upgrades in each order, on twins of the network. `code` is the parachain's new one.
    pub fn rehearse(&self, code: &Code, reporter: &Reporter) -> Result<Orders> {
        let relay_to = match &self.relay_to {
            Ok(relay_to) => relay_to,
            Err(failure) => return Ok(Orders::without(failure)),
        };
        let mut author = Author::new(self.executor);
        let application = enactment::application(&mut author, self.network.relay.chain(), &relay_to.code);
        let of_relay = match kept(application.map_err(not_of_the_parachain))? {
            Ok(of_relay) => of_relay,
            Err(failure) => return Ok(Orders::without(&failure)),
        };
        let (paras, of_parachain) = ([self.id], &self.application);
        let upgrades = Upgrades {
            relay: relay_upgrade::Plan {
                code: &relay_to.code,
                authorization: of_relay.authorization,
                extrinsic: of_relay.extrinsic,
                paras: &paras,
                heads: HEADS,
            },
            parachain: upgrade::Plan { para: self.id, code, heads: HEADS, relay: None },
            authorization: of_parachain.authorization.clone(),
            extrinsic: of_parachain.extrinsic.clone(),
        };
        let mut steps: Vec<(Order, Step)> = Vec::new();
        for order in Order::ALL {
            reporter.status(format!("rehearsing both upgrades: {order}"));
            let first = steps.iter().find(|(order, _)| *order == Order::RelayChainFirst);
            let step = match (order, first) {
                (Order::RelayChainBetween, Some((first, Err(failure)))) => {
                    Err(Failure::not_judged(format!("nothing to compare with: {first}, {failure}")))
                }
                _ => {
                    let rehearsed = orders::rehearse(&mut self.network.twin(), order, &upgrades, reporter);
                    kept(rehearsed)?.map(|outcome| told(&outcome))
                }
            };
            steps.push((order, step));
        }
        let identity = relay_to.identity();
        let name = format!("{} {}, {}", identity.spec_name, identity.spec_version, identity.blake2_256);
        Ok(Orders { steps, relay_to: Some(name) })
    }
}

/// Describes both upgrades. Numbers are those of relay blocks.
fn told(outcome: &Outcome) -> String {
    let Outcome { relay_applied, journey, ended } = outcome;
    let promoted = journey.promoted.map_or_else(String::new, |promoted| format!(", {promoted} takes the parachain's"));
    format!(
        "relay block {relay_applied} puts the relay chain's new code in place{promoted}, and {HEADS} candidates are \
         included after each, up to relay block {ended}"
    )
}

impl Orders {
    /// Where none can be rehearsed.
    fn without(failure: &Failure) -> Self {
        Self { steps: Order::ALL.into_iter().map(|order| (order, Err(failure.clone()))).collect(), relay_to: None }
    }

    /// Returns the outcome of the check.
    pub fn judge(&self) -> CheckOutcome {
        let findings = self.steps.iter().map(|(order, step)| match step {
            Ok(told) => Finding::note(format!("{order}: {told}")),
            Err(failure) if failure.kind == Kind::Check => Finding::seen(format!("{order}: {failure}")),
            Err(failure) => Finding::not_judged(format!("{order}: {failure}")),
        });
        let findings: Vec<_> = findings.collect();
        let passed = self.steps.iter().filter(|(_, step)| step.is_ok()).count();
        let relay =
            self.relay_to.as_ref().map_or_else(String::new, |to| format!("; the relay chain's is that to {to}"));
        let detail = format!("both upgrades go through in {passed} of {} orders{relay}", self.steps.len());
        CheckOutcome::judged(detail, findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Status;

    #[test]
    fn one_order_in_which_the_parachain_stands_fails_the_check() {
        let good = || (Order::RelayChainFirst, Ok("both".to_owned()));
        let stands = (Order::ParachainFirst, Err(Failure::check("the parachain stands")));
        let unknown = (Order::RelayChainBetween, Err(Failure::not_judged("not known")));
        let judge = |steps| Orders { steps, relay_to: None }.judge();
        assert_eq!(judge(vec![good()]).status, Status::Pass);
        assert_eq!(judge(vec![good(), unknown.clone()]).status, Status::NotJudged);
        let outcome = judge(vec![good(), stands, unknown]);
        assert_eq!(outcome.status, Status::Fail);
        assert_eq!(outcome.detail, "both upgrades go through in 1 of 3 orders");
        assert_eq!(Orders::without(&Failure::not_judged("not known")).judge().status, Status::NotJudged);
    }
}
