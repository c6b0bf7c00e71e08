// SPDX-License-Identifier: Apache-2.0
//! Reads which weights a runtime gives its pallets, from the `impl … ::Config for Runtime` in its
//! source.

use crate::parse::token::{Kind, Source, Token};
use protocol::weights::check::{Wire, WireKind};
use std::collections::BTreeSet;

/// The weights that the source of a runtime configures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiring {
    /// The associated types for weights.
    pub wires: Vec<Wire>,
    /// The configured pallets, with weights or without.
    pub configured: BTreeSet<String>,
    /// All identifiers in the source, except in declarations of modules.
    pub names: BTreeSet<String>,
}

impl Wiring {
    /// Adds one source file.
    pub fn read(&mut self, source: &Source<'_>, file: &str) {
        let code: Vec<usize> = (0..source.tokens.len()).filter(|at| source.tokens[*at].kind != Kind::Comment).collect();
        for (place, at) in code.iter().enumerate() {
            let token = &source.tokens[*at];
            if token.kind != Kind::Identifier {
                continue;
            }
            let after_mod = place > 0 && source.tokens[code[place - 1]].is("mod");
            if !after_mod {
                self.names.insert(token.text.to_owned());
            }
            if let Some((open, close)) = token.is("impl").then(|| source.block(*at)).flatten()
                && let Some(pallet) = configured_pallet(&source.tokens[*at..open])
            {
                self.read_types(source, (open, close), &pallet, file);
                self.configured.insert(pallet);
            }
        }
    }

    /// Reads the associated types for weights in one `impl` block.
    fn read_types(&mut self, source: &Source<'_>, (open, close): (usize, usize), pallet: &str, file: &str) {
        let body: Vec<&Token<'_>> =
            source.tokens[open + 1..close].iter().filter(|token| token.kind != Kind::Comment).collect();
        for (at, token) in body.iter().enumerate().filter(|(_, token)| token.is("type")) {
            let Some(name) = body.get(at + 1).filter(|name| name.text.ends_with("WeightInfo")) else { continue };
            if !body.get(at + 2).is_some_and(|sign| sign.is("=")) {
                continue;
            }
            let weights: String =
                body[at + 3..].iter().take_while(|token| !token.is(";")).map(|token| token.text).collect();
            self.wires.push(Wire {
                pallet: pallet.to_owned(),
                associated_type: name.text.to_owned(),
                kind: wire_kind(&weights, pallet),
                weights,
                file: file.to_owned(),
                line: source.position(token.offset).0,
            });
        }
    }
}

/// Returns the pallet that `impl path::Config<…> for Runtime` configures.
fn configured_pallet(head: &[Token<'_>]) -> Option<String> {
    let text: Vec<&str> = head.iter().filter(|token| token.kind != Kind::Comment).map(|token| token.text).collect();
    let at = text.iter().position(|word| *word == "Config")?;
    let of_runtime =
        text.iter().rposition(|word| *word == "for").is_some_and(|place| text.get(place + 1) == Some(&"Runtime"));
    let path: String = text.get(1..at)?.concat();
    let path = path.trim_end_matches(':').trim_start_matches(':').to_owned();
    let is_path = !path.is_empty() && path.chars().all(|one| one.is_alphanumeric() || one == '_' || one == ':');
    (of_runtime && is_path).then_some(path)
}

/// Classifies the weights of a pallet by the path in the source.
fn wire_kind(weights: &str, pallet: &str) -> WireKind {
    let plain = weights.split('<').next().unwrap_or_default();
    let words: Vec<&str> = plain.split("::").filter(|word| !word.is_empty()).collect();
    let local = words.first().is_some_and(|first| ["crate", "self", "super", "weights"].contains(first));
    match words.as_slice() {
        ["()"] => WireKind::Unit,
        [.., last] if last.contains("Test") => WireKind::ForTests,
        _ if local => {
            // The module is the path segment before the type.
            let module = words.len().checked_sub(2).and_then(|at| words.get(at));
            WireKind::Own(module.map(|name| (*name).to_owned()).unwrap_or_default())
        }
        [first, ..] if pallet.split("::").next() == Some(first) => WireKind::OfThePallet,
        _ => WireKind::OfAnother,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
mod weights;
impl frame_system::Config for Runtime {
    type Block = Block;
    type SystemWeightInfo = weights::frame_system::WeightInfo<Runtime>;
    /// type WeightInfo = comment;
    type ExtensionsWeightInfo = ();
}
impl pallet_balances::Config<Instance> for Runtime { type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>; }
impl pallet_xcm::Config for Runtime { type WeightInfo = pallet_xcm::TestWeightInfo; }
impl pallet_a::sub::Config for crate::Runtime { type WeightInfo = (); }
impl pallet_b::Config for Runtime { type WeightInfo = other_runtime::weights::pallet_b::WeightInfo<Runtime>; }
impl pallet_c::Config for Runtime {}
impl pallet_d::Config for Test { type WeightInfo = (); }
impl<T> Config for X<T> {}
"#;

    #[test]
    fn every_kind_of_wire_is_distinguished() {
        let mut wiring = Wiring::default();
        wiring.read(&Source::new(SOURCE, "lib.rs").expect("tokens"), "lib.rs");
        let wires: Vec<_> =
            wiring.wires.iter().map(|wire| (wire.pallet.as_str(), wire.line, wire.kind.clone())).collect();
        assert_eq!(
            wires,
            [
                ("frame_system", 5, WireKind::Own("frame_system".into())),
                ("frame_system", 7, WireKind::Unit),
                ("pallet_balances", 9, WireKind::OfThePallet),
                ("pallet_xcm", 10, WireKind::ForTests),
                ("pallet_b", 12, WireKind::OfAnother),
            ]
        );
        let configured: Vec<&str> = wiring.configured.iter().map(String::as_str).collect();
        assert_eq!(configured, ["frame_system", "pallet_b", "pallet_balances", "pallet_c", "pallet_xcm"]);
        assert!(wiring.names.contains("weights") && !wiring.names.contains("mod_only"));
    }
}
