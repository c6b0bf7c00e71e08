// SPDX-License-Identifier: Apache-2.0
//! A hand-written runtime for tests. It has the sections of a runtime and returns small, valid
//! metadata.
//!
//! It does not use the crates that it tests, so that they read bytes that they did not write.

#![cfg_attr(not(test), warn(missing_docs, clippy::disallowed_macros, clippy::disallowed_methods))]

use codec::Encode;
use frame_metadata::{RuntimeMetadataPrefixed, v15};
use scale_info::{MetaType, TypeInfo};

#[derive(TypeInfo, Encode)]
#[allow(dead_code, non_camel_case_types)]
enum Call {
    #[codec(index = 0)]
    remark,
    #[codec(index = 2)]
    set_code { code: Vec<u8> },
    #[codec(index = 9)]
    authorize_upgrade { code_hash: [u8; 32] },
}

/// The identifiers of the APIs `Core` and `Metadata`, and their versions.
const APIS: [([u8; 8], u32); 2] =
    [([0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b], 5), ([0x37, 0xe3, 0x97, 0xfc, 0x7c, 0x91, 0xf5, 0xe4], 2)];

/// Returns the SCALE-encoded `RuntimeVersion`.
fn version(apis: &[([u8; 8], u32)]) -> Vec<u8> {
    ("test-runtime", "test", 1u32, 7u32, 0u32, apis, 3u32, 1u8).encode()
}

/// Returns metadata 15 with one pallet, `System`, at index 5.
pub fn metadata() -> Vec<u8> {
    let unit = || MetaType::new::<()>();
    let pallet = v15::PalletMetadata {
        name: "System",
        storage: None,
        calls: Some(v15::PalletCallMetadata { ty: MetaType::new::<Call>() }),
        event: None,
        constants: vec![v15::PalletConstantMetadata {
            name: "Answer",
            ty: MetaType::new::<u32>(),
            value: 42u32.encode(),
            docs: vec![],
        }],
        error: None,
        index: 5,
        docs: vec![],
    };
    let extrinsic = v15::ExtrinsicMetadata {
        version: 4,
        address_ty: unit(),
        call_ty: unit(),
        signature_ty: unit(),
        extra_ty: unit(),
        signed_extensions: vec![],
    };
    let outer = v15::OuterEnums { call_enum_ty: unit(), event_enum_ty: unit(), error_enum_ty: unit() };
    let custom = v15::CustomMetadata { map: Default::default() };
    RuntimeMetadataPrefixed::from(v15::RuntimeMetadataV15::new(vec![pallet], extrinsic, unit(), vec![], outer, custom))
        .encode()
}

/// Formats bytes as a string of the Wasm text format.
fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Returns the Wasm module, with the sections of current runtimes, or without any, as in runtimes
/// from before 2021.
pub fn wasm(sections: bool) -> Vec<u8> {
    let version_bytes = version(&APIS);
    let versions = vec![14u32, 15].encode();
    let opaque = metadata().encode();
    let answer = Some(metadata()).encode();
    let packed = |start: usize, bytes: &[u8]| (bytes.len() as u64) << 32 | start as u64;
    let mut wasm = wat::parse_str(format!(
        r#"(module
            (import "env" "memory" (memory 20))
            (import "env" "ext_storage_set_version_1" (func (param i64 i64)))
            (data (i32.const 1024) "{}") (data (i32.const 4096) "{}")
            (data (i32.const 8192) "{}") (data (i32.const 65536) "{}")
            (global (export "__heap_base") i32 (i32.const 200000))
            (func (export "Core_version") (param i32 i32) (result i64) (i64.const {}))
            (func (export "Metadata_metadata_versions") (param i32 i32) (result i64) (i64.const {}))
            (func (export "Metadata_metadata") (param i32 i32) (result i64) (i64.const {}))
            (func (export "Metadata_metadata_at_version") (param i32 i32) (result i64)
                (if (i32.ne (i32.load (local.get 0)) (i32.const 15)) (then unreachable))
                (i64.const {})))"#,
        data(&version_bytes),
        data(&versions),
        data(&opaque),
        data(&answer),
        packed(1024, &version_bytes),
        packed(4096, &versions),
        packed(8192, &opaque),
        packed(65536, &answer),
    ))
    .expect("a module");
    if sections {
        custom(&mut wasm, "runtime_version", &version(&[]));
        let apis: Vec<u8> = APIS.iter().flat_map(|(id, version)| [&id[..], &version.to_le_bytes()].concat()).collect();
        custom(&mut wasm, "runtime_apis", &apis);
    }
    wasm
}

/// Returns the runtime in its deployed form: compressed.
pub fn deployed() -> Vec<u8> {
    let limit = sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT;
    sp_maybe_compressed_blob::compress_weakly(&wasm(true), limit).expect("far below the limit")
}

/// Appends a custom section.
pub fn custom(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let length = 1 + name.len() + data.len();
    assert!(length < 128 * 128, "the length has two bytes");
    wasm.extend([0, (length & 127) as u8 | 128, (length >> 7) as u8, name.len() as u8]);
    wasm.extend(name.as_bytes());
    wasm.extend(data);
}

/// The fixture `tiny-runtime` cannot build its metadata. It embeds this metadata.
#[test]
fn the_fixture_of_a_small_runtime_has_the_metadata_of_this_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/tiny-runtime/runtime/metadata.scale");
    let opaque = metadata().encode();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &opaque).expect("written");
    }
    assert_eq!(std::fs::read(&path).expect("the fixture"), opaque, "UPDATE=1 writes the fixture again");
}
