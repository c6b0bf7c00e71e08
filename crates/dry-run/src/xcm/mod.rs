// SPDX-License-Identifier: Apache-2.0
//! XCM messages explained: what a chain does with one, and why it fails.
//!
//! A message is executed on the state of its receiver, by the runtime's own `DryRunApi`, or in a block that takes it
//! from the queue. What its end does not tell is found by other executions on the same state.

mod barrier;
mod explained;
mod fees;
mod location;
mod message;
mod outcome;
mod queue;
mod run;
mod sent;
mod transacts;
mod trapped;
mod versions;

use crate::{
    dispatch::{stage::Member, value},
    messages::Present,
};
use fork::{Chain, Executor, LoadOptions, Store};
use location::Origin;
use protocol::{
    RpcUsage, Source, Verdict, format, hazards,
    xcm::{ExplainRequest, ExplainSubject, ExplainedMessage, Explanation, MessageSender},
};
use run::Site;
use sent::Sent;
use std::time::Instant;
use worker::{Failure, Reporter, Result};

/// The most messages of one call that are executed.
const MOST: usize = 32;

/// The chains whose state is known. The first one executes the message or dispatches the call.
struct Cast<'a> {
    members: Vec<Member>,
    chains: Vec<Chain>,
    executor: &'a Executor,
}

impl Cast<'_> {
    fn site(&self, position: usize) -> Result<Site<'_>> {
        let (member, chain) = self.members.get(position).zip(self.chains.get(position)).ok_or_else(unread)?;
        Ok(Site { member, chain, executor: self.executor })
    }

    fn load(&mut self, source: &Source, how: LoadOptions<'_>, reporter: &Reporter) -> Result<()> {
        let (member, chain) = Member::of(source, Present::load(source, how, self.executor, reporter)?)?;
        self.members.push(member);
        self.chains.push(chain);
        Ok(())
    }
}

fn unread() -> Failure {
    Failure::internal("a chain that was not read takes part in an explanation")
}

/// Explains a message, or those that a call sends.
pub fn explain(request: &ExplainRequest, reporter: &Reporter) -> Result<Explanation> {
    let began = Instant::now();
    let executor = Executor::new(request.cache.as_deref());
    let store = Store::new(request.nodes.as_deref());
    let how = LoadOptions { store: Some(&store), ..LoadOptions::default() };
    let mut cast = Cast { members: Vec::new(), chains: Vec::new(), executor: &executor };
    cast.load(&request.chain, LoadOptions { at: request.at.as_deref(), ..how }, reporter)?;
    for source in &request.with {
        cast.load(source, how, reporter)?;
    }
    let (call, messages) = match &request.subject {
        ExplainSubject::Message { bytes, from } => {
            if let MessageSender::Chain { source } = from {
                cast.load(source, how, reporter)?;
            }
            reporter.status("executing the message");
            (None, vec![given(&cast, bytes, from)?])
        }
        ExplainSubject::Call { .. } | ExplainSubject::Extrinsic { .. } => {
            reporter.status("dispatching the call");
            let (call, sent) = sent::of(&request.subject, &cast.site(0)?)?;
            reporter.status("executing its messages");
            (Some(call), received(&cast, sent)?)
        }
    };
    let mut rpc = RpcUsage::default();
    for chain in &cast.chains {
        // A part of a state that could not be read makes every verdict void.
        chain.checked(Ok(()))?;
        let traffic = chain.traffic();
        rpc = RpcUsage { requests: rpc.requests + traffic.requests, bytes: rpc.bytes + traffic.bytes };
    }
    let of_call = call.iter().flat_map(|call| &call.checks);
    let checks: Vec<_> = of_call.chain(messages.iter().flat_map(|message| &message.checks)).cloned().collect();
    Ok(Explanation {
        format: format::XCM_EXPLANATION.into(),
        chain: cast.site(0)?.member.identity.clone(),
        call,
        messages,
        rpc,
        seconds: (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        verdict: Verdict::of(&checks),
        hazards: hazards(&checks),
    })
}

/// Explains the message of the request.
fn given(cast: &Cast<'_>, bytes: &str, from: &MessageSender) -> Result<ExplainedMessage> {
    let bytes =
        hex::decode(bytes).map_err(|error| Failure::usage("the message is not in hex").found(error.to_string()))?;
    let site = cast.site(0)?;
    let (origin, sender) = match from {
        MessageSender::Location(text) => {
            let origin = Origin::parse(text, &site)?;
            // Another chain that was given may be the sender.
            let is_it = |member: &Member| member.place.is_some() && member.place == origin.place;
            let position = cast.members.iter().skip(1).position(is_it).map(|position| position + 1);
            (origin, position)
        }
        MessageSender::Chain { source } => {
            let position = cast.members.len().saturating_sub(1);
            let place = cast.members.last().and_then(|member| member.place).ok_or_else(|| {
                Failure::input(format!("{source} is no chain that sends messages"))
                    .expected("a relay chain or a parachain")
            })?;
            (Origin::of_place(place, &site)?, Some(position))
        }
    };
    let sender = sender.map(|position| cast.site(position)).transpose()?;
    explained::of(&site, sender.as_ref(), &origin, &bytes, &cast.members)
}

/// Explains the messages of a call, each on its receiver.
fn received(cast: &Cast<'_>, sent: Vec<Sent>) -> Result<Vec<ExplainedMessage>> {
    let sender = cast.site(0)?;
    let mut explained = Vec::new();
    for (count, message) in sent.into_iter().enumerate() {
        let is_receiver = |member: &Member| message.place.is_some() && member.place == message.place;
        let position = cast.members.iter().skip(1).position(is_receiver).map(|position| position + 1);
        let (Some(position), Some(own)) = (position.filter(|_| count < MOST), sender.member.place) else {
            let decoded = sender.decode(sender.message_type()?, &message.bytes);
            let decoded = decoded.as_ref().map(value::pretty).unwrap_or_default();
            let why = match position {
                Some(_) => format!("it is beyond the first {MOST} messages, which alone are executed"),
                None => format!("the state of {} was not given (--with)", message.to),
            };
            let ends = (sender.member.name.clone(), message.to);
            explained.push(explained::of_unknown(ends, &message.bytes, decoded, &why));
            continue;
        };
        let site = cast.site(position)?;
        let origin = Origin::of_place(own, &site)?;
        explained.push(explained::of(&site, Some(&sender), &origin, &message.bytes, &cast.members)?);
    }
    Ok(explained)
}
