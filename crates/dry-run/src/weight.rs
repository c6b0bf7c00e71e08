// SPDX-License-Identifier: Apache-2.0
//! Weights in every form that runtimes have used: a plain number until 2022, then a struct with one
//! field, then with two.

use crate::{
    ask::{Answer, ask},
    input::Runtime,
    types::Interface,
};
use codec::{Compact, Decode, Encode};
use fork::{Chain, Executor, Layout};
use protocol::Weight;
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};
use worker::Result;

/// The runtime API that tells what a call is charged.
pub const CALL_INFO: &str = "TransactionPaymentCallApi_query_call_info";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Plain,
    Compact,
}

impl Number {
    fn read(self, input: &mut &[u8]) -> Option<u64> {
        match self {
            Self::Plain => u64::decode(input).ok(),
            Self::Compact => Compact::<u64>::decode(input).ok().map(|Compact(number)| number),
        }
    }
}

/// How a runtime encodes a weight. Bytes of one form may decode by another, to other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    ref_time: Number,
    /// Runtimes from before 2023 may have no proof size.
    proof_size: Option<Number>,
}

impl Form {
    /// The form of runtimes from before 2022, whose metadata has no types.
    const OLDEST: Self = Self { ref_time: Number::Plain, proof_size: None };

    /// Returns the form of a runtime; nothing where its typed metadata does not describe weights.
    pub fn of(layout: &Layout) -> Option<Self> {
        let Some(interface) = layout.metadata.as_deref().and_then(Interface::of) else { return Some(Self::OLDEST) };
        let system = interface.pallet("System")?;
        let limits = system.constants.iter().find(|constant| constant.name == "BlockWeights")?;
        let TypeDef::Composite(limits) = &interface.types.resolve(limits.ty)?.type_def else { return None };
        Self::of_type(interface.types, limits.fields.first()?.ty.id)
    }

    fn of_type(types: &PortableRegistry, id: u32) -> Option<Self> {
        match &types.resolve(id)?.type_def {
            TypeDef::Composite(weight) => match &weight.fields[..] {
                [time] => Some(Self { ref_time: number(types, time.ty.id)?, proof_size: None }),
                [time, proof] => {
                    Some(Self { ref_time: number(types, time.ty.id)?, proof_size: Some(number(types, proof.ty.id)?) })
                }
                _ => None,
            },
            _ => Some(Self { ref_time: number(types, id)?, proof_size: None }),
        }
    }

    /// Reads a weight that was used or is charged. A missing proof size is zero.
    pub fn read(self, input: &mut &[u8]) -> Option<Weight> {
        Some(Weight {
            ref_time: self.ref_time.read(input)?,
            proof_size: self.proof_size.map_or(Some(0), |number| number.read(input))?,
        })
    }

    /// Reads a limit. A missing proof size is no limit.
    fn read_limit(self, input: &mut &[u8]) -> Option<Weight> {
        let limit = self.read(input)?;
        Some(if self.proof_size.is_some() { limit } else { Weight { proof_size: u64::MAX, ..limit } })
    }
}

fn number(types: &PortableRegistry, id: u32) -> Option<Number> {
    match &types.resolve(id)?.type_def {
        TypeDef::Primitive(TypeDefPrimitive::U64) => Some(Number::Plain),
        TypeDef::Compact(_) => Some(Number::Compact),
        _ => None,
    }
}

/// Returns the limit of a block: `System.BlockWeights` begins with the base weight of a block and
/// this.
pub fn block_limit(layout: &Layout) -> Option<Weight> {
    let form = Form::of(layout)?;
    let mut bytes = layout.constant("System", "BlockWeights")?;
    form.read(&mut bytes)?;
    form.read_limit(&mut bytes)
}

/// Returns the weight that a block declares: `System.BlockWeight` holds one weight for each of the
/// three dispatch classes.
pub fn declared(layout: &Layout, block_weight: Option<&[u8]>) -> Weight {
    let sum = || {
        let (form, mut bytes) = (Form::of(layout)?, block_weight?);
        (0..3).try_fold(Weight::default(), |sum, _| Some(sum + form.read(&mut bytes)?))
    };
    sum().unwrap_or_default()
}

/// Returns the weight that a call is charged; nothing where the runtime does not tell it.
pub fn charged(
    runtime: &Runtime,
    form: Form,
    chain: &Chain,
    executor: &Executor,
    call: &[u8],
) -> Result<Option<Weight>> {
    let length = u32::try_from(call.len()).unwrap_or(u32::MAX);
    let arguments = [call, &length.encode()].concat();
    // `RuntimeDispatchInfo` begins with it.
    match ask(runtime, chain, executor, CALL_INFO, &arguments)? {
        Answer::Value(answer, _) => Ok(form.read(&mut &answer[..])),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Registry, TypeInfo, meta_type};

    #[derive(TypeInfo)]
    #[allow(dead_code, reason = "its type is asked for")]
    struct TimeAlone {
        #[codec(compact)]
        ref_time: u64,
    }

    #[derive(TypeInfo)]
    #[allow(dead_code, reason = "its type is asked for")]
    struct Both {
        #[codec(compact)]
        ref_time: u64,
        #[codec(compact)]
        proof_size: u64,
    }

    fn form(weight: MetaType) -> Option<Form> {
        let mut registry = Registry::new();
        let id = registry.register_type(&weight).id;
        Form::of_type(&registry.into(), id)
    }

    #[test]
    fn each_form_is_read_as_its_runtime_writes_it() {
        let time = 500_000_000_000u64;
        let read = |weight, bytes: Vec<u8>| {
            let (form, mut input) = (form(weight).expect("a weight"), &bytes[..]);
            let found = (form.read(&mut input), form.read_limit(&mut &bytes[..]));
            assert!(input.is_empty(), "nothing is left over");
            found
        };
        let weight = |proof_size| Some(Weight { ref_time: time, proof_size });
        assert_eq!(read(meta_type::<u64>(), time.encode()), (weight(0), weight(u64::MAX)));
        assert_eq!(read(meta_type::<TimeAlone>(), Compact(time).encode()), (weight(0), weight(u64::MAX)));
        let both = (Compact(time), Compact(7u64)).encode();
        assert_eq!(read(meta_type::<Both>(), both), (weight(7), weight(7)));
    }

    #[test]
    fn what_is_no_weight_is_not_taken_for_one() {
        assert_eq!(form(meta_type::<u32>()), None);
        assert_eq!(form(meta_type::<(u64, u64)>()), None);
    }

    #[test]
    fn runtimes_without_types_write_plain_numbers() {
        assert_eq!(Form::of(&Layout::default()), Some(Form::OLDEST));
    }
}
