// SPDX-License-Identifier: Apache-2.0
//! What came of messages under the new code, beside what came of them under the present one.

use super::{By, Dispatch, Sending, Way, run};
use crate::{
    messages::Received,
    outcome::kept,
    relay_chain::not_reached,
    sites::{Earlier, Site},
};
use artifact::pace::counted;
use network::{Network, upgrade::not_of_the_parachain};
use protocol::{CheckOutcome, Finding, Rank};
use worker::{Kind, Reporter, Result};

/// How a message is told that does not arrive.
const LOST: &str = "it is sent and not executed";
/// How a message is told that cannot be followed.
const UNNAMED: &str = "no event names the message that it sends";

/// What became of a sending under the new code.
enum Fate<'w> {
    Arrived(&'w Received),
    Worse(String),
    Unknown(String),
}

impl Way {
    /// Compares what came of the same sendings under the new code.
    fn compare(&self, after: Option<&Self>, findings: &mut Vec<Finding>) {
        if let Some(unable) = &self.unable {
            findings.push(Finding::not_judged(format!("{self}: {unable}")));
            return;
        }
        let not_sent = |sending: &Sending| match &sending.outcome {
            Some(Dispatch::Failed(why)) => Some(format!("{} ({why})", sending.name)),
            _ => None,
        };
        let unsent: Vec<_> = self.sent.iter().filter_map(not_sent).collect();
        if !unsent.is_empty() {
            findings.push(Finding::note(format!("{self}, not sent under the present code: {}", unsent.join(", "))));
        }
        for sending in &self.sent {
            let name = format!("{self}, {}", sending.name);
            let unknown = match (&sending.outcome, &sending.arrival) {
                (Some(Dispatch::Refused(why)), _) => Some(why),
                (None | Some(Dispatch::Sent(Some(_))), None) => self.unsure.as_ref(),
                _ => None,
            };
            if let Some(why) = unknown {
                findings.push(Finding::not_judged(format!("{name}: nothing to compare with: {why}")));
                continue;
            }
            let Some(Dispatch::Sent(id)) = &sending.outcome else { continue };
            let Some(had) = &sending.arrival else {
                let why = if id.is_some() { LOST } else { UNNAMED };
                findings.push(Finding::note(format!("{name}: {why} under the present code")));
                continue;
            };
            findings.push(match after.map(|after| after.fate_of(sending)) {
                None => Finding::not_judged(format!("{name}: not tried under the new code")),
                Some(Fate::Unknown(why)) => Finding::not_judged(format!("{name}: {why}")),
                Some(Fate::Worse(why)) => Finding::seen(format!("{name}: {why}, and was {} before", had.told)),
                Some(Fate::Arrived(has)) if has.execution < had.execution => {
                    Finding::seen(format!("{name}: {} now, and {} before", has.told, had.told))
                }
                Some(Fate::Arrived(has)) => Finding::note(format!("{name}: {}", has.told)),
            });
        }
        // What the chain itself does not send is no limit of the tool.
        let is_tried = |sending: &Sending| !matches!(sending.outcome, Some(Dispatch::Failed(_)));
        if self.arrived() == 0 && self.sent.iter().any(is_tried) {
            findings.push(Finding::not_judged(format!("{self}: no message arrives under the present code")));
        }
    }

    /// Returns what became of a sending under the new code.
    fn fate_of(&self, before: &Sending) -> Fate<'_> {
        if let Some(unable) = &self.unable {
            return Fate::Unknown(unable.to_string());
        }
        let unless_sure = |why: String| match &self.unsure {
            Some(unsure) => Fate::Unknown(format!("{why}, but {unsure}")),
            None => Fate::Worse(why),
        };
        let Some(sending) = self.sent.iter().find(|sending| sending.name == before.name) else {
            return Fate::Worse("gone".to_owned());
        };
        match (&sending.outcome, &sending.arrival) {
            (Some(Dispatch::Failed(why)), _) => Fate::Worse(format!("not sent any more: {why}")),
            // A wallet of the chain may know what the tool does not.
            (Some(Dispatch::Refused(why)), _) => Fate::Unknown(format!("not sent any more: {why}")),
            (None, _) => match sending.by {
                By::Root(..) => Fate::Unknown("the scheduler does not dispatch it".to_owned()),
                By::Transaction(_) => unless_sure("no block includes it".to_owned()),
            },
            (Some(Dispatch::Sent(None)), _) => Fate::Unknown(UNNAMED.to_owned()),
            (Some(Dispatch::Sent(Some(_))), Some(arrival)) => Fate::Arrived(arrival),
            (Some(Dispatch::Sent(Some(_))), None) => unless_sure(LOST.to_owned()),
        }
    }
}

/// The messages under the present code and under the new one, or why they could not be sent.
pub struct Comparison {
    pub before: Result<Vec<Way>>,
    /// Nothing if an earlier step of the upgrade was not taken.
    pub after: Option<Result<Vec<Way>>>,
}

/// Has messages sent on a twin of the network. What stops that is kept, to be judged.
pub fn attempt(network: &Network<'_>, sites: &[Site<'_>], reporter: &Reporter) -> Result<Result<Vec<Way>>> {
    reporter.status("sending messages between the chains");
    kept(run(network.twin(), sites))
}

impl Comparison {
    /// Has messages sent after the upgrade. Where that is worse than before, the network of before the upgrade is
    /// brought to the same session and relay block. What is sent then under the present code takes the place of what was
    /// sent before: time passed, too.
    pub fn add(
        &mut self,
        network: &Network<'_>,
        sites: &[Site<'_>],
        earlier: Earlier<'_, '_>,
        reporter: &Reporter,
    ) -> Result<()> {
        let Ok(before) = &self.before else { return Ok(()) };
        if before.iter().all(|way| way.arrived() == 0) {
            self.after = Some(Ok(Vec::new()));
            return Ok(());
        }
        self.after = Some(attempt(network, sites, reporter)?);
        if self.judge().findings.iter().any(|finding| finding.rank == Rank::Seen) {
            self.before = match kept(earlier.at(network, reporter))? {
                Ok((control, sites)) => attempt(&control, &sites, reporter)?,
                Err(failure) => Err(failure),
            };
        }
        Ok(())
    }

    /// Judges the messages under the new code by those under the present one.
    pub fn judge(&self) -> CheckOutcome {
        let before = match &self.before {
            Ok(before) => before,
            Err(failure) => return CheckOutcome::not_judged(not_of_the_parachain(failure.clone()).to_string()),
        };
        let after = match &self.after {
            Some(Ok(after)) => after,
            Some(Err(failure)) if failure.kind == Kind::Check => return CheckOutcome::fail(failure.to_string()),
            Some(Err(failure)) => return CheckOutcome::not_judged(failure.to_string()),
            None => return not_reached(),
        };
        let mut findings = Vec::new();
        for way in before {
            way.compare(after.iter().find(|other| (other.from, other.to) == (way.from, way.to)), &mut findings);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
        let arrived: usize = before.iter().map(Way::arrived).sum();
        let used = before.iter().filter(|way| way.arrived() > 0).count();
        let worse = findings.iter().filter(|finding| finding.rank == Rank::Seen).count();
        let unknown = findings.iter().any(|finding| finding.rank > Rank::Note);
        let messages = format!("{} on {}", counted(arrived as u128, "message"), counted(used as u128, "way"));
        let detail = match (arrived, worse, unknown) {
            (0, _, true) => "no message arrives under the present code either".to_owned(),
            (0, ..) => return CheckOutcome::skip("the chains send each other nothing under the present code"),
            (_, 0, false) => format!("{messages} as before"),
            (_, 0, true) => format!("{messages} before; not everything could be known"),
            (_, worse, _) => format!("{} worse than before", counted(worse as u128, "message")),
        };
        CheckOutcome::judged(detail, findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journeys::Arrival,
        messages::{Execution, Place},
    };
    use protocol::Status;
    use worker::Failure;

    fn failed(why: &str) -> (Option<Dispatch>, Option<Execution>) {
        (Some(Dispatch::Failed(why.to_owned())), None)
    }

    fn arrived(execution: Execution) -> (Option<Dispatch>, Option<Execution>) {
        (Some(Dispatch::Sent(Some([1; 32]))), Some(execution))
    }

    fn lost() -> (Option<Dispatch>, Option<Execution>) {
        (Some(Dispatch::Sent(Some([1; 32]))), None)
    }

    fn way(outcomes: &[(Option<Dispatch>, Option<Execution>)]) -> Way {
        let sent = outcomes.iter().enumerate().map(|(place, (outcome, execution))| Sending {
            name: format!("transfer {place}"),
            by: By::Transaction(vec![place as u8]),
            outcome: outcome.clone(),
            arrival: execution.map(|execution| Received { execution, told: format!("{execution:?}") }),
        });
        Way { sent: sent.collect(), ..Way::new(Place::RelayChain, Place::Parachain(7)) }
    }

    fn judged(before: Way, after: Way) -> CheckOutcome {
        Comparison { before: Ok(vec![before]), after: Some(Ok(vec![after])) }.judge()
    }

    #[test]
    fn only_what_is_worse_than_before_fails() {
        use Execution::{Complete, Incomplete, Refused};
        let status = |before, after| judged(way(&[arrived(before)]), way(&[after])).status;
        assert_eq!(status(Refused, arrived(Refused)), Status::Pass);
        assert_eq!(status(Incomplete, arrived(Complete)), Status::Pass);
        assert_eq!(status(Complete, arrived(Incomplete)), Status::Fail);
        assert_eq!(status(Refused, lost()), Status::Fail);
        assert_eq!(status(Refused, failed("Filtered")), Status::Fail);
        assert_eq!(status(Refused, (None, None)), Status::Fail);
        let two = |second| way(&[arrived(Complete), second]);
        let outcome = judged(two(arrived(Complete)), two(arrived(Refused)));
        assert_eq!(outcome.detail, "1 message worse than before");
        assert_eq!(
            outcome.findings[0].text,
            "from the relay chain to parachain 7, transfer 1: Refused now, and Complete before"
        );
    }

    #[test]
    fn what_the_present_code_does_not_send_either_is_no_fault_of_the_upgrade() {
        let with = |other| way(&[arrived(Execution::Complete), other]);
        for (before, after) in [(failed("Filtered"), failed("Filtered")), (lost(), lost()), (lost(), (None, None))] {
            assert_eq!(judged(with(before), with(after)).status, Status::Pass);
        }
        let outcome = judged(with(failed("Filtered")), with(failed("Filtered")));
        assert!(outcome.findings.iter().any(|it| it.text.ends_with("under the present code: transfer 1 (Filtered)")));
        assert_eq!(judged(way(&[failed("Filtered")]), way(&[failed("Filtered")])).status, Status::Skip);
        assert_eq!(judged(way(&[lost()]), way(&[lost()])).status, Status::NotJudged);
    }

    #[test]
    fn what_the_tool_cannot_know_is_not_judged() {
        let good = || way(&[arrived(Execution::Complete)]);
        let refused = (Some(Dispatch::Refused("0x010004".to_owned())), None);
        assert_eq!(judged(good(), way(&[refused])).status, Status::NotJudged);
        assert_eq!(judged(good(), way(&[(Some(Dispatch::Sent(None)), None)])).status, Status::NotJudged);
        let unsure = Way { unsure: Some("it had no core".to_owned()), ..way(&[lost()]) };
        assert_eq!(judged(good(), unsure).status, Status::NotJudged);
        let unsure =
            || Way { unsure: Some("it had no core".to_owned()), ..way(&[arrived(Execution::Complete), lost()]) };
        assert_eq!(judged(unsure(), unsure()).status, Status::NotJudged);
        let unable = || Way { unable: Some(Failure::not_judged("a form")), ..way(&[]) };
        assert_eq!(judged(good(), unable()).status, Status::NotJudged);
        let other = Comparison { before: Ok(vec![good(), unable()]), after: Some(Ok(vec![good(), unable()])) };
        assert_eq!(other.judge().status, Status::NotJudged);
        let status = |before, after| Comparison { before, after }.judge().status;
        assert_eq!(status(Ok(vec![good()]), None), Status::NotJudged);
        assert_eq!(status(Err(Failure::check("a trap")), None), Status::NotJudged);
        assert_eq!(status(Ok(vec![good()]), Some(Err(Failure::check("a trap")))), Status::Fail);
        assert_eq!(status(Ok(vec![good()]), Some(Err(Failure::not_judged("a form")))), Status::NotJudged);
        assert_eq!(status(Ok(vec![good()]), Some(Ok(Vec::new()))), Status::NotJudged);
    }

    #[test]
    fn each_arrival_is_of_one_message() {
        let mut twice = way(&[lost(), lost()]);
        let received = Received { execution: Execution::Complete, told: "executed".into() };
        let mut arrivals = vec![Arrival { at: Place::Parachain(7), id: [1; 32], received }];
        twice.receive(&mut arrivals);
        assert_eq!((twice.arrived(), arrivals.len()), (1, 0));
    }
}
