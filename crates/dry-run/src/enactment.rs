// SPDX-License-Identifier: Apache-2.0
//! Puts the new code in place the way the chain itself would.
//!
//! `system.apply_authorized_upgrade` may be sent by anyone once the upgrade is authorized. So the authorization is
//! written into the fork's state, the extrinsic goes into a block of the old code, and a parachain then gets its relay
//! chain's go-ahead. The chain's own code checks names, versions and limits on the way.

use crate::result::{Block, Check, Phase};
use codec::{Compact, Encode};
use fork::{Author, Chain, Code, Wish, block};
use worker::{Failure, Kind, Reporter, Result};

const NAME: &str = "enactment";

/// Blocks between the extrinsic and the new code that are waited for: a go-ahead and a delay of two were seen.
const PATIENCE: u32 = 8;

pub struct Enacted {
    /// The chain whose next block is the first of the new code.
    pub chain: Chain,
    pub blocks: Vec<Block>,
    pub check: Check,
}

pub fn enact(chain: &Chain, author: &mut Author<'_>, code: &Code, reporter: &Reporter) -> Result<Enacted> {
    reporter.status("applying the upgrade as the chain would");
    let reason = match through_the_chain(chain, author, code) {
        Ok(enacted) => return Ok(enacted),
        Err(failure) if failure.kind == Kind::Check => failure,
        Err(failure) => return Err(failure),
    };
    // What follows is still worth knowing: put the code there by force and say that the chain would not have.
    let mut replaced = chain.clone();
    replaced.set(vec![(sp_core::storage::well_known_keys::CODE.to_vec(), Some(code.bytes().to_vec()))])?;
    let refused = reason.message == REFUSED;
    let detail = format!("{reason}; the checks below ran with :code replaced in the state");
    let findings = crate::result::errors_logged();
    let check = if refused { Check::fail(NAME, detail) } else { Check::warn(NAME, detail) };
    Ok(Enacted { chain: replaced, blocks: Vec::new(), check: check.with(findings) })
}

const REFUSED: &str = "the chain consumed the authorization and did not take the code";

fn through_the_chain(chain: &Chain, author: &mut Author<'_>, code: &Code) -> Result<Enacted> {
    if chain.next_code()? == *code {
        return Err(Failure::check(REFUSED)
            .found("the very code that the chain runs")
            .expected("a higher spec_version"));
    }
    let layout = author.layout(chain)?;
    let system = layout.pallet("System").ok_or_else(|| Failure::check("the chain's runtime has no System pallet"))?;
    let parachain = layout.parachain_system().cloned();
    let (Some(call), true) = (system.call("apply_authorized_upgrade"), system.has_item("AuthorizedUpgrade")) else {
        return Err(Failure::check("the chain's runtime is older than system.apply_authorized_upgrade"));
    };
    let authorized = system.key("AuthorizedUpgrade");

    let mut chain = chain.clone();
    // `CodeUpgradeAuthorization { code_hash, check_version }` of frame-system.
    let authorization = (sp_core::H256::from_slice(code.hash()), true).encode();
    chain.set(vec![(authorized.clone(), Some(authorization))])?;
    let extrinsic = block::bare_extrinsic(&(call, Compact(code.bytes().len() as u32), Raw(code.bytes())).encode());

    let mut build = |chain: &mut Chain, wish: Wish| -> Result<Block> {
        author.build(chain, wish).map(|built| Block::of(&built, Phase::Enactment))
    };
    let mut blocks = vec![build(&mut chain, Wish { extrinsics: vec![extrinsic], ..Default::default() })?];

    for _ in 0..PATIENCE {
        if chain.next_code()? == *code {
            let numbers =
                (blocks.first().map_or(0, |block| block.number), blocks.last().map_or(0, |block| block.number));
            let by = if parachain.is_some() { ", the relay chain's go-ahead included" } else { "" };
            let detail = match numbers {
                (first, last) if first == last => format!("system.apply_authorized_upgrade in block {first}{by}"),
                (first, last) => format!("system.apply_authorized_upgrade in blocks {first} to {last}{by}"),
            };
            return Ok(Enacted { chain, blocks, check: Check::pass(NAME, detail) });
        }
        let pending = match &parachain {
            Some(pallet) => chain.storage(&pallet.key("PendingValidationCode"))?.is_some_and(|code| code.len() > 1),
            None => false,
        };
        if !pending && chain.storage(&authorized)?.is_none() && parachain.is_none() {
            return Err(Failure::check(REFUSED)
                .found("RejectedInvalidAuthorizedUpgrade")
                .expected("the same spec_name and a higher spec_version"));
        }
        if !pending && parachain.is_some() && blocks.len() == 1 {
            return Err(Failure::check(REFUSED)
                .found("no PendingValidationCode after system.apply_authorized_upgrade")
                .expected("the same spec_name, a higher spec_version and a code within the relay chain's limit"));
        }
        blocks.push(build(&mut chain, Wish { go_ahead: pending, ..Default::default() })?);
    }
    Err(Failure::check("the new code did not take effect")
        .found(format!("{PATIENCE} blocks after the upgrade was applied")))
}

/// Bytes that encode as themselves.
struct Raw<'a>(&'a [u8]);

impl Encode for Raw<'_> {
    fn encode_to<T: codec::Output + ?Sized>(&self, destination: &mut T) {
        destination.write(self.0);
    }
}
