// SPDX-License-Identifier: Apache-2.0
//! Would the chain take this blob at all? The rules are those of `frame_system::can_set_code` and of what wallets and
//! nodes derive from the version.

use crate::{
    input::Runtime,
    result::{Check, Status},
};
use codec::Decode;
use fork::Chain;
use worker::Result;

/// The largest code that nodes accept, in bytes.
const MAX_CODE_SIZE: usize = 5_242_880;
/// The largest that relay chains accept of a parachain, where its state does not tell.
const MAX_PARACHAIN_CODE_SIZE: usize = 3_145_728;

pub fn versions(from: &Runtime, to: &Runtime) -> Check {
    let (old, new) = (&from.version, &to.version);
    let mut wrong = Vec::new();
    let mut odd = Vec::new();
    if old.spec_name != new.spec_name {
        wrong.push(format!(
            "spec_name: found {}, expected {}: this is another chain's runtime",
            new.spec_name, old.spec_name
        ));
    }
    if new.spec_version <= old.spec_version {
        wrong.push(format!(
            "spec_version: found {}, expected more than {}: the chain refuses the code",
            new.spec_version, old.spec_version
        ));
    }
    match (old.transaction_version, new.transaction_version) {
        (Some(before), Some(after)) if after < before => {
            wrong.push(format!(
                "transaction_version: found {after}, expected at least {before}: wallets refuse to sign"
            ));
        }
        _ => {}
    }
    if new.effective_state_version() < old.effective_state_version() {
        wrong.push(format!(
            "state_version: found {}, expected at least {}: tries do not go back",
            new.effective_state_version(),
            old.effective_state_version()
        ));
    }
    if old.impl_name != new.impl_name {
        odd.push(format!("impl_name: {} became {}", old.impl_name, new.impl_name));
    }
    let summary = format!("{} {} to {} {}", old.spec_name, old.spec_version, new.spec_name, new.spec_version);
    match (wrong.is_empty(), odd.is_empty()) {
        (false, _) => Check::fail("versions", summary).with(wrong),
        (true, false) => Check::warn("versions", summary).with(odd),
        (true, true) => Check::pass("versions", summary),
    }
}

pub fn code_size(to: &Runtime, chain: &Chain) -> Result<Check> {
    let size = to.code.bytes().len();
    let (limit, whose) = match to.layout.parachain_system() {
        // The relay chain's configuration as the parachain last saw it begins with the limit.
        Some(pallet) => {
            let known = chain.storage(&pallet.key("HostConfiguration"))?;
            let known = known.and_then(|bytes| u32::decode(&mut &bytes[..]).ok()).filter(|limit| *limit > 0);
            (known.map_or(MAX_PARACHAIN_CODE_SIZE, |limit| limit as usize), "its relay chain accepts")
        }
        None => (MAX_CODE_SIZE, "a relay chain accepts"),
    };
    let share = size * 100 / limit;
    let status = match share {
        95.. => Status::Fail,
        80.. => Status::Warn,
        _ => Status::Pass,
    };
    Ok(Check::new("code-size", status, format!("{size} bytes, {share} % of the {limit} {whose}")))
}
