// SPDX-License-Identifier: Apache-2.0
//! Does the new code name the authorities of the chain, as nodes read them for its first block?
//!
//! A node checks the author of a block before it executes it. On Aura it reads the authorities with
//! the new code, on the state before the migrations: a runtime that reads them where a migration
//! will write them has none at that point, and every block is refused. Nodes of Babe and Grandpa
//! know their authorities from digests, and call the runtime only after they imported a whole
//! state.

use crate::{
    ask::{Answer, ask},
    input::Runtime,
    rehearsal::Rehearsal,
    types::{Interface, compare},
};
use fork::Chain;
use protocol::{CheckOutcome, Finding, Rank};
use scale_info::{PortableRegistry, TypeDef};
use worker::Result;

struct Question {
    api: &'static str,
    method: &'static str,
    what: &'static str,
    /// Whether the answer must be the same after the migrations, unless the session changed meanwhile.
    lasting: bool,
    /// Whether the answer is a list and may not be empty.
    list: bool,
}

impl Question {
    /// Returns the rank of a different answer before the migrations. With each block nodes read the
    /// authors of Aura and the validators of a relay chain, and no others that a block must wait
    /// for.
    fn differs(&self) -> Rank {
        match self.api {
            "AuraApi" | "ParachainHost" => Rank::Seen,
            _ => Rank::Hazard,
        }
    }

    /// Returns the finding for an empty answer before the migrations.
    fn nobody(&self) -> Finding {
        let who = match self.api {
            "AuraApi" => "the first block of the new code is refused by every node",
            "ParachainHost" => "who looks at the first state of the new code finds no validators",
            _ => "nodes go on with those they know; one that takes over the state of that very block has none",
        };
        Finding::new(self.differs(), format!("{}: nobody, until the migrations have run: {who}", self.what))
    }

    /// Returns the rank of authorities that the migrations changed. Those of Aura are read with
    /// every block, those of Grandpa change by votes.
    fn changes(&self) -> Rank {
        if self.api == "AuraApi" { Rank::Hazard } else { Rank::Seen }
    }
}

const fn question(api: &'static str, method: &'static str, what: &'static str, lasting: bool, list: bool) -> Question {
    Question { api, method, what, lasting, list }
}

const QUESTIONS: [Question; 8] = [
    question("AuraApi", "authorities", "who may author (Aura)", true, true),
    question("BabeApi", "current_epoch", "who may author (Babe)", false, false),
    question("BabeApi", "next_epoch", "who may author next (Babe)", false, false),
    question("GrandpaApi", "grandpa_authorities", "who finalizes (Grandpa)", true, true),
    question("GrandpaApi", "current_set_id", "which set of authorities finalizes (Grandpa)", true, false),
    question("BeefyApi", "validator_set", "who signs for bridges (Beefy)", false, false),
    question("AuthorityDiscoveryApi", "authorities", "whom nodes connect to", false, false),
    question("ParachainHost", "validators", "who validates parachains", false, true),
];

pub fn run(rehearsal: &Rehearsal<'_>) -> Result<CheckOutcome> {
    let Rehearsal { from, to, executor, .. } = rehearsal;
    let (enacted, reached) = (rehearsal.enacted()?, rehearsal.reached()?);
    let (old_interface, new_interface) = (from.interface(), to.interface());
    let same_session = match reached {
        Some(reached) => same_session(to, enacted, reached)?,
        None => false,
    };
    let mut wrong = Vec::new();
    let mut asked = 0;
    for question in &QUESTIONS {
        let function = format!("{}_{}", question.api, question.method);
        let old = ask(from, enacted, executor, &function, &[])?.value();
        let new = match ask(to, enacted, executor, &function, &[])? {
            Answer::Absent => continue,
            Answer::Trap(why) if old.is_some() => {
                let told = format!("{function} on the state before the migrations: {why}");
                wrong.push(Finding::seen(told));
                continue;
            }
            Answer::Trap(_) => continue,
            Answer::Value(new, _) => new,
        };
        asked += 1;
        let what = question.what;
        // An empty list is one zero byte.
        let empty = question.list && new.first() == Some(&0);
        let was_empty = question.list && old.as_ref().is_some_and(|old| old.first() == Some(&0));
        let types = old_interface.as_ref().zip(new_interface.as_ref());
        if let Some((old, new)) = types.and_then(|(old, new)| other_keys(old, new, question)) {
            let told = format!("{what}: keys of {old} became keys of {new}: the keys that nodes hold are of no use");
            wrong.push(Finding::seen(told));
        } else if empty && !was_empty {
            wrong.push(question.nobody());
        } else if let Some(old) = &old
            && *old != new
            && !types.is_some_and(|(old, new)| reshaped(old, new, question))
        {
            let told = format!("{what}: the new code answers differently before its migrations have run");
            wrong.push(Finding::new(question.differs(), told));
        }
        if let Some(reached) = reached.filter(|_| question.lasting || question.list)
            && let Answer::Value(after, _) = ask(to, reached, executor, &function, &[])?
        {
            if question.list && after.first() == Some(&0) && !was_empty {
                wrong.push(Finding::seen(format!("{what}: nobody after the migrations")));
            } else if question.lasting && same_session && old.as_ref().is_some_and(|old| *old != after) {
                let told = format!("{what}: the migrations changed it within a session");
                wrong.push(Finding::new(question.changes(), told));
            }
        }
    }
    asked += usize::from(seal_keys(to, enacted, &mut wrong)?);
    if asked == 0 {
        return Ok(CheckOutcome::skip("the runtime does not say who authors"));
    }
    Ok(match wrong.is_empty() {
        true => CheckOutcome::pass("the new code names the same ones as the old, before its migrations and after"),
        false => CheckOutcome::judged("the first block of the new code meets other authorities", wrong),
    })
}

/// Compares what validators check the seal of a parachain block with: the copy of the last block
/// that `cumulus-pallet-aura-ext` keeps.
fn seal_keys(to: &Runtime, enacted: &Chain, wrong: &mut Vec<Finding>) -> Result<bool> {
    let Some(pallet) = to.layout.pallet_with(&["Authorities", "RelaySlotInfo"], None) else { return Ok(false) };
    let kept = enacted.storage(&pallet.key("Authorities"))?;
    if kept.is_none_or(|kept| kept.first() == Some(&0)) {
        wrong.push(Finding::seen(format!(
            "{}.Authorities is empty before the migrations: validators cannot check the seal of the first block",
            pallet.name
        )));
    }
    Ok(true)
}

/// Returns whether no session began between the two.
fn same_session(to: &Runtime, before: &Chain, after: &Chain) -> Result<bool> {
    let Some(session) = to.layout.pallet_with(&["CurrentIndex", "QueuedKeys"], None) else { return Ok(true) };
    let key = session.key("CurrentIndex");
    Ok(before.storage(&key)? == after.storage(&key)?)
}

fn output(interface: &Interface<'_>, question: &Question) -> Option<u32> {
    interface.method(question.api, question.method).map(|method| method.output)
}

/// Returns whether the answers differ because their types do, which the check of the runtime APIs
/// judges.
fn reshaped(old: &Interface<'_>, new: &Interface<'_>, question: &Question) -> bool {
    match (output(old, question), output(new, question)) {
        (Some(old_id), Some(new_id)) => compare(old, old_id, new, new_id).breaking(),
        _ => false,
    }
}

const CRYPTO: [&str; 4] = ["sr25519", "ed25519", "ecdsa", "bls381"];

/// Returns the kinds of keys where they differ. Their bytes look alike.
fn other_keys(old: &Interface<'_>, new: &Interface<'_>, question: &Question) -> Option<(&'static str, &'static str)> {
    let old = crypto(old.types, output(old, question)?, 0)?;
    let new = crypto(new.types, output(new, question)?, 0)?;
    (old != new).then_some((old, new))
}

/// Returns the first kind of key inside a type.
fn crypto(types: &PortableRegistry, id: u32, depth: usize) -> Option<&'static str> {
    if depth > 12 {
        return None;
    }
    let ty = types.resolve(id)?;
    let named = |kind: &&&str| ty.path.segments.iter().any(|segment| segment.contains(**kind));
    if let Some(kind) = CRYPTO.iter().find(named) {
        return Some(kind);
    }
    let below: Vec<u32> = match &ty.type_def {
        TypeDef::Composite(composite) => composite.fields.iter().map(|field| field.ty.id).collect(),
        TypeDef::Tuple(tuple) => tuple.fields.iter().map(|field| field.id).collect(),
        TypeDef::Sequence(sequence) => vec![sequence.type_param.id],
        TypeDef::Variant(variant) => {
            variant.variants.iter().flat_map(|variant| variant.fields.iter().map(|field| field.ty.id)).collect()
        }
        _ => Vec::new(),
    };
    below.into_iter().take(16).find_map(|id| crypto(types, id, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scale_info::{MetaType, Registry, TypeInfo};

    mod sr25519 {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code)]
        pub struct Public(pub [u8; 32]);
    }

    mod ed25519 {
        #[derive(scale_info::TypeInfo)]
        #[allow(dead_code)]
        pub struct Public(pub [u8; 32]);
    }

    fn kind<T: TypeInfo + 'static>() -> Option<&'static str> {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        let types: PortableRegistry = registry.into();
        crypto(&types, id, 0)
    }

    /// Relay chains moved the authorities of Grandpa from a key of its own into the pallet by a
    /// migration, and continued.
    #[test]
    fn only_authorities_that_nodes_ask_for_with_each_block_stop_the_first_one() {
        let rank = |api: &str| {
            let question = QUESTIONS.iter().find(|question| question.api == api).expect("a question");
            (question.nobody().rank, question.differs())
        };
        for api in ["AuraApi", "ParachainHost"] {
            assert_eq!(rank(api), (Rank::Seen, Rank::Seen), "{api}");
        }
        for api in ["BabeApi", "GrandpaApi", "BeefyApi", "AuthorityDiscoveryApi"] {
            assert_eq!(rank(api), (Rank::Hazard, Rank::Hazard), "{api}");
        }
    }

    #[test]
    fn keys_that_look_alike_are_told_apart_by_their_name() {
        assert_eq!(kind::<Vec<sr25519::Public>>(), Some("sr25519"));
        assert_eq!(kind::<Vec<(ed25519::Public, u64)>>(), Some("ed25519"));
        assert_eq!(kind::<Vec<[u8; 32]>>(), None);
    }
}
