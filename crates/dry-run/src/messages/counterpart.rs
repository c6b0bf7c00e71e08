// SPDX-License-Identifier: Apache-2.0
//! Another chain, forked beside the upgraded one, that executes messages.
//!
//! `DryRunApi_dry_run_xcm` (xcm-runtime-apis) runs a message through the barrier and the executor
//! of the chain. What the message did is undone.

use super::{Place, answer, outbound::Form};
use crate::{
    ask::{Answer, ask},
    input::Runtime,
    types::{Interface, read},
};
use codec::{Compact, Decode};
use fork::{Chain, Executor, LoadOptions};
use protocol::Source;
use scale_info::TypeDef;
use worker::{Failure, Reporter, Result};

/// The most messages of one page that are read.
const MOST: usize = 1_024;

pub struct Counterpart {
    pub chain: Chain,
    pub runtime: Runtime,
    pub place: Place,
}

/// A chain with its present runtime.
pub struct Present {
    pub chain: Chain,
    pub runtime: Runtime,
    /// Nothing where it exchanges no messages with others.
    pub place: Option<Place>,
}

/// How far a message was executed, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Execution {
    /// The barrier refused it, or it does not decode.
    Refused,
    /// An instruction of it failed.
    Incomplete,
    Complete,
}

/// What a chain did with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub execution: Execution,
    pub told: String,
}

impl Received {
    fn refused(told: String) -> Self {
        Self { execution: Execution::Refused, told }
    }
}

impl Counterpart {
    pub fn load(source: &Source, how: LoadOptions<'_>, executor: &Executor, reporter: &Reporter) -> Result<Self> {
        let Present { chain, runtime, place } = Present::load(source, how, executor, reporter)?;
        let place = place.ok_or_else(|| {
            Failure::input(format!("{source} is no chain that messages are sent to"))
                .found(runtime.version.spec_name.clone())
                .expected("a relay chain or a parachain")
        })?;
        Ok(Self { chain, runtime, place })
    }

    /// Returns the chain, its block and its runtime, for the report.
    pub fn identity(&self) -> protocol::dry_run::Counterpart {
        identity(self.to_string(), &self.chain, &self.runtime)
    }

    /// Executes a message; nothing where the runtime of the chain has no `DryRunApi`.
    pub fn receive(&self, from: Place, message: &[u8], executor: &Executor) -> Result<Option<Received>> {
        let Some(interface) = self.runtime.interface() else { return Ok(None) };
        let Some(method) = interface.method("DryRunApi", "dry_run_xcm") else { return Ok(None) };
        let Some(origin) =
            newest(&interface, method.inputs.first()).and_then(|version| from.seen_from(self.place, version))
        else {
            return Ok(None);
        };
        if let Some(id) = method.inputs.get(1)
            && let Err(why) = read::validate(interface.types, *id, message)
        {
            return Ok(Some(Received::refused(format!("no message that its runtime can decode: {why}"))));
        }
        let arguments = [&origin[..], message].concat();
        Ok(match ask(&self.runtime, &self.chain, executor, "DryRunApi_dry_run_xcm", &arguments)? {
            Answer::Absent => None,
            Answer::Trap(why) => Some(Received::refused(why)),
            Answer::Value(value, _) => Some(outcome(&interface, method.output, &value)),
        })
    }

    /// Returns the messages of a part of a queue. Signals to the channel are not messages.
    pub fn messages(&self, form: Form, part: &[u8]) -> Vec<Vec<u8>> {
        const CONCATENATED: u8 = 0;
        const CONCATENATED_OPAQUE: u8 = 3;
        match (form, part.split_first()) {
            (Form::Single, _) => vec![part.to_vec()],
            (Form::Page, Some((&CONCATENATED, messages))) => self.concatenated(messages),
            (Form::Page, Some((&CONCATENATED_OPAQUE, messages))) => {
                let mut input = messages;
                std::iter::from_fn(|| Vec::<u8>::decode(&mut input).ok()).take(MOST).collect()
            }
            (Form::Page, _) => Vec::new(),
        }
    }

    /// Splits concatenated messages by their types. The rest behind one that does not decode is
    /// returned as it is, to be refused.
    fn concatenated(&self, messages: &[u8]) -> Vec<Vec<u8>> {
        let Some(interface) = self.runtime.interface() else { return Vec::new() };
        let Some(id) = interface.method("DryRunApi", "dry_run_xcm").and_then(|method| method.inputs.get(1).copied())
        else {
            return Vec::new();
        };
        let mut input = messages;
        let mut found = Vec::new();
        while !input.is_empty() && found.len() < MOST {
            let left = read::skip(interface.types, id, input).unwrap_or_default();
            found.push(input[..input.len() - left.len()].to_vec());
            input = left;
        }
        found
    }
}

impl std::fmt::Display for Counterpart {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} ({})", self.place, self.runtime.version.spec_name)
    }
}

impl Present {
    /// Reads the state of a chain, and the runtime in it.
    pub fn load(source: &Source, how: LoadOptions<'_>, executor: &Executor, reporter: &Reporter) -> Result<Self> {
        reporter.status(format!("reading the state of {source}"));
        let mut chain = fork::load(source, how, reporter)?.chain;
        let code = chain.next_code()?;
        let blob = artifact::blob::Blob::from_deployed(&source.to_string(), code.bytes().to_vec())?;
        let runtime = Runtime::read(&source.to_string(), blob, &chain, executor)?;
        chain.set_state_version(runtime.version.effective_state_version());
        let place = Place::of(&runtime, &chain, executor)?;
        Ok(Self { chain, runtime, place })
    }
}

/// Returns a chain, its block and its runtime, for a report.
pub fn identity(name: String, chain: &Chain, runtime: &Runtime) -> protocol::dry_run::Counterpart {
    protocol::dry_run::Counterpart {
        chain: name,
        spec_version: runtime.version.spec_version,
        blake2_256: hex::encode_prefixed(runtime.code.hash()),
        block_hash: hex::encode_prefixed(chain.header().hash().as_bytes()),
        number: chain.number(),
        state_root: hex::encode_prefixed(chain.root().as_bytes()),
    }
}

/// Returns the newest version of a versioned enum, such as `VersionedLocation`.
pub fn newest(interface: &Interface<'_>, id: Option<&u32>) -> Option<u8> {
    match &interface.types.resolve(*id?)?.type_def {
        TypeDef::Variant(versions) => versions.variants.iter().map(|version| version.index).max(),
        _ => None,
    }
}

fn outcome(interface: &Interface<'_>, result: u32, bytes: &[u8]) -> Received {
    let (id, effects) = match answer::success(interface, result, bytes) {
        Ok(effects) => effects,
        Err(why) => return Received::refused(why),
    };
    let Some((id, outcome)) = answer::field(interface, id, effects, "execution_result") else {
        return Received::refused("an answer without an execution_result".into());
    };
    let name = match interface.types.resolve(id).map(|ty| &ty.type_def) {
        Some(TypeDef::Variant(variants)) => {
            variants.variants.iter().find(|variant| Some(&variant.index) == outcome.first()).map(|it| it.name.as_str())
        }
        _ => None,
    };
    // The executor reports a message as incomplete that its barrier refused before the first
    // instruction.
    let barred = compat::value::parts(interface.types, id, outcome)
        .is_ok_and(|parts| parts.iter().any(|part| part.text == "Barrier"));
    let execution = match name {
        Some("Complete") => Execution::Complete,
        Some("Incomplete") if !barred => Execution::Incomplete,
        _ => Execution::Refused,
    };
    Received { execution, told: compat::value::text(interface.types, id, outcome) }
}

/// Encodes a `Vec<Asset>` with one asset of that amount: `Location { parents, Here }`, `Fungible`,
/// as in versions 4 and 5.
pub fn assets(version: u8, parents: u8, amount: u128) -> Vec<u8> {
    use codec::Encode;
    let head = [version, 1 << 2, parents, 0, 0];
    [&head[..], &Compact(amount).encode()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_encoded_as_xcm_is() {
        assert_eq!(assets(5, 1, 10), [5, 4, 1, 0, 0, 40]);
    }

    #[test]
    fn what_comes_further_is_better() {
        assert!(Execution::Refused < Execution::Incomplete && Execution::Incomplete < Execution::Complete);
    }
}
