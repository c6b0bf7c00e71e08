// SPDX-License-Identifier: Apache-2.0
//! Replays signature checks of one runtime in another.
//!
//! Transactions sign the versions of the runtime, so another runtime finds the signatures of an
//! existing block invalid. To see how it would execute these transactions, signatures that were
//! valid under the chain's own code are remembered, and only these are valid under the other
//! runtime too.

#![allow(unexpected_cfgs, reason = "what the macro writes asks whether a runtime is compiled")]

use sp_core::{
    Pair as _, ed25519,
    sr25519::{self, Pair},
};
use sp_externalities::{ExternalitiesExt as _, decl_extension};
use sp_io::EcdsaVerifyError;
use sp_runtime_interface::{
    pass_by::{AllocateAndReturnByCodec, PassFatPointerAndRead, PassPointerAndRead},
    runtime_interface,
};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A signature and the key it was made with.
type Signed = ([u8; 64], [u8; 32]);

/// A placeholder for the author's signature of a block built here. Nobody here has the authors'
/// keys.
pub const SEAL: [u8; 64] = *b"the seal of a block that was built on a fork, good for any key..";

/// An ECDSA signature, and the size of its public key in bytes in the form that the runtime
/// requests.
type EcdsaSignature = ([u8; 65], usize);

/// The valid signatures that an executor has seen, and the invalid ones that it accepts.
///
/// Clones share their content. The host functions find it as an extension of the externalities, so
/// that each executor of a process has its own.
#[derive(Clone, Default)]
pub struct SignatureMemory(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    mode: Mode,
    accepts_seal: bool,
    valid: HashSet<Signed>,
    /// The public key recovered from a signature. `None` if several messages gave different keys.
    keys: HashMap<EcdsaSignature, Option<Vec<u8>>>,
}

/// What happens to signatures.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Verify,
    /// Valid signatures are remembered.
    Record,
    /// Remembered signatures are accepted.
    Replay,
}

decl_extension! {
    /// Gives the host functions the memory of their executor.
    pub struct SignatureExt(SignatureMemory);
}

/// While this guard lives, the signatures that were recorded before it are accepted for any
/// message.
pub struct SignatureReplayGuard(SignatureMemory);

impl Drop for SignatureReplayGuard {
    fn drop(&mut self) {
        *self.0.lock() = Memory::default();
    }
}

/// While this guard lives, [`SEAL`] is accepted as the signature of any key.
pub struct SealGuard(SignatureMemory);

impl Drop for SealGuard {
    fn drop(&mut self) {
        self.0.lock().accepts_seal = false;
    }
}

impl SignatureMemory {
    /// Starts to remember valid signatures.
    pub fn record(&self) {
        self.lock().mode = Mode::Record;
    }

    /// Starts to accept the remembered signatures. Dropping the guard forgets them.
    pub fn replay(&self) -> SignatureReplayGuard {
        self.lock().mode = Mode::Replay;
        SignatureReplayGuard(self.clone())
    }

    /// Starts to accept [`SEAL`].
    pub fn accept_seal(&self) -> SealGuard {
        self.lock().accepts_seal = true;
        SealGuard(self.clone())
    }

    /// Returns a memory that accepts [`SEAL`] always.
    pub(crate) fn accepting_seal() -> Self {
        let memory = Self::default();
        memory.lock().accepts_seal = true;
        memory
    }

    /// Returns the memory of the executor that runs on this thread, if it has one.
    fn current() -> Option<Self> {
        sp_externalities::with_externalities(|mut externalities| {
            externalities.extension::<SignatureExt>().map(|extension| extension.0.clone())
        })
        .flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a signature is accepted. `is_valid` is asked only if that decides: the blocks
    /// of a relay chain carry hundreds of seals.
    fn is_accepted(&self, signature: &[u8; 64], key: &[u8; 32], is_valid: impl FnOnce() -> bool) -> bool {
        if *signature == SEAL && self.lock().accepts_seal {
            return true;
        }
        let valid = is_valid();
        let mut memory = self.lock();
        let signed = (*signature, *key);
        match memory.mode {
            Mode::Record if valid => {
                memory.valid.insert(signed);
                true
            }
            Mode::Replay => valid || memory.valid.contains(&signed),
            Mode::Verify | Mode::Record => valid,
        }
    }

    /// Returns the recovered public key, or while replaying the one recovered before.
    ///
    /// With ECDSA a runtime does not ask whether a signature is valid but which key made it.
    /// Another message gives another key.
    fn recover<const SIZE: usize>(
        &self,
        signature: &[u8; 65],
        key: Result<[u8; SIZE], EcdsaVerifyError>,
    ) -> Result<[u8; SIZE], EcdsaVerifyError> {
        let mut memory = self.lock();
        let mode = memory.mode;
        let known = memory.keys.entry((*signature, SIZE));
        match (mode, &key) {
            (Mode::Replay, _) => {
                return match known {
                    Entry::Occupied(known) => {
                        known.get().as_deref().and_then(|key| key.try_into().ok()).map_or(key, Ok)
                    }
                    Entry::Vacant(_) => key,
                };
            }
            (Mode::Record, Ok(key)) => match known {
                Entry::Vacant(new) => drop(new.insert(Some(key.to_vec()))),
                Entry::Occupied(mut known) if known.get().as_deref() != Some(key) => drop(known.insert(None)),
                Entry::Occupied(_) => {}
            },
            _ => {}
        }
        key
    }
}

fn is_accepted(signature: &[u8; 64], key: &[u8; 32], is_valid: impl FnOnce() -> bool) -> bool {
    match SignatureMemory::current() {
        Some(memory) => memory.is_accepted(signature, key, is_valid),
        None => is_valid(),
    }
}

fn recover_or_replay<const SIZE: usize>(
    signature: &[u8; 65],
    key: Result<[u8; SIZE], EcdsaVerifyError>,
) -> Result<[u8; SIZE], EcdsaVerifyError> {
    match SignatureMemory::current() {
        Some(memory) => memory.recover(signature, key),
        None => key,
    }
}

/// Recovers a key by the rule of the first version, which also accepts numbers above the curve's
/// order.
fn recover_overflowing(signature: &[u8; 65], message: &[u8; 32]) -> Result<libsecp256k1::PublicKey, EcdsaVerifyError> {
    let [parts @ .., form] = signature;
    let form = if *form > 26 { form - 27 } else { *form };
    let form = libsecp256k1::RecoveryId::parse(form).map_err(|_| EcdsaVerifyError::BadV)?;
    let parts = libsecp256k1::Signature::parse_overflowing(parts);
    libsecp256k1::recover(&libsecp256k1::Message::parse(message), &parts, &form)
        .map_err(|_| EcdsaVerifyError::BadSignature)
}

/// The host functions that verify signatures of accounts, as in `sp-io`, with replay.
#[runtime_interface]
pub trait Crypto {
    /// Verifies an ed25519 signature of a message.
    fn ed25519_verify(
        signature: PassPointerAndRead<&ed25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&ed25519::Public, 32>,
    ) -> bool {
        is_accepted(&signature.0, &key.0, || sp_io::crypto::ed25519_verify(signature, message, key))
    }

    /// For signatures from before 2019.
    fn sr25519_verify(
        signature: PassPointerAndRead<&sr25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&sr25519::Public, 32>,
    ) -> bool {
        is_accepted(&signature.0, &key.0, || Pair::verify_deprecated(signature, message, key))
    }

    /// Verifies an sr25519 signature of a message.
    #[version(2)]
    fn sr25519_verify(
        signature: PassPointerAndRead<&sr25519::Signature, 64>,
        message: PassFatPointerAndRead<&[u8]>,
        key: PassPointerAndRead<&sr25519::Public, 32>,
    ) -> bool {
        is_accepted(&signature.0, &key.0, || Pair::verify(signature, message, key))
    }

    /// For signatures from before 2021, as the compressed variant below.
    fn secp256k1_ecdsa_recover(
        signature: PassPointerAndRead<&[u8; 65], 65>,
        message: PassPointerAndRead<&[u8; 32], 32>,
    ) -> AllocateAndReturnByCodec<Result<[u8; 64], EcdsaVerifyError>> {
        // The first byte only marks the uncompressed form.
        let key = recover_overflowing(signature, message).map(|key| {
            let [_, key @ ..] = key.serialize();
            key
        });
        recover_or_replay(signature, key)
    }

    /// Recovers the public key of a signature, 64 bytes without the mark of its form.
    #[version(2)]
    fn secp256k1_ecdsa_recover(
        signature: PassPointerAndRead<&[u8; 65], 65>,
        message: PassPointerAndRead<&[u8; 32], 32>,
    ) -> AllocateAndReturnByCodec<Result<[u8; 64], EcdsaVerifyError>> {
        recover_or_replay(signature, sp_io::crypto::secp256k1_ecdsa_recover(signature, message))
    }

    /// For signatures from before 2021: accepts numbers above the order of the curve.
    fn secp256k1_ecdsa_recover_compressed(
        signature: PassPointerAndRead<&[u8; 65], 65>,
        message: PassPointerAndRead<&[u8; 32], 32>,
    ) -> AllocateAndReturnByCodec<Result<[u8; 33], EcdsaVerifyError>> {
        let key = recover_overflowing(signature, message).map(|key| key.serialize_compressed());
        recover_or_replay(signature, key)
    }

    /// Recovers the public key of a signature in the compressed form.
    #[version(2)]
    fn secp256k1_ecdsa_recover_compressed(
        signature: PassPointerAndRead<&[u8; 65], 65>,
        message: PassPointerAndRead<&[u8; 32], 32>,
    ) -> AllocateAndReturnByCodec<Result<[u8; 33], EcdsaVerifyError>> {
        recover_or_replay(signature, sp_io::crypto::secp256k1_ecdsa_recover_compressed(signature, message))
    }
}

pub use crypto::HostFunctions;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signatures_that_were_valid_before_are_replayed() {
        let pair = Pair::from_seed(&[7; 32]);
        let (signature, other) = (pair.sign(b"under the old code"), pair.sign(b"never seen"));
        let memory = SignatureMemory::default();
        memory.record();
        let check = |signature: &sr25519::Signature, message: &[u8]| {
            memory.is_accepted(&signature.0, &pair.public().0, || Pair::verify(signature, message, &pair.public()))
        };
        assert!(check(&signature, b"under the old code"));
        assert!(!check(&signature, b"under the new code"), "nothing is replayed yet");
        {
            let _replay = memory.replay();
            assert!(check(&signature, b"under the new code"));
            assert!(!check(&other, b"under the new code"));
            assert!(!memory.is_accepted(&signature.0, &[1; 32], || false), "another account");
            let other = SignatureMemory::default();
            let _replay = other.replay();
            assert!(!other.is_accepted(&signature.0, &pair.public().0, || false), "another executor");
        }
        assert!(!check(&signature, b"under the new code"));
        let _replay = memory.replay();
        assert!(!check(&signature, b"under the new code"), "dropping the guard forgets it");
    }

    #[test]
    fn the_placeholder_seal_is_valid_only_under_its_guard() {
        let memory = SignatureMemory::default();
        assert!(!memory.is_accepted(&SEAL, &[1; 32], || false));
        {
            let _seal = memory.accept_seal();
            assert!(memory.is_accepted(&SEAL, &[1; 32], || false));
            assert!(!memory.is_accepted(&[7; 64], &[1; 32], || false));
        }
        assert!(!memory.is_accepted(&SEAL, &[1; 32], || false));
    }

    #[test]
    fn a_recovered_key_is_replayed_if_it_was_unambiguous() {
        let pair = sp_core::ecdsa::Pair::from_seed(&[7; 32]);
        let (old, new, third) = ([1; 32], [2; 32], [3; 32]);
        let [signature, never_seen, twice] = [old, third, old].map(|message| pair.sign_prehashed(&message).0);
        let twice = [&twice[..64], &[twice[64] ^ 1]].concat().try_into().expect("65 bytes");
        let memory = SignatureMemory::default();
        memory.record();
        let recover = |signature: &[u8; 65], message: &[u8; 32]| {
            let recovered = || sp_io::crypto::secp256k1_ecdsa_recover_compressed(signature, message);
            let result = memory.recover(signature, recovered()).ok();
            (result == recovered().ok(), result)
        };
        let owner = Some(pair.public().0);
        assert_eq!(recover(&signature, &old), (true, owner));
        // The same signature with two messages is ambiguous.
        assert!(recover(&twice, &old).0);
        assert!(recover(&twice, &third).0);
        {
            let _replay = memory.replay();
            assert_eq!(recover(&signature, &new), (false, owner));
            assert!(recover(&never_seen, &new).0);
            assert!(recover(&twice, &new).0);
            let other_form = || sp_io::crypto::secp256k1_ecdsa_recover(&signature, &new);
            assert_eq!(memory.recover(&signature, other_form()).ok(), other_form().ok());
        }
        assert!(recover(&signature, &new).0, "dropping the guard forgets it");
    }

    #[test]
    fn both_recovery_rules_give_the_same_key() {
        let pair = sp_core::ecdsa::Pair::from_seed(&[7; 32]);
        let message = [9; 32];
        let signature = pair.sign_prehashed(&message).0;
        let key = recover_overflowing(&signature, &message).ok().expect("a key");
        assert_eq!(key.serialize_compressed(), pair.public().0);
        let mut of_no_form = signature;
        of_no_form[64] = 9;
        assert!(matches!(recover_overflowing(&of_no_form, &message), Err(EcdsaVerifyError::BadV)));
        assert!(matches!(recover_overflowing(&[0; 65], &message), Err(EcdsaVerifyError::BadSignature)));
    }

    #[test]
    fn the_host_functions_replace_those_of_nodes() {
        use sp_wasm_interface::HostFunctions as _;
        let own: Vec<_> = HostFunctions::host_functions().iter().map(|function| function.name()).collect();
        assert_eq!(own.len(), 7);
        let known = crate::Executor::host_functions();
        assert!(own.iter().all(|name| known.contains_key(*name)), "{own:?}");
    }
}
