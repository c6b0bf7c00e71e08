// SPDX-License-Identifier: Apache-2.0
//! The host functions of the interpreter: memory, logging, storage that is empty at first, hashes,
//! signatures.

use super::{
    allocator::{Allocator, HEADER},
    storage::Storage,
};
use crate::hashes;
use codec::Encode;
use sha2::{Digest, Sha256};
use sha3::Keccak256;
use wasmi::{AsContextMut, Caller, Error, Memory, StoreLimits, Val};

const PAGE: u64 = 65536;

/// The state of the host during one call.
pub(super) struct Host {
    pub(super) limits: StoreLimits,
    pub(super) memory: Option<Memory>,
    pub(super) allocator: Allocator,
    pub(super) storage: Storage,
    pub(super) signature_checks: SignatureChecks,
}

/// The messages whose signatures were verified during a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SignatureChecks {
    /// The messages, in the order of the calls.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The last input of a hash function: ECDSA signs a hash.
    hashed: Vec<u8>,
}

impl Host {
    pub(super) fn new(limits: StoreLimits) -> Self {
        Self {
            limits,
            memory: None,
            allocator: Allocator::default(),
            storage: Storage::default(),
            signature_checks: SignatureChecks::default(),
        }
    }
}

/// Calls a host function.
pub(super) fn call(
    mut caller: Caller<'_, Host>,
    name: &str,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    let answer = match name {
        "ext_allocator_malloc_version_1" => Some(Val::I32(allocate(&mut caller, word(name, arguments, 0)?)? as i32)),
        "ext_allocator_free_version_1" => {
            let pointer = word(name, arguments, 0)?;
            if !caller.data_mut().allocator.free(pointer) {
                return Err(Error::new(format!("{name}: no block starts at {pointer}")));
            }
            None
        }
        // Level 0 turns logging off, so that the runtime does not format its messages.
        "ext_logging_max_level_version_1" => Some(Val::I32(0)),
        "ext_logging_log_version_1"
        | "ext_misc_print_num_version_1"
        | "ext_misc_print_utf8_version_1"
        | "ext_misc_print_hex_version_1" => None,
        "ext_storage_get_version_1" => {
            let key = argument_bytes(&mut caller, name, arguments)?;
            let found = caller.data().storage.get(&key).map(<[u8]>::to_vec).encode();
            charge(&mut caller, found.len())?;
            Some(return_bytes(&mut caller, &found)?)
        }
        "ext_storage_next_key_version_1" => {
            let key = argument_bytes(&mut caller, name, arguments)?;
            let found = caller.data().storage.next_key(&key).map(<[u8]>::to_vec).encode();
            Some(return_bytes(&mut caller, &found)?)
        }
        "ext_storage_read_version_1" => Some(read(&mut caller, name, arguments)?),
        "ext_storage_exists_version_1" => {
            let key = argument_bytes(&mut caller, name, arguments)?;
            Some(Val::I32(i32::from(caller.data().storage.get(&key).is_some())))
        }
        "ext_storage_set_version_1" => {
            let (key, value) =
                (argument_bytes(&mut caller, name, arguments)?, argument_bytes_at(&mut caller, name, arguments, 1)?);
            caller.data_mut().storage.set(key, value).map_err(Error::new)?;
            None
        }
        "ext_storage_append_version_1" => {
            let (key, value) =
                (argument_bytes(&mut caller, name, arguments)?, argument_bytes_at(&mut caller, name, arguments, 1)?);
            // The whole list is copied.
            let former = caller.data().storage.get(&key).map_or(0, <[u8]>::len);
            charge(&mut caller, former)?;
            caller.data_mut().storage.append(key, &value).map_err(Error::new)?;
            None
        }
        "ext_storage_clear_version_1" => {
            let key = argument_bytes(&mut caller, name, arguments)?;
            caller.data_mut().storage.clear(&key);
            None
        }
        "ext_storage_clear_prefix_version_1" => {
            let prefix = argument_bytes(&mut caller, name, arguments)?;
            caller.data_mut().storage.clear_prefix(&prefix);
            None
        }
        "ext_storage_clear_prefix_version_2" => {
            let prefix = argument_bytes(&mut caller, name, arguments)?;
            let cleared = caller.data_mut().storage.clear_prefix(&prefix);
            // `KillStorageResult::AllRemoved`.
            Some(return_bytes(&mut caller, &[&[0], &cleared.to_le_bytes()[..]].concat())?)
        }
        "ext_storage_start_transaction_version_1" => {
            let copied = caller.data().storage.size();
            charge(&mut caller, copied)?;
            caller.data_mut().storage.start_transaction().map_err(Error::new)?;
            None
        }
        "ext_storage_commit_transaction_version_1" => {
            caller.data_mut().storage.commit_transaction().map_err(Error::new)?;
            None
        }
        "ext_storage_rollback_transaction_version_1" => {
            caller.data_mut().storage.rollback_transaction().map_err(Error::new)?;
            None
        }
        // `None`.
        "ext_default_child_storage_get_version_1" => Some(return_bytes(&mut caller, &[0])?),
        "ext_offchain_index_set_version_1" | "ext_offchain_index_clear_version_1" => None,
        "ext_hashing_blake2_128_version_1" => {
            Some(hash(&mut caller, name, arguments, |bytes| hashes::blake2_128(bytes).to_vec())?)
        }
        "ext_hashing_blake2_256_version_1" => {
            caller.data_mut().signature_checks.hashed = argument_bytes(&mut caller, name, arguments)?;
            Some(hash(&mut caller, name, arguments, |bytes| hashes::blake2_256(bytes).to_vec())?)
        }
        "ext_hashing_keccak_256_version_1" => {
            caller.data_mut().signature_checks.hashed = argument_bytes(&mut caller, name, arguments)?;
            Some(hash(&mut caller, name, arguments, |bytes| Keccak256::digest(bytes).to_vec())?)
        }
        // Every signature is invalid. The signed message is recorded.
        "ext_crypto_ed25519_verify_version_1"
        | "ext_crypto_sr25519_verify_version_1"
        | "ext_crypto_sr25519_verify_version_2"
        | "ext_crypto_ecdsa_verify_version_1"
        | "ext_crypto_ecdsa_verify_version_2" => {
            let message = argument_bytes_at(&mut caller, name, arguments, 1)?;
            caller.data_mut().signature_checks.messages.push(message);
            Some(Val::I32(0))
        }
        "ext_crypto_secp256k1_ecdsa_recover_version_1"
        | "ext_crypto_secp256k1_ecdsa_recover_version_2"
        | "ext_crypto_secp256k1_ecdsa_recover_compressed_version_1"
        | "ext_crypto_secp256k1_ecdsa_recover_compressed_version_2" => {
            let signature_checks = &mut caller.data_mut().signature_checks;
            signature_checks.messages.push(std::mem::take(&mut signature_checks.hashed));
            // `Err(EcdsaVerifyError::BadSignature)`.
            Some(return_bytes(&mut caller, &[1, 2])?)
        }
        "ext_hashing_twox_64_version_1" => {
            Some(hash(&mut caller, name, arguments, |bytes| hashes::twox_64(bytes).to_vec())?)
        }
        "ext_hashing_twox_128_version_1" => {
            Some(hash(&mut caller, name, arguments, |bytes| hashes::twox_128(bytes).to_vec())?)
        }
        "ext_hashing_twox_256_version_1" => {
            Some(hash(&mut caller, name, arguments, |bytes| hashes::twox_256(bytes).to_vec())?)
        }
        "ext_hashing_sha2_256_version_1" => {
            Some(hash(&mut caller, name, arguments, |bytes| Sha256::digest(bytes).to_vec())?)
        }
        "ext_panic_handler_abort_on_panic_version_1" => {
            let message = argument_bytes(&mut caller, name, arguments)?;
            let message = String::from_utf8_lossy(message.get(..2000).unwrap_or(&message)).into_owned();
            return Err(Error::new(format!("the runtime panicked: {message}")));
        }
        _ => return Err(Error::new(format!("the runtime calls {name}, which is not available outside a node"))),
    };
    match (answer, results) {
        (Some(answer), [result]) if answer.ty() == result.ty() => *result = answer,
        (None, []) => {}
        _ => return Err(Error::new(format!("the runtime declares {name} with another type than a node's"))),
    }
    Ok(())
}

/// Allocates a block on the runtime's heap, and grows the memory if necessary.
pub(super) fn allocate(mut store: impl AsContextMut<Data = Host>, size: u32) -> Result<u32, Error> {
    let full = || Error::new(format!("no memory for {size} more bytes"));
    let (start, end) = store.as_context_mut().data_mut().allocator.allocate(size).ok_or_else(full)?;
    let memory = memory(&mut store)?;
    let size = memory.data_size(&store) as u64;
    if u64::from(end) > size {
        // Doubling the memory keeps the number of copies small.
        let wanted = (u64::from(end) - size).div_ceil(PAGE);
        let generous = wanted.max(size / PAGE);
        if memory.grow(&mut store, generous).is_err() {
            memory.grow(&mut store, wanted).map_err(|_| full())?;
        }
    }
    let header = start.checked_sub(HEADER).ok_or_else(full)?;
    memory.write(&mut store, header as usize, &[0; HEADER as usize]).map_err(|_| full())?;
    Ok(start)
}

/// Returns the memory of the runtime.
fn memory(store: &mut impl AsContextMut<Data = Host>) -> Result<Memory, Error> {
    store.as_context_mut().data().memory.ok_or_else(|| Error::new("the runtime has no memory yet"))
}

/// Returns bytes to the runtime: pointer and length in one number.
fn return_bytes(caller: &mut Caller<'_, Host>, bytes: &[u8]) -> Result<Val, Error> {
    let pointer = allocate(&mut *caller, bytes.len() as u32)?;
    write(caller, pointer, bytes)?;
    Ok(Val::I64((u64::from(pointer) | (bytes.len() as u64) << 32) as i64))
}

/// Hashes the bytes of the first argument and returns a pointer to the hash.
fn hash(
    caller: &mut Caller<'_, Host>,
    name: &str,
    arguments: &[Val],
    hash: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Val, Error> {
    let digest = hash(&argument_bytes(caller, name, arguments)?);
    let pointer = allocate(&mut *caller, digest.len() as u32)?;
    write(caller, pointer, &digest)?;
    Ok(Val::I32(pointer as i32))
}

/// Implements `ext_storage_read`: writes a value from an offset on into the runtime's buffer, and
/// returns its length from there.
fn read(caller: &mut Caller<'_, Host>, name: &str, arguments: &[Val]) -> Result<Val, Error> {
    let key = argument_bytes(caller, name, arguments)?;
    let Some(Val::I64(target)) = arguments.get(1) else { return Err(wrong_type(name)) };
    let (pointer, room) = (*target as u64 as u32, (*target as u64 >> 32) as usize);
    let offset = word(name, arguments, 2)? as usize;
    let value = caller.data().storage.get(&key).map(|value| value.get(offset..).unwrap_or_default().to_vec());
    if let Some(value) = &value {
        charge(caller, value.len())?;
        write(caller, pointer, value.get(..room).unwrap_or(value))?;
    }
    return_bytes(caller, &value.map(|value| value.len() as u32).encode())
}

/// Returns the bytes that the first argument points to.
fn argument_bytes(caller: &mut Caller<'_, Host>, name: &str, arguments: &[Val]) -> Result<Vec<u8>, Error> {
    argument_bytes_at(caller, name, arguments, 0)
}

/// Returns the bytes that an argument points to.
fn argument_bytes_at(
    caller: &mut Caller<'_, Host>,
    name: &str,
    arguments: &[Val],
    place: usize,
) -> Result<Vec<u8>, Error> {
    let Some(Val::I64(packed)) = arguments.get(place) else { return Err(wrong_type(name)) };
    let packed = *packed as u64;
    let (start, length) = (packed as u32 as usize, (packed >> 32) as usize);
    charge(caller, length)?;
    let memory = memory(caller)?;
    let bytes = memory.data(&*caller).get(start..start.saturating_add(length)).map(<[u8]>::to_vec);
    bytes.ok_or_else(|| Error::new(format!("{name} is called with bytes that are not in memory")))
}

/// Consumes fuel for the work of the host, which the interpreter does not meter.
fn charge(caller: &mut Caller<'_, Host>, bytes: usize) -> Result<(), Error> {
    if let Ok(fuel) = caller.get_fuel() {
        let left = fuel.checked_sub(bytes as u64).ok_or_else(|| Error::from(wasmi::TrapCode::OutOfFuel))?;
        caller.set_fuel(left)?;
    }
    Ok(())
}

/// Returns a 32-bit argument.
fn word(name: &str, arguments: &[Val], index: usize) -> Result<u32, Error> {
    match arguments.get(index) {
        Some(Val::I32(value)) => Ok(*value as u32),
        _ => Err(wrong_type(name)),
    }
}

/// Returns the error for an import with another type than the node's.
fn wrong_type(name: &str) -> Error {
    Error::new(format!("the runtime declares {name} with another type than a node's"))
}

/// Writes bytes into the runtime's memory.
fn write(caller: &mut Caller<'_, Host>, pointer: u32, bytes: &[u8]) -> Result<(), Error> {
    let memory = memory(caller)?;
    memory.write(&mut *caller, pointer as usize, bytes).map_err(|error| Error::new(error.to_string()))
}
