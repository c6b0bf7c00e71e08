// SPDX-License-Identifier: Apache-2.0
//! Calls that the root of another chain sends to a parachain by message, tried on a fork.

use codec::{Compact, Encode};
use fork::{Author, BlockRequest, Chain, Code};
use worker::{Kind, Result};

/// The most blocks until a message is executed: it is queued in one block and executed in a later
/// one.
const MOST_BLOCKS: u32 = 4;

/// The chain whose root sends the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    RelayChain,
    Sibling(u32),
}

/// Sends the call as that root would, and returns whether `done` holds within a few blocks.
pub fn obeyed(
    chain: &Chain,
    author: &mut Author<'_>,
    code: &Code,
    sender: Sender,
    call: &[u8],
    done: impl Fn(&Chain) -> Result<bool>,
) -> Result<bool> {
    for message in superuser(call) {
        let mut told = chain.clone();
        let mut wish = match sender {
            Sender::RelayChain => BlockRequest { downward: vec![message], ..Default::default() },
            // `XcmpMessageFormat::ConcatenatedVersionedXcm`
            Sender::Sibling(id) => {
                BlockRequest { horizontal: vec![(id, [vec![0], message].concat())], ..Default::default() }
            }
        };
        for _ in 0..MOST_BLOCKS {
            match author.build_with(&mut told, code, std::mem::take(&mut wish)) {
                Ok(_) if done(&told)? => return Ok(true),
                Ok(_) => {}
                Err(failure) if failure.kind == Kind::Check => break,
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(false)
}

/// Returns the messages with which a root sends a call, in the versions of XCM that chains still
/// support, the newest first: `UnpaidExecution { Unlimited, None }`, `Transact { Superuser, weight,
/// call }`.
pub fn superuser(call: &[u8]) -> [Vec<u8>; 3] {
    const UNPAID_EXECUTION: u8 = 47;
    const TRANSACT: u8 = 6;
    const SUPERUSER: u8 = 2;
    let weight = (Compact(1_000_000_000u64), Compact(65_536u64)).encode();
    let message = |version: u8, weight: Vec<u8>| {
        let instructions = [vec![version, 2 << 2, UNPAID_EXECUTION, 0, 0, TRANSACT, SUPERUSER], weight, call.encode()];
        instructions.concat()
    };
    // From version 5 on the weight is optional, and only for receivers with an older version.
    [message(5, [vec![1], weight.clone()].concat()), message(4, weight.clone()), message(3, weight)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_root_is_encoded_as_xcm_is() {
        let [fifth, fourth, third] = superuser(&[40, 3, 0]);
        assert_eq!(fifth, [5, 8, 47, 0, 0, 6, 2, 1, 0x02, 0x28, 0x6b, 0xee, 0x02, 0x00, 0x04, 0x00, 12, 40, 3, 0]);
        assert_eq!(fourth, [4, 8, 47, 0, 0, 6, 2, 0x02, 0x28, 0x6b, 0xee, 0x02, 0x00, 0x04, 0x00, 12, 40, 3, 0]);
        assert_eq!(third[1..], fourth[1..]);
    }
}
