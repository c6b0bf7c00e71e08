// SPDX-License-Identifier: Apache-2.0
//! The call of an extrinsic, as far as the metadata describes it.

use crate::types::{Interface, read};
use codec::{Compact, Decode, Encode};
use sp_runtime::OpaqueExtrinsic;

/// Returns `Pallet.call`; nothing for unknown formats, and for signed ones under metadata 14, which
/// does not describe the types before the call.
pub fn call(interface: &Interface<'_>, extrinsic: &OpaqueExtrinsic) -> Option<String> {
    let encoded = extrinsic.encode();
    let mut input = encoded.as_slice();
    Compact::<u32>::decode(&mut input).ok()?;
    let preamble = u8::decode(&mut input).ok()?;
    let mut before = Vec::new();
    match (preamble & 0b1100_0000, preamble & 0b0011_1111) {
        // Bare.
        (0, 4 | 5) => {}
        // Signed.
        (0b1000_0000, 4) => before.extend([interface.address?, interface.signature?]),
        // General: the version of its extensions first.
        (0b0100_0000, 5) => {
            u8::decode(&mut input).ok().filter(|version| *version == 0)?;
        }
        _ => return None,
    }
    if preamble & 0b1100_0000 != 0 {
        before.extend(interface.extensions.iter().map(|extension| extension.explicit));
    }
    for id in before {
        input = read::skip(interface.types, id, input).ok()?;
    }
    let [index, call, ..] = input else { return None };
    let pallet = interface.pallets.iter().find(|pallet| pallet.index == *index)?;
    let call = interface.calls(pallet).iter().find(|known| known.index == *call)?;
    Some(format!("{}.{}", pallet.name, call.name))
}
