// SPDX-License-Identifier: Apache-2.0
//! Messages and calls, executed by the runtime's own `DryRunApi` (xcm-runtime-apis) on the state of a chain.

use super::outcome;
use crate::{
    ask::{Answer, ask},
    block::records,
    dispatch::stage::Member,
    messages::answer::{self, Forwarded},
    types::Interface,
};
use codec::Encode;
use fork::{Chain, Executor};
use proposal::{Value, decode, encode};
use protocol::xcm::XcmOutcome;
use scale_info::TypeDef;
use worker::{Failure, Result};

/// What a runtime API gave, or why there is none.
pub type Told<T> = std::result::Result<T, String>;

/// A chain that executes messages. What they do is not kept.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    pub member: &'a Member,
    pub chain: &'a Chain,
    pub executor: &'a Executor,
}

/// What a runtime tells of a message that it executed.
pub struct Ran {
    pub outcome: XcmOutcome,
    /// The events; nothing if they cannot be decoded.
    pub events: Option<Vec<Value>>,
    /// The messages that the execution sends; nothing if they cannot be decoded, or where that is not told.
    pub forwarded: Option<Forwarded>,
}

/// What became of a message.
pub enum Attempt {
    Ran(Box<Ran>),
    /// The runtime cannot convert the message to the version that it executes.
    Unconverted,
    /// It could not be tried, for this reason.
    NotRun(String),
}

impl Attempt {
    pub fn outcome(&self) -> Option<&XcmOutcome> {
        match self {
            Self::Ran(ran) => Some(&ran.outcome),
            Self::Unconverted | Self::NotRun(_) => None,
        }
    }

    /// Returns it in words.
    pub fn told(&self) -> String {
        match self {
            Self::Ran(ran) => outcome::told(&ran.outcome),
            Self::Unconverted => "the runtime cannot convert it to a version that it executes".into(),
            Self::NotRun(why) => why.clone(),
        }
    }
}

/// What a runtime tells of a call that it dispatched.
pub struct Dispatched {
    /// The error by its name, if the call failed.
    pub error: Option<String>,
    pub events: Option<Vec<Value>>,
    /// The message that the call executed on the chain itself.
    pub local: Option<Value>,
    pub forwarded: Option<Forwarded>,
}

impl<'a> Site<'a> {
    /// Returns the same chain with another state.
    pub fn at<'b>(&self, chain: &'b Chain) -> Site<'b>
    where
        'a: 'b,
    {
        Site { member: self.member, chain, executor: self.executor }
    }

    pub fn interface(&self) -> Result<Interface<'a>> {
        self.member.interface()
    }

    /// Returns the type of an argument, or else the type of this name (`VersionedXcm`, `VersionedLocation`).
    fn argument(&self, method: &str, position: usize, name: &str) -> Result<u32> {
        let interface = self.interface()?;
        let of_method = interface.method("DryRunApi", method).and_then(|method| method.inputs.get(position).copied());
        let is_named = |path: &[String]| path.last().is_some_and(|last| last == name);
        let named = || interface.types.types.iter().find(|ty| is_named(&ty.ty.path.segments)).map(|ty| ty.id);
        of_method.or_else(named).ok_or_else(|| {
            Failure::input(format!("{} exchanges no messages, as far as its metadata shows", self.member.name))
                .expected(format!("a type {name}"))
        })
    }

    /// Returns the type of messages.
    pub fn message_type(&self) -> Result<u32> {
        self.argument("dry_run_xcm", 1, "VersionedXcm")
    }

    /// Returns the type of locations.
    pub fn location_type(&self) -> Result<u32> {
        self.argument("dry_run_xcm", 0, "VersionedLocation")
    }

    /// Returns whether the runtime executes messages by itself, for whoever asks.
    pub fn has_dry_run(&self) -> Result<bool> {
        let is_exported = |export: &String| export == "DryRunApi_dry_run_xcm";
        let is_described = self.interface()?.method("DryRunApi", "dry_run_xcm").is_some();
        Ok(is_described && self.member.runtime.sections.exports.iter().any(is_exported))
    }

    pub fn decode(&self, ty: u32, bytes: &[u8]) -> Result<Value> {
        decode::value(self.member.target.types(), ty, bytes)
    }

    /// Encodes a message of this version. Nothing if its instructions do not fit the types of the runtime.
    pub fn encoded(&self, version: &str, instructions: Vec<Value>) -> Result<Option<Vec<u8>>> {
        let message = Value::variant(version, Value::List(instructions));
        Ok(encode::value(&self.member.target, self.message_type()?, &message).ok())
    }

    /// Calls a function of a runtime API. Returns its answer with the answer's type.
    pub fn ask(&self, api: &str, method: &str, arguments: &[u8]) -> Result<Told<(u32, Vec<u8>)>> {
        let function = format!("{api}_{method}");
        let absent = || format!("the runtime of {} has no {function}", self.member.name);
        let interface = self.interface()?;
        let Some(output) = interface.method(api, method).map(|method| method.output) else {
            return Ok(Err(absent()));
        };
        Ok(match ask(&self.member.runtime, self.chain, self.executor, &function, arguments)? {
            Answer::Absent => Err(absent()),
            Answer::Trap(why) => Err(format!("{function} traps: {why}")),
            Answer::Value(value, _) => Ok((output, value)),
        })
    }

    /// Calls a function that gives a `Result`, and returns the value in its `Ok`.
    pub fn ask_value(&self, api: &str, method: &str, arguments: &[u8]) -> Result<Told<Value>> {
        let (id, bytes) = match self.ask(api, method, arguments)? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let interface = self.interface()?;
        let told = answer::success(&interface, id, &bytes).map_err(|why| format!("{api}_{method} gives {why}"));
        Ok(told.and_then(|(id, value)| self.decode(id, value).map_err(|failure| failure.to_string())))
    }

    /// Executes a message with this encoded origin.
    pub fn execute(&self, origin: &[u8], message: &[u8]) -> Result<Attempt> {
        let (id, bytes) = match self.ask("DryRunApi", "dry_run_xcm", &[origin, message].concat())? {
            Ok(answer) => answer,
            Err(why) => return Ok(Attempt::NotRun(why)),
        };
        let interface = self.interface()?;
        if error(&interface, id, &bytes).as_deref() == Some("VersionedConversionFailed") {
            return Ok(Attempt::Unconverted);
        }
        Ok(match self.ran(&interface, id, &bytes) {
            Ok(ran) => Attempt::Ran(Box::new(ran)),
            Err(why) => Attempt::NotRun(format!("DryRunApi_dry_run_xcm gives {why}")),
        })
    }

    fn ran(&self, interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Told<Ran> {
        let unread = || "an answer that is not of its own type".to_owned();
        let (id, effects) = answer::success(interface, id, bytes)?;
        let (ty, result) = answer::field(interface, id, effects, "execution_result").ok_or_else(unread)?;
        let result = self.decode(ty, result).ok().as_ref().and_then(outcome::of);
        Ok(Ran {
            outcome: result.ok_or_else(unread)?,
            events: self.events(interface, id, effects),
            forwarded: forwarded(interface, id, effects),
        })
    }

    /// Dispatches a call with this encoded origin. `version` is that of the messages in the answer.
    pub fn dispatch(&self, origin: &[u8], call: &[u8], version: u32) -> Result<Told<Dispatched>> {
        let interface = self.interface()?;
        // From version 2 of the API on, an argument gives the version of XCM of the answer.
        let has_version = interface.method("DryRunApi", "dry_run_call").is_some_and(|method| method.inputs.len() > 2);
        let version = if has_version { version.encode() } else { Vec::new() };
        let (id, bytes) = match self.ask("DryRunApi", "dry_run_call", &[origin, call, &version].concat())? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let told = self.dispatched(&interface, id, &bytes);
        Ok(told.map_err(|why| format!("DryRunApi_dry_run_call gives {why}")))
    }

    fn dispatched(&self, interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Told<Dispatched> {
        let unread = || "an answer that is not of its own type".to_owned();
        let (id, effects) = answer::success(interface, id, bytes)?;
        let (ty, result) = answer::field(interface, id, effects, "execution_result").ok_or_else(unread)?;
        let failed = error(interface, ty, result);
        let named = failed.map(|_| records::error_in(interface, ty, result));
        let local = answer::field(interface, id, effects, "local_xcm");
        let local = local.and_then(|(ty, local)| self.decode(ty, local).ok());
        Ok(Dispatched {
            error: named.map(|error| error.unwrap_or_else(|| compat::value::text(interface.types, ty, result))),
            events: self.events(interface, id, effects),
            local: local.and_then(|local| match local {
                Value::Variant { name, mut fields } if name == "Some" => fields.pop().map(|field| field.value),
                _ => None,
            }),
            forwarded: forwarded(interface, id, effects),
        })
    }

    fn events(&self, interface: &Interface<'_>, id: u32, effects: &[u8]) -> Option<Vec<Value>> {
        let (ty, events) = answer::field(interface, id, effects, "emitted_events")?;
        match self.decode(ty, events).ok()? {
            Value::List(events) => Some(events),
            _ => None,
        }
    }
}

fn forwarded(interface: &Interface<'_>, id: u32, effects: &[u8]) -> Option<Forwarded> {
    let (ty, forwarded) = answer::field(interface, id, effects, "forwarded_xcms")?;
    answer::all_forwarded(interface, ty, forwarded)
}

/// Returns the name of the error in an `Err`, empty if it is no variant. Nothing for an `Ok`.
fn error(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Option<String> {
    let chosen = interface.variants(Some(id)).iter().find(|variant| Some(&variant.index) == bytes.first())?;
    if chosen.name != "Err" {
        return None;
    }
    let inner = chosen.fields.first().and_then(|field| interface.types.resolve(field.ty.id));
    let name = match inner.map(|ty| &ty.type_def) {
        Some(TypeDef::Variant(errors)) => {
            errors.variants.iter().find(|error| Some(&error.index) == bytes.get(1)).map(|error| error.name.clone())
        }
        _ => None,
    };
    Some(name.unwrap_or_default())
}
