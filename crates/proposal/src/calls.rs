// SPDX-License-Identifier: Apache-2.0
//! The calls of an upgrade, as values to encode. The chain's metadata decides which of them it has.

use crate::{Pallet, Target, Value, value::named};
use protocol::proposal::Enactment;
use scale_info::TypeDef;
use worker::{Failure, Result};

/// The most bytes of a proposal inside of a referendum. A longer one is noted as a preimage first.
pub const INLINE_LIMIT: usize = 128;

/// Returns a call of a pallet.
pub fn call(pallet: &Pallet, name: &str, fields: Vec<crate::Field>) -> Value {
    Value::Call { pallet: pallet.name.clone(), name: name.into(), fields }
}

/// The calls that upgrade the code of a chain.
pub struct UpgradeCalls<'chain> {
    chain: &'chain Target,
    pallet: &'chain Pallet,
    method: UpgradeMethod,
}

/// The method of an upgrade.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UpgradeMethod {
    /// Root authorizes the hash of the code; any account submits the code with the call `apply`.
    ByHash { apply: &'static str },
    /// Root sets the code itself. Older releases have only this method.
    WholeCode,
}

impl<'chain> UpgradeCalls<'chain> {
    /// Returns the calls of a chain. Current chains authorize upgrades in `System`; older
    /// parachains do so in `ParachainSystem`, and other older chains only have `set_code`.
    pub fn of(chain: &'chain Target) -> Option<Self> {
        let places = [
            ("System", "frame_system", "apply_authorized_upgrade"),
            ("ParachainSystem", "cumulus_pallet_parachain_system", "enact_authorized_upgrade"),
        ];
        let by_hash = places.into_iter().find_map(|(name, crate_name, apply)| {
            let pallet = chain.pallet_of(name, crate_name)?;
            chain.call(pallet, "authorize_upgrade")?;
            chain.call(pallet, apply)?;
            Some(Self { chain, pallet, method: UpgradeMethod::ByHash { apply } })
        });
        by_hash.or_else(|| {
            let pallet = chain.pallet_of("System", "frame_system")?;
            chain.call(pallet, "set_code")?;
            Some(Self { chain, pallet, method: UpgradeMethod::WholeCode })
        })
    }

    /// Returns whether root authorizes a hash. Such a call is small enough to be sent to another
    /// chain.
    pub fn by_hash(&self) -> bool {
        matches!(self.method, UpgradeMethod::ByHash { .. })
    }

    /// Returns whether the call has an argument that turns the check of versions on or off.
    fn has_version_flag(&self) -> bool {
        let call = self.chain.call(self.pallet, "authorize_upgrade");
        call.is_some_and(|call| call.fields.iter().any(|field| field.name.as_deref() == Some("check_version")))
    }

    /// Returns whether the chain never checks versions, as the first parachains.
    pub fn never_checks(&self) -> bool {
        self.method == UpgradeMethod::ByHash { apply: "enact_authorized_upgrade" } && !self.has_version_flag()
    }

    /// Returns the call that root has to dispatch.
    ///
    /// Fails if the chain has no call without checks and `without_checks` is set.
    pub fn root_call(&self, code: &[u8], without_checks: bool) -> Result<Value> {
        let (mut name, argument) = match self.method {
            UpgradeMethod::ByHash { .. } => {
                ("authorize_upgrade", named("code_hash", Value::bytes(crate::blake2_256(code))))
            }
            UpgradeMethod::WholeCode => ("set_code", named("code", Value::bytes(code))),
        };
        if self.has_version_flag() {
            let check = named("check_version", Value::Bool(!without_checks));
            return Ok(call(self.pallet, name, vec![argument, check]));
        }
        if without_checks && !self.never_checks() {
            name = match self.method {
                UpgradeMethod::ByHash { .. } => "authorize_upgrade_without_checks",
                UpgradeMethod::WholeCode => "set_code_without_checks",
            };
        }
        if self.chain.call(self.pallet, name).is_none() {
            return Err(Failure::usage(format!("{} cannot be upgraded without checks", self.chain.name()))
                .expected(format!("a call {}.{name}", self.pallet.name))
                .hint("omit the option"));
        }
        Ok(call(self.pallet, name, vec![argument]))
    }

    /// Returns the call that applies the authorized upgrade; any account can submit it.
    pub fn apply(&self, code: &[u8]) -> Option<Value> {
        match self.method {
            UpgradeMethod::ByHash { apply } => Some(call(self.pallet, apply, vec![named("code", Value::bytes(code))])),
            UpgradeMethod::WholeCode => None,
        }
    }
}

/// Returns the pallet Sudo, if the chain has it.
pub fn sudo_pallet(chain: &Target) -> Option<&Pallet> {
    chain.pallet_of("Sudo", "pallet_sudo").filter(|pallet| chain.call(pallet, "sudo").is_some())
}

/// Returns the call `sudo` with an inner call.
pub fn sudo(pallet: &Pallet, inner: Value) -> Value {
    call(pallet, "sudo", vec![named("call", inner)])
}

/// Returns the call `sudo_unchecked_weight`, if the chain has it, else [`sudo`]. Older chains
/// declare a weight above that of a block for `set_code`.
pub fn sudo_of_any_weight(chain: &Target, pallet: &Pallet, inner: Value) -> Value {
    let name = "sudo_unchecked_weight";
    let weight = chain.call(pallet, name).and_then(|call| call.fields.get(1));
    let Some((field, ty)) =
        weight.and_then(|field| Some((field, crate::registry::unwrap_newtypes(chain.registry(), field.ty.id)?.1)))
    else {
        return sudo(pallet, inner);
    };
    let zero = match &ty.type_def {
        TypeDef::Composite(parts) => Value::Fields(
            parts.fields.iter().map(|part| crate::Field { name: part.name.clone(), value: Value::Number(0) }).collect(),
        ),
        // Older weights are a single number.
        _ => Value::Number(0),
    };
    call(pallet, name, vec![named("call", inner), crate::Field { name: field.name.clone(), value: zero }])
}

/// Returns the pallet Referenda, if the chain has it.
pub fn referenda_pallet(chain: &Target) -> Option<&Pallet> {
    chain.pallet_of("Referenda", "pallet_referenda").filter(|pallet| chain.call(pallet, "submit").is_some())
}

/// Returns the pallet Preimage, if the chain has it.
pub fn preimage_pallet(chain: &Target) -> Option<&Pallet> {
    chain.pallet_of("Preimage", "pallet_preimage").filter(|pallet| chain.call(pallet, "note_preimage").is_some())
}

/// Returns the pallet Whitelist, if the chain has it.
pub fn whitelist_pallet(chain: &Target) -> Option<&Pallet> {
    chain.pallet_of("Whitelist", "pallet_whitelist").filter(|pallet| {
        ["whitelist_call", "dispatch_whitelisted_call_with_preimage"]
            .iter()
            .all(|name| chain.call(pallet, name).is_some())
    })
}

/// Returns the origin `leaf` of a referendum: the variant of the runtime's origin enum with the
/// variant `leaf` of the pallet's enum inside.
pub fn referendum_origin(chain: &Target, leaf: &str) -> Option<Value> {
    let submit = chain.call(referenda_pallet(chain)?, "submit")?;
    let field = submit.fields.iter().find(|field| field.name.as_deref() == Some("proposal_origin"))?;
    let has_leaf = |ty: u32| {
        let inner = chain.variants(ty).map(|inner| inner.variants.as_slice()).unwrap_or_default();
        inner.iter().any(|variant| variant.name == leaf && variant.fields.is_empty())
    };
    let mut origins: Vec<&str> = chain
        .variants(field.ty.id)?
        .variants
        .iter()
        .filter(|origin| matches!(origin.fields.as_slice(), [only] if has_leaf(only.ty.id)))
        .map(|origin| origin.name.as_str())
        .collect();
    // Prefer `Root` of frame_system to an origin of that name in another pallet.
    origins.sort_by_key(|name| !name.eq_ignore_ascii_case("system"));
    origins.first().map(|origin| Value::variant(origin, Value::unit_variant(leaf)))
}

/// Returns the call `submit` of a referendum.
pub fn submit(pallet: &Pallet, origin: Value, proposal: Value, enactment: Enactment) -> Value {
    let moment = match enactment {
        Enactment::After(blocks) => Value::variant("After", Value::Number(blocks.into())),
        Enactment::At(block) => Value::variant("At", Value::Number(block.into())),
    };
    let fields = vec![named("proposal_origin", origin), named("proposal", proposal), named("enactment_moment", moment)];
    call(pallet, "submit", fields)
}

/// Returns a bounded call that contains the encoded call.
pub fn inline(call: &[u8]) -> Value {
    Value::variant("Inline", Value::bytes(call))
}

/// Returns a bounded call that refers to a preimage by its hash and length.
pub fn lookup(call: &[u8]) -> Value {
    let fields =
        vec![named("hash", Value::bytes(crate::blake2_256(call))), named("len", Value::Number(call.len() as u128))];
    Value::variant_of("Lookup", fields)
}
