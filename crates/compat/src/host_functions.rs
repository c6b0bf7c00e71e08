// SPDX-License-Identifier: Apache-2.0
//! The host functions that every node has: those in both `sp-io` 7.0 (of 2022) and `sp-io` 49. A
//! runtime that newly imports one of them needs no newer node.

/// The functions of version 1, by their module.
const LONG_OFFERED: [(&str, &[&str]); 13] = [
    ("allocator", &["free", "malloc"]),
    (
        "crypto",
        &[
            "ecdsa_batch_verify",
            "ecdsa_generate",
            "ecdsa_public_keys",
            "ecdsa_sign",
            "ecdsa_sign_prehashed",
            "ecdsa_verify",
            "ecdsa_verify_prehashed",
            "ed25519_batch_verify",
            "ed25519_generate",
            "ed25519_public_keys",
            "ed25519_sign",
            "ed25519_verify",
            "finish_batch_verify",
            "secp256k1_ecdsa_recover",
            "secp256k1_ecdsa_recover_compressed",
            "sr25519_batch_verify",
            "sr25519_generate",
            "sr25519_public_keys",
            "sr25519_sign",
            "sr25519_verify",
            "start_batch_verify",
        ],
    ),
    (
        "default_child_storage",
        &["clear", "clear_prefix", "exists", "get", "next_key", "read", "root", "set", "storage_kill"],
    ),
    (
        "hashing",
        &["blake2_128", "blake2_256", "keccak_256", "keccak_512", "sha2_256", "twox_128", "twox_256", "twox_64"],
    ),
    ("logging", &["log", "max_level"]),
    ("misc", &["print_hex", "print_num", "print_utf8", "runtime_version"]),
    (
        "offchain",
        &[
            "http_request_add_header",
            "http_request_start",
            "http_request_write_body",
            "http_response_headers",
            "http_response_read_body",
            "http_response_wait",
            "is_validator",
            "local_storage_clear",
            "local_storage_compare_and_set",
            "local_storage_get",
            "local_storage_set",
            "network_state",
            "random_seed",
            "set_authorized_nodes",
            "sleep_until",
            "submit_transaction",
            "timestamp",
        ],
    ),
    ("offchain_index", &["clear", "set"]),
    ("panic_handler", &["abort_on_panic"]),
    (
        "storage",
        &[
            "append",
            "changes_root",
            "clear",
            "clear_prefix",
            "commit_transaction",
            "exists",
            "get",
            "next_key",
            "read",
            "rollback_transaction",
            "root",
            "set",
            "start_transaction",
        ],
    ),
    ("transaction_index", &["index", "renew"]),
    (
        "trie",
        &[
            "blake2_256_ordered_root",
            "blake2_256_root",
            "blake2_256_verify_proof",
            "keccak_256_ordered_root",
            "keccak_256_root",
            "keccak_256_verify_proof",
        ],
    ),
    ("wasm_tracing", &["enabled", "enter_span", "event", "exit"]),
];
const LATER_VERSIONS: [&str; 19] = [
    "ext_crypto_ecdsa_verify_version_2",
    "ext_crypto_secp256k1_ecdsa_recover_compressed_version_2",
    "ext_crypto_secp256k1_ecdsa_recover_version_2",
    "ext_crypto_sr25519_verify_version_2",
    "ext_default_child_storage_clear_prefix_version_2",
    "ext_default_child_storage_clear_prefix_version_3",
    "ext_default_child_storage_root_version_2",
    "ext_default_child_storage_storage_kill_version_2",
    "ext_default_child_storage_storage_kill_version_3",
    "ext_default_child_storage_storage_kill_version_4",
    "ext_storage_clear_prefix_version_2",
    "ext_storage_clear_prefix_version_3",
    "ext_storage_root_version_2",
    "ext_trie_blake2_256_ordered_root_version_2",
    "ext_trie_blake2_256_root_version_2",
    "ext_trie_blake2_256_verify_proof_version_2",
    "ext_trie_keccak_256_ordered_root_version_2",
    "ext_trie_keccak_256_root_version_2",
    "ext_trie_keccak_256_verify_proof_version_2",
];

/// Returns whether every node has had the host function for years.
pub fn is_long_offered(name: &str) -> bool {
    let of_version_1 = || {
        let name = name.strip_prefix("ext_")?.strip_suffix("_version_1")?;
        let found = LONG_OFFERED.iter().any(|(module, functions)| {
            name.strip_prefix(module)
                .and_then(|rest| rest.strip_prefix('_'))
                .is_some_and(|function| functions.contains(&function))
        });
        Some(found)
    };
    LATER_VERSIONS.contains(&name) || of_version_1().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_and_removed_functions_are_not_included() {
        for name in [
            "ext_offchain_timestamp_version_1",
            "ext_offchain_index_set_version_1",
            "ext_crypto_sr25519_verify_version_2",
            // Of state version 1 and of the successor of libsecp256k1, from 2021 and 2022.
            "ext_storage_root_version_2",
            "ext_crypto_secp256k1_ecdsa_recover_version_2",
        ] {
            assert!(is_long_offered(name), "{name}");
        }
        for name in [
            "ext_storage_root_version_3",
            "ext_crypto_bls381_generate_version_1",
            "ext_sandbox_invoke_version_1",
            "ext_storage_proof_size_storage_proof_size_version_1",
            "ext_storage",
            "",
        ] {
            assert!(!is_long_offered(name), "{name}");
        }
    }
}
