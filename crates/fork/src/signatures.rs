// SPDX-License-Identifier: Apache-2.0
//! Signatures remembered from one runtime to the next.
//!
//! What an account signs holds the versions of the runtime, so that another runtime takes no transaction of an existing
//! block for signed. To see what it would have made of them, the signatures that were good under the chain's own code are
//! remembered, and then they are good for the other runtime too: these and no others.

#![allow(unexpected_cfgs, reason = "what the macro writes asks whether a runtime is compiled")]

use sp_core::{
    Pair as _, ed25519,
    sr25519::{self, Pair},
};
use sp_runtime_interface::{
    pass_by::{PassFatPointerAndRead, PassPointerAndRead},
    runtime_interface,
};
use std::{cell::RefCell, collections::HashSet};

/// A signature and the key it was made with.
type Signed = ([u8; 64], [u8; 32]);

/// Stands for the signature of the author of a block that was built here, whoever it is: nobody here has the authors' keys.
pub const SEAL: [u8; 64] = *b"the seal of a block that was built on a fork, good for any key..";

#[derive(Default)]
struct Memory {
    good: HashSet<Signed>,
    believing: bool,
    sealing: bool,
}

thread_local! {
    // Host functions are called on the thread that calls the runtime, and have nothing else to keep anything in.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// While this lives, a signature that was good before is taken for good.
pub struct Believing;

impl Believing {
    pub fn begin() -> Self {
        MEMORY.with_borrow_mut(|memory| memory.believing = true);
        Self
    }
}

impl Drop for Believing {
    fn drop(&mut self) {
        MEMORY.with_borrow_mut(|memory| *memory = Memory::default());
    }
}

/// While this lives, [`SEAL`] is taken for everybody's signature.
pub struct Sealing;

impl Sealing {
    pub fn begin() -> Self {
        MEMORY.with_borrow_mut(|memory| memory.sealing = true);
        Self
    }
}

impl Drop for Sealing {
    fn drop(&mut self) {
        MEMORY.with_borrow_mut(|memory| memory.sealing = false);
    }
}

fn judged(signature: &[u8; 64], key: &[u8; 32], good: bool) -> bool {
    MEMORY.with_borrow_mut(|memory| {
        if memory.sealing && *signature == SEAL {
            return true;
        }
        let signed = (*signature, *key);
        match (memory.believing, good) {
            (true, _) => good || memory.good.contains(&signed),
            (false, true) => {
                memory.good.insert(signed);
                true
            }
            (false, false) => false,
        }
    })
}

/// The host functions that check signatures of accounts, as `sp-io` has them, with a memory. ECDSA is not among them: there a
/// runtime is given the key that made the signature of these very bytes.
#[runtime_interface]
pub trait Crypto {
    fn ed25519_verify(
        signature: PassPointerAndRead<&ed25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&ed25519::Public, 32>,
    ) -> bool {
        judged(&signature.0, &key.0, sp_io::crypto::ed25519_verify(signature, message, key))
    }

    /// For signatures of before 2019.
    fn sr25519_verify(
        signature: PassPointerAndRead<&sr25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&sr25519::Public, 32>,
    ) -> bool {
        judged(&signature.0, &key.0, Pair::verify_deprecated(signature, message, key))
    }

    #[version(2)]
    fn sr25519_verify(
        signature: PassPointerAndRead<&sr25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&sr25519::Public, 32>,
    ) -> bool {
        judged(&signature.0, &key.0, Pair::verify(signature, message, key))
    }
}

pub use crypto::HostFunctions;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_good_before_is_believed() {
        let pair = Pair::from_seed(&[7; 32]);
        let (signature, other) = (pair.sign(b"under the old code"), pair.sign(b"never seen"));
        let check = |signature: &sr25519::Signature, message: &[u8]| {
            judged(&signature.0, &pair.public().0, Pair::verify(signature, message, &pair.public()))
        };
        assert!(check(&signature, b"under the old code"));
        assert!(!check(&signature, b"under the new code"), "nothing is believed yet");
        {
            let _believing = Believing::begin();
            assert!(check(&signature, b"under the new code"));
            assert!(!check(&other, b"under the new code"));
            assert!(!judged(&signature.0, &[1; 32], false), "it is another account's");
        }
        assert!(!check(&signature, b"under the new code"));
        let _believing = Believing::begin();
        assert!(!check(&signature, b"under the new code"), "it is forgotten with the end");
    }

    #[test]
    fn a_seal_is_good_only_where_blocks_are_validated() {
        assert!(!judged(&SEAL, &[1; 32], false));
        {
            let _sealing = Sealing::begin();
            assert!(judged(&SEAL, &[1; 32], false));
            assert!(!judged(&[7; 64], &[1; 32], false));
        }
        assert!(!judged(&SEAL, &[1; 32], false));
    }

    #[test]
    fn the_functions_stand_in_for_those_of_nodes() {
        use sp_wasm_interface::HostFunctions as _;
        let own: Vec<_> = HostFunctions::host_functions().iter().map(|function| function.name()).collect();
        assert_eq!(own.len(), 3);
        let known = crate::Executor::host_functions();
        assert!(own.iter().all(|name| known.contains(*name)), "{own:?}");
    }
}
