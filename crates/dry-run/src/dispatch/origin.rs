// SPDX-License-Identifier: Apache-2.0
//! The origin that dispatches a proposal, as the scheduler of the chain keeps it (`OriginCaller`).

use crate::types::{Interface, compare::unwrapped, read};
use scale_info::{TypeDef, Variant, form::PortableForm};
use worker::{Failure, Result};

/// The most names of origins that an error lists.
const MOST_NAMES: usize = 40;

/// Who dispatches a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Root,
    /// An account.
    Signed(Vec<u8>),
    /// Another origin, with its name.
    Named(String, Vec<u8>),
}

impl Origin {
    /// Reads an origin from a request: `root`, `signed:` and an account in hex, or the name of an origin of the runtime.
    pub fn parse(text: &str, interface: &Interface<'_>) -> Result<Self> {
        if text == "root" {
            return Ok(Self::Root);
        }
        if let Some(account) = text.strip_prefix("signed:") {
            let account = hex::decode(account).ok().filter(|account| [20, 32].contains(&account.len()));
            return account.map(Self::Signed).ok_or_else(|| {
                Failure::usage(format!("{text} names no account"))
                    .expected("signed: and an account in hex, of 32 bytes or of 20")
            });
        }
        let name = text.rsplit('.').next().unwrap_or(text);
        let mut known = named_origins(interface);
        // `Root` of System comes before an origin of that name in another pallet.
        known.sort_by_key(|(pallet, ..)| *pallet != "system");
        let pallet = text.rsplit_once('.').map(|(pallet, _)| pallet);
        let found = known.iter().find(|(of, origin, _)| *origin == name && pallet.is_none_or(|pallet| pallet == *of));
        match found {
            Some((pallet, origin, encoded)) => Ok(Self::Named(format!("{pallet}.{origin}"), encoded.to_vec())),
            None => {
                let names = known.iter().map(|(pallet, origin, _)| format!("{pallet}.{origin}")).take(MOST_NAMES);
                let names: Vec<_> = ["root".to_owned(), "signed:0x…".to_owned()].into_iter().chain(names).collect();
                Err(Failure::usage(format!("the chain has no origin {text}")).expected(names.join(", ")))
            }
        }
    }

    /// Reads an origin that the state of the chain holds, such as that of a referendum.
    pub fn decode(interface: &Interface<'_>, id: u32, bytes: &[u8]) -> Self {
        if bytes == network::schedule::ROOT {
            return Self::Root;
        }
        Self::Named(compat::value::text(interface.types, id, bytes), bytes.to_vec())
    }

    /// Encodes it as the scheduler keeps it.
    ///
    /// # Errors
    ///
    /// If the runtime has no such origin, as an account of another length.
    pub fn encoded(&self, interface: &Interface<'_>) -> Result<Vec<u8>> {
        let is_origin = |bytes: &Vec<u8>| {
            origin_type(interface).is_some_and(|id| read::validate(interface.types, id, bytes).is_ok())
        };
        self.encode(interface, caller(interface)).filter(is_origin).ok_or_else(|| {
            Failure::usage(format!("{self} is no origin of the chain"))
                .expected("root, signed: and an account of the chain's length, or an origin of the runtime")
        })
    }

    /// Encodes it as a value of this type, which is that of origins (`OriginCaller`). Nothing if the runtime has no such
    /// origin.
    pub fn encoded_as(&self, interface: &Interface<'_>, id: u32) -> Option<Vec<u8>> {
        let encoded = self.encode(interface, variants(interface, id));
        encoded.filter(|bytes| read::validate(interface.types, id, bytes).is_ok())
    }

    fn encode(&self, interface: &Interface<'_>, caller: &[Variant<PortableForm>]) -> Option<Vec<u8>> {
        let (system, raw) = caller.iter().find_map(|outer| {
            let raw = variants(interface, outer.fields.first()?.ty.id);
            (outer.name == "system").then_some((outer, raw))
        })?;
        let inner = |name: &str| raw.iter().find(|variant| variant.name == name);
        match self {
            Self::Root => Some(vec![system.index, inner("Root")?.index]),
            Self::Signed(account) => Some([&[system.index, inner("Signed")?.index], &account[..]].concat()),
            Self::Named(_, encoded) => Some(encoded.clone()),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => out.write_str("root"),
            Self::Signed(account) => write!(out, "signed:{}", hex::encode_prefixed(account)),
            Self::Named(name, _) => out.write_str(name),
        }
    }
}

/// Returns the origins without fields that the runtime has: the pallet, the origin and its encoding.
fn named_origins<'i>(interface: &Interface<'i>) -> Vec<(&'i str, &'i str, [u8; 2])> {
    let mut found = Vec::new();
    for outer in caller(interface) {
        let [field] = outer.fields.as_slice() else { continue };
        for inner in variants(interface, field.ty.id).iter().filter(|inner| inner.fields.is_empty()) {
            found.push((outer.name.as_str(), inner.name.as_str(), [outer.index, inner.index]));
        }
    }
    found
}

/// Returns the variants of `OriginCaller`, by the tasks of the scheduler: `Option<Scheduled { …, origin }>` in a list.
fn caller<'i>(interface: &Interface<'i>) -> &'i [Variant<PortableForm>] {
    origin_type(interface).map_or(&[], |id| variants(interface, id))
}

fn origin_type(interface: &Interface<'_>) -> Option<u32> {
    let types = interface.types;
    let tasks = unwrapped(types, interface.pallet("Scheduler")?.item("Agenda")?.value);
    let TypeDef::Sequence(tasks) = &types.resolve(tasks)?.type_def else { return None };
    let task = variants(interface, tasks.type_param.id).iter().find(|variant| variant.name == "Some")?;
    let TypeDef::Composite(task) = &types.resolve(task.fields.first()?.ty.id)?.type_def else { return None };
    task.fields.iter().find(|field| field.name.as_deref() == Some("origin")).map(|field| field.ty.id)
}

fn variants<'i>(interface: &Interface<'i>, id: u32) -> &'i [Variant<PortableForm>] {
    interface.variants(Some(unwrapped(interface.types, id)))
}
