// SPDX-License-Identifier: Apache-2.0
//! Byte patches that break real blobs. They are faster than a build for each fault.

use artifact::{Blob, blob};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Reads a blob's Wasm.
pub fn wasm(deployed: &[u8]) -> Vec<u8> {
    Blob::from_deployed("the blob to patch", deployed.to_vec()).expect("a blob").wasm
}

/// Compresses Wasm as for deployment.
pub fn deployed(wasm: &[u8]) -> Vec<u8> {
    blob::compress(wasm).expect("compressed")
}

/// Makes an exported function trap.
pub fn trap(wasm: &[u8], export: &str) -> Vec<u8> {
    let mut imported = 0;
    let mut index = None;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("Wasm") {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import.expect("an import").ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(exports) => {
                for found in exports {
                    let found = found.expect("an export");
                    if found.name == export && found.kind == ExternalKind::Func {
                        index = Some(found.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            _ => {}
        }
    }
    let index = index.unwrap_or_else(|| panic!("no export {export}")) - imported;
    let range = bodies[index as usize].clone();
    let range = range.start as usize..range.end as usize;
    let mut patched = wasm.to_vec();
    let body = &mut patched[range];
    // No locals, `unreachable`, then `nop` up to the end. The length and all other offsets are
    // unchanged.
    body.fill(0x01);
    body[0] = 0x00;
    body[1] = 0x00;
    *body.last_mut().expect("a body") = 0x0b;
    patched
}

/// Changes the storage prefix of a pallet in the code, as if the pallet had been renamed.
pub fn other_prefix(wasm: &[u8], pallet: &str) -> Vec<u8> {
    // The code contains a prefix as two constants of 64 bits.
    let prefix = artifact::hashes::twox_128(pallet.as_bytes());
    let half = i64::from_le_bytes(prefix[..8].try_into().expect("eight bytes"));
    replaced(wasm, &constant(half), &constant(half ^ 1))
}

/// Encodes the instruction `i64.const`.
fn constant(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(&wasm_encoder::Instruction::I64Const(value), &mut bytes);
    bytes
}

/// Replaces all occurrences of these bytes by others of the same length.
fn replaced(wasm: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "nothing else may move");
    let places: Vec<_> = (0..wasm.len() - old.len()).filter(|at| wasm[*at..].starts_with(old)).collect();
    assert!(!places.is_empty(), "what was to be replaced is not in the blob");
    let mut patched = wasm.to_vec();
    for at in places {
        patched[at..at + new.len()].copy_from_slice(new);
    }
    patched
}

/// Changes the spec_version in the version section.
pub fn spec_version(wasm: &[u8], version: u32) -> Vec<u8> {
    let section = section(wasm, "runtime_version");
    let mut patched = wasm.to_vec();
    let bytes = &mut patched[section];
    // Two short strings with one length byte each, authoring_version, then spec_version.
    let mut at = 0;
    for _ in 0..2 {
        at += 1 + usize::from(bytes[at] >> 2);
    }
    at += 4;
    bytes[at..at + 4].copy_from_slice(&version.to_le_bytes());
    patched
}

/// Changes the transaction_version in the version section.
pub fn transaction_version(wasm: &[u8], version: u32) -> Vec<u8> {
    let section = section(wasm, "runtime_version");
    let mut patched = wasm.to_vec();
    let bytes = &mut patched[section];
    let mut at = 0;
    for _ in 0..2 {
        at += 1 + usize::from(bytes[at] >> 2);
    }
    // authoring_version, spec_version, impl_version, and a list of APIs, which is empty here.
    at += 3 * 4 + 1;
    bytes[at..at + 4].copy_from_slice(&version.to_le_bytes());
    patched
}

/// Removes a runtime API from the blob's list.
pub fn without_api(wasm: &[u8], name: &str) -> Vec<u8> {
    let section = section(wasm, "runtime_apis");
    let id = artifact::hashes::blake2_64(name.as_bytes());
    let mut patched = wasm.to_vec();
    let entry = patched[section].chunks_exact_mut(12).find(|entry| entry[..8] == id).expect("the API");
    entry[0] ^= 0xff;
    patched
}

/// Changes the version of a runtime API in the blob's list.
pub fn api_version(wasm: &[u8], name: &str, version: u32) -> Vec<u8> {
    let section = section(wasm, "runtime_apis");
    let id = artifact::hashes::blake2_64(name.as_bytes());
    let mut patched = wasm.to_vec();
    let entry = patched[section].chunks_exact_mut(12).find(|entry| entry[..8] == id).expect("the API");
    entry[8..].copy_from_slice(&version.to_le_bytes());
    patched
}

/// Renames an exported function to an unknown name.
pub fn without_export(wasm: &[u8], export: &str) -> Vec<u8> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(exports) = payload.expect("Wasm") {
            let range = exports.range();
            let range = range.start as usize..range.end as usize;
            let at = wasm[range.clone()].windows(export.len()).position(|window| window == export.as_bytes());
            let mut patched = wasm.to_vec();
            patched[range.start + at.expect("the export")] ^= 0x20;
            return patched;
        }
    }
    panic!("no exports")
}

/// Renames the version section to an unknown name.
pub fn without_version_section(wasm: &[u8]) -> Vec<u8> {
    let name = "runtime_version";
    let mut patched = wasm.to_vec();
    // The section's name is directly before its content.
    patched[section(wasm, name).start - name.len()] = b'R';
    patched
}

/// Renames an imported host function to one that no node has.
pub fn unknown_import(wasm: &[u8], import: &str) -> Vec<u8> {
    let unknown = import.replacen("ext", "new", 1);
    other_import(wasm, import, &unknown)
}

/// Renames an imported host function to another name of the same length.
pub fn other_import(wasm: &[u8], import: &str, other: &str) -> Vec<u8> {
    assert_eq!(import.len(), other.len(), "the module keeps its size");
    let at = wasm.windows(import.len()).position(|window| window == import.as_bytes()).expect("the import");
    let mut patched = wasm.to_vec();
    patched[at..at + other.len()].copy_from_slice(other.as_bytes());
    patched
}

fn section(wasm: &[u8], name: &str) -> std::ops::Range<usize> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CustomSection(section) = payload.expect("Wasm")
            && section.name() == name
        {
            let start = section.data_offset() as usize;
            return start..start + section.data().len();
        }
    }
    panic!("no section {name}")
}
